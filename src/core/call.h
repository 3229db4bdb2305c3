/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Calls and parts of calls, as the floors above make them: of actions that are wrapped, that answer a tool request, or
 * that have a span of another type.
 *
 *	rc = gk_run_part(ctx, GK_OPTS(gk_part_opts, .span = &span, .input = request), one_turn, &output, err);
 */
#ifndef GK_CORE_CALL_H
#define GK_CORE_CALL_H

#include "core/define.h"
#include "core/run.h"
#include "core/traceparent.h"
#include "json/memo.h"

typedef struct gk_registry gk_registry;

/* One call of an action: validated, traced, run, validated. All is borrowed. */
struct gk_call {
	gk_action *action;
	gk_app *app;                             /* only without `parent` */
	gk_ctx *parent;                          /* NULL: the root of `run` */
	gk_run *run;                             /* only without `parent` */
	gk_registry *registry;                   /* NULL: the parent's, or the application's */
	json_t *input, *init, *context, *labels; /* NULL: absent */
	json_t *request_metadata;                /* of the tool request that it answers */
	/* Validated in place of the input, whose other parts are known to fit, while that is still `checked_for`; NULL: the
	 * input is. */
	json_t *checked, *checked_for;
	gk_json_memo *
		memo; /* what its span's input and output were written as elsewhere; NULL: nothing */
	gk_channel *input_stream;
	gk_chunk_fn *on_chunk;
	void *chunk_user;
	bool is_streaming;
	const gk_trace_link *link;         /* what asked for it; NULL: nothing */
	const char *trace_state, *baggage; /* that came with it */
};
GK_MUST_USE GK_SUSPENDS gk_code gk_call_action(const gk_call *call, json_t **ret, gk_error *err);

/**
 * A gk_around_fn wraps every call of an action, outside its span: what it gives is what the caller gets. It may
 * change a copy of `call` and pass it to gk_call_wrapped() any number of times. `ctx` is below the caller's; what it
 * sends goes where the action's chunks go; gk_ctx_user() is its `around_user`.
 */
GK_MUST_USE GK_SUSPENDS gk_code gk_call_wrapped(const gk_call *call, json_t **ret, gk_error *err);

/** Like gk_app_lookup_action(), in a call. */
GK_MUST_USE GK_SUSPENDS gk_code gk_lookup(
	gk_ctx *ctx, const char *key, gk_action **ret, gk_error *err);
/** What it says of itself to models and people, until it is asked again; NULL: nothing. */
const char *gk_action_description(const gk_action *action);
void *gk_action_user(const gk_action *action);
gk_action_fn *gk_action_run_fn(const gk_action *action);

/* A part of the call that `ctx` is: a ctx of its own, with or without a span. */
typedef struct gk_part_opts {
	size_t size;
	const gk_span_opts *span; /* NULL: none */
	json_t *input;            /* handed to `fn`, recorded by the span; NULL: absent */
	json_t *context;          /* ambient below; NULL: as above */
	gk_chunk_fn *on_chunk;    /* NULL: chunks go where those of `ctx` go */
	void *chunk_user;
	bool is_quiet;      /* nobody takes chunks */
	gk_json_memo *memo; /* as in gk_call */
	bool is_level;      /* counts as no deeper than `ctx`: it begins in a loop, not in a call */
	uint64_t timeout_ms; /* 0: what the caller has left */
	void *user;          /* gk_ctx_user() */
} gk_part_opts;
GK_MUST_USE GK_SUSPENDS gk_code gk_run_part(
	gk_ctx *ctx, const gk_part_opts *opts, gk_action_fn *fn, json_t **ret, gk_error *err);

/* The same for what does not end where it began: parts in a loop, each inside of the one before. What `opts`
 * points to must outlive it. */
typedef struct gk_part gk_part;
GK_MUST_USE gk_code gk_part_open(
	gk_ctx *ctx, const gk_part_opts *opts, gk_part **ret, gk_error *err);
gk_ctx *gk_part_ctx(gk_part *part);
/** `output` is recorded when `rc` is GK_OK; otherwise `err` says what went wrong, and what is returned decides. */
GK_MUST_USE gk_code gk_part_close(gk_part *part, json_t *output, gk_code rc, gk_error *err);

/** What the span of `ctx` records as its input has another value for a member from now on; what was handed on stays. False
 * when memory ran out. */
bool gk_ctx_record_member(gk_ctx *ctx, const char *key, json_t *value);

/** Lists of messages in the span of `ctx`, and in those below that belong to it, begin with so many that were said in earlier
 * turns: of a long conversation these are shown in part. */
void gk_ctx_record_told(gk_ctx *ctx, size_t count);
/** What the span of `ctx` records as its output, as it is, in the place of what is given. NULL: that again. */
void gk_ctx_record_output_take(gk_ctx *ctx, json_t *output_take);

/** Chunks of the call go nowhere from now on, those that wait for their client included. Only for calls from outside: what an
 * action sends to its caller is the caller's. */
void gk_ctx_drop_chunks(gk_ctx *ctx);

/** Items that gk_ctx_receive() would give without waiting. */
size_t gk_ctx_waiting_inputs(const gk_ctx *ctx);

/** What the floor above keeps of an agent's session, for everything below `ctx`. Borrowed; NULL: nothing. */
void gk_ctx_set_session(gk_ctx *ctx, void *session);
void *gk_ctx_session_peek(const gk_ctx *ctx);
/** The same for a session of the older kind. */
void gk_ctx_set_chat_session(gk_ctx *ctx, void *session);
void *gk_ctx_chat_session_peek(const gk_ctx *ctx);

/** gk_run_parallel() that calls the others off when one fails, and returns that failure. A single item runs in the
 * caller's fiber. */
GK_MUST_USE GK_SUSPENDS gk_code gk_run_together(
	gk_ctx *ctx, gk_parallel *items, size_t count, gk_error *err);

/** Runs `fn` in a fiber of its own and waits for it. It counts as no deeper than `ctx`: what goes on inside of itself for
 * long takes another stack, not another call. */
GK_MUST_USE GK_SUSPENDS gk_code gk_run_on_new_stack(
	gk_ctx *ctx, gk_action_fn *fn, void *user, json_t **ret, gk_error *err);

#endif
