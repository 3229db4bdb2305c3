/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Spans: started, shown to observers, ended (telemetry section 1). */
#include "core/internal.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"

#include <ctype.h>

/* "/{flow,t:flow}": the segment of an action is its type, except that a flow is t:flow (telemetry section 1.5). */
static char *path_of(const gk_span *parent, const gk_span *span)
{
	gk_auto_buf gk_buf path = GK_BUF_INIT(0);
	const char *type = gk_str_equal(span->subtype, "flow") ? "flow" : span->type;

	if (parent && parent->path)
		gk_buf_puts(&path, parent->path);
	gk_buf_puts(&path, "/{");
	gk_buf_puts(&path, span->name);
	if (type) {
		gk_buf_puts(&path, ",t:");
		gk_buf_puts(&path, type);
	}
	gk_buf_putc(&path, '}');
	return gk_buf_take(&path, NULL);
}

void gk_span_start(gk_span *span, const gk_span *above, const char *name)
{
	*span = (gk_span){ .name = name, .is_root = !above };
	gk_id_span(span->id);
	if (above) {
		memcpy(span->trace_id, above->trace_id, sizeof(span->trace_id));
		memcpy(span->parent_id, above->id, sizeof(span->parent_id));
	} else {
		gk_id_trace(span->trace_id);
	}
	span->start_ns = gk_clock_wall_ns();
	span->start_mono_ns = gk_clock_mono_ns();
}

void gk_span_announce(gk_span *span, const gk_span *above, gk_app *app)
{
	if (above) {
		/* What drops untyped spans can hang this one on the nearest typed one above. */
		const char *typed = above->type ? above->id : above->typed_id;

		memcpy(span->typed_id, typed, sizeof(span->typed_id));
		if (span->type && !above->type)
			memcpy(span->last_parent_id, typed, sizeof(span->last_parent_id));
	}
	if (!app->observer_count)
		return;
	span->path = path_of(above, span);
	for (size_t i = 0; i < app->observer_count; i++)
		if (app->observers[i]->started)
			app->observers[i]->started(span, app->observers[i]->user);
}

/* The innermost span that an error passes through is its source; the error remembers that it was claimed. */
static void record_failure(gk_span *span, gk_error *err)
{
	span->state = GK_SPAN_ERROR;
	span->is_failure_source = !err->failure_marked;
	err->failure_marked = true;
	if (!err->trace_id[0])
		memcpy(err->trace_id, span->trace_id, sizeof(err->trace_id));
}

void gk_span_finish(gk_span *span, gk_app *app, json_t *output, gk_error *err)
{
	if (err)
		record_failure(span, err);
	else
		span->state = GK_SPAN_OK;
	if (app->observer_count) {
		span->end_ns = span->start_ns + (gk_clock_mono_ns() - span->start_mono_ns);
		span->output = err ? NULL : output;
		if (err)
			gk_error_copy(&span->error, err);
		for (size_t i = 0; i < app->observer_count; i++)
			if (app->observers[i]->ended)
				app->observers[i]->ended(span, app->observers[i]->user);
		gk_error_clear(&span->error);
	}
	json_decref(span->context);
	json_decref(span->metadata);
	free(span->path);
}

/* W3C trace context: "00-TRACE-SPAN-FLAGS"; whatever is not of that form is ignored. */
void gk_span_link(gk_span *span, const char *traceparent)
{
	const char *trace, *id;

	if (!traceparent || strlen(traceparent) < 55 || traceparent[2] != '-' ||
		traceparent[35] != '-' || traceparent[52] != '-' ||
		gk_str_has_prefix(traceparent, "ff"))
		return;
	for (size_t i = 0; i < 55; i++)
		if (i != 2 && i != 35 && i != 52 &&
			(!isxdigit((unsigned char)traceparent[i]) ||
				isupper((unsigned char)traceparent[i])))
			return;
	trace = traceparent + 3;
	id = traceparent + 36;
	if (strspn(trace, "0") >= 32 || strspn(id, "0") >= 16)
		return;
	memcpy(span->link_trace_id, trace, 32);
	memcpy(span->link_span_id, id, 16);
}

char *gk_span_path(const gk_span *span)
{
	const char *path = span->path ? span->path : "";
	size_t len = strlen(path);
	char *text = NULL;

	if (!span->subtype || span->is_root || !len)
		return strdup(path);
	text = malloc(len + strlen(span->subtype) + 5);
	if (!text)
		return NULL;
	memcpy(text, path, len - 1);
	strcpy(stpcpy(stpcpy(text + len - 1, ",s:"), span->subtype), "}");
	return text;
}

/* --- attributes --- */

static void put_text(json_t *attributes, const char *key, const char *text)
{
	if (text)
		json_object_set_new(attributes, key, json_string(text));
}

static void put_json(json_t *attributes, const char *key, const json_t *value)
{
	gk_auto_str char *text = value ? gk_json_write(value, NULL) : NULL;

	put_text(attributes, key, text);
}

json_t *gk_span_attributes(const gk_span *span)
{
	json_t *attributes = json_object(), *value;
	gk_auto_str char *path = gk_span_path(span);
	const char *key;

	if (!attributes)
		return NULL;
	put_text(attributes, "genkit:type", span->type);
	put_text(attributes, "genkit:metadata:subtype", span->subtype);
	put_text(attributes, "genkit:key", span->key);
	if (span->labels)
		json_object_update(attributes, span->labels);
	if (span->last_parent_id[0])
		put_text(attributes, "genkit:lastKnownParentSpanId", span->last_parent_id);
	put_text(attributes, "genkit:name", span->name);
	if (span->is_root)
		json_object_set_new(attributes, "genkit:isRoot", json_true());
	put_text(attributes, "genkit:path", path);
	put_json(attributes, "genkit:input", span->input);
	put_json(attributes, "genkit:init", span->init);
	put_json(attributes, "genkit:metadata:context", span->context);
	json_object_foreach (span->metadata, key, value) {
		gk_auto_str char *name = NULL;

		if (asprintf(&name, "genkit:metadata:%s", key) < 0)
			name = NULL;
		else
			json_object_set(attributes, name, value);
	}
	put_json(attributes, "genkit:output", span->output);
	if (span->state != GK_SPAN_RUNNING)
		put_text(attributes, "genkit:state",
			span->state == GK_SPAN_OK ? "success" : "error");
	if (span->is_failure_source)
		json_object_set_new(attributes, "genkit:isFailureSource", json_true());
	return attributes;
}
