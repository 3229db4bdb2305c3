/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Posts: rows in memory of their own, and a span of ours as one. */
#include "store/trace_post.h"

#include "base/limits.h"
#include "base/process.h"
#include "base/str.h"

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
	*post = (gk_trace_post){ .bytes = sizeof(*post) + size };
	STAILQ_INIT(&post->rows);
	memcpy(post->trace_id, trace_id, size);
	return post;
}

void gk_trace_post_free(gk_trace_post *post)
{
	gk_span_row *row;

	if (!post)
		return;
	while ((row = STAILQ_FIRST(&post->rows))) {
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

/* The name is the row's, which lives as long. */
static void name_trace(gk_trace_post *post, const gk_span *span)
{
	const gk_span_row *row = STAILQ_FIRST(&post->rows);

	post->name = row ? row->name : NULL;
	post->has_start = post->has_end = true;
	post->start_ms = (double)span->start_ns / 1e6;
	post->end_ms = (double)span->end_ns / 1e6;
}

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

gk_trace_post *gk_trace_post_of_span(const gk_span *span, const char *doc, size_t len)
{
	gk_trace_post *post = gk_trace_post_new(span->trace_id);
	gk_auto_buf gk_buf labels = GK_BUF_INIT(0);
	bool is_model = gk_str_equal(span->subtype, "model");
	gk_span_row row = { .key = span->id,
		.parent = span->parent_id[0] ? span->parent_id : NULL,
		.name = span->name,
		.type = span->type,
		.subtype = span->subtype,
		.doc = doc,
		.doc_len = len,
		.start_ms = (double)span->start_ns / 1e6,
		.end_ms = (double)span->end_ns / 1e6,
		.status = span->state == GK_SPAN_ERROR ? 2 : 0,
		.is_new = !span->has_lasted || span->state == GK_SPAN_RUNNING };

	if (!post)
		return NULL;
	post->owner = gk_process_key();
	if (span->metadata)
		row.session = json_string_value(json_object_get(span->metadata, "agent:sessionId"));
	if (is_model && span->output) {
		row.tokens_in = gk_json_int_at(span->output, "usage.inputTokens", 0);
		row.tokens_out = gk_json_int_at(span->output, "usage.outputTokens", 0);
	}
	if (span->labels) {
		gk_trace_labels(&labels, span->labels);
		row.labels = labels.len && !gk_buf_failed(&labels) ? labels.data : NULL;
	}
	if (gk_span_is_noise(span->subtype)) {
		post->filtered = 1;
		post->own_name = row.parent ? NULL : strdup(span->name);
	} else if (!gk_trace_post_add(post, &row)) {
		gk_trace_post_free(post);
		return NULL;
	}
	if (!row.parent) {
		name_trace(post, span);
		if (post->own_name)
			post->name = post->own_name;
	}
	return post;
}
