/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* gk_generate() and /util/generate: the ways into the loop of turns (generate section 3.1). */
#include "ai/generation.h"

#include "ai/ai.h"
#include "ai/response.h"
#include "core/builtin_schemas.h"
#include "json/edit.h"

/* --- a call --- */

static gk_code generation_open(gk_generation *generation, gk_ctx *ctx, json_t *use,
	const gk_model_middleware *functions, gk_error *err)
{
	generation->app = gk_ctx_app(ctx);
	return gk_hooks_open(&generation->hooks, ctx, use, functions, err);
}

static void generation_done(gk_generation *generation)
{
	gk_hooks_close(&generation->hooks);
	gk_toolset_done(&generation->tools);
	gk_action_unref(generation->model);
	json_decref(generation->model_name);
	gk_schema_unref(generation->output_schema);
	json_decref(generation->output_schema_json);
	json_decref(generation->own_messages);
	gk_json_memo_done(&generation->memo);
}

/* --- from C --- */

/* What the call alone has, as one list. NULL with GK_OK: nothing. */
static gk_code extras_of(const gk_generate_opts *opts, gk_action ***ret, gk_error *err)
{
	gk_action *const *lists[] = { opts->tool_actions, opts->resource_actions };
	size_t count = opts->model_action != NULL, at = 0;
	gk_action **extras;

	for (size_t i = 0; i < 2; i++)
		for (gk_action *const *it = lists[i]; it && *it; it++)
			count++;
	*ret = NULL;
	if (!count)
		return GK_OK;
	extras = calloc(count + 1, sizeof(*extras));
	if (!extras)
		return gk_error_no_memory(err);
	if (opts->model_action)
		extras[at++] = opts->model_action;
	for (size_t i = 0; i < 2; i++)
		for (gk_action *const *it = lists[i]; it && *it; it++)
			extras[at++] = *it;
	*ret = extras;
	return GK_OK;
}

static gk_code read_response(gk_app *app, json_t *wire_take, gk_response **ret, gk_error *err)
{
	gk_auto_json json_t *wire = wire_take;
	gk_output_format *format = NULL;
	gk_code rc = gk_format_of_output(
		app, gk_json_peek(gk_json_peek(wire, "request"), "output"), &format, err);

	if (rc == GK_OK)
		rc = gk_response_new(gk_steal(wire), format, ret, err);
	gk_format_unref(format);
	return rc;
}

typedef struct library_call {
	const gk_generate_opts *opts;
	gk_ctx *caller;
} library_call;

static gk_code run_library(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const library_call *call = gk_ctx_user(ctx);
	const gk_generate_opts *opts = call->opts;
	gk_generation generation = {
		.caller = call->caller,
		.on_chunk = opts->on_chunk,
		.on_progress = opts->on_progress,
		.chunk_user = opts->user,
		.is_streaming = opts->on_chunk || opts->on_progress,
	};
	gk_auto_json json_t *request = NULL;
	gk_action **extras = NULL;
	gk_code rc = gk_generate_request(ctx, opts, &request, err);

	(void)input;
	if (rc == GK_OK && !gk_json_peek(request, "use") && /* as run_util() writes it back */
		!gk_json_set_take(request, "use", json_array()))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		rc = extras_of(opts, &extras, err);
	generation.extras = extras;
	if (rc == GK_OK)
		rc = generation_open(
			&generation, ctx, gk_json_peek(request, "use"), opts->middleware, err);
	/* One that is not there fails before any span; that none was named is found in it. */
	if (rc == GK_OK && gk_generation_names_model(&generation, request))
		rc = gk_generation_find_model(ctx, &generation, request, err);
	if (rc == GK_OK)
		rc = gk_turns_run(
			ctx, &generation, &(gk_turn){ .request = request }, true, NULL, ret, err);
	generation_done(&generation);
	free(extras);
	return gk_generation_tell_end(rc, err);
}

gk_code gk_generate(gk_ctx *ctx, const gk_generate_opts *opts, gk_response **ret, gk_error *err)
{
	library_call call = { .opts = opts, .caller = ctx };
	gk_auto_json json_t *wire = NULL;
	gk_code rc;

	if (!ctx || !opts || !ret)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"gk_generate() needs a ctx, options and a place for the response");
	rc = gk_run_part(ctx,
		GK_OPTS(gk_part_opts, .context = opts->context, .timeout_ms = opts->timeout_ms,
			.user = &call),
		run_library, &wire, err);

	if (rc != GK_OK)
		return rc;
	return read_response(gk_ctx_app(ctx), gk_steal(wire), ret, err);
}

static gk_code check_long_running(gk_ctx *ctx, const gk_generate_opts *opts, gk_error *err)
{
	const char *name = opts->model_ref ? opts->model_ref->name : opts->model;
	gk_action *model = opts->model_action ? gk_action_ref(opts->model_action) : NULL;
	json_t *preset = gk_default_model_peek(gk_ctx_app(ctx));
	gk_code rc = GK_OK;

	if (!name)
		name = json_is_string(preset) ? json_string_value(preset)
					      : gk_json_str_peek(preset, "name");
	if (!model && !name)
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "Must supply a `model` to `generate()` calls.");
	if (!model)
		rc = gk_model_find(ctx, name, &model, err);
	if (rc == GK_OK && !gk_model_supports(model, "longRunning"))
		rc = gk_error_set(err, GK_INVALID_ARGUMENT,
			"Model '%s' does not support long running operations.",
			gk_action_name(model));
	gk_action_unref(model);
	return rc;
}

gk_code gk_generate_operation(
	gk_ctx *ctx, const gk_generate_opts *opts, json_t **ret, gk_error *err)
{
	gk_auto_response gk_response *response = NULL;
	gk_code rc;

	if (!ctx || !opts || !ret)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"gk_generate_operation() needs a ctx, options and a place for the operation");
	rc = check_long_running(ctx, opts, err);
	if (rc == GK_OK)
		rc = gk_generate(ctx, opts, &response, err);
	if (rc != GK_OK)
		return rc;
	if (!gk_response_operation(response))
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"Model '%s' did not return an operation.", opts->model ? opts->model : "");
	*ret = json_incref(gk_response_operation(response));
	return GK_OK;
}

/* --- from outside --- */

static gk_code run_util(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_generation generation = { .caller = ctx,
		.on_chunk = gk_ctx_is_streaming(ctx) ? gk_forward_chunk : NULL,
		.is_streaming = gk_ctx_is_streaming(ctx) };
	gk_auto_json json_t *request = NULL;
	gk_code rc;

	if (!gk_json_peek(input, "use")) { /* the reference writes it back */
		request = gk_json_copy(input);
		if (!gk_json_set_take(request, "use", json_array()) ||
			!gk_ctx_record_member(ctx, "use", gk_json_peek(request, "use")))
			return gk_error_no_memory(err);
	} else {
		request = json_incref(input);
	}
	rc = generation_open(&generation, ctx, gk_json_peek(request, "use"), NULL, err);
	if (rc == GK_OK)
		rc = gk_turns_run(ctx, &generation, &(gk_turn){ .request = request }, false,
			gk_ctx_context(ctx), ret, err);
	generation_done(&generation);
	return gk_generation_tell_end(rc, err);
}

static gk_code define_util(gk_app *app, gk_error *err)
{
	gk_action_parts parts = { 0 };
	gk_code rc = gk_builtin_schema("GenerateActionOptions", &parts.input, err);

	if (rc == GK_OK)
		rc = gk_builtin_schema("GenerateResponse", &parts.output, err);
	if (rc == GK_OK)
		rc = gk_action_register(app,
			GK_OPTS(gk_action_opts, .type = "util", .name = "generate",
				.run = run_util),
			&parts, err);
	gk_schema_unref(parts.input);
	gk_schema_unref(parts.output);
	return rc;
}

gk_code gk_ai_init(gk_app *app, gk_error *err)
{
	gk_code rc = define_util(app, err);

	return rc == GK_OK ? gk_middleware_define_builtins(app, err) : rc;
}
