/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The tables (telemetry section 9.2), and how a file of an earlier version comes to have them. */
#include "store/sqlite.h"

#include <stdio.h>

/* What is in more than one version stands here once. The newest comes first in every list, but last in every index: those are
 * walked backwards, and grow at their end, which costs a page where growing at the beginning costs four. */
#define TRACES                                                                                        \
	"CREATE TABLE traces("                                                                        \
	" id INTEGER PRIMARY KEY, trace_id TEXT NOT NULL UNIQUE, display_name TEXT, start_ms REAL,"   \
	" end_ms REAL, has_root INTEGER NOT NULL DEFAULT 0, root_pk INTEGER,"                         \
	" root_type TEXT NOT NULL DEFAULT 'UNKNOWN', root_name TEXT, root_start REAL, root_end REAL," \
	" root_status INTEGER, session_id TEXT, span_count INTEGER NOT NULL DEFAULT 0,"               \
	" error_count INTEGER NOT NULL DEFAULT 0, tok_in INTEGER NOT NULL DEFAULT 0,"                 \
	" tok_out INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0, root_summary BLOB,"   \
	" pinned INTEGER NOT NULL DEFAULT 0, updated_ms INTEGER NOT NULL,"                            \
	" seq INTEGER NOT NULL DEFAULT 0);"                                                           \
	"CREATE INDEX tr_list ON traces(root_start, seq) WHERE has_root = 1;"                         \
	"CREATE INDEX tr_sess ON traces(session_id, root_start) WHERE session_id IS NOT NULL;"        \
	"CREATE INDEX tr_age ON traces(updated_ms) WHERE pinned = 0;"                                 \
	"CREATE TABLE trace_labels(key TEXT, value TEXT, trace_pk INTEGER,"                           \
	" PRIMARY KEY(key, value, trace_pk)) WITHOUT ROWID;"                                          \
	"CREATE INDEX tl_trace ON trace_labels(trace_pk);"
/* described in sqlite_marks.c */
#define MARKS                                                                                      \
	"CREATE TABLE marks(what INTEGER NOT NULL, value NOT NULL, at REAL NOT NULL,"              \
	" until REAL NOT NULL, PRIMARY KEY(what, value, at)) WITHOUT ROWID;"
/* owner: the process whose span it is, while it runs; NULL: another program's */
#define SPANS                                                                                      \
	"CREATE TABLE spans("                                                                      \
	" id INTEGER PRIMARY KEY, span_key TEXT NOT NULL, parent_span_id TEXT, type TEXT,"         \
	" start_ms REAL NOT NULL, end_ms REAL NOT NULL, status INTEGER, owner INTEGER,"            \
	" doc BLOB NOT NULL);"
#define RUNNING "CREATE INDEX sp_run ON spans(start_ms) WHERE end_ms = 0;"
#define TEXTS                                                                                      \
	"CREATE VIRTUAL TABLE span_fts USING fts5(input, output, error, content = '',"             \
	" detail = column, tokenize = 'unicode61 remove_diacritics 2');"
/* spans at or below meta's `indexed` that span_fts does not have: they changed since */
#define TODO "CREATE TABLE fts_todo(span_pk INTEGER PRIMARY KEY);"
#define LOGS                                                                                       \
	"CREATE TABLE logs(id INTEGER PRIMARY KEY, log_id TEXT NOT NULL UNIQUE, trace_id TEXT,"    \
	" span_id TEXT, ts INTEGER NOT NULL, sev INTEGER, sev_text TEXT, doc BLOB NOT NULL);"      \
	"CREATE INDEX lg_ts ON logs(ts, id DESC);"                                                 \
	"CREATE INDEX lg_tr ON logs(trace_id, span_id, ts, id DESC) WHERE trace_id IS NOT NULL;"
#define META                                                                                       \
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"           \
	"INSERT INTO meta(key, value) VALUES('indexed', 0), ('sequence', 0);"
#define JOURNAL                                                                                    \
	"CREATE TABLE journal(id INTEGER PRIMARY KEY, spans INTEGER NOT NULL, posts BLOB NOT NULL);"

/* One text a version, from the one before. What stands here and above was released: a test knows what it comes to, and changes
 * go into a new one. */
static const char *const migrations[] = {
	TRACES
	"CREATE INDEX tr_type ON traces(root_type, root_start, seq) WHERE has_root = 1;"
	"CREATE INDEX tr_name ON traces(root_name, root_start, seq) WHERE has_root = 1;"
	"CREATE INDEX tr_status ON traces(root_status, root_start, seq) WHERE has_root = 1;"
	"CREATE TABLE spans("
	" id INTEGER PRIMARY KEY, trace_pk INTEGER NOT NULL, span_key TEXT NOT NULL,"
	" parent_span_id TEXT, name TEXT NOT NULL, type TEXT, subtype TEXT, start_ms REAL NOT NULL,"
	" end_ms REAL NOT NULL, status INTEGER, state TEXT, owner INTEGER,"
	" UNIQUE(trace_pk, span_key));"
	"CREATE INDEX sp_sub ON spans(subtype, start_ms) WHERE subtype IS NOT NULL;" RUNNING
	"CREATE TABLE span_docs(span_pk INTEGER PRIMARY KEY, doc BLOB NOT NULL);" TEXTS TODO LOGS
	"CREATE TABLE feedback(id INTEGER PRIMARY KEY, trace_pk INTEGER, kind TEXT, value TEXT,"
	" text TEXT, ts INTEGER);"
	"CREATE TABLE export_cursor(dest TEXT PRIMARY KEY, last_span_pk INTEGER);" META,
	/* A span and its document in one row, beside those of its trace, under a number of which the last 20 bits are its
	 * place there; no index but of those that run. The index of texts, which goes by these numbers, is made anew. The
	 * journal is described in sqlite_journal.c. */
	"CREATE TABLE renumbered(old INTEGER PRIMARY KEY, id INTEGER NOT NULL);"
	"INSERT INTO renumbered SELECT id, (trace_pk << 20)"
	" + row_number() OVER (PARTITION BY trace_pk ORDER BY id) FROM spans;"
	"ALTER TABLE spans RENAME TO spans_1;"
	"DROP INDEX sp_sub;"
	"DROP INDEX sp_run;" SPANS
	"INSERT INTO spans SELECT r.id, s.span_key, s.parent_span_id, s.type, s.start_ms, s.end_ms,"
	" s.status, s.owner, d.doc FROM (SELECT old, id FROM renumbered ORDER BY id) r"
	" CROSS JOIN spans_1 s ON s.id = r.old CROSS JOIN span_docs d ON d.span_pk = r.old;" RUNNING
	"UPDATE traces SET root_pk = (SELECT id FROM renumbered WHERE old = root_pk)"
	" WHERE root_pk IS NOT NULL;"
	"DROP TABLE renumbered;"
	"DROP TABLE spans_1;"
	"DROP TABLE span_docs;"
	"DROP TABLE span_fts;" TEXTS "DELETE FROM fts_todo;"
	"UPDATE meta SET value = 0 WHERE key = 'indexed';"
	"DROP TABLE export_cursor;"
	"DROP TABLE feedback;" /* it is spans */
	JOURNAL,
	/* Marks in place of three indexes of the list. */
	MARKS
	"INSERT OR IGNORE INTO marks SELECT what, CASE what WHEN 1 THEN root_type"
	" WHEN 2 THEN root_name ELSE coalesce(root_status, 'UNKNOWN') END,"
	" CASE WHEN root_start < 0 THEN -9e999 WHEN root_start >= 1e15 THEN 1e15"
	" ELSE CAST(root_start AS INTEGER) / 32 * 32.0 END,"
	" CASE WHEN root_start < 0 THEN 0.0 WHEN root_start >= 1e15 THEN 9e999"
	" ELSE CAST(root_start AS INTEGER) / 32 * 32.0 + 32 END"
	" FROM traces, (SELECT 1 AS what UNION ALL SELECT 2 UNION ALL SELECT 3)"
	" WHERE has_root = 1 AND root_start IS NOT NULL AND (what = 1 OR root_name IS NOT NULL);"
	"DROP INDEX tr_type;"
	"DROP INDEX tr_name;"
	"DROP INDEX tr_status;",
};
_Static_assert(GK_STORE_MARK_MS == 32, "as the file has it: another needs another version");
_Static_assert(sizeof(migrations) / sizeof(migrations[0]) == GK_DB_VERSION, "one a version");

/* What these tables have come to, for a new file: a test compares the two. */
static const char newest[] = TRACES MARKS SPANS RUNNING TEXTS TODO LOGS META JOURNAL;

gk_code gk_db_migrate(gk_db *db, int64_t to, gk_error *err)
{
	int64_t version = 0;
	char text[96];
	bool is_new;
	gk_code rc = gk_db_exec(db, "BEGIN IMMEDIATE", err);

	if (rc != GK_OK)
		return rc;
	rc = gk_db_number(db, "PRAGMA user_version", &version, err);
	if (rc == GK_OK && version >= to) /* it may have been new when it was opened */
		return gk_db_exec(db, "COMMIT; PRAGMA synchronous = NORMAL", err);
	is_new = rc == GK_OK && !version && to == GK_DB_VERSION;
	if (is_new)
		rc = gk_db_exec(db, newest, err);
	for (int64_t i = version; rc == GK_OK && !is_new && i < to; i++)
		rc = gk_db_exec(db, migrations[i], err);
	snprintf(text, sizeof(text), "PRAGMA user_version = %d; PRAGMA application_id = %d",
		(int)to, GK_DB_APPLICATION);
	if (rc == GK_OK)
		rc = gk_db_exec(db, text, err);
	if (rc == GK_OK)
		rc = gk_db_exec(db, "COMMIT", err);
	if (rc ==
		GK_OK) /* a new file need not be on the disk yet; one that has become another says so in its header */
		return gk_db_exec(db,
			is_new ? "PRAGMA synchronous = NORMAL" : "PRAGMA wal_checkpoint(TRUNCATE)",
			err);
	sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}
