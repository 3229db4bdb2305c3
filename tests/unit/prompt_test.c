/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Prompts as C code defines and runs them; what the wire sees of them is replayed by the conformance runner. */
#include "models.h"

#include <genkit/prompt.h>

#define DONE "{'message':{'role':'model','content':[{'text':'done'}]},'finishReason':'stop'}"

static void define(const gk_prompt_opts *opts)
{
	gk_error err = { 0 };

	if (gk_define_prompt(core_app, opts, &err) != GK_OK)
		ck_abort_msg("%s", err.message);
}

/* Runs the prompt `user` with the flow's input. */
static gk_code run_prompt(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *history = json("[{'role':'user','content':[{'text':'before'}]}]");
	gk_auto_response gk_response *response = NULL;
	gk_code rc = gk_run_prompt(ctx, gk_ctx_user(ctx), input,
		GK_OPTS(gk_generate_opts, .messages = history), &response, err);

	if (rc == GK_OK)
		*ret = json_string(gk_response_text(response));
	return rc;
}

START_TEST(a_prompt_puts_the_callers_messages_before_its_own)
{
	gk_auto_json json_t *result = NULL, *context = json("{'who':'me'}");

	models_script("[" DONE "]");
	define(GK_OPTS(gk_prompt_opts, .name = "menu", .variant = "short", .system = "S {{theme}}",
		.prompt = "U {{theme}} {{@who}}", .max_turns = 2));
	core_flow("f", run_prompt, "menu.short");
	ck_assert_int_eq(gk_set_context(core_app, context, NULL), GK_OK);
	result = core_run("/flow/f", json("{'theme': 'pirate'}"));
	assert_json(result, "'done'");
	assert_json(json_object_get(json_array_get(models_saw, 0), "messages"),
		"[{'role':'system','content':[{'text':'S pirate'}]},"
		"{'role':'user','content':[{'text':'before'}]},"
		"{'role':'user','content':[{'text':'U pirate me'}]}]");
}
END_TEST

START_TEST(a_prompt_leaves_a_span_with_its_rendering_and_its_call)
{
	static const char *const expected[] = {
		"/{f,t:flow}/{menu,t:dotprompt}/{render,t:promptTemplate}",
		"/{f,t:flow}/{menu,t:dotprompt}/{generate,t:util}/{scripted,t:action,s:model}",
		"/{f,t:flow}/{menu,t:dotprompt}/{generate,t:util}",
		"/{f,t:flow}/{menu,t:dotprompt}",
		"/{f,t:flow}",
	};
	gk_auto_json json_t *result = NULL;

	models_script("[" DONE "]");
	define(GK_OPTS(gk_prompt_opts, .name = "menu", .prompt = "hi"));
	core_flow("f", run_prompt, "menu");
	result = core_run("/flow/f", NULL);
	ck_assert_uint_eq(json_array_size(core_spans), 5);
	for (size_t i = 0; i < 5; i++)
		ck_assert_str_eq(
			gk_json_str_peek(json_array_get(core_spans, i), "path"), expected[i]);
	ck_assert_str_eq(
		gk_json_str_peek(core_attributes("render"), "genkit:metadata:promptName"), "menu");
}
END_TEST

static gk_code give_history(
	gk_ctx *ctx, json_t *input, json_t *history, void *user, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	ck_assert_str_eq(user, "the user");
	*ret = json_pack("[O, {s:s, s:[{s:O}]}]", json_array_get(history, 0), "role", "model",
		"content", "text", json_object_get(input, "theme"));
	return GK_OK;
}

static gk_code give_part(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	*ret = json_pack("{s:O}", "data", json_object_get(input, "theme"));
	return GK_OK;
}

static gk_code give_docs(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)err;
	*ret = json_pack("[{s:[{s:s}]}]", "content", "text", "a document");
	return GK_OK;
}

START_TEST(a_prompt_may_be_made_of_functions)
{
	gk_auto_json json_t *result = NULL;

	models_script("[" DONE "]");
	define(GK_OPTS(gk_prompt_opts, .name = "menu", .system_fn = give_part,
		.messages_fn = give_history, .prompt = "hi", .docs_fn = give_docs,
		.user = "the user"));
	core_flow("f", run_prompt, "menu");
	result = core_run("/flow/f", json("{'theme': 'pirate'}"));
	assert_json(json_object_get(json_array_get(models_saw, 0), "messages"),
		"[{'role':'system','content':[{'data':'pirate'}]},"
		"{'role':'user','content':[{'text':'before'}]},"
		"{'role':'model','content':[{'text':'pirate'}]},"
		"{'role':'user','content':[{'text':'hi'},{'text':'\\n\\nUse the following "
		"information to complete your task:\\n\\n- [0]: a document\\n\\n',"
		"'metadata':{'purpose':'context'}}]}]");
}
END_TEST

START_TEST(a_prompt_is_a_tool_by_its_name)
{
	static const char *const tools[] = { "menu", NULL };
	gk_auto_json json_t *response = NULL;

	models_script("[{'message':{'role':'model','content':[{'toolRequest':{'name':'menu',"
		      "'input':{'theme':'x'}}}]}}," DONE "]");
	define(GK_OPTS(
		gk_prompt_opts, .name = "menu", .input = "theme: string", .prompt = "U {{theme}}"));
	response = models_generate(GK_OPTS(gk_generate_opts, .prompt = "hi", .tools = tools));
	assert_json(gk_json_at_peek(response,
			    "request.messages[2].content[0].toolResponse.output.messages"),
		"[{'role':'user','content':[{'text':'U x'}]}]");
}
END_TEST

START_TEST(a_template_that_is_none_defines_no_prompt)
{
	gk_error err = { 0 };

	ck_assert_int_eq(gk_define_prompt(core_app,
				 GK_OPTS(gk_prompt_opts, .name = "menu", .prompt = "{{#if}"), &err),
		GK_INVALID_ARGUMENT);
	ck_assert_ptr_nonnull(strstr(err.message, "menu (prompt)"));
	gk_error_clear(&err);
	ck_assert_ptr_null(gk_app_find_action_peek(core_app, "/prompt/menu"));
}
END_TEST

static gk_code shout(gk_helper_call *call, gk_error *err)
{
	gk_auto_str char *text = gk_helper_arg_text(call, 0, NULL);

	for (char *c = text; c && *c; c++)
		*c &= ~0x20;
	return gk_helper_write(call, text, strlen(text), err);
}

START_TEST(helpers_and_partials_are_the_applications)
{
	gk_auto_json json_t *result = NULL;

	models_script("[" DONE "]");
	ck_assert_int_eq(gk_define_helper(core_app, "shout", shout, NULL, NULL), GK_OK);
	ck_assert_int_eq(gk_define_partial(core_app, "bye", "bye {{name}}", NULL), GK_OK);
	define(GK_OPTS(gk_prompt_opts, .name = "menu", .prompt = "{{shout name}} {{>bye}}"));
	core_flow("f", run_prompt, "menu");
	result = core_run("/flow/f", json("{'name': 'bob'}"));
	assert_json(gk_json_at_peek(json_array_get(models_saw, 0), "messages[1].content"),
		"[{'text':'BOB bye bob'}]");
}
END_TEST

static bool define_one(void)
{
	gk_code rc = gk_define_prompt(core_app,
		GK_OPTS(gk_prompt_opts, .name = "swept", .model = "m", .system = "S {{x}}",
			.prompt = "U", .input = "x: string", .output_format = "json"),
		NULL);

	gk_app_remove_action(core_app, "/prompt/swept");
	gk_app_remove_action(core_app, "/executable-prompt/swept");
	return rc == GK_OK;
}

START_TEST(a_prompt_without_memory_is_not_defined)
{
	fault_sweep(define_one);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("prompt");
	TCase *tests = tcase_create("prompt");

	tcase_add_checked_fixture(tests, models_start, models_stop);
	tcase_add_test(tests, a_prompt_puts_the_callers_messages_before_its_own);
	tcase_add_test(tests, a_prompt_leaves_a_span_with_its_rendering_and_its_call);
	tcase_add_test(tests, a_prompt_may_be_made_of_functions);
	tcase_add_test(tests, a_prompt_is_a_tool_by_its_name);
	tcase_add_test(tests, a_template_that_is_none_defines_no_prompt);
	tcase_add_test(tests, helpers_and_partials_are_the_applications);
	tcase_add_test(tests, a_prompt_without_memory_is_not_defined);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
