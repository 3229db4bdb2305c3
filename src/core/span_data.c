/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Spans as the wire has them: attributes and events (telemetry sections 1.4 to 1.6). */
#include "core/internal.h"

#include "base/str.h"
#include "json/edit.h"
#include "json/write.h"

#include <stdio.h>

#define METADATA "genkit:metadata:"

static const char cut_mark[] = "\xe2\x80\xa6"; /* an ellipsis: what ends in it is no JSON */

/* --- names, paths, errors --- */

const char *gk_span_library(const gk_span *span, const char **version_ret)
{
	if (version_ret)
		*version_ret = span->library ? span->library_version : GK_SPAN_LIBRARY_VERSION;
	return span->library ? span->library : GK_SPAN_LIBRARY;
}

const char *gk_span_kind_name(int kind)
{
	static const char *const names[] = { "UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT",
		"PRODUCER", "CONSUMER" };

	return names[kind > 0 && kind <= GK_SPAN_CONSUMER ? kind : 0];
}

char *gk_span_path_with(const char *path, const char *subtype)
{
	size_t len = strlen(path);
	char *text = gk_str_join((const char *[]){ path, ",s:", subtype, "}", NULL });

	if (text) /* the brace that was the last is behind it */
		memmove(text + len - 1, text + len, strlen(text + len) + 1);
	return text;
}

char *gk_span_path(const gk_span *span)
{
	const char *path = span->path ? span->path : "";

	if (!span->subtype || span->is_root || span->is_appended || !*path)
		return strdup(path);
	return gk_span_path_with(path, span->subtype);
}

bool gk_span_error_type(const gk_span *span, char ret[GK_SPAN_ERROR_TYPE_SIZE])
{
	const gk_error *error = &span->error;

	if (span->state != GK_SPAN_ERROR || error->message_missing)
		return false;
	if (error->is_plain)
		snprintf(ret, GK_SPAN_ERROR_TYPE_SIZE, "%s",
			error->source ? error->source : "Error");
	else if (span->is_aborted)
		snprintf(ret, GK_SPAN_ERROR_TYPE_SIZE, "20"); /* the DOM's code of AbortError */
	else
		snprintf(ret, GK_SPAN_ERROR_TYPE_SIZE, "%d", gk_code_http_status(error->code));
	return true;
}

char *gk_span_error_message(const gk_span *span)
{
	return span->state == GK_SPAN_ERROR ? gk_error_text(&span->error) : strdup("");
}

/* --- attributes --- */

typedef gk_attribute_walk walk;

static bool put(walk *w, const char *key, const char *text)
{
	return !text || w->fn(&(gk_attribute){ .key = key, .text = text }, w->user);
}

static bool put_true(walk *w, const char *key, bool is_so)
{
	return !is_so || w->fn(&(gk_attribute){ .key = key, .value = json_true() }, w->user);
}

/* What a model is asked stands in what it answers; what its turn is asked does not, and its list may grow. */
static bool is_input_shared(const gk_span *span)
{
	return span->memo && span->memo->has_members && !span->input_messages;
}

static bool put_json(walk *w, const char *key, const json_t *value)
{
	gk_auto_json json_t *shown = value ? gk_span_shown(w->span, value) : NULL;

	if (!value)
		return true;
	return shown &&
	       w->fn(&(gk_attribute){ .key = key,
			     .value = shown,
			     .is_json = true,
			     .is_shared = value == w->span->output ||
					  (value == w->span->input && is_input_shared(w->span)) },
		       w->user);
}

/* A user-made span may say of its output what it likes, but for objects. */
static bool put_output(walk *w)
{
	const json_t *output = w->span->output;
	bool is_plain = json_is_string(output) || json_is_number(output) || json_is_boolean(output);

	if (!w->span->is_user_made || !is_plain)
		return put_json(w, "genkit:output", output);
	return w->fn(&(gk_attribute){ .key = "genkit:output", .value = output }, w->user);
}

/* What the caller gave; he cannot speak for Genkit. */
static bool put_labels(walk *w)
{
	const char *key;
	json_t *value;

	json_object_foreach (w->span->labels, key, value) {
		if (gk_str_has_prefix(key, "genkit:") || json_is_null(value))
			continue;
		if (!w->room) {
			w->dropped++;
			continue;
		}
		w->room--;
		w->labels++;
		if (!w->fn(&(gk_attribute){ .key = key, .value = value }, w->user))
			return false;
	}
	return true;
}

static bool put_metadata(walk *w)
{
	gk_auto_buf gk_buf name = GK_BUF_INIT(0);
	const char *key;
	json_t *value;

	json_object_foreach (w->span->metadata, key, value) {
		if (!w->room) {
			w->dropped++;
			continue;
		}
		w->room--;
		gk_buf_clear(&name);
		gk_buf_puts(&name, METADATA);
		gk_buf_puts(&name, key);
		if (gk_buf_failed(&name) ||
			!w->fn(&(gk_attribute){ .key = name.data, .value = value }, w->user))
			return false;
	}
	return true;
}

/* How many of the attributes are Genkit's own: these stay when there are too many. */
static unsigned count_own(const gk_span *span)
{
	const void *optional[] = { span->type, span->subtype, span->key, span->input, span->init,
		span->context, span->output };
	unsigned count = 2u + span->is_root + (span->last_parent_id[0] != '\0') +
			 (span->state != GK_SPAN_RUNNING) + span->is_failure_source;

	for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++)
		count += optional[i] != NULL;
	return span->is_foreign ? 0 : count;
}

void gk_attribute_walk_init(
	gk_attribute_walk *w, const gk_span *span, gk_attribute_fn *fn, void *user)
{
	unsigned own = count_own(span), most = span->limits->attributes;

	*w = (gk_attribute_walk){
		.span = span, .fn = fn, .user = user, .room = most > own ? most - own : 0
	};
}

/* In the order in which the reference writes them: labels of the start, then what it sets at the end. */
bool gk_attribute_walk_first(gk_attribute_walk *w)
{
	const gk_span *span = w->span;
	gk_auto_str char *path = NULL;

	if (span->is_foreign)
		return put_labels(w);
	path = gk_span_path(span);
	return path && put(w, "genkit:type", span->type) &&
	       put(w, METADATA "subtype", span->subtype) && put(w, "genkit:key", span->key) &&
	       put_labels(w) &&
	       put(w, "genkit:lastKnownParentSpanId",
		       span->last_parent_id[0] ? span->last_parent_id : NULL) &&
	       put(w, "genkit:name", span->name) && put_true(w, "genkit:isRoot", span->is_root) &&
	       put(w, "genkit:path", path) && put_json(w, "genkit:input", span->input) &&
	       put_json(w, "genkit:init", span->init) &&
	       put_json(w, METADATA "context", span->context);
}

bool gk_attribute_walk_rest(gk_attribute_walk *w)
{
	const gk_span *span = w->span;
	const char *state = span->state == GK_SPAN_OK ? "success" : "error";

	if (span->is_foreign)
		return true;
	return put_metadata(w) && put_output(w) &&
	       put(w, "genkit:state", span->state == GK_SPAN_RUNNING ? NULL : state) &&
	       put_true(w, "genkit:isFailureSource", span->is_failure_source);
}

bool gk_span_each_attribute(
	const gk_span *span, gk_attribute_fn *fn, void *user, unsigned *dropped_ret)
{
	gk_attribute_walk w;
	bool done;

	gk_attribute_walk_init(&w, span, fn, user);
	done = gk_attribute_walk_first(&w) && gk_attribute_walk_rest(&w);
	if (dropped_ret)
		*dropped_ret = w.dropped;
	return done;
}

bool gk_attribute_is_text(const gk_attribute *attribute)
{
	return attribute->text || attribute->is_json || json_is_string(attribute->value);
}

bool gk_attribute_append(gk_buf *buf, const gk_attribute *attribute, const gk_span *span)
{
	size_t before = buf->len, max = span->limits->attribute_size;

	if (attribute->text) {
		gk_buf_puts(buf, attribute->text);
	} else if (attribute->is_json && !gk_buf_failed(buf)) {
		gk_json_append_pretty(buf, attribute->value, 0);
		if (gk_buf_failed(buf)) { /* too deep: nobody could read it back */
			gk_buf_rewind(buf, before);
			gk_buf_puts(buf, cut_mark);
		}
	} else if (!attribute->is_json) {
		gk_buf_put(buf, json_string_value(attribute->value),
			json_string_length(attribute->value));
	}
	if (gk_buf_failed(buf) || !max || buf->len - before <= max)
		return false;
	buf->len = before + gk_str_valid_utf8(buf->data + before, max);
	gk_buf_puts(buf, cut_mark);
	return true;
}

typedef struct collecting {
	json_t *object;
	const gk_span *span;
} collecting;

static bool collect(const gk_attribute *attribute, void *user)
{
	collecting *c = user;
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);

	if (!gk_attribute_is_text(attribute))
		return gk_json_set_take(
			c->object, attribute->key, json_deep_copy(attribute->value));
	gk_attribute_append(&text, attribute, c->span);
	return !gk_buf_failed(&text) &&
	       gk_json_set_take(c->object, attribute->key,
		       json_stringn_nocheck(text.data ? text.data : "", text.len));
}

json_t *gk_span_attributes(const gk_span *span)
{
	collecting c = { .object = json_object(), .span = span };

	if (c.object && gk_span_each_attribute(span, collect, &c, NULL))
		return c.object;
	json_decref(c.object);
	return NULL;
}

/* --- events --- */

static bool each_exception(const gk_span *span, gk_event_fn *fn, void *user)
{
	gk_auto_str char *message = NULL;
	gk_auto_json json_t *attributes = NULL;
	char type[GK_SPAN_ERROR_TYPE_SIZE];

	if (!gk_span_error_type(span, type))
		return true;
	message = gk_span_error_message(span);
	attributes = json_object();
	if (!message || !gk_json_set_str(attributes, "exception.type", type) ||
		(*message && !gk_json_set_str(attributes, "exception.message", message)))
		return false;
	return fn(&(gk_event){ "exception", span->end_ns, attributes }, user);
}

bool gk_span_each_event(const gk_span *span, gk_event_fn *fn, void *user)
{
	json_t *one;
	size_t i;

	json_array_foreach (span->events, i, one)
		if (!fn(&(gk_event){ json_string_value(json_array_get(one, 0)),
				(uint64_t)json_integer_value(json_array_get(one, 1)),
				json_array_get(one, 2) },
			    user))
			return false;
	return each_exception(span, fn, user);
}
