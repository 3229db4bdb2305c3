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
	[GK_SQL_DATA_VERSION] = "PRAGMA data_version",
	[GK_SQL_MAX_IDS] = "SELECT (SELECT max(id) FROM traces), (SELECT max(id) FROM spans),"
			   " (SELECT value FROM meta WHERE key = 'sequence')",
	[GK_SQL_GET_META] = "SELECT value FROM meta WHERE key = ?",
	[GK_SQL_SET_META] = "INSERT INTO meta(key, value) VALUES(?, ?)"
			    " ON CONFLICT(key) DO UPDATE SET value = excluded.value",
	[GK_SQL_FIND_TRACE] = "SELECT " STATE_COLUMNS " FROM traces WHERE trace_id = ?",
	[GK_SQL_ADD_TRACE] =
		"INSERT INTO traces(id, trace_id, display_name, start_ms, end_ms, has_root, root_pk,"
		" root_type, root_name, root_start, root_end, root_status, session_id, span_count,"
		" error_count, tok_in, tok_out, bytes, root_summary, updated_ms, seq)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,"
		" ?18, ?19, ?20, ?21)",
	[GK_SQL_TOUCH_TRACE] =
		"UPDATE traces SET span_count = ?2, error_count = ?3, tok_in = ?4, tok_out = ?5,"
		" bytes = ?6, updated_ms = ?7, session_id = ?8 WHERE id = ?1",
	[GK_SQL_UPDATE_TRACE] =
		"UPDATE traces SET display_name = ?3, start_ms = ?4, end_ms = ?5, has_root = ?6,"
		" root_pk = ?7, root_type = ?8, root_name = ?9, root_start = ?10, root_end = ?11,"
		" root_status = ?12, session_id = ?13, span_count = ?14, error_count = ?15,"
		" tok_in = ?16, tok_out = ?17, bytes = ?18, root_summary = ?19, updated_ms = ?20,"
		" seq = ?21 WHERE id = ?1 AND trace_id = ?2",
	[GK_SQL_FIND_SPAN] = "SELECT id, end_ms, status, parent_span_id IS NULL FROM spans"
			     " WHERE trace_pk = ? AND span_key = ?",
	[GK_SQL_ADD_SPAN] =
		"INSERT INTO spans(id, trace_pk, span_key, parent_span_id, name, type, subtype, start_ms,"
		" end_ms, status, state, owner) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[GK_SQL_REPLACE_SPAN] =
		"UPDATE spans SET trace_pk = ?2, span_key = ?3, parent_span_id = ?4, name = ?5, type = ?6,"
		" subtype = ?7, start_ms = ?8, end_ms = ?9, status = ?10, state = ?11, owner = ?12"
		" WHERE id = ?1",
	[GK_SQL_PUT_DOC] = "INSERT INTO span_docs(span_pk, doc) VALUES(?, ?)"
			   " ON CONFLICT(span_pk) DO UPDATE SET doc = excluded.doc",
	[GK_SQL_GET_DOC] = "SELECT doc FROM span_docs WHERE span_pk = ?",
	[GK_SQL_FIRST_ROOT] =
		"SELECT s.id, s.type, s.subtype, s.name, s.start_ms, s.end_ms, s.status, d.doc"
		" FROM spans s JOIN span_docs d ON d.span_pk = s.id"
		" WHERE s.trace_pk = ? AND s.parent_span_id IS NULL ORDER BY s.id LIMIT 1",
	[GK_SQL_DANGLING] =
		"SELECT s.id, d.doc FROM spans s JOIN span_docs d ON d.span_pk = s.id"
		" WHERE s.trace_pk = ?1 AND s.parent_span_id IS NOT NULL AND NOT EXISTS (SELECT 1"
		" FROM spans p WHERE p.trace_pk = ?1 AND p.span_key = s.parent_span_id)",
	[GK_SQL_CLEAR_PARENT] = "UPDATE spans SET parent_span_id = NULL WHERE id = ?",
	[GK_SQL_ADD_LABEL] =
		"INSERT OR IGNORE INTO trace_labels(key, value, trace_pk) VALUES(?, ?, ?)",
	[GK_SQL_DROP_LABELS] = "DELETE FROM trace_labels WHERE trace_pk = ?",
	[GK_SQL_ADD_LOG] = "INSERT INTO logs(log_id, trace_id, span_id, ts, sev, sev_text, doc)"
			   " VALUES(?, ?, ?, ?, ?, ?, ?)",
	[GK_SQL_OWNED] = "SELECT s.id, s.trace_pk, s.owner, d.doc, t.trace_id FROM spans s"
			 " JOIN span_docs d ON d.span_pk = s.id JOIN traces t ON t.id = s.trace_pk"
			 " WHERE s.end_ms = 0",
	[GK_SQL_TRACE_SPANS] = "SELECT id, max(start_ms, end_ms) FROM spans WHERE trace_pk = ?",
	[GK_SQL_LOAD_TRACE] =
		"SELECT id, display_name, start_ms, end_ms FROM traces WHERE trace_id = ?",
	[GK_SQL_LOAD_SPANS] = "SELECT s.span_key, d.doc FROM spans s JOIN span_docs d"
			      " ON d.span_pk = s.id WHERE s.trace_pk = ? ORDER BY s.id",
	[GK_SQL_UNINDEXED] = "SELECT id FROM spans WHERE id > ? ORDER BY id LIMIT ?",
	[GK_SQL_TODO] = "SELECT span_pk FROM fts_todo LIMIT ?",
	[GK_SQL_ADD_TODO] = "INSERT OR IGNORE INTO fts_todo(span_pk) VALUES(?)",
	[GK_SQL_DROP_TODO] = "DELETE FROM fts_todo WHERE span_pk = ?",
	[GK_SQL_HAS_TODO] = "SELECT 1 FROM fts_todo WHERE span_pk = ?",
	[GK_SQL_FTS_ADD] = "INSERT INTO span_fts(rowid, input, output, error) VALUES(?, ?, ?, ?)",
	[GK_SQL_FTS_DROP] = "INSERT INTO span_fts(span_fts, rowid, input, output, error)"
			    " VALUES('delete', ?, ?, ?, ?)",
	[GK_SQL_SPAN_FOR_INDEX] = "SELECT s.type, s.end_ms, d.doc FROM spans s JOIN span_docs d"
				  " ON d.span_pk = s.id WHERE s.id = ?",
	[GK_SQL_DROP_SPANS] = "DELETE FROM spans WHERE trace_pk = ?",
	[GK_SQL_DROP_DOC] = "DELETE FROM span_docs WHERE span_pk = ?",
	[GK_SQL_DROP_TRACE] = "DELETE FROM traces WHERE id = ?",
	[GK_SQL_DROP_TRACE_LOGS] = "DELETE FROM logs WHERE trace_id = ?",
	[GK_SQL_DROP_FEEDBACK] = "DELETE FROM feedback WHERE trace_pk = ?",
};
