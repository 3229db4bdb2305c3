/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core.h"

#include "base/limits.h"
#include "base/log.h"
#include "core/internal.h"

#include <genkit/provider.h>

static unsigned fetches;
static gk_code fetch_rc;
static uint64_t fetch_ms;
static gk_error err;

static gk_code offer_tool(
	gk_ctx *ctx, gk_action_list *list, const char *type, const char *name, gk_error *error)
{
	gk_action *action = NULL;
	gk_code rc = gk_action_new(gk_ctx_app(ctx),
		GK_OPTS(gk_action_opts, .type = type, .name = name, .run = core_echo), &action,
		error);

	if (rc == GK_OK && !gk_action_list_add(list, action))
		rc = gk_error_no_memory(error);
	gk_action_unref(action);
	return rc;
}

static gk_code fetch(gk_ctx *ctx, gk_action_list *list, void *user, gk_error *error)
{
	gk_code rc = fetch_ms ? gk_sleep(ctx, fetch_ms, error) : GK_OK;

	fetches++;
	if (user != core_loop)
		return gk_error_set(error, GK_INTERNAL, "this is not what was given");
	if (rc == GK_OK && fetch_rc != GK_OK)
		return gk_error_set(error, fetch_rc, "nobody is there");
	if (rc == GK_OK)
		rc = offer_tool(ctx, list, "tool", "read", error);
	if (rc == GK_OK)
		rc = offer_tool(ctx, list, "tool", "re:write", error);
	return rc == GK_OK ? offer_tool(ctx, list, "resource", "r", error) : rc;
}

static void define(int64_t ttl_ms)
{
	ck_assert_int_eq(gk_define_action_provider(core_app,
				 GK_OPTS(gk_provider_opts, .name = "files", .fetch = fetch,
					 .user = core_loop, .ttl_ms = ttl_ms),
				 NULL),
		GK_OK);
	core_flow("lookup", core_lookup, NULL);
}

static void set_up(void)
{
	fetches = 0;
	fetch_rc = GK_OK;
	fetch_ms = 0;
	core_start();
}

#define PREFIX "/dynamic-action-provider/"

/* --- definition --- */

START_TEST(a_provider_needs_a_name_without_colon_and_a_function)
{
	ck_assert_int_eq(
		gk_define_action_provider(core_app, GK_OPTS(gk_provider_opts, .name = "x"), &err),
		GK_INVALID_ARGUMENT);
	assert_error(
		&err, GK_INVALID_ARGUMENT, "a provider needs a function that says what it offers");
	ck_assert_int_eq(gk_define_action_provider(core_app,
				 GK_OPTS(gk_provider_opts, .name = "a:b", .fetch = fetch), &err),
		GK_INVALID_ARGUMENT);
	assert_error(&err, GK_INVALID_ARGUMENT, "a provider's name has no colon: 'a:b'");
	ck_assert_int_eq(gk_define_action_provider(
				 core_app, GK_OPTS(gk_provider_opts, .fetch = fetch), &err),
		GK_INVALID_ARGUMENT);
	gk_error_clear(&err);
	define(0);
	ck_assert_int_eq(gk_define_action_provider(core_app,
				 GK_OPTS(gk_provider_opts, .name = "files", .fetch = fetch), &err),
		GK_ALREADY_EXISTS);
	assert_error(&err, GK_ALREADY_EXISTS, "action " PREFIX "files is already defined");
	ck_assert(!gk_app_remove_action(core_app, PREFIX "files"));
}
END_TEST

/* --- look-ups --- */

START_TEST(what_it_offers_is_found_by_its_key_and_runs)
{
	gk_auto_json json_t *result = NULL;

	define(0);
	assert_lookup(PREFIX "files", true);
	ck_assert_uint_eq(fetches, 0);
	assert_lookup(PREFIX "files:tool/read", true);
	assert_lookup(PREFIX "files:tool/re:write", true);
	assert_lookup(PREFIX "files:resource/r", true);
	assert_lookup(PREFIX "files:tool/r", false);
	assert_lookup(PREFIX "files:tool/*", false);
	assert_lookup(PREFIX "files:zebra/read", false);
	assert_lookup(PREFIX "nobody:tool/read", false);
	assert_lookup("/tool/read", false);
	ck_assert_uint_eq(fetches, 1);
	result = core_run(PREFIX "files:tool/read", json("{'a': 1}"));
	assert_json(result, "{'a':1}");
	ck_assert_str_eq(json_string_value(json_object_get(core_attributes("read"), "genkit:key")),
		PREFIX "files:tool/read");
}
END_TEST

START_TEST(asking_leaves_a_trace_and_listing_does_not)
{
	gk_auto_json json_t *ignored = NULL;

	define(-1);
	assert_lookup(PREFIX "files:tool/read", true);
	ck_assert_str_eq(gk_json_str_peek(core_span("files"), "path"),
		"/{lookup,t:flow}/{files,t:action,s:dynamic-action-provider}");
	json_array_clear(core_spans);
	core_flow("list", core_list, NULL);
	ignored = core_run("/flow/list", NULL);
	ck_assert_ptr_nonnull(json_object_get(ignored, PREFIX "files:tool/read"));
	ck_assert_uint_eq(json_array_size(core_spans), 1);
}
END_TEST

/* --- keeping --- */

static void wait_ms(uint64_t ms)
{
	uint64_t end = gk_loop_now_ms(core_loop) + ms;

	while (gk_loop_now_ms(core_loop) <= end)
		gk_loop_turn(core_loop, 5);
}

START_TEST(an_answer_is_kept_for_its_time_or_until_it_is_forgotten)
{
	define(50);
	assert_lookup(PREFIX "files:tool/read", true);
	assert_lookup(PREFIX "files:tool/read", true);
	ck_assert_uint_eq(fetches, 1);
	wait_ms(60);
	assert_lookup(PREFIX "files:tool/read", true);
	ck_assert_uint_eq(fetches, 2);
	gk_invalidate_action_provider(core_app, "files");
	gk_invalidate_action_provider(core_app, "nobody");
	assert_lookup(PREFIX "files:tool/read", true);
	ck_assert_uint_eq(fetches, 3);
}
END_TEST

START_TEST(the_time_is_three_seconds_unless_said_and_none_below_zero)
{
	ck_assert_int_eq(gk_provider_ttl_ms(0), GK_DAP_DEFAULT_TTL_MS);
	ck_assert_int_eq(gk_provider_ttl_ms(7), 7);
	ck_assert_int_lt(gk_provider_ttl_ms(-7), 0);
	define(-1);
	assert_lookup(PREFIX "files:tool/read", true);
	assert_lookup(PREFIX "files:tool/read", true);
	ck_assert_uint_eq(fetches, 2);
}
END_TEST

START_TEST(a_failure_is_told_to_all_who_wait_and_not_kept)
{
	gk_auto_json json_t *key = json_string(PREFIX "files:tool/read");
	gk_run *runs[3];

	define(0);
	fetch_ms = 20;
	fetch_rc = GK_UNAVAILABLE;
	for (unsigned i = 0; i < 3; i++)
		runs[i] = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/lookup", .input = key));
	for (unsigned i = 0; i < 3; i++) {
		core_finish(runs[i]);
		ck_assert_str_eq(gk_run_error_peek(runs[i])->message, "nobody is there");
		gk_run_unref(runs[i]);
	}
	ck_assert_uint_eq(fetches, 1);
	fetch_rc = GK_OK;
	assert_lookup(PREFIX "files:tool/read", true);
	ck_assert_uint_eq(fetches, 2);
}
END_TEST

START_TEST(who_asks_first_may_give_up_without_the_others)
{
	gk_auto_json json_t *key = json_string(PREFIX "files:tool/read");
	gk_run *runs[3];

	define(0);
	fetch_ms = 20;
	for (unsigned i = 0; i < 3; i++)
		runs[i] = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/lookup", .input = key));
	gk_run_cancel(runs[0], GK_CANCELLED);
	gk_run_cancel(runs[2], GK_CANCELLED);
	for (unsigned i = 0; i < 3; i++) {
		core_finish(runs[i]);
		ck_assert_int_eq(!gk_run_error_peek(runs[i]), i == 1);
		gk_run_unref(runs[i]);
	}
}
END_TEST

static gk_code ask_oneself(gk_ctx *ctx, gk_action_list *list, void *user, gk_error *error)
{
	gk_action *action = NULL;

	(void)list, (void)user;
	return gk_lookup_action(ctx, PREFIX "loop:tool/x", &action, error);
}

START_TEST(a_provider_that_asks_for_itself_does_not_wait_for_ever)
{
	ck_assert_int_eq(
		gk_define_action_provider(core_app,
			GK_OPTS(gk_provider_opts, .name = "loop", .fetch = ask_oneself), NULL),
		GK_OK);
	core_flow("lookup", core_lookup, NULL);
	core_fail("/flow/lookup", json_string(PREFIX "loop:tool/x"), GK_FAILED_PRECONDITION,
		"provider loop asks for its own actions while it is asked which there are");
}
END_TEST

static gk_code fail_quietly(gk_ctx *ctx, gk_action_list *list, void *user, gk_error *error)
{
	(void)ctx, (void)list, (void)user, (void)error;
	return GK_UNAVAILABLE;
}

static unsigned logged;

static void count_log(const gk_log_record *record, void *user)
{
	(void)record, (void)user;
	logged++;
}

START_TEST(a_listing_goes_on_without_a_provider_that_fails)
{
	gk_auto_json json_t *listing = NULL;

	define(0);
	ck_assert_int_eq(
		gk_define_action_provider(core_app,
			GK_OPTS(gk_provider_opts, .name = "down", .fetch = fail_quietly), NULL),
		GK_OK);
	core_flow("list", core_list, NULL);
	logged = 0;
	gk_log_set_sink(count_log, NULL);
	listing = core_run("/flow/list", NULL);
	gk_log_set_sink(NULL, NULL);
	ck_assert_ptr_nonnull(json_object_get(listing, PREFIX "down"));
	ck_assert_ptr_nonnull(json_object_get(listing, PREFIX "files:resource/r"));
	ck_assert_uint_eq(logged, 1);
}
END_TEST

START_TEST(running_a_provider_gives_what_it_offers)
{
	gk_auto_json json_t *all = NULL;

	define(0);
	all = core_run(PREFIX "files", NULL);
	ck_assert_uint_eq(json_array_size(all), 3);
	assert_json(json_array_get(all, 0),
		"{'key':'" PREFIX "files:tool/read','name':'read','actionType':'tool'}");
}
END_TEST

/* --- without memory --- */

static json_t *sought;

static bool look_up_once(void)
{
	return core_try("/flow/lookup", sought);
}

START_TEST(asking_survives_a_lack_of_memory)
{
	sought = json_string(PREFIX "files:tool/read");
	define(-1);
	fault_sweep(look_up_once);
	json_decref(sought);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("provider");
	TCase *t = tcase_create("providers");

	tcase_add_checked_fixture(t, set_up, core_stop);
	tcase_add_test(t, a_provider_needs_a_name_without_colon_and_a_function);
	tcase_add_test(t, what_it_offers_is_found_by_its_key_and_runs);
	tcase_add_test(t, asking_leaves_a_trace_and_listing_does_not);
	tcase_add_test(t, an_answer_is_kept_for_its_time_or_until_it_is_forgotten);
	tcase_add_test(t, the_time_is_three_seconds_unless_said_and_none_below_zero);
	tcase_add_test(t, a_failure_is_told_to_all_who_wait_and_not_kept);
	tcase_add_test(t, who_asks_first_may_give_up_without_the_others);
	tcase_add_test(t, a_provider_that_asks_for_itself_does_not_wait_for_ever);
	tcase_add_test(t, a_listing_goes_on_without_a_provider_that_fails);
	tcase_add_test(t, running_a_provider_gives_what_it_offers);
	tcase_add_test(t, asking_survives_a_lack_of_memory);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
