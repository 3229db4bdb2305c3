/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Keys of Amazon, and the role for which a token in a file vouches. */
#include "plugins/common/aws_auth.h"
#include "tokens.h"

#include <stdlib.h>
#include <unistd.h>

static gk_code ask_aws(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input;
	return gk_aws_credentials(ctx, NULL, ret, err);
}

static void set_up(void)
{
	tokens_start();
	core_flow("aws", ask_aws, NULL);
}

static json_t *aws_keys(void)
{
	return core_run("/flow/aws", NULL);
}

START_TEST(keys_in_the_environment_come_first)
{
	gk_auto_json json_t *got = NULL;

	json_object_set_new(tokens.env, "AWS_ACCESS_KEY_ID", json_string("AKIA"));
	json_object_set_new(tokens.env, "AWS_SECRET_ACCESS_KEY", json_string("hush"));
	json_object_set_new(
		tokens.env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", json_string("/v2/keys"));
	got = aws_keys();
	assert_json(got, "{'accessKeyId':'AKIA','secretAccessKey':'hush'}");
	ck_assert_uint_eq(tokens.asked, 0);
}
END_TEST

START_TEST(a_container_gives_its_keys)
{
	gk_auto_json json_t *got = NULL;

	json_object_set_new(
		tokens.env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", json_string("/v2/keys"));
	json_object_set_new(tokens.env, "AWS_CONTAINER_AUTHORIZATION_TOKEN", json_string("let-me"));
	tokens.text =
		"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Token\":\"t\",\"Expiration\":\"2030\"}";
	got = aws_keys();
	assert_json(got,
		"{'accessKeyId':'A','secretAccessKey':'s','sessionToken':'t','expiration':'2030'}");
	ck_assert_str_eq(tokens.url, "http://169.254.170.2/v2/keys");
	ck_assert_ptr_nonnull(strstr(tokens.headers, "Authorization: let-me\n"));
}
END_TEST

START_TEST(who_has_no_keys_is_told_where_they_would_be)
{
	tokens.is_dead = true;
	core_fail("/flow/aws", NULL, GK_UNAUTHENTICATED, NULL);
	ck_assert_uint_eq(tokens.asked, 1);
	json_object_set_new(tokens.env, "AWS_EC2_METADATA_DISABLED", json_string("true"));
	core_fail("/flow/aws", NULL, GK_UNAUTHENTICATED, NULL);
	ck_assert_uint_eq(tokens.asked, 1);
}
END_TEST

/* --- a role of Amazon's, for which a token in a file vouches --- */

static char vouching[32];

static void use_role(void)
{
	int fd = mkstemp(strcpy(vouching, "/tmp/token-test-XXXXXX"));

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "hush-web\n", 9), 9);
	close(fd);
	json_object_set_new(tokens.env, "AWS_WEB_IDENTITY_TOKEN_FILE", json_string(vouching));
	json_object_set_new(tokens.env, "AWS_ROLE_ARN", json_string("r"));
	json_object_set_new(tokens.env, "AWS_REGION", json_string("x-1"));
	tokens.text = "<AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
		      "<SessionToken>t</SessionToken><Expiration>2030</Expiration>";
}

START_TEST(who_vouches_for_a_role_does_not_stay_in_memory)
{
	gk_auto_json json_t *got = NULL;

	use_role();
	tokens_watch_memory();
	got = aws_keys();
	ck_assert_uint_eq(tokens_left_in_memory(), 0);
	unlink(vouching);
	ck_assert_ptr_nonnull(strstr(tokens.url, "&WebIdentityToken=hush-web"));
}
END_TEST

/* Keys without their session token would be refused later, by somebody else. */
static bool is_half;

static gk_code ask_role(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc = ask_aws(ctx, input, ret, err);

	is_half |= rc == GK_OK && !gk_json_str_peek(*ret, "sessionToken");
	return rc;
}

static bool ask_role_anew(void)
{
	return core_try("/flow/role", NULL);
}

START_TEST(a_role_is_given_whole_or_not_at_all)
{
	core_flow("role", ask_role, NULL);
	use_role();
	fault_sweep_passing(ask_role_anew);
	unlink(vouching);
	ck_assert(!is_half);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("token_amazon");
	TCase *tc = tcase_create("token_amazon");

	tcase_add_checked_fixture(tc, set_up, tokens_stop);
	tcase_add_test(tc, keys_in_the_environment_come_first);
	tcase_add_test(tc, a_container_gives_its_keys);
	tcase_add_test(tc, who_has_no_keys_is_told_where_they_would_be);
	tcase_add_test(tc, who_vouches_for_a_role_does_not_stay_in_memory);
	tcase_add_test(tc, a_role_is_given_whole_or_not_at_all);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
