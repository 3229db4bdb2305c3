/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Posts: rows in memory of their own, and a span of ours as one. */
#include "store/trace_post.h"

#include "base/limits.h"
#include "base/process.h"
#include "base/str.h"
#include "store/trace_entry.h"

#include <genkit/json.h>

bool gk_span_is_noise(const char *subtype)
{
	return gk_str_equal(subtype, "prompt");
}

gk_trace_post *gk_trace_post_new(const char *trace_id)
{
	size_t size = strlen(trace_id) + 1;
	gk_trace_post *post = malloc(sizeof(*post) + size);

	if (!post)
		return NULL;
	*post = (gk_trace_post){ .bytes = sizeof(*post) + size,
		.trace_id = memcpy(post + 1, trace_id, size) };
	STAILQ_INIT(&post->rows);
	return post;
}

void gk_trace_post_free(gk_trace_post *post)
{
	gk_span_row *row;

	if (!post)
		return;
	/* that of an entry lies in it */
	while (!post->entry_len && (row = STAILQ_FIRST(&post->rows))) {
		STAILQ_REMOVE_HEAD(&post->rows, link);
		free(row);
	}
	free(post->own_name);
	free(post);
}

gk_code gk_trace_id_check(const char *id, size_t len, gk_error *err)
{
	gk_auto_json json_t *text = NULL;
	gk_auto_str char *written = NULL;

	if (len > GK_MAX_TRACE_ID)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"Invalid trace id: longer than %u bytes", GK_MAX_TRACE_ID);
	if (len && !(len <= 2 && strncmp(id, "..", len) == 0) && !memchr(id, '/', len) &&
		!memchr(id, '\\', len) && !memchr(id, '\0', len))
		return GK_OK;
	text = json_stringn(id, len);
	written = text ? gk_json_write(text, NULL) : NULL;
	return gk_error_set(
		err, GK_INVALID_ARGUMENT, "Invalid trace id: %s", written ? written : "?");
}

/* --- rows --- */

static size_t size_of(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

size_t gk_trace_labels_size(const char *labels)
{
	size_t size = 0;

	if (!labels)
		return 0;
	while (labels[size]) {
		size += strlen(labels + size) + 1;
		size += strlen(labels + size) + 1;
	}
	return size + 1;
}

/* Moves a text behind the row; `*at` is where there is room. */
static const char *place(char **at, const void *data, size_t size)
{
	char *text = *at;

	if (!data)
		return NULL;
	memcpy(text, data, size);
	*at += size;
	return text;
}

bool gk_trace_post_add(gk_trace_post *post, const gk_span_row *from)
{
	size_t size = sizeof(*from) + size_of(from->key) + size_of(from->parent) +
		      size_of(from->name) + size_of(from->type) + size_of(from->subtype) +
		      size_of(from->session) + gk_trace_labels_size(from->labels) + from->doc_len +
		      1;
	gk_span_row *row = malloc(size);
	char *at = (char *)(row + 1);

	if (!row)
		return false;
	*row = *from;
	row->key = place(&at, from->key, size_of(from->key));
	row->parent = place(&at, from->parent, size_of(from->parent));
	row->name = place(&at, from->name, size_of(from->name));
	row->type = place(&at, from->type, size_of(from->type));
	row->subtype = place(&at, from->subtype, size_of(from->subtype));
	row->session = place(&at, from->session, size_of(from->session));
	row->labels = place(&at, from->labels, gk_trace_labels_size(from->labels));
	row->doc = place(&at, from->doc, from->doc_len);
	*at = '\0';
	STAILQ_INSERT_TAIL(&post->rows, row, link);
	post->count++;
	post->bytes += size;
	return true;
}

/* --- of ours --- */

/* One allocation. */
typedef struct own_post {
	gk_trace_post post;
	gk_span_row row; /* of `entry`, once somebody looks for it */
	char entry[];
} own_post;

void gk_trace_labels(gk_buf *labels, json_t *attributes)
{
	const char *key;
	json_t *value;

	json_object_foreach (attributes, key, value) {
		gk_auto_str char *text = NULL;

		if (!gk_str_has_prefix(key, "genkitx:"))
			continue;
		if (!json_is_string(value))
			text = gk_json_write(value, NULL);
		gk_buf_put(labels, key, strlen(key) + 1);
		gk_buf_puts(labels, text                    ? text
				    : json_is_string(value) ? json_string_value(value)
							    : "");
		gk_buf_putc(labels, '\0');
	}
	if (labels->len)
		gk_buf_putc(labels, '\0');
}

static void count_tokens(gk_span_row *row, const gk_span *span)
{
	const json_t *usage;

	if (!span->output || !gk_str_equal(span->subtype, "model"))
		return;
	usage = json_object_get(span->output, "usage");
	row->tokens_in = gk_json_int_at(usage, "inputTokens", 0);
	row->tokens_out = gk_json_int_at(usage, "outputTokens", 0);
}

/* The span's texts; `labels` has those of the row. */
static void describe(gk_span_row *row, const gk_span *span, gk_buf *labels)
{
	*row = (gk_span_row){ .key = span->id,
		.parent = span->parent_id[0] ? span->parent_id : NULL,
		.name = span->name,
		.type = span->type,
		.subtype = span->subtype,
		.start_ms = (double)span->start_ns / 1e6,
		.end_ms = (double)span->end_ns / 1e6,
		.status = span->state == GK_SPAN_ERROR ? 2 : 0 };
	if (span->metadata)
		row->session =
			json_string_value(json_object_get(span->metadata, "agent:sessionId"));
	count_tokens(row, span);
	if (!span->labels)
		return;
	gk_trace_labels(labels, span->labels);
	row->labels = labels->len && !gk_buf_failed(labels) ? labels->data : NULL;
}

/* Of the post, but for what its memory tells. */
static gk_trace_post describe_trace(const gk_span *span, const gk_span_row *row)
{
	gk_trace_post post = { .trace_id = span->trace_id,
		.owner = gk_process_key(),
		.is_new = !span->has_lasted || span->state == GK_SPAN_RUNNING };

	post.filtered = gk_span_is_noise(span->subtype);
	post.count = !post.filtered;
	if (row->parent)
		return post;
	post.name = row->name;
	post.has_start = post.has_end = true;
	post.start_ms = row->start_ms;
	post.end_ms = row->end_ms;
	return post;
}

gk_trace_post *gk_trace_post_of_span(const gk_span *span, gk_buf *buf)
{
	gk_auto_buf gk_buf labels = GK_BUF_INIT(0);
	size_t begun = buf->len;
	gk_trace_post post;
	gk_span_row row;
	own_post *own = NULL;

	describe(&row, span, &labels);
	post = describe_trace(span, &row);
	gk_entry_put_own(buf, &post, &row, span);
	post.at = begun;
	post.entry_len = buf->len - begun;
	post.bytes = sizeof(*own) + post.entry_len;
	if (!gk_buf_failed(buf))
		own = malloc(post.bytes);
	if (!own)
		return NULL;
	own->post = post;
	return &own->post;
}

void gk_trace_post_fill(gk_trace_post *post, const char *data)
{
	own_post *own = (own_post *)post;

	STAILQ_INIT(&post->rows);
	post->entry = memcpy(own->entry, data + post->at, post->entry_len);
	post->trace_id = post->entry + GK_ENTRY_TRACE_ID;
	if (post->count && post->is_new)
		gk_entry_set_new(post->entry + post->entry_len);
}

gk_code gk_trace_post_open(gk_trace_post *post, gk_error *err)
{
	own_post *own = (own_post *)post;
	gk_entry_reading r = { .at = post->entry, .end = post->entry + post->entry_len };

	if (!post->entry || !STAILQ_EMPTY(&post->rows))
		return GK_OK;
	r.is_damaged = gk_entry_take_u8(&r) != GK_ENTRY_POST;
	gk_entry_take_post(&r, post);
	if (post->count) {
		gk_entry_take_span(&r, &own->row);
		if (!r.is_damaged)
			STAILQ_INSERT_TAIL(&post->rows, &own->row, link);
	}
	return r.is_damaged ? gk_error_set(err, GK_INTERNAL, "a span is damaged") : GK_OK;
}
