/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "base/parse.h"

#include <float.h>
#include <math.h>

static double real_of(const char *text)
{
	double value = NAN;

	ck_assert_msg(gk_parse_real(text, strlen(text), &value), "%s", text);
	return value;
}

static bool is_real(const char *text)
{
	double value;

	return gk_parse_real(text, strlen(text), &value);
}

START_TEST(integers_stop_at_their_width)
{
	uint64_t u = 7;
	int64_t i = 7;

	ck_assert(gk_parse_u64("18446744073709551615", 20, &u) && u == UINT64_MAX);
	ck_assert(gk_parse_i64("-9223372036854775808", 20, &i) && i == INT64_MIN);
	ck_assert(gk_parse_i64("+9223372036854775807", 20, &i) && i == INT64_MAX);
	ck_assert(gk_parse_u64("007", 3, &u) && u == 7);
	ck_assert(!gk_parse_u64("18446744073709551616", 20, &u));
	ck_assert(!gk_parse_u64("99999999999999999999", 20, &u));
	ck_assert(!gk_parse_i64("-9223372036854775809", 20, &i));
	ck_assert(!gk_parse_i64("9223372036854775808", 19, &i));
	ck_assert(!gk_parse_i64("-", 1, &i));
	ck_assert(!gk_parse_u64("", 0, &u));
	ck_assert(!gk_parse_u64("1 ", 2, &u));
	ck_assert(!gk_parse_u64("-1", 2, &u));
	ck_assert_uint_eq(u, 7);
	ck_assert_int_eq(i, INT64_MAX);
}
END_TEST

START_TEST(reals_are_read_to_the_nearest_double)
{
	ck_assert(real_of("0.1") == 0.1);
	ck_assert(real_of("+.5") == 0.5);
	ck_assert(real_of("-5.") == -5.0);
	ck_assert(real_of("1E3") == 1000.0);
	ck_assert(real_of("0.1e+1") == 1.0);
	ck_assert(real_of("000123.5") == 123.5);
	ck_assert(signbit(real_of("-0")) && real_of("-0") == 0);
	ck_assert(real_of("9007199254740993") == 9007199254740992.0);
	ck_assert(real_of("9007199254740993.00000000000000000001") == 9007199254740994.0);
	ck_assert(real_of("1.7976931348623157e308") == DBL_MAX);
	ck_assert(real_of("5e-324") == 5e-324);
	ck_assert(real_of("2.2250738585072011e-308") == 2.2250738585072011e-308);
	ck_assert(real_of("123456789012345678901234567890") == 123456789012345678901234567890.0);
	ck_assert(real_of("12345678901234567890000000000e-9") == 12345678901234567890.0);
	ck_assert(real_of("0e999999999999999999999") == 0);
	ck_assert(real_of("1e-999999999999999999999") == 0);
}
END_TEST

START_TEST(a_real_of_a_thousand_digits_is_still_exact)
{
	/* 2^53 + 1 lies between two doubles; whatever follows, however far away, decides. */
	char text[1200];

	memset(text, '0', sizeof(text));
	memcpy(text, "9007199254740993.", 17);
	ck_assert(gk_parse_real(text, 1200, &(double){ 0 }));
	text[1199] = '1';
	double value = 0;
	ck_assert(gk_parse_real(text, 1200, &value) && value == 9007199254740994.0);
	text[1199] = '0';
	ck_assert(gk_parse_real(text, 1200, &value) && value == 9007199254740992.0);
	memset(text, '0', sizeof(text));
	memcpy(text, "0.", 2);
	memcpy(text + 1000, "125e999", 7);
	ck_assert(gk_parse_real(text, 1007, &value) && value == 1.25);
}
END_TEST

START_TEST(what_is_no_real_is_refused)
{
	static const char *const wrong[] = { "", "+", ".", "e5", "1e", "1e+", "1.2.3", "1_000",
		"0x10", "inf", "nan", "1 ", " 1", "1e400", "-1e400", "--1", "1e5.0", "Infinity" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(!is_real(wrong[i]), "%s", wrong[i]);
}
END_TEST

START_TEST(durations_have_units)
{
	uint64_t ms = 5;

	ck_assert(gk_parse_duration_ms("250ms", &ms) && ms == 250);
	ck_assert(gk_parse_duration_ms("10s", &ms) && ms == 10000);
	ck_assert(gk_parse_duration_ms("10", &ms) && ms == 10000);
	ck_assert(gk_parse_duration_ms("5m", &ms) && ms == 300000);
	ck_assert(gk_parse_duration_ms("2h", &ms) && ms == 7200000);
	ck_assert(gk_parse_duration_ms("1d", &ms) && ms == 86400000);
	ck_assert(!gk_parse_duration_ms("", &ms));
	ck_assert(!gk_parse_duration_ms("s", &ms));
	ck_assert(!gk_parse_duration_ms("1 s", &ms));
	ck_assert(!gk_parse_duration_ms("-1s", &ms));
	ck_assert(!gk_parse_duration_ms("1.5s", &ms));
	ck_assert(!gk_parse_duration_ms("300000000000000d", &ms));
	ck_assert_uint_eq(ms, 86400000);
}
END_TEST

START_TEST(sizes_count_in_powers_of_1024)
{
	uint64_t size = 5;

	ck_assert(gk_parse_size("512", &size) && size == 512);
	ck_assert(gk_parse_size("64KiB", &size) && size == 65536);
	ck_assert(gk_parse_size("64K", &size) && size == 65536);
	ck_assert(gk_parse_size("16MiB", &size) && size == 16777216);
	ck_assert(gk_parse_size("1G", &size) && size == 1073741824);
	ck_assert(!gk_parse_size("1kb", &size));
	ck_assert(!gk_parse_size("99999999999999G", &size));
	ck_assert_uint_eq(size, 1073741824);
}
END_TEST

static Suite *parse_suite(void)
{
	Suite *suite = suite_create("parse");
	TCase *tests = tcase_create("parse");

	tcase_add_test(tests, integers_stop_at_their_width);
	tcase_add_test(tests, reals_are_read_to_the_nearest_double);
	tcase_add_test(tests, a_real_of_a_thousand_digits_is_still_exact);
	tcase_add_test(tests, what_is_no_real_is_refused);
	tcase_add_test(tests, durations_have_units);
	tcase_add_test(tests, sizes_count_in_powers_of_1024);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(parse_suite)
