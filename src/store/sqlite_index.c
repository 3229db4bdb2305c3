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

#include <genkit/json.h>

#define SLICE     200  /* spans of one transaction, */
#define SLICE_MAX 5000 /* when somebody waits for the index */
#define LONG_RUN  256  /* letters without a break: no word but encoded data */

/* --- the words of a text --- */

static bool is_encoded(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '+' || c == '/' || c == '=' || c == '-' || c == '_';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "\u00e9" at `text`; -1: none. */
static int32_t unit_at(const char *text, const char *end)
{
	int32_t unit = 0;

	if (end - text < 6 || text[0] != '\\' || text[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		int digit = hex_value(text[i]);

		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

/* An escape of JSON: the character it stands for, a blank for what only lays out. Returns where it ends. */
static const char *put_escape(gk_buf *buf, const char *at, const char *end)
{
	int32_t unit = unit_at(at, end), low;
	char text[4];

	if (unit < 0) {
		char c = at + 1 < end ? at[1] : ' ';

		gk_buf_putc(buf, strchr("ntrbf", c) ? ' ' : c);
		return at + 2 < end ? at + 2 : end;
	}
	at += 6;
	low = unit >= 0xd800 && unit < 0xdc00 ? unit_at(at, end) : -1;
	if (low >= 0xdc00 && low < 0xe000) {
		unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
		at += 6;
	}
	if (unit >= 0xd800 && unit < 0xe000)
		unit = 0xfffd;
	gk_buf_put(buf, text, gk_str_encode_utf8((uint32_t)unit, text));
	return at;
}

/* JSON as text, unescaped, without data URLs and what else nobody looks for. */
static void put_words(gk_buf *buf, const char *text, size_t len)
{
	const char *at = text, *end = text + len;

	while (at < end && buf->len < GK_STORE_INDEX_TEXT && !gk_buf_failed(buf)) {
		const char *run = at;

		while (run < end && is_encoded(*run))
			run++;
		if (run - at == 4 && run < end && *run == ':' && memcmp(at, "data", 4) == 0) {
			at = run + strcspn(run, "\"\\ ");
			continue;
		}
		if (run - at > LONG_RUN) {
			at = run;
			continue;
		}
		gk_buf_put(buf, at, (size_t)(run - at));
		at = run;
		if (at < end && *at == '\\')
			at = put_escape(buf, at, end);
		else if (at < end)
			gk_buf_putc(buf, *at++);
	}
	if (buf->len > GK_STORE_INDEX_TEXT)
		buf->len = gk_str_valid_utf8(buf->data, GK_STORE_INDEX_TEXT);
}

static void put_attribute(gk_buf *buf, const json_t *attributes, const char *name)
{
	const json_t *value = json_object_get(attributes, name);

	if (json_is_string(value))
		put_words(buf, json_string_value(value), json_string_length(value));
}

static void put_error(gk_buf *buf, const json_t *span)
{
	json_t *event;
	size_t i;

	json_array_foreach (gk_json_at_peek(span, "timeEvents.timeEvent"), i, event) {
		const json_t *annotation = json_object_get(event, "annotation");

		if (!gk_str_equal(gk_json_str_peek(annotation, "description"), "exception"))
			continue;
		put_attribute(buf, json_object_get(annotation, "attributes"), "exception.message");
		return;
	}
}

static bool is_indexed_type(const char *type)
{
	return gk_str_equal(type, "action") || gk_str_equal(type, "util") ||
	       gk_str_equal(type, "flowStep") || gk_str_equal(type, "dotprompt");
}

/* Fills sqlite->texts; *ret false: there is nothing to index. */
static gk_code read_texts(gk_sqlite *sqlite, int64_t span_pk, bool *ret, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, GK_SQL_SPAN_FOR_INDEX, err);
	gk_auto_json json_t *span = NULL;
	json_t *attributes;
	gk_code rc = GK_OK;

	*ret = false;
	if (!s)
		return GK_UNAVAILABLE;
	for (size_t i = 0; i < 3; i++)
		gk_buf_clear(&sqlite->texts[i]);
	gk_buf_clear(&sqlite->scratch);
	sqlite3_bind_int64(s, 1, span_pk);
	if (sqlite3_step(s) == SQLITE_ROW && sqlite3_column_double(s, 1) > 0 &&
		is_indexed_type((const char *)sqlite3_column_text(s, 0))) {
		*ret = true;
		rc = gk_doc_unpack(&sqlite->scratch, sqlite3_column_blob(s, 2),
			(size_t)sqlite3_column_bytes(s, 2), err);
	}
	sqlite3_reset(s);
	if (rc != GK_OK || !*ret)
		return rc;
	rc = gk_json_parse(
		sqlite->scratch.data, sqlite->scratch.len, sqlite->scratch.len, &span, err);
	if (rc != GK_OK)
		return rc;
	attributes = json_object_get(span, "attributes");
	put_attribute(&sqlite->texts[0], attributes, "genkit:input");
	put_attribute(&sqlite->texts[1], attributes, "genkit:output");
	put_error(&sqlite->texts[2], span);
	*ret = sqlite->texts[0].len || sqlite->texts[1].len || sqlite->texts[2].len;
	for (size_t i = 0; i < 3; i++)
		if (gk_buf_failed(&sqlite->texts[i]))
			return gk_error_no_memory(err);
	return GK_OK;
}

/* --- in and out --- */

static gk_code change(gk_sqlite *sqlite, gk_sql which, int64_t span_pk, gk_error *err)
{
	bool is_there;
	gk_code rc = read_texts(sqlite, span_pk, &is_there, err);
	sqlite3_stmt *s;

	if (rc != GK_OK || !is_there)
		return rc;
	s = gk_db_get(&sqlite->db, which, err);
	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, span_pk);
	for (int i = 0; i < 3; i++)
		sqlite3_bind_text(s, i + 2, sqlite->texts[i].len ? sqlite->texts[i].data : "",
			(int)sqlite->texts[i].len, SQLITE_STATIC);
	return gk_db_run(&sqlite->db, s, err);
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

	if (span_pk > sqlite->indexed) {
		sqlite->lacking -= sqlite->lacking > 0;
		return GK_OK;
	}
	s = gk_db_get(&sqlite->db, GK_SQL_HAS_TODO, err);
	if (!s)
		return GK_UNAVAILABLE;
	sqlite3_bind_int64(s, 1, span_pk);
	is_waiting = sqlite3_step(s) == SQLITE_ROW;
	sqlite3_reset(s);
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

/* The numbers of what is next; how many. */
static gk_code choose(
	gk_sqlite *sqlite, gk_sql which, int64_t *pks, size_t max, size_t *ret, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(&sqlite->db, which, err);
	int index = 1;

	*ret = 0;
	if (!s)
		return GK_UNAVAILABLE;
	if (which == GK_SQL_UNINDEXED)
		sqlite3_bind_int64(s, index++, sqlite->indexed);
	sqlite3_bind_int64(s, index, (int64_t)max);
	while (*ret < max && sqlite3_step(s) == SQLITE_ROW)
		pks[(*ret)++] = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return GK_OK;
}

static gk_code index_some(gk_sqlite *sqlite, int64_t *pks, size_t max, size_t *ret, gk_error *err)
{
	sqlite3_stmt *s;
	size_t count, more;
	gk_code rc = choose(sqlite, GK_SQL_TODO, pks, max, &count, err);

	for (size_t i = 0; rc == GK_OK && i < count; i++) {
		rc = change(sqlite, GK_SQL_FTS_ADD, pks[i], err);
		if (rc == GK_OK)
			rc = with_pk(sqlite, GK_SQL_DROP_TODO, pks[i], err);
	}
	if (rc == GK_OK)
		rc = choose(sqlite, GK_SQL_UNINDEXED, pks, max - count, &more, err);
	for (size_t i = 0; rc == GK_OK && i < more; i++)
		rc = change(sqlite, GK_SQL_FTS_ADD, pks[i], err);
	if (rc != GK_OK || !more) {
		*ret = count;
		return rc;
	}
	*ret = count + more;
	sqlite->indexed = pks[more - 1];
	s = gk_db_get(&sqlite->db, GK_SQL_SET_META, err);
	if (!s)
		return GK_UNAVAILABLE;
	gk_db_bind_text(s, 1, "indexed");
	sqlite3_bind_int64(s, 2, sqlite->indexed);
	return gk_db_run(&sqlite->db, s, err);
}

gk_code gk_sqlite_index(gk_trace_backend *backend, bool is_urgent, bool *ret, gk_error *err)
{
	gk_sqlite *sqlite = (gk_sqlite *)backend;
	size_t max = is_urgent ? SLICE_MAX : SLICE, count = 0;
	int64_t *pks, before;
	gk_code rc;

	/* Who always finds something to write would fold in every slice, and never come to index. */
	*ret = false;
	if (sqlite->sizes.unfolded) {
		rc = gk_sqlite_fold(backend, ret, err);
		if (rc != GK_OK || *ret)
			return rc;
	}
	pks = malloc(max * sizeof(*pks));
	if (!pks)
		return gk_error_no_memory(err);
	rc = gk_sqlite_begin(sqlite, err);
	before = sqlite->indexed;
	if (rc == GK_OK) {
		rc = index_some(sqlite, pks, max, &count, err);
		rc = gk_sqlite_end(sqlite, rc, err);
	}
	if (rc != GK_OK)
		sqlite->indexed = before;
	else
		sqlite->lacking = count == max && sqlite->lacking > (int64_t)count
					  ? sqlite->lacking - (int64_t)count
					  : count == max;
	*ret = rc == GK_OK && count == max;
	free(pks);
	return rc;
}
