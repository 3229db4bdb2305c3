/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Where conversations are kept: the snapshots of agents' sessions, and the older sessions of gk_session. The daemon keeps
 * them in SQLite, a program without one in memory, and an application may bring a store of its own.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code remember(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		gk_session_store *store = gk_session_store_peek(gk_ctx_app(ctx));
 *		gk_session_realm realm = { .store = "notes", .owner = gk_ctx_owner(ctx) };
 *		gk_auto_json json_t *note = json_pack("{s:s, s:s, s:{s:O}}", "sessionId", "diary",
 *			"status", "completed", "state", "custom", input);
 *		gk_auto_saved gk_snapshot_saved saved = { .id = NULL };
 *		gk_code rc = gk_snapshot_save(ctx, store, &realm,
 *			GK_OPTS(gk_snapshot_change, .document = note), &saved, err);
 *
 *		return rc == GK_OK ? gk_snapshot_latest(ctx, store, &realm, "diary", ret, err) : rc;
 *	}
 *
 *	static gk_code last_note(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		gk_auto_json json_t *snapshot = NULL;
 *		gk_code rc = remember(ctx, input, &snapshot, err);
 *
 *		if (rc == GK_OK)
 *			*ret = json_incref(gk_json_at_peek(snapshot, "state.custom"));
 *		return rc;
 *	}
 *
 *	GK_MODULE(notes, app, err)
 *	{
 *		return gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "remember", .run = last_note), err);
 *	}
 *
 * Running "remember" with "rain" gives "rain"
 *
 * A snapshot is a JSON object: {snapshotId, sessionId?, parentId?, createdAt, updatedAt?, heartbeatAt?, status?,
 * finishReason?, error?, state?}; times are "2026-11-22T07:44:31.001Z"; status is one of pending, completed, aborted and
 * failed; state is {sessionId?, messages?, custom?, artifacts?}. Snapshots never change: nobody changes one after it was
 * given to a store or by one, nor any value inside of it, for both sides keep references to it (but a store that `holds` a list is prepared for more at its
 * end). A new state is a new object
 * that holds the same messages (json_incref()), followed by new ones: a store finds by their addresses what was added, and
 * saving costs as much as that. (sessions sections 10 and 11)
 */
#ifndef GENKIT_SESSION_STORE_H
#define GENKIT_SESSION_STORE_H

#include <genkit/context.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef struct gk_session_store gk_session_store;

/** Part of every call. A snapshot exists within its realm only: the same id in another one is another snapshot, and what
 * belongs to somebody else reads as missing. */
typedef struct gk_session_realm {
	const char *
		store; /* required: agents with separate stores have different names here; usually the agent's */
	const char *owner; /* required: who asks, see gk_ctx_owner(); "": nobody in particular */
	bool rejects_branches; /* a session with two leaves has no latest snapshot: FAILED_PRECONDITION */
	unsigned
		max_chain; /* so many snapshots are kept from the saved one upwards, up to a million; 0: all */
} gk_session_realm;

/** The identity of the caller: `auth.uid` of its context, a digest of any other `auth`, "" without one. Lives as long as the
 * call: keep a copy for what goes on after it. NULL when memory ran out: no call takes that for an owner. Never taken from
 * what a client sends as input. */
const char *gk_ctx_owner(gk_ctx *ctx);

/* --- snapshots --- */

/** By its id; NULL when there is none. */
GK_MUST_USE GK_SUSPENDS gk_code gk_snapshot_get(gk_ctx *ctx, gk_session_store *store,
	const gk_session_realm *realm, const char *snapshot_id, json_t **ret, gk_error *err);
/** The leaf of a session, whatever its status: the snapshot that is no other's parent; of several the one created last.
 * NULL: no such session. FAILED_PRECONDITION: every snapshot is a parent, or see `rejects_branches`. INVALID_ARGUMENT: a
 * blank session id. */
GK_MUST_USE GK_SUSPENDS gk_code gk_snapshot_latest(gk_ctx *ctx, gk_session_store *store,
	const gk_session_realm *realm, const char *session_id, json_t **ret, gk_error *err);
/** As a request has them: exactly one of the two; NULL: not given. INVALID_ARGUMENT "getSnapshot requires exactly one of
 * 'snapshotId' or 'sessionId' (got neither)." */
GK_MUST_USE GK_SUSPENDS gk_code gk_snapshot_find(gk_ctx *ctx, gk_session_store *store,
	const gk_session_realm *realm, const char *snapshot_id, const char *session_id,
	json_t **ret, gk_error *err);

/* What is done with the row of an id, in one step that no other change of it comes between. */
typedef enum gk_snapshot_action {
	GK_SNAPSHOT_PUT, /* the document, whatever is there: also how a pending one begins */
	GK_SNAPSHOT_FINISH, /* the document, unless what is there was aborted: a turn's end, a detached run's end */
	GK_SNAPSHOT_ABORT, /* status aborted, unless it is missing, completed, failed or aborted */
	GK_SNAPSHOT_HEARTBEAT, /* heartbeatAt, if it is pending */
	GK_SNAPSHOT_REPLACE, /* the document, if `expected` is what is there (the same object that the store gave; NULL:
				* nothing is there) */
} gk_snapshot_action;

typedef struct gk_snapshot_change {
	size_t size;
	gk_snapshot_action action;
	const char *id;    /* NULL: the document's snapshotId, and without one a new UUID */
	json_t *document;  /* borrowed, kept: the whole snapshot; createdAt may be left out: now */
	json_t *expected;  /* borrowed; GK_SNAPSHOT_REPLACE */
	const char *agent; /* for operators: which agent it is of; NULL: unsaid */
} gk_snapshot_change;

/* What came of it. Clear it with gk_snapshot_saved_clear(). */
typedef struct gk_snapshot_saved {
	char *id; /* owned; of the row that was written; NULL: the condition did not hold, nothing was */
	bool existed; /* there was a row of that id */
	const char *
		previous; /* static: the row's status before; NULL: no row, or one without a status */
} gk_snapshot_saved;
void gk_snapshot_saved_clear(gk_snapshot_saved *saved);
#define gk_auto_saved GK_CLEANUP(gk_snapshot_saved_clear)

/**
 * Changes a snapshot; returns after it is committed, with what watches it told. Called off, it is finished nevertheless.
 * A row keeps its createdAt when it is written again with GK_SNAPSHOT_FINISH.
 * Errors: INVALID_ARGUMENT for a document that is no snapshot; FAILED_PRECONDITION when the id is another session's;
 * UNAVAILABLE when the disk fails, and nothing was changed then.
 */
GK_MUST_USE GK_SUSPENDS gk_code gk_snapshot_save(gk_ctx *ctx, gk_session_store *store,
	const gk_session_realm *realm, const gk_snapshot_change *change, gk_snapshot_saved *ret,
	gk_error *err);

/** Makes the new document from the present one (NULL: none); `*ret` stays NULL: nothing is to be written. It may be called
 * several times when others write to the same row: it must not do anything else. */
typedef gk_code gk_snapshot_mutate_fn(json_t *current, json_t **ret, void *user, gk_error *err);
/** Reads, changes and writes as if in one step. */
GK_MUST_USE GK_SUSPENDS gk_code gk_snapshot_update(gk_ctx *ctx, gk_session_store *store,
	const gk_session_realm *realm, const char *id, gk_snapshot_mutate_fn *mutate, void *user,
	gk_snapshot_saved *ret, gk_error *err);

/** True for a pending snapshot whose heartbeat is older than a minute: show it as "expired". It is never stored so. */
bool gk_snapshot_is_expired(json_t *snapshot);

/* Told of every change of a snapshot; embedded in its owner. What another process does to it is heard of when a heartbeat finds
 * it no longer pending. */
typedef struct gk_snapshot_watcher {
	gk_session_realm realm; /* the strings are the owner's, which keeps them, */
	const char *id;         /* as this one */
	/** On the loop's thread, after the commit; it must not suspend. `status` is static; NULL: none. Watchers may be
	 * removed in it. */
	void (*changed)(struct gk_snapshot_watcher *watcher, const char *status);
	struct gk_snapshot_watcher *next, **link; /* the store's */
} gk_snapshot_watcher;
/** UNIMPLEMENTED when the store cannot; RESOURCE_EXHAUSTED when too many are there. */
GK_MUST_USE gk_code gk_snapshot_watch(
	gk_session_store *store, gk_snapshot_watcher *watcher, gk_error *err);
void gk_snapshot_unwatch(gk_session_store *store, gk_snapshot_watcher *watcher);
/** Whether gk_snapshot_watch() works: detached runs can be aborted. */
bool gk_session_store_can_watch(const gk_session_store *store);

/* --- sessions of the older kind (gk_session) --- */

/** {id, state?, threads: {NAME: [message...]}}; NULL when there is none. */
GK_MUST_USE GK_SUSPENDS gk_code gk_chat_load(gk_ctx *ctx, gk_session_store *store,
	const gk_session_realm *realm, const char *session_id, json_t **ret, gk_error *err);

/* What is saved of a session: the rest of it stays as it is, also when another process wrote it meanwhile. */
typedef struct gk_chat_change {
	size_t size;
	const char *session_id; /* required; a new one begins when there is none */
	json_t *state;          /* borrowed, kept; NULL: stays */
	const char *thread;     /* NULL: none is saved */
	json_t *messages; /* borrowed, kept: the whole thread; as with snapshots, only what was added costs */
} gk_chat_change;
GK_MUST_USE GK_SUSPENDS gk_code gk_chat_save(gk_ctx *ctx, gk_session_store *store,
	const gk_session_realm *realm, const gk_chat_change *change, gk_error *err);

/* --- operators --- */

/* Whose sessions an operator means. */
typedef struct gk_session_query {
	size_t size;
	const char *store, *owner, *session_id; /* NULL: any */
	size_t limit; /* of sessions; 0: 100 of a list, and the 1,000 that there may be at most of those that are shown */
	const char *token; /* of an earlier answer; NULL: from the beginning */
	bool with_state; /* gk_sessions_show(): with the states of leaves and the messages of threads */
} gk_session_query;
/** {"sessions": [{kind: "agent" | "chat", store, owner, agent?, sessionId, snapshots | threads, status?, createdAt,
 * updatedAt}], "continuationToken"?}, the one changed last first. */
GK_MUST_USE GK_SUSPENDS gk_code gk_sessions_list(
	gk_session_store *store, const gk_session_query *query, json_t **ret, gk_error *err);
/** {"sessions": [{kind, store, owner, sessionId, snapshots: [snapshot...] | state, threads}]}: all of one session id (the
 * first 1,000 of them), the oldest snapshot first. NOT_FOUND: there is none. */
GK_MUST_USE GK_SUSPENDS gk_code gk_sessions_show(
	gk_session_store *store, const gk_session_query *query, json_t **ret, gk_error *err);
/** Deletes what the query finds, by session, by owner or by store; one of them is required. *ret: how many sessions. */
GK_MUST_USE GK_SUSPENDS gk_code gk_sessions_delete(
	gk_session_store *store, const gk_session_query *query, uint64_t *ret, gk_error *err);

/* --- the store of an application --- */

/** The application's store: the one that was set, else one in memory. Borrowed. NULL when memory ran out. */
gk_session_store *gk_session_store_peek(gk_app *app);
/** Uses another one from now on; consumed, and freed with the application. FAILED_PRECONDITION when one is in use. */
GK_MUST_USE gk_code gk_set_session_store(gk_app *app, gk_session_store *store_take, gk_error *err);
/** Keeps all in memory: for tests, and for programs whose conversations end with them. Of more than a hundred thousand
 * snapshots the oldest are forgotten. NULL when memory ran out. */
gk_session_store *gk_session_store_new_memory(void);
void gk_session_store_free(gk_session_store *store);

/* --- a store of one's own --- */

#define GK_SESSION_STORE_ABI 2

/**
 * What a store does. The functions above check arguments and call these; `realm`, ids and documents are valid then, and
 * must be part of every look-up: realm->store, realm->owner. Functions with a ctx run in a fiber and may suspend; `ctx` is
 * the call on whose behalf, NULL for an operator. `get`, `latest` and `save` are required, the others may be NULL.
 */
typedef struct gk_session_store_type {
	unsigned abi;     /* GK_SESSION_STORE_ABI */
	const char *name; /* for messages */
	gk_code (*get)(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
		const char *snapshot_id, json_t **ret, gk_error *err);
	gk_code (*latest)(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
		const char *session_id, json_t **ret, gk_error *err);
	/** change->id is set. In one step with respect to other changes of the row: reads the present one, asks
	 * gk_snapshot_decide() what comes of it, writes that, fills `ret` in, and tells watchers after the commit. */
	gk_code (*save)(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
		const gk_snapshot_change *change, gk_snapshot_saved *ret, gk_error *err);
	gk_code (*watch)(gk_session_store *store, gk_snapshot_watcher *watcher, gk_error *err);
	void (*unwatch)(gk_session_store *store, gk_snapshot_watcher *watcher);
	gk_code (*chat_load)(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
		const char *session_id, json_t **ret, gk_error *err);
	gk_code (*chat_save)(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
		const gk_chat_change *change, gk_error *err);
	gk_code (*list)(gk_session_store *store, const gk_session_query *query, json_t **ret,
		gk_error *err);
	gk_code (*show)(gk_session_store *store, const gk_session_query *query, json_t **ret,
		gk_error *err);
	gk_code (*remove)(gk_session_store *store, const gk_session_query *query, uint64_t *ret,
		gk_error *err);
	void (*free)(gk_session_store *store);
	/** How many of the references to a list of messages are the store's own, of each of which it remembers how many
	 * messages it had: more may be added to the list while the store holds it. What `get` and `latest` give has a state of
	 * its own around the list then. NULL: none, and the next turn makes a copy of the list. */
	size_t (*holds)(gk_session_store *store, const json_t *messages);
} gk_session_store_type;

/** The first member of a store of one's own. */
struct gk_session_store {
	const gk_session_store_type *type; /* static */
};

/** What comes of a change when `current` (NULL: none) is there: the document to write, a new reference, or NULL when
 * nothing is to be written. For stores that keep documents whole. */
GK_MUST_USE gk_code gk_snapshot_decide(
	const gk_snapshot_change *change, json_t *current, json_t **ret, gk_error *err);
/** The session that a document is of: its sessionId, else its state's; NULL: none. Borrowed. */
const char *gk_snapshot_session_peek(const json_t *snapshot);
/** The text of a status as a static string; NULL for what is none. */
const char *gk_snapshot_status(const json_t *snapshot);
/** FAILED_PRECONDITION, for `latest`: with `leaves` 0 or several. */
gk_code gk_snapshot_no_latest(const char *session_id, size_t leaves, gk_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
