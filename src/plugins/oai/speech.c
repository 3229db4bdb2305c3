/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Models that speak: the message's text in, sound out. */
#include "plugins/oai/media_models.h"

#include "base/str.h"
#include "plugins/common/ask.h"
#include "plugins/common/media.h"

#include <genkit/context.h>

static const char *type_of(const json_t *request)
{
	static const char *const types[][2] = { { "mp3", "audio/mpeg" }, { "opus", "audio/opus" },
		{ "aac", "audio/aac" }, { "flac", "audio/flac" }, { "wav", "audio/wav" },
		{ "pcm", "audio/L16" } };
	const char *format = json_string_value(gk_request_config_peek(request, "response_format"));

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (gk_str_equal(format, types[i][0]))
			return types[i][1];
	return types[0][1];
}

static json_t *body_of(const gk_oai_call *call)
{
	gk_auto_str char *input = gk_oai_media_text(call->request);
	gk_auto_json json_t *body = json_object();

	if (!input || !gk_json_set_str(body, "model", gk_oai_model_name(call)) ||
		!gk_json_set_str(body, "input", input) ||
		!gk_json_set_str(body, "voice", "alloy") ||
		!gk_oai_media_add_config(body, call->request))
		return NULL;
	return gk_steal(body);
}

gk_code gk_oai_run_speech(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	const gk_vendor_model *model = gk_ctx_user(ctx);
	gk_auto_json json_t *content = json_array();
	gk_auto_outgoing gk_outgoing out;
	gk_auto_str char *sound = NULL;
	gk_oai_call call;
	size_t len = 0;
	gk_code rc;

	gk_outgoing_init(&out, "POST");
	rc = gk_oai_media_prepare(&call, model, request, "/audio/speech", body_of, &out, err);
	if (rc != GK_OK)
		return rc;
	rc = gk_ask_bytes(ctx, model->vendor->name, &out, &sound, &len, NULL, err);
	if (rc != GK_OK)
		return rc;
	if (!gk_json_push_take(content, gk_media_part_of_bytes(type_of(request), sound, len)))
		return gk_error_no_memory(err);
	return gk_vendor_response(request, gk_steal(content), NULL, ret, err);
}
