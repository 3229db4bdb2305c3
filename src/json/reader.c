/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Text to values in one pass. */
#include <genkit/json.h>

#include "base/buf.h"
#include "base/str.h"
#include "json/builder.h"
#include "json/literal.h"
#include "json/scan.h"

#include <stdio.h>

typedef struct reader {
	const char *start, *at, *end;
	gk_json_builder builder;
	gk_buf key_text, text; /* strings that have escapes, decoded */
	gk_error *err;
	gk_code code;
} reader;

/* --- errors --- */

static bool fail_at(reader *r, const char *at, const char *what)
{
	unsigned line, column;

	gk_json_locate(r->start, at, &line, &column);
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

/* `r->at` is behind the "\u". */
static bool read_unicode_escape(reader *r, gk_buf *into)
{
	int32_t c = gk_json_unicode_escape(&r->at, r->end);
	char utf8[4];

	if (c < 0)
		return fail_at(r, r->at - 2, "invalid escape");
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

static json_t *read_number(reader *r)
{
	bool is_real;
	const char *begin = r->at, *end = gk_json_number_end(begin, r->end, &is_real, &r->at);
	json_t *value;

	if (!end) {
		fail_unexpected(r);
		return NULL;
	}
	r->at = end;
	if (!gk_json_number(begin, end, is_real, &value)) {
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

/* The blanks, the name, the colon. */
static bool read_key(reader *r)
{
	skip_blanks(r);
	if (r->at == r->end || *r->at != '"')
		return fail_unexpected(r);
	if (!read_string(r, &r->key_text, &r->builder.key, &r->builder.key_len))
		return false;
	skip_blanks(r);
	if (r->at == r->end || *r->at != ':')
		return fail_unexpected(r);
	r->at++;
	return true;
}

static bool is_closed_here(const reader *r)
{
	return r->at < r->end && *r->at == gk_json_closer(&r->builder);
}

/* After a value: closes what ends here. Leaves `r->at` behind the comma of a container that goes on, or at the end. */
static bool finish_value(reader *r)
{
	for (;;) {
		skip_blanks(r);
		if (r->builder.depth == 0)
			return r->at == r->end || fail_unexpected(r);
		if (is_closed_here(r)) {
			r->at++;
			r->builder.depth--;
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

		if (json_is_object(gk_json_innermost(&r->builder)) && !read_key(r))
			return false;
		skip_blanks(r);
		value = begin_value(r);
		if (!value)
			return false;
		r->code = gk_json_builder_add_take(&r->builder, value, r->err);
		if (r->code != GK_OK)
			return false;
		if (gk_json_is_container(value)) {
			skip_blanks(r);
			if (!is_closed_here(r))
				continue;
		}
		if (!finish_value(r))
			return false;
	} while (r->builder.depth);
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
	gk_json_builder_init(&r.builder, len);
	if (len > 0)
		r.end = text + len;
	else
		r.start = r.at = r.end = ""; /* `text` may be NULL then */
	if (read_document(&r))
		*ret = gk_json_builder_take(&r.builder);
	gk_json_builder_done(&r.builder);
	gk_buf_done(&r.key_text);
	gk_buf_done(&r.text);
	return r.code;
}
