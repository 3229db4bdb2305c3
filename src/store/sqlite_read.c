/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Lists, searches, one trace, logs: on worker threads, each with a connection of its own (telemetry sections 2.3, 3.1). */
#include "store/sqlite.h"

#include "base/number.h"
#include "base/parse.h"
#include "base/str.h"
#include "json/write.h"

#include <stdio.h>

#define PUT(buf, literal) gk_buf_put(buf, literal, sizeof(literal) - 1)

/* --- connections --- */

/* A connection of before a failure of the disk may know a file that is no more. What could not be opened for writing yet
 * (generation 0) is read as it is, if its tables are ours. */
static gk_code prepare_reader(gk_sqlite *sqlite, size_t which, unsigned generation, gk_error *err)
{
	gk_db *db = &sqlite->readers[which];
	int64_t version = 0;
	gk_code rc;

	if (db->handle && sqlite->reader_generation[which] == generation)
		return GK_OK;
	gk_db_close(db);
	sqlite->reader_generation[which] = generation;
	rc = gk_db_open(db, sqlite->path, true, err);
	if (rc != GK_OK || generation)
		return rc;
	rc = gk_db_number(db, "PRAGMA user_version", &version, err);
	if (rc == GK_OK && version != GK_DB_VERSION)
		rc = gk_error_set(err, GK_UNAVAILABLE, "the store is not open");
	if (rc != GK_OK)
		gk_db_close(db);
	return rc;
}

gk_db *gk_sqlite_borrow(gk_sqlite *sqlite, gk_error *err)
{
	size_t which = GK_STORE_READERS;
	unsigned generation;

	pthread_mutex_lock(&sqlite->lock);
	while (which == GK_STORE_READERS) {
		for (size_t i = 0; i < GK_STORE_READERS && which == GK_STORE_READERS; i++)
			if (!sqlite->is_lent[i])
				which = i;
		if (which == GK_STORE_READERS)
			pthread_cond_wait(&sqlite->is_free, &sqlite->lock);
	}
	sqlite->is_lent[which] = true;
	generation = sqlite->generation;
	pthread_mutex_unlock(&sqlite->lock);
	if (prepare_reader(sqlite, which, generation, err) == GK_OK)
		return &sqlite->readers[which];
	gk_sqlite_return(sqlite, &sqlite->readers[which]);
	return NULL;
}

void gk_sqlite_return(gk_sqlite *sqlite, gk_db *db)
{
	pthread_mutex_lock(&sqlite->lock);
	sqlite->is_lent[db - sqlite->readers] = false;
	pthread_cond_signal(&sqlite->is_free);
	pthread_mutex_unlock(&sqlite->lock);
}

/* --- traces as JSON --- */

static void put_text(gk_buf *buf, const char *name, const char *text)
{
	if (!text)
		return;
	gk_buf_puts(buf, name);
	gk_json_append_string(buf, text, strlen(text));
}

static void put_real(gk_buf *buf, const char *name, sqlite3_stmt *s, int column)
{
	char text[GK_NUMBER_SIZE];

	if (sqlite3_column_type(s, column) == SQLITE_NULL)
		return;
	gk_buf_puts(buf, name);
	gk_buf_put(buf, text, gk_format_real(sqlite3_column_double(s, column), text));
}

/* Columns from `first` on: display name, start, end. */
static void put_head(gk_buf *buf, const char *trace_id, sqlite3_stmt *s, int first)
{
	put_text(buf, "\"traceId\":", trace_id);
	put_text(buf, ",\"displayName\":", (const char *)sqlite3_column_text(s, first));
	put_real(buf, ",\"startTime\":", s, first + 1);
	put_real(buf, ",\"endTime\":", s, first + 2);
}

/* --- lists --- */

gk_code gk_sqlite_put_row(gk_buf *buf, sqlite3_stmt *s, gk_error *err)
{
	const char *key = (const char *)sqlite3_column_text(s, 6);
	gk_code rc = GK_OK;

	PUT(buf, "{\"spans\":{");
	if (key) {
		gk_json_append_string(buf, key, strlen(key));
		gk_buf_putc(buf, ':');
		if (sqlite3_column_type(s, 4) != SQLITE_NULL)
			gk_buf_put(
				buf, sqlite3_column_blob(s, 4), (size_t)sqlite3_column_bytes(s, 4));
		else
			rc = gk_doc_unpack(buf, sqlite3_column_blob(s, 5),
				(size_t)sqlite3_column_bytes(s, 5), err);
	}
	PUT(buf, "},");
	put_head(buf, (const char *)sqlite3_column_text(s, 0), s, 1);
	gk_buf_putc(buf, '}');
	return rc;
}

/* Where a page ends there may be more: the number of rows before the next one is its token. */
static void put_end(gk_buf *buf, bool has_more, uint64_t next)
{
	gk_buf_putc(buf, ']');
	if (has_more)
		gk_buf_printf(buf, ",\"continuationToken\":\"%llu\"", (unsigned long long)next);
	gk_buf_putc(buf, '}');
}

/* Rows of a page, and whether one more follows. */
static gk_code put_page(gk_db *db, sqlite3_stmt *s, size_t limit,
	gk_code (*put)(gk_buf *buf, sqlite3_stmt *s, gk_error *err), gk_buf *buf, bool *has_more,
	gk_error *err)
{
	gk_code rc = GK_OK;
	size_t count = 0;
	int status = SQLITE_DONE;

	*has_more = false;
	while (rc == GK_OK && (status = sqlite3_step(s)) == SQLITE_ROW) {
		if (count == limit) {
			*has_more = true;
			return GK_OK;
		}
		if (count++)
			gk_buf_putc(buf, ',');
		rc = put(buf, s, err);
	}
	if (rc == GK_OK && status != SQLITE_DONE && status != SQLITE_ROW)
		rc = gk_db_fail(db, "the store cannot be read", err);
	return rc;
}

/* Rows from the mark on when there is one. */
static void put_below(gk_buf *sql, const gk_sql_filter *filter, const gk_list_mark *mark)
{
	gk_buf_printf(sql,
		" FROM traces t WHERE t.has_root = 1%s%s"
		" ORDER BY t.root_start DESC, t.seq DESC LIMIT ? OFFSET ?",
		filter->where.data ? filter->where.data : "",
		mark->version ? " AND (t.root_start, t.seq) <= (?, ?)" : "");
}

static sqlite3_stmt *prepare_below(gk_db *db, const gk_buf *sql, const gk_sql_filter *filter,
	uint64_t limit, uint64_t offset, gk_error *err)
{
	const gk_list_mark *mark = &db->mark;
	sqlite3_stmt *s;
	int index;

	if (gk_buf_failed(sql)) {
		gk_error_no_memory(err);
		return NULL;
	}
	s = gk_db_prepare(db, sql->data, err);
	if (!s)
		return NULL;
	index = gk_sql_filter_bind(filter, s, 1);
	if (mark->version) {
		sqlite3_bind_double(s, index++, mark->start);
		sqlite3_bind_int64(s, index++, mark->sequence);
		offset -= mark->offset;
	}
	sqlite3_bind_int64(s, index++, (int64_t)limit);
	sqlite3_bind_int64(s, index, (int64_t)offset);
	return s;
}

static int64_t data_version(gk_db *db)
{
	sqlite3_stmt *s = gk_db_get(db, GK_SQL_DATA_VERSION, NULL);
	int64_t version = 0;

	if (s && sqlite3_step(s) == SQLITE_ROW)
		version = sqlite3_column_int64(s, 0);
	if (s)
		sqlite3_reset(s);
	return version;
}

/* Counting is what takes long far down a list: it is done once for a page, and from the page before it if nothing has
 * changed since. Rows without a start are below every mark, and not found from one. Returns the version of the file. */
static int64_t check_mark(gk_db *db, const gk_trace_query *query)
{
	gk_list_mark *mark = &db->mark;
	int64_t version = data_version(db);

	if (mark->version != version || mark->offset > query->offset ||
		(query->filter ? !json_equal(mark->filter, query->filter) : mark->filter != NULL))
		mark->version = 0;
	return version;
}

static void keep_mark(gk_list_mark *mark, const gk_trace_query *query, int64_t version)
{
	json_decref(mark->filter);
	mark->filter = json_deep_copy(query->filter);
	mark->version = !query->filter || mark->filter ? version : 0;
}

static gk_code set_mark(
	gk_db *db, const gk_trace_query *query, const gk_sql_filter *filter, gk_error *err)
{
	gk_auto_buf gk_buf sql = GK_BUF_INIT(0);
	gk_list_mark *mark = &db->mark;
	int64_t version = check_mark(db, query);
	sqlite3_stmt *s;
	bool is_there;
	gk_code rc;

	if (query->offset < GK_TRACE_LIST_MARK ||
		(mark->version && query->offset - mark->offset < GK_TRACE_LIST_MARK))
		return GK_OK;
	gk_buf_puts(&sql, "SELECT t.root_start, t.seq");
	put_below(&sql, filter, mark);
	s = prepare_below(db, &sql, filter, 1, query->offset, err);
	if (!s)
		return GK_UNAVAILABLE;
	mark->version = 0;
	rc = gk_db_step(db, s, &is_there, err);
	if (rc == GK_OK && is_there && sqlite3_column_type(s, 0) != SQLITE_NULL) {
		mark->offset = query->offset;
		mark->start = sqlite3_column_double(s, 0);
		mark->sequence = sqlite3_column_int64(s, 1);
		keep_mark(mark, query, version);
	}
	sqlite3_finalize(s);
	return rc;
}

static gk_code list_page(gk_db *db, const gk_trace_query *query, const gk_sql_filter *filter,
	gk_buf *buf, bool *has_more, gk_error *err)
{
	gk_auto_buf gk_buf sql = GK_BUF_INIT(0);
	sqlite3_stmt *s;
	gk_code rc;

	/* The documents are looked up for the page alone, not for what the offset leaves out. */
	gk_buf_puts(&sql,
		"SELECT " GK_ROW_COLUMNS " FROM (SELECT trace_id, display_name, start_ms, end_ms,"
		" root_summary, root_pk, root_start, seq");
	put_below(&sql, filter, &db->mark);
	gk_buf_puts(&sql, ") t" GK_ROW_JOIN " ORDER BY t.root_start DESC, t.seq DESC");
	s = prepare_below(db, &sql, filter, (uint64_t)query->limit + 1, query->offset, err);
	if (!s)
		return GK_UNAVAILABLE;
	rc = put_page(db, s, query->limit, gk_sqlite_put_row, buf, has_more, err);
	sqlite3_finalize(s);
	return rc;
}

static gk_code list_all(gk_db *db, const gk_trace_query *query, const gk_sql_filter *filter,
	gk_buf *buf, bool *has_more, gk_error *err)
{
	size_t before = buf->len;
	gk_code rc = set_mark(db, query, filter, err);

	if (rc == GK_OK)
		rc = list_page(db, query, filter, buf, has_more, err);
	if (rc != GK_OK || *has_more || !db->mark.version || gk_buf_failed(buf))
		return rc;
	db->mark.version = 0; /* the end of the list: what has no start may follow */
	buf->len = before;
	return list_page(db, query, filter, buf, has_more, err);
}

/* By the marks of what the filter asks for. Its statements see one state of the file. */
static gk_code list_marked(gk_db *db, const gk_trace_query *query, const gk_sql_filter *filter,
	gk_buf *buf, bool *has_more, gk_error *err)
{
	gk_list_mark *mark = &db->mark;
	gk_code rc = gk_db_exec(db, "BEGIN", err);
	int64_t version;

	if (rc != GK_OK)
		return rc;
	version = check_mark(db, query);
	rc = gk_sqlite_walk(db, query, filter, mark, buf, has_more, err);
	if (rc == GK_OK && mark->version)
		keep_mark(mark, query, version);
	else
		mark->version = 0;
	if (gk_db_exec(db, "COMMIT", NULL) != GK_OK)
		gk_db_close(db); /* the next one opens it again */
	return rc;
}

/* --- lists and searches --- */

static gk_code list(gk_db *db, const gk_trace_query *query, gk_buf *buf, gk_error *err)
{
	gk_sql_filter filter;
	gk_auto_str char *expression = NULL;
	bool has_more = false;
	gk_code rc = gk_sql_filter_init(&filter, db, query->filter, err);

	if (rc == GK_OK && query->text && *query->text)
		rc = gk_search_expression(db, query->text, &expression, err);
	PUT(buf, "{\"traces\":[");
	if (rc == GK_OK && query->limit)
		rc = expression
			     ? gk_sqlite_search(db, query, &filter, expression, buf, &has_more, err)
		     : json_array_size(filter.marks)
			     ? list_marked(db, query, &filter, buf, &has_more, err)
			     : list_all(db, query, &filter, buf, &has_more, err);
	put_end(buf, has_more, query->offset + query->limit);
	gk_sql_filter_done(&filter);
	return rc == GK_OK && gk_buf_failed(buf) ? gk_error_no_memory(err) : rc;
}

gk_code gk_sqlite_list(
	gk_trace_backend *backend, const gk_trace_query *query, gk_buf *ret, gk_error *err)
{
	gk_db *db = gk_sqlite_borrow((gk_sqlite *)backend, err);
	gk_code rc;

	if (!db)
		return GK_UNAVAILABLE;
	rc = list(db, query, ret, err);
	gk_sqlite_return((gk_sqlite *)backend, db);
	return rc;
}

/* --- one trace --- */

static gk_code put_span(gk_buf *buf, sqlite3_stmt *s, gk_error *err)
{
	const char *key = (const char *)sqlite3_column_text(s, 0);

	gk_json_append_string(buf, key ? key : "", (size_t)sqlite3_column_bytes(s, 0));
	gk_buf_putc(buf, ':');
	return gk_doc_unpack(
		buf, sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1), err);
}

static gk_code load(gk_db *db, const char *trace_id, gk_buf *buf, gk_error *err)
{
	sqlite3_stmt *head = gk_db_get(db, GK_SQL_LOAD_TRACE, err), *spans;
	bool has_more;
	gk_code rc;
	int status;

	if (!head)
		return GK_UNAVAILABLE;
	gk_db_bind_text(head, 1, trace_id);
	status = sqlite3_step(head);
	if (status != SQLITE_ROW) {
		rc = status == SQLITE_DONE ? GK_OK
					   : gk_db_fail(db, "the store cannot be read", err);
		sqlite3_reset(head);
		return rc;
	}
	gk_buf_putc(buf, '{');
	put_head(buf, trace_id, head, 1);
	PUT(buf, ",\"spans\":{");
	spans = gk_db_get(db, GK_SQL_LOAD_SPANS, err);
	rc = spans ? GK_OK : GK_UNAVAILABLE;
	if (spans) {
		sqlite3_bind_int64(spans, 1, GK_FIRST_SPAN(sqlite3_column_int64(head, 0)));
		sqlite3_bind_int64(spans, 2, GK_FIRST_SPAN(sqlite3_column_int64(head, 0) + 1));
		rc = put_page(db, spans, SIZE_MAX, put_span, buf, &has_more, err);
		sqlite3_reset(spans);
	}
	sqlite3_reset(head);
	PUT(buf, "}}");
	return rc == GK_OK && gk_buf_failed(buf) ? gk_error_no_memory(err) : rc;
}

gk_code gk_sqlite_load(gk_trace_backend *backend, const char *trace_id, gk_buf *ret, gk_error *err)
{
	gk_db *db = gk_sqlite_borrow((gk_sqlite *)backend, err);
	gk_code rc;

	if (!db)
		return GK_UNAVAILABLE;
	/* both statements see one state of the file */
	rc = gk_db_exec(db, "BEGIN", err);
	if (rc == GK_OK) {
		rc = load(db, trace_id, ret, err);
		if (gk_db_exec(db, "COMMIT", NULL) != GK_OK)
			gk_db_close(db); /* the next one opens it again */
	}
	gk_sqlite_return((gk_sqlite *)backend, db);
	return rc;
}

gk_code gk_sqlite_has(gk_trace_backend *backend, const char *trace_id, bool *ret, gk_error *err)
{
	gk_db *db = gk_sqlite_borrow((gk_sqlite *)backend, err);
	sqlite3_stmt *s = db ? gk_db_get(db, GK_SQL_LOAD_TRACE, err) : NULL;
	gk_code rc = GK_UNAVAILABLE;
	bool is_there = false;

	if (s) {
		gk_db_bind_text(s, 1, trace_id);
		rc = gk_db_step(db, s, &is_there, err);
		sqlite3_reset(s);
	}
	if (db)
		gk_sqlite_return((gk_sqlite *)backend, db);
	if (rc == GK_OK)
		*ret = is_there;
	return rc;
}

/* --- logs --- */

static gk_code put_log(gk_buf *buf, sqlite3_stmt *s, gk_error *err)
{
	return gk_doc_unpack(
		buf, sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0), err);
}

static gk_code logs(gk_db *db, const gk_log_query *query, gk_buf *buf, gk_error *err)
{
	gk_auto_buf gk_buf sql = GK_BUF_INIT(0);
	bool has_more = false, has_severity = query->min_severity != INT64_MIN;
	sqlite3_stmt *s;
	gk_code rc;
	int index = 1;

	gk_buf_printf(&sql,
		"SELECT doc FROM logs WHERE 1%s%s%s%s ORDER BY ts DESC, id LIMIT ? OFFSET ?",
		query->trace_id ? " AND trace_id = ?" : "",
		query->span_id ? " AND span_id = ?" : "",
		query->severity_text ? " AND sev_text = ? COLLATE NOCASE" : "",
		has_severity ? " AND sev >= ?" : "");
	PUT(buf, "{\"logs\":[");
	s = gk_buf_failed(&sql) ? NULL : gk_db_prepare(db, sql.data, err);
	if (!s)
		return GK_UNAVAILABLE;
	if (query->trace_id)
		gk_db_bind_text(s, index++, query->trace_id);
	if (query->span_id)
		gk_db_bind_text(s, index++, query->span_id);
	if (query->severity_text)
		gk_db_bind_text(s, index++, query->severity_text);
	if (has_severity)
		sqlite3_bind_int64(s, index++, query->min_severity);
	sqlite3_bind_int64(s, index++, (int64_t)query->limit + 1);
	sqlite3_bind_int64(s, index, (int64_t)query->offset);
	rc = query->limit ? put_page(db, s, query->limit, put_log, buf, &has_more, err) : GK_OK;
	sqlite3_finalize(s);
	put_end(buf, has_more, query->offset + query->limit);
	return rc == GK_OK && gk_buf_failed(buf) ? gk_error_no_memory(err) : rc;
}

gk_code gk_sqlite_logs(
	gk_trace_backend *backend, const gk_log_query *query, gk_buf *ret, gk_error *err)
{
	gk_db *db = gk_sqlite_borrow((gk_sqlite *)backend, err);
	gk_code rc;

	if (!db)
		return GK_UNAVAILABLE;
	rc = logs(db, query, ret, err);
	gk_sqlite_return((gk_sqlite *)backend, db);
	return rc;
}
