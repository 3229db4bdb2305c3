/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/gemini/gemini.h"

#include "base/limits.h"
#include "base/str.h"
#include "plugins/common/ask.h"
#include "plugins/common/failure.h"

void gk_gemini_stream_done(gk_gemini_stream *stream)
{
	json_decref(stream->whole);
	stream->whole = NULL;
}

/* Lists grow, objects do so member by member; of anything else the last counts, which a null is not. */
static bool merge(json_t *into, const char *key, json_t *value)
{
	json_t *before = json_object_get(into, key), *member;
	const char *name;

	if (json_is_null(value))
		return true;
	if (json_is_array(before) && json_is_array(value))
		return json_array_extend(before, value) == 0;
	if (!json_is_object(before) || !json_is_object(value))
		return gk_json_set_take(into, key, json_deep_copy(value));
	json_object_foreach (value, name, member)
		if (json_is_array(member) && json_is_array(json_object_get(before, name))
				? json_array_extend(json_object_get(before, name), member) < 0
				: !json_is_null(member) &&
					  !gk_json_set_take(before, name, json_deep_copy(member)))
			return false;
	return true;
}

/* A candidate of the answer so far, by its index. Borrowed. */
static gk_code find_candidate(gk_gemini_stream *stream, int64_t index, json_t **ret, gk_error *err)
{
	json_t *all = json_object_get(stream->whole, "candidates"), *one;
	size_t i;

	json_array_foreach (all, i, one)
		if (gk_json_int_at(one, "index", 0) == index) {
			*ret = one;
			return GK_OK;
		}
	if (json_array_size(all) == GK_MAX_VENDOR_CHOICES)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"%s: the stream has too many candidates", stream->call->who);
	one = json_pack("{s:I, s:{s:s, s:[]}}", "index", (json_int_t)index, "content", "role",
		"model", "parts");
	/* The first candidate is the one that is answered with, whichever came first. */
	if (!one || json_array_insert_new(all, index == 0 ? 0 : json_array_size(all), one) < 0)
		return gk_error_no_memory(err);
	*ret = one;
	return GK_OK;
}

/* The call that goes on: the last part, when it says so. Borrowed; NULL: none. */
static json_t *open_call(json_t *parts)
{
	json_t *last = json_array_get(parts, json_array_size(parts) - 1);
	json_t *call = json_object_get(last, "functionCall");

	return json_is_true(json_object_get(call, "willContinue")) ? last : NULL;
}

/* A piece of a function call that comes in pieces: into the one that is open, or, with a name, a new one. */
static json_t *gather_call(json_t *parts, json_t *part)
{
	json_t *piece = json_object_get(part, "functionCall"), *call, *args;
	const char *name = gk_json_str_peek(piece, "name");
	json_t *whole = open_call(parts);

	if (whole && name && *name) {
		json_object_del(json_object_get(whole, "functionCall"), "willContinue");
		whole = NULL;
	}
	if (!whole) {
		whole = json_deep_copy(part);
		if (!whole || json_array_append_new(parts, whole) < 0)
			return NULL;
		json_object_del(json_object_get(whole, "functionCall"), "partialArgs");
	} else if (json_object_update_missing(whole, part) < 0) { /* a signature that comes late */
		return NULL;
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

/* Keeps a part. New reference: what the chunk tells of it, which of a call in pieces is as much as there is, with what the
 * piece itself was marked with. NULL when memory ran out. */
static json_t *gather_part(json_t *parts, json_t *part)
{
	const json_t *call = gk_given_peek(part, "functionCall"), *whole;
	gk_auto_json json_t *told = NULL;

	if (!call || !(open_call(parts) || json_object_get(call, "partialArgs") ||
			     json_is_true(json_object_get(call, "willContinue"))))
		return json_array_append(parts, part) == 0 ? json_incref(part) : NULL;
	whole = gather_call(parts, part);
	told = whole ? gk_json_copy(part) : NULL;
	/* A copy: the call goes on to change. */
	if (!told || !gk_json_set_take(told, "functionCall",
			     json_deep_copy(json_object_get(whole, "functionCall"))))
		return NULL;
	return gk_steal(told);
}

static bool says_nothing(const json_t *part)
{
	const json_t *text = json_object_get(part, "text");

	if (!text)
		text = json_object_get(part, "reasoning");
	return text && !json_string_length(text) && json_object_size(part) == 1;
}

/* Adds to `content` what a part of a piece tells. */
static gk_code take_part(
	gk_gemini_stream *stream, json_t *parts, json_t *part, json_t *content, gk_error *err)
{
	gk_auto_json json_t *told = NULL, *one = NULL;
	gk_code rc;

	if (++stream->parts > GK_MAX_GEMINI_PARTS)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED, "%s: the stream has too many parts",
			stream->call->who);
	told = gather_part(parts, part);
	rc = told ? gk_gemini_part(stream->call, told, &one, err) : gk_error_no_memory(err);
	if (rc == GK_OK && one && !says_nothing(one) && json_array_append(content, one) < 0)
		rc = gk_error_no_memory(err);
	return rc;
}

static gk_code take_candidate(gk_gemini_stream *stream, const json_t *piece, gk_error *err)
{
	json_t *whole = NULL, *parts, *part, *value, *chunk;
	gk_auto_json json_t *content = json_array();
	const char *key;
	size_t i;
	gk_code rc =
		content ? find_candidate(stream, gk_json_int_at(piece, "index", 0), &whole, err)
			: gk_error_no_memory(err);

	parts = gk_json_at_peek(whole, "content.parts");
	json_array_foreach (gk_json_at_peek(piece, "content.parts"), i, part)
		if (rc == GK_OK)
			rc = take_part(stream, parts, part, content, err);
	if (rc != GK_OK)
		return rc;
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
	gk_code rc;

	if (!len) /* to keep the connection open */
		return GK_OK;
	rc = gk_ask_parse(stream->call->who, data, len, &piece, err);
	if (rc != GK_OK)
		return rc;
	if (json_is_object(json_object_get(piece, "error")))
		return gk_failure_in_answer(err, stream->call->who, stream->out, piece);
	if (!stream->whole)
		stream->whole = json_pack("{s:[]}", "candidates");
	json_object_foreach (piece, key, one)
		if (strcmp(key, "candidates") != 0 && !json_is_null(one) &&
			!gk_json_set(stream->whole, key, one))
			return gk_error_no_memory(err);
	json_array_foreach (json_object_get(piece, "candidates"), i, one) {
		rc = take_candidate(stream, one, err);
		if (rc != GK_OK)
			return rc;
	}
	return stream->whole ? GK_OK : gk_error_no_memory(err);
}

gk_code gk_gemini_stream_end(
	gk_gemini_stream *stream, bool is_cut, const gk_buf *rest, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *left = NULL;

	if (rest && rest->len && *rest->data == '{' &&
		gk_json_parse(rest->data, rest->len, GK_MAX_VENDOR_FAILURE, &left, NULL) == GK_OK &&
		json_is_object(json_object_get(left, "error")))
		return gk_failure_in_answer(err, stream->call->who, stream->out, left);
	if (is_cut || !stream->whole)
		return gk_error_set(err, GK_INTERNAL, "%s: the stream broke off before its end",
			stream->call->who);
	*ret = json_incref(stream->whole);
	return GK_OK;
}
