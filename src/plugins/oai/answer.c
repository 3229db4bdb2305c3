/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/oai/oai.h"

#include "base/str.h"
#include "plugins/common/failure.h"
#include "plugins/common/usage.h"

/* --- content --- */

const json_t *gk_oai_reasoning_peek(const json_t *message)
{
	const json_t *reasoning = gk_json_peek(message, "reasoning_content");

	if (!json_string_length(reasoning))
		reasoning = gk_json_peek(message, "reasoning");
	return json_string_length(reasoning) ? reasoning : NULL;
}

void gk_oai_read_content(const json_t *content, gk_buf *text, gk_buf *reasoning)
{
	json_t *part;
	size_t i;

	if (json_is_string(content))
		gk_buf_put(text, json_string_value(content), json_string_length(content));
	json_array_foreach (content, i, part) {
		const json_t *thinking = gk_json_peek(part, "thinking");
		const json_t *said = gk_json_peek(part, "text");

		if (json_is_array(thinking))
			gk_parts_join(reasoning, thinking, "text");
		else if (json_is_string(thinking))
			gk_buf_puts(reasoning, json_string_value(thinking));
		else if (json_is_string(said))
			gk_buf_put(text, json_string_value(said), json_string_length(said));
	}
}

/* A Markdown fence around the whole of a JSON answer is not part of it. */
static void strip_fence(const char **text, size_t *len)
{
	const char *start = *text, *end = *text + *len;

	while (start < end && strchr(" \t\r\n", *start))
		start++;
	while (end > start && strchr(" \t\r\n", end[-1]))
		end--;
	if (end - start < 7 || memcmp(start, "```", 3) != 0 || memcmp(end - 3, "```", 3) != 0)
		return;
	start += 3;
	end -= 3;
	while (start < end && *start != '\n' && *start != '{' && *start != '[')
		start++;
	while (start < end && strchr(" \t\r\n", *start))
		start++;
	while (end > start && strchr(" \t\r\n", end[-1]))
		end--;
	*text = start;
	*len = (size_t)(end - start);
}

static gk_code add_content(
	const gk_oai_call *call, const json_t *message, json_t *content, gk_error *err)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0), reasoning = GK_BUF_INIT(0);
	const json_t *told = gk_oai_reasoning_peek(message);
	json_t *plain = gk_json_peek(message, "content");
	bool may_be_fenced = call->row->json == GK_OAI_JSON_PROMPT;
	const char *said;
	size_t len;

	if (json_string_length(plain) && !told && !may_be_fenced)
		return gk_parts_add_value(content, "text", plain) ? GK_OK : gk_error_no_memory(err);
	if (told)
		gk_buf_put(&reasoning, json_string_value(told), json_string_length(told));
	gk_oai_read_content(plain, &text, &reasoning);
	said = text.data;
	len = text.len;
	if (may_be_fenced && gk_request_wants_json(call->request) && len)
		strip_fence(&said, &len);
	if (gk_buf_failed(&text) || gk_buf_failed(&reasoning) ||
		!gk_parts_add(content, "reasoning", reasoning.data, reasoning.len) ||
		!gk_parts_add(content, "text", said, len))
		return gk_error_no_memory(err);
	return GK_OK;
}

/* --- tool calls --- */

gk_oai_called gk_oai_called_peek(const json_t *call)
{
	const json_t *function = gk_json_peek(call, "function");
	const json_t *custom = gk_json_peek(call, "custom");

	return json_is_object(custom) && !json_is_object(function)
		       ? (gk_oai_called){ gk_json_str_peek(custom, "name"),
				 gk_json_peek(custom, "input"), true }
		       : (gk_oai_called){ gk_json_str_peek(function, "name"),
				 gk_json_peek(function, "arguments"), false };
}

static gk_code add_tool_calls(
	const gk_oai_call *call, const json_t *message, json_t *content, gk_error *err)
{
	json_t *one;
	size_t i;

	json_array_foreach (gk_json_peek(message, "tool_calls"), i, one) {
		gk_oai_called called = gk_oai_called_peek(one);
		gk_auto_json json_t *part = NULL;
		json_t *input = NULL;
		gk_code rc = GK_OK;

		if (called.name && *called.name && called.is_custom && json_is_string(called.input))
			input = json_incref(called.input);
		else
			rc = gk_call_arguments(
				call->vendor->name, called.name, called.input, &input, err);
		if (rc != GK_OK)
			return rc;
		part = gk_part_tool_request(called.name, gk_json_str_peek(one, "id"), input);
		if (!gk_tool_name_restore(&gk_oai_tool_names, call->request, part) ||
			!gk_json_push_take(content, gk_steal(part)))
			return gk_error_no_memory(err);
	}
	return GK_OK;
}

/* --- why it ended --- */

static const struct {
	const char *wire, *genkit;
} reasons[] = {
	{ "stop", "stop" },
	{ "tool_calls", "stop" },
	{ "function_call", "stop" },
	{ "end_turn", "stop" },
	{ "length", "length" },
	{ "model_length", "length" },
	{ "model_context_window_exceeded", "length" },
	{ "content_filter", "blocked" },
	{ "sensitive", "blocked" },
};

static const char *reason_of(const json_t *choice)
{
	const char *reason = json_string_value(gk_json_peek(choice, "finish_reason"));

	if (!reason || !*reason)
		return "unknown";
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strcmp(reasons[i].wire, reason) == 0)
			return reasons[i].genkit;
	return "other";
}

static bool set_reason(json_t *response, const json_t *choice)
{
	const json_t *said = gk_json_peek(choice, "message");
	const json_t *error = gk_json_peek(choice, "error");
	const char *reason = reason_of(choice);
	const char *refusal = json_string_value(gk_json_peek(said, "refusal"));
	const char *message = json_string_value(gk_json_peek(error, "message"));

	if (strcmp(reason, "stop") == 0)
		message = NULL;
	if (refusal && *refusal) {
		reason = "blocked";
		message = refusal;
	}
	return gk_json_set_str(response, "finishReason", reason) &&
	       (!message || gk_json_set_str(response, "finishMessage", message));
}

/* --- usage --- */

/* Where a count stands: beside the others, or in one of two objects among them, which not all services give. */
enum {
	PLAIN,
	OF_PROMPT,
	OF_COMPLETION,
	PLACES
};

typedef struct counter {
	const char *to;
	int place;
	const char *from;
	bool positive; /* 0 says nothing */
} counter;

static const counter counters[] = {
	{ "inputTokens", PLAIN, "prompt_tokens", false },
	{ "outputTokens", PLAIN, "completion_tokens", false },
	{ "totalTokens", PLAIN, "total_tokens", false },
	{ "thoughtsTokens", OF_COMPLETION, "reasoning_tokens", false },
	{ "cachedContentTokens", PLAIN, "cached_tokens", false },
	{ "cachedContentTokens", PLAIN, "prompt_cache_hit_tokens", false },
	{ "cachedContentTokens", OF_PROMPT, "cached_tokens", false }, /* the last one counts */
	{ .to = NULL },
};

static const counter customs[] = {
	{ "audioTokens", OF_COMPLETION, "audio_tokens", true },
	{ "acceptedPredictionTokens", OF_COMPLETION, "accepted_prediction_tokens", true },
	{ "rejectedPredictionTokens", OF_COMPLETION, "rejected_prediction_tokens", true },
	{ "numSourcesUsed", PLAIN, "num_sources_used", true },
	{ "imageTokens", OF_COMPLETION, "image_tokens", true },
	{ "imageTokens", OF_PROMPT, "image_tokens", true },
	{ "cost", PLAIN, "cost", false },
	{ .to = NULL },
};

/* Into `*ret`, which is made for the first of them unless it is there. */
static bool copy_counts(const counter *it, const json_t *const places[PLACES], json_t **ret)
{
	for (; it->to; it++) {
		json_t *value = gk_json_peek(places[it->place], it->from);

		if (!json_is_number(value) || (it->positive && json_number_value(value) <= 0))
			continue;
		if ((!*ret && !(*ret = json_object())) || !gk_json_set(*ret, it->to, value))
			return false;
	}
	return true;
}

static bool set_usage(json_t *usage, const json_t *from)
{
	const json_t *const places[PLACES] = { [PLAIN] = from,
		[OF_PROMPT] = gk_json_peek(from, "prompt_tokens_details"),
		[OF_COMPLETION] = gk_json_peek(from, "completion_tokens_details") };
	gk_auto_json json_t *custom = NULL;

	return copy_counts(counters, places, &usage) && copy_counts(customs, places, &custom) &&
	       (!custom || gk_json_set(usage, "custom", custom));
}

/* --- the whole --- */

gk_code gk_oai_answer(const gk_oai_call *call, json_t *completion, json_t **ret, gk_error *err)
{
	const json_t *choice = json_array_get(gk_json_peek(completion, "choices"), 0);
	const json_t *message = gk_json_peek(choice, "message");
	gk_auto_json json_t *content = json_array(), *response = NULL;
	gk_code rc;

	if (!json_is_object(choice) && gk_failure_is(completion))
		return gk_failure_in_answer(err, call->vendor->name, call->out, completion);
	if (!json_is_object(choice))
		return gk_error_set(
			err, GK_INTERNAL, "%s: the answer has no choices", call->vendor->name);
	rc = add_content(call, message, content, err);
	if (rc == GK_OK)
		rc = add_tool_calls(call, message, content, err);
	if (rc == GK_OK)
		rc = gk_vendor_response(
			call->request, gk_steal(content), completion, &response, err);
	if (rc == GK_OK &&
		(!set_reason(response, choice) || !set_usage(gk_json_peek(response, "usage"),
							  gk_json_peek(completion, "usage"))))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		*ret = gk_steal(response);
	return rc;
}
