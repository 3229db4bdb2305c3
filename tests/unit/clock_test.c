/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "base/clock.h"

static const struct {
	const char *text;
	int64_t ms;
} times[] = {
	{ "1970-01-01T00:00:00Z", 0 },
	{ "2026-01-01T00:00:00.000Z", 1767225600000 },
	{ "2026-01-01T00:00:00.0019Z", 1767225600001 },
	{ "2026-01-01T00:00:00.5Z", 1767225600500 },
	{ "2026-01-01T01:30:00.000+01:30", 1767225600000 },
	{ "2025-12-31T22:00:00-0200", 1767225600000 },
	{ "9999-12-31T23:59:59.999Z", 253402300799999 },
	{ "1969-12-31T23:59:59Z", -1 },
	{ "1970-01-01T00:00:00+00:01", -1 },
	{ "2026-01-01", -1 },
	{ "2026-01-01T00:00:00", -1 },
	{ "2026-01-01T00:00:00.Z", -1 },
	{ "2026-13-01T00:00:00Z", -1 },
	{ "2026-01-32T00:00:00Z", -1 },
	{ "2026-02-31T00:00:00Z", -1 },
	{ "2026-04-31T00:00:00Z", -1 },
	{ "2026-02-29T00:00:00Z", -1 },
	{ "2024-02-29T00:00:00Z", 1709164800000 },
	{ "2016-12-31T23:59:60Z", 1483228800000 },
	{ "2026-01-01T24:00:00Z", -1 },
	{ "2026-01-01T00:00:00Zulu", -1 },
	{ "2026-01-01T00:00:00+1:00", -1 },
	{ "", -1 },
};

START_TEST(a_time_is_read_as_it_was_written)
{
	ck_assert_int_eq(gk_clock_read_iso(times[_i].text), times[_i].ms);
}
END_TEST

START_TEST(what_is_written_is_read_back)
{
	char text[GK_ISO_TIME_SIZE];

	gk_clock_iso(1767225600001ull * 1000000, text);
	ck_assert_str_eq(text, "2026-01-01T00:00:00.001Z");
	ck_assert_int_eq(gk_clock_read_iso(text), 1767225600001);
}
END_TEST

static const struct {
	const char *text;
	int64_t seconds; /* -1: it is no date */
} dates[] = {
	{ "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
	{ "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
	{ "Sun Nov  6 08:49:37 1994", 784111777 },
	{ "Wed Nov 16 08:49:37 1994 ", 784975777 },
	{ "Thursday, 01-Jan-70 00:00:00 GMT", 0 },
	{ "Friday, 01-Jan-26 00:00:00 GMT", 1767225600 },
	{ "sun, 06 nov 1994 08:49:37 GMT", 784111777 },
	{ "Sun, 06 Nov 1994 08:49:37 GMT, 20", 784111777 },
	{ "Sun, 06 Nov 1994 08:49:37", -1 },
	{ "Sun, 06 Nov 1994 08:49:37 CET", -1 },
	{ "Sun, 06 Nov 1994 08:49:37 GMT!", -1 },
	{ "Sun, 06 Xyz 1994 08:49:37 GMT", -1 },
	{ "Sun, 00 Nov 1994 08:49:37 GMT", -1 },
	{ "Sun, 06 Nov 1994 24:49:37 GMT", -1 },
	{ "Sun, 6 Nov 1994 08:49:37 GMT", -1 },
	{ "Su", -1 },
	{ "", -1 },
};

START_TEST(a_date_of_http_is_read_in_each_of_its_forms)
{
	int64_t seconds = -1;

	ck_assert_int_eq(gk_clock_read_http(dates[_i].text, &seconds), dates[_i].seconds != -1);
	ck_assert_int_eq(seconds, dates[_i].seconds);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("clock");
	TCase *c = tcase_create("times");

	tcase_add_loop_test(
		c, a_time_is_read_as_it_was_written, 0, sizeof(times) / sizeof(times[0]));
	tcase_add_test(c, what_is_written_is_read_back);
	tcase_add_loop_test(c, a_date_of_http_is_read_in_each_of_its_forms, 0,
		sizeof(dates) / sizeof(dates[0]));
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
