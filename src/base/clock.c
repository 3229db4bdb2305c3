/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "base/clock.h"

#include <stdbool.h>
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

/* So many digits; -1 when they are not. */
static int read_digits(const char **at, unsigned count)
{
	int value = 0;

	for (unsigned i = 0; i < count; i++, (*at)++) {
		if (**at < '0' || **at > '9')
			return -1;
		value = value * 10 + (**at - '0');
	}
	return value;
}

static bool skip(const char **at, char wanted)
{
	if (**at != wanted)
		return false;
	(*at)++;
	return true;
}

static int read_milliseconds(const char **at)
{
	int value = 0, digits = 0;

	if (!skip(at, '.'))
		return 0;
	for (; **at >= '0' && **at <= '9'; (*at)++, digits++)
		if (digits < 3)
			value = value * 10 + (**at - '0');
	if (!digits)
		return -1;
	for (; digits < 3; digits++)
		value *= 10;
	return value;
}

/* Minutes east of Greenwich. */
static bool read_offset(const char **at, int *ret)
{
	int sign = **at == '-' ? -1 : 1, hours, minutes;

	*ret = 0;
	if (skip(at, 'Z') || skip(at, 'z'))
		return true;
	if (!skip(at, '+') && !skip(at, '-'))
		return false;
	hours = read_digits(at, 2);
	skip(at, ':');
	minutes = hours < 0 ? -1 : read_digits(at, 2);
	*ret = sign * (hours * 60 + minutes);
	return hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60;
}

int64_t gk_clock_read_iso(const char *text)
{
	int parts[6], milliseconds, offset;
	static const char ends[6] = { '-', '-', 'T', ':', ':', '\0' };
	const char *at = text;
	struct tm utc, day;
	int64_t ret;

	for (unsigned i = 0; i < 6; i++) {
		parts[i] = read_digits(&at, i == 0 ? 4 : 2);
		if (parts[i] < 0 || (ends[i] && !skip(&at, ends[i])))
			return -1;
	}
	milliseconds = read_milliseconds(&at);
	if (milliseconds < 0 || !read_offset(&at, &offset) || *at)
		return -1;
	if (parts[0] < 1970 || parts[1] < 1 || parts[1] > 12 || parts[2] < 1 || parts[2] > 31 ||
		parts[3] > 23 || parts[4] > 59 || parts[5] > 60)
		return -1;
	utc = day = (struct tm){
		.tm_year = parts[0] - 1900, .tm_mon = parts[1] - 1, .tm_mday = parts[2]
	};
	timegm(&day); /* 31 February becomes 3 March */
	if (day.tm_mday != parts[2])
		return -1;
	utc.tm_hour = parts[3];
	utc.tm_min = parts[4];
	utc.tm_sec = parts[5];
	ret = ((int64_t)timegm(&utc) - offset * 60) * 1000 + milliseconds;
	return ret < 0 ? -1 : ret;
}
