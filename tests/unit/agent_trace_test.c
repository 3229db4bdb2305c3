/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the trace of a turn holds of a long session. */
#include "agents.h"

#include "ai/ai.h"
#include "base/limits.h"
#include "core/app.h"

#include <genkit/genkit.h>

static gk_code reply(gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	(void)ctx, (void)turn;
	return gk_agent_add_message_take(session, gk_message_of_text("model", "yes"), err);
}

/* Takes a turn in a session of so many messages. */
static gk_code take_turn(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *messages = json_array(), *init = NULL;
	gk_auto_json json_t *said = gk_agent_input("and now?");

	for (json_int_t i = 0; i < json_integer_value(input); i++)
		json_array_append_new(messages, gk_message_of_text("user", "no"));
	init = json_pack("{s:{s:O}}", "state", "messages", messages);
	return gk_agent_run(ctx, "a", said, GK_OPTS(gk_call_opts, .init = init), ret, err);
}

/* What a span has under a key. New reference. */
static json_t *traced(const char *span, const char *key)
{
	const char *text = json_string_value(json_object_get(core_attributes(span), key));
	json_t *ret = NULL;

	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(gk_json_parse(text, strlen(text), 0, &ret, NULL), GK_OK);
	return ret;
}

static gk_code answer(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	*ret = json_pack("{s:o, s:s, s:{s:i}}", "message", gk_message_of_text("model", "yes"),
		"finishReason", "stop", "custom", "asked",
		(int)json_array_size(json_object_get(request, "messages")));
	return GK_OK;
}

static void start(void)
{
	core_start();
	ck_assert_int_eq(gk_ai_init(core_app, NULL), GK_OK);
	agents_define_model("m", answer);
	core_flow("take", take_turn, NULL);
}

static void define_custom(void)
{
	ck_assert_int_eq(
		gk_define_agent(core_app, GK_OPTS(gk_agent_opts, .name = "a", .turn = reply), NULL),
		GK_OK);
}

static void define_prompt(const char *messages)
{
	ck_assert_int_eq(gk_define_agent(core_app,
				 GK_OPTS(gk_agent_opts, .name = "a",
					 .prompt = GK_OPTS(gk_prompt_opts, .model = "m",
						 .system = "be kind", .messages = messages)),
				 NULL),
		GK_OK);
}

/* Of so many messages that the agent is given, with the two that the turn adds, nothing is lost. */
static void run_after(json_int_t count)
{
	gk_auto_json json_t *output = core_run("/flow/take", json_integer(count));

	ck_assert_uint_eq(
		json_array_size(gk_json_at_peek(output, "state.messages")), (size_t)count + 2);
}

/* The first ones, one that tells how many are left out, the last ones, and the two of the turn itself. */
static void check_cut(json_t *messages, json_int_t omitted, const char *first, const char *last)
{
	size_t head = GK_SPAN_MESSAGES / 5;

	ck_assert_uint_eq(json_array_size(messages), GK_SPAN_MESSAGES + 3);
	ck_assert_str_eq(gk_json_str_peek(json_array_get(messages, 0), "role"), first);
	ck_assert_int_eq(
		gk_json_int_at(json_array_get(messages, head), "metadata.omitted", 0), omitted);
	ck_assert_str_eq(
		gk_json_str_peek(json_array_get(messages, GK_SPAN_MESSAGES + 2), "role"), last);
}

START_TEST(the_trace_of_a_turn_has_the_beginning_and_the_end_of_a_long_history)
{
	gk_auto_json json_t *whole = NULL, *cut = NULL;

	start();
	define_custom();
	run_after(GK_SPAN_MESSAGES);
	whole = traced("runTurn-1", "genkit:output");
	ck_assert_uint_eq(
		json_array_size(gk_json_at_peek(whole, "state.messages")), GK_SPAN_MESSAGES + 2);
	run_after(GK_SPAN_MESSAGES + 50);
	cut = traced("runTurn-1", "genkit:output");
	check_cut(gk_json_at_peek(cut, "state.messages"), 50, "user", "model");
	core_stop();
}
END_TEST

START_TEST(all_spans_of_a_turn_of_a_prompt_have_as_much_of_its_history)
{
	gk_auto_json json_t *rendered = NULL, *asked = NULL, *request = NULL, *response = NULL;
	json_t *messages;

	start();
	define_prompt(NULL);
	run_after(GK_SPAN_MESSAGES + 50);
	rendered = traced("render", "genkit:output");
	messages = json_object_get(rendered, "messages");
	check_cut(messages, 50, "system", "user"); /* "be kind", 70, "and now?" */
	ck_assert_ptr_null(json_object_get(json_array_get(messages, 0), "metadata"));
	ck_assert(json_is_true(
		gk_json_at_peek(json_array_get(messages, 1), "metadata._genkit_history")));
	ck_assert(json_is_true(gk_json_at_peek(
		json_array_get(messages, GK_SPAN_MESSAGES + 2), "metadata._genkit_history")));
	asked = traced("generate", "genkit:input");
	check_cut(json_object_get(asked, "messages"), 50, "system", "user");
	request = traced("m", "genkit:input");
	check_cut(json_object_get(request, "messages"), 50, "system", "user");
	ck_assert_ptr_null(json_object_get(
		json_array_get(json_object_get(request, "messages"), 1), "metadata"));
	response = traced("generate", "genkit:output");
	check_cut(gk_json_at_peek(response, "request.messages"), 50, "system", "user");
	ck_assert_int_eq(gk_json_int_at(response, "custom.asked", 0), GK_SPAN_MESSAGES + 52);
	core_stop();
}
END_TEST

START_TEST(a_template_that_places_the_history_has_it_in_its_place_and_in_the_trace)
{
	gk_auto_json json_t *rendered = NULL, *request = NULL;
	json_t *messages;

	start();
	define_prompt("{{role \"system\"}}before{{history}}{{role \"user\"}}after");
	run_after(3);
	rendered = traced("render", "genkit:output");
	messages = json_object_get(rendered, "messages");
	ck_assert_uint_eq(json_array_size(messages), 7); /* two before, four, one after */
	ck_assert_str_eq(
		gk_json_str_peek(json_array_get(messages, 2), "metadata.purpose"), "history");
	ck_assert(json_is_true(
		gk_json_at_peek(json_array_get(messages, 2), "metadata._genkit_history")));
	request = traced("m", "genkit:input");
	messages = json_object_get(request, "messages");
	ck_assert_uint_eq(json_array_size(messages), 7);
	ck_assert_str_eq(
		gk_json_str_peek(json_array_get(messages, 5), "metadata.purpose"), "history");
	ck_assert_str_eq(
		gk_json_str_peek(json_array_get(messages, 5), "content[0].text"), "and now?");
	ck_assert(json_is_true(
		gk_json_at_peek(json_array_get(messages, 6), "metadata.agentPreamble")));
	core_stop();
}
END_TEST

START_TEST(a_template_that_places_the_history_twice_has_it_twice)
{
	gk_auto_json json_t *request = NULL;
	json_t *messages;

	start();
	define_prompt("{{history}}{{role \"user\"}}again: {{history}}");
	json_decref(core_run("/flow/take", json_integer(1)));
	request = traced("m", "genkit:input");
	messages = json_object_get(request, "messages");
	ck_assert_uint_eq(json_array_size(messages), 6); /* be kind, two, again, two */
	ck_assert_str_eq(
		gk_json_str_peek(json_array_get(messages, 5), "content[0].text"), "and now?");
	core_stop();
}
END_TEST

static gk_code ask(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_response gk_response *response = NULL;
	gk_code rc = gk_generate(ctx,
		GK_OPTS(gk_generate_opts, .model = "m",
			.messages = json_object_get(input, "messages")),
		&response, err);

	if (rc == GK_OK)
		*ret = json_true();
	return rc;
}

START_TEST(what_is_no_conversation_of_earlier_turns_is_shown_whole)
{
	gk_auto_json json_t *request = NULL, *list = json_array();

	start();
	core_flow("ask", ask, NULL);
	for (int i = 0; i < GK_SPAN_MESSAGES + 50; i++)
		json_array_append_new(list, gk_message_of_text("user", "no"));
	json_decref(core_run("/flow/ask", json_pack("{s:O}", "messages", list)));
	request = traced("m", "genkit:input");
	ck_assert_uint_eq(
		json_array_size(json_object_get(request, "messages")), GK_SPAN_MESSAGES + 50);
	core_stop();
}
END_TEST

/* Asks for the tool, then answers. */
static gk_code ask_for_tool(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	json_t *messages = json_object_get(request, "messages");
	json_t *last = json_array_get(messages, json_array_size(messages) - 1);

	if (strcmp(gk_json_str_peek(last, "role"), "tool") == 0)
		return answer(ctx, request, ret, err);
	*ret = json_pack("{s:{s:s, s:[{s:{s:s, s:{}}}]}}", "message", "role", "model", "content",
		"toolRequest", "name", "look", "input");
	return GK_OK;
}

static json_t *given; /* a list of messages */

static gk_code look(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *request = json_pack("{s:O}", "messages", given);

	(void)input;
	return ask(ctx, request, ret, err);
}

START_TEST(a_tool_that_asks_a_model_has_a_conversation_of_its_own)
{
	static const char *const tools[] = { "look", NULL };
	gk_auto_json json_t *around = NULL, *within = NULL;

	start();
	given = json_array();
	for (int i = 0; i < GK_SPAN_MESSAGES + 50; i++)
		json_array_append_new(given, gk_message_of_text("user", "no"));
	agents_define_model("outer", ask_for_tool);
	ck_assert_int_eq(
		gk_define_tool(core_app,
			GK_OPTS(gk_tool_opts, .name = "look", .description = "d", .run = look),
			NULL),
		GK_OK);
	ck_assert_int_eq(gk_define_agent(core_app,
				 GK_OPTS(gk_agent_opts, .name = "a",
					 .prompt = GK_OPTS(
						 gk_prompt_opts, .model = "outer", .tools = tools)),
				 NULL),
		GK_OK);
	json_decref(core_run("/flow/take", json_integer(GK_SPAN_MESSAGES + 50)));
	within = traced("m", "genkit:input");
	ck_assert_uint_eq(
		json_array_size(json_object_get(within, "messages")), GK_SPAN_MESSAGES + 50);
	around = traced("outer", "genkit:input"); /* with what the tool was asked and said */
	ck_assert_uint_eq(
		json_array_size(json_object_get(around, "messages")), GK_SPAN_MESSAGES + 1 + 3);
	json_decref(given);
	core_stop();
}
END_TEST

static gk_code chat(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_session gk_session *session = NULL;
	gk_auto_chat gk_chat *talk = NULL;
	gk_code rc = gk_session_new(ctx, NULL, &session, err);

	if (rc == GK_OK)
		rc = gk_session_chat(ctx, session,
			GK_OPTS(gk_chat_opts, .options = GK_OPTS(gk_generate_opts, .model = "m")),
			&talk, err);
	for (json_int_t i = 0; rc == GK_OK && i <= json_integer_value(input); i++) {
		gk_auto_response gk_response *response = NULL;

		rc = gk_chat_send(ctx, talk, "no", &response, err);
	}
	if (rc == GK_OK)
		*ret = json_true();
	return rc;
}

START_TEST(a_chat_shows_a_long_thread_in_part)
{
	gk_auto_json json_t *request = NULL;
	json_t *messages;

	start();
	core_flow("chat", chat, NULL);
	json_decref(core_run("/flow/chat", json_integer(35))); /* 70 messages before the last */
	request = traced("m", "genkit:input");
	messages = json_object_get(request, "messages");
	ck_assert_uint_eq(json_array_size(messages), GK_SPAN_MESSAGES + 2);
	ck_assert_int_eq(gk_json_int_at(json_array_get(messages, GK_SPAN_MESSAGES / 5),
				 "metadata.omitted", 0),
		50);
	core_stop();
}
END_TEST

START_TEST(the_limit_of_messages_can_be_lifted_and_is_none_of_a_flow_s_own_input)
{
	gk_auto_json json_t *state = NULL, *input = NULL, *list = json_array();
	gk_tracing tracing = { .propagate_to = NULL };

	start();
	define_custom();
	tracing.limits = *gk_app_span_limits_peek(core_app);
	tracing.limits.messages = 0;
	gk_app_set_tracing(core_app, &tracing);
	run_after(70);
	state = traced("runTurn-1", "genkit:output");
	ck_assert_uint_eq(json_array_size(gk_json_at_peek(state, "state.messages")), 72);
	tracing.limits.messages = 2;
	gk_app_set_tracing(core_app, &tracing);
	for (int i = 0; i < 50; i++)
		json_array_append_new(list, gk_message_of_text("user", "no"));
	core_flow("given", core_echo, NULL);
	json_decref(core_run("/flow/given", json_pack("{s:O}", "messages", list)));
	input = traced("given", "genkit:input");
	ck_assert_uint_eq(json_array_size(json_object_get(input, "messages")), 50);
	core_stop();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("agent_trace");
	TCase *c = tcase_create("turns");

	tcase_add_test(c, the_trace_of_a_turn_has_the_beginning_and_the_end_of_a_long_history);
	tcase_add_test(c, all_spans_of_a_turn_of_a_prompt_have_as_much_of_its_history);
	tcase_add_test(c, a_template_that_places_the_history_has_it_in_its_place_and_in_the_trace);
	tcase_add_test(c, a_template_that_places_the_history_twice_has_it_twice);
	tcase_add_test(c, what_is_no_conversation_of_earlier_turns_is_shown_whole);
	tcase_add_test(c, a_tool_that_asks_a_model_has_a_conversation_of_its_own);
	tcase_add_test(c, a_chat_shows_a_long_thread_in_part);
	tcase_add_test(c, the_limit_of_messages_can_be_lifted_and_is_none_of_a_flow_s_own_input);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
