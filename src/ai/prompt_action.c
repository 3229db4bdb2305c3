/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The actions of a prompt, and calling it by its name (tools sections 7.3 to 7.6). */
#include "ai/prompt_file.h"

#include "ai/format.h"
#include "ai/model.h"
#include "ai/request.h"
#include "core/refs.h"
#include "json/edit.h"

#include <stdio.h>

/* --- what the actions give --- */

/* GenerateActionOptions of what the prompt makes of an input; `config_ret`, unless NULL, is the configuration that was said
 * and nothing of the model's. */
static gk_code request_of(gk_ctx *ctx, gk_prompt_body *body, json_t *input, json_t **ret,
	json_t **config_ret, gk_error *err)
{
	gk_auto_json json_t *rendered = NULL;
	const char **names = NULL;
	gk_generate_opts opts;
	gk_model_ref ref;
	gk_code rc = gk_prompt_body_render(ctx, body, input, NULL, NULL, &rendered, err);

	if (rc == GK_OK)
		rc = gk_prompt_generate_opts(rendered, NULL, &opts, &ref, &names, err);
	if (rc == GK_OK)
		rc = gk_generate_request(ctx, &opts, ret, err);
	if (rc == GK_OK && config_ret)
		*config_ret = json_incref(opts.config);
	free(names);
	return rc;
}

static gk_code define_tools(gk_ctx *ctx, json_t *keys, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *tools = json_array();
	json_t *key;
	size_t i;

	if (!tools)
		return gk_error_no_memory(err);
	json_array_foreach (keys, i, key) {
		gk_action *tool = NULL;
		gk_code rc = gk_ref_resolve(ctx, GK_REF_TOOL, json_string_value(key), &tool, err);
		bool ok = rc == GK_OK && gk_json_push_take(tools, gk_tool_definition(tool));

		gk_action_unref(tool);
		if (rc != GK_OK || !ok)
			return rc != GK_OK ? rc : gk_error_no_memory(err);
	}
	*ret = gk_steal(tools);
	return GK_OK;
}

/* With the format's configuration under its output and instructions among its messages; its own words also without a
 * format. */
static gk_code apply_format(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	json_t *output = json_object_get(request, "output");
	const char *words = json_string_value(json_object_get(output, "instructions"));
	gk_auto_json json_t *messages = NULL;
	gk_output_format *format = NULL;
	gk_code rc = gk_format_of_output(gk_ctx_app(ctx), output, &format, err);

	if (rc == GK_OK && format) {
		rc = gk_format_apply(format, request, ret, err);
	} else if (rc == GK_OK) {
		rc = gk_format_inject(json_object_get(request, "messages"), words, &messages, err);
		if (rc == GK_OK) {
			*ret = gk_json_object_with(request, "messages", gk_steal(messages));
			rc = *ret ? GK_OK : gk_error_no_memory(err);
		}
	}
	gk_format_unref(format);
	return rc;
}

static bool copy_member(json_t *to, const char *key, json_t *from)
{
	json_t *value = json_object_get(from, key);

	return !value || gk_json_set(to, key, value);
}

static json_t *model_request(json_t *applied, json_t *config, json_t *tools)
{
	gk_auto_json json_t *request = json_object(), *output = NULL;
	json_t *schema;

	output = gk_json_merge(json_object_get(applied, "output"), NULL);
	schema = json_object_get(output, "jsonSchema");
	if (json_is_null(schema)) {
		json_object_del(output, "jsonSchema");
		schema = NULL;
	}
	if (!output || (schema && !gk_json_set(output, "schema", schema)) ||
		!copy_member(request, "messages", applied) ||
		(config && !gk_json_set(request, "config", config)) ||
		!copy_member(request, "docs", applied) || !gk_json_set(request, "tools", tools) ||
		!gk_json_set_take(request, "resources", json_array()) ||
		!gk_json_set(request, "output", output))
		return NULL;
	return gk_steal(request);
}

gk_code gk_prompt_action(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *request = NULL, *config = NULL, *applied = NULL, *tools = NULL;
	gk_code rc = request_of(ctx, gk_ctx_user(ctx), input, &request, &config, err);

	if (rc == GK_OK)
		rc = apply_format(ctx, request, &applied, err);
	if (rc == GK_OK)
		rc = define_tools(ctx, json_object_get(request, "tools"), &tools, err);
	if (rc != GK_OK)
		return rc;
	*ret = model_request(applied, config, tools);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

gk_code gk_executable_prompt_action(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *request = NULL;
	gk_action *model = NULL;
	const char *name;
	gk_code rc = request_of(ctx, gk_ctx_user(ctx), input, &request, NULL, err);

	if (rc != GK_OK)
		return rc;
	name = json_string_value(json_object_get(request, "model"));
	if (name)
		rc = gk_model_find(ctx, name, &model, err);
	gk_action_unref(model);
	if (rc == GK_OK)
		*ret = gk_steal(request);
	return rc;
}

/* --- by its name --- */

gk_prompt_body *gk_prompt_body_peek(const gk_action *action)
{
	gk_action_fn *run = gk_action_run_fn(action);

	return run == gk_prompt_action || run == gk_executable_prompt_action
		       ? gk_action_user(action)
		       : NULL;
}

gk_code gk_lookup_prompt(
	gk_ctx *ctx, const char *name, const char *variant, gk_action **ret, gk_error *err)
{
	gk_auto_str char *key = NULL;
	gk_action *action = NULL;
	gk_code rc;

	if (!name || !*name)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "a prompt is looked up by its name");
	if (asprintf(&key, "/prompt/%s%s%s", name, variant ? "." : "", variant ? variant : "") <
		0) {
		key = NULL;
		return gk_error_no_memory(err);
	}
	rc = gk_lookup(ctx, key, &action, err);
	if (rc == GK_OK && !action)
		return gk_error_set(err, GK_NOT_FOUND, "Prompt %s%s%s%s not found", name,
			variant ? " (variant " : "", variant ? variant : "", variant ? ")" : "");
	if (rc == GK_OK)
		*ret = action;
	return rc;
}

/* One of another make would have to be asked by its action, which knows no options. */
static gk_code find_body(
	gk_ctx *ctx, const char *name, gk_action **action_ret, gk_prompt_body **ret, gk_error *err)
{
	gk_code rc = gk_lookup_prompt(ctx, name, NULL, action_ret, err);

	if (rc != GK_OK)
		return rc;
	*ret = gk_prompt_body_peek(*action_ret);
	if (*ret)
		return GK_OK;
	if (gk_action_run_fn(*action_ret) == gk_broken_prompt_action)
		rc = gk_error_set(err, GK_FAILED_PRECONDITION, "the prompt is broken: %s",
			(char *)gk_action_user(*action_ret));
	gk_action_unref(*action_ret);
	if (rc != GK_OK)
		return rc;
	return gk_error_set(err, GK_UNIMPLEMENTED, "Prompt %s can only be run as an action", name);
}

typedef struct prompt_call {
	gk_prompt_body *body;
	const gk_generate_opts *opts;
	gk_response **ret;
} prompt_call;

static gk_code run_in_span(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const prompt_call *call = gk_ctx_user(ctx);
	gk_auto_json json_t *rendered = NULL;
	const char **names = NULL;
	gk_generate_opts opts;
	gk_model_ref ref;
	gk_code rc =
		gk_prompt_body_render(ctx, call->body, input, call->opts, NULL, &rendered, err);

	if (rc == GK_OK)
		rc = gk_prompt_generate_opts(rendered, call->opts, &opts, &ref, &names, err);
	if (rc == GK_OK)
		rc = gk_generate(ctx, &opts, call->ret, err);
	free(names);
	if (rc == GK_OK)
		*ret = json_incref(gk_response_json(*call->ret));
	return rc;
}

gk_code gk_run_prompt(gk_ctx *ctx, const char *name, json_t *input, const gk_generate_opts *opts,
	gk_response **ret, gk_error *err)
{
	const gk_span_opts span = { .name = name, .type = "dotprompt", .what = "prompt" };
	gk_auto_response gk_response *response = NULL;
	prompt_call call = { .opts = opts, .ret = &response };
	gk_action *action = NULL;
	gk_code rc = find_body(ctx, name, &action, &call.body, err);

	if (rc != GK_OK)
		return rc;
	rc = gk_ctx_run_in_span(ctx, &span, run_in_span, &call, input, NULL, err);
	gk_action_unref(action);
	if (rc == GK_OK)
		*ret = gk_steal(response);
	return rc;
}

gk_code gk_render_prompt(gk_ctx *ctx, const char *name, json_t *input, const gk_generate_opts *opts,
	json_t **ret, gk_error *err)
{
	gk_prompt_body *body;
	gk_action *action = NULL;
	gk_code rc = find_body(ctx, name, &action, &body, err);

	if (rc != GK_OK)
		return rc;
	rc = gk_prompt_body_render(ctx, body, input, opts, NULL, ret, err);
	gk_action_unref(action);
	return rc;
}
