/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/anthropic/anthropic.h"

#include "base/str.h"
#include "plugins/common/schema.h"

#define DEFAULT_MAX_TOKENS 4096
#define MIN_THINKING       1024

/* --- the surface --- */

/* What only the beta surface understands. */
static const char *const beta_only[] = { "output_config.task_budget", "context_management",
	"mcp_servers", "speed", "diagnostics", "user_profile_id", "output_format" };

static const char *beta_field(const json_t *config)
{
	if (json_array_size(json_object_get(config, "betas")))
		return "betas";
	for (size_t i = 0; i < sizeof(beta_only) / sizeof(beta_only[0]); i++) {
		const json_t *value = gk_json_at_peek(config, beta_only[i]);

		if (value && !json_is_null(value))
			return beta_only[i];
	}
	return NULL;
}

gk_code gk_anthropic_surface(const json_t *request, bool is_default, bool *ret, gk_error *err)
{
	const json_t *config = json_object_get(request, "config");
	const char *version = gk_json_str_peek(config, "apiVersion");
	const char *field = beta_field(config);

	if (version && strcmp(version, "stable") != 0 && strcmp(version, "beta") != 0)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"anthropic: config.apiVersion is stable or beta, not '%s'", version);
	if (gk_str_equal(version, "stable") && field)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"anthropic: config.%s needs config.apiVersion beta", field);
	*ret = version ? strcmp(version, "beta") == 0 : field != NULL || is_default;
	return GK_OK;
}

gk_code gk_anthropic_betas(const json_t *request, char **ret, gk_error *err)
{
	static const char usual[] = "files-api-2025-04-14,effort-2025-11-24,"
				    "structured-outputs-2025-11-13,task-budgets-2026-03-13";
	json_t *own = gk_request_config_peek(request, "betas"), *one;
	gk_auto_buf gk_buf list = GK_BUF_INIT(0);
	size_t i;

	*ret = NULL;
	if (!json_is_array(own))
		gk_buf_puts(&list, usual);
	json_array_foreach (own, i, one)
		if (json_is_string(one))
			gk_buf_printf(&list, "%s%s", list.len ? "," : "", json_string_value(one));
	if (!list.len && !gk_buf_failed(&list))
		return GK_OK;
	*ret = gk_buf_take(&list, NULL);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* --- configuration --- */

static const char *const renames[][2] = {
	{ "maxOutputTokens", "max_tokens" }, { "topP", "top_p" }, { "topK", "top_k" },
	{ "stopSequences", "stop_sequences" }, { "thinking", NULL }, { "apiKey", NULL },
	{ "apiVersion", NULL }, { "version", NULL }, { "betas", NULL }, { "tools", NULL },
	{ "tool_choice", NULL }, { "stream", NULL }, /* is for whoever reads the answer to say */
};

static bool add_config(json_t *body, const json_t *config)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)config, name, value) {
		const char *to = name;

		for (size_t i = 0; i < sizeof(renames) / sizeof(renames[0]); i++)
			if (strcmp(renames[i][0], name) == 0)
				to = renames[i][1];
		if (to && !json_is_null(value) && !gk_json_set(body, to, value))
			return false;
	}
	return true;
}

static gk_code budget_of(const json_t *thinking, json_t **ret, gk_error *err)
{
	int64_t budget = gk_json_int_at(thinking, "budgetTokens", 0);

	if (budget < MIN_THINKING)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"anthropic: config.thinking needs budgetTokens, an integer from %d",
			MIN_THINKING);
	*ret = json_pack("{s:s, s:I}", "type", "enabled", "budget_tokens", (json_int_t)budget);
	return GK_OK;
}

static gk_code add_thinking(json_t *body, const json_t *config, gk_error *err)
{
	json_t *thinking = json_object_get(config, "thinking"), *wire = NULL;
	const json_t *enabled = gk_given_peek(thinking, "enabled");
	json_t *display = gk_given_peek(thinking, "display");
	bool is_adaptive = json_is_true(json_object_get(thinking, "adaptive"));
	gk_code rc = GK_OK;

	if (!json_is_object(thinking) || !json_object_size(thinking))
		return GK_OK;
	if (is_adaptive && json_is_true(enabled))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"anthropic: config.thinking is adaptive or enabled, not both");
	if (gk_given_peek(thinking, "type")) { /* as the service has it */
		wire = json_incref(thinking);
	} else if (is_adaptive) {
		wire = json_pack("{s:s}", "type", "adaptive");
		if (display && !gk_json_set(wire, "display", display))
			rc = gk_error_no_memory(err);
	} else if (json_is_true(enabled) || (!enabled && gk_given_peek(thinking, "budgetTokens"))) {
		rc = budget_of(thinking, &wire, err);
	} else if (json_is_false(enabled)) {
		wire = json_pack("{s:s}", "type", "disabled");
	} else {
		return GK_OK;
	}
	if (rc != GK_OK) {
		json_decref(wire);
		return rc;
	}
	return gk_json_set_take(body, "thinking", wire) ? GK_OK : gk_error_no_memory(err);
}

/* --- tools --- */

const gk_tool_grammar gk_anthropic_tool_names = { .also = "-" };

/* A schema that output is held to: every object says that it has no more members. */
static gk_code strict_schema(json_t *schema, json_t **ret, gk_error *err)
{
	static const char *const drop[] = { "$schema", NULL };

	return gk_schema_adapt(schema,
		GK_OPTS(gk_schema_adapt_opts, .drop = drop, .close_objects = true), ret, err);
}

static gk_code input_schema(const json_t *tool, bool is_strict, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *schema = gk_schema_of_tool(tool);
	gk_code rc = schema ? GK_OK : gk_error_no_memory(err);

	if (rc == GK_OK && is_strict)
		rc = strict_schema(schema, ret, err);
	else if (rc == GK_OK)
		*ret = json_object_get(schema, "type") ? gk_steal(schema) : gk_json_copy(schema);
	if (rc != GK_OK)
		return rc;
	if (!json_object_get(*ret, "type") && !gk_json_set_str(*ret, "type", "object")) {
		json_decref(*ret);
		*ret = NULL;
	}
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static gk_code add_tool(const json_t *tool, json_t *tools, gk_error *err)
{
	bool is_strict = json_is_true(gk_json_at_peek(tool, "metadata.strict"));
	const char *name = gk_json_str_peek(tool, "name");
	json_t *description = json_object_get(tool, "description");
	gk_auto_json json_t *wire = json_object(), *schema = NULL;
	gk_code rc;

	if (!name || !*name)
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "anthropic: a tool of the request has no name");
	rc = input_schema(tool, is_strict, &schema, err);
	if (rc != GK_OK)
		return rc;
	if (!gk_json_set_take(wire, "name", gk_tool_name_json(&gk_anthropic_tool_names, name)) ||
		(json_string_length(description) &&
			!gk_json_set(wire, "description", description)) ||
		!gk_json_set(wire, "input_schema", schema) ||
		(is_strict && !gk_json_set_bool(wire, "strict", true)) ||
		json_array_append(tools, wire) < 0)
		return gk_error_no_memory(err);
	return GK_OK;
}

static bool add_choice(json_t *body, const json_t *request)
{
	static const char *const choices[][2] = { { "auto", "auto" }, { "required", "any" },
		{ "none", "none" } };
	json_t *own = gk_request_config_peek(request, "tool_choice");
	const char *choice = gk_json_str_peek(request, "toolChoice");

	if (own)
		return gk_json_set(body, "tool_choice", own);
	for (size_t i = 0; i < 3; i++)
		if (gk_str_equal(choice, choices[i][0]))
			return gk_json_set_take(
				body, "tool_choice", json_pack("{s:s}", "type", choices[i][1]));
	return true;
}

static gk_code add_tools(json_t *body, const json_t *request, gk_error *err)
{
	json_t *own = gk_request_config_peek(request, "tools"), *tool;
	gk_auto_json json_t *tools = json_array();
	size_t i;
	gk_code rc = gk_tool_names_check(&gk_anthropic_tool_names, "anthropic", request, err);

	if (rc != GK_OK)
		return rc;
	json_array_foreach (json_object_get(request, "tools"), i, tool) {
		rc = add_tool(tool, tools, err);
		if (rc != GK_OK)
			return rc;
	}
	if (json_is_array(own) && json_array_extend(tools, own) < 0)
		return gk_error_no_memory(err);
	if (!json_array_size(tools))
		return GK_OK;
	return gk_json_set(body, "tools", tools) && add_choice(body, request)
		       ? GK_OK
		       : gk_error_no_memory(err);
}

/* --- structured output --- */

static gk_code add_format(json_t *body, const json_t *request, gk_error *err)
{
	json_t *schema = gk_request_schema_peek(request);
	gk_auto_json json_t *adapted = NULL, *output = NULL;
	gk_code rc;

	if (!schema || gk_request_wants_list(request))
		return GK_OK;
	rc = strict_schema(schema, &adapted, err);
	if (rc != GK_OK)
		return rc;
	output = gk_json_merge(json_object_get(body, "output_config"), NULL);
	if (!gk_json_set_take(output, "format",
		    json_pack("{s:s, s:O}", "type", "json_schema", "schema", adapted)) ||
		!gk_json_set(body, "output_config", output))
		return gk_error_no_memory(err);
	return GK_OK;
}

/* --- the body --- */

gk_code gk_anthropic_request(const char *model, const json_t *request, bool is_beta,
	bool is_streaming, json_t **ret, gk_error *err)
{
	const json_t *config = json_object_get(request, "config");
	const char *version = gk_json_str_peek(config, "version");
	gk_auto_json json_t *body = json_object(), *system = json_array(), *messages = json_array();
	gk_code rc = gk_anthropic_messages(request, is_beta, system, messages, err);

	if (rc != GK_OK)
		return rc;
	if (!gk_json_set_str(body, "model", version && *version ? version : model) ||
		!gk_json_set_int(body, "max_tokens", DEFAULT_MAX_TOKENS) ||
		(json_array_size(system) && !gk_json_set(body, "system", system)) ||
		!gk_json_set(body, "messages", messages) || !add_config(body, config))
		return gk_error_no_memory(err);
	rc = add_thinking(body, config, err);
	if (rc == GK_OK)
		rc = add_tools(body, request, err);
	if (rc == GK_OK)
		rc = add_format(body, request, err);
	if (rc == GK_OK && is_streaming && !gk_json_set_bool(body, "stream", true))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		*ret = gk_steal(body);
	return rc;
}
