/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "base/buf.h"
#include "base/limits.h"

#include <pthread.h>
#include <unistd.h>

static json_t *parse_n(const char *text, size_t len)
{
	gk_auto_error gk_error err = { 0 };
	json_t *value = NULL;
	gk_code rc = gk_json_parse(text, len, 0, &value, &err);

	ck_assert_msg(rc == GK_OK, "%s: %s", text, err.message);
	ck_assert_int_eq(err.code, GK_OK);
	return value;
}

static json_t *parse(const char *text)
{
	return parse_n(text, strlen(text));
}

static void assert_reads(const char *text, const char *expected)
{
	gk_auto_json json_t *value = parse(text);

	assert_json(value, expected);
}

static void assert_fails_n(const char *text, size_t len, gk_code code, const char *message)
{
	gk_auto_error gk_error err = { 0 };
	json_t *value = (json_t *)&err; /* anything: it must stay */
	/* A copy of its exact size, so that a sanitizer sees a read behind the end. */
	gk_auto_str char *copy = malloc(len ? len : 1);

	memcpy(copy, text, len);
	ck_assert_int_eq(gk_json_parse(copy, len, 0, &value, &err), code);
	ck_assert_str_eq(err.message, message);
	ck_assert_int_eq(err.code, code);
	ck_assert_ptr_eq(value, (json_t *)&err);
	ck_assert_int_eq(gk_json_parse(copy, len, 0, &value, NULL), code);
}

static void assert_fails(const char *text, const char *message)
{
	assert_fails_n(text, strlen(text), GK_INVALID_ARGUMENT, message);
}

START_TEST(values_of_every_type_are_read)
{
	assert_reads("null", "null");
	assert_reads(" true ", "true");
	assert_reads("\t\r\nfalse\n", "false");
	assert_reads("12", "12");
	assert_reads("-0.5e1", "-5");
	assert_reads("\"x\"", "'x'");
	assert_reads("[]", "[]");
	assert_reads("{}", "{}");
	assert_reads("[ 1 , [ ] , { } , [ [ 2 ] ] ]", "[1,[],{},[[2]]]");
	assert_reads("{ \"a\" : { \"b\" : [ 1 , { \"c\" : null } ] } , \"d\" : \"\" }",
		"{'a':{'b':[1,{'c':null}]},'d':''}");
}
END_TEST

START_TEST(integers_keep_64_bits_and_larger_ones_become_reals)
{
	gk_auto_json json_t *value =
		parse("[9223372036854775807, -9223372036854775808, 9223372036854775808, -0, 1.0]");

	ck_assert_int_eq(json_integer_value(json_array_get(value, 0)), INT64_MAX);
	ck_assert_int_eq(json_integer_value(json_array_get(value, 1)), INT64_MIN);
	ck_assert(json_is_real(json_array_get(value, 2)));
	ck_assert(json_real_value(json_array_get(value, 2)) == 0x1p63);
	ck_assert(json_is_integer(json_array_get(value, 3)));
	ck_assert(json_is_real(json_array_get(value, 4)));
}
END_TEST

START_TEST(malformed_numbers_are_refused)
{
	assert_fails("01", "unexpected '1' at line 1, column 2");
	assert_fails("-", "unexpected end of input at line 1, column 2");
	assert_fails("-x", "unexpected 'x' at line 1, column 2");
	assert_fails("+1", "unexpected '+' at line 1, column 1");
	assert_fails(".5", "unexpected '.' at line 1, column 1");
	assert_fails("1.", "unexpected end of input at line 1, column 3");
	assert_fails("1.e5", "unexpected 'e' at line 1, column 3");
	assert_fails("1e", "unexpected end of input at line 1, column 3");
	assert_fails("1e+", "unexpected end of input at line 1, column 4");
	assert_fails("[1e]", "unexpected ']' at line 1, column 4");
	assert_fails("0x10", "unexpected 'x' at line 1, column 2");
	assert_fails("[1e400]", "number out of range at line 1, column 2");
	assert_fails("[-1e400]", "number out of range at line 1, column 2");
	assert_fails("NaN", "unexpected 'N' at line 1, column 1");
}
END_TEST

START_TEST(escapes_are_decoded)
{
	gk_auto_json json_t *value =
		parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\\ud83d\\ude00 end\"");

	ck_assert_str_eq(json_string_value(value),
		"\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 end");
}
END_TEST

START_TEST(a_nul_is_a_character_like_any_other)
{
	gk_auto_json json_t *value = parse("{\"a\\u0000b\": \"x\\u0000y\"}");
	json_t *member = json_object_getn(value, "a\0b", 3);

	ck_assert_uint_eq(json_string_length(member), 3);
	ck_assert_mem_eq(json_string_value(member), "x\0y", 3);
	assert_json(value, "{'a\\u0000b':'x\\u0000y'}");
}
END_TEST

START_TEST(half_a_surrogate_pair_is_the_replacement_character)
{
	assert_reads("\"\\ud83d\"", "'\\ufffd'");
	assert_reads("\"\\ude00x\"", "'\\ufffdx'");
	assert_reads("\"\\ud83d\\u0041\"", "'\\ufffdA'");
	assert_reads("\"\\ud83d\\ud83d\\ude00\"", "'\\ufffd\\ud83d\\ude00'");
	assert_reads("\"\\ud83d\\n\"", "'\\ufffd\\n'");
	assert_fails("\"\\ud83d\\uZZZZ\"", "invalid escape at line 1, column 8");
}
END_TEST

START_TEST(malformed_strings_are_refused)
{
	assert_fails("\"abc", "unexpected end of input at line 1, column 5");
	assert_fails("\"abc\\", "unexpected end of input at line 1, column 6");
	assert_fails("\"a\\nbc", "unexpected end of input at line 1, column 7");
	assert_fails("\"a\\n\x02\"", "control character in a string at line 1, column 5");
	assert_fails("\"\\x41\"", "invalid escape at line 1, column 2");
	assert_fails("\"\\u00g0\"", "invalid escape at line 1, column 2");
	assert_fails("\"\\u00", "invalid escape at line 1, column 2");
	assert_fails("\"a\nb\"", "control character in a string at line 1, column 3");
	assert_fails("\"a\x01\"", "control character in a string at line 1, column 3");
	assert_fails_n("\"a\0\"", 4, GK_INVALID_ARGUMENT,
		"control character in a string at line 1, column 3");
	assert_fails("\"ab\xff\"", "invalid UTF-8 at line 1, column 4");
	assert_fails("\"\xed\xa0\x80\"", "invalid UTF-8 at line 1, column 2");
	assert_fails("\"\xe2\x82\"", "invalid UTF-8 at line 1, column 2");
	assert_fails("'a'", "unexpected ''' at line 1, column 1");
}
END_TEST

START_TEST(errors_say_where)
{
	assert_fails("", "unexpected end of input at line 1, column 1");
	assert_fails("  ", "unexpected end of input at line 1, column 3");
	assert_fails("{\n  \"a\": 1,\n  b\n}", "unexpected 'b' at line 3, column 3");
	assert_fails("[\"\xc3\xa9\xc3\xa9\" x", "unexpected 'x' at line 1, column 7");
	assert_fails("[1,]", "unexpected ']' at line 1, column 4");
	assert_fails("{\"a\":1,}", "unexpected '}' at line 1, column 8");
	assert_fails("{\"a\"}", "unexpected '}' at line 1, column 5");
	assert_fails("{\"a\":}", "unexpected '}' at line 1, column 6");
	assert_fails("{,}", "unexpected ',' at line 1, column 2");
	assert_fails("[1 2]", "unexpected '2' at line 1, column 4");
	assert_fails("[1}", "unexpected '}' at line 1, column 3");
	assert_fails("{\"a\":1]", "unexpected ']' at line 1, column 7");
	assert_fails("[", "unexpected end of input at line 1, column 2");
	assert_fails("{\"a\":[1", "unexpected end of input at line 1, column 8");
	assert_fails("1 2", "unexpected '2' at line 1, column 3");
	assert_fails("tru", "unexpected end of input at line 1, column 4");
	assert_fails("nul1", "unexpected '1' at line 1, column 4");
	assert_fails("truex", "unexpected 'x' at line 1, column 5");
	assert_fails("]", "unexpected ']' at line 1, column 1");
	assert_fails("\xef\xbb\xbf{}", "unexpected character U+FEFF at line 1, column 1");
	assert_fails("[\x01]", "unexpected character U+0001 at line 1, column 2");
	assert_fails("[\xff]", "invalid UTF-8 at line 1, column 2");
}
END_TEST

START_TEST(of_two_members_with_one_name_the_last_wins_at_the_first_place)
{
	assert_reads("{\"a\":1,\"b\":2,\"a\":[3]}", "{'a':[3],'b':2}");
	assert_reads("{\"a\":{\"a\":{}},\"a\":{\"x\":1}}", "{'a':{'x':1}}");
}
END_TEST

static char *nested(unsigned depth, char open, char close)
{
	char *text = malloc(depth * 2 + 1);

	memset(text, open, depth);
	memset(text + depth, close, depth);
	text[depth * 2] = '\0';
	return text;
}

START_TEST(depth_ends_at_128)
{
	gk_auto_str char *deep = nested(GK_JSON_MAX_DEPTH, '[', ']');
	gk_auto_str char *deeper = nested(GK_JSON_MAX_DEPTH + 1, '[', ']');
	gk_auto_str char *hostile = nested(1000000, '[', ']');
	gk_auto_json json_t *value = parse(deep);
	gk_auto_str char *back = gk_json_write(value, NULL);

	ck_assert_str_eq(back, deep);
	assert_fails_n(
		deeper, strlen(deeper), GK_RESOURCE_EXHAUSTED, "nested deeper than 128 levels");
	assert_fails_n(
		hostile, strlen(hostile), GK_RESOURCE_EXHAUSTED, "nested deeper than 128 levels");
}
END_TEST

START_TEST(size_ends_where_the_caller_says)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *value = NULL;

	ck_assert_int_eq(gk_json_parse("[1,2]", 5, 5, &value, &err), GK_OK);
	ck_assert_int_eq(gk_json_parse("[1,2]", 5, 4, &value, &err), GK_RESOURCE_EXHAUSTED);
	ck_assert_str_eq(err.message, "JSON of 5 bytes exceeds the limit of 4 bytes");
	assert_json(value, "[1,2]");
	ck_assert_int_eq(
		gk_json_parse("", GK_JSON_DEFAULT_MAX + 1, 0, &value, &err), GK_RESOURCE_EXHAUSTED);
}
END_TEST

START_TEST(a_text_that_unfolds_to_much_memory_is_refused)
{
	size_t len = 3 * 600000 + 1;
	gk_auto_str char *text = malloc(len);

	for (size_t i = 0; i < len; i += 3)
		memcpy(text + i, i + 3 < len ? "{}," : "]", i + 3 < len ? 3 : 1);
	text[0] = '[';
	text[1] = '1';
	assert_fails_n(text, len, GK_RESOURCE_EXHAUSTED, "too many values for a text of this size");
}
END_TEST

/* A small part of a fiber's stack; a sanitizer's frames are larger. */
#ifdef __SANITIZE_ADDRESS__
#define SMALL_STACK (256u << 10)
#else
#define SMALL_STACK (64u << 10)
#endif

static void *read_and_write(void *text)
{
	gk_auto_json json_t *value = NULL;
	gk_auto_str char *back = NULL;

	if (gk_json_parse(text, strlen(text), 0, &value, NULL) == GK_OK)
		back = gk_json_write(value, NULL);
	return gk_steal(back);
}

START_TEST(the_deepest_value_needs_little_stack)
{
	gk_auto_str char *text = NULL, *closing = calloc(1, GK_JSON_MAX_DEPTH * 2);
	pthread_attr_t attributes;
	pthread_t thread;
	void *back = NULL;
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);
	long least = sysconf(_SC_THREAD_STACK_MIN); /* more than that on arm64 */

	for (int i = 0; i < GK_JSON_MAX_DEPTH; i++) {
		gk_buf_puts(&buf, i % 2 ? "[1e-300,\"\\u00e9\"," : "{\"a\":0.1,\"b\":");
		closing[GK_JSON_MAX_DEPTH - 1 - i] = i % 2 ? ']' : '}';
	}
	gk_buf_puts(&buf, "null");
	gk_buf_puts(&buf, closing);
	text = gk_buf_take(&buf, NULL);
	pthread_attr_init(&attributes);
	if (least < SMALL_STACK)
		least = SMALL_STACK;
	ck_assert_int_eq(pthread_attr_setstacksize(&attributes, (size_t)least), 0);
	ck_assert_int_eq(pthread_create(&thread, &attributes, read_and_write, text), 0);
	pthread_join(thread, &back);
	ck_assert_str_eq(back, text);
	free(back);
	pthread_attr_destroy(&attributes);
}
END_TEST

static bool parse_something(void)
{
	static const char text[] =
		"{\"a\":[1,2.5,\"x\\ny\",true,{\"k\\ney\":\"plain\"}],\"b\":{\"c\":[[]]},\"a\":2}";
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *value = NULL;
	gk_code rc = gk_json_parse(text, strlen(text), 0, &value, &err);

	if (rc != GK_OK && (rc != GK_RESOURCE_EXHAUSTED || value))
		abort(); /* an assertion would allocate */
	return rc == GK_OK;
}

START_TEST(running_out_of_memory_is_reported)
{
	fault_sweep(parse_something);
}
END_TEST

static Suite *reader_suite(void)
{
	Suite *suite = suite_create("json_reader");
	TCase *tests = tcase_create("json_reader");

	tcase_add_test(tests, values_of_every_type_are_read);
	tcase_add_test(tests, integers_keep_64_bits_and_larger_ones_become_reals);
	tcase_add_test(tests, malformed_numbers_are_refused);
	tcase_add_test(tests, escapes_are_decoded);
	tcase_add_test(tests, a_nul_is_a_character_like_any_other);
	tcase_add_test(tests, half_a_surrogate_pair_is_the_replacement_character);
	tcase_add_test(tests, malformed_strings_are_refused);
	tcase_add_test(tests, errors_say_where);
	tcase_add_test(tests, of_two_members_with_one_name_the_last_wins_at_the_first_place);
	tcase_add_test(tests, depth_ends_at_128);
	tcase_add_test(tests, the_deepest_value_needs_little_stack);
	tcase_add_test(tests, size_ends_where_the_caller_says);
	tcase_add_test(tests, a_text_that_unfolds_to_much_memory_is_refused);
	tcase_add_test(tests, running_out_of_memory_is_reported);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(reader_suite)
