/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "json/write.h"

#include "base/number.h"
#include "base/str.h"
#include "json/scan.h"

/*
 * What is written goes to a place in the buffer's memory that every function is given and gives back, moved on; NULL when
 * there is no more memory. The buffer learns of it when it must grow, and at the end: what its `max` does not allow is cut
 * off then.
 *
 *	data ... len ... to ... end
 *	                 [ room for what comes next ]
 */
#define PIECE          1024 /* of a text: room is made for the worst that it can become */
#define MAX_GROWTH     7    /* bytes that one can become: a control character in a text in a text */
#define MAX_ESCAPE     12   /* a surrogate pair */
#define MAX_QUOTE      2    /* one in a string is escaped */
#define SCALAR_ROOM    GK_NUMBER_SIZE /* whatever is neither text nor list, and a comma or a bracket */
#define TEXT_ROOM(len) ((len)*MAX_GROWTH + MAX_ESCAPE + 2 * MAX_QUOTE)

#define MEMO_DEPTH 4 /* of lists whose elements are worth remembering */

typedef struct writer {
	gk_buf *buf;
	const char *end; /* of the buffer's memory */
	unsigned indent; /* blanks a level; 0: compact */
	bool ascii;
	char quote[MAX_QUOTE];
	size_t quote_len; /* 2, with a backslash: what is written stands in a string */
	unsigned depth;
	gk_json_memo *memo; /* only of what is nested; NULL: none */
	bool is_kept; /* what is written is a part of what is remembered as a whole: it need not be once more */
} writer;

/* The buffer gets what was written since it was told the last time. */
static void tell(const writer *w, const char *to)
{
	gk_buf_added(w->buf, (size_t)(to - (w->buf->data + w->buf->len)));
}

static char *__attribute__((cold, noinline)) more_room(writer *w, const char *to, size_t need)
{
	char *room;

	if (to)
		tell(w, to);
	room = gk_buf_reserve_most(w->buf, need);
	w->end = room ? w->buf->data + w->buf->cap : NULL;
	return room;
}

static inline char *make_room(writer *w, char *to, size_t need)
{
	return to && need < (size_t)(w->end - to) ? to : more_room(w, to, need);
}

/* There is room for a quote and a scalar. */
static char *begin(writer *w)
{
	gk_buf *buf = w->buf;

	if (1 + SCALAR_ROOM >= buf->limit - buf->len)
		return more_room(w, NULL, 1 + SCALAR_ROOM);
	w->end = buf->data + buf->cap;
	return buf->data + buf->len;
}

static void end(const writer *w, const char *to)
{
	if (to)
		tell(w, to);
}

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
		*to = w->quote_len == 2 && c < 0x80 ? put_escaped_twice(*to, c)
						    : put_escaped(*to, c);
	return step;
}

static inline bool copy_16(char *to, const char *text)
{
	gk_json_halves halves;

	memcpy(&halves, text, 16);
	memcpy(to, &halves, 16);
	return gk_json_are_plain(halves);
}

/* Eight to sixteen bytes, in two steps that may overlap. */
static bool copy_8_twice(char *to, const char *text, size_t len)
{
	uint64_t first, last;

	memcpy(&first, text, 8);
	memcpy(&last, text + len - 8, 8);
	memcpy(to, &first, 8);
	memcpy(to + len - 8, &last, 8);
	return gk_json_are_plain((gk_json_halves){ first, last });
}

static bool copy_4_twice(char *to, const char *text, size_t len)
{
	uint32_t first, last;
	uint64_t both;

	memcpy(&first, text, 4);
	memcpy(&last, text + len - 4, 4);
	memcpy(to, &first, 4);
	memcpy(to + len - 4, &last, 4);
	both = first | (uint64_t)last << 32;
	return gk_json_are_plain((gk_json_halves){ both, both });
}

/* Copies a text that is plain from end to end, most of them, in steps the last of which may copy some bytes twice. False: it
 * is not; there is room for it in any case. */
static inline bool copy_plain(char *to, const char *text, size_t len)
{
	if (len > 16) {
		for (size_t at = 0; at < len - 16; at += 16)
			if (!copy_16(to + at, text + at))
				return false;
		return copy_16(to + len - 16, text + len - 16);
	}
	if (len >= 8)
		return copy_8_twice(to, text, len);
	if (len >= 4)
		return copy_4_twice(to, text, len);
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
		if (at + 16 <= piece && copy_16(out, text + at)) {
			out += 16;
			at += 16;
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

static char *put_quote(const writer *w, char *to)
{
	memcpy(to, w->quote, MAX_QUOTE);
	return to + w->quote_len;
}

static char *put_mixed(const writer *w, char *to, const char *text, size_t len)
{
	put_piece(w, text, len, len, &to);
	return put_quote(w, to);
}

/* With its quotes; there is TEXT_ROOM(). */
static char *put_short(const writer *w, char *to, const char *text, size_t len)
{
	to = put_quote(w, to);
	return copy_plain(to, text, len) ? put_quote(w, to + len) : put_mixed(w, to, text, len);
}

static char *put_long(writer *w, char *to, const char *text, size_t len)
{
	to = make_room(w, to, TEXT_ROOM(PIECE));
	if (to)
		to = put_quote(w, to);
	while (to && len > 0) {
		size_t done = put_piece(w, text, len < PIECE ? len : PIECE, len, &to);

		text += done;
		len -= done;
		to = make_room(w, to, TEXT_ROOM(PIECE));
	}
	return to ? put_quote(w, to) : NULL;
}

static char *put_string(writer *w, char *to, const char *text, size_t len)
{
	if (len > PIECE)
		return put_long(w, to, text, len);
	to = make_room(w, to, TEXT_ROOM(len));
	return to ? put_short(w, to, text, len) : NULL;
}

static char *break_line(writer *w, char *to)
{
	size_t blanks = (size_t)w->indent * w->depth;

	to = make_room(w, to, 1 + blanks + SCALAR_ROOM);
	if (!to)
		return NULL;
	*to = '\n';
	memset(to + 1, ' ', blanks);
	return to + 1 + blanks;
}

/* ,"name": with room for a scalar, since most values are short. */
static char *put_name(writer *w, char *to, char comma, const char *name, size_t len)
{
	bool is_short = len <= PIECE;

	to = make_room(w, to, 1 + (is_short ? TEXT_ROOM(len) : 0) + 2 + SCALAR_ROOM);
	if (!to)
		return NULL;
	*to++ = comma;
	if (is_short && !w->indent) {
		to = put_short(w, to, name, len);
	} else {
		if (w->indent)
			to = break_line(w, to);
		to = put_string(w, to, name, len);
		to = make_room(w, to, 2 + SCALAR_ROOM);
		if (!to)
			return NULL;
	}
	memcpy(to, ": ", 2);
	return to + (w->indent ? 2 : 1);
}

static char *put_other(writer *w, char *to, const json_t *value);

/* There is SCALAR_ROOM. */
static inline char *put_value(writer *w, char *to, const json_t *value)
{
	if (json_is_string(value)) /* as most are */
		return put_string(w, to, json_string_value(value), json_string_length(value));
	return put_other(w, to, value);
}

/* A value that may have been written before. */
static char *put_remembered(writer *w, char *to, const json_t *value, bool is_whole)
{
	const gk_json_memo_slot *known = gk_json_memo_find(w->memo, value);
	size_t start = (size_t)(to - w->buf->data);
	bool is_kept = w->is_kept;

	if (known) {
		to = make_room(w, to, known->len + SCALAR_ROOM);
		return to ? mempcpy(to, w->memo->text.data + known->at, known->len) : NULL;
	}
	w->is_kept |= is_whole;
	to = put_value(w, to, value);
	w->is_kept = is_kept;
	if (!is_kept && to)
		gk_json_memo_add(
			w->memo, value, w->buf->data + start, (size_t)(to - w->buf->data) - start);
	return to;
}

/* One that the value itself holds. */
static bool is_member(const writer *w, const json_t *value)
{
	return w->depth == 1 && w->memo && w->memo->has_members && json_object_size(value) > 0;
}

static char *put_object(writer *w, char *to, json_t *object)
{
	char comma = '{';

	for (void *i = json_object_iter(object); i && to; i = json_object_iter_next(object, i)) {
		const json_t *value = json_object_iter_value(i);

		to = put_name(w, to, comma, json_object_iter_key(i), json_object_iter_key_len(i));
		comma = ',';
		if (to)
			to = is_member(w, value) ? put_remembered(w, to, value, true)
						 : put_value(w, to, value);
	}
	return to;
}

static char *put_array(writer *w, char *to, const json_t *array)
{
	bool is_remembered = w->memo && w->depth <= MEMO_DEPTH;
	char comma = '[';

	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *value = json_array_get(array, i);

		to = make_room(w, to, 1 + SCALAR_ROOM);
		if (!to)
			return NULL;
		*to++ = comma;
		comma = ',';
		if (w->indent)
			to = break_line(w, to);
		if (to)
			to = is_remembered && json_is_object(value)
				     ? put_remembered(w, to, value, false)
				     : put_value(w, to, value);
	}
	return to;
}

/* Depth is bounded and the frames are small, so recursion is safe on a fiber's stack. */
static char *put_container(writer *w, char *to, const json_t *value)
{
	bool is_object = json_is_object(value);

	if (is_object ? json_object_size(value) == 0 : json_array_size(value) == 0)
		return mempcpy(to, is_object ? "{}" : "[]", 2);
	if (w->depth == GK_JSON_MAX_DEPTH) {
		tell(w, to);
		gk_buf_fail(w->buf);
		return NULL;
	}
	w->depth++;
	/* Iterators take no const; nothing is changed. */
	to = is_object ? put_object(w, to, (json_t *)(uintptr_t)value) : put_array(w, to, value);
	w->depth--;
	if (w->indent)
		to = break_line(w, to);
	to = make_room(w, to, 1);
	if (to)
		*to++ = is_object ? '}' : ']';
	return to;
}

static char *put_integer(char *to, json_int_t value)
{
	if (value < 0 || value >= 10)
		return to + gk_format_i64(value, to);
	*to = (char)('0' + value);
	return to + 1;
}

static char *put_other(writer *w, char *to, const json_t *value)
{
	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		return put_container(w, to, value);
	case JSON_INTEGER:
		return put_integer(to, json_integer_value(value));
	case JSON_REAL:
		return to + gk_format_real(json_real_value(value), to);
	case JSON_TRUE:
		return mempcpy(to, "true", 4);
	case JSON_FALSE:
		return mempcpy(to, "false", 5);
	case JSON_STRING:
	case JSON_NULL:
		break;
	}
	return mempcpy(to, "null", 4);
}

static void append(writer w, const json_t *value)
{
	char *to = begin(&w);

	if (to)
		end(&w, put_value(&w, to, value));
}

void gk_json_append(gk_buf *buf, const json_t *value)
{
	append((writer){ .buf = buf, .quote = "\"", .quote_len = 1, .ascii = true }, value);
}

void gk_json_append_pretty(gk_buf *buf, const json_t *value, unsigned indent)
{
	append((writer){ .buf = buf, .quote = "\"", .quote_len = 1, .indent = indent }, value);
}

/* Most texts are plain, and there is room: they need no writer. */
static bool append_plain(gk_buf *buf, const char *text, size_t len)
{
	char *to;

	if (len + 2 >= buf->limit - buf->len)
		return false;
	to = buf->data + buf->len;
	if (!copy_plain(to + 1, text, len))
		return false; /* what was copied stands behind the closing NUL */
	*to = '"';
	memcpy(to + 1 + len, "\"", 2);
	buf->len += len + 2;
	return true;
}

void gk_json_append_string(gk_buf *buf, const char *text, size_t len)
{
	writer w = { .buf = buf, .quote = "\"", .quote_len = 1, .ascii = true };

	if (!append_plain(buf, text, len))
		end(&w, put_string(&w, begin(&w), text, len));
}

void gk_json_append_nested(gk_buf *buf, const json_t *value, gk_json_memo *memo, bool is_known)
{
	writer w = { .buf = buf, .quote = "\\\"", .quote_len = 2, .ascii = true, .memo = memo };
	char *to = begin(&w);

	if (!to)
		return;
	*to++ = '"';
	if (memo && is_known && (json_is_object(value) || json_is_array(value)))
		to = put_remembered(&w, to, value, false);
	else
		to = put_value(&w, to, value);
	to = make_room(&w, to, 1);
	if (to)
		*to++ = '"';
	end(&w, to);
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
