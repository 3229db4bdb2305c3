/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Transactions of the writer: a batch goes into the journal, or into the tables. */
#include "store/sqlite.h"

#include "base/clock.h"

/* --- transactions --- */

/* Another process may have written to the file since: what is kept in mind is then of no use, nor are our numbers. */
static gk_code read_marks(gk_sqlite *sqlite, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_MARKS, err);
	int status;

	gk_sqlite_forget(sqlite);
	if (!s || !sqlite->states)
		return s ? gk_error_no_memory(err) : GK_UNAVAILABLE;
	status = sqlite3_step(s);
	if (status == SQLITE_ROW) {
		sqlite->next_trace = sqlite3_column_int64(s, 0) + 1;
		sqlite->next_sequence = sqlite3_column_int64(s, 1) + 1;
		sqlite->indexed = sqlite3_column_int64(s, 2);
		sqlite->lacking = sqlite3_column_int64(s, 3);
		sqlite->sizes.unfolded = (uint64_t)sqlite3_column_int64(s, 4);
		sqlite->sizes.unfolded_bytes = (uint64_t)sqlite3_column_int64(s, 5);
	}
	sqlite3_reset(s);
	return status == SQLITE_ROW ? GK_OK
				    : gk_db_fail(&sqlite->db, "the store cannot be read", err);
}

static gk_code look_around(gk_sqlite *sqlite, gk_error *err)
{
	sqlite3_stmt *version = gk_db_get(&sqlite->db, GK_SQL_DATA_VERSION, err);
	int64_t before = sqlite->data_version;
	bool is_there;
	gk_code rc;

	if (!version)
		return GK_UNAVAILABLE;
	rc = gk_db_step(&sqlite->db, version, &is_there, err);
	if (rc == GK_OK && is_there)
		sqlite->data_version = sqlite3_column_int64(version, 0);
	sqlite3_reset(version);
	if (rc != GK_OK)
		return rc;
	return before && before == sqlite->data_version ? GK_OK : read_marks(sqlite, err);
}

gk_code gk_sqlite_begin(gk_sqlite *sqlite, gk_error *err)
{
	gk_code rc = gk_db_do(&sqlite->db, GK_SQL_BEGIN, err);

	if (rc != GK_OK)
		return rc;
	rc = look_around(sqlite, err);
	return rc == GK_OK ? GK_OK : gk_sqlite_end(sqlite, rc, err);
}

gk_code gk_sqlite_end(gk_sqlite *sqlite, gk_code rc, gk_error *err)
{
	if (rc == GK_OK)
		rc = gk_db_do(&sqlite->db, GK_SQL_COMMIT, err);
	if (rc == GK_OK) {
		if (gk_table_count(sqlite->states) > sqlite->max_states ||
			sqlite->known > sqlite->max_known)
			gk_sqlite_forget(sqlite);
		return GK_OK;
	}
	gk_sqlite_drop_gathered(sqlite);
	gk_sqlite_forget_marks(sqlite);
	gk_db_do(&sqlite->db, GK_SQL_ROLLBACK, NULL);
	sqlite->data_version = 0; /* read them again */
	return rc;
}

/* --- logs --- */

gk_code gk_sqlite_add_log(gk_sqlite *sqlite, const gk_log_row *row, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_ADD_LOG, err);

	if (!s)
		return GK_UNAVAILABLE;
	gk_db_bind_text(s, 1, row->log_id);
	gk_db_bind_text(s, 2, row->trace_id);
	gk_db_bind_text(s, 3, row->span_id);
	sqlite3_bind_int64(s, 4, row->time_ms);
	if (row->severity == INT64_MIN)
		sqlite3_bind_null(s, 5);
	else
		sqlite3_bind_int64(s, 5, row->severity);
	gk_db_bind_text(s, 6, row->severity_text);
	if (!gk_doc_pack(&sqlite->packed, row->doc, row->doc_len))
		return gk_error_no_memory(err);
	sqlite3_bind_blob(s, 7, sqlite->packed.data, (int)sqlite->packed.len, SQLITE_STATIC);
	return gk_db_run(&sqlite->db, s, err);
}

/* --- a batch --- */

static gk_code write_sequence(gk_sqlite *sqlite, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_SET_META, err);

	if (!s)
		return GK_UNAVAILABLE;
	gk_db_bind_text(s, 1, "sequence");
	sqlite3_bind_int64(s, 2, sqlite->next_sequence - 1);
	return gk_db_run(&sqlite->db, s, err);
}

gk_code gk_sqlite_close_merge(gk_sqlite *sqlite, gk_error *err)
{
	gk_code rc = gk_sqlite_put_gathered(sqlite, err);

	if (rc == GK_OK)
		rc = gk_sqlite_write_states(sqlite, err);
	return rc == GK_OK ? write_sequence(sqlite, err) : rc;
}

static gk_code merge_all(gk_sqlite *sqlite, gk_trace_batch *batch, gk_error *err)
{
	gk_trace_post *post;
	gk_log_row *log;
	gk_code rc;

	sqlite->now_ms = (int64_t)(gk_clock_wall_ns() / 1000000);
	sqlite->gathers = !batch->is_watched; /* which is to know of each what became of it */
	STAILQ_FOREACH (post, &batch->posts, link) {
		rc = gk_trace_post_open(post, err);
		if (rc == GK_OK)
			rc = gk_sqlite_merge(sqlite, post, err);
		if (rc != GK_OK)
			return rc;
	}
	STAILQ_FOREACH (log, &batch->logs, link) {
		rc = gk_sqlite_add_log(sqlite, log, err);
		if (rc != GK_OK)
			return rc;
	}
	return gk_sqlite_close_merge(sqlite, err);
}

/* Straight into the tables, behind all that is in the journal. */
static gk_code write_through(gk_sqlite *sqlite, gk_trace_batch *batch, gk_error *err)
{
	gk_code rc = gk_sqlite_fold_all(sqlite, err);

	if (rc == GK_OK)
		rc = gk_sqlite_begin(sqlite, err);
	if (rc != GK_OK)
		return rc;
	rc = merge_all(sqlite, batch, err);
	return gk_sqlite_end(sqlite, rc, err);
}

/* What our own runs leave comes with their load, on which it would weigh. */
static bool is_large(const gk_trace_batch *batch)
{
	size_t own = 0, others = batch->log_count;
	const gk_trace_post *post;

	STAILQ_FOREACH (post, &batch->posts, link)
		*(post->owner ? &own : &others) += post->count;
	return others >= GK_STORE_DIRECT || own >= GK_STORE_DIRECT_OWN ||
	       batch->bytes >= GK_STORE_DIRECT_SIZE;
}

/* Few spans cost more in the tables than many do each: those of a small batch wait for others, and those of a large one if a
 * long journal would have to be folded before them. Whoever watches a trace is told what came of a merge, so that is not put
 * off. */
gk_code gk_sqlite_write(gk_trace_backend *backend, gk_trace_batch *batch, gk_error *err)
{
	gk_sqlite *sqlite = (gk_sqlite *)backend;

	if (batch->is_watched || (sqlite->sizes.unfolded < GK_STORE_FOLD && is_large(batch)))
		return write_through(sqlite, batch, err);
	return gk_sqlite_append(sqlite, batch, err);
}
