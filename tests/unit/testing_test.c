/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The models for tests. */
#include "folder.h"
#include "models.h"

#include "base/limits.h"
#include "daemon/testing.h"

#include <genkit/testing.h>

#include <stdio.h>
#include <unistd.h>

static void start(void)
{
	models_start();
	ck_assert_int_eq(gk_define_test_models(core_app, NULL), GK_OK);
}

static void script(const char *text)
{
	gk_auto_json json_t *turns = json(text);
	gk_error err = { 0 };

	if (gk_test_script(core_app, turns, &err) != GK_OK)
		ck_abort_msg("%s", err.message);
}

START_TEST(the_echo_says_what_it_was_asked)
{
	gk_auto_json json_t *config = json("{'topK':1}"), *chunks = json_array(), *response = NULL;

	response = models_generate(GK_OPTS(gk_generate_opts, .model = "test/echo", .system = "S",
		.prompt = "hi", .config = config, .on_chunk = models_keep_chunk, .user = chunks));
	assert_json(gk_json_at_peek(response, "message.content"),
		"[{'text':'Echo: system: S,hi'},{'text':'; config: {\\'topK\\':1}'}]");
	ck_assert_uint_eq(json_array_size(chunks), 3);
	ck_assert_str_eq(gk_json_str_peek(json_array_get(chunks, 2), "content[0].text"), "1");
}
END_TEST

START_TEST(a_script_is_followed_turn_by_turn)
{
	gk_auto_json json_t *chunks = json_array(), *first = NULL, *third = NULL;
	const gk_generate_opts opts = { .size = sizeof(opts),
		.model = "test/programmable",
		.prompt = "hi",
		.on_chunk = models_keep_chunk,
		.user = chunks };

	script("[{'text':'one','chunks':['o',{'content':[{'text':'ne'}]}]},"
	       "{'status':'UNAVAILABLE','message':'later'},"
	       "{'message':{'role':'model','content':[{'text':'three'}]},'usage':{'inputTokens':1}}]");
	first = models_generate(&opts);
	ck_assert_str_eq(gk_json_str_peek(first, "message.content[0].text"), "one");
	ck_assert_uint_eq(json_array_size(chunks), 2);
	models_fail(&opts, GK_UNAVAILABLE, "later");
	third = models_generate(&opts);
	assert_json(json_object_get(third, "usage"), "{'inputTokens':1}");
	models_fail(&opts, GK_OUT_OF_RANGE,
		"the script of test/programmable has 3 turns, and none for this call");
	ck_assert_uint_eq(json_array_size(gk_test_calls_peek(core_app)), 4);
	gk_test_forget_calls(core_app);
	ck_assert_uint_eq(json_array_size(gk_test_calls_peek(core_app)), 0);
}
END_TEST

static void assert_says(const char *prompt, const char *text)
{
	gk_auto_json json_t *response = models_generate(
		GK_OPTS(gk_generate_opts, .model = "test/programmable", .prompt = prompt));

	ck_assert_str_eq(gk_json_str_peek(response, "message.content[0].text"), text);
}

START_TEST(a_turn_may_wait_for_what_suits_it)
{
	script("[{'text':'soup','when':'eat'},{'text':'hello'},{'text':'stew','when':'eat'}]");
	assert_says("hi", "hello");
	assert_says("what may I eat?", "soup");
	assert_says("eat", "stew");
	models_fail(GK_OPTS(gk_generate_opts, .model = "test/programmable", .prompt = "eat"),
		GK_OUT_OF_RANGE,
		"the script of test/programmable has 3 turns, and none for this call");
}
END_TEST

START_TEST(a_loop_begins_anew)
{
	script("{'loop':true,'turns':[{'text':'soup','when':'eat'},{'text':'one','when':'hi'},"
	       "{'text':'two','when':'hi'}]}");
	for (int i = 0; i < 3; i++) {
		assert_says("hi", "one");
		assert_says("eat", "soup");
		assert_says("hi", "two");
	}
	models_fail(GK_OPTS(gk_generate_opts, .model = "test/programmable", .prompt = "x"),
		GK_OUT_OF_RANGE,
		"the script of test/programmable has 3 turns, and none for this call");
}
END_TEST

START_TEST(other_names_may_follow_the_script)
{
	gk_auto_json json_t *response = NULL;

	ck_assert_int_eq(gk_define_test_models(core_app, NULL), GK_OK); /* again */
	ck_assert_int_eq(gk_define_test_model(core_app, "openai/gpt-4o", NULL), GK_OK);
	ck_assert_int_eq(gk_define_test_model(core_app, "openai/gpt-4o", NULL), GK_ALREADY_EXISTS);
	script("[{'text':'hello'}]");
	response = models_generate(
		GK_OPTS(gk_generate_opts, .model = "openai/gpt-4o", .prompt = "hi"));
	ck_assert_str_eq(gk_json_str_peek(response, "message.content[0].text"), "hello");
}
END_TEST

START_TEST(only_the_last_calls_are_remembered)
{
	for (int i = 0; i <= GK_MAX_TEST_CALLS; i++) {
		char text[16];

		snprintf(text, sizeof(text), "%d", i);
		json_decref(models_generate(
			GK_OPTS(gk_generate_opts, .model = "test/echo", .prompt = text)));
	}
	ck_assert_uint_eq(json_array_size(gk_test_calls_peek(core_app)), GK_MAX_TEST_CALLS);
	ck_assert_str_eq(gk_json_str_peek(json_array_get(gk_test_calls_peek(core_app), 0),
				 "messages[0].content[0].text"),
		"1");
}
END_TEST

START_TEST(what_is_no_script_is_refused)
{
	static const char *const wrong[] = { "{}", "['x']", "[{}]", "[{'status':'NOPE'}]",
		"[{'text':1}]", "{'turns':1}", "[{'text':'a','chunks':'b'}]",
		"[{'text':'a','when':1}]" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		gk_auto_json json_t *turns = json(wrong[i]);

		ck_assert_int_eq(gk_test_script(core_app, turns, NULL), GK_INVALID_ARGUMENT);
	}
}
END_TEST

static gk_code read_script_of(off_t size)
{
	static const char *const files[] = { "c.yaml", NULL };
	gk_auto_json json_t *turns = NULL;
	gk_config *config = NULL;
	gk_code rc;

	ck_assert_int_eq(truncate("s.yaml", size), 0);
	ck_assert_int_eq(
		gk_config_load(&(gk_config_sources){ .files = files }, &config, NULL), GK_OK);
	rc = gk_testing_read(core_app, config, &turns, NULL);
	gk_config_free(config);
	return rc;
}

START_TEST(a_script_in_a_file_has_a_limit)
{
	folder_make();
	folder_put("c.yaml", "testing: { script: s.yaml }\n");
	folder_put("s.yaml", "[{text: one}]\n");
	ck_assert_int_eq(read_script_of(14), GK_OK);
	ck_assert_int_eq(read_script_of(GK_MAX_YAML_TEXT), GK_INVALID_ARGUMENT); /* NUL */
	ck_assert_int_eq(read_script_of(GK_MAX_YAML_TEXT + 1), GK_RESOURCE_EXHAUSTED);
	folder_drop();
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("testing");
	TCase *tests = tcase_create("testing");

	tcase_add_checked_fixture(tests, start, models_stop);
	tcase_add_test(tests, the_echo_says_what_it_was_asked);
	tcase_add_test(tests, a_script_is_followed_turn_by_turn);
	tcase_add_test(tests, a_turn_may_wait_for_what_suits_it);
	tcase_add_test(tests, a_loop_begins_anew);
	tcase_add_test(tests, other_names_may_follow_the_script);
	tcase_add_test(tests, only_the_last_calls_are_remembered);
	tcase_add_test(tests, what_is_no_script_is_refused);
	tcase_add_test(tests, a_script_in_a_file_has_a_limit);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
