/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Retry-After: seconds, or a date of HTTP (RFC 9110, section 10.2.3). */
#include "telemetry/sender.h"

#include "base/parse.h"
#include "base/str.h"

#include <time.h>

/* "Sun, 06 Nov 1994 08:49:37 GMT": the one form that is still sent. */
static bool read_date(const char *text, time_t *ret)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	static const char form[] = "Xxx, 00 Xxx 0000 00:00:00 GMT";
	const char *month;
	uint64_t parts[5];
	static const struct {
		size_t at, len;
	} places[] = { { 5, 2 }, { 12, 4 }, { 17, 2 }, { 20, 2 }, { 23, 2 } };
	struct tm tm = { 0 };

	if (strlen(text) != sizeof(form) - 1 || strcmp(text + 25, " GMT") != 0)
		return false;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!gk_parse_u64(text + places[i].at, places[i].len, &parts[i]))
			return false;
	month = memmem(months, sizeof(months) - 1, text + 8, 3);
	if (!month || (month - months) % 3)
		return false;
	tm.tm_mday = (int)parts[0];
	tm.tm_mon = (int)(month - months) / 3;
	tm.tm_year = (int)parts[1] - 1900;
	tm.tm_hour = (int)parts[2];
	tm.tm_min = (int)parts[3];
	tm.tm_sec = (int)parts[4];
	*ret = timegm(&tm);
	return true;
}

bool gk_retry_after_ms(const char *header, uint64_t now_s, uint64_t *ret)
{
	uint64_t seconds;
	time_t then;

	if (gk_parse_u64(header, strlen(header), &seconds)) {
		*ret = seconds < UINT32_MAX ? seconds * 1000 : UINT32_MAX;
		return true;
	}
	if (!read_date(header, &then))
		return false;
	*ret = then > (time_t)now_s ? (uint64_t)(then - (time_t)now_s) * 1000 : 0;
	return true;
}
