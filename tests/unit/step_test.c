/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core.h"

#include "base/limits.h"

/* --- steps --- */

static gk_code shout(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc = gk_ctx_send(ctx, json_string("chunk"), err);

	ck_assert_ptr_eq(gk_ctx_user(ctx), core_app);
	*ret = json_incref(input);
	return rc;
}

static gk_code step_and_send(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	return gk_run_step(ctx, "shout", shout, core_app, input, ret, err);
}

START_TEST(a_step_has_a_span_below_and_sends_to_who_called)
{
	gk_auto_json json_t *input = json("{'a': 1}");
	core_sink sink;
	gk_run *run;

	core_sink_init(&sink);
	core_flow("f", step_and_send, NULL);
	run = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/f", .input = input, .sink = &sink.base,
		.is_streaming = true));
	assert_json(gk_run_result_peek(run), "{'a':1}");
	assert_json(sink.chunks, "['chunk']");
	ck_assert_str_eq(
		gk_json_str_peek(core_span("shout"), "path"), "/{f,t:flow}/{shout,t:flowStep}");
	ck_assert_str_eq(gk_json_str_peek(core_span("shout"), "parent"), gk_run_span_id(run));
	assert_json(json_object_get(core_attributes("shout"), "genkit:input"), "'{\\'a\\':1}'");
	gk_run_unref(run);
	core_sink_done(&sink);
}
END_TEST

static gk_code fail_silently(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)ret, (void)err;
	return GK_NOT_FOUND;
}

static gk_code step_that_fails(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_error gk_error own = { 0 };

	(void)input;
	ck_assert_int_eq(
		gk_run_step(ctx, NULL, shout, NULL, NULL, NULL, &own), GK_INVALID_ARGUMENT);
	ck_assert_int_eq(gk_run_step(ctx, "x", NULL, NULL, NULL, NULL, &own), GK_INVALID_ARGUMENT);
	return gk_run_step(ctx, "quiet", fail_silently, NULL, NULL, ret, err);
}

START_TEST(a_step_that_fails_without_saying_why_is_named)
{
	core_flow("f", step_that_fails, NULL);
	core_fail(
		"/flow/f", NULL, GK_NOT_FOUND, "step quiet failed without saying why (NOT_FOUND)");
	ck_assert_ptr_nonnull(json_object_get(core_attributes("quiet"), "genkit:isFailureSource"));
	ck_assert_ptr_null(json_object_get(core_attributes("f"), "genkit:isFailureSource"));
}
END_TEST

/* --- several at once --- */

static unsigned at_once, most_at_once;

static gk_code be_counted(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc;

	at_once++;
	most_at_once = at_once > most_at_once ? at_once : most_at_once;
	rc = gk_sleep(ctx, 10, err);
	at_once--;
	if (rc != GK_OK)
		return rc;
	*ret = json_incref(input);
	return gk_ctx_send(ctx, json_incref(input), err);
}

static gk_code three_at_once(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_parallel items[3] = { { .fn = be_counted }, { .fn = be_counted }, { .fn = be_counted } };
	gk_auto_json json_t *inputs = json("['a', 'b', 'c']");
	gk_code rc;

	(void)input;
	for (unsigned i = 0; i < 3; i++)
		items[i].input = json_array_get(inputs, i);
	rc = gk_run_parallel(ctx, items, 3, err);
	*ret = json_array();
	for (unsigned i = 0; i < 3; i++) {
		if (items[i].ret)
			json_array_append_new(*ret, items[i].ret);
		gk_error_clear(&items[i].err);
	}
	return rc;
}

START_TEST(functions_run_at_once_and_their_results_are_in_order)
{
	gk_auto_json json_t *result = NULL;

	at_once = most_at_once = 0;
	core_flow("f", three_at_once, NULL);
	result = core_run("/flow/f", NULL);
	assert_json(result, "['a','b','c']");
	ck_assert_uint_eq(most_at_once, 3);
}
END_TEST

static gk_code fail_with_input(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)ret;
	return json_is_string(input) ? gk_error_set(err, GK_ABORTED, "%s", json_string_value(input))
				     : GK_OK;
}

static gk_code two_of_three_fail(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *inputs = json("[null, 'second', 'third']");
	gk_parallel items[3] = { 0 };
	gk_code rc;

	(void)input, (void)ret;
	for (unsigned i = 0; i < 3; i++)
		items[i] =
			(gk_parallel){ .fn = fail_with_input, .input = json_array_get(inputs, i) };
	rc = gk_run_parallel(ctx, items, 3, err);
	ck_assert_int_eq(items[0].rc, GK_OK);
	assert_error(&items[1].err, GK_ABORTED, "second");
	assert_error(&items[2].err, GK_ABORTED, "third");
	return rc;
}

START_TEST(the_first_failure_is_returned_and_the_others_are_told)
{
	core_flow("f", two_of_three_fail, NULL);
	core_fail("/flow/f", NULL, GK_ABORTED, "second");
}
END_TEST

static gk_code nothing_at_once(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input, (void)ret;
	return gk_run_parallel(ctx, NULL, 0, err);
}

START_TEST(nothing_at_once_is_done_at_once)
{
	core_flow("f", nothing_at_once, NULL);
	json_decref(core_run("/flow/f", NULL));
}
END_TEST

static bool all_are_at_it(void *user)
{
	(void)user;
	return at_once == 3;
}

START_TEST(cancelling_a_run_ends_what_it_does_at_once)
{
	gk_run *run;

	at_once = 0;
	core_flow("f", three_at_once, NULL);
	run = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/f"));
	core_turn_until(all_are_at_it, NULL);
	gk_run_cancel(run, GK_CANCELLED);
	core_finish(run);
	ck_assert_uint_eq(at_once, 0);
	ck_assert_int_eq(gk_run_error_peek(run)->code, GK_CANCELLED);
	gk_run_unref(run);
}
END_TEST

static unsigned levels;

static gk_code go_down(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_parallel item = { .fn = go_down };
	gk_code rc;

	(void)input;
	levels++;
	rc = gk_run_parallel(ctx, &item, 1, err);
	*ret = item.ret;
	gk_error_clear(&item.err);
	return rc;
}

START_TEST(functions_that_run_each_other_have_the_limit_of_calls)
{
	levels = 0;
	core_flow("f", go_down, NULL);
	core_fail("/flow/f", NULL, GK_RESOURCE_EXHAUSTED,
		"actions and steps call each other more than 100 deep, at parallel");
	ck_assert_uint_eq(levels, GK_MAX_RUN_DEPTH);
}
END_TEST

/* --- without memory --- */

static gk_code step_twice(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_parallel items[2] = { { .fn = core_echo, .input = input }, { .fn = core_echo } };
	gk_code rc = gk_run_step(ctx, "s", core_echo, NULL, input, ret, err);

	if (rc == GK_OK)
		rc = gk_run_parallel(ctx, items, 2, err);
	for (unsigned i = 0; i < 2; i++) {
		json_decref(items[i].ret);
		gk_error_clear(&items[i].err);
	}
	return rc;
}

static bool run_steps(void)
{
	return core_try("/flow/f", NULL);
}

START_TEST(steps_survive_a_lack_of_memory)
{
	core_flow("f", step_twice, NULL);
	fault_sweep(run_steps);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("step");
	TCase *t = tcase_create("steps");

	tcase_add_checked_fixture(t, core_start, core_stop);
	tcase_add_test(t, a_step_has_a_span_below_and_sends_to_who_called);
	tcase_add_test(t, a_step_that_fails_without_saying_why_is_named);
	tcase_add_test(t, functions_run_at_once_and_their_results_are_in_order);
	tcase_add_test(t, the_first_failure_is_returned_and_the_others_are_told);
	tcase_add_test(t, nothing_at_once_is_done_at_once);
	tcase_add_test(t, cancelling_a_run_ends_what_it_does_at_once);
	tcase_add_test(t, functions_that_run_each_other_have_the_limit_of_calls);
	tcase_add_test(t, steps_survive_a_lack_of_memory);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
