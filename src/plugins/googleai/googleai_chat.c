/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/googleai/googleai.h"

#include "plugins/common/ask.h"

static gk_code on_event(const gk_sse_event *event, void *stream, gk_error *err)
{
	return gk_gemini_stream_push(stream, event->data.text, event->data.len, err);
}

static gk_code ask_in_events(
	gk_ctx *ctx, const gk_gemini_call *call, gk_outgoing *out, json_t **ret, gk_error *err)
{
	gk_auto_gemini_stream gk_gemini_stream stream = {
		.call = call, .out = out, .emit = gk_ask_emit, .user = ctx
	};
	gk_auto_sse gk_sse sse;
	gk_code rc;

	gk_sse_init(&sse, 0, on_event, &stream);
	rc = gk_ask_events(ctx, call->who, out, &sse, NULL, err);
	return rc == GK_OK ? gk_gemini_stream_end(
				     &stream, gk_sse_is_unfinished(&sse), &sse.line, ret, err)
			   : rc;
}

/* The answer tells which cache it stands on. */
static gk_code add_cache(json_t *response, json_t *name, gk_error *err)
{
	json_t *message = json_object_get(response, "message");

	return gk_json_set_take(message, "metadata", json_pack("{s:{s:O}}", "cache", "name", name))
		       ? GK_OK
		       : gk_error_no_memory(err);
}

gk_code gk_googleai_run_chat(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	const gk_vendor_model *model = gk_ctx_user(ctx);
	const gk_vendor *vendor = model->vendor;
	const json_t *config = json_object_get(request, "config");
	gk_gemini_call call = { .who = vendor->name,
		.id = gk_googleai_model_name(model, config),
		.request = request,
		.legacy_schema =
			json_is_true(gk_vendor_option_peek(vendor, "legacyResponseSchema")) };
	gk_auto_json json_t *body = NULL, *cache = NULL, *answer = NULL, *response = NULL;
	bool is_streaming = gk_ctx_is_streaming(ctx);
	gk_auto_outgoing gk_outgoing out;
	gk_code rc;

	gk_outgoing_init(&out, "POST");
	rc = gk_gemini_request(&call, &body, err);
	if (rc == GK_OK)
		rc = gk_googleai_cache(ctx, vendor, &call, body, &cache, err);
	if (rc == GK_OK)
		rc = gk_googleai_prepare_model(vendor, config, &out, call.id,
			is_streaming ? "streamGenerateContent?alt=sse" : "generateContent", err);
	if (rc != GK_OK)
		return rc;
	gk_outgoing_json(&out, body);
	json_decref(gk_steal(body));
	rc = is_streaming ? ask_in_events(ctx, &call, &out, &answer, err)
			  : gk_googleai_ask(ctx, vendor, &out, &answer, err);
	if (rc == GK_OK)
		rc = gk_gemini_answer(&call, answer, &response, err);
	if (rc == GK_OK && cache)
		rc = add_cache(response, cache, err);
	if (rc == GK_OK)
		*ret = gk_steal(response);
	return rc;
}
