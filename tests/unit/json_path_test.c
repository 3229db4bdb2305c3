/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

static json_t *trip;

static void set_up(void)
{
	trip = json(
		"{'name':'north','stops':[{'city':'Turku','days':2},{'city':'Oulu','days':3.0}],'far':1e300,"
		"'half':0.5,'paid':false,'a.b':1,'':{'':7},'grid':[[1,2],[3,4]]}");
}

static void tear_down(void)
{
	json_decref(trip);
}

START_TEST(a_path_leads_to_a_member)
{
	ck_assert_ptr_eq(gk_json_at_peek(trip, ""), trip);
	ck_assert_str_eq(gk_json_str_peek(trip, "name"), "north");
	ck_assert_str_eq(gk_json_str_peek(trip, "stops[1].city"), "Oulu");
	ck_assert_int_eq(gk_json_int_at(trip, "grid[1][0]", -1), 3);
	ck_assert_int_eq(gk_json_int_at(json_object_get(trip, "grid"), "[0][1]", -1), 2);
	ck_assert_int_eq(gk_json_int_at(trip, "stops[0].days", -1), 2);
	ck_assert_int_eq(gk_json_int_at(trip, "stops[1].days", -1), 3);
	ck_assert(gk_json_real_at(trip, "stops[0].days", -1) == 2.0);
	ck_assert(gk_json_real_at(trip, "half", -1) == 0.5);
	ck_assert(!gk_json_bool_at(trip, "paid", true));
}
END_TEST

START_TEST(a_path_that_leads_nowhere_gives_the_miss)
{
	static const char *const nowhere[] = { "x", "name.x", "name[0]", "stops[2]", "stops[01]",
		"stops[-1]", "stops[", "stops[0", "stops[]", "stops[0]city",
		"stops[99999999999999999999]", "a.b", "stops.0", "name.", "..." };

	for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++)
		ck_assert_msg(!gk_json_at_peek(trip, nowhere[i]), "%s", nowhere[i]);
	ck_assert_ptr_null(gk_json_str_peek(trip, "half"));
	ck_assert_int_eq(gk_json_int_at(trip, "half", -1), -1);
	ck_assert_int_eq(gk_json_int_at(trip, "far", -1), -1);
	ck_assert_int_eq(gk_json_int_at(trip, "name", -1), -1);
	ck_assert(gk_json_real_at(trip, "name", -1) == -1);
	ck_assert(gk_json_bool_at(trip, "half", true));
	ck_assert_ptr_null(gk_json_at_peek(NULL, "a"));
	ck_assert_int_eq(gk_json_int_at(NULL, "a", 9), 9);
}
END_TEST

START_TEST(pointers_lead_where_rfc_6901_says)
{
	gk_auto_json json_t *doc = json(
		"{'foo':['bar','baz'],'':0,'a/b':1,'c%d':2,'e^f':3,'g|h':4,' ':7,'m~n':8,'~1':9,'01':10}");

	ck_assert_ptr_eq(gk_json_pointer_peek(doc, ""), doc);
	ck_assert_str_eq(json_string_value(gk_json_pointer_peek(doc, "/foo/0")), "bar");
	assert_json(gk_json_pointer_peek(doc, "/"), "0");
	assert_json(gk_json_pointer_peek(doc, "/a~1b"), "1");
	assert_json(gk_json_pointer_peek(doc, "/c%d"), "2");
	assert_json(gk_json_pointer_peek(doc, "/e^f"), "3");
	assert_json(gk_json_pointer_peek(doc, "/ "), "7");
	assert_json(gk_json_pointer_peek(doc, "/m~0n"), "8");
	assert_json(gk_json_pointer_peek(doc, "/~01"), "9");
	assert_json(gk_json_pointer_peek(doc, "/01"), "10");
	assert_json(gk_json_pointer_peek(trip, "//"), "7");
}
END_TEST

START_TEST(malformed_or_missing_pointers_give_nothing)
{
	static const char *const nothing[] = { "name", "/stops/2", "/stops/-", "/stops/01",
		"/stops/0x", "/x", "/name/0", "/~", "/~2", "/name~", "/stops/", "/grid/0/0/0",
		"/~1name" };

	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
		ck_assert_msg(!gk_json_pointer_peek(trip, nothing[i]), "%s", nothing[i]);
	ck_assert_ptr_null(gk_json_pointer_peek(NULL, ""));
}
END_TEST

static Suite *path_suite(void)
{
	Suite *suite = suite_create("json_path");
	TCase *tests = tcase_create("json_path");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_path_leads_to_a_member);
	tcase_add_test(tests, a_path_that_leads_nowhere_gives_the_miss);
	tcase_add_test(tests, pointers_lead_where_rfc_6901_says);
	tcase_add_test(tests, malformed_or_missing_pointers_give_nothing);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(path_suite)
