/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What a call does with functions of its own: steps with a span, and several functions at once. */
#include "core/internal.h"

/* A part of the call around it: it sends to where that sends. */
static void init_part(gk_ctx *part, gk_ctx *ctx, void *user)
{
	gk_ctx_init_child(part, ctx);
	part->user = user;
	part->on_chunk = gk_forward_chunk;
	part->is_streaming = ctx->is_streaming;
}

static gk_code run_traced(gk_ctx *part, const gk_span_opts *opts, gk_action_fn *fn, json_t *input,
	json_t **output, gk_error *err)
{
	gk_span span;
	gk_ctx *before;
	gk_code rc;

	gk_span_start(&span, part->span, opts->name);
	span.type = opts->type;
	span.labels = opts->labels;
	span.metadata = json_copy(opts->metadata); /* more may be set while it runs */
	span.input = input;
	part->span = &span;
	gk_span_announce(&span, part->app);
	before = gk_ctx_enter(part);
	rc = fn(part, input, output, err);
	if (rc != GK_OK)
		rc = gk_explain(opts->what, opts->name, rc, err);
	gk_ctx_enter(before);
	gk_span_finish(&span, part->app, *output, rc == GK_OK ? NULL : err);
	return rc;
}

gk_code gk_ctx_run_in_span(gk_ctx *ctx, const gk_span_opts *opts, gk_action_fn *fn, void *user,
	json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *output = NULL;
	gk_auto_error gk_error failure = { 0 };
	gk_ctx part;
	gk_code rc;

	init_part(&part, ctx, user);
	rc = gk_ctx_descend(&part, opts->name, &failure);
	if (rc == GK_OK)
		rc = run_traced(&part, opts, fn, input, &output, &failure);
	gk_ctx_done(&part);
	if (rc != GK_OK)
		return gk_error_move(err, &failure);
	if (ret)
		*ret = gk_steal(output);
	return GK_OK;
}

gk_code gk_run_step(gk_ctx *ctx, const char *name, gk_action_fn *fn, void *user, json_t *input,
	json_t **ret, gk_error *err)
{
	const gk_span_opts opts = { .name = name, .type = "flowStep", .what = "step" };

	if (!name || !fn)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "a step needs a name and a function");
	return gk_ctx_run_in_span(ctx, &opts, fn, user, input, ret, err);
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

	init_part(&ctx, mine->parent, item->user);
	gk_ctx_enter(&ctx);
	item->rc = item->fn(&ctx, item->input, &item->ret, &item->err);
	if (item->rc != GK_OK)
		item->rc = gk_explain("parallel", "function", item->rc, &item->err);
	else
		gk_error_clear(&item->err); /* of what it got over */
	gk_ctx_enter(NULL);
	gk_ctx_done(&ctx);
}

static gk_code run_all(
	gk_ctx *ctx, gk_parallel *items, branch *branches, size_t count, gk_error *err)
{
	gk_scope *scope = gk_fiber_scope(gk_fiber_self());
	gk_code rc = GK_OK;

	for (size_t i = 0; i < count; i++) {
		branches[i] = (branch){ .parent = ctx, .item = &items[i] };
		items[i].rc = gk_fiber_start(ctx->app->loop, "parallel", scope, run_branch,
			&branches[i], &branches[i].fiber, &items[i].err);
	}
	for (size_t i = 0; i < count; i++) {
		if (branches[i].fiber)
			gk_fiber_join(branches[i].fiber);
		gk_fiber_unref(branches[i].fiber);
		if (rc == GK_OK && items[i].rc != GK_OK)
			rc = gk_error_copy(err, &items[i].err);
	}
	return rc;
}

gk_code gk_run_parallel(gk_ctx *ctx, gk_parallel *items, size_t count, gk_error *err)
{
	branch *branches = calloc(count ? count : 1, sizeof(*branches));
	gk_code rc = gk_scope_check(gk_fiber_scope(gk_fiber_self()), err);

	if (rc == GK_OK && !branches)
		rc = gk_error_no_memory(err);
	for (size_t i = 0; i < count; i++) {
		items[i].ret = NULL;
		items[i].rc = rc;
		items[i].err = (gk_error){ .code = rc };
	}
	if (rc == GK_OK)
		rc = run_all(ctx, items, branches, count, err);
	free(branches);
	return rc;
}
