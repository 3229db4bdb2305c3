/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core.h"

#include "core/call.h"
#include "core/define.h"

#include <genkit/tool.h>

static unsigned freed;
static gk_error err;

static void count_free(void *user)
{
	ck_assert_ptr_eq(user, &freed);
	freed++;
}

static gk_code define(const gk_tool_opts *opts)
{
	gk_error_clear(&err);
	return gk_define_tool(core_app, opts, &err);
}

static json_t *metadata_of(const char *key)
{
	gk_action *action = gk_app_find_action_peek(core_app, key);

	ck_assert_ptr_nonnull(action);
	return gk_action_metadata_peek(action);
}

/* --- definition --- */

START_TEST(a_tool_needs_what_a_model_reads)
{
	ck_assert_int_eq(
		define(GK_OPTS(gk_tool_opts, .name = "t", .run = core_echo)), GK_INVALID_ARGUMENT);
	assert_error(&err, GK_INVALID_ARGUMENT,
		"a tool needs a name and a description: the model reads both");
	ck_assert_int_eq(define(GK_OPTS(gk_tool_opts, .description = "d", .run = core_echo)),
		GK_INVALID_ARGUMENT);
	ck_assert_int_eq(define(GK_OPTS(gk_tool_opts, .name = "t", .description = "d",
				 .is_multipart = true)),
		GK_INVALID_ARGUMENT);
	assert_error(&err, GK_INVALID_ARGUMENT, "tool t is an interrupt: it cannot be multipart");
}
END_TEST

START_TEST(a_tool_has_a_twin_that_wraps_its_output)
{
	gk_auto_json json_t *plain = NULL, *wrapped = NULL;

	ck_assert_int_eq(define(GK_OPTS(gk_tool_opts, .name = "t", .description = "d",
				 .input = "number", .output = "number", .run = core_echo)),
		GK_OK);
	plain = core_run("/tool/t", json("7"));
	wrapped = core_run("/tool.v2/t", json("7"));
	assert_json(plain, "7");
	assert_json(wrapped, "{'output':7}");
	assert_json(metadata_of("/tool/t"), "{'type':'tool'}");
	assert_json(metadata_of("/tool.v2/t"),
		"{'type':'tool.v2','tool':{'multipart':true},'dynamic':true}");
	core_fail("/tool/t", json("'x'"), GK_INVALID_ARGUMENT, NULL);
	core_fail("/tool.v2/t", json("'x'"), GK_INVALID_ARGUMENT, NULL);
}
END_TEST

START_TEST(a_multipart_tool_stands_alone_and_gives_parts)
{
	gk_auto_json json_t *result = NULL;

	ck_assert_int_eq(define(GK_OPTS(gk_tool_opts, .name = "m", .description = "d",
				 .is_multipart = true, .run = core_echo)),
		GK_OK);
	ck_assert_ptr_null(gk_app_find_action_peek(core_app, "/tool/m"));
	assert_json(metadata_of("/tool.v2/m"), "{'type':'tool.v2','tool':{'multipart':true}}");
	result = core_run("/tool.v2/m", json("{'content': [{'text': 'a'}]}"));
	assert_json(result, "{'content':[{'text':'a'}]}");
	core_fail("/tool.v2/m", json("{'content': 7}"), GK_INVALID_ARGUMENT, NULL);
}
END_TEST

START_TEST(a_dynamic_tool_is_made_and_not_registered)
{
	gk_action *tool = NULL;

	ck_assert_int_eq(gk_tool_new(core_app,
				 GK_OPTS(gk_tool_opts, .name = "t", .description = "d",
					 .run = core_echo, .user = &freed, .free_user = count_free),
				 &tool, NULL),
		GK_OK);
	ck_assert_str_eq(gk_action_key(tool), "/tool/t");
	assert_json(gk_action_metadata_peek(tool), "{'type':'tool','dynamic':true}");
	ck_assert_ptr_null(gk_app_find_action_peek(core_app, "/tool/t"));
	freed = 0;
	gk_action_unref(tool);
	ck_assert_uint_eq(freed, 1);
}
END_TEST

START_TEST(the_user_pointer_is_freed_with_the_last_form_and_never_when_defining_fails)
{
	freed = 0;
	ck_assert_int_eq(
		gk_define_action(core_app,
			GK_OPTS(gk_action_opts, .type = "tool.v2", .name = "t", .run = core_echo),
			NULL),
		GK_OK);
	ck_assert_int_eq(define(GK_OPTS(gk_tool_opts, .name = "t", .description = "d",
				 .run = core_echo, .user = &freed, .free_user = count_free)),
		GK_ALREADY_EXISTS);
	ck_assert_ptr_null(gk_app_find_action_peek(core_app, "/tool/t")); /* both or none */
	ck_assert_uint_eq(freed, 0);
	ck_assert_int_eq(define(GK_OPTS(gk_tool_opts, .name = "u", .description = "d",
				 .run = core_echo, .user = &freed, .free_user = count_free)),
		GK_OK);
	gk_app_remove_action(core_app, "/tool/u");
	ck_assert_uint_eq(freed, 0);
	gk_app_remove_action(core_app, "/tool.v2/u");
	ck_assert_uint_eq(freed, 1);
}
END_TEST

/* --- interrupts --- */

static gk_code ask(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	json_t *resumed = gk_ctx_resumed(ctx);

	if (!resumed)
		return gk_interrupt(ctx, json_incref(input), error);
	*ret = json_incref(resumed);
	return GK_OK;
}

START_TEST(an_interrupt_is_an_error_that_is_known_for_one)
{
	gk_auto_json json_t *input = json("{'why': 'ask'}");
	const gk_error *error;
	gk_run *run;

	ck_assert_int_eq(
		define(GK_OPTS(gk_tool_opts, .name = "t", .description = "d", .run = ask)), GK_OK);
	run = core_begin(GK_OPTS(gk_run_opts, .key = "/tool/t", .input = input));
	core_finish(run);
	error = gk_run_error_peek(run);
	ck_assert(gk_error_is_interrupt(error));
	assert_json(error->details, "{'why':'ask'}");
	ck_assert_str_eq(json_string_value(json_object_get(
				 core_attributes("t"), "genkit:metadata:interrupt")),
		"{\"why\":\"ask\"}");
	gk_run_unref(run);
	ck_assert(!gk_error_is_interrupt(NULL));
	ck_assert(!gk_error_is_interrupt(&(gk_error){ .code = GK_ABORTED }));
}
END_TEST

static gk_code call_resumed(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	return gk_call_action(&(gk_call){ .action = gk_app_find_action_peek(core_app, "/tool/t"),
				      .parent = ctx,
				      .request_metadata = input },
		ret, error);
}

START_TEST(what_resumes_a_tool_is_what_javascript_takes_for_true)
{
	static const struct {
		const char *resumed, *expected;
	} all[] = { { "true", "true" }, { "{'a': 1}", "{'a':1}" }, { "'x'", "'x'" }, { "7", "7" },
		{ "false", NULL }, { "null", NULL }, { "0", NULL }, { "''", NULL } };

	ck_assert_int_eq(
		define(GK_OPTS(gk_tool_opts, .name = "t", .description = "d", .run = ask)), GK_OK);
	core_flow("f", call_resumed, NULL);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		gk_auto_json json_t *metadata = json_pack("{s:o}", "resumed", json(all[i].resumed));
		gk_run *run = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/f", .input = metadata));

		core_finish(run);
		if (all[i].expected)
			assert_json(gk_run_result_peek(run), all[i].expected);
		else
			ck_assert(gk_error_is_interrupt(gk_run_error_peek(run)));
		gk_run_unref(run);
	}
}
END_TEST

START_TEST(answers_name_the_request_they_answer)
{
	gk_auto_json json_t *interrupt = json(
		"{'toolRequest': {'name': 't', 'ref': 'r', 'input': {'a': 1}}, 'metadata': {'interrupt': true}}");
	gk_auto_json json_t *answer = json("'yes'"), *input = json("{'a': 2}");
	gk_auto_json json_t *response = gk_tool_respond(interrupt, answer, NULL);
	gk_auto_json json_t *again = gk_tool_restart(interrupt, NULL, NULL);
	gk_auto_json json_t *changed = gk_tool_restart(interrupt, answer, input);

	assert_json(response,
		"{'toolResponse':{'name':'t','ref':'r','output':'yes'},'metadata':{'interruptResponse':true}}");
	assert_json(again,
		"{'toolRequest':{'name':'t','ref':'r','input':{'a':1}},'metadata':{'interrupt':true,'resumed':true}}");
	assert_json(changed,
		"{'toolRequest':{'name':'t','ref':'r','input':{'a':2}},'metadata':{'interrupt':true,"
		"'replacedInput':{'a':1},'resumed':'yes'}}");
}
END_TEST

static gk_code answer_from_outside(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	gk_auto_json json_t *interrupt =
		json("{'toolRequest':{'name':'pay','input':{'euro':500}}}");
	gk_auto_json json_t *stranger = json("{'toolRequest':{'name':'nobody'}}");
	gk_auto_json json_t *good = json("'paid'"), *bad = json("7"), *less = json("{'euro':5}");
	gk_auto_json json_t *response = NULL, *again = NULL, *same = NULL, *none = NULL;

	(void)input, (void)ret;
	ck_assert_int_eq(
		gk_tool_respond_checked(ctx, interrupt, good, NULL, &response, error), GK_OK);
	ck_assert_int_eq(gk_tool_restart_checked(ctx, interrupt, NULL, less, &again, error), GK_OK);
	assert_json(gk_json_at_peek(again, "toolRequest.input"), "{'euro':5}");
	ck_assert_int_eq(gk_tool_restart_checked(ctx, interrupt, NULL, NULL, &same, error), GK_OK);
	ck_assert_int_eq(gk_tool_respond_checked(ctx, interrupt, bad, NULL, &none, error),
		GK_INVALID_ARGUMENT);
	gk_error_clear(error);
	ck_assert_int_eq(gk_tool_restart_checked(ctx, interrupt, NULL, bad, &none, error),
		GK_INVALID_ARGUMENT);
	gk_error_clear(error);
	ck_assert_int_eq(
		gk_tool_respond_checked(ctx, bad, good, NULL, &none, error), GK_INVALID_ARGUMENT);
	assert_error(error, GK_INVALID_ARGUMENT, "this is no request for a tool");
	ck_assert_int_eq(
		gk_tool_respond_checked(ctx, stranger, good, NULL, &none, error), GK_INTERNAL);
	assert_error(error, GK_INTERNAL, "Tool nobody not found");
	return GK_OK;
}

START_TEST(answers_from_outside_are_held_to_the_schemas_of_the_tool)
{
	ck_assert_int_eq(
		gk_define_tool(core_app,
			GK_OPTS(gk_tool_opts, .name = "pay", .description = "d",
				.input = "euro: integer", .output = "string", .run = core_echo),
			NULL),
		GK_OK);
	core_in_run(answer_from_outside, NULL);
}
END_TEST

static gk_code late_input(void *user, gk_schema **ret, gk_error *error)
{
	gk_auto_json json_t *schema = json("{'type':'object','required':['euro']}");

	(void)user;
	return gk_schema_compile(schema, NULL, NULL, ret, error);
}

static gk_code late_about(void *user, gk_action_about *ret, gk_error *error)
{
	return late_input(user, &ret->input, error);
}

static gk_code restart_from_outside(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	gk_auto_json json_t *interrupt = json("{'toolRequest':{'name':'/prompt/late'}}");
	gk_auto_json json_t *good = json("{'euro':5}"), *bad = json("{}"), *none = NULL,
			    *again = NULL;

	(void)input, (void)ret;
	ck_assert_int_eq(gk_tool_restart_checked(ctx, interrupt, NULL, good, &again, error), GK_OK);
	ck_assert_int_eq(gk_tool_restart_checked(ctx, interrupt, NULL, bad, &none, error),
		GK_INVALID_ARGUMENT);
	gk_error_clear(error);
	return GK_OK;
}

START_TEST(answers_are_held_to_a_schema_that_is_told_late)
{
	static const gk_action_late late = { late_input, late_about };

	ck_assert_int_eq(
		gk_action_define(core_app,
			GK_OPTS(gk_action_opts, .type = "prompt", .name = "late", .run = core_echo),
			&(const gk_action_parts){ .late = &late }, NULL),
		GK_OK);
	core_in_run(restart_from_outside, NULL);
}
END_TEST

/* --- without memory --- */

static bool is_half_defined;

static bool define_one(void)
{
	gk_code rc = gk_define_tool(core_app,
		GK_OPTS(gk_tool_opts, .name = "t", .description = "d", .input = "number",
			.run = core_echo, .user = &freed, .free_user = NULL),
		NULL);
	bool is_there = gk_app_find_action_peek(core_app, "/tool/t"),
	     has_twin = gk_app_find_action_peek(core_app, "/tool.v2/t");

	is_half_defined |= is_there != (rc == GK_OK) || has_twin != (rc == GK_OK);
	gk_app_remove_action(core_app, "/tool/t");
	gk_app_remove_action(core_app, "/tool.v2/t");
	return rc == GK_OK;
}

static bool answer_one(void)
{
	gk_auto_json json_t *interrupt =
		json_pack("{s:{s:s, s:i}}", "toolRequest", "name", "t", "input", 1);
	gk_auto_json json_t *response =
		interrupt ? gk_tool_respond(interrupt, interrupt, NULL) : NULL;
	gk_auto_json json_t *again = interrupt ? gk_tool_restart(interrupt, NULL, interrupt) : NULL;

	return response && again;
}

START_TEST(tools_survive_a_lack_of_memory)
{
	is_half_defined = false;
	fault_sweep(define_one);
	fault_sweep(answer_one);
	ck_assert(!is_half_defined);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("tool");
	TCase *t = tcase_create("tools");

	tcase_add_checked_fixture(t, core_start, core_stop);
	tcase_add_test(t, a_tool_needs_what_a_model_reads);
	tcase_add_test(t, a_tool_has_a_twin_that_wraps_its_output);
	tcase_add_test(t, a_multipart_tool_stands_alone_and_gives_parts);
	tcase_add_test(t, a_dynamic_tool_is_made_and_not_registered);
	tcase_add_test(
		t, the_user_pointer_is_freed_with_the_last_form_and_never_when_defining_fails);
	tcase_add_test(t, an_interrupt_is_an_error_that_is_known_for_one);
	tcase_add_test(t, what_resumes_a_tool_is_what_javascript_takes_for_true);
	tcase_add_test(t, answers_name_the_request_they_answer);
	tcase_add_test(t, answers_from_outside_are_held_to_the_schemas_of_the_tool);
	tcase_add_test(t, answers_are_held_to_a_schema_that_is_told_late);
	tcase_add_test(t, tools_survive_a_lack_of_memory);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
