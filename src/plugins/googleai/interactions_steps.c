/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/googleai/interactions.h"

#include "base/str.h"
#include "plugins/common/media.h"

/* --- messages become steps --- */

typedef struct walk {
	json_t *steps;
	json_t *pending; /* [{name, id}] of calls without a ref that nobody has answered */
	unsigned calls, orphans;
} walk;

static json_t *media_content(const json_t *part)
{
	static const char *const kinds[] = { "image", "audio", "video" };
	const char *kind = "document";
	gk_auto_json json_t *out = json_object();
	gk_media media;

	if (gk_media_read(json_object_get(part, "media"), &media, NULL) != GK_OK)
		return NULL;
	for (size_t i = 0; i < 3; i++)
		if (gk_media_is(&media, kinds[i]))
			kind = kinds[i];
	if (!gk_json_set_str(out, "type", kind) ||
		(media.type && !gk_json_set_take(out, "mime_type",
				       json_stringn(media.type, media.type_len))) ||
		!gk_json_set_str(
			out, media.data ? "data" : "uri", media.data ? media.data : media.url))
		return NULL;
	return gk_steal(out);
}

static json_t *call_step(walk *it, const json_t *request)
{
	const char *name = gk_json_str_peek(request, "name"),
		   *ref = gk_json_str_peek(request, "ref");
	json_t *input = json_object_get(request, "input");
	gk_auto_json json_t *id =
		ref ? json_string(ref) : json_sprintf("genkit-auto-id-%u", it->calls++);

	if (!id || (!ref && !gk_json_push_take(it->pending,
				    json_pack("{s:s, s:O}", "name", name ? name : "", "id", id))))
		return NULL;
	return json_pack("{s:s, s:s, s:o, s:O}", "type", "function_call", "name", name ? name : "",
		"arguments", input ? json_incref(input) : json_object(), "id", id);
}

/* The id of the call that an answer without a ref is for. */
static json_t *pending_id(walk *it, const char *name)
{
	json_t *one;
	size_t i;

	json_array_foreach (it->pending, i, one) {
		json_t *id;

		if (!gk_str_equal(gk_json_str_peek(one, "name"), name))
			continue;
		id = json_incref(json_object_get(one, "id"));
		json_array_remove(it->pending, i);
		return id;
	}
	return json_sprintf("genkit-orphan-id-%u", it->orphans++);
}

static json_t *result_step(walk *it, const json_t *response)
{
	const char *name = gk_json_str_peek(response, "name"),
		   *ref = gk_json_str_peek(response, "ref");
	json_t *output = json_object_get(response, "output");
	gk_auto_json json_t *id = ref ? json_string(ref) : pending_id(it, name);
	gk_auto_json json_t *result =
		json_is_object(output) || json_is_string(output) || json_is_array(output)
			? json_incref(output)
			: json_pack("{s:O?}", "result", output);

	if (!id || !result)
		return NULL;
	return json_pack("{s:s, s:s, s:O, s:O}", "type", "function_result", "name",
		name ? name : "", "result", result, "call_id", id);
}

static json_t *thought_step(const json_t *part)
{
	json_t *signature = gk_json_at_peek(part, "metadata.thoughtSignature");
	gk_auto_json json_t *step = json_pack("{s:s, s:[{s:s, s:O}]}", "type", "thought", "summary",
		"type", "text", "text", json_object_get(part, "reasoning"));

	return step && (!signature || gk_json_set(step, "signature", signature)) ? gk_steal(step)
										 : NULL;
}

/* What the service made before goes back as it was. */
static json_t *custom_step(const json_t *part)
{
	const json_t *custom = json_object_get(part, "custom");
	json_t *id = gk_json_at_peek(part, "metadata.callId"), *value;

	if ((value = json_object_get(custom, "googleSearchCall")))
		return json_pack("{s:s, s:O?, s:O?}", "type", "google_search_call", "id",
			json_object_get(value, "id"), "arguments",
			json_object_get(value, "arguments"));
	if ((value = json_object_get(custom, "googleSearchResult")))
		return json_pack("{s:s, s:O?, s:O?}", "type", "google_search_result", "call_id",
			json_object_get(value, "callId"), "result",
			json_object_get(value, "result"));
	if ((value = json_object_get(custom, "executableCode")))
		return json_pack("{s:s, s:O?, s:O}", "type", "code_execution_call", "id", id,
			"arguments", value);
	if ((value = json_object_get(custom, "codeExecutionResult")))
		return json_pack("{s:s, s:O?, s:O}", "type", "code_execution_result", "call_id", id,
			"result", value);
	return json_pack("{s:s, s:O?}", "type", "unknown", "content", custom);
}

static gk_code add_message(walk *it, const json_t *message, gk_error *err)
{
	bool is_model = gk_message_role(message) == GK_ROLE_MODEL;
	gk_auto_json json_t *content = json_array();
	json_t *part;
	size_t i;

	json_array_foreach (json_object_get(message, "content"), i, part) {
		json_t *target = it->steps, *one;

		switch (gk_part_kind_of(part)) {
		case GK_PART_TOOL_REQUEST:
			one = call_step(it, json_object_get(part, "toolRequest"));
			break;
		case GK_PART_TOOL_RESPONSE:
			one = result_step(it, json_object_get(part, "toolResponse"));
			break;
		case GK_PART_REASONING:
			one = thought_step(part);
			break;
		case GK_PART_CUSTOM:
			one = custom_step(part);
			break;
		case GK_PART_MEDIA: {
			gk_media media;
			gk_code rc = gk_media_read(json_object_get(part, "media"), &media, err);

			if (rc != GK_OK)
				return rc;
			one = media_content(part);
			target = content;
			break;
		}
		default:
			one = json_pack("{s:s, s:o}", "type", "text", "text",
				gk_json_as_text(json_object_get(part, "text")
							? json_object_get(part, "text")
							: json_object_get(part, "data")));
			target = content;
		}
		if (!gk_json_push_take(target, one))
			return gk_error_no_memory(err);
	}
	if (json_array_size(content) &&
		!gk_json_push_take(it->steps,
			json_pack("{s:s, s:O}", "type", is_model ? "model_output" : "user_input",
				"content", content)))
		return gk_error_no_memory(err);
	return GK_OK;
}

gk_code gk_interaction_steps(const json_t *request, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *steps = json_array(), *pending = json_array();
	walk it = { .steps = steps, .pending = pending };
	json_t *message;
	size_t i;

	json_array_foreach (json_object_get(request, "messages"), i, message) {
		gk_code rc = add_message(&it, message, err);

		if (rc != GK_OK)
			return rc;
	}
	*ret = gk_steal(steps);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* --- steps become parts --- */

static json_t *function_part(const json_t *it)
{
	json_t *arguments = json_object_get(it, "arguments");

	return gk_part_tool_request(gk_json_str_peek(it, "name"), gk_json_str_peek(it, "id"),
		arguments ? json_incref(arguments) : json_object());
}

static json_t *function_result_part(const json_t *it)
{
	const char *ref = gk_json_str_peek(it, "call_id"), *name = gk_json_str_peek(it, "name");
	json_t *result = json_object_get(it, "result");
	gk_auto_json json_t *out = json_object();

	if (!gk_json_set_str(out, "name", name ? name : "") ||
		(ref && !gk_json_set_str(out, "ref", ref)) ||
		(result && !gk_json_set(out, "output", result)))
		return NULL;
	return json_pack("{s:O}", "toolResponse", out);
}

static json_t *content_part(const json_t *it)
{
	const char *type = gk_json_str_peek(it, "type"), *mime = gk_json_str_peek(it, "mime_type");
	const char *data = gk_json_str_peek(it, "data"), *uri = gk_json_str_peek(it, "uri");
	json_t *notes = json_object_get(it, "annotations");
	gk_auto_str char *url = data ? gk_media_data_url(mime ? mime : "", data) : NULL;

	if (gk_str_equal(type, "text"))
		return json_array_size(notes)
			       ? json_pack("{s:O?, s:{s:O}}", "text", json_object_get(it, "text"),
					 "metadata", "annotations", notes)
			       : json_pack("{s:O?}", "text", json_object_get(it, "text"));
	if (gk_str_equal(type, "function_call"))
		return function_part(it);
	if (gk_str_equal(type, "function_result"))
		return function_result_part(it);
	if (data || uri)
		return gk_media_part(mime, data ? url : uri);
	return json_pack("{s:{s:O}}", "custom", "unknownContent", it);
}

static json_t *thought_part(const json_t *step)
{
	json_t *signature = json_object_get(step, "signature"), *one;
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	gk_auto_json json_t *part = NULL;
	size_t i;

	json_array_foreach (json_object_get(step, "summary"), i, one) {
		const char *line = gk_json_str_peek(one, "text");

		if (line)
			gk_buf_printf(&text, "%s%s", text.len ? "\n" : "", line);
	}
	if (gk_buf_failed(&text))
		return NULL;
	part = gk_part_new("reasoning", text.len ? text.data : "", text.len);
	if (signature && !gk_json_set_take(part, "metadata",
				 json_pack("{s:O}", "thoughtSignature", signature)))
		return NULL;
	return gk_steal(part);
}

static json_t *special_part(const json_t *step, const char *type)
{
	json_t *id = json_object_get(step, "id"), *call = json_object_get(step, "call_id");

	if (gk_str_equal(type, "thought"))
		return thought_part(step);
	if (gk_str_equal(type, "google_search_call"))
		return json_pack("{s:{s:{s:O?, s:O?}}}", "custom", "googleSearchCall", "id", id,
			"arguments", json_object_get(step, "arguments"));
	if (gk_str_equal(type, "google_search_result"))
		return json_pack("{s:{s:{s:O?, s:O?}}}", "custom", "googleSearchResult", "callId",
			call, "result", json_object_get(step, "result"));
	if (gk_str_equal(type, "code_execution_call"))
		return json_pack("{s:{s:O?}, s:{s:O?}}", "custom", "executableCode",
			json_object_get(step, "arguments"), "metadata", "callId", id);
	if (gk_str_equal(type, "code_execution_result"))
		return json_pack("{s:{s:O?}, s:{s:O?}}", "custom", "codeExecutionResult",
			json_object_get(step, "result"), "metadata", "callId", call);
	if (gk_str_equal(type, "function_call"))
		return json_pack("{s:{s:O}}", "custom", "serverFunctionCall", step);
	if (gk_str_equal(type, "function_result"))
		return json_pack("{s:{s:O}}", "custom", "serverFunctionResult", step);
	return json_pack("{s:{s:O}}", "custom", "unknownStep", step);
}

bool gk_interaction_add_parts(json_t *content, const json_t *step)
{
	const char *type = gk_json_str_peek(step, "type");
	json_t *one;
	size_t i;

	if (gk_str_equal(type, "user_input"))
		return true;
	if (!gk_str_equal(type, "model_output"))
		return gk_json_push_take(content, special_part(step, type));
	json_array_foreach (json_object_get(step, "content"), i, one)
		if (!gk_json_push_take(content, content_part(one)))
			return false;
	return true;
}
