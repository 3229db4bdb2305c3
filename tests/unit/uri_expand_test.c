/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the conformance vectors of RFC 6570 do not reach. */
#include "unit.h"

#include "base/limits.h"
#include "json/uri_expand.h"

static void assert_expands(const char *uri_template, const char *variables, const char *expected)
{
	gk_auto_json json_t *values = json(variables);
	gk_auto_str char *uri = NULL;

	ck_assert_int_eq(gk_uri_expand(uri_template, values, &uri, NULL), GK_OK);
	ck_assert_str_eq(uri, expected);
}

START_TEST(numbers_and_booleans_are_their_text)
{
	assert_expands("{a}{?b,c,d*}", "{'a':1,'b':true,'c':0.5,'d':[false,null,2]}",
		"1?b=true&c=0.5&d=false&d=2");
}
END_TEST

START_TEST(null_and_what_is_not_there_are_left_out)
{
	assert_expands("x{/a,b}{?c}", "{'a':null,'c':[null]}", "x");
}
END_TEST

START_TEST(a_mistake_has_its_place)
{
	gk_auto_error gk_error err = { 0 };
	char *uri = NULL;

	ck_assert_int_eq(gk_uri_expand("a/{b", NULL, &uri, &err), GK_INVALID_ARGUMENT);
	ck_assert_str_eq(err.message, "malformed URI template at character 5: a/{b");
	ck_assert_ptr_null(uri);
}
END_TEST

START_TEST(a_uri_has_an_end)
{
	gk_auto_json json_t *values = json_object();
	gk_auto_str char *large = calloc(1, GK_MAX_URL + 2);
	gk_auto_error gk_error err = { 0 };
	char *uri = NULL;

	memset(large, 'x', GK_MAX_URL + 1);
	json_object_set_new(values, "a", json_string(large));
	ck_assert_int_eq(gk_uri_expand("{a}", values, &uri, &err), GK_RESOURCE_EXHAUSTED);
	ck_assert_ptr_null(uri);
}
END_TEST

static json_t *sample;

static bool expand_sample(void)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_str char *uri = NULL;
	gk_code rc = gk_uri_expand("/x{/a}{?b*}", sample, &uri, &err);

	if (rc != GK_OK && rc != GK_RESOURCE_EXHAUSTED)
		abort();
	return rc == GK_OK;
}

START_TEST(running_out_of_memory_is_reported)
{
	sample = json("{'a':'\xc3\xa4','b':{'k':'v'}}");
	fault_sweep(expand_sample);
	json_decref(sample);
}
END_TEST

static Suite *uri_expand_suite(void)
{
	Suite *suite = suite_create("uri_expand");
	TCase *tests = tcase_create("uri_expand");

	tcase_add_test(tests, numbers_and_booleans_are_their_text);
	tcase_add_test(tests, null_and_what_is_not_there_are_left_out);
	tcase_add_test(tests, a_mistake_has_its_place);
	tcase_add_test(tests, a_uri_has_an_end);
	tcase_add_test(tests, running_out_of_memory_is_reported);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(uri_expand_suite)
