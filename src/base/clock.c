/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull

static uint64_t read_clock(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t gk_clock_mono_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t gk_clock_mono_ms(void)
{
	return read_clock(CLOCK_MONOTONIC) / NS_PER_MS;
}

uint64_t gk_clock_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

void gk_clock_iso(uint64_t wall_ns, char ret[GK_ISO_TIME_SIZE])
{
	time_t seconds = (time_t)(wall_ns / NS_PER_S);
	struct tm utc;

	gmtime_r(&seconds, &utc);
	snprintf(ret, GK_ISO_TIME_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		(unsigned)(utc.tm_year + 1900) % 10000, (unsigned)(utc.tm_mon + 1) % 100,
		(unsigned)utc.tm_mday % 100, (unsigned)utc.tm_hour % 100,
		(unsigned)utc.tm_min % 100, (unsigned)utc.tm_sec % 100,
		(unsigned)(wall_ns / NS_PER_MS % 1000));
}
