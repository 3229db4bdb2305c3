/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "http_client.h"
#include "surface.h"
#include "unit.h"

#include "base/buf.h"
#include "base/limits.h"
#include "server/cors.h"
#include "server/flows.h"
#include "server/health.h"

#include <stdio.h>
#include <unistd.h>

static gk_flows *flows;
static gk_http_listener *listener;
static gk_health health;

static void configure(const gk_flows_opts *opts)
{
	ck_assert_int_eq(gk_flows_configure(flows, opts, NULL), GK_OK);
}

static void setup(void)
{
	surface_start();
	health = (gk_health){ 0 };
	flows = surface_flows(NULL);
	ck_assert_int_eq(gk_health_add_routes(&health, gk_flows_routes(flows), NULL), GK_OK);
	listener = surface_serve(gk_flows_routes(flows));
}

static void teardown(void)
{
	surface_stop_flows(listener, flows);
}

static char *ask_with(const char *what, const char *headers, const char *body)
{
	return surface_ask(listener, what, headers, body);
}

static char *ask(const char *what, const char *body)
{
	return ask_with(what, NULL, body);
}

/* Status and body, with ' for ". */
static void assert_answer_with(
	const char *what, const char *headers, const char *asked, int status, const char *expected)
{
	gk_auto_str char *answer = ask_with(what, headers, asked);
	char *body;

	assert_status(answer, status);
	body = surface_body(answer);
	for (char *c = body; *c; c++)
		if (*c == '"')
			*c = '\'';
	ck_assert_str_eq(body, expected);
}

static void assert_answer(const char *what, const char *asked, int status, const char *expected)
{
	assert_answer_with(what, NULL, asked, status, expected);
}

#define NOT_FOUND "{'status':'NOT_FOUND','message':'No action matched the request path.'}"
#define INTERNAL  "{'message':'Internal Error','status':'INTERNAL'}"
#define THREE                                                                                      \
	"data: {'message':{'n':0}}\n\ndata: {'message':{'n':1}}\n\ndata: {'message':{'n':2}}\n\n"  \
	"data: {'result':'done'}\n\n"

/* --- plain answers --- */

START_TEST(results_come_in_an_envelope)
{
	gk_auto_str char *answer = ask("POST /echo", "{'data':{'a':1}}");

	assert_status(answer, 200);
	assert_header(answer, "Content-Type: application/json; charset=utf-8");
	ck_assert_ptr_nonnull(strstr(answer, "\r\nx-genkit-trace-id: "));
	ck_assert_ptr_nonnull(strstr(answer, "\r\nx-genkit-span-id: "));
	ck_assert_str_eq(surface_body(answer), "{\"result\":{\"a\":1}}");
	assert_answer("POST /later", "{}", 200, "{'result':'late'}");
	assert_answer("POST /void", "{}", 200, "{}");
	assert_answer("POST /null", "{}", 200, "{'result':null}");
	assert_answer("POST /three", "{}", 200, "{'result':'done'}");
}
END_TEST

START_TEST(an_empty_body_is_an_absent_input)
{
	assert_answer("POST /echo", NULL, 200, "{}");
	assert_answer("POST /echo", "", 200, "{}");
	assert_answer("POST /echo", "{}", 200, "{}");
	assert_answer("POST /echo", "{'data':null}", 200, "{'result':null}");
}
END_TEST

START_TEST(a_body_that_is_no_object_is_refused)
{
	static const char *const bodies[] = { "[]", "5", "null", "{", "{'data':", "'x'" };

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		gk_auto_str char *answer = ask("POST /echo", bodies[i]);

		assert_status(answer, 400);
		ck_assert_ptr_nonnull(strstr(answer, "\"status\":\"INVALID_ARGUMENT\""));
	}
}
END_TEST

START_TEST(errors_have_the_status_of_their_code)
{
	gk_auto_str char *answer = ask("POST /fail", "{}");

	ck_assert_ptr_null(strstr(answer, "x-genkit-trace-id"));
	assert_answer("POST /fail", "{}", 404,
		"{'details':{'dish':7},'status':'NOT_FOUND','message':'no such dish'}");
}
END_TEST

START_TEST(the_text_of_an_error_without_a_status_stays_here)
{
	assert_answer("POST /plain", "{}", 500, INTERNAL);
	assert_answer("POST /plain?stream=true", "{}", 200, "error: {'error':" INTERNAL "}\n\n");
}
END_TEST

START_TEST(an_input_that_does_not_fit_is_400_with_details)
{
	gk_auto_str char *answer = ask("POST /add1", "{'data':'x'}");

	assert_status(answer, 400);
	ck_assert_ptr_nonnull(strstr(answer,
		"{\"details\":{\"errors\":[{\"path\":\"(root)\",\"message\":\"must be number\"}],\"schema\":{\"type\":\"number\"}},"
		"\"status\":\"INVALID_ARGUMENT\",\"message\":\"Schema validation failed."));
}
END_TEST

START_TEST(a_result_beyond_the_depth_of_json_is_an_error)
{
	gk_auto_str char *answer = ask("POST /deep", "{}");

	assert_status(answer, 500);
	ck_assert_ptr_nonnull(strstr(answer, "{\"status\":\"INTERNAL\",\"message\":\"the result"));
	free(answer);
	answer = ask("POST /deep?stream=true", "{}");
	ck_assert_ptr_nonnull(strstr(answer, "error: {\"error\":{\"status\":\"INTERNAL\""));
}
END_TEST

START_TEST(only_posts_on_names_of_flows_are_answered)
{
	assert_answer("GET /echo", NULL, 404, NOT_FOUND);
	assert_answer("POST /nope", "{}", 404, NOT_FOUND);
	assert_answer("POST /", "{}", 404, NOT_FOUND);
	assert_answer("POST /echo/", "{}", 404, NOT_FOUND);
	assert_answer("POST /echo%00x", "{}", 404, NOT_FOUND);
	assert_answer("POST /%65cho", "{'data':1}", 200, "{'result':1}");
	assert_answer("OPTIONS /echo", NULL, 404, NOT_FOUND);
}
END_TEST

START_TEST(a_name_beyond_the_limit_is_not_found)
{
	gk_auto_buf gk_buf what = GK_BUF_INIT(0);

	gk_buf_puts(&what, "POST /");
	for (int i = 0; i < GK_MAX_ACTION_NAME + 10; i++)
		gk_buf_putc(&what, 'e');
	assert_answer(what.data, "{}", 404, NOT_FOUND);
}
END_TEST

START_TEST(the_prefix_stands_before_the_name)
{
	configure(GK_OPTS(gk_flows_opts, .prefix = "api/"));
	assert_answer("POST /api/echo", "{'data':1}", 200, "{'result':1}");
	assert_answer("POST /echo", "{'data':1}", 404, NOT_FOUND);
}
END_TEST

START_TEST(only_the_flows_that_are_named_are_served)
{
	configure(GK_OPTS(gk_flows_opts, .served = (const char *const[]){ "echo", "th*", NULL }));
	assert_answer("POST /echo", "{'data':1}", 200, "{'result':1}");
	assert_answer("POST /three", "{}", 200, "{'result':'done'}");
	assert_answer("POST /add1", "{'data':1}", 404, NOT_FOUND);
	configure(GK_OPTS(gk_flows_opts, .served = (const char *const[]){ NULL }));
	assert_answer("POST /echo", "{'data':1}", 404, NOT_FOUND);
}
END_TEST

START_TEST(a_large_body_is_read_by_a_worker)
{
	gk_auto_buf gk_buf body = GK_BUF_INIT(0), expected = GK_BUF_INIT(0);

	gk_buf_puts(&body, "{'data':'");
	gk_buf_puts(&expected, "{'result':'");
	for (size_t i = 0; i < GK_PARSE_ON_LOOP; i++) {
		gk_buf_putc(&body, 'y');
		gk_buf_putc(&expected, 'y');
	}
	gk_buf_puts(&body, "'}");
	gk_buf_puts(&expected, "'}");
	assert_answer("POST /echo", body.data, 200, expected.data);
	body.data[body.len - 1] = '!';
	free(ask("POST /echo", body.data));
}
END_TEST

START_TEST(a_body_beyond_the_limit_is_413)
{
	gk_auto_buf gk_buf body = GK_BUF_INIT(0);

	for (size_t i = 0; i <= 1 << 20; i++)
		gk_buf_putc(&body, ' ');
	assert_answer("POST /echo", body.data, 413,
		"{'status':'RESOURCE_EXHAUSTED','message':'the request's body is too large'}");
}
END_TEST

START_TEST(a_run_has_a_time_limit)
{
	configure(GK_OPTS(gk_flows_opts, .timeout_ms = 1));
	assert_answer("POST /wait", "{}", 504,
		"{'status':'DEADLINE_EXCEEDED','message':'deadline exceeded'}");
	assert_answer("POST /wait?stream=true", "{}", 200,
		"data: {'message':'start'}\n\n"
		"error: {'error':{'status':'DEADLINE_EXCEEDED','message':'deadline exceeded'}}\n\n");
}
END_TEST

/* --- streams --- */

START_TEST(streams_are_events)
{
	gk_auto_str char *answer = ask("POST /three?stream=true", "{'data':true}");

	assert_header(answer, "Content-Type: text/event-stream");
	assert_header(answer, "Cache-Control: no-cache");
	ck_assert_ptr_null(strstr(answer, "x-genkit-trace-id"));
	assert_answer("POST /three?stream=true", "{}", 200, THREE);
	assert_answer("POST /three?stream=true", "{'data':true}", 200, THREE);
	assert_answer_with(
		"POST /three", "Accept: text/html, Text/Event-Stream;q=1\r\n", "{}", 200, THREE);
}
END_TEST

START_TEST(a_stream_of_nothing_ends_with_a_result)
{
	assert_answer("POST /void?stream=true", "{}", 200, "data: {'result':null}\n\n");
	assert_answer("POST /null?stream=true", "{}", 200, "data: {'result':null}\n\n");
}
END_TEST

START_TEST(a_failing_stream_ends_with_an_error)
{
	assert_answer("POST /fail?stream=true", "{}", 200,
		"error: {'error':{'details':{'dish':7},'status':'NOT_FOUND','message':'no such dish'}}\n\n");
}
END_TEST

START_TEST(an_input_that_does_not_fit_is_the_only_event)
{
	gk_auto_str char *answer = ask("POST /add1?stream=true", "{'data':'x'}");

	assert_status(answer, 200);
	assert_header(answer, "Content-Type: text/event-stream");
	ck_assert_int_eq(strncmp(surface_body(answer), "error: {\"error\":{\"details\":", 27), 0);
}
END_TEST

static void leave_client(void *user)
{
	int fd = http_connect(listener);
	gk_auto_str char *whole = NULL, *start = NULL;

	ck_assert_int_gt(
		asprintf(&whole, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
			(char *)user),
		0);
	http_send(fd, whole);
	if (strstr(user, "stream=true"))
		start = http_read(fd, "data: ");
	close(fd);
}

START_TEST(a_client_that_hangs_up_cancels_its_run)
{
	static char plain[] = "/wait", stream[] = "/wait?stream=true",
		    flood[] = "/flood?stream=true";

	http_run(surface_loop, leave_client, plain);
	surface_until(surface_is_idle, NULL);
	http_run(surface_loop, leave_client, stream);
	surface_until(surface_is_idle, NULL);
	http_run(surface_loop, leave_client, flood);
	surface_until(surface_is_idle, NULL);
}
END_TEST

static void shut_down(void *user)
{
	(void)user;
	gk_app_cancel_runs(surface_app);
}

static void shut_down_client(void *user)
{
	char **ret = user;
	int fd = http_connect(listener);
	gk_auto_str char *start = NULL;

	http_send(fd, "POST /wait?stream=true HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
		      "Content-Length: 2\r\n\r\n{}");
	start = http_read(fd, "start");
	gk_loop_post(surface_loop, shut_down, NULL);
	*ret = http_read(fd, NULL);
	close(fd);
}

START_TEST(a_stream_gets_its_last_event_when_the_server_shuts_down)
{
	gk_auto_str char *end = NULL;

	http_run(surface_loop, shut_down_client, &end);
	ck_assert_msg(
		strstr(end,
			"error: {\"error\":{\"status\":\"UNAVAILABLE\",\"message\":\"server is shutting down\"}}\n\n"),
		"%s", end);
}
END_TEST

START_TEST(a_draining_server_answers_only_for_its_health)
{
	assert_answer("GET /readyz", NULL, 503, "starting");
	health.is_ready = true;
	assert_answer("GET /readyz", NULL, 200, "ok");
	assert_answer("GET /healthz", NULL, 200, "ok");
	gk_routes_drain(gk_flows_routes(flows));
	assert_answer("GET /readyz", NULL, 503, "draining");
	assert_answer("GET /healthz", NULL, 200, "ok");
	assert_answer("POST /echo", "{}", 503,
		"{'status':'UNAVAILABLE','message':'server is shutting down'}");
}
END_TEST

/* --- who calls --- */

static void need_keys(const char *const *keys, size_t count)
{
	gk_context_provider *provider;

	ck_assert_int_eq(gk_api_key_provider(keys, count, &provider, NULL), GK_OK);
	configure(GK_OPTS(gk_flows_opts, .provider = provider));
	gk_context_provider_unref(provider);
}

START_TEST(api_keys_open_the_door_and_become_the_context)
{
	static const char *const keys[] = { "secret", "other" };

	need_keys(keys, 2);
	assert_answer("POST /context", "{}", 401,
		"{'status':'UNAUTHENTICATED','message':'Unauthenticated'}");
	assert_answer_with("POST /context", "Authorization: nope\r\n", "{}", 403,
		"{'status':'PERMISSION_DENIED','message':'Permission Denied'}");
	assert_answer_with("POST /context?stream=true", "Authorization: secre\r\n", "{}", 403,
		"{'status':'PERMISSION_DENIED','message':'Permission Denied'}");
	assert_answer_with("POST /context", "Authorization: secret\r\n", "{}", 200,
		"{'result':{'auth':{'apiKey':'secret'}}}");
	assert_answer_with("POST /context", "Authorization: Bearer other\r\n", "{}", 200,
		"{'result':{'auth':{'apiKey':'other'}}}");
	assert_answer_with("POST /context", "Authorization: Bearer nope\r\n", "{}", 403,
		"{'status':'PERMISSION_DENIED','message':'Permission Denied'}");
	assert_answer("POST /nope", "{}", 404, NOT_FOUND);
	assert_answer("GET /healthz", NULL, 200, "ok");
}
END_TEST

START_TEST(a_stranger_is_refused_before_the_body_is_read)
{
	static const char *const keys[] = { "secret" };

	need_keys(keys, 1);
	assert_answer("POST /context", "{", 401,
		"{'status':'UNAUTHENTICATED','message':'Unauthenticated'}");
}
END_TEST

START_TEST(no_key_and_an_empty_key_are_refused)
{
	static const char *const keys[] = { "a", "" };
	gk_context_provider *provider;

	ck_assert_int_eq(gk_api_key_provider(keys, 2, &provider, NULL), GK_INVALID_ARGUMENT);
	ck_assert_int_eq(gk_api_key_provider(keys, 0, &provider, NULL), GK_INVALID_ARGUMENT);
}
END_TEST

/* A provider that looks at the input. */
static gk_code provide(gk_context_provider *provider, const gk_exchange *x, json_t *input,
	json_t **ret, gk_error *err)
{
	(void)provider, (void)x;
	if (!json_is_true(input))
		return gk_error_set(err, GK_PERMISSION_DENIED, "say true");
	*ret = json_pack("{s:O}", "input", input);
	return GK_OK;
}

static void keep(gk_context_provider *provider)
{
	(void)provider;
}

START_TEST(a_provider_may_look_at_the_input)
{
	gk_context_provider provider = {
		.provide = provide, .free = keep, .needs_input = true, .refs = 1
	};

	configure(GK_OPTS(gk_flows_opts, .provider = &provider));
	assert_answer("POST /context", "{'data':true}", 200, "{'result':{'input':true}}");
	assert_answer("POST /context", "{'data':false}", 403,
		"{'status':'PERMISSION_DENIED','message':'say true'}");
	configure(GK_OPTS(gk_flows_opts, .provider = NULL));
	ck_assert_uint_eq(provider.refs, 1);
}
END_TEST

/* --- pages of other origins --- */

START_TEST(without_origins_no_page_may_read)
{
	gk_auto_str char *answer = ask_with("POST /echo", "Origin: https://a.example\r\n", "{}");

	assert_status(answer, 200);
	ck_assert_ptr_null(strstr(answer, "Access-Control"));
}
END_TEST

START_TEST(any_origin_may_read_when_so_configured)
{
	gk_auto_str char *answer = NULL;

	configure(GK_OPTS(gk_flows_opts, .origins = (const char *const[]){ "*", NULL }));
	answer = ask_with("POST /echo", "Origin: https://a.example\r\n", "{}");
	assert_header(answer, "Access-Control-Allow-Origin: *");
	assert_header(answer, "Access-Control-Expose-Headers: x-genkit-stream-id, "
			      "x-genkit-trace-id, x-genkit-span-id");
	free(answer);
	answer = ask_with("OPTIONS /echo",
		"Origin: https://a.example\r\nAccess-Control-Request-Method: POST\r\n"
		"Access-Control-Request-Headers: content-type, x-genkit-stream-id\r\n",
		NULL);
	assert_status(answer, 204);
	assert_header(answer, "Access-Control-Allow-Origin: *");
	assert_header(answer, "Access-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE");
	assert_header(answer, "Access-Control-Allow-Headers: content-type, x-genkit-stream-id");
}
END_TEST

START_TEST(only_listed_origins_may_read)
{
	gk_auto_str char *answer = NULL;

	configure(GK_OPTS(
		gk_flows_opts, .origins = (const char *const[]){ "https://a.example", NULL }));
	answer = ask_with("POST /fail", "Origin: https://a.example\r\n", "{}");
	assert_status(answer, 404); /* errors can be read, too */
	assert_header(answer, "Access-Control-Allow-Origin: https://a.example");
	assert_header(answer, "Vary: Origin");
	free(answer);
	answer = ask_with("POST /echo", "Origin: https://b.example\r\n", "{}");
	ck_assert_ptr_null(strstr(answer, "Access-Control"));
	free(answer);
	answer = ask_with("OPTIONS /echo", "Origin: https://b.example\r\n", NULL);
	assert_status(answer, 204);
	ck_assert_ptr_null(strstr(answer, "Access-Control-Allow"));
}
END_TEST

/* --- durable streams --- */

static void be_durable(void)
{
	gk_stream_store *store;

	ck_assert_int_eq(gk_stream_memory_new(surface_loop, NULL, &store, NULL), GK_OK);
	configure(GK_OPTS(gk_flows_opts, .streams = store));
	gk_stream_store_unref(store);
}

static char stream_header[80];

static void keep_stream_id(const char *answer)
{
	const char *id = strstr(answer, "x-genkit-stream-id: ");

	ck_assert_msg(id, "no stream id: %s", answer);
	snprintf(stream_header, sizeof(stream_header), "%.*s\r\n", 20 + 36, id);
}

START_TEST(a_durable_stream_is_replayed)
{
	gk_auto_str char *answer = NULL;

	be_durable();
	for (int waits = 0; waits < 2; waits++) {
		free(answer);
		answer = ask("POST /three?stream=true", waits ? "{'data':true}" : "{}");
		keep_stream_id(answer);
		assert_header(answer, "Content-Type: text/event-stream");
		assert_answer_with("POST /three?stream=true", stream_header, "{}", 200, THREE);
		free(answer);
		answer = ask_with("POST /three?stream=true", stream_header, "{}");
		assert_header(answer, "Content-Type: text/event-stream");
		keep_stream_id(answer);
	}
	answer[0] = '\0';
}
END_TEST

START_TEST(errors_are_replayed_as_errors)
{
	gk_auto_str char *answer = NULL;

	be_durable();
	answer = ask("POST /plain?stream=true", "{}");
	keep_stream_id(answer);
	assert_answer_with("POST /plain?stream=true", stream_header, "{}", 200,
		"error: {'error':" INTERNAL "}\n\n");
}
END_TEST

START_TEST(an_unknown_stream_is_204)
{
	be_durable();
	assert_answer_with(
		"POST /three?stream=true", "x-genkit-stream-id: nope\r\n", "{}", 204, "");
	assert_answer_with(
		"POST /three", "x-genkit-stream-id: nope\r\n", "{}", 200, "{'result':'done'}");
}
END_TEST

START_TEST(a_stream_id_without_a_store_is_ignored)
{
	assert_answer_with(
		"POST /three?stream=true", "x-genkit-stream-id: nope\r\n", "{}", 200, THREE);
}
END_TEST

static void durable_client(void *user)
{
	char **ret = user;
	int fd = http_connect(listener), again;
	gk_auto_str char *start = NULL, *whole = NULL;

	http_send(fd, "POST /wait?stream=true HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
	start = http_read(fd, "start");
	keep_stream_id(start);
	close(fd);
	again = http_connect(listener);
	ck_assert_int_gt(
		asprintf(&whole,
			"POST /wait?stream=true HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
			"%sContent-Length: 2\r\n\r\n{}",
			stream_header),
		0);
	http_send(again, whole);
	free(start);
	start = http_read(again, "start");
	gk_loop_post(surface_loop, shut_down, NULL);
	*ret = http_read(again, NULL);
	close(again);
}

START_TEST(a_durable_run_goes_on_without_its_client)
{
	gk_auto_str char *end = NULL;

	be_durable();
	http_run(surface_loop, durable_client, &end);
	ck_assert_ptr_nonnull(strstr(end, "\"status\":\"UNAVAILABLE\""));
}
END_TEST

START_TEST(a_store_without_room_fails_the_run)
{
	gk_stream_store *store;
	gk_auto_str char *answer = NULL;

	ck_assert_int_eq(
		gk_stream_memory_new(surface_loop,
			GK_OPTS(gk_stream_memory_opts, .max_bytes = 1 << 20), &store, NULL),
		GK_OK);
	configure(GK_OPTS(gk_flows_opts, .streams = store));
	gk_stream_store_unref(store);
	answer = ask("POST /flood?stream=true", "{}");
	ck_assert_ptr_nonnull(
		strstr(answer, "error: {\"error\":{\"status\":\"RESOURCE_EXHAUSTED\""));
}
END_TEST

static bool make_one(void)
{
	gk_flows *one = NULL;
	gk_code rc = gk_flows_new(surface_app,
		GK_OPTS(gk_flows_opts, .prefix = "p", .served = (const char *const[]){ "a", NULL },
			.origins = (const char *const[]){ "b", NULL }),
		&one, NULL);

	gk_flows_free(one);
	return rc == GK_OK;
}

START_TEST(making_one_survives_a_lack_of_memory)
{
	fault_sweep(make_one);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("flows");
	TCase *t = tcase_create("server");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, results_come_in_an_envelope);
	tcase_add_test(t, an_empty_body_is_an_absent_input);
	tcase_add_test(t, a_body_that_is_no_object_is_refused);
	tcase_add_test(t, errors_have_the_status_of_their_code);
	tcase_add_test(t, the_text_of_an_error_without_a_status_stays_here);
	tcase_add_test(t, an_input_that_does_not_fit_is_400_with_details);
	tcase_add_test(t, a_result_beyond_the_depth_of_json_is_an_error);
	tcase_add_test(t, only_posts_on_names_of_flows_are_answered);
	tcase_add_test(t, a_name_beyond_the_limit_is_not_found);
	tcase_add_test(t, the_prefix_stands_before_the_name);
	tcase_add_test(t, only_the_flows_that_are_named_are_served);
	tcase_add_test(t, a_large_body_is_read_by_a_worker);
	tcase_add_test(t, a_body_beyond_the_limit_is_413);
	tcase_add_test(t, a_run_has_a_time_limit);
	tcase_add_test(t, streams_are_events);
	tcase_add_test(t, a_stream_of_nothing_ends_with_a_result);
	tcase_add_test(t, a_failing_stream_ends_with_an_error);
	tcase_add_test(t, an_input_that_does_not_fit_is_the_only_event);
	tcase_add_test(t, a_client_that_hangs_up_cancels_its_run);
	tcase_add_test(t, a_stream_gets_its_last_event_when_the_server_shuts_down);
	tcase_add_test(t, a_draining_server_answers_only_for_its_health);
	tcase_add_test(t, api_keys_open_the_door_and_become_the_context);
	tcase_add_test(t, a_stranger_is_refused_before_the_body_is_read);
	tcase_add_test(t, no_key_and_an_empty_key_are_refused);
	tcase_add_test(t, a_provider_may_look_at_the_input);
	tcase_add_test(t, without_origins_no_page_may_read);
	tcase_add_test(t, any_origin_may_read_when_so_configured);
	tcase_add_test(t, only_listed_origins_may_read);
	tcase_add_test(t, a_durable_stream_is_replayed);
	tcase_add_test(t, errors_are_replayed_as_errors);
	tcase_add_test(t, an_unknown_stream_is_204);
	tcase_add_test(t, a_stream_id_without_a_store_is_ignored);
	tcase_add_test(t, a_durable_run_goes_on_without_its_client);
	tcase_add_test(t, a_store_without_room_fails_the_run);
	tcase_add_test(t, making_one_survives_a_lack_of_memory);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
