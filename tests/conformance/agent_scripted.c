/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The scenarios of sessions/agent.yaml: each has an agent of its own, whose turns follow a script. */
#include "agent.h"

#include "base/str.h"
#include "json/edit.h"

#include <genkit/agent.h>

#define AGENT "scripted"

/* --- what a turn does --- */

static gk_code update(gk_ctx *ctx, gk_agent_session *session, json_t *with, gk_error *err)
{
	return gk_agent_set_custom_take(
		ctx, session, gk_json_merge(gk_agent_custom_peek(session), with), err);
}

static gk_code throw_status(json_t *what, gk_error *err)
{
	int code = gk_code_from_name(gk_json_str_peek(what, "status"));

	gk_error_set(err, (gk_code)code, "%s", gk_json_str_peek(what, "message"));
	if (json_object_get(what, "detail"))
		gk_error_details_take(err, json_incref(json_object_get(what, "detail")));
	return (gk_code)code;
}

static gk_code wait_for_gate(gk_ctx *ctx, const agent_case *it, const char *gate, gk_error *err)
{
	gk_code rc = GK_OK;

	while (rc == GK_OK && !json_object_get(it->gates, gate))
		rc = gk_sleep(ctx, 5, err);
	return rc;
}

static gk_code do_one(
	gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, json_t *op, gk_error *err)
{
	const char *name = json_object_iter_key(json_object_iter(op));
	json_t *value = json_object_get(op, name);

	if (strcmp(name, "update") == 0)
		return update(ctx, session, value, err);
	if (strcmp(name, "set_custom") == 0)
		return gk_agent_set_custom_take(ctx, session, json_incref(value), err);
	if (strcmp(name, "artifacts") == 0)
		return gk_agent_add_artifacts_take(ctx, session, json_incref(value), err);
	if (strcmp(name, "chunk") == 0)
		return gk_ctx_send(ctx, json_incref(value), err);
	if (strcmp(name, "throw") == 0)
		return gk_error_set_plain(err, "%s", json_string_value(value));
	if (strcmp(name, "throw_status") == 0)
		return throw_status(value, err);
	if (strcmp(name, "wait") == 0)
		return wait_for_gate(ctx, gk_ctx_user(ctx), json_string_value(value), err);
	if (strcmp(name, "finish") == 0) {
		turn->finish_reason = json_string_value(value);
		return GK_OK;
	}
	return gk_error_set_plain(err, "there is no op '%s'", name);
}

static gk_code take_turn(gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	agent_case *it = gk_ctx_user(ctx);
	json_t *turns = json_object_get(it->script, "turns"), *op;
	size_t last = json_array_size(turns) - 1, i;
	json_t *ops = json_array_get(turns, it->turn < last ? it->turn : last);

	it->turn++;
	json_array_foreach (ops, i, op) {
		gk_code rc = do_one(ctx, session, turn, op, err);

		if (rc != GK_OK)
			return rc;
	}
	return GK_OK;
}

static gk_code give_result(gk_ctx *ctx, gk_agent_session *session, json_t **ret, gk_error *err)
{
	const agent_case *it = gk_ctx_user(ctx);

	(void)session, (void)err;
	*ret = json_incref(json_object_get(it->script, "result"));
	return GK_OK;
}

static void define_agent(agent_case *it)
{
	bool is_prompt = gk_str_equal(gk_json_str_peek(it->script, "kind"), "prompt");
	const gk_prompt_opts prompt = { .size = sizeof(prompt),
		.model = "programmableModel",
		.system = gk_json_str_peek(it->script, "system"),
		.prompt = gk_json_str_peek(it->script, "prompt") };

	core_app_must(
		gk_define_agent(it->app.app,
			GK_OPTS(gk_agent_opts, .name = AGENT, .prompt = is_prompt ? &prompt : NULL,
				.turn = is_prompt ? NULL : take_turn,
				.result = is_prompt ? NULL : give_result,
				.state_schema_json = json_object_get(it->script, "state_schema"),
				.is_stored = gk_json_bool_at(it->script, "store", false),
				.user = it),
			NULL),
		AGENT);
}

/* --- expectations --- */

static void capture(agent_case *it, json_t *step, json_t *value)
{
	const char *name = gk_json_str_peek(step, "capture");

	if (name && value)
		json_object_set(it->known, name, value);
}

static void expect_absent(agent_case *it, json_t *got, json_t *names)
{
	json_t *name;
	size_t i;

	json_array_foreach (names, i, name)
		if (json_object_get(got, json_string_value(name)))
			agent_fail(it, "%s is there", json_string_value(name));
}

/* {status?, message?}: the message may be part of it. */
static void expect_error(agent_case *it, json_t *got, json_t *expected)
{
	const char *message = gk_json_str_peek(got, "message");
	const char *wanted = gk_json_str_peek(expected, "message");
	gk_auto_json json_t *rest = json_copy(expected);

	json_object_del(rest, "message");
	agent_expect(it, "error", got, rest, false);
	if (wanted && (!message || !strstr(message, wanted)))
		agent_fail(it, "the error is '%s' instead of '%s'", message ? message : "", wanted);
}

static void expect_part(agent_case *it, const char *what, json_t *got, json_t *expected)
{
	gk_auto_json json_t *rest = json_copy(expected);
	json_t *error = json_object_get(expected, "error");

	if (!expected)
		return;
	if (error)
		expect_error(it, json_object_get(got, "error"), error);
	json_object_del(rest, "error");
	agent_expect(it, what, got, rest, false);
}

static json_t *error_json(const gk_error *err)
{
	return json_pack("{s:s, s:s*}", "status", gk_code_name(err->code), "message", err->message);
}

/* --- steps --- */

static void expect_reply(agent_case *it, const agent_reply *reply, json_t *step)
{
	json_t *thrown = json_object_get(step, "expect_throw");
	json_t *chunks = json_object_get(step, "expect_chunks");
	gk_auto_json json_t *error = NULL;

	if (thrown && reply->output) {
		agent_fail(it, "it did not fail");
	} else if (thrown) {
		error = error_json(&reply->err);
		expect_error(it, error, thrown);
	} else if (!reply->output) {
		agent_fail(it, "it failed: %s", reply->err.message);
	} else {
		if (chunks)
			agent_expect(it, "the stream", reply->chunks, chunks, false);
		expect_part(
			it, "the output", reply->output, json_object_get(step, "expect_output"));
		expect_absent(it, reply->output, json_object_get(step, "absent_output"));
		capture(it, step, reply->output);
	}
}

static void send(agent_case *it, json_t *step)
{
	json_t *model = json_object_get(step, "model"), *close = json_object_get(step, "close");
	gk_auto_json json_t *program = model ? json_pack("{s:O}", "responses", model) : NULL;
	agent_reply reply;

	agent_send(it, AGENT, json_object_get(step, "init"), json_object_get(step, "inputs"),
		json_is_false(close), program, &reply);
	expect_reply(it, &reply, step);
	agent_reply_done(&reply);
}

static void release(agent_case *it, json_t *step)
{
	json_object_set_new(it->gates, gk_json_str_peek(step, "gate"), json_true());
}

static json_t *ids_of(json_t *step)
{
	return json_pack("{s:O*, s:O*}", "snapshotId", json_object_get(step, "snapshotId"),
		"sessionId", json_object_get(step, "sessionId"));
}

static void get(agent_case *it, json_t *step)
{
	gk_auto_json json_t *request = ids_of(step), *snapshot = NULL, *error = NULL;
	json_t *wanted = json_object_get(step, "error");
	gk_auto_error gk_error err = { 0 };
	gk_code rc = agent_companion(it, "agent-snapshot", AGENT, request, &snapshot, &err);

	if (rc != GK_OK && !wanted) {
		agent_fail(it, "no snapshot: %s", err.message);
	} else if (rc != GK_OK) {
		error = error_json(&err);
		expect_error(it, error, wanted);
	} else if (wanted) {
		agent_fail(it, "it did not fail");
	} else {
		expect_part(it, "the snapshot", snapshot, json_object_get(step, "expect"));
		expect_absent(it, snapshot, json_object_get(step, "absent_fields"));
		capture(it, step, snapshot);
	}
}

static void abort_it(agent_case *it, json_t *step)
{
	gk_auto_json json_t *request = ids_of(step), *answer = NULL;
	json_t *wanted = json_object_get(step, "previous"), *got;
	gk_auto_error gk_error err = { 0 };

	if (agent_companion(it, "agent-abort", AGENT, request, &answer, &err) != GK_OK)
		agent_fail(it, "abort: %s", err.message);
	got = json_object_get(answer, "status");
	if (json_is_null(wanted) ? got != NULL : !json_equal(got, wanted))
		agent_fail(it, "the previous status is %s", got ? json_string_value(got) : "none");
}

static void wait_for_it(agent_case *it, json_t *step)
{
	gk_auto_json json_t *snapshot = agent_wait(it, AGENT, gk_json_str_peek(step, "snapshotId"));

	if (!snapshot) {
		agent_fail(it, "it never came to its end");
		return;
	}
	agent_expect(it, "its status", json_object_get(snapshot, "status"),
		json_object_get(step, "status"), false);
	expect_part(it, "the snapshot", snapshot, json_object_get(step, "expect"));
}

static void expect_request(agent_case *it, json_t *step)
{
	json_t *request = json_array_get(it->saw, (size_t)gk_json_int_at(step, "index", 0));
	gk_auto_json json_t *roles = json_array();
	json_t *message;
	size_t i;

	json_array_foreach (json_object_get(request, "messages"), i, message)
		json_array_append(roles, json_object_get(message, "role"));
	agent_expect(
		it, "the roles that the model saw", roles, json_object_get(step, "roles"), false);
}

static const struct step_type {
	const char *name;
	void (*run)(agent_case *it, json_t *step);
} types[] = {
	{ "send", send },
	{ "release", release },
	{ "get", get },
	{ "abort", abort_it },
	{ "wait", wait_for_it },
	{ "expect_model_request", expect_request },
};

static void run_step(agent_case *it, json_t *step)
{
	const char *name = json_object_iter_key(json_object_iter(step));

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].name, name) == 0) {
			types[i].run(it, json_object_get(step, name));
			return;
		}
	agent_fail(it, "there is no step '%s'", name);
}

void agent_run_scripted(agent_case *it, json_t *one)
{
	json_t *step;
	size_t i;

	it->script = json_object_get(one, "agent");
	json_object_set_new(it->known, "agent", json_string(AGENT));
	define_agent(it);
	json_array_foreach (json_object_get(one, "steps"), i, step) {
		gk_auto_json json_t *filled = agent_filled_in(it, step);

		it->step = i + 1;
		if (!it->has_failed)
			run_step(it, filled);
	}
}
