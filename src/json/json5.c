/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "json/json5.h"

#include "base/buf.h"
#include "base/str.h"
#include "json/blank.h"
#include "json/builder.h"
#include "json/literal.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>

typedef struct reader {
	const char *start, *at, *end;
	gk_json_builder builder;
	gk_buf key, text; /* decoded */
	gk_error *err;
	gk_code code;
} reader;

/* --- errors --- */

static bool fail(reader *r)
{
	char what[32] = "";
	unsigned line, column;
	uint32_t c;
	size_t len;

	gk_json_locate(r->start, r->at, &line, &column);
	if (r->at == r->end) {
		r->code = gk_error_set_plain(
			r->err, "JSON5: invalid end of input at %u:%u", line, column);
		return false;
	}
	len = gk_str_decode_utf8(r->at, (size_t)(r->end - r->at), &c);
	if (len == 0 || c < 0x20)
		snprintf(what, sizeof(what), "\\x%02x", (unsigned char)*r->at);
	else
		memcpy(what, r->at, len);
	r->code = gk_error_set_plain(
		r->err, "JSON5: invalid character '%s' at %u:%u", what, line, column);
	return false;
}

static json_t *no_value(reader *r)
{
	fail(r);
	return NULL;
}

static char peek(const reader *r)
{
	return r->at < r->end ? *r->at : '\0';
}

/* --- between values --- */

static bool skip_comment(reader *r)
{
	const char *end;

	r->at++;
	switch (peek(r)) {
	case '/':
		while (r->at < r->end && *r->at != '\n' && *r->at != '\r')
			r->at++;
		return true;
	case '*':
		end = memmem(r->at + 1, (size_t)(r->end - r->at - 1), "*/", 2);
		r->at = end ? end + 2 : r->end;
		return end || fail(r);
	default:
		return fail(r);
	}
}

static bool skip(reader *r)
{
	for (;;) {
		size_t blank = gk_blank(r->at, r->end);

		r->at += blank;
		if (blank == 0 && peek(r) != '/')
			return true;
		if (blank == 0 && !skip_comment(r))
			return false;
	}
}

/* --- strings --- */

static bool put_character(reader *r, gk_buf *into, int32_t c)
{
	char utf8[4];

	if (c < 0)
		return fail(r);
	gk_buf_put(into, utf8, gk_str_encode_utf8((uint32_t)c, utf8));
	return true;
}

/* `r->at` is behind the backslash. Whatever has no meaning of its own stands for itself; a line's end for nothing. */
static bool read_escape(reader *r, gk_buf *into)
{
	static const char meanings[] = "b\bf\fn\nr\rt\tv\v";
	const char *meaning;
	char c = peek(r);
	int32_t code;

	if (r->at == r->end || (c >= '1' && c <= '9'))
		return fail(r);
	if (c == 'u') {
		r->at++;
		return put_character(r, into, gk_json_unicode_escape(&r->at, r->end));
	}
	if (c == 'x') {
		code = gk_json_hex(++r->at, r->end, 2);
		r->at += code < 0 ? 0 : 2;
		return put_character(r, into, code);
	}
	if (c == '0') {
		r->at++;
		gk_buf_putc(into, '\0');
		return !isdigit((unsigned char)peek(r)) || fail(r);
	}
	if (c == '\r' || c == '\n') {
		r->at += c == '\r' && r->end - r->at > 1 && r->at[1] == '\n' ? 2 : 1;
		return true;
	}
	if (r->end - r->at >= 3 &&
		(memcmp(r->at, "\u2028", 3) == 0 || memcmp(r->at, "\u2029", 3) == 0)) {
		r->at += 3; /* the other two line ends of JavaScript */
		return true;
	}
	meaning = c ? strchr(meanings, c) : NULL;
	if (meaning && (meaning - meanings) % 2 == 0) {
		gk_buf_putc(into, meaning[1]);
		r->at++;
	}
	return true;
}

/* `r->at` is at the opening quote. */
static bool read_quoted(reader *r, gk_buf *into)
{
	char quote = *r->at++;

	gk_buf_clear(into);
	for (;;) {
		const char *begin = r->at;
		uint32_t c;

		while (r->at < r->end && *r->at != quote && *r->at != '\\' && *r->at != '\n' &&
			*r->at != '\r') {
			size_t len = gk_str_decode_utf8(r->at, (size_t)(r->end - r->at), &c);

			if (len == 0)
				return fail(r);
			r->at += len;
		}
		gk_buf_put(into, begin, (size_t)(r->at - begin));
		if (peek(r) == quote && r->at < r->end) {
			r->at++;
			return true;
		}
		if (peek(r) != '\\')
			return fail(r);
		begin = ++r->at;
		if (!read_escape(r, into))
			return false;
		if (r->at == begin && r->at < r->end) { /* it stands for itself */
			size_t len = gk_str_decode_utf8(r->at, (size_t)(r->end - r->at), &c);

			if (len == 0)
				return fail(r);
			gk_buf_put(into, r->at, len);
			r->at += len;
		}
	}
}

static bool is_name_start(char c)
{
	return isalpha((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* A name without quotes. Beyond ASCII every character but white space will do. */
static bool read_name(reader *r, gk_buf *into)
{
	gk_buf_clear(into);
	while (r->at < r->end && !gk_blank(r->at, r->end)) {
		uint32_t c;
		size_t len;

		if (*r->at == '\\') {
			if (r->end - ++r->at == 0 || *r->at != 'u')
				return fail(r);
			r->at++;
			if (!put_character(r, into, gk_json_unicode_escape(&r->at, r->end)))
				return false;
			continue;
		}
		if (!is_name_start(*r->at) && (into->len == 0 || !isdigit((unsigned char)*r->at)))
			break;
		len = gk_str_decode_utf8(r->at, (size_t)(r->end - r->at), &c);
		if (len == 0)
			return fail(r);
		gk_buf_put(into, r->at, len);
		r->at += len;
	}
	return into->len > 0 || fail(r);
}

static bool no_memory_for(reader *r, const gk_buf *buf)
{
	if (!gk_buf_failed(buf))
		return false;
	r->code = gk_error_no_memory(r->err);
	return true;
}

static json_t *read_text(reader *r)
{
	json_t *value;

	if (!read_quoted(r, &r->text) || no_memory_for(r, &r->text))
		return NULL;
	value = json_stringn_nocheck(r->text.len ? r->text.data : "", r->text.len);
	if (!value)
		r->code = gk_error_no_memory(r->err);
	return value;
}

/* The name of a member and the colon. */
static bool read_key(reader *r)
{
	char c = peek(r);

	if (!(c == '"' || c == '\'' ? read_quoted(r, &r->key) : read_name(r, &r->key)) ||
		no_memory_for(r, &r->key) || !skip(r))
		return false;
	if (peek(r) != ':')
		return fail(r);
	r->at++;
	r->builder.key = r->key.len ? r->key.data : "";
	r->builder.key_len = r->key.len;
	return skip(r);
}

/* --- scalars --- */

static json_t *read_word(reader *r, const char *word, json_t *value)
{
	while (*word && r->at < r->end && *r->at == *word) {
		r->at++;
		word++;
	}
	return *word ? no_value(r) : value;
}

static json_t *read_hexadecimal(reader *r, bool negative)
{
	double value = 0;
	int digit;

	r->at += 2;
	if (r->at == r->end || gk_json_hex_digit(*r->at) < 0)
		return no_value(r);
	while (r->at < r->end && (digit = gk_json_hex_digit(*r->at)) >= 0) {
		value = value * 16 + digit;
		r->at++;
	}
	if (negative)
		value = -value;
	if (value >= -0x1p53 && value <= 0x1p53)
		return json_integer((json_int_t)value);
	return isinf(value) ? json_null() : json_real(value);
}

/* [-+]? (digits [. digits?]? | . digits) ([eE] [-+]? digits)?, no zero before another digit. */
static json_t *read_decimal(reader *r, const char *begin)
{
	const char *digits = r->at, *end = gk_json_skip_digits(digits, r->end);
	bool is_real = false, any = end > digits;
	json_t *value = NULL;

	if (*digits == '0' && end - digits > 1) {
		r->at++;
		return no_value(r);
	}
	r->at = end;
	if (peek(r) == '.') {
		is_real = true;
		r->at = gk_json_skip_digits(r->at + 1, r->end);
		any = any || r->at - end > 1;
	}
	if (!any)
		return no_value(r);
	if ((peek(r) | 0x20) == 'e') {
		is_real = true;
		r->at++;
		r->at += peek(r) == '-' || peek(r) == '+';
		digits = r->at;
		r->at = gk_json_skip_digits(digits, r->end);
		if (r->at == digits)
			return no_value(r);
	}
	if (!gk_json_number(begin, r->at, is_real, &value))
		return json_null();
	return value;
}

static json_t *read_number(reader *r)
{
	const char *begin = r->at;
	bool negative = *r->at == '-';

	r->at += negative || *r->at == '+';
	if (peek(r) == 'I')
		return read_word(r, "Infinity", json_null());
	if (peek(r) == 'N')
		return read_word(r, "NaN", json_null());
	if (peek(r) == '0' && r->end - r->at > 1 && (r->at[1] | 0x20) == 'x')
		return read_hexadecimal(r, negative);
	if (r->at == r->end)
		return no_value(r);
	return read_decimal(r, begin);
}

/* --- structure --- */

/* A scalar, or an empty container with `r->at` behind its bracket. */
static json_t *begin_value(reader *r)
{
	switch (peek(r)) {
	case '"':
	case '\'':
		return read_text(r);
	case '{':
		r->at++;
		return json_object();
	case '[':
		r->at++;
		return json_array();
	case 't':
		return read_word(r, "true", json_true());
	case 'f':
		return read_word(r, "false", json_false());
	case 'n':
		return read_word(r, "null", json_null());
	case 'I':
	case 'N':
	case '-':
	case '+':
	case '.':
	case '0' ... '9':
		return read_number(r);
	default:
		return no_value(r);
	}
}

static bool is_closed_here(const reader *r)
{
	return r->builder.depth && peek(r) == gk_json_closer(&r->builder);
}

static void close(reader *r)
{
	r->at++;
	r->builder.depth--;
}

/* Behind a value: closes what ends here, and steps over the comma of a container that goes on. */
static bool finish_value(reader *r)
{
	for (;;) {
		if (!skip(r))
			return false;
		if (r->builder.depth == 0)
			return r->at == r->end || fail(r);
		if (is_closed_here(r)) {
			close(r);
			continue;
		}
		if (peek(r) != ',')
			return fail(r);
		r->at++;
		return true;
	}
}

static bool read_document(reader *r)
{
	do {
		json_t *value;

		if (!skip(r))
			return false;
		if (is_closed_here(r)) {
			close(r);
			if (!finish_value(r))
				return false;
			continue;
		}
		if (json_is_object(gk_json_innermost(&r->builder)) && !read_key(r))
			return false;
		value = begin_value(r);
		if (!value && r->code != GK_OK)
			return false;
		r->code = gk_json_builder_add_take(&r->builder, value, r->err);
		if (r->code != GK_OK)
			return false;
		if (!gk_json_is_container(value) && !finish_value(r))
			return false;
	} while (r->builder.depth);
	return true;
}

gk_code gk_json5_parse(const char *text, size_t len, json_t **ret, gk_error *err)
{
	reader r = { .start = text, .at = text, .end = text + len, .err = err };

	if (len > GK_MAX_EXTRACT_TEXT)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"JSON of %zu bytes exceeds the limit of %u bytes", len,
			GK_MAX_EXTRACT_TEXT);
	gk_json_builder_init(&r.builder, len);
	if (read_document(&r))
		*ret = gk_json_builder_take(&r.builder);
	gk_json_builder_done(&r.builder);
	gk_buf_done(&r.key);
	gk_buf_done(&r.text);
	return r.code;
}
