/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/gemini/gemini.h"

#include "base/str.h"
#include "plugins/common/media.h"

static json_t *take_media(const json_t *inline_data)
{
	const char *type = gk_json_str_peek(inline_data, "mimeType");
	const char *data = gk_json_str_peek(inline_data, "data");
	gk_auto_str char *url = gk_media_data_url(type ? type : "", data ? data : "");

	return gk_media_part(type && *type ? type : NULL, url);
}

static json_t *take_call(const gk_gemini_call *call, const json_t *function)
{
	json_t *args = json_object_get(function, "args");
	gk_auto_json json_t *part = gk_part_tool_request(gk_json_str_peek(function, "name"),
		gk_json_str_peek(function, "id"), gk_tool_input(args));

	if (!gk_tool_name_restore(&gk_gemini_tool_names, call->request, part))
		return NULL;
	if (json_is_true(json_object_get(function, "willContinue")) &&
		!gk_json_set_bool(json_object_get(part, "toolRequest"), "partial", true))
		return NULL;
	return gk_steal(part);
}

static json_t *take_response(const gk_gemini_call *call, const json_t *function)
{
	const char *name = gk_json_str_peek(function, "name"),
		   *id = gk_json_str_peek(function, "id");
	json_t *response = json_object_get(function, "response");
	/* As it was wrapped to be sent. */
	json_t *inner =
		json_object_get(response, "name") ? json_object_get(response, "content") : NULL;
	gk_auto_json json_t *out = json_object();

	if (!gk_json_set_str(out, "name",
		    gk_tool_name_meant(&gk_gemini_tool_names, call->request, name ? name : "")) ||
		(id && !gk_json_set_str(out, "ref", id)) ||
		(response && !gk_json_set(out, "output", inner ? inner : response)))
		return NULL;
	return json_pack("{s:O}", "toolResponse", out);
}

/* NULL without an error of memory: it is nothing that is known. */
static json_t *take_kind(const gk_gemini_call *call, const json_t *part, bool *is_known)
{
	json_t *value;

	*is_known = true;
	if (json_is_true(json_object_get(part, "thought"))) {
		value = gk_given_peek(part, "text");
		return json_pack(
			"{s:o}", "reasoning", value ? json_incref(value) : json_string(""));
	}
	if ((value = gk_given_peek(part, "text")))
		return json_pack("{s:O}", "text", value);
	if ((value = gk_given_peek(part, "inlineData")))
		return take_media(value);
	if ((value = gk_given_peek(part, "fileData")))
		return gk_media_part(gk_json_str_peek(value, "mimeType"),
			gk_json_str_peek(value, "fileUri") ? gk_json_str_peek(value, "fileUri")
							   : "");
	if ((value = gk_given_peek(part, "functionCall")))
		return take_call(call, value);
	if ((value = gk_given_peek(part, "functionResponse")))
		return take_response(call, value);
	for (const gk_gemini_custom *it = gk_gemini_customs; it->own; it++)
		if ((value = gk_given_peek(part, it->wire)))
			return json_pack("{s:{s:O}}", "custom", it->own, value);
	if (gk_given_peek(part, "thoughtSignature"))
		return json_pack("{s:s}", "reasoning", "");
	*is_known = false;
	return NULL;
}

gk_code gk_gemini_part(const gk_gemini_call *call, const json_t *part, json_t **ret, gk_error *err)
{
	json_t *signature = gk_given_peek(part, "thoughtSignature");
	json_t *own = gk_given_peek(part, "partMetadata");
	gk_auto_json json_t *metadata = json_object(), *out = NULL;
	bool is_known;

	*ret = NULL;
	out = take_kind(call, part, &is_known);
	if (!is_known)
		return GK_OK;
	if (!out || (signature && !gk_json_set(metadata, "thoughtSignature", signature)) ||
		(own && !gk_json_set(metadata, "metadata", own)) ||
		(json_object_size(metadata) && !gk_json_set(out, "metadata", metadata)))
		return gk_error_no_memory(err);
	*ret = gk_steal(out);
	return GK_OK;
}
