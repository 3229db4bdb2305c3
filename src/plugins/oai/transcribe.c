/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Models that hear: sound in, text out. The request is a form with a file. */
#include "plugins/oai/media_models.h"

#include "base/id.h"
#include "base/str.h"
#include "json/write.h"
#include "plugins/common/ask.h"
#include "plugins/common/failure.h"
#include "plugins/common/media.h"

#include <genkit/context.h>
#include <stdio.h>

typedef struct form {
	gk_buf body;
	char boundary[GK_UUID_SIZE];
} form;

static void field(form *it, const char *name, const char *value)
{
	gk_buf_printf(&it->body,
		"--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", it->boundary,
		name, value);
}

static gk_code add_value(
	form *it, const char *name, const json_t *value, unsigned depth, gk_error *err);

/* name[], or name[key]. */
static gk_code add_inner(form *it, const char *name, const char *key, const json_t *value,
	unsigned depth, gk_error *err)
{
	gk_auto_str char *inner = NULL;

	if (depth >= GK_MAX_FORM_DEPTH)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "config.%s: more than %u levels",
			name, GK_MAX_FORM_DEPTH);
	if (asprintf(&inner, "%s[%s]", name, key) < 0) {
		inner = NULL;
		return gk_error_no_memory(err);
	}
	return add_value(it, inner, value, depth + 1, err);
}

/* A number, a boolean or a text, as it is; of a list or an object each. */
static gk_code add_value(
	form *it, const char *name, const json_t *value, unsigned depth, gk_error *err)
{
	gk_auto_json json_t *text = NULL;
	gk_code rc = GK_OK;
	const char *key;
	json_t *one;
	size_t i;

	if (strpbrk(name, "\"\r\n"))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"a member of the configuration has a quote or a line break in its name");
	json_array_foreach (value, i, one)
		if (rc == GK_OK)
			rc = add_inner(it, name, "", one, depth, err);
	json_object_foreach ((json_t *)(uintptr_t)value, key, one)
		if (rc == GK_OK)
			rc = add_inner(it, name, key, one, depth, err);
	if (json_is_array(value) || json_is_object(value))
		return rc;
	text = gk_json_as_text(value);
	if (!text)
		return gk_error_no_memory(err);
	field(it, name, json_string_value(text));
	return GK_OK;
}

/* --- the file --- */

static const struct {
	const char *type, *extension;
} extensions[] = {
	{ "audio/flac", "flac" },
	{ "audio/x-flac", "flac" },
	{ "audio/mp4", "mp4" },
	{ "video/mp4", "mp4" },
	{ "audio/m4a", "m4a" },
	{ "audio/x-m4a", "m4a" },
	{ "audio/mpeg", "mp3" },
	{ "audio/mp3", "mp3" },
	{ "audio/mpga", "mpga" },
	{ "audio/oga", "oga" },
	{ "audio/wav", "wav" },
	{ "audio/x-wav", "wav" },
	{ "audio/wave", "wav" },
	{ "audio/webm", "webm" },
	{ "video/webm", "webm" },
	{ "audio/ogg", "ogg" },
};

static const char *extension_of(const gk_media *media)
{
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
		if (gk_media_is(media, extensions[i].type))
			return extensions[i].extension;
	return "mp3";
}

static gk_code add_file(form *it, const gk_oai_call *call, gk_error *err)
{
	gk_media media = { 0 };
	gk_auto_str char *sound = NULL;
	json_t *part;
	size_t len, i;

	json_array_foreach (gk_oai_media_parts_peek(call->request), i, part) {
		const json_t *found = json_object_get(part, "media");
		gk_code rc = found ? gk_media_read(found, &media, err) : GK_OK;

		if (rc != GK_OK)
			return rc;
		if (found)
			break;
	}
	if (!media.url)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"%s: model %s needs a media part to transcribe", call->vendor->name,
			call->id);
	if (!media.data || !gk_base64_decode(media.data, strlen(media.data), &sound, &len))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"%s: the sound to transcribe must be a data: URL in base64",
			call->vendor->name);
	gk_buf_printf(&it->body,
		"--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"input.%s\"\r\n"
		"Content-Type: %.*s\r\n\r\n",
		it->boundary, extension_of(&media),
		media.type ? (int)strcspn(media.type, "\r\n;,") : 9,
		media.type ? media.type : "audio/mp3");
	gk_buf_put(&it->body, sound, len);
	gk_buf_puts(&it->body, "\r\n");
	return GK_OK;
}

/* --- the fields --- */

/* Whisper alone can: the others are not asked to. What a model can is said by the one that answers: config.version. */
static bool is_translation(const gk_oai_call *call)
{
	return strstr(gk_oai_model_name(call), "whisper") &&
	       json_is_true(gk_request_config_peek(call->request, "translate"));
}

/* What the service is to answer with. */
static gk_code format_of(const gk_oai_call *call, const char **ret, gk_error *err)
{
	const char *asked =
		json_string_value(gk_request_config_peek(call->request, "response_format"));
	const char *format = gk_json_str_peek(call->request, "output.format");
	const char *model = gk_oai_model_name(call);

	if (gk_str_equal(format, "media"))
		return gk_error_set(err, GK_INVALID_ARGUMENT, "%s: model %s gives text, not media",
			call->vendor->name, model);
	if (gk_str_equal(format, "json") && asked && strcmp(asked, "json") != 0 &&
		strcmp(asked, "verbose_json") != 0)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"%s: JSON output does not go with config.response_format '%s'",
			call->vendor->name, asked);
	if (asked && gk_str_has_prefix(model, "gpt-4o") && strstr(model, "transcribe") &&
		gk_words_match("srt vtt verbose_json", asked))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"%s: model %s does not know config.response_format '%s'",
			call->vendor->name, model, asked);
	*ret = asked ? asked : gk_str_equal(format, "json") ? "json" : "text";
	return GK_OK;
}

static gk_code add_config(form *it, const gk_oai_call *call, gk_error *err)
{
	const char *name;
	json_t *value;

	json_object_foreach (json_object_get(call->request, "config"), name, value) {
		gk_code rc;

		if (json_is_null(value) || gk_oai_media_drops(name, true) ||
			strcmp(name, "translate") == 0 || strcmp(name, "response_format") == 0 ||
			strcmp(name, "stream") == 0 ||
			(is_translation(call) && strcmp(name, "temperature") != 0))
			continue;
		rc = add_value(it, name, value, 0, err);
		if (rc != GK_OK)
			return rc;
	}
	return GK_OK;
}

static gk_code fill(form *it, const gk_oai_call *call, gk_error *err)
{
	gk_auto_str char *prompt = gk_oai_media_text(call->request);
	const char *format = NULL;
	gk_code rc = prompt ? format_of(call, &format, err) : gk_error_no_memory(err);

	if (rc != GK_OK)
		return rc;
	gk_id_uuid(it->boundary);
	field(it, "model", gk_oai_model_name(call));
	if (*prompt)
		field(it, "prompt", prompt);
	field(it, "response_format", format);
	if (!is_translation(call))
		field(it, "stream", "false");
	rc = add_config(it, call, err);
	if (rc == GK_OK)
		rc = add_file(it, call, err);
	gk_buf_printf(&it->body, "--%s--\r\n", it->boundary);
	return rc == GK_OK && gk_buf_failed(&it->body) ? gk_error_no_memory(err) : rc;
}

/* --- the answer --- */

/* JSON was asked for, or is what the service says it is. */
static bool is_json(const gk_oai_call *call, const char *type)
{
	const char *format = NULL;

	return (type && gk_str_has_prefix(type, "application/json")) ||
	       (format_of(call, &format, NULL) == GK_OK &&
		       (strcmp(format, "json") == 0 || strcmp(format, "verbose_json") == 0));
}

static gk_code read_answer(const gk_oai_call *call, const char *text, size_t len, const char *type,
	json_t **ret, gk_error *err)
{
	gk_auto_json json_t *answer = NULL, *content = json_array();
	gk_code rc = is_json(call, type)
			     ? gk_ask_parse_whole(call->vendor->name, text, len, &answer, err)
			     : GK_OK;

	if (rc == GK_OK && gk_failure_is(answer))
		rc = gk_failure_in_answer(err, call->vendor->name, call->out, answer);
	if (rc != GK_OK)
		return rc;
	if (json_is_string(json_object_get(answer, "text"))) {
		text = json_string_value(json_object_get(answer, "text"));
		len = strlen(text);
	}
	if (gk_str_valid_utf8(text, len) != len)
		return gk_error_set(
			err, GK_INTERNAL, "%s: the answer is not UTF-8", call->vendor->name);
	if (!gk_parts_add(content, "text", text, len))
		return gk_error_no_memory(err);
	return gk_oai_media_response(call, gk_steal(content), answer, ret, err);
}

gk_code gk_oai_run_transcribe(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	const gk_vendor_model *model = gk_ctx_user(ctx);
	gk_auto_outgoing gk_outgoing out;
	gk_auto_str char *text = NULL, *type = NULL, *header = NULL;
	form it = { .body = GK_BUF_INIT(0) };
	gk_oai_call call;
	size_t len = 0;
	gk_code rc;

	gk_outgoing_init(&out, "POST");
	rc = gk_oai_media_begin(&call, model, request, &out, err);
	if (rc == GK_OK)
		rc = fill(&it, &call, err);
	out.body = gk_buf_take(&it.body, &out.body_len);
	if (rc == GK_OK)
		rc = gk_oai_media_address(&call, &out,
			is_translation(&call) ? "/audio/translations" : "/audio/transcriptions",
			err);
	if (rc == GK_OK && asprintf(&header, "multipart/form-data; boundary=%s", it.boundary) < 0) {
		header = NULL;
		rc = gk_error_no_memory(err);
	}
	if (rc != GK_OK)
		return rc;
	gk_outgoing_header(&out, "Content-Type", header);
	rc = gk_ask_bytes(ctx, model->vendor->name, &out, &text, &len, &type, err);
	return rc == GK_OK ? read_answer(&call, text, len, type, ret, err) : rc;
}
