/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What a call does with functions of its own: steps with a span, and several functions at once. */
#include "core/internal.h"

gk_code gk_ctx_run_in_span(gk_ctx *ctx, const gk_span_opts *opts, gk_action_fn *fn, void *user,
	json_t *input, json_t **ret, gk_error *err)
{
	return gk_run_part(ctx, GK_OPTS(gk_part_opts, .span = opts, .input = input, .user = user),
		fn, ret, err);
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

/* Of which the first failure calls the others off. */
typedef struct group {
	gk_parallel *first_failure;
	size_t waiting; /* that have not begun */
} group;

typedef struct branch {
	gk_ctx *parent;
	gk_parallel *item;
	gk_fiber *fiber;
	group *group;  /* NULL: each on its own */
	bool is_level; /* it counts as no deeper than `parent` */
} branch;

static void run_item(gk_ctx *parent, gk_parallel *item, bool is_level)
{
	gk_ctx ctx, *before;

	gk_part_init_ctx(&ctx, parent, item->user);
	before = gk_ctx_enter(&ctx);
	item->rc = is_level ? gk_scope_check(gk_fiber_scope(gk_fiber_self()), &item->err)
			    : gk_ctx_descend(&ctx, "parallel", &item->err);
	if (item->rc == GK_OK)
		item->rc = item->fn(&ctx, item->input, &item->ret, &item->err);
	if (item->rc != GK_OK)
		item->rc = gk_explain("parallel", "function", item->rc, &item->err);
	else
		gk_error_clear(&item->err); /* of what it got over */
	gk_ctx_enter(before);
	gk_ctx_done(&ctx);
}

/* What fails before the others have begun lets them begin: whether they run at all is no matter of their order. */
static void run_branch(void *user)
{
	branch *mine = user;
	group *all = mine->group;

	if (all)
		all->waiting--;
	run_item(mine->parent, mine->item, mine->is_level);
	if (mine->item->rc == GK_OK || !all || all->first_failure)
		return;
	all->first_failure = mine->item;
	if (!all->waiting || gk_fiber_yield(NULL) == GK_OK)
		gk_scope_cancel(gk_fiber_scope(gk_fiber_self()), GK_CANCELLED);
}

/* Starts them all in `scope` and waits for their ends. */
static void run_all(gk_ctx *ctx, gk_scope *scope, gk_parallel *items, branch *branches,
	size_t count, group *all)
{
	for (size_t i = 0; i < count; i++) {
		branches[i] = (branch){ ctx, &items[i], NULL, all, false };
		items[i].rc = gk_fiber_start(ctx->app->loop, "parallel", scope, run_branch,
			&branches[i], &branches[i].fiber, &items[i].err);
		if (items[i].rc == GK_OK && all)
			all->waiting++;
		if (items[i].rc != GK_OK && all && !all->first_failure) {
			all->first_failure = &items[i];
			gk_scope_cancel(scope, GK_CANCELLED);
		}
	}
	for (size_t i = 0; i < count; i++) {
		if (branches[i].fiber)
			gk_fiber_join(branches[i].fiber);
		gk_fiber_unref(branches[i].fiber);
	}
}

static gk_code begin_all(gk_parallel *items, size_t count, branch **ret, gk_error *err)
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
	*ret = branches;
	return rc;
}

gk_code gk_run_parallel(gk_ctx *ctx, gk_parallel *items, size_t count, gk_error *err)
{
	branch *branches;
	gk_code rc = begin_all(items, count, &branches, err);

	if (rc == GK_OK)
		run_all(ctx, gk_fiber_scope(gk_fiber_self()), items, branches, count, NULL);
	for (size_t i = 0; rc == GK_OK && i < count; i++)
		if (items[i].rc != GK_OK)
			rc = gk_error_copy(err, &items[i].err);
	free(branches);
	return rc;
}

gk_code gk_run_together(gk_ctx *ctx, gk_parallel *items, size_t count, gk_error *err)
{
	gk_scope *scope = NULL;
	group all = { NULL, 0 };
	branch *branches;
	gk_code rc = begin_all(items, count, &branches, err);

	if (rc == GK_OK && count == 1) {
		run_item(ctx, items, false);
		all.first_failure = items->rc == GK_OK ? NULL : items;
	} else if (rc == GK_OK) {
		scope = gk_scope_new(ctx->app->loop, gk_fiber_scope(gk_fiber_self()));
		if (scope)
			run_all(ctx, scope, items, branches, count, &all);
		else
			rc = gk_error_no_memory(err);
		gk_scope_unref(scope);
	}
	if (all.first_failure)
		rc = gk_error_copy(err, &all.first_failure->err);
	free(branches);
	return rc;
}

gk_code gk_run_on_new_stack(gk_ctx *ctx, gk_action_fn *fn, void *user, json_t **ret, gk_error *err)
{
	gk_parallel item = { .fn = fn, .user = user };
	branch mine = { .parent = ctx, .item = &item, .is_level = true };
	gk_code rc = gk_fiber_start(ctx->app->loop, "stack", gk_fiber_scope(gk_fiber_self()),
		run_branch, &mine, &mine.fiber, err);

	if (rc != GK_OK)
		return rc;
	gk_fiber_join(mine.fiber);
	gk_fiber_unref(mine.fiber);
	if (item.rc != GK_OK)
		return gk_error_move(err, &item.err);
	*ret = item.ret;
	return GK_OK;
}
