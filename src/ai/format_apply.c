/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What a format does to a request (formats sections 3 and 4). */
#include "ai/format.h"

#include "ai/request.h"
#include "base/str.h"
#include "json/edit.h"

/* --- instructions among the messages --- */

static bool is_output_part(const json_t *part, bool pending)
{
	json_t *metadata = json_object_get(part, "metadata");

	return gk_str_equal(json_string_value(json_object_get(metadata, "purpose")), "output") &&
	       gk_json_is_truthy(json_object_get(metadata, "pending")) == pending;
}

static bool are_instructed(const json_t *messages)
{
	json_t *message, *part;
	size_t i, j;

	json_array_foreach (messages, i, message) {
		json_t *content = json_object_get(message, "content");

		json_array_foreach (content, j, part)
			if (is_output_part(part, false))
				return true;
	}
	return false;
}

/* The first message of the system, else the last of the user; the count when there is neither. */
static size_t target_of(const json_t *messages)
{
	size_t count = json_array_size(messages), i, target = count;
	json_t *message;

	json_array_foreach (messages, i, message) {
		const char *role = json_string_value(json_object_get(message, "role"));

		if (gk_str_equal(role, "system"))
			return i;
		if (gk_str_equal(role, "user"))
			target = i;
	}
	return target;
}

static json_t *instruction_part(const char *text)
{
	gk_auto_json json_t *part = json_object(), *metadata = json_object();

	if (!gk_json_set_str(part, "text", text) ||
		!gk_json_set_str(metadata, "purpose", "output") ||
		!gk_json_set(part, "metadata", metadata))
		return NULL;
	return gk_steal(part);
}

/* A copy with the part in the place that was kept for it, or at the end. A place at the very beginning is passed over, as
 * the reference does. */
static json_t *instructed(const json_t *message, const char *text)
{
	gk_auto_json json_t *copy = gk_json_copy(message);
	json_t *given = json_object_get(message, "content");
	gk_auto_json json_t *content = given ? gk_json_array_copy(given) : json_array();
	json_t *part, *own = instruction_part(text);
	size_t i;

	json_array_foreach (content, i, part)
		if (i > 0 && is_output_part(part, true))
			break;
	if (i < json_array_size(content) ? !own || json_array_set_new(content, i, own) < 0
					 : !gk_json_push_take(content, own))
		return NULL;
	return gk_json_set(copy, "content", content) ? gk_steal(copy) : NULL;
}

gk_code gk_format_inject(json_t *messages, const char *instructions, json_t **ret, gk_error *err)
{
	size_t target = target_of(messages);
	gk_auto_json json_t *copy = NULL;
	json_t *message;

	if (!instructions || !*instructions || target == json_array_size(messages) ||
		are_instructed(messages)) {
		*ret = json_incref(messages);
		return GK_OK;
	}
	copy = gk_json_array_copy(messages);
	message = instructed(json_array_get(messages, target), instructions);
	if (!copy || !message || json_array_set_new(copy, target, message) < 0) {
		if (!copy)
			json_decref(message);
		return gk_error_no_memory(err);
	}
	*ret = gk_steal(copy);
	return GK_OK;
}

/* --- a request --- */

/* What the model is to be told: the request's own words, none, or the format's. The caller frees it. */
static gk_code instructions_for(
	const gk_output_format *format, const json_t *output, char **ret, gk_error *err)
{
	json_t *said = json_object_get(output, "instructions");

	*ret = NULL;
	if (json_is_string(said)) {
		*ret = strdup(json_string_value(said));
		return *ret ? GK_OK : gk_error_no_memory(err);
	}
	if (json_is_false(said))
		return GK_OK;
	return gk_format_instruct(format, json_object_get(output, "jsonSchema"), ret, err);
}

static bool wants_instructions(const gk_output_format *format, const json_t *output)
{
	json_t *config = gk_format_config_peek(format);

	return !json_is_false(json_object_get(config, "defaultInstructions")) ||
	       gk_json_is_truthy(json_object_get(output, "instructions"));
}

/* The format's configuration under what the request says; json stands for a schema without a format. */
static json_t *merged_output(const gk_output_format *format, const json_t *output)
{
	gk_auto_json json_t *merged = gk_json_merge(gk_format_config_peek(format), output);
	const char *name = json_string_value(json_object_get(output, "format"));

	if (gk_json_is_truthy(json_object_get(output, "jsonSchema")) && (!name || !*name) &&
		!gk_json_set_str(merged, "format", "json"))
		return NULL;
	return gk_steal(merged);
}

gk_code gk_format_apply(
	const gk_output_format *format, json_t *request, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *copy = NULL, *messages = NULL;
	json_t *output = json_object_get(request, "output");
	gk_auto_str char *instructions = NULL;
	gk_code rc;

	if (!format) {
		*ret = json_incref(request);
		return GK_OK;
	}
	rc = gk_format_check(format, json_object_get(output, "jsonSchema"), err);
	if (rc == GK_OK && wants_instructions(format, output)) {
		rc = instructions_for(format, output, &instructions, err);
		if (rc == GK_OK)
			rc = gk_format_inject(
				json_object_get(request, "messages"), instructions, &messages, err);
	}
	if (rc != GK_OK)
		return rc;
	copy = gk_json_copy(request);
	if ((messages && !gk_json_set(copy, "messages", messages)) ||
		!gk_json_set_take(copy, "output", merged_output(format, output)))
		return gk_error_no_memory(err);
	*ret = gk_steal(copy);
	return GK_OK;
}
