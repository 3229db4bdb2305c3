/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the stores of sessions share: snapshots as values, and who watches them. */
#ifndef GK_CORE_SNAPSHOT_H
#define GK_CORE_SNAPSHOT_H

#include "base/buf.h"
#include "base/id.h"
#include "base/table.h"

#include <genkit/session_store.h>

/** The static string of a status; NULL when it is none. */
const char *gk_snapshot_status_name(const char *text);
/** Of the whole document. */
GK_MUST_USE gk_code gk_snapshot_check(json_t *document, gk_error *err);
/** A copy that has snapshotId, sessionId when there is one, and createdAt; NULL when memory ran out. */
GK_MUST_USE json_t *gk_snapshot_complete(const json_t *document, const char *id);
/** Borrowed; NULL: none, also when it names itself (sessions section 16.1). */
const char *gk_snapshot_parent_peek(const json_t *snapshot);
/** Milliseconds since 1970; -1: there is none. */
int64_t gk_snapshot_time(const json_t *snapshot, const char *name);
GK_MUST_USE bool gk_snapshot_set_now(json_t *snapshot, const char *name);
/** FAILED_PRECONDITION when a row would change from one session (NULL: none) to another. */
gk_code gk_snapshot_check_session(
	const char *id, const char *before, const char *after, gk_error *err);

/* What whoever saved a snapshot knows of its state, so that it need not be looked through again. */
typedef struct gk_known_snapshot {
	char *name; /* of its realm and id; NULL: nothing */
	const gk_session_store *store;
	size_t bytes;
	bool names_resources;
} gk_known_snapshot;
/** Of some thousands of snapshots that were saved lately; borrowed until the next call. NULL: it is not known. The same id in
 * another store or realm is another snapshot. */
const gk_known_snapshot *gk_snapshot_known_peek(
	gk_app *app, const gk_session_store *store, const gk_session_realm *realm, const char *id);
/** To be said after the save: each save of a document forgets what was known of it, for it may be another state. */
void gk_snapshot_set_known(gk_app *app, const gk_session_store *store,
	const gk_session_realm *realm, const char *id, size_t bytes, bool names_resources);
void gk_snapshot_forget(
	gk_app *app, const gk_session_store *store, const gk_session_realm *realm, const char *id);

/** Appends a name that no other realm and id have. */
void gk_realm_append(gk_buf *buf, const gk_session_realm *realm, const char *id);

/* Watchers by realm and id. */
typedef struct gk_snapshot_watchers {
	gk_table *lists;
	size_t count;
} gk_snapshot_watchers;
GK_MUST_USE gk_code gk_watchers_add(
	gk_snapshot_watchers *watchers, gk_snapshot_watcher *watcher, gk_error *err);
void gk_watchers_remove(gk_snapshot_watchers *watchers, gk_snapshot_watcher *watcher);
/** Calls each that watches this one. */
void gk_watchers_tell(gk_snapshot_watchers *watchers, const gk_session_realm *realm, const char *id,
	const char *status);
void gk_watchers_done(gk_snapshot_watchers *watchers);

#endif
