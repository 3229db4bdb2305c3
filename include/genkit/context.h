/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * gk_ctx is what happens: one call of one action. It knows who asks, in which trace, who takes the chunks and how long
 * there is. Whatever takes a gk_ctx and is marked GK_SUSPENDS may park the calling fiber; other runs go on meanwhile.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code countdown(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		for (json_int_t n = gk_json_int_at(input, "from", 3); n > 0; n--) {
 *			gk_code rc = gk_ctx_send(ctx, json_pack("{s:I}", "count", n), err);
 *
 *			if (rc == GK_OK)
 *				rc = gk_sleep(ctx, 10, err);
 *			if (rc != GK_OK)
 *				return rc;
 *		}
 *		*ret = json_string("liftoff");
 *		return GK_OK;
 *	}
 *
 *	GK_MODULE(launch, app, err)
 *	{
 *		return gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "countdown",
 *			.input = "from: integer", .stream = "count: integer", .run = countdown), err);
 *	}
 *
 * Running "countdown" with {"from": 2} gives "liftoff"
 *
 * When the run is cancelled or its time is over, the next suspending call returns GK_CANCELLED or
 * GK_DEADLINE_EXCEEDED: return it, and cleanup attributes do the rest.
 */
#ifndef GENKIT_CONTEXT_H
#define GENKIT_CONTEXT_H

#include <genkit/app.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef struct gk_ctx gk_ctx;

/** The one function type. `input` is borrowed, already validated, and NULL when the caller gave none. `*ret` is NULL on
 * entry; set it to a new reference, or leave it NULL for a result without a value. */
typedef gk_code gk_action_fn(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err);
/** Takes a chunk (borrowed) of a call made with gk_run_action_with(). */
typedef gk_code gk_chunk_fn(gk_ctx *ctx, json_t *chunk, void *user, gk_error *err);

gk_app *gk_ctx_app(gk_ctx *ctx);
/** The `user` given when the action was defined. */
void *gk_ctx_user(gk_ctx *ctx);
/** Borrowed object: {"auth": ...} and what context providers added. Never NULL. */
json_t *gk_ctx_context(gk_ctx *ctx);
/** Borrowed: the `init` of the call; NULL: none. */
json_t *gk_ctx_init(gk_ctx *ctx);
const char *gk_ctx_trace_id(gk_ctx *ctx);
const char *gk_ctx_span_id(gk_ctx *ctx);
/** True when somebody takes chunks. gk_ctx_send() works either way. */
bool gk_ctx_is_streaming(gk_ctx *ctx);
/** For loops that never suspend. */
bool gk_ctx_is_cancelled(gk_ctx *ctx);
/** Text that lives as long as the call; NULL when memory ran out. */
const char *gk_ctx_printf(gk_ctx *ctx, const char *format, ...) GK_PRINTF(2, 3);
/** Metadata of the current span: attribute `genkit:metadata:KEY`. */
void gk_ctx_set_metadata(gk_ctx *ctx, const char *key, const char *value);

/** Sends a chunk to whoever called (consumed, also on failure; NULL is GK_RESOURCE_EXHAUSTED, so that a failed
 * json_pack() needs no check). Parks while the client is behind. */
GK_MUST_USE GK_SUSPENDS gk_code gk_ctx_send(gk_ctx *ctx, json_t *chunk_take, gk_error *err);
/** The next item of a bidi action's input (a new reference, validated), NULL at its end. An action called plainly
 * receives its one input. */
GK_MUST_USE GK_SUSPENDS gk_code gk_ctx_receive(gk_ctx *ctx, json_t **ret, gk_error *err);
GK_MUST_USE GK_SUSPENDS gk_code gk_sleep(gk_ctx *ctx, uint64_t milliseconds, gk_error *err);
/** Runs `fn` on a worker thread, for what would hold the loop: a blocking library, a long computation. It is waited for
 * even when the run is cancelled, so `arg` stays valid. `fn` must not touch ctx. */
GK_MUST_USE GK_SUSPENDS gk_code gk_work(
	gk_ctx *ctx, gk_code (*fn)(void *arg, gk_error *err), void *arg, gk_error *err);

/** A step of a flow: a span of its own (type flowStep). `user` is what gk_ctx_user() gives inside. */
GK_MUST_USE GK_SUSPENDS gk_code gk_run_step(gk_ctx *ctx, const char *name, gk_action_fn *fn,
	void *user, json_t *input, json_t **ret, gk_error *err);

/** Runs several functions at once, each in a fiber and a ctx of its own below `ctx`, and waits for all. The first
 * failure is returned; the others are let run to their end. */
typedef struct gk_parallel {
	gk_action_fn *fn;
	void *user;
	json_t *input; /* borrowed */
	json_t *ret;   /* filled in: owned by the caller */
	gk_code rc;    /* filled in */
	gk_error err;  /* filled in: clear it */
} gk_parallel;
GK_MUST_USE GK_SUSPENDS gk_code gk_run_parallel(
	gk_ctx *ctx, gk_parallel *items, size_t count, gk_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
