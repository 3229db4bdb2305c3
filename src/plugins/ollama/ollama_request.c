/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/ollama/ollama.h"

#include "base/str.h"
#include "plugins/common/media.h"
#include "plugins/common/schema.h"

/* --- configuration --- */

static bool add_setting(json_t *body, json_t *options, const char *name, json_t *value)
{
	gk_auto_str char *key = gk_snake_case(name);

	if (!key)
		return false;
	if (strcmp(key, "version") == 0 || strcmp(key, "api_key") == 0)
		return true;
	if (strcmp(key, "think") == 0 || strcmp(key, "keep_alive") == 0)
		return gk_json_set(body, key, value);
	if (strcmp(key, "max_output_tokens") == 0)
		return json_object_get(options, "num_predict") != NULL ||
		       gk_json_set(options, "num_predict", value);
	if (strcmp(key, "stop_sequences") == 0)
		return gk_json_set(options, "stop", value);
	return gk_json_set(options, key, value);
}

static bool add_config(json_t *body, const json_t *request)
{
	gk_auto_json json_t *options = json_object();
	const char *name;
	json_t *value;

	json_object_foreach (json_object_get(request, "config"), name, value)
		if (!json_is_null(value) && !add_setting(body, options, name, value))
			return false;
	return gk_json_set(body, "options", options);
}

static bool add_format(json_t *body, const json_t *request)
{
	const json_t *output = json_object_get(request, "output");
	json_t *schema = json_object_get(output, "schema");

	if (json_is_object(schema) && !json_is_false(json_object_get(output, "constrained")))
		return gk_json_set(body, "format", schema);
	return !gk_request_wants_json(request) || gk_json_set_str(body, "format", "json");
}

/* --- messages --- */

static gk_code read_image(const json_t *part, gk_media *ret, gk_error *err)
{
	gk_code rc = gk_media_read(json_object_get(part, "media"), ret, err);

	if (rc == GK_OK && ret->type && !gk_media_is(ret, "image/"))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"ollama: media of type %.*s cannot be sent, only images can",
			(int)ret->type_len, ret->type);
	return rc;
}

gk_code gk_ollama_check_media(const json_t *request, gk_error *err)
{
	json_t *message, *part;
	gk_code rc = GK_OK;
	size_t i, j;

	json_array_foreach (json_object_get(request, "messages"), i, message)
		json_array_foreach (json_object_get(message, "content"), j, part) {
			gk_media media;

			if (rc == GK_OK && gk_part_kind_of(part) == GK_PART_MEDIA)
				rc = read_image(part, &media, err);
		}
	return rc;
}

static gk_code add_image(const json_t *part, json_t *images, gk_error *err)
{
	gk_media media;
	gk_code rc = read_image(part, &media, err);

	if (rc != GK_OK)
		return rc;
	/* Without a scheme it is base64 as it is. */
	return gk_json_push_take(images, json_string(media.data ? media.data : media.url))
		       ? GK_OK
		       : gk_error_no_memory(err);
}

static gk_code set_images(json_t *message, const json_t *content, gk_error *err)
{
	gk_auto_json json_t *images = json_array();
	json_t *part;
	size_t i;

	json_array_foreach (content, i, part) {
		gk_code rc = gk_part_kind_of(part) == GK_PART_MEDIA ? add_image(part, images, err)
								    : GK_OK;

		if (rc != GK_OK)
			return rc;
	}
	if (json_array_size(images) && !gk_json_set(message, "images", images))
		return gk_error_no_memory(err);
	return GK_OK;
}

static bool set_calls(json_t *message, const json_t *content)
{
	gk_auto_json json_t *calls = json_array();
	json_t *part;
	size_t i;

	json_array_foreach (content, i, part) {
		const json_t *request = json_object_get(part, "toolRequest");
		json_t *input = json_object_get(request, "input");

		if (request && !gk_json_push_take(calls,
				       json_pack("{s:{s:s, s:o}}", "function", "name",
					       gk_json_str_peek(request, "name"), "arguments",
					       input && !json_is_null(input) ? json_incref(input)
									     : json_object())))
			return false;
	}
	return !json_array_size(calls) || gk_json_set(message, "tool_calls", calls);
}

static gk_code add_plain(const char *role, const json_t *content, json_t *messages, gk_error *err)
{
	gk_auto_json json_t *message = json_pack("{s:s}", "role", role);
	gk_code rc;

	if (!gk_json_set_take(message, "content", gk_parts_said(content)))
		return gk_error_no_memory(err);
	rc = set_images(message, content, err);
	if (rc != GK_OK)
		return rc;
	return set_calls(message, content) && json_array_append(messages, message) == 0
		       ? GK_OK
		       : gk_error_no_memory(err);
}

static gk_code add_tool_response(const json_t *response, json_t *messages, gk_error *err)
{
	const json_t *content = json_object_get(response, "content");
	gk_auto_json json_t *message = json_pack("{s:s}", "role", "tool");
	const char *name = gk_json_str_peek(response, "name");
	gk_code rc;

	if (!gk_json_set_take(message, "content", gk_tool_response_text(response)) ||
		!gk_json_set_str(message, "tool_name", name ? name : ""))
		return gk_error_no_memory(err);
	rc = set_images(message, content, err);
	if (rc == GK_OK && json_array_append(messages, message) < 0)
		rc = gk_error_no_memory(err);
	return rc;
}

static gk_code add_message(const json_t *one, size_t index, json_t *messages, gk_error *err)
{
	static const char *const roles[] = { "system", "user", "assistant", "tool" };
	const json_t *content = json_object_get(one, "content");
	gk_role role = gk_message_role(one);
	json_t *part;
	size_t i;

	if (role == GK_ROLE_NONE)
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "ollama: messages[%zu] has no known role", index);
	if (role != GK_ROLE_TOOL)
		return add_plain(roles[role], content, messages, err);
	json_array_foreach (content, i, part) {
		const json_t *response = json_object_get(part, "toolResponse");
		gk_code rc = response ? add_tool_response(response, messages, err) : GK_OK;

		if (rc != GK_OK)
			return rc;
	}
	return GK_OK;
}

/* --- tools --- */

static gk_code add_tool(const json_t *tool, json_t *tools, gk_error *err)
{
	json_t *description = json_object_get(tool, "description");
	gk_auto_json json_t *function = json_object(), *schema = gk_schema_of_tool(tool);
	gk_auto_json json_t *parameters = NULL;
	const char *type = gk_json_str_peek(schema, "type"), *name = gk_json_str_peek(tool, "name");

	if (gk_str_equal(type, "object"))
		parameters = gk_steal(schema);
	else if (!type && json_object_get(schema, "properties"))
		parameters = gk_json_copy(schema);
	else if (schema)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"ollama: the input of tool '%s' must be an object schema", name);
	if (!gk_json_set_str(function, "name", name) ||
		!gk_json_set_str(function, "description",
			json_string_value(description) ? json_string_value(description) : "") ||
		!parameters ||
		(!json_object_get(parameters, "type") &&
			!gk_json_set_str(parameters, "type", "object")) ||
		!gk_json_set(function, "parameters", parameters) ||
		!gk_json_push_take(
			tools, json_pack("{s:s, s:O}", "type", "function", "function", function)))
		return gk_error_no_memory(err);
	return GK_OK;
}

static gk_code add_tools(json_t *body, const json_t *request, gk_error *err)
{
	gk_auto_json json_t *tools = json_array();
	json_t *tool;
	size_t i;

	json_array_foreach (json_object_get(request, "tools"), i, tool) {
		gk_code rc = add_tool(tool, tools, err);

		if (rc != GK_OK)
			return rc;
	}
	if (json_array_size(tools) && !gk_json_set(body, "tools", tools))
		return gk_error_no_memory(err);
	return GK_OK;
}

/* --- bodies --- */

gk_code gk_ollama_chat_request(
	const char *model, const json_t *request, bool is_streaming, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *body = json_object(), *messages = json_array();
	gk_code rc = GK_OK;
	json_t *message;
	size_t i;

	json_array_foreach (json_object_get(request, "messages"), i, message) {
		rc = add_message(message, i, messages, err);
		if (rc != GK_OK)
			return rc;
	}
	if (!gk_json_set_str(body, "model", model) || !gk_json_set(body, "messages", messages) ||
		!gk_json_set_bool(body, "stream", is_streaming) || !add_config(body, request) ||
		!add_format(body, request))
		return gk_error_no_memory(err);
	rc = add_tools(body, request, err);
	if (rc == GK_OK)
		*ret = gk_steal(body);
	return rc;
}

gk_code gk_ollama_generate_request(
	const char *model, const json_t *request, bool is_streaming, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *body = json_object(), *all = json_array();
	gk_auto_buf gk_buf prompt = GK_BUF_INIT(0), system = GK_BUF_INIT(0);
	json_t *message;
	size_t i;
	gk_code rc;

	json_array_foreach (json_object_get(request, "messages"), i, message) {
		json_t *content = json_object_get(message, "content");

		gk_parts_join(gk_message_role(message) == GK_ROLE_SYSTEM ? &system : &prompt,
			content, "text");
		if (json_is_array(content) && json_array_extend(all, content) < 0)
			return gk_error_no_memory(err);
	}
	gk_buf_puts(&prompt, "");
	if (gk_buf_failed(&prompt) || gk_buf_failed(&system) ||
		!gk_json_set_str(body, "model", model) ||
		!gk_json_set_str(body, "prompt", prompt.data ? prompt.data : "") ||
		(system.len && !gk_json_set_str(body, "system", system.data)) ||
		!gk_json_set_bool(body, "stream", is_streaming) || !add_config(body, request) ||
		!add_format(body, request))
		return gk_error_no_memory(err);
	rc = set_images(body, all, err);
	if (rc == GK_OK)
		*ret = gk_steal(body);
	return rc;
}

gk_code gk_ollama_embed_request(const char *model, const json_t *input, json_t **ret, gk_error *err)
{
	static const char *const top[] = { "truncate", "dimensions", "keep_alive" };
	gk_auto_json json_t *body = json_pack("{s:s}", "model", model);
	const json_t *documents = json_object_get(input, "input");
	gk_auto_json json_t *options = json_object();
	const char *name;
	json_t *one;
	size_t i;

	json_object_foreach (json_object_get(input, "options"), name, one) {
		gk_auto_str char *key = gk_snake_case(name);
		json_t *target = options;

		if (json_is_null(one) || strcmp(name, "serverAddress") == 0 ||
			strcmp(name, "version") == 0 || strcmp(name, "apiKey") == 0)
			continue;
		for (i = 0; key && i < sizeof(top) / sizeof(top[0]); i++)
			if (strcmp(key, top[i]) == 0)
				target = body;
		if (!key || !gk_json_set(target, key, one))
			return gk_error_no_memory(err);
	}
	if (!gk_json_set_take(
		    body, "input", gk_documents_texts(documents, 0, json_array_size(documents))) ||
		(json_object_size(options) && !gk_json_set(body, "options", options)))
		return gk_error_no_memory(err);
	*ret = gk_steal(body);
	return GK_OK;
}
