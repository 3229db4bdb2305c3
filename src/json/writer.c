/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "json/write.h"

#include "base/number.h"
#include "base/str.h"
#include "json/scan.h"

/* Strings are written piece by piece, into room for the worst that a piece can become. */
#define PIECE      1024
#define SMALL      16 /* of a buffer that may not grow as it likes */
#define MAX_GROWTH 7  /* bytes that one can become: a control character in a text in a text */
#define MAX_ESCAPE 12 /* a surrogate pair */
#define MAX_QUOTE  2  /* one in a string is escaped */

#define MEMO_DEPTH 4 /* of lists whose elements are worth remembering */

typedef struct writer {
	gk_buf *buf;
	unsigned indent; /* blanks a level; 0: compact */
	bool ascii;
	bool is_nested; /* what is written stands in a string */
	unsigned depth;
	gk_json_memo *memo; /* only of what is nested; NULL: none */
	bool is_kept; /* what is written is a part of what is remembered as a whole: it need not be once more */
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

/* A character of ASCII that is escaped twice. */
static char *put_escaped_twice(char *at, uint32_t c)
{
	*at++ = '\\';
	if (c == '"' || c == '\\') {
		*at++ = '\\';
		*at++ = '\\';
		*at++ = (char)c;
		return at;
	}
	return put_escaped(at, c);
}

/* Writes the special character that `text` begins with; gives how many bytes of it that was. */
static size_t put_special(const writer *w, const char *text, size_t len, char **to)
{
	uint32_t c;
	size_t step = gk_str_decode_utf8(text, len, &c);

	if (step == 0) {
		c = 0xfffd;
		step = 1;
	}
	if (c >= 0x80 && !w->ascii)
		*to = put_utf8(*to, c);
	else
		*to = w->is_nested && c < 0x80 ? put_escaped_twice(*to, c) : put_escaped(*to, c);
	return step;
}

/* Copies a text that is plain from end to end, most of them, in steps the last of which may copy some bytes twice. False: it
 * is not; there is room for it in any case. */
static bool copy_plain(char *to, const char *text, size_t len)
{
	if (len >= 8) {
		for (size_t at = 0; at + 8 < len; at += 8) {
			if (!gk_json_word_is_plain(text + at))
				return false;
			memcpy(to + at, text + at, 8);
		}
		memcpy(to + len - 8, text + len - 8, 8);
		return gk_json_word_is_plain(text + len - 8);
	}
	if (len >= 4) {
		memcpy(to, text, 4);
		memcpy(to + len - 4, text + len - 4, 4);
		return gk_json_few_are_plain(text, len);
	}
	for (size_t at = 0; at < len; at++) {
		if (gk_json_is_special((unsigned char)text[at]))
			return false;
		to[at] = text[at];
	}
	return true;
}

/* Writes some of a text to `to`, which has room for it; gives how many bytes of it, `piece` or a few more. */
static size_t put_piece(const writer *w, const char *text, size_t piece, size_t len, char **to)
{
	char *out = *to;
	size_t at = 0;

	while (at < piece) {
		if (at + 8 <= piece && gk_json_word_is_plain(text + at)) {
			memcpy(out, text + at, 8);
			out += 8;
			at += 8;
			continue;
		}
		while (at < piece && !gk_json_is_special((unsigned char)text[at]))
			*out++ = text[at++];
		if (at < piece)
			at += put_special(w, text + at, len - at, &out);
	}
	*to = out;
	return at;
}

static char *put_quote(const writer *w, char *at)
{
	if (w->is_nested)
		*at++ = '\\';
	*at++ = '"';
	return at;
}

/* Piece by piece: what is long, and what goes into a buffer that may not grow as it likes. */
static void put_long(const writer *w, const char *text, size_t len)
{
	char small[SMALL * MAX_GROWTH + MAX_ESCAPE], quote[MAX_QUOTE];
	size_t most = w->buf->max ? SMALL : PIECE,
	       quote_len = (size_t)(put_quote(w, quote) - quote);

	gk_buf_put(w->buf, quote, quote_len);
	while (len > 0) {
		size_t piece = len < most ? len : most, done;
		char *room = w->buf->max ? small
					 : gk_buf_reserve(w->buf, piece * MAX_GROWTH + MAX_ESCAPE);
		char *to = room;

		if (!room)
			return;
		done = put_piece(w, text, piece, len, &to);
		if (room == small)
			gk_buf_put(w->buf, small, (size_t)(to - small));
		else
			gk_buf_added(w->buf, (size_t)(to - room));
		text += done;
		len -= done;
	}
	gk_buf_put(w->buf, quote, quote_len);
}

static bool must_be_in_pieces(const writer *w, size_t len)
{
	return len > PIECE || w->buf->max;
}

/* With its quotes; gives the place behind them. */
static char *put_short(const writer *w, char *to, const char *text, size_t len)
{
	to = put_quote(w, to);
	if (copy_plain(to, text, len))
		to += len;
	else
		put_piece(w, text, len, len, &to);
	return put_quote(w, to);
}

#define SHORT_ROOM(len) ((len)*MAX_GROWTH + MAX_ESCAPE + 2 * MAX_QUOTE)

static void put_string(const writer *w, const char *text, size_t len)
{
	char *room, *to;

	if (must_be_in_pieces(w, len)) {
		put_long(w, text, len);
		return;
	}
	room = gk_buf_room(w->buf, SHORT_ROOM(len));
	if (!room)
		return;
	to = put_short(w, room, text, len);
	*to = '\0';
	gk_buf_added(w->buf, (size_t)(to - room));
}

static void put_number(const writer *w, const json_t *value)
{
	char text[GK_NUMBER_SIZE];
	size_t len;

	if (json_is_integer(value) && json_integer_value(value) >= 0 &&
		json_integer_value(value) < 10) {
		gk_buf_putc(w->buf, (char)('0' + json_integer_value(value)));
		return;
	}
	len = json_is_integer(value) ? gk_format_i64(json_integer_value(value), text)
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

/* ,"name": in one go, since there are as many as values. */
static void put_name(const writer *w, char comma, const char *name, size_t len)
{
	char *room, *to;

	if (w->indent || must_be_in_pieces(w, len)) {
		gk_buf_putc(w->buf, comma);
		break_line(w);
		put_string(w, name, len);
		gk_buf_put(w->buf, ": ", w->indent ? 2 : 1);
		return;
	}
	room = gk_buf_room(w->buf, SHORT_ROOM(len) + 2);
	if (!room)
		return;
	*room = comma;
	to = put_short(w, room + 1, name, len);
	*to++ = ':';
	*to = '\0';
	gk_buf_added(w->buf, (size_t)(to - room));
}

/* A value that may have been written before. */
static void put_remembered(writer *w, const json_t *value, bool is_whole)
{
	const gk_json_memo_slot *known = gk_json_memo_find(w->memo, value);
	bool is_kept = w->is_kept;
	size_t start = w->buf->len;

	if (known) {
		gk_buf_put(w->buf, w->memo->text.data + known->at, known->len);
		return;
	}
	w->is_kept |= is_whole;
	put_value(w, value);
	w->is_kept = is_kept;
	if (!is_kept && !gk_buf_failed(w->buf))
		gk_json_memo_add(w->memo, value, w->buf->data + start, w->buf->len - start);
}

/* One that the value itself holds. */
static bool is_member(const writer *w, const json_t *value)
{
	return w->depth == 1 && w->memo && w->memo->has_members && json_object_size(value) > 0;
}

static void put_object(writer *w, json_t *object)
{
	char comma = '{';

	for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
		const json_t *value = json_object_iter_value(i);

		put_name(w, comma, json_object_iter_key(i), json_object_iter_key_len(i));
		comma = ',';
		if (is_member(w, value))
			put_remembered(w, value, true);
		else
			put_value(w, value);
	}
}

static void put_array(writer *w, const json_t *array)
{
	bool is_remembered = w->memo && w->depth <= MEMO_DEPTH;
	char comma = '[';

	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *value = json_array_get(array, i);

		gk_buf_putc(w->buf, comma);
		comma = ',';
		break_line(w);
		if (is_remembered && json_is_object(value))
			put_remembered(w, value, false);
		else
			put_value(w, value);
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

void gk_json_append_nested(gk_buf *buf, const json_t *value, gk_json_memo *memo, bool is_known)
{
	writer w = { .buf = buf, .ascii = true, .is_nested = true, .memo = memo };

	gk_buf_putc(buf, '"');
	if (memo && is_known && (json_is_object(value) || json_is_array(value)))
		put_remembered(&w, value, false);
	else
		put_value(&w, value);
	gk_buf_putc(buf, '"');
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
