/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Prompts of .prompt documents, as actions and as flows. */
#include "models.h"

#include "ai/prompt_file.h"
#include "base/limits.h"

#include <stdio.h>

#define DONE        "{'message':{'role':'model','content':[{'text':'done'}]},'finishReason':'stop'}"
#define TEXT(chunk) "{'role':'model','content':[{'text':'" chunk "'}]}"

static gk_code try_define(const char *name, const char *source, const char *mistake, gk_error *err)
{
	gk_auto_prompt_document gk_prompt_document *doc = NULL;
	gk_code rc = gk_prompt_document_parse(source, strlen(source), "x.prompt", &doc, err);

	return rc == GK_OK ? gk_prompt_file_define(core_app,
				     &(gk_prompt_file_opts){ .name = name,
					     .document = doc,
					     .mistake = mistake,
					     .is_flow = true },
				     err)
			   : rc;
}

static void define(const char *name, const char *source)
{
	gk_error err = { 0 };

	if (try_define(name, source, NULL, &err) != GK_OK)
		ck_abort_msg("%s", err.message);
}

static json_t *descriptor(const char *key)
{
	const gk_action *action = gk_app_find_action_peek(core_app, key);

	ck_assert_ptr_nonnull(action);
	return gk_action_metadata_peek(action);
}

static const char menu[] = "---\n"
			   "model: scripted\n"
			   "description: A menu.\n"
			   "config: {temperature: 0.5}\n"
			   "tools: [add]\n"
			   "maxTurns: 3\n"
			   "metadata: {team: kitchen}\n"
			   "input:\n"
			   "  schema: {theme: string, count?: integer}\n"
			   "  default: {theme: pirate}\n"
			   "---\n"
			   "{{role \"system\"}}Cook.{{role \"user\"}}A {{theme}} menu";

START_TEST(a_document_is_a_prompt_with_the_metadata_of_its_front_matter)
{
	json_t *metadata;

	define("trip/menu", menu);
	metadata = descriptor("/prompt/trip/menu");
	ck_assert_str_eq(gk_json_str_peek(metadata, "type"), "prompt");
	ck_assert_str_eq(gk_json_str_peek(metadata, "prompt.name"), "trip/menu");
	ck_assert_str_eq(gk_json_str_peek(metadata, "prompt.model"), "scripted");
	ck_assert_str_eq(gk_json_str_peek(metadata, "prompt.template"), strstr(menu, "{{role"));
	ck_assert_str_eq(gk_json_str_peek(metadata, "prompt.input.schema.required[0]"), "theme");
	ck_assert_str_eq(gk_json_str_peek(metadata, "metadata.team"), "kitchen");
	assert_json(gk_json_at_peek(metadata, "prompt.use"), "[]");
	ck_assert_ptr_null(json_object_get(metadata, "error"));
}
END_TEST

START_TEST(a_document_without_schema_tells_of_no_schema)
{
	define("hi", "Hi");
	assert_json(gk_json_at_peek(descriptor("/executable-prompt/hi"), "prompt.input"), "{}");
}
END_TEST

START_TEST(a_default_of_the_document_counts_before_the_input_is_validated)
{
	gk_auto_json json_t *request = NULL, *other = NULL;

	define("menu", menu);
	request = core_run("/executable-prompt/menu", NULL);
	assert_json(json_object_get(request, "messages"),
		"[{'role':'system','content':[{'text':'Cook.'}]},"
		"{'role':'user','content':[{'text':'A pirate menu'}]}]");
	assert_json(json_object_get(request, "config"), "{'temperature':0.5}");
	assert_json(json_object_get(request, "tools"), "['/tool/add']");
	assert_json(json_object_get(request, "maxTurns"), "3");
	other = core_run("/prompt/menu", json("{'theme': 'space'}"));
	ck_assert_str_eq(gk_json_str_peek(other, "messages[1].content[0].text"), "A space menu");
	core_fail("/prompt/menu", json("{'count': 'many'}"), GK_INVALID_ARGUMENT, "");
}
END_TEST

START_TEST(a_prompt_of_a_document_asks_its_model_as_a_flow)
{
	gk_auto_json json_t *text = NULL;

	models_script("[{'chunks': [" TEXT("do") "," TEXT("ne") "], 'resp': " DONE "}]");
	define("menu", menu);
	text = core_run("/flow/prompts/menu", NULL);
	assert_json(text, "'done'");
	assert_json(
		json_object_get(json_array_get(models_saw, 0), "config"), "{'temperature':0.5}");
}
END_TEST

START_TEST(a_flow_of_a_prompt_hands_on_the_chunks)
{
	core_sink sink;
	gk_run *run;

	core_sink_init(&sink);
	models_script("[{'chunks': [" TEXT("do") "," TEXT("ne") "], 'resp': " DONE "}]");
	define("menu", menu);
	run = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/prompts/menu", .is_streaming = true,
		.sink = &sink.base));
	core_finish(run);
	ck_assert_uint_eq(json_array_size(sink.chunks), 2);
	ck_assert_str_eq(gk_json_str_peek(sink.chunks, "[1].content[0].text"), "ne");
	gk_run_unref(run);
	core_sink_done(&sink);
}
END_TEST

START_TEST(a_flow_of_a_prompt_with_an_output_schema_gives_a_value)
{
	gk_auto_json json_t *value = NULL;

	models_script(
		"[{'message':{'role':'model','content':[{'text':'{\\\"dish\\\":\\\"soup\\\"}'}]},"
		"'finishReason':'stop'}]");
	define("dish",
		"---\nmodel: scripted\noutput:\n  format: json\n  schema: {dish: string}\n---\nA dish");
	value = core_run("/flow/prompts/dish", NULL);
	assert_json(value, "{'dish':'soup'}");
}
END_TEST

START_TEST(a_newer_document_takes_the_place_of_an_older_one_and_a_broken_one_does_not)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *after = NULL;

	define("a", "one");
	define("a", "two");
	ck_assert_int_eq(try_define("a", "{{#if x}}", NULL, &err), GK_INVALID_ARGUMENT);
	ck_assert_ptr_nonnull(strstr(err.message, "x.prompt:1:"));
	after = core_run("/prompt/a", NULL);
	ck_assert_str_eq(gk_json_str_peek(after, "messages[0].content[0].text"), "two");
}
END_TEST

START_TEST(front_matter_of_a_wrong_type_is_refused_by_its_name)
{
	static const struct {
		const char *line, *message;
	} rows[] = {
		{ "model: [x]", "x.prompt:2:1: model must be a text" },
		{ "tools: add", "x.prompt:2:1: tools must be a list of names" },
		{ "tools: [1]", "x.prompt:2:1: tools must be a list of names" },
		{ "input: 7", "x.prompt:2:1: input must be a mapping" },
		{ "maxTurns: many", "x.prompt:2:1: maxTurns must be a number" },
		{ "returnToolRequests: 1",
			"x.prompt:2:1: returnToolRequests must be true or false" },
		{ "use: [{x: 1}]",
			"x.prompt:2:1: use must be a list of names or of mappings with a name" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		gk_auto_error gk_error err = { 0 };
		gk_auto_str char *source = NULL;

		ck_assert_int_gt(asprintf(&source, "---\n%s\n---\nHi", rows[i].line), 0);
		ck_assert_int_eq(try_define("a", source, NULL, &err), GK_INVALID_ARGUMENT);
		ck_assert_str_eq(err.message, rows[i].message);
	}
}
END_TEST

START_TEST(a_document_does_not_take_the_place_of_a_prompt_of_code)
{
	gk_auto_error gk_error err = { 0 };

	ck_assert_int_eq(gk_define_prompt(core_app,
				 GK_OPTS(gk_prompt_opts, .name = "a", .prompt = "code"), NULL),
		GK_OK);
	ck_assert_int_eq(try_define("a", "file", NULL, &err), GK_ALREADY_EXISTS);
	ck_assert(!gk_prompt_file_remove(core_app, "a", NULL));
	ck_assert_ptr_nonnull(gk_app_find_action_peek(core_app, "/prompt/a"));
}
END_TEST

START_TEST(a_prompt_says_what_is_wrong_with_its_file)
{
	ck_assert_int_eq(try_define("a", "good", "x.prompt:3:1: bad", NULL), GK_OK);
	ck_assert_str_eq(gk_json_str_peek(descriptor("/prompt/a"), "error"), "x.prompt:3:1: bad");
}
END_TEST

START_TEST(what_has_no_good_version_is_listed_with_its_mistake_and_fails_with_it)
{
	gk_auto_error gk_error err = { 0 };

	ck_assert_int_eq(
		gk_prompt_file_set_mistake(core_app, "a", "v", "p/a.v.prompt:3:1: bad", &err),
		GK_OK);
	assert_json(descriptor("/prompt/a.v"),
		"{'type':'prompt','prompt':{'name':'a','variant':'v'},'error':'p/a.v.prompt:3:1: bad'}");
	ck_assert_ptr_null(gk_app_find_action_peek(core_app, "/executable-prompt/a.v"));
	ck_assert_ptr_null(gk_app_find_action_peek(core_app, "/flow/prompts/a.v"));
	core_fail("/prompt/a.v", NULL, GK_FAILED_PRECONDITION,
		"the prompt is broken: p/a.v.prompt:3:1: bad");
	ck_assert(!gk_prompt_file_serves(core_app, "a", "v"));
	ck_assert(gk_prompt_file_remove(core_app, "a", "v"));
	ck_assert_ptr_null(gk_app_find_action_peek(core_app, "/prompt/a.v"));
	ck_assert_int_eq(gk_prompt_file_set_mistake(core_app, "a", NULL, "bad", &err), GK_OK);
	define("a", "good");
	ck_assert(gk_prompt_file_serves(core_app, "a", NULL));
	ck_assert_ptr_null(gk_json_str_peek(descriptor("/prompt/a"), "error"));
}
END_TEST

START_TEST(a_schema_that_there_is_not_is_missed_when_the_prompt_is_used)
{
	define("a", "---\ninput: {schema: Late}\n---\nHi {{x}}");
	core_fail("/prompt/a", json("{'x':1}"), GK_NOT_FOUND, "Schema 'Late' not found");
	ck_assert_str_eq(
		gk_json_str_peek(descriptor("/prompt/a"), "error"), "Schema 'Late' not found");
	ck_assert_int_eq(gk_define_schema(core_app, "Late", "x: string", NULL), GK_OK);
	ck_assert_ptr_null(gk_json_str_peek(descriptor("/prompt/a"), "error"));
	core_fail("/prompt/a", json("{'x':1}"), GK_INVALID_ARGUMENT, "");
	json_decref(core_run("/prompt/a", json("{'x':'y'}")));
}
END_TEST

START_TEST(of_many_prompts_those_asked_last_are_awake_and_all_of_them_answer)
{
	gk_prompt_body *first;

	for (int i = 0; i <= GK_MAX_PROMPTS_AWAKE; i++) {
		gk_auto_str char *name = NULL, *source = NULL;

		ck_assert_int_gt(asprintf(&name, "p%d", i), 0);
		ck_assert_int_gt(
			asprintf(&source, "---\ninput: {schema: {x: string}}\n---\n%d {{x}}", i),
			0);
		define(name, source);
	}
	first = gk_prompt_body_peek(gk_app_find_action_peek(core_app, "/prompt/p0"));
	for (int round = 0; round < 2; round++) {
		gk_auto_json json_t *said = core_run("/prompt/p0", json("{'x':'y'}"));

		ck_assert_str_eq(gk_json_str_peek(said, "messages[0].content[0].text"), "0 y");
		ck_assert_ptr_nonnull(first->base);
		for (int i = 1; round == 0 && i <= GK_MAX_PROMPTS_AWAKE; i++) {
			gk_auto_str char *key = NULL;

			ck_assert_int_gt(asprintf(&key, "/prompt/p%d", i), 0);
			json_decref(core_run(key, json("{'x':'y'}")));
			ck_assert((first->base != NULL) == (i < GK_MAX_PROMPTS_AWAKE));
		}
	}
}
END_TEST

static gk_code count_and_remove(const char *key, json_t *descriptor, void *user, gk_error *err)
{
	unsigned *count = user;

	(void)descriptor, (void)err;
	if (strncmp(key, "/prompt/p", 9) == 0 && ++*count == GK_LIST_SLICE)
		gk_prompt_file_remove(core_app, "p100", NULL);
	return GK_OK;
}

static gk_code list_all(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	unsigned *count = gk_ctx_user(ctx);
	gk_auto_json json_t *all = NULL;
	gk_code rc = gk_app_list_actions(core_app, &all, err);

	(void)input;
	ck_assert_ptr_nonnull(json_object_get(all, "/flow/prompts/p3"));
	if (rc == GK_OK)
		rc = gk_app_each_action(core_app, count_and_remove, count, err);
	*ret = json_null();
	return rc;
}

START_TEST(very_many_prompts_are_listed_in_slices_and_may_change_meanwhile)
{
	unsigned count = 0;

	for (int i = 0; i < 2 * GK_LIST_SLICE; i++) {
		gk_auto_str char *name = NULL;

		ck_assert_int_gt(asprintf(&name, "p%d", i), 0);
		define(name, "Hi");
	}
	core_in_run(list_all, &count);
	ck_assert_uint_eq(count, 2 * GK_LIST_SLICE - 1);
}
END_TEST

START_TEST(a_removed_prompt_leaves_nothing)
{
	static const char *const keys[] = { "/prompt/a", "/executable-prompt/a",
		"/flow/prompts/a" };

	define("a", "good");
	ck_assert(gk_prompt_file_remove(core_app, "a", NULL));
	for (size_t i = 0; i < 3; i++)
		ck_assert_ptr_null(gk_app_find_action_peek(core_app, keys[i]));
	ck_assert(!gk_prompt_file_remove(core_app, "a", NULL));
}
END_TEST

static gk_code answer(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	*ret = json_incref(input);
	return GK_OK;
}

START_TEST(a_flow_of_code_stays_when_a_prompt_without_one_goes)
{
	ck_assert_int_eq(gk_prompt_file_set_mistake(core_app, "a", NULL, "bad", NULL), GK_OK);
	core_flow("prompts/a", answer, NULL);
	ck_assert(gk_prompt_file_remove(core_app, "a", NULL));
	ck_assert_ptr_null(gk_app_find_action_peek(core_app, "/prompt/a"));
	ck_assert_ptr_nonnull(gk_app_find_action_peek(core_app, "/flow/prompts/a"));
}
END_TEST

START_TEST(what_cannot_be_registered_leaves_what_stands_there)
{
	gk_auto_error gk_error err = { 0 };

	ck_assert_int_eq(gk_prompt_file_set_mistake(core_app, "a", NULL, "bad", NULL), GK_OK);
	core_flow("prompts/a", answer, NULL);
	ck_assert_int_eq(try_define("a", "good", NULL, &err), GK_ALREADY_EXISTS);
	ck_assert_str_eq(gk_json_str_peek(descriptor("/prompt/a"), "error"), "bad");
	ck_assert_ptr_null(gk_app_find_action_peek(core_app, "/executable-prompt/a"));
	core_fail("/prompt/a", NULL, GK_FAILED_PRECONDITION, "the prompt is broken: bad");
}
END_TEST

static bool has_lost; /* an assertion would need memory, too */

static bool define_another(void)
{
	static const char *const keys[] = { "/prompt/a", "/executable-prompt/a",
		"/flow/prompts/a" };
	gk_action *before = gk_app_find_action_peek(core_app, keys[0]);
	bool is_defined = try_define("a", menu, NULL, NULL) == GK_OK;

	for (size_t i = 0; i < 3; i++)
		has_lost |= !gk_app_find_action_peek(core_app, keys[i]);
	has_lost |= (gk_app_find_action_peek(core_app, keys[0]) != before) != is_defined;
	return is_defined;
}

START_TEST(an_older_version_stays_where_memory_ends)
{
	define("a", "one");
	fault_sweep(define_another);
	ck_assert(!has_lost);
}
END_TEST

static bool break_one(void)
{
	bool is_told = gk_prompt_file_set_mistake(core_app, "b", NULL, "bad", NULL) == GK_OK;

	has_lost |= !gk_app_find_action_peek(core_app, "/prompt/b");
	return is_told;
}

START_TEST(an_older_mistake_stays_where_memory_ends)
{
	ck_assert_int_eq(gk_prompt_file_set_mistake(core_app, "b", NULL, "worse", NULL), GK_OK);
	fault_sweep(break_one);
	ck_assert(!has_lost);
	ck_assert_str_eq(gk_json_str_peek(descriptor("/prompt/b"), "error"), "bad");
}
END_TEST

static bool define_one(void)
{
	gk_error err = { 0 };
	gk_code rc = try_define("swept", menu, "a mistake", &err);

	gk_error_clear(&err);
	gk_prompt_file_remove(core_app, "swept", NULL);
	return rc == GK_OK;
}

START_TEST(a_document_without_memory_is_not_defined)
{
	fault_sweep(define_one);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("prompt_file");
	TCase *tests = tcase_create("prompt_file");

	tcase_add_checked_fixture(tests, models_start, models_stop);
	tcase_add_test(tests, a_document_is_a_prompt_with_the_metadata_of_its_front_matter);
	tcase_add_test(tests, a_document_without_schema_tells_of_no_schema);
	tcase_add_test(tests, a_default_of_the_document_counts_before_the_input_is_validated);
	tcase_add_test(tests, a_prompt_of_a_document_asks_its_model_as_a_flow);
	tcase_add_test(tests, a_flow_of_a_prompt_hands_on_the_chunks);
	tcase_add_test(tests, a_flow_of_a_prompt_with_an_output_schema_gives_a_value);
	tcase_add_test(
		tests, a_newer_document_takes_the_place_of_an_older_one_and_a_broken_one_does_not);
	tcase_add_test(tests, front_matter_of_a_wrong_type_is_refused_by_its_name);
	tcase_add_test(tests, a_document_does_not_take_the_place_of_a_prompt_of_code);
	tcase_add_test(tests, a_prompt_says_what_is_wrong_with_its_file);
	tcase_add_test(
		tests, what_has_no_good_version_is_listed_with_its_mistake_and_fails_with_it);
	tcase_add_test(tests, a_schema_that_there_is_not_is_missed_when_the_prompt_is_used);
	tcase_add_test(tests, of_many_prompts_those_asked_last_are_awake_and_all_of_them_answer);
	tcase_add_test(tests, very_many_prompts_are_listed_in_slices_and_may_change_meanwhile);
	tcase_add_test(tests, a_removed_prompt_leaves_nothing);
	tcase_add_test(tests, a_flow_of_code_stays_when_a_prompt_without_one_goes);
	tcase_add_test(tests, what_cannot_be_registered_leaves_what_stands_there);
	tcase_add_test(tests, an_older_version_stays_where_memory_ends);
	tcase_add_test(tests, an_older_mistake_stays_where_memory_ends);
	tcase_add_test(tests, a_document_without_memory_is_not_defined);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
