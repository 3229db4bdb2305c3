/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/oai/media_models.h"

#include "base/str.h"

gk_code gk_oai_media_begin(gk_oai_call *call, const gk_vendor_model *model, const json_t *request,
	gk_outgoing *out, gk_error *err)
{
	*call = (gk_oai_call){ .row = model->vendor->type->row,
		.vendor = model->vendor,
		.models = model->row,
		.id = model->id,
		.request = request,
		.out = out };
	if (json_array_size(json_object_get(request, "messages")) != 1)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"%s: model %s takes one message, not %zu", model->vendor->name, model->id,
			json_array_size(json_object_get(request, "messages")));
	return GK_OK;
}

gk_code gk_oai_media_address(
	const gk_oai_call *call, gk_outgoing *out, const char *path, gk_error *err)
{
	return gk_oai_prepare(call->vendor, call->row, out, path, gk_oai_model_name(call),
		json_object_get(call->request, "config"), err);
}

gk_code gk_oai_media_prepare(gk_oai_call *call, const gk_vendor_model *model, const json_t *request,
	const char *path, json_t *(*make)(const gk_oai_call *call), gk_outgoing *out, gk_error *err)
{
	gk_auto_json json_t *body = NULL;
	gk_code rc = gk_oai_media_begin(call, model, request, out, err);

	if (rc == GK_OK && !(body = make(call)))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		rc = gk_oai_media_address(call, out, path, err);
	if (rc == GK_OK)
		gk_outgoing_json(out, body);
	return rc;
}

gk_code gk_oai_media_response(
	const gk_oai_call *call, json_t *content_take, json_t *answer, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *response = NULL;
	gk_code rc = gk_vendor_response(call->request, content_take, answer, &response, err);
	json_t *usage = json_object_get(response, "usage");

	if (rc != GK_OK)
		return rc;
	if (!gk_usage_copy(usage, "inputTokens", answer, "usage.input_tokens") ||
		!gk_usage_copy(usage, "outputTokens", answer, "usage.output_tokens") ||
		!gk_usage_copy(usage, "totalTokens", answer, "usage.total_tokens"))
		return gk_error_no_memory(err);
	*ret = gk_steal(response);
	return GK_OK;
}

json_t *gk_oai_media_parts_peek(const json_t *request)
{
	return json_object_get(json_array_get(json_object_get(request, "messages"), 0), "content");
}

char *gk_oai_media_text(const json_t *request)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);

	gk_parts_join(&text, gk_oai_media_parts_peek(request), "text");
	gk_buf_puts(&text, "");
	return gk_buf_take(&text, NULL);
}

bool gk_oai_media_drops(const char *name, bool keeps_temperature)
{
	static const char *const dropped[] = { "topK", "topP", "maxOutputTokens", "stopSequences",
		"apiKey", "version" };

	for (size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++)
		if (strcmp(dropped[i], name) == 0)
			return true;
	return !keeps_temperature && strcmp(name, "temperature") == 0;
}

bool gk_oai_media_add_config(json_t *body, const json_t *request)
{
	const char *name;
	json_t *value;

	json_object_foreach (json_object_get(request, "config"), name, value)
		if (!json_is_null(value) && !gk_oai_media_drops(name, false) &&
			!gk_json_set(body, name, value))
			return false;
	return true;
}
