/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* artifacts: those of the agent's session are listed for the model, which may read and write them (generate section 5.6,
 * sessions section 8). */
#include "ai/middleware_builtin.h"
#include "ai/middleware_tools.h"
#include "ai/parts.h"
#include "ai/request.h"
#include "base/buf.h"
#include "base/str.h"
#include "core/call.h"
#include "json/edit.h"

#include <genkit/agent.h>

#define MARK       "artifacts-middleware-listing"
#define NO_SESSION "Error: no active session."

/* --- the tools --- */

static json_t *find_artifact(json_t *artifacts, const char *name)
{
	json_t *one;
	size_t i;

	json_array_foreach (artifacts, i, one)
		if (gk_str_equal(gk_json_str_peek(one, "name"), name))
			return one;
	return NULL;
}

static gk_code read_artifact(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const char *name = gk_json_str_peek(input, "name");
	gk_agent_session *session = gk_ctx_agent_session(ctx);
	json_t *artifact = session ? find_artifact(gk_agent_artifacts_peek(session), name) : NULL;
	json_t *text;

	if (!session)
		text = json_string(NO_SESSION);
	else if (artifact)
		text = gk_parts_lines(json_object_get(artifact, "parts"));
	else
		text = json_sprintf("Artifact \"%s\" not found.", name);
	*ret = json_pack(
		"{s:s, s:o, s:b}", "name", name, "content", text, "found", artifact != NULL);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static gk_code write_artifact(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const char *name = gk_json_str_peek(input, "name");
	gk_agent_session *session = gk_ctx_agent_session(ctx);
	gk_code rc = GK_OK;

	if (session)
		rc = gk_agent_add_artifacts_take(ctx, session,
			json_pack("{s:s, s:[{s:O}]}", "name", name, "parts", "text",
				json_object_get(input, "content")),
			err);
	if (rc != GK_OK)
		return rc;
	*ret = json_pack("{s:o}", "status",
		session ? json_sprintf("Artifact \"%s\" saved successfully.", name)
			: json_string(NO_SESSION));
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* --- the listing --- */

static bool put_line(gk_buf *text, const json_t *artifact)
{
	gk_auto_json json_t *content = gk_parts_lines(json_object_get(artifact, "parts"));
	const char *name = gk_json_str_peek(artifact, "name");
	const char *source = gk_json_str_peek(artifact, "metadata.source");

	if (!content)
		return false;
	gk_buf_printf(text, "  - %s", name && *name ? name : "(unnamed)");
	if (json_string_length(content))
		gk_buf_printf(text, " (%zu chars)",
			gk_str_utf16_len(json_string_value(content), json_string_length(content)));
	if (source && *source)
		gk_buf_printf(text, " [from: %s]", source);
	gk_buf_putc(text, '\n');
	return true;
}

static json_t *listing_of(json_t *artifacts)
{
	gk_buf text = GK_BUF_INIT(0);
	json_t *one;
	size_t i;

	gk_buf_puts(&text, "<artifacts>\n");
	if (json_array_size(artifacts))
		gk_buf_puts(&text,
			"The following artifacts are available in the session. Use the read_artifact "
			"tool to view their content.\n");
	else
		gk_buf_puts(&text, "No artifacts are currently available in the session.\n");
	json_array_foreach (artifacts, i, one)
		if (!put_line(&text, one))
			gk_buf_fail(&text);
	gk_buf_puts(&text, "</artifacts>");
	return gk_marked_part(&text, MARK);
}

/* The listing is of this turn: an older one goes. */
static gk_code list_artifacts(
	gk_ctx *ctx, const gk_turn *turn, gk_next *next, void *state, json_t **ret, gk_error *err)
{
	gk_agent_session *session = gk_ctx_agent_session(ctx);
	gk_auto_json json_t *messages = NULL;

	(void)state;
	if (!session)
		return gk_next_turn(ctx, next, turn, ret, err);
	messages = gk_messages_without(json_object_get(turn->request, "messages"), MARK);
	return gk_next_turn_with(ctx, turn, next,
		messages ? gk_messages_with_system(
				   messages, MARK, listing_of(gk_agent_artifacts_peek(session)))
			 : NULL,
		ret, err);
}

/* --- the middleware --- */

#define STRING "{\"type\":\"string\"}"

static const struct {
	gk_tool_opts opts;
	bool writes;
} tools_of_artifacts[] = {
	{ { .size = sizeof(gk_tool_opts),
		  .name = "read_artifact",
		  .description = "Reads an artifact of the session by its name.",
		  .input = "{\"type\":\"object\",\"properties\":{\"name\":" STRING
			   "},\"required\":[\"name\"]}",
		  .output = "{\"type\":\"object\",\"properties\":{\"name\":" STRING
			    ",\"content\":" STRING ",\"found\":{\"type\":\"boolean\"}},"
			    "\"required\":[\"name\",\"content\",\"found\"]}",
		  .run = read_artifact },
		false },
	{ { .size = sizeof(gk_tool_opts),
		  .name = "write_artifact",
		  .description =
			  "Writes an artifact of the session: a new one, or another content of an "
			  "old one.",
		  .input = "{\"type\":\"object\",\"properties\":{\"name\":" STRING
			   ",\"content\":" STRING "},\"required\":[\"name\",\"content\"]}",
		  .output = "{\"type\":\"object\",\"properties\":{\"status\":" STRING
			    "},\"required\":[\"status\"]}",
		  .run = write_artifact },
		true },
};

static gk_code open_artifacts(gk_ctx *ctx, json_t *config, void *user, gk_tool_list *tools,
	void **state_ret, gk_error *err)
{
	bool is_readonly = gk_json_bool_at(config, "readonly", false);
	gk_code rc = GK_OK;

	(void)user, (void)state_ret;
	for (size_t i = 0; rc == GK_OK && i < 2; i++)
		if (!is_readonly || !tools_of_artifacts[i].writes)
			rc = gk_tool_offer(ctx, &tools_of_artifacts[i].opts, NULL, tools, err);
	return rc;
}

const gk_middleware_opts gk_middleware_artifacts = {
	.size = sizeof(gk_middleware_opts),
	.name = "artifacts",
	.description =
		"Lists the artifacts of an agent's session and gives the model tools for them.",
	.config = "{\"type\":\"object\",\"properties\":{\"readonly\":{\"type\":\"boolean\","
		  "\"default\":false}}}",
	.open = open_artifacts,
	.generate = list_artifacts,
};
