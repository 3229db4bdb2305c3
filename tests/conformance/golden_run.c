/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Runs the program of a golden file and compares what it left behind. */
#include "golden.h"

#include "ai/ai.h"
#include "base/log.h"
#include "core/internal.h"
#include "json/edit.h"

#include <stdio.h>

/* One run of a program. */
typedef struct play {
	core_app app;
	json_t *starts, *ends; /* SpanData */
	json_t *records;
	json_t *outcome;                /* {"result": ...} or {"error": ...}; NULL: none yet */
	char trace_id[33], span_id[17]; /* of the last run */
} play;

static json_t *data_of(const gk_span *span)
{
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);
	json_t *value = NULL;

	gk_span_append_data(&buf, span);
	core_app_must(gk_json_parse(buf.data, buf.len, 0, &value, NULL), "SpanData");
	return value;
}

static void started(const gk_span *span, void *user)
{
	json_array_append_new(((play *)user)->starts, data_of(span));
}

static void ended(const gk_span *span, void *user)
{
	json_array_append_new(((play *)user)->ends, data_of(span));
}

static bool wants_all(const gk_span *span, void *user)
{
	(void)span, (void)user;
	return true;
}

static void drop_record(const gk_log_record *record, void *user)
{
	(void)record, (void)user;
}

static void keep_record(const gk_log_record *record, void *user)
{
	if (record->is_user)
		json_array_append_new(((play *)user)->records,
			json_pack("{s:i, s:s, s:s, s:o}", "level", (int)record->level, "body",
				record->message, "spanId", record->span_id, "attributes",
				record->attributes
					? json_incref((json_t *)(uintptr_t)record->attributes)
					: json_object()));
}

/* --- outcomes --- */

static void set_result(play *p, json_t *result_take)
{
	json_decref(p->outcome);
	p->outcome = json_object();
	if (result_take)
		json_object_set_new(p->outcome, "result", result_take);
}

static void set_error(play *p, const gk_error *err)
{
	gk_auto_str char *text = gk_error_text(err);

	json_decref(p->outcome);
	if (err->message_missing)
		p->outcome = json_pack("{s:{s:O}}", "error", "thrown", err->details);
	else
		p->outcome = json_pack("{s:{s:s, s:s*}}", "error", "message", text, "status",
			err->is_plain ? NULL : gk_code_name(err->code));
}

static bool outcome_equal(const json_t *golden, const json_t *candidate, gk_buf *why)
{
	json_t *wanted = json_object_get(golden, "error"),
	       *got = json_object_get(candidate, "error");
	gk_auto_str char *text = NULL;
	bool equal;

	if (!wanted || !got)
		equal = !wanted == !got && golden_equal(json_object_get(golden, "result"),
						   json_object_get(candidate, "result"));
	else if (json_object_get(wanted, "thrown"))
		equal = json_equal(
			json_object_get(wanted, "thrown"), json_object_get(got, "thrown"));
	else
		equal = json_equal(json_object_get(wanted, "message"),
				json_object_get(got, "message")) &&
			(!json_object_get(wanted, "status") ||
				json_equal(json_object_get(wanted, "status"),
					json_object_get(got, "status")));
	text = gk_json_write(candidate, NULL);
	if (!equal)
		gk_buf_printf(why, "the outcome is %s", text);
	return equal;
}

/* --- entries that are runs --- */

typedef struct catching {
	gk_sink sink;
	json_t *chunks;
} catching;

static gk_code catch_chunk(gk_sink *sink, gk_run *run, json_t *chunk, gk_error *err)
{
	(void)run, (void)err;
	if (gk_json_is_truthy(chunk)) /* JavaScript's stream leaves out the others */
		json_array_append(((catching *)sink)->chunks, chunk);
	return GK_OK;
}

static void catch_end(gk_sink *sink, gk_run *run)
{
	(void)sink, (void)run;
}

static bool run_action(play *p, json_t *entry, const char *key, bool streams)
{
	static const gk_sink_type type = { .chunk = catch_chunk, .done = catch_end };
	catching sink = { .sink.type = &type, .chunks = json_array() };
	json_t *context = json_object_get(entry, "context"), *empty = json_object();
	uint64_t abort_ms = (uint64_t)gk_json_int_at(entry, "abortAfterMs", 0);
	const gk_error *failure;
	gk_run *run;

	core_app_must(
		gk_run_start(GK_OPTS(gk_run_opts, .app = p->app.app, .key = key,
				     .input = json_object_get(entry, "input"),
				     .context = context   ? context
						: streams ? empty
							  : NULL,
				     .telemetry_labels = json_object_get(entry, "telemetryLabels"),
				     .is_streaming = streams, .sink = &sink.sink),
			&run, NULL),
		key);
	while (!gk_run_is_done(run)) {
		gk_loop_turn(p->app.loop, abort_ms ? abort_ms : 100);
		if (abort_ms)
			gk_run_cancel(run, GK_CANCELLED);
	}
	snprintf(p->trace_id, sizeof(p->trace_id), "%s", gk_run_trace_id(run));
	snprintf(p->span_id, sizeof(p->span_id), "%s", gk_run_span_id(run));
	failure = gk_run_error_peek(run);
	if (failure)
		set_error(p, failure);
	else if (streams)
		set_result(p, json_pack("{s:O, s:O*}", "chunks", sink.chunks, "result",
				      gk_run_result_peek(run)));
	else
		set_result(p, json_pack("{s:O*, s:{s:s, s:s}}", "result", gk_run_result_peek(run),
				      "telemetry", "traceId", p->trace_id, "spanId", p->span_id));
	gk_run_unref(run);
	json_decref(sink.chunks);
	json_decref(empty);
	return !failure;
}

/* --- entries that are calls from outside of any run --- */

typedef gk_code call_fn(gk_ctx *ctx, json_t *arg, json_t **ret, gk_error *err);

static gk_code call_generate(gk_ctx *ctx, json_t *arg, json_t **ret, gk_error *err)
{
	gk_auto_response gk_response *response = NULL;
	gk_code rc = golden_generate(ctx, arg, false, &response, err);

	if (rc == GK_OK)
		*ret = json_string(gk_response_text(response));
	return rc;
}

static gk_code call_embed(gk_ctx *ctx, json_t *arg, json_t **ret, gk_error *err)
{
	return gk_embed(ctx,
		GK_OPTS(gk_embed_opts, .embedder = gk_json_str_peek(arg, "embedder"),
			.text = gk_json_str_peek(arg, "content")),
		ret, err);
}

static gk_code call_index(gk_ctx *ctx, json_t *arg, json_t **ret, gk_error *err)
{
	gk_code rc = gk_index(ctx,
		GK_OPTS(gk_index_opts, .indexer = gk_json_str_peek(arg, "indexer"),
			.documents = json_object_get(arg, "documents")),
		err);

	*ret = json_null();
	return rc;
}

static gk_code call_rerank(gk_ctx *ctx, json_t *arg, json_t **ret, gk_error *err)
{
	return gk_rerank(ctx,
		GK_OPTS(gk_rerank_opts, .reranker = gk_json_str_peek(arg, "reranker"),
			.query = gk_json_str_peek(arg, "query"),
			.documents = json_object_get(arg, "documents")),
		ret, err);
}

static gk_code call_evaluate(gk_ctx *ctx, json_t *arg, json_t **ret, gk_error *err)
{
	return gk_evaluate(ctx,
		GK_OPTS(gk_evaluate_opts, .evaluator = gk_json_str_peek(arg, "evaluator"),
			.dataset = json_object_get(arg, "dataset"),
			.eval_run_id = gk_json_str_peek(arg, "evalRunId")),
		ret, err);
}

static gk_code call_background(gk_ctx *ctx, json_t *arg, json_t **ret, gk_error *err)
{
	gk_auto_response gk_response *response = NULL;
	gk_code rc = golden_generate(ctx, arg, false, &response, err);

	return rc == GK_OK ? gk_check_operation(ctx, gk_response_operation(response), ret, err)
			   : rc;
}

static gk_code drain(gk_ctx *ctx, json_t *chunk, void *user, gk_error *err)
{
	(void)ctx, (void)chunk, (void)user, (void)err;
	return GK_OK;
}

static gk_code call_prompt(gk_ctx *ctx, json_t *entry, json_t **ret, gk_error *err)
{
	gk_auto_response gk_response *response = NULL;
	bool streams = gk_json_bool_at(entry, "stream", false);
	gk_code rc = gk_run_prompt(ctx, gk_json_str_peek(entry, "prompt"),
		json_object_get(entry, "input"),
		GK_OPTS(gk_generate_opts, .on_chunk = streams ? drain : NULL), &response, err);

	if (rc == GK_OK)
		*ret = json_string(gk_response_text(response));
	return rc;
}

static const struct {
	const char *name;
	call_fn *fn;
} calls[] = {
	{ "generate", call_generate },
	{ "embed", call_embed },
	{ "index", call_index },
	{ "rerank", call_rerank },
	{ "evaluate", call_evaluate },
	{ "background", call_background },
	{ "prompt", call_prompt },
};

typedef struct calling {
	play *p;
	call_fn *fn;
	json_t *arg;
	bool worked, is_done;
} calling;

static void call_in_fiber(void *user)
{
	calling *c = user;
	gk_auto_error gk_error err = { 0 };
	json_t *result = NULL;
	gk_ctx ctx, *before;

	gk_ctx_init_root(&ctx, c->p->app.app, NULL);
	before = gk_ctx_enter(&ctx);
	c->worked = c->fn(&ctx, c->arg, &result, &err) == GK_OK;
	gk_ctx_enter(before);
	gk_ctx_done(&ctx);
	if (c->worked)
		set_result(c->p, result);
	else
		set_error(c->p, &err);
	c->is_done = true;
}

static bool make_call(play *p, call_fn *fn, json_t *arg)
{
	calling c = { .p = p, .fn = fn, .arg = arg };

	core_app_must(
		gk_fiber_start(p->app.loop, "call", NULL, call_in_fiber, &c, NULL, NULL), "call");
	while (!c.is_done)
		gk_loop_turn(p->app.loop, 100);
	return c.worked;
}

/* --- programs --- */

/* On the last run; the outcome stays its. */
static bool engage(play *p, json_t *feedback, json_t *acceptance)
{
	const char *name = gk_json_str_peek(feedback ? feedback : acceptance, "name");

	core_app_must(gk_collect_engagement(p->app.app,
			      GK_OPTS(gk_engagement, .name = name, .trace_id = p->trace_id,
				      .span_id = p->span_id,
				      .feedback = gk_json_str_peek(feedback, "value"),
				      .text = gk_json_str_peek(feedback, "text"),
				      .acceptance = gk_json_str_peek(acceptance, "value")),
			      NULL),
		"engagement");
	return true;
}

static bool talk(play *p, json_t *entry, json_t *(*fn)(core_app *, json_t *, gk_error *))
{
	gk_auto_error gk_error err = { 0 };
	json_t *result = fn(&p->app, entry, &err);

	if (result)
		set_result(p, result);
	else
		set_error(p, &err);
	return result != NULL;
}

static bool chat(play *p, json_t *entry)
{
	bool worked = talk(p, entry, golden_chat);
	json_t *failure = gk_json_at_peek(p->outcome, "result.error");

	if (!failure)
		return worked;
	failure = json_pack("{s:O}", "error", failure);
	json_decref(p->outcome);
	p->outcome = failure;
	return false;
}

static bool invoke(play *p, json_t *entry)
{
	const char *key = gk_json_str_peek(entry, "run");

	if (json_object_get(entry, "chat"))
		return chat(p, json_object_get(entry, "chat"));
	if (json_object_get(entry, "bidi"))
		return talk(p, json_object_get(entry, "bidi"), golden_bidi);
	if (key)
		return run_action(p, entry, key, false);
	key = gk_json_str_peek(entry, "stream");
	if (key)
		return run_action(p, entry, key, true);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (json_object_get(entry, calls[i].name))
			return make_call(p, calls[i].fn,
				calls[i].fn == call_prompt ? entry
							   : json_object_get(entry, calls[i].name));
	if (json_object_get(entry, "feedback") || json_object_get(entry, "acceptance"))
		return engage(p, json_object_get(entry, "feedback"),
			json_object_get(entry, "acceptance"));
	core_app_must(GK_UNIMPLEMENTED, "entry");
	return false;
}

static void define_all(play *p, const json_t *program)
{
	json_t *component;
	size_t i;

	json_array_foreach (json_object_get(program, "define"), i, component)
		golden_define(&p->app, component);
}

/* --- realtime posts and log records --- */

/* One start for each end, before it and without an end of its own; what a start says, the end repeats (rule 11). */
static bool starts_fit(const play *p, gk_buf *why)
{
	json_t *end;
	size_t i, j;

	json_array_foreach (p->ends, i, end) {
		json_t *start = NULL, *value;
		const char *key;

		if (strcmp(gk_json_str_peek(end, "displayName"), "user-feedback") == 0 ||
			strcmp(gk_json_str_peek(end, "displayName"), "user-acceptance") == 0)
			continue; /* these are over when they are made */
		for (j = 0; j < json_array_size(p->starts) && !start; j++)
			if (json_equal(json_object_get(json_array_get(p->starts, j), "spanId"),
				    json_object_get(end, "spanId")))
				start = json_array_get(p->starts, j);
		if (!start || gk_json_real_at(start, "endTime", -1) != 0) {
			gk_buf_puts(why, "a span was not shown at its start");
			return false;
		}
		json_object_foreach (json_object_get(start, "attributes"), key, value)
			if (!json_equal(value,
				    json_object_get(json_object_get(end, "attributes"), key))) {
				gk_buf_printf(why, "%s at the start is not what the end says", key);
				return false;
			}
	}
	return true;
}

static json_t *simple_attributes(const json_t *list)
{
	json_t *object = json_object(), *pair;
	size_t i;

	json_array_foreach (list, i, pair) {
		json_t *value = json_object_get(pair, "value");

		if (strcmp(gk_json_str_peek(pair, "key"), "exception.stacktrace") != 0)
			json_object_set(object, gk_json_str_peek(pair, "key"),
				json_object_iter_value(json_object_iter(value)));
	}
	return object;
}

static int severity_of(int level)
{
	return level == GK_LOG_ERROR  ? 17
	       : level == GK_LOG_WARN ? 13
	       : level == GK_LOG_INFO ? 9
				      : 5;
}

/* Every record of the file is among ours (rule 13). */
static bool records_fit(const play *p, const json_t *file, gk_buf *why)
{
	json_t *post, *mine;
	size_t i, j;

	json_array_foreach (json_object_get(file, "logExportPosts"), i, post) {
		json_t *record =
			gk_json_at_peek(post, "resourceLogs[0].scopeLogs[0].logRecords[0]");
		gk_auto_json json_t *attributes =
			simple_attributes(json_object_get(record, "attributes"));
		bool found = false;

		json_array_foreach (p->records, j, mine) {
			gk_auto_json json_t *own = json_copy(json_object_get(mine, "attributes"));

			json_object_del(own, "exception.stacktrace");
			found |= json_equal(json_object_get(mine, "body"),
					 gk_json_at_peek(record, "body.stringValue")) &&
				 severity_of((int)gk_json_int_at(mine, "level", 0)) ==
					 gk_json_int_at(record, "severityNumber", 0) &&
				 golden_equal(attributes, own);
		}
		if (!found) {
			gk_auto_str char *text = gk_json_write(record, NULL);

			gk_buf_printf(why, "there is no log record %s", text);
			return false;
		}
	}
	return true;
}

/* --- a file --- */

/* --- what the file has otherwise --- */

static const char *attribute(json_t *span, const char *key)
{
	return json_string_value(json_object_get(json_object_get(span, "attributes"), key));
}

/* A span goes; what hung on it is a root then. */
static void promote_children(json_t *spans, const char *id, bool is_root)
{
	json_t *span;
	size_t i;

	json_array_foreach (spans, i, span) {
		const char *parent = gk_json_str_peek(span, "parentSpanId");

		if (!parent || strcmp(parent, id) != 0)
			continue;
		json_object_del(span, "parentSpanId");
		if (!is_root)
			continue;
		json_object_set_new(
			json_object_get(span, "attributes"), "genkit:isRoot", json_true());
		json_object_set(span, "traceId", json_object_get(span, "spanId"));
	}
}

static void shorten_paths(json_t *spans, const char *prefix)
{
	json_t *span;
	size_t i, len = strlen(prefix);

	json_array_foreach (spans, i, span) {
		const char *path = attribute(span, "genkit:path");

		if (path && strncmp(path, prefix, len) == 0)
			json_object_set_new(json_object_get(span, "attributes"), "genkit:path",
				json_string(path + len));
	}
}

/* A server leaves renderings of prompts out (section 2.4); and a prompt that is streamed may have a span around it that the
 * reference has not (rule 9). */
static json_t *as_in_the_file(const json_t *ends, bool streams_prompt, json_t **exported_ret)
{
	json_t *spans = json_deep_copy(ends), *span;
	size_t i;

	*exported_ret = json_deep_copy(ends);
	json_array_foreach (spans, i, span) {
		const char *subtype = attribute(span, "genkit:metadata:subtype");
		const char *type = attribute(span, "genkit:type");
		bool wraps = streams_prompt && !json_object_get(span, "parentSpanId") && type &&
			     strcmp(type, "dotprompt") == 0;
		gk_auto_json json_t *gone = NULL;

		if (!wraps && (!subtype || strcmp(subtype, "prompt") != 0))
			continue;
		gone = json_incref(span);
		json_array_remove(spans, i);
		promote_children(spans, gk_json_str_peek(gone, "spanId"), wraps);
		if (wraps) {
			shorten_paths(spans, attribute(gone, "genkit:path"));
			json_array_remove(*exported_ret, i);
		}
		i--;
	}
	return spans;
}

static bool asks_for_streams(const json_t *file)
{
	json_t *entry;
	size_t i;

	json_array_foreach (gk_json_at_peek(file, "app.program.invoke"), i, entry)
		if (json_object_get(entry, "prompt") && gk_json_bool_at(entry, "stream", false))
			return true;
	return false;
}

static void compare(conformance *run, const char *name, const play *p, const json_t *file)
{
	gk_auto_buf gk_buf why = GK_BUF_INIT(0);
	gk_auto_json json_t *exported = NULL;
	gk_auto_json json_t *spans = as_in_the_file(p->ends, asks_for_streams(file), &exported);

	if (outcome_equal(json_object_get(file, "outcome"), p->outcome, &why) &&
		golden_compare_traces(file, spans, &why) &&
		golden_compare_order(file, exported, &why) &&
		(!json_object_get(file, "realtimePosts") || starts_fit(p, &why)) &&
		records_fit(p, file, &why))
		conformance_pass(run, name);
	else
		conformance_fail(run, name, "%s", why.data ? why.data : "?");
}

void golden_run(conformance *run, const char *file, json_t *doc)
{
	const char *name = gk_json_str_peek(doc, "name");
	json_t *program = gk_json_at_peek(doc, "app.program"), *entry;
	play p = { .starts = json_array(), .ends = json_array(), .records = json_array() };
	const gk_span_observer observer = {
		.started = started, .ended = ended, .wants_data = wants_all, .user = &p
	};
	bool goes_on = true;
	size_t i;

	(void)file;
	core_app_start(&p.app);
	core_app_must(gk_ai_init(p.app.app, NULL), "generate");
	define_all(&p, program);
	gk_log_set_sink(drop_record, NULL);
	gk_log_set_level(json_object_get(program, "logLevel") ? GK_LOG_INFO : GK_LOG_ERROR);
	core_app_must(gk_log_add_tap(keep_record, &p) ? GK_OK : GK_INTERNAL, "log");
	core_app_must(gk_app_add_observer(p.app.app, &observer) ? GK_OK : GK_INTERNAL, "observer");
	json_array_foreach (json_object_get(program, "invoke"), i, entry)
		if (goes_on)
			goes_on = invoke(&p, entry);
	compare(run, name, &p, doc);
	gk_app_remove_observer(p.app.app, &observer);
	gk_log_remove_tap(keep_record, &p);
	gk_log_set_sink(NULL, NULL);
	core_app_stop(&p.app);
	json_decref(p.starts);
	json_decref(p.ends);
	json_decref(p.records);
	json_decref(p.outcome);
}
