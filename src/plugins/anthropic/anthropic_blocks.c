/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/anthropic/anthropic.h"

#include "base/str.h"
#include "plugins/common/media.h"

static gk_code result(json_t **ret, gk_error *err)
{
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* --- media --- */

static const char *const images[] = { "image/jpeg", "image/png", "image/gif", "image/webp" };

static bool is_image(const gk_media *media)
{
	for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++)
		if (media->type_len == strlen(images[i]) && gk_media_is(media, images[i]))
			return true;
	return false;
}

static json_t *source_block(const char *kind, const gk_media *media)
{
	if (media->data)
		return json_pack("{s:s, s:{s:s, s:s%, s:s}}", "type", kind, "source", "type",
			"base64", "media_type", media->type, media->type_len, "data", media->data);
	return json_pack(
		"{s:s, s:{s:s, s:s}}", "type", kind, "source", "type", "url", "url", media->url);
}

static json_t *file_block(const char *kind, const char *id)
{
	return json_pack(
		"{s:s, s:{s:s, s:s}}", "type", kind, "source", "type", "file", "file_id", id);
}

static gk_code media_block(const json_t *part, bool is_beta, json_t **ret, gk_error *err)
{
	gk_media media;
	gk_code rc = gk_media_read(json_object_get(part, "media"), &media, err);

	if (rc != GK_OK)
		return rc;
	if (is_beta && gk_media_is(&media, "anthropic/file"))
		*ret = file_block("document", media.url);
	else if (is_beta && gk_media_is(&media, "anthropic/image"))
		*ret = file_block("image", media.url);
	else if (gk_media_is(&media, "application/pdf"))
		*ret = source_block("document", &media);
	else if (is_image(&media) || (!media.type && !media.data))
		*ret = source_block("image", &media);
	else if (gk_media_is(&media, "text/plain"))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"anthropic: media of type text/plain cannot be sent; use a text part");
	else
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"anthropic: media of type %.*s cannot be sent", (int)media.type_len,
			media.type ? media.type : "");
	return result(ret, err);
}

/* --- documents --- */

static bool copy_as(json_t *to, const char *key, const json_t *from, const char *name)
{
	json_t *value = json_object_get(from, name);

	return !value || json_is_null(value) || gk_json_set(to, key, value);
}

/* What a source of each type must have, and what that is called there. */
static const struct {
	const char *type, *member, *wire;
} sources[] = {
	{ "text", "data", "data" },
	{ "base64", "data", "data" },
	{ "url", "url", "url" },
	{ "content", "content", NULL },
	{ "file", "fileId", "file_id" },
};

static gk_code document_source(const json_t *source, bool is_beta, json_t **ret, gk_error *err)
{
	const char *type = gk_json_str_peek(source, "type");
	json_t *own = gk_given_peek(source, "mediaType");
	gk_auto_json json_t *out = json_object();
	size_t i = 0;

	while (i < sizeof(sources) / sizeof(sources[0]) && !gk_str_equal(type, sources[i].type))
		i++;
	if (i == sizeof(sources) / sizeof(sources[0]))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"anthropic: a document's source has no known type: '%s'", type ? type : "");
	if (gk_str_equal(type, "file") && !is_beta)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"anthropic: a document by file needs config.apiVersion beta");
	if (!json_object_get(source, sources[i].member))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"anthropic: a document's source of type '%s' has no '%s'", type,
			sources[i].member);
	if (!gk_json_set_str(out, "type", type) ||
		(gk_str_equal(type, "text") && !own &&
			!gk_json_set_str(out, "media_type", "text/plain")) ||
		!copy_as(out, "media_type", source, "mediaType") ||
		(sources[i].wire && !copy_as(out, sources[i].wire, source, sources[i].member)))
		return gk_error_no_memory(err);
	*ret = gk_steal(out);
	return GK_OK;
}

/* A piece of a document that is given in pieces: text, or an image in base64. */
static gk_code document_piece(const json_t *piece, json_t **ret, gk_error *err)
{
	const json_t *source = json_object_get(piece, "source");
	const char *kind = gk_json_str_peek(piece, "type");
	const char *type = gk_json_str_peek(source, "mediaType");
	json_t *data = json_object_get(source, "data");
	const gk_media media = { .type = type, .type_len = type ? strlen(type) : 0 };

	if (gk_str_equal(kind, "text")) {
		*ret = json_incref((json_t *)(uintptr_t)piece);
		return GK_OK;
	}
	if (!gk_str_equal(kind, "image"))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"anthropic: a document's content is of type text or image, not '%s'",
			kind ? kind : "");
	if (!type || !is_image(&media) || !json_is_string(data))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"anthropic: an image in a document is base64 'data' of a 'mediaType' that can be "
			"sent, not '%s'",
			type ? type : "");
	*ret = json_pack("{s:s, s:{s:s, s:s, s:O}}", "type", "image", "source", "type", "base64",
		"media_type", type, "data", data);
	return result(ret, err);
}

static gk_code document_content(const json_t *content, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *out = json_array();
	json_t *one;
	size_t i;

	if (!json_is_array(content))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"anthropic: a document's content is a list of texts and images");
	json_array_foreach (content, i, one) {
		json_t *piece = NULL;
		gk_code rc = document_piece(one, &piece, err);

		if (rc != GK_OK)
			return rc;
		if (!gk_json_push_take(out, piece))
			return gk_error_no_memory(err);
	}
	*ret = gk_steal(out);
	return result(ret, err);
}

static gk_code document_block(const json_t *document, bool is_beta, json_t **ret, gk_error *err)
{
	const json_t *source = json_object_get(document, "source");
	gk_auto_json json_t *block = json_pack("{s:s}", "type", "document"), *wire = NULL;
	gk_auto_json json_t *content = NULL;
	gk_code rc = document_source(source, is_beta, &wire, err);

	if (rc == GK_OK && gk_str_equal(gk_json_str_peek(source, "type"), "content"))
		rc = document_content(json_object_get(source, "content"), &content, err);
	if (rc != GK_OK)
		return rc;
	if ((content && !gk_json_set(wire, "content", content)) ||
		!gk_json_set(block, "source", wire) ||
		!copy_as(block, "title", document, "title") ||
		!copy_as(block, "context", document, "context") ||
		!copy_as(block, "citations", document, "citations"))
		return gk_error_no_memory(err);
	*ret = gk_steal(block);
	return GK_OK;
}

/* --- tools --- */

static gk_code needs_ref(const json_t *it, const char **ret, gk_error *err)
{
	*ret = gk_json_str_peek(it, "ref");
	if (*ret && **ret)
		return GK_OK;
	return gk_error_set(err, GK_INVALID_ARGUMENT,
		"anthropic: the call of tool '%s' and its answer need a 'ref'",
		gk_json_str_peek(it, "name"));
}

static gk_code use_block(const json_t *request, json_t **ret, gk_error *err)
{
	json_t *input = json_object_get(request, "input");
	const char *ref;
	gk_code rc = needs_ref(request, &ref, err);

	if (rc != GK_OK)
		return rc;
	*ret = json_pack("{s:s, s:s, s:o, s:o}", "type", "tool_use", "id", ref, "name",
		gk_tool_name_json(&gk_anthropic_tool_names, gk_json_str_peek(request, "name")),
		"input", gk_tool_input(input));
	return result(ret, err);
}

static json_t *text_block(const json_t *text)
{
	return text ? json_pack("{s:s, s:O}", "type", "text", "text", text) : NULL;
}

/* An image, when the output is the data: URL of one, or {url, contentType} with such a URL. */
static gk_code image_of_output(const json_t *output, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *media = NULL, *part = NULL;
	const char *text = json_string_value(output), *url = gk_json_str_peek(output, "url");
	gk_media seen;

	if (text && gk_str_has_prefix(text, "data:image/"))
		media = json_pack("{s:s}", "url", text);
	else if (gk_str_has_prefix(url ? url : "", "data:") &&
		 gk_json_str_peek(output, "contentType"))
		media = json_incref((json_t *)(uintptr_t)output);
	if (!media || gk_media_read(media, &seen, NULL) != GK_OK || !is_image(&seen))
		return GK_OK;
	part = json_pack("{s:O}", "media", media);
	return part ? media_block(part, false, ret, err) : gk_error_no_memory(err);
}

/* A part that says something: `*ret` NULL is an empty text. */
static gk_code said_block(const json_t *part, bool is_beta, json_t **ret, gk_error *err)
{
	json_t *text = json_object_get(part, "text");
	json_t *document = gk_json_at_peek(part, "custom.anthropicDocument");

	if (json_is_string(text)) {
		if (!json_string_length(text))
			return GK_OK;
		*ret = text_block(text);
		return result(ret, err);
	}
	if (document)
		return document_block(document, is_beta, ret, err);
	if (json_object_get(part, "media"))
		return media_block(part, is_beta, ret, err);
	return gk_error_set(err, GK_INVALID_ARGUMENT,
		"anthropic: a part of kind '%s' cannot be sent",
		gk_part_kind_name(gk_part_kind_of(part)));
}

static gk_code result_content(const json_t *response, bool is_beta, json_t *content, gk_error *err)
{
	const json_t *output = gk_given_peek(response, "output");
	json_t *part, *block = NULL;
	size_t i;
	gk_code rc = image_of_output(output, &block, err);

	if (rc == GK_OK && !block && output) {
		gk_auto_json json_t *text = gk_json_as_text(output);

		block = text_block(text);
		rc = result(&block, err);
	}
	if (rc == GK_OK && block && !gk_json_push_take(content, block))
		return gk_error_no_memory(err);
	json_array_foreach (json_object_get(response, "content"), i, part) {
		if (rc != GK_OK)
			return rc;
		block = NULL;
		rc = said_block(part, is_beta, &block, err);
		if (rc == GK_OK && block && !gk_json_push_take(content, block))
			rc = gk_error_no_memory(err);
	}
	if (rc == GK_OK && !json_array_size(content) &&
		!gk_json_push_take(
			content, json_pack("{s:s, s:s}", "type", "text", "text", "null")))
		rc = gk_error_no_memory(err);
	return rc;
}

static gk_code result_block(const json_t *response, bool is_beta, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *content = json_array();
	const char *ref;
	gk_code rc = needs_ref(response, &ref, err);

	if (rc == GK_OK)
		rc = result_content(response, is_beta, content, err);
	if (rc != GK_OK)
		return rc;
	*ret = json_pack(
		"{s:s, s:s, s:O}", "type", "tool_result", "tool_use_id", ref, "content", content);
	return result(ret, err);
}

/* --- one part --- */

static gk_code thinking_block(const json_t *part, json_t **ret, gk_error *err)
{
	const char *signature = gk_json_str_peek(part, "metadata.thoughtSignature");

	if (!signature || !*signature)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"anthropic: a reasoning part without a signature (metadata.thoughtSignature) "
			"cannot be sent back");
	*ret = json_pack("{s:s, s:O, s:s}", "type", "thinking", "thinking",
		json_object_get(part, "reasoning"), "signature", signature);
	return result(ret, err);
}

/* `*ret` NULL: an empty text says nothing. */
static gk_code block_of(const json_t *part, bool is_beta, json_t **ret, gk_error *err)
{
	json_t *custom = json_object_get(part, "custom"), *block;

	if (json_object_get(part, "reasoning"))
		return thinking_block(part, ret, err);
	if ((block = json_object_get(custom, "redactedThinking"))) {
		*ret = json_pack("{s:s, s:O}", "type", "redacted_thinking", "data", block);
		return result(ret, err);
	}
	if ((block = json_object_get(custom, "anthropicBlock"))) {
		*ret = gk_json_copy(block);
		return result(ret, err);
	}
	if ((block = json_object_get(part, "toolRequest")))
		return use_block(block, ret, err);
	if ((block = json_object_get(part, "toolResponse")))
		return result_block(block, is_beta, ret, err);
	return said_block(part, is_beta, ret, err);
}

static gk_code add_block(const json_t *part, bool is_beta, json_t *blocks, gk_error *err)
{
	json_t *cache = gk_given_peek(json_object_get(part, "metadata"), "cache_control");
	gk_auto_json json_t *block = NULL;
	gk_code rc = block_of(part, is_beta, &block, err);
	const char *type = gk_json_str_peek(block, "type");

	if (rc != GK_OK || !block)
		return rc;
	if (cache && !gk_str_equal(type, "thinking") && !gk_str_equal(type, "redacted_thinking") &&
		!gk_json_set(block, "cache_control", cache))
		return gk_error_no_memory(err);
	return json_array_append(blocks, block) == 0 ? GK_OK : gk_error_no_memory(err);
}

/* --- messages --- */

static gk_code add_system(const json_t *content, json_t *system, gk_error *err)
{
	json_t *part;
	size_t i;

	json_array_foreach (content, i, part) {
		gk_code rc;

		if (gk_part_kind_of(part) != GK_PART_TEXT)
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"anthropic: a message of role system cannot have a part of kind '%s'",
				gk_part_kind_name(gk_part_kind_of(part)));
		rc = add_block(part, false, system, err);
		if (rc != GK_OK)
			return rc;
	}
	return GK_OK;
}

gk_code gk_anthropic_messages(
	const json_t *request, bool is_beta, json_t *system, json_t *messages, gk_error *err)
{
	json_t *message, *part;
	size_t i, j;

	json_array_foreach (json_object_get(request, "messages"), i, message) {
		const json_t *content = json_object_get(message, "content");
		gk_auto_json json_t *blocks = json_array();
		gk_role role = gk_message_role(message);
		bool is_assistant =
			role == GK_ROLE_MODEL ||
			(role == GK_ROLE_TOOL && gk_parts_have(content, GK_PART_TOOL_REQUEST));
		gk_code rc = GK_OK;

		if (role == GK_ROLE_NONE)
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"anthropic: messages[%zu] has no known role", i);
		if (role == GK_ROLE_SYSTEM) {
			rc = add_system(content, system, err);
			if (rc != GK_OK)
				return rc;
			continue;
		}
		json_array_foreach (content, j, part) {
			rc = add_block(part, is_beta, blocks, err);
			if (rc != GK_OK)
				return rc;
		}
		if (json_array_size(blocks) &&
			!gk_json_push_take(messages,
				json_pack("{s:s, s:O}", "role", is_assistant ? "assistant" : "user",
					"content", blocks)))
			return gk_error_no_memory(err);
	}
	return GK_OK;
}
