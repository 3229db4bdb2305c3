/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core.h"

#include "base/limits.h"
#include "json/edit.h"
#include "telemetry/otlp_write.h"

#include <genkit/genkit.h>

/* --- reading --- */

static gk_otlp_content content;

static gk_code read_body(gk_otlp_encoding encoding, gk_otlp_signal signal, const char *body,
	size_t len, gk_error *err)
{
	return gk_otlp_read(GK_OPTS(gk_otlp_source, .encoding = encoding, .signal = signal,
				    .body = body, .len = len),
		&content, err);
}

static void read_json(const char *text)
{
	gk_auto_json json_t *value = json(text);
	gk_auto_str char *body = gk_json_write(value, NULL);
	gk_error err = { 0 };

	if (read_body(GK_OTLP_JSON, GK_OTLP_ANY, body, strlen(body), &err) != GK_OK)
		ck_abort_msg("%s", err.message);
}

static void refuse_json(const char *text, gk_code code, const char *message)
{
	gk_auto_json json_t *value = json(text);
	gk_auto_str char *body = gk_json_write(value, NULL);
	gk_error err = { 0 };

	ck_assert_int_eq(read_body(GK_OTLP_JSON, GK_OTLP_ANY, body, strlen(body), &err), code);
	assert_error(&err, code, message);
}

#define TRACE "5b8efff798038103d269b633813fc60c"
#define SPANS(spans)                                                                               \
	"{'resourceSpans':[{'scopeSpans':[{'scope':{'name':'lib','version':'1'},'spans':[" spans   \
	"]}]}]}"
#define SPAN(more)                                                                                 \
	"{'traceId':'" TRACE "','spanId':'eee19b7ec3c1b174','name':'root','kind':2,"               \
	"'startTimeUnixNano':'1544712660123456789','endTimeUnixNano':1544712661987654321" more "}"

static json_t *only_span(void)
{
	json_t *spans = gk_json_at_peek(content.traces, "[0].spans");

	return json_object_iter_value(json_object_iter(spans));
}

START_TEST(a_span_becomes_genkits_own)
{
	read_json(SPANS(SPAN("")));
	assert_json(content.traces,
		"[{'traceId':'" TRACE "','spans':{'eee19b7ec3c1b174':{'spanId':'eee19b7ec3c1b174',"
		"'traceId':'" TRACE "','startTime':1544712660123,'endTime':1544712661988,"
		"'attributes':{},'displayName':'root','instrumentationLibrary':{'name':'lib',"
		"'version':'1'},'spanKind':'SERVER'}}}]");
	gk_otlp_content_done(&content);
}
END_TEST

START_TEST(every_kind_of_attribute_is_read)
{
	read_json(SPANS(SPAN(
		",'attributes':[{'key':'s','value':{'stringValue':'x'}},{'key':'i','value':{'intValue':5}},"
		"{'key':'t','value':{'intValue':'12345678901234'}},{'key':'big','value':{'intValue':'9223372036854775807'}},"
		"{'key':'js','value':{'intValue':1.5}},{'key':'b','value':{'boolValue':false}},"
		"{'key':'d','value':{'doubleValue':1.5}},{'key':'a','value':{'arrayValue':{'values':[{'stringValue':'a'},{'intValue':1},{}]}}},"
		"{'key':'m','value':{'kvlistValue':{'values':[{'key':'k','value':{'stringValue':'v'}}]}}},"
		"{'key':'y','value':{'bytesValue':'AAE='}},{'key':'none','value':{}},{'key':'less'}]")));
	assert_json(json_object_get(only_span(), "attributes"),
		"{'s':'x','i':5,'t':12345678901234,'big':'9223372036854775807','js':1.5,'b':false,"
		"'d':1.5,'a':['a',1,null],'m':{'k':'v'},'y':'AAE='}");
	gk_otlp_content_done(&content);
}
END_TEST

START_TEST(what_legal_senders_leave_out_is_not_missed)
{
	read_json(
		"{'resourceSpans':[{'resource':{'attributes':[{'key':'service.name','value':"
		"{'stringValue':'s'}}]},'scopeSpans':[{'spans':[{'traceId':'" TRACE
		"','spanId':'AAA19b7ec3c1b174','parentSpanId':'','name':'n','status':{}}]},{}]},{}]}");
	assert_json(only_span(),
		"{'spanId':'aaa19b7ec3c1b174','traceId':'" TRACE
		"','parentSpanId':'','startTime':0,'endTime':0,'attributes':{'genkitd:resource':"
		"{'service.name':'s'}},'displayName':'n','instrumentationLibrary':{'name':''},"
		"'spanKind':'UNSPECIFIED'}");
	gk_otlp_content_done(&content);
	read_json("{'somethingNew':[1]}");
	assert_json(content.traces, "[]");
	assert_json(content.logs, "[]");
	gk_otlp_content_done(&content);
}
END_TEST

START_TEST(events_links_and_the_status_are_kept)
{
	read_json(SPANS(SPAN(",'status':{'code':2,'message':'bad'},'events':[{'timeUnixNano':"
			     "'1500000','name':'exception','attributes':[{'key':'exception.type',"
			     "'value':{'stringValue':'E'}}]}],'links':[{'traceId':'" TRACE
			     "','spanId':'eee19b7ec3c1b173'}]")));
	assert_json(json_object_get(only_span(), "status"), "{'code':2,'message':'bad'}");
	assert_json(json_object_get(only_span(), "timeEvents"),
		"{'timeEvent':[{'time':2,'annotation':{'attributes':{'exception.type':'E'},"
		"'description':'exception'}}]}");
	assert_json(json_object_get(only_span(), "links"),
		"[{'context':{'traceId':'" TRACE "','spanId':'eee19b7ec3c1b173','traceFlags':0},"
		"'attributes':{}}]");
	gk_otlp_content_done(&content);
}
END_TEST

START_TEST(spans_can_be_hung_below_a_span_of_ours)
{
	gk_auto_json json_t *value = json(SPANS(SPAN("") ",{'traceId':'ff','spanId':'aa',"
							 "'parentSpanId':'bb','name':'n'}"));
	gk_auto_str char *body = gk_json_write(value, NULL);
	json_t *spans;

	ck_assert_int_eq(
		gk_otlp_read(GK_OPTS(gk_otlp_source, .encoding = GK_OTLP_JSON,
				     .signal = GK_OTLP_ANY, .body = body, .len = strlen(body),
				     .parent_trace_id = "pT", .parent_span_id = "pS"),
			&content, NULL),
		GK_OK);
	ck_assert_uint_eq(json_array_size(content.traces), 1);
	spans = gk_json_at_peek(content.traces, "[0].spans");
	ck_assert_str_eq(gk_json_str_peek(spans, "eee19b7ec3c1b174.parentSpanId"), "pS");
	ck_assert_str_eq(gk_json_str_peek(spans, "eee19b7ec3c1b174.traceId"), "pT");
	ck_assert_str_eq(gk_json_str_peek(spans, "aa.parentSpanId"), "bb");
	assert_json(gk_json_at_peek(spans, "aa.attributes"), "{'genkit:otlp-traceId':'ff'}");
	gk_otlp_content_done(&content);
}
END_TEST

START_TEST(log_records_are_read_with_whatever_body_and_time_they_have)
{
	read_json("{'resourceLogs':[{'scopeLogs':[{'scope':{'name':'l','version':''},'logRecords':["
		  "{'timeUnixNano':'1700000000123000000','severityNumber':9,'severityText':'INFO',"
		  "'body':{'stringValue':'one'},'traceId':'" TRACE "','spanId':'eee19b7ec3c1b174'},"
		  "{'observedTimeUnixNano':'1700000000456000000','body':{'kvlistValue':{'values':"
		  "[{'key':'a','value':{'intValue':1}}]}}}]}]}]}");
	assert_json(content.logs,
		"[{'body':'one','traceId':'" TRACE "','spanId':'eee19b7ec3c1b174','timestamp':"
		"1700000000123,'severityNumber':9,'severityText':'INFO','attributes':{},"
		"'instrumentationLibrary':{'name':'l','version':''}},{'body':{'a':1},'timestamp':"
		"1700000000456,'attributes':{},'instrumentationLibrary':{'name':'l','version':''}}]");
	gk_otlp_content_done(&content);
}
END_TEST

START_TEST(a_span_without_ids_is_refused_and_the_others_are_not)
{
	gk_auto_buf gk_buf answer = GK_BUF_INIT(0);

	read_json(SPANS(SPAN("") ",{'name':'lost'}"));
	ck_assert_uint_eq(content.rejected, 1);
	ck_assert_uint_eq(json_array_size(content.traces), 1);
	gk_otlp_append_answer(&answer, GK_OTLP_JSON, GK_OTLP_TRACES, content.rejected, "no ids");
	ck_assert_str_eq(answer.data,
		"{\"partialSuccess\":{\"rejectedSpans\":\"1\",\"errorMessage\":\"no ids\"}}");
	gk_otlp_content_done(&content);
}
END_TEST

START_TEST(what_is_of_another_type_is_refused_by_name)
{
	refuse_json("{'resourceSpans':{}}", GK_INVALID_ARGUMENT,
		"OTLP: 'resourceSpans' must be an array");
	refuse_json(SPANS("{'name':7}"), GK_INVALID_ARGUMENT, "OTLP: 'name' must be a string");
	refuse_json(SPANS("{'kind':'x'}"), GK_INVALID_ARGUMENT, "OTLP: 'kind' must be an integer");
	refuse_json(SPANS("1"), GK_INVALID_ARGUMENT, "OTLP: a Span must be an object");
}
END_TEST

static gk_code read_protobuf(const void *body, size_t len, gk_error *err)
{
	return read_body(GK_OTLP_PROTOBUF, GK_OTLP_TRACES, body, len, err);
}

START_TEST(protobuf_that_is_none_is_refused)
{
	static const char *const bodies[] = { "\x0a",
		"\x0a\x05"
		"abc",
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x0b", "\x0a\x02\x12\x01",
		"\x09"
		"abc" };
	gk_error err = { 0 };

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		ck_assert_int_eq(
			read_protobuf(bodies[i], strlen(bodies[i]), &err), GK_INVALID_ARGUMENT);
		gk_error_clear(&err);
	}
}
END_TEST

/* An AnyValue in an ArrayValue in an AnyValue ..., each with its length before it. */
static void nest(gk_buf *buf, size_t depth)
{
	gk_buf_clear(buf);
	for (size_t i = 0; i < depth; i++) {
		gk_auto_buf gk_buf inner = GK_BUF_INIT(0);

		gk_buf_put(&inner, buf->data ? buf->data : "", buf->len);
		gk_buf_clear(buf);
		gk_buf_putc(buf, i % 2 ? '\x2a' : '\x0a');
		for (size_t len = inner.len;; len >>= 7) {
			gk_buf_putc(buf, (char)((len & 0x7f) | (len > 0x7f ? 0x80 : 0)));
			if (len <= 0x7f)
				break;
		}
		gk_buf_put(buf, inner.data, inner.len);
	}
}

START_TEST(protobuf_that_is_nested_too_deep_is_refused_before_it_is_unpacked)
{
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);
	ProtobufCMessage *message = NULL;
	gk_otlp_memory memory;
	gk_error err = { 0 };

	nest(&buf, 20000);
	gk_otlp_memory_init(&memory, buf.len);
	ck_assert_int_eq(gk_otlp_parse(&gk_otlp__any_value__descriptor, GK_OTLP_PROTOBUF, buf.data,
				 buf.len, &memory, &message, &err),
		GK_RESOURCE_EXHAUSTED);
	assert_error(&err, GK_RESOURCE_EXHAUSTED, "protobuf: nested more than 100 deep");
	nest(&buf, GK_MAX_OTLP_DEPTH + 2);
	ck_assert_int_eq(gk_otlp_parse(&gk_otlp__any_value__descriptor, GK_OTLP_PROTOBUF, buf.data,
				 buf.len, &memory, &message, NULL),
		GK_RESOURCE_EXHAUSTED);
	nest(&buf, GK_MAX_OTLP_DEPTH);
	ck_assert_int_eq(gk_otlp_parse(&gk_otlp__any_value__descriptor, GK_OTLP_PROTOBUF, buf.data,
				 buf.len, &memory, &message, &err),
		GK_OK);
	protobuf_c_message_free_unpacked(message, &memory.allocator);
	ck_assert_uint_eq(memory.used, 0);
}
END_TEST

START_TEST(a_request_that_would_unfold_to_much_memory_is_refused)
{
	size_t count = 100000;
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);
	gk_error err = { 0 };

	for (size_t i = 0; i < count; i++)
		gk_buf_put(&buf, "\x0a\x00", 2); /* an empty ResourceSpans */
	ck_assert_int_eq(read_protobuf(buf.data, buf.len, &err), GK_RESOURCE_EXHAUSTED);
	gk_error_clear(&err);
}
END_TEST

START_TEST(a_request_with_too_many_spans_is_refused)
{
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);
	gk_error err = { 0 };

	gk_buf_puts(&buf, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{}");
	for (size_t i = 0; i < GK_MAX_OTLP_ITEMS; i++)
		gk_buf_puts(&buf, ",{\"name\":\"a name that is long enough\"}");
	gk_buf_puts(&buf, "]}]}]}");
	ck_assert_int_eq(read_body(GK_OTLP_JSON, GK_OTLP_ANY, buf.data, buf.len, &err),
		GK_RESOURCE_EXHAUSTED);
	gk_error_clear(&err);
}
END_TEST

START_TEST(an_answer_tells_what_was_refused)
{
	static const gk_otlp_encoding encodings[] = { GK_OTLP_PROTOBUF, GK_OTLP_JSON };

	for (size_t i = 0; i < 2; i++) {
		gk_auto_buf gk_buf answer = GK_BUF_INIT(0), none = GK_BUF_INIT(0);
		gk_auto_str char *why = NULL, *nothing = NULL;
		const char *type = gk_otlp_content_type(encodings[i]);

		gk_otlp_append_answer(&answer, encodings[i], GK_OTLP_LOGS, 3, "too old");
		ck_assert_uint_eq(gk_otlp_read_answer(type, answer.data, answer.len, &why), 3);
		ck_assert_str_eq(why, "too old");
		gk_otlp_append_answer(&none, encodings[i], GK_OTLP_LOGS, 0, NULL);
		ck_assert_uint_eq(gk_otlp_read_answer(type, none.data, none.len, &nothing), 0);
		ck_assert_ptr_null(nothing);
		ck_assert_uint_eq(gk_otlp_read_answer(type, "\xff\xff", 2, &nothing), 0);
		ck_assert_uint_eq(gk_otlp_read_answer("text/html", "<p>", 3, &nothing), 0);
		ck_assert_uint_eq(gk_otlp_read_answer(NULL, "{}", 2, &nothing), 0);
	}
}
END_TEST

START_TEST(a_content_type_names_its_encoding)
{
	gk_otlp_encoding encoding;

	ck_assert(gk_otlp_encoding_of("application/x-protobuf", &encoding));
	ck_assert_int_eq(encoding, GK_OTLP_PROTOBUF);
	ck_assert(gk_otlp_encoding_of("Application/JSON; charset=utf-8", &encoding));
	ck_assert_int_eq(encoding, GK_OTLP_JSON);
	ck_assert(!gk_otlp_encoding_of("application/jsonl", &encoding));
}
END_TEST

/* --- writing --- */

static gk_otlp_style style;
static gk_otlp_encoding out;
static json_t *sent; /* [{own: SpanData, read: SpanData}] */

static void send_and_read(const gk_span *span, void *user)
{
	GkOtlp__TraceRequest request = GK_OTLP__TRACE_REQUEST__INIT;
	GkOtlp__ResourceSpans resource = GK_OTLP__RESOURCE_SPANS__INIT, *resources = &resource;
	GkOtlp__ScopeSpans scope = GK_OTLP__SCOPE_SPANS__INIT, *scopes = &scope;
	gk_auto_buf gk_buf body = GK_BUF_INIT(0), own = GK_BUF_INIT(0);
	gk_arena arena = { 0 };
	GkOtlp__Span *made = gk_otlp_span(&arena, span, &style);
	const char *version, *name = gk_span_library(span, &version);
	json_t *data = NULL;
	gk_error err = { 0 };

	(void)user;
	ck_assert_ptr_nonnull(made);
	request.resource_spans = &resources;
	request.n_resource_spans = resource.n_scope_spans = scope.n_spans = 1;
	resource.scope_spans = &scopes;
	scope.scope = gk_otlp_scope(&arena, name, version);
	scope.spans = &made;
	gk_otlp_append(&body, out, &request.base);
	if (read_body(out, GK_OTLP_TRACES, body.data, body.len, &err) != GK_OK)
		ck_abort_msg("%s", err.message);
	gk_span_append_data(&own, span);
	ck_assert_int_eq(gk_json_parse(own.data, own.len, 0, &data, NULL), GK_OK);
	json_array_append_new(sent, json_pack("{s:o, s:O}", "own", data, "read", only_span()));
	gk_otlp_content_done(&content);
	gk_arena_done(&arena);
}

static const gk_span_observer sender = { .ended = send_and_read };

static gk_code find_nothing(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)ret;
	gk_ctx_add_event(ctx, "before", NULL);
	return gk_error_set(err, GK_NOT_FOUND, "nothing here");
}

static gk_code call_fail(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *labels = json("{'n':3,'d':1.5,'yes':true,'arr':['a','b']}");
	gk_auto_error gk_error swallowed = { 0 };

	(void)err;
	*ret = json_pack("{s:{s:i,s:i}, s:s}", "usage", "inputTokens", 12, "outputTokens", 8,
		"finishReason", "stop");
	gk_ctx_set_metadata(ctx, "tier", "gold");
	if (gk_run_step(ctx, "bad", find_nothing, NULL, input, NULL, &swallowed) == GK_OK ||
		gk_run_span(ctx,
			GK_OPTS(gk_own_span_opts, .name = "lib", .library = "l", .labels = labels,
				.kind = GK_SPAN_CLIENT),
			core_echo, NULL, NULL, NULL, &swallowed) != GK_OK)
		return GK_INTERNAL;
	return GK_OK;
}

static void run_model(void)
{
	gk_run *run;

	sent = json_array();
	ck_assert(gk_app_add_observer(core_app, &sender));
	core_model("mock/m", call_fail);
	run = core_begin(GK_OPTS(gk_run_opts, .key = "/model/mock/m", .input = json_true(),
		.traceparent = "00-" TRACE "-eee19b7ec3c1b174-01"));
	core_finish(run);
	gk_run_unref(run);
	gk_app_remove_observer(core_app, &sender);
}

static json_t *sent_span(const char *form, const char *name)
{
	json_t *one;
	size_t i;

	json_array_foreach (sent, i, one)
		if (!strcmp(gk_json_str_peek(json_object_get(one, form), "displayName"), name))
			return json_object_get(one, form);
	ck_abort_msg("no span '%s' was sent", name);
	return NULL;
}

/* What both forms say alike; the marks are OTLP's alone. */
static void assert_same(const char *name)
{
	static const char *const members[] = { "spanId", "traceId", "parentSpanId", "displayName",
		"instrumentationLibrary", "spanKind" };
	json_t *own = sent_span("own", name), *read = sent_span("read", name), *value;
	const char *key;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		ck_assert_msg(gk_json_equal(json_object_get(own, members[i]),
				      json_object_get(read, members[i])),
			"%s of %s", members[i], name);
	json_object_foreach (json_object_get(own, "attributes"), key, value)
		ck_assert_msg(gk_json_equal(value,
				      json_object_get(json_object_get(read, "attributes"), key)),
			"%s of %s", key, name);
}

static void setup(void)
{
	core_start();
	style = (gk_otlp_style){ .shows_io = true };
}

static void teardown(void)
{
	core_stop();
	json_decref(sent);
	sent = NULL;
}

START_TEST(a_span_that_is_sent_reads_as_it_was)
{
	out = (gk_otlp_encoding)_i;
	run_model();
	assert_same("mock/m");
	assert_same("bad");
	assert_same("lib");
	assert_json(json_object_get(sent_span("read", "bad"), "status"),
		"{'code':2,'message':'NOT_FOUND: nothing here'}");
	ck_assert_uint_eq(
		json_array_size(gk_json_at_peek(sent_span("read", "bad"), "timeEvents.timeEvent")),
		2);
	ck_assert_str_eq(
		gk_json_str_peek(sent_span("read", "mock/m"), "links[0].context.traceId"), TRACE);
	ck_assert_int_eq(llabs(gk_json_int_at(sent_span("read", "mock/m"), "startTime", 0) -
				 (long long)gk_json_real_at(
					 sent_span("own", "mock/m"), "startTime", 0)) <= 1,
		1);
}
END_TEST

static const char *sent_attribute(const char *name, const char *key)
{
	return json_string_value(
		json_object_get(json_object_get(sent_span("read", name), "attributes"), key));
}

START_TEST(inputs_and_outputs_are_not_shown_unless_asked_for)
{
	style = (gk_otlp_style){ 0 };
	run_model();
	ck_assert_str_eq(sent_attribute("mock/m", "genkit:input"), "<redacted>");
	ck_assert_str_eq(sent_attribute("mock/m", "genkit:output"), "<redacted>");
	ck_assert_str_eq(sent_attribute("bad", "genkit:output"), "<redacted>");
	ck_assert_ptr_null(sent_attribute("lib", "genkit:output"));
}
END_TEST

START_TEST(spans_are_marked_for_back_ends)
{
	run_model();
	ck_assert_str_eq(sent_attribute("mock/m", "genkit:rootState"), "success");
	ck_assert_str_eq(sent_attribute("mock/m", "genkit:feature"), "mock/m");
	ck_assert_str_eq(sent_attribute("mock/m", "genkit:model"), "mock/m");
	ck_assert_str_eq(sent_attribute("bad", "/http/status_code"), "599");
	ck_assert_str_eq(sent_attribute("bad", "genkit:failedSpan"), "bad");
	ck_assert_str_eq(
		sent_attribute("bad", "genkit:failedPath"), "/{mock/m,t:action}/{bad,t:flowStep}");
	ck_assert_ptr_null(sent_attribute("bad", "genkit:feature"));
}
END_TEST

START_TEST(keys_are_normalised_and_semantic_attributes_added_on_request)
{
	style = (gk_otlp_style){ .normalizes_keys = true, .has_gen_ai = true };
	run_model();
	ck_assert_str_eq(sent_attribute("mock/m", "genkit/metadata/tier"), "gold");
	ck_assert_ptr_null(sent_attribute("mock/m", "genkit:name"));
	ck_assert_str_eq(sent_attribute("mock/m", "gen_ai.request.model"), "mock/m");
	assert_json(json_object_get(json_object_get(sent_span("read", "mock/m"), "attributes"),
			    "gen_ai.usage.input_tokens"),
		"12");
	assert_json(json_object_get(json_object_get(sent_span("read", "mock/m"), "attributes"),
			    "gen_ai.response.finish_reasons"),
		"['stop']");
}
END_TEST

START_TEST(a_log_record_keeps_its_severity_ids_and_attributes)
{
	gk_auto_json json_t *attributes = json("{'k':'v','f':1.5}");
	gk_log_record record = { .level = GK_LOG_WARN,
		.component = "c",
		.message = "careful",
		.trace_id = TRACE,
		.span_id = "eee19b7ec3c1b174",
		.wall_ns = 1700000000123000000u,
		.attributes = attributes,
		.is_user = true };
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	gk_arena arena = { 0 };
	GkOtlp__LogRecord *made = gk_otlp_record(&arena, &record);

	ck_assert_ptr_nonnull(made);
	gk_otlp_append_json(&text, &made->base);
	ck_assert_str_eq(text.data,
		"{\"timeUnixNano\":\"1700000000123000000\",\"severityNumber\":13,"
		"\"severityText\":\"WARN\",\"body\":{\"stringValue\":\"careful\"},\"attributes\":"
		"[{\"key\":\"k\",\"value\":{\"stringValue\":\"v\"}},{\"key\":\"f\",\"value\":"
		"{\"doubleValue\":1.5}}],\"flags\":1,\"traceId\":\"" TRACE "\","
		"\"spanId\":\"eee19b7ec3c1b174\",\"observedTimeUnixNano\":\"1700000000123000000\"}");
	gk_arena_done(&arena);
	ck_assert_str_eq(gk_otlp_record_scope(&record), "genkit-logger");
}
END_TEST

/* --- memory --- */

static bool read_without_memory(void)
{
	static const char body[] =
		"{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"k\",\"value\":"
		"{\"stringValue\":\"v\"}}]},\"scopeSpans\":[{\"scope\":{\"name\":\"l\"},\"spans\":"
		"[{\"traceId\":\"aa\",\"spanId\":\"bb\",\"name\":\"n\"}]}]}]}";
	gk_otlp_content got;

	if (gk_otlp_read(GK_OPTS(gk_otlp_source, .encoding = GK_OTLP_JSON, .signal = GK_OTLP_ANY,
				 .body = body, .len = sizeof(body) - 1),
		    &got, NULL) != GK_OK)
		return false;
	gk_otlp_content_done(&got);
	return true;
}

START_TEST(reading_survives_a_lack_of_memory)
{
	fault_sweep(read_without_memory);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("otlp");
	TCase *reading = tcase_create("reading"), *writing = tcase_create("writing");

	tcase_add_test(reading, a_span_becomes_genkits_own);
	tcase_add_test(reading, every_kind_of_attribute_is_read);
	tcase_add_test(reading, what_legal_senders_leave_out_is_not_missed);
	tcase_add_test(reading, events_links_and_the_status_are_kept);
	tcase_add_test(reading, spans_can_be_hung_below_a_span_of_ours);
	tcase_add_test(reading, log_records_are_read_with_whatever_body_and_time_they_have);
	tcase_add_test(reading, a_span_without_ids_is_refused_and_the_others_are_not);
	tcase_add_test(reading, what_is_of_another_type_is_refused_by_name);
	tcase_add_test(reading, protobuf_that_is_none_is_refused);
	tcase_add_test(reading, protobuf_that_is_nested_too_deep_is_refused_before_it_is_unpacked);
	tcase_add_test(reading, a_request_that_would_unfold_to_much_memory_is_refused);
	tcase_add_test(reading, a_request_with_too_many_spans_is_refused);
	tcase_add_test(reading, an_answer_tells_what_was_refused);
	tcase_add_test(reading, a_content_type_names_its_encoding);
	tcase_add_test(reading, reading_survives_a_lack_of_memory);
	suite_add_tcase(s, reading);
	tcase_add_checked_fixture(writing, setup, teardown);
	tcase_add_loop_test(
		writing, a_span_that_is_sent_reads_as_it_was, GK_OTLP_PROTOBUF, GK_OTLP_JSON + 1);
	tcase_add_test(writing, inputs_and_outputs_are_not_shown_unless_asked_for);
	tcase_add_test(writing, spans_are_marked_for_back_ends);
	tcase_add_test(writing, keys_are_normalised_and_semantic_attributes_added_on_request);
	tcase_add_test(writing, a_log_record_keeps_its_severity_ids_and_attributes);
	suite_add_tcase(s, writing);
	return s;
}

UNIT_MAIN(suite)
