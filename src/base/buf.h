/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A growing run of bytes with a ceiling. A failure (no memory, ceiling reached) sticks: what follows is ignored,
 * and the one check at the end, gk_buf_failed() or a NULL from gk_buf_take(), tells.
 *
 *	gk_buf text = GK_BUF_INIT(GK_MAX_ERROR_MESSAGE);
 *	gk_buf_printf(&text, "%d actions", n);
 *	return gk_buf_take(&text, NULL);
 */
#ifndef GK_BASE_BUF_H
#define GK_BASE_BUF_H

#include <genkit/status.h>
#include <string.h>

typedef struct gk_buf {
	char *data; /* NUL-terminated beyond len once anything was put */
	size_t len, cap;
	size_t max; /* ceiling for len; 0: none but memory */
	bool failed;
} gk_buf;

#define GK_BUF_INIT(max_)                                                                          \
	{                                                                                          \
		.max = (max_)                                                                      \
	}
#define gk_auto_buf GK_CLEANUP(gk_buf_done)

void gk_buf_init(gk_buf *buf, size_t max);
void gk_buf_done(gk_buf *buf);
/** Forgets the content, keeps the memory and clears a failure. */
void gk_buf_clear(gk_buf *buf);
/** Room for `extra` more bytes; NULL when there is none. The bytes count only after gk_buf_added(). */
char *gk_buf_reserve(gk_buf *buf, size_t extra);
void gk_buf_put(gk_buf *buf, const void *data, size_t len);
void gk_buf_printf(gk_buf *buf, const char *format, ...) GK_PRINTF(2, 3);
/** A text as part of a line that somebody reads: its control characters neither make lines nor move the cursor. */
void gk_buf_put_line(gk_buf *buf, const char *text);
/** Drops the first `len` bytes. */
void gk_buf_consume(gk_buf *buf, size_t len);
/** The bytes, NUL-terminated, owned by the caller; NULL when it failed. The buffer is empty afterwards. */
char *gk_buf_take(gk_buf *buf, size_t *len_ret);

static inline void gk_buf_added(gk_buf *buf, size_t len)
{
	buf->len += len;
}

/** gk_buf_reserve() for those who need it often and for little. */
static inline char *gk_buf_room(gk_buf *buf, size_t extra)
{
	if (extra < buf->cap - buf->len && !buf->max && !buf->failed)
		return buf->data + buf->len;
	return gk_buf_reserve(buf, extra);
}

/* In line, since the length of what stands in the source is known. */
static inline void gk_buf_puts(gk_buf *buf, const char *text)
{
	gk_buf_put(buf, text, strlen(text));
}

static inline void gk_buf_putc(gk_buf *buf, char c)
{
	if (buf->len + 1 < buf->cap && buf->len != buf->max && !buf->failed) {
		buf->data[buf->len++] = c;
		buf->data[buf->len] = '\0';
	} else {
		gk_buf_put(buf, &c, 1);
	}
}

static inline bool gk_buf_failed(const gk_buf *buf)
{
	return buf->failed;
}

#endif
