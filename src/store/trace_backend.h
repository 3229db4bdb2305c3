/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The contract between the store (trace_store.c: queues, threads, who waits) and the form in which it is kept: SQLite's
 * here (sqlite.h), PostgreSQL's beside it one day. No other floor includes this.
 *
 * Functions of the writer are called by one thread at a time, the others by any, several at once.
 */
#ifndef GK_STORE_TRACE_BACKEND_H
#define GK_STORE_TRACE_BACKEND_H

#include "store/trace_post.h"

#include <stdatomic.h>

/* A log record, serialised. */
typedef struct gk_log_row {
	STAILQ_ENTRY(gk_log_row) link;
	char log_id[GK_UUID_SIZE];
	const char *trace_id, *span_id, *severity_text; /* in `text`; NULL: none */
	int64_t time_ms, severity;                      /* severity INT64_MIN: none */
	const char *doc;                                /* LogRecord */
	size_t doc_len, bytes;
	uint64_t number; /* in order of saving */
	char text[];
} gk_log_row;
STAILQ_HEAD(gk_log_rows, gk_log_row);
/** NULL when memory ran out, or when it is no record; `is_lost` says which. */
gk_log_row *gk_log_row_read(const json_t *record, bool *is_lost);
gk_log_row *gk_log_row_of(const gk_log_record *record);

/* What one transaction takes. */
typedef struct gk_trace_batch {
	struct gk_trace_posts posts;
	struct gk_log_rows logs;
	size_t spans, log_count, bytes;
	uint64_t last;   /* the number of the newest in it */
	bool is_watched; /* somebody is to be told at once what came of it: is_accepted */
} gk_trace_batch;

typedef struct gk_trace_limits {
	uint64_t max_traces, max_age_ms, max_bytes, max_log_age_ms, max_logs; /* 0: none */
} gk_trace_limits;

typedef struct gk_trace_sizes {
	uint64_t bytes, wal_bytes;
	uint64_t unfolded, unindexed; /* spans */
	uint64_t unfolded_bytes;
	uint64_t dropped; /* spans that could not be merged */
	uint64_t deleted_age, deleted_count, deleted_size, deleted_asked;
} gk_trace_sizes;

typedef struct gk_trace_backend gk_trace_backend;

typedef struct gk_trace_backend_type {
	/** Opens or makes what `path` names; again after a failure. FAILED_PRECONDITION: it is not for us, and was left as
	 * it is. Writer. */
	gk_code (*open)(gk_trace_backend *backend, gk_error *err);
	void (*free)(gk_trace_backend *backend);

	/** All of it or nothing, and on the disk when it returns; readers may see it only after a fold. Sets is_accepted
	 * of the rows when the batch is watched. Writer. */
	gk_code (*write)(gk_trace_backend *backend, gk_trace_batch *batch, gk_error *err);
	/** A slice of what was written, the oldest, goes to where readers find it: about `max` spans, or fewer when it yields
	 * and is wanted. *ret: how many; fewer than `max` when it does not yield: there is no more. Writer. */
	gk_code (*fold)(gk_trace_backend *backend, size_t max, size_t *ret, gk_error *err);
	/** The same of what can wait longer and was folded: texts into the full-text index. Writer. */
	gk_code (*index)(gk_trace_backend *backend, size_t max, size_t *ret, gk_error *err);
	/** A slice of retention. *ret: there is more. Writer. */
	gk_code (*sweep)(
		gk_trace_backend *backend, const gk_trace_limits *limits, bool *ret, gk_error *err);
	/** Gives a slice of unused room back. *ret: there is more. Writer. */
	gk_code (*shrink)(gk_trace_backend *backend, bool *ret, gk_error *err);
	/** NULL: all, a slice. *ret: how many traces. Writer. */
	gk_code (*remove)(
		gk_trace_backend *backend, const char *trace_id, uint64_t *ret, gk_error *err);
	/** What came of the last calls. Writer. */
	void (*sizes)(gk_trace_backend *backend, gk_trace_sizes *ret);
	/** Copies the log of changes into the file, beside the writer, and waits for nobody who reads or writes. Returns
	 * how many of its bytes are in the file now; UINT64_MAX: it failed. Once it is all of them, the next write begins
	 * the log anew, unless somebody still reads from it. Any thread. */
	uint64_t (*copy)(gk_trace_backend *backend);

	gk_code (*list)(
		gk_trace_backend *backend, const gk_trace_query *query, gk_buf *ret, gk_error *err);
	gk_code (*load)(
		gk_trace_backend *backend, const char *trace_id, gk_buf *ret, gk_error *err);
	/** *ret: there is such a trace. */
	gk_code (*has)(gk_trace_backend *backend, const char *trace_id, bool *ret, gk_error *err);
	gk_code (*logs)(
		gk_trace_backend *backend, const gk_log_query *query, gk_buf *ret, gk_error *err);
	gk_code (*check)(gk_trace_backend *backend, json_t **ret, gk_error *err);
	gk_code (*backup)(gk_trace_backend *backend, const char *path, json_t **ret, gk_error *err);
	gk_code (*stats)(gk_trace_backend *backend, json_t **ret, gk_error *err);
} gk_trace_backend_type;

struct gk_trace_backend {
	const gk_trace_backend_type *type;
	atomic_bool is_wanted; /* there is something to write */
	bool yields;           /* to that. The writer's */
};

/** NULL when memory ran out. Nothing is opened yet. */
gk_trace_backend *gk_sqlite_backend_new(const char *path);

#endif
