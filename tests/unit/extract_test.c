/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* JSON in what models write: JSON5, partial JSON, extraction. The vectors (core/extract.yaml) say the rest. */
#include "unit.h"

#include "base/limits.h"
#include "json/blank.h"
#include "json/extract.h"
#include "json/builder.h"
#include "json/growing.h"
#include "json/json5.h"
#include "json/partial.h"

typedef gk_code parse_fn(const char *text, size_t len, json_t **ret, gk_error *err);

static void assert_parsed(parse_fn *parse, const char *text, const char *expected)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *value = NULL;

	if (parse(text, strlen(text), &value, &err) != GK_OK)
		ck_abort_msg("%s: %s", text, err.message);
	assert_json(value, expected);
}

static void assert_refused(parse_fn *parse, const char *text, const char *message)
{
	gk_auto_error gk_error err = { 0 };
	json_t *value = NULL;

	ck_assert_int_ne(parse(text, strlen(text), &value, &err), GK_OK);
	ck_assert_ptr_null(value);
	ck_assert(err.is_plain);
	ck_assert_str_eq(err.message, message);
}

/* --- JSON5 --- */

START_TEST(json5_is_read_with_what_it_adds_to_json)
{
	assert_parsed(gk_json5_parse, " // c\r\n /* * */ [1,] ", "[1]");
	assert_parsed(gk_json5_parse,
		"{a: 1, $b_2: 2, 'c d': 3, \"e\": 4, \\u0066: 5, \xc3\xa9: 6,}",
		"{'a':1,'$b_2':2,'c d':3,'e':4,'f':5,'\\u00e9':6}");
	assert_parsed(gk_json5_parse, "[+1, -2, .5, 5., 0x1F, -0x10, 1e2, -.5E-1, 0]",
		"[1,-2,0.5,5,31,-16,100,-0.05,0]");
	assert_parsed(gk_json5_parse, "[Infinity, -Infinity, NaN, 1e999]", "[null,null,null,null]");
	assert_parsed(gk_json5_parse, "0x20000000000001", "9007199254740992");
	assert_parsed(gk_json5_parse, "['a\"b', \"cd\", 'x\\\ny', '\\x41\\u00e9\\q\\v']",
		"['a\\\"b','cd','xy','A\\u00e9q\\u000b']");
	assert_parsed(gk_json5_parse, "'\\ud83d\\ude00'", "'\\ud83d\\ude00'");
	assert_parsed(gk_json5_parse, "\xc2\xa0{}\xe2\x80\xa8", "{}");
	assert_parsed(gk_json5_parse, "null", "null");
	assert_parsed(gk_json5_parse, "{a:{b:[{},[]]}}", "{'a':{'b':[{},[]]}}");
}
END_TEST

START_TEST(what_is_no_json5_is_told_with_its_place)
{
	assert_refused(gk_json5_parse, "", "JSON5: invalid end of input at 1:1");
	assert_refused(gk_json5_parse, "[1,,2]", "JSON5: invalid character ',' at 1:4");
	assert_refused(gk_json5_parse, "{\n bad json}", "JSON5: invalid character 'j' at 2:6");
	assert_refused(gk_json5_parse, "'a\nb'", "JSON5: invalid character '\\x0a' at 1:3");
	assert_refused(gk_json5_parse, "01", "JSON5: invalid character '1' at 1:2");
	assert_refused(gk_json5_parse, "1.e", "JSON5: invalid end of input at 1:4");
	assert_refused(gk_json5_parse, ".", "JSON5: invalid end of input at 1:2");
	assert_refused(gk_json5_parse, "-", "JSON5: invalid end of input at 1:2");
	assert_refused(gk_json5_parse, "0x", "JSON5: invalid end of input at 1:3");
	assert_refused(gk_json5_parse, "/* c", "JSON5: invalid end of input at 1:5");
	assert_refused(gk_json5_parse, "/", "JSON5: invalid end of input at 1:2");
	assert_refused(gk_json5_parse, "{1: 2}", "JSON5: invalid character '1' at 1:2");
	assert_refused(gk_json5_parse, "{a 2}", "JSON5: invalid character '2' at 1:4");
	assert_refused(gk_json5_parse, "'\\1'", "JSON5: invalid character '1' at 1:3");
	assert_refused(gk_json5_parse, "'\\u12'", "JSON5: invalid character '1' at 1:4");
	assert_refused(gk_json5_parse, "'\\", "JSON5: invalid end of input at 1:3");
	assert_refused(gk_json5_parse, "'\xff'", "JSON5: invalid character '\\xff' at 1:2");
	assert_refused(gk_json5_parse, "[1] 2", "JSON5: invalid character '2' at 1:5");
	assert_refused(gk_json5_parse, "[1}", "JSON5: invalid character '}' at 1:3");
	assert_refused(gk_json5_parse, "]", "JSON5: invalid character ']' at 1:1");
	assert_refused(gk_json5_parse, "truly", "JSON5: invalid character 'l' at 1:4");
}
END_TEST

/* --- partial JSON --- */

START_TEST(a_partial_text_gives_what_is_there)
{
	assert_parsed(gk_json_parse_partial, "[ ]", "[]");
	assert_parsed(gk_json_parse_partial, "{\"a\":[ ],\"b\":1", "{'a':[],'b':1}");
	assert_parsed(gk_json_parse_partial, "{\"a\":1, }", "{'a':1}");
	assert_parsed(gk_json_parse_partial, "{\"a\":1,\"a\":2", "{'a':2}");
	assert_parsed(gk_json_parse_partial, "{\"a\":\"x\" \"b\":\"y", "{'a':'x','b':'y'}");
	assert_parsed(gk_json_parse_partial, "{\"a\":1,,\"b\":2}", "{'a':1}");
	assert_parsed(gk_json_parse_partial, "[,1]", "[]");
	assert_parsed(gk_json_parse_partial, "[\"a\\x", "['a']");
	assert_parsed(gk_json_parse_partial, "[\"a\nb\"]", "[]");
	assert_parsed(gk_json_parse_partial, "[\"\\\\\"", "['\\\\']");
	assert_parsed(gk_json_parse_partial, "[1e999, 2", "[null,2]");
	assert_parsed(gk_json_parse_partial, "[I, 2", "[]");
	assert_parsed(gk_json_parse_partial, "[-I", "[null]");
	assert_parsed(gk_json_parse_partial, "{\"a\":{\"b\":1,\"c\":]}}", "{'a':{'b':1}}");
	assert_parsed(gk_json_parse_partial, "\"half", "'half'");
	assert_parsed(gk_json_parse_partial, "t", "true");
	assert_parsed(gk_json_parse_partial, "[1] and more", "[1]");
}
END_TEST

START_TEST(a_partial_text_without_a_value_is_refused)
{
	assert_refused(gk_json_parse_partial, "", "no JSON value begins here");
	assert_refused(gk_json_parse_partial, " \n", "no JSON value begins here");
	assert_refused(gk_json_parse_partial, "-", "no JSON value begins here");
	assert_refused(gk_json_parse_partial, "'a'", "no JSON value begins here");
	assert_refused(gk_json_parse_partial, "]", "no JSON value begins here");
}
END_TEST

/* Cut anywhere, it is an object that has no more than the whole. */
START_TEST(every_beginning_of_a_json_text_is_completed)
{
	static const char text[] =
		"{\"a\":{\"b\":[1,-2.5e3,true,null,\"x\\u00e9\\n\"]},\"c\":[[],{}]}";

	for (size_t len = 1; len < sizeof(text); len++) {
		gk_auto_json json_t *value = NULL;

		ck_assert_int_eq(gk_json_parse_partial(text, len, &value, NULL), GK_OK);
		ck_assert(json_is_object(value));
		ck_assert_uint_le(json_object_size(value), 2);
	}
}
END_TEST

/* --- extraction --- */

#define ITEMS                                                                                      \
	"Here [sic: \"]\" are\n```json\n[{\"a\": \"}]{\", b: [1, {c: 2}]}, 5, {bad json}, "        \
	"{\"d\": \"\\\"\xc3\xa9\"}, {}]\n``` {\"not\": 1}"

static json_t *items_in_pieces(const char *text, size_t first, size_t second)
{
	size_t ends[] = { first, second, strlen(text) };
	json_t *items = json_array();
	gk_item_scan scan = { 0 };

	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(gk_extract_items(text, ends[i], &scan, items, NULL), GK_OK);
	return items;
}

/* A text before the array may hold brackets and quotes: whatever comes of it, it is the same. */
START_TEST(the_pieces_in_which_a_text_comes_do_not_change_its_items)
{
	static const char *const texts[] = { ITEMS, "x ] [{\"a\":1}]", "{x } [{\"a\":1},{\"b\":2}]",
		"[}{\"a\":1}{\"b\":2}]", "[[{\"a\":1}],{\"b\":2}]", "\\[{\"a\":1}]", "[{\"a\":1}" };

	for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
		size_t len = strlen(texts[t]);
		gk_auto_json json_t *whole = items_in_pieces(texts[t], len, len);

		for (size_t i = 0; i <= len; i++) {
			for (size_t j = i; j <= len; j++) {
				gk_auto_json json_t *items = items_in_pieces(texts[t], i, j);

				ck_assert_msg(json_equal(items, whole), "cut at %zu and %zu", i, j);
			}
		}
	}
}
END_TEST

START_TEST(an_unfinished_json_is_completed_and_a_broken_one_refused)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *value = NULL;

	ck_assert_int_eq(gk_extract_json("so: {\"a\": [1, tr", 16, false, &value, NULL), GK_OK);
	assert_json(value, "{'a':[1,true]}");
	json_decref(value);
	value = NULL;
	ck_assert_int_eq(gk_extract_json("nothing", 7, false, &value, &err), GK_OK);
	ck_assert_ptr_null(value);
	ck_assert_int_eq(gk_extract_json("nothing", 7, true, &value, &err), GK_INTERNAL);
	ck_assert_str_eq(err.message, "Invalid JSON extracted from model output: nothing");
	ck_assert_int_eq(gk_extract_json("{a b}", 5, false, &value, &err), GK_INTERNAL);
}
END_TEST

/* --- a text that grows --- */

static void assert_grows(const char *text, size_t step)
{
	gk_json_growing growing = { 0 };
	size_t len = strlen(text);

	for (size_t at = step; at < len + step; at += step) {
		gk_auto_json json_t *got = NULL, *expected = NULL;
		size_t end = at < len ? at : len;
		gk_code rc = gk_extract_json(text, end, false, &expected, NULL);

		ck_assert_int_eq(gk_json_growing_value(&growing, text, end, &got, NULL), rc);
		ck_assert_msg(got == expected || json_equal(got, expected), "%.*s", (int)end, text);
	}
	gk_json_growing_done(&growing);
}

START_TEST(a_text_that_grows_gives_what_each_beginning_of_it_gives)
{
	static const char *const texts[] = {
		"Here: ```json\n{\"a\": {\"b\": [1, -2.5e3, true, null, \"x\\u00e9\\n\"], \"e\": {}},"
		" \"c\": [[], {}, [[1], 2]], \"a\": 3}\n```",
		"[1 , 2,3,{\"k\" : \"v\"} , [ ] ]", "{\"a\":1,\"a\":12,\"b\":{\"c\":123456}}",
		"[\"a\" \"b\", {\"x\":tru, 1]}, 5", "{\"a\" \"b\": 1, \"c\": [1,,2",
		"{a: [1, 'b',], c: {d: 0x1F}}", "[1 2, 3", "say \"[\" [{\"a\":1}]", "{\"a\":[1,2}",
		"[[[[[[[[\"deep\"]]]]],{\"a\":{\"b\":[", "{\"a\":1.5e+, \"e\": 1}", "[\"x\ny\", 1",
		"{\"a\":-Infinity,\"b\":[NaN,tr"
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (size_t step = 1; step < 9; step++)
			assert_grows(texts[i], step);
}
END_TEST

/* What has been given stays as it was. */
START_TEST(a_value_that_was_given_grows_no_more)
{
	static const char text[] = "{\"a\":[1,{\"b\":2},3],\"c\":4}";
	gk_auto_json json_t *first = NULL, *second = NULL;
	gk_json_growing growing = { 0 };

	ck_assert_int_eq(gk_json_growing_value(&growing, text, 12, &first, NULL), GK_OK);
	ck_assert_int_eq(gk_json_growing_value(&growing, text, 21, &second, NULL), GK_OK);
	gk_json_growing_done(&growing);
	assert_json(first, "{'a':[1,{}]}");
	assert_json(second, "{'a':[1,{'b':2},3]}");
}
END_TEST

/* --- limits --- */

START_TEST(a_depth_beyond_the_limit_is_refused)
{
	char text[2 * GK_JSON_MAX_DEPTH + 3] = "";
	gk_auto_json json_t *value = NULL, *items = json_array();
	gk_item_scan scan = { .is_open = true };

	memset(text, '[', GK_JSON_MAX_DEPTH);
	ck_assert_int_eq(gk_json_parse_partial(text, GK_JSON_MAX_DEPTH, &value, NULL), GK_OK);
	memset(text, '[', GK_JSON_MAX_DEPTH + 1);
	memset(text + GK_JSON_MAX_DEPTH + 1, ']', GK_JSON_MAX_DEPTH + 1);
	ck_assert_int_eq(
		gk_json_parse_partial(text, strlen(text), &value, NULL), GK_RESOURCE_EXHAUSTED);
	ck_assert_int_eq(gk_json5_parse(text, strlen(text), &value, NULL), GK_RESOURCE_EXHAUSTED);
	ck_assert_int_eq(
		gk_extract_json(text, strlen(text), false, &value, NULL), GK_RESOURCE_EXHAUSTED);
	memcpy(text, "{a:", 3);
	text[2 * GK_JSON_MAX_DEPTH + 1] = '}';
	memset(text + 3, '[', GK_JSON_MAX_DEPTH - 1);
	memset(text + 2 + GK_JSON_MAX_DEPTH, ']', GK_JSON_MAX_DEPTH - 1);
	ck_assert_int_eq(gk_extract_items(text, strlen(text), &scan, items, NULL), GK_OK);
	ck_assert_uint_eq(json_array_size(items), 1);
}
END_TEST

START_TEST(a_text_beyond_the_limit_is_refused)
{
	size_t len = GK_MAX_EXTRACT_TEXT;
	char *text = malloc(len + 1);
	gk_json_growing growing = { 0 };
	json_t *value = NULL;

	memset(text, ' ', len + 1);
	text[0] = '[';
	text[len - 1] = ']';
	ck_assert_int_eq(gk_extract_json(text, len, true, &value, NULL), GK_OK);
	json_decref(value);
	ck_assert_int_eq(gk_extract_json(text, len + 1, true, &value, NULL), GK_RESOURCE_EXHAUSTED);
	ck_assert_int_eq(gk_json5_parse(text, len + 1, &value, NULL), GK_RESOURCE_EXHAUSTED);
	ck_assert_int_eq(gk_json_parse_partial(text, len + 1, &value, NULL), GK_RESOURCE_EXHAUSTED);
	ck_assert_int_eq(gk_json_growing_value(&growing, text, len + 1, &value, NULL),
		GK_RESOURCE_EXHAUSTED);
	free(text);
}
END_TEST

START_TEST(a_text_that_grows_to_much_memory_is_refused)
{
	size_t turns = GK_JSON_MEMORY_BASE / (GK_JSON_COST_CONTAINER / 2), len = 1;
	char *text = malloc(3 * turns + 2);
	gk_auto_json json_t *value = NULL;
	gk_json_growing growing = { 0 };

	text[0] = '[';
	for (size_t i = 0; i < turns; i++, len += 3)
		memcpy(text + len, "{},", 3);
	ck_assert_int_eq(gk_json_growing_value(&growing, text, 3001, &value, NULL), GK_OK);
	ck_assert_uint_eq(json_array_size(value), 1000);
	ck_assert_int_eq(
		gk_json_growing_value(&growing, text, len, &value, NULL), GK_RESOURCE_EXHAUSTED);
	gk_json_growing_done(&growing);
	free(text);
}
END_TEST

/* --- the rest --- */

START_TEST(blanks_are_what_javascript_takes_for_them)
{
	const char *text = "\xef\xbb\xbf\t\xe3\x80\x80 a\xc2\xa0 b\xe2\x80\xa9\n";
	size_t len = strlen(text);

	gk_trim(&text, &len);
	ck_assert_uint_eq(len, 5);
	ck_assert_int_eq(strncmp(text, "a\xc2\xa0 b", len), 0);
	text = " \n";
	len = 2;
	gk_trim(&text, &len);
	ck_assert_uint_eq(len, 0);
}
END_TEST

static bool extract_all(void)
{
	static const char five[] = "x {a: 'long enough to allocate', 'b\\n': [1, 2.5, {c: null}]}";
	static const char partial[] = "{\"a\\n\": [\"long \\n enough\", 1, {\"b\": \"cut \\u00";
	json_t *value = NULL, *items = json_array();
	gk_json_growing growing = { 0 };
	gk_item_scan scan = { 0 };
	bool ok;

	ok = gk_extract_json(five, strlen(five), true, &value, NULL) == GK_OK;
	json_decref(value);
	value = NULL;
	ok = gk_extract_json(partial, strlen(partial), true, &value, NULL) == GK_OK && ok;
	json_decref(value);
	value = NULL;
	for (size_t len = 5; len < sizeof(partial); len += 5) {
		json_decref(value);
		value = NULL;
		ok = gk_json_growing_value(&growing, partial, len, &value, NULL) == GK_OK && ok;
	}
	json_decref(value);
	gk_json_growing_done(&growing);
	ok = items && gk_extract_items(ITEMS, strlen(ITEMS), &scan, items, NULL) == GK_OK && ok;
	json_decref(items);
	return ok;
}

START_TEST(extraction_without_memory_fails_cleanly)
{
	fault_sweep(extract_all);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("extract");
	TCase *tests = tcase_create("extract");

	tcase_add_test(tests, json5_is_read_with_what_it_adds_to_json);
	tcase_add_test(tests, what_is_no_json5_is_told_with_its_place);
	tcase_add_test(tests, a_partial_text_gives_what_is_there);
	tcase_add_test(tests, a_partial_text_without_a_value_is_refused);
	tcase_add_test(tests, every_beginning_of_a_json_text_is_completed);
	tcase_add_test(tests, the_pieces_in_which_a_text_comes_do_not_change_its_items);
	tcase_add_test(tests, an_unfinished_json_is_completed_and_a_broken_one_refused);
	tcase_add_test(tests, a_text_that_grows_gives_what_each_beginning_of_it_gives);
	tcase_add_test(tests, a_value_that_was_given_grows_no_more);
	tcase_add_test(tests, a_depth_beyond_the_limit_is_refused);
	tcase_add_test(tests, a_text_beyond_the_limit_is_refused);
	tcase_add_test(tests, a_text_that_grows_to_much_memory_is_refused);
	tcase_add_test(tests, blanks_are_what_javascript_takes_for_them);
	tcase_add_test(tests, extraction_without_memory_fails_cleanly);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
