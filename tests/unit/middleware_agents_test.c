/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The middleware `artifacts` and `agents` (generate section 5.6). */
#include "models.h"

#include "base/limits.h"

#include <genkit/agent.h>

#define DONE "{'message':{'role':'model','content':[{'text':'done'}]},'finishReason':'stop'}"
#define CALL(name, input)                                                                          \
	"{'message':{'role':'model','content':[{'toolRequest':{'name':'" name "','input':" input   \
	"}}]}}"

/* What was said to the model the n-th time, at a path. */
static const char *saw(size_t n, const char *path)
{
	const char *text = gk_json_str_peek(json_array_get(models_saw, n), path);

	return text ? text : "(nothing)";
}

/* What the tool answered that the model had asked for before its n-th call; borrowed. */
static json_t *answered(size_t n)
{
	json_t *messages = json_object_get(json_array_get(models_saw, n), "messages");
	json_t *last = json_array_get(messages, json_array_size(messages) - 1);

	return gk_json_at_peek(last, "content[0].toolResponse.output");
}

static void define_helper(const char *use)
{
	gk_auto_json json_t *list = json(use);

	ck_assert_int_eq(gk_define_agent(core_app,
				 GK_OPTS(gk_agent_opts, .name = "helper",
					 .prompt = GK_OPTS(gk_prompt_opts, .system = "S",
						 .max_turns = 9, .use_json = list)),
				 NULL),
		GK_OK);
}

/* One turn of the agent "helper"; its output. */
static json_t *ask_helper(void)
{
	return core_run(
		"/agent/helper", json("{'message':{'role':'user','content':[{'text':'hi'}]}}"));
}

/* --- artifacts --- */

START_TEST(a_model_lists_writes_and_reads_the_artifacts_of_its_session)
{
	gk_auto_json json_t *output = NULL;

	define_helper("[{'name':'artifacts'}]");
	models_script("[" CALL("write_artifact", "{'name':'plan','content':'eat ☕'}") "," CALL(
		"read_artifact", "{'name':'plan'}") "," CALL("read_artifact",
		"{'name':'map'}") "," DONE "]");
	output = ask_helper();
	ck_assert_str_eq(saw(0, "messages[0].content[1].text"),
		"<artifacts>\nNo artifacts are currently available in the session.\n</artifacts>");
	assert_json(answered(1), "{'status':'Artifact \\'plan\\' saved successfully.'}");
	ck_assert_str_eq(saw(1, "messages[0].content[1].text"),
		"<artifacts>\nThe following artifacts are available in the session. Use the "
		"read_artifact tool to view their content.\n  - plan (5 chars)\n</artifacts>");
	ck_assert_uint_eq(json_array_size(gk_json_at_peek(
				  json_array_get(models_saw, 3), "messages[0].content")),
		2);
	ck_assert_str_eq(gk_json_str_peek(answered(2), "content"), "eat ☕");
	ck_assert(gk_json_bool_at(answered(2), "found", false));
	assert_json(answered(3),
		"{'name':'map','content':'Artifact \\'map\\' not found.','found':false}");
	ck_assert_str_eq(gk_json_str_peek(output, "artifacts[0].parts[0].text"), "eat ☕");
}
END_TEST

START_TEST(artifacts_may_be_for_reading_only)
{
	define_helper("[{'name':'artifacts','config':{'readonly':true}}]");
	models_script("[" DONE "]");
	json_decref(ask_helper());
	ck_assert_uint_eq(
		json_array_size(json_object_get(json_array_get(models_saw, 0), "tools")), 1);
	ck_assert_str_eq(saw(0, "tools[0].name"), "read_artifact");
}
END_TEST

START_TEST(outside_of_agents_there_are_no_artifacts)
{
	static const char *const use[] = { "artifacts", NULL };
	gk_auto_json json_t *response = NULL;

	models_script("[" CALL("read_artifact", "{'name':'plan'}") "," CALL(
		"write_artifact", "{'name':'plan','content':'x'}") "," DONE "]");
	response = models_generate(
		GK_OPTS(gk_generate_opts, .system = "S", .prompt = "hi", .use = use));
	ck_assert_uint_eq(json_array_size(gk_json_at_peek(
				  json_array_get(models_saw, 0), "messages[0].content")),
		1);
	assert_json(
		answered(1), "{'name':'plan','content':'Error: no active session.','found':false}");
	assert_json(answered(2), "{'status':'Error: no active session.'}");
}
END_TEST

/* --- agents --- */

static json_t *poet_saw; /* the messages of its session */

static gk_code write_poem(
	gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	gk_code rc = gk_agent_add_artifacts_take(ctx, session,
		json_pack("[{s:s, s:[{s:s}, {s:s}], s:{s:i}}, {s:[{s:s}]}]", "name", "poem",
			"parts", "text", "roses", "text", "violets", "metadata", "k", 1, "parts",
			"text", "x"),
		err);

	json_decref(poet_saw);
	poet_saw = json_incref(gk_agent_messages_peek(session));
	turn->finish_reason = "stop";
	if (rc == GK_OK)
		rc = gk_agent_add_message_take(session,
			json_pack("{s:s, s:[{s:s}, {s:s}]}", "role", "model", "content", "text",
				"Here", "text", "it is."),
			err);
	return rc;
}

static gk_code fail_to_write(
	gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	(void)ctx, (void)session, (void)turn;
	return gk_error_set(err, GK_UNAVAILABLE, "no ink");
}

static gk_code stop_to_ask(
	gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	(void)ctx, (void)session, (void)err;
	turn->finish_reason = "interrupted";
	return GK_OK;
}

static void define_agent(const char *name, const char *description, gk_agent_turn_fn *turn)
{
	ck_assert_int_eq(gk_define_agent(core_app,
				 GK_OPTS(gk_agent_opts, .name = name, .description = description,
					 .turn = turn),
				 NULL),
		GK_OK);
}

static void start(void)
{
	models_start();
	define_agent("poet", "Writes poems.", write_poem);
	define_agent("clumsy", NULL, fail_to_write);
	define_agent("shy", NULL, stop_to_ask);
}

static void stop(void)
{
	json_decref(poet_saw);
	poet_saw = NULL;
	models_stop();
}

/* Generates with the agents, the model as it is scripted. */
static void delegate(const char *config, json_t *messages)
{
	gk_auto_json json_t *use = NULL, *wanted = json(config);

	use = json_pack("[{s:s, s:O}]", "name", "agents", "config", wanted);
	json_decref(models_generate(GK_OPTS(gk_generate_opts, .messages = messages, .prompt = "hi",
		.use_json = use, .max_turns = 9)));
}

#define TASK "{'task':'A poem, please.'}"

START_TEST(a_model_hands_a_task_to_an_agent)
{
	models_script("[" CALL("delegate_to_poet", TASK) "," DONE "]");
	delegate("{'agents':['poet',{'name':'nobody'},{'name':'shy','description':'Is shy.'}]}",
		NULL);
	ck_assert_str_eq(saw(0, "messages[0].role"), "system");
	ck_assert_str_eq(saw(0, "messages[0].content[0].text"),
		"<sub-agents>\nYou can delegate tasks to specialized sub-agents using their delegation "
		"tools:\n  - delegate_to_poet: Writes poems.\n  - delegate_to_nobody: No description "
		"available.\n  - delegate_to_shy: Is shy.\n\nWhen a task is better handled by a "
		"specialized agent, delegate it using the appropriate tool. Provide a clear, "
		"self-contained task description.\n</sub-agents>");
	ck_assert_str_eq(
		saw(0, "tools[0].description"), "Delegates a task to the \"poet\" sub-agent.");
	ck_assert_str_eq(saw(0, "tools[2].description"), "Is shy.");
	ck_assert_uint_eq(
		json_array_size(gk_json_at_peek(json_array_get(models_saw, 1), "messages")), 4);
	assert_json(poet_saw, "[{'role':'user','content':[{'text':'A poem, please.'}]}]");
	ck_assert_str_eq(gk_json_str_peek(answered(1), "response"), "Here\nit is.");
	ck_assert_uint_eq(json_array_size(json_object_get(answered(1), "artifacts")), 1);
	ck_assert_str_eq(gk_json_str_peek(answered(1), "artifacts[0].content"), "roses\nviolets");
}
END_TEST

START_TEST(artifacts_of_an_agent_go_to_the_session_of_whoever_asked)
{
	gk_auto_json json_t *output = NULL;
	const char *name;

	define_helper("[{'name':'agents','config':{'agents':['poet'],'toolPrefix':'',"
		      "'artifactStrategy':'session'}},{'name':'artifacts'}]");
	models_script("[" CALL("poet", TASK) "," DONE "]");
	output = ask_helper();
	name = gk_json_str_peek(output, "artifacts[0].name");
	ck_assert_uint_eq(json_array_size(json_object_get(output, "artifacts")), 1);
	ck_assert_uint_eq(strlen(name), strlen("poet_0000/poem"));
	ck_assert_uint_eq(strncmp(name, "poet_", 5), 0);
	ck_assert_str_eq(name + 9, "/poem");
	ck_assert_str_eq(gk_json_str_peek(output, "artifacts[0].metadata.source"), "poet");
	ck_assert_uint_eq(
		strncmp(name, gk_json_str_peek(output, "artifacts[0].metadata.invocationId"), 9),
		0);
	ck_assert_int_eq(gk_json_int_at(output, "artifacts[0].metadata.k", 0), 1);
	ck_assert_str_eq(gk_json_str_peek(answered(1), "artifacts[0].name"), name);
	ck_assert_ptr_null(gk_json_at_peek(answered(1), "artifacts[0].content"));
	ck_assert_ptr_nonnull(strstr(saw(1, "messages[0].content[2].text"), "[from: poet]"));
}
END_TEST

START_TEST(an_agent_is_told_as_much_of_what_was_said_as_is_wished)
{
	gk_auto_json json_t *messages =
		json("[{'role':'user','content':[{'text':'long ago'}]},"
		     "{'role':'model','content':[{'text':'a'},{'data':1},{'text':''}]},"
		     "{'role':'user','content':[{'data':2}]}]");

	models_script("[" CALL("delegate_to_poet", TASK) "," DONE "]");
	delegate("{'agents':['poet'],'historyLength':3}", messages);
	assert_json(poet_saw, "[{'role':'model','content':[{'text':'a'}]},"
			      "{'role':'user','content':[{'text':'hi'}]},"
			      "{'role':'user','content':[{'text':'A poem, please.'}]}]");
}
END_TEST

START_TEST(what_goes_wrong_is_told_to_the_model)
{
	static const char *const told[] = {
		"Error calling agent 'clumsy': no ink",
		"Sub-agent 'shy' interrupted for additional input and could not complete the task. "
		"Interactive sub-agent interrupts are not currently supported; try delegating a more "
		"self-contained task.",
		"Error: Agent 'nobody' not found in registry.",
		"Delegation limit reached (3). Complete the task using information already gathered.",
	};

	models_script("[" CALL("delegate_to_clumsy", TASK) "," CALL(
		"delegate_to_shy", TASK) "," CALL("delegate_to_nobody",
		TASK) "," CALL("delegate_to_poet", TASK) "," DONE "]");
	delegate("{'agents':['clumsy','shy','nobody','poet'],'maxDelegations':3}", NULL);
	for (size_t i = 0; i < 4; i++)
		ck_assert_str_eq(gk_json_str_peek(answered(i + 1), "response"), told[i]);
}
END_TEST

START_TEST(agents_are_named)
{
	gk_auto_json json_t *none = json("[{'name':'agents','config':{'agents':[]}}]");
	gk_auto_json json_t *nameless = json("[{'name':'agents','config':{'agents':[{}]}}]");
	gk_auto_json json_t *many = json("[{'name':'agents','config':{'agents':[]}}]");
	gk_auto_json json_t *names = json_array(), *long_one = json_array();
	gk_auto_json json_t *lengthy = json("[{'name':'agents','config':{'agents':[]}}]");
	char name[GK_MAX_ACTION_NAME + 2] = "";

	memset(name, 'x', GK_MAX_ACTION_NAME + 1);
	json_array_append_new(long_one, json_string(name));
	json_object_set(gk_json_at_peek(lengthy, "[0].config"), "agents", long_one);
	models_fail(GK_OPTS(gk_generate_opts, .prompt = "hi", .use_json = lengthy),
		GK_INVALID_ARGUMENT,
		"agents middleware: the name of an agent is longer than 512 bytes");
	for (int i = 0; i <= GK_MAX_TOOLS; i++)
		json_array_append_new(names, json_sprintf("agent%d", i));
	json_object_set(gk_json_at_peek(many, "[0].config"), "agents", names);
	models_fail(GK_OPTS(gk_generate_opts, .prompt = "hi", .use_json = none), GK_INTERNAL,
		"agents middleware requires at least one agent in the \"agents\" option.");
	models_fail(GK_OPTS(gk_generate_opts, .prompt = "hi", .use_json = nameless),
		GK_INVALID_ARGUMENT, "agents middleware: an agent has a name");
	models_fail(GK_OPTS(gk_generate_opts, .prompt = "hi", .use_json = many),
		GK_RESOURCE_EXHAUSTED, "1025 agents in one request, at most 1024 are possible");
}
END_TEST

/* --- without memory --- */

static json_t *all_of_it;

static gk_code delegate_all(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_response gk_response *response = NULL;

	(void)ret;
	return gk_generate(
		ctx, GK_OPTS(gk_generate_opts, .prompt = "hi", .use_json = input), &response, err);
}

static bool sweep(void)
{
	json_array_clear(models_saw);
	json_array_clear(core_spans);
	return core_try("/flow/delegate", all_of_it);
}

START_TEST(a_task_survives_a_lack_of_memory)
{
	models_script("[" CALL("delegate_to_poet", TASK) "," DONE "]");
	core_flow("delegate", delegate_all, NULL);
	all_of_it = json("[{'name':'agents','config':{'agents':['poet',{'name':'shy',"
			 "'description':'d'}],'historyLength':2}},{'name':'artifacts'}]");
	fault_sweep(sweep);
	json_decref(all_of_it);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("middleware_agents");
	TCase *tests = tcase_create("middleware_agents");

	tcase_add_checked_fixture(tests, start, stop);
	tcase_add_test(tests, a_model_lists_writes_and_reads_the_artifacts_of_its_session);
	tcase_add_test(tests, artifacts_may_be_for_reading_only);
	tcase_add_test(tests, outside_of_agents_there_are_no_artifacts);
	tcase_add_test(tests, a_model_hands_a_task_to_an_agent);
	tcase_add_test(tests, artifacts_of_an_agent_go_to_the_session_of_whoever_asked);
	tcase_add_test(tests, an_agent_is_told_as_much_of_what_was_said_as_is_wished);
	tcase_add_test(tests, what_goes_wrong_is_told_to_the_model);
	tcase_add_test(tests, agents_are_named);
	tcase_add_test(tests, a_task_survives_a_lack_of_memory);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
