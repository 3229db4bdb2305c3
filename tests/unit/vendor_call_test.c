/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Providers over real sockets, most of them TLS: what a service that misbehaves can do to a call. */
#include "core.h"
#include "core/app_client.h"
#include "server.h"

#include <genkit/plugins.h>
#include <stdio.h>
#include <unistd.h>

#define KEY "sk-very-secret-key"

static server *peer;
static char heard[64 << 10];
static const char *script; /* what the peer says; it closes then */
static mark has_heard, has_ended;

static void say_script(server *self, int fd)
{
	(void)self;
	if (!server_hear(fd, heard, sizeof(heard)))
		return;
	server_say(fd, script);
}

/* Says it, and waits for the client to go. */
static void say_and_wait(server *self, int fd)
{
	(void)self;
	if (!server_hear(fd, heard, sizeof(heard)))
		return;
	server_say(fd, script);
	mark_set(&has_heard, 1);
	if (server_hear_end_within(fd, 5000))
		mark_set(&has_ended, 1);
}

static void use_service(const char *scheme, const char *more)
{
	gk_auto_json json_t *options = json(more);
	gk_fetch_client_opts client = { .size = sizeof(client), .ca_file = server_ca_file() };

	json_object_set_new(options, "name", json_string("zoo"));
	json_object_set_new(options, "base_url", json_string(server_url(peer, scheme, "/v1")));
	json_object_set_new(options, "apiKey", json_string(KEY));
	ck_assert_int_eq(gk_app_set_client(core_app, &client, NULL), GK_OK);
	ck_assert_int_eq(gk_use_plugin(core_app, "compat", options, NULL), GK_OK);
}

static json_t *hello(void)
{
	return json("{'messages':[{'role':'user','content':[{'text':'hi'}]}]}");
}

/* The failure of a call; its message never has the key. */
static gk_code failure(bool is_streaming, char **message_ret)
{
	gk_auto_json json_t *input = hello();
	core_sink sink;
	gk_run *run;
	gk_code rc;

	core_sink_init(&sink);
	run = core_begin(GK_OPTS(gk_run_opts, .app = core_app, .key = "/model/zoo/m",
		.input = input, .sink = &sink.base, .is_streaming = is_streaming));
	core_finish(run);
	ck_assert_ptr_nonnull(gk_run_error_peek(run));
	rc = gk_run_error_peek(run)->code;
	*message_ret = gk_error_text(gk_run_error_peek(run));
	ck_assert_ptr_null(strstr(*message_ret, KEY));
	gk_run_unref(run);
	core_sink_done(&sink);
	return rc;
}

static void assert_fails(bool is_streaming, gk_code code, const char *part)
{
	gk_auto_str char *message = NULL;
	gk_code rc = failure(is_streaming, &message);

	ck_assert_msg(rc == code && strstr(message, part), "%d: %s", rc, message);
}

static void set_up(void)
{
	core_start();
	memset(heard, 0, sizeof(heard));
	mark_set(&has_heard, 0);
	mark_set(&has_ended, 0);
}

static void tear_down(void)
{
	core_stop();
	server_stop(peer);
}

#define ANSWER                                                                                     \
	"{\"choices\":[{\"message\":{\"content\":\"hello\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1}}"

START_TEST(a_call_goes_out_over_tls_with_its_key)
{
	gk_auto_json json_t *got = NULL;

	script =
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" ANSWER;
	peer = server_start_tls(say_script);
	use_service("https", "{'headers':{'X-Team':'red'}}");
	got = core_run("/model/zoo/m", hello());
	assert_json(gk_json_at_peek(got, "message.content"), "[{'text':'hello'}]");
	ck_assert(strstr(heard, "POST /v1/chat/completions HTTP/1.1\r\n") == heard);
	ck_assert_ptr_nonnull(strstr(heard, "\r\nAuthorization: Bearer " KEY "\r\n"));
	ck_assert_ptr_nonnull(strstr(heard, "\r\nUser-Agent: genkit-c/"));
	ck_assert_ptr_nonnull(strstr(heard, "\r\nX-Team: red\r\n"));
	ck_assert_ptr_nonnull(strstr(
		heard, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"));
}
END_TEST

START_TEST(no_trace_has_the_key)
{
	gk_auto_json json_t *input = hello();
	gk_auto_str char *spans = NULL;

	script = "HTTP/1.1 401 No\r\nConnection: close\r\n\r\n{\"error\":{\"message\":\"wrong: " KEY
		 "\"}}";
	peer = server_start_tls(say_script);
	use_service("https", "{}");
	assert_fails(false, GK_UNAUTHENTICATED, "zoo: [401] wrong: <REDACTED>");
	spans = gk_json_write(core_spans, NULL);
	ck_assert_ptr_nonnull(strstr(spans, "/model/zoo/m") ? spans : strstr(spans, "zoo/m"));
	ck_assert_ptr_null(strstr(spans, KEY));
}
END_TEST

START_TEST(a_request_is_a_span_of_its_own_when_asked_for)
{
	gk_auto_json json_t *got = NULL, *input = NULL;
	gk_auto_str char *spans = NULL;
	const json_t *attributes;

	script = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" ANSWER;
	peer = server_start_tls(say_script);
	use_service(
		"https", "{'experimental_debugTraces':true,'headers':{'X-Team':'team-secret'}}");
	got = core_run("/model/zoo/m", hello());
	attributes = core_attributes("httpRequest");
	ck_assert_int_eq(
		gk_json_parse(gk_json_str_peek(attributes, "genkit:input"),
			strlen(gk_json_str_peek(attributes, "genkit:input")), 0, &input, NULL),
		GK_OK);
	ck_assert_str_eq(gk_json_str_peek(input, "method"), "POST");
	ck_assert_ptr_nonnull(strstr(gk_json_str_peek(input, "url"), "/v1/chat/completions"));
	ck_assert_str_eq(gk_json_str_peek(input, "headers.Authorization"),
		"Bearer <REDACTED> (18 characters)");
	ck_assert_str_eq(gk_json_str_peek(input, "headers.X-Team"), "<REDACTED> (11 characters)");
	ck_assert_str_eq(gk_json_str_peek(input, "body.model"), "m");
	ck_assert_str_eq(gk_json_str_peek(attributes, "genkit:output"), "{\"status\":200}");
	spans = gk_json_write(core_spans, NULL);
	ck_assert_ptr_null(strstr(spans, KEY));
}
END_TEST

START_TEST(no_request_is_a_span_unless_asked_for)
{
	gk_auto_json json_t *got = NULL;
	gk_auto_str char *spans = NULL;

	script = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" ANSWER;
	peer = server_start_tls(say_script);
	use_service("https", "{}");
	got = core_run("/model/zoo/m", hello());
	spans = gk_json_write(core_spans, NULL);
	ck_assert_ptr_null(strstr(spans, "httpRequest"));
}
END_TEST

START_TEST(the_key_of_one_call_is_sent_and_not_traced)
{
	gk_auto_json json_t *got = NULL;
	gk_auto_str char *spans = NULL;
	json_t *input = hello();

	json_object_set_new(input, "config", json_pack("{s:s}", "apiKey", "sk-of-this-call"));
	script = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" ANSWER;
	peer = server_start_tls(say_script);
	use_service("https", "{}");
	got = core_run("/model/zoo/m", input);
	ck_assert_ptr_nonnull(strstr(heard, "\r\nAuthorization: Bearer sk-of-this-call\r\n"));
	ck_assert_ptr_null(strstr(heard, "apiKey"));
	spans = gk_json_write(core_spans, NULL);
	ck_assert_ptr_nonnull(strstr(spans, "<redacted>"));
	ck_assert_ptr_null(strstr(spans, "sk-of-this-call"));
}
END_TEST

START_TEST(a_redirect_is_not_followed)
{
	char text[256];

	peer = server_start_tls(say_script);
	snprintf(text, sizeof(text), "HTTP/1.1 307 Go\r\nLocation: %s\r\nConnection: close\r\n\r\n",
		server_url(peer, "https", "/elsewhere"));
	script = text;
	use_service("https", "{}");
	assert_fails(false, GK_UNKNOWN, "zoo: [307] redirects are not followed");
	ck_assert_int_eq(server_accepted(peer), 1);
}
END_TEST

#define EVENT(content) "data: {\"choices\":[{\"delta\":{\"content\":\"" content "\"}}]}\n\n"
#define STREAM         "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"

START_TEST(a_stream_that_is_cut_is_no_short_answer)
{
	static const char *const scripts[] = {
		STREAM "Connection: close\r\n\r\n" EVENT("half"),
		STREAM "Transfer-Encoding: chunked\r\n\r\n5\r\ndata:\r\n",
		STREAM "Content-Length: 9999\r\n\r\n" EVENT("half"),
	};

	script = scripts[_i];
	peer = server_start_tls(say_script);
	use_service("https", "{}");
	assert_fails(true, GK_INTERNAL, "the stream broke off");
}
END_TEST

START_TEST(an_answer_that_is_cut_is_no_answer)
{
	script = "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{\"choices\":[";
	peer = server_start_tls(say_script);
	use_service("https", "{}");
	assert_fails(false, GK_INTERNAL, "the stream broke off");
}
END_TEST

START_TEST(a_slow_body_reaches_the_time_limit)
{
	script = STREAM "Transfer-Encoding: chunked\r\n\r\n5\r\ndata:\r\n";
	peer = server_start_tls(say_and_wait);
	use_service("https", "{'timeout':300}");
	assert_fails(_i == 1, GK_DEADLINE_EXCEEDED, "not finished within 300 ms");
	mark_await(&has_ended, 1);
}
END_TEST

START_TEST(a_cancelled_call_closes_the_connection_at_once)
{
	gk_auto_json json_t *input = hello();
	core_sink sink;
	gk_run *run;

	script = _i ? STREAM "Transfer-Encoding: chunked\r\n\r\n5\r\ndata:\r\n" : "";
	peer = server_start_tls(say_and_wait);
	use_service("https", "{}");
	core_sink_init(&sink);
	run = core_begin(GK_OPTS(gk_run_opts, .app = core_app, .key = "/model/zoo/m",
		.input = input, .sink = &sink.base, .is_streaming = true));
	for (int turns = 0; turns < 500 && !has_heard.value; turns++)
		gk_loop_turn(core_loop, 10);
	gk_run_cancel(run, GK_CANCELLED);
	core_finish(run);
	ck_assert_int_eq(gk_run_error_peek(run)->code, GK_CANCELLED);
	mark_await(&has_ended, 1);
	gk_run_unref(run);
	core_sink_done(&sink);
}
END_TEST

START_TEST(a_certificate_of_nobody_is_refused)
{
	script = "HTTP/1.1 200 OK\r\n\r\n" ANSWER;
	peer = server_start_tls(say_script);
	gk_auto_json json_t *options =
		json_pack("{s:s, s:s}", "name", "zoo", "base_url", server_url(peer, "https", ""));
	ck_assert_int_eq(gk_use_plugin(core_app, "compat", options, NULL), GK_OK);
	assert_fails(false, GK_UNAVAILABLE, "zoo: ");
	ck_assert_str_eq(heard, "");
}
END_TEST

START_TEST(an_answer_in_pieces_arrives_in_pieces)
{
	gk_auto_json json_t *input = hello();
	core_sink sink;
	gk_run *run;

	script = STREAM "Connection: close\r\n\r\n" EVENT("a") EVENT("b") "data: [DONE]\n\n";
	peer = server_start(say_and_wait, NULL);
	use_service("http", "{}");
	core_sink_init(&sink);
	run = core_begin(GK_OPTS(gk_run_opts, .app = core_app, .key = "/model/zoo/m",
		.input = input, .sink = &sink.base, .is_streaming = true));
	core_finish(run);
	ck_assert_ptr_null(gk_run_error_peek(run));
	ck_assert_uint_eq(json_array_size(sink.chunks), 2);
	assert_json(gk_json_at_peek(gk_run_result_peek(run), "message.content"), "[{'text':'ab'}]");
	gk_run_unref(run);
	core_sink_done(&sink);
	/* [DONE] was said: the rest is not waited for, by the caller not at all. */
	for (int turns = 0; turns < 200 && !has_ended.value; turns++)
		gk_loop_turn(core_loop, 10);
	ck_assert_int_eq(has_ended.value, 1);
}
END_TEST

/* Each answer ends a little after it has said that it is done. */
static void say_streams(server *self, int fd)
{
	(void)self;
	while (server_hear(fd, heard, sizeof(heard))) {
		server_say(fd, STREAM "Transfer-Encoding: chunked\r\n\r\n2f\r\n" EVENT("a"));
		server_say(fd, "\r\ne\r\ndata: [DONE]\n\n\r\n");
		usleep(20000);
		server_say(fd, "0\r\n\r\n");
	}
	mark_set(&has_ended, 1);
}

START_TEST(a_stream_leaves_its_connection_to_the_next)
{
	ck_assert_uint_eq(strlen(EVENT("a")), 0x2f);
	peer = server_start_tls(say_streams);
	use_service("https", "{}");
	for (int i = 0; i < 3; i++) {
		gk_auto_json json_t *input = hello();
		core_sink sink;
		gk_run *run;

		core_sink_init(&sink);
		run = core_begin(GK_OPTS(gk_run_opts, .app = core_app, .key = "/model/zoo/m",
			.input = input, .sink = &sink.base, .is_streaming = true));
		core_finish(run);
		ck_assert_ptr_null(gk_run_error_peek(run));
		gk_run_unref(run);
		core_sink_done(&sink);
		for (int turns = 0; turns < 10; turns++)
			gk_loop_turn(core_loop, 10);
	}
	ck_assert_int_eq(server_accepted(peer), 1);
}
END_TEST

START_TEST(an_application_that_ends_does_not_wait_for_what_was_left)
{
	gk_auto_json json_t *input = hello();
	core_sink sink;
	gk_run *run;

	script = STREAM "Connection: close\r\n\r\n" EVENT("a") "data: [DONE]\n\n";
	peer = server_start(say_and_wait, NULL);
	use_service("http", "{}");
	core_sink_init(&sink);
	run = core_begin(GK_OPTS(gk_run_opts, .app = core_app, .key = "/model/zoo/m",
		.input = input, .sink = &sink.base, .is_streaming = true));
	core_finish(run);
	gk_run_unref(run);
	core_sink_done(&sink);
	/* tear_down() frees it at once, and sanitizers and the peer would tell of what stays. */
}
END_TEST

START_TEST(a_host_without_an_address_spoils_no_request_after_it)
{
	gk_auto_json json_t *got = NULL,
			    *other = json("{'name':'none','base_url':'https://no-such.invalid'}");

	script = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" ANSWER;
	peer = server_start(say_script, NULL);
	use_service("http", "{}");
	ck_assert_int_eq(gk_use_plugin(core_app, "compat", other, NULL), GK_OK);
	core_fail("/model/none/m", hello(), GK_UNAVAILABLE, NULL);
	got = core_run("/model/zoo/m", hello());
	assert_json(gk_json_at_peek(got, "message.content"), "[{'text':'hello'}]");
}
END_TEST

static Suite *vendor_call_suite(void)
{
	Suite *suite = suite_create("vendor_call");
	TCase *tcase = tcase_create("vendor_call");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_call_goes_out_over_tls_with_its_key);
	tcase_add_test(tcase, no_trace_has_the_key);
	tcase_add_test(tcase, the_key_of_one_call_is_sent_and_not_traced);
	tcase_add_test(tcase, a_request_is_a_span_of_its_own_when_asked_for);
	tcase_add_test(tcase, no_request_is_a_span_unless_asked_for);
	tcase_add_test(tcase, a_redirect_is_not_followed);
	tcase_add_test(tcase, a_host_without_an_address_spoils_no_request_after_it);
	tcase_add_loop_test(tcase, a_stream_that_is_cut_is_no_short_answer, 0, 3);
	tcase_add_test(tcase, an_answer_that_is_cut_is_no_answer);
	tcase_add_loop_test(tcase, a_slow_body_reaches_the_time_limit, 0, 2);
	tcase_add_loop_test(tcase, a_cancelled_call_closes_the_connection_at_once, 0, 2);
	tcase_add_test(tcase, a_certificate_of_nobody_is_refused);
	tcase_add_test(tcase, an_answer_in_pieces_arrives_in_pieces);
	tcase_add_test(tcase, a_stream_leaves_its_connection_to_the_next);
	tcase_add_test(tcase, an_application_that_ends_does_not_wait_for_what_was_left);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(vendor_call_suite)
