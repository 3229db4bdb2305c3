/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* How far upkeep of the store may be behind, by a clock of the test's own. */
#include "store/trace_lag.h"
#include "unit.h"

#define AGE 1000

static gk_trace_lag lag;

static void setup(void)
{
	lag = (gk_trace_lag){ .idle = 10, .max = 1000000, .age_ms = AGE };
}

START_TEST(what_is_beyond_the_most_presses_at_once)
{
	gk_trace_lag_take(&lag, lag.max, 1);
	ck_assert(!gk_trace_lag_presses(&lag, 1));
	gk_trace_lag_take(&lag, lag.max + 1, 2);
	ck_assert(gk_trace_lag_presses(&lag, 2));
	gk_trace_lag_take(&lag, lag.max, 3);
	ck_assert(!gk_trace_lag_presses(&lag, 3));
}
END_TEST

START_TEST(what_is_old_is_done_evenly_within_the_same_time)
{
	gk_trace_lag_take(&lag, 100, 1);
	gk_trace_lag_take(&lag, 200, AGE);
	ck_assert(!gk_trace_lag_presses(&lag, AGE));
	gk_trace_lag_take(&lag, 200, 1 + AGE);
	ck_assert(!gk_trace_lag_presses(&lag, 1 + AGE));
	for (uint64_t tenth = 1; tenth <= 10; tenth++) { /* a tenth each tenth */
		uint64_t now_ms = 1 + AGE + tenth * AGE / 10;

		ck_assert(gk_trace_lag_presses(&lag, now_ms));
		gk_trace_lag_take(&lag, 200 - 20 * tenth, now_ms);
		ck_assert(!gk_trace_lag_presses(&lag, now_ms));
	}
	ck_assert_uint_eq(lag.behind, 0);
}
END_TEST

START_TEST(what_comes_meanwhile_has_time)
{
	gk_trace_lag_take(&lag, 100, 1);
	gk_trace_lag_take(&lag, 100, 1 + AGE);
	gk_trace_lag_take(&lag, 500, 2 + AGE); /* 400 more */
	gk_trace_lag_take(&lag, 400, AGE + AGE / 2);
	ck_assert(!gk_trace_lag_presses(&lag, 2 * AGE));
	gk_trace_lag_take(&lag, 400, 1 + 2 * AGE);
	ck_assert(!gk_trace_lag_presses(&lag, 1 + 2 * AGE));
	ck_assert(gk_trace_lag_presses(&lag, 2 + 2 * AGE + AGE / 100));
}
END_TEST

START_TEST(nothing_is_old_once_all_is_done)
{
	gk_trace_lag_take(&lag, 100, 1);
	gk_trace_lag_take(&lag, 0, AGE / 2);
	gk_trace_lag_take(&lag, 100, AGE);
	gk_trace_lag_take(&lag, 100, 1 + AGE);
	ck_assert(!gk_trace_lag_presses(&lag, AGE + AGE / 2));
}
END_TEST

static Suite *lag_suite(void)
{
	Suite *suite = suite_create("trace lag");
	TCase *tests = tcase_create("lag");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, what_is_beyond_the_most_presses_at_once);
	tcase_add_test(tests, what_is_old_is_done_evenly_within_the_same_time);
	tcase_add_test(tests, what_comes_meanwhile_has_time);
	tcase_add_test(tests, nothing_is_old_once_all_is_done);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return unit_run(lag_suite());
}
