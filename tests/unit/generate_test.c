/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* gk_generate() as C code calls it; what the wire sees of it is replayed by the conformance runner. */
#include "models.h"

#include "ai/response.h"
#include "base/limits.h"

#include <genkit/message.h>

#include <malloc.h>

#define DONE "{'message':{'role':'model','content':[{'text':'done'}]},'finishReason':'stop'}"
#define CALL(name, input)                                                                          \
	"{'message':{'role':'model','content':[{'toolRequest':{'name':'" name                      \
	"','ref':'1','input':" input "}}]}}"

/* --- who is asked --- */

START_TEST(a_default_model_gives_its_configuration_to_calls_that_name_none)
{
	gk_auto_json json_t *config = json("{'temperature': 1, 'topK': 2}"),
			    *own = json("{'topK': 3}"), *response = NULL;
	const gk_model_ref ref = { .name = "scripted", .version = "v2", .config = config };

	models_script("[" DONE "]");
	ck_assert_int_eq(gk_set_default_model(core_app, &ref, NULL), GK_OK);
	response = models_generate(GK_OPTS(gk_generate_opts, .prompt = "hi", .config = own));
	assert_json(json_object_get(json_array_get(models_saw, 0), "config"),
		"{'version':'v2','temperature':1,'topK':3}");
}
END_TEST

static gk_code shout(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	(void)ctx, (void)request;
	*ret = json_pack("{s:o}", "message", gk_message_of_text("model", "HA"));
	return *ret ? GK_OK : gk_error_no_memory(err);
}

START_TEST(a_model_and_tools_need_not_be_registered)
{
	gk_auto_json json_t *response = NULL;
	gk_action *model = NULL, *tool = NULL;

	ck_assert_int_eq(
		gk_model_new(core_app, GK_OPTS(gk_model_opts, .name = "own/shout", .run = shout),
			&model, NULL),
		GK_OK);
	ck_assert_int_eq(gk_tool_new(core_app,
				 GK_OPTS(gk_tool_opts, .name = "own/echo", .description = "d",
					 .run = core_echo),
				 &tool, NULL),
		GK_OK);
	response =
		models_generate(GK_OPTS(gk_generate_opts, .model_action = model, .prompt = "hi"));
	ck_assert_str_eq(gk_json_str_peek(response, "message.content[0].text"), "HA");
	json_decref(response);
	models_script("[" CALL("echo", "7") "," DONE "]");
	response = models_generate(GK_OPTS(gk_generate_opts, .prompt = "hi",
		.tool_actions = (gk_action *const[]){ tool, NULL }));
	assert_json(gk_json_at_peek(response, "request.messages[2].content[0]"),
		"{'toolResponse':{'name':'echo','ref':'1','output':7}}");
	gk_action_unref(model);
	gk_action_unref(tool);
}
END_TEST

static gk_code ask_for_nothing(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_response *response = NULL;

	(void)input, (void)ret;
	ck_assert_int_eq(gk_generate(ctx, NULL, &response, err), GK_INVALID_ARGUMENT);
	ck_assert_int_eq(gk_generate_operation(ctx, NULL, ret, err), GK_INVALID_ARGUMENT);
	ck_assert_ptr_null(response);
	gk_error_clear(err);
	return GK_OK;
}

START_TEST(a_call_without_options_is_refused)
{
	core_in_run(ask_for_nothing, NULL);
}
END_TEST

/* --- what comes of it --- */

static gk_code read_it(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_response gk_response *response = NULL;
	gk_code rc = gk_generate(ctx,
		GK_OPTS(gk_generate_opts, .system = "S", .prompt = "hi",
			.output_schema = "dish: string, its name"),
		&response, err);

	(void)input, (void)ret;
	ck_assert_int_eq(rc, GK_OK);
	ck_assert_str_eq(gk_response_text(response), "{\"dish\":\"soup\"}");
	ck_assert_str_eq(gk_response_reasoning(response), "hm");
	ck_assert_str_eq(gk_response_finish_reason(response), "stop");
	assert_json(gk_response_output(response), "{'dish':'soup'}");
	assert_json(gk_response_usage(response), "{'inputTokens':3}");
	assert_json(gk_response_interrupts(response), "[]");
	ck_assert_uint_eq(json_array_size(gk_response_messages(response)), 3);
	ck_assert_ptr_null(gk_response_operation(response));
	ck_assert_ptr_null(gk_response_media(response));
	return rc;
}

START_TEST(a_response_is_read_by_accessors)
{
	models_script("[{'message':{'role':'model','content':[{'reasoning':'hm'},"
		      "{'text':'{\\'dish\\':'},{'text':'\\'soup\\'}'}]},"
		      "'finishReason':'stop','usage':{'inputTokens':3}}]");
	core_in_run(read_it, NULL);
}
END_TEST

START_TEST(an_output_that_does_not_fit_its_schema_fails_the_call)
{
	gk_auto_json json_t *schema = json("{'type':'object','required':['a']}");

	models_script("[{'message':{'role':'model','content':[{'text':'{}'}]}}]");
	models_fail(GK_OPTS(gk_generate_opts, .prompt = "hi", .output_schema_json = schema),
		GK_INVALID_ARGUMENT,
		"Schema validation failed. Parse Errors:\n\n- (root): must have required property "
		"'a'\n\nProvided data:\n\n{}\n\nRequired JSON schema:\n\n{\n  \"type\": "
		"\"object\",\n  \"required\": [\n    \"a\"\n  ]\n}");
}
END_TEST

static void generate_with_schemas(int from, int to)
{
	for (int i = from; i < to; i++) {
		char text[64];

		snprintf(text, sizeof(text), "a: number, the %dth", i);
		json_decref(models_generate(
			GK_OPTS(gk_generate_opts, .prompt = "hi", .output_schema = text)));
		json_array_clear(core_spans); /* what we remember is not theirs */
		json_array_clear(models_saw);
	}
}

START_TEST(output_schemas_given_as_text_do_not_pile_up)
{
	size_t before;

	models_script("[{'message':{'role':'model','content':[{'text':'{\\'a\\':1}'}]}}]");
	generate_with_schemas(0, GK_MAX_CACHED_SCHEMAS + 1);
	before = mallinfo2().uordblks;
	generate_with_schemas(GK_MAX_CACHED_SCHEMAS + 1, 3 * GK_MAX_CACHED_SCHEMAS);
	ck_assert_uint_lt(mallinfo2().uordblks, before + (64 << 10));
}
END_TEST

START_TEST(chunks_are_numbered_by_messages)
{
	gk_auto_json json_t *chunks = json_array(), *response = NULL;
	static const char *const tools[] = { "add", NULL };

	models_script("[{'chunks':[{'content':[{'text':'hm'}]}],'resp':" CALL("add",
		"{'a':1,'b':2}") "},"
				 "{'chunks':[{'content':[{'text':'do'}]},{'content':[{'text':'ne'}]}],"
				 "'resp':" DONE "}]");
	response = models_generate(GK_OPTS(gk_generate_opts, .prompt = "hi", .tools = tools,
		.on_chunk = models_keep_chunk, .user = chunks));
	assert_json(chunks, "[{'role':'model','index':0,'content':[{'text':'hm'}]},"
			    "{'role':'tool','index':1,'content':[{'toolResponse':{'name':'add',"
			    "'ref':'1','output':3}}]},"
			    "{'role':'model','index':2,'content':[{'text':'do'}]},"
			    "{'role':'model','index':2,'content':[{'text':'ne'}]}]");
}
END_TEST

/* --- tools --- */

/* Appends [text, text so far, output] of each piece to the array `user`. */
static gk_code keep_progress(gk_ctx *ctx, gk_progress *progress, void *user, gk_error *err)
{
	gk_auto_json json_t *output = NULL;
	gk_code rc = gk_progress_output(progress, &output, err);

	(void)ctx;
	if (rc != GK_OK)
		return rc;
	ck_assert_ptr_nonnull(json_object_get(gk_progress_chunk(progress), "content"));
	return json_array_append_new(user, json_pack("[s, s, O?]", gk_progress_text(progress),
						   gk_progress_text_so_far(progress), output)) == 0
		       ? GK_OK
		       : gk_error_no_memory(err);
}

START_TEST(what_is_streamed_adds_up_within_a_turn)
{
	static const char *const tools[] = { "add", NULL };
	gk_auto_json json_t *progress = json_array(), *chunks = json_array(), *response = NULL;

	models_script("[{'chunks':[{'content':[{'text':'hm'}]}],'resp':" CALL("add",
		"{'a':1,'b':2}") "},"
				 "{'chunks':[{'content':[{'text':'{\\'a\\': [1'}]},"
				 "{'content':[{'text':', 2]}'}]}],'resp':{'message':{'role':'model',"
				 "'content':[{'text':'{\\'a\\': [1, 2]}'}]}}}]");
	response = models_generate(GK_OPTS(gk_generate_opts, .prompt = "hi", .tools = tools,
		.output_schema = "a(array): integer", .on_progress = keep_progress,
		.user = progress));
	assert_json(progress,
		"[['hm','hm',null],['','hm',null],['{\\'a\\': [1','{\\'a\\': [1',{'a':[1]}],"
		"[', 2]}','{\\'a\\': [1, 2]}',{'a':[1,2]}]]");
	json_decref(models_generate(GK_OPTS(
		gk_generate_opts, .prompt = "hi", .on_chunk = models_keep_chunk, .user = chunks)));
	ck_assert_uint_eq(json_array_size(chunks), 2);
}
END_TEST

START_TEST(no_turns_means_that_tools_may_not_be_asked_for)
{
	static const char *const tools[] = { "add", NULL };

	models_script("[" CALL("add", "{'a':1,'b':2}") "]");
	models_fail(GK_OPTS(gk_generate_opts, .prompt = "hi", .tools = tools, .max_turns = -1),
		GK_ABORTED, "Exceeded maximum tool call iterations (0)");
	models_fail(GK_OPTS(gk_generate_opts, .prompt = "hi", .tools = tools, .max_turns = 2),
		GK_ABORTED, "Exceeded maximum tool call iterations (2)");
	ck_assert_uint_eq(json_array_size(models_saw), 1 + 3);
}
END_TEST

/* It asks for a tool until it has been asked so often. */
static int rounds;

static gk_code insist(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	(void)ctx, (void)request, (void)err;
	*ret = rounds-- > 0 ? json("{'message':{'role':'model','content':[{'toolRequest':"
				   "{'name':'add','input':{'a':1,'b':2}}}]}}")
			    : json(DONE);
	return GK_OK;
}

static gk_code go_on_around(
	gk_ctx *ctx, const gk_turn *turn, gk_next *next, void *state, json_t **ret, gk_error *err)
{
	(void)state;
	return gk_next_turn(ctx, next, turn, ret, err);
}

static void define_insistent(void)
{
	json_decref(core_spans); /* what they say of so many turns would fill the memory */
	core_spans = NULL;
	ck_assert_int_eq(gk_define_model(core_app,
				 GK_OPTS(gk_model_opts, .name = "insistent", .run = insist), NULL),
		GK_OK);
	ck_assert_int_eq(
		gk_define_middleware(core_app,
			GK_OPTS(gk_middleware_opts, .name = "around", .generate = go_on_around),
			NULL),
		GK_OK);
}

START_TEST(a_call_may_take_many_turns)
{
	static const char *const tools[] = { "add", NULL };
	const gk_generate_opts opts = { .size = sizeof(opts),
		.model = "insistent",
		.prompt = "hi",
		.tools = tools,
		.max_turns = 2 * GK_MAX_TURNS };
	gk_auto_json json_t *response = NULL;

	define_insistent();
	rounds = 3 * GK_MAX_RUN_DEPTH;
	response = models_generate(&opts);
	ck_assert_uint_eq(json_array_size(gk_json_at_peek(response, "request.messages")),
		1 + 6 * GK_MAX_RUN_DEPTH);
	rounds = 2 * GK_MAX_TURNS;
	models_fail(&opts, GK_RESOURCE_EXHAUSTED,
		"the model asked for tools in 500 turns, as many as are possible");
	ck_assert_int_eq(rounds, GK_MAX_TURNS - 1);
}
END_TEST

START_TEST(code_around_the_turns_is_no_limit)
{
	static const char *const tools[] = { "add", NULL };
	static const size_t hooks[] = { 3, 6, 16 };

	define_insistent();
	for (size_t i = 0; i < 3; i++) {
		const char *use[17] = { NULL };
		gk_auto_json json_t *response = NULL;

		for (size_t j = 0; j < hooks[i]; j++)
			use[j] = "around";
		rounds = GK_MAX_TURNS - 1;
		response = models_generate(GK_OPTS(gk_generate_opts, .model = "insistent",
			.prompt = "hi", .tools = tools, .use = use, .max_turns = GK_MAX_TURNS));
		ck_assert_uint_eq(json_array_size(gk_json_at_peek(response, "request.messages")),
			2 * GK_MAX_TURNS - 1);
	}
}
END_TEST

static unsigned slept;

static gk_code sleep_long(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc = core_sleep(ctx, input, ret, err);

	slept += rc == GK_CANCELLED;
	return rc;
}

START_TEST(a_tool_that_fails_calls_the_others_off)
{
	static const char *const tools[] = { "slow", "fail", NULL };

	slept = 0;
	ck_assert_int_eq(gk_define_tool(core_app,
				 GK_OPTS(gk_tool_opts, .name = "slow", .description = "d",
					 .run = sleep_long),
				 NULL),
		GK_OK);
	models_script("[{'message':{'role':'model','content':[{'toolRequest':{'name':'slow'}},"
		      "{'toolRequest':{'name':'fail'}},{'toolRequest':{'name':'slow'}}]}}]");
	models_fail(
		GK_OPTS(gk_generate_opts, .prompt = "hi", .tools = tools), GK_DATA_LOSS, "kaput");
	ck_assert_uint_eq(slept, 2); /* the third had begun, too */
}
END_TEST

START_TEST(too_many_tool_requests_are_refused)
{
	gk_auto_json json_t *turns =
		json_pack("[{s:{s:s, s:[]}}]", "message", "role", "model", "content");
	static const char *const tools[] = { "add", NULL };
	gk_auto_str char *text = NULL;

	for (int i = 0; i <= GK_MAX_TOOL_CALLS; i++)
		json_array_append_new(gk_json_at_peek(turns, "[0].message.content"),
			json_pack("{s:{s:s}}", "toolRequest", "name", "add"));
	text = gk_json_write(turns, NULL);
	models_script(text);
	models_fail(GK_OPTS(gk_generate_opts, .prompt = "hi", .tools = tools),
		GK_RESOURCE_EXHAUSTED,
		"257 tool requests in one message, at most 256 are possible");
}
END_TEST

START_TEST(too_many_tools_are_refused)
{
	const char *names[GK_MAX_TOOLS + 2];

	for (size_t i = 0; i <= GK_MAX_TOOLS; i++)
		names[i] = "add";
	names[GK_MAX_TOOLS + 1] = NULL;
	models_script("[" DONE "]");
	models_fail(GK_OPTS(gk_generate_opts, .prompt = "hi", .tools = names),
		GK_RESOURCE_EXHAUSTED, "1025 tools in one request, at most 1024 are possible");
}
END_TEST

static gk_code ask_and_answer(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	static const char *const tools[] = { "ask", "add", NULL };
	gk_auto_response gk_response *first = NULL, *second = NULL;
	gk_auto_json json_t *resume = NULL;
	gk_code rc = gk_generate(
		ctx, GK_OPTS(gk_generate_opts, .prompt = "hi", .tools = tools), &first, err);

	(void)input, (void)ret;
	ck_assert_int_eq(rc, GK_OK);
	ck_assert_str_eq(gk_response_finish_reason(first), "interrupted");
	ck_assert_uint_eq(json_array_size(gk_response_interrupts(first)), 1);
	resume = json_pack("{s:o}", "restart",
		gk_tool_restart(json_array_get(gk_response_interrupts(first), 0), NULL, NULL));
	rc = gk_generate(ctx,
		GK_OPTS(gk_generate_opts, .messages = gk_response_messages(first), .tools = tools,
			.resume = resume),
		&second, err);
	ck_assert_int_eq(rc, GK_OK);
	ck_assert_str_eq(gk_response_text(second), "done");
	assert_json(json_array_get(gk_response_messages(second), 2),
		"{'role':'tool','content':[{'toolResponse':{'name':'ask','output':true}},"
		"{'toolResponse':{'name':'add','output':3},'metadata':{'source':'pending'}}],"
		"'metadata':{'resumed':true}}");
	return rc;
}

START_TEST(an_interrupt_is_answered_by_the_next_call)
{
	models_script("[{'message':{'role':'model','content':[{'toolRequest':{'name':'ask'}},"
		      "{'toolRequest':{'name':'add','input':{'a':1,'b':2}}}]}}," DONE "]");
	core_in_run(ask_and_answer, NULL);
}
END_TEST

/* --- traces --- */

START_TEST(turns_nest_and_tools_stand_beside_the_model)
{
	static const char *const tools[] = { "add", NULL };
	gk_auto_json json_t *response = NULL;
	static const char *const expected[] = {
		"/{test,t:flow}/{plan,t:util}/{scripted,t:action,s:model}",
		"/{test,t:flow}/{plan,t:util}/{add,t:action,s:tool}",
		"/{test,t:flow}/{plan,t:util}/{plan,t:util}/{scripted,t:action,s:model}",
		"/{test,t:flow}/{plan,t:util}/{plan,t:util}",
		"/{test,t:flow}/{plan,t:util}",
		"/{test,t:flow}",
	};

	models_script("[" CALL("add", "{'a':1,'b':2}") "," DONE "]");
	response = models_generate(
		GK_OPTS(gk_generate_opts, .prompt = "hi", .tools = tools, .step_name = "plan"));
	ck_assert_uint_eq(json_array_size(core_spans), 6);
	for (size_t i = 0; i < 6; i++)
		ck_assert_str_eq(
			gk_json_str_peek(json_array_get(core_spans, i), "path"), expected[i]);
}
END_TEST

/* --- time and memory --- */

static gk_code run_out_of_time(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	static const char *const tools[] = { "slow", NULL };
	gk_auto_response gk_response *response = NULL;
	gk_code rc = gk_generate(ctx,
		GK_OPTS(gk_generate_opts, .prompt = "hi", .tools = tools, .timeout_ms = 5),
		&response, err);

	(void)input, (void)ret;
	ck_assert_int_eq(rc, GK_DEADLINE_EXCEEDED);
	ck_assert_str_eq(err->message, "Generation deadline exceeded.");
	ck_assert(!gk_ctx_is_cancelled(ctx));
	gk_error_clear(err);
	return GK_OK;
}

START_TEST(a_call_ends_by_its_own_deadline)
{
	ck_assert_int_eq(gk_define_tool(core_app,
				 GK_OPTS(gk_tool_opts, .name = "slow", .description = "d",
					 .run = sleep_long),
				 NULL),
		GK_OK);
	models_script("[" CALL("slow", "1") "]");
	core_in_run(run_out_of_time, NULL);
}
END_TEST

static bool sweep(void)
{
	gk_error err = { 0 };
	gk_run *run;
	bool worked;

	json_array_clear(models_saw);
	json_array_clear(core_spans);
	if (gk_run_start(GK_OPTS(gk_run_opts, .app = core_app, .key = "/flow/swept"), &run, &err) !=
		GK_OK) {
		gk_error_clear(&err);
		return false;
	}
	while (!gk_run_is_done(run))
		gk_loop_turn(core_loop, 10);
	worked = !gk_run_error_peek(run);
	gk_run_unref(run);
	return worked;
}

static gk_code generate_swept(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	static const char *const tools[] = { "add", "ask", NULL };
	gk_auto_response gk_response *response = NULL;
	gk_code rc = gk_generate(ctx,
		GK_OPTS(gk_generate_opts, .system = "S", .prompt = "hi", .tools = tools,
			.output_format = "text", .docs = input),
		&response, err);

	(void)ret;
	return rc;
}

START_TEST(a_call_without_memory_fails_and_leaks_nothing)
{
	models_script("[{'message':{'role':'model','content':[{'toolRequest':{'name':'add',"
		      "'input':{'a':1,'b':2}}},{'toolRequest':{'name':'add','input':{'a':3,"
		      "'b':4}}}]}}," DONE "]");
	core_flow("swept", generate_swept, NULL);
	fault_sweep(sweep);
}
END_TEST

static json_t *long_one; /* the wire form of a response */
static bool is_short;    /* an assertion would need memory, too */

static bool read_messages(void)
{
	gk_auto_response gk_response *response = NULL;
	json_t *messages;

	if (gk_response_new(json_incref(long_one), NULL, &response, NULL) != GK_OK)
		return false;
	messages = gk_response_messages(response);
	is_short = is_short || (messages && json_array_size(messages) != 41);
	return messages != NULL;
}

START_TEST(the_messages_of_a_response_are_there_or_memory_has_run_out)
{
	json_t *messages = json_array();

	for (int i = 0; i < 40; i++)
		json_array_append_new(messages, gk_message_of_text("user", "no"));
	long_one = json_pack("{s:o, s:{s:o}}", "message", gk_message_of_text("model", "yes"),
		"request", "messages", messages);
	fault_sweep_passing(read_messages);
	ck_assert(!is_short);
	json_decref(long_one);
}
END_TEST

/* --- its end --- */

START_TEST(an_answer_is_freed_when_nobody_waits_but_for_its_request)
{
	gk_auto_json json_t *content = json_array(), *messages = json_array();
	gk_response *response = NULL;

	ck_assert_int_eq(gk_response_new(json_pack("{s:{s:O}, s:{s:O}}", "message", "content",
						 content, "request", "messages", messages),
				 NULL, &response, NULL),
		GK_OK);
	gk_response_unref(response);
	ck_assert_uint_eq(content->refcount, 2);
	ck_assert_uint_eq(messages->refcount, 1);
	gk_loop_turn(core_loop, 0);
	ck_assert_uint_eq(content->refcount, 1);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("generate");
	TCase *tests = tcase_create("generate");

	tcase_add_checked_fixture(tests, models_start, models_stop);
	tcase_add_test(tests, a_default_model_gives_its_configuration_to_calls_that_name_none);
	tcase_add_test(tests, a_model_and_tools_need_not_be_registered);
	tcase_add_test(tests, a_call_without_options_is_refused);
	tcase_add_test(tests, a_response_is_read_by_accessors);
	tcase_add_test(tests, an_output_that_does_not_fit_its_schema_fails_the_call);
	tcase_add_test(tests, output_schemas_given_as_text_do_not_pile_up);
	tcase_add_test(tests, chunks_are_numbered_by_messages);
	tcase_add_test(tests, what_is_streamed_adds_up_within_a_turn);
	tcase_add_test(tests, no_turns_means_that_tools_may_not_be_asked_for);
	tcase_add_test(tests, a_call_may_take_many_turns);
	tcase_add_test(tests, code_around_the_turns_is_no_limit);
	tcase_add_test(tests, a_tool_that_fails_calls_the_others_off);
	tcase_add_test(tests, too_many_tool_requests_are_refused);
	tcase_add_test(tests, too_many_tools_are_refused);
	tcase_add_test(tests, an_interrupt_is_answered_by_the_next_call);
	tcase_add_test(tests, turns_nest_and_tools_stand_beside_the_model);
	tcase_add_test(tests, a_call_ends_by_its_own_deadline);
	tcase_add_test(tests, a_call_without_memory_fails_and_leaks_nothing);
	tcase_add_test(tests, the_messages_of_a_response_are_there_or_memory_has_run_out);
	tcase_add_test(tests, an_answer_is_freed_when_nobody_waits_but_for_its_request);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
