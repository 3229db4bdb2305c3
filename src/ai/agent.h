/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What the files of agents share: the agent, its session, and one invocation of it.
 *
 *	/agent/NAME: the call's fiber			agent_call.c
 *	  finds or begins the session			agent_open.c
 *	  reads inputs as they come, into a queue
 *	    an errand's fiber takes the turns		agent_turn.c, agent_prompt.c
 *	      session, chunks, patches			agent_session.c, agent_stream.c
 *	    and, after the last one, makes the output	agent_output.c
 *	what is kept of it				agent_store.c
 *	going on without a client			agent_detach.c
 *	/agent-snapshot/NAME, /agent-abort/NAME		agent_companion.c
 *	calling all of these from C			agent_client.c
 *
 * The errand lives while there is a turn to take: an agent that waits for input has one fiber.
 */
#ifndef GK_AI_AGENT_H
#define GK_AI_AGENT_H

#include "ai/agent_asked.h"
#include "ai/vouched.h"
#include "base/id.h"
#include "core/call.h"
#include "core/errand.h"
#include "json/schema.h"

#include <genkit/agent.h>
#include <genkit/session_store.h>
#include <sys/queue.h>

/* The agent itself. Counted: an invocation may outlive its definition. */
typedef struct gk_agent {
	unsigned refs;
	char *name;
	gk_schema *state_schema; /* of `custom`; NULL: anything */
	gk_agent_turn_fn *turn;
	gk_agent_result_fn *result; /* NULL: the usual one */
	char *prompt_name;          /* NULL: not of a prompt */
	json_t *prompt_input;
	gk_agent_transform_fn *transform_state, *transform_chunk;
	bool takes_late_answers;
	bool is_stored;
	gk_session_store *store; /* NULL: the application's */
	char *store_name;
	bool rejects_branches;
	unsigned max_chain;
	void *user;
	void (*free_user)(void *user);
} gk_agent;

gk_agent *gk_agent_ref(gk_agent *agent);
void gk_agent_unref(void *agent);
/** gk_define_agent(); with `is_other` in place of the agent of the name, which stays when it fails. */
gk_code gk_agent_define(gk_app *app, const gk_agent_opts *opts, bool is_other, gk_error *err);
/** Withdraws the agent of a name and its companions, if they are there; turns under way keep it. */
void gk_agent_withdraw(gk_app *app, const char *name);

typedef struct gk_invocation gk_invocation;

/* Its state is one JSON object that is changed only while nobody else holds it: whoever wants to keep it as it is, takes a
 * reference. */
struct gk_agent_session {
	unsigned magic;
	gk_invocation *invocation;
	char *id;
	json_t *state;
	size_t bytes;         /* about what it is as text */
	bool names_resources; /* false: no message has such a part */
	uint64_t version, saved_version;
	gk_asked asked;
};

/* An input that waits for its turn. */
typedef struct gk_queued_input {
	json_t *input;
	STAILQ_ENTRY(gk_queued_input) link;
} gk_queued_input;

struct gk_invocation {
	unsigned magic, refs;
	gk_agent *agent;
	gk_agent_session session;

	/* The call that asked for it. */
	gk_ctx *front; /* NULL: it has its answer */
	gk_fiber *front_fiber;
	gk_scope *scope;     /* borrowed: the front's */
	gk_scope *listening; /* in which the front waits for input: ends with the invocation */
	gk_scope_listener listener;
	unsigned sending; /* chunks that are on their way through the front */

	/* The work. */
	gk_errand *errand;
	bool is_working; /* the errand goes on */
	STAILQ_HEAD(, gk_queued_input) inputs;
	size_t input_count;
	bool inputs_ended;  /* nothing comes behind those */
	bool is_stopped;    /* a turn failed or was called off: no other is taken */
	bool is_concluding; /* nothing more is taken in */
	bool is_over;       /* `rc`, `err` and `output` are there */
	unsigned turn_index;
	size_t told; /* messages that were said before this turn */

	/* The client's view of `custom`. */
	json_t *shown_custom;  /* the last that was sent; NULL: none */
	bool has_patched;      /* in this turn */
	bool is_stream_broken; /* whoever takes chunks failed: they get none */

	/* What is kept; all NULL when the client keeps it. */
	gk_session_store *store;
	char *owner;        /* of the call that began it: of all that it saves */
	char *last_id;      /* the snapshot that the next one follows */
	char *turn_id;      /* that the turn which is being taken will have */
	char *last_good_id; /* what the output names when a turn failed */
	bool is_saving;     /* the end of a turn */

	/* Detached: no chunk is sent, and turns are not saved one by one. */
	bool is_detached;
	char *pending_id;
	bool is_row_settled;     /* it was written, or could not be: */
	bool has_row;            /* this tells */
	gk_fiber *waits_for_row; /* the work, at its end */
	gk_snapshot_watcher watcher;
	bool is_watched;
	gk_errand *heart;

	gk_vouched vouched; /* messages that need not be looked at again; no list: none */

	/* What came of the last turn. */
	json_t *last_good; /* state; its messages may have been added to: gk_agent_last_good() */
	size_t last_good_count; /* so many are its own */
	char *finish_reason;
	json_t *failure; /* {status, message, details?}; NULL: it went well */

	gk_code rc;
	gk_error err;
	json_t *output;
};

/** An id of a request; NULL: there is none, or an empty one, which is the same. */
static inline const char *gk_agent_id(json_t *request, const char *key)
{
	const char *id = json_string_value(json_object_get(request, key));

	return id && *id ? id : NULL;
}

/* --- agent_call.c --- */

gk_action_fn gk_agent_action;
gk_around_fn gk_agent_around;
gk_invocation *gk_invocation_unref(gk_invocation *invocation);

/* --- agent_open.c --- */

/** The session that `init` (borrowed; NULL: none) asks for. When it cannot be had for a reason that the client is to read in the
 * output, that is made. */
GK_MUST_USE GK_SUSPENDS gk_code gk_invocation_open(
	gk_invocation *it, gk_ctx *ctx, json_t *init, gk_error *err);

/* --- agent_session.c --- */

/** Begins with a state (borrowed; NULL: a fresh one), whose id wins over `id` (NULL: a new one). */
gk_code gk_agent_session_begin(
	gk_agent_session *session, json_t *state, const char *id, gk_error *err);
void gk_agent_session_done(gk_agent_session *session);
/** What the session is now is what a failed turn leaves. */
void gk_agent_become_good(gk_invocation *it);
/** The state after the last good turn. New reference; NULL when memory ran out. */
json_t *gk_agent_last_good(const gk_invocation *it);
/** gk_agent_add_message_take() of what was validated. */
gk_code gk_agent_push_message_take(gk_agent_session *session, json_t *message_take, gk_error *err);

/* --- agent_size.c --- */

/** About the bytes of its text. */
size_t gk_agent_weigh(const json_t *value);
/** Sets what is known of the session's state as a whole, without looking at it when the snapshot `id` (NULL: none) that it is
 * of is remembered. As gk_agent_grow(). */
gk_code gk_agent_look_over(gk_app *app, gk_agent_session *session, const char *id, gk_error *err);
/** What is known of the session is so of the snapshot `id` as well. */
void gk_agent_remember(gk_app *app, const gk_agent_session *session, const char *id);
/** RESOURCE_EXHAUSTED when it would be more than GK_MAX_AGENT_STATE. */
gk_code gk_agent_grow(gk_agent_session *session, size_t more, size_t less, gk_error *err);

/* --- agent_stream.c --- */

/** A chunk of the wire's form, through the transform, to whoever called; nowhere when there is nobody (any more). */
GK_MUST_USE GK_SUSPENDS gk_code gk_agent_emit(
	gk_ctx *ctx, gk_invocation *it, json_t *chunk_take, gk_error *err);
/** A gk_chunk_fn: what turn functions send with gk_ctx_send(). `user` is the invocation. */
gk_chunk_fn gk_agent_turn_chunk;
/** Tells the client what `custom` is now. */
GK_MUST_USE GK_SUSPENDS gk_code gk_agent_emit_custom(gk_ctx *ctx, gk_invocation *it, gk_error *err);
/** A state as clients see it. New reference. */
GK_MUST_USE GK_SUSPENDS gk_code gk_agent_shown_state(
	gk_ctx *ctx, gk_agent *agent, json_t *state, json_t **ret, gk_error *err);

/* --- agent_turn.c --- */

/** Takes one turn; `is_stopped` tells whether it was the last. A failure here is one of the whole call. */
GK_MUST_USE GK_SUSPENDS gk_code gk_agent_take_turn(
	gk_ctx *ctx, gk_invocation *it, json_t *input, gk_error *err);

/* --- agent_prompt.c --- */

gk_agent_turn_fn gk_agent_prompt_turn;

/* --- agent_resume.c --- */

/** Whether what a client answers was asked: INVALID_ARGUMENT when not. `resume` is {respond?, restart?}. `is_wide`: anywhere in
 * the messages, not only in the last of the model. */
gk_code gk_agent_check_resume(json_t *resume, json_t *messages, bool is_wide, gk_error *err);

/* --- agent_store.c --- */

/** Where the agent's sessions are; NULL when memory ran out. */
gk_session_store *gk_agent_store_peek(gk_app *app, const gk_agent *agent);
/** Part of every call of the store; the strings are the agent's and `owner`. */
gk_session_realm gk_agent_realm(const gk_agent *agent, const char *owner);
/** What is left of a text that a NULL or a copy replaces. */
gk_code gk_agent_set_text(char **text, const char *value, gk_error *err);
/** Saves the state as it is, behind the last snapshot, which it becomes. `id` NULL: the store makes one up. Waits for the
 * commit. */
GK_MUST_USE GK_SUSPENDS gk_code gk_agent_save(gk_ctx *ctx, gk_invocation *it, const char *id,
	const char *status, const char *finish_reason, gk_error *err);
/** {snapshotId?, sessionId, parentId?, createdAt, updatedAt, status, finishReason?, error?, state}. New reference; NULL: no
 * memory. */
json_t *gk_agent_snapshot_document(gk_invocation *it, const char *id, const char *status,
	const char *finish_reason, json_t *error);

/* --- agent_detach.c --- */

/** The client goes and the work stays: its row is there when this returns. */
GK_MUST_USE GK_SUSPENDS gk_code gk_agent_detach(gk_invocation *it, gk_error *err);
/** Nothing is taken in any more, and the row is there, or will not be. */
void gk_agent_row_is_settled(gk_invocation *it);
/** For the work. */
GK_SUSPENDS void gk_agent_wait_for_row(gk_invocation *it);
/** The last thing that a detached invocation does. `result` may be NULL. */
GK_SUSPENDS void gk_agent_finalize(gk_ctx *ctx, gk_invocation *it, json_t *result);
/** Between two signs of life; for tests to change. */
extern uint64_t gk_agent_heartbeat_ms;

/* --- agent_companion.c --- */

gk_action_fn gk_agent_snapshot_action, gk_agent_abort_action;

/* --- agent_output.c --- */

/** What follows the last turn: the output, or the failure of the call. */
GK_SUSPENDS void gk_agent_conclude(gk_ctx *ctx, gk_invocation *it);
/** {finishReason: failed, error, state?} of an invocation that had no session. New reference; NULL: no memory. */
json_t *gk_agent_refusal(const gk_error *why, json_t *init);
/** {status, message, details?} as clients may see it. New reference; NULL: no memory. */
json_t *gk_agent_error_json(const gk_error *err);

#endif
