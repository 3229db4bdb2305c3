/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Messages and parts (generate section 1). */
#include "ai/parts.h"

#include "json/edit.h"
#include "json/extract.h"

/* --- building --- */

/* {name: value} */
static json_t *single_take(const char *name, json_t *value)
{
	gk_auto_json json_t *object = json_object();

	return gk_json_set_take(object, name, value) ? gk_steal(object) : NULL;
}

json_t *gk_part_text(const char *text)
{
	return text ? single_take("text", json_string(text)) : NULL;
}

json_t *gk_part_media(const char *url, const char *content_type)
{
	gk_auto_json json_t *media = json_object();

	if (!url || !gk_json_set_str(media, "url", url) ||
		(content_type && !gk_json_set_str(media, "contentType", content_type)))
		return NULL;
	return single_take("media", gk_steal(media));
}

json_t *gk_part_data(json_t *data)
{
	return single_take("data", json_incref(data));
}

json_t *gk_part_resource(const char *uri)
{
	return uri ? single_take("resource", single_take("uri", json_string(uri))) : NULL;
}

json_t *gk_message_new(const char *role, json_t *content_take)
{
	gk_auto_json json_t *message = json_object(), *content = content_take;

	if (!role || !gk_json_set_str(message, "role", role) ||
		!gk_json_set(message, "content", content))
		return NULL;
	return gk_steal(message);
}

/* [part]; NULL for NULL. */
static json_t *list_of_take(json_t *part)
{
	gk_auto_json json_t *list = json_array();

	return gk_json_push_take(list, part) ? gk_steal(list) : NULL;
}

json_t *gk_message_of_text(const char *role, const char *text)
{
	return gk_message_new(role, list_of_take(gk_part_text(text)));
}

/* A part, or a text that stands for one. */
static json_t *part_from(json_t *value)
{
	return json_is_string(value) ? single_take("text", json_incref(value)) : json_incref(value);
}

static json_t *content_from(json_t *value)
{
	gk_auto_json json_t *list = NULL;
	json_t *item;
	size_t i;

	if (!json_is_array(value))
		return list_of_take(part_from(value));
	list = json_array();
	json_array_foreach (value, i, item)
		if (!gk_json_push_take(list, part_from(item)))
			return NULL;
	return gk_steal(list);
}

gk_code gk_message_from(json_t *value, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *message = NULL;

	if (json_is_string(value)) {
		message = gk_message_new("user", content_from(value));
	} else if (json_is_object(value) && gk_json_peek(value, "content")) {
		message = gk_json_copy(value);
		if (!gk_json_set_take(
			    message, "content", content_from(gk_json_peek(value, "content"))))
			return gk_error_no_memory(err);
	} else {
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"a message is a text or an object with a content");
	}
	if (!message)
		return gk_error_no_memory(err);
	*ret = gk_steal(message);
	return GK_OK;
}

/* --- reading --- */

void gk_parts_append(gk_buf *buf, const json_t *whole, const char *kind)
{
	json_t *content = gk_json_peek(whole, "content"), *part;
	size_t i;

	json_array_foreach (content, i, part) {
		json_t *text = gk_json_peek(part, kind);

		if (json_is_string(text))
			gk_buf_put(buf, json_string_value(text), json_string_length(text));
	}
}

json_t *gk_parts_lines(const json_t *parts)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	json_t *part;
	size_t i, count = 0;

	json_array_foreach (parts, i, part) {
		json_t *words = gk_json_peek(part, "text");

		if (!json_is_string(words))
			continue;
		gk_buf_puts(&text, count++ ? "\n" : "");
		gk_buf_put(&text, json_string_value(words), json_string_length(words));
	}
	if (gk_buf_failed(&text))
		return NULL;
	return json_stringn_nocheck(text.data ? text.data : "", text.len);
}

json_t *gk_parts_first_peek(const json_t *whole, const char *kind)
{
	json_t *content = gk_json_peek(whole, "content"), *part;
	size_t i;

	json_array_foreach (content, i, part) {
		json_t *value = gk_json_peek(part, kind);

		if (gk_json_is_truthy(value))
			return value;
	}
	return NULL;
}

static char *text_of(const json_t *message, const char *kind)
{
	gk_buf text = GK_BUF_INIT(0);

	gk_buf_puts(&text, "");
	gk_parts_append(&text, message, kind);
	return gk_buf_take(&text, NULL);
}

char *gk_message_text(const json_t *message)
{
	return text_of(message, "text");
}

char *gk_message_reasoning(const json_t *message)
{
	return text_of(message, "reasoning");
}

json_t *gk_message_media_peek(const json_t *message)
{
	return gk_parts_first_peek(message, "media");
}

json_t *gk_message_data_peek(const json_t *message)
{
	return gk_parts_first_peek(message, "data");
}

static json_t *requests_of(const json_t *message, bool only_interrupts)
{
	gk_auto_json json_t *list = json_array();
	json_t *content = gk_json_peek(message, "content"), *part;
	size_t i;

	json_array_foreach (content, i, part) {
		json_t *metadata = gk_json_peek(part, "metadata");

		if (!gk_json_is_truthy(gk_json_peek(part, "toolRequest")) ||
			(only_interrupts &&
				!gk_json_is_truthy(gk_json_peek(metadata, "interrupt"))))
			continue;
		if (!gk_json_push_take(list, json_incref(part)))
			return NULL;
	}
	return gk_steal(list);
}

json_t *gk_message_tool_requests(const json_t *message)
{
	return requests_of(message, false);
}

json_t *gk_message_interrupts(const json_t *message)
{
	return requests_of(message, true);
}

gk_code gk_parts_output(const json_t *whole, json_t *parsed, const char *text, size_t len,
	json_t **ret, gk_error *err)
{
	json_t *data = gk_parts_first_peek(whole, "data");

	if (gk_json_is_truthy(parsed))
		*ret = json_incref(parsed);
	else if (data)
		*ret = json_incref(data);
	else
		return gk_extract_json(text ? text : "", len, false, ret, err);
	return GK_OK;
}

gk_code gk_message_output(const json_t *message, json_t **ret, gk_error *err)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);

	gk_parts_append(&text, message, "text");
	if (gk_buf_failed(&text))
		return gk_error_no_memory(err);
	return gk_parts_output(message, NULL, text.data, text.len, ret, err);
}
