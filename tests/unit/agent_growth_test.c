/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A turn costs what it adds, however long its session is: lists that grow in place, and whose they are. */
#include "agents.h"
#include "folder.h"

#include "ai/agent_asked.h"
#include "ai/ai.h"
#include "base/limits.h"
#include "core/snapshot.h"
#include "store/sessions.h"
#include "store/trace_store.h"

#include <stdio.h>

#define YOUNG 11 /* turns; lists and tables grow by doubling in neither of the two windows */
#define OLD   990
#define TAKEN 4

static json_t *input;
static size_t saw; /* messages that the model was asked with last */

static gk_code reply(gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	const char *said = gk_json_str_peek(turn->input, "message.content[0].text");
	gk_code rc = gk_agent_add_message_take(session, gk_message_of_text("model", "yes"), err);

	if (rc == GK_OK && said && strcmp(said, "wait") == 0)
		rc = gk_sleep(ctx, 5, err);
	turn->finish_reason = "stop";
	return rc == GK_OK && said && strcmp(said, "fail") == 0
		       ? gk_error_set(err, GK_INTERNAL, "no")
		       : rc;
}

static gk_code answer(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	saw = json_array_size(json_object_get(request, "messages"));
	*ret = json_pack("{s:o, s:s}", "message", gk_message_of_text("model", "yes"),
		"finishReason", "stop");
	return GK_OK;
}

/* Asks for a tool once in each turn of the agent. */
static gk_code ask_for_tool(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	json_t *messages = json_object_get(request, "messages");
	const char *last = json_string_value(
		json_object_get(json_array_get(messages, json_array_size(messages) - 1), "role"));

	if (last && strcmp(last, "tool") == 0)
		return answer(ctx, request, ret, err);
	*ret = json_pack("{s:{s:s, s:[{s:{s:s, s:{}}}]}, s:s}", "message", "role", "model",
		"content", "toolRequest", "name", "look", "input", "finishReason", "stop");
	return GK_OK;
}

static gk_action_fn *tool_model = ask_for_tool;

static void define_tool_agent(const char *messages)
{
	static const char *const tools[] = { "look", NULL };

	ck_assert_int_eq(gk_ai_init(core_app, NULL), GK_OK);
	ck_assert_int_eq(gk_define_tool(core_app,
				 GK_OPTS(gk_tool_opts, .name = "look", .description = "Looks.",
					 .run = core_echo),
				 NULL),
		GK_OK);
	agents_define_model("m", tool_model);
	agents_define(GK_OPTS(gk_agent_opts, .name = "helper",
		.prompt =
			GK_OPTS(gk_prompt_opts, .model = "m", .messages = messages, .tools = tools),
		.is_stored = true));
	input = gk_agent_input("hello");
}

/* The text of a template, or NULL for an agent that answers by itself. */
static void define(const char *messages)
{
	ck_assert_int_eq(gk_ai_init(core_app, NULL), GK_OK);
	agents_define_model("m", answer);
	if (messages)
		agents_define(GK_OPTS(gk_agent_opts, .name = "helper",
			.prompt = GK_OPTS(gk_prompt_opts, .model = "m", .messages = messages),
			.is_stored = true));
	else
		agents_define(
			GK_OPTS(gk_agent_opts, .name = "helper", .turn = reply, .is_stored = true));
	input = gk_agent_input("hello");
}

/* --- what it costs --- */

static void take_turn(void)
{
	gk_auto_json json_t *init = json_pack("{s:s}", "sessionId", "s");
	gk_run *run = core_begin(
		GK_OPTS(gk_run_opts, .key = "/agent/helper", .init = init, .input = input));

	core_finish(run);
	ck_assert_str_eq(gk_json_str_peek(gk_run_result_peek(run), "finishReason"), "stop");
	gk_run_unref(run);
	if (core_spans)
		json_array_clear(core_spans);
}

static size_t bytes_of_turns(void)
{
	size_t before = fault_asked();

	for (int i = 0; i < TAKEN; i++)
		take_turn();
	return fault_asked() - before;
}

static void check_growth(void)
{
	size_t young, old;
	int i;

	for (i = 1; i < YOUNG; i++)
		take_turn();
	young = bytes_of_turns();
	for (i += TAKEN; i < OLD; i++)
		take_turn();
	old = bytes_of_turns();
	ck_assert_msg(
		10 * old <= 11 * young, "%zu bytes for %d turns, then %zu", young, TAKEN, old);
}

static const char *const templates[] = { NULL, "{{role \"system\"}}be kind",
	"{{role \"system\"}}be kind{{history}}{{role \"system\"}}be brief" };
#define TEMPLATES 3

/* Odd: nobody looks at the spans. */
static void start(int i)
{
	if (i & 1)
		core_start_unseen();
	else
		core_start();
	fault_after(0);
}

static void stop(void)
{
	json_decref(gk_steal(input));
	core_stop();
}

START_TEST(a_turn_of_a_long_session_in_memory_asks_for_as_much_as_one_of_a_young_one)
{
	start(_i);
	define(templates[_i / 2]);
	check_growth();
	if (_i / 2)
		ck_assert_uint_ge(saw, 2 * OLD);
	stop();
}
END_TEST

START_TEST(a_turn_of_a_long_session_in_a_file_asks_for_as_much_as_one_of_a_young_one)
{
	gk_trace_store *traces;
	gk_session_store *sessions;

	folder_make();
	start(_i);
	ck_assert_int_eq(gk_trace_store_open(core_loop,
				 GK_OPTS(gk_trace_store_opts, .path = "genkitd.db"), &traces, NULL),
		GK_OK);
	ck_assert_int_eq(gk_sessions_open(core_loop, traces,
				 GK_OPTS(gk_sessions_opts, .max_age_ms = 0), &sessions, NULL),
		GK_OK);
	ck_assert_int_eq(gk_set_session_store(core_app, sessions, NULL), GK_OK);
	define(templates[_i / 2]);
	check_growth();
	gk_sessions_close(sessions);
	gk_trace_store_close(traces);
	stop();
	folder_drop();
}
END_TEST

START_TEST(a_turn_with_a_tool_of_a_long_session_asks_for_as_much_as_one_of_a_young_one)
{
	start(_i);
	define_tool_agent(templates[1 + _i / 2]);
	check_growth();
	ck_assert_uint_ge(saw, 4 * OLD);
	stop();
}
END_TEST

/* --- and whose the list is --- */

/* Says it in the session, which begins where `from` (a snapshot; NULL: its latest) was. The snapshot that it left; "" for none. */
static const char *say(const char *from, const char *text)
{
	static char ids[16][40];
	static unsigned next;
	char *id = ids[next++ % 16];
	gk_auto_json json_t *init = from ? json_pack("{s:s}", "snapshotId", from)
					 : json_pack("{s:s}", "sessionId", "s");
	gk_auto_json json_t *said = gk_agent_input(text);
	gk_run *run = core_begin(
		GK_OPTS(gk_run_opts, .key = "/agent/helper", .init = init, .input = said));
	const char *left;

	core_finish(run);
	left = gk_json_str_peek(gk_run_result_peek(run), "snapshotId");
	snprintf(id, 40, "%s", left ? left : "");
	gk_run_unref(run);
	return id;
}

/* The texts of a snapshot's messages, in one. */
static void assert_said(const char *id, const char *texts)
{
	gk_auto_json json_t *snapshot = agents_snapshot(id);
	char all[256] = "";
	json_t *message;
	size_t i;

	json_array_foreach (gk_json_at_peek(snapshot, "state.messages"), i, message)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s ",
			gk_json_str_peek(message, "content[0].text"));
	ck_assert_str_eq(all, texts);
}

START_TEST(branches_and_failed_turns_leave_every_snapshot_as_it_was)
{
	const char *one, *two, *branch, *three;

	core_start();
	define(templates[_i]);
	one = say(NULL, "one");
	two = say(NULL, "two");
	branch = say(one, "other");
	three = say(two, "three");
	assert_said(one, "one yes ");
	assert_said(two, "one yes two yes ");
	assert_said(branch, "one yes other yes ");
	assert_said(three, "one yes two yes three yes ");
	if (_i == 0) {
		say(three, "fail");
		assert_said(three, "one yes two yes three yes ");
		assert_said(say(three, "four"), "one yes two yes three yes four yes ");
	}
	assert_said(say(branch, "more"), "one yes other yes more yes ");
	stop();
}
END_TEST

/* The texts of the messages in a value of the span: of what is no text, its kind. */
static void assert_shown(json_t *span, const char *name, const char *texts)
{
	const char *text =
		json_string_value(json_object_get(json_object_get(span, "attributes"), name));
	gk_auto_json json_t *value = text ? json(text) : NULL;
	char all[512] = "";
	json_t *message;
	size_t i;

	json_array_foreach (json_object_get(value, "messages"), i, message) {
		json_t *part = gk_json_at_peek(message, "content[0]");
		const char *said = json_string_value(json_object_get(part, "text"));

		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s ",
			said ? said : json_object_iter_key(json_object_iter(part)));
	}
	ck_assert_str_eq(all, texts);
}

/* From the outermost: those of one name. */
static json_t *span_at(const char *name, size_t n)
{
	for (size_t i = json_array_size(core_spans); i-- > 0;) {
		json_t *span = json_array_get(core_spans, i);

		if (strcmp(gk_json_str_peek(span, "name"), name) == 0 && !n--)
			return span;
	}
	ck_abort_msg("there is no such span %s", name);
	return NULL;
}

START_TEST(a_span_shows_the_messages_that_were_there_when_it_began)
{
	core_start();
	define_tool_agent(templates[1]);
	say(NULL, "one");
	json_array_clear(core_spans);
	assert_said(say(NULL, "two"), "one (null) (null) yes two (null) (null) yes ");
	assert_shown(span_at("generate", 0), "genkit:input",
		"be kind one toolRequest toolResponse yes two ");
	assert_shown(span_at("generate", 1), "genkit:input",
		"be kind one toolRequest toolResponse yes two toolRequest toolResponse ");
	assert_shown(
		span_at("m", 1), "genkit:input", "be kind one toolRequest toolResponse yes two ");
	stop();
}
END_TEST

static json_t *held[8]; /* requests that a model has kept */
static size_t held_count;

static gk_code ask_and_hold(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	held[held_count++ % 8] = json_incref(request);
	return ask_for_tool(ctx, request, ret, err);
}

START_TEST(a_request_that_a_model_has_kept_stays_as_it_was)
{
	static const size_t sizes[] = { 2, 4, 6, 8 };

	core_start();
	tool_model = ask_and_hold;
	define_tool_agent(templates[1]);
	tool_model = ask_for_tool;
	say(NULL, "one");
	say(NULL, "two");
	ck_assert_uint_eq(held_count, 4);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_uint_eq(json_array_size(json_object_get(held[i], "messages")), sizes[i]);
		json_decref(held[i]);
	}
	stop();
}
END_TEST

#define ROUNDS 200

/* A tool in every round but the last, with nobody's agent around it. */
static gk_code ask_often(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	static size_t at[2];
	size_t count = json_array_size(json_object_get(request, "messages"));

	if (count == 2 * ROUNDS + 1)
		return answer(ctx, request, ret, err);
	if (count == 2 * 45 + 1 || count == 2 * 50 + 1)
		at[count != 2 * 45 + 1] = fault_asked();
	if (count == 2 * 180 + 1)
		at[1] -= at[0], at[0] = fault_asked();
	if (count == 2 * 185 + 1)
		ck_assert_msg(10 * (fault_asked() - at[0]) <= 11 * at[1],
			"%zu bytes for five rounds, then %zu", at[1], fault_asked() - at[0]);
	*ret = json_pack("{s:{s:s, s:[{s:{s:s, s:{}}}]}}", "message", "role", "model", "content",
		"toolRequest", "name", "look", "input");
	return GK_OK;
}

static gk_code in_rounds(gk_ctx *ctx, json_t *nothing, json_t **ret, gk_error *err)
{
	static const char *const tools[] = { "look", NULL };
	gk_auto_response gk_response *response = NULL;
	gk_auto_json json_t *given = json_pack("[o]", gk_message_of_text("user", "go"));
	gk_code rc = gk_generate(ctx,
		GK_OPTS(gk_generate_opts, .model = "often", .tools = tools, .messages = given,
			.max_turns = ROUNDS + 1),
		&response, err);

	(void)nothing;
	ck_assert_uint_eq(json_array_size(given), 1); /* the caller's */
	if (rc == GK_OK)
		*ret = json_integer((json_int_t)json_array_size(

			gk_json_at_peek(gk_response_json(response), "request.messages")));
	return rc;
}

START_TEST(a_late_round_of_a_call_asks_for_as_much_as_an_early_one)
{
	gk_auto_json json_t *count = NULL;

	start(1);
	define_tool_agent(templates[1]);
	agents_define_model("often", ask_often);
	core_flow("rounds", in_rounds, NULL);
	count = core_run("/flow/rounds", NULL);
	ck_assert_int_eq(json_integer_value(count), 2 * ROUNDS + 1);
	stop();
}
END_TEST

START_TEST(two_turns_at_once_from_one_snapshot_do_not_meet)
{
	gk_auto_json json_t *init = NULL, *wait = NULL, *hello = NULL;
	gk_run *first, *second;
	const char *one;

	core_start();
	define(NULL);
	one = say(NULL, "one");
	init = json_pack("{s:s}", "snapshotId", one);
	wait = gk_agent_input("wait");
	hello = gk_agent_input("hello");
	first = core_begin(
		GK_OPTS(gk_run_opts, .key = "/agent/helper", .init = init, .input = wait));
	second = core_begin(
		GK_OPTS(gk_run_opts, .key = "/agent/helper", .init = init, .input = hello));
	core_finish(second);
	core_finish(first);
	assert_said(one, "one yes ");
	assert_said(gk_json_str_peek(gk_run_result_peek(first), "snapshotId"), "one yes wait yes ");
	assert_said(
		gk_json_str_peek(gk_run_result_peek(second), "snapshotId"), "one yes hello yes ");
	gk_run_unref(first);
	gk_run_unref(second);
	stop();
}
END_TEST

START_TEST(an_agent_keeps_no_more_snapshots_of_a_session_than_can_be_counted)
{
	gk_error err = { 0 };

	core_start();
	ck_assert_int_eq(gk_define_agent(core_app,
				 GK_OPTS(gk_agent_opts, .name = "a", .turn = reply,
					 .max_chain = GK_MAX_CHAIN + 1),
				 &err),
		GK_INVALID_ARGUMENT);
	assert_error(&err, GK_INVALID_ARGUMENT,
		"agent a: no more than 1000000 snapshots of a session are counted");
	core_stop();
}
END_TEST

/* --- what is known of a snapshot --- */

START_TEST(what_is_known_of_a_snapshot_is_so_in_its_store_and_realm_alone)
{
	static const char id[] = "00000000-0000-4000-8000-000000000001";
	static const gk_session_realm ada = { .store = "helper", .owner = "ada" },
				      bob = { .store = "helper", .owner = "bob" },
				      other = { .store = "other", .owner = "ada" };
	const gk_session_store *store, *another = (const gk_session_store *)id; /* only compared */

	core_start();
	store = gk_session_store_peek(core_app);
	gk_snapshot_set_known(core_app, store, &ada, id, 7, false);
	ck_assert_uint_eq(gk_snapshot_known_peek(core_app, store, &ada, id)->bytes, 7);
	ck_assert_ptr_null(gk_snapshot_known_peek(core_app, store, &bob, id));
	ck_assert_ptr_null(gk_snapshot_known_peek(core_app, store, &other, id));
	ck_assert_ptr_null(gk_snapshot_known_peek(core_app, another, &ada, id));
	gk_snapshot_forget(core_app, store, &bob, id);
	ck_assert_ptr_nonnull(gk_snapshot_known_peek(core_app, store, &ada, id));
	gk_snapshot_forget(core_app, store, &ada, id);
	ck_assert_ptr_null(gk_snapshot_known_peek(core_app, store, &ada, id));
	core_stop();
}
END_TEST

START_TEST(what_is_known_of_a_snapshot_is_forgotten_without_memory)
{
	static const char id[] = "00000000-0000-4000-8000-000000000001";
	static const gk_session_realm realm = { .store = "helper", .owner = "ada" };
	const gk_session_store *store;

	core_start();
	store = gk_session_store_peek(core_app);
	gk_snapshot_set_known(core_app, store, &realm, id, 7, false);
	fault_after(1);
	gk_snapshot_forget(core_app, store, &realm, id);
	fault_after(0);
	ck_assert_ptr_null(gk_snapshot_known_peek(core_app, store, &realm, id));
	core_stop();
}
END_TEST

/* --- what is left for the turn that goes on --- */

static json_t *messages; /* of whatever session */

static void leave(int n, size_t bytes)
{
	gk_asked asked = { .list = json_array(), .count = (size_t)n };
	char id[32];

	snprintf(id, sizeof(id), "snapshot-%d", n);
	gk_asked_leave(core_app, id, messages, &asked, bytes);
	ck_assert_ptr_null(asked.list);
}

static bool is_left(int n)
{
	char id[32];
	gk_asked asked;
	bool ret;

	snprintf(id, sizeof(id), "snapshot-%d", n);
	asked = gk_asked_take(core_app, id, messages);
	ret = asked.list && asked.count == (size_t)n;
	gk_asked_done(&asked);
	return ret;
}

START_TEST(of_what_is_left_for_the_next_turn_there_are_only_so_many)
{
	core_start();
	messages = json_array();
	for (int i = 1; i <= GK_MAX_AGENTS_ASKED + 1; i++)
		leave(i, 1);
	ck_assert(!is_left(1));
	ck_assert(is_left(2));
	ck_assert(!is_left(2)); /* whoever takes it has it */
	ck_assert(is_left(GK_MAX_AGENTS_ASKED + 1));
	json_decref(messages);
	core_stop();
}
END_TEST

START_TEST(what_is_left_for_the_next_turn_has_only_so_much_text)
{
	core_start();
	messages = json_array();
	leave(1, GK_AGENTS_ASKED_BYTES / 2);
	leave(2, GK_AGENTS_ASKED_BYTES / 2);
	leave(3, 1);
	ck_assert(!is_left(1));
	ck_assert(is_left(2));
	leave(4, GK_AGENTS_ASKED_BYTES + 1);
	ck_assert(!is_left(3));
	ck_assert(!is_left(4));
	json_decref(messages);
	core_stop();
}
END_TEST

START_TEST(of_what_a_prompt_said_nothing_is_left)
{
	gk_auto_json json_t *said = gk_message_of_text("system", "much"), *shared = NULL;
	gk_auto_json json_t *hello = gk_message_of_text("user", "hello");
	gk_asked asked = {
		.list = json_pack("[O, O, O]", said, hello, said), .from = 1, .count = 1
	};

	core_start();
	messages = json_array();
	gk_asked_leave(core_app, "a", messages, &asked, 1);
	ck_assert_uint_eq(said->refcount, 1);
	asked = gk_asked_take(core_app, "a", messages);
	ck_assert_uint_eq(json_array_size(asked.list), 2);
	ck_assert_ptr_eq(json_array_get(asked.list, 1), hello);
	shared = json_incref(asked.list); /* by whom it must not be changed */
	gk_asked_leave(core_app, "a", messages, &asked, 1);
	ck_assert_ptr_null(asked.list);
	ck_assert_uint_eq(shared->refcount, 1);
	asked = gk_asked_take(core_app, "a", messages);
	ck_assert_ptr_null(asked.list);
	json_decref(messages);
	core_stop();
}
END_TEST

START_TEST(what_is_left_counts_for_its_own_list_alone)
{
	json_t *other = json_array();

	core_start();
	messages = json_array();
	leave(1, 1);
	json_decref(messages);
	messages = other;
	ck_assert(!is_left(1));
	json_decref(messages);
	core_stop();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("agent_growth");
	TCase *c = tcase_create("turns");

	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c,
		a_turn_of_a_long_session_in_memory_asks_for_as_much_as_one_of_a_young_one, 0,
		2 * TEMPLATES);
	tcase_add_loop_test(c,
		a_turn_of_a_long_session_in_a_file_asks_for_as_much_as_one_of_a_young_one, 0,
		2 * TEMPLATES);
	tcase_add_loop_test(c,
		a_turn_with_a_tool_of_a_long_session_asks_for_as_much_as_one_of_a_young_one, 0,
		2 * (TEMPLATES - 1));
	tcase_add_test(c, a_late_round_of_a_call_asks_for_as_much_as_an_early_one);
	tcase_add_test(c, a_span_shows_the_messages_that_were_there_when_it_began);
	tcase_add_test(c, a_request_that_a_model_has_kept_stays_as_it_was);
	tcase_add_loop_test(
		c, branches_and_failed_turns_leave_every_snapshot_as_it_was, 0, TEMPLATES);
	tcase_add_test(c, two_turns_at_once_from_one_snapshot_do_not_meet);
	tcase_add_test(c, an_agent_keeps_no_more_snapshots_of_a_session_than_can_be_counted);
	tcase_add_test(c, what_is_known_of_a_snapshot_is_so_in_its_store_and_realm_alone);
	tcase_add_test(c, what_is_known_of_a_snapshot_is_forgotten_without_memory);
	tcase_add_test(c, of_what_is_left_for_the_next_turn_there_are_only_so_many);
	tcase_add_test(c, what_is_left_for_the_next_turn_has_only_so_much_text);
	tcase_add_test(c, of_what_a_prompt_said_nothing_is_left);
	tcase_add_test(c, what_is_left_counts_for_its_own_list_alone);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
