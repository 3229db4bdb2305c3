/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The scenarios of upstream/agent.yaml: fixed models, tools and agents (sessions section 17.1), and steps of four types. */
#include "agent.h"

#include "base/str.h"

#include <genkit/agent.h>

/* --- tools --- */

static gk_code test_tool(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)err;
	*ret = json_string("tool called");
	return GK_OK;
}

static gk_code interrupt_tool(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input, (void)ret;
	return gk_interrupt(ctx, NULL, err);
}

static gk_code restart_tool(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	if (!gk_ctx_resumed(ctx))
		return gk_interrupt(ctx, json_pack("{s:b}", "requiresConfirmation", 1), err);
	*ret = json_pack("{s:o}", "result",
		json_sprintf("confirmed: %s", gk_json_str_peek(input, "action")));
	return GK_OK;
}

static void define_tools(agent_case *it)
{
	static const gk_tool_opts tools[] = {
		{ .name = "testTool", .description = "A simple test tool", .run = test_tool },
		{ .name = "interruptTool",
			.description = "An interrupt tool",
			.input = "query: string",
			.run = interrupt_tool },
		{ .name = "restartTool",
			.description = "A tool that requires confirmation before executing",
			.input = "action: string",
			.run = restart_tool },
	};

	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		gk_tool_opts opts = tools[i];

		opts.size = sizeof(opts);
		core_app_must(gk_define_tool(it->app.app, &opts, NULL), opts.name);
	}
}

/* --- turns of custom agents --- */

static gk_code block(gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	(void)session, (void)turn, (void)err;
	while (gk_sleep(ctx, 3600000, NULL) == GK_OK)
		;
	return GK_OK;
}

static gk_code fail(gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	(void)ctx, (void)session, (void)turn;
	return gk_error_set_plain(err, "intentional failure");
}

static json_t *artifact(const char *name, const char *text)
{
	return json_pack("{s:s, s:[{s:s}]}", "name", name, "parts", "text", text);
}

static gk_code add_artifacts(
	gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	gk_code rc = gk_agent_add_artifacts_take(ctx, session, artifact("doc1", "v1"), err);

	(void)turn;
	if (rc == GK_OK)
		rc = gk_agent_add_artifacts_take(ctx, session, artifact("doc1", "v2"), err);
	if (rc == GK_OK)
		rc = gk_agent_add_artifacts_take(ctx, session, artifact("doc2", "other"), err);
	return rc;
}

static gk_code add_next_artifact(
	gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	size_t n = json_array_size(gk_agent_artifacts_peek(session)) + 1;

	(void)turn;
	return gk_agent_add_artifacts_take(ctx, session,
		artifact(gk_ctx_printf(ctx, "doc%zu", n), gk_ctx_printf(ctx, "content%zu", n)),
		err);
}

static gk_code count(gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	json_int_t so_far = gk_json_int_at(gk_agent_custom_peek(session), "counter", 0);

	(void)turn;
	return gk_agent_set_custom_take(
		ctx, session, json_pack("{s:I}", "counter", so_far + 1), err);
}

static gk_code count_thrice(
	gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	static const struct {
		int counter;
		const char *status;
	} states[] = { { 1, "working" }, { 2, "working" }, { 2, "done" } };
	gk_code rc = GK_OK;

	(void)turn;
	for (size_t i = 0; i < 3 && rc == GK_OK; i++)
		rc = gk_agent_set_custom_take(ctx, session,
			json_pack("{s:i, s:s}", "counter", states[i].counter, "status",
				states[i].status),
			err);
	return rc;
}

/* --- their results; the message is the agent's `user` --- */

static gk_code say(gk_ctx *ctx, gk_agent_session *session, json_t **ret, gk_error *err)
{
	(void)session, (void)err;
	*ret = json_pack("{s:o}", "message", gk_message_of_text("model", gk_ctx_user(ctx)));
	return GK_OK;
}

static gk_code say_with_artifacts(
	gk_ctx *ctx, gk_agent_session *session, json_t **ret, gk_error *err)
{
	gk_code rc = say(ctx, session, ret, err);

	json_object_set(*ret, "artifacts", gk_agent_artifacts_peek(session));
	return rc;
}

/* --- agents --- */

static const struct agent_of_ours {
	const char *name;
	bool is_stored;
	const char *tool; /* of a prompt agent; NULL: none */
	gk_agent_turn_fn *turn;
	gk_agent_result_fn *result;
	const char *says;
} agents[] = {
	{ "promptAgent", false, NULL, NULL, NULL, NULL },
	{ "promptAgentWithStore", true, NULL, NULL, NULL, NULL },
	{ "promptAgentWithTools", false, "testTool", NULL, NULL, NULL },
	{ "promptAgentWithInterrupt", true, "interruptTool", NULL, NULL, NULL },
	{ "promptAgentWithRestartTool", true, "restartTool", NULL, NULL, NULL },
	{ "customAgentBlocking", true, NULL, block, say, "unblocked" },
	{ "customAgentFailing", true, NULL, fail, say, "unreachable" },
	{ "customAgentWithArtifacts", false, NULL, add_artifacts, say_with_artifacts, "done" },
	{ "customAgentWithCustomState", false, NULL, count, say, "done" },
	{ "customAgentWithMultiCustomState", false, NULL, count_thrice, say, "done" },
	{ "customAgentWithArtifactsStore", true, NULL, add_next_artifact, say_with_artifacts,
		"done" },
	{ "customAgentWithCustomStateStore", true, NULL, count, say, "done" },
};

static void define_agents(agent_case *it)
{
	for (size_t i = 0; i < sizeof(agents) / sizeof(agents[0]); i++) {
		const struct agent_of_ours *one = &agents[i];
		const char *tools[] = { one->tool, NULL };
		gk_auto_json json_t *config = json_pack("{s:i}", "temperature", 1);
		const gk_prompt_opts prompt = { .size = sizeof(prompt),
			.model = "programmableModel",
			.config = config,
			.tools = tools };

		core_app_must(
			gk_define_agent(it->app.app,
				GK_OPTS(gk_agent_opts, .name = one->name,
					.prompt = one->turn ? NULL : &prompt, .turn = one->turn,
					.result = one->result, .is_stored = one->is_stored,
					.user = (void *)one->says),
				NULL),
			one->name);
	}
}

/* --- expectations --- */

/* turnEnd must be there; its finish reason is compared when one is given. */
static void expect_chunk(agent_case *it, json_t *got, json_t *expected)
{
	static const char *const members[] = { "modelChunk", "customPatch", "artifact", "turnEnd" };

	for (size_t i = 0; i < 4; i++) {
		json_t *wanted = json_object_get(expected, members[i]);
		json_t *is = json_object_get(got, members[i]);

		if (wanted && !is)
			agent_fail(it, "a chunk has no %s", members[i]);
		else if (wanted)
			agent_expect(it, members[i], is, wanted, true);
	}
}

static void expect_chunks(agent_case *it, json_t *got, json_t *expected)
{
	gk_auto_str char *text = gk_json_write(got, NULL);
	json_t *one;
	size_t i;

	if (!expected)
		return;
	if (json_array_size(got) != json_array_size(expected))
		agent_fail(it, "there are %zu chunks instead of %zu: %s", json_array_size(got),
			json_array_size(expected), text);
	json_array_foreach (expected, i, one)
		expect_chunk(it, json_array_get(got, i), one);
}

static void expect_error(agent_case *it, json_t *got, json_t *expected, bool is_part)
{
	const char *message = gk_json_str_peek(got, "message");
	const char *wanted = gk_json_str_peek(expected, "message");

	if (!expected)
		return;
	if (!got)
		agent_fail(it, "there is no error");
	if (json_object_get(expected, "status"))
		agent_expect(it, "error.status", json_object_get(got, "status"),
			json_object_get(expected, "status"), true);
	if (wanted && (!message || (is_part ? !strstr(message, wanted) : strcmp(message, wanted))))
		agent_fail(it, "the error is '%s' instead of '%s'", message ? message : "", wanted);
}

static void expect_flag(agent_case *it, json_t *expected, const char *flag, json_t *value)
{
	json_t *wanted = json_object_get(expected, flag);

	if (wanted && json_is_true(wanted) != (json_string_length(value) > 0))
		agent_fail(it, "%s does not hold", flag);
}

static void expect_artifacts(agent_case *it, json_t *got, json_t *expected)
{
	json_t *one, *other;
	size_t i, j;

	json_array_foreach (expected, i, one) {
		const char *name = gk_json_str_peek(one, "name");
		json_t *found = NULL;

		json_array_foreach (got, j, other)
			if (gk_str_equal(gk_json_str_peek(other, "name"), name))
				found = other;
		agent_expect(it, "an artifact", found, one, true);
	}
}

static void expect_output(agent_case *it, json_t *got, json_t *expected)
{
	static const char *const members[] = { "message", "finishReason" };

	for (size_t i = 0; i < 2; i++)
		if (json_object_get(expected, members[i]))
			agent_expect(it, members[i], json_object_get(got, members[i]),
				json_object_get(expected, members[i]), true);
	expect_flag(it, expected, "hasSnapshotId", json_object_get(got, "snapshotId"));
	expect_flag(it, expected, "hasSessionId", gk_json_at_peek(got, "state.sessionId"));
	agent_expect(it, "state", json_object_get(got, "state"),
		json_object_get(expected, "stateContains"), true);
	expect_artifacts(it, json_object_get(got, "artifacts"),
		json_object_get(expected, "artifactsContain"));
	expect_error(it, json_object_get(got, "error"), json_object_get(expected, "errorContains"),
		true);
}

static void expect_snapshot(agent_case *it, json_t *got, json_t *expected)
{
	static const char *const members[] = { "parentId", "status", "finishReason" };

	for (size_t i = 0; i < 3; i++)
		if (json_object_get(expected, members[i]))
			agent_expect(it, members[i], json_object_get(got, members[i]),
				json_object_get(expected, members[i]), true);
	expect_flag(it, expected, "hasSessionId", gk_json_at_peek(got, "state.sessionId"));
	agent_expect(it, "state", json_object_get(got, "state"),
		json_object_get(expected, "stateContains"), true);
	expect_error(it, json_object_get(got, "error"), json_object_get(expected, "errorContains"),
		false);
}

/* --- steps --- */

static void capture(agent_case *it, json_t *step, const char *key, json_t *value)
{
	const char *name = gk_json_str_peek(step, key);

	if (name && !value)
		agent_fail(it, "there is nothing for %s", key);
	else if (name)
		json_object_set(it->known, name, value);
}

static void expect_thrown(agent_case *it, const agent_reply *reply, json_t *expected)
{
	gk_auto_json json_t *got = NULL;

	if (reply->output) {
		agent_fail(it, "it did not fail");
		return;
	}
	got = json_pack("{s:s, s:s*}", "status", gk_code_name(reply->err.code), "message",
		reply->err.message);
	expect_error(it, got, expected, true);
}

static json_t *program_of(json_t *step)
{
	json_t *responses = json_object_get(step, "modelResponses");
	json_t *chunks = json_object_get(step, "streamChunks");

	return responses || chunks
		       ? json_pack("{s:O*, s:O*}", "responses", responses, "chunks", chunks)
		       : NULL;
}

static void send(agent_case *it, json_t *step)
{
	gk_auto_json json_t *nothing = json_object(), *program = program_of(step);
	json_t *init = json_object_get(step, "init"),
	       *thrown = json_object_get(step, "expectError");
	agent_reply reply;

	agent_send(it, it->agent, init ? init : nothing, json_object_get(step, "inputs"), false,
		program, &reply);
	if (thrown) {
		expect_thrown(it, &reply, thrown);
	} else if (!reply.output) {
		agent_fail(it, "it failed: %s", reply.err.message);
	} else {
		expect_chunks(it, reply.chunks, json_object_get(step, "expectChunks"));
		expect_output(it, reply.output, json_object_get(step, "expectOutput"));
		capture(it, step, "captureSnapshotId", json_object_get(reply.output, "snapshotId"));
		capture(it, step, "captureState", json_object_get(reply.output, "state"));
		capture(it, step, "captureSessionId",
			gk_json_at_peek(reply.output, "state.sessionId"));
	}
	agent_reply_done(&reply);
}

static void get_snapshot(agent_case *it, json_t *step)
{
	gk_auto_json json_t *request = json_pack("{s:O*, s:O*}", "snapshotId",
				    json_object_get(step, "snapshotId"), "sessionId",
				    json_object_get(step, "sessionId")),
			    *snapshot = NULL;
	gk_auto_error gk_error err = { 0 };

	if (agent_companion(it, "agent-snapshot", it->agent, request, &snapshot, &err) != GK_OK)
		agent_fail(it, "no snapshot: %s", err.message);
	else
		expect_snapshot(it, snapshot, json_object_get(step, "expectSnapshot"));
}

static void abort_it(agent_case *it, json_t *step)
{
	gk_auto_json json_t *request = json_pack(
				    "{s:O}", "snapshotId", json_object_get(step, "snapshotId")),
			    *answer = NULL;
	json_t *expected = json_object_get(step, "expectPreviousStatus"), *got;
	gk_auto_error gk_error err = { 0 };

	if (agent_companion(it, "agent-abort", it->agent, request, &answer, &err) != GK_OK)
		agent_fail(it, "abort: %s", err.message);
	got = json_object_get(answer, "status");
	if (json_is_null(expected) ? got != NULL : !json_equal(got, expected))
		agent_fail(it, "the previous status is %s", got ? json_string_value(got) : "none");
}

static void wait_for_it(agent_case *it, json_t *step)
{
	gk_auto_json json_t *snapshot =
		agent_wait(it, it->agent, gk_json_str_peek(step, "snapshotId"));

	if (!snapshot)
		agent_fail(it, "it never came to its end");
	else if (json_object_get(step, "expectSnapshot"))
		expect_snapshot(it, snapshot, json_object_get(step, "expectSnapshot"));
}

static const struct step_type {
	const char *name;
	void (*run)(agent_case *it, json_t *step);
} types[] = {
	{ "send", send },
	{ "getSnapshotData", get_snapshot },
	{ "abort", abort_it },
	{ "waitUntilCompleted", wait_for_it },
};

void agent_run_upstream(agent_case *it, json_t *one)
{
	json_t *step;
	size_t i;

	define_tools(it);
	define_agents(it);
	it->agent = gk_json_str_peek(one, "agent");
	json_array_foreach (json_object_get(one, "steps"), i, step) {
		gk_auto_json json_t *filled = agent_filled_in(it, step);
		const char *name = gk_json_str_peek(filled, "type");
		bool is_known = false;

		it->step = i + 1;
		for (size_t j = 0; j < sizeof(types) / sizeof(types[0]) && !it->has_failed; j++)
			if (gk_str_equal(types[j].name, name)) {
				types[j].run(it, filled);
				is_known = true;
			}
		if (!is_known && !it->has_failed)
			agent_fail(it, "there is no step '%s'", name ? name : "");
	}
}
