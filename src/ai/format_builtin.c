/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Genkit's own formats (formats section 1). The texts are what models are told, character for character. */
#include "ai/format.h"

#include "ai/parts.h"
#include "base/str.h"
#include "json/blank.h"
#include "json/edit.h"
#include "json/growing.h"
#include "json/json5.h"
#include "json/write.h"

#define FENCE "```"

static bool has_type(const json_t *schema, const char *type)
{
	return gk_str_equal(json_string_value(json_object_get(schema, "type")), type);
}

static gk_code text_of(const json_t *message, gk_buf *text, gk_error *err)
{
	gk_buf_puts(text, "");
	gk_parts_append(text, message, "text");
	return gk_buf_failed(text) ? gk_error_no_memory(err) : GK_OK;
}

static gk_code take(gk_buf *text, char **ret, gk_error *err)
{
	*ret = gk_buf_take(text, NULL);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* Text, fence, schema, fence, text. */
static gk_code instruct_with(
	const char *before, const json_t *schema, const char *after, char **ret, gk_error *err)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);

	gk_buf_puts(&text, before);
	gk_buf_puts(&text, FENCE "\n");
	gk_json_append_pretty(&text, schema, 0);
	gk_buf_puts(&text, "\n" FENCE "\n");
	gk_buf_puts(&text, after);
	return take(&text, ret, err);
}

static json_t *new_text(const char *text, size_t len)
{
	return json_stringn(text ? text : "", len);
}

/* --- text --- */

static gk_code text_message(
	const gk_format_use *use, const json_t *message, json_t **ret, gk_error *err)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	gk_code rc = text_of(message, &text, err);

	(void)use;
	if (rc != GK_OK)
		return rc;
	*ret = new_text(text.data, text.len);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static gk_code text_chunk(
	const gk_format_use *use, const gk_format_chunk *chunk, json_t **ret, gk_error *err)
{
	(void)use;
	*ret = new_text(chunk->text, chunk->text_len);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* --- json --- */

static gk_code json_instructions(const gk_format_use *use, char **ret, gk_error *err)
{
	if (!use->schema)
		return GK_OK;
	return instruct_with(
		"Output should be in JSON format and conform to the following schema:\n\n",
		use->schema, "", ret, err);
}

static gk_code json_message(
	const gk_format_use *use, const json_t *message, json_t **ret, gk_error *err)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	gk_code rc = text_of(message, &text, err);

	(void)use;
	return rc == GK_OK ? gk_extract_json(text.data, text.len, false, ret, err) : rc;
}

static gk_code json_chunk(
	const gk_format_use *use, const gk_format_chunk *chunk, json_t **ret, gk_error *err)
{
	(void)use;
	return gk_json_growing_value(chunk->state, chunk->so_far, chunk->so_far_len, ret, err);
}

static void json_done(void *state)
{
	gk_json_growing_done(state);
}

/* --- array --- */

static gk_code array_check(const gk_format_use *use, gk_error *err)
{
	if (has_type(use->schema, "array"))
		return GK_OK;
	return gk_error_set(err, GK_INVALID_ARGUMENT,
		"Must supply an 'array' schema type when using the 'items' parser format.");
}

static gk_code array_instructions(const gk_format_use *use, char **ret, gk_error *err)
{
	if (!use->schema)
		return GK_OK;
	return instruct_with(
		"Output should be a JSON array conforming to the following schema:\n    \n",
		use->schema, "    ", ret, err);
}

/* The items that `scan` has not seen yet. */
static gk_code next_items(
	const char *text, size_t len, gk_item_scan *scan, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *items = json_array();
	gk_code rc =
		items ? gk_extract_items(text, len, scan, items, err) : gk_error_no_memory(err);

	if (rc == GK_OK)
		*ret = gk_steal(items);
	return rc;
}

static gk_code array_message(
	const gk_format_use *use, const json_t *message, json_t **ret, gk_error *err)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	gk_item_scan scan = { 0 };
	gk_code rc = text_of(message, &text, err);

	(void)use;
	return rc == GK_OK ? next_items(text.data, text.len, &scan, ret, err) : rc;
}

static gk_code array_chunk(
	const gk_format_use *use, const gk_format_chunk *chunk, json_t **ret, gk_error *err)
{
	(void)use;
	return next_items(chunk->so_far, chunk->so_far_len, chunk->state, ret, err);
}

/* --- enum --- */

static gk_code enum_check(const gk_format_use *use, gk_error *err)
{
	if (has_type(use->schema, "string") || has_type(use->schema, "enum"))
		return GK_OK;
	return gk_error_set(err, GK_INVALID_ARGUMENT,
		"Must supply a 'string' or 'enum' schema type when using the enum parser format.");
}

static gk_code enum_instructions(const gk_format_use *use, char **ret, gk_error *err)
{
	json_t *values = json_object_get(use->schema, "enum"), *value;
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	size_t i;

	if (!json_is_array(values))
		return GK_OK;
	gk_buf_puts(&text, "Output should be ONLY one of the following enum values. Do not output "
			   "any additional information or add quotes.\n\n");
	json_array_foreach (values, i, value) {
		if (i)
			gk_buf_putc(&text, '\n');
		if (json_is_string(value))
			gk_buf_put(&text, json_string_value(value), json_string_length(value));
		else if (!json_is_null(value)) /* as JavaScript joins a list */
			gk_json_append_pretty(&text, value, 0);
	}
	return take(&text, ret, err);
}

static gk_code enum_message(
	const gk_format_use *use, const json_t *message, json_t **ret, gk_error *err)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	gk_code rc = text_of(message, &text, err);
	const char *value;
	size_t kept = 0;

	(void)use;
	if (rc != GK_OK)
		return rc;
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] != '\'' && text.data[i] != '"')
			text.data[kept++] = text.data[i];
	value = text.data;
	gk_trim(&value, &kept);
	*ret = new_text(value, kept);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* --- jsonl --- */

static gk_code jsonl_check(const gk_format_use *use, gk_error *err)
{
	if (has_type(use->schema, "array") &&
		has_type(json_object_get(use->schema, "items"), "object"))
		return GK_OK;
	return gk_error_set(err, GK_INVALID_ARGUMENT,
		"Must supply an 'array' schema type containing 'object' items when using the "
		"'jsonl' parser format.");
}

static gk_code jsonl_instructions(const gk_format_use *use, char **ret, gk_error *err)
{
	json_t *items = json_object_get(use->schema, "items");

	if (!items)
		return GK_OK;
	return instruct_with("Output should be JSONL format, a sequence of JSON objects (one per "
			     "line) separated by a newline `\\n` character. Each line should be a "
			     "JSON object conforming to the following schema:\n\n",
		items, "    ", ret, err);
}

/* The next line that may be an object, trimmed; false: there is none. `*at` goes behind it. */
static bool next_object(const char **at, const char *end, const char **line_ret, size_t *len_ret)
{
	while (*at < end) {
		const char *line = *at, *newline = memchr(line, '\n', (size_t)(end - line));
		size_t len = (size_t)((newline ? newline : end) - line);

		*at = newline ? newline + 1 : end;
		gk_trim(&line, &len);
		if (len && *line == '{') {
			*line_ret = line;
			*len_ret = len;
			return true;
		}
	}
	return false;
}

static gk_code jsonl_message(
	const gk_format_use *use, const json_t *message, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *list = json_array();
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	gk_code rc = text_of(message, &text, err);
	const char *at = text.data, *line;
	size_t len;

	(void)use;
	if (rc == GK_OK && !list)
		rc = gk_error_no_memory(err);
	while (rc == GK_OK && next_object(&at, text.data + text.len, &line, &len)) {
		json_t *item = NULL;

		rc = gk_extract_json(line, len, false, &item, err);
		if (item && json_array_append_new(list, item) < 0)
			rc = gk_error_no_memory(err);
	}
	if (rc == GK_OK)
		*ret = gk_steal(list);
	return rc;
}

/* From the beginning of the line in which the chunks before ended. A line that is complete without its end is given now,
 * and again when its end comes, as the reference does. */
static gk_code jsonl_chunk(
	const gk_format_use *use, const gk_format_chunk *chunk, json_t **ret, gk_error *err)
{
	size_t *line_begin = chunk->state;
	gk_auto_json json_t *list = json_array();
	const char *at = chunk->so_far + *line_begin, *end = chunk->so_far + chunk->so_far_len;
	const char *line,
		*newline = chunk->text_len ? memrchr(chunk->text, '\n', chunk->text_len) : NULL;
	gk_code rc = list ? GK_OK : gk_error_no_memory(err);
	size_t len;

	(void)use;
	if (newline)
		*line_begin = (size_t)(newline + 1 - chunk->so_far);
	while (rc == GK_OK && next_object(&at, end, &line, &len)) {
		gk_auto_error gk_error failure = { 0 };
		json_t *item = NULL;

		rc = gk_json5_parse(line, len, &item, &failure);
		if (rc == GK_RESOURCE_EXHAUSTED)
			return gk_error_move(err, &failure);
		if (rc == GK_OK && json_array_append_new(list, item) < 0)
			return gk_error_no_memory(err);
	}
	if (!list)
		return rc;
	*ret = gk_steal(list); /* up to the line that is not all there yet */
	return GK_OK;
}

/* --- the table --- */

const gk_format_opts gk_format_builtins[] = {
	{ .name = "json",
		.format = "json",
		.content_type = "application/json",
		.constrained = GK_YES,
		.no_default_instructions = true,
		.instructions = json_instructions,
		.parse_message = json_message,
		.parse_chunk = json_chunk,
		.state_size = sizeof(gk_json_growing),
		.state_done = json_done,
		.may_skip_chunks = true },
	{ .name = "array",
		.content_type = "application/json",
		.constrained = GK_YES,
		.instructions = array_instructions,
		.check_schema = array_check,
		.parse_message = array_message,
		.parse_chunk = array_chunk,
		.state_size = sizeof(gk_item_scan) },
	{ .name = "text",
		.content_type = "text/plain",
		.parse_message = text_message,
		.parse_chunk = text_chunk },
	{ .name = "enum",
		.content_type = "text/enum",
		.constrained = GK_YES,
		.instructions = enum_instructions,
		.check_schema = enum_check,
		.parse_message = enum_message },
	{ .name = "jsonl",
		.content_type = "application/jsonl",
		.instructions = jsonl_instructions,
		.check_schema = jsonl_check,
		.parse_message = jsonl_message,
		.parse_chunk = jsonl_chunk,
		.state_size = sizeof(size_t) },
	{ 0 },
};
