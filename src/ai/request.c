/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "ai/request.h"

#include "ai/parts.h"
#include "base/str.h"
#include "json/edit.h"

#define PREFACE "\n\nUse the following information to complete your task:\n\n"

json_t *gk_json_array_copy(json_t *array)
{
	return json_is_array(array) ? gk_json_copy(array) : NULL;
}

json_t *gk_json_array_with(json_t *array, size_t index, json_t *item_take)
{
	json_t *copy = gk_json_array_copy(array);

	if (!copy || json_array_set_new(copy, index, item_take) == 0)
		return copy;
	json_decref(copy);
	return NULL;
}

json_t *gk_json_object_with(json_t *object, const char *key, json_t *value_take)
{
	json_t *copy = gk_json_copy(object);

	if (gk_json_set_take(copy, key, value_take))
		return copy;
	json_decref(copy);
	return NULL;
}

/* --- documents --- */

static bool has_purpose(json_t *part, const char *purpose)
{
	return gk_str_equal(
		json_string_value(gk_json_peek(gk_json_peek(part, "metadata"), "purpose")),
		purpose);
}

/* What JavaScript prints of it: a text bare, else as JSON. */
static void put_value(gk_buf *text, const json_t *value)
{
	gk_auto_str char *written = json_is_string(value) ? NULL : gk_json_write(value, NULL);

	gk_buf_puts(
		text, json_is_string(value) ? json_string_value(value) : (written ? written : ""));
}

static void put_citation(gk_buf *text, json_t *document, size_t index, const char *key)
{
	json_t *metadata = gk_json_peek(document, "metadata"), *value;

	if (key && !*key)
		return;
	if (key) {
		value = gk_json_peek(metadata, key);
		if (!value)
			return;
	} else {
		value = gk_json_peek(metadata, "ref");
		if (!gk_json_is_truthy(value))
			value = gk_json_peek(metadata, "id");
	}
	gk_buf_putc(text, '[');
	if (key || gk_json_is_truthy(value))
		put_value(text, value);
	else
		gk_buf_printf(text, "%zu", index);
	gk_buf_puts(text, "]: ");
}

static void put_document(gk_buf *text, json_t *document, size_t index, const gk_augment_opts *opts)
{
	if (opts && opts->item) {
		gk_auto_str char *line = opts->item(document, index, opts);

		gk_buf_puts(text, line ? line : "");
		if (!line)
			gk_buf_fail(text);
		return;
	}
	gk_buf_puts(text, "- ");
	put_citation(text, document, index, opts ? opts->citation_key : NULL);
	gk_parts_append(text, document, "text");
	gk_buf_putc(text, '\n');
}

static json_t *text_of(json_t *docs, const gk_augment_opts *opts)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	json_t *document;
	size_t i;

	gk_buf_puts(&text, opts && opts->preface ? opts->preface : PREFACE);
	json_array_foreach (docs, i, document)
		put_document(&text, document, i, opts);
	gk_buf_putc(&text, '\n');
	return gk_buf_failed(&text) ? NULL : json_stringn(text.data, text.len);
}

/* `at` beyond the end: a part more. A pending part keeps its other members. */
static json_t *message_with(json_t *message, size_t at, json_t *text_take)
{
	json_t *content = gk_json_peek(message, "content");
	gk_auto_json json_t *text = text_take, *metadata = json_object(), *part = NULL;
	gk_auto_json json_t *changed = gk_json_array_copy(content);

	if (!gk_json_set_str(metadata, "purpose", "context"))
		return NULL;
	part = at < json_array_size(content) ? gk_json_copy(json_array_get(content, at))
					     : json_object();
	if (!gk_json_set(part, "text", text) || !gk_json_set(part, "metadata", metadata))
		return NULL;
	if (at < json_array_size(content) ? json_array_set(changed, at, part) < 0
					  : !gk_json_push_take(changed, json_incref(part)))
		return NULL;
	return gk_json_object_with(message, "content", gk_steal(changed));
}

/* The last message of the user; the number of messages: there is none. */
static size_t last_of_user(json_t *messages)
{
	size_t count = json_array_size(messages);

	for (size_t i = count; i-- > 0;)
		if (gk_str_equal(
			    json_string_value(gk_json_peek(json_array_get(messages, i), "role")),
			    "user"))
			return i;
	return count;
}

gk_code gk_messages_augment(
	json_t *messages, json_t *docs, const gk_augment_opts *opts, json_t **ret, gk_error *err)
{
	size_t index = last_of_user(messages), at;
	json_t *message = json_array_get(messages, index), *part = NULL;
	json_t *content = gk_json_peek(message, "content");

	*ret = json_incref(messages);
	if (!json_array_size(docs) || !json_is_array(content))
		return GK_OK;
	json_array_foreach (content, at, part)
		if (has_purpose(part, "context"))
			break;
	if (at < json_array_size(content) &&
		!json_is_true(gk_json_peek(gk_json_peek(part, "metadata"), "pending")))
		return GK_OK;
	json_decref(messages);
	*ret = NULL;
	message = message_with(message, at, text_of(docs, opts));
	if (message)
		*ret = gk_json_array_with(messages, index, message);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* --- resources --- */

bool gk_message_names_resources(const json_t *message)
{
	json_t *content = gk_json_peek(message, "content"), *part;
	size_t i;

	json_array_foreach (content, i, part)
		if (json_is_object(gk_json_peek(part, "resource")))
			return true;
	return false;
}

bool gk_messages_name_resources(const json_t *messages)
{
	json_t *message;
	size_t i;

	json_array_foreach (messages, i, message)
		if (gk_message_names_resources(message))
			return true;
	return false;
}

/* --- system messages --- */

static bool is_marked(json_t *part, const char *mark)
{
	return gk_json_peek(gk_json_peek(part, "metadata"), mark) != NULL;
}

bool gk_messages_have(json_t *messages, const char *mark)
{
	json_t *message, *part;
	size_t i, j;

	json_array_foreach (messages, i, message) {
		json_t *content = gk_json_peek(message, "content");

		json_array_foreach (content, j, part)
			if (is_marked(part, mark))
				return true;
	}
	return false;
}

static json_t *message_without(json_t *message, const char *mark)
{
	gk_auto_json json_t *kept = json_array();
	json_t *content = gk_json_peek(message, "content"), *part;
	size_t i;

	json_array_foreach (content, i, part)
		if (!is_marked(part, mark) && !gk_json_push_take(kept, json_incref(part)))
			return NULL;
	if (kept && json_array_size(kept) == json_array_size(content))
		return json_incref(message);
	return kept ? gk_json_object_with(message, "content", gk_steal(kept)) : NULL;
}

json_t *gk_messages_without(json_t *messages, const char *mark)
{
	gk_auto_json json_t *changed = json_array();
	json_t *message;
	size_t i;

	json_array_foreach (messages, i, message)
		if (!gk_json_push_take(changed, message_without(message, mark)))
			return NULL;
	return changed ? gk_steal(changed) : NULL;
}

/* The content with the part in the place of a marked one, or at the end. */
static json_t *content_with(json_t *content, const char *mark, json_t *part)
{
	gk_auto_json json_t *changed =
		json_is_array(content) ? gk_json_array_copy(content) : json_array();
	json_t *other;
	size_t i;

	json_array_foreach (changed, i, other)
		if (is_marked(other, mark))
			break;
	if (i < json_array_size(changed) ? json_array_set(changed, i, part) < 0
					 : !gk_json_push_take(changed, json_incref(part)))
		return NULL;
	return gk_steal(changed);
}

json_t *gk_messages_with_system(json_t *messages, const char *mark, json_t *part_take)
{
	gk_auto_json json_t *part = part_take, *content = NULL, *own = NULL;
	json_t *message;
	size_t i;

	if (!part)
		return NULL;
	json_array_foreach (messages, i, message)
		if (gk_str_equal(json_string_value(gk_json_peek(message, "role")), "system"))
			break;
	message = json_array_get(messages, i); /* NULL: there is none */
	content = content_with(gk_json_peek(message, "content"), mark, part);
	if (!content)
		return NULL;
	if (message) {
		own = gk_json_object_with(message, "content", json_incref(content));
		return own ? gk_json_array_with(messages, i, gk_steal(own)) : NULL;
	}
	own = json_is_array(messages) ? gk_json_array_copy(messages) : json_array();
	if (!own || json_array_insert_new(own, 0,
			    json_pack("{s:s, s:O}", "role", "system", "content", content)) < 0)
		return NULL;
	return gk_steal(own);
}
