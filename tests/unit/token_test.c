/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Tokens of Microsoft Entra and Google: asked for once, kept while they hold, renewed when a service refuses them. */
#include "base/str.h"
#include "base/limits.h"
#include "core.h"
#include "plugins/common/aws_auth.h"
#include "plugins/common/google_auth.h"
#include "plugins/common/net.h"
#include "plugins/common/token.h"

#include <genkit/plugins.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- the services: one for tokens, one for models --- */

typedef struct reply {
	int status;
	const char *text, *flavor;
	bool is_read;
} reply;

static unsigned tokens_asked, models_asked;
static int token_status, refuse_first; /* so many calls of the model get 401 */
static const char *token_text;         /* what the token service says; NULL: a token, T1, T2, ... */
static bool is_slow, is_dead, is_slow_to_tell; /* the last: once its answer has begun */
static char said[512];
static char last_url[512], last_body[4096], last_headers[4096], authorization[4096];
static uint64_t now_s, timeout_ms;
static bool is_mute; /* the token service lets one wait */

static uint64_t tell_time(void *user)
{
	(void)user;
	return now_s;
}

static void note(const gk_outgoing *out)
{
	*last_headers = '\0';
	for (size_t i = 0; i < out->header_count; i++)
		snprintf(last_headers + strlen(last_headers),
			sizeof(last_headers) - strlen(last_headers), "%s\n", out->headers[i]);
	snprintf(last_url, sizeof(last_url), "%s", out->url);
	snprintf(last_body, sizeof(last_body), "%s", out->body ? out->body : "");
}

static bool is_for_tokens(const gk_outgoing *out)
{
	return !strstr(out->url, "zoo.example");
}

static gk_code start(void *user, const gk_outgoing *out, void **ret, gk_error *err)
{
	reply *it = calloc(1, sizeof(*it));
	gk_code rc = GK_OK;

	(void)user;
	if (!it)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED, "out of memory");
	it->status = 200;
	if (is_for_tokens(out)) {
		unsigned own = ++tokens_asked;

		note(out);
		timeout_ms = out->timeout_ms;
		if (is_mute)
			rc = gk_error_set(err, GK_DEADLINE_EXCEEDED, "not finished");
		if (is_slow)
			rc = gk_fiber_sleep(30, err);
		if (rc == GK_OK && is_dead)
			rc = gk_error_set(err, GK_UNAVAILABLE, "connection refused");
		snprintf(said, sizeof(said),
			"{\"access_token\":\"token-number-%u\",\"expires_in\":\"3600\"}", own);
		it->status = token_status;
		it->text = token_text ? token_text : said;
		it->flavor = "Google";
	} else {
		const char *line = NULL;

		for (size_t i = 0; i < out->header_count; i++)
			if (strncmp(out->headers[i], "Authorization: ", 15) == 0)
				line = out->headers[i] + 15;
		snprintf(authorization, sizeof(authorization), "%s", line ? line : "none");
		models_asked++;
		if (refuse_first > 0) {
			refuse_first--;
			it->status = 401;
			it->text = "{\"error\":{\"message\":\"who are you?\"}}";
		} else {
			it->text =
				"{\"choices\":[{\"message\":{\"content\":\"hello\"},\"finish_reason\":\"stop\"}]}";
		}
	}
	if (rc != GK_OK) {
		free(it);
		return rc;
	}
	*ret = it;
	return GK_OK;
}

static int status_of(void *res)
{
	return ((reply *)res)->status;
}

static const char *header_of(void *res, const char *name)
{
	return strcmp(name, "metadata-flavor") == 0 ? ((reply *)res)->flavor : NULL;
}

static gk_code read_once(void *res, const char **ret, size_t *len_ret, gk_error *err)
{
	reply *it = res;
	gk_code rc = is_slow_to_tell ? gk_fiber_sleep(30, err) : GK_OK;

	if (rc != GK_OK)
		return rc;
	*ret = it->text;
	*len_ret = it->is_read ? 0 : strlen(it->text);
	it->is_read = true;
	return GK_OK;
}

static const gk_transport services = { .start = start,
	.status = status_of,
	.header_peek = header_of,
	.read = read_once,
	.free = free };

static json_t *env; /* {name: value} */

static const char *env_of(const char *name, void *user)
{
	(void)user;
	return json_string_value(json_object_get(env, name));
}

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

static gk_code ask_aws(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input;
	return gk_aws_credentials(ctx, NULL, ret, err);
}

static void set_up(void)
{
	core_start();
	tokens_asked = models_asked = 0;
	token_status = 200;
	refuse_first = 0;
	token_text = NULL;
	is_slow = is_dead = is_mute = is_slow_to_tell = false;
	now_s = 1000000;
	env = json(
		"{'AZURE_TENANT_ID':'tenant','AZURE_CLIENT_ID':'client','AZURE_CLIENT_SECRET':'very secret & more'}");
	ck_assert(gk_net_set_env(core_app, env_of, NULL));
	ck_assert(gk_net_set_transport(core_app, &services, NULL));
	ck_assert(gk_net_set_clock(core_app, tell_time, NULL));
	core_flow("google", ask_google, NULL);
	core_flow("aws", ask_aws, NULL);
}

static void tear_down(void)
{
	core_stop();
	json_decref(gk_steal(env));
}

static void use_foundry(const char *options)
{
	gk_auto_json json_t *all = json(options);

	json_object_set_new(all, "endpoint", json_string("https://zoo.example"));
	ck_assert_int_eq(gk_use_plugin(core_app, "microsoft-foundry", all, NULL), GK_OK);
}

static const char key[] = "/model/microsoft-foundry/gpt-4o";

static json_t *hello(void)
{
	return json("{'messages':[{'role':'user','content':[{'text':'hi'}]}]}");
}

static void ask_well(void)
{
	gk_auto_json json_t *got = core_run(key, hello());

	assert_json(gk_json_at_peek(got, "message.content"), "[{'text':'hello'}]");
}

/* --- Entra --- */

START_TEST(an_application_asks_with_its_secret)
{
	use_foundry("{}");
	ask_well();
	ck_assert_str_eq(last_url, "https://login.microsoftonline.com/tenant/oauth2/v2.0/token");
	ck_assert_str_eq(last_body, "grant_type=client_credentials&client_id=client&"
				    "scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default&"
				    "client_secret=very%20secret%20%26%20more");
	ck_assert_ptr_nonnull(
		strstr(last_headers, "Content-Type: application/x-www-form-urlencoded\n"));
	ck_assert_str_eq(authorization, "Bearer token-number-1");
}
END_TEST

START_TEST(options_go_before_the_environment)
{
	json_object_set_new(env, "AZURE_AUTHORITY_HOST", json_string("https://login.example/"));
	use_foundry("{'tenant_id':'other','client_id':'c2','client_secret':'s2'}");
	ask_well();
	ck_assert_str_eq(last_url, "https://login.example/other/oauth2/v2.0/token");
	ck_assert_ptr_nonnull(strstr(last_body, "client_id=c2&"));
}
END_TEST

START_TEST(a_platform_vouches_with_a_file_that_is_read_each_time)
{
	char path[] = "/tmp/token-test-XXXXXX";
	int fd = mkstemp(path);

	ck_assert_int_eq(dprintf(fd, "vouched-1\n"), 10);
	json_object_del(env, "AZURE_CLIENT_SECRET");
	json_object_set_new(env, "AZURE_FEDERATED_TOKEN_FILE", json_string(path));
	use_foundry("{}");
	ask_well();
	ck_assert_ptr_nonnull(strstr(last_body, "client_assertion=vouched-1"));
	ck_assert_ptr_nonnull(strstr(last_body,
		"client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"));
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(pwrite(fd, "vouched-2", 9, 0), 9);
	close(fd);
	now_s += 3600;
	ask_well();
	unlink(path);
	ck_assert_ptr_nonnull(strstr(last_body, "client_assertion=vouched-2"));
}
END_TEST

START_TEST(a_machine_has_an_identity_of_its_own)
{
	json_object_clear(env);
	use_foundry("{}");
	ask_well();
	ck_assert_str_eq(last_url,
		"http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01"
		"&resource=https://cognitiveservices.azure.com");
	ck_assert_ptr_nonnull(strstr(last_headers, "Metadata: true\n"));
}
END_TEST

START_TEST(an_app_service_has_one_too)
{
	json_object_clear(env);
	json_object_set_new(env, "IDENTITY_ENDPOINT", json_string("http://127.0.0.1:41/msi/token"));
	json_object_set_new(env, "IDENTITY_HEADER", json_string("header-secret"));
	json_object_set_new(env, "AZURE_CLIENT_ID", json_string("mine"));
	use_foundry("{}");
	ask_well();
	ck_assert_str_eq(last_url, "http://127.0.0.1:41/msi/token?api-version=2019-08-01"
				   "&resource=https://cognitiveservices.azure.com&client_id=mine");
	ck_assert_ptr_nonnull(strstr(last_headers, "X-IDENTITY-HEADER: header-secret\n"));
}
END_TEST

START_TEST(who_has_nothing_is_told_what_there_could_be)
{
	json_object_clear(env);
	is_dead = true;
	use_foundry("{}");
	core_fail(key, hello(), GK_UNAUTHENTICATED, NULL);
	ck_assert_uint_eq(models_asked, 0);
}
END_TEST

START_TEST(a_key_needs_no_token)
{
	use_foundry("{'apiKey':'the-key'}");
	ask_well();
	ck_assert_uint_eq(tokens_asked, 0);
	ck_assert_str_eq(authorization, "none");
}
END_TEST

START_TEST(the_key_of_a_call_needs_none_either)
{
	json_t *input = hello();
	gk_auto_json json_t *got = NULL;

	use_foundry("{}");
	json_object_set_new(input, "config", json("{'apiKey':'of this call'}"));
	got = core_run(key, input);
	ck_assert_uint_eq(tokens_asked, 0);
}
END_TEST

/* --- how long it is kept --- */

START_TEST(a_token_is_used_until_it_is_about_to_end)
{
	use_foundry("{}");
	ask_well();
	now_s += 3600 - GK_TOKEN_SPARE_S - 1;
	ask_well();
	ck_assert_uint_eq(tokens_asked, 1);
	now_s += 1;
	ask_well();
	ck_assert_uint_eq(tokens_asked, 2);
	ck_assert_str_eq(authorization, "Bearer token-number-2");
}
END_TEST

START_TEST(a_hundred_callers_ask_once)
{
	gk_run *runs[100];

	use_foundry("{}");
	is_slow = true;
	for (int i = 0; i < 100; i++) {
		gk_auto_json json_t *input = hello();

		runs[i] = core_begin(
			GK_OPTS(gk_run_opts, .app = core_app, .key = key, .input = input));
	}
	for (int i = 0; i < 100; i++) {
		core_finish(runs[i]);
		ck_assert_ptr_null(gk_run_error_peek(runs[i]));
		gk_run_unref(runs[i]);
	}
	ck_assert_uint_eq(tokens_asked, 1);
	ck_assert_uint_eq(models_asked, 100);
}
END_TEST

/* Two ask at once; the one who does it for both hears `heard`, the other hears 200, if it asks. */
static void call_off_the_first(int heard)
{
	gk_auto_json json_t *input = hello();
	gk_run *first, *second;

	use_foundry("{}");
	token_status = heard;
	first = core_begin(GK_OPTS(gk_run_opts, .app = core_app, .key = key, .input = input));
	token_status = 200;
	second = core_begin(GK_OPTS(gk_run_opts, .app = core_app, .key = key, .input = input));
	gk_run_cancel(first, GK_CANCELLED);
	core_finish(first);
	core_finish(second);
	ck_assert_int_eq(gk_run_error_peek(first)->code, GK_CANCELLED);
	ck_assert_ptr_null(gk_run_error_peek(second));
	gk_run_unref(first);
	gk_run_unref(second);
	ck_assert_uint_eq(tokens_asked, 2);
}

START_TEST(when_the_one_who_asks_is_called_off_another_asks)
{
	is_slow = true;
	call_off_the_first(200);
}
END_TEST

START_TEST(who_is_called_off_amid_a_failure_does_not_fail_the_others)
{
	is_slow_to_tell = true;
	call_off_the_first(503);
}
END_TEST

START_TEST(a_failure_is_not_kept)
{
	use_foundry("{}");
	token_status = 503;
	core_fail(key, hello(), GK_UNAVAILABLE, NULL);
	token_status = 400;
	token_text =
		"{\"error\":\"invalid_client\",\"error_description\":\"wrong: very secret & more\"}";
	core_fail(key, hello(), GK_UNAUTHENTICATED, NULL);
	token_status = 200;
	token_text = "{\"nothing\":1}";
	core_fail(key, hello(), GK_INTERNAL, NULL);
	token_text = NULL;
	ask_well();
	ck_assert_uint_eq(tokens_asked, 4);
}
END_TEST

START_TEST(a_token_that_still_holds_outlives_a_service_that_fails)
{
	use_foundry("{}");
	ask_well();
	now_s += 3600 - 200; /* it is to be renewed, but holds */
	token_status = 500;
	ask_well();
	ck_assert_uint_eq(tokens_asked, 2);
	ck_assert_str_eq(authorization, "Bearer token-number-1");
	ask_well(); /* the service is left alone for a while */
	ck_assert_uint_eq(tokens_asked, 2);
	now_s += GK_TOKEN_AGAIN_S;
	ask_well();
	ck_assert_uint_eq(tokens_asked, 3);
	now_s += 200; /* it holds no more */
	core_fail(key, hello(), GK_UNAVAILABLE, NULL);
	token_status = 200;
	ask_well();
	ck_assert_str_eq(authorization, "Bearer token-number-5");
}
END_TEST

START_TEST(a_token_that_is_refused_is_renewed_once)
{
	use_foundry("{}");
	ask_well();
	refuse_first = 1;
	ask_well();
	ck_assert_uint_eq(tokens_asked, 2);
	ck_assert_uint_eq(models_asked, 3);
	refuse_first = 2;
	core_fail(key, hello(), GK_UNAUTHENTICATED, NULL);
	ck_assert_uint_eq(tokens_asked, 3);
	ck_assert_uint_eq(models_asked, 5);
}
END_TEST

START_TEST(a_key_that_is_refused_is_not_tried_again)
{
	use_foundry("{'apiKey':'the-key'}");
	refuse_first = 1;
	core_fail(key, hello(), GK_UNAUTHENTICATED, NULL);
	ck_assert_uint_eq(models_asked, 1);
}
END_TEST

START_TEST(nothing_secret_is_told)
{
	gk_auto_str char *spans = NULL;

	use_foundry("{}");
	ask_well();
	refuse_first = 2;
	core_fail(key, hello(), GK_UNAUTHENTICATED, NULL);
	now_s += 9999;
	token_status = 401;
	token_text = "{\"error\":\"no\",\"error_description\":\"you said very secret & more\"}";
	core_fail(key, hello(), GK_UNAUTHENTICATED, NULL);
	spans = gk_json_write(core_spans, NULL);
	ck_assert_ptr_nonnull(strstr(spans, "you said"));
	ck_assert_ptr_null(strstr(spans, "very secret"));
	ck_assert_ptr_null(strstr(spans, "token-number"));
}
END_TEST

START_TEST(a_token_is_not_kept_for_longer_than_a_day)
{
	use_foundry("{}");
	token_text = "{\"access_token\":\"eternal\",\"expires_in\":99999999999}";
	ask_well();
	now_s += GK_MAX_TOKEN_S - GK_TOKEN_SPARE_S - 1;
	ask_well();
	ck_assert_uint_eq(tokens_asked, 1);
	now_s += 1;
	ask_well();
	ck_assert_uint_eq(tokens_asked, 2);
}
END_TEST

START_TEST(a_token_service_has_only_so_much_time)
{
	use_foundry("{}");
	is_mute = true;
	core_fail(key, hello(), GK_UNAVAILABLE, NULL);
	ck_assert_uint_eq(timeout_ms, GK_TOKEN_MS);
	is_mute = false;
	ask_well();
}
END_TEST

START_TEST(that_no_token_is_to_be_had_does_not_close_the_service)
{
	use_foundry("{'breakAfter':2}");
	is_dead = true;
	for (int i = 0; i < 5; i++)
		core_fail(key, hello(), GK_UNAVAILABLE, NULL);
	is_dead = false;
	ask_well();
	ck_assert_uint_eq(tokens_asked, 6);
}
END_TEST

/* A token each time, and a model that is asked with it. */
static json_t *question;

static bool ask_anew(void)
{
	now_s += 9999;
	return core_try(key, question);
}

START_TEST(memory_that_runs_out_is_told)
{
	use_foundry("{'breakAfter':0}");
	ask_well();
	question = hello();
	fault_sweep(ask_anew);
	json_decref(question);
	ask_well();
}
END_TEST

/* --- Google, where the vectors do not reach --- */

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
	ck_assert_uint_eq(tokens_asked, 0);
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
	ck_assert_uint_eq(tokens_asked, 0);
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

	token_text = both;
	use_google("{'type':'impersonated_service_account'," LENDER
		   ",'source_credentials':{'type':'authorized_user',"
		   "'client_id':'c','client_secret':'hush-hush','refresh_token':'r-e-f'}}");
	got = core_run("/flow/google", NULL);
	ck_assert_str_eq(json_string_value(got), "second");
	ck_assert_str_eq(last_url, "https://iam.example/v1/lend");
	ck_assert_str_eq(last_body,
		"{\"scope\":[\"https://www.googleapis.com/auth/cloud-platform\"],\"lifetime\":\"3600s\","
		"\"delegates\":[\"d\"]}");
	ck_assert_ptr_nonnull(strstr(last_headers, "Authorization: Bearer first\n"));
	now_s += 3600 - GK_TOKEN_SPARE_S - 1;
	again = core_run("/flow/google", NULL);
	ck_assert_uint_eq(tokens_asked, 2);
	now_s += GK_TOKEN_SPARE_S + 1; /* what is lent from now on has ended already */
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
	ck_assert_str_eq(last_url, "https://sts.example/v1/token");
	ck_assert_str_eq(last_body, EXCHANGE);
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
	token_text = both;
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

	token_text = both;
	use_google(option);
	got = core_run("/flow/google", NULL);
	ck_assert_str_eq(json_string_value(got), "second");
	ck_assert_uint_eq(tokens_asked, 3);
	ck_assert_str_eq(last_url, "https://iam.example/v1/lend");
	gk_google_free(google);
	token_text = "{\"other\":1}";
	use_google(option);
	core_fail("/flow/google", NULL, GK_INVALID_ARGUMENT,
		"google credentials: the subject's token has no 'subject'");
	token_status = 401;
	token_text = "{\"error\":\"yes-yes is nobody\"}";
	core_fail("/flow/google", NULL, GK_UNAUTHENTICATED,
		"google credentials: [401] <REDACTED> (7 characters) is nobody");
	is_mute = true; /* a time limit of its own is not the caller's */
	core_fail("/flow/google", NULL, GK_UNAVAILABLE, "google credentials: not finished");
	ck_assert_uint_eq(timeout_ms, GK_TOKEN_MS);
	gk_google_free(google);
}
END_TEST

static unsigned secrets_left;

static void look_and_free(void *memory)
{
	secrets_left += memory && strncmp(memory, "hush", 4) == 0;
	free(memory);
}

START_TEST(nothing_of_credentials_stays_in_memory)
{
	json_t *credentials = json(
		"{'private_key':'hush-1','source_credentials':{'refresh_token':'hush-2'},'credential_source':"
		"{'headers':{'X-Own':'hush-3'}}}");
	gk_auto_json json_t *shared = json("{'client_secret':'hush-4'}");
	json_malloc_t make;
	json_free_t drop;

	json_object_set(credentials, "shared", shared);
	json_get_alloc_funcs(&make, &drop);
	json_set_alloc_funcs(make, look_and_free);
	secrets_left = 0;
	gk_token_wipe(credentials);
	json_set_alloc_funcs(make, drop);
	ck_assert_uint_eq(secrets_left, 0);
	ck_assert_str_eq(gk_json_str_peek(shared, "client_secret"), "hush-4");
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
	json_object_set_new(env, "CLOUDSDK_CONFIG", json_string(folder));
	use_google(NULL);
	got = core_run("/flow/google", NULL);
	ck_assert_str_eq(last_url, "https://oauth2.googleapis.com/token");
	ck_assert_str_eq(last_body,
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

	json_object_set_new(env, "HOME", json_string("/nowhere"));
	json_object_set_new(env, "GCE_METADATA_HOST", json_string("127.0.0.1:8900"));
	json_object_set_new(env, "GCLOUD_PROJECT", json_string("mine"));
	use_google(NULL);
	got = core_run("/flow/google", NULL);
	ck_assert_str_eq(last_url,
		"http://127.0.0.1:8900/computeMetadata/v1/instance/service-accounts/default/token"
		"?scopes=https://www.googleapis.com/auth/cloud-platform");
	ck_assert_ptr_nonnull(strstr(last_headers, "Metadata-Flavor: Google\n"));
	ck_assert_str_eq(gk_google_project(google), "mine");
	gk_google_free(google);
}
END_TEST

START_TEST(a_machine_that_does_not_answer_is_asked_a_few_times)
{
	is_mute = true;
	use_google(NULL);
	core_fail("/flow/google", NULL, GK_UNAUTHENTICATED, NULL);
	/* by its name, and by its address */
	ck_assert_uint_eq(tokens_asked, 2 * GK_METADATA_TRIES);
	ck_assert_ptr_nonnull(strstr(last_url, "http://169.254.169.254/computeMetadata/"));
	ck_assert_uint_eq(timeout_ms, GK_METADATA_MS);
	gk_google_free(google);
}
END_TEST

START_TEST(who_has_no_credentials_is_told_where_they_would_be)
{
	use_google(NULL);
	is_dead = true;
	core_fail("/flow/google", NULL, GK_UNAUTHENTICATED, NULL);
	is_dead = false;
	json_object_set_new(env, "NO_GCE_CHECK", json_string("true"));
	tokens_asked = 0;
	core_fail("/flow/google", NULL, GK_UNAUTHENTICATED, NULL);
	ck_assert_uint_eq(tokens_asked, 0);
	gk_google_free(google);
}
END_TEST

/* --- Amazon --- */

static json_t *aws_keys(void)
{
	return core_run("/flow/aws", NULL);
}

START_TEST(keys_in_the_environment_come_first)
{
	gk_auto_json json_t *got = NULL;

	json_object_set_new(env, "AWS_ACCESS_KEY_ID", json_string("AKIA"));
	json_object_set_new(env, "AWS_SECRET_ACCESS_KEY", json_string("hush"));
	json_object_set_new(env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", json_string("/v2/keys"));
	got = aws_keys();
	assert_json(got, "{'accessKeyId':'AKIA','secretAccessKey':'hush'}");
	ck_assert_uint_eq(tokens_asked, 0);
}
END_TEST

START_TEST(a_container_gives_its_keys)
{
	gk_auto_json json_t *got = NULL;

	json_object_set_new(env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", json_string("/v2/keys"));
	json_object_set_new(env, "AWS_CONTAINER_AUTHORIZATION_TOKEN", json_string("let-me"));
	token_text =
		"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Token\":\"t\",\"Expiration\":\"2030\"}";
	got = aws_keys();
	assert_json(got,
		"{'accessKeyId':'A','secretAccessKey':'s','sessionToken':'t','expiration':'2030'}");
	ck_assert_str_eq(last_url, "http://169.254.170.2/v2/keys");
	ck_assert_ptr_nonnull(strstr(last_headers, "Authorization: let-me\n"));
}
END_TEST

START_TEST(who_has_no_keys_is_told_where_they_would_be)
{
	is_dead = true;
	core_fail("/flow/aws", NULL, GK_UNAUTHENTICATED, NULL);
	ck_assert_uint_eq(tokens_asked, 1);
	json_object_set_new(env, "AWS_EC2_METADATA_DISABLED", json_string("true"));
	core_fail("/flow/aws", NULL, GK_UNAUTHENTICATED, NULL);
	ck_assert_uint_eq(tokens_asked, 1);
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
	json_object_set_new(env, "AWS_WEB_IDENTITY_TOKEN_FILE", json_string(vouching));
	json_object_set_new(env, "AWS_ROLE_ARN", json_string("r"));
	json_object_set_new(env, "AWS_REGION", json_string("x-1"));
	token_text = "<AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
		     "<SessionToken>t</SessionToken><Expiration>2030</Expiration>";
}

START_TEST(who_vouches_for_a_role_does_not_stay_in_memory)
{
	gk_auto_json json_t *got = NULL;
	json_malloc_t make;
	json_free_t drop;

	use_role();
	json_get_alloc_funcs(&make, &drop);
	json_set_alloc_funcs(make, look_and_free);
	secrets_left = 0;
	got = aws_keys();
	json_set_alloc_funcs(make, drop);
	unlink(vouching);
	ck_assert_ptr_nonnull(strstr(last_url, "&WebIdentityToken=hush-web"));
	ck_assert_uint_eq(secrets_left, 0);
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
	Suite *s = suite_create("token");
	TCase *entra = tcase_create("entra"), *kept = tcase_create("kept"),
	      *others = tcase_create("google and amazon");

	tcase_add_checked_fixture(entra, set_up, tear_down);
	tcase_add_test(entra, an_application_asks_with_its_secret);
	tcase_add_test(entra, options_go_before_the_environment);
	tcase_add_test(entra, a_platform_vouches_with_a_file_that_is_read_each_time);
	tcase_add_test(entra, a_machine_has_an_identity_of_its_own);
	tcase_add_test(entra, an_app_service_has_one_too);
	tcase_add_test(entra, who_has_nothing_is_told_what_there_could_be);
	tcase_add_test(entra, a_key_needs_no_token);
	tcase_add_test(entra, the_key_of_a_call_needs_none_either);
	suite_add_tcase(s, entra);
	tcase_add_checked_fixture(kept, set_up, tear_down);
	tcase_add_test(kept, a_token_is_used_until_it_is_about_to_end);
	tcase_add_test(kept, a_hundred_callers_ask_once);
	tcase_add_test(kept, when_the_one_who_asks_is_called_off_another_asks);
	tcase_add_test(kept, who_is_called_off_amid_a_failure_does_not_fail_the_others);
	tcase_add_test(kept, a_failure_is_not_kept);
	tcase_add_test(kept, a_token_that_still_holds_outlives_a_service_that_fails);
	tcase_add_test(kept, a_token_that_is_refused_is_renewed_once);
	tcase_add_test(kept, a_key_that_is_refused_is_not_tried_again);
	tcase_add_test(kept, nothing_secret_is_told);
	tcase_add_test(kept, memory_that_runs_out_is_told);
	tcase_add_test(kept, a_token_is_not_kept_for_longer_than_a_day);
	tcase_add_test(kept, a_token_service_has_only_so_much_time);
	tcase_add_test(kept, that_no_token_is_to_be_had_does_not_close_the_service);
	suite_add_tcase(s, kept);
	tcase_add_checked_fixture(others, set_up, tear_down);
	tcase_add_test(others, a_static_token_is_used_as_it_is);
	tcase_add_test(others, credentials_of_no_known_type_are_refused);
	tcase_add_test(others, a_person_may_ask_on_behalf_of_a_service_account);
	tcase_add_test(others, another_service_vouches_by_a_file);
	tcase_add_test(others, another_service_vouches_by_an_address);
	tcase_add_test(others, memory_that_runs_out_on_the_way_to_a_token_is_told);
	tcase_add_test(others, nothing_of_credentials_stays_in_memory);
	tcase_add_test(others, the_well_known_file_comes_before_the_machine);
	tcase_add_test(others, a_machine_of_google_has_a_token_and_a_project);
	tcase_add_test(others, a_machine_that_does_not_answer_is_asked_a_few_times);
	tcase_add_test(others, who_has_no_credentials_is_told_where_they_would_be);
	tcase_add_test(others, keys_in_the_environment_come_first);
	tcase_add_test(others, a_container_gives_its_keys);
	tcase_add_test(others, who_has_no_keys_is_told_where_they_would_be);
	tcase_add_test(others, who_vouches_for_a_role_does_not_stay_in_memory);
	tcase_add_test(others, a_role_is_given_whole_or_not_at_all);
	suite_add_tcase(s, others);
	return s;
}

UNIT_MAIN(suite)
