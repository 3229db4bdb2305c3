/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core/owner.h"

#include "base/limits.h"
#include "unit.h"

static char *owner_of(const char *text)
{
	gk_auto_json json_t *context = json(text);
	char *owner = gk_owner_of(context);

	ck_assert_ptr_nonnull(owner);
	return owner;
}

static bool is_one_owner(const char *a, const char *b)
{
	gk_auto_str char *first = owner_of(a), *second = owner_of(b);

	return strcmp(first, second) == 0;
}

START_TEST(a_uid_is_the_owner)
{
	gk_auto_str char *owner = owner_of("{'auth':{'uid':'alice','token':{'iat':1}}}");

	ck_assert_str_eq(owner, "alice");
	ck_assert(is_one_owner(
		"{'auth':{'uid':'alice','token':{'iat':2}}}", "{'auth':{'uid':'alice'}}"));
	ck_assert(!is_one_owner("{'auth':{'uid':'alice'}}", "{'auth':{'uid':'bob'}}"));
}
END_TEST

START_TEST(without_an_identity_the_owner_is_nobody)
{
	gk_auto_str char *none = gk_owner_of(NULL), *empty = owner_of("{'auth':null}");

	ck_assert_str_eq(none, "");
	ck_assert_str_eq(empty, "");
	ck_assert(is_one_owner("{}", "{'other':{'uid':'alice'}}"));
}
END_TEST

START_TEST(two_api_keys_are_two_owners_and_neither_is_told)
{
	gk_auto_str char *owner = owner_of("{'auth':{'apiKey':'very secret'}}");

	ck_assert_ptr_null(strstr(owner, "secret"));
	ck_assert_int_eq(strncmp(owner, "auth:", 5), 0);
	ck_assert_uint_eq(strlen(owner), 5 + 32);
	ck_assert(!is_one_owner("{'auth':{'apiKey':'a'}}", "{'auth':{'apiKey':'b'}}"));
	ck_assert(!is_one_owner("{'auth':{'apiKey':'a'}}", "{}"));
	ck_assert(is_one_owner("{'auth':{'a':1,'b':2}}", "{'auth':{'b':2,'a':1}}"));
}
END_TEST

START_TEST(a_uid_that_is_no_text_is_still_an_identity)
{
	ck_assert(!is_one_owner("{'auth':{'uid':1}}", "{'auth':{'uid':2}}"));
	ck_assert(!is_one_owner("{'auth':{'uid':1}}", "{}"));
	ck_assert(!is_one_owner("{'auth':{'uid':''}}", "{}"));
	ck_assert(!is_one_owner("{'auth':'alice'}", "{}"));
}
END_TEST

START_TEST(a_uid_is_not_cut_at_a_nul)
{
	gk_auto_json json_t *context = json_pack("{s:{s:s#}}", "auth", "uid", "alice\0b", 7);
	gk_auto_str char *owner = gk_owner_of(context);

	ck_assert_str_ne(owner, "alice");
}
END_TEST

START_TEST(nobody_can_claim_the_digest_of_another)
{
	gk_auto_str char *owner = owner_of("{'auth':{'apiKey':'a'}}");
	gk_auto_json json_t *forged = json_pack("{s:{s:s}}", "auth", "uid", owner);
	gk_auto_str char *other = gk_owner_of(forged);

	ck_assert_str_ne(owner, other);
}
END_TEST

START_TEST(a_long_uid_is_known_by_its_digest)
{
	char uid[GK_MAX_OWNER + 2];

	for (size_t len = GK_MAX_OWNER; len <= GK_MAX_OWNER + 1; len++) {
		gk_auto_json json_t *context = NULL;
		gk_auto_str char *owner = NULL;

		memset(uid, 'x', len);
		uid[len] = '\0';
		context = json_pack("{s:{s:s}}", "auth", "uid", uid);
		owner = gk_owner_of(context);
		ck_assert_uint_eq(strlen(owner), len == GK_MAX_OWNER ? len : 5 + 32);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("owner");
	TCase *tests = tcase_create("owner");

	tcase_add_test(tests, a_uid_is_the_owner);
	tcase_add_test(tests, without_an_identity_the_owner_is_nobody);
	tcase_add_test(tests, two_api_keys_are_two_owners_and_neither_is_told);
	tcase_add_test(tests, a_uid_that_is_no_text_is_still_an_identity);
	tcase_add_test(tests, a_uid_is_not_cut_at_a_nul);
	tcase_add_test(tests, nobody_can_claim_the_digest_of_another);
	tcase_add_test(tests, a_long_uid_is_known_by_its_digest);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
