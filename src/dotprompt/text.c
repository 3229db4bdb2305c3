/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "dotprompt/text.h"

#include "base/number.h"
#include "base/str.h"
#include "json/edit.h"

#include <genkit/json.h>

#define REPLACEMENT "\xef\xbf\xbd"
#define MAX_SAFE    (INT64_C(1) << 53)

/* --- white space --- */

static bool is_wide_space(uint32_t c)
{
	return c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
	       c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000 || c == 0xfeff;
}

size_t gk_text_space(const char *text, size_t len)
{
	unsigned char c = len ? (unsigned char)*text : 0;
	uint32_t character;
	size_t step;

	if (c < 0x80)
		return c == ' ' || (c >= 9 && c <= 13);
	step = gk_str_decode_utf8(text, len, &character);
	return step && is_wide_space(character) ? step : 0;
}

size_t gk_text_leading(const char *text, size_t len)
{
	size_t at = 0, step;

	while ((step = gk_text_space(text + at, len - at)) > 0)
		at += step;
	return at;
}

size_t gk_text_trimmed(const char *text, size_t len)
{
	while (len > 0) {
		size_t start = len - 1;

		while (start > 0 && len - start < 4 && ((unsigned char)text[start] & 0xc0) == 0x80)
			start--;
		if (gk_text_space(text + start, len - start) != len - start)
			break;
		len = start;
	}
	return len;
}

bool gk_text_is_blank(const char *text, size_t len)
{
	return gk_text_leading(text, len) == len;
}

/* --- UTF-16 --- */

/* A byte that begins a character beyond U+FFFF counts twice, one that continues a character not at all. */
static unsigned units_of(char c)
{
	unsigned char byte = (unsigned char)c;

	return byte >= 0xf0 ? 2 : (byte & 0xc0) != 0x80;
}

size_t gk_text_units(const char *text, size_t len)
{
	size_t units = 0;

	for (size_t i = 0; i < len; i++)
		units += units_of(text[i]);
	return units;
}

size_t gk_text_first_units(const char *text, size_t len, size_t units)
{
	size_t at = 0;

	while (at < len && units_of(text[at]) <= units)
		units -= units_of(text[at++]);
	return at;
}

/* --- UTF-8 --- */

/* Nearly all text is ASCII: eight bytes at a time. */
bool gk_text_is_utf8(const char *text, size_t len)
{
	size_t at = 0;
	uint64_t word = 0;

	for (; at + sizeof(word) <= len && !word; at += sizeof(word)) {
		memcpy(&word, text + at, sizeof(word));
		word &= UINT64_C(0x8080808080808080);
	}
	if (word)
		at -= sizeof(word);
	while (at < len && (unsigned char)text[at] < 0x80)
		at++;
	return at == len || gk_str_valid_utf8(text + at, len - at) == len - at;
}

void gk_text_put(gk_buf *buf, const char *text, size_t len)
{
	while (len > 0) {
		size_t valid = gk_str_valid_utf8(text, len);

		gk_buf_put(buf, text, valid);
		if (valid == len)
			break;
		gk_buf_puts(buf, REPLACEMENT);
		text += valid + 1;
		len -= valid + 1;
	}
}

/* --- values --- */

size_t gk_text_number(const json_t *number, char ret[32])
{
	int64_t integer = json_integer_value(number);

	if (json_is_integer(number) && integer <= MAX_SAFE && integer >= -MAX_SAFE)
		return gk_format_i64(integer, ret);
	return gk_format_real(json_number_value(number), ret);
}

static void put_value(gk_buf *buf, const json_t *value, unsigned depth);

static void put_elements(gk_buf *buf, const json_t *array, unsigned depth)
{
	if (depth == GK_JSON_MAX_DEPTH) {
		gk_buf_fail(buf);
		return;
	}
	for (size_t i = 0; i < json_array_size(array) && !gk_buf_failed(buf); i++) {
		json_t *item = json_array_get(array, i);

		if (i > 0)
			gk_buf_putc(buf, ',');
		if (!json_is_null(item))
			put_value(buf, item, depth + 1);
	}
}

static void put_value(gk_buf *buf, const json_t *value, unsigned depth)
{
	char number[32];

	if (!value) {
		gk_buf_puts(buf, "undefined");
		return;
	}
	switch (json_typeof(value)) {
	case JSON_STRING:
		gk_text_put(buf, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		gk_buf_put(buf, number, gk_text_number(value, number));
		break;
	case JSON_ARRAY:
		put_elements(buf, value, depth);
		break;
	case JSON_OBJECT:
		gk_buf_puts(buf, "[object Object]");
		break;
	default:
		gk_buf_puts(buf, json_is_null(value)   ? "null"
				 : json_is_true(value) ? "true"
						       : "false");
	}
}

void gk_text_put_value(gk_buf *buf, const json_t *value)
{
	put_value(buf, value, 0);
	gk_buf_put(buf, "", 0);
}

/* --- JSON --- */

typedef struct writer {
	gk_buf *buf;
	const char *indent;
	size_t indent_len;
	unsigned depth;
} writer;

static void write_value(writer *w, json_t *value);

static void break_line(const writer *w)
{
	if (w->indent_len == 0)
		return;
	gk_buf_putc(w->buf, '\n');
	for (unsigned i = 0; i < w->depth; i++)
		gk_buf_put(w->buf, w->indent, w->indent_len);
}

static void write_char(gk_buf *buf, unsigned char c)
{
	static const char letters[] = "\bb\tt\nn\ff\rr\"\"\\\\";

	for (const char *at = letters; *at; at += 2)
		if ((unsigned char)*at == c) {
			gk_buf_putc(buf, '\\');
			gk_buf_putc(buf, at[1]);
			return;
		}
	gk_buf_printf(buf, "\\u%04x", c);
}

static void write_string(gk_buf *buf, const char *text, size_t len)
{
	size_t at = 0, start = 0;

	gk_buf_putc(buf, '"');
	for (; at < len; at++) {
		unsigned char c = (unsigned char)text[at];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		gk_text_put(buf, text + start, at - start);
		write_char(buf, c);
		start = at + 1;
	}
	gk_text_put(buf, text + start, at - start);
	gk_buf_putc(buf, '"');
}

static void write_members(writer *w, json_t *object)
{
	gk_auto_json json_t *ordered = gk_json_js_order(object);
	char comma = '{';

	if (!ordered)
		gk_buf_fail(w->buf);
	for (void *i = json_object_iter(ordered); i; i = json_object_iter_next(ordered, i)) {
		gk_buf_putc(w->buf, comma);
		comma = ',';
		break_line(w);
		write_string(w->buf, json_object_iter_key(i), json_object_iter_key_len(i));
		gk_buf_put(w->buf, ": ", w->indent_len ? 2 : 1);
		write_value(w, json_object_iter_value(i));
	}
}

static void write_elements(writer *w, const json_t *array)
{
	char comma = '[';

	for (size_t i = 0; i < json_array_size(array); i++) {
		gk_buf_putc(w->buf, comma);
		comma = ',';
		break_line(w);
		write_value(w, json_array_get(array, i));
	}
}

static void write_container(writer *w, json_t *value)
{
	bool is_object = json_is_object(value);

	if (is_object ? json_object_size(value) == 0 : json_array_size(value) == 0) {
		gk_buf_puts(w->buf, is_object ? "{}" : "[]");
		return;
	}
	if (w->depth == GK_JSON_MAX_DEPTH) {
		gk_buf_fail(w->buf);
		return;
	}
	w->depth++;
	if (is_object)
		write_members(w, value);
	else
		write_elements(w, value);
	w->depth--;
	break_line(w);
	gk_buf_putc(w->buf, is_object ? '}' : ']');
}

static void write_value(writer *w, json_t *value)
{
	if (gk_buf_failed(w->buf))
		return;
	if (json_is_object(value) || json_is_array(value))
		write_container(w, value);
	else if (json_is_string(value))
		write_string(w->buf, json_string_value(value), json_string_length(value));
	else
		gk_text_put_value(w->buf, value);
}

void gk_text_put_json(gk_buf *buf, json_t *value, const char *indent, size_t indent_len)
{
	write_value(&(writer){ .buf = buf, .indent = indent, .indent_len = indent_len }, value);
	gk_buf_put(buf, "", 0);
}
