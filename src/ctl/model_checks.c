/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "ctl/model_checks.h"

#include "base/buf.h"
#include "base/str.h"

#include <genkit/json.h>
#include <genkit/message.h>

#define SHOWN 200 /* characters of an answer that a complaint quotes */

/* An answer, and what is asked of it. */
typedef struct answer {
	json_t *content;      /* of its message; NULL: it has none */
	const char *text;     /* of its first part that has one; NULL: none */
	const json_t *chunks; /* an array */
	const char *streamed; /* their texts */
	const char *wanted;   /* the validator's argument; "": none */
} answer;

static gk_code refuse(gk_error *err, const char *what, const char *text)
{
	size_t len = text ? gk_str_valid_utf8(text, strnlen(text, SHOWN)) : 0;

	if (!text)
		return gk_error_set(err, GK_FAILED_PRECONDITION, "%s", what);
	return gk_error_set(err, GK_FAILED_PRECONDITION, "%s: %.*s%s", what, (int)len, text,
		text[len] ? "..." : "");
}

static json_t *find_part(json_t *content, const char *kind)
{
	json_t *part;
	size_t i;

	json_array_foreach (content, i, part)
		if (json_object_get(part, kind))
			return part;
	return NULL;
}

/* --- the validators --- */

static gk_code has_tool_request(const answer *it, gk_error *err)
{
	json_t *part = find_part(it->content, "toolRequest");
	const char *name = gk_json_str_peek(part, "toolRequest.name");

	if (!part)
		return refuse(err, "it asks for no tool", it->text);
	if (*it->wanted && !gk_str_equal(name, it->wanted))
		return refuse(err, "it asks for another tool", name ? name : "");
	return GK_OK;
}

static gk_code check_json(const char *text, gk_error *err)
{
	gk_auto_json json_t *value = NULL;

	if (!text || !*text)
		return refuse(err, "it has no text", NULL);
	if (gk_json_parse(text, strlen(text), 0, &value, NULL) != GK_OK)
		return refuse(err, "its text is no JSON", text);
	return GK_OK;
}

static gk_code valid_json(const answer *it, gk_error *err)
{
	return check_json(it->text, err);
}

static gk_code text_includes(const answer *it, gk_error *err)
{
	if (!it->text || !strcasestr(it->text, it->wanted))
		return refuse(err, "its text does not say so", it->text ? it->text : "(no text)");
	return GK_OK;
}

static gk_code text_starts_with(const answer *it, gk_error *err)
{
	const char *text = it->text ? it->text + strspn(it->text, " \t\r\n") : NULL;

	if (!text || !gk_str_has_prefix(text, it->wanted))
		return refuse(err, "its text begins otherwise", text ? text : "(no text)");
	return GK_OK;
}

static gk_code text_not_empty(const answer *it, gk_error *err)
{
	if (!it->text || !it->text[strspn(it->text, " \t\r\n")])
		return refuse(err, "it has no text", NULL);
	return GK_OK;
}

static gk_code need_chunks(const answer *it, gk_error *err)
{
	return json_array_size(it->chunks) ? GK_OK : refuse(err, "it streams nothing", NULL);
}

static gk_code stream_text_includes(const answer *it, gk_error *err)
{
	gk_code rc = need_chunks(it, err);

	if (rc == GK_OK && !strstr(it->streamed, it->wanted))
		return refuse(err, "what it streams does not say so", it->streamed);
	return rc;
}

static gk_code stream_has_tool_request(const answer *it, gk_error *err)
{
	gk_code rc = need_chunks(it, err);
	json_t *chunk;
	size_t i;

	if (rc != GK_OK)
		return rc;
	json_array_foreach (it->chunks, i, chunk)
		if (find_part(json_object_get(chunk, "content"), "toolRequest"))
			return *it->wanted ? has_tool_request(it, err) : GK_OK;
	return refuse(err, "it streams no request for a tool", it->streamed);
}

static gk_code stream_valid_json(const answer *it, gk_error *err)
{
	gk_code rc = need_chunks(it, err);

	return rc == GK_OK ? check_json(it->streamed, err) : rc;
}

static gk_code valid_media(const answer *it, gk_error *err)
{
	json_t *media = json_object_get(find_part(it->content, "media"), "media");
	const char *type = gk_json_str_peek(media, "contentType");
	const char *url = gk_json_str_peek(media, "url");
	size_t len = strlen(it->wanted);

	if (!url)
		return refuse(err, "it has no medium", it->text);
	if (!type && gk_str_has_prefix(url, "data:"))
		type = url + strlen("data:");
	if (len && type && (strncmp(type, it->wanted, len) != 0 || type[len] != '/'))
		return refuse(err, "its medium is of another type", type);
	if (!gk_str_has_prefix(url, "data:") && !gk_str_has_prefix(url, "http"))
		return refuse(err, "its medium has an address that is none", url);
	return GK_OK;
}

static gk_code reasoning(const answer *it, gk_error *err)
{
	return find_part(it->content, "reasoning") ? GK_OK
						   : refuse(err, "it tells no reasoning", it->text);
}

static const struct {
	const char *name;
	gk_code (*check)(const answer *it, gk_error *err);
} validators[] = {
	{ "has-tool-request", has_tool_request },
	{ "valid-json", valid_json },
	{ "text-includes", text_includes },
	{ "text-starts-with", text_starts_with },
	{ "text-not-empty", text_not_empty },
	{ "stream-text-includes", stream_text_includes },
	{ "stream-has-tool-request", stream_has_tool_request },
	{ "stream-valid-json", stream_valid_json },
	{ "valid-media", valid_media },
	{ "reasoning", reasoning },
};
#define VALIDATORS (sizeof(validators) / sizeof(validators[0]))

static gk_code no_such(const char *name, gk_error *err)
{
	const char *names[VALIDATORS + 1] = { NULL }, *near;

	for (size_t i = 0; i < VALIDATORS; i++)
		names[i] = validators[i].name;
	near = gk_str_nearest(name, names);
	return gk_error_set(err, GK_INVALID_ARGUMENT, "there is no validator '%s'%s%s%s", name,
		near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

gk_code gk_model_check(
	const char *validator, const json_t *response, const json_t *chunks, gk_error *err)
{
	json_t *message = json_object_get(response, "message"), *chunk;
	gk_auto_buf gk_buf streamed = GK_BUF_INIT(0);
	size_t len = strcspn(validator, ":"), i;
	answer it = { .chunks = chunks, .wanted = validator + len + (validator[len] == ':') };

	if (!message)
		message = gk_json_at_peek(response, "candidates[0].message");
	it.content = json_object_get(message, "content");
	it.text = gk_json_str_peek(find_part(it.content, "text"), "text");
	json_array_foreach (chunks, i, chunk) {
		gk_auto_str char *text = gk_message_text(chunk);

		gk_buf_puts(&streamed, text ? text : "");
	}
	if (gk_buf_failed(&streamed))
		return gk_error_no_memory(err);
	it.streamed = streamed.data ? streamed.data : "";
	for (i = 0; i < VALIDATORS; i++)
		if (strlen(validators[i].name) == len &&
			strncmp(validators[i].name, validator, len) == 0)
			return validators[i].check(&it, err);
	return no_such(validator, err);
}
