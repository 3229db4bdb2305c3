/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Full text: which words of a span go into the index, when, and how they leave it (telemetry section 9.4).
 *
 * Spans are indexed after they are in their table, in order of their numbers: `indexed` is how far it has come, and
 * fts_todo lists what is at or below it and came or changed since. A search has all of it indexed first. The index keeps no texts; taking
 * a span out needs those that went in, which are made again from its document by the same code.
 */
#include "store/sqlite.h"

#include "base/str.h"

/* --- what goes in --- */

static bool is_indexed_type(const char *type)
{
	return gk_str_equal(type, "action") || gk_str_equal(type, "util") ||
	       gk_str_equal(type, "flowStep") || gk_str_equal(type, "dotprompt");
}

/* A span as a row has it: type, end, document. *ret false: there is nothing to index. */
static gk_code read_words(gk_sqlite *sqlite, sqlite3_stmt *row, int first, bool *ret, gk_error *err)
{
	gk_words *words = &sqlite->words;
	gk_code rc;

	*ret = false;
	if (sqlite3_column_double(row, first + 1) <= 0 ||
		!is_indexed_type((const char *)sqlite3_column_text(row, first)))
		return GK_OK;
	gk_buf_clear(&sqlite->scratch);
	rc = gk_doc_unpack(&sqlite->scratch, sqlite3_column_blob(row, first + 2),
		(size_t)sqlite3_column_bytes(row, first + 2), err);
	if (rc == GK_OK)
		rc = gk_words_read(words, sqlite->scratch.data, sqlite->scratch.len, err);
	*ret = rc == GK_OK && (words->input.len || words->output.len || words->error.len);
	return rc;
}

/* --- in and out --- */

/* The words that were read go in, or out. */
static gk_code put_words(gk_sqlite *sqlite, gk_sql which, int64_t span_pk, gk_error *err)
{
	const gk_buf *texts[] = { &sqlite->words.input, &sqlite->words.output,
		&sqlite->words.error };
	sqlite3_stmt *s = gk_db_get(&sqlite->db, which, err);

	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, span_pk);
	for (int i = 0; i < 3; i++)
		sqlite3_bind_text(s, i + 2, texts[i]->len ? texts[i]->data : "", (int)texts[i]->len,
			SQLITE_STATIC);
	return gk_db_run(&sqlite->db, s, err);
}

static gk_code change(gk_sqlite *sqlite, gk_sql which, int64_t span_pk, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_SPAN_FOR_INDEX, err);
	bool is_there = false, has_row = false;
	gk_code rc;

	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, span_pk);
	rc = gk_db_step(&sqlite->db, s, &has_row, err);
	if (rc == GK_OK && has_row)
		rc = read_words(sqlite, s, 0, &is_there, err);
	sqlite3_reset(s);
	return rc == GK_OK && is_there ? put_words(sqlite, which, span_pk, err) : rc;
}

static gk_code with_pk(gk_sqlite *sqlite, gk_sql which, int64_t span_pk, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, which, err);

	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, span_pk);
	return gk_db_run(&sqlite->db, s, err);
}

gk_code gk_sqlite_unindex(gk_sqlite *sqlite, int64_t span_pk, gk_error *err)
{
	sqlite3_stmt *s;
	bool is_waiting;
	gk_code rc;

	if (span_pk > sqlite->indexed) {
		sqlite->lacking -= sqlite->lacking > 0;
		return GK_OK;
	}
	s = gk_db_get(&sqlite->db, GK_SQL_HAS_TODO, err);
	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, span_pk);
	rc = gk_db_step(&sqlite->db, s, &is_waiting, err);
	sqlite3_reset(s);
	if (rc != GK_OK)
		return rc;
	if (!is_waiting)
		return change(sqlite, GK_SQL_FTS_DROP, span_pk, err);
	sqlite->lacking -= sqlite->lacking > 0;
	return with_pk(sqlite, GK_SQL_DROP_TODO, span_pk, err);
}

gk_code gk_sqlite_reindex(gk_sqlite *sqlite, int64_t span_pk, gk_error *err)
{
	sqlite->lacking++;
	return span_pk > sqlite->indexed ? GK_OK : with_pk(sqlite, GK_SQL_ADD_TODO, span_pk, err);
}

/* --- slices --- */

static bool is_slice(const gk_sqlite *sqlite, size_t max, size_t done)
{
	return done >= max || gk_sqlite_gives_way(sqlite, done);
}

/* What changed after it was indexed. *ret: how many of them; *more: it has not seen the end. */
static gk_code index_todo(gk_sqlite *sqlite, size_t max, size_t *ret, bool *more, gk_error *err)
{
	gk_code rc = GK_OK;

	for (; rc == GK_OK && !is_slice(sqlite, max, *ret); (*ret)++) {
		sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_TODO, err);
		int64_t span_pk;

		if (!s)
			return GK_UNAVAILABLE;
		rc = gk_db_step(&sqlite->db, s, more, err);
		span_pk = *more ? sqlite3_column_int64(s, 0) : 0;
		sqlite3_reset(s);
		if (rc != GK_OK || !*more)
			break;
		rc = change(sqlite, GK_SQL_FTS_ADD, span_pk, err);
		if (rc == GK_OK)
			rc = with_pk(sqlite, GK_SQL_DROP_TODO, span_pk, err);
	}
	return rc;
}

/* What is new, in order of its numbers. The rest as above. */
static gk_code index_new(gk_sqlite *sqlite, size_t max, size_t *ret, bool *more, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_UNINDEXED, err);
	int64_t last = 0;
	bool is_there;
	gk_code rc = s ? GK_OK : GK_UNAVAILABLE;

	if (rc != GK_OK)
		return rc;
	sqlite3_bind_int64(s, 1, sqlite->indexed);
	*more = true;
	for (; rc == GK_OK && !is_slice(sqlite, max, *ret); (*ret)++) {
		rc = gk_db_step(&sqlite->db, s, more, err);
		if (rc != GK_OK || !*more)
			break;
		last = sqlite3_column_int64(s, 0);
		rc = read_words(sqlite, s, 1, &is_there, err);
		if (rc == GK_OK && is_there)
			rc = put_words(sqlite, GK_SQL_FTS_ADD, last, err);
	}
	sqlite3_reset(s);
	if (rc != GK_OK || !last)
		return rc;
	sqlite->indexed = last;
	s = gk_db_get(&sqlite->db, GK_SQL_SET_META, err);
	if (!s)
		return GK_UNAVAILABLE;
	gk_db_bind_text(s, 1, "indexed");
	sqlite3_bind_int64(s, 2, sqlite->indexed);
	return gk_db_run(&sqlite->db, s, err);
}

gk_code gk_sqlite_index(gk_trace_backend *backend, size_t max, size_t *ret, gk_error *err)
{
	gk_sqlite *sqlite = (gk_sqlite *)backend;
	int64_t before, *lacking = &sqlite->lacking;
	bool more = true;
	gk_code rc = gk_sqlite_begin(sqlite, err);

	*ret = 0;
	before = sqlite->indexed;
	if (rc == GK_OK) {
		rc = index_todo(sqlite, max, ret, &more, err);
		if (rc == GK_OK && !more)
			rc = index_new(sqlite, max, ret, &more, err);
		rc = gk_sqlite_end(sqlite, rc, err);
	}
	if (rc != GK_OK) {
		sqlite->indexed = before;
		return rc;
	}
	if (!more)
		*lacking = 0;
	else /* one is left at least, until a look finds none */
		*lacking = *lacking > (int64_t)*ret ? *lacking - (int64_t)*ret : 1;
	return GK_OK;
}
