/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the trace of a turn holds of a long session. */
#include "core.h"

#include "ai/ai.h"
#include "base/limits.h"

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

static json_t *traced_after(json_int_t count)
{
	gk_auto_json json_t *output = core_run("/flow/take", json_integer(count));
	const char *text =
		json_string_value(json_object_get(core_attributes("runTurn-1"), "genkit:output"));
	json_t *ret = NULL;

	ck_assert_uint_eq(
		json_array_size(gk_json_at_peek(output, "state.messages")), (size_t)count + 2);
	ck_assert_int_eq(gk_json_parse(text, strlen(text), 0, &ret, NULL), GK_OK);
	return ret;
}

START_TEST(the_trace_of_a_turn_has_the_end_of_a_long_history)
{
	gk_auto_json json_t *whole = NULL, *cut = NULL;

	core_start();
	ck_assert_int_eq(gk_ai_init(core_app, NULL), GK_OK);
	ck_assert_int_eq(
		gk_define_agent(core_app, GK_OPTS(gk_agent_opts, .name = "a", .turn = reply), NULL),
		GK_OK);
	core_flow("take", take_turn, NULL);
	whole = traced_after(GK_AGENT_TRACED_MESSAGES - 2);
	ck_assert_uint_eq(json_array_size(gk_json_at_peek(whole, "state.messages")),
		GK_AGENT_TRACED_MESSAGES);
	ck_assert_ptr_null(gk_json_at_peek(whole, "state.messagesOmitted"));
	cut = traced_after(GK_AGENT_TRACED_MESSAGES + 50);
	ck_assert_uint_eq(
		json_array_size(gk_json_at_peek(cut, "state.messages")), GK_AGENT_TRACED_MESSAGES);
	ck_assert_int_eq(gk_json_int_at(cut, "state.messagesOmitted", 0), 52);
	ck_assert_str_eq(
		gk_json_str_peek(gk_json_at_peek(cut, "state.messages[99]"), "role"), "model");
	core_stop();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("agent_trace");
	TCase *c = tcase_create("turns");

	tcase_add_test(c, the_trace_of_a_turn_has_the_end_of_a_long_history);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
