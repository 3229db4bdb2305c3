/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* gk_ctx: one call, as its function sees it. It lives on the stack of the fiber that makes the call. */
#include "core/internal.h"

#include "base/limits.h"
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#define GK_CTX_MAGIC 0x67637478u

struct gk_ctx_text {
	gk_ctx_text *next;
	char text[];
};

void gk_ctx_init_root(gk_ctx *ctx, gk_app *app, gk_run *run)
{
	*ctx = (gk_ctx){ .magic = GK_CTX_MAGIC, .app = app, .registry = app->registry, .run = run };
	ctx->context = json_incref(app->context ? app->context : app->nothing);
}

void gk_ctx_init_child(gk_ctx *ctx, gk_ctx *parent)
{
	GK_CHECK(parent, GK_CTX_MAGIC);
	*ctx = (gk_ctx){ .magic = GK_CTX_MAGIC,
		.depth = parent->depth,
		.app = parent->app,
		.registry = parent->registry,
		.run = parent->run,
		.parent = parent,
		.call = parent->call,
		.span = parent->span,
		.ambient = parent->ambient,
		.session = parent->session,
		.chat_session = parent->chat_session,
		.is_sealed = parent->is_sealed };
	ctx->context = json_incref(parent->context);
}

void gk_ctx_done(gk_ctx *ctx)
{
	gk_ctx_text *next;

	GK_CHECK(ctx, GK_CTX_MAGIC);
	for (gk_ctx_text *text = ctx->texts; text; text = next) {
		next = text->next;
		free(text);
	}
	json_decref(ctx->context);
	ctx->magic = 0;
}

gk_code gk_ctx_descend(gk_ctx *ctx, const char *name, gk_error *err)
{
	if (++ctx->depth > GK_MAX_RUN_DEPTH)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"actions and steps call each other more than %d deep, at %s",
			GK_MAX_RUN_DEPTH, name);
	return gk_scope_check(gk_fiber_scope(gk_fiber_self()), err);
}

gk_ctx *gk_ctx_current(void)
{
	gk_fiber *fiber = gk_fiber_self();

	return fiber ? gk_fiber_local(fiber) : NULL;
}

gk_ctx *gk_ctx_enter(gk_ctx *ctx)
{
	gk_fiber *fiber = gk_fiber_self();
	gk_ctx *before = gk_fiber_local(fiber);

	gk_fiber_set_local(fiber, ctx);
	return before;
}

gk_code gk_ctx_run_inner(
	gk_ctx *ctx, gk_action_fn *fn, void *user, json_t *input, json_t **ret, gk_error *err)
{
	void *outer = ctx->user;
	gk_code rc;

	ctx->user = user;
	rc = fn(ctx, input, ret, err);
	ctx->user = outer;
	return rc;
}

bool gk_ctx_is_part_of(const gk_ctx *ctx, const gk_flight *flight)
{
	for (; ctx; ctx = ctx->parent)
		if (ctx->leads == flight)
			return true;
	return false;
}

/* `err` may hold what an earlier call said and the function got over: what it returned is what counts. */
gk_code gk_explain(const char *kind, const char *name, gk_code rc, gk_error *err)
{
	gk_scope *scope = gk_fiber_scope(gk_fiber_self());

	if (rc < GK_OK || rc > GK_UNAUTHENTICATED)
		rc = GK_UNKNOWN;
	if (err->code == GK_OK && rc == gk_scope_reason(scope))
		return gk_scope_check(scope, err);
	if (err->code == GK_OK)
		return gk_error_set(err, rc, "%s %s failed without saying why (%s)", kind, name,
			gk_code_name(rc));
	if (err->code != rc)
		err->is_plain = false;
	err->code = rc;
	return rc;
}

/* --- what it knows --- */

gk_app *gk_ctx_app(gk_ctx *ctx)
{
	GK_CHECK(ctx, GK_CTX_MAGIC);
	return ctx->app;
}

void *gk_ctx_user(gk_ctx *ctx)
{
	GK_CHECK(ctx, GK_CTX_MAGIC);
	return ctx->user;
}

json_t *gk_ctx_context(gk_ctx *ctx)
{
	GK_CHECK(ctx, GK_CTX_MAGIC);
	return ctx->context;
}

json_t *gk_ctx_init(gk_ctx *ctx)
{
	GK_CHECK(ctx, GK_CTX_MAGIC);
	return ctx->call ? ctx->call->init : NULL;
}

const char *gk_ctx_run_key(const gk_ctx *ctx)
{
	GK_CHECK(ctx, GK_CTX_MAGIC);
	return ctx->run ? gk_run_key(ctx->run) : "";
}

const char *gk_ctx_trace_id(gk_ctx *ctx)
{
	GK_CHECK(ctx, GK_CTX_MAGIC);
	return ctx->span ? ctx->span->trace_id : "";
}

const char *gk_ctx_span_id(gk_ctx *ctx)
{
	GK_CHECK(ctx, GK_CTX_MAGIC);
	return ctx->span ? ctx->span->id : "";
}

bool gk_ctx_is_streaming(gk_ctx *ctx)
{
	GK_CHECK(ctx, GK_CTX_MAGIC);
	return ctx->is_streaming;
}

bool gk_ctx_is_cancelled(gk_ctx *ctx)
{
	GK_CHECK(ctx, GK_CTX_MAGIC);
	return gk_scope_reason(gk_fiber_scope(gk_fiber_self())) != GK_OK;
}

const char *gk_ctx_printf(gk_ctx *ctx, const char *format, ...)
{
	va_list args;
	gk_ctx_text *text;
	int len;

	GK_CHECK(ctx, GK_CTX_MAGIC);
	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text = len < 0 ? NULL : malloc(sizeof(*text) + (size_t)len + 1);
	if (!text)
		return NULL;
	va_start(args, format);
	vsnprintf(text->text, (size_t)len + 1, format, args);
	va_end(args);
	text->next = ctx->texts;
	ctx->texts = text;
	return text->text;
}

void gk_ctx_set_metadata(gk_ctx *ctx, const char *key, const char *value)
{
	GK_CHECK(ctx, GK_CTX_MAGIC);
	if (!ctx->span || !key || !value)
		return;
	if (!ctx->span->metadata)
		ctx->span->metadata = json_object();
	json_object_set_new(ctx->span->metadata, key, json_string(value));
}

void gk_ctx_log(gk_ctx *ctx, gk_log_level level, json_t *attributes, const char *format, ...)
{
	const gk_span *span;
	va_list args;

	GK_CHECK(ctx, GK_CTX_MAGIC);
	span = ctx->span;
	va_start(args, format);
	gk_log_with(level, ctx->call ? ctx->call->action->name : "run",
		span ? span->trace_id : NULL, span ? span->id : NULL,
		json_is_object(attributes) ? attributes : NULL, format, args);
	va_end(args);
}

/* --- what it does --- */

gk_code gk_ctx_send(gk_ctx *ctx, json_t *chunk_take, gk_error *err)
{
	gk_auto_json json_t *chunk = chunk_take;
	gk_code rc;

	GK_CHECK(ctx, GK_CTX_MAGIC);
	if (!chunk)
		return gk_error_no_memory(err);
	rc = gk_scope_check(gk_fiber_scope(gk_fiber_self()), err);
	if (rc != GK_OK)
		return rc;
	if (ctx->on_chunk)
		return ctx->on_chunk(ctx->parent, chunk, ctx->chunk_user, err);
	if (!ctx->parent && ctx->run)
		return gk_run_send_chunk(ctx->run, chunk, err);
	return GK_OK;
}

void gk_ctx_drop_chunks(gk_ctx *ctx)
{
	GK_CHECK(ctx, GK_CTX_MAGIC);
	if (!ctx->parent && ctx->run)
		gk_run_drop_chunks(ctx->run);
}

gk_code gk_forward_chunk(gk_ctx *ctx, json_t *chunk, void *user, gk_error *err)
{
	(void)user;
	return gk_ctx_send(ctx, json_incref(chunk), err);
}

gk_code gk_ctx_receive(gk_ctx *ctx, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *item = NULL;
	void *received = NULL;
	gk_ctx *call;
	gk_code rc;

	GK_CHECK(ctx, GK_CTX_MAGIC);
	call = ctx->call;
	rc = gk_scope_check(gk_fiber_scope(gk_fiber_self()), err);
	if (rc != GK_OK)
		return rc;
	if (!call || !call->input_stream) {
		*ret = call ? json_incref(call->single) : NULL;
		if (call)
			call->single = NULL;
		return GK_OK;
	}
	rc = gk_channel_receive(call->input_stream, &received, err);
	if (rc != GK_OK)
		return rc;
	item = received;
	if (item) {
		gk_schema *schema = NULL;

		rc = gk_action_input(call->action, &schema, err);
		if (rc == GK_OK && schema)
			rc = gk_schema_check(schema, item, err);
		gk_schema_unref(schema);
	}
	if (rc == GK_OK)
		*ret = gk_steal(item);
	return rc;
}

size_t gk_ctx_waiting_inputs(const gk_ctx *ctx)
{
	const gk_ctx *call = ctx->call;

	if (call && call->input_stream)
		return gk_channel_count(call->input_stream);
	return call && call->single;
}

void gk_ctx_set_session(gk_ctx *ctx, void *session)
{
	GK_CHECK(ctx, GK_CTX_MAGIC);
	ctx->session = session;
}

void *gk_ctx_session_peek(const gk_ctx *ctx)
{
	GK_CHECK(ctx, GK_CTX_MAGIC);
	return ctx->session;
}

void gk_ctx_set_chat_session(gk_ctx *ctx, void *session)
{
	GK_CHECK(ctx, GK_CTX_MAGIC);
	ctx->chat_session = session;
}

void *gk_ctx_chat_session_peek(const gk_ctx *ctx)
{
	GK_CHECK(ctx, GK_CTX_MAGIC);
	return ctx->chat_session;
}

gk_code gk_sleep(gk_ctx *ctx, uint64_t milliseconds, gk_error *err)
{
	GK_CHECK(ctx, GK_CTX_MAGIC);
	return gk_fiber_sleep(milliseconds, err);
}

gk_code gk_work(gk_ctx *ctx, gk_code (*fn)(void *arg, gk_error *err), void *arg, gk_error *err)
{
	GK_CHECK(ctx, GK_CTX_MAGIC);
	return gk_work_run(fn, arg, err);
}
