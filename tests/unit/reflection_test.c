/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "http_client.h"
#include "server.h"
#include "surface.h"
#include "unit.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "loop/fetch.h"
#include "server/reflection.h"

#include <stdio.h>
#include <unistd.h>

static gk_reflection *reflection;
static gk_http_listener *listener;
static char telemetry[64];
static unsigned quits;

static void set_telemetry(const char *url, void *user)
{
	(void)user;
	snprintf(telemetry, sizeof(telemetry), "%s", url);
}

static void on_quit(void *user)
{
	(void)user;
	quits++;
}

static gk_runtime runtime = { .version = "1.2.3", .set_telemetry = set_telemetry, .quit = on_quit };

static void setup(void)
{
	runtime.id = NULL;
	telemetry[0] = '\0';
	quits = 0;
	surface_start();
	ck_assert_int_eq(gk_reflection_new(surface_app, &runtime, &reflection, NULL), GK_OK);
	listener = surface_serve(gk_reflection_routes(reflection));
	ck_assert_int_eq(gk_reflection_bind(reflection, gk_http_address(listener),
				 gk_http_port(listener), NULL),
		GK_OK);
}

static void teardown(void)
{
	gk_http_free(listener);
	gk_reflection_free(reflection);
	surface_stop();
}

static char *ask(const char *what, const char *body)
{
	return surface_ask(listener, what, NULL, body);
}

/* Status and body of one request. */
static void assert_answer(const char *what, const char *asked, int status, const char *body)
{
	gk_auto_str char *answer = ask(what, asked);

	assert_status(answer, status);
	assert_header(answer, "X-Genkit-Version: 1.2.3");
	ck_assert_str_eq(surface_body(answer), body);
}

/* The body of a run, with its trace id as T; its Status' stack must be there, and is taken out. */
static char *run(const char *what, const char *body)
{
	gk_auto_str char *answer = ask(what, body);
	char trace[33] = "", *id = strstr(answer, "X-Genkit-Trace-Id: "), *copy, *at;

	assert_status(answer, 200);
	if (id)
		memcpy(trace, id + 19, 32);
	copy = strdup(surface_body(answer));
	while (*trace && (at = strstr(copy, trace))) {
		*at = 'T';
		memmove(at + 1, at + 32, strlen(at + 32) + 1);
	}
	at = strstr(copy, "\"stack\":\"Error: ");
	if (at) {
		char *end = strstr(at, "\"}") ? strstr(at, "\"}") : at;

		if (strstr(at, "\",\"traceId\"") && strstr(at, "\",\"traceId\"") < end)
			end = strstr(at, "\",\"traceId\"");
		memmove(at + 7, end + 1, strlen(end + 1) + 1);
	}
	for (at = copy; *at; at++)
		if (*at == '"')
			*at = '\'';
	return copy;
}

static void assert_run(const char *body, const char *expected)
{
	gk_auto_str char *got = run("POST /api/runAction", body);

	ck_assert_str_eq(got, expected);
}

static void assert_stream(const char *body, const char *expected)
{
	gk_auto_str char *got = run("POST /api/runAction?stream=true", body);

	ck_assert_str_eq(got, expected);
}

/* --- small endpoints --- */

/* [init, the inputs...] */
static gk_code collect(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	json_t *all = json_pack("[O]", gk_ctx_init(ctx));
	gk_code rc = GK_OK;

	(void)input;
	for (json_t *item = all; rc == GK_OK && item;) {
		item = NULL;
		rc = gk_ctx_receive(ctx, &item, err);
		if (item)
			json_array_append_new(all, item);
	}
	*ret = all;
	return rc;
}

START_TEST(a_bidi_action_gets_its_init_and_one_input)
{
	gk_auto_str char *plain = NULL, *stream = NULL, *wrong = NULL;

	ck_assert_int_eq(gk_define_action(surface_app,
				 GK_OPTS(gk_action_opts, .type = "agent", .name = "collect",
					 .init = "from: string", .is_bidi = true, .run = collect),
				 NULL),
		GK_OK);
	plain = run(
		"POST /api/runAction", "{'key':'/agent/collect','input':'x','init':{'from':'y'}}");
	ck_assert_str_eq(plain, "{'result':[{'from':'y'},'x'],'telemetry':{'traceId':'T'}}");
	stream = run("POST /api/runAction?stream=true",
		"{'key':'/agent/collect','input':null,'init':{'from':'z'}}");
	ck_assert_str_eq(stream, "{'result':[{'from':'z'},null],'telemetry':{'traceId':'T'}}");
	wrong = run("POST /api/runAction", "{'key':'/agent/collect','input':1,'init':{'to':'y'}}");
	ck_assert_ptr_nonnull(strstr(wrong, "{'error':{'code':3,"));
}
END_TEST

START_TEST(health_accepts_its_ids_and_no_other)
{
	gk_auto_str char *own = NULL;

	ck_assert_int_gt(
		asprintf(&own, "GET /api/__health?id=%d-%u", (int)getpid(), gk_http_port(listener)),
		0);
	ck_assert_str_eq(strchr(own, '=') + 1, gk_reflection_id(reflection));
	assert_answer("GET /api/__health", NULL, 200, "OK");
	assert_answer("GET /api/__health?id=", NULL, 200, "OK");
	assert_answer(own, NULL, 200, "OK");
	assert_answer("GET /api/__health?id=other", NULL, 503, "Invalid runtime ID");
	runtime.id = "mine";
	ck_assert_str_eq(gk_reflection_id(reflection), "mine");
	assert_answer("GET /api/__health?id=mine", NULL, 200, "OK");
	assert_answer(own, NULL, 200, "OK");
	assert_answer("GET /api/__health?id=other", NULL, 503, "Invalid runtime ID");
}
END_TEST

START_TEST(unknown_paths_and_methods_are_named)
{
	assert_answer("GET /", NULL, 404, "Cannot GET /");
	assert_answer("PUT /api/actions", NULL, 404, "Cannot PUT /api/actions");
	assert_answer("GET /api/runAction", NULL, 404, "Cannot GET /api/runAction");
}
END_TEST

START_TEST(options_name_the_methods_of_a_path)
{
	gk_auto_str char *answer = ask("OPTIONS /api/runAction", NULL);

	assert_header(answer, "Allow: POST");
	ck_assert_str_eq(surface_body(answer), "POST");
	assert_answer("OPTIONS /api/actions", NULL, 200, "GET,HEAD");
	assert_answer("OPTIONS /nowhere", NULL, 404, "Cannot OPTIONS /nowhere");
}
END_TEST

START_TEST(head_is_a_get_without_its_body)
{
	gk_auto_str char *answer = ask("HEAD /api/__health", NULL);

	assert_header(answer, "Content-Length: 2");
	ck_assert_str_eq(surface_body(answer), "");
}
END_TEST

START_TEST(both_methods_quit_after_the_answer)
{
	assert_answer("GET /api/__quitquitquit", NULL, 200, "OK");
	ck_assert_uint_eq(quits, 1);
	assert_answer("POST /api/__quitquitquit", "{}", 200, "OK");
	ck_assert_uint_eq(quits, 2);
}
END_TEST

static char warned[1024]; /* the last warning, or an answer */

static void note_warning(const gk_log_record *record, void *user)
{
	(void)user;
	if (record->level == GK_LOG_WARN)
		snprintf(warned, sizeof(warned), "%s", record->message);
}

static const struct {
	const char *body, *warning;
} versions[] = {
	{ "{'reflectionApiSpecVersion':1}", "" },
	{ "{'reflectionApiSpecVersion':2}",
		"the tool that talks to us is newer: it speaks version 2 of the reflection API, we speak 1" },
	{ "{'reflectionApiSpecVersion':0}",
		"the tool that talks to us may be outdated: it speaks version 0 of the reflection API, we speak 1" },
	{ "{}", "the tool that talks to us may be outdated: it speaks version 0 of the reflection API, we speak 1" },
};

START_TEST(notify_warns_of_another_version_and_answers_all_the_same)
{
	warned[0] = '\0';
	gk_log_set_sink(note_warning, NULL);
	assert_answer("POST /api/notify", versions[_i].body, 200, "OK");
	gk_log_set_sink(NULL, NULL);
	ck_assert_str_eq(warned, versions[_i].warning);
}
END_TEST

START_TEST(notify_hands_on_where_traces_go)
{
	assert_answer("POST /api/notify",
		"{'telemetryServerUrl':'http://127.0.0.1:4033','reflectionApiSpecVersion':1}", 200,
		"OK");
	ck_assert_str_eq(telemetry, "http://127.0.0.1:4033");
	assert_answer("POST /api/notify", "{}", 200, "OK");
	assert_answer("POST /api/notify", NULL, 200, "OK");
	assert_answer("POST /api/notify", "{'telemetryServerUrl':7}", 200, "OK");
	ck_assert_str_eq(telemetry, "http://127.0.0.1:4033");
}
END_TEST

START_TEST(listings_are_json)
{
	gk_auto_str char *answer = ask("GET /api/actions", NULL);
	gk_auto_json json_t *actions = NULL, *value = json("{'name':'demo/echo'}");
	const char *body = surface_body(answer);

	ck_assert_int_eq(gk_json_parse(body, strlen(body), 0, &actions, NULL), GK_OK);
	ck_assert_str_eq(
		json_string_value(json_object_get(json_object_get(actions, "/flow/echo"), "name")),
		"echo");
	assert_answer("GET /api/envs", NULL, 200, "[\"dev\"]");
	assert_answer("GET /api/values?type=defaultModel", NULL, 200, "{}");
	ck_assert_int_eq(
		gk_set_value(surface_app, "defaultModel", "defaultModel", value, NULL), GK_OK);
	assert_answer("GET /api/values?type=defaultModel", NULL, 200,
		"{\"defaultModel\":{\"name\":\"demo/echo\"}}");
	assert_answer("GET /api/values", NULL, 400, "Query parameter \"type\" is required.");
	assert_answer("GET /api/values?type=prompt", NULL, 400,
		"'type' prompt is not supported. Only 'defaultModel' and 'middleware' are supported");
}
END_TEST

/* --- runAction --- */

START_TEST(a_run_that_is_ready_leaves_in_one_piece)
{
	gk_auto_str char *answer =
		ask("POST /api/runAction", "{'key':'/flow/echo','input':{'a':1}}");

	assert_status(answer, 200);
	assert_header(answer, "Content-Type: application/json");
	assert_header(answer, "X-Genkit-Version: 1.2.3");
	ck_assert_ptr_nonnull(strstr(answer, "X-Genkit-Trace-Id: "));
	ck_assert_ptr_nonnull(strstr(answer, "X-Genkit-Span-Id: "));
	ck_assert_ptr_nonnull(strstr(answer, "Content-Length: "));
}
END_TEST

START_TEST(results_void_and_null_differ)
{
	assert_run("{'key':'/flow/echo','input':{'a':1}}",
		"{'result':{'a':1},'telemetry':{'traceId':'T'}}");
	assert_run("{'key':'/flow/void'}", "{'telemetry':{'traceId':'T'}}");
	assert_run("{'key':'/flow/null'}", "{'result':null,'telemetry':{'traceId':'T'}}");
	assert_run("{'key':'/flow/echo'}", "{'telemetry':{'traceId':'T'}}");
	assert_run(
		"{'key':'/flow/echo','input':null}", "{'result':null,'telemetry':{'traceId':'T'}}");
	assert_run("{'key':'/flow/later'}", "{'result':'late','telemetry':{'traceId':'T'}}");
	assert_run("{'key':'/flow/three'}", "{'result':'done','telemetry':{'traceId':'T'}}");
}
END_TEST

START_TEST(a_stream_is_lines_and_an_object_without_a_line_end)
{
	gk_auto_str char *answer =
		ask("POST /api/runAction?stream=true", "{'key':'/flow/three','input':true}");

	assert_header(answer, "Content-Type: text/plain");
	assert_header(answer, "Transfer-Encoding: chunked");
	assert_stream("{'key':'/flow/three'}",
		"{'n':0}\n{'n':1}\n{'n':2}\n{'result':'done','telemetry':{'traceId':'T'}}");
	assert_stream("{'key':'/flow/three','input':true}",
		"{'n':0}\n{'n':1}\n{'n':2}\n{'result':'done','telemetry':{'traceId':'T'}}");
}
END_TEST

START_TEST(only_true_streams)
{
	gk_auto_str char *got = run("POST /api/runAction?stream=1", "{'key':'/flow/three'}");

	ck_assert_str_eq(got, "{'result':'done','telemetry':{'traceId':'T'}}");
}
END_TEST

START_TEST(failures_are_200_with_a_status)
{
	assert_run("{'key':'/flow/fail'}",
		"{'error':{'code':5,'message':'NOT_FOUND: no such dish','details':{'stack','traceId':'T'}}}");
	assert_stream("{'key':'/flow/fail'}",
		"{'error':{'code':5,'message':'NOT_FOUND: no such dish','details':{'stack','traceId':'T'}}}");
	assert_run("{'key':'/flow/plain'}",
		"{'error':{'code':13,'message':'secret detail','details':{'stack','traceId':'T'}}}");
	assert_run("{'key':'/flow/thrown'}", "{'error':{'code':13,'details':{'traceId':'T'}}}");
}
END_TEST

START_TEST(the_stack_names_the_action_in_development)
{
	gk_auto_str char *answer = ask("POST /api/runAction", "{'key':'/flow/fail'}");

	ck_assert_ptr_nonnull(
		strstr(answer, "\"stack\":\"Error: NOT_FOUND: no such dish\\n    at /flow/fail\""));
}
END_TEST

START_TEST(an_input_that_does_not_fit_leaves_no_trace)
{
	for (int stream = 0; stream < 2; stream++) {
		gk_auto_str char *answer =
			ask(stream ? "POST /api/runAction?stream=true" : "POST /api/runAction",
				"{'key':'/flow/add1','input':'x'}");

		assert_status(answer, 200);
		ck_assert_ptr_null(strstr(answer, "X-Genkit-Trace-Id"));
		ck_assert_ptr_null(strstr(answer, "Content-Type"));
		ck_assert_ptr_nonnull(strstr(answer,
			"{\"error\":{\"code\":3,\"message\":\"INVALID_ARGUMENT: Schema validation failed."));
		ck_assert_ptr_null(strstr(answer, "traceId"));
	}
}
END_TEST

START_TEST(an_output_that_does_not_fit_has_a_trace_id_outside_of_streams)
{
	gk_auto_str char *plain =
		run("POST /api/runAction", "{'key':'/flow/badOutput','input':'x'}");
	gk_auto_str char *stream =
		run("POST /api/runAction?stream=true", "{'key':'/flow/badOutput','input':'x'}");

	ck_assert_ptr_nonnull(strstr(plain, "'details':{'stack','traceId':'T'}"));
	ck_assert_ptr_nonnull(strstr(stream, "'details':{'stack'}"));
}
END_TEST

START_TEST(unknown_actions_are_404_text)
{
	assert_answer(
		"POST /api/runAction", "{'key':'/flow/nope'}", 404, "action /flow/nope not found");
	assert_answer("POST /api/runAction?stream=true", "{'key':'garbage'}", 404,
		"action garbage not found");
}
END_TEST

START_TEST(what_is_no_request_is_code_3)
{
	static const char *const bodies[] = { "", "{", "[]", "5", "{}", "{'key':5}", "{'key':null}",
		"{'key':'/flow/echo','context':7}", "{'key':'/flow/echo','telemetryLabels':[]}",
		"{'key':'/flow/echo\\u0000'}" };

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		gk_auto_str char *got = run("POST /api/runAction", bodies[i]);

		ck_assert_msg(
			strncmp(got, "{'error':{'code':3,'message':'INVALID_ARGUMENT: ", 48) == 0,
			"%s: %s", bodies[i], got);
		ck_assert_ptr_nonnull(strstr(got, "'details':{'stack'}"));
	}
}
END_TEST

START_TEST(the_context_reaches_the_action)
{
	assert_run("{'key':'/flow/context','context':{'auth':{'uid':'u'}}}",
		"{'result':{'auth':{'uid':'u'}},'telemetry':{'traceId':'T'}}");
	assert_run("{'key':'/flow/context','context':null}",
		"{'result':{},'telemetry':{'traceId':'T'}}");
}
END_TEST

START_TEST(a_result_beyond_the_depth_of_json_is_an_error)
{
	assert_run("{'key':'/flow/deep'}",
		"{'error':{'code':13,'message':'INTERNAL: the result cannot be written as JSON: it is nested too deeply','details':{'stack','traceId':'T'}}}");
	assert_stream("{'key':'/flow/deep','input':true}",
		"{'error':{'code':13,'message':'INTERNAL: the chunk cannot be written as JSON: it is nested too deeply','details':{'stack','traceId':'T'}}}");
}
END_TEST

START_TEST(a_large_body_is_read_by_a_worker)
{
	gk_auto_buf gk_buf body = GK_BUF_INIT(0), expected = GK_BUF_INIT(0);
	gk_auto_str char *got = NULL;

	gk_buf_puts(&body, "{'key':'/flow/echo','input':'");
	gk_buf_puts(&expected, "{'result':'");
	for (size_t i = 0; i < GK_PARSE_ON_LOOP; i++) {
		gk_buf_putc(&body, 'y');
		gk_buf_putc(&expected, 'y');
	}
	gk_buf_puts(&body, "'}");
	gk_buf_puts(&expected, "','telemetry':{'traceId':'T'}}");
	got = run("POST /api/runAction", body.data);
	ck_assert_str_eq(got, expected.data);
	body.data[body.len - 1] = '!';
	free(got);
	got = run("POST /api/runAction", body.data);
	ck_assert_ptr_nonnull(strstr(got, "{'error':{'code':3,"));
}
END_TEST

START_TEST(a_body_beyond_the_limit_is_an_error_object)
{
	gk_auto_buf gk_buf body = GK_BUF_INIT(0);
	gk_auto_str char *got = NULL;

	for (size_t i = 0; i <= 1 << 20; i++)
		gk_buf_putc(&body, ' ');
	got = run("POST /api/runAction", body.data);
	ck_assert_str_eq(got,
		"{'error':{'code':13,'message':'request entity too large','details':{'stack'}}}");
}
END_TEST

/* --- cancelling --- */

static char trace_id[33];
static const char *ask_path;

static char *read_headers(int fd)
{
	char *head = http_read(fd, "\r\n\r\n");
	const char *id = strstr(head, "X-Genkit-Trace-Id: ");

	ck_assert_msg(id, "no trace id: %s", head);
	memcpy(trace_id, id + 19, 32);
	return head;
}

static void send_run(int fd, const char *key)
{
	gk_auto_str char *body = NULL, *whole = NULL;

	ck_assert_int_gt(asprintf(&body, "{\"key\":\"%s\"}", key), 0);
	ck_assert_int_gt(asprintf(&whole,
				 "POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
				 "Content-Length: %zu\r\n\r\n%s",
				 ask_path, strlen(body), body),
		0);
	http_send(fd, whole);
}

static void cancel_client(void *user)
{
	char **end = user;
	int fd = http_connect(listener), other = http_connect(listener);
	gk_auto_str char *ask_cancel = NULL, *head = NULL, *answer = NULL;

	send_run(fd, "/flow/wait");
	head = read_headers(fd);
	ck_assert_int_gt(
		asprintf(&ask_cancel,
			"POST /api/cancelAction HTTP/1.1\r\nHost: localhost\r\n"
			"Connection: close\r\nContent-Length: 46\r\n\r\n{\"traceId\":\"%s\"}",
			trace_id),
		0);
	http_send(other, ask_cancel);
	answer = http_read(other, NULL);
	assert_status(answer, 200);
	ck_assert_ptr_nonnull(strstr(answer, "{\"message\":\"Action cancelled\"}"));
	*end = http_read(fd, NULL);
	close(fd);
	close(other);
}

START_TEST(cancelling_ends_both_modes_with_code_1)
{
	for (int stream = 0; stream < 2; stream++) {
		gk_auto_str char *end = NULL;

		ask_path = stream ? "/api/runAction?stream=true" : "/api/runAction";
		http_run(surface_loop, cancel_client, &end);
		ck_assert_msg(
			strstr(end, "{\"error\":{\"code\":1,\"message\":\"Action was cancelled\""),
			"%s", end);
		ck_assert_ptr_nonnull(strstr(end, "\"}}}\r\n0\r\n\r\n"));
	}
}
END_TEST

START_TEST(cancelling_what_is_not_there_says_so)
{
	assert_answer("POST /api/cancelAction", "{}", 400, "{\"error\":\"traceId is required\"}");
	assert_answer("POST /api/cancelAction", NULL, 400, "{\"error\":\"traceId is required\"}");
	assert_answer("POST /api/cancelAction", "{'traceId':7}", 400,
		"{\"error\":\"traceId is required\"}");
	assert_answer("POST /api/cancelAction", "{'traceId':''}", 400,
		"{\"error\":\"traceId is required\"}");
	assert_answer("POST /api/cancelAction", "{'traceId':'abc'}", 404,
		"{\"message\":\"Action not found or already completed\"}");
}
END_TEST

static uint64_t hung_up_ms;

static void leave_client(void *user)
{
	int fd = http_connect(listener);
	gk_auto_str char *head = NULL;

	send_run(fd, user);
	head = read_headers(fd);
	hung_up_ms = gk_clock_mono_ms();
	close(fd);
}

START_TEST(a_client_that_hangs_up_cancels_its_run)
{
	for (int stream = 0; stream < 2; stream++) {
		ask_path = stream ? "/api/runAction?stream=true" : "/api/runAction";
		http_run(surface_loop, leave_client, (void *)(uintptr_t) "/flow/wait");
		surface_until(surface_is_idle, NULL);
		ck_assert_uint_lt(gk_clock_mono_ms() - hung_up_ms, 500);
		ck_assert_ptr_null(gk_app_find_run_peek(surface_app, trace_id));
	}
}
END_TEST

static server *upstream;
static gk_fetch_client *fetcher;
static mark upstream_has;
static atomic_ulong upstream_end_ms;

/* Begins an answer, as a model does, and sees the end of its client. */
static void answer_for_ever(server *self, int fd)
{
	char room[4096];

	(void)self;
	if (!server_hear(fd, room, sizeof(room)))
		return;
	server_say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n");
	mark_set(&upstream_has, 1);
	if (server_hear_end(fd))
		upstream_end_ms = gk_clock_mono_ms();
	mark_set(&upstream_has, 2);
}

static gk_code fetch_upstream(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_fetch gk_fetch *res = NULL;
	const char *data;
	size_t len = 1;
	gk_code rc = gk_fetch_start(fetcher,
		GK_OPTS(gk_fetch_opts, .url = server_url(upstream, "http", "/")), &res, err);

	(void)ctx, (void)input;
	while (rc == GK_OK && len)
		rc = gk_fetch_read(res, &data, &len, err);
	*ret = rc == GK_OK ? json_true() : NULL;
	return rc;
}

static void leave_upstream_client(void *user)
{
	int fd = http_connect(listener);

	send_run(fd, user);
	mark_await(&upstream_has, 1);
	hung_up_ms = gk_clock_mono_ms();
	close(fd);
}

START_TEST(a_client_that_hangs_up_ends_what_its_run_fetches_within_50_ms)
{
	upstream = server_start(answer_for_ever, NULL);
	ck_assert_int_eq(gk_fetch_client_new(surface_loop, NULL, &fetcher, NULL), GK_OK);
	ck_assert_int_eq(
		gk_define_flow(surface_app,
			GK_OPTS(gk_flow_opts, .name = "upstream", .run = fetch_upstream), NULL),
		GK_OK);
	ask_path = "/api/runAction?stream=true";
	http_run(surface_loop, leave_upstream_client, (void *)(uintptr_t) "/flow/upstream");
	surface_until(surface_is_idle, NULL);
	mark_await(&upstream_has, 2);
	ck_assert_uint_le(upstream_end_ms - hung_up_ms, 50);
	gk_fetch_client_free(fetcher);
	server_stop(upstream);
}
END_TEST

START_TEST(a_client_that_hangs_up_wakes_a_producer_that_waits_for_room)
{
	ask_path = "/api/runAction?stream=true";
	http_run(surface_loop, leave_client, (void *)(uintptr_t) "/flow/flood");
	surface_until(surface_is_idle, NULL);
}
END_TEST

static void leave_early(void *user)
{
	int fd = http_connect(listener);
	gk_auto_buf gk_buf body = GK_BUF_INIT(0);

	(void)user;
	gk_buf_printf(&body,
		"POST /api/runAction HTTP/1.1\r\nHost: localhost\r\nContent-Length: %u\r\n\r\n",
		GK_PARSE_ON_LOOP * 2);
	for (size_t i = 0; i < GK_PARSE_ON_LOOP * 2; i++)
		gk_buf_putc(&body, '[');
	http_send(fd, body.data);
	close(fd);
}

START_TEST(a_client_may_go_while_a_worker_reads_its_body)
{
	for (int i = 0; i < 20; i++)
		http_run(surface_loop, leave_early, NULL);
	assert_answer("GET /api/__health", NULL, 200, "OK");
}
END_TEST

/* --- too much --- */

static void post_spaces(void *user)
{
	size_t left = *(const size_t *)user;
	static char blanks[1u << 16];
	char head[128];
	int fd = http_connect(listener);
	gk_auto_str char *answer = NULL;

	memset(blanks, ' ', sizeof(blanks));
	snprintf(head, sizeof(head),
		"POST /api/notify HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
		"Content-Length: %zu\r\n\r\n{}",
		left);
	http_send(fd, head);
	for (left -= 2; left; left -= left < sizeof(blanks) ? left : sizeof(blanks))
		http_send_bytes(fd, blanks, left < sizeof(blanks) ? left : sizeof(blanks));
	answer = http_read(fd, NULL);
	snprintf(warned, sizeof(warned), "%s", answer);
	close(fd);
}

START_TEST(a_body_has_the_limit_of_this_api)
{
	size_t len = GK_HTTP_REFLECTION_BODY + (size_t)_i;

	gk_http_free(listener);
	ck_assert_int_eq(
		gk_http_listen(surface_loop,
			GK_OPTS(gk_http_opts, .name = "test", .address = "127.0.0.1:0",
				.handle = gk_routes_handle, .too_large = gk_routes_too_large,
				.user = gk_reflection_routes(reflection),
				.max_body = GK_HTTP_REFLECTION_BODY),
			&listener, NULL),
		GK_OK);
	http_run(surface_loop, post_spaces, &len);
	assert_status(warned, 200); /* also of errors (reflection section 1.2) */
	ck_assert_int_eq(strstr(warned, "request entity too large") != NULL, _i);
}
END_TEST

/* --- who may ask --- */

static void assert_guard(const char *headers, int status)
{
	gk_auto_str char *answer = surface_ask(listener, "GET /api/envs", headers, NULL);

	assert_status(answer, status);
}

START_TEST(a_web_page_may_not_ask)
{
	assert_guard("Host: localhost:9\r\n", 200);
	assert_guard("Host: 127.0.0.1:3100\r\n", 200);
	assert_guard("Host: evil.example\r\n", 403);
	assert_guard("Origin: http://localhost:4000\r\n", 200);
	assert_guard("Origin: http://evil.example\r\n", 403);
	assert_guard("Origin: null\r\n", 403);
	assert_guard("Sec-Fetch-Site: cross-site\r\n", 403);
	assert_guard("Sec-Fetch-Site: same-origin\r\n", 200);
}
END_TEST

START_TEST(a_target_in_absolute_form_says_whom_it_asks)
{
	static const struct {
		const char *target, *host;
		int status;
	} asked[] = {
		{ "GET http://localhost:3100/api/envs", "Host: evil.example\r\n", 200 },
		{ "GET http://127.0.0.1/api/envs", "Host: evil.example\r\n", 200 },
		{ "GET http://evil.example/api/envs", "Host: localhost\r\n", 403 },
		{ "GET http://evil.example/api/__health", "Host: localhost\r\n", 403 },
		{ "GET http://localhost.evil.example/api/envs", "Host: localhost\r\n", 403 },
	};

	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		gk_auto_str char *answer =
			surface_ask(listener, asked[i].target, asked[i].host, NULL);

		assert_status(answer, asked[i].status);
	}
}
END_TEST

/* As the telemetry server, which the same tools ask. */
START_TEST(health_is_told_to_every_origin_but_readable_for_local_pages)
{
	static const char *const origins[] = { "http://localhost:4000", "https://evil.example" };

	for (size_t i = 0; i < 2; i++) {
		gk_auto_str char *header = NULL, *answer = NULL;

		ck_assert_int_gt(asprintf(&header, "Origin: %s\r\n", origins[i]), 0);
		answer = surface_ask(listener, "GET /api/__health", header, NULL);
		assert_status(answer, 200);
		assert_header(answer, "Access-Control-Expose-Headers: X-Genkit-Trace-Id");
		ck_assert_int_eq(strstr(answer, "Access-Control-Allow-Origin") != NULL, i == 0);
	}
}
END_TEST

START_TEST(a_draining_server_refuses)
{
	gk_auto_str char *answer = NULL;

	gk_routes_drain(gk_reflection_routes(reflection));
	answer = ask("POST /api/runAction", "{'key':'/flow/echo'}");
	assert_status(answer, 503);
	assert_header(answer, "Connection: close");
	ck_assert_str_eq(surface_body(answer),
		"{\"status\":\"UNAVAILABLE\",\"message\":\"server is shutting down\"}");
}
END_TEST

static bool make_one(void)
{
	gk_reflection *one = NULL;
	gk_code rc = gk_reflection_new(surface_app, &runtime, &one, NULL);

	if (rc == GK_OK)
		rc = gk_reflection_bind(one, "127.0.0.1:1", 1, NULL);
	gk_reflection_free(one);
	return rc == GK_OK;
}

START_TEST(making_one_survives_a_lack_of_memory)
{
	fault_sweep(make_one);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("reflection");
	TCase *t = tcase_create("v1");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, health_accepts_its_ids_and_no_other);
	tcase_add_test(t, a_bidi_action_gets_its_init_and_one_input);
	tcase_add_test(t, unknown_paths_and_methods_are_named);
	tcase_add_test(t, options_name_the_methods_of_a_path);
	tcase_add_test(t, head_is_a_get_without_its_body);
	tcase_add_test(t, both_methods_quit_after_the_answer);
	tcase_add_test(t, notify_hands_on_where_traces_go);
	tcase_add_loop_test(t, notify_warns_of_another_version_and_answers_all_the_same, 0,
		sizeof(versions) / sizeof(versions[0]));
	tcase_add_test(t, listings_are_json);
	tcase_add_test(t, a_run_that_is_ready_leaves_in_one_piece);
	tcase_add_test(t, results_void_and_null_differ);
	tcase_add_test(t, a_stream_is_lines_and_an_object_without_a_line_end);
	tcase_add_test(t, only_true_streams);
	tcase_add_test(t, failures_are_200_with_a_status);
	tcase_add_test(t, the_stack_names_the_action_in_development);
	tcase_add_test(t, an_input_that_does_not_fit_leaves_no_trace);
	tcase_add_test(t, an_output_that_does_not_fit_has_a_trace_id_outside_of_streams);
	tcase_add_test(t, unknown_actions_are_404_text);
	tcase_add_test(t, what_is_no_request_is_code_3);
	tcase_add_test(t, the_context_reaches_the_action);
	tcase_add_test(t, a_result_beyond_the_depth_of_json_is_an_error);
	tcase_add_test(t, a_large_body_is_read_by_a_worker);
	tcase_add_test(t, a_body_beyond_the_limit_is_an_error_object);
	tcase_add_test(t, cancelling_ends_both_modes_with_code_1);
	tcase_add_test(t, cancelling_what_is_not_there_says_so);
	tcase_add_test(t, a_client_that_hangs_up_cancels_its_run);
	tcase_add_test(t, a_client_that_hangs_up_ends_what_its_run_fetches_within_50_ms);
	tcase_add_test(t, a_client_that_hangs_up_wakes_a_producer_that_waits_for_room);
	tcase_add_test(t, a_client_may_go_while_a_worker_reads_its_body);
	tcase_add_loop_test(t, a_body_has_the_limit_of_this_api, 0, 2);
	tcase_add_test(t, a_web_page_may_not_ask);
	tcase_add_test(t, a_target_in_absolute_form_says_whom_it_asks);
	tcase_add_test(t, health_is_told_to_every_origin_but_readable_for_local_pages);
	tcase_add_test(t, a_draining_server_refuses);
	tcase_add_test(t, making_one_survives_a_lack_of_memory);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
