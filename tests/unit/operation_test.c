/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core.h"

#include <genkit/operation.h>

static gk_error err;

static gk_code start(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	(void)ctx, (void)input, (void)error;
	*ret = json_pack("{s:s, s:s}", "id", "1", "action", "/not/mine");
	return *ret ? GK_OK : gk_error_no_memory(error);
}

static gk_code finish(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	(void)ctx;
	*ret = json_pack("{s:O, s:b}", "id", json_object_get(input, "id"), "done", 1);
	return *ret ? GK_OK : gk_error_no_memory(error);
}

static gk_code give_text(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	(void)ctx, (void)input, (void)error;
	*ret = json_string("no operation");
	return GK_OK;
}

static gk_code define(const gk_background_opts *opts)
{
	gk_error_clear(&err);
	return gk_define_background_action(core_app, opts, &err);
}

static gk_code check(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	return gk_check_operation(ctx, input, ret, error);
}

static gk_code cancel(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	return gk_cancel_operation(ctx, input, ret, error);
}

static void set_up(void)
{
	core_start();
	core_flow("check", check, NULL);
	core_flow("cancel", cancel, NULL);
}

START_TEST(a_background_action_needs_a_name_a_start_and_a_check)
{
	ck_assert_int_eq(define(GK_OPTS(gk_background_opts, .name = "b", .start = start)),
		GK_INVALID_ARGUMENT);
	assert_error(
		&err, GK_INVALID_ARGUMENT, "a background action needs a name, start and check");
	ck_assert_int_eq(define(GK_OPTS(gk_background_opts, .name = "b", .type = "zebra",
				 .start = start, .check = finish)),
		GK_INVALID_ARGUMENT);
	gk_error_clear(&err);
	ck_assert_ptr_null(gk_app_find_action_peek(core_app, "/check-operation/b/check"));
}
END_TEST

START_TEST(it_is_three_actions_and_every_operation_says_which_started_it)
{
	gk_auto_json json_t *started = NULL, *checked = NULL, *cancelled = NULL;

	ck_assert_int_eq(define(GK_OPTS(gk_background_opts, .name = "p/b", .start = start,
				 .check = finish, .cancel = finish, .output = "number")),
		GK_OK);
	started = core_run("/background-model/p/b", NULL);
	assert_json(started, "{'id':'1','action':'/background-model/p/b'}");
	checked = core_run("/flow/check", json_incref(started));
	assert_json(checked, "{'id':'1','done':true,'action':'/background-model/p/b'}");
	cancelled = core_run("/flow/cancel", json_incref(started));
	assert_json(cancelled, "{'id':'1','done':true,'action':'/background-model/p/b'}");
	ck_assert_str_eq(
		json_string_value(json_object_get(core_attributes("p/b/cancel"), "genkit:key")),
		"/cancel-operation/p/b/cancel");
	assert_json(gk_action_metadata_peek(
			    gk_app_find_action_peek(core_app, "/check-operation/p/b/check")),
		"{'outputSchema':{'type':'number'}}");
}
END_TEST

START_TEST(what_is_given_to_check_and_by_start_is_an_operation)
{
	ck_assert_int_eq(define(GK_OPTS(gk_background_opts, .name = "b", .start = give_text,
				 .check = finish, .input = "number")),
		GK_OK);
	core_fail("/background-model/b", json("7"), GK_INTERNAL,
		"/background-model/b did not give an Operation");
	core_fail("/background-model/b", json("'x'"), GK_INVALID_ARGUMENT, NULL);
	core_fail("/check-operation/b/check", json("7"), GK_INVALID_ARGUMENT, NULL);
}
END_TEST

START_TEST(an_operation_of_nobody_is_refused)
{
	ck_assert_int_eq(
		define(GK_OPTS(gk_background_opts, .name = "b", .start = start, .check = finish)),
		GK_OK);
	core_fail("/flow/check", json("{'id': '1'}"), GK_INVALID_ARGUMENT,
		"Provided operation is missing original request information");
	core_fail("/flow/check", json("{'id': '1', 'action': '/background-model/x'}"),
		GK_INVALID_ARGUMENT,
		"Failed to resolve background action from original request: /background-model/x");
	core_fail("/flow/cancel", json("{'id': '1', 'action': '/background-model/b'}"),
		GK_UNIMPLEMENTED,
		"Background action /background-model/b does not support cancellation.");
}
END_TEST

static bool is_half_defined;

static bool define_one(void)
{
	static const char *const keys[] = { "/background-model/b", "/check-operation/b/check",
		"/cancel-operation/b/cancel" };
	gk_code rc = gk_define_background_action(core_app,
		GK_OPTS(gk_background_opts, .name = "b", .start = start, .check = finish,
			.cancel = finish, .output = "number"),
		NULL);

	for (unsigned i = 0; i < 3; i++)
		is_half_defined |= gk_app_remove_action(core_app, keys[i]) != (rc == GK_OK);
	return rc == GK_OK;
}

static json_t *operation;

static bool check_one(void)
{
	return core_try("/flow/check", operation);
}

START_TEST(operations_survive_a_lack_of_memory)
{
	operation = json("{'id': '1', 'action': '/background-model/b'}");
	is_half_defined = false;
	fault_sweep(define_one);
	ck_assert(!is_half_defined);
	ck_assert_int_eq(
		define(GK_OPTS(gk_background_opts, .name = "b", .start = start, .check = finish)),
		GK_OK);
	fault_sweep(check_one);
	json_decref(operation);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("operation");
	TCase *t = tcase_create("operations");

	tcase_add_checked_fixture(t, set_up, core_stop);
	tcase_add_test(t, a_background_action_needs_a_name_a_start_and_a_check);
	tcase_add_test(t, it_is_three_actions_and_every_operation_says_which_started_it);
	tcase_add_test(t, what_is_given_to_check_and_by_start_is_an_operation);
	tcase_add_test(t, an_operation_of_nobody_is_refused);
	tcase_add_test(t, operations_survive_a_lack_of_memory);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
