/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/oai/oai.h"

#include "base/log.h"
#include "core/let_go.h"
#include "plugins/common/ask.h"

#include <genkit/context.h>

static gk_code on_event(const gk_sse_event *event, void *user, gk_error *err)
{
	gk_oai_stream *stream = user;

	stream->is_failure = event->event.len == 5 && memcmp(event->event.text, "error", 5) == 0;
	return gk_oai_stream_push(stream, event->data.text, event->data.len, err);
}

static gk_code ask_in_pieces(gk_ctx *ctx, const gk_oai_call *call, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *completion = NULL;
	gk_auto_oai_stream gk_oai_stream stream;
	gk_auto_sse gk_sse sse;
	bool is_whole;
	gk_code rc;

	gk_oai_stream_init(&stream, call, gk_ask_emit, ctx);
	gk_sse_init(&sse, 0, on_event, &stream);
	rc = gk_ask_events_or_json(
		ctx, call->vendor->name, call->out, &sse, &stream.is_done, &completion, err);
	is_whole = completion != NULL; /* a service that does not stream */
	if (rc == GK_OK && !is_whole)
		rc = gk_oai_stream_end(&stream, &completion, err);
	if (rc == GK_OK)
		rc = gk_oai_answer(call, completion, ret, err);
	return rc == GK_OK && is_whole ? gk_ask_emit_whole(ctx, *ret, err) : rc;
}

static gk_code ask_whole(gk_ctx *ctx, const gk_oai_call *call, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *completion = NULL;
	gk_code rc = gk_ask_json(ctx, call->vendor->name, call->out, &completion, err);

	return rc == GK_OK ? gk_oai_answer(call, completion, ret, err) : rc;
}

/* Said once: it goes on, and changes nothing. */
static void warn_of_what_is_ignored(gk_vendor *vendor, const gk_oai_call *call)
{
	const char *const names[] = { "temperature", "topP" };

	for (size_t i = 0; i < 2; i++) {
		if (vendor->has_warned || !gk_words_match(call->row->cold_ids, call->id) ||
			!gk_request_config_peek(call->request, names[i]))
			continue;
		vendor->has_warned = true;
		gk_log(GK_LOG_WARN, "plugins", "%s: model %s ignores config.%s", vendor->name,
			call->id, names[i]);
	}
}

gk_code gk_oai_run_chat(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	const gk_vendor_model *model = gk_ctx_user(ctx);
	gk_auto_json json_t *body = NULL;
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
		gk_oai_model_name(&call), gk_json_peek(request, "config"), err);
	if (rc == GK_OK)
		rc = gk_oai_request(&call, is_streaming, &body, err);
	if (rc != GK_OK)
		return rc;
	gk_outgoing_json(&out, body);
	gk_json_let_go(gk_steal(body)); /* not held while the model thinks */
	warn_of_what_is_ignored(model->vendor, &call);
	return is_streaming ? ask_in_pieces(ctx, &call, ret, err) : ask_whole(ctx, &call, ret, err);
}
