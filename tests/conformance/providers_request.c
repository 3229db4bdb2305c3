/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "providers.h"

#include "base/str.h"
#include "json/edit.h"
#include "plugins/common/media.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

static char *say(const char *format, ...) GK_PRINTF(1, 2);
static char *say(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	return text;
}

/* --- the address --- */

static int hex(char c)
{
	return c >= '0' && c <= '9'                 ? c - '0'
	       : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
						    : -1;
}

static char *decoded(const char *text, size_t len, bool plus)
{
	char *out = malloc(len + 1), *at = out;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '%' && i + 2 < len && hex(text[i + 1]) >= 0 &&
			hex(text[i + 2]) >= 0) {
			*at++ = (char)(hex(text[i + 1]) << 4 | hex(text[i + 2]));
			i += 2;
		} else {
			*at++ = plus && text[i] == '+' ? ' ' : text[i];
		}
	}
	*at = '\0';
	return out;
}

/* {name: value} of a query or a form. */
static json_t *fields(const char *text)
{
	json_t *out = json_object();

	while (text && *text) {
		size_t len = strcspn(text, "&"), name = strcspn(text, "=&");
		gk_auto_str char *key = decoded(text, name, true);
		gk_auto_str char *value =
			name < len ? decoded(text + name + 1, len - name - 1, true) : strdup("");

		json_object_set_new(out, key, json_string(value));
		text += len + (text[len] == '&');
	}
	return out;
}

static bool same_url(const char *got, const char *wanted)
{
	size_t a = strcspn(got, "?"), b = strcspn(wanted, "?");
	gk_auto_json json_t *x = fields(got[a] ? got + a + 1 : ""),
			    *y = fields(wanted[b] ? wanted + b + 1 : "");

	return a == b && memcmp(got, wanted, a) == 0 && gk_json_equal(x, y);
}

/* --- headers --- */

static const char *header_of(const gk_outgoing *out, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < out->header_count; i++)
		if (strncasecmp(out->headers[i], name, len) == 0 && out->headers[i][len] == ':')
			return out->headers[i] + len + 1 + strspn(out->headers[i] + len + 1, " ");
	return NULL;
}

static char *headers_differ(const json_t *wanted, const gk_outgoing *out)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)wanted, name, value) {
		const char *got = header_of(out, name), *text = json_string_value(value);
		size_t len = text ? strlen(text) : 0;

		if (!out->body && strcasecmp(name, "content-type") == 0)
			continue;
		if (!text ? got == NULL
			  : got && (len && text[len - 1] == '*' ? strncmp(got, text, len - 1) == 0
								: strcmp(got, text) == 0))
			continue;
		return say("header %s: '%s', expected '%s'", name, got ? got : "absent",
			text ? text : "absent");
	}
	return NULL;
}

/* --- bodies --- */

/* As JSON; "{{any}}" stands for any text that is not empty. */
static bool same_body(const json_t *got, const json_t *wanted)
{
	const char *key;
	json_t *value;
	size_t i;

	if (gk_str_equal(json_string_value(wanted), "{{any}}"))
		return json_string_length(got) > 0;
	if (json_is_object(wanted)) {
		if (!json_is_object(got) || json_object_size(got) != json_object_size(wanted))
			return false;
		json_object_foreach ((json_t *)(uintptr_t)wanted, key, value)
			if (!same_body(json_object_get(got, key), value))
				return false;
		return true;
	}
	if (json_is_array(wanted)) {
		if (json_array_size(got) != json_array_size(wanted))
			return false;
		json_array_foreach (wanted, i, value)
			if (!same_body(json_array_get(got, i), value))
				return false;
		return true;
	}
	return gk_json_equal(got, wanted);
}

/* Strings that are compared as what they say in JSON. */
static void parse_strings(const json_t *doc, json_t *body)
{
	json_t *pointer;
	size_t i;

	json_array_foreach (json_object_get(doc, "jsonStringEquivalence"), i, pointer) {
		gk_auto_str char *path = strdup(json_string_value(pointer));
		char *last = strrchr(path, '/');
		json_t *text = gk_json_pointer_peek(body, path), *parent, *value = NULL;

		if (!json_is_string(text) ||
			gk_json_parse(json_string_value(text), json_string_length(text), 0, &value,
				NULL) != GK_OK)
			continue;
		*last++ = '\0';
		parent = gk_json_pointer_peek(body, path);
		if (json_is_object(parent))
			json_object_set_new(parent, last, value);
		else
			json_array_set_new(parent, (size_t)atoi(last), value);
	}
}

static char *body_differs(const json_t *doc, const json_t *wanted, const gk_outgoing *out)
{
	gk_auto_json json_t *got = NULL, *expected = json_deep_copy(wanted);
	gk_auto_str char *text = NULL;

	if (!out->body || gk_json_parse(out->body, out->body_len, 0, &got, NULL) != GK_OK)
		return say("the body is not JSON: %s", out->body ? out->body : "absent");
	parse_strings(doc, got);
	parse_strings(doc, expected);
	if (same_body(got, expected))
		return NULL;
	text = gk_json_write(expected, NULL);
	return say("body: %s, expected %s", out->body, text);
}

/* --- forms with files --- */

/* The value of name="..." in a part's head. */
static char *attribute(const char *head, const char *name)
{
	char mark[32];
	const char *at;

	snprintf(mark, sizeof(mark), " %s=\"", name);
	at = strstr(head, mark);
	return at ? strndup(at + strlen(mark), strcspn(at + strlen(mark), "\"")) : NULL;
}

typedef struct part {
	char *name, *filename, *type, *value;
	size_t len;
} part;

static void free_part(part *it)
{
	free(it->name);
	free(it->filename);
	free(it->type);
	free(it->value);
	*it = (part){ 0 };
}

/* The next part of a body; `*at` moves on. False at the end. */
static bool next_part(const gk_outgoing *out, const char *boundary, size_t *at, part *ret)
{
	gk_auto_str char *mark = say("--%s", boundary);
	const char *end = out->body + out->body_len;
	const char *start = memmem(out->body + *at, out->body_len - *at, mark, strlen(mark));
	const char *head, *value, *next, *type;
	gk_auto_str char *head_text = NULL;

	if (!start || memcmp(start + strlen(mark), "\r\n", 2) != 0)
		return false;
	head = start + strlen(mark);
	value = memmem(head, (size_t)(end - head), "\r\n\r\n", 4);
	if (!value)
		return false;
	head_text = strndup(head, (size_t)(value - head));
	value += 4;
	next = memmem(value, (size_t)(end - value), mark, strlen(mark));
	if (!next || next - value < 2)
		return false;
	type = strcasestr(head_text, "content-type: ");
	*ret = (part){ .name = attribute(head_text, "name"),
		.filename = attribute(head_text, "filename"),
		.type = type ? strdup(type + 14) : NULL,
		.len = (size_t)(next - value) - 2 };
	ret->value = malloc(ret->len + 1);
	memcpy(ret->value, value, ret->len);
	ret->value[ret->len] = '\0';
	*at = (size_t)(next - out->body);
	return true;
}

static bool same_part(const part *got, const json_t *wanted)
{
	const char *value = gk_json_str_peek(wanted, "value");
	const char *base64 = gk_json_str_peek(wanted, "base64");
	const char *file = gk_json_str_peek(wanted, "filename");
	const char *type = gk_json_str_peek(wanted, "contentType");
	gk_auto_str char *bytes = NULL;
	size_t len = 0;

	if (!gk_str_equal(got->name, gk_json_str_peek(wanted, "name")) ||
		(value && strcmp(got->value, value) != 0) ||
		(file && (!got->filename ||
				 (strcmp(file, "*") != 0 && strcmp(file, got->filename) != 0))) ||
		(type && (!got->type || !gk_str_has_prefix(got->type, type))))
		return false;
	if (!base64)
		return true;
	return gk_base64_decode(base64, strlen(base64), &bytes, &len) && len == got->len &&
	       memcmp(bytes, got->value, len) == 0;
}

static char *multipart_differs(const json_t *wanted, const gk_outgoing *out)
{
	const char *type = header_of(out, "content-type");
	const char *boundary = type ? strstr(type, "boundary=") : NULL;
	bool met[64] = { false };
	size_t at = 0, i;
	json_t *one;
	part it;

	if (!boundary || !out->body)
		return say("not a multipart form");
	while (next_part(out, boundary + 9, &at, &it)) {
		char *failure = NULL;

		json_array_foreach (wanted, i, one)
			if (!met[i] && same_part(&it, one))
				break;
		if (i == json_array_size(wanted))
			failure = say("form field %s: '%s'", it.name, it.value);
		else
			met[i] = true;
		free_part(&it);
		if (failure)
			return failure;
	}
	json_array_foreach (wanted, i, one)
		if (!met[i] && !json_is_true(json_object_get(one, "optional")))
			return say("form field %s is missing", gk_json_str_peek(one, "name"));
	return NULL;
}

/* "{{jwt}}" stands for one with the recorded header and claims. */
static char *form_differs(const json_t *recorded, const json_t *form, const gk_outgoing *out)
{
	gk_auto_json json_t *got = fields(out->body), *wanted = json_deep_copy(form);
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)form, name, value) {
		const char *text = gk_json_str_peek(got, name);

		if (gk_str_equal(json_string_value(value), "{{jwt}}") && text) {
			char *found = jwt_differs(text, json_object_get(recorded, "jwt"));

			if (found)
				return found;
			json_object_set(wanted, name, json_object_get(got, name));
		}
	}
	return gk_json_equal(got, wanted) ? NULL
					  : say("form: %s", out->body ? out->body : "absent");
}

char *request_differs(const json_t *doc, const json_t *recorded, const gk_outgoing *out)
{
	const char *method = gk_json_str_peek(recorded, "method");
	const char *url = gk_json_str_peek(recorded, "url");
	const json_t *form = json_object_get(recorded, "form");
	char *found;

	if (!gk_str_equal(out->method, method))
		return say("method %s, expected %s", out->method, method);
	if (!same_url(out->url, url))
		return say("%s, expected %s", out->url, url);
	found = headers_differ(json_object_get(recorded, "headers"), out);
	if (!found && json_object_get(recorded, "body"))
		found = body_differs(doc, json_object_get(recorded, "body"), out);
	if (!found && json_object_get(recorded, "multipart"))
		found = multipart_differs(json_object_get(recorded, "multipart"), out);
	if (!found && form)
		found = form_differs(recorded, form, out);
	return found;
}
