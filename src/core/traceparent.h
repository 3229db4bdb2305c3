/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* W3C trace context: "00-TRACE-SPAN-FLAGS". */
#ifndef GK_CORE_TRACEPARENT_H
#define GK_CORE_TRACEPARENT_H

#include "base/id.h"

#include <stdbool.h>

#define GK_TRACEPARENT_SIZE 56

/* A trace context that asked for a run. */
typedef struct gk_trace_link {
	char trace_id[GK_TRACE_ID_SIZE], span_id[GK_SPAN_ID_SIZE];
	unsigned char flags;
	bool continues; /* its trace goes on here; else it becomes a link */
} gk_trace_link;

/** False: it is not of the form, and to be ignored. */
bool gk_trace_link_parse(gk_trace_link *ret, const char *traceparent);
void gk_traceparent_write(
	char ret[GK_TRACEPARENT_SIZE], const char *trace_id, const char *span_id, unsigned flags);

#endif
