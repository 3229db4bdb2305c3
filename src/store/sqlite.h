/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What the SQLite form shares among its files: connections with their prepared statements, and the tables of telemetry
 * section 9.2. No other floor includes this.
 */
#ifndef GK_STORE_SQLITE_H
#define GK_STORE_SQLITE_H

#include "base/limits.h"
#include "base/table.h"
#include "store/sessions_sql.h"
#include "store/sqlite_words.h"
#include "store/trace_backend.h"

#include <pthread.h>
#include <sqlite3.h>

#define GK_DB_APPLICATION 0x676b6432 /* "gkd2" */
#define GK_DB_VERSION     3          /* user_version: one step of sqlite_db.c each */

/* A span's number is its trace's with its place there: a trace's spans lie side by side, and a span names its trace. */
#define GK_SPAN_BITS 20
_Static_assert(GK_MAX_TRACE_SPANS < 1 << GK_SPAN_BITS, "a place fits");
#define GK_FIRST_SPAN(trace) ((int64_t)((uint64_t)(trace) << GK_SPAN_BITS))
#define GK_TRACE_OF(span)    ((span) >> GK_SPAN_BITS)

/* Every statement that is used more than once; the texts are in sqlite_sql.c. */
typedef enum gk_sql {
	GK_SQL_BEGIN,
	GK_SQL_COMMIT,
	GK_SQL_ROLLBACK,
	GK_SQL_SAVEPOINT,
	GK_SQL_RELEASE,
	GK_SQL_ROLLBACK_TO,
	GK_SQL_DATA_VERSION,
	GK_SQL_MARKS,
	GK_SQL_GET_META,
	GK_SQL_SET_META,
	GK_SQL_FIND_TRACE,
	GK_SQL_ADD_TRACE,
	GK_SQL_ADD_WHOLE_TRACES,
	GK_SQL_TOUCH_TRACE,
	GK_SQL_UPDATE_TRACE,
	GK_SQL_KNOW_SPANS,
	GK_SQL_ADD_SPAN,
	GK_SQL_ADD_WHOLE_SPANS,
	GK_SQL_REPLACE_SPAN,
	GK_SQL_FIRST_ROOT,
	GK_SQL_DANGLING,
	GK_SQL_CLEAR_PARENT,
	GK_SQL_ADD_LABEL,
	GK_SQL_ADD_MARK,
	GK_SQL_LAST_MARK,
	GK_SQL_NEXT_VALUE,
	GK_SQL_FIRST_START,
	GK_SQL_DROP_MARKS,
	GK_SQL_DROP_LABELS,
	GK_SQL_ADD_LOG,
	GK_SQL_APPEND,
	GK_SQL_JOURNAL,
	GK_SQL_DROP_JOURNAL,
	GK_SQL_OWNED,
	GK_SQL_TRACE_SPANS,
	GK_SQL_LOAD_TRACE,
	GK_SQL_LOAD_SPANS,
	GK_SQL_UNINDEXED,
	GK_SQL_TODO,
	GK_SQL_ADD_TODO,
	GK_SQL_DROP_TODO,
	GK_SQL_HAS_TODO,
	GK_SQL_FTS_ADD,
	GK_SQL_FTS_DROP,
	GK_SQL_SPAN_FOR_INDEX,
	GK_SQL_NEXT_WORD,
	GK_SQL_HAS_HITS,
	GK_SQL_DROP_SPANS,
	GK_SQL_DROP_TRACE,
	GK_SQL_DROP_TRACE_LOGS,
	GK_SQL_COUNTS
} gk_sql;
extern const char *const gk_sql_texts[GK_SQL_COUNTS];

/* Where a list was far down, as the file was then: the next page need not be counted from the top. */
typedef struct gk_list_mark {
	json_t *filter;
	int64_t version; /* PRAGMA data_version; 0: there is no mark */
	uint64_t offset;
	double start;
	int64_t sequence;
} gk_list_mark;

typedef struct gk_db {
	sqlite3 *handle;
	sqlite3_stmt *statements[GK_SQL_COUNTS];
	sqlite3_stmt *sessions[GK_SESSION_SQL_COUNTS];
	gk_list_mark mark; /* of a reader */
} gk_db;

typedef struct gk_known_span {
	int64_t pk;
	double end_ms;
	bool is_error;
} gk_known_span;

/* A trace that the writer has in mind, so that its row is written once a transaction. */
typedef struct gk_trace_state {
	int64_t pk;
	char trace_id[GK_MAX_TRACE_ID + 1];
	int64_t next_span; /* the number that the next one gets */
	gk_table *known;   /* key: gk_known_span; NULL: nothing had to be looked for yet */
	bool is_ours;      /* nobody else has ever added to it: what is new to us is new */
	bool is_stored;    /* the table has a row of it */
	bool is_listed;    /* it has been indexed (section 2.4, step 5) */
	bool is_dirty, is_index_dirty;
	bool is_done;    /* of ours, and its root has ended: need not be kept in mind */
	int64_t root_pk; /* 0: no span without parent */
	char *name;      /* the trace's; NULL: none */
	double start_ms, end_ms;
	bool has_start, has_end;
	/* as indexed: of the root */
	char *root_type, *root_name, *session;
	double root_start, root_end;
	int root_status;
	char *summary; /* of the root, for lists; NULL: its document will do */
	size_t summary_len;
	char *labels; /* of the root, to be written; as gk_span_row has them */
	int64_t spans, errors, tokens_in, tokens_out, bytes, sequence, updated_ms;
	TAILQ_ENTRY(gk_trace_state) dirty_link;
} gk_trace_state;
TAILQ_HEAD(gk_trace_states, gk_trace_state);

/* A trace of one span that has ended, of ours, on its way into the tables. Its texts are the journal's, or the batch's. */
typedef struct gk_whole {
	const char *trace_id, *name;
	double start_ms, end_ms;
	int64_t owner;
	gk_span_row row;
	/* set when it is gathered: */
	int64_t pk, root_pk, sequence, updated_ms, errors, bytes;
	const char *root_type, *root_name;
	int root_status;
	char *summary;
	size_t summary_len;
	bool is_known; /* the trace turned out to be there: it is merged with that */
} gk_whole;

/* A row of the journal that is kept until what was gathered of it is in the tables. */
typedef struct gk_held_row {
	SLIST_ENTRY(gk_held_row) link;
	char data[];
} gk_held_row;

/* What marks are of; the numbers stand in the file. */
typedef enum gk_mark_kind {
	GK_MARK_TYPE = 1,
	GK_MARK_NAME = 2,
	GK_MARK_STATUS = 3, /* a number, or */
} gk_mark_kind;
#define GK_MARK_NO_STATUS "UNKNOWN"

/* A mark that is in the file. */
typedef struct gk_known_mark {
	gk_mark_kind kind; /* 0: none is kept here */
	char text[44];
	double at;
} gk_known_mark;

typedef struct gk_sqlite {
	gk_trace_backend base; /* first */
	char *path;
	/* The writer's: */
	gk_db db;
	bool is_open;
	bool has_recovered;
	int64_t found;    /* the last row that was in the journal when the file was opened */
	int64_t folded;   /* the last one that was folded */
	gk_table *states; /* trace id: gk_trace_state */
	struct gk_trace_states dirty;
	int64_t next_trace, next_sequence;
	int64_t data_version;
	int64_t now_ms; /* when what is being merged was saved */
	size_t known;   /* spans in all states */
	size_t max_states, max_known;
	bool is_careful; /* posts are merged one by one, to find the one that cannot be */
	int64_t indexed; /* spans up to here are in the full-text index, but for those in fts_todo */
	int64_t lacking; /* spans that it does not have, about */
	gk_trace_sizes sizes;
	uint64_t folded_bytes; /* by the slice that is under way */
	uint64_t looked_ms;
	gk_whole wholes[GK_STORE_GATHERED];
	size_t gathered;           /* of them */
	uint64_t gathered_ids[16]; /* a bit for the id of each, and perhaps others */
	bool gathers;              /* what is being merged may be */
	SLIST_HEAD(, gk_held_row) held;
	size_t held_size;
	gk_known_mark marks[GK_STORE_MARKS_KNOWN];
	uint64_t unswept;           /* traces that were deleted since marks were last swept */
	int64_t swept_kind;         /* where the search for marks of no use is, */
	sqlite3_value *swept_value; /* NULL: at the beginning */
	gk_buf scratch, packed, appended;
	gk_words words;
	gk_db copier; /* of whoever copies the log, one at a time */
	pthread_mutex_t copy_lock;
	/* Everybody's: */
	pthread_mutex_t lock;
	pthread_cond_t is_free;
	gk_db readers[GK_STORE_READERS];
	bool is_lent[GK_STORE_READERS];
	unsigned generation,
		reader_generation
			[GK_STORE_READERS]; /* those of before a failure are opened again */
} gk_sqlite;

/* --- connections --- */

/** Opens the file; makes it when there is none, unless `is_reader`. */
gk_code gk_db_open(gk_db *db, const char *path, bool is_reader, gk_error *err);
void gk_db_close(gk_db *db);
/** The statement, ready to be bound; NULL sets `err`. */
sqlite3_stmt *gk_db_get(gk_db *db, gk_sql which, gk_error *err);
/** The same text prepared for once: the caller finalizes it. */
sqlite3_stmt *gk_db_prepare(gk_db *db, const char *sql, gk_error *err);
/** Runs one that gives no rows, and resets it. */
gk_code gk_db_run(gk_db *db, sqlite3_stmt *statement, gk_error *err);
/** One step of one that gives rows; *ret: there is one. The caller resets it. */
gk_code gk_db_step(gk_db *db, sqlite3_stmt *statement, bool *ret, gk_error *err);
gk_code gk_db_do(gk_db *db, gk_sql which, gk_error *err);
gk_code gk_db_exec(gk_db *db, const char *sql, gk_error *err);
/** One number; `missing` when there is no row or it is NULL. */
gk_code gk_db_number(gk_db *db, const char *sql, int64_t *ret, gk_error *err);
/** What went wrong in SQLite: UNAVAILABLE for what the disk does, INTERNAL for the rest. */
gk_code gk_db_fail(gk_db *db, const char *what, gk_error *err);
void gk_db_bind_text(sqlite3_stmt *statement, int index, const char *text);
/** A column's text, which the caller frees; NULL when there is none. False when memory ran out. */
GK_MUST_USE bool gk_db_copy_text(sqlite3_stmt *statement, int column, char **ret);
/** FAILED_PRECONDITION when the file is another program's or a later one's: it is only read. */
gk_code gk_db_inspect(const char *path, gk_error *err);
/** Makes the tables, or brings them to version `to`, which is GK_DB_VERSION but in tests. */
gk_code gk_db_migrate(gk_db *db, int64_t to, gk_error *err);

/* --- filters --- */

/* A filter as a condition on `t`, the traces, with what is to be bound. */
typedef struct gk_sql_filter {
	gk_buf where;  /* " AND ..." for each condition */
	json_t *binds; /* strings and numbers, in order */
	json_t *marks; /* lists, each a gk_mark_kind and values any of which a trace must have */
	double start_from, start_to; /* as far as the filter says */
} gk_sql_filter;
/** Appends the conditions of section 2.5. INVALID_ARGUMENT for what is no filter. */
gk_code gk_sql_filter_init(gk_sql_filter *filter, gk_db *db, json_t *json, gk_error *err);
void gk_sql_filter_done(gk_sql_filter *filter);
/** Binds from `index` on; returns the next. */
int gk_sql_filter_bind(const gk_sql_filter *filter, sqlite3_stmt *statement, int index);
/** gk_contains(text, part): whether a text holds another in any case. */
int gk_sql_add_functions(sqlite3 *handle);

/* --- readers --- */

gk_db *gk_sqlite_borrow(gk_sqlite *sqlite, gk_error *err);
void gk_sqlite_return(gk_sqlite *sqlite, gk_db *db);
/* --- writing --- */

gk_code gk_sqlite_write(gk_trace_backend *backend, gk_trace_batch *batch, gk_error *err);
gk_code gk_sqlite_begin(gk_sqlite *sqlite, gk_error *err);
/** Commits when `rc` is GK_OK, takes all back otherwise. */
gk_code gk_sqlite_end(gk_sqlite *sqlite, gk_code rc, gk_error *err);
gk_code gk_sqlite_add_log(gk_sqlite *sqlite, const gk_log_row *row, gk_error *err);
/** What the merge of one transaction leaves: the rows of traces, and the counter of saves. */
gk_code gk_sqlite_close_merge(gk_sqlite *sqlite, gk_error *err);
/** Inside a transaction. The post's rows are told whether they were accepted. */
gk_code gk_sqlite_merge(gk_sqlite *sqlite, gk_trace_post *post, gk_error *err);

/** Of a trace that may be there, and not as a whole one. */
gk_code gk_sqlite_merge_known(gk_sqlite *sqlite, gk_trace_post *post, gk_error *err);

/* --- whole traces --- */

/** The table that the statements read what was gathered from, for the writer's connection. */
gk_code gk_sqlite_add_whole_table(gk_sqlite *sqlite, gk_error *err);
/** Whether it can be gathered, as far as what is in mind tells. */
bool gk_sqlite_is_whole(gk_sqlite *sqlite, const gk_whole *whole);
/** Its texts stay until gk_sqlite_put_gathered(), which this may do. Inside a transaction. */
gk_code gk_sqlite_gather(gk_sqlite *sqlite, const gk_whole *whole, gk_error *err);
/** All that was gathered goes into the tables. */
gk_code gk_sqlite_put_gathered(gk_sqlite *sqlite, gk_error *err);
void gk_sqlite_drop_gathered(gk_sqlite *sqlite);
/** False: no such trace was gathered. */
bool gk_sqlite_may_be_gathered(gk_sqlite *sqlite, const char *trace_id);

/** The batch as a row of the journal, a transaction by itself. */
gk_code gk_sqlite_append(gk_sqlite *sqlite, gk_trace_batch *batch, gk_error *err);
/** Into the journal what processes that have ended had in their rings. */
gk_code gk_sqlite_take_rings(gk_sqlite *sqlite, gk_error *err);
gk_code gk_sqlite_fold(gk_trace_backend *backend, size_t max, size_t *ret, gk_error *err);
/** Whether upkeep that has done so many spans stops here, since something is to be written. */
bool gk_sqlite_gives_way(const gk_sqlite *sqlite, size_t done);
gk_code gk_sqlite_fold_all(gk_sqlite *sqlite, gk_error *err);

/* --- traces in mind --- */

gk_code gk_sqlite_find_state(
	gk_sqlite *sqlite, const char *trace_id, gk_trace_state **ret, gk_error *err);
void gk_sqlite_mark_dirty(gk_sqlite *sqlite, gk_trace_state *state);
/** Its row, whole, for GK_SQL_ADD_TRACE. */
void gk_sqlite_bind_state(sqlite3_stmt *s, const gk_trace_state *state);
gk_code gk_sqlite_write_labels(gk_sqlite *sqlite, gk_trace_state *state, gk_error *err);
gk_code gk_sqlite_write_states(gk_sqlite *sqlite, gk_error *err);
/** The span that the trace has under this key; NULL with GK_OK: none. */
gk_code gk_sqlite_know(gk_sqlite *sqlite, gk_trace_state *state, const char *key,
	gk_known_span **ret, gk_error *err);
/** Of a trace of which spans are known: this one as well. */
gk_code gk_sqlite_learn(gk_sqlite *sqlite, gk_trace_state *state, const char *key,
	const gk_known_span *span, gk_error *err);
void gk_sqlite_forget(gk_sqlite *sqlite); /* all of them */

/* --- marks --- */

/** The stretch of the list in which a start lies: from `at` to before `until`. */
void gk_mark_stretch(double start_ms, double *at, double *until);
/** A listed trace has this root now. `name` NULL: it has none, nor a status; `status` -1: none. Inside a transaction. */
gk_code gk_sqlite_mark(gk_sqlite *sqlite, double start_ms, const char *type, const char *name,
	int status, gk_error *err);
/** Marks may have gone from the file. */
void gk_sqlite_forget_marks(gk_sqlite *sqlite);
/** So many traces were deleted: after some, a slice of the marks that lead to none any more. Inside a transaction. */
gk_code gk_sqlite_sweep_marks(gk_sqlite *sqlite, uint64_t deleted, gk_error *err);
/** Appends the page of a list whose filter has marks. *mark: where the last page ended, if it is of this list, then where
 * this one did; its filter is not touched. Inside a transaction. */
gk_code gk_sqlite_walk(gk_db *db, const gk_trace_query *query, const gk_sql_filter *filter,
	gk_list_mark *mark, gk_buf *buf, bool *has_more, gk_error *err);

/* --- parts of the backend --- */

/** Closes spans of processes that have ended (section 9.4), once, when all that they left is in the tables. */
gk_code gk_sqlite_recover(gk_sqlite *sqlite, gk_error *err);

gk_code gk_sqlite_index(gk_trace_backend *backend, size_t max, size_t *ret, gk_error *err);
/** A span's document is about to change or to go: takes its texts out of the index. */
gk_code gk_sqlite_unindex(gk_sqlite *sqlite, int64_t span_pk, gk_error *err);
/** It is there again, to be indexed. */
gk_code gk_sqlite_reindex(gk_sqlite *sqlite, int64_t span_pk, gk_error *err);

gk_code gk_sqlite_sweep(
	gk_trace_backend *backend, const gk_trace_limits *limits, bool *ret, gk_error *err);
gk_code gk_sqlite_remove(
	gk_trace_backend *backend, const char *trace_id, uint64_t *ret, gk_error *err);
gk_code gk_sqlite_shrink(gk_trace_backend *backend, bool *ret, gk_error *err);

gk_code gk_sqlite_list(
	gk_trace_backend *backend, const gk_trace_query *query, gk_buf *ret, gk_error *err);
/** FTS5's form of what a person searches for; NULL with GK_OK: it has no words. */
gk_code gk_search_expression(gk_db *db, const char *text, char **ret, gk_error *err);
/** Appends the page of traces that have what the expression names, the newest span first. */
gk_code gk_sqlite_search(gk_db *db, const gk_trace_query *query, const gk_sql_filter *filter,
	const char *expression, gk_buf *buf, bool *has_more, gk_error *err);
/* What a trace of a list is made of, from `traces t`. */
#define GK_ROW_COLUMNS                                                                             \
	"t.trace_id, t.display_name, t.start_ms, t.end_ms, t.root_summary, s.doc, s.span_key"
#define GK_ROW_JOIN " LEFT JOIN spans s ON s.id = t.root_pk"
gk_code gk_sqlite_put_row(gk_buf *buf, sqlite3_stmt *s, gk_error *err);
gk_code gk_sqlite_load(gk_trace_backend *backend, const char *trace_id, gk_buf *ret, gk_error *err);
gk_code gk_sqlite_has(gk_trace_backend *backend, const char *trace_id, bool *ret, gk_error *err);
gk_code gk_sqlite_logs(
	gk_trace_backend *backend, const gk_log_query *query, gk_buf *ret, gk_error *err);
gk_code gk_sqlite_check(gk_trace_backend *backend, json_t **ret, gk_error *err);
gk_code gk_sqlite_backup(gk_trace_backend *backend, const char *path, json_t **ret, gk_error *err);
gk_code gk_sqlite_stats(gk_trace_backend *backend, json_t **ret, gk_error *err);

/* --- documents: a byte that says how, then the text --- */

/** Into `ret`, which is cleared. */
bool gk_doc_pack(gk_buf *ret, const char *text, size_t len);
/** Appends the text. INTERNAL for what is none. */
gk_code gk_doc_unpack(gk_buf *ret, const void *data, size_t len, gk_error *err);
/** A root for lists: string attributes cut to 1,000 UTF-16 units (section 2.3). *ret NULL: there is nothing to cut. */
gk_code gk_doc_summary(const char *text, size_t len, char **ret, size_t *len_ret, gk_error *err);

#endif
