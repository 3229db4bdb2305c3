/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A prompt as a flow: it asks the model, and gives the text, or the output when its document says what that is. */
#include "ai/prompt_file.h"

#include "json/edit.h"

#include <stdio.h>

/* What is under the input, before that is validated: a required member may come from the document. */
gk_code gk_prompt_with_defaults(gk_ctx *ctx, const gk_call *call, json_t **ret, gk_error *err)
{
	const gk_prompt_body *body = gk_ctx_user(ctx);
	const gk_prompt_data data = { .input = call->input };
	gk_auto_json json_t *input = NULL;
	gk_call whole = *call;
	gk_code rc = GK_OK;

	if (!call->input || json_is_null(call->input) || json_is_object(call->input))
		rc = gk_prompt_document_input(body->messages.document, &data, &input, err);
	if (rc == GK_OK && input)
		whole.input = input;
	return rc == GK_OK ? gk_call_wrapped(&whole, ret, err) : rc;
}

bool gk_prompt_has_defaults(const gk_prompt_body *body)
{
	json_t *parsed = body->messages.document
				 ? gk_prompt_document_parsed_peek(body->messages.document)
				 : NULL;

	return json_object_size(json_object_get(json_object_get(parsed, "input"), "default")) > 0;
}

static gk_code run(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const gk_prompt_body *body = gk_ctx_user(ctx);
	bool is_output = json_object_size(json_object_get(body->base, "output")) > 0;
	gk_auto_response gk_response *response = NULL;
	gk_code rc = gk_run_prompt(ctx, body->name, input,
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

gk_code gk_prompt_define_flow(
	gk_app *app, gk_prompt_body *body, const char *description, json_t *input, gk_error *err)
{
	gk_action_parts parts = { 0 };
	gk_auto_str char *name = NULL;
	gk_action *action;
	gk_code rc;

	if (asprintf(&name, GK_PROMPT_FLOW_PREFIX "%s", body->name) < 0) {
		name = NULL;
		return gk_error_no_memory(err);
	}
	if (gk_prompt_has_defaults(body)) {
		parts.around = gk_prompt_with_defaults;
		parts.around_user = body;
	}
	rc = gk_action_make(app,
		GK_OPTS(gk_action_opts, .type = "flow", .name = name, .description = description,
			.input_json = input, .run = run, .user = body,
			.free_user = gk_prompt_body_unref),
		&parts, &action, err);
	if (rc != GK_OK)
		return rc;
	gk_prompt_body_ref(body);
	rc = gk_action_register_all(app, &action, 1, err);
	if (rc != GK_OK)
		body->refs--;
	return rc;
}
