/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Which words of a span's document go into the index of texts. */
#include "unit.h"

#include "base/limits.h"
#include "store/sqlite_words.h"

static gk_words words;

static void teardown(void)
{
	gk_words_done(&words);
	words = (gk_words){ 0 };
}

static const char *text_of(const gk_buf *buf)
{
	return buf->len ? buf->data : "";
}

static void read(const char *doc)
{
	ck_assert_int_eq(gk_words_read(&words, doc, strlen(doc), NULL), GK_OK);
}

START_TEST(input_and_output_are_found_among_the_members_of_a_span)
{
	read("{\"spanId\":\"s\",\"x\":{\"attributes\":{\"genkit:input\":\"no\"}},\"n\":[1,{\"a\":\"}\"}],"
	     "\"attributes\":{\"genkit:type\":\"action\",\"a\":{\"genkit:input\":\"no\"},\"b\":-1.5e3,"
	     "\"genkit:input\":\"\\\"in\\\"\",\"genkit:output\":\"out\",\"c\":null},\"displayName\":\"no\"}");
	ck_assert_str_eq(text_of(&words.input), "in ");
	ck_assert_str_eq(text_of(&words.output), "out ");
	ck_assert_uint_eq(words.error.len, 0);
}
END_TEST

START_TEST(a_word_is_given_once_in_any_case)
{
	read("{\"attributes\":{\"genkit:input\":\"River a river, RIVERS; a A1\"}}");
	ck_assert_str_eq(text_of(&words.input), "river a rivers a1 ");
}
END_TEST

START_TEST(many_words_are_told_apart)
{
	gk_auto_buf gk_buf doc = GK_BUF_INIT(0);
	size_t count = 0;

	gk_buf_puts(&doc, "{\"attributes\":{\"genkit:input\":\"");
	for (unsigned i = 0; i < 3000; i++)
		gk_buf_printf(&doc, "%x ", i % 2000);
	gk_buf_puts(&doc, "\"}}");
	read(doc.data);
	for (size_t i = 0; i < words.input.len; i++)
		count += words.input.data[i] == ' ';
	ck_assert_uint_eq(count, 2000);
}
END_TEST

START_TEST(escapes_of_the_document_and_of_the_text_in_it_are_undone)
{
	read("{\"attributes\":{\"genkit:input\":\"{\\\"a\\\":\\\"x\\\\ny\\\",\\\"b\\\":\\\"caf\\\\u00e9\\\"}\","
	     "\"genkit:output\":\"na\\u00efve\\tz \\ud83d\\ude00\"}}");
	ck_assert_str_eq(text_of(&words.input), "a x y b caf\xc3\xa9 ");
	ck_assert_str_eq(text_of(&words.output), "na\xc3\xafve z \xf0\x9f\x98\x80 ");
}
END_TEST

START_TEST(encoded_data_is_left_out)
{
	gk_auto_buf gk_buf doc = GK_BUF_INIT(0);

	gk_buf_puts(&doc,
		"{\"attributes\":{\"genkit:input\":\"before data:image/png;base64,QUJD after ");
	for (unsigned i = 0; i < 257; i++)
		gk_buf_putc(&doc, 'Q');
	gk_buf_puts(&doc, " end\"}}");
	read(doc.data);
	ck_assert_str_eq(text_of(&words.input), "before after end ");
}
END_TEST

START_TEST(a_long_text_is_indexed_up_to_its_limit)
{
	gk_auto_buf gk_buf doc = GK_BUF_INIT(0);

	gk_buf_puts(&doc, "{\"attributes\":{\"genkit:input\":\"");
	for (unsigned i = 0; i < GK_STORE_INDEX_TEXT / 8 + 10; i++)
		gk_buf_printf(&doc, "%07x ", i);
	gk_buf_puts(&doc, "\"}}");
	read(doc.data);
	ck_assert_uint_eq(words.input.len, GK_STORE_INDEX_TEXT);
}
END_TEST

START_TEST(the_message_of_the_first_exception_is_the_error)
{
	read("{\"attributes\":{},\"timeEvents\":{\"timeEvent\":[{\"annotation\":{\"description\":\"log\","
	     "\"attributes\":{\"exception.message\":\"no\"}}},{\"annotation\":{\"description\":\"exception\","
	     "\"attributes\":{\"exception.message\":\"disk \\\"full\\\"\"}}},{\"annotation\":{"
	     "\"description\":\"exception\",\"attributes\":{\"exception.message\":\"later\"}}}]}}");
	ck_assert_str_eq(text_of(&words.error), "disk full ");
}
END_TEST

START_TEST(a_document_that_ends_anywhere_is_read_up_to_there)
{
	static const char doc[] =
		"{\"a\":[{\"b\":\"\\\\\"}],\"attributes\":{\"genkit:input\":\"x\\\"y\\u00e9"
		"\",\"genkit:output\":{}},\"timeEvents\":{\"timeEvent\":[{\"annotation\":{}}]}}";

	for (size_t len = 0; len < sizeof(doc); len++) {
		gk_auto_str char *copy = strndup(doc, len); /* what is read beyond is seen */
		gk_code rc = gk_words_read(&words, copy, len, NULL);

		ck_assert(rc == GK_OK || rc == GK_INVALID_ARGUMENT);
	}
	ck_assert_str_eq(text_of(&words.input), "x y\xc3\xa9 ");
}
END_TEST

static Suite *words_suite(void)
{
	Suite *suite = suite_create("store words");
	TCase *tests = tcase_create("words");

	tcase_add_checked_fixture(tests, NULL, teardown);
	tcase_add_test(tests, input_and_output_are_found_among_the_members_of_a_span);
	tcase_add_test(tests, a_word_is_given_once_in_any_case);
	tcase_add_test(tests, many_words_are_told_apart);
	tcase_add_test(tests, escapes_of_the_document_and_of_the_text_in_it_are_undone);
	tcase_add_test(tests, encoded_data_is_left_out);
	tcase_add_test(tests, a_long_text_is_indexed_up_to_its_limit);
	tcase_add_test(tests, the_message_of_the_first_exception_is_the_error);
	tcase_add_test(tests, a_document_that_ends_anywhere_is_read_up_to_there);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(words_suite)
