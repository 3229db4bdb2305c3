/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Agents: conversations that have a state. An agent takes turns: each input is one, and each turn may change the messages,
 * a value of the application's own (`custom`) and artifacts. A prompt agent asks a model with a prompt and the messages so
 * far; a custom agent is a function. `helper` is the action /agent/helper.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code count(gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
 *	{
 *		json_t *custom = gk_agent_custom_peek(session);
 *		json_int_t so_far = gk_json_int_at(custom, "turns", 0);
 *		json_t *reply = gk_message_of_text("model", gk_ctx_printf(ctx, "That was number %d.", (int)so_far + 1));
 *		gk_code rc = gk_agent_set_custom_take(ctx, session, json_pack("{s:I}", "turns", so_far + 1), err);
 *
 *		turn->finish_reason = "stop";
 *		return rc == GK_OK ? gk_agent_add_message_take(session, reply, err) : rc;
 *	}
 *
 *	static gk_code talk(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		gk_auto_json json_t *hello = gk_agent_input("Hello!"), *first = NULL, *second = NULL, *init = NULL;
 *		gk_code rc = gk_agent_run(ctx, "counter", hello, NULL, &first, err);
 *
 *		(void)input;
 *		if (rc == GK_OK) { // the state of a client-managed agent travels with its caller
 *			init = json_pack("{s:O}", "state", json_object_get(first, "state"));
 *			rc = gk_agent_run(ctx, "counter", hello, GK_OPTS(gk_call_opts, .init = init), &second, err);
 *		}
 *		if (rc == GK_OK)
 *			*ret = json_incref(gk_json_at_peek(second, "message.content[0].text"));
 *		return rc;
 *	}
 *
 *	GK_MODULE(counting, app, err)
 *	{
 *		gk_code rc = gk_define_agent(app, GK_OPTS(gk_agent_opts, .name = "counter", .turn = count), err);
 *
 *		return rc == GK_OK ? gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "talk", .run = talk), err) : rc;
 *	}
 *
 * Running "talk" with null gives "That was number 2."
 * Running "/agent/counter" with {"message": {"role": "user", "content": [{"text": "Hi"}]}, "detach": true}
 * fails with "FAILED_PRECONDITION: Detach is only supported when a session store is provided."
 *
 * The wire (sessions section 2): init {state?} begins a session, or goes on with one; of an agent whose sessions are kept, init
 * is {snapshotId?, sessionId?}. An input is {message?, resume?: {respond?, restart?}, detach?}. Each chunk has one of modelChunk,
 * customPatch (a JSON Patch of `custom`), artifact and turnEnd {snapshotId?, finishReason?}. The output is {sessionId, state or
 * snapshotId, message?, artifacts?, finishReason?, error?}.
 *
 * Inputs are read as they come and taken one at a time, in order. A turn that fails is an output with finishReason "failed" and
 * `error`, not an error of the call: its message, and its state or snapshotId, are those of the last good turn, and inputs behind
 * it are not taken. A kept turn is committed before its turnEnd is sent. What a prompt agent is asked beside the messages (its
 * system text, its template) does not become part of them.
 *
 * `detach` lets the client go: it is answered {sessionId, snapshotId, finishReason: "detached"} at once, and what it had sent by
 * then is worked off without it. The snapshot is "pending" meanwhile, has a sign of life every half minute, and is rewritten once
 * at the end, "completed" or "failed"; gk_agent_abort() makes it "aborted" and calls off the work. A call that is called off
 * (its client has gone, its time is over) stops its turn, of which nothing is kept.
 *
 * Sessions belong to the identity that began them (gk_ctx_owner()): to others they do not exist.
 *
 * JSON that is given to a session is kept, not copied, and JSON that it gives is shared: none of it is to be changed
 * afterwards, but replaced.
 */
#ifndef GENKIT_AGENT_H
#define GENKIT_AGENT_H

#include <genkit/message.h>
#include <genkit/prompt.h>
#include <genkit/session_store.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/** The session of one invocation: what a turn sees and changes. Lives as long as the invocation. */
typedef struct gk_agent_session gk_agent_session;

/* One turn, as its function sees it. */
typedef struct gk_agent_turn {
	json_t *input;           /* borrowed; its message is the session's last already */
	unsigned index;          /* from 0, in this invocation */
	const char *snapshot_id; /* that it will be kept as; NULL: not by us, or detached */
	const char *parent_id;   /* the snapshot that it goes on from; NULL: none */
	const char *
		finish_reason; /* to be filled in; must live until the turn's end; NULL: none is told */
} gk_agent_turn;

/** Takes a turn. gk_ctx_user() is the agent's `user`; gk_ctx_send() sends chunks. Called off, it returns what its suspending
 * calls return. */
typedef gk_code gk_agent_turn_fn(
	gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err);
/** After the last turn, also one that failed: `*ret` is {message?, artifacts?, finishReason?} for the output. A failure here is
 * one of the call. */
typedef gk_code gk_agent_result_fn(
	gk_ctx *ctx, gk_agent_session *session, json_t **ret, gk_error *err);
/** What clients get to see: of a state, whole, or of a chunk. `*ret` is a new reference, also to the same value; a chunk for
 * which it stays NULL is not sent. It must not change what it is given. When it fails, nothing is shown and the turn fails with
 * INTERNAL. */
typedef gk_code gk_agent_transform_fn(
	gk_ctx *ctx, json_t *value, void *user, json_t **ret, gk_error *err);

typedef struct gk_agent_opts {
	size_t size;
	const char *name; /* required */
	const char *description;
	/* Who takes the turns: one of the first three. */
	gk_agent_turn_fn *turn;
	const gk_prompt_opts
		*prompt; /* defined here, under the agent's name; its own name is not looked at */
	const char
		*prompt_name; /* of a prompt that is defined elsewhere: in C or in a .prompt file */
	json_t *prompt_input; /* borrowed, kept; for the prompt's templates; NULL: {} */
	gk_agent_result_fn
		*result; /* NULL: the last message, all artifacts, the last turn's finish reason */
	/* What `custom` is like: text, JSON Schema or Picoschema. What an invocation begins with is held to it, not what turns make
	 * of it. The _json form wins. */
	const char *state_schema;
	json_t *state_schema_json;
	gk_agent_transform_fn *transform_state, *transform_chunk; /* NULL: all is shown */
	/* Server-managed: the sessions are in the application's store, or in `store` (borrowed; it outlives the application), and
	 * callers send ids instead of states. */
	bool is_stored;
	gk_session_store *store;
	const char
		*store_name; /* agents with one name share their sessions; NULL: the agent's name */
	bool rejects_branches; /* a session that was branched can only be resumed by snapshot */
	unsigned max_chain; /* so many snapshots of a session are kept, up to a million; 0: all */
	/* An answer to an interrupt may be to any earlier request for a tool, not only to one of the last model message. */
	bool takes_late_answers;
	void *user;
	void (*free_user)(void *user); /* when the agent goes; not when defining it failed */
} gk_agent_opts;

/** Registers it. Errors: as gk_define_action() and gk_define_prompt(); INVALID_ARGUMENT when nobody, or more than one, takes
 * the turns. */
gk_code gk_define_agent(gk_app *app, const gk_agent_opts *opts, gk_error *err);

/* --- in a turn, and below it: in tools --- */

/** NULL outside of agents. */
gk_agent_session *gk_ctx_agent_session(gk_ctx *ctx);
const char *gk_agent_session_id(const gk_agent_session *session);
/** {sessionId, messages?, custom?, artifacts?, ...}. New reference. */
json_t *gk_agent_state(gk_agent_session *session);
/** Borrowed until the next change; NULL: none. */
json_t *gk_agent_messages_peek(gk_agent_session *session);
json_t *gk_agent_custom_peek(gk_agent_session *session);
json_t *gk_agent_artifacts_peek(gk_agent_session *session);

/** Behind the others. NULL is GK_RESOURCE_EXHAUSTED, so that a failed json_pack() needs no check. Errors: INVALID_ARGUMENT
 * (it does not fit the schema of messages), RESOURCE_EXHAUSTED. */
GK_MUST_USE gk_code gk_agent_add_message_take(
	gk_agent_session *session, json_t *message_take, gk_error *err);
/** All of them: borrowed, kept. Those that stay should be the same objects. */
GK_MUST_USE gk_code gk_agent_set_messages(
	gk_agent_session *session, json_t *messages, gk_error *err);
/** Replaces `custom` and sends clients what changed. NULL: as above. */
GK_MUST_USE GK_SUSPENDS gk_code gk_agent_set_custom_take(
	gk_ctx *ctx, gk_agent_session *session, json_t *custom_take, gk_error *err);
/** {name?, parts, metadata?}, or an array of them: one with the name of an earlier one takes its place. They are sent to
 * clients. */
GK_MUST_USE GK_SUSPENDS gk_code gk_agent_add_artifacts_take(
	gk_ctx *ctx, gk_agent_session *session, json_t *artifacts_take, gk_error *err);
/** A gk_chunk_fn for gk_generate() in a turn: sends {"modelChunk": chunk}. */
gk_code gk_agent_model_chunk(gk_ctx *ctx, json_t *chunk, void *user, gk_error *err);

/* --- calling one --- */

/** The input of one text of the user's. New reference; NULL when memory ran out. */
json_t *gk_agent_input(const char *text);
/** One turn. `opts` (NULL: a new session, chunks go nowhere) says how: init, context, on_chunk, timeout_ms. `*ret` is the
 * output. Errors: NOT_FOUND, FAILED_PRECONDITION (an init that does not fit the agent), INVALID_ARGUMENT, those of
 * cancellation. */
GK_MUST_USE GK_SUSPENDS gk_code gk_agent_run(gk_ctx *ctx, const char *name, json_t *input,
	const gk_call_opts *opts, json_t **ret, gk_error *err);

/** Turns of one invocation, as it goes along. It runs beside the caller until its inputs have ended. */
typedef struct gk_agent_stream gk_agent_stream;
/** Of `opts` (NULL: nothing) only init and context count. */
GK_MUST_USE GK_SUSPENDS gk_code gk_agent_stream_open(gk_ctx *ctx, const char *name,
	const gk_call_opts *opts, gk_agent_stream **ret, gk_error *err);
/** `input` is borrowed. Parks when very many wait. FAILED_PRECONDITION: it is over, as after a turn that failed. */
GK_MUST_USE GK_SUSPENDS gk_code gk_agent_stream_send(
	gk_agent_stream *stream, json_t *input, gk_error *err);
/** No input comes any more. */
void gk_agent_stream_end(gk_agent_stream *stream);
/** The next chunk (a new reference), NULL at the end. Turns wait for those who do not read. */
GK_MUST_USE GK_SUSPENDS gk_code gk_agent_stream_next(
	gk_agent_stream *stream, json_t **ret, gk_error *err);
/** Ends the inputs, drops chunks that were not read and waits for the output. Errors as of gk_agent_run(). */
GK_MUST_USE GK_SUSPENDS gk_code gk_agent_stream_output(
	gk_agent_stream *stream, json_t **ret, gk_error *err);
/** Calls off what still goes on, and frees it. NULL is allowed; returns NULL. */
GK_SUSPENDS gk_agent_stream *gk_agent_stream_close(gk_agent_stream *stream);
static inline void gk_agent_stream_closep(gk_agent_stream **stream)
{
	gk_agent_stream_close(*stream);
}
#define gk_auto_agent_stream GK_CLEANUP(gk_agent_stream_closep)

/** A snapshot as clients see it, by its id or the latest of a session: one of the two is NULL. One that is pending without a sign
 * of life for a minute is "expired". Errors: NOT_FOUND, INVALID_ARGUMENT, FAILED_PRECONDITION (nothing is kept). */
GK_MUST_USE GK_SUSPENDS gk_code gk_agent_snapshot(gk_ctx *ctx, const char *name,
	const char *snapshot_id, const char *session_id, json_t **ret, gk_error *err);
/** Calls off a detached run. `*previous_ret` (static) is the status before: "pending" when it did; NULL: there is none of that
 * id. */
GK_MUST_USE GK_SUSPENDS gk_code gk_agent_abort(gk_ctx *ctx, const char *name,
	const char *snapshot_id, const char **previous_ret, gk_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
