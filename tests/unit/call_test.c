/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* One call of an action: validation, context, errors, and calls of calls. */
#include "core.h"

#include "base/limits.h"
#include "core/internal.h"

static void define(const char *name, const char *input, const char *output, gk_action_fn *fn)
{
	ck_assert_int_eq(gk_define_flow(core_app,
				 GK_OPTS(gk_flow_opts, .name = name, .input = input,
					 .output = output, .run = fn),
				 NULL),
		GK_OK);
}

/* --- validation --- */

static unsigned calls;

static gk_code count_calls(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	calls++;
	*ret = json_incref(input);
	return GK_OK;
}

START_TEST(an_input_that_does_not_fit_leaves_no_span_and_runs_nothing)
{
	gk_run *run;

	calls = 0;
	define("f", "{\"type\":\"string\"}", NULL, count_calls);
	run = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/f"));
	ck_assert_int_eq(gk_run_error_peek(run)->code, GK_INVALID_ARGUMENT);
	ck_assert(!gk_run_has_span(run));
	ck_assert_str_eq(gk_run_trace_id(run), "");
	ck_assert_str_eq(gk_run_error_peek(run)->trace_id, "");
	ck_assert_ptr_nonnull(strstr(gk_run_error_peek(run)->message, "Schema validation failed"));
	gk_run_unref(run);
	ck_assert_uint_eq(calls, 0);
	ck_assert_uint_eq(json_array_size(core_spans), 0);
}
END_TEST

START_TEST(the_init_is_validated_as_the_input_is)
{
	gk_auto_json json_t *good = json("{'p': 'x'}"), *result = NULL;
	gk_run *run;

	ck_assert_int_eq(
		gk_define_flow(core_app,
			GK_OPTS(gk_flow_opts, .name = "f", .init = "p: string", .run = count_calls),
			NULL),
		GK_OK);
	core_fail("/flow/f", NULL, GK_INVALID_ARGUMENT, NULL);
	run = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/f", .init = good));
	ck_assert_ptr_null(gk_run_error_peek(run));
	gk_run_unref(run);
	ck_assert_str_eq(gk_json_str_peek(core_attributes("f"), "genkit:init"), "{\"p\":\"x\"}");
}
END_TEST

START_TEST(an_output_that_does_not_fit_fails_a_call_whose_span_went_well)
{
	gk_auto_json json_t *input = json_integer(1);
	gk_run *run;

	define("f", NULL, "{\"type\":\"string\"}", core_echo);
	run = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/f", .input = input));
	ck_assert_int_eq(gk_run_error_peek(run)->code, GK_INVALID_ARGUMENT);
	ck_assert_str_eq(gk_run_error_peek(run)->trace_id, "");
	ck_assert(gk_run_has_span(run));
	ck_assert_ptr_null(gk_run_result_peek(run));
	gk_run_unref(run);
	ck_assert_str_eq(gk_json_str_peek(core_attributes("f"), "genkit:state"), "success");
	ck_assert_str_eq(gk_json_str_peek(core_attributes("f"), "genkit:output"), "1");
}
END_TEST

START_TEST(null_is_not_absent)
{
	gk_auto_json json_t *null = NULL, *absent = NULL;

	define("f", NULL, NULL, core_echo);
	null = core_run("/flow/f", json_null());
	ck_assert(json_is_null(null));
	ck_assert_str_eq(gk_json_str_peek(core_attributes("f"), "genkit:input"), "null");
	absent = core_run("/flow/f", NULL);
	ck_assert_ptr_null(absent);
	ck_assert_ptr_null(json_object_get(core_attributes("f"), "genkit:input"));
	ck_assert_ptr_null(json_object_get(core_attributes("f"), "genkit:output"));
}
END_TEST

/* --- contexts --- */

static gk_code give_context(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input, (void)err;
	*ret = json_incref(gk_ctx_context(ctx));
	return GK_OK;
}

static gk_code call_inner(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	return gk_run_action(ctx, "/flow/inner", input, ret, err);
}

static gk_code call_inner_with_context(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_action *inner = gk_app_find_action_peek(gk_ctx_app(ctx), "/flow/middle");

	return gk_run_action_with(
		ctx, inner, NULL, GK_OPTS(gk_call_opts, .context = input), ret, err);
}

static json_t *run_in(const char *key, json_t *context)
{
	gk_run *run = core_begin(GK_OPTS(gk_run_opts, .key = key, .context = context));
	json_t *result = json_incref(gk_run_result_peek(run));

	ck_assert_ptr_null(gk_run_error_peek(run));
	gk_run_unref(run);
	return result;
}

static void check_context(const char *key, json_t *context_take, const char *expected)
{
	gk_auto_json json_t *context = context_take, *got = run_in(key, context);

	assert_json(got, expected);
}

START_TEST(a_context_goes_over_the_applications_and_down_to_the_calls_below)
{
	gk_auto_json json_t *own = json("{'a': 1, 'b': 1}"), *passed = json("{'c': 3}"),
			    *got = NULL;

	define("inner", NULL, NULL, give_context);
	define("middle", NULL, NULL, call_inner);
	define("outer", NULL, NULL, call_inner_with_context);
	check_context("/flow/middle", NULL, "{}");
	ck_assert_int_eq(gk_set_context(core_app, own, NULL), GK_OK);
	check_context("/flow/inner", NULL, "{'a':1,'b':1}");
	check_context("/flow/middle", NULL, "{'a':1,'b':1}");
	check_context("/flow/middle", json("{'b': 2}"), "{'a':1,'b':2}");
	got = core_run("/flow/outer", json_incref(passed));
	assert_json(got, "{'a':1,'b':1,'c':3}");
}
END_TEST

START_TEST(only_a_context_that_was_passed_is_recorded_and_its_secrets_are_not)
{
	gk_auto_json json_t *own = json("{'a': 1}");

	ck_assert_int_eq(gk_set_context(core_app, own, NULL), GK_OK);
	define("inner", NULL, NULL, give_context);
	define("outer", NULL, NULL, call_inner);
	check_context("/flow/outer", json("{'auth': {'uid': 'u'}, 'secrets': 7, 'x': true}"),
		"{'a':1,'auth':{'uid':'u'},'secrets':7,'x':true}");
	ck_assert_str_eq(gk_json_str_peek(core_attributes("outer"), "genkit:metadata:context"),
		"{\"auth\":\"<redacted>\",\"secrets\":\"<redacted>\",\"x\":true}");
	ck_assert_ptr_null(json_object_get(core_attributes("inner"), "genkit:metadata:context"));
	check_context("/flow/inner", json("{}"), "{'a':1}");
	ck_assert_str_eq(
		gk_json_str_peek(core_attributes("inner"), "genkit:metadata:context"), "{}");
}
END_TEST

static json_t *with_secrets;

static bool redact(void)
{
	gk_auto_json json_t *redacted = gk_context_redacted(with_secrets);

	if (!redacted)
		return false;
	return !json_is_object(json_object_get(redacted, "auth")) &&
	       !json_is_object(json_object_get(redacted, "secrets"));
}

START_TEST(without_memory_nothing_is_shown_rather_than_a_secret)
{
	with_secrets = json("{'auth': {}, 'secrets': {}, 'x': 1}");
	fault_sweep(redact);
	json_decref(with_secrets);
	ck_assert_ptr_null(gk_context_redacted(NULL));
}
END_TEST

START_TEST(a_context_is_an_object)
{
	gk_auto_json json_t *list = json("[1]");
	gk_error err = { 0 };
	gk_run *run;

	define("inner", NULL, NULL, give_context);
	ck_assert_int_eq(gk_set_context(core_app, list, &err), GK_INVALID_ARGUMENT);
	assert_error(&err, GK_INVALID_ARGUMENT, "a context is an object");
	run = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/inner", .context = list));
	ck_assert_str_eq(gk_run_error_peek(run)->message, "a context is an object");
	gk_run_unref(run);
}
END_TEST

/* --- errors --- */

static gk_code fail_silently(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	*ret = json_string("dropped");
	return (gk_code)json_integer_value(input);
}

START_TEST(a_failure_without_a_reason_says_so)
{
	define("f", NULL, NULL, fail_silently);
	core_fail("/flow/f", json_integer(GK_NOT_FOUND), GK_NOT_FOUND,
		"action /flow/f failed without saying why (NOT_FOUND)");
	core_fail("/flow/f", json_integer(99), GK_UNKNOWN,
		"action /flow/f failed without saying why (UNKNOWN)");
	core_fail("/flow/f", json_integer(-1), GK_UNKNOWN,
		"action /flow/f failed without saying why (UNKNOWN)");
}
END_TEST

static gk_code get_over_it(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	if (gk_run_action(ctx, "/flow/f", NULL, NULL, err) == GK_OK)
		return gk_error_set(err, GK_INTERNAL, "it should have failed");
	*ret = json_incref(input);
	return GK_OK;
}

static gk_code say_other(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)ret;
	if (input)
		gk_error_set_plain(err, "plain");
	else
		gk_error_set(err, GK_NOT_FOUND, "nothing here");
	return GK_UNAVAILABLE;
}

START_TEST(what_a_function_got_over_is_forgotten)
{
	gk_auto_json json_t *result = NULL;

	define("f", "{\"type\":\"string\"}", NULL, core_echo);
	define("over", NULL, NULL, get_over_it);
	result = core_run("/flow/over", json_integer(7));
	assert_json(result, "7");
	ck_assert_str_eq(gk_json_str_peek(core_attributes("over"), "genkit:state"), "success");
}
END_TEST

START_TEST(the_return_value_decides_the_code)
{
	gk_run *run;

	define("f", NULL, NULL, say_other);
	core_fail("/flow/f", NULL, GK_UNAVAILABLE, "nothing here");
	run = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/f", .input = json_true()));
	ck_assert_int_eq(gk_run_error_peek(run)->code, GK_UNAVAILABLE);
	ck_assert(!gk_run_error_peek(run)->is_plain);
	gk_run_unref(run);
}
END_TEST

static gk_code fail_plainly(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)ret;
	return gk_error_set_plain(err, "whoops");
}

START_TEST(an_error_carries_its_trace_and_marks_its_innermost_span)
{
	gk_run *run;

	define("inner", NULL, NULL, fail_plainly);
	define("outer", NULL, NULL, call_inner);
	run = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/outer"));
	ck_assert(gk_run_error_peek(run)->is_plain);
	ck_assert_str_eq(gk_run_error_peek(run)->message, "whoops");
	ck_assert_str_eq(gk_run_error_peek(run)->trace_id, gk_run_trace_id(run));
	gk_run_unref(run);
	ck_assert(gk_json_bool_at(core_attributes("inner"), "genkit:isFailureSource", false));
	ck_assert(!gk_json_bool_at(core_attributes("outer"), "genkit:isFailureSource", false));
	ck_assert_str_eq(gk_json_str_peek(core_span("outer"), "error"), "whoops");
	ck_assert_str_eq(gk_json_str_peek(core_attributes("outer"), "genkit:state"), "error");
}
END_TEST

static gk_code throw_nothing(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)ret;
	gk_error_set_plain(err, "a string");
	if (err)
		err->message_missing = true;
	return GK_INTERNAL;
}

START_TEST(what_is_no_error_has_no_source)
{
	define("f", NULL, NULL, throw_nothing);
	core_fail("/flow/f", NULL, GK_INTERNAL, NULL);
	ck_assert_str_eq(gk_json_str_peek(core_attributes("f"), "genkit:state"), "error");
	ck_assert_ptr_null(json_object_get(core_attributes("f"), "genkit:isFailureSource"));
}
END_TEST

/* --- calls of calls --- */

static gk_code call_absent(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	return gk_run_action(ctx, "/flow/absent", input, ret, err);
}

START_TEST(an_action_that_is_not_there_is_not_found)
{
	define("f", NULL, NULL, call_absent);
	core_fail("/flow/f", NULL, GK_NOT_FOUND, "action /flow/absent not found");
}
END_TEST

static gk_code call_nobody(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc = gk_run_action(ctx, NULL, input, ret, NULL);

	return rc == GK_INVALID_ARGUMENT ? gk_run_action_with(ctx, NULL, input, NULL, ret, err)
					 : rc;
}

START_TEST(a_call_of_nothing_is_refused)
{
	define("f", NULL, NULL, call_nobody);
	core_fail("/flow/f", NULL, GK_INVALID_ARGUMENT, "no action to run");
}
END_TEST

static gk_code call_itself(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *less = json_integer(json_integer_value(input) - 1);

	if (json_integer_value(input) <= 1) {
		*ret = json_string("bottom");
		return GK_OK;
	}
	return gk_run_action(ctx, "/flow/f", less, ret, err);
}

START_TEST(calls_of_calls_have_a_limit)
{
	gk_auto_json json_t *result = NULL;

	define("f", NULL, NULL, call_itself);
	result = core_run("/flow/f", json_integer(GK_MAX_RUN_DEPTH));
	assert_json(result, "'bottom'");
	core_fail("/flow/f", json_integer(GK_MAX_RUN_DEPTH + 1), GK_RESOURCE_EXHAUSTED,
		"actions and steps call each other more than 100 deep, at /flow/f");
}
END_TEST

static gk_code take_chunk(gk_ctx *ctx, json_t *chunk, void *user, gk_error *err)
{
	json_t *chunks = user;

	(void)ctx, (void)err;
	json_array_append(chunks, chunk);
	return GK_OK;
}

static gk_code send_two(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc = gk_ctx_send(ctx, json_integer(1), err);

	(void)input;
	if (rc == GK_OK)
		rc = gk_ctx_send(ctx, json_null(), err);
	*ret = json_boolean(gk_ctx_is_streaming(ctx));
	return rc;
}

static gk_code take_chunks_of_inner(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_action *inner = gk_app_find_action_peek(gk_ctx_app(ctx), "/flow/inner");
	gk_auto_json json_t *chunks = json_array(), *labels = json("{'batchRun': 'x'}");
	gk_auto_json json_t *streams = NULL, *plainly = NULL;
	gk_code rc;

	rc = gk_run_action_with(ctx, inner, input,
		GK_OPTS(gk_call_opts, .on_chunk = take_chunk, .user = chunks,
			.telemetry_labels = labels),
		&streams, err);
	if (rc == GK_OK)
		rc = gk_run_action_with(ctx, inner, input, NULL, &plainly, err);
	*ret = json_pack("[O, O, O]", chunks, streams, plainly);
	return rc;
}

START_TEST(chunks_go_to_who_called_and_labels_to_the_span)
{
	gk_auto_json json_t *result = NULL;

	define("inner", NULL, NULL, send_two);
	define("outer", NULL, NULL, take_chunks_of_inner);
	result = core_run("/flow/outer", NULL);
	assert_json(result, "[[1,null],true,false]");
	ck_assert_str_eq(
		gk_json_str_peek(
			json_object_get(json_array_get(core_spans, 0), "attributes"), "batchRun"),
		"x");
	ck_assert_ptr_null(json_object_get(core_attributes("outer"), "batchRun"));
}
END_TEST

static gk_code refuse_chunk(gk_ctx *ctx, json_t *chunk, void *user, gk_error *err)
{
	(void)ctx, (void)chunk, (void)user;
	return gk_error_set(err, GK_ABORTED, "no more");
}

static gk_code refuse_chunks_of_inner(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	return gk_run_action_with(ctx, gk_app_find_action_peek(gk_ctx_app(ctx), "/flow/inner"),
		input, GK_OPTS(gk_call_opts, .on_chunk = refuse_chunk), ret, err);
}

START_TEST(who_takes_no_more_chunks_fails_the_sender)
{
	define("inner", NULL, NULL, send_two);
	define("outer", NULL, NULL, refuse_chunks_of_inner);
	core_fail("/flow/outer", NULL, GK_ABORTED, "no more");
}
END_TEST

static gk_code sleep_inside(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_action *inner = gk_app_find_action_peek(gk_ctx_app(ctx), "/flow/inner");
	gk_auto_error gk_error ignored = { 0 };
	gk_code rc = gk_run_action_with(
		ctx, inner, input, GK_OPTS(gk_call_opts, .timeout_ms = 5), NULL, &ignored);

	if (rc != GK_DEADLINE_EXCEEDED || strcmp(ignored.message, "deadline exceeded") != 0)
		return gk_error_set(err, GK_INTERNAL, "inner ended with %d", rc);
	*ret = json_string("went on");
	return gk_sleep(ctx, 1, err); /* its own time is not over */
}

START_TEST(a_calls_time_limit_is_its_own)
{
	gk_auto_json json_t *result = NULL;

	define("inner", NULL, NULL, core_sleep);
	define("outer", NULL, NULL, sleep_inside);
	result = core_run("/flow/outer", NULL);
	assert_json(result, "'went on'");
}
END_TEST

static gk_registry *overlay;

static gk_code call_in_overlay(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	return gk_call_action(
		&(gk_call){ .action = gk_app_find_action_peek(core_app, "/flow/outer"),
			.parent = ctx,
			.registry = overlay,
			.input = input },
		ret, err);
}

static gk_code give_overlay(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)err;
	*ret = json_string("overlay");
	return GK_OK;
}

START_TEST(a_call_may_have_a_registry_over_the_applications)
{
	gk_auto_json json_t *result = NULL;
	gk_action *action = NULL;

	define("inner", NULL, NULL, core_echo);
	define("outer", NULL, NULL, call_inner);
	define("top", NULL, NULL, call_in_overlay);
	overlay = gk_registry_new(core_app->registry);
	ck_assert_int_eq(gk_action_new(core_app,
				 GK_OPTS(gk_action_opts, .type = "flow", .name = "inner",
					 .run = give_overlay),
				 &action, NULL),
		GK_OK);
	ck_assert_int_eq(gk_registry_add(overlay, action, false, NULL), GK_OK);
	gk_action_unref(action);
	result = core_run("/flow/top", json_integer(1));
	assert_json(result, "'overlay'");
	gk_registry_free(overlay);
}
END_TEST

/* --- without memory --- */

static bool run_nested(void)
{
	gk_run *run;
	bool ok;

	if (gk_run_start(GK_OPTS(gk_run_opts, .app = core_app, .key = "/flow/outer",
				 .context = with_secrets, .traceparent = "x"),
		    &run, NULL) != GK_OK)
		return false;
	ok = gk_run_is_done(run) && !gk_run_error_peek(run);
	gk_run_unref(run);
	return ok;
}

START_TEST(a_call_without_memory_fails_cleanly)
{
	with_secrets = json("{'auth': 1, 'x': 1}");
	json_decref(core_spans);
	core_spans = NULL; /* what we remember may allocate as it likes */
	define("inner", NULL, NULL, core_echo);
	define("outer", NULL, NULL, call_inner);
	fault_sweep(run_nested);
	json_decref(with_secrets);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("call");
	TCase *tests = tcase_create("call");

	tcase_add_checked_fixture(tests, core_start, core_stop);
	tcase_add_test(tests, an_input_that_does_not_fit_leaves_no_span_and_runs_nothing);
	tcase_add_test(tests, the_init_is_validated_as_the_input_is);
	tcase_add_test(tests, an_output_that_does_not_fit_fails_a_call_whose_span_went_well);
	tcase_add_test(tests, null_is_not_absent);
	tcase_add_test(tests, a_context_goes_over_the_applications_and_down_to_the_calls_below);
	tcase_add_test(tests, only_a_context_that_was_passed_is_recorded_and_its_secrets_are_not);
	tcase_add_test(tests, without_memory_nothing_is_shown_rather_than_a_secret);
	tcase_add_test(tests, a_context_is_an_object);
	tcase_add_test(tests, a_failure_without_a_reason_says_so);
	tcase_add_test(tests, what_a_function_got_over_is_forgotten);
	tcase_add_test(tests, the_return_value_decides_the_code);
	tcase_add_test(tests, an_error_carries_its_trace_and_marks_its_innermost_span);
	tcase_add_test(tests, what_is_no_error_has_no_source);
	tcase_add_test(tests, an_action_that_is_not_there_is_not_found);
	tcase_add_test(tests, a_call_of_nothing_is_refused);
	tcase_add_test(tests, calls_of_calls_have_a_limit);
	tcase_add_test(tests, chunks_go_to_who_called_and_labels_to_the_span);
	tcase_add_test(tests, who_takes_no_more_chunks_fails_the_sender);
	tcase_add_test(tests, a_calls_time_limit_is_its_own);
	tcase_add_test(tests, a_call_may_have_a_registry_over_the_applications);
	tcase_add_test(tests, a_call_without_memory_fails_cleanly);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
