/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "json/write.h"

#include "base/number.h"
#include "base/str.h"
#include "json/scan.h"

/* Escapes are gathered here and leave for the buffer together. */
#define ESCAPES    96
#define MAX_ESCAPE 12 /* a surrogate pair */

typedef struct writer {
	gk_buf *buf;
	unsigned indent; /* blanks a level; 0: compact */
	bool ascii;
	unsigned depth;
} writer;

static char *put_hex4(char *at, uint32_t unit)
{
	static const char digits[] = "0123456789abcdef";

	at[0] = '\\';
	at[1] = 'u';
	for (int i = 0; i < 4; i++)
		at[2 + i] = digits[unit >> (12 - 4 * i) & 15];
	return at + 6;
}

/* One character that cannot stand in the text as it is; gives the place behind what was written. */
static char *put_escaped(char *at, uint32_t c)
{
	static const char letters[128] = { ['\b'] = 'b',
		['\t'] = 't',
		['\n'] = 'n',
		['\f'] = 'f',
		['\r'] = 'r',
		['"'] = '"',
		['\\'] = '\\' };

	if (c < 128 && letters[c]) {
		at[0] = '\\';
		at[1] = letters[c];
		return at + 2;
	}
	if (c < 0x10000)
		return put_hex4(at, c);
	at = put_hex4(at, 0xd800 + ((c - 0x10000) >> 10));
	return put_hex4(at, 0xdc00 + ((c - 0x10000) & 0x3ff));
}

static char *put_utf8(char *at, uint32_t c)
{
	return at + gk_str_encode_utf8(c, at);
}

/* Writes the special characters that `text` begins with; gives how many bytes of it these were. */
static size_t put_specials(const writer *w, const char *text, size_t len)
{
	char out[ESCAPES], *to = out;
	size_t at = 0;

	while (at < len && to <= out + ESCAPES - MAX_ESCAPE &&
		gk_json_is_special((unsigned char)text[at])) {
		uint32_t c;
		size_t step = gk_str_decode_utf8(text + at, len - at, &c);

		if (step == 0) {
			c = 0xfffd;
			step = 1;
		}
		to = c >= 0x80 && !w->ascii ? put_utf8(to, c) : put_escaped(to, c);
		at += step;
	}
	gk_buf_put(w->buf, out, (size_t)(to - out));
	return at;
}

static void put_string(const writer *w, const char *text, size_t len)
{
	gk_buf_putc(w->buf, '"');
	while (len > 0) {
		size_t run = gk_json_plain_run(text, len);

		if (run > 0)
			gk_buf_put(w->buf, text, run);
		else
			run = put_specials(w, text, len);
		text += run;
		len -= run;
	}
	gk_buf_putc(w->buf, '"');
}

static void put_number(const writer *w, const json_t *value)
{
	char text[GK_NUMBER_SIZE];
	size_t len = json_is_integer(value) ? gk_format_i64(json_integer_value(value), text)
					    : gk_format_real(json_real_value(value), text);

	gk_buf_put(w->buf, text, len);
}

static void break_line(const writer *w)
{
	size_t blanks = (size_t)w->indent * w->depth;
	char *at;

	if (w->indent == 0)
		return;
	at = gk_buf_reserve(w->buf, blanks + 1);
	if (!at)
		return;
	at[0] = '\n';
	memset(at + 1, ' ', blanks);
	gk_buf_added(w->buf, blanks + 1);
}

static void put_value(writer *w, const json_t *value);

static void put_object(writer *w, json_t *object)
{
	char comma = '{';

	for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
		gk_buf_putc(w->buf, comma);
		comma = ',';
		break_line(w);
		put_string(w, json_object_iter_key(i), json_object_iter_key_len(i));
		gk_buf_put(w->buf, ": ", w->indent ? 2 : 1);
		put_value(w, json_object_iter_value(i));
	}
}

static void put_array(writer *w, const json_t *array)
{
	char comma = '[';

	for (size_t i = 0; i < json_array_size(array); i++) {
		gk_buf_putc(w->buf, comma);
		comma = ',';
		break_line(w);
		put_value(w, json_array_get(array, i));
	}
}

/* Depth is bounded and the frames are small, so recursion is safe on a fiber's stack. */
static void put_container(writer *w, const json_t *value)
{
	bool is_object = json_is_object(value);

	if (is_object ? json_object_size(value) == 0 : json_array_size(value) == 0) {
		gk_buf_put(w->buf, is_object ? "{}" : "[]", 2);
		return;
	}
	if (w->depth == GK_JSON_MAX_DEPTH) {
		w->buf->failed = true;
		return;
	}
	w->depth++;
	if (is_object)
		put_object(w, (json_t *)(uintptr_t)
				      value); /* iterators take no const; nothing is changed */
	else
		put_array(w, value);
	w->depth--;
	break_line(w);
	gk_buf_putc(w->buf, is_object ? '}' : ']');
}

static void put_value(writer *w, const json_t *value)
{
	if (gk_buf_failed(w->buf))
		return;
	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		put_container(w, value);
		break;
	case JSON_STRING:
		put_string(w, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		put_number(w, value);
		break;
	case JSON_TRUE:
		gk_buf_put(w->buf, "true", 4);
		break;
	case JSON_FALSE:
		gk_buf_put(w->buf, "false", 5);
		break;
	case JSON_NULL:
		gk_buf_put(w->buf, "null", 4);
		break;
	}
}

static void append(writer w, const json_t *value)
{
	put_value(&w, value);
	gk_buf_put(w.buf, "", 0); /* the closing NUL, where the last bytes were put without one */
}

void gk_json_append(gk_buf *buf, const json_t *value)
{
	append((writer){ .buf = buf, .ascii = true }, value);
}

void gk_json_append_pretty(gk_buf *buf, const json_t *value, unsigned indent)
{
	append((writer){ .buf = buf, .indent = indent }, value);
}

void gk_json_append_string(gk_buf *buf, const char *text, size_t len)
{
	put_string(&(writer){ .buf = buf, .ascii = true }, text, len);
}

char *gk_json_write(const json_t *value, size_t *len_ret)
{
	gk_buf buf = GK_BUF_INIT(0);

	gk_json_append(&buf, value);
	return gk_buf_take(&buf, len_ret);
}

char *gk_json_write_pretty(const json_t *value, size_t *len_ret)
{
	gk_buf buf = GK_BUF_INIT(0);

	gk_json_append_pretty(&buf, value, 2);
	return gk_buf_take(&buf, len_ret);
}
