/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/googleai/interactions.h"

#include "base/str.h"
#include "plugins/common/schema.h"

#include <ctype.h>

/* --- bodies --- */

/* Members of the configuration that are of the call, or written otherwise below. */
static const char elsewhere[] =
	GK_GEMINI_OF_THE_CALL " responseModalities previousInteractionId "
			      "googleSearch urlContext codeExecution fileSearch mcpServers tools";
static const char of_research[] = "thinkingSummaries visualization collaborativePlanning";

/* In small letters, as this API has its words; lists word by word. */
static json_t *lower(const json_t *value)
{
	gk_auto_json json_t *out = NULL;
	json_t *one;
	size_t i;

	if (json_is_string(value)) {
		gk_auto_str char *text = strdup(json_string_value(value));

		for (char *c = text; c && *c; c++)
			*c = (char)tolower((unsigned char)*c);
		return text ? json_string(text) : NULL;
	}
	if (!json_is_array(value))
		return json_incref((json_t *)(uintptr_t)value);
	out = json_array();
	json_array_foreach (value, i, one)
		if (!gk_json_push_take(out, lower(one)))
			return NULL;
	return gk_steal(out);
}

static bool set_lower(json_t *body, const char *key, const json_t *request, const char *from)
{
	const json_t *value = gk_request_config_peek(request, from);

	return !value || gk_json_set_take(body, key, lower(value));
}

static bool add_rest(json_t *body, const json_t *request, gk_interaction_kind kind)
{
	const char *name;
	json_t *value;

	json_object_foreach (json_object_get(request, "config"), name, value)
		if (!json_is_null(value) && !gk_words_match(elsewhere, name) &&
			(kind != GK_INTERACTION_RESEARCH || !gk_words_match(of_research, name)) &&
			!gk_json_set(body, name, value))
			return false;
	return true;
}

/* A schema as this API takes it. */
static gk_code clean(const json_t *schema, json_t **ret, gk_error *err)
{
	static const char *const drop[] = { "$schema", "additionalProperties", NULL };

	return gk_schema_adapt(
		schema, GK_OPTS(gk_schema_adapt_opts, .drop = drop, .first_type = true), ret, err);
}

static gk_code add_function(const json_t *tool, json_t *tools, gk_error *err)
{
	json_t *schema = json_object_get(tool, "inputSchema");
	gk_auto_json json_t *adapted = NULL, *out = json_pack("{s:s}", "type", "function");
	gk_code rc = GK_OK;

	if (json_object_size(schema))
		rc = clean(schema, &adapted, err);
	if (rc != GK_OK)
		return rc;
	if (!gk_json_set(out, "name", json_object_get(tool, "name")) ||
		(json_object_get(tool, "description") &&
			!gk_json_set(out, "description", json_object_get(tool, "description"))) ||
		(adapted && !gk_json_set(out, "parameters", adapted)) ||
		json_array_append(tools, out) < 0)
		return gk_error_no_memory(err);
	return GK_OK;
}

/* A tool of the service: what is said of it, with its type and one member under the name that this API has for it. */
static bool add_tool(
	json_t *tools, const json_t *value, const char *type, const char *from, const char *to)
{
	gk_auto_json json_t *out = gk_json_copy(value);
	json_t *renamed = from ? json_object_get(out, from) : NULL;

	if (!gk_json_set_str(out, "type", type) || (renamed && !gk_json_set(out, to, renamed)))
		return false;
	if (renamed)
		json_object_del(out, from);
	return json_array_append(tools, out) == 0;
}

static bool add_switches(json_t *tools, const json_t *request)
{
	static const struct {
		const char *key, *type, *from, *to;
	} switches[] = {
		{ "googleSearch", "google_search", NULL, NULL },
		{ "urlContext", "url_context", NULL, NULL },
		{ "codeExecution", "code_execution", NULL, NULL },
		{ "fileSearch", "file_search", "fileSearchStoreNames", "file_search_store_names" },
	};
	json_t *server;
	size_t i;

	for (i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		gk_auto_json json_t *value =
			gk_gemini_switch(gk_request_config_peek(request, switches[i].key));

		if (value &&
			!add_tool(tools, value, switches[i].type, switches[i].from, switches[i].to))
			return false;
	}
	json_array_foreach (gk_request_config_peek(request, "mcpServers"), i, server)
		if (json_is_object(server) &&
			!add_tool(tools, server, "mcp_server", "allowedTools", "allowed_tools"))
			return false;
	return true;
}

static gk_code add_tools(json_t *body, const json_t *request, gk_error *err)
{
	gk_auto_json json_t *tools = json_array();
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(request, "tools"), i, one) {
		gk_code rc = add_function(one, tools, err);

		if (rc != GK_OK)
			return rc;
	}
	if (!add_switches(tools, request))
		return gk_error_no_memory(err);
	one = gk_request_config_peek(request, "tools");
	if ((json_is_array(one) && json_array_extend(tools, one) < 0) ||
		(json_array_size(tools) && !gk_json_set(body, "tools", tools)))
		return gk_error_no_memory(err);
	return GK_OK;
}

static gk_code add_format(json_t *body, const json_t *request, gk_error *err)
{
	json_t *schema = gk_request_schema_peek(request);
	gk_auto_json json_t *format = NULL, *adapted = NULL;
	gk_code rc = GK_OK;

	if (!gk_request_wants_json(request))
		return GK_OK;
	if (schema)
		rc = clean(schema, &adapted, err);
	if (rc != GK_OK)
		return rc;
	format = json_pack("{s:s, s:s}", "type", "text", "mime_type", "application/json");
	return (!adapted || gk_json_set(format, "schema", adapted)) &&
			       gk_json_set(body, "response_format", format)
		       ? GK_OK
		       : gk_error_no_memory(err);
}

static gk_code add_research(json_t *body, const json_t *request, gk_error *err)
{
	gk_auto_json json_t *config = json_pack("{s:s}", "type", "deep-research");
	json_t *planning = gk_request_config_peek(request, "collaborativePlanning");

	if (!set_lower(config, "thinking_summaries", request, "thinkingSummaries") ||
		!set_lower(config, "visualization", request, "visualization") ||
		(planning && !gk_json_set(config, "collaborative_planning", planning)) ||
		!gk_json_set_bool(body, "background", true) ||
		!gk_json_set(body, "agent_config", config))
		return gk_error_no_memory(err);
	return add_format(body, request, err);
}

gk_code gk_interaction_body(gk_interaction_kind kind, const char *id, const json_t *request,
	json_t **ret, gk_error *err)
{
	json_t *previous = gk_request_config_peek(request, "previousInteractionId");
	gk_auto_json json_t *body = json_object(), *steps = NULL;
	gk_code rc = gk_interaction_steps(request, &steps, err);

	if (rc != GK_OK)
		return rc;
	if (!gk_json_set_str(body, kind == GK_INTERACTION_MUSIC ? "model" : "agent", id) ||
		!gk_json_set(body, "input", steps) ||
		(previous && !gk_json_set(body, "previous_interaction_id", previous)) ||
		!set_lower(body, "response_modalities", request, "responseModalities") ||
		!add_rest(body, request, kind) ||
		(kind == GK_INTERACTION_MUSIC && !json_object_get(body, "response_modalities") &&
			!gk_json_set_take(
				body, "response_modalities", json_pack("[s, s]", "audio", "text"))))
		return gk_error_no_memory(err);
	rc = add_tools(body, request, err);
	if (rc == GK_OK && kind == GK_INTERACTION_RESEARCH)
		rc = add_research(body, request, err);
	if (rc == GK_OK)
		*ret = gk_steal(body);
	return rc;
}

/* --- results --- */

static bool set_usage(json_t *usage, const json_t *interaction)
{
	static const char *const counters[][2] = {
		{ "inputTokens", "usage.total_input_tokens" },
		{ "outputTokens", "usage.total_output_tokens" },
		{ "totalTokens", "usage.total_tokens" },
		{ "cachedContentTokens", "usage.total_cached_tokens" },
		{ "thoughtsTokens", "usage.total_thought_tokens" },
	};

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		if (!gk_usage_copy(usage, counters[i][0], interaction, counters[i][1]))
			return false;
	return true;
}

static json_t *metadata_of(const json_t *interaction)
{
	json_t *environment = json_object_get(interaction, "environment_id");
	gk_auto_json json_t *out =
		json_pack("{s:O?}", "interactionId", json_object_get(interaction, "id"));

	return out && (!environment || gk_json_set(out, "environmentId", environment))
		       ? gk_steal(out)
		       : NULL;
}

typedef enum status {
	GOES_ON,
	COMPLETED,
	CANCELLED,
	FAILED,
} status;

static status status_of(const json_t *interaction)
{
	static const char *const names[] = { "", "completed", "cancelled", "failed" };
	const char *name = gk_json_str_peek(interaction, "status");

	for (int i = COMPLETED; i <= FAILED; i++)
		if (gk_str_equal(name, names[i]))
			return (status)i;
	return GOES_ON;
}

static const char *failure_of(const json_t *interaction)
{
	const char *text = gk_json_str_peek(interaction, "error.message");

	return text ? text : "the interaction failed";
}

/* The answer of one that came to its end, or waits for an answer itself. */
static gk_code output_of(const json_t *request, json_t *interaction, json_t **ret, gk_error *err)
{
	bool is_cancelled = status_of(interaction) == CANCELLED;
	gk_auto_json json_t *content = json_array(), *response = NULL;
	json_t *step;
	size_t i;
	gk_code rc;

	if (is_cancelled && !gk_parts_add(content, "text", "Operation cancelled.",
				    strlen("Operation cancelled.")))
		return gk_error_no_memory(err);
	json_array_foreach (json_object_get(interaction, "steps"), i, step)
		if (!is_cancelled && !gk_interaction_add_parts(content, step))
			return gk_error_no_memory(err);
	rc = gk_vendor_response(request, gk_steal(content), interaction, &response, err);
	if (rc != GK_OK)
		return rc;
	if (!gk_json_set_take(
		    json_object_get(response, "message"), "metadata", metadata_of(interaction)) ||
		!set_usage(json_object_get(response, "usage"), interaction) ||
		(is_cancelled && (!gk_json_set_str(response, "finishReason", "aborted") ||
					 !gk_json_set_str(response, "finishMessage",
						 "Operation cancelled"))))
		return gk_error_no_memory(err);
	*ret = gk_steal(response);
	return GK_OK;
}

gk_code gk_interaction_response(
	const json_t *request, json_t *interaction, json_t **ret, gk_error *err)
{
	status now = status_of(interaction);

	if (now == FAILED)
		return gk_error_set(err, GK_INTERNAL, "googleai: %s", failure_of(interaction));
	/* One that requires an action has calls of functions to be answered. */
	if (now == GOES_ON &&
		!gk_str_equal(gk_json_str_peek(interaction, "status"), "requires_action"))
		return gk_error_set(
			err, GK_INTERNAL, "googleai: the interaction has not come to its end");
	return output_of(request, interaction, ret, err);
}

gk_code gk_interaction_operation(
	const json_t *request, json_t *interaction, json_t **ret, gk_error *err)
{
	status now = status_of(interaction);
	json_t *id = json_object_get(interaction, "id");
	gk_auto_json json_t *operation = json_object(), *output = NULL;
	gk_code rc = GK_OK;

	if (!json_is_string(id))
		return gk_error_set(err, GK_INTERNAL, "googleai: the interaction has no 'id'");
	if (now == COMPLETED || now == CANCELLED)
		rc = output_of(request, interaction, &output, err);
	if (rc != GK_OK)
		return rc;
	if (!gk_json_set(operation, "id", id) ||
		!gk_json_set_bool(operation, "done", now != GOES_ON) ||
		(output && !gk_json_set(operation, "output", output)) ||
		(now == FAILED && !gk_json_set_take(operation, "error",
					  json_pack("{s:s}", "message", failure_of(interaction)))))
		return gk_error_no_memory(err);
	*ret = gk_steal(operation);
	return GK_OK;
}
