/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "base/buf.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>

#define FIRST_CAPACITY 64

void gk_buf_init(gk_buf *buf, size_t max)
{
	*buf = (gk_buf)GK_BUF_INIT(max);
}

void gk_buf_done(gk_buf *buf)
{
	free(buf->data);
	gk_buf_init(buf, buf->max);
}

void gk_buf_clear(gk_buf *buf)
{
	gk_buf_rewind(buf, 0);
}

/* After a failure there is no room, so that who puts something looks at one thing only. */
static void set_limit(gk_buf *buf)
{
	if (buf->failed)
		buf->limit = buf->len;
	else
		buf->limit = buf->max && buf->max < buf->cap ? buf->max + 1 : buf->cap;
}

void gk_buf_rewind(gk_buf *buf, size_t len)
{
	buf->len = len;
	buf->failed = false;
	set_limit(buf);
	if (buf->data)
		buf->data[len] = '\0';
}

void gk_buf_fail(gk_buf *buf)
{
	buf->failed = true;
	set_limit(buf);
}

static bool allocate(gk_buf *buf, size_t need)
{
	size_t cap = buf->cap ? buf->cap : FIRST_CAPACITY;
	char *data;

	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	data = realloc(buf->data, cap);
	if (!data)
		return false;
	buf->data = data;
	buf->cap = cap;
	set_limit(buf);
	return true;
}

static char *reserve(gk_buf *buf, size_t extra, size_t max)
{
	size_t need;

	if (buf->failed)
		return NULL;
	if (__builtin_add_overflow(buf->len, extra, &need) || (max && need > max) ||
		__builtin_add_overflow(need, 1, &need) ||
		(need > buf->cap && !allocate(buf, need))) {
		gk_buf_fail(buf);
		return NULL;
	}
	return buf->data + buf->len;
}

char *gk_buf_reserve(gk_buf *buf, size_t extra)
{
	return reserve(buf, extra, buf->max);
}

char *gk_buf_reserve_most(gk_buf *buf, size_t extra)
{
	return reserve(buf, extra, 0);
}

void gk_buf_overran(gk_buf *buf)
{
	if (buf->max && buf->len > buf->max)
		buf->len = gk_str_valid_utf8(buf->data, buf->max);
	gk_buf_fail(buf);
}

void gk_buf_put_more(gk_buf *buf, const void *data, size_t len)
{
	char *room = len < buf->limit - buf->len ? buf->data + buf->len : gk_buf_reserve(buf, len);

	if (!room)
		return;
	if (len)
		memcpy(room, data, len);
	buf->len += len;
	room[len] = '\0';
}

void gk_buf_printf(gk_buf *buf, const char *format, ...)
{
	va_list args;
	int len;
	char *room;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0) {
		gk_buf_fail(buf);
		return;
	}
	room = gk_buf_reserve(buf, (size_t)len);
	if (!room)
		return;
	va_start(args, format);
	vsnprintf(room, (size_t)len + 1, format, args);
	va_end(args);
	buf->len += (size_t)len;
}

void gk_buf_put_line(gk_buf *buf, const char *text)
{
	gk_buf_put_line_of(buf, text, strlen(text));
}

void gk_buf_put_line_of(gk_buf *buf, const char *text, size_t len)
{
	const unsigned char *end = (const unsigned char *)text + len;

	for (const unsigned char *c = (const unsigned char *)text; c < end; c++) {
		if (*c == '\n')
			gk_buf_puts(buf, "\\n");
		else if (*c == '\t')
			gk_buf_putc(buf, ' ');
		else if (*c < 0x20 || *c == 0x7f)
			gk_buf_printf(buf, "\\x%02x", *c);
		else if (*c == 0xc2 && c + 1 < end && c[1] >= 0x80 &&
			 c[1] < 0xa0) /* terminals take them for escapes */
			gk_buf_printf(buf, "\\x%02x", *++c);
		else
			gk_buf_putc(buf, (char)*c);
	}
}

void gk_buf_consume(gk_buf *buf, size_t len)
{
	if (len >= buf->len) {
		gk_buf_clear(buf);
		return;
	}
	memmove(buf->data, buf->data + len, buf->len - len + 1);
	buf->len -= len;
	set_limit(buf);
}

void gk_buf_trim(gk_buf *buf)
{
	char *data = buf->cap > buf->len + 1 ? realloc(buf->data, buf->len + 1) : NULL;

	if (!data)
		return;
	buf->data = data;
	buf->cap = buf->len + 1;
	set_limit(buf);
}

char *gk_buf_take(gk_buf *buf, size_t *len_ret)
{
	char *data;

	if (!buf->failed && !buf->data)
		gk_buf_put(buf, "", 0);
	if (buf->failed) {
		gk_buf_done(buf);
		return NULL;
	}
	data = buf->data;
	if (len_ret)
		*len_ret = buf->len;
	gk_buf_init(buf, buf->max);
	return data;
}
