/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A flow that asks a model and hands its words on as they come.
 *
 *	genkitd --module build/examples/ask.so --set 'plugins={"openai": {}}'
 *	curl -N http://127.0.0.1:3400/ask -H 'Accept: text/event-stream' \
 *		-d '{"data": {"model": "openai/gpt-4o", "question": "Why is the sky blue?"}}'
 */
#include <genkit/genkit.h>

/* The text of a chunk goes to the caller of the flow. */
static gk_code send_text(gk_ctx *ctx, json_t *chunk, void *user, gk_error *err)
{
	const char *text = gk_json_str_peek(chunk, "content[0].text");

	(void)user;
	return text ? gk_ctx_send(ctx, json_string(text), err) : GK_OK;
}

static gk_code ask(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_response gk_response *reply = NULL;
	gk_code rc = gk_generate(ctx,
		GK_OPTS(gk_generate_opts, .model = gk_json_str_peek(input, "model"),
			.prompt = gk_json_str_peek(input, "question"),
			.on_chunk = gk_ctx_is_streaming(ctx) ? send_text : NULL),
		&reply, err);

	if (rc != GK_OK)
		return rc;
	*ret = json_string(gk_response_text(reply));
	return GK_OK;
}

GK_MODULE(ask, app, err)
{
	return gk_define_flow(app,
		GK_OPTS(gk_flow_opts, .name = "ask", .input = "{model: string, question: string}",
			.output = "string", .stream = "string", .run = ask),
		err);
}
