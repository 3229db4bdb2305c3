/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Errands: work that a call leaves to a fiber of its own. */
#include "core.h"

#include "core/call.h"
#include "core/errand.h"

static gk_errand *errand;
static bool has_ended;
static gk_code how; /* what its waiting came to */

static gk_code give_context(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input, (void)err;
	*ret = json_incref(json_object_get(gk_ctx_context(ctx), "who"));
	return GK_OK;
}

static json_t *found;

static void work(gk_ctx *ctx, void *user)
{
	how = gk_sleep(ctx, *(const uint64_t *)user, NULL);
	if (gk_run_step(ctx, "afterwards", give_context, NULL, NULL, &found, NULL) != GK_OK)
		found = NULL;
	has_ended = true;
}

static gk_code leave_work(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input;
	*ret = json_string("answered");
	return gk_errand_start(ctx, "errand", work, gk_ctx_user(ctx), &errand, err);
}

static uint64_t briefly = 5, for_ever = 3600000;

static void begin(uint64_t *how_long)
{
	gk_auto_json json_t *context = json("{'who':'me'}");
	gk_run *run;

	has_ended = false;
	found = NULL;
	core_flow("leave", leave_work, how_long);
	run = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/leave", .context = context));
	core_finish(run);
	assert_json(gk_run_result_peek(run), "'answered'");
	gk_run_unref(run);
}

static bool is_done(void *user)
{
	(void)user;
	return gk_errand_is_done(errand);
}

static void end(void)
{
	core_turn_until(is_done, NULL);
	errand = gk_errand_unref(errand);
	json_decref(found);
}

START_TEST(an_errand_goes_on_when_the_call_has_answered)
{
	begin(&briefly);
	ck_assert(!has_ended);
	ck_assert_uint_eq(gk_app_run_count(core_app), 1);
	core_turn_until(is_done, NULL);
	ck_assert_int_eq(how, GK_OK);
	assert_json(found, "'me'");
	ck_assert_str_eq(gk_json_str_peek(core_span("afterwards"), "path"),
		"/{leave,t:flow}/{afterwards,t:flowStep}");
	ck_assert_str_eq(gk_json_str_peek(core_span("afterwards"), "trace"),
		gk_json_str_peek(core_span("leave"), "trace"));
	ck_assert_str_eq(gk_json_str_peek(core_span("afterwards"), "parent"),
		gk_json_str_peek(core_span("leave"), "id"));
	ck_assert_uint_eq(gk_app_run_count(core_app), 0);
	end();
}
END_TEST

START_TEST(an_errand_is_called_off_by_itself)
{
	begin(&for_ever);
	gk_errand_cancel(errand, GK_CANCELLED);
	end();
	ck_assert(has_ended);
	ck_assert_int_eq(how, GK_CANCELLED);
}
END_TEST

START_TEST(the_end_of_the_daemon_calls_errands_off)
{
	begin(&for_ever);
	gk_app_cancel_runs(core_app);
	end();
	ck_assert_int_eq(how, GK_UNAVAILABLE);
}
END_TEST

static gk_code wait_for_it(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_errand *mine = NULL;
	gk_code rc = gk_errand_start(ctx, "errand", work, &briefly, &mine, err);

	(void)input, (void)ret;
	if (rc != GK_OK)
		return rc;
	gk_errand_join(mine);
	gk_errand_unref(mine);
	json_decref(found);
	found = NULL;
	return GK_OK;
}

START_TEST(a_call_may_wait_for_its_errand)
{
	has_ended = false;
	core_in_run(wait_for_it, NULL);
	ck_assert(has_ended);
}
END_TEST

static bool leave_once(void)
{
	bool worked = core_try("/flow/wait", NULL);

	for (int i = 0; i < 100 && gk_fiber_count(core_loop); i++)
		gk_loop_turn(core_loop, 1);
	return worked;
}

START_TEST(without_memory_no_errand_begins)
{
	core_flow("wait", wait_for_it, NULL);
	fault_sweep(leave_once);
	ck_assert_uint_eq(gk_fiber_count(core_loop), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("errand");
	TCase *tests = tcase_create("errand");

	tcase_add_checked_fixture(tests, core_start, core_stop);
	tcase_add_test(tests, an_errand_goes_on_when_the_call_has_answered);
	tcase_add_test(tests, an_errand_is_called_off_by_itself);
	tcase_add_test(tests, the_end_of_the_daemon_calls_errands_off);
	tcase_add_test(tests, a_call_may_wait_for_its_errand);
	tcase_add_test(tests, without_memory_no_errand_begins);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
