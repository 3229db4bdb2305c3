/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "json/edit.h"

START_TEST(setters_add_members)
{
	gk_auto_json json_t *object = json_object(), *list = json_array(),
			    *shared = json_integer(4);

	ck_assert(gk_json_set_str(object, "text", "x") && gk_json_set_int(object, "count", 3) &&
		  gk_json_set_bool(object, "last", true) && gk_json_push_take(list, json_null()) &&
		  gk_json_set(object, "list", list) && gk_json_set(object, "shared", shared) &&
		  gk_json_set_take(object, "text", json_string("y")));
	assert_json(object, "{'text':'y','count':3,'last':true,'list':[null],'shared':4}");
}
END_TEST

START_TEST(a_missing_value_or_parent_is_a_failure)
{
	gk_auto_json json_t *object = json_object();

	ck_assert(!gk_json_set_take(object, "a", NULL));
	ck_assert(!gk_json_set(object, "a", NULL));
	ck_assert(!gk_json_set_str(object, "a", NULL));
	ck_assert(!gk_json_set_int(NULL, "a", 1));
	ck_assert(!gk_json_push_take(object, json_null()));
	ck_assert(!gk_json_push_take(NULL, json_integer(1)));
	assert_json(object, "{}");
}
END_TEST

static void assert_merges(const char *a, const char *b, const char *expected)
{
	gk_auto_json json_t *x = a ? json(a) : NULL, *y = b ? json(b) : NULL;
	gk_auto_json json_t *merged = gk_json_merge(x, y);

	assert_json(merged, expected);
	ck_assert_ptr_ne(merged, x);
}

START_TEST(merging_lets_the_second_win)
{
	assert_merges("{'a':1,'b':2}", "{'c':3,'a':{'d':4}}", "{'a':{'d':4},'b':2,'c':3}");
	assert_merges("{'a':1}", NULL, "{'a':1}");
	assert_merges(NULL, "{'a':1}", "{'a':1}");
	assert_merges("[1]", "'x'", "{}");
	assert_merges(NULL, NULL, "{}");
}
END_TEST

static void assert_orders(const char *text, const char *expected)
{
	gk_auto_json json_t *value = json(text);
	gk_auto_json json_t *ordered = gk_json_js_order(value);

	assert_json(ordered, expected);
	assert_json(value, text);
	ck_assert_int_eq(value == ordered, strcmp(text, expected) == 0);
}

START_TEST(indexes_come_first_in_javascripts_order)
{
	assert_orders("{'b':1,'a':2}", "{'b':1,'a':2}");
	assert_orders("{'0':1,'7':2,'a':3}", "{'0':1,'7':2,'a':3}");
	assert_orders("{'b':1,'10':2,'9':3,'a':4,'0':5}", "{'0':5,'9':3,'10':2,'b':1,'a':4}");
	assert_orders("{'01':1,'4294967295':2,'4294967294':3,'':4,'-1':5,'1.5':6}",
		"{'4294967294':3,'01':1,'4294967295':2,'':4,'-1':5,'1.5':6}");
	assert_orders("{}", "{}");
}
END_TEST

static bool equal(const char *a, const char *b)
{
	gk_auto_json json_t *x = json(a), *y = json(b);

	ck_assert_int_eq(gk_json_equal(x, y), gk_json_equal(y, x));
	return gk_json_equal(x, y);
}

START_TEST(equality_is_that_of_json_schema)
{
	ck_assert(equal("1", "1.0"));
	ck_assert(equal("0", "-0.0"));
	ck_assert(equal("{'a':[1,{'b':null}],'c':'d'}", "{'c':'d','a':[1.0,{'b':null}]}"));
	ck_assert(equal("true", "true"));
	ck_assert(!equal("1", "true"));
	ck_assert(!equal("0", "false"));
	ck_assert(!equal("null", "false"));
	ck_assert(!equal("1", "'1'"));
	ck_assert(!equal("[1,2]", "[2,1]"));
	ck_assert(!equal("[1]", "[1,1]"));
	ck_assert(!equal("{'a':1}", "{'b':1}"));
	ck_assert(!equal("{'a':1}", "{'a':1,'b':1}"));
	ck_assert(!equal("{'0':1}", "[1]"));
	ck_assert(!equal("'a'", "'ab'"));
	ck_assert(!equal("9007199254740993", "9007199254740992"));
	ck_assert(gk_json_equal(NULL, NULL));
	ck_assert(!gk_json_equal(NULL, json_null()));
}
END_TEST

static json_t *mixed;

static bool merge_and_order(void)
{
	gk_auto_json json_t *merged = gk_json_merge(mixed, mixed),
			    *ordered = gk_json_js_order(mixed);
	gk_auto_json json_t *built = json_object();

	return gk_json_set_str(built, "a", "b") && gk_json_set_int(built, "c", 1) && merged &&
	       ordered;
}

START_TEST(running_out_of_memory_is_told)
{
	mixed = json("{'b':1,'1':2,'0':3}");
	fault_sweep(merge_and_order);
	json_decref(mixed);
}
END_TEST

static json_t *copied; /* of an object, an array, or a text */
static bool is_partial;

static bool copy_once(void)
{
	gk_auto_json json_t *copy = gk_json_copy(copied);

	is_partial |= copy && !json_equal(copy, copied);
	return copy != NULL;
}

START_TEST(a_copy_is_whole_or_none)
{
	static const char *const values[] = { "{'a':1,'b':{'c':[2]},'d':null}", "[1,{'a':2},[3]]",
		"{}", "[]" };

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		gk_auto_json json_t *copy = NULL;

		copied = json(values[i]);
		fault_sweep_passing(copy_once);
		ck_assert(!is_partial);
		copy = gk_json_copy(copied);
		ck_assert_ptr_ne(copy, copied);
		assert_json(copy, values[i]);
		json_decref(copied);
	}
	ck_assert_ptr_null(gk_json_copy(NULL));
	copied = json("'text'");
	assert_json(copied, "'text'");
	ck_assert(copy_once());
	json_decref(copied);
}
END_TEST

static Suite *edit_suite(void)
{
	Suite *suite = suite_create("json_edit");
	TCase *tests = tcase_create("json_edit");

	tcase_add_test(tests, setters_add_members);
	tcase_add_test(tests, a_missing_value_or_parent_is_a_failure);
	tcase_add_test(tests, merging_lets_the_second_win);
	tcase_add_test(tests, indexes_come_first_in_javascripts_order);
	tcase_add_test(tests, equality_is_that_of_json_schema);
	tcase_add_test(tests, running_out_of_memory_is_told);
	tcase_add_test(tests, a_copy_is_whole_or_none);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(edit_suite)
