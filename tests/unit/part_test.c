/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the floors above make calls with: wrapped actions, parts of calls, things done together. */
#include "core.h"

#include "core/call.h"

/* --- wrapped actions --- */

static gk_code twice(gk_ctx *ctx, const gk_call *call, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *first = NULL, *second = NULL;
	gk_call own = *call;
	gk_code rc;

	(void)ctx;
	rc = gk_call_wrapped(call, &first, err);
	own.input = first;
	if (rc == GK_OK)
		rc = gk_call_wrapped(&own, &second, err);
	if (rc == GK_OK)
		*ret = gk_steal(second);
	return rc;
}

static gk_code add_one(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	*ret = json_integer(json_integer_value(input) + 1);
	return GK_OK;
}

START_TEST(what_is_around_an_action_may_run_it_twice_outside_of_its_span)
{
	const gk_action_parts parts = { .around = twice };
	gk_auto_json json_t *result = NULL;

	ck_assert_int_eq(gk_action_define(core_app,
				 GK_OPTS(gk_action_opts, .type = "custom", .name = "wrapped",
					 .run = add_one),
				 &parts, NULL),
		GK_OK);
	result = core_run("/custom/wrapped", json_integer(1));
	assert_json(result, "3");
	ck_assert_uint_eq(json_array_size(core_spans), 2);
	ck_assert_str_eq(
		gk_json_str_peek(json_array_get(core_spans, 1), "attributes.genkit:input"), "2");
}
END_TEST

/* --- parts --- */

static gk_code give_context(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input;
	*ret = json_incref(gk_ctx_context(ctx));
	return gk_ctx_send(ctx, json_string("chunk"), err);
}

static unsigned chunks;

static gk_code count_chunk(gk_ctx *ctx, json_t *chunk, void *user, gk_error *err)
{
	(void)ctx, (void)chunk, (void)user, (void)err;
	chunks++;
	return GK_OK;
}

static gk_code run_part(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	return gk_run_part(ctx, GK_OPTS(gk_part_opts, .context = input, .on_chunk = count_chunk),
		give_context, ret, err);
}

START_TEST(a_part_has_a_context_and_a_taker_of_chunks_of_its_own)
{
	gk_auto_json json_t *result = NULL;

	chunks = 0;
	core_flow("f", run_part, NULL);
	result = core_run("/flow/f", json("{'who': 'me'}"));
	assert_json(result, "{'who':'me'}");
	ck_assert_uint_eq(chunks, 1);
	ck_assert_uint_eq(json_array_size(core_spans), 1);
}
END_TEST

static gk_code sleep_in_part(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input;
	return gk_run_part(ctx, GK_OPTS(gk_part_opts, .timeout_ms = 1), core_sleep, ret, err);
}

START_TEST(a_part_ends_by_its_own_deadline)
{
	core_flow("f", sleep_in_part, NULL);
	core_fail("/flow/f", NULL, GK_DEADLINE_EXCEEDED, "deadline exceeded");
}
END_TEST

/* --- together --- */

static gk_code fail_late(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc = gk_sleep(ctx, 1, err);

	(void)input, (void)ret;
	return rc == GK_OK ? gk_error_set(err, GK_ABORTED, "the late one") : rc;
}

static gk_code together(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_parallel items[] = { { .fn = core_sleep }, { .fn = fail_late }, { .fn = core_sleep } };
	gk_code rc = gk_run_together(ctx, items, 3, err);

	(void)input, (void)ret;
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(items[i].rc, i == 1 ? GK_ABORTED : GK_CANCELLED);
		gk_error_clear(&items[i].err);
	}
	ck_assert(!gk_ctx_is_cancelled(ctx));
	return rc;
}

START_TEST(the_first_of_several_to_fail_calls_the_others_off)
{
	core_flow("f", together, NULL);
	core_fail("/flow/f", NULL, GK_ABORTED, "the late one");
}
END_TEST

static gk_code fail_at_once(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)ret;
	return gk_error_set(err, GK_ABORTED, "at once");
}

static gk_code call_echo(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input;
	return gk_run_action(ctx, "/flow/echo", json_true(), ret, err);
}

static gk_code fail_first(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_parallel items[] = { { .fn = fail_at_once }, { .fn = call_echo }, { .fn = core_sleep } };
	gk_code rc = gk_run_together(ctx, items, 3, err);

	(void)input, (void)ret;
	ck_assert_int_eq(items[1].rc, GK_OK);
	ck_assert_int_eq(items[2].rc, GK_CANCELLED);
	json_decref(items[1].ret);
	for (size_t i = 0; i < 3; i++)
		gk_error_clear(&items[i].err);
	return rc;
}

START_TEST(what_fails_at_once_lets_the_others_begin)
{
	core_flow("echo", core_echo, NULL);
	core_flow("f", fail_first, NULL);
	core_fail("/flow/f", NULL, GK_ABORTED, "at once");
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("part");
	TCase *tests = tcase_create("part");

	tcase_add_checked_fixture(tests, core_start, core_stop);
	tcase_add_test(tests, what_is_around_an_action_may_run_it_twice_outside_of_its_span);
	tcase_add_test(tests, a_part_has_a_context_and_a_taker_of_chunks_of_its_own);
	tcase_add_test(tests, a_part_ends_by_its_own_deadline);
	tcase_add_test(tests, the_first_of_several_to_fail_calls_the_others_off);
	tcase_add_test(tests, what_fails_at_once_lets_the_others_begin);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
