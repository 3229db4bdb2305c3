/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Where spans, log records and metrics go, as the configuration and OpenTelemetry's variables say.
 *
 *	rc = gk_telemetry_new(app, config, is_dev, &telemetry, err);
 *	rc = gk_telemetry_reload(telemetry, config, err);	on failure nothing has changed
 *	gk_telemetry_drain(telemetry), while (gk_telemetry_is_busy(telemetry)) ...
 */
#ifndef GK_DAEMON_TELEMETRY_H
#define GK_DAEMON_TELEMETRY_H

#include "core/app.h"
#include "daemon/config.h"
#include "telemetry/metrics.h"
#include "telemetry/sender.h"

typedef struct gk_telemetry gk_telemetry;

GK_MUST_USE gk_code gk_telemetry_new(
	gk_app *app, const gk_config *config, bool is_dev, gk_telemetry **ret, gk_error *err);
/** What is queued for destinations that are no more has GK_EXPORT_TIMEOUT_MS to leave. */
GK_MUST_USE gk_code gk_telemetry_reload(
	gk_telemetry *telemetry, const gk_config *config, gk_error *err);
/** NULL is allowed. */
void gk_telemetry_free(gk_telemetry *telemetry);

/** A tool says where its telemetry server is; $GENKIT_TELEMETRY_SERVER and the configuration go before it. */
void gk_telemetry_set_server(gk_telemetry *telemetry, const char *url);
/** Whether an address is one of our own: then the tools' telemetry server is this daemon, whose traces are in its store
 * without being sent there. Asked now, of an address that is known already, and from now on. */
typedef bool gk_telemetry_own_fn(const char *url, void *user);
void gk_telemetry_set_own(gk_telemetry *telemetry, gk_telemetry_own_fn *is_own, void *user);
/** Whether the environment or the configuration has said so already. */
bool gk_telemetry_has_server(const gk_telemetry *telemetry);

/** What is queued leaves now: the daemon ends. */
void gk_telemetry_drain(gk_telemetry *telemetry);
/** Logs what is still queued, for it is lost: the last thing before the end. */
void gk_telemetry_tell_lost(gk_telemetry *telemetry);
bool gk_telemetry_is_busy(const gk_telemetry *telemetry);

/** Between two reports, as the configuration and the environment say. */
uint64_t gk_telemetry_metric_interval_ms(const gk_config *config);
/** Genkit's own metrics, counted since `start_ns`, to those that take them. */
void gk_telemetry_report(gk_telemetry *telemetry, gk_metrics *metrics, uint64_t start_ns);

/** Every destination and signal. */
typedef void gk_telemetry_sender_fn(const gk_sender_counts *counts, void *user);
void gk_telemetry_each_sender(gk_telemetry *telemetry, gk_telemetry_sender_fn *fn, void *user);

#endif
