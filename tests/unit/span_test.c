/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core.h"

#include "base/limits.h"
#include "base/log.h"
#include "core/traceparent.h"

#include <genkit/genkit.h>

static json_t *datas; /* SpanData of what started ("start") and ended ("end") */

static json_t *data_of(const gk_span *span)
{
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);
	json_t *value = NULL;

	gk_span_append_data(&buf, span);
	ck_assert(!gk_buf_failed(&buf));
	ck_assert_int_eq(gk_json_parse(buf.data, buf.len, 0, &value, NULL), GK_OK);
	return value;
}

static void started(const gk_span *span, void *user)
{
	(void)user;
	json_array_append_new(
		datas, json_pack("{s:s, s:o}", "phase", "start", "span", data_of(span)));
}

static void ended(const gk_span *span, void *user)
{
	(void)user;
	json_array_append_new(
		datas, json_pack("{s:s, s:o}", "phase", "end", "span", data_of(span)));
}

static bool wants_all(const gk_span *span, void *user)
{
	(void)span, (void)user;
	return true;
}

static const gk_span_observer watcher = {
	.started = started, .ended = ended, .wants_data = wants_all
};

static void setup(void)
{
	core_start();
	datas = json_array();
	ck_assert(gk_app_add_observer(core_app, &watcher));
}

static void teardown(void)
{
	core_stop();
	json_decref(datas);
}

/* Borrowed; of the last one of that name. */
static json_t *data(const char *phase, const char *name)
{
	for (size_t i = json_array_size(datas); i-- > 0;) {
		json_t *one = json_array_get(datas, i);

		if (!strcmp(gk_json_str_peek(one, "phase"), phase) &&
			!strcmp(gk_json_str_peek(one, "span.displayName"), name))
			return json_object_get(one, "span");
	}
	ck_abort_msg("no span '%s' was shown at its %s", name, phase);
	return NULL;
}

static json_t *attribute(const char *name, const char *key)
{
	return json_object_get(json_object_get(data("end", name), "attributes"), key);
}

static const char *text_of(const char *name, const char *key)
{
	return json_string_value(attribute(name, key));
}

static void run_flow(const char *name, gk_action_fn *fn, void *user, json_t *input_take)
{
	gk_auto_str char *key = NULL;

	ck_assert_int_ge(asprintf(&key, "/flow/%s", name), 0);
	core_flow(name, fn, user);
	json_decref(core_run(key, input_take));
}

/* --- SpanData --- */

static gk_code greet(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	*ret = json_sprintf("h\xc3\xa9 %s", json_string_value(input));
	return GK_OK;
}

START_TEST(an_ended_span_has_every_member_the_telemetry_server_asks_for)
{
	json_t *span;

	run_flow("greet", greet, NULL, json_string("\xc3\xa4"));
	span = data("end", "greet");
	ck_assert_uint_eq(strlen(gk_json_str_peek(span, "spanId")), 16);
	ck_assert_uint_eq(strlen(gk_json_str_peek(span, "traceId")), 32);
	ck_assert_ptr_null(json_object_get(span, "parentSpanId"));
	ck_assert(gk_json_real_at(span, "startTime", 0) > 1.7e12);
	ck_assert(gk_json_real_at(span, "endTime", 0) >= gk_json_real_at(span, "startTime", 0));
	ck_assert_str_eq(gk_json_str_peek(span, "spanKind"), "INTERNAL");
	assert_json(json_object_get(span, "instrumentationLibrary"),
		"{'name':'genkit-tracer','version':'v1'}");
	assert_json(json_object_get(span, "status"), "{'code':0}");
	assert_json(json_object_get(span, "links"), "[]");
	assert_json(json_object_get(span, "timeEvents"), "{'timeEvent':[]}");
	assert_json(json_object_get(span, "sameProcessAsParentSpan"), "{'value':true}");
	ck_assert_str_eq(text_of("greet", "genkit:input"), "\"\xc3\xa4\"");
	ck_assert_str_eq(text_of("greet", "genkit:output"), "\"h\xc3\xa9 \xc3\xa4\"");
}
END_TEST

#define MANY "'a':1,'b':2,'c':3,'d':4,'e':5,'f':6,'g':7,'h':8"

static const char *const with_keys[] = {
	"{'config':{'apiKey':'sk-1'}}",
	"{'input':'x','options':{'x':1,'apiKey':'sk-1'}}",
	"{'message':{},'request':{'messages':[],'config':{'apiKey':'sk-1'}}}",
	"{'config':{'apiKey':'sk-1'},'options':{'apiKey':'sk-1'},'request':{'config':{'apiKey':'sk-1'}}}",
	"{" MANY ",'config':{'apiKey':'sk-1'}}",
	"{" MANY ",'options':{'apiKey':'sk-1'}}",
	"{" MANY ",'request':{'config':{'apiKey':'sk-1'}}}",
};

START_TEST(the_key_of_a_provider_is_not_shown_wherever_it_is_given)
{
	gk_auto_json json_t *shown = json(with_keys[_i]);
	gk_auto_str char *given = gk_json_write(shown, NULL), *all = NULL;
	const char *text;

	run_flow("keys", core_echo, NULL, json_incref(shown));
	all = gk_json_write(datas, NULL);
	ck_assert_ptr_nonnull(strstr(given, "sk-1"));
	ck_assert_ptr_null(strstr(all, "sk-1"));
	text = text_of("keys", "genkit:input");
	ck_assert_ptr_nonnull(strstr(text, "\"apiKey\":\"<redacted>\""));
	ck_assert_str_eq(text_of("keys", "genkit:output"), text);
}
END_TEST

START_TEST(a_span_that_starts_says_all_that_is_known_and_has_no_end)
{
	json_t *span;

	run_flow("greet", greet, NULL, json_string("x"));
	span = data("start", "greet");
	ck_assert_int_eq(gk_json_int_at(span, "endTime", -1), 0);
	assert_json(json_object_get(span, "attributes"),
		"{'genkit:type':'action','genkit:metadata:subtype':'flow','genkit:key':'/flow/greet',"
		"'genkit:name':'greet','genkit:isRoot':true,'genkit:path':'/{greet,t:flow}',"
		"'genkit:input':'\\'x\\''}");
}
END_TEST

START_TEST(milliseconds_have_up_to_six_decimals_and_no_zeros_behind)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = { { 0, "0" }, { 1700000000123000000u, "1700000000123" },
		{ 1700000000123456789u, "1700000000123.456789" },
		{ 1700000000123400000u, "1700000000123.4" }, { 1, "0.000001" } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		gk_auto_buf gk_buf buf = GK_BUF_INIT(0);

		gk_span_append_ms(&buf, cases[i].ns);
		ck_assert_str_eq(buf.data, cases[i].text);
	}
}
END_TEST

static gk_code fail_with(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const gk_error *failure = gk_ctx_user(ctx);

	(void)input, (void)ret;
	return gk_error_copy(err, failure);
}

static void fail_as(gk_error *failure)
{
	core_flow("failing", fail_with, failure);
	core_fail("/flow/failing", NULL, failure->code, NULL);
}

START_TEST(a_failed_span_has_its_status_and_an_exception_with_the_http_code)
{
	gk_error failure = { .code = GK_UNAVAILABLE, .message = (char *)"model is down" };
	json_t *span;

	fail_as(&failure);
	span = data("end", "failing");
	assert_json(json_object_get(span, "status"),
		"{'code':2,'message':'UNAVAILABLE: model is down'}");
	ck_assert_str_eq(gk_json_str_peek(span, "timeEvents.timeEvent[0].annotation.description"),
		"exception");
	assert_json(gk_json_at_peek(span, "timeEvents.timeEvent[0].annotation.attributes"),
		"{'exception.type':'503','exception.message':'UNAVAILABLE: model is down'}");
	ck_assert_str_eq(text_of("failing", "genkit:state"), "error");
	ck_assert(json_is_true(attribute("failing", "genkit:isFailureSource")));
}
END_TEST

START_TEST(what_was_thrown_without_being_an_error_has_a_status_and_no_exception)
{
	gk_error failure = { .code = GK_INTERNAL,
		.is_plain = true,
		.message_missing = true,
		.message = (char *)"plain string" };
	json_t *span;

	fail_as(&failure);
	span = data("end", "failing");
	assert_json(json_object_get(span, "status"), "{'code':2,'message':'plain string'}");
	assert_json(json_object_get(span, "timeEvents"), "{'timeEvent':[]}");
	ck_assert_ptr_null(attribute("failing", "genkit:isFailureSource"));
}
END_TEST

START_TEST(a_cancelled_run_fails_as_an_abort_does)
{
	gk_run *run;

	core_flow("sleepy", core_sleep, NULL);
	run = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/sleepy"));
	gk_run_cancel(run, GK_CANCELLED);
	core_finish(run);
	gk_run_unref(run);
	ck_assert_str_eq(text_of("sleepy", "genkit:state"), "error");
	assert_json(json_object_get(gk_json_at_peek(data("end", "sleepy"),
					    "timeEvents.timeEvent[0].annotation.attributes"),
			    "exception.type"),
		"'20'");
}
END_TEST

/* --- labels, limits --- */

START_TEST(labels_stand_as_they_are_and_cannot_speak_for_genkit)
{
	gk_auto_json json_t *labels =
		json("{'genkitx:ignore-trace':'true','batchRun':'L1','genkit:type':'util','n':3}");
	gk_run *run;

	core_flow("echo", core_echo, NULL);
	run = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/echo", .telemetry_labels = labels));
	core_finish(run);
	gk_run_unref(run);
	ck_assert_str_eq(text_of("echo", "genkitx:ignore-trace"), "true");
	ck_assert_str_eq(text_of("echo", "batchRun"), "L1");
	ck_assert_str_eq(text_of("echo", "genkit:type"), "action");
	assert_json(attribute("echo", "n"), "3");
}
END_TEST

static gk_code talk_much(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input, (void)ret, (void)err;
	for (int i = 0; i < 2 * GK_SPAN_ATTRIBUTES; i++) {
		const char *key = gk_ctx_printf(ctx, "key%d", i);

		gk_ctx_set_metadata(ctx, key, "value");
		gk_ctx_add_event(ctx, key, NULL);
	}
	return GK_OK;
}

START_TEST(a_span_with_too_many_attributes_and_events_keeps_those_of_genkit)
{
	run_flow("talker", talk_much, NULL, NULL);
	ck_assert_uint_eq(json_object_size(json_object_get(data("end", "talker"), "attributes")),
		GK_SPAN_ATTRIBUTES);
	ck_assert_str_eq(text_of("talker", "genkit:state"), "success");
	ck_assert_str_eq(text_of("talker", "genkit:metadata:key0"), "value");
	ck_assert_uint_eq(
		json_array_size(gk_json_at_peek(data("end", "talker"), "timeEvents.timeEvent")),
		GK_SPAN_EVENTS);
}
END_TEST

START_TEST(a_long_attribute_is_cut_between_characters_and_marked)
{
	gk_tracing tracing = { .limits = { .attributes = 64, .events = 8, .attribute_size = 6 } };

	gk_app_set_tracing(core_app, &tracing);
	run_flow("echo", core_echo, NULL, json_string("1234\xc3\xa4\xc3\xa4\xc3\xa4"));
	ck_assert_str_eq(text_of("echo", "genkit:input"), "\"1234\xe2\x80\xa6");
	ck_assert(json_is_true(json_object_get(data("end", "echo"), "truncated")));
	ck_assert_str_eq(text_of("echo", "genkit:type"), "action");
	ck_assert_ptr_null(json_object_get(data("start", "echo"), "links[0]"));
}
END_TEST

START_TEST(an_attribute_may_usually_be_so_long)
{
	const size_t room = GK_SPAN_ATTRIBUTE_SIZE - strlen("\"\"");
	char *text = malloc(room + 2);

	for (size_t more = 0; more < 2; more++) {
		memset(text, 'x', room + more);
		text[room + more] = '\0';
		run_flow(more ? "cut" : "whole", core_echo, NULL, json_string(text));
	}
	ck_assert_ptr_null(json_object_get(data("end", "whole"), "truncated"));
	ck_assert_uint_eq(strlen(text_of("whole", "genkit:input")), GK_SPAN_ATTRIBUTE_SIZE);
	ck_assert(json_is_true(json_object_get(data("end", "cut"), "truncated")));
	ck_assert_uint_eq(strlen(text_of("cut", "genkit:input")),
		GK_SPAN_ATTRIBUTE_SIZE + strlen("\xe2\x80\xa6"));
	free(text);
}
END_TEST

START_TEST(a_span_that_is_not_cut_has_no_mark)
{
	run_flow("echo", core_echo, NULL, json_string("short"));
	ck_assert_ptr_null(json_object_get(data("end", "echo"), "truncated"));
}
END_TEST

/* --- spans of one's own --- */

static gk_code seven(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)err;
	*ret = json_integer(7);
	return GK_OK;
}

static gk_code deep(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input;
	gk_ctx_set_metadata(ctx, "tier", "gold");
	return gk_run_step(ctx, "deep", seven, NULL, NULL, ret, err);
}

static gk_code foreign(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *labels = json("{'foo':'bar','n':3,'arr':['a','b']}");

	(void)input;
	return gk_run_span(ctx,
		GK_OPTS(gk_own_span_opts, .name = "raw", .labels = labels, .library = "my-lib",
			.library_version = "0.9", .kind = GK_SPAN_CLIENT),
		deep, NULL, NULL, ret, err);
}

START_TEST(the_span_of_another_library_has_its_own_attributes_and_no_place_in_paths)
{
	run_flow("outer", foreign, NULL, NULL);
	assert_json(json_object_get(data("end", "raw"), "attributes"),
		"{'foo':'bar','n':3,'arr':['a','b']}");
	assert_json(json_object_get(data("end", "raw"), "instrumentationLibrary"),
		"{'name':'my-lib','version':'0.9'}");
	ck_assert_str_eq(gk_json_str_peek(data("end", "raw"), "spanKind"), "CLIENT");
	ck_assert_str_eq(text_of("deep", "genkit:path"), "/{outer,t:flow}/{deep,t:flowStep}");
	ck_assert_str_eq(gk_json_str_peek(data("end", "deep"), "parentSpanId"),
		gk_json_str_peek(data("end", "raw"), "spanId"));
	ck_assert_ptr_null(attribute("deep", "genkit:lastKnownParentSpanId"));
}
END_TEST

static gk_code user_made(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	return gk_run_span(ctx, GK_OPTS(gk_own_span_opts, .name = "mine", .input = input), deep,
		NULL, input, ret, err);
}

START_TEST(a_span_of_ones_own_has_no_type_and_its_child_knows_the_typed_one_above)
{
	run_flow("outer", user_made, NULL, json("{'a':1}"));
	ck_assert_ptr_null(attribute("mine", "genkit:type"));
	ck_assert_str_eq(text_of("mine", "genkit:path"), "/{outer,t:flow}/{mine}");
	ck_assert_str_eq(text_of("mine", "genkit:input"), "{\"a\":1}");
	assert_json(attribute("mine", "genkit:output"), "7");
	ck_assert_str_eq(text_of("mine", "genkit:metadata:tier"), "gold");
	ck_assert_str_eq(text_of("deep", "genkit:lastKnownParentSpanId"),
		gk_json_str_peek(data("end", "outer"), "spanId"));
	ck_assert_str_eq(text_of("deep", "genkit:output"), "7");
}
END_TEST

static gk_code add_event(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ret, (void)err;
	gk_ctx_add_event(ctx, "milestone", input);
	return GK_OK;
}

START_TEST(an_event_has_its_time_and_attributes)
{
	json_t *event;

	run_flow("eventful", add_event, NULL, json("{'at':1}"));
	event = gk_json_at_peek(data("end", "eventful"), "timeEvents.timeEvent[0]");
	assert_json(json_object_get(event, "annotation"),
		"{'attributes':{'at':1},'description':'milestone'}");
	ck_assert(gk_json_real_at(event, "time", 0) >=
		  gk_json_real_at(data("end", "eventful"), "startTime", 1e30));
}
END_TEST

/* --- trace context --- */

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN  "b7ad6b7169203331"

START_TEST(a_traceparent_is_read_as_w3c_says)
{
	static const struct {
		const char *text;
		bool fits;
	} cases[] = {
		{ "00-" TRACE "-" SPAN "-01", true },
		{ "00-" TRACE "-" SPAN "-00", true },
		{ "cc-" TRACE "-" SPAN "-01-more", true },
		{ "cc-" TRACE "-" SPAN "-01.more", false },
		{ "00-" TRACE "-" SPAN "-01-more", false },
		{ "ff-" TRACE "-" SPAN "-01", false },
		{ "00-00000000000000000000000000000000-" SPAN "-01", false },
		{ "00-" TRACE "-0000000000000000-01", false },
		{ "00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01", false },
		{ "00-" TRACE "-" SPAN, false },
		{ "", false },
	};
	char text[GK_TRACEPARENT_SIZE];
	gk_trace_link link;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(gk_trace_link_parse(&link, cases[i].text) == cases[i].fits, "%s",
			cases[i].text);
	ck_assert(gk_trace_link_parse(&link, "00-" TRACE "-" SPAN "-a5"));
	ck_assert_uint_eq(link.flags, 0xa5);
	gk_traceparent_write(text, link.trace_id, link.span_id, link.flags);
	ck_assert_str_eq(text, "00-" TRACE "-" SPAN "-a5");
}
END_TEST

static gk_code give_traceparent(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input, (void)err;
	*ret = json_string(gk_ctx_traceparent(ctx));
	return GK_OK;
}

static void run_from_afar(bool may_continue)
{
	gk_run *run;

	core_flow("called", give_traceparent, NULL);
	run = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/called",
		.traceparent = "00-" TRACE "-" SPAN "-01", .may_continue_trace = may_continue));
	core_finish(run);
	gk_run_unref(run);
}

START_TEST(a_remote_trace_is_linked_to_by_default)
{
	run_from_afar(true);
	ck_assert_str_ne(gk_json_str_peek(data("end", "called"), "traceId"), TRACE);
	assert_json(json_object_get(data("end", "called"), "links"),
		"[{'context':{'traceId':'" TRACE "','spanId':'" SPAN
		"','isRemote':true,'traceFlags':1},'attributes':{}}]");
}
END_TEST

START_TEST(a_remote_trace_goes_on_when_asked_for)
{
	gk_tracing tracing = { .limits = { 64, 8, 0 }, .continues_remote = true };
	gk_auto_str char *expected = NULL;

	gk_app_set_tracing(core_app, &tracing);
	run_from_afar(true);
	ck_assert_str_eq(gk_json_str_peek(data("end", "called"), "traceId"), TRACE);
	ck_assert_ptr_null(json_object_get(data("end", "called"), "parentSpanId"));
	assert_json(json_object_get(data("end", "called"), "sameProcessAsParentSpan"),
		"{'value':false}");
	assert_json(json_object_get(data("end", "called"), "links"), "[]");
	ck_assert(json_is_true(attribute("called", "genkit:isRoot")));
	ck_assert_str_eq(json_string_value(json_object_get(core_span("called"), "parent")), SPAN);
	ck_assert_int_ge(asprintf(&expected, "\"00-" TRACE "-%s-01\"",
				 gk_json_str_peek(data("end", "called"), "spanId")),
		0);
	ck_assert_str_eq(text_of("called", "genkit:output"), expected);
}
END_TEST

START_TEST(a_surface_that_does_not_trust_its_callers_links_in_any_case)
{
	gk_tracing tracing = { .limits = { 64, 8, 0 }, .continues_remote = true };

	gk_app_set_tracing(core_app, &tracing);
	run_from_afar(false);
	ck_assert_str_ne(gk_json_str_peek(data("end", "called"), "traceId"), TRACE);
}
END_TEST

static size_t state_len, baggage_len;

static void measure_state(const gk_span *span, void *user)
{
	(void)user;
	state_len = span->trace_state ? strlen(span->trace_state) : 0;
	baggage_len = span->baggage ? strlen(span->baggage) : 0;
}

START_TEST(the_state_and_baggage_of_a_remote_trace_may_be_so_long)
{
	static const gk_span_observer observer = { .started = measure_state };
	gk_tracing tracing = { .limits = { 64, 8, 0 }, .continues_remote = true };
	char state[GK_MAX_TRACE_STATE + 2], baggage[GK_MAX_BAGGAGE + 2];

	gk_app_set_tracing(core_app, &tracing);
	core_flow("called", give_traceparent, NULL);
	ck_assert(gk_app_add_observer(core_app, &observer));
	for (size_t more = 0; more < 2; more++) {
		gk_run *run;

		memset(state, 's', sizeof(state));
		memset(baggage, 'b', sizeof(baggage));
		state[GK_MAX_TRACE_STATE + more] = '\0';
		baggage[GK_MAX_BAGGAGE + more] = '\0';
		run = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/called",
			.traceparent = "00-" TRACE "-" SPAN "-01", .trace_state = state,
			.baggage = baggage, .may_continue_trace = true));
		core_finish(run);
		gk_run_unref(run);
		ck_assert_uint_eq(state_len, more ? 0 : GK_MAX_TRACE_STATE);
		ck_assert_uint_eq(baggage_len, more ? 0 : GK_MAX_BAGGAGE);
	}
	gk_app_remove_observer(core_app, &observer);
}
END_TEST

static gk_run *begin_in_trace(uint64_t ms)
{
	gk_auto_json json_t *input = json_integer((json_int_t)ms);

	return core_begin(GK_OPTS(gk_run_opts, .key = "/flow/called", .input = input,
		.traceparent = "00-" TRACE "-" SPAN "-01", .may_continue_trace = true));
}

static gk_code wait_for(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ret;
	return gk_sleep(ctx, (uint64_t)json_integer_value(input), err);
}

START_TEST(of_runs_in_the_same_trace_the_newest_is_found)
{
	gk_tracing tracing = { .limits = { 64, 8, 0 }, .continues_remote = true };
	gk_run *older, *newer;

	gk_app_set_tracing(core_app, &tracing);
	core_flow("called", wait_for, NULL);
	older = begin_in_trace(3600000);
	newer = begin_in_trace(1);
	ck_assert_ptr_eq(gk_app_find_run_peek(core_app, TRACE), newer);
	core_finish(newer);
	ck_assert_ptr_eq(gk_app_find_run_peek(core_app, TRACE), older);
	gk_run_cancel(older, GK_CANCELLED);
	ck_assert_ptr_null(gk_app_find_run_peek(core_app, TRACE));
	core_finish(older);
	gk_run_unref(older);
	gk_run_unref(newer);
}
END_TEST

/* --- engagement --- */

START_TEST(feedback_becomes_a_span_of_the_trace_it_is_about)
{
	const gk_engagement both = { .size = sizeof(both),
		.name = "menu",
		.trace_id = TRACE,
		.span_id = SPAN,
		.feedback = "positive",
		.text = "nice",
		.acceptance = "rejected" };

	ck_assert_int_eq(gk_collect_engagement(core_app, &both, NULL), GK_OK);
	ck_assert_str_eq(gk_json_str_peek(data("end", "user-feedback"), "traceId"), TRACE);
	ck_assert_str_eq(gk_json_str_peek(data("end", "user-feedback"), "parentSpanId"), SPAN);
	assert_json(json_object_get(data("end", "user-feedback"), "attributes"),
		"{'genkit:type':'userEngagement','genkit:metadata:subtype':'userFeedback',"
		"'genkit:name':'user-feedback','genkit:path':'/{menu}',"
		"'genkit:metadata:feedbackValue':'positive','genkit:metadata:textFeedback':'nice'}");
	ck_assert_str_eq(text_of("user-acceptance", "genkit:metadata:acceptanceValue"), "rejected");
}
END_TEST

START_TEST(feedback_that_is_none_is_refused)
{
	const gk_engagement wrong[] = {
		{ .name = "f", .trace_id = "x", .span_id = SPAN, .feedback = "positive" },
		{ .name = "f", .trace_id = TRACE, .span_id = NULL, .feedback = "positive" },
		{ .trace_id = TRACE, .span_id = SPAN, .feedback = "positive" },
		{ .name = "f", .trace_id = TRACE, .span_id = SPAN, .feedback = "so-so" },
		{ .name = "f", .trace_id = TRACE, .span_id = SPAN, .acceptance = "perhaps" },
		{ .name = "f", .trace_id = TRACE, .span_id = SPAN, .text = "nice" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_int_eq(
			gk_collect_engagement(core_app, &wrong[i], NULL), GK_INVALID_ARGUMENT);
	ck_assert_uint_eq(json_array_size(datas), 0);
}
END_TEST

/* --- logs --- */

static json_t *records;

static void tap(const gk_log_record *record, void *user)
{
	(void)user;
	json_array_append_new(
		records, json_pack("{s:i, s:s, s:s, s:s?, s:O?}", "level", (int)record->level,
				 "message", record->message, "component", record->component, "span",
				 record->span_id, "attributes", record->attributes));
}

static void nowhere(const gk_log_record *record, void *user)
{
	(void)record, (void)user;
}

static gk_code say(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ret, (void)err;
	gk_ctx_log(ctx, GK_LOG_WARN, input, "careful %s", "now");
	gk_ctx_log(ctx, GK_LOG_DEBUG, NULL, "too quiet to be heard");
	return GK_OK;
}

START_TEST(a_log_record_has_the_span_and_the_attributes_it_was_given)
{
	records = json_array();
	gk_log_set_sink(nowhere, NULL);
	ck_assert(gk_log_add_tap(tap, NULL));
	run_flow("speaker", say, NULL, json("{'k':'v'}"));
	gk_log_remove_tap(tap, NULL);
	ck_assert_uint_eq(json_array_size(records), 1);
	assert_json(json_object_get(json_array_get(records, 0), "attributes"), "{'k':'v'}");
	ck_assert_str_eq(gk_json_str_peek(records, "[0].message"), "careful now");
	ck_assert_str_eq(gk_json_str_peek(records, "[0].component"), "speaker");
	ck_assert_str_eq(gk_json_str_peek(records, "[0].span"),
		gk_json_str_peek(data("end", "speaker"), "spanId"));
	json_decref(records);
}
END_TEST

START_TEST(no_more_taps_are_taken_than_there_is_room_for)
{
	for (int i = 0; i < GK_MAX_LOG_TAPS; i++)
		ck_assert(gk_log_add_tap(nowhere, NULL));
	ck_assert(!gk_log_add_tap(nowhere, NULL));
	gk_log_remove_tap(nowhere, NULL);
	ck_assert(gk_log_add_tap(nowhere, NULL));
	gk_log_remove_tap(nowhere, NULL);
}
END_TEST

/* --- memory --- */

static const gk_span *written;

static bool write_it(void)
{
	gk_buf buf = GK_BUF_INIT(0);
	bool worked;

	gk_span_append_data(&buf, written);
	worked = !gk_buf_failed(&buf);
	gk_buf_done(&buf);
	return worked;
}

static void write_it_without_memory(const gk_span *span, void *user)
{
	written = span;
	fault_sweep(write_it);
	*(bool *)user = true;
}

START_TEST(a_span_that_cannot_be_written_for_want_of_memory_says_so)
{
	bool swept = false;
	const gk_span_observer writer = { .ended = write_it_without_memory, .user = &swept };

	ck_assert(gk_app_add_observer(core_app, &writer));
	run_flow("outer", user_made, NULL, json("{'a':1}"));
	ck_assert(swept);
	gk_app_remove_observer(core_app, &writer);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("span");
	TCase *tc = tcase_create("spans");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, an_ended_span_has_every_member_the_telemetry_server_asks_for);
	tcase_add_loop_test(tc, the_key_of_a_provider_is_not_shown_wherever_it_is_given, 0,
		sizeof(with_keys) / sizeof(with_keys[0]));
	tcase_add_test(tc, a_span_that_starts_says_all_that_is_known_and_has_no_end);
	tcase_add_test(tc, milliseconds_have_up_to_six_decimals_and_no_zeros_behind);
	tcase_add_test(tc, a_failed_span_has_its_status_and_an_exception_with_the_http_code);
	tcase_add_test(tc, what_was_thrown_without_being_an_error_has_a_status_and_no_exception);
	tcase_add_test(tc, a_cancelled_run_fails_as_an_abort_does);
	tcase_add_test(tc, labels_stand_as_they_are_and_cannot_speak_for_genkit);
	tcase_add_test(tc, a_span_with_too_many_attributes_and_events_keeps_those_of_genkit);
	tcase_add_test(tc, a_long_attribute_is_cut_between_characters_and_marked);
	tcase_add_test(tc, an_attribute_may_usually_be_so_long);
	tcase_add_test(tc, a_span_that_is_not_cut_has_no_mark);
	tcase_add_test(tc, the_state_and_baggage_of_a_remote_trace_may_be_so_long);
	tcase_add_test(
		tc, the_span_of_another_library_has_its_own_attributes_and_no_place_in_paths);
	tcase_add_test(tc, a_span_of_ones_own_has_no_type_and_its_child_knows_the_typed_one_above);
	tcase_add_test(tc, an_event_has_its_time_and_attributes);
	tcase_add_test(tc, a_traceparent_is_read_as_w3c_says);
	tcase_add_test(tc, a_remote_trace_is_linked_to_by_default);
	tcase_add_test(tc, a_remote_trace_goes_on_when_asked_for);
	tcase_add_test(tc, a_surface_that_does_not_trust_its_callers_links_in_any_case);
	tcase_add_test(tc, of_runs_in_the_same_trace_the_newest_is_found);
	tcase_add_test(tc, feedback_becomes_a_span_of_the_trace_it_is_about);
	tcase_add_test(tc, feedback_that_is_none_is_refused);
	tcase_add_test(tc, a_log_record_has_the_span_and_the_attributes_it_was_given);
	tcase_add_test(tc, no_more_taps_are_taken_than_there_is_room_for);
	tcase_add_test(tc, a_span_that_cannot_be_written_for_want_of_memory_says_so);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
