/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/cloudflare/cloudflare.h"

#include "base/str.h"
#include "plugins/common/media.h"
#include "plugins/common/schema.h"
#include "plugins/common/settings.h"

/* --- messages --- */

static gk_code image_part(const char *who, const json_t *part, json_t *images, gk_error *err)
{
	gk_media media;
	gk_code rc = gk_media_read(json_object_get(part, "media"), &media, err);

	if (rc != GK_OK)
		return rc;
	if (!media.data || (media.type && !gk_media_is(&media, "image/")))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"%s: media of type %.*s cannot be sent, only images can", who,
			media.type ? (int)media.type_len : 7, media.type ? media.type : "unknown");
	return gk_json_push_take(images, json_pack("{s:s, s:{s:s}}", "type", "image_url",
						 "image_url", "url", media.url))
		       ? GK_OK
		       : gk_error_no_memory(err);
}

/* A string; with images a list, the text first. */
static gk_code content_of(const char *who, const json_t *parts, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *text = gk_parts_said(parts), *list = json_array();
	json_t *part;
	size_t i;

	if (text && gk_parts_have(parts, GK_PART_MEDIA) && json_string_length(text) &&
		!gk_json_push_take(list, json_pack("{s:s, s:O}", "type", "text", "text", text)))
		return gk_error_no_memory(err);
	json_array_foreach (parts, i, part) {
		gk_code rc =
			json_object_get(part, "media") ? image_part(who, part, list, err) : GK_OK;

		if (rc != GK_OK)
			return rc;
	}
	*ret = json_array_size(list) ? gk_steal(list) : gk_steal(text);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* A call of the past is told as text. */
static json_t *call_message(const json_t *request)
{
	json_t *input = json_object_get(request, "input");
	gk_auto_json json_t *call = json_object(), *text = NULL;

	if (!gk_json_set(call, "name", json_object_get(request, "name")) ||
		!gk_json_set_take(call, "arguments",
			json_is_object(input) ? json_incref(input)
			: input               ? json_pack("{s:O}", "input", input)
					      : json_object()))
		return NULL;
	text = gk_json_as_text(call);
	return text ? json_pack("{s:s, s:O}", "role", "assistant", "content", text) : NULL;
}

static gk_code add_message(
	const char *who, const json_t *message, size_t index, json_t *out, gk_error *err)
{
	static const char *const roles[] = { "system", "user", "assistant", "tool" };
	const json_t *content = json_object_get(message, "content");
	gk_role role = gk_message_role(message);
	gk_auto_json json_t *wire = NULL;
	json_t *part;
	size_t i;
	gk_code rc = GK_OK;

	if (role == GK_ROLE_NONE)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "%s: messages[%zu] has no known role",
			who, index);
	if (role != GK_ROLE_TOOL)
		rc = content_of(who, content, &wire, err);
	if (rc != GK_OK)
		return rc;
	if (role != GK_ROLE_TOOL &&
		(json_is_array(wire) || json_string_length(wire) ||
			!gk_parts_have(content, GK_PART_TOOL_REQUEST)) &&
		!gk_json_push_take(
			out, json_pack("{s:s, s:O}", "role", roles[role], "content", wire)))
		return gk_error_no_memory(err);
	json_array_foreach (content, i, part) {
		json_t *request = json_object_get(part, "toolRequest");
		json_t *response = json_object_get(part, "toolResponse");

		if (request && !gk_json_push_take(out, call_message(request)))
			return gk_error_no_memory(err);
		if (response && !gk_json_push_take(
					out, json_pack("{s:s, s:O?, s:o}", "role", "tool", "name",
						     json_object_get(response, "name"), "content",
						     gk_tool_response_text(response))))
			return gk_error_no_memory(err);
	}
	return GK_OK;
}

/* --- tools --- */

static json_t *tool_of(const json_t *tool)
{
	json_t *description = json_object_get(tool, "description");
	gk_auto_json json_t *function = json_object(), *parameters = gk_schema_of_tool(tool);

	if (parameters && !gk_str_equal(gk_json_str_peek(parameters, "type"), "object"))
		parameters = json_pack("{s:s, s:{s:o}, s:[s]}", "type", "object", "properties",
			"input", parameters, "required", "input");
	if (!gk_json_set(function, "name", json_object_get(tool, "name")) ||
		(json_string_length(description) &&
			!gk_json_set(function, "description", description)) ||
		!gk_json_set(function, "parameters", parameters))
		return NULL;
	return json_pack("{s:s, s:O}", "type", "function", "function", function);
}

static gk_code add_tools(json_t *body, const json_t *request, gk_error *err)
{
	gk_auto_json json_t *tools = json_array();
	json_t *tool;
	size_t i;

	json_array_foreach (json_object_get(request, "tools"), i, tool)
		if (!gk_json_push_take(tools, tool_of(tool)))
			return gk_error_no_memory(err);
	return !json_array_size(tools) || gk_json_set(body, "tools", tools)
		       ? GK_OK
		       : gk_error_no_memory(err);
}

/* --- configuration, output --- */

/* `to` NULL: not for the body. */
static const struct {
	gk_setting setting; /* without a type nobody is told of it */
	const char *to;
} renames[] = {
	{ { "temperature", "number" }, "temperature" }, { { "topP", "number" }, "top_p" },
	{ { "topK", "integer" }, "top_k" }, { { "maxOutputTokens", "integer" }, "max_tokens" },
	{ { "maxTokens", "integer" }, "max_tokens" }, { { "seed", "integer" }, "seed" },
	{ { "repetitionPenalty", "number" }, "repetition_penalty" },
	{ { "frequencyPenalty", "number" }, "frequency_penalty" },
	{ { "presencePenalty", "number" }, "presence_penalty" }, { { "lora", "string" }, "lora" },
	{ { "raw", "boolean" }, "raw" }, { { "version", "string" }, NULL },
	{ { "apiKey", "string" }, NULL }, { { "stopSequences", NULL }, NULL },
	{ { "toolChoice", NULL }, NULL }, { { "messages", NULL }, NULL },
	{ { "stream", NULL }, NULL }, /* whoever calls the action says so */
};
#define RENAMES (sizeof(renames) / sizeof(renames[0]))

json_t *gk_cloudflare_config_schema(void)
{
	gk_auto_json json_t *schema = gk_settings_schema(&(const gk_setting){ .name = NULL });

	for (size_t i = 0; i < RENAMES; i++)
		if (!gk_settings_put(schema, renames[i].setting.name, renames[i].setting.type))
			return NULL;
	return gk_steal(schema);
}

static bool add_config(json_t *body, const json_t *request)
{
	const char *name;
	json_t *value;

	json_object_foreach (json_object_get(request, "config"), name, value) {
		const char *to = name;

		for (size_t i = 0; i < RENAMES; i++)
			if (strcmp(renames[i].setting.name, name) == 0)
				to = renames[i].to;
		if (to && !json_is_null(value) && !gk_json_set(body, to, value))
			return false;
	}
	return true;
}

static gk_code add_format(json_t *body, const json_t *request, gk_error *err)
{
	json_t *schema = gk_request_schema_peek(request), *format;
	gk_auto_json json_t *adapted = NULL;
	gk_code rc;

	if (!gk_request_wants_json(request))
		return GK_OK;
	if (schema) {
		rc = gk_schema_adapt(
			schema, GK_OPTS(gk_schema_adapt_opts, .inline_refs = true), &adapted, err);
		if (rc != GK_OK)
			return rc;
		format = json_pack("{s:s, s:O}", "type", "json_schema", "json_schema", adapted);
	} else {
		format = json_pack("{s:s}", "type", "json_object");
	}
	return gk_json_set_take(body, "response_format", format) ? GK_OK : gk_error_no_memory(err);
}

gk_code gk_cloudflare_request(
	const char *who, const json_t *request, bool is_streaming, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *body = json_object(), *messages = json_array();
	json_t *message;
	size_t i;
	gk_code rc = GK_OK;

	json_array_foreach (json_object_get(request, "messages"), i, message) {
		rc = add_message(who, message, i, messages, err);
		if (rc != GK_OK)
			return rc;
	}
	if (!gk_json_set(body, "messages", messages) || !add_config(body, request) ||
		(is_streaming && !gk_json_set_bool(body, "stream", true)))
		return gk_error_no_memory(err);
	rc = add_tools(body, request, err);
	if (rc == GK_OK)
		rc = add_format(body, request, err);
	if (rc == GK_OK)
		*ret = gk_steal(body);
	return rc;
}
