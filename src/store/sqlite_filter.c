/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Filters of lists as conditions of SQL (telemetry section 2.5). What a value's type is, is decided here: SQLite would
 * take "1000" for 1000. Every term is true or false, never NULL, so that NOT means what it says.
 */
#include "store/sqlite.h"

#include "base/str.h"
#include "json/edit.h"

#include <genkit/json.h>
#include <locale.h>
#include <math.h>
#include <wctype.h>

typedef enum field_kind {
	TEXT,
	NUMBER,
	STATUS, /* a number, or "UNKNOWN" */
} field_kind;

typedef struct field {
	const char *name, *column;
	field_kind kind;
	bool may_range;
	bool is_indexed; /* those with a value are found by it */
	bool has_few;    /* values: `contains` looks at each of them first */
	bool may_contain;
	bool may_be_null;
	gk_mark_kind mark; /* 0: its values have no marks */
} field;

static const char start_column[] = "t.root_start";

static const field fields[] = {
	{ "id", "t.trace_id", TEXT, false, true, false, true, false, 0 },
	{ "type", "t.root_type", TEXT, false, false, true, true, false, GK_MARK_TYPE },
	{ "name", "t.root_name", TEXT, false, false, true, true, false, GK_MARK_NAME },
	{ "status", "t.root_status", STATUS, true, false, false, false, false, GK_MARK_STATUS },
	{ "start", start_column, NUMBER, true, false, false, false, false, 0 },
	{ "end", "t.root_end", NUMBER, true, false, false, false, false, 0 },
	/* not in the reference: */
	{ "sessionId", "t.session_id", TEXT, false, true, false, true, true, 0 },
	{ "tokens", "(t.tok_in + t.tok_out)", NUMBER, true, false, false, false, false, 0 },
	{ "spanCount", "t.span_count", NUMBER, true, false, false, false, false, 0 },
	{ "errorCount", "t.error_count", NUMBER, true, false, false, false, false, 0 },
};

static const field *find_field(const char *name)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

/* --- gk_contains() --- */

static locale_t folding;
static pthread_once_t folding_once = PTHREAD_ONCE_INIT;

static void make_folding(void)
{
	folding = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static uint32_t fold(uint32_t c)
{
	if (c < 0x80 || !folding)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	return (uint32_t)towlower_l((wint_t)c, folding);
}

static size_t next_folded(const char *text, size_t len, uint32_t *ret)
{
	size_t size = gk_str_decode_utf8(text, len, ret);

	if (!size)
		*ret = (unsigned char)*text;
	*ret = fold(*ret);
	return size ? size : 1;
}

static bool begins_with(const char *text, size_t len, const char *part, size_t part_len)
{
	size_t at = 0, part_at = 0;

	while (part_at < part_len) {
		uint32_t a, b;

		if (at == len)
			return false;
		at += next_folded(text + at, len - at, &a);
		part_at += next_folded(part + part_at, part_len - part_at, &b);
		if (a != b)
			return false;
	}
	return true;
}

static bool contains(const char *text, size_t len, const char *part, size_t part_len)
{
	uint32_t ignored;

	for (size_t at = 0; at < len; at += next_folded(text + at, len - at, &ignored))
		if (begins_with(text + at, len - at, part, part_len))
			return true;
	return part_len == 0;
}

static void contains_function(sqlite3_context *context, int count, sqlite3_value **values)
{
	const char *text = (const char *)sqlite3_value_text(values[0]);
	const char *part = (const char *)sqlite3_value_text(values[1]);

	(void)count;
	sqlite3_result_int(context, text && part &&
					    contains(text, (size_t)sqlite3_value_bytes(values[0]),
						    part, (size_t)sqlite3_value_bytes(values[1])));
}

int gk_sql_add_functions(sqlite3 *handle)
{
	pthread_once(&folding_once, make_folding);
	return sqlite3_create_function(handle, "gk_contains", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
		NULL, contains_function, NULL, NULL);
}

/* --- terms --- */

typedef struct building {
	gk_sql_filter *filter;
	gk_db *db;
	size_t terms;
	bool is_driven; /* an index leads to the few rows; no other must be walked, nor marks */
	bool is_alone;  /* the term is all of its condition */
	bool failed;
} building;

static void bind(building *b, json_t *value)
{
	if (!gk_json_push_take(b->filter->binds, json_incref(value)))
		b->failed = true;
}

static void bind_text(building *b, const char *text)
{
	if (!gk_json_push_take(b->filter->binds, json_string_nocheck(text)))
		b->failed = true;
}

/* Any of these values is asked for. Those of another type match nothing, and have no marks. */
static void add_marks(building *b, const field *f, json_t *values)
{
	json_t *set = json_pack("[i]", (int)f->mark), *one;
	size_t count = json_is_array(values) ? json_array_size(values) : 1;

	for (size_t i = 0; i < count; i++) {
		one = json_is_array(values) ? json_array_get(values, i) : values;
		if (f->kind == TEXT ? json_is_string(one)
				    : json_is_number(one) || gk_str_equal(json_string_value(one),
								     GK_MARK_NO_STATUS))
			b->failed |= !gk_json_push_take(set, json_incref(one));
	}
	b->failed |= !gk_json_push_take(b->filter->marks, set);
}

/* value is a string or a number. `plus`: SQLite must not walk the column's index. */
static void put_equal(building *b, const char *name, json_t *value, const char *plus)
{
	gk_buf *sql = &b->filter->where;
	const field *f = find_field(name);
	bool is_text = json_is_string(value);

	if (gk_str_has_prefix(name, "genkitx:") && is_text) {
		gk_buf_puts(sql, "EXISTS (SELECT 1 FROM trace_labels l WHERE l.key = ?"
				 " AND l.value = ? AND l.trace_pk = t.id)");
		bind_text(b, name);
		bind(b, value);
	} else if (f && f->kind == STATUS && !is_text) {
		gk_buf_printf(sql, "(t.root_name IS NOT NULL AND %s%s IS ?)", plus, f->column);
		bind(b, value);
	} else if (f && f->kind == STATUS && gk_str_equal(json_string_value(value), "UNKNOWN")) {
		gk_buf_printf(sql, "(t.root_name IS NOT NULL AND +%s IS NULL)", f->column);
	} else if (f && f->kind != STATUS && (f->kind == TEXT) == is_text) {
		/* its index leaves out NULL, which IS may ask for */
		gk_buf_printf(sql, f->may_be_null ? "(%s%s IS NOT NULL AND %s%s = ?)" : "%s%s IS ?",
			plus, f->column, plus, f->column);
		bind(b, value);
	} else {
		gk_buf_puts(sql, "0");
	}
}

/* The values of a column that hold the part, found by leaping from value to value of the marks, which what has no start does
 * not have; false: there are too many of them. */
static bool list_values(building *b, const field *f, json_t *part)
{
	gk_auto_json json_t *found = json_array();
	char sql[256];
	sqlite3_stmt *s;
	size_t seen = 0, before = b->filter->where.len;
	size_t binds = json_array_size(b->filter->binds);
	bool is_first = true, more = true;
	gk_code rc;

	snprintf(sql, sizeof(sql),
		"WITH RECURSIVE v(x) AS (SELECT min(value) FROM marks WHERE what = %d UNION ALL"
		" SELECT (SELECT min(value) FROM marks WHERE what = %d AND value > v.x) FROM v"
		" WHERE v.x IS NOT NULL) SELECT x, gk_contains(x, ?) FROM v WHERE x IS NOT NULL",
		f->mark, f->mark);
	s = gk_db_prepare(b->db, sql, NULL);
	if (!s)
		return false;
	sqlite3_bind_text(s, 1, json_string_value(part), -1, SQLITE_STATIC);
	gk_buf_printf(&b->filter->where, "(%s IN (", f->column);
	while ((rc = gk_db_step(b->db, s, &more, NULL)) == GK_OK && more &&
		seen <= GK_MAX_NAME_SCAN) {
		seen++;
		if (!sqlite3_column_int(s, 1))
			continue;
		gk_buf_puts(&b->filter->where, is_first ? "?" : ",?");
		is_first = false;
		bind_text(b, (const char *)sqlite3_column_text(s, 0));
		b->failed |= !gk_json_push_take(
			found, json_string_nocheck((const char *)sqlite3_column_text(s, 0)));
	}
	sqlite3_finalize(s);
	gk_buf_printf(&b->filter->where, ") OR (%s IS NULL AND gk_contains(%s, ?)))", start_column,
		f->column);
	bind(b, part);
	if (rc == GK_OK && seen <= GK_MAX_NAME_SCAN && !gk_buf_failed(&b->filter->where)) {
		if (b->is_alone)
			add_marks(b, f, found);
		return true;
	}
	b->filter->where.len = before;
	while (json_array_size(b->filter->binds) > binds)
		json_array_remove(b->filter->binds, json_array_size(b->filter->binds) - 1);
	return false;
}

static void put_contains(building *b, const char *name, json_t *value, const char *plus)
{
	gk_buf *sql = &b->filter->where;
	const field *f = find_field(name);

	(void)plus;
	if (gk_str_has_prefix(name, "genkitx:") && json_is_string(value)) {
		gk_buf_puts(sql, "EXISTS (SELECT 1 FROM trace_labels l WHERE l.key = ?"
				 " AND l.trace_pk = t.id AND gk_contains(l.value, ?))");
		bind_text(b, name);
		bind(b, value);
	} else if (!f || !f->may_contain || !json_is_string(value)) {
		gk_buf_puts(sql, "0");
	} else if (!f->has_few || !list_values(b, f, value)) {
		gk_buf_printf(sql, "gk_contains(%s, ?)", f->column);
		bind(b, value);
	}
}

typedef void put_term_fn(building *b, const char *name, json_t *value, const char *plus);

/* One value, or any of several. */
static gk_code put_any(building *b, put_term_fn *put, const char *name, json_t *value,
	const char *plus, gk_error *err)
{
	gk_buf *sql = &b->filter->where;
	size_t count = json_is_array(value) ? json_array_size(value) : 1;

	b->is_alone = count == 1;
	gk_buf_putc(sql, '(');
	if (!count)
		gk_buf_putc(sql, '0');
	for (size_t i = 0; i < count; i++) {
		json_t *one = json_is_array(value) ? json_array_get(value, i) : value;

		if (!json_is_string(one) && !json_is_number(one))
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"filter: %s: expected a string, a number or a list of them", name);
		if (++b->terms > GK_MAX_FILTER_TERMS)
			return gk_error_set(err, GK_INVALID_ARGUMENT, "filter: more than %d values",
				GK_MAX_FILTER_TERMS);
		if (i)
			gk_buf_puts(sql, " OR ");
		put(b, name, one, count > 1 ? "+" : plus);
	}
	gk_buf_putc(sql, ')');
	return GK_OK;
}

/* Several texts of one indexed column: IN walks the lists of them, which OR does not. */
static bool put_in(building *b, const field *f, json_t *values, const char *plus)
{
	json_t *one;
	size_t i;

	if (!f || f->kind != TEXT || !json_array_size(values) ||
		json_array_size(values) > GK_MAX_FILTER_TERMS)
		return false;
	json_array_foreach (values, i, one)
		if (!json_is_string(one))
			return false;
	gk_buf_printf(&b->filter->where, "%s%s IN (", plus, f->column);
	json_array_foreach (values, i, one) {
		gk_buf_puts(&b->filter->where, i ? ",?" : "?");
		bind(b, one);
	}
	gk_buf_putc(&b->filter->where, ')');
	return true;
}

/* Stretches beyond need not be looked through. */
static void limit_start(gk_sql_filter *filter, const char *operator, double value)
{
	if (operator[0] == '>')
		filter->start_from = fmax(filter->start_from, value);
	else
		filter->start_to = fmin(filter->start_to, value);
}

static gk_code put_range(
	building *b, const char *operator, const char * name, json_t *value, gk_error *err)
{
	const field *f = find_field(name);

	if (!json_is_number(value))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "filter: %s: expected a number", name);
	if (!f || !f->may_range) {
		gk_buf_puts(&b->filter->where, " AND 0");
		return GK_OK;
	}
	gk_buf_printf(&b->filter->where, " AND %s%s %s ?", f->kind == STATUS ? "+" : "",
		f->column, operator);
	if (f->kind == STATUS)
		gk_buf_puts(&b->filter->where, " AND t.root_name IS NOT NULL");
	if (f->column == start_column)
		limit_start(b->filter, operator, json_number_value(value));
	bind(b, value);
	return GK_OK;
}

/* --- which way to the rows --- */

/* The field whose index leads to few rows, if the equalities have one. */
static const field *choose_driver(json_t *equal)
{
	const char *name;
	json_t *value;

	json_object_foreach (equal, name, value) {
		const field *f = find_field(name);

		if (f && f->is_indexed)
			return f;
	}
	return NULL;
}

static gk_code put_equals(building *b, json_t *equal, bool is_negated, gk_error *err)
{
	const field *driver = is_negated ? NULL : choose_driver(equal);
	gk_buf *sql = &b->filter->where;
	const char *name;
	json_t *value;

	b->is_driven |= driver != NULL;
	json_object_foreach (equal, name, value) {
		const field *f = find_field(name);
		bool is_driver = f && (f == driver || (!driver && !is_negated && !b->is_driven));
		const char *plus = is_driver ? "" : "+";
		gk_code rc = GK_OK;

		gk_buf_puts(sql, is_negated ? " AND NOT " : " AND ");
		if (is_negated || json_array_size(value) < 2 || !put_in(b, f, value, plus))
			rc = put_any(b, put_equal, name, value, plus, err);
		if (rc != GK_OK)
			return rc;
		if (f && f->mark && !is_negated)
			add_marks(b, f, value);
	}
	return GK_OK;
}

static const struct range {
	const char *name, *operator;
} ranges[] = { { "gt", ">" }, { "gte", ">=" }, { "lt", "<" }, { "lte", "<=" } };

static gk_code put_operator(building *b, const char *name, json_t *conditions, gk_error *err)
{
	const char *field_name;
	json_t *value;

	if (strcmp(name, "eq") == 0 || strcmp(name, "neq") == 0)
		return put_equals(b, conditions, name[0] == 'n', err);
	json_object_foreach (conditions, field_name, value) {
		gk_code rc = GK_OK;

		if (strcmp(name, "contains") == 0) {
			gk_buf_puts(&b->filter->where, " AND ");
			rc = put_any(b, put_contains, field_name, value, "", err);
		}
		for (size_t i = 0; rc == GK_OK && i < sizeof(ranges) / sizeof(ranges[0]); i++)
			if (strcmp(name, ranges[i].name) == 0)
				rc = put_range(b, ranges[i].operator, field_name, value, err);
		if (rc != GK_OK)
			return rc;
	}
	return GK_OK;
}

static bool is_operator(const char *name)
{
	static const char *const names[] = { "eq", "neq", "gt", "gte", "lt", "lte", "contains" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

gk_code gk_sql_filter_init(gk_sql_filter *filter, gk_db *db, json_t *json, gk_error *err)
{
	building b = { .filter = filter, .db = db };
	const char *name;
	json_t *conditions;

	*filter = (gk_sql_filter){ .binds = json_array(),
		.marks = json_array(),
		.start_from = -INFINITY,
		.start_to = INFINITY };
	gk_buf_puts(&filter->where, "");
	if (!filter->binds || !filter->marks)
		return gk_error_no_memory(err);
	if (json && !json_is_object(json))
		return gk_error_set(err, GK_INVALID_ARGUMENT, "filter: expected an object");
	json_object_foreach (json, name, conditions) {
		gk_code rc;

		if (!is_operator(name))
			continue;
		if (!json_is_object(conditions))
			return gk_error_set(
				err, GK_INVALID_ARGUMENT, "filter: %s: expected an object", name);
		rc = put_operator(&b, name, conditions, err);
		if (rc != GK_OK)
			return rc;
	}
	if (b.is_driven)
		json_array_clear(filter->marks);
	return b.failed || gk_buf_failed(&filter->where) ? gk_error_no_memory(err) : GK_OK;
}

void gk_sql_filter_done(gk_sql_filter *filter)
{
	gk_buf_done(&filter->where);
	json_decref(filter->binds);
	json_decref(filter->marks);
}

int gk_sql_filter_bind(const gk_sql_filter *filter, sqlite3_stmt *statement, int index)
{
	json_t *value;
	size_t i;

	json_array_foreach (filter->binds, i, value) {
		if (json_is_string(value))
			sqlite3_bind_text(statement, index, json_string_value(value),
				(int)json_string_length(value), SQLITE_STATIC);
		else
			sqlite3_bind_double(statement, index, json_number_value(value));
		index++;
	}
	return index;
}
