/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What a call does with functions of its own: steps with a span, and several functions at once. */
#include "core/internal.h"

gk_code gk_run_step(gk_ctx *ctx, const char *name, gk_action_fn *fn, void *user, json_t *input,
	json_t **ret, gk_error *err)
{
	gk_auto_json json_t *output = NULL;
	gk_error failure = { 0 };
	gk_ctx step, *before;
	gk_span span;
	gk_code rc;

	if (!name || !fn)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "a step needs a name and a function");
	gk_ctx_init_child(&step, ctx);
	step.action = ctx->action;
	step.user = user;
	step.on_chunk = gk_forward_chunk;
	step.is_streaming = ctx->is_streaming;
	gk_span_start(&span, ctx->span, name);
	span.type = "flowStep";
	span.input = input;
	step.span = &span;
	gk_span_announce(&span, ctx->span, ctx->app);
	before = gk_ctx_enter(&step);
	rc = fn(&step, input, &output, &failure);
	if (rc != GK_OK && failure.code == GK_OK)
		gk_error_set(&failure, rc, "step %s failed without saying why", name);
	gk_ctx_enter(before);
	gk_span_finish(&span, ctx->app, output, rc == GK_OK ? NULL : &failure);
	gk_ctx_done(&step);
	if (rc != GK_OK)
		return gk_error_move(err, &failure);
	*ret = gk_steal(output);
	return GK_OK;
}

/* --- several at once --- */

typedef struct branch {
	gk_ctx *parent;
	gk_parallel *item;
	gk_fiber *fiber;
} branch;

static void run_branch(void *user)
{
	branch *mine = user;
	gk_parallel *item = mine->item;
	gk_ctx ctx;

	gk_ctx_init_child(&ctx, mine->parent);
	ctx.action = mine->parent->action;
	ctx.user = item->user;
	ctx.on_chunk = gk_forward_chunk;
	ctx.is_streaming = mine->parent->is_streaming;
	gk_ctx_enter(&ctx);
	item->rc = item->fn(&ctx, item->input, &item->ret, &item->err);
	if (item->rc != GK_OK && item->err.code == GK_OK)
		gk_error_set(&item->err, item->rc, "a parallel function failed without saying why");
	gk_ctx_enter(NULL);
	gk_ctx_done(&ctx);
}

gk_code gk_run_parallel(gk_ctx *ctx, gk_parallel *items, size_t count, gk_error *err)
{
	branch *branches = count ? calloc(count, sizeof(*branches)) : NULL;
	gk_scope *scope = gk_fiber_scope(gk_fiber_self());
	gk_code rc = GK_OK;

	if (count && !branches)
		return gk_error_no_memory(err);
	for (size_t i = 0; i < count; i++) {
		items[i].ret = NULL;
		items[i].err = (gk_error){ 0 };
		branches[i] = (branch){ .parent = ctx, .item = &items[i] };
		items[i].rc = gk_fiber_start(ctx->app->loop, "parallel", scope, run_branch,
			&branches[i], &branches[i].fiber, &items[i].err);
	}
	for (size_t i = 0; i < count; i++) {
		if (branches[i].fiber)
			gk_fiber_join(branches[i].fiber);
		gk_fiber_unref(branches[i].fiber);
		if (rc == GK_OK && items[i].rc != GK_OK) {
			gk_error_copy(err, &items[i].err);
			rc = items[i].rc;
		}
	}
	free(branches);
	return rc;
}
