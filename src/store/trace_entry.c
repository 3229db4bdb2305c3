/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Entries are put: room for many fields at once, and each stored there. */
#include "store/trace_entry.h"

#include <endian.h>

static char *put_u32(char *at, uint32_t value)
{
	value = htole32(value);
	memcpy(at, &value, sizeof(value));
	return at + sizeof(value);
}

static char *put_i64(char *at, int64_t value)
{
	uint64_t bits = htole64((uint64_t)value);

	memcpy(at, &bits, sizeof(bits));
	return at + sizeof(bits);
}

static char *put_real(char *at, double value)
{
	int64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return put_i64(at, bits);
}

void gk_entry_put_i64(gk_buf *buf, int64_t value)
{
	uint64_t bits = htole64((uint64_t)value);

	gk_buf_put(buf, &bits, sizeof(bits));
}

/* --- texts --- */

typedef struct text {
	const char *data; /* NULL: none */
	size_t len;
} text;

static text text_of(const char *data)
{
	return (text){ data, data ? strlen(data) : 0 };
}

static size_t size_of(const text *texts, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += sizeof(uint32_t) + (texts[i].data ? texts[i].len + 1 : 0);
	return size;
}

static char *put_texts(char *at, const text *texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		at = put_u32(at, texts[i].data ? (uint32_t)texts[i].len : GK_ENTRY_NO_TEXT);
		if (!texts[i].data)
			continue;
		memcpy(at, texts[i].data, texts[i].len);
		at += texts[i].len;
		*at++ = '\0';
	}
	return at;
}

/* What was stored up to there counts. */
static void end_room(gk_buf *buf, char *at)
{
	gk_buf_added(buf, (size_t)(at - (buf->data + buf->len)));
}

#define COUNT(texts) (sizeof(texts) / sizeof((texts)[0]))

/* --- posts --- */

#define HEAD_SIZE (2 + 3 * sizeof(int64_t) + 2 * sizeof(uint32_t)) /* but for texts */

static void put_head(gk_buf *buf, const gk_trace_post *post)
{
	const text texts[] = { text_of(post->trace_id), text_of(post->name) };
	char *at = gk_buf_reserve(buf, HEAD_SIZE + size_of(texts, COUNT(texts)));

	if (!at)
		return;
	*at++ = GK_ENTRY_POST;
	at = put_texts(at, texts, COUNT(texts));
	*at++ = (char)((post->has_start ? GK_ENTRY_HAS_START : 0) |
		       (post->has_end ? GK_ENTRY_HAS_END : 0));
	at = put_real(at, post->start_ms);
	at = put_real(at, post->end_ms);
	at = put_i64(at, post->owner);
	at = put_u32(at, post->filtered);
	end_room(buf, put_u32(at, (uint32_t)post->count));
}

/* Up to the bytes of the document. */
static void put_before(gk_buf *buf, const gk_span_row *row)
{
	const text texts[] = { text_of(row->key), text_of(row->parent), text_of(row->name),
		text_of(row->type), text_of(row->subtype), text_of(row->session),
		{ row->labels, gk_trace_labels_size(row->labels) } };
	char *at = gk_buf_reserve(buf, size_of(texts, COUNT(texts)) + sizeof(uint32_t));

	if (at)
		end_room(buf, put_u32(put_texts(at, texts, COUNT(texts)), (uint32_t)row->doc_len));
}

#define TAIL_SIZE (2 + 4 * sizeof(int64_t) + sizeof(uint32_t)) /* with the document's NUL */

static void put_behind(gk_buf *buf, const gk_span_row *row)
{
	char *at = gk_buf_reserve(buf, TAIL_SIZE);

	if (!at)
		return;
	*at++ = '\0';
	at = put_real(at, row->start_ms);
	at = put_real(at, row->end_ms);
	at = put_u32(at, (uint32_t)row->status);
	at = put_i64(at, row->tokens_in);
	at = put_i64(at, row->tokens_out);
	*at++ = row->is_new;
	end_room(buf, at);
}

void gk_entry_set_new(char *end)
{
	end[-1] = true;
}

void gk_entry_put_post(gk_buf *buf, const gk_trace_post *post)
{
	const gk_span_row *row;

	if (post->entry) {
		gk_buf_put(buf, post->entry, post->entry_len);
		return;
	}
	put_head(buf, post);
	STAILQ_FOREACH (row, &post->rows, link) {
		put_before(buf, row);
		gk_buf_put(buf, row->doc, row->doc_len);
		put_behind(buf, row);
	}
}

/* The document's length is stored when it is known. */
void gk_entry_put_own(
	gk_buf *buf, const gk_trace_post *post, const gk_span_row *row, const gk_span *span)
{
	size_t begun, len;

	put_head(buf, post);
	if (!post->count)
		return;
	put_before(buf, row);
	begun = buf->len;
	gk_span_append_data(buf, span);
	len = buf->len - begun;
	if (len >= GK_ENTRY_NO_TEXT)
		gk_buf_fail(buf);
	if (gk_buf_failed(buf))
		return;
	put_u32(buf->data + begun - sizeof(uint32_t), (uint32_t)len);
	put_behind(buf, row);
}

void gk_entry_put_log(gk_buf *buf, const gk_log_row *row)
{
	const text texts[] = { text_of(row->log_id), text_of(row->trace_id), text_of(row->span_id),
		text_of(row->severity_text) };
	const text doc = { row->doc, row->doc_len };
	char *at = gk_buf_reserve(
		buf, 1 + size_of(texts, COUNT(texts)) + 2 * sizeof(int64_t) + size_of(&doc, 1));

	if (!at)
		return;
	*at++ = GK_ENTRY_LOG;
	at = put_texts(at, texts, COUNT(texts));
	at = put_i64(at, row->time_ms);
	at = put_i64(at, row->severity);
	end_room(buf, put_texts(at, &doc, 1));
}
