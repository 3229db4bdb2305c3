/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Sessions and chats, Genkit's older way to hold a conversation (agent.h is the newer one): a session has a state and
 * threads of messages, a chat speaks in one of the threads.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code talk(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		gk_auto_session gk_session *session = NULL;
 *		gk_auto_chat gk_chat *chat = NULL;
 *		gk_auto_response gk_response *first = NULL;
 *		gk_auto_response gk_response *second = NULL;
 *		gk_code rc = gk_session_load(ctx, GK_OPTS(gk_session_opts,
 *			.store = gk_session_store_peek(gk_ctx_app(ctx)), .id = "tuesday"), &session, err);
 *
 *		if (rc == GK_OK)
 *			rc = gk_session_chat(ctx, session, GK_OPTS(gk_chat_opts, .options = GK_OPTS(
 *				gk_generate_opts, .model = "test/echo", .system = "Be brief.")), &chat, err);
 *		if (rc == GK_OK)
 *			rc = gk_chat_send(ctx, chat, json_string_value(input), &first, err);
 *		if (rc == GK_OK)
 *			rc = gk_chat_send(ctx, chat, "why?", &second, err);
 *		if (rc == GK_OK)
 *			*ret = json_integer((json_int_t)json_array_size(gk_chat_messages(chat)));
 *		return rc;
 *	}
 *
 *	GK_MODULE(talking, app, err)
 *	{
 *		gk_code rc = gk_define_test_models(app, err);
 *
 *		return rc == GK_OK ? gk_define_flow(app,
 *			GK_OPTS(gk_flow_opts, .name = "talk", .run = talk), err) : rc;
 *	}
 *
 * Running "talk" with "hello" gives 5
 *
 * A session belongs to whoever makes it: another caller (gk_ctx_owner()) finds another session, or none, under its id.
 */
#ifndef GENKIT_SESSION_H
#define GENKIT_SESSION_H

#include <genkit/prompt.h>
#include <genkit/session_store.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/** Counted. */
typedef struct gk_session gk_session;
/** Counted; holds its session. */
typedef struct gk_chat gk_chat;

typedef struct gk_session_opts {
	size_t size;
	gk_session_store *store; /* borrowed: it outlives the session; NULL: nothing is kept */
	const char *store_name; /* sessions of one name do not see those of another; NULL: "chat" */
	const char *id;         /* blanks around it do not count; NULL or "": a new UUID */
	json_t *state;          /* borrowed; NULL: none */
} gk_session_opts;

/** A new session. Nothing is saved before something is said or the state is set: until then what is in the store under
 * the id stays. */
GK_MUST_USE gk_code gk_session_new(
	gk_ctx *ctx, const gk_session_opts *opts, gk_session **ret, gk_error *err);
/** The session of that id, a new one when there is none; `state` is not looked at. INVALID_ARGUMENT "options.store is
 * required" without a store. */
GK_MUST_USE GK_SUSPENDS gk_code gk_session_load(
	gk_ctx *ctx, const gk_session_opts *opts, gk_session **ret, gk_error *err);
gk_session *gk_session_ref(gk_session *session);
gk_session *gk_session_unref(gk_session *session);

const char *gk_session_id(const gk_session *session);
/** Borrowed, until it is set again; NULL: there is none. */
json_t *gk_session_state(const gk_session *session);
/** Borrowed array, until the thread changes; NULL: there is no such thread. */
json_t *gk_session_thread(const gk_session *session, const char *thread);
/** {id, state?, threads}. New reference; NULL when memory ran out. */
json_t *gk_session_json(const gk_session *session);

/** Sets and saves it. `state` is kept: nobody changes it from now on. When saving fails the session has it nevertheless. */
GK_MUST_USE GK_SUSPENDS gk_code gk_session_set_state(
	gk_ctx *ctx, gk_session *session, json_t *state, gk_error *err);
GK_MUST_USE GK_SUSPENDS gk_code gk_session_set_messages(
	gk_ctx *ctx, gk_session *session, const char *thread, json_t *messages, gk_error *err);

/** Runs `fn` with the session as the current one: for tools and prompts below, whose templates have its state as
 * {{@state.x}}. `user` is what gk_ctx_user() gives inside. */
GK_MUST_USE GK_SUSPENDS gk_code gk_session_run(gk_ctx *ctx, gk_session *session, gk_action_fn *fn,
	void *user, json_t *input, json_t **ret, gk_error *err);
/** The session in which this runs, also that of a chat which sends. Borrowed; NULL sets `err`: FAILED_PRECONDITION
 * "not running within a session". */
gk_session *gk_session_current(gk_ctx *ctx, gk_error *err);

/* --- chats --- */

typedef struct gk_chat_opts {
	size_t size;
	const char *thread; /* NULL: "main" */
	/* What stands before the conversation, made anew for every chat: a prompt with its input, or what `options` say. */
	const char *prompt; /* name of a prompt; NULL: none */
	json_t *input;      /* borrowed; of the prompt */
	/* What is asked with every message: model, config, tools, system, ... as far as JSON can say it. With a prompt they go
	 * over what it says. Messages in them are part of what stands before, unless there is a prompt. NULL: nothing. */
	const gk_generate_opts *options;
} gk_chat_opts;

/** A chat that goes on where the thread is now: what other chats say there later it does not know. That the prompt cannot be
 * rendered is told by the first message that is sent. */
GK_MUST_USE GK_SUSPENDS gk_code gk_session_chat(
	gk_ctx *ctx, gk_session *session, const gk_chat_opts *opts, gk_chat **ret, gk_error *err);
gk_chat *gk_chat_ref(gk_chat *chat);
gk_chat *gk_chat_unref(gk_chat *chat);
gk_session *gk_chat_session(const gk_chat *chat); /* borrowed */
/** Borrowed array, until something is sent. */
json_t *gk_chat_messages(const gk_chat *chat);

/**
 * Says something and waits for the answer, after which both are part of the thread and saved. When it fails nothing has
 * been said, but for a store that fails after the answer came. Who sends in the same thread of the session waits until it is
 * done. `*ret` is the caller's: gk_response_unref().
 */
GK_MUST_USE GK_SUSPENDS gk_code gk_chat_send(
	gk_ctx *ctx, gk_chat *chat, const char *text, gk_response **ret, gk_error *err);
/** The same with all that can be asked: what `opts` say goes over what the chat was made with; `messages` in them take the
 * place of the thread. */
GK_MUST_USE GK_SUSPENDS gk_code gk_chat_send_with(
	gk_ctx *ctx, gk_chat *chat, const gk_generate_opts *opts, gk_response **ret, gk_error *err);
/** The same, with what the model says piece by piece. */
GK_MUST_USE GK_SUSPENDS gk_code gk_chat_send_stream(gk_ctx *ctx, gk_chat *chat, const char *text,
	gk_chunk_fn *on_chunk, void *user, gk_response **ret, gk_error *err);

static inline void gk_session_unrefp(gk_session **session)
{
	gk_session_unref(*session);
}
#define gk_auto_session GK_CLEANUP(gk_session_unrefp)

static inline void gk_chat_unrefp(gk_chat **chat)
{
	gk_chat_unref(*chat);
}
#define gk_auto_chat GK_CLEANUP(gk_chat_unrefp)

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
