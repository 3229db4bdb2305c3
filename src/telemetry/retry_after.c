/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Retry-After: seconds, or a date of HTTP (RFC 9110, section 10.2.3). */
#include "telemetry/sender.h"

#include "base/clock.h"
#include "base/parse.h"

#include <string.h>

bool gk_retry_after_ms(const char *header, uint64_t now_s, uint64_t *ret)
{
	uint64_t seconds;
	int64_t then;

	if (gk_parse_u64(header, strlen(header), &seconds)) {
		*ret = seconds < UINT32_MAX ? seconds * 1000 : UINT32_MAX;
		return true;
	}
	if (!gk_clock_read_http(header, &then))
		return false;
	*ret = then > (int64_t)now_s ? (uint64_t)(then - (int64_t)now_s) * 1000 : 0;
	return true;
}
