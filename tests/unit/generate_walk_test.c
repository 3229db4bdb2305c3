/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A call of generate that waits wherever it can, called off at each of these places; and a thousand of them at once. */
#include "models.h"

#include <malloc.h>
#include <stdio.h>

/* --- a call that waits everywhere --- */

static gk_code yield(gk_error *err)
{
	return gk_fiber_yield(err);
}

static gk_code slow_model(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	size_t turns = json_array_size(json_object_get(request, "messages"));
	gk_code rc = yield(err);

	if (rc == GK_OK)
		rc = gk_ctx_send(ctx, json_pack("{s:[{s:s}]}", "content", "text", "hm"), err);
	if (rc == GK_OK)
		rc = yield(err);
	if (rc != GK_OK)
		return rc;
	*ret = turns > 2 ? json_pack("{s:{s:s, s:[{s:s}]}}", "message", "role", "model", "content",
				   "text", "done")
			 : json_pack("{s:{s:s, s:[{s:{s:s}}, {s:{s:s}}]}}", "message", "role",
				   "model", "content", "toolRequest", "name", "slow", "toolRequest",
				   "name", "slow");
	return GK_OK;
}

static gk_code slow_tool(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc = yield(err);

	(void)ctx, (void)input;
	if (rc == GK_OK)
		rc = yield(err);
	if (rc == GK_OK)
		*ret = json_string("done");
	return rc;
}

static unsigned opened;

static gk_code open_slow(gk_ctx *ctx, json_t *config, void *user, gk_tool_list *tools,
	void **state_ret, gk_error *err)
{
	gk_code rc = yield(err);

	(void)ctx, (void)config, (void)user, (void)tools;
	if (rc != GK_OK)
		return rc;
	*state_ret = malloc(1);
	opened++;
	return GK_OK;
}

static void close_slow(void *state)
{
	free(state);
	opened--;
}

static gk_code slow_turn(
	gk_ctx *ctx, const gk_turn *turn, gk_next *next, void *state, json_t **ret, gk_error *err)
{
	gk_code rc = yield(err);

	(void)state;
	if (rc == GK_OK)
		rc = gk_next_turn(ctx, next, turn, ret, err);
	return rc == GK_OK ? yield(err) : rc;
}

static gk_code slow_around_model(
	gk_ctx *ctx, json_t *request, gk_next *next, void *state, json_t **ret, gk_error *err)
{
	gk_code rc = yield(err);

	(void)state;
	if (rc == GK_OK)
		rc = gk_next_run(ctx, next, request, ret, err);
	return rc == GK_OK ? yield(err) : rc;
}

static gk_code slow_around_tool(
	gk_ctx *ctx, json_t *part, gk_next *next, void *state, json_t **ret, gk_error *err)
{
	return slow_around_model(ctx, part, next, state, ret, err);
}

static gk_code slow_chunk(gk_ctx *ctx, json_t *chunk, void *user, gk_error *err)
{
	(void)ctx, (void)chunk, (void)user;
	return yield(err);
}

static gk_code slow_resource(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc = yield(err);

	(void)ctx, (void)input;
	if (rc == GK_OK)
		*ret = json_pack("{s:[{s:s}]}", "content", "text", "menu");
	return rc;
}

static char last_message[256];

static gk_code generate_slowly(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	static const char *const tools[] = { "slow", NULL };
	static const char *const use[] = { "slow", "slow", NULL };
	gk_auto_json json_t *parts = json("[{'text':'hi'},{'resource':{'uri':'menu://today'}}]");
	gk_auto_response gk_response *response = NULL;
	gk_code rc = gk_generate(ctx,
		GK_OPTS(gk_generate_opts, .model = "slow", .prompt_parts = parts, .tools = tools,
			.use = use, .on_chunk = slow_chunk),
		&response, err);

	(void)input;
	snprintf(last_message, sizeof(last_message), "%s", rc == GK_OK ? "" : err->message);
	if (rc == GK_OK)
		*ret = json_string(gk_response_text(response));
	return rc;
}

static void must(gk_code rc)
{
	ck_assert_int_eq(rc, GK_OK);
}

static void define_slow(void)
{
	must(gk_define_model(
		core_app, GK_OPTS(gk_model_opts, .name = "slow", .run = slow_model), NULL));
	must(gk_define_tool(core_app,
		GK_OPTS(gk_tool_opts, .name = "slow", .description = "d", .run = slow_tool), NULL));
	must(gk_define_resource(core_app,
		GK_OPTS(gk_resource_opts, .uri = "menu://today", .run = slow_resource), NULL));
	must(gk_define_middleware(core_app,
		GK_OPTS(gk_middleware_opts, .name = "slow", .open = open_slow, .close = close_slow,
			.generate = slow_turn, .model = slow_around_model,
			.tool = slow_around_tool),
		NULL));
	core_flow("slowly", generate_slowly, NULL);
}

/* Calls it off after that many turns of the loop. True when it had ended by itself. */
static bool call_off_after(unsigned turns, gk_code reason)
{
	gk_run *run = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/slowly"));
	const gk_error *err;
	bool had_ended;

	for (unsigned i = 0; i < turns && !gk_run_is_done(run); i++)
		gk_loop_turn(core_loop, 0);
	had_ended = gk_run_is_done(run);
	gk_run_cancel(run, reason);
	core_finish(run);
	err = gk_run_error_peek(run);
	if (had_ended) {
		assert_json(gk_run_result_peek(run), "'done'");
	} else {
		ck_assert_ptr_nonnull(err);
		ck_assert_int_eq(err->code, reason);
		ck_assert_str_eq(last_message, reason == GK_CANCELLED
						       ? "Generation cancelled."
						       : "Generation deadline exceeded.");
	}
	gk_run_unref(run);
	ck_assert_uint_eq(gk_fiber_count(core_loop), 0);
	ck_assert_uint_eq(opened, 0);
	return had_ended;
}

START_TEST(a_call_ends_wherever_it_is_called_off)
{
	static const gk_code reasons[] = { GK_CANCELLED, GK_DEADLINE_EXCEEDED };

	define_slow();
	for (size_t i = 0; i < 2; i++) {
		unsigned turns = 0;

		while (!call_off_after(turns, reasons[i]))
			turns++;
		ck_assert_uint_gt(turns, 25);
	}
}
END_TEST

/* --- a thousand at once --- */

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
	Suite *it = suite_create("generate_walk");
	TCase *tests = tcase_create("walk");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, models_start, models_stop);
	tcase_add_test(tests, a_call_ends_wherever_it_is_called_off);
	tcase_add_test(tests, a_thousand_calls_with_four_tools_each_give_their_memory_back);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
