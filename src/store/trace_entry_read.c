/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Entries are taken: every length is held against what is there. */
#include "store/trace_entry.h"

#include <endian.h>

static const char *take(gk_entry_reading *r, size_t len)
{
	const char *at = r->at;

	if (r->is_damaged || len > (size_t)(r->end - at)) {
		r->is_damaged = true;
		return NULL;
	}
	r->at += len;
	return at;
}

uint8_t gk_entry_take_u8(gk_entry_reading *r)
{
	const char *at = take(r, 1);

	return at ? (uint8_t)*at : 0;
}

static uint32_t take_u32(gk_entry_reading *r)
{
	const char *at = take(r, sizeof(uint32_t));
	uint32_t value = 0;

	if (at)
		memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

int64_t gk_entry_take_i64(gk_entry_reading *r)
{
	const char *at = take(r, sizeof(uint64_t));
	uint64_t bits = 0;

	if (at)
		memcpy(&bits, at, sizeof(bits));
	return (int64_t)le64toh(bits);
}

static double take_real(gk_entry_reading *r)
{
	int64_t bits = gk_entry_take_i64(r);
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static const char *take_bytes(gk_entry_reading *r, size_t *len)
{
	uint32_t size = take_u32(r);
	const char *text;

	*len = 0;
	if (r->is_damaged || size == GK_ENTRY_NO_TEXT)
		return NULL;
	text = take(r, (size_t)size + 1);
	if (!text || text[size]) {
		r->is_damaged = true;
		return NULL;
	}
	*len = size;
	return text;
}

static const char *take_text(gk_entry_reading *r)
{
	size_t len;

	return take_bytes(r, &len);
}

static const char *take_needed(gk_entry_reading *r)
{
	const char *text = take_text(r);

	r->is_damaged |= !text;
	return text ? text : "";
}

/* Keys and values end in NUL each, and an empty key ends them all. */
static const char *take_labels(gk_entry_reading *r)
{
	size_t len;
	const char *labels = take_bytes(r, &len);

	r->is_damaged |= labels && (len < 2 || labels[len - 1] || labels[len - 2]);
	return labels;
}

void gk_entry_take_span(gk_entry_reading *r, gk_span_row *row)
{
	row->key = take_needed(r);
	row->parent = take_text(r);
	row->name = take_needed(r);
	row->type = take_text(r);
	row->subtype = take_text(r);
	row->session = take_text(r);
	row->labels = take_labels(r);
	row->doc = take_bytes(r, &row->doc_len);
	r->is_damaged |= !row->doc;
	row->start_ms = take_real(r);
	row->end_ms = take_real(r);
	row->status = (int32_t)take_u32(r);
	row->tokens_in = gk_entry_take_i64(r);
	row->tokens_out = gk_entry_take_i64(r);
	row->is_new = gk_entry_take_u8(r);
}

#define SPAN_SIZE 70 /* the least that a span takes */

void gk_entry_take_post(gk_entry_reading *r, gk_trace_post *post)
{
	uint8_t flags;

	post->trace_id = take_needed(r);
	post->name = take_text(r);
	flags = gk_entry_take_u8(r);
	post->has_start = flags & GK_ENTRY_HAS_START;
	post->has_end = flags & GK_ENTRY_HAS_END;
	post->start_ms = take_real(r);
	post->end_ms = take_real(r);
	post->owner = gk_entry_take_i64(r);
	post->filtered = take_u32(r);
	post->count = take_u32(r);
	r->is_damaged |= post->count > (size_t)(r->end - r->at) / SPAN_SIZE;
}

void gk_entry_take_log(gk_entry_reading *r, gk_log_row *row)
{
	const char *log_id = take_needed(r);

	r->is_damaged |= strlen(log_id) >= sizeof(row->log_id);
	if (!r->is_damaged)
		strcpy(row->log_id, log_id);
	row->trace_id = take_text(r);
	row->span_id = take_text(r);
	row->severity_text = take_text(r);
	row->time_ms = gk_entry_take_i64(r);
	row->severity = gk_entry_take_i64(r);
	row->doc = take_bytes(r, &row->doc_len);
	r->is_damaged |= !row->doc;
}
