/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* TraceData from elsewhere: validated against the schema of telemetry section 1.7 and written down again, with what the
 * schema does not know left out (section 2.2). */
#include "store/trace_post.h"

#include "base/str.h"
#include "json/write.h"

#include <genkit/json.h>
#include <stdio.h>

#define MAX_PATH 160

typedef enum value_type {
	STRING,
	NUMBER,
	BOOLEAN,
	FREE,  /* an object that is kept as it is */
	SHAPE, /* an object with members of its own */
	LIST,  /* an array of such */
} value_type;

typedef struct member {
	const char *name;
	value_type type;
	bool is_required;
	const struct member *members; /* of SHAPE and LIST */
} member;

static const char *const type_names[] = { "string", "number", "boolean", "object", "object",
	"array" };

static const member context_members[] = {
	{ "traceId", STRING, true, NULL },
	{ "spanId", STRING, true, NULL },
	{ "isRemote", BOOLEAN, false, NULL },
	{ "traceFlags", NUMBER, true, NULL },
	{ .name = NULL },
};
static const member link_members[] = {
	{ "context", SHAPE, false, context_members },
	{ "attributes", FREE, false, NULL },
	{ "droppedAttributesCount", NUMBER, false, NULL },
	{ .name = NULL },
};
static const member library_members[] = {
	{ "name", STRING, true, NULL },
	{ "version", STRING, false, NULL },
	{ "schemaUrl", STRING, false, NULL },
	{ .name = NULL },
};
static const member process_members[] = {
	{ "value", BOOLEAN, true, NULL },
	{ .name = NULL },
};
static const member status_members[] = {
	{ "code", NUMBER, true, NULL },
	{ "message", STRING, false, NULL },
	{ .name = NULL },
};
static const member annotation_members[] = {
	{ "attributes", FREE, true, NULL },
	{ "description", STRING, true, NULL },
	{ .name = NULL },
};
static const member event_members[] = {
	{ "time", NUMBER, true, NULL },
	{ "annotation", SHAPE, true, annotation_members },
	{ .name = NULL },
};
static const member events_members[] = {
	{ "timeEvent", LIST, false, event_members },
	{ .name = NULL },
};
static const member span_members[] = {
	{ "spanId", STRING, true, NULL },
	{ "traceId", STRING, true, NULL },
	{ "parentSpanId", STRING, false, NULL },
	{ "startTime", NUMBER, true, NULL },
	{ "endTime", NUMBER, true, NULL },
	{ "attributes", FREE, true, NULL },
	{ "displayName", STRING, true, NULL },
	{ "links", LIST, false, link_members },
	{ "instrumentationLibrary", SHAPE, true, library_members },
	{ "spanKind", STRING, true, NULL },
	{ "sameProcessAsParentSpan", SHAPE, false, process_members },
	{ "status", SHAPE, false, status_members },
	{ "timeEvents", SHAPE, false, events_members },
	{ "truncated", BOOLEAN, false, NULL },
	{ .name = NULL },
};
static const member trace_members[] = {
	{ "traceId", STRING, true, NULL },
	{ "displayName", STRING, false, NULL },
	{ "startTime", NUMBER, false, NULL },
	{ "endTime", NUMBER, false, NULL },
	{ "spans", FREE, true, NULL },
	{ .name = NULL },
};

/* Where in the value we are, for people; cut when it is long. */
typedef struct place {
	char path[MAX_PATH];
	size_t len;
} place;

static size_t enter(place *at, const char *name)
{
	size_t before = at->len;
	int written = snprintf(
		at->path + at->len, sizeof(at->path) - at->len, "%s%s", at->len ? "." : "", name);

	if (written > 0)
		at->len += (size_t)written;
	if (at->len >= sizeof(at->path))
		at->len = sizeof(at->path) - 1;
	return before;
}

static void leave(place *at, size_t before)
{
	at->len = before;
	at->path[before] = '\0';
}

static bool has_type(const json_t *value, value_type type)
{
	switch (type) {
	case STRING:
		return json_is_string(value);
	case NUMBER:
		return json_is_number(value);
	case BOOLEAN:
		return json_is_boolean(value);
	case LIST:
		return json_is_array(value);
	default:
		return json_is_object(value);
	}
}

static const char *name_of(const json_t *value)
{
	static const char *const names[] = { "object", "array", "string", "number", "number",
		"boolean", "boolean", "null" };

	return value ? names[json_typeof(value)] : "nothing";
}

static gk_code refuse(place *at, const member *m, const json_t *value, gk_error *err)
{
	size_t before = enter(at, m->name);
	gk_code rc = gk_error_set(err, GK_INVALID_ARGUMENT, "%s: expected %s, received %s",
		at->path, type_names[m->type], name_of(value));

	leave(at, before);
	return rc;
}

static gk_code put_shape(
	gk_buf *buf, const json_t *value, const member *members, place *at, gk_error *err);

static gk_code put_list(
	gk_buf *buf, const json_t *value, const member *members, place *at, gk_error *err)
{
	static const member item_member = { "", SHAPE, true, NULL };
	json_t *item;
	size_t i;

	gk_buf_putc(buf, '[');
	json_array_foreach (value, i, item) {
		gk_code rc;

		if (i)
			gk_buf_putc(buf, ',');
		if (!json_is_object(item))
			return refuse(at, &item_member, item, err);
		rc = put_shape(buf, item, members, at, err);
		if (rc != GK_OK)
			return rc;
	}
	gk_buf_putc(buf, ']');
	return GK_OK;
}

static gk_code put_member(
	gk_buf *buf, const json_t *value, const member *m, place *at, gk_error *err)
{
	size_t before;
	gk_code rc;

	if (m->type != SHAPE && m->type != LIST) {
		gk_json_append(buf, value);
		return GK_OK;
	}
	before = enter(at, m->name);
	rc = m->type == LIST ? put_list(buf, value, m->members, at, err)
			     : put_shape(buf, value, m->members, at, err);
	leave(at, before);
	return rc;
}

static gk_code put_shape(
	gk_buf *buf, const json_t *value, const member *members, place *at, gk_error *err)
{
	bool is_first = true;

	gk_buf_putc(buf, '{');
	for (const member *m = members; m->name; m++) {
		const json_t *one = json_object_get(value, m->name);
		gk_code rc;

		if (one ? !has_type(one, m->type) : m->is_required)
			return refuse(at, m, one, err);
		if (!one)
			continue;
		gk_buf_puts(buf, is_first ? "\"" : ",\"");
		gk_buf_puts(buf, m->name);
		gk_buf_puts(buf, "\":");
		is_first = false;
		rc = put_member(buf, one, m, at, err);
		if (rc != GK_OK)
			return rc;
	}
	gk_buf_putc(buf, '}');
	return GK_OK;
}

/* --- rows --- */

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* What a model's answer says it took. */
static void count_tokens(gk_span_row *row, const json_t *attributes)
{
	const json_t *text = json_object_get(attributes, "genkit:output");
	gk_auto_json json_t *output = NULL;

	if (!gk_str_equal(row->subtype, "model") || !json_is_string(text) ||
		!strstr(json_string_value(text), "\"usage\""))
		return;
	if (gk_json_parse(json_string_value(text), json_string_length(text), 0, &output, NULL) !=
		GK_OK)
		return;
	row->tokens_in = gk_json_int_at(output, "usage.inputTokens", 0);
	row->tokens_out = gk_json_int_at(output, "usage.outputTokens", 0);
}

void gk_span_row_fill(gk_span_row *row, const json_t *span, gk_buf *labels)
{
	json_t *attributes = json_object_get(span, "attributes");
	json_t *status = json_object_get(span, "status");

	row->parent = text_of(span, "parentSpanId");
	if (row->parent && !*row->parent)
		row->parent = NULL;
	row->name = text_of(span, "displayName");
	row->type = text_of(attributes, "genkit:type");
	row->subtype = text_of(attributes, "genkit:metadata:subtype");
	row->session = text_of(attributes, "genkit:metadata:agent:sessionId");
	row->start_ms = json_number_value(json_object_get(span, "startTime"));
	row->end_ms = json_number_value(json_object_get(span, "endTime"));
	row->status = status ? (int)json_number_value(json_object_get(status, "code")) : -1;
	count_tokens(row, attributes);
	gk_buf_clear(labels);
	gk_trace_labels(labels, attributes);
	row->labels = labels->len && !gk_buf_failed(labels) ? labels->data : NULL;
}

static gk_code add_span(gk_trace_post *post, const char *key, const json_t *span, gk_buf *doc,
	gk_buf *labels, place *at, gk_error *err)
{
	gk_span_row row = { .key = key };
	size_t before = enter(at, key);
	gk_code rc;

	gk_buf_clear(doc);
	rc = json_is_object(span)
		     ? put_shape(doc, span, span_members, at, err)
		     : gk_error_set(err, GK_INVALID_ARGUMENT, "%s: expected object, received %s",
			       at->path, name_of(span));
	leave(at, before);
	if (rc != GK_OK)
		return rc;
	gk_span_row_fill(&row, span, labels);
	if (gk_span_is_noise(row.subtype)) {
		post->filtered++;
		return GK_OK;
	}
	row.doc = doc->data;
	row.doc_len = doc->len;
	if (gk_buf_failed(doc) || !gk_trace_post_add(post, &row))
		return gk_error_no_memory(err);
	return GK_OK;
}

/* The wrapper that the tools' own runner puts around an action, alone in its post. */
static void drop_wrapper(gk_trace_post *post, const json_t *spans)
{
	gk_span_row *row = STAILQ_FIRST(&post->rows);
	const json_t *span = row ? json_object_get(spans, row->key) : NULL;

	if (post->count != 1 ||
		!gk_str_equal(text_of(json_object_get(span, "attributes"), "genkit:name"),
			"dev-run-action-wrapper"))
		return;
	STAILQ_REMOVE_HEAD(&post->rows, link);
	free(row);
	post->count = 0;
	post->filtered++;
}

static gk_code add_spans(gk_trace_post *post, json_t *spans, gk_error *err)
{
	gk_auto_buf gk_buf doc = GK_BUF_INIT(0), labels = GK_BUF_INIT(0);
	place at = { .path = "spans", .len = 5 };
	const char *key;
	json_t *span;

	json_object_foreach (spans, key, span) {
		gk_code rc = add_span(post, key, span, &doc, &labels, &at, err);

		if (rc != GK_OK)
			return rc;
	}
	drop_wrapper(post, spans);
	return GK_OK;
}

static bool take_times(gk_trace_post *post, const json_t *trace)
{
	const json_t *start = json_object_get(trace, "startTime"),
		     *end = json_object_get(trace, "endTime");
	const char *name = text_of(trace, "displayName");

	post->has_start = start != NULL;
	post->has_end = end != NULL;
	post->start_ms = json_number_value(start);
	post->end_ms = json_number_value(end);
	post->own_name = name ? strdup(name) : NULL;
	post->name = post->own_name;
	return !name || post->name;
}

gk_code gk_trace_post_read(const json_t *trace, unsigned flags, gk_trace_post **ret, gk_error *err)
{
	json_t *id = json_object_get(trace, "traceId");
	place at = { .len = 0 };
	gk_trace_post *post;
	gk_code rc = GK_OK;

	for (const member *m = trace_members; rc == GK_OK && m->name; m++) {
		const json_t *one = json_object_get(trace, m->name);

		if (one ? !has_type(one, m->type) : m->is_required)
			rc = refuse(&at, m, one, err);
	}
	if (rc == GK_OK)
		rc = gk_trace_id_check(json_string_value(id), json_string_length(id), err);
	if (rc != GK_OK)
		return rc;
	post = gk_trace_post_new(json_string_value(id));
	if (!post || !take_times(post, trace)) {
		gk_trace_post_free(post);
		return gk_error_no_memory(err);
	}
	post->flags = flags;
	rc = add_spans(post, json_object_get(trace, "spans"), err);
	if (rc == GK_OK)
		*ret = post;
	else
		gk_trace_post_free(post);
	return rc;
}
