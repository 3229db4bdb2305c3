/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "base/limits.h"
#include "json/write.h"

#include <stdio.h>

static void assert_writes(json_t *value_take, const char *expected)
{
	size_t len = 0;
	gk_auto_str char *text = gk_json_write(value_take, &len);

	ck_assert_str_eq(text, expected);
	ck_assert_uint_eq(len, strlen(expected));
	json_decref(value_take);
}

START_TEST(values_are_written_compactly)
{
	assert_writes(json("{'a': [1, 2.5, null, true, false, {}, []], 'b': {'c': 'd'}}"),
		"{\"a\":[1,2.5,null,true,false,{},[]],\"b\":{\"c\":\"d\"}}");
	assert_writes(json_real(1.0), "1");
	assert_writes(json_real(0.1), "0.1");
	assert_writes(json_real(1e21), "1e+21");
	assert_writes(json_integer(INT64_MIN), "-9223372036854775808");
	assert_writes(NULL, "null");
}
END_TEST

START_TEST(text_is_ascii_on_the_wire)
{
	assert_writes(json_string("\"\\/\b\f\n\r\t\x01\x1f\x7f"),
		"\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"");
	assert_writes(json_string("a\xc3\xa9z\xe2\x82\xac\xf0\x9f\x98\x80!"),
		"\"a\\u00e9z\\u20ac\\ud83d\\ude00!\"");
	assert_writes(json_stringn("a\0b", 3), "\"a\\u0000b\"");
	assert_writes(json_pack("{s:i}", "\xc3\xa9\n", 1), "{\"\\u00e9\\n\":1}");
	/* From C, past jansson's check. */
	assert_writes(json_string_nocheck("a\xff\xc3"), "\"a\\ufffd\\ufffd\"");
}
END_TEST

START_TEST(many_escapes_in_a_row_are_all_written)
{
	char quotes[1001], expected[2003];

	memset(quotes, '"', 1000);
	quotes[1000] = '\0';
	expected[0] = expected[2001] = '"';
	for (int i = 0; i < 1000; i++)
		memcpy(expected + 1 + 2 * i, "\\\"", 2);
	expected[2002] = '\0';
	assert_writes(json_string(quotes), expected);
}
END_TEST

START_TEST(people_see_lines_and_letters)
{
	gk_auto_json json_t *value = json("{'a':[1,{'b':'\xc3\xa9\\n'}],'c':{},'d':[]}");
	gk_auto_str char *text = gk_json_write_pretty(value, NULL);
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);

	ck_assert_str_eq(text, "{\n"
			       "  \"a\": [\n"
			       "    1,\n"
			       "    {\n"
			       "      \"b\": \"\xc3\xa9\\n\"\n"
			       "    }\n"
			       "  ],\n"
			       "  \"c\": {},\n"
			       "  \"d\": []\n"
			       "}");
	gk_json_append_pretty(&buf, value, 0);
	ck_assert_str_eq(buf.data, "{\"a\":[1,{\"b\":\"\xc3\xa9\\n\"}],\"c\":{},\"d\":[]}");
}
END_TEST

START_TEST(writing_appends)
{
	gk_auto_buf gk_buf buf = GK_BUF_INIT(16);
	gk_auto_json json_t *value = json("[1]");

	gk_buf_puts(&buf, "data: ");
	gk_json_append(&buf, value);
	gk_json_append_string(&buf, "x\ny", 3);
	ck_assert_str_eq(buf.data, "data: [1]\"x\\ny\"");
	gk_json_append(&buf, value);
	ck_assert(gk_buf_failed(&buf));
}
END_TEST

/* As far as it goes, and no byte further, whatever room the worst would need. */
START_TEST(a_ceiling_is_reached_but_not_passed)
{
	gk_auto_json json_t *value =
		json("{'a key': ['\xc3\xa9', 1.5, true, 123456789], 'b': {'c': '\\n'}}");
	gk_auto_str char *whole = gk_json_write_pretty(value, NULL);
	size_t len = strlen(whole);

	for (size_t max = 1; max <= len; max++) {
		gk_auto_buf gk_buf buf = GK_BUF_INIT(max);

		gk_json_append_pretty(&buf, value, 2);
		ck_assert(gk_buf_failed(&buf) == (max < len));
		ck_assert_uint_le(buf.len, max);
		ck_assert_uint_ge(buf.len + 1, max); /* half a letter is not left */
		ck_assert_uint_eq(strlen(buf.data), buf.len);
		ck_assert(strncmp(buf.data, whole, buf.len) == 0);
	}
}
END_TEST

static json_t *nest(unsigned depth)
{
	json_t *value = json_array();

	while (--depth) {
		json_t *outer = json_object();

		json_object_set_new(outer, "a", value);
		value = outer;
	}
	return value;
}

START_TEST(deeper_than_128_levels_is_not_written)
{
	gk_auto_json json_t *deep = nest(GK_JSON_MAX_DEPTH), *deeper = nest(GK_JSON_MAX_DEPTH + 2);
	gk_auto_str char *text = gk_json_write(deep, NULL);
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);

	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_null(gk_json_write(deeper, NULL));
	ck_assert_ptr_null(gk_json_write_pretty(deeper, NULL));
	gk_json_append(&buf, deeper);
	ck_assert(gk_buf_failed(&buf));
}
END_TEST

static json_t *sample;

static bool write_something(void)
{
	gk_auto_str char *text = gk_json_write(sample, NULL),
			 *pretty = gk_json_write_pretty(sample, NULL);

	return text && pretty;
}

START_TEST(running_out_of_memory_gives_nothing)
{
	sample = json_pack("{s:[i,s,f], s:s%}", "a", 1,
		"a string of some length, which needs room to be written out", 2.5, "b", "\"\"\"",
		3);
	fault_sweep(write_something);
	json_decref(sample);
}
END_TEST

/* --- JSON in a string --- */

/* The string that holds the value's text, made in two steps. */
static void put_twice(gk_buf *buf, const json_t *value)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);

	gk_json_append_pretty(&text, value, 0);
	gk_json_append_string(buf, text.data, text.len);
}

static void assert_nested(json_t *value_take, gk_json_memo *memo, size_t max)
{
	gk_auto_json json_t *value = value_take;
	gk_auto_buf gk_buf expected = GK_BUF_INIT(0), got = GK_BUF_INIT(max);

	put_twice(&expected, value);
	for (int i = 0; i < 2; i++) { /* the second time from memory */
		gk_buf_clear(&got);
		gk_json_append_nested(&got, value, memo, true);
		ck_assert_str_eq(got.data, expected.data);
		ck_assert_uint_eq(got.len, expected.len);
	}
}

static json_t *all_characters(void)
{
	char text[4000];
	size_t len = 0;

	for (int c = 0; c < 128; c++)
		text[len++] = (char)c;
	for (int i = 0; i < 300; i++) /* so that every piece ends inside of some character */
		len += (size_t)sprintf(
			text + len, "a\xc3\xa9%c\xe2\x82\xac\xf0\x9f\x98\x80", "\"\\\n "[i % 4]);
	return json_stringn_nocheck(text, len);
}

START_TEST(a_value_is_written_into_a_string_at_once)
{
	gk_json_memo memo = { 0 };
	json_t *(*const all[])(void) = { all_characters, json_null, json_array, json_object };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_nested(all[i](), NULL, 0);
		assert_nested(json_pack("{s:[o, {s:o}, [i, f, b]]}", "a\"b", all[i](), "c",
				      all[i](), 1, 0.5, 1),
			&memo, 0);
		assert_nested(all[i](), NULL, 1 << 20); /* a buffer with a limit */
	}
	gk_json_memo_done(&memo);
}
END_TEST

START_TEST(a_value_that_is_remembered_is_written_but_once)
{
	gk_auto_json json_t *message = json("{'text':'one'}"), *list = NULL, *outer = NULL;
	gk_auto_buf gk_buf first = GK_BUF_INIT(0), second = GK_BUF_INIT(0);
	gk_json_memo memo = { 0 };

	list = json_pack("[O, O]", message, message);
	outer = json_pack("{s:O}", "list", list);
	gk_json_append_nested(&first, outer, &memo, false);
	ck_assert_uint_eq(memo.count, 1);
	json_object_set_new(message, "text", json_string("two")); /* which nobody may do */
	gk_json_append_nested(&second, list, &memo, true);
	ck_assert_str_eq(
		second.data, "\"[{\\\"text\\\":\\\"one\\\"},{\\\"text\\\":\\\"one\\\"}]\"");
	ck_assert_uint_eq(memo.count, 2);
	gk_json_memo_done(&memo);
}
END_TEST

START_TEST(what_a_value_holds_is_written_but_once_when_the_memo_says_so)
{
	gk_auto_json json_t *raw = json("{'choices':[{'text':'one'}]}"), *outer = NULL;
	gk_auto_buf gk_buf first = GK_BUF_INIT(0), second = GK_BUF_INIT(0), third = GK_BUF_INIT(0);
	gk_json_memo memo = { .has_members = true };

	outer = json_pack("{s:O, s:O, s:{}, s:[]}", "custom", raw, "raw", raw, "nothing", "none");
	gk_json_append_nested(&first, outer, &memo, false);
	ck_assert_str_eq(first.data,
		"\"{\\\"custom\\\":{\\\"choices\\\":[{\\\"text\\\":\\\"one\\\"}]},"
		"\\\"raw\\\":{\\\"choices\\\":[{\\\"text\\\":\\\"one\\\"}]},\\\"nothing\\\":{},"
		"\\\"none\\\":[]}\"");
	ck_assert_uint_eq(memo.count, 1); /* not its choice, which is a part of it */
	json_object_set_new(raw, "choices", json_null()); /* which nobody may do */
	gk_json_append_nested(&second, outer, &memo, false);
	ck_assert_str_eq(second.data, first.data);
	memo.has_members = false;
	gk_json_append_nested(&third, outer, &memo, false);
	ck_assert_ptr_nonnull(strstr(third.data, "\\\"raw\\\":{\\\"choices\\\":null}"));
	gk_json_memo_done(&memo);
}
END_TEST

START_TEST(no_more_is_remembered_than_there_is_room_for)
{
	gk_auto_json json_t *list = json_array();
	gk_auto_buf gk_buf first = GK_BUF_INIT(0), second = GK_BUF_INIT(0);
	gk_json_memo memo = { 0 };

	for (int i = 0; i < 80000; i++)
		json_array_append_new(list, json_pack("{s:i}", "number", i));
	gk_json_append_nested(&first, list, &memo, true);
	ck_assert_uint_le(memo.text.len, GK_MAX_MEMO);
	ck_assert_uint_gt(memo.text.len, GK_MAX_MEMO - 64);
	ck_assert_uint_lt(memo.count, 80000);
	gk_json_append_nested(&second, list, &memo, true);
	ck_assert_str_eq(second.data, first.data);
	gk_json_memo_done(&memo);
}
END_TEST

static bool write_from_memory(void)
{
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);
	gk_json_memo memo = { 0 };
	bool written;

	for (int i = 0; i < 2; i++)
		gk_json_append_nested(&buf, sample, &memo, true);
	written = !gk_buf_failed(&buf);
	gk_json_memo_done(&memo);
	return written;
}

START_TEST(a_memo_without_memory_remembers_nothing)
{
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);
	gk_auto_json json_t *deeper = nest(GK_JSON_MAX_DEPTH + 2);

	sample = json("[{'a':1},{'b':2},{'c':3}]");
	fault_sweep(write_from_memory);
	json_decref(sample);
	gk_json_append_nested(&buf, deeper, NULL, false);
	ck_assert(gk_buf_failed(&buf));
}
END_TEST

/* As a text, or as a text in a text. */
static void append_either(gk_buf *buf, const char *text, size_t len, bool is_nested)
{
	gk_auto_json json_t *value = json_stringn(text, len);

	if (is_nested)
		gk_json_append_nested(buf, value, NULL, false);
	else
		gk_json_append_string(buf, text, len);
}

/* Eight bytes are looked at together, four at an end: a special character wherever it may be among others. */
START_TEST(a_character_is_escaped_wherever_it_stands)
{
	static const char *const specials[] = { "\"", "\\", "\n", "\x01", "\x7f", "\xc3\xa9" };
	const char *special = specials[_i / 2];
	size_t quotes = _i % 2 ? 3 : 1; /* "\" around what is nested */
	gk_auto_buf gk_buf escaped = GK_BUF_INIT(0);

	append_either(&escaped, special, strlen(special), _i % 2);
	for (size_t len = 0; len < 40; len++) {
		for (size_t at = 0; at <= len; at++) {
			gk_auto_buf gk_buf text = GK_BUF_INIT(0), want = GK_BUF_INIT(0),
					   got = GK_BUF_INIT(0);

			for (size_t i = 0; i < len; i++) {
				if (i == at)
					gk_buf_puts(&text, special);
				gk_buf_putc(&text, (char)('a' + i % 26));
			}
			if (at == len)
				gk_buf_puts(&text, special);
			append_either(&got, text.data, text.len, _i % 2);
			gk_buf_put(&want, escaped.data, quotes);
			for (size_t i = 0; i <= len; i++) {
				if (i == at)
					gk_buf_put(&want, escaped.data + quotes,
						escaped.len - 2 * quotes);
				if (i < len)
					gk_buf_putc(&want, (char)('a' + i % 26));
			}
			gk_buf_put(&want, escaped.data + escaped.len - quotes, quotes);
			ck_assert_str_eq(got.data, want.data);
		}
	}
}
END_TEST

static Suite *writer_suite(void)
{
	Suite *suite = suite_create("json_writer");
	TCase *tests = tcase_create("json_writer");

	tcase_add_test(tests, values_are_written_compactly);
	tcase_add_test(tests, text_is_ascii_on_the_wire);
	tcase_add_test(tests, many_escapes_in_a_row_are_all_written);
	tcase_add_test(tests, people_see_lines_and_letters);
	tcase_add_test(tests, writing_appends);
	tcase_add_test(tests, a_ceiling_is_reached_but_not_passed);
	tcase_add_test(tests, deeper_than_128_levels_is_not_written);
	tcase_add_test(tests, running_out_of_memory_gives_nothing);
	tcase_add_test(tests, a_value_is_written_into_a_string_at_once);
	tcase_add_test(tests, a_value_that_is_remembered_is_written_but_once);
	tcase_add_test(tests, what_a_value_holds_is_written_but_once_when_the_memo_says_so);
	tcase_add_test(tests, no_more_is_remembered_than_there_is_room_for);
	tcase_add_test(tests, a_memo_without_memory_remembers_nothing);
	tcase_add_loop_test(tests, a_character_is_escaped_wherever_it_stands, 0, 12);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(writer_suite)
