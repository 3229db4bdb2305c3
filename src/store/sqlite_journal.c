/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The journal: what a group commit takes is one row, written at the end of one table, and goes into the tables and their
 * indexes later, many rows at once. A row is gone in the transaction that has put what it holds into the tables.
 *
 *	row:	version u8, time i64, entries (trace_entry.h)
 */
#include "store/sqlite.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/trace_entry.h"
#include "store/trace_ring.h"

#define ROW_VERSION 1

/* --- writing --- */

static void begin_row(gk_buf *buf)
{
	gk_buf_clear(buf);
	gk_buf_putc(buf, ROW_VERSION);
	gk_entry_put_i64(buf, (int64_t)(gk_clock_wall_ns() / 1000000));
}

static gk_code add_row(gk_sqlite *sqlite, int64_t entries, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_APPEND, err);
	gk_buf *buf = &sqlite->appended;
	size_t len = buf->len;
	gk_code rc;

	if (!s)
		return GK_UNAVAILABLE;
	if (gk_buf_failed(buf))
		return gk_error_no_memory(err);
	sqlite3_bind_int64(s, 1, entries);
	sqlite3_bind_blob(s, 2, buf->data, (int)buf->len, SQLITE_STATIC);
	rc = gk_db_run(&sqlite->db, s, err);
	sqlite3_clear_bindings(s);
	if (len > GK_STORE_DIRECT_SIZE)
		gk_buf_done(buf); /* seldom so large: it need not be kept */
	if (rc != GK_OK)
		return rc;
	sqlite->sizes.unfolded += (uint64_t)entries;
	sqlite->sizes.unfolded_bytes += len;
	return GK_OK;
}

gk_code gk_sqlite_append(gk_sqlite *sqlite, gk_trace_batch *batch, gk_error *err)
{
	gk_buf *buf = &sqlite->appended;
	int64_t entries = 0;
	gk_trace_post *post;
	gk_log_row *log;

	begin_row(buf);
	STAILQ_FOREACH (post, &batch->posts, link) {
		gk_entry_put_post(buf, post);
		entries += post->count ? (int64_t)post->count : 1; /* none is without weight */
	}
	STAILQ_FOREACH (log, &batch->logs, link) {
		gk_entry_put_log(buf, log);
		entries++;
	}
	return add_row(sqlite, entries, err);
}

/* --- what was on its way here when a process ended --- */

typedef struct taking {
	gk_sqlite *sqlite;
	int64_t entries;
} taking;

static gk_code take_entry(void *user, const void *data, size_t len, gk_error *err)
{
	taking *t = user;
	gk_buf *buf = &t->sqlite->appended;
	gk_code rc = GK_OK;

	if (t->entries && (!data || buf->len + len > GK_STORE_DIRECT_SIZE)) {
		rc = add_row(t->sqlite, t->entries, err);
		t->entries = 0;
	}
	if (!data || rc != GK_OK)
		return rc;
	if (!t->entries++)
		begin_row(buf);
	gk_buf_put(buf, data, len);
	return GK_OK;
}

gk_code gk_sqlite_take_rings(gk_sqlite *sqlite, gk_error *err)
{
	taking t = { .sqlite = sqlite };

	return gk_trace_ring_recover(sqlite->path, take_entry, &t, err);
}

/* --- folding --- */

static gk_code fold_post(gk_sqlite *sqlite, gk_entry_reading *r, gk_error *err)
{
	gk_trace_post post = { .rows = STAILQ_HEAD_INITIALIZER(post.rows) };
	gk_span_row one = { .key = NULL }, *rows = &one;
	gk_code rc = GK_OK;

	gk_entry_take_post(r, &post);
	if (!r->is_damaged && post.count > 1)
		rows = calloc(post.count, sizeof(*rows));
	if (!rows)
		return gk_error_no_memory(err);
	for (size_t i = 0; i < post.count && !r->is_damaged; i++) {
		gk_entry_take_span(r, &rows[i]);
		STAILQ_INSERT_TAIL(&post.rows, &rows[i], link);
	}
	if (!r->is_damaged)
		rc = gk_sqlite_merge(sqlite, &post, err);
	if (rows != &one)
		free(rows);
	return rc;
}

static gk_code fold_log(gk_sqlite *sqlite, gk_entry_reading *r, gk_error *err)
{
	gk_log_row row = { .severity_text = NULL };

	gk_entry_take_log(r, &row);
	return r->is_damaged ? GK_OK : gk_sqlite_add_log(sqlite, &row, err);
}

static gk_code fold_entry(gk_sqlite *sqlite, gk_entry_reading *r, gk_error *err)
{
	switch (gk_entry_take_u8(r)) {
	case GK_ENTRY_POST:
		return fold_post(sqlite, r, err);
	case GK_ENTRY_LOG:
		return fold_log(sqlite, r, err);
	default:
		r->is_damaged = true;
		return GK_OK;
	}
}

/* Something in the entry, not the disk, makes it fail: it alone is lost. */
static gk_code fold_carefully(gk_sqlite *sqlite, gk_entry_reading *r, gk_error *err)
{
	gk_auto_error gk_error failure = { 0 };
	gk_code rc = gk_db_do(&sqlite->db, GK_SQL_SAVEPOINT, err);

	if (rc != GK_OK)
		return rc;
	rc = fold_entry(sqlite, r, &failure);
	if (rc == GK_OK)
		rc = gk_sqlite_write_states(sqlite, &failure);
	if (rc == GK_INTERNAL) {
		gk_log(GK_LOG_ERROR, "store", "a trace is dropped: %s",
			failure.message ? failure.message : "?");
		sqlite->sizes.dropped++;
		gk_sqlite_forget(sqlite);
		rc = sqlite->states ? gk_db_do(&sqlite->db, GK_SQL_ROLLBACK_TO, &failure)
				    : gk_error_no_memory(&failure);
	}
	if (rc == GK_OK)
		rc = gk_db_do(&sqlite->db, GK_SQL_RELEASE, &failure);
	return rc == GK_OK ? GK_OK : gk_error_move(err, &failure);
}

static gk_code fold_row(gk_sqlite *sqlite, const void *data, size_t len, gk_error *err)
{
	gk_entry_reading r = { .at = data, .end = (const char *)data + len };
	gk_code rc = GK_OK;

	r.is_damaged = gk_entry_take_u8(&r) != ROW_VERSION;
	sqlite->now_ms = gk_entry_take_i64(&r);
	while (rc == GK_OK && !r.is_damaged && r.at < r.end)
		rc = sqlite->is_careful ? fold_carefully(sqlite, &r, err)
					: fold_entry(sqlite, &r, err);
	if (rc == GK_OK && r.is_damaged)
		gk_log(GK_LOG_ERROR, "store", "a row of the journal is damaged: spans are lost");
	return rc;
}

bool gk_sqlite_gives_way(const gk_sqlite *sqlite, size_t done)
{
	return sqlite->base.yields && done >= GK_STORE_LEAST &&
	       atomic_load_explicit(&sqlite->base.is_wanted, memory_order_relaxed);
}

/* --- what was gathered of a row keeps it --- */

static void release_rows(gk_sqlite *sqlite)
{
	gk_held_row *row;

	while ((row = SLIST_FIRST(&sqlite->held))) {
		SLIST_REMOVE_HEAD(&sqlite->held, link);
		free(row);
	}
	sqlite->held_size = 0;
}

static gk_code fold_held(gk_sqlite *sqlite, const void *data, size_t len, gk_error *err)
{
	gk_held_row *row = malloc(sizeof(*row) + len);
	gk_code rc;

	if (!row)
		return gk_error_no_memory(err);
	if (len) /* an empty row of a damaged file has no data */
		memcpy(row->data, data, len);
	SLIST_INSERT_HEAD(&sqlite->held, row, link);
	sqlite->held_size += len;
	rc = fold_row(sqlite, row->data, len, err);
	if (rc == GK_OK && sqlite->held_size > GK_STORE_DIRECT_SIZE)
		rc = gk_sqlite_put_gathered(sqlite, err);
	if (!sqlite->gathered)
		release_rows(sqlite);
	return rc;
}

/* Rows up to a number of spans. *ret: how many spans those were. */
static gk_code fold_rows(gk_sqlite *sqlite, size_t max, size_t *ret, bool *more, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_JOURNAL, err);
	int64_t last = 0;
	gk_code rc = s ? GK_OK : GK_UNAVAILABLE;

	while (rc == GK_OK && *ret < max && !gk_sqlite_gives_way(sqlite, *ret)) {
		rc = gk_db_step(&sqlite->db, s, more, err);
		if (rc != GK_OK || !*more)
			break;
		last = sqlite3_column_int64(s, 0);
		*ret += (size_t)sqlite3_column_int64(s, 1);
		sqlite->folded_bytes += (uint64_t)sqlite3_column_bytes(s, 2);
		rc = fold_held(
			sqlite, sqlite3_column_blob(s, 2), (size_t)sqlite3_column_bytes(s, 2), err);
	}
	if (s)
		sqlite3_reset(s);
	if (rc != GK_OK || !last)
		return rc;
	s = gk_db_get(&sqlite->db, GK_SQL_DROP_JOURNAL, err);
	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, last);
	rc = gk_db_run(&sqlite->db, s, err);
	sqlite->folded = last;
	return rc == GK_OK ? gk_sqlite_close_merge(sqlite, err) : rc;
}

static gk_code fold_slice(gk_sqlite *sqlite, size_t max, size_t *ret, gk_error *err)
{
	uint64_t *unfolded = &sqlite->sizes.unfolded, *bytes = &sqlite->sizes.unfolded_bytes;
	bool more = true;
	gk_code rc = gk_sqlite_begin(sqlite, err);

	*ret = 0;
	sqlite->folded_bytes = 0;
	if (rc != GK_OK)
		return rc;
	sqlite->gathers = !sqlite->is_careful;
	rc = fold_rows(sqlite, max, ret, &more, err);
	rc = gk_sqlite_end(sqlite, rc, err);
	release_rows(sqlite);
	if (rc != GK_OK)
		return rc;
	sqlite->is_careful = false;
	*unfolded -= !more || *ret > *unfolded ? *unfolded : *ret;
	*bytes -= !more || sqlite->folded_bytes > *bytes ? *bytes : sqlite->folded_bytes;
	return GK_OK;
}

gk_code gk_sqlite_fold(gk_trace_backend *backend, size_t max, size_t *ret, gk_error *err)
{
	gk_sqlite *sqlite = (gk_sqlite *)backend;
	gk_code rc = fold_slice(sqlite, max, ret, err);

	if (rc == GK_INTERNAL && !sqlite->is_careful) {
		gk_error_clear(err);
		sqlite->is_careful = true;
		rc = fold_slice(sqlite, max, ret, err);
	}
	if (rc == GK_OK && (!sqlite->sizes.unfolded || sqlite->folded >= sqlite->found))
		rc = gk_sqlite_recover(sqlite, err);
	return rc;
}

gk_code gk_sqlite_fold_all(gk_sqlite *sqlite, gk_error *err)
{
	size_t count = sqlite->sizes.unfolded ? GK_STORE_FOLD : 0;
	gk_code rc = GK_OK;

	while (rc == GK_OK && count >= GK_STORE_FOLD)
		rc = gk_sqlite_fold(&sqlite->base, GK_STORE_FOLD, &count, err);
	return rc;
}
