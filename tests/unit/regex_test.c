/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "base/limits.h"
#include "json/regex.h"

#include <pthread.h>

static gk_regex_result match(const char *pattern, const char *text)
{
	gk_auto_error gk_error err = { 0 };
	gk_regex *regex = NULL;
	gk_code rc = gk_regex_compile(pattern, strlen(pattern), &regex, &err);
	gk_regex_result result;

	ck_assert_msg(rc == GK_OK, "%s: %s", pattern, err.message);
	result = gk_regex_match(regex, text, strlen(text), NULL);
	gk_regex_free(regex);
	return result;
}

static void assert_matches(const char *pattern, const char *text)
{
	ck_assert_msg(match(pattern, text) == GK_REGEX_MATCH, "/%s/ on '%s'", pattern, text);
}

static void assert_misses(const char *pattern, const char *text)
{
	ck_assert_msg(match(pattern, text) == GK_REGEX_NONE, "/%s/ on '%s'", pattern, text);
}

static void assert_wrong(const char *pattern, const char *why)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_str char *message = NULL;
	gk_regex *regex = NULL;

	ck_assert_int_ge(
		asprintf(&message, "Invalid regular expression: /%s/u: %s", pattern, why), 0);
	ck_assert_int_eq(gk_regex_compile(pattern, strlen(pattern), &regex, &err), GK_INTERNAL);
	ck_assert(err.is_plain);
	ck_assert_str_eq(err.message, message);
	ck_assert(!gk_regex_is_valid(pattern, strlen(pattern)));
}

START_TEST(a_pattern_matches_anywhere_unless_anchored)
{
	assert_matches("b+", "abbc");
	assert_misses("^b", "ab");
	assert_matches("c$", "abc");
	assert_misses("c$", "abc\n");
	assert_matches("", "anything");
}
END_TEST

START_TEST(classes_are_those_of_javascript)
{
	assert_matches("^\\d$", "7");
	assert_misses("^\\d$", "\u0667");
	assert_misses("^\\w$", "\u00e9");
	assert_matches("^\\s$", "\u00a0");
	assert_matches("^\\s$", "\ufeff");
	assert_misses("^\\s$", "\u200b");
	assert_matches("^[\\S]$", "\u200b");
	assert_misses("^[\\S]$", "\u2028");
	assert_matches("^[^\\S]$", "\v");
	assert_misses("^.$", "\u2028");
	assert_matches("^.$", "\xc2\x85");
	assert_matches("^.$", "\U0001f600");
	assert_matches("^[^]$", "\n");
	assert_misses("[]", "x");
	assert_matches("^[[:a]+$", "[:a");
}
END_TEST

START_TEST(escapes_are_those_of_javascript)
{
	assert_matches("^\\x41\\u0042\\u{43}$", "ABC");
	assert_matches("^\\uD83D\\uDE00$", "\U0001f600");
	assert_matches("^[\\uD83D\\uDE00]$", "\U0001f600");
	assert_misses("\\ud83d", "\U0001f600");
	assert_matches("^[^\\ud800-\\udfff]$", "\U0001f600");
	assert_matches("^\\cA\\v\\/$", "\001\v/");
	assert_matches("^[\\b\\-]+$", "\b-");
	assert_matches("^(a)\\1$", "aa");
	assert_matches("^(?:(a)|b)\\1$", "b"); /* a group that took no part is empty */
	assert_matches("^(?<n>a|b)\\k<n>$", "bb");
	assert_matches("^\\p{L}\\p{Uppercase_Letter}\\P{Nd}$", "aBc");
	assert_matches("^\\p{Script=Greek}\\p{sc=Cyrl}$", "\u03b1\u042f");
	assert_matches("^\\p{Assigned}\\p{General_Category=Letter}$", "ab");
}
END_TEST

START_TEST(what_javascript_refuses_is_refused)
{
	assert_wrong("[", "Unterminated character class");
	assert_wrong("(", "Unterminated group");
	assert_wrong(")", "Unmatched ')'");
	assert_wrong("*", "Nothing to repeat");
	assert_wrong("a**", "Nothing to repeat");
	assert_wrong("a++", "Nothing to repeat");
	assert_wrong("(?=a)*", "Nothing to repeat");
	assert_wrong("^*", "Nothing to repeat");
	assert_wrong("{2}", "Nothing to repeat");
	assert_wrong("a{", "Incomplete quantifier");
	assert_wrong("a{2", "Incomplete quantifier");
	assert_wrong("a{2,1}", "numbers out of order in {} quantifier");
	assert_wrong("a{65536}", "more than 65535 repetitions");
	assert_wrong("}", "Lone quantifier brackets");
	assert_wrong("]", "Lone quantifier brackets");
	assert_wrong("\\", "\\ at end of pattern");
	assert_wrong("[\\", "\\ at end of pattern");
	assert_wrong("\\a", "Invalid escape");
	assert_wrong("\\Z", "Invalid escape");
	assert_wrong("\\-", "Invalid escape");
	assert_wrong("\\x4", "Invalid escape");
	assert_wrong("\\u{110000}", "Invalid Unicode escape");
	assert_wrong("\\u{}", "Invalid Unicode escape");
	assert_wrong("\\c1", "Invalid unicode escape");
	assert_wrong("\\01", "Invalid decimal escape");
	assert_wrong("\\p{}", "Invalid property name");
	assert_wrong("\\pL", "Invalid property name");
	assert_wrong("[z-a]", "Range out of order in character class");
	assert_wrong("[\\d-z]", "Invalid character class");
	assert_wrong("(?i)a", "Invalid group");
	assert_wrong("(?>a)", "Invalid group");
	assert_wrong("(?<1>a)", "Invalid capture group name");
	assert_wrong("\\k", "Invalid named reference");
	ck_assert(!gk_regex_is_valid("\\1", 2));
	ck_assert(!gk_regex_is_valid("\\p{Nonsense}", 12));
	ck_assert(!gk_regex_is_valid("\xff", 1));
}
END_TEST

START_TEST(text_that_is_no_utf8_matches_nothing)
{
	assert_misses("", "\xff");
	assert_misses(".", "a\xc3");
}
END_TEST

START_TEST(a_nul_is_a_character_like_others)
{
	gk_regex *regex = NULL;

	ck_assert_int_eq(gk_regex_compile("^a\0b$", 5, &regex, NULL), GK_OK);
	ck_assert_int_eq(gk_regex_match(regex, "a\0b", 3, NULL), GK_REGEX_MATCH);
	ck_assert_int_eq(gk_regex_match(regex, "ab", 2, NULL), GK_REGEX_NONE);
	gk_regex_free(regex);
}
END_TEST

START_TEST(patterns_have_a_greatest_length_and_depth)
{
	gk_auto_str char *text = malloc(GK_MAX_REGEX + 2);

	memset(text, 'a', GK_MAX_REGEX + 1);
	ck_assert(gk_regex_is_valid(text, GK_MAX_REGEX));
	ck_assert(!gk_regex_is_valid(text, GK_MAX_REGEX + 1));
	memset(text, '(', GK_MAX_REGEX_DEPTH + 1);
	memset(text + GK_MAX_REGEX_DEPTH + 1, ')', GK_MAX_REGEX_DEPTH + 1);
	ck_assert(gk_regex_is_valid(text + 1, 2 * GK_MAX_REGEX_DEPTH));
	ck_assert(!gk_regex_is_valid(text, 2 * GK_MAX_REGEX_DEPTH + 2));
}
END_TEST

START_TEST(backtracking_without_end_gives_up)
{
	gk_regex *regex = NULL;
	uint64_t work = 50000;

	ck_assert_int_eq(gk_regex_compile("^(a+)+$", 7, &regex, NULL), GK_OK);
	ck_assert_int_eq(gk_regex_match(regex, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", 33, NULL),
		GK_REGEX_LIMIT);
	ck_assert_int_eq(gk_regex_match(regex, "aaaaaaaaab", 10, &work), GK_REGEX_NONE);
	ck_assert_uint_eq(work, 50000);
	ck_assert_int_eq(gk_regex_match(regex, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", 33, &work),
		GK_REGEX_LIMIT);
	ck_assert_uint_eq(work, 0);
	gk_regex_free(regex);
}
END_TEST

START_TEST(a_long_text_may_be_matched_group_by_group)
{
	size_t len = 300000;
	gk_auto_str char *text = malloc(len);
	gk_regex *regex = NULL;
	uint64_t work = GK_PCRE_MATCH_LIMIT;

	memset(text, 'a', len);
	ck_assert_int_eq(gk_regex_compile("^(?:[a-z]|-)*$", 14, &regex, NULL), GK_OK);
	ck_assert_int_eq(gk_regex_match(regex, text, len / 6, &work), GK_REGEX_MATCH);
	ck_assert_uint_eq(work, GK_PCRE_MATCH_LIMIT);
	/* Memory for backtracking has an end too. */
	ck_assert_int_eq(gk_regex_match(regex, text, len, &work), GK_REGEX_LIMIT);
	gk_regex_free(regex);
}
END_TEST

/* Of a short text: each round of the group goes three deeper. */
START_TEST(matching_has_a_greatest_depth)
{
	size_t rounds = GK_PCRE_DEPTH_LIMIT / 3;
	char text[GK_PCRE_DEPTH_LIMIT];
	gk_regex *regex = NULL;
	uint64_t work = 1000;

	memset(text, 'a', sizeof(text));
	ck_assert_int_eq(gk_regex_compile("^(?:(?:a|b)|c)*$", 16, &regex, NULL), GK_OK);
	ck_assert_int_eq(gk_regex_match(regex, text, rounds - 50, &work), GK_REGEX_MATCH);
	ck_assert_int_eq(gk_regex_match(regex, text, rounds + 50, &work), GK_REGEX_LIMIT);
	ck_assert_uint_eq(work, 1000); /* it was not too much work */
	ck_assert_int_eq(gk_regex_match(regex, text, sizeof(text), &work), GK_REGEX_MATCH);
	gk_regex_free(regex);
}
END_TEST

static void *run_on_small_stack(void *user)
{
	bool *valid = user;
	char text[2 * GK_MAX_REGEX_DEPTH + 1];

	memset(text, '(', GK_MAX_REGEX_DEPTH);
	memset(text + GK_MAX_REGEX_DEPTH, ')', GK_MAX_REGEX_DEPTH);
	*valid = gk_regex_is_valid(text, 2 * GK_MAX_REGEX_DEPTH);
	return NULL;
}

START_TEST(the_deepest_pattern_compiles_on_a_fibers_stack)
{
	pthread_attr_t attr;
	pthread_t thread;
	bool valid = false;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, GK_FIBER_STACK);
	ck_assert_int_eq(pthread_create(&thread, &attr, run_on_small_stack, &valid), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
	ck_assert(valid);
}
END_TEST

static bool compile_and_match(void)
{
	gk_auto_error gk_error err = { 0 };
	gk_regex *regex = NULL;
	gk_code rc = gk_regex_compile("^[a-z]{2}\\s\\p{Letter}$", 22, &regex, &err);

	if (rc == GK_OK && gk_regex_match(regex, "ab c", 4, NULL) != GK_REGEX_MATCH)
		rc = GK_RESOURCE_EXHAUSTED;
	if (rc != GK_OK && rc != GK_RESOURCE_EXHAUSTED)
		abort();
	gk_regex_free(regex);
	return rc == GK_OK;
}

START_TEST(running_out_of_memory_is_reported)
{
	fault_sweep(compile_and_match);
}
END_TEST

static Suite *regex_suite(void)
{
	Suite *suite = suite_create("regex");
	TCase *tests = tcase_create("regex");

	tcase_add_test(tests, running_out_of_memory_is_reported);
	tcase_add_test(tests, a_pattern_matches_anywhere_unless_anchored);
	tcase_add_test(tests, classes_are_those_of_javascript);
	tcase_add_test(tests, escapes_are_those_of_javascript);
	tcase_add_test(tests, what_javascript_refuses_is_refused);
	tcase_add_test(tests, text_that_is_no_utf8_matches_nothing);
	tcase_add_test(tests, a_nul_is_a_character_like_others);
	tcase_add_test(tests, patterns_have_a_greatest_length_and_depth);
	tcase_add_test(tests, backtracking_without_end_gives_up);
	tcase_add_test(tests, a_long_text_may_be_matched_group_by_group);
	tcase_add_test(tests, matching_has_a_greatest_depth);
	tcase_add_test(tests, the_deepest_pattern_compiles_on_a_fibers_stack);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(regex_suite)
