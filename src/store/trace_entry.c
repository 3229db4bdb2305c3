/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "store/trace_entry.h"

#include <endian.h>

static void put_u32(gk_buf *buf, uint32_t value)
{
	value = htole32(value);
	gk_buf_put(buf, &value, sizeof(value));
}

void gk_entry_put_i64(gk_buf *buf, int64_t value)
{
	uint64_t bits = htole64((uint64_t)value);

	gk_buf_put(buf, &bits, sizeof(bits));
}

static void put_real(gk_buf *buf, double value)
{
	int64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	gk_entry_put_i64(buf, bits);
}

static void put_bytes(gk_buf *buf, const char *text, size_t len)
{
	put_u32(buf, text ? (uint32_t)len : GK_ENTRY_NO_TEXT);
	if (!text)
		return;
	gk_buf_put(buf, text, len);
	gk_buf_putc(buf, '\0');
}

static void put_text(gk_buf *buf, const char *text)
{
	put_bytes(buf, text, text ? strlen(text) : 0);
}

static void put_span(gk_buf *buf, const gk_span_row *row, bool again)
{
	put_text(buf, row->key);
	put_text(buf, row->parent);
	put_text(buf, row->name);
	put_text(buf, row->type);
	put_text(buf, row->subtype);
	put_text(buf, row->session);
	put_bytes(buf, row->labels, gk_trace_labels_size(row->labels));
	put_bytes(buf, row->doc, row->doc_len);
	put_real(buf, row->start_ms);
	put_real(buf, row->end_ms);
	put_u32(buf, (uint32_t)row->status);
	gk_entry_put_i64(buf, row->tokens_in);
	gk_entry_put_i64(buf, row->tokens_out);
	gk_buf_putc(buf, row->is_new && !again);
}

void gk_entry_put_post(gk_buf *buf, const gk_trace_post *post, bool again)
{
	const gk_span_row *row;

	gk_buf_putc(buf, 'p');
	put_text(buf, post->trace_id);
	put_text(buf, post->name);
	gk_buf_putc(buf, (char)((post->has_start ? GK_ENTRY_HAS_START : 0) |
				 (post->has_end ? GK_ENTRY_HAS_END : 0)));
	put_real(buf, post->start_ms);
	put_real(buf, post->end_ms);
	gk_entry_put_i64(buf, post->owner);
	put_u32(buf, post->filtered);
	put_u32(buf, (uint32_t)post->count);
	STAILQ_FOREACH (row, &post->rows, link)
		put_span(buf, row, again);
}

void gk_entry_put_log(gk_buf *buf, const gk_log_row *row)
{
	gk_buf_putc(buf, 'l');
	put_text(buf, row->log_id);
	put_text(buf, row->trace_id);
	put_text(buf, row->span_id);
	put_text(buf, row->severity_text);
	gk_entry_put_i64(buf, row->time_ms);
	gk_entry_put_i64(buf, row->severity);
	put_bytes(buf, row->doc, row->doc_len);
}
