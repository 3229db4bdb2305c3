/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the files of the store in memory share. */
#ifndef GK_CORE_SESSION_MEMORY_H
#define GK_CORE_SESSION_MEMORY_H

#include "core/held.h"
#include "core/snapshot.h"

#include <sys/queue.h>

typedef struct gk_memory_sessions gk_memory_sessions;
typedef struct gk_memory_session gk_memory_session;

typedef struct gk_memory_row {
	json_t *document; /* the row's own, around a list of messages that may grow */
	size_t count;     /* of messages that are the snapshot's */
	char *agent;      /* NULL: unsaid */
	int64_t created_ms;
	uint64_t sequence;          /* of insertion */
	gk_memory_session *session; /* NULL: of none */
	bool is_leaf;
	TAILQ_ENTRY(gk_memory_row) link, session_link, leaf_link;
	char name[]; /* in the table */
} gk_memory_row;
TAILQ_HEAD(gk_memory_rows, gk_memory_row);

/* A session of snapshots, or one of the older kind. */
struct gk_memory_session {
	gk_memory_sessions *memory;
	gk_session_realm realm;
	const char *id;
	struct gk_memory_rows leaves; /* the latest last */
	struct gk_memory_rows rows;
	json_t *chat; /* {id, state?, threads}; NULL: of snapshots */
	uint64_t created_ms, updated_ms;
	char text[];
};

struct gk_memory_sessions {
	gk_session_store base; /* first */
	gk_table *rows;        /* gk_memory_row */
	gk_table *sessions;    /* gk_memory_session */
	gk_table *chats;       /* gk_memory_session */
	gk_table *children;    /* how many snapshots of a session name this one as their parent */
	struct gk_memory_rows all; /* in order of insertion */
	size_t max_rows;
	uint64_t last;
	gk_snapshot_watchers watchers;
	gk_held held; /* by rows */
	gk_buf name;  /* of what is being looked up */
};

/** Made when there is none, unless `only_look`; NULL: none, or memory ran out. */
gk_memory_session *gk_memory_session_find(gk_memory_sessions *memory, gk_table *table,
	const gk_session_realm *realm, const char *id, bool only_look);
void gk_memory_session_drop(gk_table *table, gk_memory_session *session);
/** The snapshot, for others: a new reference; NULL when memory ran out. */
json_t *gk_memory_row_document(gk_memory_sessions *memory, gk_memory_row *row);
void gk_memory_row_drop(gk_memory_sessions *memory, gk_memory_row *row);

gk_code gk_memory_chat_load(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const char *session_id, json_t **ret, gk_error *err);
gk_code gk_memory_chat_save(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const gk_chat_change *change, gk_error *err);
gk_code gk_memory_list(
	gk_session_store *store, const gk_session_query *query, json_t **ret, gk_error *err);
gk_code gk_memory_show(
	gk_session_store *store, const gk_session_query *query, json_t **ret, gk_error *err);
gk_code gk_memory_remove(
	gk_session_store *store, const gk_session_query *query, uint64_t *ret, gk_error *err);

#endif
