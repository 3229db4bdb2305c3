/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Parts of a call: a ctx of their own, and a span when they are to be seen. */
#include "core/internal.h"

#include "json/edit.h"

/* It is not moved while it is open: what is below points to it. */
struct gk_part {
	gk_ctx ctx, *before;
	gk_span span;
	gk_timed timed;
	const char *kind, *name;
	bool has_span;
};

/* A part of the call around it: it sends to where that sends. */
void gk_part_init_ctx(gk_ctx *part, gk_ctx *ctx, void *user)
{
	gk_ctx_init_child(part, ctx);
	part->user = user;
	part->on_chunk = gk_forward_chunk;
	part->is_streaming = ctx->is_streaming;
}

static void start_span(gk_part *part, const gk_part_opts *opts)
{
	gk_ctx *ctx = &part->ctx;
	gk_span *span = &part->span;

	gk_span_start(span, ctx->app, ctx->span, opts->span->name);
	span->type = opts->span->type;
	span->labels = opts->span->labels;
	span->metadata = gk_json_copy(opts->span->metadata); /* more may be set while it runs */
	span->input = opts->input;
	span->memo = opts->memo;
	span->has_messages = opts->span->has_messages;
	if (span->has_messages)
		span->input_messages = json_array_size(gk_json_peek(span->input, "messages"));
	if (opts->span->own)
		gk_span_set_own(span, opts->span->own);
	ctx->span = span;
	gk_span_announce(span, ctx->app);
}

/* After a failure there is nothing to end. */
static gk_code begin(gk_part *part, gk_ctx *ctx, const gk_part_opts *opts, gk_error *err)
{
	gk_code rc;

	part->has_span = opts->span != NULL;
	part->kind = opts->span ? opts->span->what : "part";
	part->name = opts->span ? opts->span->name : "of a call";
	gk_part_init_ctx(&part->ctx, ctx, opts->user);
	if (opts->on_chunk || opts->is_quiet) {
		part->ctx.on_chunk = opts->on_chunk;
		part->ctx.chunk_user = opts->chunk_user;
		part->ctx.is_streaming = !opts->is_quiet;
	}
	rc = gk_timed_begin(&part->timed, ctx->app, opts->timeout_ms, err);
	if (rc == GK_OK)
		rc = opts->is_level ? gk_scope_check(gk_fiber_scope(gk_fiber_self()), err)
				    : gk_ctx_descend(&part->ctx,
					      opts->span ? opts->span->name : "part", err);
	if (rc == GK_OK)
		rc = gk_ctx_merge_context(&part->ctx, opts->context, err);
	if (rc != GK_OK) {
		gk_timed_end(&part->timed);
		gk_ctx_done(&part->ctx);
		return rc;
	}
	if (part->has_span)
		start_span(part, opts);
	part->before = gk_ctx_enter(&part->ctx);
	return GK_OK;
}

static gk_code end(gk_part *part, json_t *output, gk_code rc, gk_error *err)
{
	if (rc != GK_OK)
		rc = gk_explain(part->kind, part->name, rc, err);
	gk_ctx_enter(part->before);
	if (part->has_span)
		gk_span_finish(&part->span, part->ctx.app, output, rc == GK_OK ? NULL : err);
	gk_timed_end(&part->timed);
	gk_ctx_done(&part->ctx);
	return rc;
}

gk_code gk_part_open(gk_ctx *ctx, const gk_part_opts *opts, gk_part **ret, gk_error *err)
{
	gk_part *part = malloc(sizeof(*part));
	gk_code rc = part ? begin(part, ctx, opts, err) : gk_error_no_memory(err);

	if (rc == GK_OK)
		*ret = part;
	else
		free(part);
	return rc;
}

gk_ctx *gk_part_ctx(gk_part *part)
{
	return &part->ctx;
}

gk_code gk_part_close(gk_part *part, json_t *output, gk_code rc, gk_error *err)
{
	rc = end(part, output, rc, err);
	free(part);
	return rc;
}

gk_code gk_run_part(
	gk_ctx *ctx, const gk_part_opts *opts, gk_action_fn *fn, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *output = NULL;
	gk_auto_error gk_error failure = { 0 }; /* also of a function that got over its failure */
	gk_part part;
	gk_code rc = begin(&part, ctx, opts, &failure);

	if (rc == GK_OK) {
		rc = fn(&part.ctx, opts->input, &output, &failure);
		rc = end(&part, output, rc, &failure);
	}
	if (rc != GK_OK)
		return gk_error_move(err, &failure);
	if (ret)
		*ret = gk_steal(output);
	return GK_OK;
}
