/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A date of HTTP in each of its forms (RFC 9110, section 5.6.7), whatever the locale. */
#include "base/clock.h"

#include <string.h>
#include <strings.h>
#include <time.h>

/* w: letters of a weekday; d: a day, which may have a blank for its first digit; b: a month; y: two digits of a year, Y: four;
 * h, m, s. Anything else stands for itself. */
static const char *const forms[] = { "w, d b Y h:m:s G", "w, d-b-y h:m:s G", "w b d h:m:s Y" };

/* So many digits, in range. */
static bool read_number(const char **at, unsigned count, int max, int *ret)
{
	int value = 0;

	for (; count; count--, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		value = value * 10 + (**at - '0');
	}
	*ret = value;
	return value <= max;
}

static bool read_month(const char **at, int *ret)
{
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };

	for (*ret = 0; *ret < 12; (*ret)++)
		if (strncasecmp(*at, months[*ret], 3) == 0) {
			*at += 3;
			return true;
		}
	return false;
}

static bool skip(const char **at, const char *text)
{
	size_t len = strlen(text);

	if (strncmp(*at, text, len) != 0)
		return false;
	*at += len;
	return true;
}

static bool read_weekday(const char **at)
{
	size_t len = 0;

	while (((*at)[len] | 32) >= 'a' && ((*at)[len] | 32) <= 'z')
		len++;
	*at += len;
	return len >= 3;
}

static bool read_piece(const char **at, char piece, struct tm *ret)
{
	switch (piece) {
	case 'w':
		return read_weekday(at);
	case 'd':
		return read_number(at, skip(at, " ") ? 1 : 2, 31, &ret->tm_mday) && ret->tm_mday;
	case 'b':
		return read_month(at, &ret->tm_mon);
	case 'Y':
		if (!read_number(at, 4, 9999, &ret->tm_year))
			return false;
		ret->tm_year -= 1900;
		return true;
	case 'y':
		if (!read_number(at, 2, 99, &ret->tm_year))
			return false;
		ret->tm_year += ret->tm_year < 70 ? 100 : 0;
		return true;
	case 'h':
		return read_number(at, 2, 23, &ret->tm_hour);
	case 'm':
		return read_number(at, 2, 59, &ret->tm_min);
	case 's':
		return read_number(at, 2, 60, &ret->tm_sec);
	case 'G':
		return skip(at, "GMT");
	default:
		return skip(at, (const char[]){ piece, '\0' });
	}
}

bool gk_clock_read_http(const char *text, int64_t *seconds_ret)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const char *at = text, *piece = forms[i];
		struct tm when = { 0 };

		while (*piece && read_piece(&at, *piece, &when))
			piece++;
		at += strspn(at, " \t");
		if (*piece || (*at && *at != ',')) /* of fields that were joined the first counts */
			continue;
		*seconds_ret = timegm(&when);
		return true;
	}
	return false;
}
