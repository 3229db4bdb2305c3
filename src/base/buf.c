/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "base/buf.h"

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
	buf->len = 0;
	buf->failed = false;
	if (buf->data)
		buf->data[0] = '\0';
}

char *gk_buf_reserve(gk_buf *buf, size_t extra)
{
	size_t need, cap = buf->cap ? buf->cap : FIRST_CAPACITY;
	char *data;

	if (buf->failed)
		return NULL;
	if (__builtin_add_overflow(buf->len, extra, &need) || (buf->max && need > buf->max) ||
		__builtin_add_overflow(need, 1, &need)) {
		buf->failed = true;
		return NULL;
	}
	if (need <= buf->cap)
		return buf->data + buf->len;
	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	data = realloc(buf->data, cap);
	if (!data) {
		buf->failed = true;
		return NULL;
	}
	buf->data = data;
	buf->cap = cap;
	return data + buf->len;
}

void gk_buf_put(gk_buf *buf, const void *data, size_t len)
{
	char *room;

	if (len && len < buf->cap - buf->len && !buf->max &&
		!buf->failed) { /* as it is almost always */
		memcpy(buf->data + buf->len, data, len);
		buf->len += len;
		buf->data[buf->len] = '\0';
		return;
	}
	room = gk_buf_reserve(buf, len);
	if (!room)
		return;
	if (len)
		memcpy(room, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
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
		buf->failed = true;
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
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c == '\n')
			gk_buf_puts(buf, "\\n");
		else if (*c == '\t')
			gk_buf_putc(buf, ' ');
		else if (*c < 0x20 || *c == 0x7f)
			gk_buf_printf(buf, "\\x%02x", *c);
		else if (*c == 0xc2 && c[1] >= 0x80 &&
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
