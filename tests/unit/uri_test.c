/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "json/uri.h"

static void assert_resolves(const char *base, const char *reference, const char *expected)
{
	gk_auto_str char *got = gk_uri_resolve(base, reference);

	ck_assert_str_eq(got, expected);
}

START_TEST(references_are_read_from_their_base)
{
	static const char base[] = "http://a/b/c/d;p?q";

	assert_resolves(base, "g:h", "g:h");
	assert_resolves(base, "g", "http://a/b/c/g");
	assert_resolves(base, "./g/", "http://a/b/c/g/");
	assert_resolves(base, "/g", "http://a/g");
	assert_resolves(base, "//g", "http://g");
	assert_resolves(base, "?y", "http://a/b/c/d;p?y");
	assert_resolves(base, "#s", "http://a/b/c/d;p?q#s");
	assert_resolves(base, "", "http://a/b/c/d;p?q");
	assert_resolves(base, "..", "http://a/b/");
	assert_resolves(base, "../../../g", "http://a/g");
	assert_resolves(base, "/./g/../h", "http://a/h");
	assert_resolves(base, "g.", "http://a/b/c/g.");
	assert_resolves(base, "g?y/./x", "http://a/b/c/g?y/./x");
	assert_resolves("http://a", "g", "http://a/g");
	assert_resolves("http://a/b#f", "#s", "http://a/b#s");
}
END_TEST

START_TEST(some_bases_have_no_folders)
{
	assert_resolves("", "g", "g");
	assert_resolves("", "#s", "#s");
	assert_resolves("urn:uuid:1", "#s", "urn:uuid:1#s");
	assert_resolves("", "genkit:A B", "genkit:A B");
	assert_resolves("http://a/b", "genkit:../x", "genkit:../x");
}
END_TEST

START_TEST(a_scheme_makes_it_absolute)
{
	ck_assert(gk_uri_is_absolute("http://a"));
	ck_assert(gk_uri_is_absolute("genkit:x"));
	ck_assert(!gk_uri_is_absolute("a/b:c"));
	ck_assert(!gk_uri_is_absolute("1a:b"));
	ck_assert(!gk_uri_is_absolute(""));
	ck_assert(!gk_uri_is_absolute(":"));
}
END_TEST

START_TEST(percent_signs_are_undone)
{
	char text[] = "a%20b%2fc%zz%4";

	ck_assert_uint_eq(gk_uri_unescape(text), strlen("a b/c%zz%4"));
	ck_assert_str_eq(text, "a b/c%zz%4");
}
END_TEST

static bool resolve(void)
{
	gk_auto_str char *got = gk_uri_resolve("http://example.org/a/b/c/d/e/f", "../g");

	return got != NULL;
}

START_TEST(running_out_of_memory_is_reported)
{
	fault_sweep(resolve);
}
END_TEST

static Suite *uri_suite(void)
{
	Suite *suite = suite_create("uri");
	TCase *tests = tcase_create("uri");

	tcase_add_test(tests, references_are_read_from_their_base);
	tcase_add_test(tests, some_bases_have_no_folders);
	tcase_add_test(tests, a_scheme_makes_it_absolute);
	tcase_add_test(tests, percent_signs_are_undone);
	tcase_add_test(tests, running_out_of_memory_is_reported);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(uri_suite)
