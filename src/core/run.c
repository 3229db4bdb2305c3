/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Runs: a fiber, a scope and a root span for each call from outside. */
#include "core/internal.h"

#include "base/log.h"

#define GK_RUN_MAGIC 0x676b7275u

struct gk_run {
	unsigned magic, refs;
	gk_app *app;
	gk_action *action; /* NULL: `key` is looked up in the fiber */
	char *key;
	json_t *input, *init, *context, *labels;
	gk_channel *input_stream;
	gk_sink *sink;
	gk_scope *scope;
	gk_trace_link link_to; /* ids "": nothing */
	char *trace_state, *baggage;
	bool is_streaming, is_done, is_not_found, has_span;
	bool is_starting; /* inside gk_run_start(): nobody else can look for it yet */
	bool is_over;     /* its code has ended: there is nothing left to call off */
	bool is_findable, drops_chunks;
	char trace_id[GK_TRACE_ID_SIZE], span_id[GK_SPAN_ID_SIZE];
	json_t *result;
	gk_error err;
	LIST_ENTRY(gk_run) link, found_link;
};

gk_run *gk_run_ref(gk_run *run)
{
	GK_CHECK(run, GK_RUN_MAGIC);
	run->refs++;
	return run;
}

gk_run *gk_run_unref(gk_run *run)
{
	if (!run)
		return NULL;
	GK_CHECK(run, GK_RUN_MAGIC);
	if (--run->refs)
		return NULL;
	run->magic = 0;
	gk_action_unref(run->action);
	gk_channel_unref(run->input_stream);
	gk_scope_unref(run->scope);
	gk_error_clear(&run->err);
	json_decref(run->input);
	json_decref(run->init);
	json_decref(run->context);
	json_decref(run->labels);
	json_decref(run->result);
	free(run->key);
	free(run->trace_state);
	free(run->baggage);
	free(run);
	return NULL;
}

/* --- being found by its trace id --- */

/* The end of an id is random, also where others make it; some begin with the time. */
static struct gk_run_list *bucket_of(gk_app *app, const char *trace_id)
{
	size_t hash = 0, len = strlen(trace_id);

	for (const char *c = trace_id + (len > 8 ? len - 8 : 0); *c; c++)
		hash = hash * 31 + (unsigned char)*c;
	return &app->findable_runs[hash % GK_RUN_BUCKETS];
}

/* Of several that go on in one trace the newest is found. */
static void become_findable(gk_run *run)
{
	if (run->is_findable || run->is_over || gk_scope_reason(run->scope) != GK_OK)
		return;
	LIST_INSERT_HEAD(bucket_of(run->app, run->trace_id), run, found_link);
	run->is_findable = true;
}

static void stop_being_findable(gk_run *run)
{
	if (run->is_findable)
		LIST_REMOVE(run, found_link);
	run->is_findable = false;
}

gk_run *gk_app_find_run_peek(gk_app *app, const char *trace_id)
{
	gk_run *run;

	LIST_FOREACH (run, bucket_of(app, trace_id), found_link)
		if (strcmp(run->trace_id, trace_id) == 0)
			return run;
	return NULL;
}

/* --- what happens to it --- */

void gk_run_has_started(gk_run *run, const gk_span *span)
{
	if (run->has_span)
		return; /* what is around its action called it again */
	run->has_span = true;
	memcpy(run->trace_id, span->trace_id, sizeof(run->trace_id));
	memcpy(run->span_id, span->id, sizeof(run->span_id));
	if (!run->is_starting)
		become_findable(run);
	if (run->sink && run->sink->type->started)
		run->sink->type->started(run->sink, run);
}

gk_code gk_run_send_chunk(gk_run *run, json_t *chunk, gk_error *err)
{
	if (!run->sink || !run->sink->type->chunk || run->drops_chunks)
		return GK_OK;
	return run->sink->type->chunk(run->sink, run, chunk, err);
}

void gk_run_drop_chunks(gk_run *run)
{
	run->drops_chunks = true;
	if (run->sink && run->sink->type->let_go)
		run->sink->type->let_go(run->sink, run);
}

static void end(gk_run *run)
{
	gk_app *app = run->app;
	gk_sink *sink = run->sink;

	run->is_done = true;
	LIST_REMOVE(run, link);
	run->sink = NULL;
	if (sink)
		sink->type->done(sink, run);
	gk_app_leave_run(app);
	gk_run_unref(run);
}

/* Whatever its code made of it: who called it off reads that it was. */
static void tell_cancellation(gk_run *run)
{
	gk_error *err = &run->err;
	char *message;

	if (err->code != GK_CANCELLED || gk_scope_reason(run->scope) != GK_CANCELLED)
		return;
	message = strdup("Action was cancelled");
	if (!message)
		return;
	free(err->message);
	err->message = message;
}

static gk_code find_action(gk_run *run, gk_error *err)
{
	gk_ctx ctx, *before;
	gk_code rc;

	if (run->action)
		return GK_OK;
	gk_ctx_init_root(&ctx, run->app, run);
	before = gk_ctx_enter(&ctx);
	rc = gk_lookup(&ctx, run->key, &run->action, err);
	gk_ctx_enter(before);
	gk_ctx_done(&ctx);
	if (rc != GK_OK)
		err->trace_id[0] = '\0'; /* that of asking a provider: the run has none */
	else if (!run->action) {
		run->is_not_found = true;
		rc = gk_error_set(err, GK_NOT_FOUND, "action %s not found", run->key);
	}
	return rc;
}

static gk_code call_action(gk_run *run, gk_error *err)
{
	return gk_call_action(
		&(gk_call){ .app = run->app,
			.action = run->action,
			.run = run,
			.input = run->input,
			.init = run->init,
			.context = run->context,
			.labels = run->labels,
			.input_stream = run->action->is_bidi ? run->input_stream : NULL,
			.is_streaming = run->is_streaming,
			.link = run->link_to.trace_id[0] ? &run->link_to : NULL,
			.trace_state = run->trace_state,
			.baggage = run->baggage },
		&run->result, err);
}

static void settle(gk_run *run)
{
	if (run->sink && run->sink->type->settling)
		run->sink->type->settling(run->sink, run);
	gk_spans_settle(run->app);
}

static void body(void *user)
{
	gk_run *run = user;
	gk_code rc = find_action(run, &run->err);

	if (rc == GK_OK)
		rc = call_action(run, &run->err);
	run->err.code = rc; /* a failure without memory for its text is still one */
	tell_cancellation(run);
	run->is_over = true;
	stop_being_findable(run);
	if (run->has_span)
		settle(run);
	end(run);
}

/* NULL for what is no header's value, or too long to be handed on. */
static char *copy_header(const char *text, size_t max)
{
	if (!text || strlen(text) > max)
		return NULL;
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
			return NULL;
	return strdup(text);
}

/* Only a trace that goes on here hands its state on. */
static void set_link(gk_run *run, const gk_run_opts *opts)
{
	if (!opts->traceparent || run->app->tracing.ignores_trace_context)
		return;
	if (!gk_trace_link_parse(&run->link_to, opts->traceparent)) {
		gk_log(GK_LOG_DEBUG, "run", "a malformed traceparent is ignored");
		return;
	}
	run->link_to.continues = opts->may_continue_trace && run->app->tracing.continues_remote;
	if (!run->link_to.continues)
		return;
	run->trace_state = copy_header(opts->trace_state, GK_MAX_TRACE_STATE);
	if (!run->app->tracing.ignores_baggage)
		run->baggage = copy_header(opts->baggage, GK_MAX_BAGGAGE);
}

static gk_code fill(gk_run *run, const gk_run_opts *opts, gk_error *err)
{
	run->input = json_incref(opts->input);
	run->init = json_incref(opts->init);
	run->context = json_incref(opts->context);
	run->labels = json_incref(opts->telemetry_labels);
	run->sink = opts->sink;
	run->is_streaming = opts->is_streaming;
	if (opts->input_stream)
		run->input_stream = gk_channel_ref(opts->input_stream);
	set_link(run, opts);
	run->action = opts->action ? opts->action : gk_registry_get(opts->app->registry, opts->key);
	if (run->action) {
		gk_action_ref(run->action);
	} else {
		run->key = strdup(opts->key);
		if (!run->key)
			return gk_error_no_memory(err);
	}
	run->scope = gk_scope_new(opts->app->loop, NULL);
	if (!run->scope)
		return gk_error_no_memory(err);
	return opts->timeout_ms ? gk_scope_set_deadline(run->scope, opts->timeout_ms, err) : GK_OK;
}

gk_code gk_run_start(const gk_run_opts *opts, gk_run **ret, gk_error *err)
{
	gk_app *app = opts->app;
	gk_run *run;
	gk_code rc;

	if (!opts->action && !opts->key)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "a run needs an action or a key");
	run = calloc(1, sizeof(*run));
	if (!run)
		return gk_error_no_memory(err);
	run->magic = GK_RUN_MAGIC;
	run->refs = 2; /* the caller's and the fiber's */
	run->app = app;
	run->is_starting = true;
	rc = fill(run, opts, err);
	if (rc == GK_OK) {
		app->run_count++;
		LIST_INSERT_HEAD(&app->all_runs, run, link);
		rc = gk_fiber_start(app->loop, run->action ? run->action->name : run->key,
			run->scope, body, run, NULL, err);
		if (rc != GK_OK) {
			app->run_count--;
			LIST_REMOVE(run, link);
		}
	}
	if (rc != GK_OK) {
		run->refs = 1;
		gk_run_unref(run);
		return rc;
	}
	run->is_starting = false;
	if (run->has_span)
		become_findable(run);
	*ret = run;
	return GK_OK;
}

void gk_run_set_sink(gk_run *run, gk_sink *sink)
{
	GK_CHECK(run, GK_RUN_MAGIC);
	run->sink = sink;
}

void gk_run_cancel(gk_run *run, gk_code reason)
{
	GK_CHECK(run, GK_RUN_MAGIC);
	if (run->is_done)
		return;
	stop_being_findable(run);
	gk_scope_cancel(run->scope, reason);
}

void gk_app_cancel_runs(gk_app *app)
{
	gk_run *run, *next;

	/* A cancelled run goes on in its fiber, not here: the list stays as it is. */
	for (run = LIST_FIRST(&app->all_runs); run; run = next) {
		next = LIST_NEXT(run, link);
		gk_run_cancel(run, GK_UNAVAILABLE);
	}
	gk_app_cancel_errands(app);
}

/* --- what is known of it --- */

bool gk_run_is_done(const gk_run *run)
{
	return run->is_done;
}

bool gk_run_is_not_found(const gk_run *run)
{
	return run->is_not_found;
}

bool gk_run_has_span(const gk_run *run)
{
	return run->has_span;
}

const char *gk_run_trace_id(const gk_run *run)
{
	return run->trace_id;
}

const char *gk_run_span_id(const gk_run *run)
{
	return run->span_id;
}

json_t *gk_run_result_peek(const gk_run *run)
{
	return run->result;
}

const gk_error *gk_run_error_peek(const gk_run *run)
{
	return run->err.code == GK_OK ? NULL : &run->err;
}

gk_app *gk_run_app(const gk_run *run)
{
	return run->app;
}

const char *gk_run_key(const gk_run *run)
{
	return run->action ? gk_action_key(run->action) : run->key;
}
