/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Spans and log records as OpenTelemetry has them (telemetry sections 6.2, 7.2 and 3.2). */
#include "telemetry/otlp_write.h"

#include "base/str.h"

#define REDACTED "<redacted>"
#define HAS_REMOTE                                                                                 \
	0x300u /* of a span's flags: it is known whether the parent is remote, and it is */
#define KNOWS_PARENT 0x100u
#define USER_SCOPE   "genkit-logger"
#define OWN_SCOPE    "genkitd"

/* --- ids --- */

static unsigned char nibble(char c)
{
	return (unsigned char)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static ProtobufCBinaryData id_bytes(gk_arena *arena, const char *hex)
{
	size_t len = strlen(hex) / 2;
	ProtobufCBinaryData bytes = { .data = gk_arena_alloc(arena, len + 1) };

	if (!bytes.data)
		return bytes;
	bytes.len = len;
	for (size_t i = 0; i < len; i++)
		bytes.data[i] = (unsigned char)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
	return bytes;
}

/* --- attributes --- */

typedef struct writing {
	gk_arena *arena;
	const gk_span *span;
	const gk_otlp_style *style;
	gk_otlp_pairs pairs;
	gk_buf text;
} writing;

static bool is_io(const char *key)
{
	static const char *const keys[] = { "genkit:input", "genkit:output", "genkit:init" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

static void add(writing *w, const char *key, GkOtlp__AnyValue *value)
{
	gk_otlp_add(w->arena, &w->pairs, key, value);
	if (!w->style->normalizes_keys || w->arena->failed)
		return;
	for (char *c = w->pairs.items[w->pairs.count - 1]->key; *c; c++)
		if (*c == ':')
			*c = '/';
}

static void add_text(writing *w, const char *key, const char *text)
{
	add(w, key, gk_otlp_text(w->arena, text, strlen(text)));
}

static bool add_attribute(const gk_attribute *attribute, void *user)
{
	writing *w = user;

	if (!w->style->shows_io && is_io(attribute->key)) {
		/* One of the two without the other would tell of the other. */
		if (strcmp(attribute->key, "genkit:init") == 0)
			add_text(w, attribute->key, REDACTED);
	} else if (gk_attribute_is_text(attribute)) {
		gk_buf_clear(&w->text);
		gk_attribute_append(&w->text, attribute, w->span);
		add(w, attribute->key,
			gk_otlp_text(w->arena, w->text.data ? w->text.data : "", w->text.len));
	} else {
		add(w, attribute->key, gk_otlp_value(w->arena, attribute->value));
	}
	return !gk_buf_failed(&w->text) && !w->arena->failed;
}

/* By these, back ends find roots, failures and models without knowing Genkit. */
static void add_marks(writing *w)
{
	const gk_span *span = w->span;
	gk_auto_str char *path = NULL;

	if (span->is_root)
		add_text(w, "genkit:rootState", span->state == GK_SPAN_ERROR ? "error" : "success");
	if (!w->style->shows_io && (span->input || span->output)) {
		add_text(w, "genkit:input", REDACTED);
		add_text(w, "genkit:output", REDACTED);
	}
	if (span->state == GK_SPAN_ERROR)
		add_text(w, "/http/status_code", "599");
	if (span->is_failure_source) {
		path = gk_span_path(span);
		add_text(w, "genkit:failedSpan", span->name);
		add_text(w, "genkit:failedPath", path ? path : "");
	}
	if (span->is_root)
		add_text(w, "genkit:feature", span->name);
	if (gk_str_equal(span->subtype, "model"))
		add_text(w, "genkit:model", span->name);
}

static void add_count(writing *w, const char *key, const char *member)
{
	const json_t *count = json_object_get(json_object_get(w->span->output, "usage"), member);

	if (json_is_number(count))
		add(w, key, gk_otlp_value(w->arena, count));
}

/* OpenTelemetry's semantic conventions for generative AI. */
static void add_gen_ai(writing *w)
{
	const gk_span *span = w->span;
	const char *reason = json_string_value(json_object_get(span->output, "finishReason"));

	if (gk_str_equal(span->subtype, "model")) {
		add_text(w, "gen_ai.operation.name", "chat");
		add_text(w, "gen_ai.request.model", span->name);
		add_text(w, "gen_ai.response.model", span->name);
		add_count(w, "gen_ai.usage.input_tokens", "inputTokens");
		add_count(w, "gen_ai.usage.output_tokens", "outputTokens");
		if (reason) {
			gk_auto_json json_t *reasons = json_pack("[s]", reason);

			add(w, "gen_ai.response.finish_reasons", gk_otlp_value(w->arena, reasons));
		}
	} else if (span->subtype && gk_str_has_prefix(span->subtype, "tool")) {
		add_text(w, "gen_ai.operation.name", "execute_tool");
		add_text(w, "gen_ai.tool.name", span->name);
	}
}

/* --- events, links, status --- */

typedef struct gathering {
	gk_arena *arena;
	GkOtlp__Event **events;
	size_t count, room;
} gathering;

static bool add_event(const gk_event *event, void *user)
{
	gathering *g = user;
	GkOtlp__Event *made = GK_ARENA_NEW(g->arena, GkOtlp__Event);
	gk_otlp_pairs pairs = { 0 };

	if (!made || g->count == g->room)
		return false;
	gk_otlp__event__init(made);
	made->time_unix_nano = event->time_ns;
	made->name = gk_arena_text(g->arena, event->name, strlen(event->name));
	gk_otlp_add_members(g->arena, &pairs, event->attributes);
	made->attributes = pairs.items;
	made->n_attributes = pairs.count;
	g->events[g->count++] = made;
	return made->name && !g->arena->failed;
}

static bool put_events(gk_arena *arena, GkOtlp__Span *ret, const gk_span *span)
{
	gathering g = { .arena = arena, .room = json_array_size(span->events) + 1 };

	if (!span->events && span->state != GK_SPAN_ERROR)
		return true;
	g.events = gk_arena_alloc(arena, g.room * sizeof(*g.events));
	if (!g.events || !gk_span_each_event(span, add_event, &g))
		return false;
	ret->events = g.events;
	ret->n_events = g.count;
	ret->dropped_events_count = span->dropped_events;
	return true;
}

static bool put_link(gk_arena *arena, GkOtlp__Span *ret, const gk_span *span)
{
	GkOtlp__Link *link;

	if (!span->link_trace_id[0])
		return true;
	link = GK_ARENA_NEW(arena, GkOtlp__Link);
	ret->links = gk_arena_alloc(arena, sizeof(*ret->links));
	if (!link || !ret->links)
		return false;
	gk_otlp__link__init(link);
	link->trace_id = id_bytes(arena, span->link_trace_id);
	link->span_id = id_bytes(arena, span->link_span_id);
	link->flags = HAS_REMOTE | 1;
	ret->links[0] = link;
	ret->n_links = 1;
	return true;
}

static bool put_status(gk_arena *arena, GkOtlp__Span *ret, const gk_span *span)
{
	gk_auto_str char *message = NULL;

	if (span->state != GK_SPAN_ERROR)
		return true;
	message = gk_span_error_message(span);
	ret->status = message ? GK_ARENA_NEW(arena, GkOtlp__Status) : NULL;
	if (!ret->status)
		return false;
	gk_otlp__status__init(ret->status);
	ret->status->code = 2;
	ret->status->message = gk_arena_text(arena, message, strlen(message));
	return ret->status->message;
}

/* --- spans --- */

static bool put_attributes(
	gk_arena *arena, GkOtlp__Span *ret, const gk_span *span, const gk_otlp_style *style)
{
	writing w = { .arena = arena, .span = span, .style = style, .text = GK_BUF_INIT(0) };
	unsigned dropped = 0;
	bool done = gk_span_each_attribute(span, add_attribute, &w, &dropped);

	gk_buf_done(&w.text);
	if (!done)
		return false;
	if (!span->is_foreign)
		add_marks(&w);
	if (style->has_gen_ai)
		add_gen_ai(&w);
	ret->attributes = w.pairs.items;
	ret->n_attributes = w.pairs.count;
	ret->dropped_attributes_count = dropped;
	return true;
}

GkOtlp__Span *gk_otlp_span(gk_arena *arena, const gk_span *span, const gk_otlp_style *style)
{
	GkOtlp__Span *ret = GK_ARENA_NEW(arena, GkOtlp__Span);

	if (!ret)
		return NULL;
	gk_otlp__span__init(ret);
	ret->trace_id = id_bytes(arena, span->trace_id);
	ret->span_id = id_bytes(arena, span->id);
	ret->name = gk_arena_text(arena, span->name, strlen(span->name));
	ret->kind = span->kind;
	ret->start_time_unix_nano = span->start_ns;
	ret->end_time_unix_nano = span->end_ns;
	ret->flags = span->trace_flags | (span->parent_is_remote ? HAS_REMOTE : KNOWS_PARENT);
	if (span->parent_id[0])
		ret->parent_span_id = id_bytes(arena, span->parent_id);
	if (span->trace_state)
		ret->trace_state =
			gk_arena_text(arena, span->trace_state, strlen(span->trace_state));
	if (!put_attributes(arena, ret, span, style) || !put_events(arena, ret, span) ||
		!put_link(arena, ret, span) || !put_status(arena, ret, span) || arena->failed)
		return NULL;
	return ret;
}

GkOtlp__InstrumentationScope *gk_otlp_scope(gk_arena *arena, const char *name, const char *version)
{
	GkOtlp__InstrumentationScope *scope = GK_ARENA_NEW(arena, GkOtlp__InstrumentationScope);

	if (!scope)
		return NULL;
	gk_otlp__instrumentation_scope__init(scope);
	scope->name = gk_arena_text(arena, name, strlen(name));
	if (version)
		scope->version = gk_arena_text(arena, version, strlen(version));
	return arena->failed ? NULL : scope;
}

/* --- log records --- */

static const struct {
	gk_log_level level;
	int number;
	const char *name;
} severities[] = {
	{ GK_LOG_ERROR, 17, "ERROR" },
	{ GK_LOG_WARN, 13, "WARN" },
	{ GK_LOG_INFO, 9, "INFO" },
	{ GK_LOG_DEBUG, 5, "DEBUG" },
};

const char *gk_otlp_record_scope(const gk_log_record *record)
{
	return record->is_user ? USER_SCOPE : OWN_SCOPE;
}

GkOtlp__LogRecord *gk_otlp_record(gk_arena *arena, const gk_log_record *record)
{
	GkOtlp__LogRecord *ret = GK_ARENA_NEW(arena, GkOtlp__LogRecord);
	gk_otlp_pairs pairs = { 0 };

	if (!ret)
		return NULL;
	gk_otlp__log_record__init(ret);
	ret->time_unix_nano = ret->observed_time_unix_nano = record->wall_ns;
	for (size_t i = 0; i < sizeof(severities) / sizeof(severities[0]); i++)
		if (severities[i].level == record->level) {
			ret->severity_number = severities[i].number;
			ret->severity_text = (char *)(uintptr_t)severities[i].name;
		}
	ret->body = gk_otlp_text(arena, record->message, strlen(record->message));
	if (record->trace_id && *record->trace_id) {
		ret->trace_id = id_bytes(arena, record->trace_id);
		ret->flags = 1;
	}
	if (record->span_id && *record->span_id)
		ret->span_id = id_bytes(arena, record->span_id);
	gk_otlp_add_members(arena, &pairs, record->attributes);
	if (!record->is_user)
		gk_otlp_add_text(arena, &pairs, "component", record->component);
	ret->attributes = pairs.items;
	ret->n_attributes = pairs.count;
	return arena->failed ? NULL : ret;
}
