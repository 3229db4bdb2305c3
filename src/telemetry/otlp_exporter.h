/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * One destination that speaks OTLP over HTTP: finished spans, log records and metrics, each with an address and a queue of
 * its own (telemetry section 7).
 *
 *	rc = gk_otlp_exporter_new(app, &opts, &exporter, err);	observes from now on
 *	gk_otlp_exporter_flush(exporter, limit_ms);
 *	gk_otlp_exporter_free(exporter);
 */
#ifndef GK_TELEMETRY_OTLP_EXPORTER_H
#define GK_TELEMETRY_OTLP_EXPORTER_H

#include "core/app.h"
#include "telemetry/otlp_request.h"
#include "telemetry/sampler.h"

typedef struct gk_otlp_exporter gk_otlp_exporter;

typedef struct gk_otlp_endpoint {
	const char *url;            /* NULL: this signal is not sent */
	const char *const *headers; /* "Name: value", NULL-terminated; NULL: none */
	gk_otlp_encoding encoding;
	bool is_compressed;
	uint64_t timeout_ms;   /* 0: GK_EXPORT_TIMEOUT_MS */
	uint64_t delay_ms;     /* 0: each at once */
	unsigned queue, batch; /* 0: the limits of limits.h */
} gk_otlp_endpoint;

typedef struct gk_otlp_exporter_opts {
	size_t size;
	const char *name; /* for logs and metrics */
	gk_otlp_endpoint endpoints[GK_OTLP_SIGNALS];
	gk_otlp_style style;
	gk_sampler sampler;
	const json_t *resource; /* {"service.name": ...} */
	gk_fetch_client_opts client;
	bool tells_deltas; /* of metrics */
} gk_otlp_exporter_opts;

GK_MUST_USE gk_code gk_otlp_exporter_new(
	gk_app *app, const gk_otlp_exporter_opts *opts, gk_otlp_exporter **ret, gk_error *err);
/** NULL is allowed. */
void gk_otlp_exporter_free(gk_otlp_exporter *exporter);
/** It takes nothing more; what it has still leaves. */
void gk_otlp_exporter_retire(gk_otlp_exporter *exporter);
void gk_otlp_exporter_hurry(gk_otlp_exporter *exporter);
bool gk_otlp_exporter_is_busy(const gk_otlp_exporter *exporter);
/** Of a signal; NULL: it is not sent. */
gk_sender *gk_otlp_exporter_sender_peek(gk_otlp_exporter *exporter, gk_otlp_signal signal);
/** Whether its metrics are what is new since the last report. */
bool gk_otlp_exporter_tells_deltas(const gk_otlp_exporter *exporter);
/** Spans that could not be queued for want of memory. */
uint64_t gk_otlp_exporter_lost(const gk_otlp_exporter *exporter);
/** From any thread. */
void gk_otlp_exporter_log(gk_otlp_exporter *exporter, const gk_log_record *record);

#endif
