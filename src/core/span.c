/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Spans: started, shown to observers, ended (telemetry section 1). */
#include "core/internal.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "json/edit.h"

#include <stdio.h>

void gk_span_start(gk_span *span, const gk_span *above, const char *name)
{
	*span = (gk_span){ .above = above, .name = name, .is_root = !above };
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

/* "/{flow,t:flow}/{step,t:flowStep}": the type of an action's segment is "action", but for a flow's. An observer may
 * have come after the spans above had started: they have no path then. */
static void put_path(gk_buf *path, const gk_span *span)
{
	const char *type = gk_str_equal(span->subtype, "flow") ? "flow" : span->type;

	if (span->above && span->above->path)
		gk_buf_puts(path, span->above->path);
	else if (span->above)
		put_path(path, span->above);
	gk_buf_puts(path, "/{");
	gk_buf_puts(path, span->name);
	if (type) {
		gk_buf_puts(path, ",t:");
		gk_buf_puts(path, type);
	}
	gk_buf_putc(path, '}');
}

static void set_path(gk_span *span)
{
	gk_buf path = GK_BUF_INIT(0);

	put_path(&path, span);
	span->path = gk_buf_take(&path, NULL);
	gk_buf_done(&path);
}

/* --- those that last --- */

/* Most spans are over before anybody would look at them while they run. They wait here, in order of start, for a moment;
 * a timer tells the observers of those that are still there then. */
static void arm(gk_app *app)
{
	if (app->lasting)
		gk_timer_again(app->lasting, GK_SPAN_LASTING_MS);
	app->is_lasting_armed = app->lasting;
}

static void tell_lasting(void *user)
{
	gk_app *app = user;
	uint64_t now_ns = gk_clock_mono_ns();
	gk_span *span;

	app->is_lasting_armed = false;
	while ((span = TAILQ_FIRST(&app->young_spans))) {
		if (now_ns - span->start_mono_ns < GK_SPAN_LASTING_MS * 1000000ull) {
			arm(app);
			return;
		}
		TAILQ_REMOVE(&app->young_spans, span, young_link);
		span->is_young = false;
		span->has_lasted = true;
		for (size_t i = 0; i < app->observer_count; i++)
			if (app->observers[i]->lasts)
				app->observers[i]->lasts(span, app->observers[i]->user);
	}
}

static void be_young(gk_span *span, gk_app *app)
{
	bool wanted = false;

	for (size_t i = 0; i < app->observer_count; i++)
		wanted |= app->observers[i]->lasts != NULL;
	if (!wanted)
		return;
	if (!app->lasting) {
		if (gk_timer_start(app->loop, GK_SPAN_LASTING_MS, 0, tell_lasting, app,
			    &app->lasting, NULL) != GK_OK)
			return; /* nobody is told: it is shown when it ends */
		gk_timer_unref(app->lasting);
		app->is_lasting_armed = true;
	}
	TAILQ_INSERT_TAIL(&app->young_spans, span, young_link);
	span->is_young = true;
	if (!app->is_lasting_armed)
		arm(app);
}

void gk_spans_settle(gk_app *app)
{
	for (size_t i = 0; i < app->observer_count; i++)
		if (app->observers[i]->settle)
			app->observers[i]->settle(app->observers[i]->user);
}

/* --- from start to end --- */

void gk_span_announce(gk_span *span, gk_app *app)
{
	const gk_span *above = span->above;

	if (above) {
		/* What drops untyped spans can hang this one on the nearest typed one above. */
		const char *typed = above->type ? above->id : above->typed_id;

		memcpy(span->typed_id, typed, sizeof(span->typed_id));
		if (span->type && !above->type)
			memcpy(span->last_parent_id, typed, sizeof(span->last_parent_id));
	}
	if (!app->observer_count)
		return;
	set_path(span);
	for (size_t i = 0; i < app->observer_count; i++)
		if (app->observers[i]->started)
			app->observers[i]->started(span, app->observers[i]->user);
	be_young(span, app);
}

/* The innermost span that an error passes through is its source; the error remembers that it was claimed. What was
 * thrown without being an error cannot remember, and nobody is its source. */
static void record_failure(gk_span *span, gk_error *err)
{
	span->state = GK_SPAN_ERROR;
	span->error = *err;
	if (!err->message_missing) {
		span->is_failure_source = !err->failure_marked;
		err->failure_marked = true;
	}
	if (!err->trace_id[0])
		memcpy(err->trace_id, span->trace_id, sizeof(err->trace_id));
}

void gk_span_finish(gk_span *span, gk_app *app, json_t *output, gk_error *err)
{
	if (err)
		record_failure(span, err);
	else
		span->state = GK_SPAN_OK;
	if (span->is_young)
		TAILQ_REMOVE(&app->young_spans, span, young_link);
	span->is_young = false;
	if (app->observer_count) {
		span->end_ns = span->start_ns + (gk_clock_mono_ns() - span->start_mono_ns);
		span->output = err ? NULL : output;
		if (!span->path)
			set_path(span);
		for (size_t i = 0; i < app->observer_count; i++)
			if (app->observers[i]->ended)
				app->observers[i]->ended(span, app->observers[i]->user);
	}
	json_decref(span->context);
	json_decref(span->metadata);
	free(span->path);
}

/* --- where a trace comes from --- */

#define TRACEPARENT_LEN 55

static bool is_lower_hex(const char *text, size_t len)
{
	return strspn(text, "0123456789abcdef") >= len;
}

/* W3C trace context: "00-TRACE-SPAN-FLAGS"; later versions may have more behind another dash. */
bool gk_trace_link_parse(gk_trace_link *ret, const char *traceparent)
{
	const char *trace = traceparent + 3, *id = traceparent + 36;
	size_t len = strnlen(traceparent, TRACEPARENT_LEN + 1);

	if (len < TRACEPARENT_LEN || gk_str_has_prefix(traceparent, "ff") ||
		(len > TRACEPARENT_LEN && (gk_str_has_prefix(traceparent, "00") ||
						  traceparent[TRACEPARENT_LEN] != '-')))
		return false;
	if (!is_lower_hex(traceparent, 2) || trace[-1] != '-' || !is_lower_hex(trace, 32) ||
		id[-1] != '-' || !is_lower_hex(id, 16) || id[16] != '-' ||
		!is_lower_hex(id + 17, 2))
		return false;
	if (strspn(trace, "0") >= 32 || strspn(id, "0") >= 16)
		return false;
	*ret = (gk_trace_link){ 0 };
	memcpy(ret->trace_id, trace, 32);
	memcpy(ret->span_id, id, 16);
	return true;
}

/* --- as the wire has them --- */

char *gk_span_path(const gk_span *span)
{
	const char *path = span->path ? span->path : "";
	size_t len = strlen(path);
	char *text = NULL;

	if (!span->subtype || span->is_root || !len)
		return strdup(path);
	if (asprintf(&text, "%.*s,s:%s}", (int)(len - 1), path, span->subtype) < 0)
		return NULL;
	return text;
}

bool gk_span_error_type(const gk_span *span, char ret[GK_SPAN_ERROR_TYPE_SIZE])
{
	const gk_error *error = &span->error;

	if (span->state != GK_SPAN_ERROR || error->message_missing)
		return false;
	if (error->is_plain)
		snprintf(ret, GK_SPAN_ERROR_TYPE_SIZE, "%s",
			error->source ? error->source : "Error");
	else
		snprintf(ret, GK_SPAN_ERROR_TYPE_SIZE, "%d", gk_code_http_status(error->code));
	return true;
}

static bool put_text(json_t *attributes, const char *key, const char *text)
{
	return !text || gk_json_set_str(attributes, key, text);
}

static bool put_json(json_t *attributes, const char *key, const json_t *value)
{
	gk_auto_str char *text = value ? gk_json_write(value, NULL) : NULL;

	return !value || (text && gk_json_set_str(attributes, key, text));
}

static bool put_metadata(json_t *attributes, json_t *metadata)
{
	const char *key;
	json_t *value;

	json_object_foreach (metadata, key, value) {
		char *name;
		bool ok = asprintf(&name, "genkit:metadata:%s", key) >= 0;

		if (!ok)
			return false;
		ok = gk_json_set(attributes, name, value);
		free(name);
		if (!ok)
			return false;
	}
	return true;
}

/* In the order that the reference writes them: labels of the start, then what it sets at the end. */
static bool put_all(json_t *attributes, const gk_span *span)
{
	gk_auto_str char *path = gk_span_path(span);
	const char *state = span->state == GK_SPAN_OK ? "success" : "error";
	const char *last_parent = span->last_parent_id[0] ? span->last_parent_id : NULL;

	return path && put_text(attributes, "genkit:type", span->type) &&
	       put_text(attributes, "genkit:metadata:subtype", span->subtype) &&
	       put_text(attributes, "genkit:key", span->key) &&
	       (!span->labels || json_object_update(attributes, span->labels) == 0) &&
	       put_text(attributes, "genkit:lastKnownParentSpanId", last_parent) &&
	       put_text(attributes, "genkit:name", span->name) &&
	       (!span->is_root || gk_json_set_bool(attributes, "genkit:isRoot", true)) &&
	       put_text(attributes, "genkit:path", path) &&
	       put_json(attributes, "genkit:input", span->input) &&
	       put_json(attributes, "genkit:init", span->init) &&
	       put_json(attributes, "genkit:metadata:context", span->context) &&
	       put_metadata(attributes, span->metadata) &&
	       put_json(attributes, "genkit:output", span->output) &&
	       put_text(
		       attributes, "genkit:state", span->state == GK_SPAN_RUNNING ? NULL : state) &&
	       (!span->is_failure_source ||
		       gk_json_set_bool(attributes, "genkit:isFailureSource", true));
}

json_t *gk_span_attributes(const gk_span *span)
{
	json_t *attributes = json_object();

	if (attributes && put_all(attributes, span))
		return attributes;
	json_decref(attributes);
	return NULL;
}
