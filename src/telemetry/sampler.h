/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Which traces are exported: OpenTelemetry's samplers (telemetry section 7.4). What is stored here is not asked. */
#ifndef GK_TELEMETRY_SAMPLER_H
#define GK_TELEMETRY_SAMPLER_H

#include "core/span.h"

typedef struct gk_sampler {
	bool asks_parent; /* who called from afar has decided; else, and for our own traces: */
	double ratio;     /* of traces: 1 is all, 0 is none */
} gk_sampler;

/** "always_on", "always_off", "traceidratio" or one of them after "parentbased_"; `argument` is a ratio, NULL: 1.
 * INVALID_ARGUMENT. */
GK_MUST_USE gk_code gk_sampler_read(
	const char *name, const char *argument, gk_sampler *ret, gk_error *err);
/** The same for all spans of a trace. */
bool gk_sampler_takes(const gk_sampler *sampler, const gk_span *span);

#endif
