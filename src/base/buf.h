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
	size_t len;
	size_t limit; /* len stays below it without a question: cap, or what `max` and a failure leave of it */
	size_t cap;
	size_t max; /* ceiling for len; 0: none but memory */
	bool failed;
} gk_buf;

#define GK_BUF_INIT(max_)                                                                          \
	{                                                                                          \
		.max = (max_)                                                                      \
	}
#define GK_BUF_SHORT 32
#define gk_auto_buf  GK_CLEANUP(gk_buf_done)

void gk_buf_init(gk_buf *buf, size_t max);
void gk_buf_done(gk_buf *buf);
/** Forgets the content, keeps the memory and clears a failure. */
void gk_buf_clear(gk_buf *buf);
/** Back to the first `len` bytes, without a failure of what came after them. */
void gk_buf_rewind(gk_buf *buf, size_t len);
/** As if there were no more memory. */
void gk_buf_fail(gk_buf *buf);
/** Room for `extra` more bytes; NULL when there is none. The bytes count only after gk_buf_added(). */
char *gk_buf_reserve(gk_buf *buf, size_t extra);
/** The same for those who know only how much it may become: there is room beyond `max`, too, and gk_buf_added() fails when
 * it was needed. */
char *gk_buf_reserve_most(gk_buf *buf, size_t extra);
/** gk_buf_put() of what is long, or needs memory. */
void gk_buf_put_more(gk_buf *buf, const void *data, size_t len);
void gk_buf_printf(gk_buf *buf, const char *format, ...) GK_PRINTF(2, 3);
/** A text as part of a line that somebody reads: its control characters neither make lines nor move the cursor. */
void gk_buf_put_line(gk_buf *buf, const char *text);
/** The same of its first `len` bytes. */
void gk_buf_put_line_of(gk_buf *buf, const char *text, size_t len);
/** Drops the first `len` bytes. */
void gk_buf_consume(gk_buf *buf, size_t len);
/** Gives memory back that the content does not need. */
void gk_buf_trim(gk_buf *buf);
/** What reached `limit`. */
void gk_buf_overran(gk_buf *buf);
/** The bytes, NUL-terminated, owned by the caller; NULL when it failed. The buffer is empty afterwards. */
char *gk_buf_take(gk_buf *buf, size_t *len_ret);

static inline void gk_buf_added(gk_buf *buf, size_t len)
{
	buf->len += len;
	if (buf->len >= buf->limit)
		gk_buf_overran(buf);
	buf->data[buf->len] = '\0';
}

/* In line, since the length of what stands in the source is known: what is short becomes a few moves. */
static inline void gk_buf_put(gk_buf *buf, const void *data, size_t len)
{
	if (__builtin_constant_p(len) && len <= GK_BUF_SHORT && len < buf->limit - buf->len) {
		char *to = buf->data + buf->len;

		memcpy(to, data, len);
		to[len] = '\0';
		buf->len += len;
	} else {
		gk_buf_put_more(buf, data, len);
	}
}

static inline void gk_buf_puts(gk_buf *buf, const char *text)
{
	gk_buf_put(buf, text, strlen(text));
}

static inline void gk_buf_putc(gk_buf *buf, char c)
{
	gk_buf_put(buf, &c, 1);
}

static inline bool gk_buf_failed(const gk_buf *buf)
{
	return buf->failed;
}

#endif
