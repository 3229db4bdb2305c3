/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A completion in pieces. Each piece gives a chunk for each of its choices; what the pieces say is gathered, and in the end
 * is a completion like any other, so that answer.c is the only one to read it.
 */
#include "plugins/oai/oai.h"

#include "base/str.h"
#include "json/partial.h"
#include "plugins/common/ask.h"
#include "plugins/common/failure.h"

typedef struct tool_call {
	struct tool_call *next;
	double index;    /* as it is told, which need not be whole */
	char *id, *name; /* NULL: not told yet */
	gk_buf arguments;
	bool is_custom; /* which are text, not JSON */
	size_t told;    /* length of the arguments when the last chunk was made */
} tool_call;

struct gk_oai_choice {
	int64_t index;
	gk_buf text, reasoning, refusal;
	tool_call *calls, *last; /* by index; the one that began last */
	json_t *finish_reason, *error;
};

void gk_oai_stream_init(
	gk_oai_stream *stream, const gk_oai_call *call, gk_oai_emit_fn *emit, void *user)
{
	*stream = (gk_oai_stream){ .call = call, .emit = emit, .user = user };
}

static void free_choice(gk_oai_choice *choice)
{
	while (choice->calls) {
		tool_call *call = choice->calls;

		choice->calls = call->next;
		free(call->id);
		free(call->name);
		gk_buf_done(&call->arguments);
		free(call);
	}
	gk_buf_done(&choice->text);
	gk_buf_done(&choice->reasoning);
	gk_buf_done(&choice->refusal);
	json_decref(choice->finish_reason);
	json_decref(choice->error);
	free(choice);
}

void gk_oai_stream_done(gk_oai_stream *stream)
{
	for (size_t i = 0; i < stream->choice_count; i++)
		free_choice(stream->choices[i]);
	stream->choice_count = 0;
	json_decref(stream->top);
	stream->top = NULL;
}

static gk_code too_much(gk_oai_stream *stream, const char *what, gk_error *err)
{
	return gk_error_set(err, GK_RESOURCE_EXHAUSTED, "%s: the stream has too many %s",
		stream->call->vendor->name, what);
}

static gk_code find_choice(gk_oai_stream *stream, int64_t index, gk_oai_choice **ret, gk_error *err)
{
	gk_oai_choice *choice;

	for (size_t i = 0; i < stream->choice_count; i++)
		if (stream->choices[i]->index == index) {
			*ret = stream->choices[i];
			return GK_OK;
		}
	if (stream->choice_count == GK_MAX_VENDOR_CHOICES)
		return too_much(stream, "choices", err);
	choice = calloc(1, sizeof(*choice));
	if (!choice)
		return gk_error_no_memory(err);
	choice->index = index;
	stream->choices[stream->choice_count++] = choice;
	*ret = choice;
	return GK_OK;
}

/* --- tool calls --- */

/* The last one with that index. Some services give all calls the same: another id with a name begins another call. */
static tool_call *call_of_index(const gk_oai_choice *choice, double index, const json_t *piece)
{
	const char *id = gk_json_str_peek(piece, "id");
	const char *name = gk_oai_called_peek(piece).name;
	tool_call *found = NULL;

	for (tool_call *call = choice->calls; call; call = call->next)
		if (call->index == index)
			found = call;
	return found && found->id && id && *id && strcmp(id, found->id) != 0 && name && *name
		       ? NULL
		       : found;
}

/* Without an index: by its id, or by its place among the pieces that came together; alone it goes on with the last, unless it
 * names another tool. */
static tool_call *call_without_index(
	const gk_oai_choice *choice, const json_t *piece, size_t place, bool is_alone)
{
	const char *id = gk_json_str_peek(piece, "id"), *name = gk_oai_called_peek(piece).name;
	tool_call *call = choice->calls, *last = choice->last;
	bool is_another = last && last->name && name && *name && strcmp(name, last->name) != 0;

	if (id && *id) {
		while (call && (!call->id || strcmp(id, call->id) != 0))
			call = call->next;
		return call || !last || last->id ? call : last;
	}
	if (is_alone)
		return is_another ? NULL : last;
	while (call && place--)
		call = call->next;
	return call;
}

/* Its own, or that behind the last. */
static double index_of(const gk_oai_choice *choice, const json_t *piece)
{
	const json_t *own = json_object_get(piece, "index");
	double before = choice->last ? choice->last->index : -1;

	return json_is_number(own) ? json_number_value(own) : before + 1;
}

static gk_code add_call(
	gk_oai_stream *stream, gk_oai_choice *choice, double index, tool_call **ret, gk_error *err)
{
	tool_call **at = &choice->calls, *call;

	if (stream->call_count == GK_MAX_VENDOR_CALLS)
		return too_much(stream, "tool calls", err);
	call = calloc(1, sizeof(*call));
	if (!call)
		return gk_error_no_memory(err);
	call->told = SIZE_MAX;
	call->index = index;
	while (*at && (*at)->index <= index)
		at = &(*at)->next;
	call->next = *at;
	*at = call;
	choice->last = call;
	stream->call_count++;
	*ret = call;
	return GK_OK;
}

/* Some services repeat them with every piece: the last one counts. */
static bool set_text(char **text, const char *value)
{
	char *copy;

	if (!value || !*value)
		return true;
	copy = strdup(value);
	if (!copy)
		return false;
	free(*text);
	*text = copy;
	return true;
}

static bool add_arguments(gk_oai_stream *stream, tool_call *call, const json_t *arguments)
{
	size_t before = call->arguments.len;

	if (json_is_string(arguments)) {
		gk_buf_put(&call->arguments, json_string_value(arguments),
			json_string_length(arguments));
	} else if (arguments && !json_is_null(arguments)) { /* some send an object, whole */
		gk_auto_str char *text = gk_json_write(arguments, NULL);

		if (!text)
			return false;
		gk_buf_clear(&call->arguments);
		gk_buf_puts(&call->arguments, text);
		before = 0;
	}
	stream->size += call->arguments.len - before;
	return !gk_buf_failed(&call->arguments);
}

/* Reading what there is takes time in its length: long arguments are read at each eighth of growth. */
static bool is_worth_telling(tool_call *call)
{
	size_t len = call->arguments.len;

	if (call->told != SIZE_MAX && len > GK_VENDOR_PARTIAL && len - call->told < len / 8)
		return false;
	call->told = len;
	return true;
}

static json_t *partial_request(const gk_oai_stream *stream, const tool_call *call)
{
	json_t *input = NULL;
	gk_auto_json json_t *part = NULL;

	if (call->is_custom)
		input = json_stringn(
			call->arguments.len ? call->arguments.data : "", call->arguments.len);
	else if (gk_json_parse_partial(call->arguments.data ? call->arguments.data : "",
			 call->arguments.len, &input, NULL) != GK_OK)
		input = NULL;
	part = gk_part_tool_request(call->name, call->id, input ? input : json_object());
	if (!gk_tool_name_restore(&gk_oai_tool_names, stream->call->request, part) ||
		!gk_json_set_bool(json_object_get(part, "toolRequest"), "partial", true))
		return NULL;
	return gk_steal(part);
}

static gk_code take_calls(gk_oai_stream *stream, gk_oai_choice *choice, const json_t *pieces,
	json_t *content, gk_error *err)
{
	json_t *piece;
	size_t i;

	json_array_foreach (pieces, i, piece) {
		gk_oai_called called = gk_oai_called_peek(piece);
		double index = index_of(choice, piece);
		tool_call *call = json_is_number(json_object_get(piece, "index"))
					  ? call_of_index(choice, index, piece)
					  : call_without_index(
						    choice, piece, i, json_array_size(pieces) == 1);
		gk_code rc = call ? GK_OK : add_call(stream, choice, index, &call, err);

		if (rc != GK_OK)
			return rc;
		if (!set_text(&call->id, gk_json_str_peek(piece, "id")) ||
			!set_text(&call->name, called.name) ||
			!add_arguments(stream, call, called.input))
			return gk_error_no_memory(err);
		call->is_custom |= called.is_custom;
		if (call->name && is_worth_telling(call) &&
			!gk_json_push_take(content, partial_request(stream, call)))
			return gk_error_no_memory(err);
	}
	return GK_OK;
}

/* --- text --- */

/* What has been added to a buffer becomes a part of the chunk. */
static bool tell_rest(json_t *content, const char *member, const gk_buf *buf, size_t before)
{
	return gk_parts_add(
		content, member, buf->data ? buf->data + before : "", buf->len - before);
}

static gk_code take_text(gk_oai_stream *stream, gk_oai_choice *choice, const json_t *delta,
	json_t *content, gk_error *err)
{
	size_t text_before = choice->text.len, reasoning_before = choice->reasoning.len;
	const json_t *reasoning = gk_oai_reasoning_peek(delta);
	const json_t *refusal = json_object_get(delta, "refusal");

	if (reasoning)
		gk_buf_put(&choice->reasoning, json_string_value(reasoning),
			json_string_length(reasoning));
	gk_oai_read_content(json_object_get(delta, "content"), &choice->text, &choice->reasoning);
	if (json_is_string(refusal))
		gk_buf_put(
			&choice->refusal, json_string_value(refusal), json_string_length(refusal));
	stream->size += choice->text.len - text_before + choice->reasoning.len - reasoning_before +
			json_string_length(refusal);
	if (gk_buf_failed(&choice->text) || gk_buf_failed(&choice->reasoning) ||
		gk_buf_failed(&choice->refusal) ||
		!tell_rest(content, "reasoning", &choice->reasoning, reasoning_before) ||
		!tell_rest(content, "text", &choice->text, text_before))
		return gk_error_no_memory(err);
	return GK_OK;
}

static void keep(json_t **slot, json_t *value)
{
	if (!value || json_is_null(value) || (json_is_string(value) && !json_string_length(value)))
		return;
	json_decref(*slot);
	*slot = json_incref(value);
}

/* --- one piece --- */

static gk_code take_choice(gk_oai_stream *stream, const json_t *piece, gk_error *err)
{
	gk_auto_json json_t *content = json_array();
	const json_t *delta = json_object_get(piece, "delta");
	gk_oai_choice *choice = NULL;
	json_t *chunk;
	gk_code rc = find_choice(stream, gk_json_int_at(piece, "index", 0), &choice, err);

	if (rc == GK_OK && !content)
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		rc = take_text(stream, choice, delta, content, err);
	if (rc == GK_OK)
		rc = take_calls(stream, choice, json_object_get(delta, "tool_calls"), content, err);
	if (rc != GK_OK)
		return rc;
	keep(&choice->finish_reason, json_object_get(piece, "finish_reason"));
	keep(&choice->error, json_object_get(piece, "error"));
	if (stream->size > GK_MAX_VENDOR_STREAM)
		return too_much(stream, "bytes", err);
	if (!json_array_size(content))
		return GK_OK;
	chunk = gk_chunk_new(choice->index, gk_steal(content));
	return chunk ? stream->emit(chunk, stream->user, err) : gk_error_no_memory(err);
}

static gk_code keep_top(gk_oai_stream *stream, const json_t *piece, gk_error *err)
{
	const char *name;
	json_t *value;

	if (!stream->top && !(stream->top = json_object()))
		return gk_error_no_memory(err);
	json_object_foreach ((json_t *)(uintptr_t)piece, name, value)
		if (!json_is_null(value) && strcmp(name, "choices") != 0 &&
			!gk_json_set(stream->top, name, value))
			return gk_error_no_memory(err);
	return GK_OK;
}

gk_code gk_oai_stream_push(gk_oai_stream *stream, const char *data, size_t len, gk_error *err)
{
	const gk_oai_call *call = stream->call;
	gk_auto_json json_t *piece = NULL;
	json_t *one;
	size_t i;
	gk_code rc;

	if (stream->is_done || !len)
		return GK_OK;
	if (gk_ask_is_done(data, len)) {
		stream->is_done = true;
		return GK_OK;
	}
	rc = gk_ask_parse(call->vendor->name, data, len, &piece, err);
	if (rc != GK_OK)
		return rc;
	if (stream->is_failure || gk_failure_is(piece))
		return gk_failure_in_answer(err, call->vendor->name, call->out, piece);
	rc = keep_top(stream, piece, err);
	json_array_foreach (json_object_get(piece, "choices"), i, one) {
		if (rc != GK_OK)
			break;
		rc = take_choice(stream, one, err);
	}
	return rc;
}

/* --- the end --- */

static bool set_buf(json_t *object, const char *key, const gk_buf *buf)
{
	return !buf->len || gk_json_set_take(object, key, json_stringn(buf->data, buf->len));
}

static json_t *whole_calls(const gk_oai_choice *choice)
{
	gk_auto_json json_t *calls = json_array();

	for (const tool_call *call = choice->calls; call; call = call->next) {
		const char *arguments = call->arguments.data ? call->arguments.data : "";
		const char *kind = call->is_custom ? "custom" : "function";
		json_t *one;

		if (!call->name) /* no more than a beginning */
			continue;
		one = json_pack("{s:s, s:s, s:{s:s, s:s%}}", "id", call->id ? call->id : "", "type",
			kind, kind, "name", call->name, call->is_custom ? "input" : "arguments",
			arguments, call->arguments.len);
		if (!gk_json_push_take(calls, one))
			return NULL;
	}
	return gk_steal(calls);
}

static json_t *whole_choice(const gk_oai_choice *choice)
{
	gk_auto_json json_t *message = json_pack("{s:s}", "role", "assistant");
	gk_auto_json json_t *calls = whole_calls(choice), *whole = json_object();

	if (!calls || !set_buf(message, "content", &choice->text) ||
		!set_buf(message, "reasoning_content", &choice->reasoning) ||
		!set_buf(message, "refusal", &choice->refusal) ||
		(json_array_size(calls) && !gk_json_set(message, "tool_calls", calls)) ||
		!gk_json_set_int(whole, "index", choice->index) ||
		!gk_json_set(whole, "message", message) ||
		(choice->finish_reason &&
			!gk_json_set(whole, "finish_reason", choice->finish_reason)) ||
		(choice->error && !gk_json_set(whole, "error", choice->error)))
		return NULL;
	return gk_steal(whole);
}

static bool is_finished(const gk_oai_stream *stream)
{
	for (size_t i = 0; i < stream->choice_count; i++)
		if (stream->choices[i]->finish_reason)
			return true;
	return stream->is_done;
}

/* The first choice is the one with the lowest index, whichever came first. */
static void put_lowest_first(gk_oai_stream *stream)
{
	for (size_t i = 1; i < stream->choice_count; i++)
		if (stream->choices[i]->index < stream->choices[0]->index) {
			gk_oai_choice *lower = stream->choices[i];

			stream->choices[i] = stream->choices[0];
			stream->choices[0] = lower;
		}
}

gk_code gk_oai_stream_end(gk_oai_stream *stream, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *choices = json_array();
	gk_auto_json json_t *whole = stream->top ? gk_json_copy(stream->top) : json_object();

	if (!is_finished(stream))
		return gk_error_set(err, GK_INTERNAL,
			"%s: the stream broke off before the end of the answer",
			stream->call->vendor->name);
	put_lowest_first(stream);
	for (size_t i = 0; i < stream->choice_count; i++)
		if (!gk_json_push_take(choices, whole_choice(stream->choices[i])))
			return gk_error_no_memory(err);
	if (!gk_json_set(whole, "choices", choices))
		return gk_error_no_memory(err);
	*ret = gk_steal(whole);
	return GK_OK;
}
