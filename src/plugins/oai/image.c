/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Models that draw: the message's text in, pictures out. */
#include "plugins/oai/media_models.h"

#include "base/str.h"
#include "plugins/common/ask.h"
#include "plugins/common/failure.h"
#include "plugins/common/media.h"

#include <genkit/context.h>
#include <stdio.h>

static json_t *body_of(const gk_oai_call *call)
{
	const char *model = gk_oai_model_name(call);
	gk_auto_str char *prompt = gk_oai_media_text(call->request);
	gk_auto_json json_t *body = json_object();
	bool is_gpt = strstr(model, "gpt-image"); /* which knows no response_format */

	if (!prompt || !gk_json_set_str(body, "model", model) ||
		!gk_json_set_str(body, "prompt", prompt) ||
		(!is_gpt && !gk_json_set_str(body, "response_format", "b64_json")) ||
		!gk_oai_media_add_config(body, call->request))
		return NULL;
	if (is_gpt)
		json_object_del(body, "response_format");
	return gk_steal(body);
}

/* What was asked for, or else what the service says it is. */
static json_t *picture(const gk_oai_call *call, const json_t *answer, const json_t *item)
{
	const json_t *asked = gk_request_config_peek(call->request, "output_format");
	const char *format =
		asked ? json_string_value(asked) : gk_json_str_peek(answer, "output_format");
	const char *base64 = gk_json_str_peek(item, "b64_json");
	gk_auto_str char *type = NULL, *url = NULL;

	if (asprintf(&type, "image/%s", format ? format : "png") < 0) {
		type = NULL;
		return NULL;
	}
	if (!base64)
		return gk_media_part(type, gk_json_str_peek(item, "url"));
	url = gk_media_data_url(type, base64);
	return gk_media_part(type, url);
}

gk_code gk_oai_run_image(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	const gk_vendor_model *model = gk_ctx_user(ctx);
	gk_auto_json json_t *answer = NULL, *content = NULL;
	gk_auto_outgoing gk_outgoing out;
	gk_oai_call call;
	json_t *item;
	size_t i;
	gk_code rc;

	gk_outgoing_init(&out, "POST");
	rc = gk_oai_media_prepare(&call, model, request, "/images/generations", body_of, &out, err);
	if (rc != GK_OK)
		return rc;
	rc = gk_ask_json(ctx, model->vendor->name, &out, &answer, err);
	if (rc != GK_OK)
		return rc;
	if (gk_failure_is(answer))
		return gk_failure_in_answer(err, model->vendor->name, &out, answer);
	if (!json_is_array(json_object_get(answer, "data")))
		return gk_error_set(
			err, GK_INTERNAL, "%s: the answer has no 'data'", model->vendor->name);
	content = json_array();
	json_array_foreach (json_object_get(answer, "data"), i, item) {
		if (!gk_json_str_peek(item, "b64_json") && !gk_json_str_peek(item, "url"))
			return gk_error_set(err, GK_INTERNAL,
				"%s: the answer has a picture with neither 'b64_json' nor 'url'",
				model->vendor->name);
		if (!gk_json_push_take(content, picture(&call, answer, item)))
			return gk_error_no_memory(err);
	}
	return gk_oai_media_response(&call, gk_steal(content), answer, ret, err);
}
