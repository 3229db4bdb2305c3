/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Prompts of .prompt documents that are agents as well. */
#include "models.h"

#include "ai/prompt_file.h"

#include <genkit/agent.h>
#include <stdio.h>

#define HELLO "{'message':{'role':'user','content':[{'text':'hello'}]}}"

static gk_code try_define(const char *name, const char *source, gk_error *err)
{
	gk_auto_prompt_document gk_prompt_document *doc = NULL;
	gk_code rc = gk_prompt_document_parse(source, strlen(source), "x.prompt", &doc, err);

	return rc == GK_OK ? gk_prompt_file_define(core_app,
				     &(gk_prompt_file_opts){
					     .name = name, .document = doc, .is_flow = true },
				     err)
			   : rc;
}

static void define(const char *name, const char *source)
{
	gk_error err = { 0 };

	if (try_define(name, source, &err) != GK_OK)
		ck_abort_msg("%s", err.message);
}

static bool is_there(const char *key)
{
	return gk_app_find_action_peek(core_app, key) != NULL;
}

static const char host[] = "---\n"
			   "model: scripted\n"
			   "description: Keeps an inn.\n"
			   "input: {default: {place: inn}}\n"
			   "agent:\n"
			   "  stateManagement: client\n"
			   "  stateSchema: {nights: integer}\n"
			   "---\n"
			   "{{role \"system\"}}You keep an {{place}}; {{@state.nights}} nights.";

START_TEST(a_document_that_says_so_is_an_agent)
{
	gk_auto_json json_t *output = NULL;
	json_t *metadata, *asked;

	models_script(
		"[{'message':{'role':'model','content':[{'text':'Welcome.'}]},'finishReason':'stop'}]");
	define("trip/host", host);
	metadata = gk_action_metadata_peek(gk_app_find_action_peek(core_app, "/agent/trip/host"));
	ck_assert_str_eq(gk_json_str_peek(metadata, "agent.stateManagement"), "client");
	ck_assert_str_eq(
		gk_json_str_peek(metadata, "agent.stateSchema.properties.nights.type"), "integer");
	output = core_run("/agent/trip/host", json(HELLO));
	ck_assert_str_eq(gk_json_str_peek(output, "message.content[0].text"), "Welcome.");
	assert_json(json_object_get(json_object_get(output, "state"), "messages"),
		"[{'role':'user','content':[{'text':'hello'}]},"
		"{'role':'model','content':[{'text':'Welcome.'}]}]");
	asked = json_array_get(models_saw, 0);
	ck_assert_str_eq(gk_json_str_peek(asked, "messages[0].content[0].text"),
		"You keep an inn;  nights.");
	ck_assert(is_there("/prompt/trip/host"));
	ck_assert(is_there("/flow/prompts/trip/host"));
}
END_TEST

START_TEST(true_is_enough_and_false_is_none)
{
	define("a", "---\nmodel: scripted\nagent: true\n---\nHi");
	define("b", "---\nmodel: scripted\nagent: false\n---\nHi");
	define("c", "---\nmodel: scripted\nagent:\n---\nHi");
	ck_assert(is_there("/agent/a"));
	ck_assert(!is_there("/agent/b"));
	ck_assert(!is_there("/agent/c"));
}
END_TEST

START_TEST(the_agent_comes_and_goes_with_what_the_document_says)
{
	define("host", host);
	define("host", host);
	ck_assert(is_there("/agent/host"));
	define("host", "Hi");
	ck_assert(!is_there("/agent/host"));
	ck_assert(is_there("/prompt/host"));
	define("host", host);
	ck_assert(gk_prompt_file_remove(core_app, "host", NULL));
	ck_assert(!is_there("/agent/host"));
	ck_assert(!is_there("/agent-snapshot/host"));
	ck_assert(!is_there("/agent-abort/host"));
}
END_TEST

START_TEST(a_section_that_is_none_is_refused_and_the_older_one_stays)
{
	static const char *const wrong[][2] = {
		{ "agent: yes please", "true, false or a mapping" },
		{ "agent: {stateManagment: client}", "did you mean stateManagement" },
		{ "agent: {stateManagement: both}", "must be server or client" },
		{ "agent: {stateManagement: [server]}", "must be server or client" },
		{ "agent: {promptInput: 5}", "must be a mapping" },
		{ "agent: {stateSchema: {a: nothing}}", "" },
	};

	define("host", host);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		gk_auto_error gk_error err = { 0 };
		char text[200];

		snprintf(text, sizeof(text), "---\nmodel: scripted\n%s\n---\nHi", wrong[i][0]);
		ck_assert_msg(try_define("host", text, &err) != GK_OK, "%s", wrong[i][0]);
		ck_assert_msg(strstr(err.message, wrong[i][1]), "%s", err.message);
		ck_assert(is_there("/agent/host"));
	}
}
END_TEST

static gk_code take_turn(gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	(void)ctx, (void)session, (void)turn, (void)err;
	return GK_OK;
}

START_TEST(a_document_does_not_take_the_place_of_an_agent_of_code)
{
	gk_auto_error gk_error err = { 0 };

	ck_assert_int_eq(gk_define_agent(core_app,
				 GK_OPTS(gk_agent_opts, .name = "host", .turn = take_turn), NULL),
		GK_OK);
	ck_assert_int_eq(try_define("host", host, &err), GK_ALREADY_EXISTS);
	ck_assert(!is_there("/prompt/host"));
	define("host", "Hi");
	ck_assert(gk_prompt_file_remove(core_app, "host", NULL));
	ck_assert(is_there("/agent/host"));
}
END_TEST

static bool define_one(void)
{
	bool is_defined = try_define("host", host, NULL) == GK_OK;

	gk_prompt_file_remove(core_app, "host", NULL);
	return is_defined;
}

START_TEST(a_document_without_memory_is_no_agent)
{
	fault_sweep(define_one);
}
END_TEST

static bool has_lost; /* an assertion would need memory, too */

static bool define_another(void)
{
	static const char *const keys[] = { "/prompt/host", "/agent/host", "/agent-snapshot/host",
		"/agent-abort/host" };
	bool is_defined = try_define("host", host, NULL) == GK_OK;

	for (size_t i = 0; i < 4; i++)
		has_lost |= !gk_app_find_action_peek(core_app, keys[i]);
	return is_defined;
}

START_TEST(an_older_agent_stays_where_memory_ends)
{
	define("host", host);
	fault_sweep(define_another);
	ck_assert(!has_lost);
	define("host", "Hi"); /* it was known as the prompt's all the time */
	ck_assert(!is_there("/agent/host"));
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("prompt_agent");
	TCase *tests = tcase_create("prompt_agent");

	tcase_add_checked_fixture(tests, models_start, models_stop);
	tcase_add_test(tests, a_document_that_says_so_is_an_agent);
	tcase_add_test(tests, true_is_enough_and_false_is_none);
	tcase_add_test(tests, the_agent_comes_and_goes_with_what_the_document_says);
	tcase_add_test(tests, a_section_that_is_none_is_refused_and_the_older_one_stays);
	tcase_add_test(tests, a_document_does_not_take_the_place_of_an_agent_of_code);
	tcase_add_test(tests, a_document_without_memory_is_no_agent);
	tcase_add_test(tests, an_older_agent_stays_where_memory_ends);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
