/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/gemini/gemini.h"

#include "base/str.h"

/* --- why it ended --- */

static const char *reason_of(const json_t *candidate)
{
	static const char *const reasons[][2] = {
		{ "STOP", "stop" },
		{ "MAX_TOKENS", "length" },
		{ "SAFETY", "blocked" },
		{ "RECITATION", "blocked" },
		{ "LANGUAGE", "blocked" },
		{ "BLOCKLIST", "blocked" },
		{ "PROHIBITED_CONTENT", "blocked" },
		{ "SPII", "blocked" },
		{ "IMAGE_SAFETY", "blocked" },
		{ "MALICIOUS", "blocked" },
		{ "IMAGE_PROHIBITED_CONTENT", "blocked" },
		{ "IMAGE_RECITATION", "blocked" },
		{ "MALFORMED_FUNCTION_CALL", "other" },
		{ "MISSING_THOUGHT_SIGNATURE", "other" },
		{ "OTHER", "other" },
		{ "NO_IMAGE", "other" },
		{ "IMAGE_OTHER", "other" },
		{ "UNEXPECTED_TOOL_CALL", "other" },
		{ "TOO_MANY_TOOL_CALLS", "other" },
	};
	const char *reason = gk_json_str_peek(candidate, "finishReason");

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (gk_str_equal(reason, reasons[i][0]))
			return reasons[i][1];
	return "unknown";
}

/* --- the whole --- */

static bool set_usage(json_t *usage, const json_t *answer)
{
	static const char *const counters[][2] = {
		{ "inputTokens", "usageMetadata.promptTokenCount" },
		{ "outputTokens", "usageMetadata.candidatesTokenCount" },
		{ "thoughtsTokens", "usageMetadata.thoughtsTokenCount" },
		{ "totalTokens", "usageMetadata.totalTokenCount" },
		{ "cachedContentTokens", "usageMetadata.cachedContentTokenCount" },
	};

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		if (!gk_usage_copy(usage, counters[i][0], answer, counters[i][1]))
			return false;
	return true;
}

/* Adds the text that has been gathered, if any was. */
static bool flush(json_t *content, gk_buf *open, const char **member)
{
	bool ok = !*member || gk_json_push_take(content,
				      gk_part_new(*member, open->len ? open->data : "", open->len));

	gk_buf_clear(open);
	*member = NULL;
	return ok;
}

/* Pieces of one text become one part; a signed one stays by itself. */
static bool add_merged(json_t *content, gk_buf *open, const char **member, json_t *part_take)
{
	static const char *const members[] = { "text", "reasoning" };
	gk_auto_json json_t *part = part_take;

	for (size_t i = 0; part && i < 2; i++) {
		const json_t *text = json_object_get(part, members[i]);

		if (json_object_size(part) != 1 || !json_is_string(text))
			continue;
		if (*member && strcmp(*member, members[i]) != 0 && !flush(content, open, member))
			return false;
		*member = members[i];
		gk_buf_put(open, json_string_value(text), json_string_length(text));
		return !gk_buf_failed(open);
	}
	return flush(content, open, member) && (!part || json_array_append(content, part) == 0);
}

static gk_code content_of(
	const gk_gemini_call *call, const json_t *candidate, json_t *content, gk_error *err)
{
	gk_auto_buf gk_buf open = GK_BUF_INIT(0);
	const char *member = NULL;
	json_t *part;
	size_t i;

	json_array_foreach (gk_json_at_peek(candidate, "content.parts"), i, part) {
		json_t *one = NULL;
		gk_code rc = gk_gemini_part(call, part, &one, err);

		if (rc != GK_OK)
			return rc;
		json_object_del(json_object_get(one, "toolRequest"), "partial");
		if (one && !add_merged(content, &open, &member, one))
			return gk_error_no_memory(err);
	}
	return add_merged(content, &open, &member, NULL) ? GK_OK : gk_error_no_memory(err);
}

static gk_code no_candidates(const gk_gemini_call *call, const json_t *answer, gk_error *err)
{
	const char *reason = gk_json_str_peek(answer, "promptFeedback.blockReason");

	return gk_error_set(err, GK_FAILED_PRECONDITION, "%s: No valid candidates returned.%s%s",
		call->who, reason ? " The prompt was blocked: " : "", reason ? reason : "");
}

gk_code gk_gemini_answer(const gk_gemini_call *call, json_t *answer, json_t **ret, gk_error *err)
{
	const json_t *candidate = json_array_get(json_object_get(answer, "candidates"), 0);
	const char *message = gk_json_str_peek(candidate, "finishMessage");
	gk_auto_json json_t *content = json_array(), *response = NULL;
	gk_code rc;

	if (!json_is_object(candidate))
		return no_candidates(call, answer, err);
	rc = content_of(call, candidate, content, err);
	if (rc == GK_OK)
		rc = gk_vendor_response(call->request, gk_steal(content), answer, &response, err);
	if (rc != GK_OK)
		return rc;
	if (!gk_json_set_str(response, "finishReason", reason_of(candidate)) ||
		(message && !gk_json_set_str(response, "finishMessage", message)) ||
		!set_usage(json_object_get(response, "usage"), answer))
		return gk_error_no_memory(err);
	*ret = gk_steal(response);
	return GK_OK;
}
