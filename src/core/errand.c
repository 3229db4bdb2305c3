/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Errands: what a call leaves to a fiber of its own. Nothing of the call is needed after it was started. */
#include "core/errand.h"

#include "core/internal.h"

#define GK_ERRAND_MAGIC 0x65726e64u

struct gk_errand {
	unsigned magic, refs;
	gk_app *app;
	gk_action *action; /* of the call, NULL: none */
	json_t *context, *ambient;
	gk_ctx ctx;
	gk_span above; /* what the spans of the errand hang on: a copy of the call's */
	gk_scope *scope;
	gk_fiber *fiber;
	gk_errand_fn *fn;
	void *user;
	bool is_done;
	LIST_ENTRY(gk_errand) link;
};

gk_errand *gk_errand_unref(gk_errand *errand)
{
	if (!errand)
		return NULL;
	GK_CHECK(errand, GK_ERRAND_MAGIC);
	if (--errand->refs)
		return NULL;
	errand->magic = 0;
	gk_action_unref(errand->action);
	gk_scope_unref(errand->scope);
	gk_fiber_unref(errand->fiber);
	json_decref(errand->context);
	json_decref(errand->ambient);
	json_decref(errand->above.metadata);
	json_decref(errand->above.events);
	free((char *)errand->above.trace_state);
	free((char *)errand->above.baggage);
	free(errand->above.path);
	free(errand);
	return NULL;
}

static gk_code copy_span(gk_errand *errand, const gk_span *from, gk_error *err)
{
	gk_span *span = &errand->above;

	*span = (gk_span){ .limits = from->limits,
		.name = "", /* its path says it */
		.type = from->type,
		.subtype = from->subtype,
		.kind = from->kind,
		.trace_flags = from->trace_flags };
	memcpy(span->trace_id, from->trace_id, sizeof(span->trace_id));
	memcpy(span->id, from->id, sizeof(span->id));
	memcpy(span->parent_id, from->parent_id, sizeof(span->parent_id));
	memcpy(span->typed_id, from->typed_id, sizeof(span->typed_id));
	span->path = gk_span_plain_path(from);
	if (from->trace_state)
		span->trace_state = strdup(from->trace_state);
	if (from->baggage)
		span->baggage = strdup(from->baggage);
	if (!span->path || (from->trace_state && !span->trace_state) ||
		(from->baggage && !span->baggage))
		return gk_error_no_memory(err);
	return GK_OK;
}

static gk_code fill(gk_errand *errand, gk_ctx *ctx, gk_error *err)
{
	gk_ctx *call = ctx->call ? ctx->call : ctx;
	gk_code rc;

	errand->app = ctx->app;
	if (call->action)
		errand->action = gk_action_ref(call->action);
	errand->context = json_incref(ctx->context);
	errand->ambient = json_incref(ctx->ambient);
	if (ctx->span) {
		rc = copy_span(errand, ctx->span, err);
		if (rc != GK_OK)
			return rc;
	}
	errand->scope = gk_scope_new(ctx->app->loop, NULL);
	return errand->scope ? GK_OK : gk_error_no_memory(err);
}

static void enter(gk_errand *errand, gk_ctx *from)
{
	gk_ctx *ctx = &errand->ctx;

	gk_ctx_init_root(ctx, errand->app, NULL);
	json_decref(ctx->context);
	ctx->context = json_incref(errand->context);
	ctx->ambient = errand->ambient;
	ctx->depth = from->depth;
	ctx->registry = from->registry;
	ctx->is_sealed = from->is_sealed;
	ctx->session = from->session;
	ctx->action = errand->action;
	ctx->call = ctx;
	ctx->user = errand->user;
	ctx->span = errand->above.path ? &errand->above : NULL;
	for (const gk_ctx *it = from; it && !ctx->leads; it = it->parent)
		ctx->leads = it->leads; /* only compared, never looked into */
}

static void end(gk_errand *errand)
{
	gk_app *app = errand->app;

	errand->is_done = true;
	LIST_REMOVE(errand, link);
	gk_ctx_done(&errand->ctx);
	gk_app_leave_run(app);
	gk_errand_unref(errand);
}

static void body(void *user)
{
	gk_errand *errand = user;

	gk_ctx_enter(&errand->ctx);
	errand->fn(&errand->ctx, errand->user);
	gk_ctx_enter(NULL);
	end(errand);
}

gk_code gk_errand_start(
	gk_ctx *ctx, const char *name, gk_errand_fn *fn, void *user, gk_errand **ret, gk_error *err)
{
	gk_errand *errand = calloc(1, sizeof(*errand));
	gk_code rc;

	if (!errand)
		return gk_error_no_memory(err);
	errand->magic = GK_ERRAND_MAGIC;
	errand->refs = 2; /* the caller's and the fiber's */
	errand->fn = fn;
	errand->user = user;
	rc = fill(errand, ctx, err);
	if (rc == GK_OK) {
		enter(errand, ctx);
		rc = gk_fiber_start(
			errand->app->loop, name, errand->scope, body, errand, &errand->fiber, err);
		if (rc != GK_OK)
			gk_ctx_done(&errand->ctx);
	}
	if (rc != GK_OK) {
		errand->refs = 1;
		gk_errand_unref(errand);
		return rc;
	}
	errand->app->run_count++;
	LIST_INSERT_HEAD(&errand->app->errands, errand, link);
	*ret = errand;
	return GK_OK;
}

void gk_errand_cancel(gk_errand *errand, gk_code reason)
{
	GK_CHECK(errand, GK_ERRAND_MAGIC);
	if (!errand->is_done)
		gk_scope_cancel(errand->scope, reason);
}

void gk_app_cancel_errands(gk_app *app)
{
	gk_errand *errand;

	/* It goes on in its fiber, not here: the list stays as it is. */
	LIST_FOREACH (errand, &app->errands, link)
		gk_scope_cancel(errand->scope, GK_UNAVAILABLE);
}

bool gk_errand_is_done(const gk_errand *errand)
{
	GK_CHECK(errand, GK_ERRAND_MAGIC);
	return errand->is_done;
}

void gk_errand_join(gk_errand *errand)
{
	GK_CHECK(errand, GK_ERRAND_MAGIC);
	gk_fiber_join(errand->fiber);
}
