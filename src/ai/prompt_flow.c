/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A prompt as a flow: it asks the model, and gives the text, or the output when its document says what that is. */
#include "ai/prompt_file.h"

#include "json/edit.h"

/* What is under the input, before that is validated: a required member may come from the document. */
gk_code gk_prompt_with_defaults(gk_ctx *ctx, const gk_call *call, json_t **ret, gk_error *err)
{
	gk_prompt_body *body = gk_ctx_user(ctx);
	const gk_prompt_data data = { .input = call->input };
	gk_auto_json json_t *input = NULL;
	gk_call whole = *call;
	gk_code rc = gk_prompt_body_wake(body, err);

	if (rc == GK_OK &&
		(!call->input || json_is_null(call->input) || json_is_object(call->input)))
		rc = gk_prompt_document_input(body->messages.document, &data, &input, err);
	if (rc == GK_OK && input)
		whole.input = input;
	return rc == GK_OK ? gk_call_wrapped(&whole, ret, err) : rc;
}

gk_code gk_prompt_flow(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_prompt_body *body = gk_ctx_user(ctx);
	gk_auto_response gk_response *response = NULL;
	bool is_output;
	gk_code rc = gk_prompt_body_wake(body, err);

	if (rc != GK_OK)
		return rc;
	is_output = json_object_size(json_object_get(body->base, "output")) > 0;
	rc = gk_run_prompt(ctx, body->name, input,
		GK_OPTS(gk_generate_opts,
			.on_chunk = gk_ctx_is_streaming(ctx) ? gk_forward_chunk : NULL),
		&response, err);

	if (rc != GK_OK)
		return rc;
	if (is_output)
		*ret = json_incref(gk_response_output(response));
	if (!*ret)
		*ret = json_string(gk_response_text(response));
	return *ret ? GK_OK : gk_error_no_memory(err);
}
