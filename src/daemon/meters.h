/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What the daemon counts: spans as they end, requests as they are answered, and how the process is when somebody looks.
 *
 *	rc = gk_meters_new(app, telemetry, &meters, err);
 *	gk_meters_append(buf, meters);		the page of /metrics
 */
#ifndef GK_DAEMON_METERS_H
#define GK_DAEMON_METERS_H

#include "daemon/telemetry.h"
#include "server/http.h"
#include "store/trace_store.h"

typedef struct gk_meters gk_meters;

/** `interval_ms` between two reports of Genkit's own metrics to the destinations that take them. */
GK_MUST_USE gk_code gk_meters_new(
	gk_app *app, gk_telemetry *telemetry, uint64_t interval_ms, gk_meters **ret, gk_error *err);
/** NULL is allowed. */
void gk_meters_free(gk_meters *meters);
/** From the next report on. */
void gk_meters_set_interval(gk_meters *meters, uint64_t interval_ms);
/** Reports now: the daemon ends. */
void gk_meters_report(gk_meters *meters);

/** Its figures are on the page from now on; it must outlive the meters. NULL: nothing is stored. */
void gk_meters_set_store(gk_meters *meters, gk_trace_store *store);

/** A gk_http_answered_fn. */
void gk_meters_answered(const gk_http_answer *answer, void *meters);
void gk_meters_set_connections(gk_meters *meters, const char *surface, size_t count);
/** Appends Prometheus' text. */
void gk_meters_append(gk_buf *buf, void *meters);

#endif
