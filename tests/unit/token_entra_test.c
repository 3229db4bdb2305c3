/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Who one is to Microsoft Entra: an application with a secret, a platform that vouches, a machine. */
#include "tokens.h"

#include <stdlib.h>
#include <unistd.h>

START_TEST(an_application_asks_with_its_secret)
{
	tokens_use_foundry("{}");
	tokens_ask_well();
	ck_assert_str_eq(tokens.url, "https://login.microsoftonline.com/tenant/oauth2/v2.0/token");
	ck_assert_str_eq(tokens.body, "grant_type=client_credentials&client_id=client&"
				      "scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default&"
				      "client_secret=very%20secret%20%26%20more");
	ck_assert_ptr_nonnull(
		strstr(tokens.headers, "Content-Type: application/x-www-form-urlencoded\n"));
	ck_assert_str_eq(tokens.authorization, "Bearer token-number-1");
}
END_TEST

START_TEST(options_go_before_the_environment)
{
	json_object_set_new(
		tokens.env, "AZURE_AUTHORITY_HOST", json_string("https://login.example/"));
	tokens_use_foundry("{'tenant_id':'other','client_id':'c2','client_secret':'s2'}");
	tokens_ask_well();
	ck_assert_str_eq(tokens.url, "https://login.example/other/oauth2/v2.0/token");
	ck_assert_ptr_nonnull(strstr(tokens.body, "client_id=c2&"));
}
END_TEST

START_TEST(a_platform_vouches_with_a_file_that_is_read_each_time)
{
	char path[] = "/tmp/token-test-XXXXXX";
	int fd = mkstemp(path);

	ck_assert_int_eq(dprintf(fd, "vouched-1\n"), 10);
	json_object_del(tokens.env, "AZURE_CLIENT_SECRET");
	json_object_set_new(tokens.env, "AZURE_FEDERATED_TOKEN_FILE", json_string(path));
	tokens_use_foundry("{}");
	tokens_ask_well();
	ck_assert_ptr_nonnull(strstr(tokens.body, "client_assertion=vouched-1"));
	ck_assert_ptr_nonnull(strstr(tokens.body,
		"client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"));
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(pwrite(fd, "vouched-2", 9, 0), 9);
	close(fd);
	tokens.now_s += 3600;
	tokens_ask_well();
	unlink(path);
	ck_assert_ptr_nonnull(strstr(tokens.body, "client_assertion=vouched-2"));
}
END_TEST

START_TEST(a_machine_has_an_identity_of_its_own)
{
	json_object_clear(tokens.env);
	tokens_use_foundry("{}");
	tokens_ask_well();
	ck_assert_str_eq(tokens.url,
		"http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01"
		"&resource=https://cognitiveservices.azure.com");
	ck_assert_ptr_nonnull(strstr(tokens.headers, "Metadata: true\n"));
}
END_TEST

START_TEST(an_app_service_has_one_too)
{
	json_object_clear(tokens.env);
	json_object_set_new(
		tokens.env, "IDENTITY_ENDPOINT", json_string("http://127.0.0.1:41/msi/token"));
	json_object_set_new(tokens.env, "IDENTITY_HEADER", json_string("header-secret"));
	json_object_set_new(tokens.env, "AZURE_CLIENT_ID", json_string("mine"));
	tokens_use_foundry("{}");
	tokens_ask_well();
	ck_assert_str_eq(tokens.url,
		"http://127.0.0.1:41/msi/token?api-version=2019-08-01"
		"&resource=https://cognitiveservices.azure.com&client_id=mine");
	ck_assert_ptr_nonnull(strstr(tokens.headers, "X-IDENTITY-HEADER: header-secret\n"));
}
END_TEST

START_TEST(who_has_nothing_is_told_what_there_could_be)
{
	json_object_clear(tokens.env);
	tokens.is_dead = true;
	tokens_use_foundry("{}");
	core_fail(tokens_model, provider_hello(), GK_UNAUTHENTICATED, NULL);
	ck_assert_uint_eq(tokens.models_asked, 0);
}
END_TEST

START_TEST(a_key_needs_no_token)
{
	tokens_use_foundry("{'apiKey':'the-key'}");
	tokens_ask_well();
	ck_assert_uint_eq(tokens.asked, 0);
	ck_assert_str_eq(tokens.authorization, "none");
}
END_TEST

START_TEST(the_key_of_a_call_needs_none_either)
{
	json_t *input = provider_hello();
	gk_auto_json json_t *got = NULL;

	tokens_use_foundry("{}");
	json_object_set_new(input, "config", json("{'apiKey':'of this call'}"));
	got = core_run(tokens_model, input);
	ck_assert_uint_eq(tokens.asked, 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("token_entra");
	TCase *tc = tcase_create("token_entra");

	tcase_add_checked_fixture(tc, tokens_start, tokens_stop);
	tcase_add_test(tc, an_application_asks_with_its_secret);
	tcase_add_test(tc, options_go_before_the_environment);
	tcase_add_test(tc, a_platform_vouches_with_a_file_that_is_read_each_time);
	tcase_add_test(tc, a_machine_has_an_identity_of_its_own);
	tcase_add_test(tc, an_app_service_has_one_too);
	tcase_add_test(tc, who_has_nothing_is_told_what_there_could_be);
	tcase_add_test(tc, a_key_needs_no_token);
	tcase_add_test(tc, the_key_of_a_call_needs_none_either);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
