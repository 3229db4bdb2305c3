/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Observers of spans: those that last, and runs that settle. */
#include "core.h"

#include "base/limits.h"
#include "loop/fiber.h"

static unsigned lasted, settled;
static bool ended_lasting, is_held;
static gk_fiber *held;

static void on_lasts(const gk_span *span, void *user)
{
	(void)user;
	ck_assert(span->has_lasted && span->state == GK_SPAN_RUNNING);
	lasted++;
}

static void on_ended(const gk_span *span, void *user)
{
	(void)user;
	ended_lasting = span->has_lasted;
}

static void on_settle(void *user)
{
	(void)user;
	settled++;
	held = gk_fiber_self();
	while (is_held)
		gk_fiber_park_shielded();
	held = NULL;
}

static const gk_span_observer observer = {
	.lasts = on_lasts,
	.ended = on_ended,
	.settle = on_settle,
};

static gk_code nap(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ret;
	(void)ctx;
	return gk_fiber_sleep((uint64_t)json_integer_value(input), err);
}

static void setup(void)
{
	core_start();
	ck_assert(gk_app_add_observer(core_app, &observer));
	core_flow("echo", core_echo, NULL);
	core_flow("nap", nap, NULL);
	lasted = settled = 0;
	ended_lasting = is_held = false;
}

static void teardown(void)
{
	gk_app_remove_observer(core_app, &observer);
	core_stop();
}

START_TEST(a_span_that_is_over_at_once_does_not_last)
{
	json_decref(core_run("/flow/echo", json_integer(1)));
	gk_loop_turn(core_loop, 2 * GK_SPAN_LASTING_MS);
	ck_assert_uint_eq(lasted, 0);
	ck_assert(!ended_lasting);
}
END_TEST

START_TEST(a_span_that_lasts_is_shown_once_while_it_runs)
{
	json_decref(core_run("/flow/nap", json_integer(3 * GK_SPAN_LASTING_MS)));
	ck_assert_uint_eq(lasted, 1);
	ck_assert(ended_lasting);
	json_decref(core_run("/flow/nap", json_integer(3 * GK_SPAN_LASTING_MS)));
	ck_assert_uint_eq(lasted, 2);
}
END_TEST

START_TEST(a_run_ends_when_its_observers_have_settled)
{
	gk_run *run;

	is_held = true;
	run = core_begin(&(gk_run_opts){ .app = core_app, .key = "/flow/echo" });
	gk_loop_turn(core_loop, 1);
	ck_assert(!gk_run_is_done(run));
	ck_assert_uint_eq(settled, 1);
	gk_run_cancel(run, GK_CANCELLED);
	gk_loop_turn(core_loop, 1);
	ck_assert(!gk_run_is_done(run));
	is_held = false;
	gk_fiber_wake(held);
	core_finish(run);
	gk_run_unref(run);
}
END_TEST

START_TEST(a_run_without_a_span_has_nothing_to_settle)
{
	core_fail("/flow/missing", NULL, GK_NOT_FOUND, NULL);
	ck_assert_uint_eq(settled, 0);
}
END_TEST

START_TEST(there_is_a_limit_to_observers)
{
	static const gk_span_observer idle[GK_MAX_OBSERVERS + 1];
	size_t added = 0;

	while (added <= GK_MAX_OBSERVERS && gk_app_add_observer(core_app, &idle[added]))
		added++;
	ck_assert_uint_ge(added, GK_MAX_OBSERVERS - 2); /* others watch as well */
	ck_assert_uint_le(added, GK_MAX_OBSERVERS);
	gk_app_remove_observer(core_app, &idle[0]);
	ck_assert(gk_app_add_observer(core_app, &idle[GK_MAX_OBSERVERS]));
	ck_assert(!gk_app_add_observer(core_app, &idle[0]));
	for (size_t i = 0; i <= GK_MAX_OBSERVERS; i++)
		gk_app_remove_observer(core_app, &idle[i]);
}
END_TEST

static Suite *observer_suite(void)
{
	Suite *suite = suite_create("observer");
	TCase *tests = tcase_create("observer");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_span_that_is_over_at_once_does_not_last);
	tcase_add_test(tests, a_span_that_lasts_is_shown_once_while_it_runs);
	tcase_add_test(tests, a_run_ends_when_its_observers_have_settled);
	tcase_add_test(tests, a_run_without_a_span_has_nothing_to_settle);
	tcase_add_test(tests, there_is_a_limit_to_observers);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(observer_suite)
