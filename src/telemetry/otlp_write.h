/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What goes out by OpenTelemetry's protocol: spans, log records and values as its structs, in an arena. */
#ifndef GK_TELEMETRY_OTLP_WRITE_H
#define GK_TELEMETRY_OTLP_WRITE_H

#include "base/log.h"
#include "core/span.h"
#include "base/arena.h"
#include "telemetry/otlp_internal.h"

/* How spans are shown to others (telemetry sections 6.2 and 7.2). */
typedef struct gk_otlp_style {
	bool shows_io;        /* inputs and outputs as they are; else "<redacted>" */
	bool normalizes_keys; /* genkit:name becomes genkit/name */
	bool has_gen_ai;      /* OpenTelemetry's own attributes for models and tools, too */
} gk_otlp_style;

/** Of a span that has ended; NULL when memory ran out. */
GkOtlp__Span *gk_otlp_span(gk_arena *arena, const gk_span *span, const gk_otlp_style *style);
/** Who made it. */
GkOtlp__InstrumentationScope *gk_otlp_scope(gk_arena *arena, const char *name, const char *version);
GkOtlp__LogRecord *gk_otlp_record(gk_arena *arena, const gk_log_record *record);
/** Who speaks through it: the library of users' records, or the daemon. */
const char *gk_otlp_record_scope(const gk_log_record *record);

/* --- attributes --- */

typedef struct gk_otlp_pairs {
	GkOtlp__KeyValue **items;
	size_t count, room;
} gk_otlp_pairs;
/** These say nothing when memory ran out: the arena does. */
GkOtlp__AnyValue *gk_otlp_text(gk_arena *arena, const char *text, size_t len);
GkOtlp__AnyValue *gk_otlp_value(gk_arena *arena, const json_t *value);
void gk_otlp_add(gk_arena *arena, gk_otlp_pairs *pairs, const char *key, GkOtlp__AnyValue *value);
void gk_otlp_add_text(gk_arena *arena, gk_otlp_pairs *pairs, const char *key, const char *text);
void gk_otlp_add_members(gk_arena *arena, gk_otlp_pairs *pairs, const json_t *object);

#endif
