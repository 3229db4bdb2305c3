/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Interrupts, agents as streams in C, and what does not become part of a conversation. */
#include "agents.h"

#include "base/limits.h"

#include <stdio.h>

#define CALL(name, input)                                                                          \
	"{'message':{'role':'model','content':[{'toolRequest':{'name':'" name "','ref':'1',"       \
	"'input':" input "}}]},'finishReason':'stop'}"

static gk_code research(gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	const char *task = gk_json_str_peek(turn->input, "message.content[0].text");
	gk_code rc;

	turn->finish_reason = "stop";
	rc = gk_agent_add_artifacts_take(
		ctx, session, json("{'name':'notes','parts':[{'text':'a'},{'text':'b'}]}"), err);
	return rc == GK_OK
		       ? gk_agent_add_message_take(session,
				 gk_message_of_text("model",
					 gk_ctx_printf(ctx, "about %s: %zu messages", task,
						 json_array_size(gk_agent_messages_peek(session)))),
				 err)
		       : rc;
}

START_TEST(what_middleware_tells_the_model_is_no_part_of_the_conversation)
{
	gk_auto_json json_t *use = json("[{'name':'agents','config':{'agents':['researcher']}}]");
	exchange it;

	agents_define(GK_OPTS(gk_agent_opts, .name = "researcher", .turn = research));
	agents_define(GK_OPTS(gk_agent_opts, .name = "helper",
		.prompt = GK_OPTS(gk_prompt_opts, .use_json = use)));
	models_script("[" CALL("delegate_to_researcher", "{'task':'cats'}") "," DONE "]");
	exchange_run(&it, NULL, "[" HI "]");
	assert_json(gk_json_at_peek(json_array_get(models_saw, 0), "messages[0].role"), "'system'");
	ck_assert_uint_eq(json_array_size(gk_json_at_peek(it.output, "state.messages")), 4);
	assert_json(gk_json_at_peek(it.output, "state.messages[0].role"), "'user'");
	ck_assert_uint_eq(json_array_size(json_object_get(it.output, "artifacts")), 1);
	exchange_done(&it);
}
END_TEST

/* --- interrupts --- */

START_TEST(an_interrupt_waits_for_the_client_and_goes_on)
{
	static const char *const tools[] = { "ask", NULL };
	gk_auto_json json_t *init = NULL, *forged = NULL;
	exchange first, second;

	agents_define(GK_OPTS(gk_agent_opts, .name = "helper", .is_stored = true,
		.prompt = GK_OPTS(gk_prompt_opts, .tools = tools)));
	models_script("[" CALL("ask", "{}") "," DONE "]");
	exchange_run(&first, NULL, "[" HI "]");
	ck_assert_str_eq(gk_json_str_peek(first.output, "finishReason"), "interrupted");
	init = json_pack("{s:O}", "snapshotId", json_object_get(first.output, "snapshotId"));
	exchange_run(&second, init,
		"[{'resume':{'restart':[{'toolRequest':{'name':'ask','ref':'1','input':{'n':1}}}]}}]");
	ck_assert_str_eq(gk_json_str_peek(second.output, "error.status"), "INVALID_ARGUMENT");
	ck_assert_uint_eq(json_array_size(models_saw), 1);
	exchange_done(&second);
	exchange_run(&second, init,
		"[{'resume':{'respond':[{'toolResponse':{'name':'ask','ref':'1','output':'yes'}}]}}]");
	ck_assert_str_eq(gk_json_str_peek(second.output, "message.content[0].text"), "done");
	exchange_done(&second);
	exchange_done(&first);
}
END_TEST

/* --- from C --- */

static gk_code converse(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_agent_stream gk_agent_stream *stream = NULL;
	gk_auto_json json_t *hello = gk_agent_input("cats"), *chunk = NULL, *output = NULL;
	gk_code rc = gk_agent_stream_open(ctx, "researcher", NULL, &stream, err);

	(void)input;
	*ret = json_array();
	for (int i = 0; i < 2 && rc == GK_OK; i++) {
		rc = gk_agent_stream_send(stream, hello, err);
		do {
			json_decref(chunk);
			chunk = NULL;
			if (rc == GK_OK)
				rc = gk_agent_stream_next(stream, &chunk, err);
		} while (rc == GK_OK && chunk && !json_object_get(chunk, "turnEnd"));
		json_array_append(*ret, chunk);
	}
	if (rc == GK_OK)
		rc = gk_agent_stream_output(stream, &output, err);
	json_array_append(*ret, json_object_get(output, "message"));
	return rc;
}

START_TEST(c_code_talks_to_an_agent_as_it_goes)
{
	gk_auto_json json_t *result = NULL;

	agents_define(GK_OPTS(gk_agent_opts, .name = "researcher", .turn = research));
	core_flow("converse", converse, NULL);
	result = core_run("/flow/converse", NULL);
	assert_json(result,
		"[{'turnEnd':{'finishReason':'stop'}},{'turnEnd':{'finishReason':'stop'}},"
		"{'role':'model','content':[{'text':'about cats: 3 messages'}]}]");
	ck_assert_str_eq(gk_json_str_peek(core_span("runTurn-2"), "path"),
		"/{converse,t:flow}/{researcher,t:action}/{runTurn-2,t:flowStep}");
}
END_TEST

static gk_code wait_for_ever(
	gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	(void)session, (void)turn;
	return gk_sleep(ctx, 3600000, err);
}

static gk_code walk_away(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_agent_stream gk_agent_stream *stream = NULL;
	gk_auto_json json_t *hello = gk_agent_input("hello");
	gk_code rc = gk_agent_stream_open(ctx, "sleeper", NULL, &stream, err);

	(void)input, (void)ret;
	if (rc == GK_OK)
		rc = gk_agent_stream_send(stream, hello, err);
	return rc == GK_OK ? gk_sleep(ctx, 5, err) : rc;
}

START_TEST(closing_a_stream_calls_off_its_turn)
{
	gk_auto_json json_t *result = NULL;

	agents_define(GK_OPTS(gk_agent_opts, .name = "sleeper", .turn = wait_for_ever));
	core_flow("walkAway", walk_away, NULL);
	result = core_run("/flow/walkAway", NULL);
	ck_assert_uint_eq(gk_fiber_count(core_loop), 0);
}
END_TEST

/* Lets an agent go on without us, looks at it, and calls it off. */
static gk_code let_go_and_abort(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *go = json("{'message':{'role':'user','content':[]},'detach':true}");
	gk_auto_json json_t *output = NULL, *before = NULL, *after = NULL;
	const char *id, *previous = NULL, *unknown = "unset";
	gk_code rc = gk_agent_run(ctx, "sleeper", go, NULL, &output, err);

	(void)input;
	id = gk_json_str_peek(output, "snapshotId");
	if (rc == GK_OK)
		rc = gk_agent_snapshot(
			ctx, "sleeper", NULL, gk_json_str_peek(output, "sessionId"), &before, err);
	if (rc == GK_OK)
		rc = gk_agent_abort(ctx, "sleeper", id, &previous, err);
	if (rc == GK_OK)
		rc = gk_agent_abort(ctx, "sleeper", "nothing", &unknown, err);
	if (rc == GK_OK)
		rc = gk_agent_snapshot(ctx, "sleeper", id, NULL, &after, err);
	if (rc == GK_OK)
		*ret = json_pack("[s, O, s, s?, O]", gk_json_str_peek(output, "finishReason"),
			json_object_get(before, "status"), previous, unknown,
			json_object_get(after, "status"));
	return rc;
}

START_TEST(c_code_lets_an_agent_go_and_calls_it_off)
{
	gk_auto_json json_t *result = NULL;

	agents_define(GK_OPTS(
		gk_agent_opts, .name = "sleeper", .turn = wait_for_ever, .is_stored = true));
	core_flow("letGo", let_go_and_abort, NULL);
	result = core_run("/flow/letGo", NULL);
	assert_json(result, "['detached','pending','pending',null,'aborted']");
}
END_TEST

static size_t inputs_sent;

static gk_code insist(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_agent_stream gk_agent_stream *stream = NULL;
	gk_auto_json json_t *hello = gk_agent_input("hello");
	gk_code rc = gk_agent_stream_open(ctx, "sleeper", NULL, &stream, err);

	(void)input, (void)ret;
	for (inputs_sent = 0; rc == GK_OK; inputs_sent += rc == GK_OK)
		rc = gk_agent_stream_send(stream, hello, err);
	return rc;
}

START_TEST(inputs_that_an_agent_does_not_come_to_wait_at_their_sender)
{
	size_t before = 0;
	gk_run *run;

	agents_define(GK_OPTS(gk_agent_opts, .name = "sleeper", .turn = wait_for_ever));
	core_flow("insist", insist, NULL);
	run = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/insist"));
	for (int still = 0; still < 10; before = inputs_sent) {
		gk_loop_turn(core_loop, 1);
		still = inputs_sent == before ? still + 1 : 0;
	}
	ck_assert_uint_ge(inputs_sent, GK_MAX_INPUT_CHUNKS + GK_MAX_AGENT_INPUTS);
	ck_assert_uint_le(inputs_sent,
		GK_MAX_INPUT_CHUNKS + GK_MAX_AGENT_INPUTS + 2); /* the turn's, and one on its way */
	gk_run_cancel(run, GK_CANCELLED);
	core_finish(run);
	gk_run_unref(run);
}
END_TEST

static gk_code ask_nobody(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	return gk_agent_run(ctx, "nobody", input, NULL, ret, err);
}

START_TEST(an_agent_that_is_not_there_is_told_of)
{
	core_flow("askNobody", ask_nobody, NULL);
	core_fail("/flow/askNobody", NULL, GK_NOT_FOUND, "Agent nobody not found");
}
END_TEST

static size_t chunks_sent;

static gk_code chatter(gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	gk_code rc = GK_OK;

	(void)session, (void)turn;
	for (chunks_sent = 0; chunks_sent < 300 && rc == GK_OK; chunks_sent++)
		rc = gk_ctx_send(ctx, json("{'modelChunk':{}}"), err);
	return rc;
}

static gk_code listen_late(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_agent_stream gk_agent_stream *stream = NULL;
	gk_auto_json json_t *hello = gk_agent_input("hello"), *output = NULL;
	gk_code rc = gk_agent_stream_open(ctx, "chatterbox", NULL, &stream, err);

	(void)input;
	if (rc == GK_OK)
		rc = gk_agent_stream_send(stream, hello, err);
	if (rc == GK_OK)
		rc = gk_sleep(ctx, 20, err);
	*ret = json_integer((json_int_t)chunks_sent);
	return rc == GK_OK ? gk_agent_stream_output(stream, &output, err) : rc;
}

START_TEST(a_turn_waits_for_those_who_do_not_read)
{
	gk_auto_json json_t *result = NULL;

	agents_define(GK_OPTS(gk_agent_opts, .name = "chatterbox", .turn = chatter));
	core_flow("listenLate", listen_late, NULL);
	result = core_run("/flow/listenLate", NULL);
	assert_json(result, "256");
	ck_assert_uint_eq(chunks_sent, 300);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("agent_client");
	TCase *tests = tcase_create("agent_client");

	tcase_add_checked_fixture(tests, models_start, models_stop);
	tcase_add_test(tests, what_middleware_tells_the_model_is_no_part_of_the_conversation);
	tcase_add_test(tests, an_interrupt_waits_for_the_client_and_goes_on);
	tcase_add_test(tests, c_code_talks_to_an_agent_as_it_goes);
	tcase_add_test(tests, closing_a_stream_calls_off_its_turn);
	tcase_add_test(tests, c_code_lets_an_agent_go_and_calls_it_off);
	tcase_add_test(tests, inputs_that_an_agent_does_not_come_to_wait_at_their_sender);
	tcase_add_test(tests, an_agent_that_is_not_there_is_told_of);
	tcase_add_test(tests, a_turn_waits_for_those_who_do_not_read);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
