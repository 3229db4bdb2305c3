/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Whole requests: what is queued for OpenTelemetry, gathered by who made it. */
#ifndef GK_TELEMETRY_OTLP_REQUEST_H
#define GK_TELEMETRY_OTLP_REQUEST_H

#include "telemetry/otlp_write.h"
#include "telemetry/sender.h"

/* Spans, log records or metrics, with their memory. */
typedef struct gk_otlp_item {
	gk_sender_item item; /* first: the sender knows only this */
	gk_arena arena;
	GkOtlp__InstrumentationScope *scope;
	ProtobufCMessage **messages;
	size_t count;
} gk_otlp_item;

/** Without messages yet; NULL when memory ran out. */
gk_otlp_item *gk_otlp_item_new(const char *scope, const char *version);
/** One message, in the item's arena; sets its size. False when memory ran out. */
bool gk_otlp_item_set(gk_otlp_item *item, ProtobufCMessage *message);
void gk_otlp_item_free(gk_sender_item *item);

/** Appends the request. On a worker. False when memory ran out. */
bool gk_otlp_pack(gk_buf *body, gk_otlp_encoding encoding, gk_otlp_signal signal,
	const GkOtlp__Resource *resource, gk_sender_item **items, size_t count);

#endif
