/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "base/parse.h"

#include <float.h>
#include <locale.h>
#include <math.h>

static void assert_real(double value, const char *expected)
{
	char text[GK_NUMBER_SIZE];
	size_t len = gk_format_real(value, text);

	ck_assert_str_eq(text, expected);
	ck_assert_uint_eq(len, strlen(expected));
}

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

START_TEST(reals_print_as_javascript_prints_them)
{
	assert_real(0.1, "0.1");
	assert_real(1.0, "1");
	assert_real(-1.5, "-1.5");
	assert_real(0.1 + 0.2, "0.30000000000000004");
	assert_real(-0.0, "0");
	assert_real(100, "100");
	assert_real(123456.789, "123456.789");
	assert_real(1e20, "100000000000000000000");
	assert_real(1e21, "1e+21");
	assert_real(1.5e300, "1.5e+300");
	assert_real(1e-6, "0.000001");
	assert_real(1e-7, "1e-7");
	assert_real(1.25e-9, "1.25e-9");
	assert_real(5e-324, "5e-324");
	assert_real(DBL_MAX, "1.7976931348623157e+308");
	assert_real(DBL_MIN, "2.2250738585072014e-308");
	assert_real(9007199254740993.0, "9007199254740992");
	assert_real(1e23, "1e+23");
	assert_real(ldexp(1, -44), "5.684341886080802e-14");
	assert_real(1125899906842624.25, "1125899906842624.2");
	assert_real(123456789012345680000.0, "123456789012345680000");
	assert_real((double)0.1f, "0.10000000149011612");
	assert_real(NAN, "null");
	assert_real(-INFINITY, "null");
}
END_TEST

START_TEST(every_real_reads_back_as_itself)
{
	uint64_t bits = 0x9e3779b97f4a7c15;

	for (int i = 0; i < 100000; i++) {
		char text[GK_NUMBER_SIZE];
		double value, back = NAN;

		bits = bits * 6364136223846793005u + 1442695040888963407u;
		memcpy(&value, &bits, sizeof(value));
		if (i % 2)
			value = (double)(bits >> 40) / 1000;
		if (!isfinite(value))
			continue;
		ck_assert_uint_lt(gk_format_real(value, text), GK_NUMBER_SIZE);
		ck_assert(gk_parse_real(text, strlen(text), &back));
		ck_assert_msg(back == value, "%s", text);
	}
}
END_TEST

START_TEST(the_locale_changes_nothing)
{
	/* Of these one is usually there; without any the test still holds for C. */
	if (!setlocale(LC_ALL, "de_DE.UTF-8"))
		setlocale(LC_ALL, "fr_FR.UTF-8");
	assert_real(0.1 + 0.2, "0.30000000000000004");
	ck_assert(real_of("0.30000000000000004") == 0.1 + 0.2);
	setlocale(LC_ALL, "C");
}
END_TEST

START_TEST(whole_numbers_print_their_digits)
{
	char text[GK_NUMBER_SIZE];

	ck_assert_uint_eq(gk_format_i64(INT64_MIN, text), 20);
	ck_assert_str_eq(text, "-9223372036854775808");
	gk_format_i64(INT64_MAX, text);
	ck_assert_str_eq(text, "9223372036854775807");
	gk_format_i64(0, text);
	ck_assert_str_eq(text, "0");
	gk_format_i64(-105, text);
	ck_assert_str_eq(text, "-105");
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
	tcase_add_test(tests, reals_print_as_javascript_prints_them);
	tcase_add_test(tests, every_real_reads_back_as_itself);
	tcase_add_test(tests, the_locale_changes_nothing);
	tcase_add_test(tests, whole_numbers_print_their_digits);
	tcase_add_test(tests, durations_have_units);
	tcase_add_test(tests, sizes_count_in_powers_of_1024);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(parse_suite)
