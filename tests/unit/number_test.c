/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "base/number.h"
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
	assert_real(2967872757603.65625, "2967872757603.6562"); /* a tie: to the even digit */
	assert_real(1e-5, "0.00001");
	assert_real(0.00012345678901234567, "0.00012345678901234567");
	assert_real(9007199254740991.0, "9007199254740991");
	assert_real(4503599627370495.5, "4503599627370495.5");
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
	double back = 0;

	/* Of these one is usually there; without any the test still holds for C. */
	if (!setlocale(LC_ALL, "de_DE.UTF-8"))
		setlocale(LC_ALL, "fr_FR.UTF-8");
	assert_real(0.1 + 0.2, "0.30000000000000004");
	ck_assert(gk_parse_real("0.30000000000000004", 19, &back) && back == 0.1 + 0.2);
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

START_TEST(numbers_of_every_length_have_all_their_digits)
{
	int64_t power = 1;

	for (int digits = 1; digits <= 19; digits++) {
		for (int64_t near = -1; near <= 1; near++) {
			char text[GK_NUMBER_SIZE], expected[GK_NUMBER_SIZE];

			sprintf(expected, "%lld", (long long)(power + near));
			ck_assert_uint_eq(gk_format_i64(power + near, text), strlen(expected));
			ck_assert_str_eq(text, expected);
		}
		power *= digits < 19 ? 10 : 1;
	}
}
END_TEST

static Suite *number_suite(void)
{
	Suite *suite = suite_create("number");
	TCase *tests = tcase_create("number");

	tcase_add_test(tests, reals_print_as_javascript_prints_them);
	tcase_add_test(tests, every_real_reads_back_as_itself);
	tcase_add_test(tests, the_locale_changes_nothing);
	tcase_add_test(tests, whole_numbers_print_their_digits);
	tcase_add_test(tests, numbers_of_every_length_have_all_their_digits);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(number_suite)
