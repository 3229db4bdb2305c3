/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/oai/oai.h"

#include "base/str.h"
#include "plugins/common/schema.h"

const char *gk_oai_model_name(const gk_oai_call *call)
{
	const char *version = json_string_value(gk_request_config_peek(call->request, "version"));

	return version && *version ? version : call->id;
}

/* "id:provider": the router is told where to send it. */
static json_t *model_of(const gk_oai_call *call)
{
	const char *name = gk_oai_model_name(call), *provider;

	if (!call->row->id_provider)
		return json_string(name);
	provider = json_string_value(gk_request_config_peek(call->request, "provider"));
	if (!provider)
		provider = gk_vendor_option_str(call->vendor, "provider");
	return provider && *provider ? json_sprintf("%s:%s", name, provider) : json_string(name);
}

/* --- tools --- */

static gk_code parameters_of(
	const gk_oai_call *call, const json_t *tool, bool is_strict, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *schema = gk_schema_of_tool(tool);
	bool is_closed = json_object_get(schema, "additionalProperties");

	if (schema && is_strict)
		return gk_schema_adapt(schema,
			GK_OPTS(gk_schema_adapt_opts, .close_objects = true, .require_all = true),
			ret, err);
	if (schema && call->row->close_tools && !is_closed) {
		gk_auto_json json_t *own = gk_json_copy(schema);

		if (!gk_json_set_bool(own, "additionalProperties", false))
			return gk_error_no_memory(err);
		*ret = gk_steal(own);
		return GK_OK;
	}
	*ret = gk_steal(schema);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

const gk_tool_grammar gk_oai_tool_names = { .also = "-" };

static gk_code tool_of(const gk_oai_call *call, const json_t *tool, json_t **ret, gk_error *err)
{
	bool is_strict = json_is_true(gk_json_at_peek(tool, "metadata.strict"));
	gk_auto_json json_t *function = json_object(), *parameters = NULL;
	json_t *description = gk_json_peek(tool, "description");
	gk_code rc = parameters_of(call, tool, is_strict, &parameters, err);

	if (rc != GK_OK)
		return rc;
	if (!gk_json_set_take(function, "name",
		    gk_tool_name_json(&gk_oai_tool_names, gk_json_str_peek(tool, "name"))) ||
		(json_string_length(description) &&
			!gk_json_set(function, "description", description)) ||
		!gk_json_set(function, "parameters", parameters) ||
		(is_strict && !gk_json_set_bool(function, "strict", true)))
		return gk_error_no_memory(err);
	*ret = json_pack("{s:s, s:O}", "type", "function", "function", function);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static gk_code add_tools(const gk_oai_call *call, json_t *body, gk_error *err)
{
	const char *choice = gk_json_str_peek(call->request, "toolChoice");
	json_t *own = gk_request_config_peek(call->request, "tools"), *tool;
	json_t *given = gk_json_peek(call->request, "tools");
	gk_auto_json json_t *tools = NULL;
	size_t i;
	gk_code rc;

	if (!json_array_size(given) && !json_array_size(own))
		return GK_OK;
	tools = json_array();
	rc = gk_tool_names_check(&gk_oai_tool_names, call->vendor->name, call->request, err);
	json_array_foreach (given, i, tool) {
		json_t *one = NULL;

		if (rc == GK_OK)
			rc = tool_of(call, tool, &one, err);
		if (rc != GK_OK)
			return rc;
		if (!gk_json_push_take(tools, one))
			return gk_error_no_memory(err);
	}
	if (json_is_array(own) && json_array_extend(tools, own) < 0)
		return gk_error_no_memory(err);
	if (!gk_json_set(body, "tools", tools))
		return gk_error_no_memory(err);
	if (!choice || !call->row->tool_required ||
		(call->models && !(call->models->supports & GK_SUPPORTS_TOOL_CHOICE)))
		return GK_OK;
	if (strcmp(choice, "required") == 0)
		choice = call->row->tool_required;
	return gk_json_set_str(body, "tool_choice", choice) ? GK_OK : gk_error_no_memory(err);
}

/* --- what the answer is to look like --- */

static gk_code schema_format(const gk_oai_call *call, json_t *schema, json_t **ret, gk_error *err)
{
	const gk_oai_row *row = call->row;
	const char *title = gk_json_str_peek(schema, "title");
	bool is_strict = row->json_strict ||
			 json_is_true(gk_vendor_option_peek(call->vendor, "strictSchema"));
	gk_auto_json json_t *adapted = NULL, *inner = NULL;
	gk_code rc = gk_schema_adapt(schema,
		GK_OPTS(gk_schema_adapt_opts, .inline_refs = row->json_inline,
			.close_objects = is_strict, .require_all = is_strict),
		&adapted, err);

	if (rc != GK_OK)
		return rc;
	if (!row->json_titled)
		title = "output";
	inner = json_pack("{s:s, s:O}", "name", title ? title : "Response", "schema", adapted);
	if (!inner || ((row->json_titled || is_strict) && !gk_json_set_bool(inner, "strict", true)))
		return gk_error_no_memory(err);
	*ret = json_pack("{s:s, s:O}", "type", "json_schema", "json_schema", inner);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static bool can_json(const gk_oai_call *call)
{
	return !call->models || !call->models->output ||
	       gk_words_match(call->models->output, "json");
}

static bool can_schema(const gk_oai_call *call)
{
	return !call->models || !call->models->constrained ||
	       strcmp(call->models->constrained, "none") != 0;
}

static gk_code add_format(const gk_oai_call *call, json_t *body, gk_error *err)
{
	json_t *schema, *format = NULL;
	gk_oai_json mode = call->row->json;
	gk_code rc = GK_OK;
	bool has_schema;

	if (!gk_request_wants_json(call->request) || gk_request_wants_list(call->request) ||
		mode == GK_OAI_JSON_NONE || gk_json_peek(body, "response_format"))
		return GK_OK;
	schema = gk_request_schema_peek(call->request);
	has_schema = json_is_object(gk_json_at_peek(call->request, "output.schema"));
	if (schema && mode <= GK_OAI_JSON_LISTED && can_schema(call))
		rc = schema_format(call, schema, &format, err);
	else if ((schema && mode == GK_OAI_JSON_PROMPT) ||
		 (!has_schema && can_json(call) &&
			 (mode != GK_OAI_JSON_LISTED || can_schema(call))))
		format = json_pack("{s:s}", "type", "json_object");
	else
		return GK_OK;
	if (rc != GK_OK)
		return rc;
	return gk_json_set_take(body, "response_format", format) ? GK_OK : gk_error_no_memory(err);
}

/* Where the service knows no schema, a system message before all others tells it. */
static gk_code explain_schema(const gk_oai_call *call, json_t *messages, gk_error *err)
{
	gk_auto_str char *text = NULL;
	json_t *schema, *message;

	if (call->row->json != GK_OAI_JSON_PROMPT)
		return GK_OK;
	schema = gk_request_schema_peek(call->request);
	if (!schema)
		return GK_OK;
	text = gk_json_write(schema, NULL);
	message =
		text ? json_pack("{s:s, s:o}", "role", "system", "content",
			       json_sprintf("Answer with one JSON value and nothing else. It must "
					    "conform to this JSON Schema:\n%s",
				       text))
		     : NULL;
	return message && json_array_insert_new(messages, 0, message) == 0
		       ? GK_OK
		       : gk_error_no_memory(err);
}

/* --- the body --- */

static bool add_streaming(const gk_oai_call *call, json_t *body)
{
	return gk_json_set_bool(body, "stream", true) &&
	       (call->row->no_usage_option || gk_json_peek(body, "stream_options") ||
		       gk_json_set_take(
			       body, "stream_options", json_pack("{s:b}", "include_usage", 1)));
}

gk_code gk_oai_request(const gk_oai_call *call, bool is_streaming, json_t **ret, gk_error *err)
{
	json_t *extra = gk_request_config_peek(call->request, "extra");
	gk_auto_json json_t *body = json_object(), *messages = NULL;
	gk_code rc = gk_oai_messages(call, &messages, err);

	if (rc == GK_OK)
		rc = explain_schema(call, messages, err);
	if (rc == GK_OK && (!gk_json_set_take(body, "model", model_of(call)) ||
				   !gk_json_set(body, "messages", messages)))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		rc = add_tools(call, body, err);
	if (rc == GK_OK)
		rc = gk_oai_add_config(call, body, err);
	if (rc == GK_OK)
		rc = add_format(call, body, err);
	if (rc == GK_OK && is_streaming && !add_streaming(call, body))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK && json_is_object(extra) && json_object_update(body, extra) < 0)
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		*ret = gk_steal(body);
	return rc;
}
