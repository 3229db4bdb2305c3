/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/gemini/gemini.h"

#include "base/str.h"
#include "plugins/common/schema.h"

json_t *gk_gemini_switch(const json_t *value)
{
	if (json_is_true(value))
		return json_object();
	return json_is_object(value) ? json_incref((json_t *)(uintptr_t)value) : NULL;
}

/* --- declarations --- */

static gk_code declare(const gk_gemini_call *call, const json_t *tool, json_t *list, gk_error *err)
{
	static const char *const keep[] = { "type", "description", "enum", "nullable", "properties",
		"required", "items", "format", "title", "minItems", "maxItems", "minimum",
		"maximum", "propertyOrdering", NULL };
	const char *name = gk_json_str_peek(tool, "name");
	json_t *description = json_object_get(tool, "description");
	json_t *schema = json_object_get(tool, "inputSchema");
	gk_auto_json json_t *out = json_object(), *parameters = NULL;
	gk_auto_str char *wire = gk_tool_name_sent(&gk_gemini_tool_names, name ? name : "");
	gk_code rc = GK_OK;

	if (json_object_size(schema))
		rc = gk_schema_adapt(schema,
			GK_OPTS(gk_schema_adapt_opts, .keep = keep, .inline_refs = true,
				.gemini = true),
			&parameters, err);
	if (rc != GK_OK) {
		gk_error_prefix(err, "%s: tool '%s': ", call->who, name ? name : "");
		return rc;
	}
	if (!wire || !gk_json_set_str(out, "name", wire) ||
		(json_string_length(description) &&
			!gk_json_set(out, "description", description)) ||
		(parameters && !gk_json_set(out, "parameters", parameters)) ||
		json_array_append(list, out) < 0)
		return gk_error_no_memory(err);
	return GK_OK;
}

static gk_code declare_all(const gk_gemini_call *call, json_t *tools, gk_error *err)
{
	gk_auto_json json_t *list = json_array();
	json_t *tool;
	size_t i;
	gk_code rc = gk_tool_names_check(&gk_gemini_tool_names, call->who, call->request, err);

	if (rc != GK_OK)
		return rc;
	json_array_foreach (json_object_get(call->request, "tools"), i, tool) {
		rc = declare(call, tool, list, err);
		if (rc != GK_OK)
			return rc;
	}
	if (json_array_size(list) &&
		!gk_json_push_take(tools, json_pack("{s:O}", "functionDeclarations", list)))
		return gk_error_no_memory(err);
	return GK_OK;
}

/* --- tools of the service --- */

static bool add_switch(const gk_gemini_call *call, json_t *tools, const char *key, const char *to)
{
	gk_auto_json json_t *value = gk_gemini_switch(gk_request_config_peek(call->request, key));

	return !value || gk_json_push_take(tools, json_pack("{s:O}", to, value));
}

static bool add_server_tools(const gk_gemini_call *call, json_t *tools)
{
	json_t *own = gk_request_config_peek(call->request, "tools");
	/* Two names of one tool. */
	const char *search = gk_request_config_peek(call->request, "google_search")
				     ? "google_search"
				     : "googleSearch";

	return add_switch(call, tools, "codeExecution", "codeExecution") &&
	       (!json_is_array(own) || json_array_extend(tools, own) == 0) &&
	       add_switch(call, tools, "googleSearchRetrieval", "googleSearch") &&
	       add_switch(call, tools, search, "google_search") &&
	       add_switch(call, tools, "fileSearch", "fileSearch") &&
	       add_switch(call, tools, "urlContext", "urlContext");
}

/* --- which of them --- */

/* Genkit's word for a mode as the service's; any other stays as it is. */
static const char *mode_of(const char *choice)
{
	static const char *const modes[][2] = { { "auto", "AUTO" }, { "required", "ANY" },
		{ "none", "NONE" } };

	for (size_t i = 0; i < 3; i++)
		if (gk_str_equal(choice, modes[i][0]))
			return modes[i][1];
	return choice;
}

/* The configuration's own, with words and names as the service has them. */
static json_t *own_calling(const json_t *own)
{
	const char *mode = gk_json_str_peek(own, "mode");
	gk_auto_json json_t *out = gk_json_copy(own), *names = json_array();
	json_t *allowed = json_object_get(own, "allowedFunctionNames"), *one;
	size_t i;

	json_array_foreach (allowed, i, one) {
		const char *name = json_string_value(one);
		gk_auto_str char *wire =
			name ? gk_tool_name_sent(&gk_gemini_tool_names, name) : NULL;

		if (!gk_json_push_take(
			    names, name ? wire ? json_string(wire) : NULL : json_incref(one)))
			return NULL;
	}
	if ((mode && !gk_json_set_str(out, "mode", mode_of(mode))) ||
		(json_is_array(allowed) && !gk_json_set(out, "allowedFunctionNames", names)))
		return NULL;
	return gk_steal(out);
}

static bool add_calling(const gk_gemini_call *call, json_t *config)
{
	json_t *own = gk_request_config_peek(call->request, "functionCallingConfig");
	const char *choice = gk_json_str_peek(call->request, "toolChoice");

	if (json_is_object(own))
		return gk_json_set_take(config, "functionCallingConfig", own_calling(own));
	return !choice || gk_json_set_take(config, "functionCallingConfig",
				  json_pack("{s:s}", "mode", mode_of(choice)));
}

static bool add_tool_config(const gk_gemini_call *call, json_t *body)
{
	gk_auto_json json_t *config = json_object();
	json_t *own = gk_request_config_peek(call->request, "toolConfig");
	json_t *retrieval = gk_request_config_peek(call->request, "retrievalConfig");
	json_t *invocations = json_object_get(own, "includeServerSideToolInvocations");

	if (!add_calling(call, config) ||
		(json_is_object(own) && json_object_update(config, own) < 0) ||
		(invocations && !gk_json_set(config, "include_server_side_tool_invocations",
					invocations)) ||
		(retrieval && !gk_json_set(config, "retrievalConfig", retrieval)))
		return false;
	json_object_del(config, "includeServerSideToolInvocations");
	return !json_object_size(config) || gk_json_set(body, "toolConfig", config);
}

gk_code gk_gemini_add_tools(const gk_gemini_call *call, json_t *body, gk_error *err)
{
	gk_auto_json json_t *tools = json_array();
	gk_code rc = declare_all(call, tools, err);

	if (rc != GK_OK)
		return rc;
	if (!add_server_tools(call, tools) ||
		(json_array_size(tools) && !gk_json_set(body, "tools", tools)) ||
		!add_tool_config(call, body))
		return gk_error_no_memory(err);
	return GK_OK;
}
