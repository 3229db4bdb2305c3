/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/oai/oai.h"

#include "base/str.h"
#include "plugins/common/media.h"

#include <stdio.h>

/* --- media --- */

static const struct {
	const char *type, *extension;
} extensions[] = {
	{ "application/pdf", ".pdf" },
	{ "application/msword", ".doc" },
	{ "application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx" },
	{ "text/plain", ".txt" },
	{ "text/csv", ".csv" },
};

static const char *extension_of(const gk_media *media)
{
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
		if (media->type_len == strlen(extensions[i].type) &&
			gk_media_is(media, extensions[i].type))
			return extensions[i].extension;
	return "";
}

static json_t *image_part(const gk_oai_call *call, const char *url)
{
	const char *detail =
		json_string_value(gk_request_config_peek(call->request, "visualDetailLevel"));

	if (call->row->plain_media)
		return json_pack("{s:s, s:s}", "type", "image_url", "image_url", url);
	return json_pack("{s:s, s:{s:s, s:s}}", "type", "image_url", "image_url", "url", url,
		"detail", detail ? detail : "auto");
}

static json_t *audio_part(const gk_oai_call *call, const gk_media *media)
{
	if (call->row->plain_media)
		return json_pack("{s:s, s:s}", "type", "input_audio", "input_audio", media->data);
	return json_pack("{s:s, s:{s:s, s:s}}", "type", "input_audio", "input_audio", "data",
		media->data, "format",
		gk_media_is(media, "audio/wav") || gk_media_is(media, "audio/x-wav") ? "wav"
										     : "mp3");
}

static bool is_audio(const gk_oai_call *call, const gk_media *media)
{
	static const char *const spoken[] = { "audio/wav", "audio/x-wav", "audio/mp3",
		"audio/mpeg" };

	if (!media->data)
		return false;
	if (call->row->plain_media)
		return gk_media_is(media, "audio/");
	for (size_t i = 0; i < sizeof(spoken) / sizeof(spoken[0]); i++)
		if (gk_media_is(media, spoken[i]))
			return true;
	return false;
}

static gk_code media_part(const gk_oai_call *call, const json_t *part, json_t **ret, gk_error *err)
{
	gk_media media;
	gk_code rc = gk_media_read(gk_json_peek(part, "media"), &media, err);

	if (rc != GK_OK)
		return rc;
	if (gk_str_has_prefix(media.url, "file-")) { /* what was uploaded goes by its id */
		*ret = json_pack("{s:s, s:{s:s}}", "type", "file", "file", "file_id", media.url);
	} else if (!media.type || gk_media_is(&media, "image/")) {
		*ret = image_part(call, media.url);
	} else if (is_audio(call, &media)) {
		*ret = audio_part(call, &media);
	} else if (call->row->plain_media && !gk_media_is(&media, "audio/")) {
		/* files are no parts of messages there */
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"%s: media of type %.*s cannot be sent, only images and sound can",
			call->vendor->name, (int)media.type_len, media.type);
	} else if (media.data) {
		gk_auto_str char *name = NULL;

		if (asprintf(&name, "file%s", extension_of(&media)) < 0) {
			name = NULL;
			return gk_error_no_memory(err);
		}
		*ret = json_pack("{s:s, s:{s:s, s:s}}", "type", "file", "file", "filename", name,
			"file_data", media.url);
	} else {
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"%s: media of type %.*s cannot be given by its address, only images can; "
			"send it as a data: URL",
			call->vendor->name, (int)media.type_len, media.type);
	}
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* --- the messages of the user and of the system --- */

static gk_code misplaced(
	const gk_oai_call *call, const json_t *part, const char *role, gk_error *err)
{
	return gk_error_set(err, GK_INVALID_ARGUMENT,
		"%s: a message of role %s cannot have a part of kind '%s'", call->vendor->name,
		role, gk_part_kind_name(gk_part_kind_of(part)));
}

static gk_code user_part(const gk_oai_call *call, json_t *part, json_t **ret, gk_error *err)
{
	json_t *text = gk_json_peek(part, "text");

	switch (gk_part_kind_of(part)) {
	case GK_PART_TEXT:
		*ret = json_pack("{s:s, s:O}", "type", "text", "text", text);
		break;
	case GK_PART_DATA: {
		gk_auto_json json_t *data = gk_json_as_text(gk_json_peek(part, "data"));

		*ret = data ? json_pack("{s:s, s:O}", "type", "text", "text", data) : NULL;
		break;
	}
	case GK_PART_MEDIA:
		return media_part(call, part, ret, err);
	default:
		return misplaced(call, part, "user", err);
	}
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static bool is_text_only(const json_t *content)
{
	json_t *part;
	size_t i;

	json_array_foreach (content, i, part)
		if (gk_part_kind_of(part) != GK_PART_TEXT)
			return false;
	return true;
}

static gk_code user_content(
	const gk_oai_call *call, const json_t *content, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *parts = NULL;
	json_t *part;
	size_t i;

	if (is_text_only(content)) {
		*ret = gk_parts_joined(content, "text");
		return *ret ? GK_OK : gk_error_no_memory(err);
	}
	parts = json_array();
	json_array_foreach (content, i, part) {
		json_t *one = NULL;
		gk_code rc = user_part(call, part, &one, err);

		if (rc != GK_OK)
			return rc;
		if (!gk_json_push_take(parts, one))
			return gk_error_no_memory(err);
	}
	*ret = gk_steal(parts);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* {role, content} */
static gk_code push_message(json_t *messages, const char *role, json_t *content, gk_error *err)
{
	gk_auto_json json_t *message = json_object();

	if (!gk_json_set_str(message, "role", role) || !gk_json_set(message, "content", content) ||
		json_array_append(messages, message) < 0)
		return gk_error_no_memory(err);
	return GK_OK;
}

static gk_code add_user(
	const gk_oai_call *call, const json_t *content, json_t *messages, gk_error *err)
{
	gk_auto_json json_t *wire = NULL;
	gk_code rc = user_content(call, content, &wire, err);

	return rc == GK_OK ? push_message(messages, "user", wire, err) : rc;
}

static gk_code add_system(
	const gk_oai_call *call, const json_t *content, json_t *messages, gk_error *err)
{
	bool takes_system = !call->models || (call->models->supports & GK_SUPPORTS_SYSTEM);
	gk_auto_json json_t *text = NULL;
	json_t *part;
	size_t i;

	json_array_foreach (content, i, part)
		if (gk_part_kind_of(part) != GK_PART_TEXT)
			return misplaced(call, part, "system", err);
	text = gk_parts_joined(content, "text");
	return push_message(messages, takes_system ? "system" : "developer", text, err);
}

/* --- the model's and the tools' --- */

/* Nine letters and digits: the ref itself, or what always stands for it. */
static void shorten_ref(const char *ref, char ret[10])
{
	static const char digits[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	uint64_t hash = 0xcbf29ce484222325u;

	if (strlen(ref) == 9 && strspn(ref, digits) == 9) {
		memcpy(ret, ref, 10);
		return;
	}
	for (; *ref; ref++)
		hash = (hash ^ (unsigned char)*ref) * 0x100000001b3u;
	for (size_t i = 0; i < 9; i++, hash /= 62)
		ret[i] = digits[hash % 62];
	ret[9] = '\0';
}

static json_t *ref_of(const gk_oai_call *call, const json_t *it)
{
	const char *ref = gk_json_str_peek(it, "ref");
	char own[10];

	if (!call->row->short_refs)
		return json_string(ref ? ref : "");
	if (!ref || !*ref) /* calls of several tools are told apart at least */
		ref = gk_json_str_peek(it, "name");
	shorten_ref(ref ? ref : "", own);
	return json_string(own);
}

static json_t *tool_call(const gk_oai_call *call, const json_t *request)
{
	const json_t *input = gk_json_peek(request, "input");
	gk_auto_str char *arguments = input ? gk_json_write(input, NULL) : strdup("{}");
	gk_auto_json json_t *ref = ref_of(call, request);
	gk_auto_json json_t *name =
		gk_tool_name_json(&gk_oai_tool_names, gk_json_str_peek(request, "name"));

	if (!arguments || !ref || !name)
		return NULL;
	return json_pack("{s:O, s:s, s:{s:O, s:s}}", "id", ref, "type", "function", "function",
		"name", name, "arguments", arguments);
}

static bool add_tool_calls(const gk_oai_call *call, const json_t *content, json_t *message)
{
	gk_auto_json json_t *calls = json_array();
	json_t *part;
	size_t i;

	json_array_foreach (content, i, part) {
		const json_t *request = gk_json_peek(part, "toolRequest");

		if (request && !gk_json_push_take(calls, tool_call(call, request)))
			return false;
	}
	return !json_array_size(calls) || gk_json_set(message, "tool_calls", calls);
}

static gk_code add_assistant(
	const gk_oai_call *call, const json_t *content, json_t *messages, gk_error *err)
{
	gk_auto_json json_t *message = json_pack("{s:s}", "role", "assistant");
	gk_auto_json json_t *text = gk_parts_said(content);
	gk_auto_json json_t *reasoning = gk_parts_joined(content, "reasoning");
	bool has_calls = gk_parts_have(content, GK_PART_TOOL_REQUEST);
	bool replays = call->row->replay == GK_OAI_REPLAY_ALWAYS ||
		       (call->row->replay == GK_OAI_REPLAY_TOOLS && has_calls);
	bool ok = text && reasoning;

	if (ok && (json_string_length(text) || !has_calls || call->row->content_always))
		ok = gk_json_set(message, "content", text);
	if (ok && replays && json_string_length(reasoning))
		ok = gk_json_set(message, "reasoning_content", reasoning);
	if (ok && add_tool_calls(call, content, message) &&
		json_array_append(messages, message) == 0)
		return GK_OK;
	return gk_error_no_memory(err);
}

/* What a tool gave, as one text. */
static gk_code tool_output(
	const gk_oai_call *call, const json_t *response, json_t **ret, gk_error *err)
{
	const json_t *content = gk_json_peek(response, "content");
	json_t *part;
	size_t i;

	json_array_foreach (content, i, part)
		if (gk_part_kind_of(part) != GK_PART_TEXT)
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"%s: the answer of tool '%s' has a part of kind '%s'; this service takes "
				"text only",
				call->vendor->name, gk_json_str_peek(response, "name"),
				gk_part_kind_name(gk_part_kind_of(part)));
	*ret = gk_tool_response_text(response);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static gk_code add_tool(
	const gk_oai_call *call, const json_t *content, json_t *messages, gk_error *err)
{
	json_t *part;
	size_t i;

	json_array_foreach (content, i, part) {
		const json_t *response = gk_json_peek(part, "toolResponse");
		gk_auto_json json_t *message = NULL, *ref = NULL, *output = NULL;
		const char *name = gk_json_str_peek(response, "name");
		gk_code rc;

		if (!response)
			return misplaced(call, part, "tool", err);
		rc = tool_output(call, response, &output, err);
		if (rc != GK_OK)
			return rc;
		ref = ref_of(call, response);
		message = ref ? json_pack("{s:s, s:O, s:O}", "role", "tool", "tool_call_id", ref,
					"content", output)
			      : NULL;
		if (!message ||
			(call->row->short_refs && name &&
				!gk_json_set_take(message, "name",
					gk_tool_name_json(&gk_oai_tool_names, name))) ||
			json_array_append(messages, message) < 0)
			return gk_error_no_memory(err);
	}
	return GK_OK;
}

/* --- all of them --- */

gk_code gk_oai_messages(const gk_oai_call *call, json_t **ret, gk_error *err)
{
	static gk_code (*const add[])(const gk_oai_call *, const json_t *, json_t *, gk_error *) = {
		[GK_ROLE_SYSTEM] = add_system,
		[GK_ROLE_USER] = add_user,
		[GK_ROLE_MODEL] = add_assistant,
		[GK_ROLE_TOOL] = add_tool,
	};
	gk_auto_json json_t *messages = json_array();
	json_t *message;
	size_t i;

	json_array_foreach (gk_json_peek(call->request, "messages"), i, message) {
		gk_role role = gk_message_role(message);
		gk_code rc;

		if (role == GK_ROLE_NONE)
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"%s: messages[%zu] has no known role", call->vendor->name, i);
		rc = add[role](call, gk_json_peek(message, "content"), messages, err);
		if (rc != GK_OK)
			return rc;
	}
	*ret = gk_steal(messages);
	return *ret ? GK_OK : gk_error_no_memory(err);
}
