/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Reflection v2 against a manager that is played here: the WebSocket below takes the place of the real one. */
#include "surface.h"
#include "unit.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "core/span.h"
#include "loop/websocket.h"
#include "server/reflection_v2.h"

#include <stdio.h>
#include <unistd.h>

/* --- the socket --- */

struct gk_websocket {
	gk_websocket_opts opts;
};

static gk_websocket *sock; /* the open one */
static unsigned connects;
static bool refuses_url;
static gk_code send_rc;
static size_t pending;
static json_t *sent; /* array */

gk_code gk_websocket_connect(
	gk_loop *loop, const gk_websocket_opts *opts, gk_websocket **ret, gk_error *err)
{
	gk_websocket *made;

	(void)loop;
	if (refuses_url)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "%s is no WebSocket URL", opts->url);
	made = calloc(1, sizeof(*made));
	if (!made)
		return gk_error_no_memory(err);
	if (sock)
		abort(); /* no assertion: memory may be short */
	made->opts = *opts;
	*ret = sock = made;
	connects++;
	return GK_OK;
}

gk_code gk_websocket_send(gk_websocket *mine, const char *text, size_t len, gk_error *err)
{
	json_t *value = NULL;

	ck_assert_ptr_eq(mine, sock);
	if (send_rc != GK_OK) {
		gk_code rc = send_rc;

		send_rc = GK_OK;
		return gk_error_set(err, rc, "no");
	}
	for (size_t i = 0; i < len; i++)
		ck_assert(text[i] >= ' ' && text[i] <= '~');
	ck_assert_int_eq(gk_json_parse(text, len, 0, &value, NULL), GK_OK);
	json_array_append_new(sent, value);
	return GK_OK;
}

size_t gk_websocket_pending(const gk_websocket *mine)
{
	ck_assert_ptr_eq(mine, sock);
	return pending;
}

void gk_websocket_close(gk_websocket *mine, unsigned code)
{
	(void)mine, (void)code;
}

void gk_websocket_free(gk_websocket *mine)
{
	if (!mine)
		return;
	if (mine != sock)
		abort(); /* no assertion: memory may be short */
	free(mine);
	sock = NULL;
}

/* --- the manager --- */

static gk_reflection_v2 *client;
static char telemetry[64];

static void set_telemetry(const char *url, void *user)
{
	(void)user;
	snprintf(telemetry, sizeof(telemetry), "%s", url);
}

static gk_runtime runtime = { .version = "1.2.3", .set_telemetry = set_telemetry };

static void say(const char *text)
{
	gk_auto_json json_t *value = json(text);
	gk_auto_str char *plain = gk_json_write(value, NULL);

	sock->opts.message(plain, strlen(plain), sock->opts.user);
}

static bool has_sent(void *user)
{
	(void)user;
	return json_array_size(sent) > 0;
}

/* The oldest message that has not been looked at, with every id of a trace as T and every stack as S. */
static json_t *next_sent(void)
{
	json_t *first, *params, *details, *telemetry_;

	surface_until(has_sent, NULL);
	first = json_incref(json_array_get(sent, 0));
	json_array_remove(sent, 0);
	params = gk_json_at_peek(first, "params.state");
	if (params)
		json_object_set_new(params, "traceId", json_string("T"));
	telemetry_ = gk_json_at_peek(first, "result.telemetry");
	if (telemetry_)
		json_object_set_new(telemetry_, "traceId", json_string("T"));
	details = gk_json_at_peek(first, "error.data.details");
	if (details) {
		ck_assert(json_is_string(json_object_get(details, "stack")));
		json_object_set_new(details, "stack", json_string("S"));
		if (json_object_get(details, "traceId"))
			json_object_set_new(details, "traceId", json_string("T"));
	}
	return first;
}

static void assert_sent(const char *text)
{
	gk_auto_json json_t *message = next_sent(), *expected = json(text);

	json_object_del(message, "jsonrpc");
	if (!json_equal(message, expected)) {
		gk_auto_str char *got = gk_json_write(message, NULL);

		ck_abort_msg("not %s but %s", text, got);
	}
}

static void assert_nothing_sent(void)
{
	ck_assert_uint_eq(json_array_size(sent), 0);
}

static void open_socket(void)
{
	gk_auto_json json_t *message = NULL;

	sock->opts.opened(sock->opts.user);
	message = next_sent();
	ck_assert_str_eq(gk_json_str_peek(message, "method"), "register");
}

static void close_socket(gk_code why)
{
	gk_error err = { .code = why, .message = (char *)"gone" };

	sock->opts.closed(&err, sock->opts.user);
}

static void setup(void)
{
	surface_start();
	sent = json_array();
	connects = 0;
	refuses_url = false;
	send_rc = GK_OK;
	pending = 0;
	telemetry[0] = '\0';
	ck_assert_int_eq(
		gk_reflection_v2_new(surface_app, &runtime, "ws://127.0.0.1:1", &client, NULL),
		GK_OK);
}

static void teardown(void)
{
	gk_reflection_v2_free(client);
	gk_app_cancel_runs(surface_app);
	surface_stop();
	json_decref(sent);
	ck_assert_ptr_null(sock);
}

static void setup_open(void)
{
	setup();
	open_socket();
}

/* --- the connection --- */

START_TEST(it_registers_when_the_socket_opens)
{
	gk_auto_json json_t *message = NULL;
	char pid[24];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	sock->opts.opened(sock->opts.user);
	message = next_sent();
	ck_assert_str_eq(gk_json_str_peek(message, "jsonrpc"), "2.0");
	ck_assert_str_eq(gk_json_str_peek(message, "id"), "1");
	ck_assert_str_eq(gk_json_str_peek(message, "method"), "register");
	ck_assert_str_eq(gk_json_str_peek(message, "params.id"), pid);
	ck_assert_int_eq(gk_json_int_at(message, "params.pid", 0), getpid());
	ck_assert_str_eq(gk_json_str_peek(message, "params.name"), pid);
	ck_assert_str_eq(gk_json_str_peek(message, "params.genkitVersion"), "c/1.2.3");
	ck_assert_int_eq(gk_json_int_at(message, "params.reflectionApiSpecVersion", 0), 1);
	ck_assert_str_eq(gk_json_str_peek(message, "params.envs[0]"), "dev");
	ck_assert(!gk_reflection_v2_is_registered(client));
	say("{'jsonrpc':'2.0','result':{'telemetryServerUrl':'http://t:1'},'id':'1'}");
	ck_assert(gk_reflection_v2_is_registered(client));
	ck_assert_str_eq(telemetry, "http://t:1");
}
END_TEST

START_TEST(a_registration_that_is_refused_is_none)
{
	sock->opts.opened(sock->opts.user);
	say("{'jsonrpc':'2.0','error':{'code':-32000,'message':'no'},'id':'1'}");
	ck_assert(!gk_reflection_v2_is_registered(client));
	say("{'jsonrpc':'2.0','result':{},'id':'9'}");
	ck_assert(!gk_reflection_v2_is_registered(client));
}
END_TEST

static bool connected_again(void *user)
{
	(void)user;
	return sock != NULL;
}

START_TEST(it_reconnects_after_half_a_second_and_registers_under_a_new_id)
{
	uint64_t before;
	gk_auto_json json_t *message = NULL;

	open_socket();
	before = gk_clock_mono_ms();
	close_socket(GK_OK);
	ck_assert_ptr_null(sock);
	surface_until(connected_again, NULL);
	ck_assert_uint_ge(gk_clock_mono_ms() - before, 500);
	sock->opts.opened(sock->opts.user);
	message = next_sent();
	ck_assert_str_eq(gk_json_str_peek(message, "id"), "2");
}
END_TEST

START_TEST(each_failure_doubles_the_wait_and_success_starts_over)
{
	static const unsigned waits[] = { 500, 1000, 500 };

	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		uint64_t before = gk_clock_mono_ms(), waited;

		if (i == 2)
			open_socket();
		close_socket(GK_UNAVAILABLE);
		surface_until(connected_again, NULL);
		waited = gk_clock_mono_ms() - before;
		ck_assert_uint_ge(waited, waits[i]);
		if (i == 2) /* otherwise it would be 2 s */
			ck_assert_uint_lt(waited, 4 * waits[i]);
	}
}
END_TEST

START_TEST(the_wait_grows_up_to_its_limit)
{
	static const unsigned waits[] = { 10, 20, 40, 40, 40, 40, 40 };
	uint64_t begun = gk_clock_mono_ms();

	gk_reflection_retry_ms = waits[0];
	gk_reflection_retry_max_ms = 40;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		uint64_t before = gk_clock_mono_ms();

		close_socket(GK_UNAVAILABLE);
		surface_until(connected_again, NULL);
		ck_assert_uint_ge(gk_clock_mono_ms() - before, waits[i]);
	}
	gk_reflection_retry_ms = GK_REFLECTION_RETRY_MS;
	gk_reflection_retry_max_ms = GK_REFLECTION_RETRY_MAX_MS;
	ck_assert_uint_lt(gk_clock_mono_ms() - begun, GK_REFLECTION_RETRY_MAX_MS);
}
END_TEST

START_TEST(a_url_that_is_none_is_an_error)
{
	gk_reflection_v2 *other = NULL;
	gk_auto_error gk_error err = { 0 };

	gk_reflection_v2_free(client);
	client = NULL;
	refuses_url = true;
	ck_assert_int_eq(gk_reflection_v2_new(surface_app, &runtime, "x", &other, &err),
		GK_INVALID_ARGUMENT);
	ck_assert_str_eq(err.message, "x is no WebSocket URL");
}
END_TEST

/* --- requests --- */

START_TEST(actions_and_values_are_listed)
{
	gk_auto_json json_t *message = NULL, *value = json("{'name':'demo/echo'}");

	ck_assert_int_eq(
		gk_set_value(surface_app, "defaultModel", "defaultModel", value, NULL), GK_OK);
	say("{'jsonrpc':'2.0','method':'listActions','id':'1'}");
	message = next_sent();
	ck_assert_str_eq(gk_json_str_peek(message, "id"), "1");
	ck_assert_str_eq(
		json_string_value(json_object_get(
			json_object_get(gk_json_at_peek(message, "result.actions"), "/flow/echo"),
			"name")),
		"echo");
	say("{'jsonrpc':'2.0','method':'listValues','params':{'type':'defaultModel'},'id':20}");
	assert_sent("{'result':{'values':{'defaultModel':{'name':'demo/echo'}}},'id':20}");
	say("{'jsonrpc':'2.0','method':'listValues','params':{'type':'prompt'},'id':'3'}");
	json_decref(message);
	message = next_sent();
	ck_assert_int_eq(gk_json_int_at(message, "error.code", 0), -32602);
	ck_assert_str_eq(gk_json_str_peek(message, "error.message"),
		"'type' prompt is not supported. Only 'defaultModel' and 'middleware' are supported");
}
END_TEST

START_TEST(a_run_tells_its_trace_and_then_its_result)
{
	say("{'jsonrpc':'2.0','method':'runAction','params':{'key':'/flow/echo','input':{'a':1},"
	    "'stream':false,'streamInput':false},'id':'5'}");
	assert_sent(
		"{'method':'runActionState','params':{'requestId':'5','state':{'traceId':'T'}}}");
	assert_sent("{'result':{'result':{'a':1},'telemetry':{'traceId':'T'}},'id':'5'}");
	say("{'jsonrpc':'2.0','method':'runAction','params':{'key':'/flow/void'},'id':6}");
	assert_sent("{'method':'runActionState','params':{'requestId':6,'state':{'traceId':'T'}}}");
	assert_sent("{'result':{'telemetry':{'traceId':'T'}},'id':6}");
	assert_nothing_sent();
}
END_TEST

static json_t *last_span; /* attributes of the span that ended last */

static void keep_span(const gk_span *span, void *user)
{
	(void)user;
	json_decref(last_span);
	last_span = gk_span_attributes(span);
}

static const struct {
	const char *params, *result,
		*attribute; /* what the action sees, and the span; NULL: none */
} contexts[] = {
	{ "{'key':'/flow/context'}", "{}", NULL },
	{ "{'key':'/flow/context','context':{}}", "{}", "{}" },
	{ "{'key':'/flow/context','context':{'a':1}}", "{'a':1}", "{\"a\":1}" },
};

/* v1 always passes one (reflection section 1.1). */
START_TEST(a_context_that_is_absent_stays_absent)
{
	static const gk_span_observer observer = { .ended = keep_span };
	gk_auto_str char *request = NULL, *answer = NULL;

	ck_assert(gk_app_add_observer(surface_app, &observer));
	ck_assert_int_gt(
		asprintf(&request, "{'jsonrpc':'2.0','method':'runAction','params':%s,'id':'5'}",
			contexts[_i].params),
		0);
	ck_assert_int_gt(
		asprintf(&answer, "{'result':{'result':%s,'telemetry':{'traceId':'T'}},'id':'5'}",
			contexts[_i].result),
		0);
	say(request);
	assert_sent(
		"{'method':'runActionState','params':{'requestId':'5','state':{'traceId':'T'}}}");
	assert_sent(answer);
	if (contexts[_i].attribute)
		ck_assert_str_eq(gk_json_str_peek(last_span, "genkit:metadata:context"),
			contexts[_i].attribute);
	else
		ck_assert_ptr_null(json_object_get(last_span, "genkit:metadata:context"));
	json_decref(gk_steal(last_span));
}
END_TEST

START_TEST(chunks_are_sent_on_request)
{
	say("{'jsonrpc':'2.0','method':'runAction','params':{'key':'/flow/three','stream':true},'id':'6'}");
	assert_sent(
		"{'method':'runActionState','params':{'requestId':'6','state':{'traceId':'T'}}}");
	for (int i = 0; i < 3; i++) {
		gk_auto_str char *text = NULL;

		ck_assert_int_gt(
			asprintf(&text,
				"{'method':'streamChunk','params':{'requestId':'6','chunk':{'n':%d}}}",
				i),
			0);
		assert_sent(text);
	}
	assert_sent("{'result':{'result':'done','telemetry':{'traceId':'T'}},'id':'6'}");
	say("{'jsonrpc':'2.0','method':'runAction','params':{'key':'/flow/three'},'id':'7'}");
	json_decref(next_sent());
	assert_sent("{'result':{'result':'done','telemetry':{'traceId':'T'}},'id':'7'}");
}
END_TEST

START_TEST(failures_have_a_status_for_data)
{
	say("{'jsonrpc':'2.0','method':'runAction','params':{'key':'/flow/fail'},'id':'9'}");
	json_decref(next_sent());
	assert_sent(
		"{'error':{'code':-32000,'message':'NOT_FOUND: no such dish','data':{'code':5,"
		"'message':'NOT_FOUND: no such dish','details':{'stack':'S','traceId':'T'}}},'id':'9'}");
	say("{'jsonrpc':'2.0','method':'runAction','params':{'key':'/flow/nope'},'id':'7'}");
	assert_sent("{'error':{'code':-32602,'message':'action /flow/nope not found'},'id':'7'}");
	say("{'jsonrpc':'2.0','method':'runAction','params':{'key':'/flow/deep'},'id':'8'}");
	json_decref(next_sent());
	assert_sent(
		"{'error':{'code':-32000,'message':'INTERNAL: the result cannot be written as JSON: it is nested too deeply',"
		"'data':{'code':13,'message':'INTERNAL: the result cannot be written as JSON: it is nested too deeply',"
		"'details':{'stack':'S','traceId':'T'}}},'id':'8'}");
}
END_TEST

START_TEST(an_input_that_does_not_fit_has_no_state)
{
	gk_auto_json json_t *message = NULL;

	say("{'jsonrpc':'2.0','method':'runAction','params':{'key':'/flow/add1','input':'x'},'id':'8'}");
	message = next_sent();
	ck_assert_int_eq(gk_json_int_at(message, "error.code", 0), -32000);
	ck_assert_int_eq(gk_json_int_at(message, "error.data.code", 0), 3);
	ck_assert_ptr_null(gk_json_at_peek(message, "error.data.details.traceId"));
	assert_nothing_sent();
}
END_TEST

START_TEST(what_is_no_request_is_refused)
{
	static const char *const params[] = { "{'input':1}", "{'key':7}", "[]", "5",
		"{'key':'/flow/echo','context':1}" };

	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
		gk_auto_str char *text = NULL;
		gk_auto_json json_t *message = NULL;

		ck_assert_int_gt(
			asprintf(&text,
				"{'jsonrpc':'2.0','method':'runAction','params':%s,'id':'1'}",
				params[i]),
			0);
		say(text);
		message = next_sent();
		ck_assert_int_eq(gk_json_int_at(message, "error.code", 0), -32602);
	}
	say("{'jsonrpc':'2.0','method':'bogus','params':{},'id':'12'}");
	assert_sent("{'error':{'code':-32601,'message':'Method not found: bogus'},'id':'12'}");
	say("{'jsonrpc':'2.0','method':'bogus','params':{}}");
	say("'not an object'");
	sock->opts.message("not json", 8, sock->opts.user);
	assert_nothing_sent();
}
END_TEST

START_TEST(configure_says_where_traces_go)
{
	say("{'jsonrpc':'2.0','method':'configure','params':{'telemetryServerUrl':'http://t:2'}}");
	ck_assert_str_eq(telemetry, "http://t:2");
	say("{'jsonrpc':'2.0','method':'configure'}");
	assert_nothing_sent();
}
END_TEST

/* The trace id of the run that has just begun. */
static void start_waiting(char trace_id[33], const char *id)
{
	gk_auto_str char *text = NULL;
	json_t *first;

	ck_assert_int_gt(
		asprintf(&text,
			"{'jsonrpc':'2.0','method':'runAction','params':{'key':'/flow/wait','stream':true},'id':'%s'}",
			id),
		0);
	say(text);
	first = json_array_get(sent, 0);
	snprintf(trace_id, 33, "%s", gk_json_str_peek(first, "params.state.traceId"));
	json_decref(next_sent());
	json_decref(next_sent());
}

static void cancel(const char *trace_id)
{
	gk_auto_str char *text = NULL;

	ck_assert_int_gt(
		asprintf(&text,
			"{'jsonrpc':'2.0','method':'cancelAction','params':{'traceId':'%s'},'id':'14'}",
			trace_id),
		0);
	say(text);
}

START_TEST(a_run_is_cancelled_by_its_trace)
{
	char trace_id[33];

	start_waiting(trace_id, "13");
	cancel(trace_id);
	assert_sent("{'result':{'message':'Action cancelled'},'id':'14'}");
	cancel(trace_id);
	assert_sent(
		"{'error':{'code':-32602,'message':'Action not found or already completed'},'id':'14'}");
	assert_sent(
		"{'error':{'code':-32000,'message':'Action was cancelled','data':{'code':1,"
		"'message':'Action was cancelled','details':{'stack':'S','traceId':'T'}}},'id':'13'}");
	say("{'jsonrpc':'2.0','method':'cancelAction','params':{},'id':'16'}");
	assert_sent("{'error':{'code':-32602,'message':'traceId is required'},'id':'16'}");
}
END_TEST

START_TEST(a_manager_that_is_behind_holds_the_producer)
{
	pending = GK_MAX_SINK + 1;
	say("{'jsonrpc':'2.0','method':'runAction','params':{'key':'/flow/three','stream':true},'id':'1'}");
	json_decref(next_sent());
	gk_loop_turn(surface_loop, 0);
	assert_nothing_sent();
	pending = 0;
	assert_sent("{'method':'streamChunk','params':{'requestId':'1','chunk':{'n':0}}}");
}
END_TEST

/* --- input streams --- */

START_TEST(chunks_of_input_reach_the_action)
{
	say("{'jsonrpc':'2.0','method':'runAction','params':{'key':'/flow/bidi','stream':true,'streamInput':true},'id':17}");
	json_decref(next_sent());
	say("{'jsonrpc':'2.0','method':'sendInputStreamChunk','params':{'requestId':17,'chunk':'a'}}");
	assert_sent("{'method':'streamChunk','params':{'requestId':17,'chunk':'>a'}}");
	say("{'jsonrpc':'2.0','method':'sendInputStreamChunk','params':{'requestId':17,'chunk':'b'}}");
	say("{'jsonrpc':'2.0','method':'sendInputStreamChunk','params':{'requestId':'17','chunk':'other id'}}");
	say("{'jsonrpc':'2.0','method':'endInputStream','params':{'requestId':17}}");
	say("{'jsonrpc':'2.0','method':'sendInputStreamChunk','params':{'requestId':17,'chunk':'late'}}");
	say("{'jsonrpc':'2.0','method':'endInputStream','params':{'requestId':'zzz'}}");
	assert_sent("{'method':'streamChunk','params':{'requestId':17,'chunk':'>b'}}");
	assert_sent("{'result':{'result':'got 2','telemetry':{'traceId':'T'}},'id':17}");
}
END_TEST

/* "N of INIT": how many inputs came, and what began it. */
static gk_code count_inputs(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc = GK_OK;
	int n = -1;

	for (json_t *item = json_null(); rc == GK_OK && item; n++) {
		json_decref(item);
		item = NULL;
		rc = gk_ctx_receive(ctx, &item, err);
	}
	(void)input;
	*ret = json_sprintf("%d of %s", n, json_string_value(gk_ctx_init(ctx)));
	return rc;
}

/* Takes its time to say that there is such an action. */
static gk_code offer_late(gk_ctx *ctx, gk_action_list *list, void *user, gk_error *err)
{
	gk_action *action = NULL;
	gk_code rc = gk_sleep(ctx, 20, err);

	(void)user;
	if (rc == GK_OK)
		rc = gk_action_new(gk_ctx_app(ctx),
			GK_OPTS(gk_action_opts, .type = "custom", .name = "late", .is_bidi = true,
				.init = "string", .run = count_inputs),
			&action, err);
	if (rc == GK_OK && !gk_action_list_add(list, action))
		rc = gk_error_no_memory(err);
	gk_action_unref(action);
	return rc;
}

START_TEST(chunks_that_come_before_the_action_is_found_are_kept)
{
	ck_assert_int_eq(
		gk_define_action_provider(surface_app,
			GK_OPTS(gk_provider_opts, .name = "slow", .fetch = offer_late), NULL),
		GK_OK);
	say("{'jsonrpc':'2.0','method':'runAction','params':{'key':'/dynamic-action-provider/slow:custom/late',"
	    "'init':'five','streamInput':true},'id':'1'}");
	say("{'jsonrpc':'2.0','method':'sendInputStreamChunk','params':{'requestId':'1','chunk':'a'}}");
	say("{'jsonrpc':'2.0','method':'sendInputStreamChunk','params':{'requestId':'1','chunk':null}}");
	say("{'jsonrpc':'2.0','method':'endInputStream','params':{'requestId':'1'}}");
	assert_nothing_sent();
	assert_sent(
		"{'method':'runActionState','params':{'requestId':'1','state':{'traceId':'T'}}}");
	assert_sent("{'result':{'result':'2 of five','telemetry':{'traceId':'T'}},'id':'1'}");
}
END_TEST

START_TEST(an_init_that_does_not_fit_is_refused_before_the_run)
{
	gk_auto_json json_t *message = NULL;

	ck_assert_int_eq(
		gk_define_action_provider(surface_app,
			GK_OPTS(gk_provider_opts, .name = "slow", .fetch = offer_late), NULL),
		GK_OK);
	say("{'jsonrpc':'2.0','method':'runAction','params':{'key':'/dynamic-action-provider/slow:custom/late',"
	    "'init':5,'streamInput':true},'id':'1'}");
	message = next_sent();
	ck_assert_int_eq(gk_json_int_at(message, "error.data.code", 0), 3);
}
END_TEST

static gk_code talk(gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	gk_code rc = gk_ctx_send(ctx, json_pack("{s:{}}", "modelChunk"), err);

	(void)turn;
	return rc == GK_OK ? gk_agent_add_message_take(
				     session, gk_message_of_text("model", "said"), err)
			   : rc;
}

START_TEST(an_agent_that_was_let_go_does_not_wait_for_a_manager_that_is_behind)
{
	gk_auto_json json_t *answer = NULL, *snapshot = NULL;
	gk_auto_str char *question = NULL;

	ck_assert_int_eq(
		gk_define_agent(surface_app,
			GK_OPTS(gk_agent_opts, .name = "talker", .turn = talk, .is_stored = true),
			NULL),
		GK_OK);
	pending = GK_MAX_SINK + 1;
	say("{'jsonrpc':'2.0','method':'runAction','params':{'key':'/agent/talker','stream':true,'streamInput':true},'id':'1'}");
	json_decref(next_sent());
	say("{'jsonrpc':'2.0','method':'sendInputStreamChunk','params':{'requestId':'1','chunk':"
	    "{'message':{'role':'user','content':[{'text':'talk'}]}}}}");
	for (int i = 0; i < 10; i++)
		gk_loop_turn(surface_loop, 1);
	assert_nothing_sent(); /* the turn waits with its chunk */
	say("{'jsonrpc':'2.0','method':'sendInputStreamChunk','params':{'requestId':'1','chunk':{'detach':true}}}");
	answer = next_sent();
	ck_assert_str_eq(gk_json_str_peek(answer, "result.result.finishReason"), "detached");
	surface_until(surface_is_idle, NULL);
	assert_nothing_sent();
	pending = 0;
	ck_assert_int_gt(
		asprintf(&question,
			"{'jsonrpc':'2.0','method':'runAction','params':{'key':'/agent-snapshot/talker',"
			"'input':{'snapshotId':'%s'}},'id':'2'}",
			gk_json_str_peek(answer, "result.result.snapshotId")),
		0);
	say(question);
	json_decref(next_sent());
	snapshot = next_sent();
	ck_assert_str_eq(gk_json_str_peek(snapshot, "result.result.status"), "completed");
	ck_assert_str_eq(
		gk_json_str_peek(snapshot, "result.result.state.messages[1].content[0].text"),
		"said");
}
END_TEST

START_TEST(a_chunk_that_does_not_fit_fails_the_run)
{
	gk_auto_json json_t *message = NULL;

	say("{'jsonrpc':'2.0','method':'runAction','params':{'key':'/flow/bidi','streamInput':true},'id':'1'}");
	json_decref(next_sent());
	say("{'jsonrpc':'2.0','method':'sendInputStreamChunk','params':{'requestId':'1','chunk':5}}");
	message = next_sent();
	ck_assert_int_eq(gk_json_int_at(message, "error.data.code", 0), 3);
}
END_TEST

START_TEST(without_an_input_stream_a_bidi_action_gets_its_one_input)
{
	say("{'jsonrpc':'2.0','method':'runAction','params':{'key':'/flow/bidi','input':'x'},'id':'1'}");
	json_decref(next_sent());
	assert_sent("{'result':{'result':'got 1','telemetry':{'traceId':'T'}},'id':'1'}");
}
END_TEST

START_TEST(too_many_chunks_of_input_fail_the_run)
{
	gk_auto_json json_t *message = NULL;

	say("{'jsonrpc':'2.0','method':'runAction','params':{'key':'/flow/bidi','streamInput':true},'id':'1'}");
	json_decref(next_sent());
	for (int i = 0; i <= GK_MAX_INPUT_CHUNKS; i++)
		say("{'jsonrpc':'2.0','method':'sendInputStreamChunk','params':{'requestId':'1','chunk':'x'}}");
	message = next_sent();
	ck_assert_int_eq(gk_json_int_at(message, "error.data.code", 0), GK_RESOURCE_EXHAUSTED);
}
END_TEST

START_TEST(two_input_streams_of_one_id_are_refused)
{
	gk_auto_json json_t *message = NULL;

	say("{'jsonrpc':'2.0','method':'runAction','params':{'key':'/flow/bidi','streamInput':true},'id':'1'}");
	json_decref(next_sent());
	say("{'jsonrpc':'2.0','method':'runAction','params':{'key':'/flow/bidi','streamInput':true},'id':'1'}");
	message = next_sent();
	ck_assert_int_eq(gk_json_int_at(message, "error.data.code", 0), GK_ALREADY_EXISTS);
	say("{'jsonrpc':'2.0','method':'endInputStream','params':{'requestId':'1'}}");
	assert_sent("{'result':{'result':'got 0','telemetry':{'traceId':'T'}},'id':'1'}");
}
END_TEST

START_TEST(a_connection_that_closes_ends_input_streams_and_nothing_of_them_is_sent)
{
	for (int fails = 0; fails < 2; fails++) {
		say("{'jsonrpc':'2.0','method':'runAction','params':{'key':'/flow/bidi','streamInput':true},'id':'1'}");
		json_decref(next_sent());
		close_socket(fails ? GK_UNAVAILABLE : GK_OK);
		surface_until(surface_is_idle, NULL);
		surface_until(connected_again, NULL);
		open_socket();
		assert_nothing_sent();
	}
}
END_TEST

START_TEST(a_run_of_an_earlier_connection_can_be_cancelled_on_the_next)
{
	char trace_id[33];

	start_waiting(trace_id, "13");
	close_socket(GK_OK);
	surface_until(connected_again, NULL);
	open_socket();
	ck_assert_uint_eq(gk_app_run_count(surface_app), 1);
	cancel(trace_id);
	assert_sent("{'result':{'message':'Action cancelled'},'id':'14'}");
	surface_until(surface_is_idle, NULL);
	assert_nothing_sent();
}
END_TEST

/* --- the end --- */

START_TEST(a_draining_client_refuses_runs)
{
	gk_auto_json json_t *message = NULL;

	ck_assert(!gk_reflection_v2_is_busy(client));
	gk_reflection_v2_drain(client);
	say("{'jsonrpc':'2.0','method':'runAction','params':{'key':'/flow/echo'},'id':'1'}");
	message = next_sent();
	ck_assert_int_eq(gk_json_int_at(message, "error.data.code", 0), GK_UNAVAILABLE);
}
END_TEST

START_TEST(a_draining_client_ends_what_waits_for_input)
{
	for (int i = 0; i < 3; i++) {
		say("{'jsonrpc':'2.0','method':'runAction','params':{'key':'/flow/bidi','streamInput':true},'id':'1'}");
		json_decref(next_sent());
		say("{'jsonrpc':'2.0','method':'sendInputStreamChunk','params':{'requestId':'1','chunk':'x'}}");
		if (i == 2)
			gk_reflection_v2_drain(client);
		else
			say("{'jsonrpc':'2.0','method':'endInputStream','params':{'requestId':'1'}}");
		assert_sent("{'result':{'result':'got 1','telemetry':{'traceId':'T'}},'id':'1'}");
	}
	surface_until(surface_is_idle, NULL);
	ck_assert(!gk_reflection_v2_is_busy(client));
}
END_TEST

START_TEST(runs_make_it_busy)
{
	char trace_id[33];

	start_waiting(trace_id, "1");
	ck_assert(gk_reflection_v2_is_busy(client));
	gk_app_cancel_runs(surface_app);
	json_decref(next_sent());
	ck_assert(!gk_reflection_v2_is_busy(client));
	pending = 1;
	ck_assert(gk_reflection_v2_is_busy(client));
}
END_TEST

START_TEST(it_may_be_freed_while_runs_go_on)
{
	char trace_id[33];

	start_waiting(trace_id, "1");
	say("{'jsonrpc':'2.0','method':'runAction','params':{'key':'/flow/bidi','streamInput':true},'id':'2'}");
	gk_reflection_v2_free(client);
	client = NULL;
}
END_TEST

START_TEST(a_result_that_cannot_be_sent_becomes_an_error)
{
	say("{'jsonrpc':'2.0','method':'runAction','params':{'key':'/flow/later'},'id':'1'}");
	json_decref(next_sent());
	send_rc = GK_RESOURCE_EXHAUSTED;
	{
		gk_auto_json json_t *message = next_sent();

		ck_assert_int_eq(
			gk_json_int_at(message, "error.data.code", 0), GK_RESOURCE_EXHAUSTED);
	}
}
END_TEST

static bool make_one(void)
{
	gk_reflection_v2 *one = NULL;
	gk_code rc = gk_reflection_v2_new(surface_app, &runtime, "ws://x", &one, NULL);

	gk_reflection_v2_free(one);
	return rc == GK_OK;
}

START_TEST(making_one_survives_a_lack_of_memory)
{
	gk_reflection_v2_free(client);
	client = NULL;
	fault_sweep(make_one);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("reflection v2");
	TCase *t = tcase_create("connection");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, it_registers_when_the_socket_opens);
	tcase_add_test(t, a_registration_that_is_refused_is_none);
	tcase_add_test(t, it_reconnects_after_half_a_second_and_registers_under_a_new_id);
	tcase_add_test(t, each_failure_doubles_the_wait_and_success_starts_over);
	tcase_add_test(t, the_wait_grows_up_to_its_limit);
	tcase_add_test(t, a_url_that_is_none_is_an_error);
	tcase_add_test(t, making_one_survives_a_lack_of_memory);
	suite_add_tcase(s, t);
	t = tcase_create("requests");
	tcase_add_checked_fixture(t, setup_open, teardown);
	tcase_add_test(t, actions_and_values_are_listed);
	tcase_add_test(t, a_run_tells_its_trace_and_then_its_result);
	tcase_add_loop_test(t, a_context_that_is_absent_stays_absent, 0,
		sizeof(contexts) / sizeof(contexts[0]));
	tcase_add_test(t, chunks_are_sent_on_request);
	tcase_add_test(t, failures_have_a_status_for_data);
	tcase_add_test(t, an_input_that_does_not_fit_has_no_state);
	tcase_add_test(t, what_is_no_request_is_refused);
	tcase_add_test(t, configure_says_where_traces_go);
	tcase_add_test(t, a_run_is_cancelled_by_its_trace);
	tcase_add_test(t, a_manager_that_is_behind_holds_the_producer);
	tcase_add_test(t, a_draining_client_refuses_runs);
	tcase_add_test(t, a_draining_client_ends_what_waits_for_input);
	tcase_add_test(t, runs_make_it_busy);
	tcase_add_test(t, it_may_be_freed_while_runs_go_on);
	tcase_add_test(t, a_result_that_cannot_be_sent_becomes_an_error);
	suite_add_tcase(s, t);
	t = tcase_create("input");
	tcase_add_checked_fixture(t, setup_open, teardown);
	tcase_add_test(t, chunks_of_input_reach_the_action);
	tcase_add_test(t, chunks_that_come_before_the_action_is_found_are_kept);
	tcase_add_test(t, an_init_that_does_not_fit_is_refused_before_the_run);
	tcase_add_test(t, an_agent_that_was_let_go_does_not_wait_for_a_manager_that_is_behind);
	tcase_add_test(t, a_chunk_that_does_not_fit_fails_the_run);
	tcase_add_test(t, without_an_input_stream_a_bidi_action_gets_its_one_input);
	tcase_add_test(t, too_many_chunks_of_input_fail_the_run);
	tcase_add_test(t, two_input_streams_of_one_id_are_refused);
	tcase_add_test(t, a_connection_that_closes_ends_input_streams_and_nothing_of_them_is_sent);
	tcase_add_test(t, a_run_of_an_earlier_connection_can_be_cancelled_on_the_next);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
