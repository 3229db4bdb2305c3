/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Genkit's own metrics (telemetry section 5.2), for a sender of the metrics signal. */
#ifndef GK_TELEMETRY_OTLP_METRICS_H
#define GK_TELEMETRY_OTLP_METRICS_H

#include "telemetry/metrics.h"
#include "telemetry/otlp_request.h"

/** What they are now, counted since `start_ns`; or, as deltas, what has come since gk_metrics_mark(). NULL: there is nothing
 * to tell, or no memory. */
gk_otlp_item *gk_otlp_metrics_item(
	const gk_metrics *metrics, bool as_deltas, uint64_t start_ns, uint64_t now_ns);

#endif
