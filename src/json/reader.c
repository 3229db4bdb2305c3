/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Text to values in one pass. There is no recursion: the containers that are open stand on a stack of their own, and
 * each hangs in its parent from the moment it begins, so that giving up is one json_decref() of the root.
 */
#include <genkit/json.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/parse.h"
#include "base/str.h"
#include "json/scan.h"

#include <stdio.h>

/* What a value takes in memory, roughly: jansson's structs and malloc's share. */
#define COST_SCALAR    48
#define COST_CONTAINER 240
#define COST_NAME      80

typedef struct reader {
	const char *start, *at, *end;
	size_t budget; /* memory that the values may still take */
	unsigned depth;
	json_t *open[GK_JSON_MAX_DEPTH]; /* borrowed: the root owns them */
	json_t *root;
	const char *key; /* of the member that is being read; in the text or in key_text */
	size_t key_len;
	gk_buf key_text, text; /* strings that have escapes, decoded */
	gk_error *err;
	gk_code code;
} reader;

/* --- errors --- */

static void locate(const reader *r, const char *at, unsigned *line, unsigned *column)
{
	*line = 1;
	*column = 1;
	for (const char *c = r->start; c < at; c++) {
		if (*c == '\n') {
			++*line;
			*column = 1;
		} else if (((unsigned char)*c & 0xc0) != 0x80) {
			++*column;
		}
	}
}

static bool fail_at(reader *r, const char *at, const char *what)
{
	unsigned line, column;

	locate(r, at, &line, &column);
	r->code = gk_error_set(
		r->err, GK_INVALID_ARGUMENT, "%s at line %u, column %u", what, line, column);
	return false;
}

static bool fail_unexpected(reader *r)
{
	char what[64];
	uint32_t c;

	if (r->at == r->end)
		return fail_at(r, r->at, "unexpected end of input");
	if (gk_str_decode_utf8(r->at, (size_t)(r->end - r->at), &c) == 0)
		return fail_at(r, r->at, "invalid UTF-8");
	if (c > 0x20 && c < 0x7f)
		snprintf(what, sizeof(what), "unexpected '%c'", (int)c);
	else
		snprintf(what, sizeof(what), "unexpected character U+%04X", (unsigned)c);
	return fail_at(r, r->at, what);
}

static bool fail_no_memory(reader *r)
{
	r->code = gk_error_no_memory(r->err);
	return false;
}

/* --- strings --- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of \uXXXX at `at`; -1: they are not there. */
static int32_t hex4(const reader *r, const char *at)
{
	int32_t value = 0;

	if (r->end - at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(at[i]);

		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

/* `r->at` is behind the "\u". A surrogate without its other half is U+FFFD, and what follows it stands for itself. */
static bool read_unicode_escape(reader *r, gk_buf *into)
{
	int32_t c = hex4(r, r->at), low;
	char utf8[4];

	if (c < 0)
		return fail_at(r, r->at - 2, "invalid escape");
	r->at += 4;
	if (c >= 0xd800 && c <= 0xdfff) {
		low = c < 0xdc00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u'
			      ? hex4(r, r->at + 2)
			      : -1;
		if (low >= 0xdc00 && low <= 0xdfff) {
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			r->at += 6;
		} else {
			c = 0xfffd;
		}
	}
	gk_buf_put(into, utf8, gk_str_encode_utf8((uint32_t)c, utf8));
	return true;
}

static bool read_escape(reader *r, gk_buf *into)
{
	static const char plain[256] = { ['"'] = '"',
		['\\'] = '\\',
		['/'] = '/',
		['b'] = '\b',
		['f'] = '\f',
		['n'] = '\n',
		['r'] = '\r',
		['t'] = '\t' };
	char c;

	if (r->end - r->at < 2) {
		r->at = r->end;
		return fail_unexpected(r);
	}
	c = r->at[1];
	r->at += 2;
	if (c == 'u')
		return read_unicode_escape(r, into);
	if (!plain[(unsigned char)c])
		return fail_at(r, r->at - 2, "invalid escape");
	gk_buf_putc(into, plain[(unsigned char)c]);
	return true;
}

/* Steps over characters that stand for themselves, up to a quote or a backslash. */
static bool skip_verbatim(reader *r)
{
	for (;;) {
		unsigned char c;
		uint32_t character;
		size_t len;

		r->at += gk_json_plain_run(r->at, (size_t)(r->end - r->at));
		if (r->at == r->end)
			return fail_unexpected(r);
		c = (unsigned char)*r->at;
		if (c == '"' || c == '\\')
			return true;
		if (c < 0x20)
			return fail_at(r, r->at, "control character in a string");
		len = gk_str_decode_utf8(r->at, (size_t)(r->end - r->at), &character);
		if (len == 0)
			return fail_at(r, r->at, "invalid UTF-8");
		r->at += len;
	}
}

/* `r->at` is at the opening quote. The result is in the text itself or, when it had escapes, in `decoded`. */
static bool read_string(reader *r, gk_buf *decoded, const char **ret, size_t *len_ret)
{
	const char *begin = ++r->at;

	if (!skip_verbatim(r))
		return false;
	if (*r->at == '"') {
		*ret = begin;
		*len_ret = (size_t)(r->at++ - begin);
		return true;
	}
	gk_buf_clear(decoded);
	while (*r->at != '"') {
		gk_buf_put(decoded, begin, (size_t)(r->at - begin));
		if (!read_escape(r, decoded))
			return false;
		begin = r->at;
		if (!skip_verbatim(r))
			return false;
	}
	gk_buf_put(decoded, begin, (size_t)(r->at++ - begin));
	if (gk_buf_failed(decoded))
		return fail_no_memory(r);
	*ret = decoded->data;
	*len_ret = decoded->len;
	return true;
}

/* --- scalars --- */

static const char *skip_digits(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

/* - ? (0 | [1-9] digits) (. digits)? ([eE] [-+]? digits)? ; NULL after an error. */
static const char *number_end(reader *r, bool *is_real)
{
	const char *at = r->at + (*r->at == '-'), *begin = at;

	at = skip_digits(at, r->end);
	if (at == begin || (*begin == '0' && at > begin + 1)) {
		r->at = at == begin ? at : begin + 1;
		fail_unexpected(r);
		return NULL;
	}
	if (at < r->end && *at == '.') {
		*is_real = true;
		begin = ++at;
		at = skip_digits(at, r->end);
	}
	if (at > begin && at < r->end && (*at | 0x20) == 'e') {
		*is_real = true;
		at++;
		if (at < r->end && (*at == '-' || *at == '+'))
			at++;
		begin = at;
		at = skip_digits(at, r->end);
	}
	if (at == begin) {
		r->at = at;
		fail_unexpected(r);
		return NULL;
	}
	return at;
}

static json_t *read_number(reader *r)
{
	bool is_real = false;
	const char *begin = r->at, *end = number_end(r, &is_real);
	json_t *value;
	int64_t whole;
	double real;

	if (!end)
		return NULL;
	r->at = end;
	if (!is_real && gk_parse_i64(begin, (size_t)(end - begin), &whole)) {
		value = json_integer(whole);
	} else if (gk_parse_real(begin, (size_t)(end - begin), &real)) {
		value = json_real(real);
	} else {
		fail_at(r, begin, "number out of range");
		return NULL;
	}
	if (!value)
		fail_no_memory(r);
	return value;
}

static json_t *read_text(reader *r)
{
	const char *text;
	json_t *value;
	size_t len;

	if (!read_string(r, &r->text, &text, &len))
		return NULL;
	value = json_stringn_nocheck(text, len);
	if (!value)
		fail_no_memory(r);
	return value;
}

static json_t *read_word(reader *r, const char *word, json_t *value)
{
	while (*word && r->at < r->end && *r->at == *word) {
		r->at++;
		word++;
	}
	if (!*word)
		return value;
	fail_unexpected(r);
	return NULL;
}

/* --- structure --- */

static void skip_blanks(reader *r)
{
	while (r->at < r->end &&
		(*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
		r->at++;
}

/* A scalar, or an empty container with `r->at` behind its bracket. */
static json_t *begin_value(reader *r)
{
	json_t *value;

	switch (r->at < r->end ? *r->at : '\0') {
	case '"':
		return read_text(r);
	case '{':
	case '[':
		value = *r->at == '{' ? json_object() : json_array();
		r->at++;
		if (!value)
			fail_no_memory(r);
		return value;
	case 't':
		return read_word(r, "true", json_true());
	case 'f':
		return read_word(r, "false", json_false());
	case 'n':
		return read_word(r, "null", json_null());
	case '-':
	case '0' ... '9':
		return read_number(r);
	default:
		fail_unexpected(r);
		return NULL;
	}
}

static json_t *innermost(const reader *r)
{
	return r->depth ? r->open[r->depth - 1] : NULL;
}

/* Hangs the value where it belongs: in the innermost open container, or at the root. */
static bool attach_take(reader *r, json_t *value)
{
	json_t *parent = innermost(r);
	int failed = 0;

	if (!parent)
		r->root = value;
	else if (json_is_object(parent))
		failed = json_object_setn_new_nocheck(parent, r->key, r->key_len, value);
	else
		failed = json_array_append_new(parent, value);
	return !failed || fail_no_memory(r);
}

/* The blanks, the name, the colon. */
static bool read_key(reader *r)
{
	skip_blanks(r);
	if (r->at == r->end || *r->at != '"')
		return fail_unexpected(r);
	if (!read_string(r, &r->key_text, &r->key, &r->key_len))
		return false;
	skip_blanks(r);
	if (r->at == r->end || *r->at != ':')
		return fail_unexpected(r);
	r->at++;
	return true;
}

static bool is_closed_here(const reader *r)
{
	char c = json_is_object(innermost(r)) ? '}' : ']';

	return r->at < r->end && *r->at == c;
}

static bool enter(reader *r, json_t *container)
{
	if (r->depth == GK_JSON_MAX_DEPTH) {
		r->code = gk_error_set(r->err, GK_RESOURCE_EXHAUSTED,
			"nested deeper than %d levels", GK_JSON_MAX_DEPTH);
		return false;
	}
	r->open[r->depth++] = container;
	return true;
}

static bool charge(reader *r, const json_t *value)
{
	size_t cost = json_is_object(value) || json_is_array(value) ? COST_CONTAINER : COST_SCALAR;

	if (json_is_object(innermost(r)))
		cost += COST_NAME;
	if (cost > r->budget) {
		r->code = gk_error_set(
			r->err, GK_RESOURCE_EXHAUSTED, "too many values for a text of this size");
		return false;
	}
	r->budget -= cost;
	return true;
}

/* After a value: closes what ends here. Leaves `r->at` behind the comma of a container that goes on, or at the end. */
static bool finish_value(reader *r)
{
	for (;;) {
		skip_blanks(r);
		if (r->depth == 0)
			return r->at == r->end || fail_unexpected(r);
		if (is_closed_here(r)) {
			r->at++;
			r->depth--;
			continue;
		}
		if (r->at == r->end || *r->at != ',')
			return fail_unexpected(r);
		r->at++;
		return true;
	}
}

static bool read_document(reader *r)
{
	do {
		json_t *value;

		if (json_is_object(innermost(r)) && !read_key(r))
			return false;
		skip_blanks(r);
		value = begin_value(r);
		if (!value || !attach_take(r, value) || !charge(r, value))
			return false;
		if (json_is_object(value) || json_is_array(value)) {
			if (!enter(r, value))
				return false;
			skip_blanks(r);
			if (!is_closed_here(r))
				continue;
		}
		if (!finish_value(r))
			return false;
	} while (r->depth);
	return true;
}

gk_code gk_json_parse(const char *text, size_t len, size_t max, json_t **ret, gk_error *err)
{
	reader r = { .start = text, .at = text, .err = err };

	if (max == 0)
		max = GK_JSON_DEFAULT_MAX;
	if (len > max)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"JSON of %zu bytes exceeds the limit of %zu bytes", len, max);
	if (__builtin_mul_overflow(len, GK_JSON_MEMORY_FACTOR, &r.budget) ||
		__builtin_add_overflow(r.budget, GK_JSON_MEMORY_BASE, &r.budget))
		r.budget = SIZE_MAX;
	if (len > 0)
		r.end = text + len;
	else
		r.start = r.at = r.end = ""; /* `text` may be NULL then */
	if (read_document(&r)) {
		*ret = r.root;
		r.root = NULL;
	}
	json_decref(r.root);
	gk_buf_done(&r.key_text);
	gk_buf_done(&r.text);
	return r.code;
}
