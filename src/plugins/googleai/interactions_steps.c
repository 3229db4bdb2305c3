/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/googleai/interactions.h"

#include "base/str.h"
#include "plugins/common/media.h"

typedef struct walk {
	json_t *steps;
	json_t *pending;        /* [{name, id}] of calls without a ref that nobody has answered */
	unsigned made, orphans; /* ids: of calls, and the next one of an answer to none */
} walk;

static json_t *media_content(const gk_media *media)
{
	static const char *const kinds[] = { "image", "audio", "video" };
	const char *kind = "document";
	gk_auto_json json_t *out = json_object();

	for (size_t i = 0; i < 3; i++)
		if (gk_media_is(media, kinds[i]))
			kind = kinds[i];
	if (!gk_json_set_str(out, "type", kind) ||
		(media->type && !gk_json_set_take(out, "mime_type",
					json_stringn(media->type, media->type_len))) ||
		!gk_json_set_str(
			out, media->data ? "data" : "uri", media->data ? media->data : media->url))
		return NULL;
	return gk_steal(out);
}

/* One that is empty is none. */
static const char *ref_of(const json_t *it)
{
	const char *ref = gk_json_str_peek(it, "ref");

	return ref && *ref ? ref : NULL;
}

static json_t *call_step(walk *it, const json_t *request)
{
	const char *name = gk_json_str_peek(request, "name"), *ref = ref_of(request);
	gk_auto_json json_t *id =
		ref ? json_string(ref) : json_sprintf("genkit-auto-id-%u", it->made++);

	if (!id || (!ref && !gk_json_push_take(it->pending,
				    json_pack("{s:s, s:O}", "name", name ? name : "", "id", id))))
		return NULL;
	return json_pack("{s:s, s:s, s:o, s:O}", "type", "function_call", "name", name ? name : "",
		"arguments", gk_tool_input(json_object_get(request, "input")), "id", id);
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
	const char *name = gk_json_str_peek(response, "name"), *ref = ref_of(response);
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

/* {type, `id_key`: id, `key`: value}; what is NULL is left out, with the members that are none. */
static json_t *step_of(
	const char *type, const char *id_key, json_t *id, const char *key, json_t *value)
{
	gk_auto_json json_t *step = json_pack("{s:s}", "type", type);

	if (!step || (id && !gk_json_set(step, id_key, id)) ||
		(value && !gk_json_set(step, key, value)))
		return NULL;
	return gk_steal(step);
}

/* What the service made before goes back as it was; `*is_known` false: nothing is known of such a part. */
static json_t *custom_step(const json_t *part, bool *is_known)
{
	const json_t *custom = json_object_get(part, "custom");
	json_t *id = gk_json_at_peek(part, "metadata.callId"), *it;
	json_t *signature = gk_json_at_peek(part, "metadata.thoughtSignature");
	gk_auto_json json_t *step = NULL;

	*is_known = true;
	if ((it = json_object_get(custom, "googleSearchCall")))
		step = step_of("google_search_call", "id", json_object_get(it, "id"), "arguments",
			json_object_get(it, "arguments"));
	else if ((it = json_object_get(custom, "googleSearchResult")))
		step = step_of("google_search_result", "call_id", json_object_get(it, "callId"),
			"result", json_object_get(it, "result"));
	else if ((it = json_object_get(custom, "executableCode")))
		step = step_of("code_execution_call", "id", id, "arguments", it);
	else if ((it = json_object_get(custom, "codeExecutionResult")))
		step = step_of("code_execution_result", "call_id", id, "result",
			json_object_get(it, "output") ? json_object_get(it, "output") : it);
	else if ((it = json_object_get(custom, "serverFunctionCall")))
		step = json_pack("{s:s, s:O*, s:O*, s:O*}", "type", "function_call", "id",
			json_object_get(it, "id"), "name", json_object_get(it, "name"), "arguments",
			json_object_get(it, "arguments"));
	else if ((it = json_object_get(custom, "serverFunctionResult")))
		step = json_pack("{s:s, s:O*, s:O*, s:O*, s:O*}", "type", "function_result",
			"call_id", json_object_get(it, "callId"), "name",
			json_object_get(it, "name"), "result", json_object_get(it, "result"),
			"is_error", json_object_get(it, "isError"));
	else if ((it = json_object_get(custom, "unknownStep")))
		return json_incref(it);
	else
		*is_known = false;
	if (!step || (signature && !gk_json_set(step, "signature", signature)))
		return NULL;
	return gk_steal(step);
}

/* The text or media of a part, which goes into its message's content. */
static gk_code content_of(const json_t *part, json_t **ret, gk_error *err)
{
	json_t *text = json_object_get(part, "text");
	gk_media media;
	gk_code rc = GK_OK;

	if (gk_part_kind_of(part) == GK_PART_MEDIA) {
		rc = gk_media_read(json_object_get(part, "media"), &media, err);
		if (rc == GK_OK)
			*ret = media_content(&media);
	} else {
		gk_auto_json json_t *said =
			gk_json_as_text(text ? text : json_object_get(part, "data"));

		*ret = said ? json_pack("{s:s, s:O}", "type", "text", "text", said) : NULL;
	}
	return rc != GK_OK || *ret ? rc : gk_error_no_memory(err);
}

/* Adds a part: to the steps, or to the content of its message. */
static gk_code add_part(walk *it, const json_t *part, json_t *content, gk_error *err)
{
	json_t *target = it->steps, *one = NULL;
	bool is_known = true;
	gk_code rc = GK_OK;

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
		one = json_incref(gk_json_at_peek(part, "custom.unknownContent"));
		if (one)
			target = content;
		else
			one = custom_step(part, &is_known);
		break;
	default:
		target = content;
		rc = content_of(part, &one, err);
	}
	if (rc != GK_OK)
		return rc;
	if (!is_known)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"googleai: a part of kind 'custom' cannot be sent");
	return gk_json_push_take(target, one) ? GK_OK : gk_error_no_memory(err);
}

static gk_code add_message(walk *it, const json_t *message, gk_error *err)
{
	bool is_model = gk_message_role(message) == GK_ROLE_MODEL;
	gk_auto_json json_t *content = json_array();
	json_t *part;
	size_t i;

	json_array_foreach (json_object_get(message, "content"), i, part) {
		gk_code rc = add_part(it, part, content, err);

		if (rc != GK_OK)
			return rc;
	}
	if (json_array_size(content) &&
		!gk_json_push_take(it->steps,
			json_pack("{s:s, s:O}", "type", is_model ? "model_output" : "user_input",
				"content", content)))
		return gk_error_no_memory(err);
	return GK_OK;
}

/* The calls without a ref: ids of answers to no call are counted on from there. */
static unsigned count_calls(const json_t *request)
{
	json_t *message, *part;
	unsigned count = 0;
	size_t i, j;

	json_array_foreach (json_object_get(request, "messages"), i, message)
		json_array_foreach (json_object_get(message, "content"), j, part) {
			const json_t *call = json_object_get(part, "toolRequest");

			count += call && !ref_of(call);
		}
	return count;
}

gk_code gk_interaction_steps(const json_t *request, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *steps = json_array(), *pending = json_array();
	walk it = { .steps = steps, .pending = pending, .orphans = count_calls(request) };
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
