/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A token is asked for once, kept while it holds, renewed when a service refuses it, and left nowhere. */
#include "base/limits.h"
#include "plugins/common/token.h"
#include "tokens.h"

START_TEST(a_token_is_used_until_it_is_about_to_end)
{
	tokens_use_foundry("{}");
	tokens_ask_well();
	tokens.now_s += 3600 - GK_TOKEN_SPARE_S - 1;
	tokens_ask_well();
	ck_assert_uint_eq(tokens.asked, 1);
	tokens.now_s += 1;
	tokens_ask_well();
	ck_assert_uint_eq(tokens.asked, 2);
	ck_assert_str_eq(tokens.authorization, "Bearer token-number-2");
}
END_TEST

START_TEST(a_hundred_callers_ask_once)
{
	gk_run *runs[100];

	tokens_use_foundry("{}");
	tokens.is_slow = true;
	for (int i = 0; i < 100; i++) {
		gk_auto_json json_t *input = provider_hello();

		runs[i] = core_begin(
			GK_OPTS(gk_run_opts, .app = core_app, .key = tokens_model, .input = input));
	}
	for (int i = 0; i < 100; i++) {
		core_finish(runs[i]);
		ck_assert_ptr_null(gk_run_error_peek(runs[i]));
		gk_run_unref(runs[i]);
	}
	ck_assert_uint_eq(tokens.asked, 1);
	ck_assert_uint_eq(tokens.models_asked, 100);
}
END_TEST

/* Two ask at once; the one who does it for both hears `heard`, the other hears 200, if it asks. */
static void call_off_the_first(int heard)
{
	gk_auto_json json_t *input = provider_hello();
	gk_run *first, *second;

	tokens_use_foundry("{}");
	tokens.status = heard;
	first = core_begin(
		GK_OPTS(gk_run_opts, .app = core_app, .key = tokens_model, .input = input));
	tokens.status = 200;
	second = core_begin(
		GK_OPTS(gk_run_opts, .app = core_app, .key = tokens_model, .input = input));
	gk_run_cancel(first, GK_CANCELLED);
	core_finish(first);
	core_finish(second);
	ck_assert_int_eq(gk_run_error_peek(first)->code, GK_CANCELLED);
	ck_assert_ptr_null(gk_run_error_peek(second));
	gk_run_unref(first);
	gk_run_unref(second);
	ck_assert_uint_eq(tokens.asked, 2);
}

START_TEST(when_the_one_who_asks_is_called_off_another_asks)
{
	tokens.is_slow = true;
	call_off_the_first(200);
}
END_TEST

START_TEST(who_is_called_off_amid_a_failure_does_not_fail_the_others)
{
	tokens.is_slow_to_tell = true;
	call_off_the_first(503);
}
END_TEST

START_TEST(a_failure_is_not_kept)
{
	tokens_use_foundry("{}");
	tokens.status = 503;
	core_fail(tokens_model, provider_hello(), GK_UNAVAILABLE, NULL);
	tokens.status = 400;
	tokens.text =
		"{\"error\":\"invalid_client\",\"error_description\":\"wrong: very secret & more\"}";
	core_fail(tokens_model, provider_hello(), GK_UNAUTHENTICATED, NULL);
	tokens.status = 200;
	tokens.text = "{\"nothing\":1}";
	core_fail(tokens_model, provider_hello(), GK_INTERNAL, NULL);
	tokens.text = NULL;
	tokens_ask_well();
	ck_assert_uint_eq(tokens.asked, 4);
}
END_TEST

START_TEST(a_token_that_still_holds_outlives_a_service_that_fails)
{
	tokens_use_foundry("{}");
	tokens_ask_well();
	tokens.now_s += 3600 - 200; /* it is to be renewed, but holds */
	tokens.status = 500;
	tokens_ask_well();
	ck_assert_uint_eq(tokens.asked, 2);
	ck_assert_str_eq(tokens.authorization, "Bearer token-number-1");
	tokens_ask_well(); /* the service is left alone for a while */
	ck_assert_uint_eq(tokens.asked, 2);
	tokens.now_s += GK_TOKEN_AGAIN_S;
	tokens_ask_well();
	ck_assert_uint_eq(tokens.asked, 3);
	tokens.now_s += 200; /* it holds no more */
	core_fail(tokens_model, provider_hello(), GK_UNAVAILABLE, NULL);
	tokens.status = 200;
	tokens_ask_well();
	ck_assert_str_eq(tokens.authorization, "Bearer token-number-5");
}
END_TEST

START_TEST(a_token_that_is_refused_is_renewed_once)
{
	tokens_use_foundry("{}");
	tokens_ask_well();
	tokens.refuse_first = 1;
	tokens_ask_well();
	ck_assert_uint_eq(tokens.asked, 2);
	ck_assert_uint_eq(tokens.models_asked, 3);
	tokens.refuse_first = 2;
	core_fail(tokens_model, provider_hello(), GK_UNAUTHENTICATED, NULL);
	ck_assert_uint_eq(tokens.asked, 3);
	ck_assert_uint_eq(tokens.models_asked, 5);
}
END_TEST

START_TEST(a_key_that_is_refused_is_not_tried_again)
{
	tokens_use_foundry("{'apiKey':'the-key'}");
	tokens.refuse_first = 1;
	core_fail(tokens_model, provider_hello(), GK_UNAUTHENTICATED, NULL);
	ck_assert_uint_eq(tokens.models_asked, 1);
}
END_TEST

START_TEST(nothing_secret_is_told)
{
	gk_auto_str char *spans = NULL;

	tokens_use_foundry("{}");
	tokens_ask_well();
	tokens.refuse_first = 2;
	core_fail(tokens_model, provider_hello(), GK_UNAUTHENTICATED, NULL);
	tokens.now_s += 9999;
	tokens.status = 401;
	tokens.text = "{\"error\":\"no\",\"error_description\":\"you said very secret & more\"}";
	core_fail(tokens_model, provider_hello(), GK_UNAUTHENTICATED, NULL);
	spans = gk_json_write(core_spans, NULL);
	ck_assert_ptr_nonnull(strstr(spans, "you said"));
	ck_assert_ptr_null(strstr(spans, "very secret"));
	ck_assert_ptr_null(strstr(spans, "token-number"));
}
END_TEST

START_TEST(a_token_is_not_kept_for_longer_than_a_day)
{
	tokens_use_foundry("{}");
	tokens.text = "{\"access_token\":\"eternal\",\"expires_in\":99999999999}";
	tokens_ask_well();
	tokens.now_s += GK_MAX_TOKEN_S - GK_TOKEN_SPARE_S - 1;
	tokens_ask_well();
	ck_assert_uint_eq(tokens.asked, 1);
	tokens.now_s += 1;
	tokens_ask_well();
	ck_assert_uint_eq(tokens.asked, 2);
}
END_TEST

START_TEST(a_token_service_has_only_so_much_time)
{
	tokens_use_foundry("{}");
	tokens.is_mute = true;
	core_fail(tokens_model, provider_hello(), GK_UNAVAILABLE, NULL);
	ck_assert_uint_eq(tokens.timeout_ms, GK_TOKEN_MS);
	tokens.is_mute = false;
	tokens_ask_well();
}
END_TEST

START_TEST(that_no_token_is_to_be_had_does_not_close_the_service)
{
	tokens_use_foundry("{'breakAfter':2}");
	tokens.is_dead = true;
	for (int i = 0; i < 5; i++)
		core_fail(tokens_model, provider_hello(), GK_UNAVAILABLE, NULL);
	tokens.is_dead = false;
	tokens_ask_well();
	ck_assert_uint_eq(tokens.asked, 6);
}
END_TEST

/* A token each time, and a model that is asked with it. */
static json_t *question;

static bool ask_anew(void)
{
	tokens.now_s += 9999;
	return core_try(tokens_model, question);
}

START_TEST(memory_that_runs_out_is_told)
{
	tokens_use_foundry("{'breakAfter':0}");
	tokens_ask_well();
	question = provider_hello();
	fault_sweep(ask_anew);
	json_decref(question);
	tokens_ask_well();
}
END_TEST

START_TEST(nothing_of_credentials_stays_in_memory)
{
	json_t *credentials = json(
		"{'private_key':'hush-1','source_credentials':{'refresh_token':'hush-2'},'credential_source':"
		"{'headers':{'X-Own':'hush-3'}}}");
	gk_auto_json json_t *shared = json("{'client_secret':'hush-4'}");

	json_object_set(credentials, "shared", shared);
	tokens_watch_memory();
	gk_token_wipe(credentials);
	ck_assert_uint_eq(tokens_left_in_memory(), 0);
	ck_assert_str_eq(gk_json_str_peek(shared, "client_secret"), "hush-4");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("token");
	TCase *tc = tcase_create("token");

	tcase_add_checked_fixture(tc, tokens_start, tokens_stop);
	tcase_add_test(tc, a_token_is_used_until_it_is_about_to_end);
	tcase_add_test(tc, a_hundred_callers_ask_once);
	tcase_add_test(tc, when_the_one_who_asks_is_called_off_another_asks);
	tcase_add_test(tc, who_is_called_off_amid_a_failure_does_not_fail_the_others);
	tcase_add_test(tc, a_failure_is_not_kept);
	tcase_add_test(tc, a_token_that_still_holds_outlives_a_service_that_fails);
	tcase_add_test(tc, a_token_that_is_refused_is_renewed_once);
	tcase_add_test(tc, a_key_that_is_refused_is_not_tried_again);
	tcase_add_test(tc, nothing_secret_is_told);
	tcase_add_test(tc, a_token_is_not_kept_for_longer_than_a_day);
	tcase_add_test(tc, a_token_service_has_only_so_much_time);
	tcase_add_test(tc, that_no_token_is_to_be_had_does_not_close_the_service);
	tcase_add_test(tc, memory_that_runs_out_is_told);
	tcase_add_test(tc, nothing_of_credentials_stays_in_memory);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
