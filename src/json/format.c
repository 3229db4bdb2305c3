/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "json/format.h"

#include "json/format_scan.h"
#include "json/regex.h"

#include <math.h>

/* --- dates and times --- */

typedef struct moment {
	int year, month, day, hour, minute;
	double second;
	int zone; /* minutes east of Greenwich */
	bool has_zone;
} moment;

static int days_in(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && is_leap ? 29 : days[month - 1];
}

static bool take_date(scan *s, moment *m)
{
	return take_number(s, 4, &m->year) && take_char(s, '-') && take_number(s, 2, &m->month) &&
	       take_char(s, '-') && take_number(s, 2, &m->day) && m->month >= 1 && m->month <= 12 &&
	       m->day >= 1 && m->day <= days_in(m->year, m->month);
}

static bool take_zone(scan *s, moment *m)
{
	int hours, minutes = 0;
	bool west;

	m->zone = 0;
	m->has_zone = !scan_ended(s);
	if (scan_ended(s) || take_one(s, "zZ"))
		return true;
	west = take_char(s, '-');
	if ((!west && !take_char(s, '+')) || !take_number(s, 2, &hours))
		return false;
	if (!scan_ended(s)) {
		(void)take_char(s, ':');
		if (!take_number(s, 2, &minutes))
			return false;
	}
	if (hours > 23 || minutes > 59)
		return false;
	m->zone = (hours * 60 + minutes) * (west ? -1 : 1);
	return true;
}

/* A minute has a 61st second only where Greenwich has 23:59. */
static bool is_leap_second(const moment *m)
{
	int zone_hours = m->zone / 60, minute = m->minute - m->zone % 60;
	int hour = m->hour - zone_hours - (minute < 0 ? 1 : 0);

	return (hour == 23 || hour == -1) && (minute == 59 || minute == -1) && m->second < 61;
}

/* To the end of the text. */
static bool take_time(scan *s, moment *m)
{
	int second;

	if (!take_number(s, 2, &m->hour) || !take_char(s, ':') || !take_number(s, 2, &m->minute) ||
		!take_char(s, ':') || !take_number(s, 2, &second))
		return false;
	m->second = second;
	if (take_char(s, '.')) {
		const char *start = s->at;
		double unit = 0.1;

		if (!take_run(s, is_digit, SIZE_MAX))
			return false;
		for (; start < s->at; start++, unit /= 10)
			m->second += (*start - '0') * unit;
	}
	if (!take_zone(s, m) || !scan_ended(s))
		return false;
	if (m->hour <= 23 && m->minute <= 59 && second < 60)
		return true;
	return is_leap_second(m);
}

static bool take_date_time(scan *s, moment *m)
{
	return take_date(s, m) && take_one(s, "tT \t\n\v\f\r") && take_time(s, m);
}

static bool check_date(const char *text, size_t len)
{
	scan s = scan_of(text, len);
	moment m;

	return take_date(&s, &m) && scan_ended(&s);
}

static bool check_iso_time(const char *text, size_t len)
{
	scan s = scan_of(text, len);
	moment m;

	return take_time(&s, &m);
}

static bool check_time(const char *text, size_t len)
{
	scan s = scan_of(text, len);
	moment m;

	return take_time(&s, &m) && m.has_zone;
}

static bool check_iso_date_time(const char *text, size_t len)
{
	scan s = scan_of(text, len);
	moment m;

	return take_date_time(&s, &m);
}

static bool check_date_time(const char *text, size_t len)
{
	scan s = scan_of(text, len);
	moment m;

	return take_date_time(&s, &m) && m.has_zone;
}

/* Digits and a unit, each of the units in their order at most once; how many there were, -1 for what is none. */
static int take_parts(scan *s, const char *units)
{
	int parts = 0;

	while (!scan_ended(s) && is_digit(*s->at)) {
		take_run(s, is_digit, SIZE_MAX);
		units = scan_ended(s) || !*s->at ? NULL : strchr(units, *s->at);
		if (!units)
			return -1;
		units++;
		s->at++;
		parts++;
	}
	return parts;
}

static bool check_duration(const char *text, size_t len)
{
	scan s = scan_of(text, len), weeks;
	int parts;

	if (!take_char(&s, 'P') || scan_ended(&s))
		return false;
	weeks = s;
	if (take_parts(&weeks, "W") == 1 && scan_ended(&weeks))
		return true;
	parts = take_parts(&s, "YMD");
	if (parts < 0)
		return false;
	if (take_char(&s, 'T') && take_parts(&s, "HMS") < 1)
		return false;
	return scan_ended(&s);
}

/* --- order --- */

static bool order(double a, double b, double *ret)
{
	*ret = a - b;
	return true;
}

static bool compare_texts(const char *a, const char *b, double *ret)
{
	*ret = strcmp(a, b);
	return *a && *b;
}

/* Days since some fixed day of the proleptic Gregorian calendar. */
static double day_number(const moment *m)
{
	int year = m->month > 2 ? m->year : m->year - 1;
	int month = m->month > 2 ? m->month - 3 : m->month + 9;

	return 365.0 * year + floor(year / 4.0) - floor(year / 100.0) + floor(year / 400.0) +
	       (153 * month + 2) / 5 + m->day;
}

static double seconds(const moment *m)
{
	return m->hour * 3600.0 + (m->minute - m->zone) * 60.0 + m->second;
}

static bool compare_times(const char *a, const char *b, double *ret)
{
	scan s = scan_of(a, strlen(a)), t = scan_of(b, strlen(b));
	moment m, n;

	return take_time(&s, &m) && take_time(&t, &n) && order(seconds(&m), seconds(&n), ret);
}

/* Without regard to the zone, as ajv-formats does it. */
static bool compare_iso_times(const char *a, const char *b, double *ret)
{
	scan s = scan_of(a, strlen(a)), t = scan_of(b, strlen(b));
	moment m, n;

	if (!take_time(&s, &m) || !take_time(&t, &n))
		return false;
	m.zone = n.zone = 0;
	return order(seconds(&m), seconds(&n), ret);
}

static bool compare_date_times(const char *a, const char *b, double *ret)
{
	scan s = scan_of(a, strlen(a)), t = scan_of(b, strlen(b));
	moment m, n;

	return take_date_time(&s, &m) && take_date_time(&t, &n) &&
	       order(day_number(&m) * 86400 + seconds(&m), day_number(&n) * 86400 + seconds(&n),
		       ret);
}

/* The days as they are written, then the times. */
static bool compare_iso_date_times(const char *a, const char *b, double *ret)
{
	scan s = scan_of(a, strlen(a)), t = scan_of(b, strlen(b));
	moment m, n;

	if (!take_date_time(&s, &m) || !take_date_time(&t, &n))
		return false;
	order(day_number(&m), day_number(&n), ret);
	return *ret != 0 || order(seconds(&m), seconds(&n), ret);
}

/* --- pointers, ids, bytes --- */

static bool take_pointer(scan *s)
{
	while (take_char(s, '/'))
		while (!scan_ended(s) && *s->at != '/') {
			bool escapes = *s->at++ == '~';

			if (escapes && !take_one(s, "01"))
				return false;
		}
	return scan_ended(s);
}

static bool check_json_pointer(const char *text, size_t len)
{
	scan s = scan_of(text, len);

	return take_pointer(&s);
}

static bool check_relative_json_pointer(const char *text, size_t len)
{
	scan s = scan_of(text, len);

	if (!take_char(&s, '0')) {
		if (!take_one(&s, "123456789"))
			return false;
		take_run(&s, is_digit, SIZE_MAX);
	}
	return take_char(&s, '#') ? scan_ended(&s) : take_pointer(&s);
}

static bool check_pointer_fragment(const char *text, size_t len)
{
	scan s = scan_of(text, len);

	if (!take_char(&s, '#'))
		return false;
	while (take_char(&s, '/'))
		while (!scan_ended(&s) && *s.at != '/') {
			if (take_percent(&s) || take_run(&s, is_alnum, SIZE_MAX) ||
				take_one(&s, "_-.!$&'()*+,;:=@") ||
				(take_char(&s, '~') && take_one(&s, "01")))
				continue;
			return false;
		}
	return scan_ended(&s);
}

static bool check_uuid(const char *text, size_t len)
{
	static const size_t groups[] = { 8, 4, 4, 4, 12 };
	scan s = scan_of(text, len);

	if (len > 9 && strncasecmp(text, "urn:uuid:", 9) == 0)
		s.at += 9;
	for (size_t i = 0; i < 5; i++)
		if ((i > 0 && !take_char(&s, '-')) || take_run(&s, is_hex, groups[i]) != groups[i])
			return false;
	return scan_ended(&s);
}

static bool is_base64(char c)
{
	return is_alnum(c) || c == '+' || c == '/';
}

static bool check_byte(const char *text, size_t len)
{
	scan s = scan_of(text, len);
	size_t digits = take_run(&s, is_base64, SIZE_MAX), padding = 0;

	while (take_char(&s, '='))
		padding++;
	return scan_ended(&s) && padding <= 2 && digits % 4 != 1 && (digits + padding) % 4 == 0;
}

/* --- numbers --- */

static bool check_int32(double value)
{
	return value == trunc(value) && value >= -2147483648.0 && value <= 2147483647.0;
}

static bool check_int64(double value)
{
	return isfinite(value) && value == trunc(value);
}

/* --- */

static const gk_format formats[] = {
	{ "date", check_date, NULL, compare_texts },
	{ "time", check_time, NULL, compare_times },
	{ "date-time", check_date_time, NULL, compare_date_times },
	{ "iso-time", check_iso_time, NULL, compare_iso_times },
	{ "iso-date-time", check_iso_date_time, NULL, compare_iso_date_times },
	{ "duration", check_duration, NULL, NULL },
	{ "uri", gk_format_uri, NULL, NULL },
	{ "uri-reference", gk_format_uri_reference, NULL, NULL },
	{ "uri-template", gk_format_uri_template, NULL, NULL },
	{ "url", gk_format_url, NULL, NULL },
	{ "email", gk_format_email, NULL, NULL },
	{ "hostname", gk_format_hostname, NULL, NULL },
	{ "ipv4", gk_format_ipv4, NULL, NULL },
	{ "ipv6", gk_format_ipv6, NULL, NULL },
	{ "regex", gk_regex_is_valid, NULL, NULL },
	{ "uuid", check_uuid, NULL, NULL },
	{ "json-pointer", check_json_pointer, NULL, NULL },
	{ "json-pointer-uri-fragment", check_pointer_fragment, NULL, NULL },
	{ "relative-json-pointer", check_relative_json_pointer, NULL, NULL },
	{ "byte", check_byte, NULL, NULL },
	{ "int32", NULL, check_int32, NULL },
	{ "int64", NULL, check_int64, NULL },
	{ "float", NULL, NULL, NULL },
	{ "double", NULL, NULL, NULL },
	{ "password", NULL, NULL, NULL },
	{ "binary", NULL, NULL, NULL },
};

const gk_format *gk_format_find(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
	return NULL;
}
