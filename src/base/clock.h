/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Time: one clock that never jumps, for durations and deadlines, and the calendar's, for records. */
#ifndef GK_BASE_CLOCK_H
#define GK_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint64_t gk_clock_mono_ns(void);
uint64_t gk_clock_mono_ms(void);
/** Nanoseconds since 1970. */
uint64_t gk_clock_wall_ns(void);

#define GK_ISO_TIME_SIZE 25
/** "2026-11-22T07:44:31.001Z", as JavaScript's toISOString(). */
void gk_clock_iso(uint64_t wall_ns, char ret[GK_ISO_TIME_SIZE]);
/** The same read back: years from 1970 to 9999, any number of digits of a second (milliseconds count), "Z" or an offset.
 * Milliseconds since 1970; -1 when it is no such time. */
int64_t gk_clock_read_iso(const char *text);
/** A date of HTTP, in the form that is sent and in the two older ones, as seconds since 1970. A comma
 * ends it. False: it is none. */
bool gk_clock_read_http(const char *text, int64_t *seconds_ret);

#endif
