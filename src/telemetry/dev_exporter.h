/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The telemetry server of Genkit's tools: spans as its JSON, at their start and their end (telemetry section 1.7), and log
 * records as OTLP (section 3.2). Until somebody says where it is, spans are not even written.
 *
 *	rc = gk_dev_exporter_new(app, &opts, &exporter, err);
 *	rc = gk_dev_exporter_set_url(exporter, "http://localhost:4033", err);
 */
#ifndef GK_TELEMETRY_DEV_EXPORTER_H
#define GK_TELEMETRY_DEV_EXPORTER_H

#include "core/app.h"
#include "telemetry/otlp_exporter.h"

typedef struct gk_dev_exporter gk_dev_exporter;

typedef struct gk_dev_exporter_opts {
	size_t size;
	bool is_realtime; /* starts too */
	uint64_t
		delay_ms; /* 0: each span at once, and the end of a run waits a moment for its spans to be there */
	const json_t *resource; /* of log records; borrowed for the exporter's life */
	gk_fetch_client_opts client;
} gk_dev_exporter_opts;

GK_MUST_USE gk_code gk_dev_exporter_new(
	gk_app *app, const gk_dev_exporter_opts *opts, gk_dev_exporter **ret, gk_error *err);
/** NULL is allowed. */
void gk_dev_exporter_free(gk_dev_exporter *exporter);
/** The server's address, without a slash at its end; NULL: there is none any more. From now on; the same one again changes
 * nothing. */
GK_MUST_USE gk_code gk_dev_exporter_set_url(
	gk_dev_exporter *exporter, const char *url, gk_error *err);
const char *gk_dev_exporter_url_peek(const gk_dev_exporter *exporter);
/** NULL: nobody has said where. */
gk_sender *gk_dev_exporter_sender_peek(gk_dev_exporter *exporter);
/** What sends log records; NULL: nobody has said where. */
gk_otlp_exporter *gk_dev_exporter_logs_peek(gk_dev_exporter *exporter);
/** From any thread; what other threads than the loop's say is not sent. */
void gk_dev_exporter_log(gk_dev_exporter *exporter, const gk_log_record *record);

#endif
