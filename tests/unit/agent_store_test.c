/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Agents whose sessions are kept: whose they are, going on without a client, being called off at any point, limits. */
#include "agents.h"

#include "ai/agent.h"
#include "base/limits.h"

#include <stdio.h>

static gk_code reply(gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	(void)ctx;
	turn->finish_reason = "stop";
	return gk_agent_add_message_take(session, gk_message_of_text("model", "yes"), err);
}

static bool is_gate_open;

/* Until the gate opens; then it replies. */
static gk_code wait_and_reply(
	gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	gk_code rc = GK_OK;

	while (rc == GK_OK && !is_gate_open)
		rc = gk_sleep(ctx, 1, err);
	return rc == GK_OK ? reply(ctx, session, turn, err) : rc;
}

static void define_kept(gk_agent_turn_fn *turn)
{
	is_gate_open = false;
	agents_define(GK_OPTS(gk_agent_opts, .name = "helper", .turn = turn, .is_stored = true));
}

static const char *id_of(const exchange *it)
{
	return gk_json_str_peek(it->output, "snapshotId");
}

static const char *status_of(const char *id)
{
	static char status[16];
	gk_auto_json json_t *snapshot = agents_snapshot(id);

	snprintf(status, sizeof(status), "%s", gk_json_str_peek(snapshot, "status"));
	return status;
}

static bool is_idle(void *user)
{
	(void)user;
	return gk_fiber_count(core_loop) == 0;
}

START_TEST(a_turn_is_kept_before_its_end_is_told)
{
	exchange it;

	define_kept(reply);
	exchange_run(&it, NULL, "[" HI "," HI "]");
	ck_assert_str_eq(gk_json_str_peek(json_array_get(it.sink.chunks, 1), "turnEnd.snapshotId"),
		id_of(&it));
	ck_assert_str_eq(status_of(gk_json_str_peek(
				 json_array_get(it.sink.chunks, 0), "turnEnd.snapshotId")),
		"completed");
	ck_assert_ptr_null(json_object_get(it.output, "state"));
	exchange_done(&it);
}
END_TEST

/* --- whose it is --- */

START_TEST(to_others_a_session_does_not_exist)
{
	gk_auto_json json_t *mine = agents_user("me"), *theirs = agents_user("other"), *init = NULL,
			    *answer = NULL;
	gk_auto_str char *request = NULL;
	gk_error err = { 0 };
	exchange first, second;

	define_kept(reply);
	exchange_begin(&first, NULL, mine, "[" HI "]");
	exchange_finish(&first);
	ck_assert_int_ge(asprintf(&request, "{'snapshotId':'%s'}", id_of(&first)), 0);
	ck_assert_ptr_null(agents_companion("agent-snapshot", theirs, request, &err));
	ck_assert_int_eq(err.code, GK_NOT_FOUND);
	gk_error_clear(&err);
	answer = agents_companion("agent-abort", theirs, request, NULL);
	ck_assert_ptr_null(json_object_get(answer, "status"));
	init = json(request);
	exchange_begin(&second, init, theirs, "[" HI "]");
	exchange_finish(&second);
	ck_assert_str_eq(gk_json_str_peek(second.output, "error.status"), "NOT_FOUND");
	exchange_done(&second);
	exchange_begin(&second, init, mine, "[" HI "]");
	exchange_finish(&second);
	ck_assert_str_eq(gk_json_str_peek(second.output, "finishReason"), "stop");
	exchange_done(&second);
	exchange_done(&first);
}
END_TEST

START_TEST(an_identity_in_the_request_is_not_believed)
{
	gk_auto_json json_t *mine = agents_user("me");
	gk_auto_str char *request = NULL;
	gk_error err = { 0 };
	exchange it;

	define_kept(reply);
	exchange_begin(&it, NULL, mine, "[" HI "]");
	exchange_finish(&it);
	ck_assert_int_ge(asprintf(&request, "{'snapshotId':'%s','owner':'me','auth':{'uid':'me'}}",
				 id_of(&it)),
		0);
	ck_assert_ptr_null(agents_companion("agent-snapshot", NULL, request, &err));
	ck_assert_int_eq(err.code, GK_NOT_FOUND);
	gk_error_clear(&err);
	exchange_done(&it);
}
END_TEST

/* --- going on without a client --- */

#define LET_GO "{'message':{'role':'user','content':[{'text':'go'}]},'detach':true}"

START_TEST(what_goes_on_gives_signs_of_life)
{
	uint64_t usual = gk_agent_heartbeat_ms;
	gk_auto_json json_t *first = NULL, *later = NULL;
	exchange it;

	gk_agent_heartbeat_ms = 5;
	define_kept(wait_and_reply);
	exchange_run(&it, NULL, "[" LET_GO "]");
	first = agents_snapshot(id_of(&it));
	do {
		json_decref(later);
		gk_loop_turn(core_loop, 5);
		later = agents_snapshot(id_of(&it));
	} while (json_equal(
		json_object_get(first, "heartbeatAt"), json_object_get(later, "heartbeatAt")));
	ck_assert(json_equal(
		json_object_get(first, "updatedAt"), json_object_get(later, "updatedAt")));
	is_gate_open = true;
	core_turn_until(is_idle, NULL);
	json_decref(later);
	later = agents_snapshot(id_of(&it));
	ck_assert_str_eq(gk_json_str_peek(later, "status"), "completed");
	ck_assert_ptr_null(json_object_get(later, "heartbeatAt"));
	ck_assert(json_equal(
		json_object_get(first, "createdAt"), json_object_get(later, "createdAt")));
	gk_agent_heartbeat_ms = usual;
	exchange_done(&it);
}
END_TEST

START_TEST(aborting_it_calls_off_what_waits)
{
	gk_auto_json json_t *answer = NULL;
	gk_auto_str char *request = NULL;
	exchange it;

	define_kept(wait_and_reply);
	exchange_run(&it, NULL, "[" LET_GO "]");
	ck_assert_int_ge(asprintf(&request, "{'snapshotId':'%s'}", id_of(&it)), 0);
	answer = agents_companion("agent-abort", NULL, request, NULL);
	ck_assert_str_eq(gk_json_str_peek(answer, "status"), "pending");
	core_turn_until(is_idle, NULL); /* the gate is still shut */
	ck_assert_str_eq(status_of(id_of(&it)), "aborted");
	exchange_done(&it);
}
END_TEST

START_TEST(the_end_of_the_daemon_is_told_of)
{
	gk_auto_json json_t *snapshot = NULL;
	exchange it;

	define_kept(wait_and_reply);
	exchange_run(&it, NULL, "[" LET_GO "]");
	ck_assert_uint_eq(gk_app_run_count(core_app), 2); /* the work and its heartbeat */
	gk_app_cancel_runs(core_app);
	core_turn_until(is_idle, NULL);
	snapshot = agents_snapshot(id_of(&it));
	ck_assert_str_eq(gk_json_str_peek(snapshot, "status"), "failed");
	assert_json(json_object_get(snapshot, "error"),
		"{'status':'UNAVAILABLE','message':'server is shutting down'}");
	exchange_done(&it);
}
END_TEST

START_TEST(a_client_that_hangs_up_after_it_was_let_go_changes_nothing)
{
	exchange it;

	define_kept(wait_and_reply);
	exchange_begin(&it, NULL, NULL, "[" LET_GO "]");
	exchange_finish(&it);
	gk_run_cancel(it.run, GK_CANCELLED);
	is_gate_open = true;
	core_turn_until(is_idle, NULL);
	ck_assert_str_eq(status_of(id_of(&it)), "completed");
	exchange_done(&it);
}
END_TEST

START_TEST(a_client_that_hangs_up_leaves_no_half_turn)
{
	gk_auto_json json_t *init = json("{'sessionId':'s'}");
	gk_error err = { 0 };
	exchange it;

	define_kept(wait_and_reply);
	exchange_begin(&it, init, NULL, "[" HI "]");
	for (int i = 0; i < 5; i++)
		gk_loop_turn(core_loop, 2);
	gk_run_cancel(it.run, GK_CANCELLED);
	exchange_finish(&it);
	ck_assert_int_eq(it.err.code, GK_CANCELLED);
	ck_assert_ptr_null(agents_companion("agent-snapshot", NULL, "{'sessionId':'s'}", &err));
	ck_assert_int_eq(err.code, GK_NOT_FOUND);
	gk_error_clear(&err);
	exchange_done(&it);
}
END_TEST

/* --- signs of life that stop --- */

static gk_code put_old_row(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const gk_session_realm realm = { .store = "helper", .owner = "" };
	gk_auto_saved gk_snapshot_saved saved = { .id = NULL };

	(void)ret;
	return gk_snapshot_save(ctx, gk_session_store_peek(core_app), &realm,
		GK_OPTS(gk_snapshot_change, .document = input), &saved, err);
}

START_TEST(a_pending_row_without_signs_of_life_reads_as_expired)
{
	gk_auto_json json_t *result = NULL, *snapshot = NULL, *init = json("{'snapshotId':'old'}");
	exchange it;

	define_kept(reply);
	core_flow("put", put_old_row, NULL);
	result = core_run("/flow/put",
		json("{'snapshotId':'old','sessionId':'s','createdAt':'2020-01-01T00:00:00.000Z',"
		     "'heartbeatAt':'2020-01-01T00:00:00.000Z','status':'pending',"
		     "'state':{'sessionId':'s','messages':[]}}"));
	ck_assert_str_eq(status_of("old"), "expired");
	exchange_run(&it, init, "[" HI "]");
	ck_assert_ptr_nonnull(strstr(gk_json_str_peek(it.output, "error.message"),
		"is not resumable (status: pending)")); /* it is never stored so */
	exchange_done(&it);
}
END_TEST

/* --- a store and a model that take their time --- */

typedef struct slow_store {
	gk_session_store base;
	gk_session_store *under;
} slow_store;

static gk_session_store *under(gk_session_store *store)
{
	return ((slow_store *)store)->under;
}

static gk_code slow_get(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const char *id, json_t **ret, gk_error *err)
{
	gk_code rc = gk_sleep(ctx, 1, err);

	return rc == GK_OK ? gk_snapshot_get(ctx, under(store), realm, id, ret, err) : rc;
}

static gk_code slow_latest(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const char *id, json_t **ret, gk_error *err)
{
	gk_code rc = gk_sleep(ctx, 1, err);

	return rc == GK_OK ? gk_snapshot_latest(ctx, under(store), realm, id, ret, err) : rc;
}

static gk_code save_rc; /* what saving comes to */
static bool is_saving;

/* As the contract has it, what was begun is finished. */
static gk_code slow_save(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const gk_snapshot_change *change, gk_snapshot_saved *ret, gk_error *err)
{
	gk_scope *before = gk_fiber_swap_scope(NULL);
	gk_code rc;

	is_saving = true;
	rc = gk_sleep(ctx, 1, err);
	is_saving = false;
	gk_fiber_swap_scope(before);
	if (rc == GK_OK && save_rc != GK_OK)
		return gk_error_set(err, save_rc, "the disk is full");
	return rc == GK_OK ? gk_snapshot_save(ctx, under(store), realm, change, ret, err) : rc;
}

static gk_code slow_watch(gk_session_store *store, gk_snapshot_watcher *watcher, gk_error *err)
{
	return gk_snapshot_watch(under(store), watcher, err);
}

static void slow_unwatch(gk_session_store *store, gk_snapshot_watcher *watcher)
{
	gk_snapshot_unwatch(under(store), watcher);
}

static void slow_free(gk_session_store *store)
{
	gk_session_store_free(under(store));
	free(store);
}

static const gk_session_store_type slow_type = { .abi = GK_SESSION_STORE_ABI,
	.name = "slow",
	.get = slow_get,
	.latest = slow_latest,
	.save = slow_save,
	.watch = slow_watch,
	.unwatch = slow_unwatch,
	.free = slow_free };

static void use_slow_store(void)
{
	slow_store *it = calloc(1, sizeof(*it));

	save_rc = GK_OK;
	it->base.type = &slow_type;
	it->under = gk_session_store_new_memory();
	ck_assert_int_eq(gk_set_session_store(core_app, &it->base, NULL), GK_OK);
}

/* A turn that waits at each of its steps. */
static gk_code slow_turn(gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	gk_code rc = gk_agent_set_custom_take(ctx, session, json_pack("{s:i}", "n", 1), err);

	if (rc == GK_OK)
		rc = gk_sleep(ctx, 1, err);
	if (rc == GK_OK)
		rc = gk_agent_add_artifacts_take(ctx, session, json("{'parts':[]}"), err);
	if (rc == GK_OK)
		rc = gk_sleep(ctx, 1, err);
	return rc == GK_OK ? reply(ctx, session, turn, err) : rc;
}

static gk_code slow_result(gk_ctx *ctx, gk_agent_session *session, json_t **ret, gk_error *err)
{
	gk_code rc = gk_sleep(ctx, 1, err);

	if (rc == GK_OK)
		rc = gk_agent_set_custom_take(ctx, session, json_pack("{s:i}", "n", 2), err);
	*ret = NULL;
	return rc;
}

static void define_slow(void)
{
	use_slow_store();
	agents_define(GK_OPTS(gk_agent_opts, .name = "helper", .turn = slow_turn,
		.result = slow_result, .is_stored = true));
}

/* A call is called off after so many turns of the loop. True: it had ended by then. */
static bool call_off_after(int turns, const char *inputs, json_t *init)
{
	exchange it;
	bool had_ended;

	exchange_begin(&it, init, NULL, inputs);
	gk_channel_close(it.inputs, NULL);
	for (int i = 0; i < turns && !gk_run_is_done(it.run); i++)
		gk_loop_turn(core_loop, 5);
	had_ended = gk_run_is_done(it.run);
	gk_run_cancel(it.run, GK_CANCELLED);
	exchange_finish(&it);
	core_turn_until(is_idle, NULL);
	if (!had_ended && !it.output)
		ck_assert_int_eq(it.err.code, GK_CANCELLED);
	exchange_done(&it);
	return had_ended;
}

START_TEST(a_call_may_be_called_off_at_any_point)
{
	define_slow();
	for (int turns = 0;; turns++) {
		gk_auto_json json_t *init =
			json_pack("{s:o}", "sessionId", json_sprintf("s%d", turns));
		gk_auto_str char *request = NULL;
		gk_auto_json json_t *latest = NULL;
		bool had_ended = call_off_after(turns, "[" HI "," HI "]", init);

		ck_assert_int_lt(turns, 500);
		ck_assert_int_ge(asprintf(&request, "{'sessionId':'s%d'}", turns), 0);
		latest = agents_companion("agent-snapshot", NULL, request, NULL);
		if (latest) /* what is there is whole */
			ck_assert_str_eq(gk_json_str_peek(latest, "status"), "completed");
		if (had_ended)
			break;
	}
}
END_TEST

/* --- the same with a model and a tool that take their time --- */

static gk_code slow_tool(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input;
	*ret = json_string("at last");
	return gk_sleep(ctx, 1, err);
}

/* Asks for the tool, then answers. */
static gk_code slow_model(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	json_t *messages = json_object_get(request, "messages");
	json_t *last = json_array_get(messages, json_array_size(messages) - 1);
	gk_code rc = gk_sleep(ctx, 1, err);

	if (rc == GK_OK)
		rc = gk_ctx_send(ctx, json("{'content':[{'text':'well'}]}"), err);
	if (rc == GK_OK)
		rc = gk_sleep(ctx, 1, err);
	if (strcmp(gk_json_str_peek(last, "role"), "tool") == 0)
		*ret = json(DONE);
	else
		*ret = json("{'message':{'role':'model','content':[{'toolRequest':{'name':'slow',"
			    "'ref':'1','input':{}}}]},'finishReason':'stop'}");
	return rc;
}

static void define_slow_prompt(void)
{
	static const char *const tools[] = { "slow", NULL };

	use_slow_store();
	ck_assert_int_eq(
		gk_define_tool(core_app,
			GK_OPTS(gk_tool_opts, .name = "slow", .description = "d", .run = slow_tool),
			NULL),
		GK_OK);
	ck_assert_int_eq(gk_define_model(core_app,
				 GK_OPTS(gk_model_opts, .name = "slow",
					 .supports = GK_SUPPORTS_TOOLS, .run = slow_model),
				 NULL),
		GK_OK);
	agents_define(GK_OPTS(gk_agent_opts, .name = "helper", .is_stored = true,
		.prompt = GK_OPTS(gk_prompt_opts, .model = "slow", .tools = tools)));
}

START_TEST(a_prompt_agent_may_be_called_off_at_any_point)
{
	bool had_ended = false;
	int whole = 0;

	define_slow_prompt();
	for (int turns = 0; !had_ended; turns++) {
		gk_auto_json json_t *init =
			json_pack("{s:o}", "sessionId", json_sprintf("p%d", turns));
		gk_auto_str char *request = NULL;
		gk_auto_json json_t *latest = NULL;

		had_ended = call_off_after(turns, "[" HI "," HI "]", init);
		ck_assert_int_lt(turns, 500);
		ck_assert_int_ge(asprintf(&request, "{'sessionId':'p%d'}", turns), 0);
		latest = agents_companion("agent-snapshot", NULL, request, NULL);
		if (!latest)
			continue;
		whole++; /* asked, tool, answer: four messages a turn, never fewer */
		ck_assert_str_eq(gk_json_str_peek(latest, "status"), "completed");
		ck_assert_uint_eq(
			json_array_size(gk_json_at_peek(latest, "state.messages")) % 4, 0);
	}
	ck_assert_int_gt(whole, 1);
}
END_TEST

START_TEST(a_client_may_go_at_any_point_of_being_let_go)
{
	define_slow();
	for (int turns = 0;; turns++) {
		gk_auto_json json_t *init =
			json_pack("{s:o}", "sessionId", json_sprintf("d%d", turns));
		gk_auto_str char *request = NULL;
		gk_auto_json json_t *latest = NULL;
		bool had_ended = call_off_after(turns, "[" HI "," LET_GO "," HI "]", init);

		ck_assert_int_lt(turns, 500);
		ck_assert_int_ge(asprintf(&request, "{'sessionId':'d%d'}", turns), 0);
		latest = agents_companion("agent-snapshot", NULL, request, NULL);
		if (latest) /* nothing stays pending */
			ck_assert_str_eq(gk_json_str_peek(latest, "status"), "completed");
		if (had_ended)
			break;
	}
}
END_TEST

static bool is_being_saved(void *user)
{
	(void)user;
	return is_saving;
}

START_TEST(letting_go_while_a_turn_is_saved_waits_for_that)
{
	gk_auto_json json_t *row = NULL, *parent = NULL;
	exchange it;

	define_slow();
	exchange_begin(&it, NULL, NULL, "[" HI "]");
	core_turn_until(is_being_saved, NULL);
	exchange_send(&it, LET_GO);
	exchange_finish(&it);
	core_turn_until(is_idle, NULL);
	row = agents_snapshot(id_of(&it));
	ck_assert_str_eq(gk_json_str_peek(row, "status"), "completed");
	ck_assert_uint_eq(json_array_size(gk_json_at_peek(row, "state.messages")), 4);
	parent = agents_snapshot(gk_json_str_peek(row, "parentId"));
	ck_assert_str_eq(gk_json_str_peek(parent, "status"), "completed");
	ck_assert_uint_eq(json_array_size(gk_json_at_peek(parent, "state.messages")), 2);
	exchange_done(&it);
}
END_TEST

START_TEST(what_a_client_says_while_it_is_let_go_counts)
{
	gk_auto_json json_t *row = NULL;
	exchange it;

	define_slow();
	exchange_begin(&it, NULL, NULL, "[" LET_GO "]");
	core_turn_until(is_being_saved, NULL); /* the pending row */
	exchange_send(&it, HI);
	exchange_finish(&it);
	core_turn_until(is_idle, NULL);
	row = agents_snapshot(id_of(&it));
	ck_assert_str_eq(gk_json_str_peek(row, "status"), "completed");
	ck_assert_uint_eq(json_array_size(gk_json_at_peek(row, "state.messages")), 4);
	exchange_done(&it);
}
END_TEST

START_TEST(a_turn_that_cannot_be_kept_fails_the_call)
{
	exchange it;

	define_slow();
	save_rc = GK_UNAVAILABLE;
	exchange_run(&it, NULL, "[" HI "]");
	ck_assert_ptr_null(it.output);
	assert_error(&it.err, GK_UNAVAILABLE, "the disk is full");
	exchange_done(&it);
	exchange_run(&it, NULL, "[" LET_GO "]");
	ck_assert_ptr_null(it.output);
	assert_error(&it.err, GK_UNAVAILABLE, "the disk is full");
	exchange_done(&it);
}
END_TEST

/* --- limits --- */

START_TEST(inputs_beyond_the_queue_wait_at_their_sender)
{
	exchange it;

	define_kept(wait_and_reply);
	exchange_begin(&it, NULL, NULL, "[]");
	for (int i = 0; i < GK_MAX_AGENT_INPUTS + 50; i++)
		exchange_send(&it, HI);
	for (int i = 0; i < 5; i++)
		gk_loop_turn(core_loop, 2);
	ck_assert_uint_eq(gk_channel_count(it.inputs), 49); /* one is being taken */
	is_gate_open = true;
	exchange_finish(&it);
	ck_assert_uint_eq(json_array_size(it.sink.chunks), GK_MAX_AGENT_INPUTS + 50);
	exchange_done(&it);
}
END_TEST

START_TEST(more_inputs_than_can_wait_are_not_let_go)
{
	exchange it;

	define_kept(wait_and_reply);
	exchange_begin(&it, NULL, NULL, "[" LET_GO "]");
	exchange_finish(&it);
	exchange_done(&it);
	exchange_begin(&it, NULL, NULL, "[]");
	exchange_send(&it, LET_GO);
	for (int i = 0; i < GK_MAX_AGENT_INPUTS; i++)
		exchange_send(&it, HI);
	exchange_finish(&it);
	assert_error(&it.err, GK_RESOURCE_EXHAUSTED, "more than 256 inputs wait for their turns");
	exchange_done(&it);
	is_gate_open = true;
}
END_TEST

START_TEST(only_so_many_go_on_without_a_client)
{
	exchange it;

	define_kept(wait_and_reply);
	for (int i = 0; i < GK_MAX_DETACHED_RUNS; i++) {
		exchange_run(&it, NULL, "[" LET_GO "]");
		ck_assert_ptr_nonnull(it.output);
		exchange_done(&it);
	}
	exchange_run(&it, NULL, "[" LET_GO "]");
	assert_error(
		&it.err, GK_RESOURCE_EXHAUSTED, "1000 agents are at work without a client already");
	exchange_done(&it);
	is_gate_open = true;
	core_turn_until(is_idle, NULL);
	exchange_run(&it, NULL, "[" LET_GO "]");
	ck_assert_ptr_nonnull(it.output);
	exchange_done(&it);
}
END_TEST

static gk_code say_much(gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	size_t len = GK_MAX_AGENT_STATE / 2;
	char *text = malloc(len);
	gk_code rc;

	(void)turn;
	memset(text, 'a', len);
	rc = gk_agent_set_custom_take(ctx, session, json_stringn(text, len), err);
	free(text);
	return rc;
}

static gk_code say_more(gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	size_t len = GK_MAX_AGENT_STATE / 2;
	char *text = malloc(len);
	gk_code rc = say_much(ctx, session, turn, err);

	if (rc == GK_OK)
		rc = say_much(ctx, session, turn, err); /* in the place of the first */
	memset(text, 'a', len);
	if (rc == GK_OK)
		rc = gk_agent_add_message_take(session,
			json_pack("{s:s, s:[{s:o}]}", "role", "model", "content", "text",
				json_stringn(text, len)),
			err);
	free(text);
	return rc;
}

START_TEST(a_state_grows_to_a_limit)
{
	exchange it;

	define_kept(say_more);
	exchange_run(&it, NULL, "[" HI "]");
	ck_assert_str_eq(gk_json_str_peek(it.output, "error.status"), "RESOURCE_EXHAUSTED");
	ck_assert_ptr_nonnull(strstr(gk_json_str_peek(it.output, "error.message"),
		"would be larger than 67108864 bytes"));
	exchange_done(&it);
}
END_TEST

/* --- without memory --- */

static json_t *said;

static bool call_once(void)
{
	return core_try("/agent/helper", said);
}

static bool let_go_once(void)
{
	bool worked = call_once();

	for (int i = 0; i < 200 && gk_fiber_count(core_loop); i++)
		gk_loop_turn(core_loop, 1);
	return worked;
}

START_TEST(without_memory_nothing_leaks_and_nothing_hangs)
{
	define_kept(reply);
	said = json(HI);
	fault_sweep(call_once);
	json_decref(said);
	said = json(LET_GO);
	fault_sweep(let_go_once);
	json_decref(said);
	ck_assert_uint_eq(gk_fiber_count(core_loop), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("agent_store");
	TCase *tests = tcase_create("agent_store");

	tcase_add_checked_fixture(tests, models_start, models_stop);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_turn_is_kept_before_its_end_is_told);
	tcase_add_test(tests, to_others_a_session_does_not_exist);
	tcase_add_test(tests, an_identity_in_the_request_is_not_believed);
	tcase_add_test(tests, what_goes_on_gives_signs_of_life);
	tcase_add_test(tests, aborting_it_calls_off_what_waits);
	tcase_add_test(tests, the_end_of_the_daemon_is_told_of);
	tcase_add_test(tests, a_client_that_hangs_up_after_it_was_let_go_changes_nothing);
	tcase_add_test(tests, a_client_that_hangs_up_leaves_no_half_turn);
	tcase_add_test(tests, a_pending_row_without_signs_of_life_reads_as_expired);
	tcase_add_test(tests, a_call_may_be_called_off_at_any_point);
	tcase_add_test(tests, a_prompt_agent_may_be_called_off_at_any_point);
	tcase_add_test(tests, a_client_may_go_at_any_point_of_being_let_go);
	tcase_add_test(tests, letting_go_while_a_turn_is_saved_waits_for_that);
	tcase_add_test(tests, what_a_client_says_while_it_is_let_go_counts);
	tcase_add_test(tests, a_turn_that_cannot_be_kept_fails_the_call);
	tcase_add_test(tests, inputs_beyond_the_queue_wait_at_their_sender);
	tcase_add_test(tests, more_inputs_than_can_wait_are_not_let_go);
	tcase_add_test(tests, only_so_many_go_on_without_a_client);
	tcase_add_test(tests, a_state_grows_to_a_limit);
	tcase_add_test(tests, without_memory_nothing_leaks_and_nothing_hangs);
	suite_add_tcase(it, tests);
	return it;
}

UNIT_MAIN(suite)
