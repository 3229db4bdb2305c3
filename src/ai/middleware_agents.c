/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* agents: a tool for each agent to which the model may hand a task (generate section 5.6, sessions section 8). What goes
 * wrong there is told to the model: only the end of the call is one here. */
#include "ai/middleware_builtin.h"
#include "ai/middleware_tools.h"
#include "ai/parts.h"
#include "ai/request.h"
#include "base/buf.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/str.h"
#include "core/call.h"
#include "json/edit.h"

#include <genkit/agent.h>

#include <stdio.h>

#define MARK "agents-middleware-instructions"
#define INPUT                                                                                      \
	"{\"type\":\"object\",\"properties\":{\"task\":{\"type\":\"string\"}},\"required\":[\"task\"]}"
#define SUFFIX_LEN 4

typedef struct agents_state agents_state;

/* An agent, as the configuration has it: what its tool's function gets. */
typedef struct delegate {
	agents_state *state;
	char *name, *tool;
	char *description; /* of the configuration; NULL: none */
} delegate;

struct agents_state {
	unsigned refs;
	delegate *delegates;
	size_t count;
	int64_t max, calls; /* max less than 0: no limit */
	int64_t history;
	bool is_inline;   /* what artifacts say is part of the answer */
	json_t *messages; /* of the turn that is under way */
};

static void unref_state(void *it)
{
	agents_state *state = it;

	if (--state->refs)
		return;
	for (size_t i = 0; i < state->count; i++) {
		free(state->delegates[i].name);
		free(state->delegates[i].tool);
		free(state->delegates[i].description);
	}
	free(state->delegates);
	json_decref(state->messages);
	free(state);
}

static void unref_delegate(void *it)
{
	unref_state(((delegate *)it)->state);
}

/* --- what an agent is sent --- */

/* The texts of a message, and nothing else of it; NULL in `*ret`: there is none. */
static bool reduce(json_t *message, json_t **ret)
{
	gk_auto_json json_t *content = json_array();
	json_t *parts = json_object_get(message, "content"), *part;
	size_t i;

	json_array_foreach (parts, i, part) {
		json_t *text = json_object_get(part, "text");

		if (json_string_length(text) &&
			!gk_json_push_take(content, json_pack("{s:O}", "text", text)))
			return false;
	}
	if (!content)
		return false;
	if (json_array_size(content))
		*ret = json_pack(
			"{s:O, s:O}", "role", json_object_get(message, "role"), "content", content);
	return *ret || !json_array_size(content);
}

static bool is_said(json_t *message)
{
	const char *role = gk_json_str_peek(message, "role");

	return gk_str_equal(role, "user") || gk_str_equal(role, "model");
}

/* {state: {messages}}, of the last messages; {} when there is nothing to tell. */
static json_t *init_of(const agents_state *state)
{
	gk_auto_json json_t *kept = json_array();
	size_t from = json_array_size(state->messages), count = 0;

	if (!kept)
		return NULL;
	while (from > 0 && (int64_t)count < state->history)
		count += is_said(json_array_get(state->messages, --from));
	for (; from < json_array_size(state->messages); from++) {
		json_t *message = json_array_get(state->messages, from), *reduced = NULL;

		if (is_said(message) && !reduce(message, &reduced))
			return NULL;
		if (reduced && !gk_json_push_take(kept, reduced))
			return NULL;
	}
	if (!json_array_size(kept))
		return json_object();
	return json_pack("{s:{s:O}}", "state", "messages", kept);
}

/* --- what comes back --- */

static void name_invocation(char *ret, size_t size, const char *agent)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	unsigned char bytes[SUFFIX_LEN];
	char suffix[SUFFIX_LEN + 1] = "";

	gk_random_bytes(bytes, sizeof(bytes));
	for (size_t i = 0; i < SUFFIX_LEN; i++)
		suffix[i] = digits[bytes[i] % 36];
	snprintf(ret, size, "%s_%s", agent, suffix);
}

/* The artifact under a name of its own in the session of whoever asked. */
static json_t *rename_artifact(json_t *artifact, const char *agent, const char *invocation)
{
	gk_auto_json json_t *own = gk_json_copy(artifact);
	gk_auto_json json_t *metadata = gk_json_merge(json_object_get(artifact, "metadata"), NULL);

	if (!gk_json_set_str(metadata, "source", agent) ||
		!gk_json_set_str(metadata, "invocationId", invocation) ||
		!gk_json_set(own, "metadata", metadata) ||
		!gk_json_set_take(own, "name",
			json_sprintf("%s/%s", invocation, gk_json_str_peek(artifact, "name"))))
		return NULL;
	return gk_steal(own);
}

/* The named artifacts of an answer: renamed into `merged`, and told in `told`. */
static bool take_artifacts(const delegate *to, json_t *artifacts, json_t *merged, json_t *told)
{
	char invocation[GK_MAX_ACTION_NAME + SUFFIX_LEN + 2];
	json_t *artifact;
	size_t i;

	name_invocation(invocation, sizeof(invocation), to->name);
	json_array_foreach (artifacts, i, artifact) {
		const char *name = gk_json_str_peek(artifact, "name");
		gk_auto_json json_t *own = NULL, *line = json_object();

		if (!name || !*name)
			continue;
		own = rename_artifact(artifact, to->name, invocation);
		if (!own || !gk_json_set(line, "name", json_object_get(own, "name")) ||
			(to->state->is_inline &&
				!gk_json_set_take(line, "content",
					gk_parts_lines(json_object_get(artifact, "parts")))) ||
			json_array_append(told, line) < 0 || json_array_append(merged, own) < 0)
			return false;
	}
	return true;
}

static gk_code answer(gk_ctx *ctx, const delegate *to, json_t *output, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *merged = json_array(), *told = json_array();
	gk_auto_json json_t *text =
		gk_parts_lines(json_object_get(json_object_get(output, "message"), "content"));
	gk_agent_session *session = gk_ctx_agent_session(ctx);
	gk_code rc = GK_OK;

	if (!merged || !told || !text ||
		!take_artifacts(to, json_object_get(output, "artifacts"), merged, told))
		return gk_error_no_memory(err);
	if (session && json_array_size(merged))
		rc = gk_agent_add_artifacts_take(ctx, session, json_incref(merged), err);
	if (rc != GK_OK)
		return rc;
	*ret = json_pack("{s:s, s:O*}", "response",
		json_string_length(text) ? json_string_value(text) : "(no response)", "artifacts",
		json_array_size(told) ? told : NULL);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* --- a task --- */

static gk_code say(json_t **ret, json_t *text_take, gk_error *err)
{
	*ret = json_pack("{s:o}", "response", text_take);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static gk_code find_agent(
	gk_ctx *ctx, const char *type, const char *name, gk_action **ret, gk_error *err)
{
	gk_auto_str char *key = NULL;

	if (asprintf(&key, "/%s/%s", type, name) < 0) {
		key = NULL;
		return gk_error_no_memory(err);
	}
	return gk_lookup(ctx, key, ret, err);
}

static gk_code run_agent(gk_ctx *ctx, const delegate *to, gk_action *agent, const char *task,
	json_t **ret, gk_error *err)
{
	const char *where =
		gk_json_str_peek(gk_action_metadata_peek(agent), "agent.stateManagement");
	gk_auto_json json_t *input = gk_agent_input(task), *output = NULL;
	gk_auto_json json_t *init =
		gk_str_equal(where, "server") ? json_object() : init_of(to->state);
	const char *reason, *why;
	gk_code rc;

	if (!input || !init)
		return gk_error_no_memory(err);
	rc = gk_run_action_with(
		ctx, agent, input, GK_OPTS(gk_call_opts, .init = init), &output, err);
	if (rc != GK_OK)
		return rc;
	reason = gk_json_str_peek(output, "finishReason");
	why = gk_json_str_peek(output, "error.message");
	if (gk_str_equal(reason, "interrupted"))
		return say(ret,
			json_sprintf(
				"Sub-agent '%s' interrupted for additional input and could not complete "
				"the task. Interactive sub-agent interrupts are not currently supported; "
				"try delegating a more self-contained task.",
				to->name),
			err);
	if (gk_str_equal(reason, "failed"))
		return say(ret,
			json_sprintf("Error calling agent '%s': %s", to->name,
				why ? why : "Unknown sub-agent failure."),
			err);
	return answer(ctx, to, output, ret, err);
}

static gk_code take_task(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const delegate *to = gk_ctx_user(ctx);
	gk_auto_error gk_error failure = { 0 };
	gk_auto_str char *text = NULL;
	gk_action *agent = NULL;
	gk_code rc;

	if (to->state->max >= 0 && to->state->calls >= to->state->max)
		return say(ret,
			json_sprintf("Delegation limit reached (%lld). Complete the task using "
				     "information already gathered.",
				(long long)to->state->max),
			err);
	to->state->calls++;
	rc = find_agent(ctx, "agent", to->name, &agent, &failure);
	if (rc == GK_OK && !agent)
		return say(ret, json_sprintf("Error: Agent '%s' not found in registry.", to->name),
			err);
	if (rc == GK_OK)
		rc = run_agent(ctx, to, agent, gk_json_str_peek(input, "task"), ret, &failure);
	gk_action_unref(agent);
	if (rc == GK_OK)
		return GK_OK;
	if (gk_ctx_is_cancelled(ctx))
		return gk_error_move(err, &failure);
	text = gk_error_text(&failure);
	return say(ret,
		json_sprintf(
			"Error calling agent '%s': %s", to->name, text ? text : "out of memory"),
		err);
}

/* --- what the model is told --- */

static gk_code put_line(gk_ctx *ctx, gk_buf *text, const delegate *to, gk_error *err)
{
	static const char *const types[] = { "agent", "prompt" };
	gk_auto_str char *found = NULL;
	gk_code rc = GK_OK;

	for (size_t i = 0; rc == GK_OK && !to->description && !found && i < 2; i++) {
		gk_action *action = NULL;

		rc = find_agent(ctx, types[i], to->name, &action, err);
		if (action && gk_action_description(action) && *gk_action_description(action))
			found = strdup(gk_action_description(action));
		gk_action_unref(action);
	}
	if (rc != GK_OK)
		return rc;
	gk_buf_printf(text, "  - %s: %s\n", to->tool,
		to->description ? to->description
		: found         ? found
				: "No description available.");
	return GK_OK;
}

static gk_code instructions(gk_ctx *ctx, const agents_state *state, json_t **ret, gk_error *err)
{
	gk_buf text = GK_BUF_INIT(0);
	gk_code rc = GK_OK;

	gk_buf_puts(&text, "<sub-agents>\nYou can delegate tasks to specialized sub-agents using "
			   "their delegation tools:\n");
	for (size_t i = 0; rc == GK_OK && i < state->count; i++)
		rc = put_line(ctx, &text, &state->delegates[i], err);
	gk_buf_puts(&text,
		"\nWhen a task is better handled by a specialized agent, delegate it using "
		"the appropriate tool. Provide a clear, self-contained task "
		"description.\n</sub-agents>");
	*ret = gk_marked_part(&text, MARK);
	if (rc != GK_OK)
		return rc;
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static gk_code tell_agents(
	gk_ctx *ctx, const gk_turn *turn, gk_next *next, void *it, json_t **ret, gk_error *err)
{
	agents_state *state = it;
	json_t *messages = json_object_get(turn->request, "messages"), *part = NULL;
	gk_code rc;

	json_decref(state->messages);
	state->messages = json_incref(messages);
	if (gk_messages_have(messages, MARK))
		return gk_next_turn(ctx, next, turn, ret, err);
	rc = instructions(ctx, state, &part, err);
	if (rc != GK_OK) {
		json_decref(part);
		return rc;
	}
	return gk_next_turn_with(
		ctx, turn, next, gk_messages_with_system(messages, MARK, part), ret, err);
}

/* --- the middleware --- */

/* A name, or {name, description?}. */
static gk_code read_agent(agents_state *state, const json_t *one, const char *prefix, gk_error *err)
{
	const char *name =
		json_is_string(one) ? json_string_value(one) : gk_json_str_peek(one, "name");
	const char *description = gk_json_str_peek(one, "description");
	delegate *it = &state->delegates[state->count];

	if (!name || !*name)
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "agents middleware: an agent has a name");
	if (strlen(name) > GK_MAX_ACTION_NAME)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"agents middleware: the name of an agent is longer than %d bytes",
			GK_MAX_ACTION_NAME);
	*it = (delegate){ .state = state, .name = strdup(name) };
	state->count++;
	if (description && *description)
		it->description = strdup(description);
	if (asprintf(&it->tool, "%s%s%s", prefix, *prefix ? "_" : "", name) < 0)
		it->tool = NULL;
	if (!it->name || !it->tool || (description && *description && !it->description))
		return gk_error_no_memory(err);
	return GK_OK;
}

static gk_code offer(gk_ctx *ctx, delegate *to, gk_tool_list *tools, gk_error *err)
{
	return gk_tool_offer(ctx,
		GK_OPTS(gk_tool_opts, .name = to->tool,
			.description =
				to->description
					? to->description
					: gk_ctx_printf(ctx,
						  "Delegates a task to the \"%s\" sub-agent.",
						  to->name),
			.input = INPUT, .run = take_task, .user = to, .free_user = unref_delegate),
		&to->state->refs, tools, err);
}

static gk_code read_agents(
	gk_ctx *ctx, agents_state *state, const json_t *config, gk_tool_list *tools, gk_error *err)
{
	json_t *agents = json_object_get(config, "agents"), *one;
	const char *prefix = gk_json_str_peek(config, "toolPrefix");
	gk_code rc = GK_OK;
	size_t i;

	state->delegates = calloc(json_array_size(agents), sizeof(*state->delegates));
	if (!state->delegates)
		return gk_error_no_memory(err);
	state->max = gk_json_int_at(config, "maxDelegations", -1);
	state->history = gk_json_int_at(config, "historyLength", 0);
	state->is_inline = !gk_str_equal(gk_json_str_peek(config, "artifactStrategy"), "session");
	json_array_foreach (agents, i, one) {
		if (rc == GK_OK)
			rc = read_agent(state, one, prefix ? prefix : "delegate_to", err);
		if (rc == GK_OK)
			rc = offer(ctx, &state->delegates[i], tools, err);
	}
	return rc;
}

static gk_code open_agents(gk_ctx *ctx, json_t *config, void *user, gk_tool_list *tools,
	void **state_ret, gk_error *err)
{
	size_t count = json_array_size(json_object_get(config, "agents"));
	agents_state *state;
	gk_code rc;

	(void)user;
	if (!count)
		return gk_error_set_plain(err,
			"agents middleware requires at least one agent in the \"agents\" option.");
	if (count > GK_MAX_TOOLS)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"%zu agents in one request, at most %d are possible", count, GK_MAX_TOOLS);
	state = calloc(1, sizeof(*state));
	if (!state)
		return gk_error_no_memory(err);
	state->refs = 1;
	rc = read_agents(ctx, state, config, tools, err);
	if (rc == GK_OK)
		*state_ret = state;
	else
		unref_state(state);
	return rc;
}

const gk_middleware_opts gk_middleware_agents = {
	.size = sizeof(gk_middleware_opts),
	.name = "agents",
	.description = "Gives the model tools that hand tasks to other agents.",
	.config =
		"{\"type\":\"object\",\"properties\":{\"agents\":{\"type\":\"array\",\"minItems\":1,"
		"\"items\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"properties\":{"
		"\"name\":{\"type\":\"string\"},\"description\":{\"type\":\"string\"}},"
		"\"required\":[\"name\"]}]}},\"toolPrefix\":{\"type\":\"string\",\"default\":"
		"\"delegate_to\"},\"maxDelegations\":{\"type\":\"number\"},\"historyLength\":{"
		"\"type\":\"number\",\"default\":0},\"artifactStrategy\":{\"type\":\"string\","
		"\"enum\":[\"inline\",\"session\"],\"default\":\"inline\"}},"
		"\"required\":[\"agents\"]}",
	.open = open_agents,
	.close = unref_state,
	.generate = tell_agents,
};
