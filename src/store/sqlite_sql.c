/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Every statement that is kept prepared. Columns are numbered as they stand; who reads them is beside the statement's use. */
#include "store/sqlite.h"

#define STATE_COLUMNS                                                                              \
	"id, has_root, root_pk, display_name, start_ms, end_ms, root_type, root_name, root_start," \
	" root_end, root_status, session_id, span_count, error_count, tok_in, tok_out, bytes, seq, root_summary"

const char *const gk_sql_texts[GK_SQL_COUNTS] = {
	[GK_SQL_BEGIN] = "BEGIN IMMEDIATE",
	[GK_SQL_COMMIT] = "COMMIT",
	[GK_SQL_ROLLBACK] = "ROLLBACK",
	[GK_SQL_SAVEPOINT] = "SAVEPOINT one",
	[GK_SQL_RELEASE] = "RELEASE one",
	[GK_SQL_ROLLBACK_TO] = "ROLLBACK TO one",
	[GK_SQL_DATA_VERSION] = "PRAGMA data_version",
	[GK_SQL_MARKS] =
		"WITH m(at) AS (SELECT value FROM meta WHERE key = 'indexed')"
		" SELECT (SELECT max(id) FROM traces),"
		" (SELECT value FROM meta WHERE key = 'sequence'), at,"
		/* the last one that is indexed may be so in part: it counts, until a look says otherwise */
		" (SELECT count(*) FROM fts_todo) + (SELECT coalesce(sum(span_count), 0) FROM traces"
		" WHERE id >= at >> 20 AND EXISTS (SELECT 1 FROM spans WHERE id > at)),"
		" (SELECT coalesce(sum(spans), 0) FROM journal),"
		" (SELECT coalesce(sum(length(posts)), 0) FROM journal) FROM m",
	[GK_SQL_GET_META] = "SELECT value FROM meta WHERE key = ?",
	[GK_SQL_SET_META] = "INSERT INTO meta(key, value) VALUES(?, ?)"
			    " ON CONFLICT(key) DO UPDATE SET value = excluded.value",
	[GK_SQL_FIND_TRACE] = "SELECT " STATE_COLUMNS ", (SELECT max(s.id) FROM spans s"
			      " WHERE s.id < (t.id + 1) << 20) FROM traces t WHERE trace_id = ?",
	[GK_SQL_ADD_TRACE] =
		"INSERT INTO traces(id, trace_id, display_name, start_ms, end_ms, has_root, root_pk,"
		" root_type, root_name, root_start, root_end, root_status, session_id, span_count,"
		" error_count, tok_in, tok_out, bytes, root_summary, updated_ms, seq)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,"
		" ?18, ?19, ?20, ?21)",
	[GK_SQL_ADD_WHOLE_TRACES] =
		"INSERT INTO traces(id, trace_id, display_name, start_ms, end_ms, has_root, root_pk,"
		" root_type, root_name, root_start, root_end, root_status, session_id, span_count,"
		" error_count, tok_in, tok_out, bytes, root_summary, updated_ms, seq)"
		" SELECT id, trace_id, display_name, start_ms, end_ms, 1, root_pk, root_type,"
		" root_name, root_start, root_end, root_status, session_id, 1, error_count, tok_in,"
		" tok_out, bytes, root_summary, updated_ms, seq FROM gk_whole WHERE true"
		" ON CONFLICT(trace_id) DO NOTHING",
	[GK_SQL_TOUCH_TRACE] =
		"UPDATE traces SET span_count = ?2, error_count = ?3, tok_in = ?4, tok_out = ?5,"
		" bytes = ?6, updated_ms = ?7, session_id = ?8 WHERE id = ?1",
	[GK_SQL_UPDATE_TRACE] =
		"UPDATE traces SET display_name = ?3, start_ms = ?4, end_ms = ?5, has_root = ?6,"
		" root_pk = ?7, root_type = ?8, root_name = ?9, root_start = ?10, root_end = ?11,"
		" root_status = ?12, session_id = ?13, span_count = ?14, error_count = ?15,"
		" tok_in = ?16, tok_out = ?17, bytes = ?18, root_summary = ?19, updated_ms = ?20,"
		" seq = ?21 WHERE id = ?1 AND trace_id = ?2",
	[GK_SQL_KNOW_SPANS] = "SELECT span_key, id, end_ms, status FROM spans"
			      " WHERE id >= ? AND id < ?",
	[GK_SQL_ADD_SPAN] =
		"INSERT INTO spans(id, span_key, parent_span_id, type, start_ms, end_ms, status, owner, doc)"
		" VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[GK_SQL_ADD_WHOLE_SPANS] =
		"INSERT INTO spans(id, span_key, type, start_ms, end_ms, status, doc)"
		" SELECT root_pk, span_key, span_type, span_start, root_end, span_status, doc"
		" FROM gk_whole",
	[GK_SQL_REPLACE_SPAN] =
		"UPDATE spans SET span_key = ?2, parent_span_id = ?3, type = ?4, start_ms = ?5, end_ms = ?6,"
		" status = ?7, owner = ?8, doc = ?9 WHERE id = ?1",
	[GK_SQL_FIRST_ROOT] = "SELECT id, doc FROM spans WHERE id >= ? AND id < ?"
			      " AND parent_span_id IS NULL ORDER BY id LIMIT 1",
	[GK_SQL_DANGLING] = "SELECT id, parent_span_id, doc FROM spans WHERE id >= ? AND id < ?"
			    " AND parent_span_id IS NOT NULL",
	[GK_SQL_CLEAR_PARENT] = "UPDATE spans SET parent_span_id = NULL, doc = ?2 WHERE id = ?1",
	[GK_SQL_ADD_LABEL] =
		"INSERT OR IGNORE INTO trace_labels(key, value, trace_pk) VALUES(?, ?, ?)",
	[GK_SQL_ADD_MARK] =
		"INSERT OR IGNORE INTO marks(what, value, at, until) VALUES(?, ?, ?, ?)",
	[GK_SQL_LAST_MARK] = "SELECT at, until FROM marks WHERE what = ? AND value = ? AND at <= ?"
			     " ORDER BY at DESC LIMIT 1",
	[GK_SQL_NEXT_VALUE] = "SELECT what, value, at FROM marks WHERE (what, value) > (?, ?)"
			      " ORDER BY what, value, at LIMIT 1",
	[GK_SQL_FIRST_START] =
		"SELECT coalesce(min(root_start), 9e999) FROM traces WHERE has_root = 1",
	[GK_SQL_DROP_MARKS] = "DELETE FROM marks WHERE what = ?1 AND value = ?2 AND at < ?3"
			      " AND until <= ?3",
	[GK_SQL_DROP_LABELS] = "DELETE FROM trace_labels WHERE trace_pk = ?",
	[GK_SQL_ADD_LOG] = "INSERT INTO logs(log_id, trace_id, span_id, ts, sev, sev_text, doc)"
			   " VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT(log_id) DO NOTHING",
	[GK_SQL_APPEND] = "INSERT INTO journal(spans, posts) VALUES(?, ?)",
	[GK_SQL_JOURNAL] = "SELECT id, spans, posts FROM journal ORDER BY id",
	[GK_SQL_DROP_JOURNAL] = "DELETE FROM journal WHERE id <= ?",
	[GK_SQL_OWNED] = "SELECT s.id, s.owner, s.doc, t.trace_id FROM spans s"
			 " JOIN traces t ON t.id = s.id >> 20 WHERE s.end_ms = 0",
	[GK_SQL_TRACE_SPANS] =
		"SELECT id, max(start_ms, end_ms), type FROM spans WHERE id >= ? AND id < ?",
	[GK_SQL_LOAD_TRACE] =
		"SELECT id, display_name, start_ms, end_ms FROM traces WHERE trace_id = ?",
	[GK_SQL_LOAD_SPANS] =
		"SELECT span_key, doc FROM spans WHERE id >= ? AND id < ? ORDER BY id",
	[GK_SQL_UNINDEXED] = "SELECT id, type, end_ms, doc FROM spans WHERE id > ? ORDER BY id",
	[GK_SQL_TODO] = "SELECT span_pk FROM fts_todo LIMIT 1",
	[GK_SQL_ADD_TODO] = "INSERT OR IGNORE INTO fts_todo(span_pk) VALUES(?)",
	[GK_SQL_DROP_TODO] = "DELETE FROM fts_todo WHERE span_pk = ?",
	[GK_SQL_HAS_TODO] = "SELECT 1 FROM fts_todo WHERE span_pk = ?",
	[GK_SQL_FTS_ADD] = "INSERT INTO span_fts(rowid, input, output, error) VALUES(?, ?, ?, ?)",
	[GK_SQL_FTS_DROP] = "INSERT INTO span_fts(span_fts, rowid, input, output, error)"
			    " VALUES('delete', ?, ?, ?, ?)",
	[GK_SQL_SPAN_FOR_INDEX] = "SELECT type, end_ms, doc FROM spans WHERE id = ?",
	[GK_SQL_NEXT_WORD] = "SELECT term FROM temp.span_words WHERE term >= ? LIMIT 1",
	[GK_SQL_HAS_HITS] = "SELECT 1 FROM span_fts WHERE span_fts MATCH ? LIMIT 1",
	[GK_SQL_DROP_SPANS] = "DELETE FROM spans WHERE id >= ? AND id < ?",
	[GK_SQL_DROP_TRACE] = "DELETE FROM traces WHERE id = ?",
	[GK_SQL_DROP_TRACE_LOGS] = "DELETE FROM logs WHERE trace_id = ?",
};
