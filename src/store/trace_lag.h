/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * How far something that can wait is behind, and how far it may be: by number, and by age. What has been behind for `age_ms`
 * at some moment is done within the next `age_ms`, evenly, so that under a load that never pauses nobody notices when its time
 * has come. No other floor includes this.
 */
#ifndef GK_STORE_TRACE_LAG_H
#define GK_STORE_TRACE_LAG_H

#include <stdbool.h>
#include <stdint.h>

typedef struct gk_trace_lag {
	uint64_t idle;   /* beyond so many, what another processor can do is done in every pause; */
	uint64_t max;    /* beyond so many, no pause is waited for, */
	uint64_t age_ms; /* nor longer than this before it begins */
	/* how it stands: */
	uint64_t behind;
	uint64_t since_ms;  /* nothing that is behind was so before, but for `due`; 0: nothing is */
	uint64_t due, left; /* so many were behind for age_ms then, and have not been done yet */
} gk_trace_lag;

/** So many are behind now. */
void gk_trace_lag_take(gk_trace_lag *lag, uint64_t behind, uint64_t now_ms);
/** Whether some of it should be done though there is no pause. */
bool gk_trace_lag_presses(const gk_trace_lag *lag, uint64_t now_ms);

#endif
