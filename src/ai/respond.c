/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "ai/respond.h"

#include "ai/request.h"
#include "base/str.h"
#include "json/edit.h"

/* A message says which kind of output it was to be, when the request did. */
static json_t *stamped(json_t *message, json_t *request)
{
	json_t *output = gk_json_peek(request, "output");
	json_t *type = NULL, *format = NULL;
	gk_auto_json json_t *kind = NULL, *generate = NULL, *metadata = NULL;

	if (json_object_size(output)) {
		type = gk_json_peek(output, "contentType");
		format = gk_json_peek(output, "format");
	}
	if (!type && !format)
		return json_incref(message);
	kind = json_object();
	if ((type && !gk_json_set(kind, "contentType", type)) ||
		(format && !gk_json_set(kind, "format", format)))
		return NULL;
	metadata = gk_json_merge(gk_json_peek(message, "metadata"), NULL);
	generate = gk_json_merge(gk_json_peek(metadata, "generate"), NULL);
	if (!gk_json_set(generate, "output", kind) || !gk_json_set(metadata, "generate", generate))
		return NULL;
	return gk_json_object_with(message, "metadata", gk_steal(metadata));
}

static bool set_or_empty(json_t *object, const char *key, json_t *value)
{
	return value ? gk_json_set(object, key, value)
		     : gk_json_set_take(object, key, json_object());
}

/* Older models give candidates: the first of them counts. */
static json_t *answer_of(json_t *given)
{
	json_t *candidate;

	if (gk_json_peek(given, "message"))
		return given;
	candidate = json_array_get(gk_json_peek(given, "candidates"), 0);
	return candidate ? candidate : given;
}

static json_t *present(json_t *object, const char *key)
{
	json_t *value = gk_json_peek(object, key);

	return json_is_null(value) ? NULL : value;
}

gk_code gk_respond(json_t *given, json_t *request, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *response = json_object();
	json_t *answer = answer_of(given), *message = present(answer, "message");
	json_t *reason = present(answer, "finishReason");
	json_t *words = present(answer, "finishMessage");

	if ((message && !gk_json_set_take(response, "message", stamped(message, request))) ||
		(reason && !gk_json_set(response, "finishReason", reason)) ||
		(json_string_length(words) && !gk_json_set(response, "finishMessage", words)) ||
		!set_or_empty(response, "usage", present(given, "usage")) ||
		!set_or_empty(response, "custom", present(given, "custom")) ||
		!gk_json_set(response, "request", request))
		return gk_error_no_memory(err);
	*ret = gk_steal(response);
	return GK_OK;
}

gk_code gk_respond_operation(json_t *operation, json_t *request, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *response = json_object();

	if (!set_or_empty(response, "usage", NULL) || !set_or_empty(response, "custom", NULL) ||
		!gk_json_set(response, "request", request) ||
		!gk_json_set(response, "operation", operation))
		return gk_error_no_memory(err);
	*ret = gk_steal(response);
	return GK_OK;
}

gk_code gk_respond_interrupted(json_t *response, json_t *message, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *own = gk_json_copy(response);

	if (!gk_json_set(own, "message", message) ||
		!gk_json_set_str(own, "finishReason", "interrupted") ||
		!gk_json_set_str(
			own, "finishMessage", "One or more tool calls resulted in interrupts."))
		return gk_error_no_memory(err);
	*ret = gk_steal(own);
	return GK_OK;
}

static const char *or_undefined(const char *text)
{
	return text ? text : "undefined";
}

gk_code gk_respond_check(json_t *response, gk_error *err)
{
	const char *reason = json_string_value(gk_json_peek(response, "finishReason"));
	bool is_blocked = gk_str_equal(reason, "blocked");
	const char *words;

	if (!is_blocked && gk_json_peek(response, "message"))
		return GK_OK;
	words = json_string_value(gk_json_peek(response, "finishMessage"));
	if (is_blocked)
		gk_error_set(err, GK_FAILED_PRECONDITION, "Generation blocked%s%s",
			words ? ": " : ".", words ? words : "");
	else
		gk_error_set(err, GK_FAILED_PRECONDITION,
			"Model did not generate a message. Finish reason: '%s': %s",
			or_undefined(reason), or_undefined(words));
	return gk_error_details_take(err, json_pack("{s:O}", "response", response));
}
