/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The words of a span that go into the index of texts (telemetry section 9.4), found in its document where it lies: that
 * is compact JSON of our own writing, of which only three strings matter.
 *
 * FTS5 takes time for each word it is given, and keeps of those in one column only that they are there: each is given once.
 */
#include "store/sqlite_words.h"

#include "base/limits.h"
#include "base/str.h"

#include <genkit/json.h>
#include <pthread.h>

#define LONG_RUN 256 /* letters without a break: no word but encoded data */

/* --- the words of a text --- */

/* Characters of a word or of encoded data: the first of these tables; what the index's tokenizer takes for a part of a
 * word, or may, since it looks at what is not ASCII itself, as it folds it: the second. */
static bool is_encoded[256];
static unsigned char folded[256];
static pthread_once_t set_up_once = PTHREAD_ONCE_INIT;

static void set_up(void)
{
	for (int c = 1; c < 256; c++) {
		bool is_upper = c >= 'A' && c <= 'Z';
		bool is_plain = is_upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		is_encoded[c] = is_plain || strchr("+/=-_", c);
		folded[c] = (unsigned char)(is_upper ? c | 0x20 : is_plain || c >= 0x80 ? c : 0);
	}
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

		while (run < end && is_encoded[(unsigned char)*run])
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

/* --- each word once --- */

/* Room for twice as many words as such a text can hold; a place is where in the result a word begins, and one. */
static uint32_t *make_places(gk_buf *room, size_t len, size_t *mask)
{
	size_t count = 16;
	uint32_t *places;

	while (count < len)
		count *= 2;
	gk_buf_clear(room);
	places = (uint32_t *)(void *)gk_buf_reserve(room, count * sizeof(*places));
	if (places)
		memset(places, 0, count * sizeof(*places));
	*mask = count - 1;
	return places;
}

/* The word at the end of the result stays unless it is there already. Words end in a blank. */
static void keep_new(gk_buf *ret, size_t len, uint32_t hash, uint32_t *places, size_t mask)
{
	const char *word = ret->data + ret->len;
	size_t at = hash & mask;

	for (; places[at]; at = (at + 1) & mask)
		if (memcmp(ret->data + places[at] - 1, word, len + 1) == 0)
			return;
	places[at] = (uint32_t)ret->len + 1;
	gk_buf_added(ret, len + 1);
}

static void put_once(gk_buf *ret, const char *text, size_t len, gk_buf *room)
{
	const char *at = text, *end = text + len;
	size_t mask;
	uint32_t *places = make_places(room, len, &mask);

	if (!places || !gk_buf_reserve(ret, len + 2)) {
		gk_buf_fail(ret);
		return;
	}
	while (at < end) {
		char *word = ret->data + ret->len;
		size_t count = 0;
		uint32_t hash = 2166136261u; /* FNV-1a */

		for (unsigned char c; at < end && (c = folded[(unsigned char)*at]); at++) {
			word[count++] = (char)c;
			hash = (hash ^ c) * 16777619u;
		}
		word[count] = ' ';
		if (count)
			keep_new(ret, count, hash, places, mask);
		else
			at++;
	}
	ret->data[ret->len] = '\0';
}

/* --- a document --- */

/* Where the string that begins at `at` ends: behind its closing quote. */
static const char *skip_string(const char *at, const char *end)
{
	const char *begin = ++at;

	while (at < end && (at = memchr(at, '"', (size_t)(end - at)))) {
		const char *slash = at;

		while (slash > begin && slash[-1] == '\\')
			slash--;
		at++;
		if ((at - slash) % 2)
			return at;
	}
	return end;
}

static const char *skip_value(const char *at, const char *end)
{
	size_t depth = 0;

	for (; at < end; at++) {
		if (*at == '"')
			at = skip_string(at, end) - 1;
		else if (*at == '{' || *at == '[')
			depth++;
		else if ((*at == '}' || *at == ']') && depth-- == 0)
			return at; /* a scalar ended before it */
		else if (*at == ',' && depth == 0)
			return at;
		if (depth == 0 && (*at == '}' || *at == ']'))
			return at + 1;
	}
	return end;
}

typedef struct member {
	const char *name, *value;
	size_t name_len, len;
} member;

/* The next member of the object in which `*at` is: behind its brace, or behind the member before. */
static bool next_member(const char **at, const char *end, member *ret)
{
	const char *p = *at;

	if (p < end && *p == ',')
		p++;
	if (p >= end || *p != '"')
		return false;
	ret->name = p + 1;
	p = skip_string(p, end);
	ret->name_len = (size_t)(p - ret->name) - 1;
	if (p >= end || *p != ':')
		return false;
	ret->value = ++p;
	p = skip_value(p, end);
	ret->len = (size_t)(p - ret->value);
	*at = p;
	return true;
}

static bool is_named(const member *m, const char *name)
{
	return strlen(name) == m->name_len && memcmp(name, m->name, m->name_len) == 0;
}

/* A string of the document as the text it stands for. */
static void put_string(gk_buf *buf, const char *at, const char *end)
{
	static const char plain[256] = {
		['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'
	};

	while (at < end && !gk_buf_failed(buf)) {
		const char *escape = memchr(at, '\\', (size_t)(end - at));

		gk_buf_put(buf, at, (size_t)((escape ? escape : end) - at));
		at = escape ? escape : end;
		if (end - at >= 2 && plain[(unsigned char)at[1]]) {
			gk_buf_putc(buf, plain[(unsigned char)at[1]]);
			at += 2;
		} else if (at < end) {
			at = put_escape(buf, at, end);
		}
	}
}

static void take_text(gk_words *words, gk_buf *ret, const char *text, size_t len)
{
	gk_buf_clear(ret);
	gk_buf_clear(&words->text);
	if (len)
		put_words(&words->text, text, len);
	if (words->text.len)
		put_once(ret, words->text.data, words->text.len, &words->room);
	if (gk_buf_failed(&words->text))
		gk_buf_fail(ret);
}

static void take_attribute(gk_words *words, gk_buf *ret, const member *m)
{
	if (m->len < 2 || *m->value != '"')
		return;
	gk_buf_clear(&words->string);
	put_string(&words->string, m->value + 1, m->value + m->len - 1);
	take_text(words, ret, words->string.data, words->string.len);
	if (gk_buf_failed(&words->string))
		gk_buf_fail(ret);
	if (words->string.cap >
		GK_STORE_DIRECT_SIZE) /* one large span is no reason to keep so much */
		gk_buf_done(&words->string);
}

static gk_code take_error(gk_words *words, const member *m, gk_error *err)
{
	gk_auto_json json_t *events = NULL;
	json_t *event;
	size_t i;
	gk_code rc = gk_json_parse(m->value, m->len, m->len, &events, err);

	json_array_foreach (json_object_get(events, "timeEvent"), i, event) {
		const json_t *annotation = json_object_get(event, "annotation");
		const json_t *text;

		if (!gk_str_equal(gk_json_str_peek(annotation, "description"), "exception"))
			continue;
		text = json_object_get(
			json_object_get(annotation, "attributes"), "exception.message");
		if (json_is_string(text))
			take_text(words, &words->error, json_string_value(text),
				json_string_length(text));
		break;
	}
	return rc;
}

static void take_attributes(gk_words *words, const member *all)
{
	const char *at = all->value + 1, *end = all->value + all->len;
	member m;

	while (*all->value == '{' && next_member(&at, end, &m)) {
		if (is_named(&m, "genkit:input"))
			take_attribute(words, &words->input, &m);
		else if (is_named(&m, "genkit:output"))
			take_attribute(words, &words->output, &m);
	}
}

gk_code gk_words_read(gk_words *words, const char *doc, size_t len, gk_error *err)
{
	const char *at = doc + 1, *end = doc + len;
	gk_code rc = GK_OK;
	member m;

	pthread_once(&set_up_once, set_up);
	gk_buf_clear(&words->input);
	gk_buf_clear(&words->output);
	gk_buf_clear(&words->error);
	while (rc == GK_OK && len && *doc == '{' && next_member(&at, end, &m)) {
		if (is_named(&m, "attributes"))
			take_attributes(words, &m);
		else if (is_named(&m, "timeEvents") && m.len > sizeof("{\"timeEvent\":[]}") - 1)
			rc = take_error(words, &m, err);
	}
	if (rc == GK_OK && (words->input.failed || words->output.failed || words->error.failed))
		return gk_error_no_memory(err);
	return rc;
}

void gk_words_done(gk_words *words)
{
	gk_buf_done(&words->input);
	gk_buf_done(&words->output);
	gk_buf_done(&words->error);
	gk_buf_done(&words->string);
	gk_buf_done(&words->text);
	gk_buf_done(&words->room);
}
