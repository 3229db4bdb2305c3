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
	gk_buf late;     /* what is still to be counted */
	bool is_put_off; /* the loop will see to it */
} gk_span_metrics;

/** Embedded in its owner, who gives it to gk_app_add_observer(). `metrics` outlives it. */
void gk_span_metrics_init(gk_span_metrics *it, gk_metrics *metrics);
/** After it has been taken from the application, and before the metrics go: counts the rest. */
void gk_span_metrics_done(gk_span_metrics *it);

/** Counts what is still to be counted, before the metrics are read: what went well is put off to the end of the loop's turn. */
void gk_span_metrics_catch_up(void);

/** What was used: the name of the outermost span of Genkit's; "generate" when that is only a helper. */
const char *gk_span_metrics_feature(const gk_span *span);

#endif
