/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/oai/oai.h"

#include "plugins/common/ask.h"

#include <genkit/context.h>

typedef struct asking {
	gk_ctx *ctx;
	gk_oai_stream stream;
} asking;

static gk_code send_chunk(json_t *chunk_take, void *user, gk_error *err)
{
	asking *it = user;

	return gk_ctx_send(it->ctx, chunk_take, err);
}

static gk_code on_event(const gk_sse_event *event, void *user, gk_error *err)
{
	asking *it = user;

	return gk_oai_stream_push(&it->stream, event->data.text, event->data.len, err);
}

static gk_code ask_in_pieces(gk_ctx *ctx, const gk_oai_call *call, json_t **ret, gk_error *err)
{
	asking it = { .ctx = ctx };
	gk_auto_sse gk_sse sse;
	gk_code rc;

	gk_oai_stream_init(&it.stream, call, send_chunk, &it);
	gk_sse_init(&sse, 0, on_event, &it);
	rc = gk_ask_events(ctx, call->vendor->name, call->out, &sse, &it.stream.is_done, err);
	if (rc == GK_OK)
		rc = gk_oai_stream_end(&it.stream, ret, err);
	gk_oai_stream_done(&it.stream);
	return rc;
}

gk_code gk_oai_run_chat(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	const gk_vendor_model *model = gk_ctx_user(ctx);
	gk_auto_json json_t *body = NULL, *completion = NULL;
	gk_auto_outgoing gk_outgoing out;
	gk_oai_call call = { .row = model->vendor->type->row,
		.vendor = model->vendor,
		.models = model->row,
		.id = model->id,
		.request = request,
		.out = &out };
	bool is_streaming = gk_ctx_is_streaming(ctx);
	gk_code rc;

	gk_outgoing_init(&out, "POST");
	rc = gk_oai_prepare(model->vendor, call.row, &out, "/chat/completions",
		gk_oai_model_name(&call), json_object_get(request, "config"), err);
	if (rc == GK_OK)
		rc = gk_oai_request(&call, is_streaming, &body, err);
	if (rc != GK_OK)
		return rc;
	gk_outgoing_json(&out, body);
	json_decref(gk_steal(body)); /* not held while the model thinks */
	if (is_streaming)
		rc = ask_in_pieces(ctx, &call, &completion, err);
	else
		rc = gk_ask_json(ctx, model->vendor->name, &out, &completion, err);
	return rc == GK_OK ? gk_oai_answer(&call, completion, ret, err) : rc;
}
