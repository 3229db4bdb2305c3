/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* One call of an action: validate, trace, run, validate (actions section 1.1). */
#include "core/internal.h"

#include "json/edit.h"

/* The context as traces may show it. Most have nothing to hide and are shown as they are; without memory for a copy
 * nothing is shown. */
json_t *gk_context_redacted(json_t *context)
{
	static const char *const secrets[] = { "auth", "secrets" };
	gk_auto_json json_t *copy = NULL;

	if (!json_object_size(context))
		return json_incref(context);
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		if (!gk_json_peek(context, secrets[i]))
			continue;
		if (!copy)
			copy = gk_json_copy(context);
		if (!gk_json_set_str(copy, secrets[i], "<redacted>"))
			return NULL;
	}
	return copy ? gk_steal(copy) : json_incref(context);
}

/* {...application's, ...(what was passed, else what the caller passed on)}. Only what was passed goes further down. */
gk_code gk_ctx_merge_context(gk_ctx *ctx, json_t *passed, gk_error *err)
{
	json_t *own = ctx->app->context, *merged;

	if (!passed)
		return GK_OK; /* gk_ctx_init_root() and gk_ctx_init_child() have set it */
	if (!json_is_object(passed))
		return gk_error_set(err, GK_INVALID_ARGUMENT, "a context is an object");
	merged = own ? gk_json_merge(own, passed) : json_incref(passed);
	if (!merged)
		return gk_error_no_memory(err);
	json_decref(ctx->context);
	ctx->context = merged;
	ctx->ambient = passed;
	return GK_OK;
}

/* {"anyOf": [{"not": {}}, ...]} is how the SDKs spell an optional schema. Nothing fits it; the reference refuses that, which
 * helps nobody (docs/decisions/0003). */
static bool admits_absence(const gk_schema *schema)
{
	json_t *branch;
	size_t i;

	json_array_foreach (gk_json_peek(gk_schema_json_peek(schema), "anyOf"), i, branch) {
		json_t *never = gk_json_peek(branch, "not");

		if (json_is_object(never) && json_object_size(never) == 0)
			return true;
	}
	return false;
}

static gk_code check_value(const gk_schema *schema, const json_t *value, gk_error *err)
{
	if (!schema || (!value && admits_absence(schema)))
		return GK_OK;
	return gk_schema_check(schema, value, err);
}

/* A part that does not fit is looked for again in the whole, where it has its place. */
static gk_code check_input(const gk_call *call, const gk_schema *schema, gk_error *err)
{
	bool is_partly = call->checked && call->input == call->checked_for;

	if (is_partly && check_value(schema, call->checked, NULL) == GK_OK)
		return GK_OK;
	return check_value(schema, call->input, err);
}

static gk_code validate(const gk_call *call, gk_error *err)
{
	gk_schema *input = NULL;
	gk_code rc = GK_OK;

	if (!call->input_stream) {
		rc = gk_action_input(call->action, &input, err);
		if (rc == GK_OK)
			rc = check_input(call, input, err);
		gk_schema_unref(input);
	}
	return rc == GK_OK ? check_value(call->action->init, call->init, err) : rc;
}

static gk_code prepare(gk_ctx *ctx, const gk_call *call, gk_error *err)
{
	gk_code rc;

	if (call->parent)
		gk_ctx_init_child(ctx, call->parent);
	else
		gk_ctx_init_root(ctx, call->app, call->run);
	if (call->registry)
		ctx->registry = call->registry;
	ctx->call = ctx;
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
	rc = gk_ctx_descend(ctx, call->action->key, err);
	return rc == GK_OK ? gk_ctx_merge_context(ctx, call->context, err) : rc;
}

static void start_span(gk_span *span, const gk_ctx *ctx, const gk_call *call)
{
	gk_action *action = call->action;

	gk_span_start(span, ctx->app, ctx->parent ? ctx->parent->span : NULL, action->name);
	span->type = "action";
	span->subtype = action->type;
	span->key = action->key;
	span->labels = json_is_object(call->labels) ? call->labels : NULL;
	span->input = call->input_stream ? NULL : call->input;
	span->init = call->init;
	span->memo = call->memo;
	if (call->context)
		span->context = gk_context_redacted(call->context);
	if (call->link)
		gk_span_set_link(span, call->link, call->trace_state, call->baggage);
}

static gk_code run_traced(
	gk_ctx *ctx, gk_span *span, const gk_call *call, json_t **output, gk_error *err)
{
	gk_action *action = call->action;
	gk_ctx *before = gk_ctx_enter(ctx);
	gk_code rc;

	gk_span_announce(span, ctx->app);
	if (!ctx->parent && ctx->run)
		gk_run_has_started(ctx->run, span);
	if (action->is_guarded)
		gk_plugins_try(ctx);
	rc = action->run(ctx, call->input, output, err);
	if (rc != GK_OK)
		rc = gk_explain("action", action->key, rc, err);
	gk_ctx_enter(before);
	gk_span_finish(span, ctx->app, *output, rc == GK_OK ? NULL : err);
	return rc;
}

/* The output is validated when the span is over: it says success, and the call fails. */
static gk_code run_and_validate(gk_ctx *ctx, const gk_call *call, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *output = NULL;
	gk_span span;
	gk_code rc;

	start_span(&span, ctx, call);
	ctx->span = &span;
	rc = run_traced(ctx, &span, call, &output, err);
	if (rc == GK_OK && call->action->output)
		rc = gk_schema_check(call->action->output, output, err);
	if (rc == GK_OK)
		*ret = gk_steal(output);
	return rc;
}

gk_code gk_call_wrapped(const gk_call *call, json_t **ret, gk_error *err)
{
	gk_auto_error gk_error failure = { 0 }; /* also of a function that got over its failure */
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

/* What is around the action has a ctx of its own, beside the one that the call will have. */
static gk_code call_around(const gk_call *call, json_t **ret, gk_error *err)
{
	gk_auto_error gk_error failure = { 0 };
	gk_auto_json json_t *output = NULL;
	gk_ctx ctx, *before;
	gk_code rc;

	if (call->parent)
		gk_ctx_init_child(&ctx, call->parent);
	else
		gk_ctx_init_root(&ctx, call->app, call->run);
	ctx.action = call->action;
	ctx.user = call->action->around_user;
	ctx.on_chunk = call->on_chunk;
	ctx.chunk_user = call->chunk_user;
	ctx.is_streaming = call->is_streaming || call->on_chunk;
	rc = gk_ctx_merge_context(&ctx, call->context, &failure);
	before = gk_ctx_enter(&ctx);
	if (rc == GK_OK)
		rc = call->action->around(&ctx, call, &output, &failure);
	if (rc != GK_OK)
		rc = gk_explain("action", call->action->key, rc, &failure);
	gk_ctx_enter(before);
	gk_ctx_done(&ctx);
	if (rc != GK_OK)
		return gk_error_move(err, &failure);
	*ret = gk_steal(output);
	return GK_OK;
}

gk_code gk_call_action(const gk_call *call, json_t **ret, gk_error *err)
{
	gk_action *action = call->action;
	gk_code rc;

	if (!action->around)
		return gk_call_wrapped(call, ret, err);
	gk_action_ref(action);
	rc = call_around(call, ret, err);
	gk_action_unref(action);
	return rc;
}

gk_code gk_timed_begin(gk_timed *timed, gk_app *app, uint64_t timeout_ms, gk_error *err)
{
	*timed = (gk_timed){ 0 };
	if (!timeout_ms)
		return GK_OK;
	timed->before = gk_fiber_scope(gk_fiber_self());
	timed->own = gk_scope_new(app->loop, timed->before);
	if (!timed->own)
		return gk_error_no_memory(err);
	gk_fiber_swap_scope(timed->own);
	return gk_scope_set_deadline(timed->own, timeout_ms, err);
}

void gk_timed_end(gk_timed *timed)
{
	if (!timed->own)
		return;
	gk_fiber_swap_scope(timed->before);
	gk_scope_unref(timed->own);
}

gk_code gk_run_action_with(gk_ctx *ctx, gk_action *action, json_t *input, const gk_call_opts *opts,
	json_t **ret, gk_error *err)
{
	static const gk_call_opts none = { .size = sizeof(none) };
	gk_auto_json json_t *output = NULL;
	gk_timed timed;
	gk_code rc;

	if (!opts)
		opts = &none;
	if (!action)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "no action to run");
	rc = gk_timed_begin(&timed, ctx->app, opts->timeout_ms, err);
	if (rc == GK_OK)
		rc = gk_call_action(&(gk_call){ .action = action,
					    .parent = ctx,
					    .input = input,
					    .init = opts->init,
					    .context = opts->context,
					    .labels = opts->telemetry_labels,
					    .on_chunk = opts->on_chunk,
					    .chunk_user = opts->user },
			&output, err);
	gk_timed_end(&timed);
	if (rc == GK_OK && ret)
		*ret = gk_steal(output);
	return rc;
}

gk_code gk_run_action(gk_ctx *ctx, const char *key, json_t *input, json_t **ret, gk_error *err)
{
	gk_action *action;
	gk_code rc = gk_lookup_action(ctx, key, &action, err);

	if (rc != GK_OK)
		return rc;
	if (!action)
		return gk_error_set(err, GK_NOT_FOUND, "action %s not found", key);
	rc = gk_run_action_with(ctx, action, input, NULL, ret, err);
	gk_action_unref(action);
	return rc;
}
