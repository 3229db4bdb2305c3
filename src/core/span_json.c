/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Spans as Genkit's JSON (telemetry section 1.7), written in two steps:
 *
 *	{"spanId": ..., "attributes": {"genkit:type": ..., "genkit:input": ...		what is known when it starts
 *	, "genkit:output": ..., ...}, "endTime": ..., "status": ...}			the rest
 *
 * The first is written while the span's run waits for something else, when somebody will ask for it, and kept in the span:
 * the answer that is waited for need not wait for it then. Usually a span ends before that, and both are written at once.
 */
#include "core/internal.h"

#include "base/number.h"
#include "json/write.h"

#define NS_PER_MS 1000000u
#define MS_ROOM   (GK_NUMBER_SIZE + 7)
#define HEAD_ROOM (160 + MS_ROOM) /* what comes before the attributes */
#define USUAL     512             /* bytes of the first step */
#define LATE_OWN                                                                                   \
	3 /* attributes of Genkit's own that come at the end: output, state, isFailureSource */

static char *put_ms(char *to, uint64_t ns)
{
	uint64_t fraction = ns % NS_PER_MS;
	char *point = to + gk_format_i64((int64_t)(ns / NS_PER_MS), to);

	if (!fraction)
		return point;
	/* With its zeros, behind a 1. */
	to = point + gk_format_i64((int64_t)(NS_PER_MS + fraction), point);
	*point = '.';
	while (to[-1] == '0')
		to--;
	return to;
}

void gk_span_append_ms(gk_buf *buf, uint64_t ns)
{
	char *room = gk_buf_reserve_most(buf, MS_ROOM);

	if (room)
		gk_buf_added(buf, (size_t)(put_ms(room, ns) - room));
}

static void put_string(gk_buf *buf, const char *text)
{
	gk_json_append_string(buf, text, strlen(text));
}

typedef struct writing {
	gk_buf *buf, text;
	const gk_span *span;
	bool is_first, is_cut;
} writing;

/* JSON at once as the string that it will be. False: it is too long, or too deep. */
static bool write_nested(writing *w, const gk_attribute *attribute)
{
	size_t before = w->buf->len, max = w->span->limits->attribute_size;

	if (gk_buf_failed(w->buf))
		return true;
	gk_json_append_nested(w->buf, attribute->value, w->span->memo, attribute->is_shared);
	if (!gk_buf_failed(w->buf) && (!max || w->buf->len - before <= max))
		return true;
	gk_buf_rewind(w->buf, before);
	return false;
}

/* A text that is not to be cut. */
static bool write_text(writing *w, const char *text)
{
	size_t len = strlen(text), max = w->span->limits->attribute_size;

	if (max && len > max)
		return false;
	gk_json_append_string(w->buf, text, len);
	return true;
}

static bool write_attribute(const gk_attribute *attribute, void *user)
{
	writing *w = user;

	if (w->is_first)
		w->is_first = false;
	else
		gk_buf_putc(w->buf, ',');
	put_string(w->buf, attribute->key);
	gk_buf_putc(w->buf, ':');
	if (!gk_attribute_is_text(attribute)) {
		gk_json_append(w->buf, attribute->value);
		return true;
	}
	if (attribute->text ? write_text(w, attribute->text)
			    : attribute->is_json && write_nested(w, attribute))
		return true;
	gk_buf_clear(&w->text);
	w->is_cut |= gk_attribute_append(&w->text, attribute, w->span);
	gk_json_append_string(w->buf, w->text.data ? w->text.data : "", w->text.len);
	return !gk_buf_failed(&w->text);
}

static bool write_event(const gk_event *event, void *user)
{
	writing *w = user;

	gk_buf_puts(w->buf, w->is_first ? "{\"time\":" : ",{\"time\":");
	w->is_first = false;
	gk_span_append_ms(w->buf, event->time_ns);
	gk_buf_puts(w->buf, ",\"annotation\":{\"attributes\":");
	if (event->attributes)
		gk_json_append(w->buf, event->attributes);
	else
		gk_buf_puts(w->buf, "{}");
	gk_buf_puts(w->buf, ",\"description\":");
	put_string(w->buf, event->name);
	gk_buf_puts(w->buf, "}}");
	return true;
}

static void put_links(gk_buf *buf, const gk_span *span)
{
	gk_buf_puts(buf, ",\"links\":[");
	if (span->link_trace_id[0])
		gk_buf_printf(buf,
			"{\"context\":{\"traceId\":\"%s\",\"spanId\":\"%s\",\"isRemote\":true,"
			"\"traceFlags\":1},\"attributes\":{}}",
			span->link_trace_id, span->link_span_id);
	gk_buf_putc(buf, ']');
}

static void put_library(gk_buf *buf, const gk_span *span)
{
	const char *version, *name = gk_span_library(span, &version);

	gk_buf_puts(buf, ",\"instrumentationLibrary\":{\"name\":");
	put_string(buf, name);
	if (version) {
		gk_buf_puts(buf, ",\"version\":");
		put_string(buf, version);
	}
	gk_buf_puts(buf, "},\"spanKind\":");
	put_string(buf, gk_span_kind_name(span->kind));
}

static void put_status(gk_buf *buf, const gk_span *span)
{
	gk_auto_str char *message = NULL;

	if (span->state != GK_SPAN_ERROR) {
		gk_buf_puts(buf, ",\"status\":{\"code\":0}");
		return;
	}
	message = gk_span_error_message(span);
	gk_buf_puts(buf, ",\"status\":{\"code\":2,\"message\":");
	put_string(buf, message ? message : "");
	gk_buf_putc(buf, '}');
}

/* What is not looked at: names that are literals, hexadecimal digits and a number. */
static char *put_head(char *to, const gk_span *span)
{
	to = stpcpy(to, "{\"spanId\":\"");
	to = mempcpy(to, span->id, sizeof(span->id) - 1);
	to = stpcpy(to, "\",\"traceId\":\"");
	to = mempcpy(to, span->trace_id, sizeof(span->trace_id) - 1);
	if (span->parent_id[0] && !span->parent_is_remote) {
		to = stpcpy(to, "\",\"parentSpanId\":\"");
		to = mempcpy(to, span->parent_id, sizeof(span->parent_id) - 1);
	}
	to = stpcpy(to, "\",\"startTime\":");
	to = put_ms(to, span->start_ns);
	return stpcpy(to, ",\"attributes\":{");
}

static void put_first(writing *w, gk_attribute_walk *walk)
{
	char *room = gk_buf_reserve_most(w->buf, HEAD_ROOM);

	if (!room)
		return;
	gk_buf_added(w->buf, (size_t)(put_head(room, w->span) - room));
	w->is_first = true;
	if (!gk_attribute_walk_first(walk))
		gk_buf_fail(w->buf);
}

static void put_rest(writing *w, gk_attribute_walk *walk)
{
	const gk_span *span = w->span;
	gk_buf *buf = w->buf;

	if (!gk_attribute_walk_rest(walk))
		gk_buf_fail(buf);
	gk_buf_puts(buf, "},\"endTime\":");
	gk_span_append_ms(buf, span->end_ns);
	gk_buf_puts(buf, ",\"displayName\":");
	put_string(buf, span->name);
	put_links(buf, span);
	put_library(buf, span);
	gk_buf_puts(buf, span->parent_is_remote ? ",\"sameProcessAsParentSpan\":{\"value\":false}"
						: ",\"sameProcessAsParentSpan\":{\"value\":true}");
	put_status(buf, span);
	gk_buf_puts(buf, ",\"timeEvents\":{\"timeEvent\":[");
	w->is_first = true;
	if (!gk_span_each_event(span, write_event, w))
		gk_buf_fail(buf);
	gk_buf_puts(buf, w->is_cut ? "]},\"truncated\":true}" : "]}}");
}

void gk_span_write_ahead(gk_span *span)
{
	gk_span_ahead *ahead = &span->ahead;
	writing w = { .buf = &ahead->text, .text = GK_BUF_INIT(0), .span = span };
	gk_attribute_walk walk;

	gk_attribute_walk_init(&walk, span, write_attribute, &w);
	if (walk.room < LATE_OWN + json_object_size(span->labels))
		return; /* who has no room cannot be told yet */
	gk_buf_reserve(&ahead->text, USUAL);
	put_first(&w, &walk);
	ahead->labels = walk.labels;
	ahead->is_cut = w.is_cut;
	gk_buf_done(&w.text);
	if (gk_buf_failed(&ahead->text))
		gk_span_forget_ahead(span);
}

void gk_span_forget_ahead(gk_span *span)
{
	gk_buf_done(&span->ahead.text);
	span->ahead = (gk_span_ahead){ 0 };
}

void gk_span_append_data(gk_buf *buf, const gk_span *span)
{
	const gk_span_ahead *ahead = &span->ahead;
	writing w = { .buf = buf, .text = GK_BUF_INIT(0), .span = span };
	gk_attribute_walk walk;

	gk_attribute_walk_init(&walk, span, write_attribute, &w);
	if (ahead->text.len) {
		gk_buf_put(buf, ahead->text.data, ahead->text.len);
		walk.room -= walk.room < ahead->labels
				     ? walk.room
				     : ahead->labels; /* the limit may have fallen */
		w.is_cut = ahead->is_cut;
	} else {
		put_first(&w, &walk);
	}
	put_rest(&w, &walk);
	gk_buf_done(&w.text);
}
