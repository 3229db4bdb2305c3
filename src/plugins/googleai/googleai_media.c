/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/googleai/googleai.h"

#include "base/str.h"
#include "plugins/common/media.h"

static json_t *last_parts(const json_t *request)
{
	json_t *messages = json_object_get(request, "messages");

	return json_object_get(json_array_get(messages, json_array_size(messages) - 1), "content");
}

/* The first media part of the last message of that type; false: none. One with another purpose does not count. */
static bool find_media(const json_t *request, const char *type, gk_media *ret)
{
	json_t *part;
	size_t i;

	json_array_foreach (last_parts(request), i, part) {
		const char *purpose = gk_json_str_peek(part, "metadata.type");

		if (gk_part_kind_of(part) == GK_PART_MEDIA &&
			(!purpose || strcmp(purpose, "base") == 0) &&
			gk_media_read(json_object_get(part, "media"), ret, NULL) == GK_OK &&
			(!ret->type || gk_media_is(ret, type)))
			return true;
	}
	return false;
}

static bool copy_config(json_t *parameters, const json_t *request)
{
	const char *name;
	json_t *value;

	json_object_foreach (json_object_get(request, "config"), name, value)
		if (!json_is_null(value) && !gk_words_match(GK_GEMINI_OF_THE_CALL, name) &&
			!gk_json_set(parameters, name, value))
			return false;
	return true;
}

static json_t *body_of(json_t *instance, json_t *parameters)
{
	return json_pack("{s:[O], s:O}", "instances", instance, "parameters", parameters);
}

static gk_code post(gk_ctx *ctx, const gk_vendor_model *model, const json_t *config, const char *id,
	const char *method, const json_t *body, json_t **ret, gk_error *err)
{
	gk_auto_outgoing gk_outgoing out;
	gk_code rc;

	gk_outgoing_init(&out, "POST");
	rc = gk_googleai_prepare_model(model->vendor, config, &out, id, method, err);
	if (rc != GK_OK)
		return rc;
	gk_outgoing_json(&out, body);
	return gk_googleai_ask(ctx, model->vendor, &out, ret, err);
}

/* What cannot go along is refused, for without it something else would be made. */
static gk_code check_media(const gk_vendor *vendor, const json_t *request, gk_error *err)
{
	gk_media media;

	if (find_media(request, "image/", &media) && !media.data)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"%s: a picture goes along inline (a data: URL); what is at an address needs "
			"the contentType of a video",
			vendor->name);
	if (find_media(request, "video/", &media) && media.data && gk_media_is(&media, "video/"))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"%s: a video goes along by its address, not inline", vendor->name);
	return GK_OK;
}

/* --- Imagen --- */

static json_t *imagen_body(const json_t *request)
{
	json_t *count = gk_request_config_peek(request, "numberOfImages");
	gk_auto_json json_t *instance = json_object(), *parameters = json_object();
	gk_media base;

	if (!gk_json_set_take(instance, "prompt", gk_parts_joined(last_parts(request), "text")) ||
		(find_media(request, "image/", &base) && base.data &&
			!gk_json_set_take(instance, "image",
				json_pack("{s:s}", "bytesBase64Encoded", base.data))) ||
		!gk_json_set_take(
			parameters, "sampleCount", count ? json_incref(count) : json_integer(1)) ||
		!copy_config(parameters, request))
		return NULL;
	return body_of(instance, parameters);
}

gk_code gk_googleai_run_imagen(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	const gk_vendor_model *model = gk_ctx_user(ctx);
	const json_t *config = json_object_get(request, "config");
	gk_auto_json json_t *body = imagen_body(request), *answer = NULL, *content = json_array();
	json_t *one;
	size_t i;
	gk_code rc = body ? check_media(model->vendor, request, err) : gk_error_no_memory(err);

	if (rc == GK_OK)
		rc = post(ctx, model, config, gk_googleai_model_name(model, config), "predict",
			body, &answer, err);
	if (rc != GK_OK)
		return rc;
	json_array_foreach (json_object_get(answer, "predictions"), i, one) {
		const char *data = gk_json_str_peek(one, "bytesBase64Encoded");
		const char *type = gk_json_str_peek(one, "mimeType");
		gk_auto_str char *url =
			data ? gk_media_data_url(type ? type : "image/png", data) : NULL;

		if (data &&
			!gk_json_push_take(content, gk_media_part(type ? type : "image/png", url)))
			return gk_error_no_memory(err);
	}
	if (!json_array_size(content))
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"%s: the model gave no predictions; its filters may have taken them out",
			model->vendor->name);
	return gk_vendor_response(request, gk_steal(content), answer, ret, err);
}

/* --- Veo --- */

static json_t *veo_body(const json_t *request)
{
	gk_auto_json json_t *instance = json_object(), *parameters = json_object();
	gk_media media;

	if (!gk_json_set_take(instance, "prompt", gk_parts_joined(last_parts(request), "text")) ||
		(find_media(request, "image/", &media) && media.data &&
			!gk_json_set_take(instance, "image",
				json_pack("{s:s, s:s%}", "bytesBase64Encoded", media.data,
					"mimeType", media.type ? media.type : "",
					media.type_len))) ||
		(find_media(request, "video/", &media) && media.type && !media.data &&
			!gk_json_set_take(
				instance, "video", json_pack("{s:s}", "uri", media.url))) ||
		!copy_config(parameters, request))
		return NULL;
	return body_of(instance, parameters);
}

/* What went wrong: an error, or a filter that took all videos out; `*ret` (a new reference) NULL: nothing did. False when
 * memory ran out. */
static bool failure_of(const json_t *answer, size_t videos, json_t **ret)
{
	const json_t *said = gk_json_at_peek(answer, "response.generateVideoResponse"), *one;
	const json_t *error = json_object_get(answer, "error");
	const char *message = gk_json_str_peek(error, "message");
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	size_t i;

	if (json_is_object(error))
		gk_buf_puts(&text, message ? message : "the operation failed");
	else if (videos || gk_json_int_at(said, "raiMediaFilteredCount", 0) <= 0)
		return true;
	else
		json_array_foreach (json_object_get(said, "raiMediaFilteredReasons"), i, one)
			if (json_is_string(one))
				gk_buf_printf(
					&text, "%s%s", text.len ? " " : "", json_string_value(one));
	if (!text.len)
		gk_buf_puts(&text, "the service's filters have taken the videos out");
	*ret = gk_buf_failed(&text) ? NULL : json_stringn(text.data, text.len);
	return *ret;
}

static gk_code add_videos(const json_t *answer, json_t *content, gk_error *err)
{
	json_t *one;
	size_t i;

	json_array_foreach (
		gk_json_at_peek(answer, "response.generateVideoResponse.generatedSamples"), i,
		one) {
		const char *uri = gk_json_str_peek(one, "video.uri");

		if (uri && !gk_json_push_take(content, gk_media_part(NULL, uri)))
			return gk_error_no_memory(err);
	}
	return GK_OK;
}

/* Where a video that is being made has got to. */
static gk_code operation_of(const gk_vendor *vendor, json_t *answer, json_t **ret, gk_error *err)
{
	json_t *name = json_object_get(answer, "name"), *done = json_object_get(answer, "done");
	gk_auto_json json_t *operation = json_object(), *content = json_array(), *failure = NULL;
	gk_code rc = add_videos(answer, content, err);

	if (rc != GK_OK)
		return rc;
	if (!json_is_string(name))
		return gk_error_set(
			err, GK_INTERNAL, "%s: the operation has no 'name'", vendor->name);
	if (!failure_of(answer, json_array_size(content), &failure) ||
		!gk_json_set(operation, "id", name) ||
		(done && !gk_json_set(operation, "done", done)) ||
		(failure && !gk_json_set_take(
				    operation, "error", json_pack("{s:O}", "message", failure))) ||
		(!failure && json_object_get(answer, "response") &&
			!gk_json_set_take(operation, "output",
				json_pack("{s:s, s:O, s:{s:s, s:O}}", "finishReason", "stop", "raw",
					answer, "message", "role", "model", "content", content))))
		return gk_error_no_memory(err);
	*ret = gk_steal(operation);
	return GK_OK;
}

gk_code gk_googleai_start_veo(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	const gk_vendor_model *model = gk_ctx_user(ctx);
	gk_auto_json json_t *config =
		gk_googleai_call_config(ctx, json_object_get(request, "config"));
	gk_auto_json json_t *body = veo_body(request), *answer = NULL;
	gk_code rc =
		body && config ? check_media(model->vendor, request, err) : gk_error_no_memory(err);

	if (rc == GK_OK)
		/* Not by config.version, which the reference takes out here and does not heed. */
		rc = post(ctx, model, config, gk_googleai_id(model), "predictLongRunning", body,
			&answer, err);
	return rc == GK_OK ? operation_of(model->vendor, answer, ret, err) : rc;
}

/* An id is what the service gave, but it came back from a caller: it stays a path. */
static bool is_path(const char *id)
{
	return id && *id && *id != '/' && !strstr(id, "..") &&
	       strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") ==
		       strlen(id);
}

gk_code gk_googleai_check_veo(gk_ctx *ctx, json_t *operation, json_t **ret, gk_error *err)
{
	const gk_vendor_model *model = gk_ctx_user(ctx);
	const char *id = gk_json_str_peek(operation, "id");
	gk_auto_json json_t *config = gk_googleai_call_config(ctx, NULL), *answer = NULL;
	gk_auto_outgoing gk_outgoing out;
	gk_code rc;

	gk_outgoing_init(&out, "GET");
	if (!is_path(id))
		return gk_error_set(err, GK_INVALID_ARGUMENT, "%s: no operation has this id",
			model->vendor->name);
	if (!config)
		return gk_error_no_memory(err);
	rc = gk_googleai_prepare(model->vendor, config, &out, err, "%s", id);
	if (rc == GK_OK)
		rc = gk_googleai_ask(ctx, model->vendor, &out, &answer, err);
	return rc == GK_OK ? operation_of(model->vendor, answer, ret, err) : rc;
}
