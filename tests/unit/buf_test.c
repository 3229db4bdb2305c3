/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "base/buf.h"

static void assert_holds(const gk_buf *buf, const char *expected)
{
	ck_assert_uint_eq(buf->len, strlen(expected));
	ck_assert_str_eq(buf->data, expected);
}

START_TEST(pieces_of_any_length_follow_each_other)
{
	char piece[100], expected[100 * 100];
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);
	size_t len = 0;

	for (size_t i = 0; i < sizeof(piece); i++) {
		memset(piece, 'a' + (int)(i % 26), i);
		memcpy(expected + len, piece, i);
		len += i;
		gk_buf_put(&buf, piece, i);
		gk_buf_putc(&buf, '-');
		gk_buf_puts(&buf, "a literal");
		memcpy(expected + len, "-a literal", 11);
		len += 10;
		assert_holds(&buf, expected);
	}
	ck_assert(!gk_buf_failed(&buf));
}
END_TEST

START_TEST(a_literal_fills_the_memory_to_the_last_byte_and_no_further)
{
	for (size_t before = 0; before < 70; before++) {
		gk_auto_buf gk_buf buf = GK_BUF_INIT(0);

		for (size_t i = 0; i < before; i++)
			gk_buf_putc(&buf, 'x');
		gk_buf_puts(&buf, "0123456789abcdef");
		ck_assert_uint_eq(buf.len, before + 16);
		ck_assert_uint_lt(buf.len, buf.cap);
		ck_assert_str_eq(buf.data + before, "0123456789abcdef");
	}
}
END_TEST

START_TEST(nothing_is_put_beyond_the_ceiling)
{
	gk_auto_buf gk_buf buf = GK_BUF_INIT(8);

	gk_buf_puts(&buf, "1234567");
	ck_assert(!gk_buf_failed(&buf));
	gk_buf_putc(&buf, '8'); /* the ceiling is reached, not passed */
	ck_assert(!gk_buf_failed(&buf));
	gk_buf_put(&buf, "", 0);
	ck_assert(!gk_buf_failed(&buf));
	gk_buf_putc(&buf, '9');
	ck_assert(gk_buf_failed(&buf));
	assert_holds(&buf, "12345678");
	ck_assert_ptr_null(gk_buf_take(&buf, NULL));
}
END_TEST

START_TEST(a_piece_that_does_not_fit_leaves_no_part_of_it)
{
	gk_auto_buf gk_buf buf = GK_BUF_INIT(8);

	gk_buf_puts(&buf, "12345");
	gk_buf_puts(&buf, "6789");
	ck_assert(gk_buf_failed(&buf));
	assert_holds(&buf, "12345");
}
END_TEST

START_TEST(what_follows_a_failure_is_ignored)
{
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);

	gk_buf_puts(&buf, "before");
	gk_buf_fail(&buf);
	gk_buf_puts(&buf, "a literal");
	gk_buf_putc(&buf, 'c');
	gk_buf_put(&buf, "", 0);
	gk_buf_printf(&buf, "%d", 1);
	ck_assert_ptr_null(gk_buf_reserve(&buf, 1));
	ck_assert_ptr_null(gk_buf_reserve_most(&buf, 1));
	assert_holds(&buf, "before");
	gk_buf_consume(&buf, 3); /* who reads it makes no room in it */
	gk_buf_puts(&buf, "x");
	assert_holds(&buf, "ore");
	ck_assert(gk_buf_failed(&buf));
}
END_TEST

START_TEST(a_failure_is_taken_back_with_what_led_to_it)
{
	gk_auto_buf gk_buf buf = GK_BUF_INIT(8);

	gk_buf_puts(&buf, "123");
	gk_buf_puts(&buf, "45");
	gk_buf_puts(&buf, "too long");
	gk_buf_rewind(&buf, 3);
	assert_holds(&buf, "123");
	gk_buf_puts(&buf, "45678");
	ck_assert(!gk_buf_failed(&buf));
	assert_holds(&buf, "12345678");
	gk_buf_putc(&buf, '9');
	gk_buf_clear(&buf);
	gk_buf_puts(&buf, "new");
	assert_holds(&buf, "new");
}
END_TEST

START_TEST(what_may_need_more_than_the_ceiling_fails_only_when_it_does)
{
	gk_auto_buf gk_buf buf = GK_BUF_INIT(8);
	char *room = gk_buf_reserve_most(&buf, 1000);

	ck_assert_ptr_nonnull(room);
	memcpy(room, "12345678", 8);
	gk_buf_added(&buf, 8);
	ck_assert(!gk_buf_failed(&buf));
	gk_buf_putc(&buf, '9'); /* there is memory, but it may not be used */
	ck_assert(gk_buf_failed(&buf));
	gk_buf_rewind(&buf, 6);
	room = gk_buf_reserve_most(&buf, 1000);
	memcpy(room, "7\xc3\xa9", 3); /* whose half would fit */
	gk_buf_added(&buf, 3);
	ck_assert(gk_buf_failed(&buf));
	assert_holds(&buf, "1234567");
}
END_TEST

START_TEST(a_part_of_a_text_becomes_part_of_a_line)
{
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);

	gk_buf_put_line(&buf, "a\tb\nc\x1b\xc2\x9b\xc3\xa9");
	assert_holds(&buf, "a b\\nc\\x1b\\x9b\xc3\xa9");
	gk_buf_clear(&buf);
	gk_buf_put_line_of(&buf, "ab\xc2\x9b", 1);
	gk_buf_put_line_of(&buf, "\xc2\x9b", 1); /* what follows is not its own */
	assert_holds(&buf, "a\xc2");
}
END_TEST

START_TEST(memory_that_is_not_needed_goes_back)
{
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);

	gk_buf_trim(&buf);
	gk_buf_puts(&buf, "text");
	gk_buf_trim(&buf);
	ck_assert_uint_eq(buf.cap, 5);
	ck_assert_uint_eq(buf.limit, 5); /* else what follows would go behind it */
	gk_buf_puts(&buf, " and more");
	assert_holds(&buf, "text and more");
}
END_TEST

static bool put_much(void)
{
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);
	gk_auto_str char *text = NULL;

	for (int i = 0; i < 200; i++) {
		gk_buf_puts(&buf, "literal");
		gk_buf_putc(&buf, ',');
	}
	text = gk_buf_take(&buf, NULL);
	return text && strlen(text) == 1600;
}

START_TEST(without_memory_there_is_no_text)
{
	fault_sweep(put_much);
}
END_TEST

static Suite *buf_suite(void)
{
	Suite *suite = suite_create("buf");
	TCase *tests = tcase_create("buf");

	tcase_add_test(tests, pieces_of_any_length_follow_each_other);
	tcase_add_test(tests, a_literal_fills_the_memory_to_the_last_byte_and_no_further);
	tcase_add_test(tests, nothing_is_put_beyond_the_ceiling);
	tcase_add_test(tests, a_piece_that_does_not_fit_leaves_no_part_of_it);
	tcase_add_test(tests, what_follows_a_failure_is_ignored);
	tcase_add_test(tests, a_failure_is_taken_back_with_what_led_to_it);
	tcase_add_test(tests, what_may_need_more_than_the_ceiling_fails_only_when_it_does);
	tcase_add_test(tests, a_part_of_a_text_becomes_part_of_a_line);
	tcase_add_test(tests, memory_that_is_not_needed_goes_back);
	tcase_add_test(tests, without_memory_there_is_no_text);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(buf_suite)
