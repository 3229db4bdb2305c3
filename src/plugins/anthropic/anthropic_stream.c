/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A message in events. Blocks come one after the other, each with a start, deltas and a stop; text leaves as it comes, the
 * call of a tool when its block stops. What the events say is gathered into a message like any other.
 */
#include "plugins/anthropic/anthropic.h"

#include "base/str.h"
#include "plugins/common/ask.h"
#include "plugins/common/failure.h"

struct gk_anthropic_block {
	gk_anthropic_block *next;
	int64_t index;
	json_t *start; /* the block as it began */
	gk_buf text;   /* or thinking */
	gk_buf signature, input;
	json_t *citations; /* NULL: none */
	bool is_stopped;
};

void gk_anthropic_stream_done(gk_anthropic_stream *stream)
{
	while (stream->first) {
		gk_anthropic_block *block = stream->first;

		stream->first = block->next;
		json_decref(block->start);
		json_decref(block->citations);
		gk_buf_done(&block->text);
		gk_buf_done(&block->signature);
		gk_buf_done(&block->input);
		free(block);
	}
	json_decref(stream->message);
	stream->message = NULL;
}

static gk_code tell(gk_anthropic_stream *stream, json_t *part_take, gk_error *err)
{
	gk_auto_json json_t *part = part_take, *content = json_array();
	json_t *chunk;

	if (!part || !content || json_array_append(content, part) < 0)
		return gk_error_no_memory(err);
	chunk = gk_chunk_new(0, gk_steal(content));
	return chunk ? stream->emit(chunk, stream->user, err) : gk_error_no_memory(err);
}

/* --- errors --- */

gk_code gk_anthropic_failure(const gk_outgoing *out, const json_t *said, gk_error *err)
{
	static const struct {
		const char *type;
		gk_code code;
	} types[] = {
		{ "invalid_request_error", GK_INVALID_ARGUMENT },
		{ "authentication_error", GK_UNAUTHENTICATED },
		{ "billing_error", GK_FAILED_PRECONDITION },
		{ "permission_error", GK_PERMISSION_DENIED },
		{ "not_found_error", GK_NOT_FOUND },
		{ "request_too_large", GK_INVALID_ARGUMENT },
		{ "rate_limit_error", GK_RESOURCE_EXHAUSTED },
		{ "timeout_error", GK_DEADLINE_EXCEEDED },
		{ "api_error", GK_INTERNAL },
		{ "overloaded_error", GK_UNAVAILABLE },
	};
	const char *type = gk_json_str_peek(said, "error.type");
	gk_code code = GK_INTERNAL;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (gk_str_equal(type, types[i].type))
			code = types[i].code;
	if (!gk_json_str_peek(said, "error.message"))
		return gk_error_set(err, code, "anthropic: the answer is an error");
	return gk_failure_as(err, code, "anthropic", out, said);
}

static gk_code fail(gk_anthropic_stream *stream, const json_t *event, gk_error *err)
{
	return gk_anthropic_failure(stream->out, event, err);
}

/* --- blocks --- */

static gk_anthropic_block *find_block(gk_anthropic_stream *stream, const json_t *event)
{
	int64_t index = gk_json_int_at(event, "index", 0);
	gk_anthropic_block *block = stream->last;

	if (block && block->index == index)
		return block;
	for (block = stream->first; block; block = block->next)
		if (block->index == index)
			return block;
	return NULL;
}

static gk_code start_block(gk_anthropic_stream *stream, const json_t *event, gk_error *err)
{
	json_t *start = json_object_get(event, "content_block"), *before, *part = NULL;
	const char *type = gk_json_str_peek(start, "type");
	gk_anthropic_block *block;
	gk_code rc;

	if (!json_is_object(start))
		return gk_error_set(err, GK_INTERNAL,
			"anthropic: the stream's content_block_start has no content_block");
	if (stream->count == GK_MAX_VENDOR_CALLS)
		return gk_error_set(
			err, GK_RESOURCE_EXHAUSTED, "anthropic: the stream has too many blocks");
	block = calloc(1, sizeof(*block));
	if (!block)
		return gk_error_no_memory(err);
	block->index = gk_json_int_at(event, "index", 0);
	block->start = json_incref(start);
	before = json_object_get(start, gk_str_equal(type, "thinking") ? "thinking" : "text");
	if (json_string_length(before))
		gk_buf_put(&block->text, json_string_value(before), json_string_length(before));
	if (stream->last)
		stream->last->next = block;
	else
		stream->first = block;
	stream->last = block;
	stream->count++;
	if (gk_str_equal(type, "tool_use"))
		return GK_OK;
	if (gk_str_equal(type, "thinking")) {
		const char *signature = gk_json_str_peek(start, "signature");

		if (signature)
			gk_buf_puts(&block->signature, signature);
		if (!json_string_length(before))
			return GK_OK;
		/* Its signature is for the whole. */
		return tell(stream,
			gk_part_new(
				"reasoning", json_string_value(before), json_string_length(before)),
			err);
	}
	rc = gk_anthropic_part(start, &part, err);
	return rc == GK_OK && part ? tell(stream, part, err) : rc;
}

static gk_code add_citation(
	gk_anthropic_stream *stream, gk_anthropic_block *block, json_t *citation, gk_error *err)
{
	json_t *own = gk_anthropic_citation(citation);

	if (!block->citations)
		block->citations = json_array();
	if (!block->citations || json_array_append(block->citations, citation) < 0) {
		json_decref(own);
		return gk_error_no_memory(err);
	}
	if (!own)
		return GK_OK;
	return tell(stream, json_pack("{s:s, s:{s:[o]}}", "text", "", "metadata", "citations", own),
		err);
}

/* Text of a delta: into the buffer, and on as a part when `member` is one. */
static gk_code add_text(gk_anthropic_stream *stream, gk_buf *buf, const json_t *text,
	const char *member, gk_error *err)
{
	size_t len = json_string_length(text);

	if (!len)
		return GK_OK;
	stream->size += len;
	if (stream->size > GK_MAX_VENDOR_STREAM)
		return gk_error_set(
			err, GK_RESOURCE_EXHAUSTED, "anthropic: the stream is too long");
	gk_buf_put(buf, json_string_value(text), len);
	if (gk_buf_failed(buf))
		return gk_error_no_memory(err);
	return member ? tell(stream, gk_part_new(member, json_string_value(text), len), err)
		      : GK_OK;
}

static gk_code take_delta(gk_anthropic_stream *stream, const json_t *event, gk_error *err)
{
	const json_t *delta = json_object_get(event, "delta");
	const char *type = gk_json_str_peek(delta, "type");
	gk_anthropic_block *block = find_block(stream, event);

	if (!block)
		return gk_error_set(err, GK_INTERNAL,
			"anthropic: the stream has a delta of a block that did not start");
	if (gk_str_equal(type, "text_delta"))
		return add_text(stream, &block->text, json_object_get(delta, "text"), "text", err);
	if (gk_str_equal(type, "thinking_delta"))
		return add_text(
			stream, &block->text, json_object_get(delta, "thinking"), "reasoning", err);
	if (gk_str_equal(type, "signature_delta"))
		return add_text(
			stream, &block->signature, json_object_get(delta, "signature"), NULL, err);
	if (gk_str_equal(type, "input_json_delta"))
		return add_text(
			stream, &block->input, json_object_get(delta, "partial_json"), NULL, err);
	if (gk_str_equal(type, "citations_delta"))
		return add_citation(stream, block, json_object_get(delta, "citation"), err);
	return GK_OK;
}

/* The block as it is without a stream. */
static gk_code whole_block(const gk_anthropic_block *block, json_t **ret, gk_error *err)
{
	const char *type = gk_json_str_peek(block->start, "type");
	const char *member = gk_str_equal(type, "thinking") ? "thinking" : "text";
	gk_auto_json json_t *whole = gk_json_copy(block->start), *input = NULL;

	if (block->input.len && gk_json_parse(block->input.data, block->input.len,
					GK_MAX_VENDOR_BODY, &input, NULL) != GK_OK)
		return gk_error_set(err, GK_INTERNAL,
			"anthropic: the input of the call of tool '%s' is not JSON",
			gk_json_str_peek(block->start, "name"));
	if (!whole || (input && !gk_json_set(whole, "input", input)) ||
		(block->text.len && !gk_json_set_take(whole, member,
					    json_stringn(block->text.data, block->text.len))) ||
		(block->signature.len &&
			!gk_json_set_str(whole, "signature", block->signature.data)) ||
		(block->citations && !gk_json_set(whole, "citations", block->citations)))
		return gk_error_no_memory(err);
	*ret = gk_steal(whole);
	return GK_OK;
}

static gk_code stop_block(gk_anthropic_stream *stream, const json_t *event, gk_error *err)
{
	gk_anthropic_block *block = find_block(stream, event);
	gk_auto_json json_t *whole = NULL;
	json_t *part = NULL;
	gk_code rc;

	if (!block || block->is_stopped ||
		!gk_str_equal(gk_json_str_peek(block->start, "type"), "tool_use"))
		return GK_OK;
	block->is_stopped = true;
	rc = whole_block(block, &whole, err);
	if (rc == GK_OK)
		rc = gk_anthropic_part(whole, &part, err);
	if (rc == GK_OK && !gk_tool_name_restore(&gk_anthropic_tool_names, stream->request, part)) {
		json_decref(part);
		return gk_error_no_memory(err);
	}
	return rc == GK_OK ? tell(stream, part, err) : rc;
}

/* --- the message --- */

static gk_code start_message(gk_anthropic_stream *stream, const json_t *event, gk_error *err)
{
	const json_t *message = json_object_get(event, "message");

	if (!json_is_object(message))
		return gk_error_set(
			err, GK_INTERNAL, "anthropic: the stream's message_start has no message");
	json_decref(stream->message);
	stream->message = json_deep_copy(message);
	return stream->message ? GK_OK : gk_error_no_memory(err);
}

static gk_code take_end(gk_anthropic_stream *stream, const json_t *event, gk_error *err)
{
	gk_auto_json json_t *usage = NULL;
	const char *key;
	json_t *value;

	if (!stream->message && !(stream->message = json_object()))
		return gk_error_no_memory(err);
	usage = gk_json_merge(json_object_get(stream->message, "usage"), NULL);
	json_object_foreach (json_object_get(event, "usage"), key, value)
		if (!json_is_null(value) && !gk_json_set(usage, key, value))
			return gk_error_no_memory(err);
	json_object_foreach (json_object_get(event, "delta"), key, value)
		if (!json_is_null(value) && !gk_json_set(stream->message, key, value))
			return gk_error_no_memory(err);
	return gk_json_set(stream->message, "usage", usage) ? GK_OK : gk_error_no_memory(err);
}

static gk_code stop_message(gk_anthropic_stream *stream, const json_t *event, gk_error *err)
{
	(void)event;
	(void)err;
	stream->is_done = true;
	return GK_OK;
}

static const struct {
	const char *type;
	gk_code (*take)(gk_anthropic_stream *stream, const json_t *event, gk_error *err);
} events[] = {
	{ "content_block_delta", take_delta },
	{ "content_block_start", start_block },
	{ "content_block_stop", stop_block },
	{ "message_start", start_message },
	{ "message_delta", take_end },
	{ "message_stop", stop_message },
	{ "error", fail },
};

gk_code gk_anthropic_stream_push(
	gk_anthropic_stream *stream, const char *data, size_t len, gk_error *err)
{
	gk_auto_json json_t *event = NULL;
	const char *type;
	gk_code rc;

	if (stream->is_done || !len)
		return GK_OK;
	rc = gk_ask_parse("anthropic", data, len, &event, err);
	if (rc != GK_OK)
		return rc;
	type = gk_json_str_peek(event, "type");
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (gk_str_equal(type, events[i].type))
			return events[i].take(stream, event, err);
	return GK_OK; /* ping, and what is not known yet */
}

gk_code gk_anthropic_stream_end(gk_anthropic_stream *stream, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *content = json_array();

	if (!stream->is_done || !stream->message)
		return gk_error_set(
			err, GK_INTERNAL, "anthropic: the stream broke off before message_stop");
	for (const gk_anthropic_block *block = stream->first; block; block = block->next) {
		json_t *whole = NULL;
		gk_code rc = whole_block(block, &whole, err);

		if (rc != GK_OK)
			return rc;
		if (!gk_json_push_take(content, whole))
			return gk_error_no_memory(err);
	}
	if (!gk_json_set(stream->message, "content", content))
		return gk_error_no_memory(err);
	*ret = json_incref(stream->message);
	return GK_OK;
}
