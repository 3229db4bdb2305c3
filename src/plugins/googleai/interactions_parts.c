/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/googleai/interactions.h"

#include "base/str.h"
#include "plugins/common/media.h"

static json_t *function_part(const json_t *it)
{
	return gk_part_tool_request(gk_json_str_peek(it, "name"), gk_json_str_peek(it, "id"),
		gk_tool_input(json_object_get(it, "arguments")));
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

static json_t *thought_part(const json_t *step)
{
	json_t *signature = gk_given_peek(step, "signature"), *one;
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

static json_t *media_part(const json_t *it)
{
	const char *mime = gk_json_str_peek(it, "mime_type");
	const char *data = gk_json_str_peek(it, "data"), *uri = gk_json_str_peek(it, "uri");
	json_t *resolution = json_object_get(it, "resolution");
	gk_auto_str char *url = data ? gk_media_data_url(mime ? mime : "", data) : NULL;
	gk_auto_json json_t *part = gk_media_part(mime, data ? url : uri ? uri : "");

	if (!part || (resolution && !gk_json_set_take(part, "metadata",
					    json_pack("{s:O}", "resolution", resolution))))
		return NULL;
	return gk_steal(part);
}

static json_t *text_part(const json_t *it)
{
	json_t *text = json_object_get(it, "text"), *notes = json_object_get(it, "annotations");
	gk_auto_json json_t *part = json_pack(
		"{s:o}", "text", json_is_string(text) ? json_incref(text) : json_string(""));

	if (!part || (json_array_size(notes) && !gk_json_set_take(part, "metadata",
							json_pack("{s:O}", "annotations", notes))))
		return NULL;
	return gk_steal(part);
}

static json_t *content_part(const json_t *it)
{
	static const struct {
		const char *type;
		json_t *(*part)(const json_t *it);
	} kinds[] = {
		{ "text", text_part },
		{ "image", media_part },
		{ "audio", media_part },
		{ "video", media_part },
		{ "document", media_part },
		{ "thought", thought_part },
		{ "function_call", function_part },
		{ "function_result", function_result_part },
	};
	const char *type = gk_json_str_peek(it, "type");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (gk_str_equal(type, kinds[i].type))
			return kinds[i].part(it);
	return json_pack("{s:{s:O}}", "custom", "unknownContent", it);
}

/* --- what the service did by itself --- */

/* A member of a step, and what it is called in the part. */
typedef struct member {
	const char *from, *to;
} member;

/* How a step becomes {custom: {NAME: {...}}}. */
static const struct special {
	const char *type, *name;
	member members[4];
	const char *call_id; /* the member that goes into metadata.callId; NULL: none */
} specials[] = {
	{ "google_search_call", "googleSearchCall",
		{ { "id", "id" }, { "arguments", "arguments" } }, NULL },
	{ "google_search_result", "googleSearchResult",
		{ { "call_id", "callId" }, { "result", "result" } }, NULL },
	{ "code_execution_call", "executableCode", { { "arguments", NULL } }, "id" },
	{ "code_execution_result", "codeExecutionResult", { { "result", "output" } }, "call_id" },
	{ "function_call", "serverFunctionCall",
		{ { "id", "id" }, { "name", "name" }, { "arguments", "arguments" } }, NULL },
	{ "function_result", "serverFunctionResult",
		{ { "call_id", "callId" }, { "name", "name" }, { "result", "result" },
			{ "is_error", "isError" } },
		NULL },
};

/* Code and its result are as Gemini's parts have them: with a language, and an outcome. */
static bool complete(json_t *value, const char *name)
{
	json_t *output = json_object_get(value, "output");
	gk_auto_json json_t *text = NULL;

	if (strcmp(name, "executableCode") == 0)
		return json_object_get(value, "language") ||
		       gk_json_set_str(value, "language", "PYTHON");
	if (strcmp(name, "codeExecutionResult") != 0)
		return true;
	text = gk_json_as_text(output);
	return gk_json_set(value, "output", text) &&
	       gk_json_set_str(value, "outcome", "OUTCOME_OK");
}

static json_t *custom_part(const struct special *it, const json_t *step)
{
	json_t *signature = gk_given_peek(step, "signature");
	json_t *id = it->call_id ? json_object_get(step, it->call_id) : NULL;
	gk_auto_json json_t *value = json_object(), *metadata = json_object(), *part = NULL;

	for (size_t i = 0; i < 4 && it->members[i].from; i++) {
		json_t *one = json_object_get(step, it->members[i].from);

		if (!one)
			continue;
		if (it->members[i].to ? !gk_json_set(value, it->members[i].to, one)
				      : json_object_update(value, one) < 0 && json_is_object(one))
			return NULL;
	}
	if (!complete(value, it->name) || (id && !gk_json_set(metadata, "callId", id)) ||
		(signature && !gk_json_set(metadata, "thoughtSignature", signature)))
		return NULL;
	part = json_pack("{s:{s:O}}", "custom", it->name, value);
	if (!part || (json_object_size(metadata) && !gk_json_set(part, "metadata", metadata)))
		return NULL;
	return gk_steal(part);
}

static json_t *special_part(const json_t *step, const char *type)
{
	if (gk_str_equal(type, "thought"))
		return thought_part(step);
	for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++)
		if (gk_str_equal(type, specials[i].type))
			return custom_part(&specials[i], step);
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
