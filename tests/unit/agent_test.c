/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Agents whose callers keep their state: defined, called, interrupted; the conformance runner replays the wire. */
#include "agents.h"

#include <genkit/middleware.h>
#include <genkit/resource.h>

static void define_helper(void)
{
	agents_define(GK_OPTS(gk_agent_opts, .name = "helper",
		.prompt = GK_OPTS(gk_prompt_opts, .system = "Be helpful.")));
}

START_TEST(a_prompt_agent_answers_and_remembers_without_its_own_words)
{
	gk_auto_json json_t *init = NULL;
	exchange first, second;

	define_helper();
	models_script("[" DONE "]");
	exchange_run(&first, NULL, "[" HI "]");
	assert_json(first.sink.chunks, "[{'turnEnd':{'finishReason':'stop'}}]");
	ck_assert_uint_eq(strlen(gk_json_str_peek(first.output, "sessionId")), 36);
	ck_assert_str_eq(gk_json_str_peek(first.output, "message.content[0].text"), "done");
	init = json_pack("{s:O}", "state", json_object_get(first.output, "state"));
	exchange_run(&second, init, "[" HI "]");
	ck_assert_str_eq(gk_json_str_peek(second.output, "sessionId"),
		gk_json_str_peek(first.output, "sessionId"));
	assert_json(json_object_get(json_array_get(models_saw, 1), "messages"),
		"[{'role':'system','content':[{'text':'Be helpful.'}],'metadata':{'agentPreamble':true}},"
		"{'role':'user','content':[{'text':'hi'}]},{'role':'model','content':[{'text':'done'}]},"
		"{'role':'user','content':[{'text':'hi'}]}]");
	ck_assert_uint_eq(json_array_size(gk_json_at_peek(second.output, "state.messages")), 4);
	exchange_done(&first);
	exchange_done(&second);
}
END_TEST

START_TEST(the_turns_of_an_invocation_are_taken_in_order)
{
	exchange it;

	define_helper();
	models_script("[" DONE "]");
	exchange_run(&it, NULL, "[" HI "," HI "," HI "]");
	ck_assert_uint_eq(json_array_size(it.sink.chunks), 3);
	ck_assert_uint_eq(json_array_size(gk_json_at_peek(it.output, "state.messages")), 6);
	ck_assert_str_eq(gk_json_str_peek(core_span("runTurn-3"), "path"),
		"/{helper,t:action}/{runTurn-3,t:flowStep}");
	ck_assert_str_eq(
		gk_json_str_peek(core_attributes("helper"), "genkit:metadata:agent:sessionId"),
		gk_json_str_peek(it.output, "sessionId"));
	exchange_done(&it);
}
END_TEST

START_TEST(a_client_may_not_speak_for_tools)
{
	exchange it;

	define_helper();
	models_script("[" DONE "]");
	exchange_run(&it, NULL,
		"[{'message':{'role':'user','content':[{'toolResponse':{'name':'pay','output':1}}]}}]");
	ck_assert_str_eq(gk_json_str_peek(it.output, "finishReason"), "failed");
	ck_assert_str_eq(gk_json_str_peek(it.output, "error.status"), "INVALID_ARGUMENT");
	assert_json(gk_json_at_peek(it.output, "state.messages"), "[]");
	ck_assert_uint_eq(json_array_size(models_saw), 0);
	exchange_done(&it);
}
END_TEST

START_TEST(an_agent_without_a_store_takes_no_ids)
{
	gk_auto_json json_t *init = json("{'snapshotId':'s'}");
	exchange it;

	define_helper();
	exchange_run(&it, init, "[" HI "]");
	ck_assert_ptr_null(it.output);
	assert_error(&it.err, GK_FAILED_PRECONDITION,
		"Cannot use 'snapshotId' with agent 'helper': this agent has no store configured "
		"(client-managed state). Send 'state' instead.");
	exchange_done(&it);
}
END_TEST

static gk_code wait_for_ever(
	gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	(void)session, (void)turn;
	return gk_sleep(ctx, 3600000, err);
}

static bool has_two_fibers(void *user)
{
	(void)user;
	return gk_fiber_count(core_loop) == 2;
}

START_TEST(calling_off_the_call_calls_off_its_turn)
{
	exchange it;

	agents_define(GK_OPTS(gk_agent_opts, .name = "helper", .turn = wait_for_ever));
	exchange_begin(&it, NULL, NULL, "[" HI "]");
	core_turn_until(has_two_fibers, NULL);
	gk_run_cancel(it.run, GK_CANCELLED);
	exchange_finish(&it);
	ck_assert_int_eq(it.err.code, GK_CANCELLED);
	exchange_done(&it);
}
END_TEST

static bool has_a_chunk(void *user)
{
	return json_array_size(((exchange *)user)->sink.chunks) > 0;
}

START_TEST(an_agent_that_waits_for_input_has_one_fiber)
{
	exchange it;

	define_helper();
	models_script("[" DONE "]");
	exchange_begin(&it, NULL, NULL, "[" HI "]");
	core_turn_until(has_a_chunk, &it);
	gk_loop_turn(core_loop, 0);
	ck_assert_uint_eq(gk_fiber_count(core_loop), 1);
	exchange_send(&it, HI);
	exchange_finish(&it);
	ck_assert_uint_eq(json_array_size(gk_json_at_peek(it.output, "state.messages")), 4);
	exchange_done(&it);
}
END_TEST

static gk_code hide_secret(gk_ctx *ctx, json_t *state, void *user, json_t **ret, gk_error *err)
{
	json_t *custom = json_object_get(state, "custom");

	(void)ctx, (void)user;
	if (!json_object_get(custom, "shown"))
		return gk_error_set(err, GK_NOT_FOUND, "a secret is in here");
	*ret = json_copy(state);
	json_object_set_new(
		*ret, "custom", json_pack("{s:O}", "shown", json_object_get(custom, "shown")));
	return GK_OK;
}

static gk_code set_what_is_said(
	gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	return gk_agent_set_custom_take(
		ctx, session, json_incref(gk_json_at_peek(turn->input, "message.metadata")), err);
}

START_TEST(clients_see_the_state_that_the_transform_leaves)
{
	exchange it;

	agents_define(GK_OPTS(gk_agent_opts, .name = "helper", .turn = set_what_is_said,
		.transform_state = hide_secret));
	exchange_run(&it, NULL,
		"[{'message':{'role':'user','content':[],'metadata':{'shown':1,'secret':2}}}]");
	assert_json(json_array_get(it.sink.chunks, 0),
		"{'customPatch':[{'op':'replace','path':'','value':{'shown':1}}]}");
	assert_json(gk_json_at_peek(it.output, "state.custom"), "{'shown':1}");
	exchange_done(&it);
}
END_TEST

START_TEST(a_transform_that_fails_shows_nothing)
{
	exchange it;

	agents_define(GK_OPTS(gk_agent_opts, .name = "helper", .turn = set_what_is_said,
		.transform_state = hide_secret));
	exchange_run(
		&it, NULL, "[{'message':{'role':'user','content':[],'metadata':{'secret':2}}}]");
	ck_assert_ptr_null(it.output);
	assert_error(&it.err, GK_INTERNAL, "the state of agent helper could not be shown");
	exchange_done(&it);
}
END_TEST

static gk_code hide_artifacts(gk_ctx *ctx, json_t *chunk, void *user, json_t **ret, gk_error *err)
{
	(void)ctx, (void)user;
	if (json_object_get(chunk, "modelChunk"))
		return gk_error_set(err, GK_DATA_LOSS, "that is not fit to be seen");
	*ret = json_object_get(chunk, "artifact") ? NULL : json_incref(chunk);
	return GK_OK;
}

static gk_code send_both(gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	gk_code rc = gk_agent_add_artifacts_take(ctx, session, json("{'parts':[]}"), err);

	if (rc == GK_OK && json_object_get(json_object_get(turn->input, "message"), "metadata"))
		rc = gk_ctx_send(ctx, json("{'modelChunk':{}}"), err);
	return rc;
}

START_TEST(clients_get_the_chunks_that_the_transform_leaves)
{
	exchange it;

	agents_define(GK_OPTS(gk_agent_opts, .name = "helper", .turn = send_both,
		.transform_chunk = hide_artifacts));
	exchange_run(&it, NULL,
		"[" HI ",{'message':{'role':'user','content':[],'metadata':{'say':'it'}}}]");
	ck_assert_str_eq(gk_json_str_peek(it.output, "error.status"), "INTERNAL");
	ck_assert_str_eq(gk_json_str_peek(it.output, "error.message"),
		"the chunk of agent helper could not be shown");
	assert_json(it.sink.chunks, "[{'turnEnd':{}},{'turnEnd':{'finishReason':'failed'}}]");
	exchange_done(&it);
}
END_TEST

static gk_code show_what_was_said(
	gk_ctx *ctx, json_t *input, json_t *history, void *user, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)user, (void)err;
	*ret = json_array();
	json_array_append_new(*ret, gk_message_of_text("user", "before"));
	json_array_extend(*ret, history);
	json_array_append_new(*ret, gk_message_of_text("user", "behind"));
	return GK_OK;
}

START_TEST(a_prompt_may_put_the_conversation_where_it_likes)
{
	exchange it;

	agents_define(GK_OPTS(gk_agent_opts, .name = "helper",
		.prompt = GK_OPTS(gk_prompt_opts, .messages_fn = show_what_was_said)));
	models_script("[" DONE "]");
	exchange_run(&it, NULL, "[" HI "," HI "]");
	ck_assert_uint_eq(json_array_size(gk_json_at_peek(it.output, "state.messages")), 4);
	ck_assert_uint_eq(
		json_array_size(gk_json_at_peek(json_array_get(models_saw, 1), "messages")), 5);
	ck_assert_ptr_null(json_object_get(
		gk_json_at_peek(json_array_get(models_saw, 1), "messages[1]"), "metadata"));
	ck_assert_ptr_null(
		json_object_get(gk_json_at_peek(it.output, "state.messages[0]"), "metadata"));
	exchange_done(&it);
}
END_TEST

START_TEST(a_template_may_put_the_conversation_where_it_likes)
{
	exchange it;

	agents_define(GK_OPTS(gk_agent_opts, .name = "helper",
		.prompt = GK_OPTS(gk_prompt_opts,
			.messages =
				"{{role \"system\"}}Be brief.{{history}}{{role \"user\"}}Now!")));
	models_script("[" DONE "]");
	exchange_run(&it, NULL, "[" HI "," HI "]");
	assert_json(gk_json_at_peek(json_array_get(models_saw, 1), "messages[1].metadata"),
		"{'purpose':'history'}"); /* the model is told */
	ck_assert_uint_eq(json_array_size(gk_json_at_peek(it.output, "state.messages")), 4);
	for (size_t i = 0; i < 4; i++)
		ck_assert_ptr_null(json_object_get(
			json_array_get(gk_json_at_peek(it.output, "state.messages"), i),
			"metadata"));
	exchange_done(&it);
}
END_TEST

START_TEST(what_a_prompt_says_around_the_conversation_is_marked_and_not_kept)
{
	exchange it;

	agents_define(GK_OPTS(gk_agent_opts, .name = "helper",
		.prompt = GK_OPTS(gk_prompt_opts, .system = "Be brief.", .prompt = "Now!")));
	models_script("[" DONE "]");
	exchange_run(&it, NULL, "[" HI "," HI "]");
	assert_json(json_object_get(json_array_get(models_saw, 1), "messages"),
		"[{'role':'system','content':[{'text':'Be brief.'}],'metadata':{'agentPreamble':true}},"
		"{'role':'user','content':[{'text':'hi'}]},{'role':'model','content':[{'text':'done'}]},"
		"{'role':'user','content':[{'text':'hi'}]},"
		"{'role':'user','content':[{'text':'Now!'}],'metadata':{'agentPreamble':true}}]");
	ck_assert_uint_eq(json_array_size(gk_json_at_peek(it.output, "state.messages")), 4);
	exchange_done(&it);
}
END_TEST

static gk_code read_note(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)err;
	*ret = json_pack("{s:[{s:s}]}", "content", "text", "the note");
	return GK_OK;
}

#define NOTE_READ "[{'text':'the note','metadata':{'resource':{'uri':'note://1'}}}]"
#define NOTED                                                                                      \
	"{'message':{'role':'model','content':[{'resource':{'uri':'note://1'}}]},'finishReason':'stop'}"

static void define_note(void)
{
	ck_assert_int_eq(
		gk_define_resource(core_app,
			GK_OPTS(gk_resource_opts, .uri = "note://1", .run = read_note), NULL),
		GK_OK);
}

START_TEST(a_resource_that_the_model_named_is_read_in_the_turn_after_it)
{
	gk_auto_json json_t *kept = NULL;
	exchange first, second, third;

	agents_define(GK_OPTS(gk_agent_opts, .name = "helper", .is_stored = true,
		.prompt = GK_OPTS(gk_prompt_opts, .system = "Be helpful.")));
	define_note();
	models_script("[" NOTED "," DONE "," NOTED "," DONE "]");
	exchange_run(&first, NULL, "[" HI "," HI "]"); /* of one invocation */
	ck_assert_uint_eq(json_array_size(models_saw), 2);
	assert_json(
		gk_json_at_peek(json_array_get(models_saw, 1), "messages[2].content"), NOTE_READ);
	exchange_run(&second, NULL, "[" HI "]"); /* of a snapshot that is remembered */
	kept = json_pack("{s:O}", "snapshotId", json_object_get(second.output, "snapshotId"));
	exchange_run(&third, kept, "[" HI "]");
	assert_json(
		gk_json_at_peek(json_array_get(models_saw, 3), "messages[2].content"), NOTE_READ);
	exchange_done(&first);
	exchange_done(&second);
	exchange_done(&third);
}
END_TEST

/* The model is made to have said something else. */
static gk_code add_note(json_t *current, json_t **ret, void *user, gk_error *err)
{
	gk_auto_json json_t *note =
		json("{'role':'model','content':[{'resource':{'uri':'note://1'}}]}");
	gk_auto_json json_t *next = json_deep_copy(current);
	json_t *messages = json_object_get(json_object_get(next, "state"), "messages");

	(void)user, (void)err;
	ck_assert_int_eq(json_array_set(messages, 1, note), 0);
	*ret = json_incref(next);
	return GK_OK;
}

static gk_code edit(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const gk_session_realm realm = { .store = "helper", .owner = gk_ctx_owner(ctx) };
	gk_auto_saved gk_snapshot_saved saved = { .id = NULL };

	(void)ret;
	return gk_snapshot_update(ctx, gk_session_store_peek(core_app), &realm,
		gk_json_str_peek(input, "snapshotId"), add_note, NULL, &saved, err);
}

START_TEST(a_resource_in_a_snapshot_that_was_written_over_is_read)
{
	gk_auto_json json_t *kept = NULL;
	exchange first, second;

	agents_define(GK_OPTS(gk_agent_opts, .name = "helper", .is_stored = true,
		.prompt = GK_OPTS(gk_prompt_opts, .system = "Be helpful.")));
	define_note();
	models_script("[" DONE "," DONE "]");
	exchange_run(&first, NULL, "[" HI "]");
	kept = json_pack("{s:O}", "snapshotId", json_object_get(first.output, "snapshotId"));
	core_flow("edit", edit, NULL);
	json_decref(core_run("/flow/edit", json_incref(kept)));
	exchange_run(&second, kept, "[" HI "]");
	assert_json(
		gk_json_at_peek(json_array_get(models_saw, 1), "messages[2].content"), NOTE_READ);
	exchange_done(&first);
	exchange_done(&second);
}
END_TEST

START_TEST(a_resource_in_a_state_that_a_client_brings_is_read)
{
	gk_auto_json json_t *init =
		json("{'state':{'messages':[{'role':'user','content':[{'text':'hi'}]},"
		     "{'role':'model','content':[{'resource':{'uri':'note://1'}}]}]}}");
	exchange it;

	define_helper();
	define_note();
	models_script("[" DONE "]");
	exchange_run(&it, init, "[" HI "]");
	assert_json(
		gk_json_at_peek(json_array_get(models_saw, 0), "messages[2].content"), NOTE_READ);
	exchange_done(&it);
}
END_TEST

static gk_code see_state(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input, (void)err;
	*ret = json_sprintf(
		"The score is %d.", (int)gk_json_int_at(gk_ctx_context(ctx), "state.score", -1));
	return GK_OK;
}

START_TEST(a_prompt_sees_the_state_of_the_session)
{
	gk_auto_json json_t *init = json("{'state':{'custom':{'score':7}}}");
	exchange it;

	agents_define(GK_OPTS(gk_agent_opts, .name = "helper",
		.prompt = GK_OPTS(gk_prompt_opts, .system = "{{@state.score}} points.",
			.prompt_fn = see_state)));
	models_script("[" DONE "]");
	exchange_run(&it, init, "[" HI "]");
	ck_assert_str_eq(
		gk_json_str_peek(json_array_get(models_saw, 0), "messages[0].content[0].text"),
		"7 points.");
	ck_assert_str_eq(
		gk_json_str_peek(json_array_get(models_saw, 0), "messages[2].content[0].text"),
		"The score is 7.");
	exchange_done(&it);
}
END_TEST

static gk_code add_nonsense(
	gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	(void)ctx;
	return gk_agent_add_message_take(
		session, json_incref(gk_json_at_peek(turn->input, "message.metadata")), err);
}

START_TEST(only_messages_become_part_of_a_conversation)
{
	exchange it;

	agents_define(GK_OPTS(gk_agent_opts, .name = "helper", .turn = add_nonsense));
	exchange_run(&it, NULL,
		"[{'message':{'role':'user','content':[],'metadata':{'role':'parrot','content':[]}}}]");
	ck_assert_str_eq(gk_json_str_peek(it.output, "error.status"), "INVALID_ARGUMENT");
	ck_assert_ptr_nonnull(
		strstr(gk_json_str_peek(it.output, "error.message"), "Schema validation failed"));
	exchange_done(&it);
}
END_TEST

static gk_code spoil(
	gk_ctx *ctx, json_t *request, gk_next *next, void *user, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *spoilt = json_copy(request), *messages = NULL;

	(void)user;
	messages = json_copy(json_object_get(request, "messages"));
	json_array_append_new(messages, json("{'role':'parrot','content':[]}"));
	json_object_set(spoilt, "messages", messages);
	return gk_next_run(ctx, next, spoilt, ret, err);
}

/* The messages of the session are not looked at again; the mistake has its place among them nevertheless. */
START_TEST(what_middleware_makes_of_a_request_is_validated)
{
	static const char *const use[] = { "spoil", NULL };
	exchange it;

	ck_assert_int_eq(
		gk_define_middleware(core_app,
			GK_OPTS(gk_middleware_opts, .name = "spoil", .model = spoil), NULL),
		GK_OK);
	agents_define(GK_OPTS(
		gk_agent_opts, .name = "helper", .prompt = GK_OPTS(gk_prompt_opts, .use = use)));
	models_script("[" DONE "]");
	exchange_run(&it, NULL, "[" HI "]");
	ck_assert_uint_eq(json_array_size(models_saw), 0);
	ck_assert_ptr_nonnull(
		strstr(gk_json_str_peek(it.output, "error.message"), "messages.1.role: "));
	exchange_done(&it);
}
END_TEST

static bool left_behind;

static bool define_one(void)
{
	static const gk_prompt_opts prompt = { .size = sizeof(prompt), .system = "S" };
	gk_code rc = gk_define_agent(core_app,
		GK_OPTS(gk_agent_opts, .name = "swept", .state_schema = "n: integer",
			.prompt = &prompt),
		NULL);

	left_behind |= gk_app_remove_action(core_app, "/agent/swept") && rc != GK_OK;
	gk_app_remove_action(core_app, "/prompt/swept");
	gk_app_remove_action(core_app, "/executable-prompt/swept");
	return rc == GK_OK;
}

START_TEST(an_agent_without_memory_is_not_defined)
{
	fault_sweep(define_one);
	ck_assert(!left_behind);
}
END_TEST

static json_t *said;

static bool call_once(void)
{
	return core_try("/agent/helper", said);
}

START_TEST(a_turn_without_memory_fails_and_leaks_nothing)
{
	said = json(HI);
	models_script("[" DONE "]");
	define_helper();
	fault_sweep(call_once);
	json_decref(said);
}
END_TEST

static void start_unseen(void)
{
	models_start();
	core_look_away();
}

/* The history has no marks on its way through a prompt when no trace shows them. */
static TCase *unseen(void)
{
	TCase *tests = tcase_create("unseen");

	tcase_add_checked_fixture(tests, start_unseen, models_stop);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_prompt_agent_answers_and_remembers_without_its_own_words);
	tcase_add_test(tests, a_prompt_may_put_the_conversation_where_it_likes);
	tcase_add_test(tests, a_template_may_put_the_conversation_where_it_likes);
	tcase_add_test(tests, what_a_prompt_says_around_the_conversation_is_marked_and_not_kept);
	tcase_add_test(tests, a_resource_that_the_model_named_is_read_in_the_turn_after_it);
	tcase_add_test(tests, a_resource_in_a_snapshot_that_was_written_over_is_read);
	tcase_add_test(tests, a_resource_in_a_state_that_a_client_brings_is_read);
	tcase_add_test(tests, what_middleware_makes_of_a_request_is_validated);
	tcase_add_test(tests, a_turn_without_memory_fails_and_leaks_nothing);
	return tests;
}

static Suite *suite(void)
{
	Suite *it = suite_create("agent");
	TCase *tests = tcase_create("agent");

	tcase_add_checked_fixture(tests, models_start, models_stop);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_prompt_agent_answers_and_remembers_without_its_own_words);
	tcase_add_test(tests, the_turns_of_an_invocation_are_taken_in_order);
	tcase_add_test(tests, a_client_may_not_speak_for_tools);
	tcase_add_test(tests, an_agent_without_a_store_takes_no_ids);
	tcase_add_test(tests, calling_off_the_call_calls_off_its_turn);
	tcase_add_test(tests, an_agent_that_waits_for_input_has_one_fiber);
	tcase_add_test(tests, clients_see_the_state_that_the_transform_leaves);
	tcase_add_test(tests, a_transform_that_fails_shows_nothing);
	tcase_add_test(tests, clients_get_the_chunks_that_the_transform_leaves);
	tcase_add_test(tests, a_prompt_may_put_the_conversation_where_it_likes);
	tcase_add_test(tests, a_template_may_put_the_conversation_where_it_likes);
	tcase_add_test(tests, what_a_prompt_says_around_the_conversation_is_marked_and_not_kept);
	tcase_add_test(tests, a_resource_that_the_model_named_is_read_in_the_turn_after_it);
	tcase_add_test(tests, a_resource_in_a_state_that_a_client_brings_is_read);
	tcase_add_test(tests, a_prompt_sees_the_state_of_the_session);
	tcase_add_test(tests, only_messages_become_part_of_a_conversation);
	tcase_add_test(tests, what_middleware_makes_of_a_request_is_validated);
	tcase_add_test(tests, an_agent_without_memory_is_not_defined);
	tcase_add_test(tests, a_turn_without_memory_fails_and_leaks_nothing);
	suite_add_tcase(it, tests);
	suite_add_tcase(it, unseen());
	return it;
}

UNIT_MAIN(suite)
