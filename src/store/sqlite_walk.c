/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Lists whose filter asks for types, names or states of roots: the stretches of time that have marks of all of them
 * (sqlite_marks.c) are looked through, the newest first.
 */
#include "store/sqlite.h"

#include <math.h>

/* One value, and the newest stretch with a mark of it up to where the walk is. */
typedef struct walked_value {
	json_t *value; /* borrowed */
	double at, until;
	bool is_known; /* `at` was looked up; -INFINITY with `is_end`: there is none */
	bool is_end;
} walked_value;

/* The values of one condition: any of them will do. */
typedef struct walked_set {
	int64_t kind;
	walked_value *values;
	size_t count;
} walked_set;

typedef struct walking {
	gk_db *db;
	const gk_trace_query *query;
	walked_set *sets;
	size_t count;
	sqlite3_stmt *rows, *row;
	uint64_t place; /* in the list, of the next row that matches */
	size_t given;
	gk_list_mark next; /* where the next page begins */
	gk_buf *buf;
	bool has_more;
} walking;

/* --- stretches --- */

static void bind_value(sqlite3_stmt *s, int index, const json_t *value)
{
	if (json_is_string(value))
		sqlite3_bind_text(s, index, json_string_value(value),
			(int)json_string_length(value), SQLITE_STATIC);
	else
		sqlite3_bind_double(s, index, json_number_value(value));
}

/* Its newest stretch that begins at `bound` or before. */
static gk_code look_up(
	walking *w, const walked_set *set, walked_value *value, double bound, gk_error *err)
{
	sqlite3_stmt *s;
	bool is_there;
	gk_code rc;

	if (value->is_end || (value->is_known && value->at <= bound))
		return GK_OK;
	s = gk_db_get(w->db, GK_SQL_LAST_MARK, err);
	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, set->kind);
	bind_value(s, 2, value->value);
	sqlite3_bind_double(s, 3, bound);
	rc = gk_db_step(w->db, s, &is_there, err);
	if (rc == GK_OK) {
		value->is_known = true;
		value->is_end = !is_there;
		value->at = is_there ? sqlite3_column_double(s, 0) : -INFINITY;
		value->until = is_there ? sqlite3_column_double(s, 1) : -INFINITY;
	}
	sqlite3_reset(s);
	return rc;
}

/* The newest of a set's; NULL: there is none any more. */
static gk_code look_up_set(
	walking *w, walked_set *set, double bound, const walked_value **ret, gk_error *err)
{
	gk_code rc = GK_OK;

	*ret = NULL;
	for (size_t i = 0; rc == GK_OK && i < set->count; i++) {
		walked_value *value = &set->values[i];

		rc = look_up(w, set, value, bound, err);
		if (!value->is_end && (!*ret || value->at > (*ret)->at))
			*ret = value;
	}
	return rc;
}

/* The newest stretch at or before `bound` that every set has. *ret NULL: there is none. */
static gk_code find_stretch(walking *w, double bound, const walked_value **ret, gk_error *err)
{
	size_t agreed = 0;
	gk_code rc = GK_OK;

	*ret = NULL;

	for (size_t i = 0; agreed < w->count; i = (i + 1) % w->count) {
		rc = look_up_set(w, &w->sets[i], bound, ret, err);
		if (rc != GK_OK || !*ret)
			return rc;
		agreed = (*ret)->at < bound ? 1 : agreed + 1;
		bound = (*ret)->at;
	}
	return rc;
}

/* --- rows --- */

static gk_code give(walking *w, int64_t trace, gk_error *err)
{
	bool is_there;
	gk_code rc;

	sqlite3_bind_int64(w->row, 1, trace);
	rc = gk_db_step(w->db, w->row, &is_there, err);
	if (rc == GK_OK && is_there) {
		if (w->given++)
			gk_buf_putc(w->buf, ',');
		rc = gk_sqlite_put_row(w->buf, w->row, err);
	}
	sqlite3_reset(w->row);
	return rc;
}

/* The rows of `s` that match, in order: id, start, sequence. */
static gk_code give_rows(walking *w, sqlite3_stmt *s, gk_error *err)
{
	bool more = true;
	gk_code rc = GK_OK;

	while (!w->has_more && (rc = gk_db_step(w->db, s, &more, err)) == GK_OK && more) {
		if (w->place == w->query->offset + w->query->limit) {
			w->has_more = true;
			w->next.offset = w->place;
			w->next.start = sqlite3_column_double(s, 1);
			w->next.sequence = sqlite3_column_int64(s, 2);
			w->next.version = sqlite3_column_type(s, 1) != SQLITE_NULL;
			break;
		}
		if (w->place++ >= w->query->offset)
			rc = give(w, sqlite3_column_int64(s, 0), err);
		if (rc != GK_OK)
			break;
	}
	sqlite3_reset(s);
	return rc;
}

static gk_code give_stretches(
	walking *w, const gk_sql_filter *filter, const gk_list_mark *mark, gk_error *err)
{
	double bound, until;
	const walked_value *found;
	gk_code rc = GK_OK;

	gk_mark_stretch(mark->version ? fmin(mark->start, filter->start_to) : filter->start_to,
		&bound, &until);
	while (!w->has_more && (rc = find_stretch(w, bound, &found, err)) == GK_OK && found) {
		sqlite3_bind_double(w->rows, 1, found->at);
		sqlite3_bind_double(w->rows, 2, found->until);
		if (found->until < filter->start_from)
			break;
		bound = nextafter(found->at, -INFINITY);
		rc = give_rows(w, w->rows, err);
		if (rc != GK_OK || found->at == -INFINITY)
			break;
	}
	return rc;
}

/* --- statements --- */

/* `where`: of the stretch, or of what has no start, with so many binds. It stands first: of several bounds of one column SQLite
 * takes the first to find its way, and would walk all that a filter by start leaves for each stretch. */
static sqlite3_stmt *prepare_rows(
	walking *w, const gk_sql_filter *filter, const char *where, int binds, gk_error *err)
{
	gk_auto_buf gk_buf sql = GK_BUF_INIT(0);
	sqlite3_stmt *s;

	gk_buf_printf(&sql,
		"SELECT t.id, t.root_start, t.seq FROM traces t WHERE t.has_root = 1%s%s"
		" ORDER BY t.root_start DESC, t.seq DESC",
		where, filter->where.data ? filter->where.data : "");
	if (gk_buf_failed(&sql)) {
		gk_error_no_memory(err);
		return NULL;
	}
	s = gk_db_prepare(w->db, sql.data, err);
	if (s)
		gk_sql_filter_bind(filter, s, binds + 1);
	return s;
}

static gk_code prepare(
	walking *w, const gk_sql_filter *filter, const gk_list_mark *mark, gk_error *err)
{
	w->row = gk_db_prepare(w->db,
		"SELECT " GK_ROW_COLUMNS " FROM traces t" GK_ROW_JOIN " WHERE t.id = ?", err);
	w->rows = w->row ? prepare_rows(w, filter,
				   mark->version ? " AND t.root_start >= ? AND t.root_start < ?"
						   " AND (t.root_start, t.seq) <= (?, ?)"
						 : " AND t.root_start >= ? AND t.root_start < ?",
				   mark->version ? 4 : 2, err)
			 : NULL;
	if (!w->rows)
		return GK_UNAVAILABLE;
	if (mark->version) {
		sqlite3_bind_double(w->rows, 3, mark->start);
		sqlite3_bind_int64(w->rows, 4, mark->sequence);
		w->place = mark->offset;
	}
	return GK_OK;
}

static gk_code take_sets(walking *w, json_t *sets, gk_error *err)
{
	json_t *set, *value;
	size_t i, j;

	w->sets = calloc(json_array_size(sets) + 1, sizeof(*w->sets));
	if (!w->sets)
		return gk_error_no_memory(err);
	json_array_foreach (sets, i, set) {
		walked_set *to = &w->sets[w->count++];

		to->kind = json_integer_value(json_array_get(set, 0));
		to->values = calloc(json_array_size(set), sizeof(*to->values));
		if (!to->values)
			return gk_error_no_memory(err);
		json_array_foreach (set, j, value)
			if (j)
				to->values[to->count++].value = value;
	}
	return GK_OK;
}

static void done(walking *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->sets[i].values);
	free(w->sets);
	sqlite3_finalize(w->rows);
	sqlite3_finalize(w->row);
}

/* What has no start is the end of every list. */
static gk_code give_rest(walking *w, const gk_sql_filter *filter, gk_error *err)
{
	sqlite3_stmt *s = prepare_rows(w, filter, " AND t.root_start IS NULL", 0, err);
	gk_code rc = s ? give_rows(w, s, err) : GK_UNAVAILABLE;

	sqlite3_finalize(s);
	return rc;
}

gk_code gk_sqlite_walk(gk_db *db, const gk_trace_query *query, const gk_sql_filter *filter,
	gk_list_mark *mark, gk_buf *buf, bool *has_more, gk_error *err)
{
	walking w = { .db = db, .query = query, .buf = buf };
	gk_code rc = take_sets(&w, filter->marks, err);

	if (rc == GK_OK)
		rc = prepare(&w, filter, mark, err);
	if (rc == GK_OK)
		rc = give_stretches(&w, filter, mark, err);
	if (rc == GK_OK && !w.has_more)
		rc = give_rest(&w, filter, err);
	*has_more = w.has_more;
	mark->offset = w.next.offset;
	mark->start = w.next.start;
	mark->sequence = w.next.sequence;
	mark->version = w.next.version;
	done(&w);
	return rc;
}
