/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Tokens of Google, where the vectors do not reach. */
#include "base/limits.h"
#include "plugins/common/google_auth.h"
#include "tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static gk_google *google;

static gk_code ask_google(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	char *token = NULL;
	gk_code rc = gk_google_token(google, ctx, &token, err);

	(void)input;
	if (rc == GK_OK)
		*ret = json_string(token);
	gk_token_free(token);
	return rc;
}

static void set_up(void)
{
	tokens_start();
	core_flow("google", ask_google, NULL);
}

static void use_google(const char *given)
{
	gk_auto_json json_t *option = given ? json(given) : NULL;

	google = gk_google_new(core_app, option);
	ck_assert_ptr_nonnull(google);
}

START_TEST(a_static_token_is_used_as_it_is)
{
	gk_auto_json json_t *got = NULL;

	use_google("{'type':'static','accessToken':'given'}");
	got = core_run("/flow/google", NULL);
	ck_assert_str_eq(json_string_value(got), "given");
	ck_assert_uint_eq(tokens.asked, 0);
	ck_assert_ptr_null(gk_google_tokens(google));
	gk_google_free(google);
}
END_TEST

START_TEST(credentials_of_no_known_type_are_refused)
{
	use_google("{'credentials':{'type':'magic'}}");
	core_fail("/flow/google", NULL, GK_INVALID_ARGUMENT, NULL);
	gk_google_free(google);
	use_google("{'keyFile':'/nowhere/at/all.json'}");
	core_fail("/flow/google", NULL, GK_NOT_FOUND, NULL);
	gk_google_free(google);
	use_google("{'type':'service_account','client_email':'a@b','private_key':'no key'}");
	core_fail("/flow/google", NULL, GK_INVALID_ARGUMENT, NULL);
	gk_google_free(google);
	use_google("{'type':'authorized_user','client_id':'c'}");
	core_fail("/flow/google", NULL, GK_INVALID_ARGUMENT, NULL);
	gk_google_free(google);
	use_google(
		"{'type':'external_account','credential_source':{'executable':{'command':'c'}}}");
	core_fail("/flow/google", NULL, GK_INVALID_ARGUMENT, NULL);
	gk_google_free(google);
	/* Amazon's: its address gives a name, which is no token */
	use_google("{'type':'external_account','credential_source':{'environment_id':'aws1',"
		   "'url':'http://169.254.169.254/latest/meta-data/iam/security-credentials'}}");
	core_fail("/flow/google", NULL, GK_INVALID_ARGUMENT,
		"google credentials: 'credential_source' has neither a 'file' nor a 'url' that gives a token");
	ck_assert_uint_eq(tokens.asked, 0);
	gk_google_free(google);
	use_google("{'type':'impersonated_service_account','source_credentials':{'type':"
		   "'impersonated_service_account'}}");
	core_fail("/flow/google", NULL, GK_INVALID_ARGUMENT, NULL);
	gk_google_free(google);
}
END_TEST

/* What both a token service and one that lends the token of a service account could say; the second holds till 14:46:40. */
static const char both[] =
	"{\"access_token\":\"first\",\"expires_in\":600,\"accessToken\":\"second\","
	"\"expireTime\":\"1970-01-12T14:46:40Z\",\"subject\":\"j-w-t\"}";
#define LENDER "'service_account_impersonation_url':'https://iam.example/v1/lend','delegates':['d']"

START_TEST(a_person_may_ask_on_behalf_of_a_service_account)
{
	gk_auto_json json_t *got = NULL, *again = NULL;

	tokens.text = both;
	use_google("{'type':'impersonated_service_account'," LENDER
		   ",'source_credentials':{'type':'authorized_user',"
		   "'client_id':'c','client_secret':'hush-hush','refresh_token':'r-e-f'}}");
	got = core_run("/flow/google", NULL);
	ck_assert_str_eq(json_string_value(got), "second");
	ck_assert_str_eq(tokens.url, "https://iam.example/v1/lend");
	ck_assert_str_eq(tokens.body,
		"{\"scope\":[\"https://www.googleapis.com/auth/cloud-platform\"],\"lifetime\":\"3600s\","
		"\"delegates\":[\"d\"]}");
	ck_assert_ptr_nonnull(strstr(tokens.headers, "Authorization: Bearer first\n"));
	tokens.now_s += 3600 - GK_TOKEN_SPARE_S - 1;
	again = core_run("/flow/google", NULL);
	ck_assert_uint_eq(tokens.asked, 2);
	tokens.now_s += GK_TOKEN_SPARE_S + 1; /* what is lent from now on has ended already */
	core_fail("/flow/google", NULL, GK_INTERNAL, NULL);
	gk_google_free(google);
}
END_TEST

#define EXTERNAL                                                                                        \
	"'type':'external_account','token_url':'https://sts.example/v1/token','audience':'//iam/pool'," \
	"'subject_token_type':'urn:ietf:params:oauth:token-type:jwt'"
#define EXCHANGE                                                                                          \
	"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&audience=%2F%2Fiam%2Fpool&" \
	"scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform&requested_token_type="            \
	"urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token&subject_token=j-w-t&"                    \
	"subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt"

START_TEST(another_service_vouches_by_a_file)
{
	char path[] = "/tmp/token-test-XXXXXX";
	gk_auto_str char *option = NULL;
	gk_auto_json json_t *got = NULL;
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "j-w-t\n", 6), 6);
	close(fd);
	ck_assert_int_gt(
		asprintf(&option, "{" EXTERNAL ",'credential_source':{'file':'%s'}}", path), 0);
	use_google(option);
	got = core_run("/flow/google", NULL);
	ck_assert_str_eq(json_string_value(got), "token-number-1");
	ck_assert_str_eq(tokens.url, "https://sts.example/v1/token");
	ck_assert_str_eq(tokens.body, EXCHANGE);
	gk_google_free(google);
	unlink(path);
	use_google(option);
	free(gk_steal(option));
	ck_assert_int_gt(
		asprintf(&option, "google credentials: %s: No such file or directory", path), 0);
	core_fail("/flow/google", NULL, GK_NOT_FOUND, option);
	gk_google_free(google);
}
END_TEST

static bool ask_google_anew(void)
{
	static const char option[] =
		"{\"type\":\"external_account\",\"token_url\":\"https://sts.example/\",\"audience\":\"a\","
		"\"subject_token_type\":\"t\",\"service_account_impersonation_url\":\"https://iam.example/\","
		"\"credential_source\":{\"url\":\"http://x.example/\",\"format\":{\"type\":\"json\","
		"\"subject_token_field_name\":\"subject\"}}}";
	gk_auto_json json_t *given = NULL;
	bool ok = gk_json_parse(option, strlen(option), 0, &given, NULL) == GK_OK;

	google = ok ? gk_google_new(core_app, given) : NULL;
	ok = google && core_try("/flow/google", NULL);
	gk_google_free(google);
	return ok;
}

START_TEST(memory_that_runs_out_on_the_way_to_a_token_is_told)
{
	tokens.text = both;
	fault_sweep(ask_google_anew);
}
END_TEST

START_TEST(another_service_vouches_by_an_address)
{
	static const char option[] =
		"{" EXTERNAL "," LENDER
		",'credential_source':{'url':'http://169.254.169.254/token','headers':"
		"{'X-Own':'yes-yes'},'format':{'type':'json','subject_token_field_name':'subject'}}}";
	gk_auto_json json_t *got = NULL;

	tokens.text = both;
	use_google(option);
	got = core_run("/flow/google", NULL);
	ck_assert_str_eq(json_string_value(got), "second");
	ck_assert_uint_eq(tokens.asked, 3);
	ck_assert_str_eq(tokens.url, "https://iam.example/v1/lend");
	gk_google_free(google);
	tokens.text = "{\"other\":1}";
	use_google(option);
	core_fail("/flow/google", NULL, GK_INVALID_ARGUMENT,
		"google credentials: the subject's token has no 'subject'");
	tokens.status = 401;
	tokens.text = "{\"error\":\"yes-yes is nobody\"}";
	core_fail("/flow/google", NULL, GK_UNAUTHENTICATED,
		"google credentials: [401] <REDACTED> (7 characters) is nobody");
	tokens.is_mute = true; /* a time limit of its own is not the caller's */
	core_fail("/flow/google", NULL, GK_UNAVAILABLE, "google credentials: not finished");
	ck_assert_uint_eq(tokens.timeout_ms, GK_TOKEN_MS);
	gk_google_free(google);
}
END_TEST

START_TEST(the_well_known_file_comes_before_the_machine)
{
	char folder[] = "/tmp/token-test-XXXXXX";
	gk_auto_str char *path = NULL;
	gk_auto_json json_t *got = NULL;
	FILE *file;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_gt(asprintf(&path, "%s/application_default_credentials.json", folder), 0);
	file = fopen(path, "we");
	fputs("{\"type\":\"authorized_user\",\"client_id\":\"c\",\"client_secret\":\"hush-hush\","
	      "\"refresh_token\":\"r-e-f\",\"quota_project_id\":\"q\"}",
		file);
	fclose(file);
	json_object_set_new(tokens.env, "CLOUDSDK_CONFIG", json_string(folder));
	use_google(NULL);
	got = core_run("/flow/google", NULL);
	ck_assert_str_eq(tokens.url, "https://oauth2.googleapis.com/token");
	ck_assert_str_eq(tokens.body,
		"grant_type=refresh_token&client_id=c&client_secret=hush-hush&refresh_token=r-e-f");
	ck_assert_str_eq(gk_google_quota_project(google), "q");
	gk_google_free(google);
	unlink(path);
	rmdir(folder);
}
END_TEST

START_TEST(a_machine_of_google_has_a_token_and_a_project)
{
	gk_auto_json json_t *got = NULL;

	json_object_set_new(tokens.env, "HOME", json_string("/nowhere"));
	json_object_set_new(tokens.env, "GCE_METADATA_HOST", json_string("127.0.0.1:8900"));
	json_object_set_new(tokens.env, "GCLOUD_PROJECT", json_string("mine"));
	use_google(NULL);
	got = core_run("/flow/google", NULL);
	ck_assert_str_eq(tokens.url,
		"http://127.0.0.1:8900/computeMetadata/v1/instance/service-accounts/default/token"
		"?scopes=https://www.googleapis.com/auth/cloud-platform");
	ck_assert_ptr_nonnull(strstr(tokens.headers, "Metadata-Flavor: Google\n"));
	ck_assert_str_eq(gk_google_project(google), "mine");
	gk_google_free(google);
}
END_TEST

START_TEST(a_machine_that_does_not_answer_is_asked_a_few_times)
{
	tokens.is_mute = true;
	use_google(NULL);
	core_fail("/flow/google", NULL, GK_UNAUTHENTICATED, NULL);
	/* by its name, and by its address */
	ck_assert_uint_eq(tokens.asked, 2 * GK_METADATA_TRIES);
	ck_assert_ptr_nonnull(strstr(tokens.url, "http://169.254.169.254/computeMetadata/"));
	ck_assert_uint_eq(tokens.timeout_ms, GK_METADATA_MS);
	gk_google_free(google);
}
END_TEST

START_TEST(who_has_no_credentials_is_told_where_they_would_be)
{
	use_google(NULL);
	tokens.is_dead = true;
	core_fail("/flow/google", NULL, GK_UNAUTHENTICATED, NULL);
	tokens.is_dead = false;
	json_object_set_new(tokens.env, "NO_GCE_CHECK", json_string("true"));
	tokens.asked = 0;
	core_fail("/flow/google", NULL, GK_UNAUTHENTICATED, NULL);
	ck_assert_uint_eq(tokens.asked, 0);
	gk_google_free(google);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("token_google");
	TCase *tc = tcase_create("token_google");

	tcase_add_checked_fixture(tc, set_up, tokens_stop);
	tcase_add_test(tc, a_static_token_is_used_as_it_is);
	tcase_add_test(tc, credentials_of_no_known_type_are_refused);
	tcase_add_test(tc, a_person_may_ask_on_behalf_of_a_service_account);
	tcase_add_test(tc, another_service_vouches_by_a_file);
	tcase_add_test(tc, memory_that_runs_out_on_the_way_to_a_token_is_told);
	tcase_add_test(tc, another_service_vouches_by_an_address);
	tcase_add_test(tc, the_well_known_file_comes_before_the_machine);
	tcase_add_test(tc, a_machine_of_google_has_a_token_and_a_project);
	tcase_add_test(tc, a_machine_that_does_not_answer_is_asked_a_few_times);
	tcase_add_test(tc, who_has_no_credentials_is_told_where_they_would_be);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
