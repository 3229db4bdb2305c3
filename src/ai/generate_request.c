/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* From the options of gk_generate() to GenerateActionOptions (generate section 3.2). */
#include "ai/generation.h"

#include "ai/generate_request.h"
#include "ai/vouched.h"
#include <genkit/generate.h>
#include "base/str.h"
#include "core/refs.h"
#include "json/edit.h"

/* --- who is asked --- */

static bool update(json_t *config, json_t *more)
{
	const char *key;
	json_t *value;

	json_object_foreach (more, key, value)
		if (!gk_json_set(config, key, value))
			return false;
	return true;
}

/* {version: ref's, ...ref's config, ...config}: there is always one. */
static json_t *merged_config(json_t *ref, json_t *config)
{
	gk_auto_json json_t *merged = json_object();
	json_t *version = gk_json_peek(ref, "version");

	if (!merged || (version && !gk_json_set(merged, "version", version)) ||
		!update(merged, gk_json_peek(ref, "config")) || !update(merged, config))
		return NULL;
	return gk_steal(merged);
}

static const char *model_of(const gk_generate_opts *opts)
{
	if (opts->model_action)
		return gk_action_key(opts->model_action);
	return opts->model_ref ? opts->model_ref->name : opts->model;
}

static gk_code set_model(const gk_generate_opts *opts, json_t *request, gk_error *err)
{
	const char *name = model_of(opts);

	return !name || gk_json_set_str(request, "model", name) ? GK_OK : gk_error_no_memory(err);
}

/* The default model is found when it is asked, and yet its configuration counts here. */
static gk_code set_config(gk_ctx *ctx, const gk_generate_opts *opts, json_t *request, gk_error *err)
{
	gk_auto_json json_t *own = opts->model_ref ? gk_model_ref_json(opts->model_ref) : NULL;
	json_t *ref = model_of(opts) ? own : gk_default_model_peek(gk_ctx_app(ctx));

	if (opts->model_ref && !own)
		return gk_error_no_memory(err);
	return gk_json_set_take(request, "config", merged_config(ref, opts->config))
		       ? GK_OK
		       : gk_error_no_memory(err);
}

/* --- what is said --- */

static bool push_said(json_t *messages, const char *role, const char *text, json_t *parts)
{
	json_t *content;

	if (!parts && (!text || !*text))
		return true;
	if (!parts)
		return gk_json_push_take(messages, gk_message_of_text(role, text));
	content = json_is_array(parts) ? json_incref(parts) : json_pack("[O]", parts);
	return gk_json_push_take(messages, gk_message_new(role, content));
}

/* The list itself, when nothing comes to it and nobody is going to change it. NULL: it is to be copied. */
static json_t *shared_messages(gk_ctx *ctx, const gk_generate_opts *opts)
{
	const gk_vouched *vouched = gk_vouched_peek(ctx);
	bool is_alone =
		!opts->system && !opts->system_parts && !opts->prompt && !opts->prompt_parts;

	return vouched && vouched->is_within && is_alone && opts->messages == vouched->list
		       ? vouched->list
		       : NULL;
}

static gk_code set_messages(
	gk_ctx *ctx, const gk_generate_opts *opts, json_t *request, gk_error *err)
{
	json_t *shared = shared_messages(ctx, opts);
	gk_auto_json json_t *messages = shared ? json_incref(shared) : json_array();

	if (!messages || !push_said(messages, "system", opts->system, opts->system_parts) ||
		(opts->messages && !shared && json_array_extend(messages, opts->messages) < 0) ||
		!push_said(messages, "user", opts->prompt, opts->prompt_parts))
		return gk_error_no_memory(err);
	if (!json_array_size(messages))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"at least one message is required in generate request");
	return gk_json_set(request, "messages", messages) ? GK_OK : gk_error_no_memory(err);
}

/* --- what it may use --- */

static gk_code set_keys(gk_ctx *ctx, gk_ref_kind kind, const char *member, const char *const *names,
	gk_action *const *actions, json_t *request, gk_error *err)
{
	gk_auto_json json_t *keys = NULL;
	gk_code rc = GK_OK;

	if (!names && !actions)
		return GK_OK;
	keys = json_array();
	for (; rc == GK_OK && names && *names; names++)
		rc = gk_ref_expand(ctx, kind, *names, keys, err);
	for (; rc == GK_OK && actions && *actions; actions++)
		if (!gk_json_push_take(keys, json_string(gk_action_key(*actions))))
			rc = gk_error_no_memory(err);
	if (rc == GK_OK && !gk_json_set(request, member, keys))
		rc = gk_error_no_memory(err);
	return rc;
}

static gk_code set_use(const gk_generate_opts *opts, json_t *request, gk_error *err)
{
	gk_auto_json json_t *use = NULL;
	json_t *one;
	size_t i;

	if (!opts->use && !json_array_size(opts->use_json))
		return GK_OK;
	use = json_array();
	for (const char *const *name = opts->use; name && *name; name++)
		if (!gk_json_push_take(use, json_pack("{s:s}", "name", *name)))
			return gk_error_no_memory(err);
	json_array_foreach (opts->use_json, i, one)
		if (!gk_json_push_take(use, json_is_string(one) ? json_pack("{s:O}", "name", one)
								: json_incref(one)))
			return gk_error_no_memory(err);
	return gk_json_set(request, "use", use) ? GK_OK : gk_error_no_memory(err);
}

/* --- what the answer is to be --- */

static gk_code set_schema(gk_app *app, const gk_generate_opts *opts, json_t *output, gk_error *err)
{
	json_t *schema = opts->output_schema_json;
	gk_schema *compiled = NULL;
	gk_code rc = GK_OK;

	if (!schema && opts->output_schema) {
		rc = gk_schema_of_text(app, opts->output_schema, &compiled, err);
		schema = rc == GK_OK ? gk_schema_json_peek(compiled) : NULL;
	}
	if (rc == GK_OK && schema && !gk_json_set(output, "jsonSchema", schema))
		rc = gk_error_no_memory(err);
	return rc;
}

static gk_code set_output(gk_app *app, const gk_generate_opts *opts, json_t *request, gk_error *err)
{
	gk_auto_json json_t *output = NULL;
	gk_code rc;

	if (!opts->output && !opts->output_format && !opts->output_schema &&
		!opts->output_schema_json && !opts->output_instructions)
		return GK_OK;
	output = gk_json_merge(opts->output, NULL);
	if (!output)
		return gk_error_no_memory(err);
	rc = set_schema(app, opts, output, err);
	if (rc != GK_OK)
		return rc;
	if ((opts->output_format && !gk_json_set_str(output, "format", opts->output_format)) ||
		(opts->output_instructions &&
			!gk_json_set_str(output, "instructions", opts->output_instructions)))
		return gk_error_no_memory(err);
	/* what a prompt's file says without a schema, the SDK gives with null */
	if (opts->output && !gk_json_peek(output, "jsonSchema") &&
		!gk_json_set(output, "jsonSchema", json_null()))
		return gk_error_no_memory(err);
	if (gk_json_is_truthy(gk_json_peek(output, "jsonSchema")) &&
		!gk_json_peek(output, "format") && !gk_json_set_str(output, "format", "json"))
		return gk_error_no_memory(err);
	return gk_json_set(request, "output", output) ? GK_OK : gk_error_no_memory(err);
}

/* --- the rest --- */

/* `respond` and `restart` may be one entry or a list of them. */
static json_t *resume_of(json_t *given)
{
	static const char *const lists[] = { "respond", "restart" };
	gk_auto_json json_t *resume = gk_json_merge(given, NULL);

	for (size_t i = 0; resume && i < 2; i++) {
		json_t *one = gk_json_peek(resume, lists[i]);

		if (one && !json_is_array(one) &&
			!gk_json_set_take(resume, lists[i], json_pack("[O]", one)))
			return NULL;
	}
	return gk_steal(resume);
}

static gk_code set_rest(const gk_generate_opts *opts, json_t *request, gk_error *err)
{
	int max_turns = opts->max_turns < 0 ? 0 : opts->max_turns;

	if ((opts->resume && !gk_json_set_take(request, "resume", resume_of(opts->resume))) ||
		(opts->return_tool_requests &&
			!gk_json_set_bool(request, "returnToolRequests", true)) ||
		(opts->max_turns && !gk_json_set_int(request, "maxTurns", max_turns)) ||
		(opts->step_name && !gk_json_set_str(request, "stepName", opts->step_name)))
		return gk_error_no_memory(err);
	return GK_OK;
}

gk_code gk_generate_request(gk_ctx *ctx, const gk_generate_opts *opts, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *request = json_object();
	gk_code rc = request ? set_model(opts, request, err) : gk_error_no_memory(err);

	if (rc == GK_OK && opts->docs && !gk_json_set(request, "docs", opts->docs))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		rc = set_messages(ctx, opts, request, err);
	if (rc == GK_OK)
		rc = set_keys(
			ctx, GK_REF_TOOL, "tools", opts->tools, opts->tool_actions, request, err);
	if (rc == GK_OK)
		rc = set_keys(ctx, GK_REF_RESOURCE, "resources", opts->resources,
			opts->resource_actions, request, err);
	if (rc == GK_OK && opts->tool_choice &&
		!gk_json_set_str(request, "toolChoice", opts->tool_choice))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		rc = set_config(ctx, opts, request, err);
	if (rc == GK_OK)
		rc = set_output(gk_ctx_app(ctx), opts, request, err);
	if (rc == GK_OK)
		rc = set_rest(opts, request, err);
	if (rc == GK_OK)
		rc = set_use(opts, request, err);
	if (rc == GK_OK)
		*ret = gk_steal(request);
	return rc;
}
