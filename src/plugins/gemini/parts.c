/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/gemini/gemini.h"

#include "base/parse.h"
#include "base/str.h"
#include "plugins/common/media.h"

#include <stdlib.h>

const gk_tool_grammar gk_gemini_tool_names = { .also = "-.:", .begins_letter = true };

static gk_code finish(json_t **ret, gk_error *err)
{
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static gk_code put_media(const json_t *part, json_t **ret, gk_error *err)
{
	const json_t *metadata = json_object_get(part, "metadata");
	json_t *video = gk_given_peek(metadata, "videoMetadata");
	json_t *resolution = gk_given_peek(metadata, "mediaResolution");
	gk_media media;
	gk_code rc = gk_media_read(json_object_get(part, "media"), &media, err);

	if (rc != GK_OK)
		return rc;
	if (media.data)
		*ret = json_pack("{s:{s:s%, s:s}}", "inlineData", "mimeType",
			media.type ? media.type : "", media.type_len, "data", media.data);
	else if (media.type)
		*ret = json_pack("{s:{s:s, s:s%}}", "fileData", "fileUri", media.url, "mimeType",
			media.type, media.type_len);
	else
		*ret = json_pack("{s:{s:s}}", "fileData", "fileUri", media.url);
	if ((video && !gk_json_set(*ret, "videoMetadata", video)) ||
		(resolution && !gk_json_set(*ret, "mediaResolution", resolution)))
		return gk_error_no_memory(err);
	return finish(ret, err);
}

static gk_code put_request(
	const gk_gemini_call *call, const json_t *request, json_t **ret, gk_error *err)
{
	const char *name = gk_json_str_peek(request, "name"),
		   *ref = gk_json_str_peek(request, "ref");
	json_t *input = gk_given_peek(request, "input");
	gk_auto_str char *wire = gk_tool_name_sent(&gk_gemini_tool_names, name ? name : "");
	gk_auto_json json_t *out = json_object();

	if (!input)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"%s: the call of tool '%s' has no 'input'", call->who, name ? name : "");
	if (!wire || !gk_json_set_str(out, "name", wire) || !gk_json_set(out, "args", input) ||
		(ref && *ref && !gk_json_set_str(out, "id", ref)))
		return gk_error_no_memory(err);
	*ret = json_pack("{s:O}", "functionCall", out);
	return finish(ret, err);
}

static gk_code put_part(
	const gk_gemini_call *call, const json_t *part, json_t **ret, gk_error *err);

static gk_code put_response(
	const gk_gemini_call *call, const json_t *response, json_t **ret, gk_error *err)
{
	const char *name = gk_json_str_peek(response, "name"),
		   *ref = gk_json_str_peek(response, "ref");
	json_t *output = json_object_get(response, "output"), *part;
	gk_auto_str char *wire = gk_tool_name_sent(&gk_gemini_tool_names, name ? name : "");
	gk_auto_json json_t *out = json_object(), *inner = json_object(), *parts = json_array();
	size_t i;

	json_array_foreach (json_object_get(response, "content"), i, part) {
		json_t *one = NULL;
		gk_code rc = put_part(call, part, &one, err);

		if (rc != GK_OK)
			return rc;
		if (!gk_json_push_take(parts, one))
			return gk_error_no_memory(err);
	}
	if (!wire || !gk_json_set_str(inner, "name", wire) ||
		(output && !gk_json_set(inner, "content", output)) ||
		!gk_json_set_str(out, "name", wire) ||
		(ref && *ref && !gk_json_set_str(out, "id", ref)) ||
		!gk_json_set(out, "response", inner) ||
		(json_array_size(parts) && !gk_json_set(out, "parts", parts)))
		return gk_error_no_memory(err);
	*ret = json_pack("{s:O}", "functionResponse", out);
	return finish(ret, err);
}

const gk_gemini_custom gk_gemini_customs[] = {
	{ "executableCode", "executableCode" },
	{ "codeExecutionResult", "codeExecutionResult" },
	{ "geminiToolCall", "toolCall" },
	{ "geminiToolResponse", "toolResponse" },
	{ .own = NULL },
};

static gk_code put_custom(
	const gk_gemini_call *call, const json_t *custom, json_t **ret, gk_error *err)
{
	for (const gk_gemini_custom *it = gk_gemini_customs; it->own; it++) {
		json_t *value = json_object_get(custom, it->own);

		if (!value)
			continue;
		*ret = json_pack("{s:O}", it->wire, value);
		return finish(ret, err);
	}
	return gk_error_set(
		err, GK_INVALID_ARGUMENT, "%s: a part of kind 'custom' cannot be sent", call->who);
}

static gk_code put_resource(
	const gk_gemini_call *call, const json_t *part, json_t **ret, gk_error *err)
{
	const char *type = gk_json_str_peek(part, "metadata.mimeType");
	const char *uri = gk_json_str_peek(part, "resource.uri");

	if (!uri)
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "%s: a resource part has no 'uri'", call->who);
	*ret = json_pack("{s:{s:s, s:s}}", "fileData", "fileUri", uri, "mimeType",
		type ? type : "application/octet-stream");
	return finish(ret, err);
}

static gk_code put_kind(const gk_gemini_call *call, const json_t *part, json_t **ret, gk_error *err)
{
	switch (gk_part_kind_of(part)) {
	case GK_PART_TEXT:
		*ret = json_pack("{s:O}", "text", json_object_get(part, "text"));
		break;
	case GK_PART_MEDIA:
		return put_media(part, ret, err);
	case GK_PART_TOOL_REQUEST:
		return put_request(call, json_object_get(part, "toolRequest"), ret, err);
	case GK_PART_TOOL_RESPONSE:
		return put_response(call, json_object_get(part, "toolResponse"), ret, err);
	case GK_PART_RESOURCE:
		return put_resource(call, part, ret, err);
	case GK_PART_REASONING:
		*ret = json_pack("{s:b}", "thought", 1);
		if (json_string_length(json_object_get(part, "reasoning")) &&
			!gk_json_set(*ret, "text", json_object_get(part, "reasoning")))
			return gk_error_no_memory(err);
		break;
	case GK_PART_CUSTOM:
		return put_custom(call, json_object_get(part, "custom"), ret, err);
	case GK_PART_DATA: {
		gk_auto_json json_t *text = gk_json_as_text(json_object_get(part, "data"));

		*ret = text ? json_pack("{s:O}", "text", text) : NULL;
		break;
	}
	}
	return finish(ret, err);
}

static gk_code put_part(const gk_gemini_call *call, const json_t *part, json_t **ret, gk_error *err)
{
	const json_t *metadata = json_object_get(part, "metadata");
	json_t *signature = gk_given_peek(metadata, "thoughtSignature");
	json_t *own = json_object_get(metadata, "metadata");
	gk_auto_json json_t *out = NULL;
	gk_code rc = put_kind(call, part, &out, err);

	if (rc != GK_OK)
		return rc;
	if ((signature && !gk_json_set(out, "thoughtSignature", signature)) ||
		(json_object_size(own) && !gk_json_set(out, "partMetadata", own)))
		return gk_error_no_memory(err);
	*ret = gk_steal(out);
	return GK_OK;
}

/* Answers of tools go by the integer that begins their ref; those with other refs come after them, those without last. */
typedef struct ordered {
	json_t *part; /* borrowed */
	uint64_t order;
	size_t index;
} ordered;

static uint64_t order_of(const json_t *part)
{
	const char *ref = gk_json_str_peek(part, "toolResponse.ref");
	size_t len = ref ? strspn(ref, "0123456789") : 0;
	uint64_t order;

	if (!ref || !*ref)
		return UINT64_MAX;
	return len && gk_parse_u64(ref, len, &order) ? order : UINT64_MAX - 1;
}

static int compare(const void *a, const void *b)
{
	const ordered *left = a, *right = b;

	if (left->order != right->order)
		return left->order < right->order ? -1 : 1;
	return left->index < right->index ? -1 : left->index > right->index;
}

static json_t *sorted(const json_t *content)
{
	size_t count = json_array_size(content), i;
	gk_auto_json json_t *out = json_array();
	ordered *all = calloc(count + 1, sizeof(*all));
	json_t *part;

	if (!all)
		return NULL;
	json_array_foreach (content, i, part)
		all[i] = (ordered){ .part = part, .order = order_of(part), .index = i };
	qsort(all, count, sizeof(*all), compare);
	for (i = 0; i < count; i++)
		if (json_array_append(out, all[i].part) < 0)
			break;
	free(all);
	return i == count ? gk_steal(out) : NULL;
}

/* Gemma takes no thoughts back. */
static bool is_thought(const json_t *part)
{
	return json_object_get(part, "reasoning") ||
	       gk_given_peek(json_object_get(part, "metadata"), "thoughtSignature");
}

gk_code gk_gemini_content(
	const gk_gemini_call *call, const json_t *message, json_t **ret, gk_error *err)
{
	gk_role role = gk_message_role(message);
	json_t *content = json_object_get(message, "content"), *part;
	gk_auto_json json_t *parts = json_array();
	gk_auto_json json_t *own = role == GK_ROLE_TOOL ? sorted(content) : json_incref(content);
	size_t i;

	if (role == GK_ROLE_TOOL && !own)
		return gk_error_no_memory(err);
	json_array_foreach (own, i, part) {
		json_t *one = NULL;
		gk_code rc;

		if (gk_str_has_prefix(call->id, "gemma-") && is_thought(part))
			continue;
		rc = put_part(call, part, &one, err);
		if (rc != GK_OK)
			return rc;
		if (!gk_json_push_take(parts, one))
			return gk_error_no_memory(err);
	}
	*ret = NULL;
	if (!json_array_size(parts))
		return parts ? GK_OK : gk_error_no_memory(err);
	*ret = json_pack(
		"{s:s, s:O}", "role", role == GK_ROLE_MODEL ? "model" : "user", "parts", parts);
	return finish(ret, err);
}
