/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Evaluators: batches, spans, failures, ids. The vectors (core/rag-eval.yaml) say the rest. */
#include "core.h"

#include "base/limits.h"

static unsigned now, most, judged, freed;

/* Fails for "bad", sleeps for "sleep", gives nothing for "nothing"; counts how many are judged at the same time. */
static gk_code judge(
	gk_ctx *ctx, json_t *point, json_t *options, void *user, json_t **ret, gk_error *err)
{
	const char *input = gk_json_str_peek(point, "input");
	gk_code rc;

	ck_assert_ptr_eq(user, &judged);
	if (input && strcmp(input, "bad") == 0)
		return gk_error_set(err, GK_NOT_FOUND, "no measure");
	if (input && strcmp(input, "silent") == 0)
		return GK_ABORTED;
	if (input && strcmp(input, "nothing") == 0)
		return GK_OK;
	now++;
	most = now > most ? now : most;
	rc = gk_sleep(ctx, input && strcmp(input, "sleep") == 0 ? 100000 : 1, err);
	now--;
	judged++;
	if (rc != GK_OK)
		return rc;
	*ret = gk_evaluation_new(point,
		gk_score_new(options ? json_incref(json_object_get(options, "score")) : json_true(),
			GK_SCORE_FAIL, "because"));
	return GK_OK;
}

static void count_free(void *user)
{
	(void)user;
	freed++;
}

static const gk_evaluator_opts plain = { .size = sizeof(plain),
	.name = "ev",
	.display_name = "Ev",
	.definition = "Measures.",
	.run = judge,
	.user = &judged,
	.free_user = count_free };

static void define(const gk_evaluator_opts *opts)
{
	gk_error err = { 0 };

	now = most = judged = freed = 0;
	if (gk_define_evaluator(core_app, opts, &err) != GK_OK)
		ck_abort_msg("%s", err.message);
}

static json_t *evaluated(const char *request)
{
	return core_run("/evaluator/ev", json(request));
}

START_TEST(a_result_says_where_it_was_found)
{
	gk_auto_json json_t *results = NULL;
	json_t *one;

	define(&plain);
	results = evaluated("{'dataset':[{'testCaseId':'a'}],'evalRunId':'run'}");
	one = json_array_get(results, 0);
	assert_json(json_object_get(one, "evaluation"),
		"{'score':true,'status':'FAIL','details':{'reasoning':'because'}}");
	ck_assert_str_eq(gk_json_str_peek(one, "testCaseId"), "a");
	ck_assert_str_eq(gk_json_str_peek(one, "traceId"),
		gk_json_str_peek(core_span("Test Case a"), "trace"));
	ck_assert_str_eq(
		gk_json_str_peek(one, "spanId"), gk_json_str_peek(core_span("Test Case a"), "id"));
}
END_TEST

START_TEST(a_case_has_a_span_without_a_type_and_a_batch_has_one_above)
{
	gk_auto_json json_t *results = NULL;
	json_t *batch, *one;

	define(&plain);
	results = evaluated("{'dataset':[{'testCaseId':'a'},{'testCaseId':'b'},{'testCaseId':'c'}],"
			    "'evalRunId':'run','batchSize':2}");
	ck_assert_uint_eq(json_array_size(results), 3);
	batch = core_attributes("Batch 0");
	ck_assert_str_eq(
		gk_json_str_peek(core_span("Batch 0"), "path"), "/{ev,t:action}/{Batch 0}");
	ck_assert_ptr_null(json_object_get(batch, "genkit:type"));
	ck_assert_str_eq(
		json_string_value(json_object_get(batch, "genkit:metadata:evaluator:evalRunId")),
		"run");
	ck_assert_str_eq(json_string_value(json_object_get(batch, "genkit:input")),
		"[{\"testCaseId\":\"a\"},{\"testCaseId\":\"b\"}]");
	one = core_span("Test Case b");
	ck_assert_str_eq(
		gk_json_str_peek(one, "parent"), gk_json_str_peek(core_span("Batch 0"), "id"));
	/* The short last batch holds one case: it has no span of its own. */
	one = core_span("Test Case c");
	ck_assert_str_eq(gk_json_str_peek(one, "path"), "/{ev,t:action}/{Test Case c}");
	ck_assert_str_eq(json_string_value(json_object_get(core_attributes("Test Case c"),
				 "genkit:metadata:evaluator:evalRunId")),
		"run");
	ck_assert_uint_eq(most, 2);
}
END_TEST

START_TEST(a_failure_is_a_result_and_its_span_goes_well)
{
	gk_auto_json json_t *results = NULL;
	json_t *span;

	define(&plain);
	results = evaluated(
		"{'dataset':[{'testCaseId':'a','input':'bad'},{'testCaseId':'b','input':'silent'}],"
		"'evalRunId':'run'}");
	ck_assert_str_eq(gk_json_str_peek(results, "[0].evaluation.error"),
		"Evaluation of test case a failed: \nGenkitError: NOT_FOUND: no measure");
	ck_assert_str_eq(gk_json_str_peek(results, "[1].evaluation.error"),
		"Evaluation of test case b failed: \nGenkitError: ABORTED: the evaluator failed without "
		"saying why");
	ck_assert_int_eq(gk_json_int_at(results, "[1].sampleIndex", -1), 1);
	span = core_attributes("Test Case a");
	ck_assert_str_eq(json_string_value(json_object_get(span, "genkit:state")), "success");
	ck_assert_ptr_null(json_object_get(span, "genkit:output"));
}
END_TEST

START_TEST(a_case_without_an_id_gets_one)
{
	gk_auto_json json_t *results = NULL,
			    *request = json("{'dataset':[{},{'testCaseId':''}],'evalRunId':'r'}");

	define(&plain);
	results = core_run("/evaluator/ev", json_incref(request));
	ck_assert_uint_eq(strlen(gk_json_str_peek(results, "[0].testCaseId")), 36);
	ck_assert_uint_eq(strlen(gk_json_str_peek(results, "[1].testCaseId")), 36);
	ck_assert_str_ne(gk_json_str_peek(results, "[0].testCaseId"),
		gk_json_str_peek(results, "[1].testCaseId"));
	assert_json(request, "{'dataset':[{},{'testCaseId':''}],'evalRunId':'r'}");
}
END_TEST

START_TEST(what_a_function_does_not_give_fails_the_answer)
{
	define(&plain);
	core_fail("/evaluator/ev",
		json("{'dataset':[{'testCaseId':'a','input':'nothing'}],'evalRunId':'r'}"),
		GK_INVALID_ARGUMENT, NULL);
}
END_TEST

START_TEST(a_large_batch_is_judged_so_many_at_a_time)
{
	gk_auto_json json_t *request = json("{'dataset':[],'evalRunId':'r','batchSize':1e300}"),
			    *results = NULL;

	for (int i = 0; i < GK_MAX_PARALLEL_CASES + 10; i++)
		json_array_append_new(json_object_get(request, "dataset"),
			json_pack("{s:o}", "testCaseId", json_sprintf("%d", i)));
	define(&plain);
	results = core_run("/evaluator/ev", json_incref(request));
	ck_assert_uint_eq(most, GK_MAX_PARALLEL_CASES);
	ck_assert_uint_eq(json_array_size(results), GK_MAX_PARALLEL_CASES + 10);
	for (int i = 0; i < GK_MAX_PARALLEL_CASES + 10; i++)
		ck_assert_int_eq(
			gk_json_int_at(json_array_get(results, (size_t)i), "sampleIndex", -1), i);
}
END_TEST

START_TEST(options_are_needed_when_there_is_a_schema_for_them)
{
	gk_auto_json json_t *with = NULL, *without = NULL;
	gk_evaluator_opts opts = plain;

	opts.config = "score: integer";
	define(&opts);
	core_fail("/evaluator/ev", json("{'dataset':[{}],'evalRunId':'r'}"), GK_INVALID_ARGUMENT,
		NULL);
	with = evaluated("{'dataset':[{}],'evalRunId':'r','options':{'score':7}}");
	ck_assert_int_eq(gk_json_int_at(with, "[0].evaluation.score", 0), 7);
	gk_app_remove_action(core_app, "/evaluator/ev");
	opts.are_options_optional = true;
	define(&opts);
	without = evaluated("{'dataset':[{}],'evalRunId':'r'}");
	ck_assert_uint_eq(json_array_size(without), 1);
}
END_TEST

/* --- batch evaluators --- */

static gk_code judge_all(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	json_t *point;
	size_t i;

	(void)err;
	ck_assert_ptr_eq(gk_ctx_user(ctx), &judged);
	*ret = json_array();
	json_array_foreach (json_object_get(request, "dataset"), i, point)
		json_array_append_new(*ret,
			gk_evaluation_new(point,
				json_pack("[o, o]",
					gk_score_new(json_integer(1), GK_SCORE_UNSAID, NULL),
					gk_score_new(json_string("b"), GK_SCORE_UNKNOWN, NULL))));
	return GK_OK;
}

START_TEST(a_function_for_all_cases_sees_the_request)
{
	gk_auto_json json_t *results = NULL;
	gk_evaluator_opts opts = plain;

	opts.run = NULL;
	opts.run_batch = judge_all;
	define(&opts);
	results = evaluated("{'dataset':[{'testCaseId':'a'},{}],'evalRunId':'r'}");
	assert_json(json_array_get(results, 0),
		"{'testCaseId':'a','evaluation':[{'score':1},{'score':'b','status':'UNKNOWN'}]}");
	ck_assert_uint_eq(strlen(gk_json_str_peek(results, "[1].testCaseId")), 36);
	ck_assert_uint_eq(json_array_size(core_spans), 1);
}
END_TEST

START_TEST(a_definition_that_makes_no_sense_is_refused)
{
	gk_evaluator_opts both = plain, neither = plain, unnamed = plain, unsaid = plain;

	freed = 0;
	both.run_batch = judge_all;
	neither.run = NULL;
	unnamed.name = NULL;
	unsaid.definition = NULL;
	ck_assert_int_eq(gk_define_evaluator(core_app, &both, NULL), GK_INVALID_ARGUMENT);
	ck_assert_int_eq(gk_define_evaluator(core_app, &neither, NULL), GK_INVALID_ARGUMENT);
	ck_assert_int_eq(gk_define_evaluator(core_app, &unnamed, NULL), GK_INVALID_ARGUMENT);
	ck_assert_int_eq(gk_define_evaluator(core_app, &unsaid, NULL), GK_INVALID_ARGUMENT);
	ck_assert_uint_eq(freed, 0);
	define(&plain);
	ck_assert_int_eq(gk_define_evaluator(core_app, &plain, NULL), GK_ALREADY_EXISTS);
	ck_assert_uint_eq(freed, 0);
}
END_TEST

/* --- calls --- */

static gk_code evaluate_input(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	return gk_evaluate(ctx,
		GK_OPTS(gk_evaluate_opts, .evaluator = "ev", .dataset = input, .batch_size = 5),
		ret, err);
}

START_TEST(an_evaluation_from_code_has_a_random_id)
{
	gk_auto_json json_t *results = NULL;
	const char *id;

	define(&plain);
	core_flow("f", evaluate_input, NULL);
	results = core_run("/flow/f", json("[{},{}]"));
	ck_assert_uint_eq(json_array_size(results), 2);
	id = json_string_value(
		json_object_get(core_attributes("Batch 0"), "genkit:metadata:evaluator:evalRunId"));
	ck_assert_uint_eq(strlen(id), 36);
	core_fail("/flow/f", json("{}"), GK_INVALID_ARGUMENT, "a dataset is a list of cases");
}
END_TEST

START_TEST(a_run_that_is_called_off_judges_no_more)
{
	gk_auto_json json_t *input =
		json("{'dataset':[{},{'input':'sleep'},{},{}],'evalRunId':'r'}");
	gk_run *run;

	define(&plain);
	run = core_begin(GK_OPTS(gk_run_opts, .key = "/evaluator/ev", .input = input));
	for (int i = 0; i < 100 && judged < 1; i++)
		gk_loop_turn(core_loop, 10);
	gk_run_cancel(run, GK_CANCELLED);
	core_finish(run);
	ck_assert_int_eq(gk_run_error_peek(run)->code, GK_CANCELLED);
	ck_assert_uint_eq(judged, 2);
	gk_run_unref(run);
}
END_TEST

/* --- without memory --- */

static gk_code judge_at_once(
	gk_ctx *ctx, json_t *point, json_t *options, void *user, json_t **ret, gk_error *err)
{
	(void)ctx, (void)options, (void)user;
	*ret = gk_evaluation_new(point, gk_score_new(json_integer(1), GK_SCORE_PASS, "r"));
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static json_t *to_judge;

static bool evaluate_once(void)
{
	gk_evaluator_opts opts = plain;
	gk_run *run;
	bool ok = false;

	opts.run = judge_at_once;
	if (gk_define_evaluator(core_app, &opts, NULL) == GK_OK) {
		if (gk_run_start(GK_OPTS(gk_run_opts, .app = core_app, .key = "/evaluator/ev",
					 .input = to_judge),
			    &run, NULL) == GK_OK) {
			while (!gk_run_is_done(run)) /* core_finish() allocates */
				gk_loop_turn(core_loop, 10);
			ok = !gk_run_error_peek(run);
			gk_run_unref(run);
		}
		gk_app_remove_action(core_app, "/evaluator/ev");
	}
	return ok;
}

START_TEST(evaluation_without_memory_fails_cleanly)
{
	to_judge = json("{'dataset':[{},{'testCaseId':'b'}],'evalRunId':'r','batchSize':2}");
	fault_sweep(evaluate_once);
	json_decref(to_judge);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("evaluator");
	TCase *tests = tcase_create("evaluator"), *unseen = tcase_create("unseen");

	tcase_add_checked_fixture(tests, core_start, core_stop);
	tcase_add_test(tests, a_result_says_where_it_was_found);
	tcase_add_test(tests, a_case_has_a_span_without_a_type_and_a_batch_has_one_above);
	tcase_add_test(tests, a_failure_is_a_result_and_its_span_goes_well);
	tcase_add_test(tests, a_case_without_an_id_gets_one);
	tcase_add_test(tests, what_a_function_does_not_give_fails_the_answer);
	tcase_add_test(tests, a_large_batch_is_judged_so_many_at_a_time);
	tcase_add_test(tests, options_are_needed_when_there_is_a_schema_for_them);
	tcase_add_test(tests, a_function_for_all_cases_sees_the_request);
	tcase_add_test(tests, a_definition_that_makes_no_sense_is_refused);
	tcase_add_test(tests, an_evaluation_from_code_has_a_random_id);
	tcase_add_test(tests, a_run_that_is_called_off_judges_no_more);
	suite_add_tcase(it, tests);
	tcase_add_checked_fixture(unseen, core_start_unseen, core_stop);
	tcase_add_test(unseen, evaluation_without_memory_fails_cleanly);
	suite_add_tcase(it, unseen);
	return it;
}

UNIT_MAIN(suite)
