/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Tools, their multipart twins, interrupts, and the answers to interrupts (tools sections 1, 2 and 4). */
#include "core/internal.h"

#include "base/str.h"

#include <genkit/tool.h>

/* What sets an interrupt apart from other errors: it never leaves the process. */
#define INTERRUPT_SOURCE "ToolInterruptError"

typedef struct tool_body {
	gk_action_fn *fn;
	void *user;
} tool_body;

/* --- interrupts --- */

gk_code gk_interrupt(gk_ctx *ctx, json_t *metadata_take, gk_error *err)
{
	if (metadata_take) {
		gk_auto_str char *text = gk_json_write(metadata_take, NULL);

		gk_ctx_set_metadata(ctx, "interrupt", text);
	}
	gk_error_set_plain(err, "%s", "");
	if (err) {
		err->source = strdup(INTERRUPT_SOURCE);
		err->details = metadata_take;
	} else {
		json_decref(metadata_take);
	}
	return GK_INTERNAL;
}

bool gk_error_is_interrupt(const gk_error *err)
{
	return err && err->is_plain && gk_str_equal(err->source, INTERRUPT_SOURCE);
}

json_t *gk_ctx_resumed(gk_ctx *ctx)
{
	json_t *resumed = json_object_get(ctx->request_metadata, "resumed");

	return resumed && !json_is_false(resumed) && !json_is_null(resumed) ? resumed : NULL;
}

static gk_code interrupt_always(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input;
	(void)ret;
	return gk_interrupt(ctx, NULL, err);
}

/* --- definition --- */

static gk_code run_body(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const tool_body *body = gk_ctx_user(ctx);
	json_t *resumed = gk_ctx_resumed(ctx);

	if (resumed) {
		gk_auto_str char *text = gk_json_write(resumed, NULL);

		gk_ctx_set_metadata(ctx, "resumed", text);
	}
	return gk_ctx_run_inner(ctx, body->fn, body->user, input, ret, err);
}

/* The twin of a plain tool: {"output": what the tool gives}. */
static gk_code run_twin(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *output = NULL;
	gk_code rc = run_body(ctx, input, &output, err);

	if (rc != GK_OK)
		return rc;
	*ret = output ? json_pack("{s:O}", "output", output) : json_object();
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static json_t *metadata_of(const gk_tool_opts *opts, const char *type)
{
	json_t *metadata = opts->metadata ? json_deep_copy(opts->metadata) : json_object();
	bool is_v2 = strcmp(type, "tool.v2") == 0;
	json_t *tool;

	if (!metadata)
		return NULL;
	json_object_set_new(metadata, "type", json_string(type));
	if (!is_v2 && opts->run)
		return metadata;
	tool = json_object_get(metadata, "tool");
	if (!tool) {
		tool = json_object();
		json_object_set_new(metadata, "tool", tool);
	}
	json_object_set_new(tool, is_v2 ? "multipart" : "restartable", json_boolean(is_v2));
	if (is_v2 && !opts->is_multipart)
		json_object_set_new(metadata, "dynamic", json_true());
	return metadata;
}

#define MULTIPART_RESPONSE                                                                                   \
	"{\"type\":\"object\",\"properties\":{\"output\":{},\"content\":{\"type\":\"array\",\"items\":{}}}," \
	"\"additionalProperties\":true,\"$schema\":\"http://json-schema.org/draft-07/schema#\"}"

static gk_code define_form(
	gk_app *app, const gk_tool_opts *opts, const char *type, gk_action_fn *run, gk_error *err)
{
	gk_auto_json json_t *metadata = metadata_of(opts, type);
	tool_body *body = malloc(sizeof(*body));
	gk_code rc;

	if (!metadata || !body) {
		free(body);
		return gk_error_no_memory(err);
	}
	body->fn = opts->run ? opts->run : interrupt_always;
	body->user = opts->user;
	rc = gk_action_register(app,
		GK_OPTS(gk_action_opts, .type = type, .name = opts->name,
			.description = opts->description, .input = opts->input,
			.output = strcmp(type, "tool.v2") == 0 ? MULTIPART_RESPONSE : opts->output,
			.metadata = metadata, .run = run, .user = body, .free_user = free),
		err);
	if (rc != GK_OK)
		free(body);
	return rc;
}

gk_code gk_define_tool(gk_app *app, const gk_tool_opts *opts, gk_error *err)
{
	gk_code rc = GK_OK;

	if (!opts->name || !*opts->name || !opts->description)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"a tool needs a name and a description: the model reads both");
	if (!opts->is_multipart)
		rc = define_form(app, opts, "tool", run_body, err);
	if (rc == GK_OK && opts->run)
		rc = define_form(
			app, opts, "tool.v2", opts->is_multipart ? run_body : run_twin, err);
	return rc;
}

/* --- answers to an interrupt --- */

/* {name, ref?}: what request and response share. */
static json_t *request_head(json_t *interrupt)
{
	json_t *request = json_object_get(interrupt, "toolRequest"), *head = json_object();
	json_t *ref = json_object_get(request, "ref");

	if (head && json_object_set(head, "name", json_object_get(request, "name")) == 0 && ref)
		json_object_set(head, "ref", ref);
	return head;
}

json_t *gk_tool_respond(json_t *interrupt, json_t *output, json_t *metadata)
{
	gk_auto_json json_t *response = request_head(interrupt);

	if (!response || (output && json_object_set(response, "output", output) < 0))
		return NULL;
	return json_pack("{s:O, s:{s:o}}", "toolResponse", response, "metadata",
		"interruptResponse", metadata ? json_incref(metadata) : json_true());
}

json_t *gk_tool_restart(json_t *interrupt, json_t *resumed, json_t *replace_input)
{
	json_t *old_input = json_object_get(json_object_get(interrupt, "toolRequest"), "input");
	json_t *old_metadata = json_object_get(interrupt, "metadata"), *input;
	gk_auto_json json_t *request = request_head(interrupt);
	gk_auto_json json_t *metadata =
		json_is_object(old_metadata) ? json_copy(old_metadata) : json_object();

	if (json_is_null(replace_input))
		replace_input = NULL;
	input = replace_input ? replace_input : old_input;
	if (!request || !metadata || (input && json_object_set(request, "input", input) < 0) ||
		json_object_set_new(
			metadata, "resumed", resumed ? json_incref(resumed) : json_true()) < 0)
		return NULL;
	if (replace_input && json_object_set(metadata, "replacedInput", old_input) < 0)
		return NULL;
	return json_pack("{s:O, s:O}", "toolRequest", request, "metadata", metadata);
}
