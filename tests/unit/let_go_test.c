/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "core/let_go.h"
#include "loop/loop.h"

static gk_loop *loop;

static void set_up(void)
{
	ck_assert_int_eq(gk_loop_new(&loop, NULL), GK_OK);
}

static void tear_down(void)
{
	gk_loop_free(loop);
}

/* The last reference to a list that holds `it`, given up while the loop turns. */
static json_t *list_of(json_t *it)
{
	return json_pack("[O]", it);
}

static void let_go(void *list)
{
	gk_json_let_go(list);
}

static void let_go_and_look(void *user)
{
	json_t *it = user;

	gk_json_let_go(list_of(it));
	ck_assert_uint_eq(it->refcount, 2);
}

START_TEST(what_nobody_else_has_is_freed_at_the_end_of_the_turn)
{
	json_t *it = json_string("it");
	gk_defer item = { .fn = let_go_and_look, .user = it };

	gk_loop_defer(loop, &item);
	gk_loop_turn(loop, 0);
	ck_assert_uint_eq(it->refcount, 1);
	json_decref(it);
}
END_TEST

START_TEST(what_somebody_else_has_loses_the_reference_at_once)
{
	json_t *it = json_string("it"), *list = list_of(it);
	gk_defer item = { .fn = let_go, .user = list };

	json_incref(list);
	gk_loop_hold_tidy(loop);
	gk_loop_defer(loop, &item);
	gk_loop_turn(loop, 0);
	ck_assert_uint_eq(list->refcount, 1);
	gk_loop_let_tidy(loop);
	json_decref(list);
	ck_assert_uint_eq(it->refcount, 1);
	json_decref(it);
}
END_TEST

START_TEST(where_no_loop_runs_a_value_goes_at_once)
{
	json_t *it = json_string("it");

	gk_json_let_go(list_of(it));
	ck_assert_uint_eq(it->refcount, 1);
	gk_json_let_go(NULL);
	json_decref(it);
}
END_TEST

static Suite *let_go_suite(void)
{
	Suite *suite = suite_create("let_go");
	TCase *tcase = tcase_create("values"), *alone = tcase_create("without a loop");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, what_nobody_else_has_is_freed_at_the_end_of_the_turn);
	tcase_add_test(tcase, what_somebody_else_has_loses_the_reference_at_once);
	tcase_add_test(alone, where_no_loop_runs_a_value_goes_at_once);
	suite_add_tcase(suite, tcase);
	suite_add_tcase(suite, alone);
	return suite;
}

UNIT_MAIN(let_go_suite)
