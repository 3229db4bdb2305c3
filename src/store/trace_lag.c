/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* How far upkeep is behind. */
#include "store/trace_lag.h"

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

void gk_trace_lag_take(gk_trace_lag *lag, uint64_t behind, uint64_t now_ms)
{
	lag->left = less(lag->left, less(lag->behind, behind));
	if (lag->left > behind)
		lag->left = behind;
	lag->behind = behind;
	if (!behind) {
		lag->since_ms = lag->due = lag->left = 0;
	} else if (!lag->since_ms) {
		lag->since_ms = now_ms;
	} else if (now_ms >= lag->since_ms + lag->age_ms) {
		lag->due = lag->left = behind;
		lag->since_ms = now_ms;
	}
}

bool gk_trace_lag_presses(const gk_trace_lag *lag, uint64_t now_ms)
{
	uint64_t passed = less(now_ms, lag->since_ms);

	if (lag->behind > lag->max)
		return true;
	/* what should be left by now, of what was due */
	return lag->left > 0 && (double)lag->left * (double)lag->age_ms >
					(double)lag->due * (double)less(lag->age_ms, passed);
}
