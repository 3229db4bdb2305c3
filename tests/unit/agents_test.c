/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Agents of the configuration. */
#include "models.h"

#include "daemon/agents.h"

#include <genkit/agent.h>
#include <genkit/prompt.h>

static gk_agents *agents;

static void setup(void)
{
	models_start();
	models_script(
		"[{'message':{'role':'model','content':[{'text':'Hi.'}]},'finishReason':'stop'}]");
	ck_assert_int_eq(gk_define_prompt(core_app,
				 GK_OPTS(gk_prompt_opts, .name = "answer", .model = "scripted",
					 .input = "tone: string", .system = "Be {{tone}}."),
				 NULL),
		GK_OK);
	agents = gk_agents_new(core_app);
	ck_assert_ptr_nonnull(agents);
}

static void teardown(void)
{
	gk_agents_free(agents);
	models_stop();
}

static gk_code configure(const char *text, gk_error *err)
{
	gk_auto_json json_t *entries = text ? json(text) : NULL;

	return gk_agents_configure(agents, entries, err);
}

static bool is_there(const char *key)
{
	return gk_app_find_action_peek(core_app, key) != NULL;
}

#define ONE                                                                                        \
	"{'name':'support','prompt':'answer','input':{'tone':'kind'},'state':'client','description':'Helps.'}"

START_TEST(an_entry_is_an_agent_of_its_prompt)
{
	gk_auto_json json_t *output = NULL;

	ck_assert_int_eq(configure("[" ONE "]", NULL), GK_OK);
	output = core_run(
		"/agent/support", json("{'message':{'role':'user','content':[{'text':'hello'}]}}"));
	ck_assert_str_eq(gk_json_str_peek(output, "message.content[0].text"), "Hi.");
	ck_assert_str_eq(
		gk_json_str_peek(models_saw, "[0].messages[0].content[0].text"), "Be kind.");
}
END_TEST

START_TEST(what_is_no_longer_said_is_withdrawn)
{
	ck_assert_int_eq(configure("[" ONE ",{'name':'answer','state':'client'}]", NULL), GK_OK);
	ck_assert(is_there("/agent/support") && is_there("/agent/answer"));
	ck_assert_int_eq(configure("[{'name':'answer','state':'client'}]", NULL), GK_OK);
	ck_assert(!is_there("/agent/support") && is_there("/agent/answer"));
	ck_assert_int_eq(configure(NULL, NULL), GK_OK);
	ck_assert(!is_there("/agent/answer"));
}
END_TEST

START_TEST(a_mistake_leaves_all_as_it_was)
{
	gk_auto_error gk_error err = { 0 };

	ck_assert_int_eq(configure("[" ONE "]", NULL), GK_OK);
	ck_assert_int_eq(
		configure(
			"[{'name':'other','state':'client'},{'name':'other','state':'client','@':'c.yaml:3:5'}]",
			&err),
		GK_ALREADY_EXISTS);
	ck_assert_msg(strstr(err.message, "c.yaml:3:5: agent 'other': "), "%s", err.message);
	ck_assert(is_there("/agent/support"));
	ck_assert(!is_there("/agent/other"));
}
END_TEST

static json_t *one;

static bool configure_one(void)
{
	bool is_done = gk_agents_configure(agents, one, NULL) == GK_OK;

	return gk_agents_configure(agents, NULL, NULL) == GK_OK && is_done;
}

START_TEST(a_lack_of_memory_defines_nothing)
{
	one = json("[" ONE "]");
	fault_sweep(configure_one);
	json_decref(one);
	ck_assert(!is_there("/agent/support"));
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("agents");
	TCase *tests = tcase_create("agents");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, an_entry_is_an_agent_of_its_prompt);
	tcase_add_test(tests, what_is_no_longer_said_is_withdrawn);
	tcase_add_test(tests, a_mistake_leaves_all_as_it_was);
	tcase_add_test(tests, a_lack_of_memory_defines_nothing);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
