/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "core/uri_template.h"

typedef struct row {
	const char *uri_template, *uri;
	bool matches;
} row;

static void check_rows(const row *rows, size_t count, bool is_strict)
{
	for (size_t i = 0; i < count; i++)
		ck_assert_msg(gk_uri_template_matches(rows[i].uri_template, rows[i].uri,
				      is_strict) == rows[i].matches,
			"%s and %s", rows[i].uri_template, rows[i].uri);
}
#define CHECK(rows, is_strict) check_rows(rows, sizeof(rows) / sizeof((rows)[0]), is_strict)

START_TEST(an_expression_takes_anything_up_to_what_follows)
{
	static const row rows[] = {
		{ "a://x/{id}", "a://x/1", true },
		{ "a://x/{id}", "a://x/", true },
		{ "a://x/{id}", "a://x", false },
		{ "a://x/{id}", "a://x/a/b?c#d", true },
		{ "a://{x}.json", "a://a.json.json", true },
		{ "a://{x}.json", "a://json", false },
		{ "a://{x}/{y}", "a://1/2/3", true },
		{ "a://{x}/{y}", "a://1", false },
		{ "a", "a", true },
		{ "a", "ab", false },
		{ "", "", true },
		{ "{x", "anything", true },
	};

	CHECK(rows, false);
}
END_TEST

START_TEST(of_neighbours_the_first_takes_all)
{
	static const row rows[] = {
		{ "{a}{b}", "", true },
		{ "{a}{b}/x", "foo/x", true },
		{ "{a}{b}/x", "foo/y", false },
		{ "{a}{b}{c}-{d}", "1-2", true },
		{ "{a}{?q}", "x?q=1", true },
		{ "{a}{b}{?q}!", "x?q=1!", true },
		{ "{+a}{b}/x", "1/2/x", true },
	};

	CHECK(rows, false);
}
END_TEST

START_TEST(an_operator_asks_for_its_prefix_or_nothing)
{
	static const row rows[] = {
		{ "a{/p}", "a", true },
		{ "a{/p}", "a/x", true },
		{ "a{/p}", "ab", false },
		{ "a{?q}", "a?", true },
		{ "a{?q,r}{#f}", "a?q=1#f", true },
		{ "a{;m}b", "a;m=1b", true },
		{ "a{;m}b", "a,b", false },
		{ "a{.e}", "a.txt", true },
		{ "a{&x}", "a&x=1", true },
	};

	CHECK(rows, false);
}
END_TEST

START_TEST(escapes_that_cannot_be_decoded_do_not_match)
{
	static const row rows[] = {
		{ "a/{x}", "a/%41", true },
		{ "a/{x}", "a/%", false },
		{ "a/{x}", "a/%4", false },
		{ "a/{x}", "a/%4g", false },
		{ "a/{x}", "a/%zz", false },
		{ "a/{x}", "a/%c3%a4", true },
		{ "a/{x}", "a/%C3", false },
		{ "a/{x}", "a/%C3x", false },
		{ "a/{x}", "a/%C3%", false },
		{ "a/{x}", "a/%F0%9F%98%80b", true },
		{ "a/{x}", "a/%F0%9F%98", false },
		{ "a/{x}", "a/%ff%80%80%80", false },
		{ "a/{x}", "a/%ED%A0%80", false },
		{ "a/{x}", "a/%41%", false },
		{ "a/{x}%zz", "a/1%zz", true },
		{ "a/{+x}", "a/%zz", true },
		{ "a{#x}", "a#%zz", true },
		{ "a{?x}", "a?x=%zz", false },
	};

	CHECK(rows, false);
}
END_TEST

START_TEST(strictly_an_expression_is_one_segment_that_is_not_empty)
{
	static const row rows[] = {
		{ "a://x/{id}", "a://x/1", true },
		{ "a://x/{id}", "a://x/a%20b", true },
		{ "a://x/{id}", "a://x/a%2", false },
		{ "a://x/{id}", "a://x/", false },
		{ "a://x/{id}", "a://x/a/b", false },
		{ "a://x/{id}", "a://x/1?q=1", false },
		{ "a://x/{id}", "a://x/\xc3\xa4", false },
		{ "a://{a}/{b}", "a://1/2", true },
		{ "a://{a}/{b}", "a://1/2/3", false },
		{ "a://x/{+id}", "a://x/a/b", true },
		{ "a://x/{+id}", "a://x/", false },
		{ "a{?q}", "a", true },
		{ "a{?q}", "a?q=1&r=2", true },
		{ "a{?q}", "a?q=[", false },
		{ "a{/p*}", "a/b/c", true },
		{ "plain", "plain", true },
	};

	CHECK(rows, true);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("uri_template");
	TCase *tests = tcase_create("uri_template");

	tcase_add_test(tests, an_expression_takes_anything_up_to_what_follows);
	tcase_add_test(tests, of_neighbours_the_first_takes_all);
	tcase_add_test(tests, an_operator_asks_for_its_prefix_or_nothing);
	tcase_add_test(tests, escapes_that_cannot_be_decoded_do_not_match);
	tcase_add_test(tests, strictly_an_expression_is_one_segment_that_is_not_empty);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
