/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What the files of the session store share. No other floor includes this.
 *
 * A session's content lies in parts, which never change: JSON texts under a number within the session. A part of messages
 * continues the part before it; a snapshot names the last part of its messages, and the part that holds the rest of its
 * state. So a turn adds what was said in it, branches share what was said before, and a content is known by its numbers.
 *
 *	loop:	what is new in the state -> command -> queue
 *	writer:	queue -> one transaction -> done
 *	loop:	done -> watchers; who waited goes on
 */
#ifndef GK_STORE_SESSIONS_INTERNAL_H
#define GK_STORE_SESSIONS_INTERNAL_H

#include "base/arena.h"
#include "core/held.h"
#include "core/snapshot.h"
#include "store/sessions.h"
#include "store/sqlite.h"
#include "store/store_guest.h"

#include <assert.h>

#define GK_SESSION_RUNNER_SIZE 96

/* A content: what it is known by. */
typedef struct gk_parts {
	int64_t session; /* row of the session; 0: none */
	int64_t tail;    /* the last part of the messages; 0: there are none */
	int64_t count;   /* of messages; -1: the state has no such array */
	int64_t rest;    /* the part with the rest of the state; 0: no state */
} gk_parts;

/* A content that is to be written. */
typedef struct gk_body {
	gk_parts base;        /* what it continues; session 0: nothing */
	bool has_messages;    /* there is a new part, which continues base.tail */
	const char *messages; /* "{...},{...}"; in the command's arena */
	size_t messages_len;
	int64_t count;    /* in all; -1: no such array */
	const char *rest; /* NULL: base.rest, which is 0 when there is no state */
	size_t rest_len;
	size_t bytes; /* of text, with what it continues */
} gk_body;

/* A row of snapshots; texts NULL: absent, times -1: absent. */
typedef struct gk_snapshot_row {
	int64_t id, version;
	const char *snapshot_id, *session_id, *parent_id, *agent, *status, *finish_reason, *error,
		*extra;
	int64_t created_ms, updated_ms, heartbeat_ms;
	int64_t children;
	gk_parts parts;
} gk_snapshot_row;

typedef enum gk_session_work {
	GK_WORK_SNAPSHOT,
	GK_WORK_CHAT,
	GK_WORK_REMOVE,
} gk_session_work;

/* Who waits for a command: on the fiber's stack. */
typedef struct gk_session_waiter {
	gk_fiber *fiber;
	bool is_done,
		is_lost; /* lost: the disk did not answer, and the command is no longer the waiter's */
} gk_session_waiter;

typedef struct gk_session_command {
	gk_session_work kind;
	gk_arena arena; /* of all texts */
	const char *store, *owner;
	unsigned max_chain;

	/* Snapshots: */
	gk_snapshot_action action;
	gk_snapshot_row row; /* as it is to be */
	gk_body body;
	int64_t expected_version; /* GK_SNAPSHOT_REPLACE; 0: no row, -1: not known */

	/* Sessions of the older kind; body is the thread's, */
	const char *session_id, *thread, *preamble;
	gk_body state; /* this the state's: rest NULL and base.session 0: it stays */

	/* Removal: */
	const char *remove_store, *remove_owner; /* NULL: any; session_id as well */

	/* What came of it: */
	gk_code rc;
	gk_error err;
	bool existed, is_written, is_stale; /* stale: what the body continues is no more */
	const char *previous, *status;      /* static */
	int64_t created_ms;
	gk_parts parts;
	uint64_t count;

	gk_session_waiter *waiter; /* NULL: nobody waits any more */
	uint64_t since_ms;
	STAILQ_ENTRY(gk_session_command) link;
	LIST_ENTRY(gk_session_command) wait_link;
} gk_session_command;
STAILQ_HEAD(gk_session_commands, gk_session_command);

/* A content that is still in memory, and the document that the row was given as. */
typedef struct gk_session_entry {
	gk_parts parts;
	int64_t version, heartbeat_ms; /* of the row, when `document` was made */
	json_t *document; /* the entry's own, around a list that may grow; NULL: a thread */
	json_t *state;    /* of that, or a thread's messages; NULL: none */
	size_t bytes;     /* of text */
	TAILQ_ENTRY(gk_session_entry) link;
	char name[];
} gk_session_entry;

typedef struct gk_session_cache {
	gk_table *entries;  /* by kind, realm and id */
	gk_table *sessions; /* by realm and session: the id of the snapshot seen last, owned */
	TAILQ_HEAD(, gk_session_entry) used; /* the longest unused first */
	size_t bytes, max_bytes;
	gk_held held; /* by the documents */
	gk_buf name;
} gk_session_cache;

typedef struct gk_sessions {
	gk_session_store base; /* first */
	gk_store_guest guest;
	gk_loop *loop;
	gk_trace_store *traces; /* NULL: closed */
	bool is_closing;
	gk_session_cache cache;
	gk_snapshot_watchers watchers;
	gk_timer *look;
	size_t users; /* fibers that are inside */
	LIST_HEAD(, gk_session_command) waiting;

	pthread_mutex_t lock;
	pthread_cond_t worked;
	struct gk_session_commands queue, done;
	bool is_posted, has_worked;
	gk_sessions_opts opts; /* under the lock */
	/* the writer's: */
	unsigned generation; /* of the file's connection, for which all is prepared */
	char runner[GK_SESSION_RUNNER_SIZE]; /* this process */
	int64_t added;                       /* bytes of parts, in this transaction */
} gk_sessions;

static inline gk_sessions *gk_sessions_of(gk_session_store *store)
{
	return (gk_sessions *)store;
}

/* --- statements: the texts are in sessions_sql.c --- */

sqlite3_stmt *gk_session_sql(gk_db *db, gk_session_sql_id which, gk_error *err);
/** One step: SQLITE_ROW, SQLITE_DONE, or 0 with `rc` set. */
bool gk_session_step(gk_db *db, sqlite3_stmt *statement, gk_code *rc, gk_error *err);

/** What follows, up to GK_SQL_COMMIT, sees one state of the file. */
gk_code gk_session_begin_read(gk_db *db, gk_error *err);

/* --- what is in memory (loop) --- */

GK_MUST_USE bool gk_session_cache_init(gk_session_cache *cache);
void gk_session_cache_done(gk_session_cache *cache);
/** `kind`: 's' a snapshot, 't' a thread. NULL: not there. */
gk_session_entry *gk_session_cache_get(
	gk_session_cache *cache, char kind, const gk_session_realm *realm, const char *id);
/** Replaces it; what does not fit into memory is not kept. */
gk_session_entry *gk_session_cache_put(gk_session_cache *cache, char kind,
	const gk_session_realm *realm, const char *id, const gk_session_entry *entry);
/** The document of a snapshot's entry, for others: a new reference; NULL when memory ran out. */
json_t *gk_session_entry_document(gk_session_cache *cache, gk_session_entry *entry);
/** Whether it is what the document says. */
bool gk_session_entry_is(gk_session_cache *cache, gk_session_entry *entry, const json_t *document);
void gk_session_cache_drop(
	gk_session_cache *cache, char kind, const gk_session_realm *realm, const char *id);
void gk_session_cache_clear(gk_session_cache *cache);
/** The snapshot of a session that was seen last; NULL: none. */
const char *gk_session_cache_last(
	gk_session_cache *cache, const gk_session_realm *realm, const char *session_id);
void gk_session_cache_set_last(gk_session_cache *cache, const gk_session_realm *realm,
	const char *session_id, const char *snapshot_id);

/** What `state` adds to one of the entries (NULL: no such); false when memory ran out. `*base_ret`: the one that it
 * continues. */
GK_MUST_USE bool gk_body_of_state(gk_body *body, gk_arena *arena, const json_t *state,
	gk_session_entry *const entries[2], gk_session_entry **base_ret);
/** The same for a thread. */
GK_MUST_USE bool gk_body_of_messages(
	gk_body *body, gk_arena *arena, const json_t *messages, gk_session_entry *entry);

/* --- writing (writer's thread) --- */

gk_code gk_sessions_work(
	gk_store_guest *guest, gk_trace_backend *backend, gk_code open_rc, const gk_error *why);
/** On the loop: takes what the writer gave back. */
void gk_sessions_take_back(void *sessions);
bool gk_sessions_tend(gk_store_guest *guest, gk_trace_backend *backend);
/** How long gk_sessions_open() waits for the disk; for tests to change. */
extern uint64_t gk_sessions_start_ms;
/** What this process is known by in the file. */
void gk_session_name_runner(char ret[GK_SESSION_RUNNER_SIZE]);
gk_code gk_session_recover(gk_sessions *sessions, gk_db *db, gk_error *err);
gk_code gk_session_write_snapshot(
	gk_sessions *sessions, gk_db *db, gk_session_command *command, gk_error *err);
gk_code gk_session_write_chat(
	gk_sessions *sessions, gk_db *db, gk_session_command *command, gk_error *err);
gk_code gk_session_remove(
	gk_sessions *sessions, gk_db *db, gk_session_command *command, gk_error *err);
/** The row of a realm; 0: none, when `only_look`. */
gk_code gk_session_realm_row(gk_db *db, const char *store, const char *owner, bool only_look,
	int64_t *ret, gk_error *err);
/** The row of a session; session_id NULL: a new one without a name. `*ret` 0: none, when `only_look`. */
gk_code gk_session_row(gk_db *db, int64_t realm, const char *session_id, bool is_chat,
	const char *agent, bool only_look, int64_t *ret, gk_error *err);
/** Writes what is new of the body into the session and says where it is. is_stale: what it continues is not in this
 * session. */
gk_code gk_session_write_body(gk_sessions *sessions, gk_db *db, int64_t session,
	const gk_body *body, gk_parts *ret, bool *is_stale, gk_error *err);
/** Commits what was begun, with the bytes that it added, when `rc` is GK_OK; takes all back otherwise. */
gk_code gk_session_end(gk_sessions *sessions, gk_db *db, gk_code rc, gk_error *err);
int64_t gk_session_now_ms(void);

/* --- reading (worker's thread) --- */

/** The text of a content's messages, "[...]", and of its rest. */
gk_code gk_session_read_messages(gk_db *db, const gk_parts *parts, gk_buf *ret, gk_error *err);
gk_code gk_session_read_state(
	gk_db *db, const gk_parts *parts, json_t **ret, size_t *bytes, gk_error *err);
/** From the columns that sessions_sql.c calls COLUMNS; texts go into the arena. */
gk_code gk_snapshot_row_read(gk_snapshot_row *row, gk_arena *arena, sqlite3_stmt *s, gk_error *err);
/** A document: `state` is borrowed; NULL when memory ran out. */
json_t *gk_session_document(const gk_snapshot_row *row, json_t *state);

gk_code gk_sqlite_sessions_get(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const char *snapshot_id, json_t **ret, gk_error *err);
gk_code gk_sqlite_sessions_latest(gk_ctx *ctx, gk_session_store *store,
	const gk_session_realm *realm, const char *session_id, json_t **ret, gk_error *err);
gk_code gk_sqlite_chat_load(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const char *session_id, json_t **ret, gk_error *err);
gk_code gk_sqlite_sessions_list(
	gk_session_store *store, const gk_session_query *query, json_t **ret, gk_error *err);
gk_code gk_sqlite_sessions_show(
	gk_session_store *store, const gk_session_query *query, json_t **ret, gk_error *err);
/** Adds state and threads (how many messages each has, or the messages) to what is shown. */
gk_code gk_session_show_chat(
	gk_db *db, int64_t session, bool with_messages, json_t *ret, gk_error *err);
/** A connection for reading; NULL sets `err`. */
gk_db *gk_sessions_borrow(gk_sessions *sessions, gk_error *err);
void gk_sessions_return(gk_sessions *sessions, gk_db *db);
/** Runs it on a worker, unless the store is closed. */
gk_code gk_sessions_read(gk_sessions *sessions, gk_work_fn *fn, void *arg, gk_error *err);

/** Queues a command and waits; `*command` is NULL afterwards when the disk did not answer in time. */
GK_SUSPENDS gk_code gk_sessions_run(
	gk_sessions *sessions, gk_session_command **command, gk_error *err);
gk_session_command *gk_session_command_new(
	gk_session_work kind, const char *store, const char *owner);
void gk_session_command_free(gk_session_command *command);
gk_code gk_sqlite_sessions_save(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const gk_snapshot_change *change, gk_snapshot_saved *ret, gk_error *err);
gk_code gk_sqlite_chat_save(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const gk_chat_change *change, gk_error *err);

#endif
