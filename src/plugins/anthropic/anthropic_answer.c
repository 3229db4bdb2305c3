/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/anthropic/anthropic.h"

#include "base/log.h"
#include "base/str.h"

/* --- citations --- */

static const char *const places[] = { "char_location", "page_location", "content_block_location" };
static const char *const members[][2] = {
	{ "type", "type" },
	{ "cited_text", "citedText" },
	{ "document_index", "documentIndex" },
	{ "document_title", "documentTitle" },
	{ "file_id", "fileId" },
	{ "start_char_index", "startCharIndex" },
	{ "end_char_index", "endCharIndex" },
	{ "start_page_number", "startPageNumber" },
	{ "end_page_number", "endPageNumber" },
	{ "start_block_index", "startBlockIndex" },
	{ "end_block_index", "endBlockIndex" },
};

json_t *gk_anthropic_citation(const json_t *citation)
{
	const char *type = gk_json_str_peek(citation, "type");
	gk_auto_json json_t *out = NULL;
	size_t i = 0;

	while (i < 3 && !gk_str_equal(type, places[i]))
		i++;
	if (i == 3 || !json_is_integer(json_object_get(citation, "document_index")))
		return NULL;
	out = json_object();
	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		json_t *value = json_object_get(citation, members[i][0]);

		if (value && !json_is_null(value) && !gk_json_set(out, members[i][1], value))
			return NULL;
	}
	return gk_steal(out);
}

/* --- blocks --- */

static gk_code finish(json_t **ret, gk_error *err)
{
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* The member that a block of its type must have; NULL, with `err`: it has not. Borrowed. */
static json_t *needs(const json_t *block, const char *member, gk_error *err)
{
	json_t *value = json_object_get(block, member);

	if (!json_is_string(value))
		gk_error_set(err, GK_INTERNAL, "anthropic: a block of type '%s' has no '%s'",
			gk_json_str_peek(block, "type"), member);
	return json_is_string(value) ? value : NULL;
}

static gk_code text_part(const json_t *block, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *citations = json_array(), *part = NULL;
	json_t *text = json_object_get(block, "text"), *one;
	size_t i;

	json_array_foreach (json_object_get(block, "citations"), i, one) {
		json_t *citation = gk_anthropic_citation(one);

		if (citation && !gk_json_push_take(citations, citation))
			return gk_error_no_memory(err);
	}
	if (!json_string_length(text) && !json_array_size(citations))
		return GK_OK;
	part = gk_part_new("text", json_is_string(text) ? json_string_value(text) : "",
		json_string_length(text));
	if (json_array_size(citations) &&
		!gk_json_set_take(part, "metadata", json_pack("{s:O}", "citations", citations)))
		return gk_error_no_memory(err);
	*ret = gk_steal(part);
	return finish(ret, err);
}

static gk_code use_part(const json_t *block, json_t **ret, gk_error *err)
{
	if (!needs(block, "name", err))
		return GK_INTERNAL;
	*ret = gk_part_tool_request(gk_json_str_peek(block, "name"), gk_json_str_peek(block, "id"),
		gk_tool_input(json_object_get(block, "input")));
	return finish(ret, err);
}

static gk_code thinking_part(const json_t *block, json_t **ret, gk_error *err)
{
	const char *signature = gk_json_str_peek(block, "signature");
	json_t *thinking = json_object_get(block, "thinking");
	gk_auto_json json_t *part = gk_part_new("reasoning",
		json_is_string(thinking) ? json_string_value(thinking) : "",
		json_string_length(thinking));

	if (signature && *signature &&
		!gk_json_set_take(
			part, "metadata", json_pack("{s:s}", "thoughtSignature", signature)))
		return gk_error_no_memory(err);
	*ret = gk_steal(part);
	return finish(ret, err);
}

static gk_code redacted_part(const json_t *block, json_t **ret, gk_error *err)
{
	json_t *data = needs(block, "data", err);

	if (!data)
		return GK_INTERNAL;
	*ret = json_pack("{s:{s:O}}", "custom", "redactedThinking", data);
	return finish(ret, err);
}

static gk_code server_use_part(const json_t *block, json_t **ret, gk_error *err)
{
	json_t *input = json_object_get(block, "input");
	const char *name = gk_json_str_peek(block, "name");
	const char *server = gk_json_str_peek(block, "server_name");
	gk_auto_str char *text = input ? gk_json_write(input, NULL) : strdup("{}");
	/* A tool of a server has the server's name before its own. */
	gk_auto_json json_t *whole = json_sprintf(
		"%s%s%s", server ? server : "", server ? "/" : "", name ? name : "unknown_tool");

	*ret = text && whole ? json_pack("{s:o, s:{s:{s:O?, s:O, s:O?}}}", "text",
				       json_sprintf("[Anthropic server tool %s] input: %s",
					       json_string_value(whole), text),
				       "metadata", "anthropicServerToolUse", "id",
				       json_object_get(block, "id"), "name", whole, "input", input)
			     : NULL;
	return finish(ret, err);
}

static gk_code server_result_part(const json_t *block, json_t **ret, gk_error *err)
{
	json_t *content = json_object_get(block, "content");
	const char *id = gk_json_str_peek(block, "tool_use_id");
	gk_auto_str char *text = content ? gk_json_write(content, NULL) : strdup("[]");

	*ret = text ? json_pack("{s:o, s:{s:{s:O?, s:O?, s:O?}}}", "text",
			      json_sprintf(
				      "[Anthropic server tool result %s] %s", id ? id : "", text),
			      "metadata", "anthropicServerToolResult", "type",
			      json_object_get(block, "type"), "toolUseId",
			      json_object_get(block, "tool_use_id"), "content", content)
		    : NULL;
	return finish(ret, err);
}

static const struct {
	const char *type;
	gk_code (*part)(const json_t *block, json_t **ret, gk_error *err);
} kinds[] = {
	{ "text", text_part },
	{ "tool_use", use_part },
	{ "thinking", thinking_part },
	{ "redacted_thinking", redacted_part },
	{ "server_tool_use", server_use_part },
	{ "web_search_tool_result", server_result_part },
};

gk_code gk_anthropic_part(const json_t *block, json_t **ret, gk_error *err)
{
	const char *type = gk_json_str_peek(block, "type");

	*ret = NULL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (gk_str_equal(type, kinds[i].type))
			return kinds[i].part(block, ret, err);
	gk_log(GK_LOG_WARN, "anthropic", "a block of type '%s' is kept as it is",
		type ? type : "none");
	*ret = json_pack("{s:{s:O}}", "custom", "anthropicBlock", block);
	return finish(ret, err);
}

/* --- the whole --- */

static const char *reason_of(const json_t *message)
{
	static const char *const reasons[][2] = {
		{ "end_turn", "stop" },
		{ "stop_sequence", "stop" },
		{ "tool_use", "stop" },
		{ "pause_turn", "stop" },
		{ "max_tokens", "length" },
		{ "model_context_window_exceeded", "length" },
		{ "refusal", "blocked" },
	};
	const char *reason = gk_json_str_peek(message, "stop_reason");

	if (!reason)
		return "unknown";
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strcmp(reason, reasons[i][0]) == 0)
			return reasons[i][1];
	return "other";
}

static bool set_usage(json_t *usage, const json_t *from)
{
	static const char *const counters[][2] = {
		{ "cache_creation_input_tokens", "cache_creation_input_tokens" },
		{ "cache_read_input_tokens", "cache_read_input_tokens" },
		{ "ephemeral_5m_input_tokens", "cache_creation.ephemeral_5m_input_tokens" },
		{ "ephemeral_1h_input_tokens", "cache_creation.ephemeral_1h_input_tokens" },
	};
	const json_t *in = json_object_get(from, "input_tokens");
	const json_t *out = json_object_get(from, "output_tokens");
	gk_auto_json json_t *custom = json_object();

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		if (!gk_json_set_int(
			    custom, counters[i][0], gk_json_int_at(from, counters[i][1], 0)))
			return false;
	if (!gk_usage_copy(usage, "inputTokens", from, "input_tokens") ||
		!gk_usage_copy(usage, "outputTokens", from, "output_tokens") ||
		(json_is_integer(in) && json_is_integer(out) &&
			!gk_json_set_int(usage, "totalTokens",
				json_integer_value(in) + json_integer_value(out))) ||
		(gk_json_int_at(from, "cache_read_input_tokens", 0) > 0 &&
			!gk_usage_copy(
				usage, "cachedContentTokens", from, "cache_read_input_tokens")))
		return false;
	return gk_json_set(usage, "custom", custom);
}

gk_code gk_anthropic_answer(const json_t *request, json_t *message, json_t **ret, gk_error *err)
{
	json_t *blocks = json_object_get(message, "content"), *block;
	gk_auto_json json_t *content = json_array(), *response = NULL;
	size_t i;
	gk_code rc;

	if (!json_is_array(blocks))
		return gk_error_set(err, GK_INTERNAL, "anthropic: the answer has no content");
	json_array_foreach (blocks, i, block) {
		json_t *part = NULL;

		rc = gk_anthropic_part(block, &part, err);
		if (rc != GK_OK)
			return rc;
		if (part && !gk_json_push_take(content, json_incref(part)))
			rc = gk_error_no_memory(err);
		if (rc == GK_OK && !gk_tool_name_restore(&gk_anthropic_tool_names, request, part))
			rc = gk_error_no_memory(err);
		json_decref(part);
		if (rc != GK_OK)
			return rc;
	}
	rc = gk_vendor_response(request, gk_steal(content), message, &response, err);
	if (rc != GK_OK)
		return rc;
	if (!gk_json_set_str(response, "finishReason", reason_of(message)) ||
		!set_usage(json_object_get(response, "usage"), json_object_get(message, "usage")))
		return gk_error_no_memory(err);
	*ret = gk_steal(response);
	return GK_OK;
}
