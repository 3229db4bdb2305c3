/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/cloudflare/cloudflare.h"

#include "base/str.h"
#include "plugins/common/ask.h"
#include "plugins/common/failure.h"

/* Flat, or as OpenAI has it; an id has no place in the history, so it is left out. */
static gk_code add_call(const char *who, const json_t *call, json_t *parts, gk_error *err)
{
	const json_t *function = json_object_get(call, "function");
	const json_t *it = function ? function : call;
	const char *name = gk_json_str_peek(it, "name");
	json_t *input = NULL;
	gk_code rc = gk_call_arguments(who, name, json_object_get(it, "arguments"), &input, err);

	if (rc != GK_OK)
		return rc;
	return gk_json_push_take(parts, gk_part_tool_request(name, NULL, input))
		       ? GK_OK
		       : gk_error_no_memory(err);
}

/* What is said: JSON where it was asked for, or a number where text looks like one. "" for nothing. New reference. */
static json_t *text_of(const json_t *it)
{
	const json_t *response = json_object_get(it, "response");

	return gk_json_as_text(json_is_null(response) ? NULL : response);
}

/* What a result or a piece of one says. */
static gk_code add_parts(const char *who, json_t *parts, const json_t *it, gk_error *err)
{
	gk_auto_json json_t *text = text_of(it);
	json_t *call;
	size_t i;
	gk_code rc = GK_OK;

	if (!text ||
		!gk_parts_add(parts, "text", json_string_value(text), json_string_length(text)))
		return gk_error_no_memory(err);
	json_array_foreach (json_object_get(it, "tool_calls"), i, call)
		if (rc == GK_OK)
			rc = add_call(who, call, parts, err);
	return rc;
}

gk_code gk_cloudflare_check(
	const char *who, const json_t *answer, const gk_outgoing *out, gk_error *err)
{
	if (!json_is_false(json_object_get(answer, "success")) && !gk_failure_is(answer))
		return GK_OK;
	gk_failure_set(err, who, out, 200, answer, "the run failed", -1);
	if (err)
		err->code = GK_INTERNAL;
	return GK_INTERNAL;
}

gk_code gk_cloudflare_answer(
	const char *who, const json_t *request, json_t *result, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *content = json_array(), *response = NULL;
	json_t *usage;
	gk_code rc;

	if (!json_is_object(result))
		return gk_error_set(err, GK_INTERNAL, "%s: the answer has no result", who);
	rc = content ? add_parts(who, content, result, err) : gk_error_no_memory(err);
	if (rc == GK_OK)
		rc = gk_vendor_response(request, gk_steal(content), result, &response, err);
	if (rc != GK_OK)
		return rc;
	usage = json_object_get(response, "usage");
	if (!gk_usage_copy(usage, "inputTokens", result, "usage.prompt_tokens") ||
		!gk_usage_copy(usage, "outputTokens", result, "usage.completion_tokens") ||
		!gk_usage_copy(usage, "totalTokens", result, "usage.total_tokens"))
		return gk_error_no_memory(err);
	*ret = gk_steal(response);
	return GK_OK;
}

/* --- in pieces --- */

void gk_cloudflare_stream_done(gk_cloudflare_stream *stream)
{
	gk_buf_done(&stream->text);
	json_decref(stream->calls);
	json_decref(stream->usage);
	stream->calls = stream->usage = NULL;
}

static gk_code gather(gk_cloudflare_stream *stream, const json_t *piece, gk_error *err)
{
	gk_auto_json json_t *text = text_of(piece);
	json_t *calls = json_object_get(piece, "tool_calls"),
	       *usage = json_object_get(piece, "usage");

	if (!text)
		return gk_error_no_memory(err);
	gk_buf_put(&stream->text, json_string_value(text), json_string_length(text));
	if (!stream->calls)
		stream->calls = json_array();
	if (stream->text.len > GK_MAX_VENDOR_STREAM ||
		json_array_size(stream->calls) + json_array_size(calls) > GK_MAX_VENDOR_CALLS)
		return gk_error_set(
			err, GK_RESOURCE_EXHAUSTED, "%s: the stream is too long", stream->who);
	if (gk_buf_failed(&stream->text) ||
		(json_is_array(calls) && json_array_extend(stream->calls, calls) < 0))
		return gk_error_no_memory(err);
	if (json_is_object(usage)) {
		json_decref(stream->usage);
		stream->usage = json_incref(usage);
	}
	return GK_OK;
}

gk_code gk_cloudflare_stream_push(
	gk_cloudflare_stream *stream, const char *data, size_t len, gk_error *err)
{
	gk_auto_json json_t *piece = NULL, *parts = json_array();
	json_t *chunk;
	gk_code rc;

	if (stream->is_done || !len)
		return GK_OK;
	if (gk_ask_is_done(data, len)) {
		stream->is_done = true;
		return GK_OK;
	}
	rc = gk_ask_parse(stream->who, data, len, &piece, err);
	if (rc == GK_OK)
		rc = gk_cloudflare_check(stream->who, piece, stream->out, err);
	if (rc == GK_OK)
		rc = gather(stream, piece, err);
	if (rc == GK_OK)
		rc = parts ? add_parts(stream->who, parts, piece, err) : gk_error_no_memory(err);
	if (rc != GK_OK || !json_array_size(parts))
		return rc;
	chunk = gk_chunk_new(0, gk_steal(parts));
	return chunk ? stream->emit(chunk, stream->user, err) : gk_error_no_memory(err);
}

gk_code gk_cloudflare_stream_end(gk_cloudflare_stream *stream, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *whole = json_object();

	if (!stream->is_done)
		return gk_error_set(err, GK_INTERNAL,
			"%s: the stream broke off before the end of the answer", stream->who);
	if (!gk_json_set_take(whole, "response",
		    json_stringn(stream->text.len ? stream->text.data : "", stream->text.len)) ||
		(json_array_size(stream->calls) &&
			!gk_json_set(whole, "tool_calls", stream->calls)) ||
		(stream->usage && !gk_json_set(whole, "usage", stream->usage)))
		return gk_error_no_memory(err);
	*ret = gk_steal(whole);
	return GK_OK;
}
