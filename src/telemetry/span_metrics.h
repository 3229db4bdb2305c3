/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Metrics out of spans, as they start and end (telemetry sections 5.1 to 5.3, and 9.7). */
#ifndef GK_TELEMETRY_SPAN_METRICS_H
#define GK_TELEMETRY_SPAN_METRICS_H

#include "core/app.h"
#include "telemetry/metrics.h"

typedef struct gk_span_metrics {
	gk_span_observer observer;
	gk_metrics *metrics;
} gk_span_metrics;

/** Embedded in its owner, who gives it to gk_app_add_observer(). `metrics` outlives it. */
void gk_span_metrics_init(gk_span_metrics *it, gk_metrics *metrics);

/** Counts what is still to be counted: what a model's answer used is put off to the end of the loop's turn. Before the metrics
 * are read, and before they go. */
void gk_span_metrics_catch_up(void);

/** What was used: the name of the outermost span of Genkit's; "generate" when that is only a helper. */
const char *gk_span_metrics_feature(const gk_span *span);

#endif
