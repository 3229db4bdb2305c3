/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "base/str.h"

static const char *const keys[] = { "listen", "maxConnections", "level", "format", "tls", NULL };

START_TEST(texts_are_joined)
{
	gk_auto_str char *text = gk_str_join((const char *[]){ "a", "", "bc", NULL });
	gk_auto_str char *nothing = gk_str_join((const char *[]){ NULL });

	ck_assert_str_eq(text, "abc");
	ck_assert_str_eq(nothing, "");
}
END_TEST

static bool join(void)
{
	gk_auto_str char *text = gk_str_join((const char *[]){ "a", "b", NULL });

	return text != NULL;
}

START_TEST(texts_are_not_joined_without_memory)
{
	fault_sweep(join);
}
END_TEST

START_TEST(a_typo_finds_the_name_that_was_meant)
{
	ck_assert_str_eq(gk_str_nearest("lsten", keys), "listen");
	ck_assert_str_eq(gk_str_nearest("lisetn", keys), "listen");
	ck_assert_str_eq(gk_str_nearest("LEVEL", keys), "level");
	ck_assert_str_eq(gk_str_nearest("max_connections", keys), "maxConnections");
	ck_assert_str_eq(gk_str_nearest("formats", keys), "format");
	ck_assert_str_eq(gk_str_nearest("tsl", keys), "tls");
}
END_TEST

START_TEST(what_resembles_nothing_finds_nothing)
{
	char lengthy[200];

	memset(lengthy, 'l', sizeof(lengthy));
	lengthy[199] = '\0';
	ck_assert_ptr_null(gk_str_nearest("plugins", keys));
	ck_assert_ptr_null(gk_str_nearest("", keys));
	ck_assert_ptr_null(gk_str_nearest("t", keys));
	ck_assert_ptr_null(gk_str_nearest("abc", keys));
	ck_assert_ptr_null(gk_str_nearest(lengthy, keys));
	ck_assert_ptr_null(gk_str_nearest("listen", (const char *const[]){ lengthy, NULL }));
	ck_assert_ptr_null(gk_str_nearest("listen", (const char *const[]){ NULL }));
}
END_TEST

START_TEST(of_equally_near_names_the_first_is_taken)
{
	ck_assert_str_eq(
		gk_str_nearest("cart", (const char *const[]){ "card", "care", NULL }), "card");
	ck_assert_str_eq(
		gk_str_nearest("care", (const char *const[]){ "card", "care", NULL }), "care");
}
END_TEST

static size_t valid(const char *text)
{
	return gk_str_valid_utf8(text, strlen(text));
}

START_TEST(valid_utf8_ends_before_the_first_bad_character)
{
	ck_assert_uint_eq(valid("plain"), 5);
	ck_assert_uint_eq(valid("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), 9);
	ck_assert_uint_eq(gk_str_valid_utf8("a\0b", 3), 3);
	ck_assert_uint_eq(valid("ab\xff"), 2);
	ck_assert_uint_eq(valid("ab\x80"), 2);
	ck_assert_uint_eq(valid("\xc0\xaf"), 0);         /* overlong */
	ck_assert_uint_eq(valid("\xe0\x80\xaf"), 0);     /* overlong */
	ck_assert_uint_eq(valid("\xf0\x80\x80\xaf"), 0); /* overlong */
	ck_assert_uint_eq(valid("\xed\xa0\x80"), 0);     /* a surrogate */
	ck_assert_uint_eq(valid("\xed\x9f\xbf"), 3);
	ck_assert_uint_eq(valid("\xf4\x8f\xbf\xbf"), 4);
	ck_assert_uint_eq(valid("\xf4\x90\x80\x80"), 0); /* beyond U+10FFFF */
	ck_assert_uint_eq(valid("\xf5\x80\x80\x80"), 0);
	ck_assert_uint_eq(valid("a\xe2\x82"), 1); /* cut */
	ck_assert_uint_eq(valid("a\xe2\x28\xa1"), 1);
}
END_TEST

START_TEST(every_character_survives_utf8)
{
	for (uint32_t c = 0; c <= 0x10ffff; c += c < 0x900 ? 1 : 97) {
		char text[4];
		uint32_t back = 0;
		size_t len = gk_str_encode_utf8(c, text);

		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		ck_assert_uint_eq(gk_str_decode_utf8(text, len, &back), len);
		ck_assert_uint_eq(back, c);
		if (len > 1)
			ck_assert_uint_eq(gk_str_decode_utf8(text, len - 1, &back), 0);
	}
}
END_TEST

START_TEST(units_of_utf16_are_counted_wherever_characters_of_many_bytes_stand)
{
	static const char text[] = "01234567\xc3\xa9"
				   "9abcdef\xf0\x9f\x98\x80z"; /* 8 + 1 + 7 + 2 + 1 */

	ck_assert_uint_eq(gk_str_utf16_len(text, sizeof(text) - 1), 19);
	ck_assert_uint_eq(gk_str_utf16_len(text, 8), 8);
	ck_assert_uint_eq(gk_str_utf16_len(text, 10), 9);
	ck_assert_uint_eq(gk_str_utf16_len(text, 17), 16);
	ck_assert_uint_eq(gk_str_utf16_len(text, 0), 0);
}
END_TEST

START_TEST(a_control_character_is_found_wherever_it_stands)
{
	static const char controls[] = { 0, 1, '\n', '\r', 0x1f, 0x7f };
	char text[40];

	for (size_t len = 0; len <= sizeof(text); len++) {
		for (int fill = 0; fill < 256; fill++) {
			bool is_control = (fill < 0x20 && fill != '\t') || fill == 0x7f;

			memset(text, fill, len);
			ck_assert_int_eq(gk_str_is_clean(text, len), !is_control || !len);
		}
		for (size_t at = 0; at < len; at++)
			for (size_t i = 0; i < sizeof(controls); i++) {
				memset(text, at % 2 ? '\t' : 0xff, len);
				text[at] = controls[i];
				ck_assert(!gk_str_is_clean(text, len));
			}
	}
}
END_TEST

static Suite *str_suite(void)
{
	Suite *suite = suite_create("str");
	TCase *tests = tcase_create("str");

	tcase_add_test(tests, texts_are_joined);
	tcase_add_test(tests, texts_are_not_joined_without_memory);
	tcase_add_test(tests, a_typo_finds_the_name_that_was_meant);
	tcase_add_test(tests, what_resembles_nothing_finds_nothing);
	tcase_add_test(tests, of_equally_near_names_the_first_is_taken);
	tcase_add_test(tests, valid_utf8_ends_before_the_first_bad_character);
	tcase_add_test(tests, every_character_survives_utf8);
	tcase_add_test(tests, units_of_utf16_are_counted_wherever_characters_of_many_bytes_stand);
	tcase_add_test(tests, a_control_character_is_found_wherever_it_stands);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(str_suite)
