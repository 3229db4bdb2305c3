/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What outlives the process of runs: spans, gathered into traces, and log records (telemetry sections 2, 3 and 9).
 *
 *	rc = gk_trace_store_open(loop, &opts, &store, err);
 *	rc = gk_trace_post_read(value, 0, &post, err);		validated, serialised
 *	gk_trace_store_save(store, post);			queued
 *	rc = gk_trace_store_flush(store, err);			waits until it is on the disk
 *	rc = gk_trace_store_load(store, "d9f3...", buf, err);
 *
 * One thread writes: it takes what is queued into one transaction, and who waits goes on after the commit. What runs of this
 * process leave is in a file beside it until then, so that it outlives the process. Readers see whatever was saved before they
 * asked. All functions are for the loop's thread unless they say otherwise; those that
 * suspend are for fibers.
 *
 * The disk may fail: then the store says so once in the log, keeps the newest spans in memory, counts what it drops,
 * answers GK_UNAVAILABLE, and goes on by itself when the disk does. Runs never fail for it.
 */
#ifndef GK_STORE_TRACE_STORE_H
#define GK_STORE_TRACE_STORE_H

#include "base/buf.h"
#include "base/log.h"
#include "core/span.h"
#include "loop/fiber.h"

#include <sys/queue.h>

typedef struct gk_trace_store gk_trace_store;

typedef struct gk_trace_store_opts {
	size_t size;
	const char *path;    /* of the file; folders above it are made */
	bool is_relaxed;     /* trace.durability: relaxed: gk_trace_store_settle() does not wait */
	uint64_t max_traces; /* 0: no limit, as for those below */
	uint64_t max_age_ms; /* of traces */
	uint64_t max_bytes;  /* of the file */
	uint64_t max_log_age_ms;
	uint64_t max_logs;
	uint64_t sweep_ms; /* between looks for what is beyond these; 0: GK_STORE_SWEEP_MS */
	size_t max_queue;  /* bytes that wait for the disk; 0: GK_MAX_STORE_QUEUE */
	/* What is in the journal, which no reader has needed yet, and texts that cannot be searched yet: */
	uint64_t fold_lag, index_lag; /* spans; 0: GK_STORE_FOLD_LAG, GK_STORE_INDEX_LAG */
	uint64_t fold_max, index_max; /* spans; 0: GK_STORE_FOLD_MAX, GK_STORE_INDEX_MAX */
	uint64_t fold_bytes; /* 0: GK_STORE_FOLD_BYTES; never more than a quarter of max_bytes */
	uint64_t fold_age_ms, index_age_ms; /* 0: GK_STORE_FOLD_AGE_MS, GK_STORE_INDEX_AGE_MS */
	uint64_t wal_busy;                  /* bytes of SQLite's log; 0: GK_STORE_WAL_BUSY */
	uint64_t wal_max;                   /* the same; 0: GK_STORE_WAL_MAX */
	uint64_t end_ms; /* for the journal when it is closed; 0: GK_STORE_END_MS */
} gk_trace_store_opts;

/** A disk that fails is no error: see above. FAILED_PRECONDITION: the file is of a newer version, or not ours; it has
 * not been touched. */
GK_MUST_USE gk_code gk_trace_store_open(
	gk_loop *loop, const gk_trace_store_opts *opts, gk_trace_store **ret, gk_error *err);
/** Commits what is queued, if the disk lets it. Not from a callback of the loop, which is turned until the fibers that
 * still wait for the store have left it. NULL is allowed. */
void gk_trace_store_close(gk_trace_store *store);
/** Retention from now on; the path stays. */
void gk_trace_store_configure(gk_trace_store *store, const gk_trace_store_opts *opts);

/* --- saving --- */

/* What is to be saved of one trace at once: validated and serialised. */
typedef struct gk_trace_post gk_trace_post;

enum {
	GK_POST_OTLP =
		1, /* from OpenTelemetry: a live stream gets one event for a span instead of two */
};
/** From TraceData, as section 2.2 has it: what is not in the schema is left out. On any thread. INVALID_ARGUMENT with the
 * place and what was expected there. */
GK_MUST_USE gk_code gk_trace_post_read(
	const json_t *trace, unsigned flags, gk_trace_post **ret, gk_error *err);
void gk_trace_post_free(gk_trace_post *post);
/** Section 2.1: not empty, no path, not too long. INVALID_ARGUMENT "Invalid trace id: ...". */
GK_MUST_USE gk_code gk_trace_id_check(const char *id, size_t len, gk_error *err);

/** Queues it (section 2.4 says how it is merged); consumed. */
void gk_trace_store_save(gk_trace_store *store, gk_trace_post *post_take);
/** Queues a span of ours, as it is now. False when memory ran out. */
GK_MUST_USE bool gk_trace_store_save_span(gk_trace_store *store, const gk_span *span);
/** Waits until all that has been saved so far is committed. UNAVAILABLE: the disk fails, and it may never be. */
GK_MUST_USE GK_SUSPENDS gk_code gk_trace_store_flush(gk_trace_store *store, gk_error *err);
/** For a run whose answer depends on it: returns when its spans outlive the process, which they do at once unless the ring
 * (decision 0016) has no room for them, or when durability is relaxed or the disk fails. It is not ended by the scope:
 * somebody may still read that the run was called off. */
GK_SUSPENDS void gk_trace_store_settle(gk_trace_store *store);

/** Queues log records (section 3.1: an object, or an array of them, as LogRecord has it but for logId). What is no
 * such record is left out; false when memory ran out. */
bool gk_trace_store_save_logs(gk_trace_store *store, const json_t *records);
/** A record of our own. From any thread. */
void gk_trace_store_log(gk_trace_store *store, const gk_log_record *record);

/* --- reading --- */

typedef struct gk_trace_query {
	size_t limit;      /* traces of the page; 0: an empty page */
	uint64_t offset;   /* so many are left out */
	const char *token; /* of an earlier answer: instead of the offset; NULL: none */
	json_t *filter;    /* section 2.5; NULL: none */
	const char *
		text; /* full-text search: words, the last one may be begun only; "input:word" (output, error) looks there only. NULL: none */
} gk_trace_query;
/** Appends {"traces": [...], "continuationToken"?: "..."}. INVALID_ARGUMENT for a filter that is none. */
GK_MUST_USE GK_SUSPENDS gk_code gk_trace_store_list(
	gk_trace_store *store, const gk_trace_query *query, gk_buf *ret, gk_error *err);
/** Appends TraceData; nothing when there is no such trace. */
GK_MUST_USE GK_SUSPENDS gk_code gk_trace_store_load(
	gk_trace_store *store, const char *trace_id, gk_buf *ret, gk_error *err);

/** *ret: there is such a trace. */
GK_MUST_USE GK_SUSPENDS gk_code gk_trace_store_has(
	gk_trace_store *store, const char *trace_id, bool *ret, gk_error *err);

typedef struct gk_log_query {
	size_t limit;
	uint64_t offset;
	const char *trace_id, *span_id; /* NULL: any */
	const char *severity_text;      /* in any case; NULL: any */
	int64_t min_severity;           /* records without a number are left out; INT64_MIN: any */
} gk_log_query;
/** Appends {"logs": [...], "continuationToken"?: "..."}, the newest first. */
GK_MUST_USE GK_SUSPENDS gk_code gk_trace_store_logs(
	gk_trace_store *store, const gk_log_query *query, gk_buf *ret, gk_error *err);

/* --- watching --- */

/* A live stream of one trace, embedded in its owner (section 2.6). */
typedef struct gk_trace_watcher {
	const char *trace_id; /* the owner's, which it keeps */
	/** {"type": "span_start", "traceId": ..., "span": {...}} as text; on the loop, after the commit. */
	void (*event)(struct gk_trace_watcher *watcher, const char *json, size_t len);
	LIST_ENTRY(gk_trace_watcher) link;
} gk_trace_watcher;
/** False: GK_MAX_WATCHERS are there already. */
bool gk_trace_store_watch(gk_trace_store *store, gk_trace_watcher *watcher);
void gk_trace_store_unwatch(gk_trace_store *store, gk_trace_watcher *watcher);

/* --- upkeep --- */

/** Deletes one trace; NULL: all. *ret: how many. */
GK_MUST_USE GK_SUSPENDS gk_code gk_trace_store_delete(
	gk_trace_store *store, const char *trace_id, uint64_t *ret, gk_error *err);

typedef enum gk_trace_store_chore {
	GK_STORE_CHECK, /* is the file sound? *ret: {"ok": bool, "messages": [...]} */
	GK_STORE_BACKUP, /* a copy to `path`, which must not exist, while all goes on: {"path", "bytes"} */
	GK_STORE_VACUUM, /* gives unused room back: {"before", "after"} */
	GK_STORE_STATS, /* {"path", "bytes", "walBytes", "traces", "spans", "logs", "unindexed", ...} */
} gk_trace_store_chore;
/** On another thread; `path` only for a backup. *ret is a new reference. */
GK_MUST_USE GK_SUSPENDS gk_code gk_trace_store_do(gk_trace_store *store, gk_trace_store_chore chore,
	const char *path, json_t **ret, gk_error *err);

/* For /metrics and /readyz; costs nothing. */
typedef struct gk_trace_store_counts {
	bool is_failing;                       /* the disk, at the moment */
	uint64_t spans, logs;                  /* committed since the start */
	uint64_t filtered;                     /* spans left out, as section 2.4 has it */
	uint64_t dropped_queue, dropped_error; /* spans lost: no room, no memory */
	uint64_t deleted_age, deleted_count, deleted_size, deleted_asked; /* traces */
	uint64_t commits, commit_ns;
	size_t queue_spans, queue_bytes; /* waiting for the disk */
	uint64_t bytes, wal_bytes;       /* of the file, as of the last commit or look */
	uint64_t unfolded;               /* spans in the journal that no reader has needed yet, */
	uint64_t unfolded_bytes;         /* and what they take there */
	uint64_t unindexed;              /* spans that no search has needed yet */
	size_t watchers;
	uint64_t events;
} gk_trace_store_counts;
gk_trace_store_counts gk_trace_store_count(const gk_trace_store *store);

#endif
