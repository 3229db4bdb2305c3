/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Full-text search: what people type becomes an expression of FTS5, and its hits become traces (telemetry section 9.5). */
#include "store/sqlite.h"

#include "base/str.h"

/* --- what people search for --- */

/* Letters and digits; of what is not ASCII the index's tokenizer says. */
static bool is_word(uint32_t c)
{
	return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

static const char *column_of(const char *word, size_t len)
{
	static const char *const columns[] = { "input", "output", "error" };

	for (size_t i = 0; i < 3; i++)
		if (strlen(columns[i]) == len && strncmp(columns[i], word, len) == 0)
			return columns[i];
	return NULL;
}

/* "column : (" and what closes it around one term. */
static void put_term(gk_buf *buf, const char *column, const char *word, size_t len)
{
	if (column)
		gk_buf_printf(buf, "%s : ", column);
	gk_buf_putc(buf, '"');
	gk_buf_put(buf, word, len);
	gk_buf_putc(buf, '"');
}

/* --- words that are only begun --- */

#define AFTER "\1" /* stands before every letter: a word with it is the next one's lower bound */

static bool is_ascii(const char *word, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)word[i] >= 0x80)
			return false;
	return true;
}

/* Words of the index that begin so, as terms joined by OR. *count: how many; more than GK_MAX_SEARCH_WORDS: too many. */
static gk_code list_words(gk_db *db, const char *begin, const char *column, gk_buf *ret,
	unsigned *count, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(db, GK_SQL_NEXT_WORD, err);
	gk_auto_buf gk_buf last = GK_BUF_INIT(0);
	int status = SQLITE_ROW;

	*count = 0;
	if (!s)
		return GK_UNAVAILABLE;
	gk_buf_puts(&last, begin);
	while (!gk_buf_failed(&last) && *count <= GK_MAX_SEARCH_WORDS) {
		const char *word;

		gk_db_bind_text(s, 1, last.data);
		status = sqlite3_step(s);
		word = status == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
		if (!word || !gk_str_has_prefix(word, begin))
			break;
		gk_buf_puts(ret, (*count)++ ? " OR " : "");
		put_term(ret, column, word, strlen(word));
		gk_buf_clear(&last);
		gk_buf_puts(&last, word);
		gk_buf_puts(&last, AFTER);
		sqlite3_reset(s);
	}
	sqlite3_reset(s);
	if (gk_buf_failed(&last) || gk_buf_failed(ret))
		return gk_error_no_memory(err);
	return status == SQLITE_ROW || status == SQLITE_DONE
		       ? GK_OK
		       : gk_db_fail(db, "the store cannot be searched", err);
}

static gk_code has_hits(gk_db *db, const char *expression, bool *ret, gk_error *err)
{
	sqlite3_stmt *s = gk_db_get(db, GK_SQL_HAS_HITS, err);
	gk_code rc;

	if (!s)
		return GK_UNAVAILABLE;
	gk_db_bind_text(s, 1, expression);
	rc = gk_db_step(db, s, ret, err);
	sqlite3_reset(s);
	return rc;
}

/* The last word is looked for as it is. Only when it is nowhere so, it is the beginning of others. FTS5 gathers all that
 * match a beginning before it gives the first, which takes long for frequent words: those that begin so are looked up, and
 * asked for one by one, unless they are many, or not in letters that we can fold. */
static gk_code put_last(
	gk_db *db, gk_buf *head, const char *column, const char *word, size_t len, gk_error *err)
{
	gk_auto_buf gk_buf words = GK_BUF_INIT(0), begin = GK_BUF_INIT(0);
	unsigned count = GK_MAX_SEARCH_WORDS + 1;
	size_t before = head->len;
	bool is_whole = false;
	gk_code rc;

	put_term(head, column, word, len);
	for (size_t i = 0; i < len; i++)
		gk_buf_putc(
			&begin, (char)(word[i] >= 'A' && word[i] <= 'Z' ? word[i] + 32 : word[i]));
	if (gk_buf_failed(head) || gk_buf_failed(&begin))
		return gk_error_no_memory(err);
	rc = has_hits(db, head->data, &is_whole, err);
	if (rc != GK_OK || is_whole)
		return rc;
	if (is_ascii(word, len))
		rc = list_words(db, begin.data, column, &words, &count, err);
	if (count > GK_MAX_SEARCH_WORDS) {
		gk_buf_putc(head, '*');
	} else if (count) {
		head->len = before;
		gk_buf_printf(head, "(%s)", words.data);
	}
	return rc;
}

/* --- what people type --- */

typedef struct typed {
	gk_buf head; /* of the expression: all words but the last, each with an AND behind it */
	const char *word, *column; /* the last one, and where it is looked for; NULL: everywhere */
	size_t len, terms;
	const char *next_column; /* of what comes */
	bool is_open; /* it goes up to the end of the text, and may be the beginning of another */
} typed;

static void close_word(typed *t)
{
	if (!t->word)
		return;
	put_term(&t->head, t->column, t->word, t->len);
	gk_buf_puts(&t->head, " AND ");
	t->word = NULL;
}

static gk_code add_word(typed *t, const char *word, size_t len, gk_error *err)
{
	if (++t->terms > GK_MAX_SEARCH_TERMS)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "more than %d words to search for",
			GK_MAX_SEARCH_TERMS);
	close_word(t);
	t->word = word;
	t->len = len;
	t->column = t->next_column;
	return GK_OK;
}

/* --- words that are not ASCII --- */

/* Where the index's tokenizer parts them: what it takes for two words would be a phrase, and of these the index has none. */
typedef struct cutting {
	typed *typed;
	const char *run;
	gk_code rc;
	gk_error *err;
} cutting;

static int take_token(void *user, int flags, const char *token, int token_len, int start, int end)
{
	cutting *c = user;

	(void)flags, (void)token, (void)token_len;
	c->rc = add_word(c->typed, c->run + start, (size_t)(end - start), c->err);
	return c->rc == GK_OK ? SQLITE_OK : SQLITE_ERROR;
}

static fts5_api *fts_of(gk_db *db)
{
	sqlite3_stmt *s = NULL;
	fts5_api *api = NULL;

	if (sqlite3_prepare_v2(db->handle, "SELECT fts5(?1)", -1, &s, NULL) == SQLITE_OK &&
		sqlite3_bind_pointer(s, 1, &api, "fts5_api_ptr", NULL) == SQLITE_OK)
		sqlite3_step(s);
	sqlite3_finalize(s);
	return api;
}

static gk_code add_words(gk_db *db, typed *t, const char *run, size_t len, gk_error *err)
{
	static const char *options[] = { "remove_diacritics", "2" }; /* the table's */
	cutting c = { .typed = t, .run = run, .err = err };
	fts5_api *api = fts_of(db);
	fts5_tokenizer type;
	Fts5Tokenizer *tokenizer = NULL;
	void *user = NULL;
	int status = api ? api->xFindTokenizer(api, "unicode61", &user, &type) : SQLITE_NOMEM;

	if (status == SQLITE_OK)
		status = type.xCreate(user, options, 2, &tokenizer);
	if (status == SQLITE_OK)
		status = type.xTokenize(
			tokenizer, &c, FTS5_TOKENIZE_QUERY, run, (int)len, take_token);
	if (tokenizer)
		type.xDelete(tokenizer);
	if (c.rc != GK_OK)
		return c.rc;
	return status == SQLITE_OK ? GK_OK : gk_error_no_memory(err);
}

static gk_code read_typed(gk_db *db, typed *t, const char *text, gk_error *err)
{
	size_t len = strlen(text), at = 0;
	gk_code rc = GK_OK;

	while (at < len && rc == GK_OK) {
		size_t start = at, size = 0;
		uint32_t c = 0;

		while (at < len && (size = gk_str_decode_utf8(text + at, len - at, &c)) &&
			is_word(c))
			at += size;
		if (at == start) {
			at += size ? size : 1;
			if (c == ' ' || c == '\t' || c == '\n')
				t->next_column = NULL;
		} else if (at < len && text[at] == ':' && column_of(text + start, at - start)) {
			t->next_column = column_of(text + start, at - start);
		} else if (is_ascii(text + start, at - start)) {
			rc = add_word(t, text + start, at - start, err);
		} else {
			rc = add_words(db, t, text + start, at - start, err);
		}
	}
	t->is_open = t->word && t->word + t->len == text + len;
	return rc;
}

gk_code gk_search_expression(gk_db *db, const char *text, char **ret, gk_error *err)
{
	typed t = { .word = NULL };
	gk_code rc = read_typed(db, &t, text, err);

	*ret = NULL;
	if (rc == GK_OK && t.word && t.is_open)
		rc = put_last(db, &t.head, t.column, t.word, t.len, err);
	else if (rc == GK_OK && t.word)
		put_term(&t.head, t.column, t.word, t.len);
	if (rc == GK_OK && t.word) {
		*ret = gk_buf_take(&t.head, NULL);
		rc = *ret ? GK_OK : gk_error_no_memory(err);
	}
	gk_buf_done(&t.head);
	return rc;
}

/* --- hits --- */

/* A search under way: spans that match, the newest first, lead to traces, each of which counts once. */
typedef struct searching {
	sqlite3_stmt *hits, *row;
	int row_index; /* of the trace's number in `row` */
	int64_t *seen; /* hash of traces: open addressing, 0 is free */
	size_t seen_size;
} searching;

static bool is_seen(searching *search, int64_t trace)
{
	size_t at = (size_t)((uint64_t)trace * 0x9e3779b97f4a7c15ull) % search->seen_size;

	while (search->seen[at] && search->seen[at] != trace)
		at = (at + 1) % search->seen_size;
	if (search->seen[at])
		return true;
	search->seen[at] = trace;
	return false;
}

static gk_code put_hits(searching *search, gk_db *db, const gk_trace_query *query, gk_buf *buf,
	bool *has_more, gk_error *err)
{
	uint64_t skipped = 0;
	size_t count = 0;
	bool is_there;
	gk_code rc = GK_OK;
	int status = SQLITE_DONE;

	for (size_t looked = 0; rc == GK_OK && !*has_more && looked < GK_MAX_SEARCH_HITS &&
				(status = sqlite3_step(search->hits)) == SQLITE_ROW;
		looked++) {
		int64_t trace = GK_TRACE_OF(sqlite3_column_int64(search->hits, 0));

		if (!trace || is_seen(search, trace))
			continue;
		sqlite3_bind_int64(search->row, search->row_index, trace);
		rc = gk_db_step(db, search->row, &is_there, err);
		if (rc == GK_OK && is_there) {
			if (skipped < query->offset) {
				skipped++;
			} else if (count == query->limit) {
				*has_more = true;
			} else {
				if (count++)
					gk_buf_putc(buf, ',');
				rc = gk_sqlite_put_row(buf, search->row, err);
			}
		}
		sqlite3_reset(search->row);
	}
	if (rc == GK_OK && status != SQLITE_ROW && status != SQLITE_DONE)
		rc = gk_db_fail(db, "the store cannot be searched", err);
	return rc;
}

gk_code gk_sqlite_search(gk_db *db, const gk_trace_query *query, const gk_sql_filter *filter,
	const char *expression, gk_buf *buf, bool *has_more, gk_error *err)
{
	searching search = { .seen_size = 2 * GK_MAX_SEARCH_HITS };
	gk_auto_buf gk_buf sql = GK_BUF_INIT(0);
	gk_code rc = GK_UNAVAILABLE;

	gk_buf_printf(&sql,
		"SELECT " GK_ROW_COLUMNS " FROM traces t" GK_ROW_JOIN
		" WHERE t.has_root = 1%s AND t.id = ?",
		filter->where.data ? filter->where.data : "");
	search.seen = calloc(search.seen_size, sizeof(*search.seen));
	if (gk_buf_failed(&sql) || !search.seen) {
		free(search.seen);
		return gk_error_no_memory(err);
	}
	search.hits = gk_db_prepare(
		db, "SELECT rowid FROM span_fts WHERE span_fts MATCH ? ORDER BY rowid DESC", err);
	search.row = gk_db_prepare(db, sql.data, err);
	if (search.hits && search.row) {
		gk_db_bind_text(search.hits, 1, expression);
		search.row_index = gk_sql_filter_bind(filter, search.row, 1);
		rc = put_hits(&search, db, query, buf, has_more, err);
	}
	sqlite3_finalize(search.hits);
	sqlite3_finalize(search.row);
	free(search.seen);
	return rc;
}
