/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/ollama/ollama.h"

#include "base/str.h"
#include "plugins/common/ask.h"
#include "plugins/common/failure.h"

#include <strings.h>

/* --- parts --- */

static gk_code call_part(const json_t *call, json_t **ret, gk_error *err)
{
	const json_t *function = json_object_get(call, "function");
	const char *name = gk_json_str_peek(function, "name"), *ref = gk_json_str_peek(call, "id");
	int64_t index = gk_json_int_at(function, "index", 0);
	gk_auto_json json_t *number = NULL;
	json_t *input;
	gk_code rc = gk_call_arguments(
		"ollama", name, json_object_get(function, "arguments"), &input, err);

	if (rc != GK_OK)
		return rc;
	if (!(ref && *ref) && index > 0) {
		number = json_sprintf("%lld", (long long)index);
		ref = json_string_value(number);
	}
	*ret = gk_part_tool_request(name, ref, input);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static gk_code add_calls(json_t *parts, const json_t *answer, gk_error *err)
{
	json_t *call;
	size_t i;

	json_array_foreach (gk_json_at_peek(answer, "message.tool_calls"), i, call) {
		json_t *part = NULL;
		gk_code rc = call_part(call, &part, err);

		if (rc != GK_OK)
			return rc;
		if (!gk_json_push_take(parts, part))
			return gk_error_no_memory(err);
	}
	return GK_OK;
}

static bool add_text(json_t *parts, const char *member, const json_t *text)
{
	return gk_parts_add(parts, member, json_string_value(text), json_string_length(text));
}

/* The answer of /api/generate has its text in `response`. */
static const json_t *text_of(const json_t *answer)
{
	const json_t *message = json_object_get(answer, "message");

	return json_object_get(message ? message : answer, message ? "content" : "response");
}

static const json_t *thinking_of(const json_t *answer)
{
	const json_t *message = json_object_get(answer, "message");

	return json_object_get(message ? message : answer, "thinking");
}

/* --- thoughts that were left in the text --- */

static const char *find(const char *from, const char *const *tags, size_t *len)
{
	const char *best = NULL;

	for (; *tags; tags++) {
		const char *at = strcasestr(from, *tags);

		if (at && (!best || at < best)) {
			best = at;
			*len = strlen(*tags);
		}
	}
	return best;
}

static void put_trimmed(gk_buf *buf, const char *start, const char *end, const char *between)
{
	while (start < end && strchr(" \t\r\n", *start))
		start++;
	while (end > start && strchr(" \t\r\n", end[-1]))
		end--;
	if (start == end)
		return;
	if (buf->len)
		gk_buf_puts(buf, between);
	gk_buf_put(buf, start, (size_t)(end - start));
}

/* Parts <think>...</think> from what is said. False: there are none. */
static bool split_thoughts(const char *text, gk_buf *said, gk_buf *thought)
{
	static const char *const open[] = { "<think>", "<thinking>", NULL };
	static const char *const close[] = { "</think>", "</thinking>", NULL };
	size_t open_len = 0, close_len = 0;
	const char *start, *end;
	bool found = false;

	while ((start = find(text, open, &open_len)) &&
		(end = find(start + open_len, close, &close_len))) {
		found = true;
		put_trimmed(said, text, start, "\n\n");
		put_trimmed(thought, start + open_len, end, "\n\n");
		text = end + close_len;
	}
	if (found)
		put_trimmed(said, text, text + strlen(text), "\n\n");
	return found;
}

static bool add_content(json_t *parts, const json_t *request, const json_t *answer)
{
	const json_t *text = text_of(answer), *thinking = thinking_of(answer);
	const json_t *think = gk_request_config_peek(request, "think");
	gk_auto_buf gk_buf said = GK_BUF_INIT(0), thought = GK_BUF_INIT(0);

	if (!json_string_length(thinking) && think && !json_is_false(think) &&
		json_is_string(text) && split_thoughts(json_string_value(text), &said, &thought))
		return !gk_buf_failed(&said) && !gk_buf_failed(&thought) &&
		       gk_parts_add(parts, "reasoning", thought.data, thought.len) &&
		       gk_parts_add(parts, "text", said.data, said.len);
	return add_text(parts, "reasoning", thinking) && add_text(parts, "text", text);
}

/* --- the whole --- */

static const char *reason_of(const json_t *answer)
{
	const char *reason = gk_json_str_peek(answer, "done_reason");

	if (!reason || strcmp(reason, "stop") == 0)
		return "stop";
	return strcmp(reason, "length") == 0 ? "length" : "other";
}

static bool set_usage(json_t *usage, const json_t *answer)
{
	const json_t *in = json_object_get(answer, "prompt_eval_count");
	const json_t *out = json_object_get(answer, "eval_count");

	if (!gk_usage_copy(usage, "inputTokens", answer, "prompt_eval_count") ||
		!gk_usage_copy(usage, "outputTokens", answer, "eval_count"))
		return false;
	return !json_is_integer(in) || !json_is_integer(out) ||
	       gk_json_set_int(
		       usage, "totalTokens", json_integer_value(in) + json_integer_value(out));
}

gk_code gk_ollama_answer(
	const json_t *request, const gk_outgoing *out, json_t *answer, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *content = json_array(), *response = NULL;
	gk_code rc;

	if (gk_failure_is(answer))
		return gk_failure_in_answer(err, "ollama", out, answer);
	if (!json_is_string(text_of(answer)) && !json_object_get(answer, "message"))
		return gk_error_set(err, GK_INTERNAL, "ollama: the answer has no message");
	if (!add_content(content, request, answer))
		return gk_error_no_memory(err);
	rc = add_calls(content, answer, err);
	if (rc != GK_OK)
		return rc;
	rc = gk_vendor_response(request, gk_steal(content), answer, &response, err);
	if (rc != GK_OK)
		return rc;
	if (!gk_json_set_str(response, "finishReason", reason_of(answer)) ||
		!set_usage(json_object_get(response, "usage"), answer))
		return gk_error_no_memory(err);
	*ret = gk_steal(response);
	return GK_OK;
}

gk_code gk_ollama_embed_answer(const json_t *answer, size_t count, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *out = json_array();
	gk_code rc =
		gk_embeddings_add("ollama", out, json_object_get(answer, "embeddings"), count, err);

	if (rc != GK_OK)
		return rc;
	*ret = json_pack("{s:O}", "embeddings", out);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* --- in lines --- */

void gk_ollama_stream_done(gk_ollama_stream *stream)
{
	gk_buf_done(&stream->text);
	gk_buf_done(&stream->thinking);
	json_decref(stream->calls);
	json_decref(stream->last);
	stream->calls = stream->last = NULL;
}

static gk_code gather(gk_ollama_stream *stream, const json_t *line, gk_error *err)
{
	const json_t *text = text_of(line), *thinking = thinking_of(line);
	json_t *calls = gk_json_at_peek(line, "message.tool_calls");

	if (json_is_string(text))
		gk_buf_put(&stream->text, json_string_value(text), json_string_length(text));
	if (json_is_string(thinking))
		gk_buf_put(&stream->thinking, json_string_value(thinking),
			json_string_length(thinking));
	if (stream->text.len + stream->thinking.len > GK_MAX_VENDOR_STREAM ||
		json_array_size(stream->calls) + json_array_size(calls) > GK_MAX_VENDOR_CALLS)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED, "ollama: the stream is too long");
	if (!stream->calls)
		stream->calls = json_array();
	if (gk_buf_failed(&stream->text) || gk_buf_failed(&stream->thinking) ||
		(json_is_array(calls) && json_array_extend(stream->calls, calls) < 0))
		return gk_error_no_memory(err);
	return GK_OK;
}

gk_code gk_ollama_stream_push(gk_ollama_stream *stream, const char *line, size_t len, gk_error *err)
{
	gk_auto_json json_t *piece = NULL, *parts = json_array();
	json_t *chunk;
	gk_code rc = gk_ask_parse("ollama", line, len, &piece, err);

	if (rc == GK_OK && gk_failure_is(piece))
		rc = gk_failure_in_answer(err, "ollama", stream->out, piece);
	if (rc == GK_OK)
		rc = gather(stream, piece, err);
	if (rc != GK_OK)
		return rc;
	if (json_is_true(json_object_get(piece, "done"))) {
		json_decref(stream->last);
		stream->last = json_incref(piece);
	}
	if (!add_text(parts, "reasoning", thinking_of(piece)) ||
		!add_text(parts, "text", text_of(piece)))
		return gk_error_no_memory(err);
	rc = add_calls(parts, piece, err);
	if (rc != GK_OK)
		return rc;
	if (!json_array_size(parts))
		return GK_OK;
	chunk = gk_chunk_new(0, gk_steal(parts));
	return chunk ? stream->emit(chunk, stream->user, err) : gk_error_no_memory(err);
}

static bool set_buf(json_t *object, const char *key, const gk_buf *buf)
{
	return gk_json_set_take(object, key, json_stringn(buf->len ? buf->data : "", buf->len));
}

gk_code gk_ollama_stream_end(gk_ollama_stream *stream, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *whole = NULL, *message = json_pack("{s:s}", "role", "assistant");

	if (!stream->last)
		return gk_error_set(err, GK_INTERNAL,
			"ollama: the stream broke off before the end of the answer");
	whole = gk_json_copy(stream->last);
	if (!set_buf(message, "content", &stream->text) ||
		(stream->thinking.len && !set_buf(message, "thinking", &stream->thinking)) ||
		(json_array_size(stream->calls) &&
			!gk_json_set(message, "tool_calls", stream->calls)) ||
		!gk_json_set(whole, "message", message))
		return gk_error_no_memory(err);
	*ret = gk_steal(whole);
	return GK_OK;
}
