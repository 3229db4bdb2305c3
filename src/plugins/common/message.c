/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/message.h"

#include "base/limits.h"
#include "base/str.h"

#include <ctype.h>

gk_role gk_message_role(const json_t *message)
{
	static const char *const names[] = { "system", "user", "model", "tool" };
	const char *role = json_string_value(gk_json_peek(message, "role"));

	for (int i = 0; i < 4; i++)
		if (gk_str_equal(role, names[i]))
			return (gk_role)i;
	return GK_ROLE_NONE;
}

static const char *const members[] = { "text", "media", "toolRequest", "toolResponse", "reasoning",
	"resource", "custom", "data" };

gk_part_kind gk_part_kind_of(const json_t *part)
{
	for (int i = 0; i < GK_PART_DATA; i++)
		if (gk_json_peek(part, members[i]))
			return (gk_part_kind)i;
	return GK_PART_DATA;
}

const char *gk_part_kind_name(gk_part_kind kind)
{
	return members[kind];
}

void gk_parts_join(gk_buf *buf, const json_t *parts, const char *member)
{
	json_t *part;
	size_t i;

	json_array_foreach (parts, i, part) {
		const json_t *text = gk_json_peek(part, member);

		if (json_is_string(text))
			gk_buf_put(buf, json_string_value(text), json_string_length(text));
	}
}

json_t *gk_parts_joined(const json_t *parts, const char *member)
{
	json_t *only =
		json_array_size(parts) == 1 ? gk_json_peek(json_array_get(parts, 0), member) : NULL;
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);

	if (json_is_string(only))
		return json_incref(only);
	gk_parts_join(&text, parts, member);
	return gk_buf_failed(&text) ? NULL : json_stringn(text.len ? text.data : "", text.len);
}

json_t *gk_documents_texts(const json_t *documents, size_t from, size_t count)
{
	gk_auto_json json_t *texts = json_array();

	for (size_t i = from; i < from + count; i++)
		if (!gk_json_push_take(texts,
			    gk_parts_joined(
				    gk_json_peek(json_array_get(documents, i), "content"), "text")))
			return NULL;
	return gk_steal(texts);
}

bool gk_vector_is(const json_t *value)
{
	const json_t *number;
	size_t i;

	json_array_foreach (value, i, number)
		if (!json_is_number(number))
			return false;
	return json_is_array(value);
}

gk_code gk_embeddings_add(
	const char *who, json_t *embeddings, const json_t *vectors, size_t count, gk_error *err)
{
	json_t *vector;
	size_t i;

	if (json_array_size(vectors) != count)
		return gk_error_set(err, GK_INTERNAL, "%s: %zu embeddings came for %zu documents",
			who, json_array_size(vectors), count);
	json_array_foreach (vectors, i, vector) {
		if (!gk_vector_is(vector))
			return gk_error_set(err, GK_INTERNAL,
				"%s: the answer's embeddings are not vectors", who);
		if (!gk_json_push_take(embeddings, json_pack("{s:O}", "embedding", vector)))
			return gk_error_no_memory(err);
	}
	return GK_OK;
}

json_t *gk_parts_said(const json_t *parts)
{
	gk_auto_buf gk_buf said = GK_BUF_INIT(0);
	json_t *part;
	size_t i;

	json_array_foreach (parts, i, part) {
		gk_part_kind kind = gk_part_kind_of(part);
		gk_auto_json json_t *text = NULL;

		if (kind != GK_PART_TEXT && kind != GK_PART_DATA)
			continue;
		text = gk_json_as_text(gk_json_peek(part, gk_part_kind_name(kind)));
		if (!text)
			return NULL;
		gk_buf_put(&said, json_string_value(text), json_string_length(text));
	}
	return gk_buf_failed(&said) ? NULL : json_stringn(said.len ? said.data : "", said.len);
}

json_t *gk_tool_response_text(const json_t *response)
{
	gk_auto_json json_t *output = gk_json_as_text(gk_json_peek(response, "output"));
	gk_auto_json json_t *more = gk_parts_joined(gk_json_peek(response, "content"), "text");

	if (!output || !more || !json_string_length(more))
		return more ? gk_steal(output) : NULL;
	return json_sprintf("%s%s%s", json_string_value(output),
		json_string_length(output) ? "\n" : "", json_string_value(more));
}

bool gk_parts_have(const json_t *parts, gk_part_kind kind)
{
	json_t *part;
	size_t i;

	json_array_foreach (parts, i, part)
		if (gk_part_kind_of(part) == kind)
			return true;
	return false;
}

json_t *gk_part_new(const char *member, const char *text, size_t len)
{
	gk_auto_json json_t *part = json_object();

	if (!gk_json_set_take(part, member, text ? json_stringn(text, len) : NULL))
		return NULL;
	return gk_steal(part);
}

bool gk_parts_add_value(json_t *parts, const char *member, json_t *value)
{
	gk_auto_json json_t *part = json_object();

	return gk_json_set(part, member, value) && gk_json_push_take(parts, gk_steal(part));
}

bool gk_parts_add(json_t *parts, const char *member, const char *text, size_t len)
{
	return !len || gk_json_push_take(parts, gk_part_new(member, text, len));
}

json_t *gk_part_tool_request(const char *name, const char *ref, json_t *input_take)
{
	gk_auto_json json_t *request = json_object(), *input = input_take;

	if (!gk_json_set_str(request, "name", name ? name : "") ||
		(ref && *ref && !gk_json_set_str(request, "ref", ref)) ||
		!gk_json_set(request, "input", input))
		return NULL;
	return json_pack("{s:O}", "toolRequest", request);
}

gk_code gk_call_arguments(
	const char *who, const char *tool, json_t *arguments, json_t **ret, gk_error *err)
{
	const char *text = json_string_value(arguments);

	*ret = NULL;
	if (!tool || !*tool)
		return gk_error_set(err, GK_INTERNAL,
			"%s: the answer has a call that does not say of which tool", who);
	if (text && text[strspn(text, " \t\r\n")]) {
		gk_code rc = gk_json_parse(
			text, json_string_length(arguments), GK_MAX_VENDOR_BODY, ret, NULL);

		if (rc != GK_OK)
			return gk_error_set(err, GK_INTERNAL,
				"%s: the arguments of the call of tool '%s' are not JSON", who,
				tool);
	} else if (arguments && !text) {
		*ret = json_incref(arguments);
	}
	if (!*ret || json_is_null(*ret))
		*ret = json_object();
	return *ret ? GK_OK : gk_error_no_memory(err);
}

json_t *gk_tool_input(json_t *input)
{
	return input && !json_is_null(input) ? json_incref(input) : json_object();
}

json_t *gk_json_as_text(const json_t *value)
{
	gk_auto_str char *text = NULL;
	size_t len;

	if (!value)
		return json_string("");
	if (json_is_string(value))
		return json_incref((json_t *)(uintptr_t)value);
	text = gk_json_write(value, &len);
	return text ? json_stringn(text, len) : NULL;
}

json_t *gk_chunk_new(int64_t index, json_t *content_take)
{
	gk_auto_json json_t *chunk = json_object(), *content = content_take;

	if (!gk_json_set_int(chunk, "index", index) || !gk_json_set_str(chunk, "role", "model") ||
		!gk_json_set(chunk, "content", content))
		return NULL;
	return gk_steal(chunk);
}

bool gk_request_wants_json(const json_t *request)
{
	const json_t *output = gk_json_peek(request, "output");

	if (!json_object_size(output)) /* most want nothing of it */
		return false;
	return gk_str_equal(json_string_value(gk_json_peek(output, "format")), "json") ||
	       gk_str_equal(
		       json_string_value(gk_json_peek(output, "contentType")), "application/json");
}

bool gk_request_wants_list(const json_t *request)
{
	const json_t *output = gk_json_peek(request, "output");
	const json_t *type = gk_json_peek(gk_json_peek(output, "schema"), "type");

	return type && !gk_str_equal(json_string_value(type), "object") &&
	       !gk_str_equal(gk_json_str_peek(output, "format"), "json");
}

json_t *gk_request_schema_peek(const json_t *request)
{
	const json_t *output = gk_json_peek(request, "output");
	json_t *schema = json_object_size(output) ? gk_json_peek(output, "schema") : NULL;

	if (!json_is_object(schema) || json_is_false(gk_json_peek(output, "constrained")))
		return NULL;
	return gk_request_wants_json(request) ? schema : NULL;
}

json_t *gk_given_peek(const json_t *object, const char *key)
{
	json_t *value = gk_json_peek(object, key);

	return json_is_null(value) ? NULL : value;
}

json_t *gk_request_config_peek(const json_t *request, const char *key)
{
	const json_t *config = gk_json_peek(request, "config");

	return json_object_size(config) ? gk_given_peek(config, key) : NULL;
}

char *gk_snake_case(const char *name)
{
	gk_auto_buf gk_buf out = GK_BUF_INIT(0);

	for (; *name; name++) {
		if (isupper((unsigned char)*name))
			gk_buf_putc(&out, '_');
		gk_buf_putc(&out, (char)tolower((unsigned char)*name));
	}
	gk_buf_puts(&out, "");
	return gk_buf_take(&out, NULL);
}
