/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A thousand calls of generate at once. */
#include "models.h"

#include <malloc.h>
#include <stdio.h>

static void must(gk_code rc)
{
	ck_assert_int_eq(rc, GK_OK);
}

#define MANY 1000

static gk_code model_of_four(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	json_t *messages = json_object_get(request, "messages"), *results;
	json_int_t sum = 0;
	gk_code rc = gk_sleep(ctx, 1, err);

	if (rc != GK_OK)
		return rc;
	if (json_array_size(messages) == 1) {
		int n = atoi(gk_json_str_peek(messages, "[0].content[0].text"));
		json_t *content = json_array();

		for (int i = 0; i < 4; i++)
			json_array_append_new(
				content, json_pack("{s:{s:s, s:{s:i, s:i}}}", "toolRequest", "name",
						 "later", "input", "n", n, "i", i));
		*ret = json_pack("{s:{s:s, s:o}}", "message", "role", "model", "content", content);
		return GK_OK;
	}
	results = gk_json_at_peek(messages, "[2].content");
	for (size_t i = 0; i < 4; i++) {
		json_int_t got =
			gk_json_int_at(json_array_get(results, i), "toolResponse.output", -1);

		ck_assert_int_eq(got % 10, i); /* in the order of the requests */
		sum += got / 10;
	}
	*ret = json_pack("{s:{s:s, s:[{s:o}]}}", "message", "role", "model", "content", "text",
		json_sprintf("%d", (int)sum));
	return GK_OK;
}

/* The later the request, the sooner the answer. */
static gk_code later(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	int64_t n = gk_json_int_at(input, "n", 0), i = gk_json_int_at(input, "i", 0);
	gk_code rc = gk_sleep(ctx, (uint64_t)(4 - i), err);

	if (rc == GK_OK)
		*ret = json_integer(n * 10 + i);
	return rc;
}

static gk_code sum_of_four(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	static const char *const tools[] = { "later", NULL };
	gk_auto_response gk_response *response = NULL;
	gk_code rc = gk_generate(ctx,
		GK_OPTS(gk_generate_opts, .model = "four", .tools = tools,
			.prompt = gk_ctx_printf(ctx, "%d", (int)json_integer_value(input))),
		&response, err);

	if (rc == GK_OK)
		*ret = json_string(gk_response_text(response));
	return rc;
}

static void run_many(void)
{
	static gk_run *runs[MANY];

	for (int i = 0; i < MANY; i++) {
		gk_auto_json json_t *input = json_integer(i);

		runs[i] = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/sum", .input = input));
	}
	for (int i = 0; i < MANY; i++) {
		char expected[16];

		core_finish(runs[i]);
		snprintf(expected, sizeof(expected), "'%d'", 4 * i);
		assert_json(gk_run_result_peek(runs[i]), expected);
		gk_run_unref(runs[i]);
	}
}

static bool has_no_fibers(void *user)
{
	(void)user;
	return gk_fiber_count(core_loop) == 0;
}

START_TEST(a_thousand_calls_with_four_tools_each_give_their_memory_back)
{
	size_t before;

	json_decref(core_spans);
	core_spans = NULL; /* what we remember is not theirs */
	must(gk_define_model(
		core_app, GK_OPTS(gk_model_opts, .name = "four", .run = model_of_four), NULL));
	must(gk_define_tool(core_app,
		GK_OPTS(gk_tool_opts, .name = "later", .description = "d",
			.input = "{n: integer, i: integer}", .run = later),
		NULL));
	core_flow("sum", sum_of_four, NULL);
	run_many(); /* pools and tables have their size now */
	core_turn_until(has_no_fibers, NULL);
	before = mallinfo2().uordblks;
	run_many();
	core_turn_until(has_no_fibers, NULL);
	/* The allocator's cache moves a little; the smallest block of memory, lost once a call, is more. */
	ck_assert_uint_lt(mallinfo2().uordblks, before + 24 * MANY);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("generate_many");
	TCase *tests = tcase_create("generate_many");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, models_start, models_stop);
	tcase_add_test(tests, a_thousand_calls_with_four_tools_each_give_their_memory_back);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
