/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/gemini/gemini.h"

#include "base/limits.h"
#include "base/str.h"
#include "plugins/common/ask.h"

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

/* Pieces of one text become one part; a signed one stays by itself. */
static bool add_merged(json_t *content, gk_buf *open, const char **member, json_t *part_take)
{
	static const char *const members[] = { "text", "reasoning" };
	gk_auto_json json_t *part = part_take;

	for (size_t i = 0; part && i < 2; i++) {
		const json_t *text = json_object_get(part, members[i]);

		if (json_object_size(part) != 1 || !json_is_string(text))
			continue;
		if (*member && strcmp(*member, members[i]) != 0) {
			if (!gk_parts_add(content, *member, open->data, open->len))
				return false;
			gk_buf_clear(open);
		}
		*member = members[i];
		gk_buf_put(open, json_string_value(text), json_string_length(text));
		return !gk_buf_failed(open);
	}
	if (*member && !gk_parts_add(content, *member, open->data, open->len))
		return false;
	gk_buf_clear(open);
	*member = NULL;
	return !part || json_array_append(content, part) == 0;
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

/* --- in pieces --- */

void gk_gemini_stream_done(gk_gemini_stream *stream)
{
	json_decref(stream->whole);
	stream->whole = NULL;
}

/* Lists grow, objects do so member by member; of anything else the last counts. */
static bool merge(json_t *into, const char *key, json_t *value)
{
	json_t *before = json_object_get(into, key), *member;
	const char *name;

	if (json_is_array(before) && json_is_array(value))
		return json_array_extend(before, value) == 0;
	if (!json_is_object(before) || !json_is_object(value))
		return gk_json_set_take(into, key, json_deep_copy(value));
	json_object_foreach (value, name, member)
		if (json_is_array(member) && json_is_array(json_object_get(before, name))
				? json_array_extend(json_object_get(before, name), member) < 0
				: !gk_json_set_take(before, name, json_deep_copy(member)))
			return false;
	return true;
}

/* A candidate of the answer so far, by its index. Borrowed; NULL when memory ran out. */
static json_t *candidate_at(gk_gemini_stream *stream, int64_t index)
{
	json_t *all = json_object_get(stream->whole, "candidates"), *one;
	size_t i;

	json_array_foreach (all, i, one)
		if (gk_json_int_at(one, "index", 0) == index)
			return one;
	one = json_pack("{s:I, s:{s:s, s:[]}}", "index", (json_int_t)index, "content", "role",
		"model", "parts");
	if (!one)
		return NULL;
	/* The first candidate is the one that is answered with, whichever came first. */
	if (json_array_insert_new(all, index == 0 ? 0 : json_array_size(all), one) < 0)
		return NULL;
	return one;
}

/* The call that goes on: the last part, when it says so. Borrowed; NULL: none. */
static json_t *open_call(json_t *parts)
{
	json_t *last = json_array_get(parts, json_array_size(parts) - 1);
	json_t *call = json_object_get(last, "functionCall");

	return json_is_true(json_object_get(call, "willContinue")) ? last : NULL;
}

/* A piece of a function call that comes in pieces: into the one that is open, or a new one. */
static json_t *gather_call(json_t *parts, const json_t *part)
{
	const json_t *piece = json_object_get(part, "functionCall");
	json_t *whole = open_call(parts), *call, *args;

	if (!whole) {
		whole = json_deep_copy(part);
		if (!whole || json_array_append_new(parts, whole) < 0)
			return NULL;
		json_object_del(json_object_get(whole, "functionCall"), "partialArgs");
	}
	call = json_object_get(whole, "functionCall");
	args = json_object_get(call, "args");
	if (!json_is_object(args)) {
		if (!gk_json_set_take(call, "args", json_object()))
			return NULL;
		args = json_object_get(call, "args");
	}
	if (!gk_gemini_apply_partial(args, json_object_get(piece, "partialArgs")))
		return NULL;
	if (!json_is_true(json_object_get(piece, "willContinue")))
		json_object_del(call, "willContinue");
	return whole;
}

/* Keeps a part; gives what the chunk tells of it (borrowed). NULL when memory ran out. */
static json_t *gather_part(json_t *parts, json_t *part)
{
	const json_t *call = json_object_get(part, "functionCall");

	if (call && (open_call(parts) || json_object_get(call, "partialArgs") ||
			    json_is_true(json_object_get(call, "willContinue"))))
		return gather_call(parts, part);
	return json_array_append(parts, part) == 0 ? part : NULL;
}

static gk_code take_candidate(gk_gemini_stream *stream, const json_t *piece, gk_error *err)
{
	json_t *whole = candidate_at(stream, gk_json_int_at(piece, "index", 0)), *part, *value;
	json_t *parts = gk_json_at_peek(whole, "content.parts"), *chunk;
	gk_auto_json json_t *content = json_array();
	const char *key;
	size_t i;

	if (!whole || !content)
		return gk_error_no_memory(err);
	json_array_foreach (gk_json_at_peek(piece, "content.parts"), i, part) {
		json_t *one = NULL, *told = gather_part(parts, part);
		gk_auto_json json_t *copy = NULL;
		gk_code rc;

		if (++stream->parts > GK_MAX_GEMINI_PARTS)
			return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
				"%s: the stream has too many parts", stream->call->who);
		copy = told ? json_deep_copy(told) : NULL; /* it goes on to change */
		rc = copy ? gk_gemini_part(stream->call, copy, &one, err) : gk_error_no_memory(err);
		if (rc != GK_OK)
			return rc;
		if (one && !gk_json_push_take(content, one))
			return gk_error_no_memory(err);
	}
	json_object_foreach ((json_t *)(uintptr_t)piece, key, value)
		if (strcmp(key, "content") != 0 && strcmp(key, "index") != 0 &&
			!merge(whole, key, value))
			return gk_error_no_memory(err);
	if (!json_array_size(content))
		return GK_OK;
	chunk = gk_chunk_new(gk_json_int_at(piece, "index", 0), gk_steal(content));
	return chunk ? stream->emit(chunk, stream->user, err) : gk_error_no_memory(err);
}

gk_code gk_gemini_stream_push(gk_gemini_stream *stream, const char *data, size_t len, gk_error *err)
{
	gk_auto_json json_t *piece = NULL;
	const char *key;
	json_t *one;
	size_t i;
	gk_code rc = gk_ask_parse(stream->call->who, data, len, &piece, err);

	if (rc != GK_OK)
		return rc;
	if (json_is_object(json_object_get(piece, "error"))) {
		const char *name = gk_json_str_peek(piece, "error.status");
		const char *text = gk_json_str_peek(piece, "error.message");
		int code = name ? gk_code_from_name(name) : -1;

		return gk_error_set(err, code > 0 ? (gk_code)code : GK_INTERNAL, "%s: %.*s",
			stream->call->who, (int)GK_MAX_VENDOR_MESSAGE, text ? text : "");
	}
	if (!stream->whole)
		stream->whole = json_pack("{s:[]}", "candidates");
	json_object_foreach (piece, key, one)
		if (strcmp(key, "candidates") != 0 && !gk_json_set(stream->whole, key, one))
			return gk_error_no_memory(err);
	json_array_foreach (json_object_get(piece, "candidates"), i, one) {
		rc = take_candidate(stream, one, err);
		if (rc != GK_OK)
			return rc;
	}
	return stream->whole ? GK_OK : gk_error_no_memory(err);
}

gk_code gk_gemini_stream_end(gk_gemini_stream *stream, bool is_cut, json_t **ret, gk_error *err)
{
	if (is_cut || !stream->whole)
		return gk_error_set(err, GK_INTERNAL, "%s: the stream broke off before its end",
			stream->call->who);
	*ret = json_incref(stream->whole);
	return GK_OK;
}
