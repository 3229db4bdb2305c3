/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* One call of an action: validate, trace, run, validate (actions section 1.1). */
#include "core/internal.h"

#include "base/limits.h"
#include "base/str.h"

static const char *const secret_members[] = { "auth", "secrets" };

/* The context as traces may show it. Most have nothing to hide and are shown as they are. */
json_t *gk_context_redacted(json_t *context)
{
	json_t *copy = NULL;

	for (size_t i = 0; i < sizeof(secret_members) / sizeof(secret_members[0]); i++) {
		if (!json_object_get(context, secret_members[i]))
			continue;
		if (!copy)
			copy = json_copy(context);
		json_object_set_new(copy, secret_members[i], json_string("<redacted>"));
	}
	return copy ? copy : json_incref(context);
}

/* {...application's, ...(what was passed, else what the caller passed on)}. Only what was passed goes further down. */
static gk_code merge_context(gk_ctx *ctx, json_t *passed, gk_error *err)
{
	json_t *own = ctx->app->context, *merged;

	if (passed)
		ctx->ambient = passed;
	if (!ctx->ambient) {
		json_decref(ctx->context);
		ctx->context = json_incref(own ? own : ctx->app->nothing);
		return GK_OK;
	}
	if (!passed && ctx->parent)
		return GK_OK; /* the caller's is merged already */
	if (own && json_object_size(own)) {
		merged = json_copy(own);
		if (!merged || json_object_update(merged, ctx->ambient) < 0) {
			json_decref(merged);
			return gk_error_no_memory(err);
		}
	} else {
		merged = json_incref(ctx->ambient);
	}
	json_decref(ctx->context);
	ctx->context = merged;
	return GK_OK;
}

static gk_code validate(const gk_call *call, gk_error *err)
{
	gk_action *action = call->action;
	gk_code rc = GK_OK;

	if (action->input && !call->input_stream)
		rc = gk_schema_check(action->input, call->input, err);
	if (rc == GK_OK && action->init)
		rc = gk_schema_check(action->init, call->init, err);
	return rc;
}

static void fill_span(gk_span *span, const gk_call *call)
{
	gk_action *action = call->action;

	span->type = "action";
	span->subtype = action->type;
	span->key = action->key;
	span->labels = call->labels;
	span->input = call->input_stream ? NULL : call->input;
	span->init = call->init;
	if (call->context)
		span->context = gk_context_redacted(call->context);
}

static gk_code prepare(gk_ctx *ctx, const gk_call *call, gk_error *err)
{
	if (call->parent) {
		gk_ctx_init_child(ctx, call->parent);
		ctx->depth++;
	} else {
		gk_ctx_init_root(ctx, call->app, call->run);
	}
	ctx->action = call->action;
	ctx->user = call->action->user;
	ctx->init = call->init;
	ctx->request_metadata = call->request_metadata;
	ctx->on_chunk = call->on_chunk;
	ctx->chunk_user = call->chunk_user;
	ctx->input_stream = call->input_stream;
	ctx->single = call->input;
	ctx->is_streaming = call->is_streaming || call->on_chunk;
	ctx->is_sealed = ctx->is_sealed || call->context || call->action->is_guarded;
	if (ctx->depth > GK_MAX_RUN_DEPTH)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"actions call each other more than %d deep, at %s", GK_MAX_RUN_DEPTH,
			call->action->key);
	return merge_context(ctx, call->context, err);
}

/* A function that fails without saying why would leave everybody guessing. */
static void explain(gk_ctx *ctx, gk_code rc, gk_error *err)
{
	if (err->code == GK_OK)
		gk_error_set(err, rc, "%s failed without saying why", ctx->action->key);
}

static gk_code run_traced(
	gk_ctx *ctx, gk_span *span, const gk_call *call, json_t **output, gk_error *err)
{
	gk_action *action = call->action;
	gk_ctx *before;
	gk_code rc;

	gk_span_announce(span, call->parent ? call->parent->span : NULL, call->app);
	before = gk_ctx_enter(ctx);
	if (!call->parent && call->run)
		gk_run_has_started(call->run, span);
	rc = action->run(ctx, call->input, output, err);
	if (rc != GK_OK)
		explain(ctx, rc, err);
	gk_ctx_enter(before);
	gk_span_finish(span, call->app, *output, rc == GK_OK ? NULL : err);
	return rc;
}

/* A stack frame of its own: the span is large, and nested calls should not all keep one while validating. */
static gk_code run_and_validate(gk_ctx *ctx, const gk_call *call, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *output = NULL;
	gk_span span;
	gk_code rc;

	gk_span_start(&span, call->parent ? call->parent->span : NULL, call->action->name);
	fill_span(&span, call);
	if (!call->parent)
		gk_span_link(&span, call->traceparent);
	ctx->span = &span;
	rc = run_traced(ctx, &span, call, &output, err);
	if (rc == GK_OK && call->action->output)
		rc = gk_schema_check(call->action->output, output, err);
	if (rc == GK_OK)
		*ret = gk_steal(output);
	return rc;
}

gk_code gk_call_action(const gk_call *call, json_t **ret, gk_error *err)
{
	gk_error failure = { 0 };
	gk_action *action = gk_action_ref(call->action);
	gk_ctx ctx;
	gk_code rc = prepare(&ctx, call, &failure);

	if (rc == GK_OK)
		rc = validate(call, &failure);
	if (rc == GK_OK)
		rc = run_and_validate(&ctx, call, ret, &failure);
	gk_ctx_done(&ctx);
	gk_action_unref(action);
	return rc == GK_OK ? GK_OK : gk_error_move(err, &failure);
}

gk_code gk_run_action_with(gk_ctx *ctx, gk_action *action, json_t *input, const gk_call_opts *opts,
	json_t **ret, gk_error *err)
{
	static const gk_call_opts none = { .size = sizeof(none) };
	gk_scope *scope = NULL, *before = NULL;
	gk_code rc = GK_OK;

	if (!opts)
		opts = &none;
	if (opts->timeout_ms) {
		scope = gk_scope_new(ctx->app->loop, gk_fiber_scope(gk_fiber_self()));
		if (!scope)
			return gk_error_no_memory(err);
		rc = gk_scope_set_deadline(scope, opts->timeout_ms, err);
		before = gk_fiber_swap_scope(scope);
	}
	if (rc == GK_OK)
		rc = gk_call_action(&(gk_call){ .app = ctx->app,
					    .action = action,
					    .parent = ctx,
					    .run = ctx->run,
					    .input = input,
					    .init = opts->init,
					    .context = opts->context,
					    .labels = opts->telemetry_labels,
					    .on_chunk = opts->on_chunk,
					    .chunk_user = opts->user },
			ret, err);
	if (scope) {
		gk_fiber_swap_scope(before);
		gk_scope_unref(scope);
	}
	return rc;
}

gk_code gk_run_action(gk_ctx *ctx, const char *key, json_t *input, json_t **ret, gk_error *err)
{
	gk_action *action;
	gk_code rc = gk_lookup(ctx, key, &action, err);

	if (rc != GK_OK)
		return rc;
	if (!action)
		return gk_error_set(err, GK_NOT_FOUND, "action %s not found", key);
	rc = gk_run_action_with(ctx, action, input, NULL, ret, err);
	gk_action_unref(action);
	return rc;
}
