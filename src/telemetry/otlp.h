/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * OpenTelemetry's protocol: what others send, as Genkit's own values (telemetry section 2.7).
 *
 *	rc = gk_otlp_read(GK_OPTS(gk_otlp_source, .encoding = GK_OTLP_PROTOBUF, .signal = GK_OTLP_TRACES,
 *		.body = body, .len = len), &content, err);
 *	... content.traces is [TraceData], content.logs is [LogRecord] ...
 *	gk_otlp_content_done(&content);
 *
 * otlp.proto has the messages; JSON and protobuf are two ways to write the same structs.
 */
#ifndef GK_TELEMETRY_OTLP_H
#define GK_TELEMETRY_OTLP_H

#include "base/buf.h"

typedef enum gk_otlp_encoding {
	GK_OTLP_PROTOBUF, /* application/x-protobuf */
	GK_OTLP_JSON,     /* application/json */
} gk_otlp_encoding;

typedef enum gk_otlp_signal {
	GK_OTLP_TRACES,
	GK_OTLP_LOGS,
	GK_OTLP_METRICS,
	GK_OTLP_ANY, /* JSON that may hold several; protobuf does not say which it is, and is taken for traces */
} gk_otlp_signal;
#define GK_OTLP_SIGNALS 3

typedef struct gk_otlp_source {
	size_t size;
	gk_otlp_encoding encoding;
	gk_otlp_signal signal;
	const char *body; /* borrowed; without compression */
	size_t len;
	/* All spans are to become part of this trace, those without a parent below that span; NULL: they stay where they
	 * are. */
	const char *parent_trace_id, *parent_span_id;
} gk_otlp_source;

typedef struct gk_otlp_content {
	json_t *traces;    /* [TraceData], one for each trace, without displayName and times */
	json_t *logs;      /* [LogRecord] without logId */
	unsigned rejected; /* spans without ids, or without room */
} gk_otlp_content;

/** On any thread. Metrics are read and forgotten. INVALID_ARGUMENT: not what it should be; RESOURCE_EXHAUSTED: nested
 * deeper than GK_MAX_OTLP_DEPTH, more spans and records than GK_MAX_OTLP_ITEMS, or too much for its size in memory. */
GK_MUST_USE gk_code gk_otlp_read(const gk_otlp_source *source, gk_otlp_content *ret, gk_error *err);
void gk_otlp_content_done(gk_otlp_content *content);

/** Appends the answer to a request, of which so many parts were refused (0: none) and why. */
void gk_otlp_append_answer(gk_buf *buf, gk_otlp_encoding encoding, gk_otlp_signal signal,
	unsigned rejected, const char *why);
/** The number of parts that an answer says were refused; 0: none, or it is no such answer. *why_ret (the caller frees it) is
 * what it says about them, or about the whole; NULL: nothing. */
uint64_t gk_otlp_read_answer(
	const char *content_type, const char *body, size_t len, char **why_ret);
/** "application/json" or "application/x-protobuf". */
const char *gk_otlp_content_type(gk_otlp_encoding encoding);
/** Of a Content-Type header; false: neither. */
bool gk_otlp_encoding_of(const char *content_type, gk_otlp_encoding *ret);

#endif
