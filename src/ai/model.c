/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Models: defined, described, wrapped, found (generate sections 2 and 7). */
#include "ai/model.h"

#include "ai/chain.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "core/builtin_schemas.h"
#include "json/edit.h"

#include <genkit/operation.h>

#include <assert.h>

/* What the user wrote. */
typedef struct model_body {
	gk_action_fn *run, *check, *cancel; /* `run` starts a background model */
	void *user;
	void (*free_user)(void *user);
	bool takes_context;
	bool is_constrained, is_constrained_without_tools;
	size_t use_count;
	gk_model_middleware use[];
} model_body;

/* --- running --- */

json_t *gk_stamp_latency(json_t *result_take, uint64_t started_ns)
{
	double ms = (double)(gk_clock_mono_ns() - started_ns) / 1e6;
	json_t *result = result_take;

	if (!json_is_object(result))
		return result;
	if (result->refcount != 1) { /* somebody else sees it too */
		result = gk_json_copy(result_take);
		json_decref(result_take);
	}
	if (gk_json_set_take(result, "latencyMs", json_real(ms)))
		return result;
	json_decref(result);
	return NULL;
}

static gk_code run_model(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const model_body *body = gk_ctx_user(ctx);
	uint64_t started = gk_clock_mono_ns();
	gk_auto_json json_t *output = NULL;
	gk_code rc = gk_ctx_run_inner(ctx, body->run, body->user, input, &output, err);

	if (rc != GK_OK || !output)
		return rc;
	*ret = gk_stamp_latency(gk_steal(output), started);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static gk_code check_model(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const model_body *body = gk_ctx_user(ctx);

	return gk_ctx_run_inner(ctx, body->check, body->user, input, ret, err);
}

static gk_code cancel_model(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const model_body *body = gk_ctx_user(ctx);

	return gk_ctx_run_inner(ctx, body->cancel, body->user, input, ret, err);
}

/* --- what is around it: its own middleware, then what it cannot do itself --- */

typedef struct model_link {
	gk_next next;
	const gk_call *call;
	const model_body *body;
	size_t index; /* of the function that comes next */
} model_link;

/* Whether the schema of the request must be explained to it. */
static bool must_simulate(const model_body *body, const json_t *request)
{
	if (body->is_constrained)
		return false;
	return !body->is_constrained_without_tools ||
	       json_array_size(gk_json_peek(request, "tools")) > 0;
}

/* The function of an index, those of the user first; NULL: the model itself. */
static gk_model_middleware link_at(const model_body *body, size_t *index, const json_t *request)
{
	for (; *index < body->use_count + 2; (*index)++) {
		if (*index < body->use_count)
			return body->use[*index];
		if (*index == body->use_count && !body->takes_context &&
			gk_json_peek(request, "docs"))
			return (gk_model_middleware){ gk_augment_with_context, NULL };
		if (*index == body->use_count + 1 && must_simulate(body, request))
			return (gk_model_middleware){ gk_simulate_constrained_generation, NULL };
	}
	return (gk_model_middleware){ 0 };
}

static gk_code run_link(gk_ctx *ctx, gk_next *next, json_t *input, json_t **ret, gk_error *err)
{
	const model_link *link = (const model_link *)next;
	model_link own = *link;
	gk_model_middleware use = link_at(link->body, &own.index, input);
	gk_call call;

	if (use.fn) {
		own.index++;
		own.next.input = input;
		return use.fn(ctx, input, &own.next, use.user, ret, err);
	}
	call = *link->call;
	call.input = input;
	if (next->on_chunk) {
		call.on_chunk = next->on_chunk;
		call.chunk_user = next->chunk_user;
	}
	return gk_call_wrapped(&call, ret, err);
}

static gk_code around_model(gk_ctx *ctx, const gk_call *call, json_t **ret, gk_error *err)
{
	model_link first = {
		.next.run = run_link, .call = call, .body = gk_ctx_user(ctx), .index = 0
	};

	if (first.body->use_count && call->memo)
		call->memo->has_members = false; /* it may change an answer as it likes */
	return run_link(ctx, &first.next, call->input, ret, err);
}

/* --- describing --- */

static const struct {
	unsigned flag;
	const char *name;
} capabilities[] = {
	{ GK_SUPPORTS_MULTITURN, "multiturn" },
	{ GK_SUPPORTS_MEDIA, "media" },
	{ GK_SUPPORTS_TOOLS, "tools" },
	{ GK_SUPPORTS_SYSTEM, "systemRole" },
	{ GK_SUPPORTS_CONTEXT, "context" },
	{ GK_SUPPORTS_TOOL_CHOICE, "toolChoice" },
	{ GK_SUPPORTS_LONG_RUNNING, "longRunning" },
};

static bool set_list(json_t *object, const char *key, const char *const *names)
{
	gk_auto_json json_t *list = NULL;

	if (!names)
		return true;
	list = json_array();
	for (; *names; names++)
		if (!gk_json_push_take(list, json_string(*names)))
			return false;
	return gk_json_set(object, key, list);
}

static json_t *supports_of(const gk_model_opts *opts)
{
	gk_auto_json json_t *supports = json_object();

	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++)
		if ((opts->supports & capabilities[i].flag) &&
			!gk_json_set_bool(supports, capabilities[i].name, true))
			return NULL;
	if ((opts->constrained && !gk_json_set_str(supports, "constrained", opts->constrained)) ||
		!set_list(supports, "output", opts->output) ||
		!set_list(supports, "contentType", opts->content))
		return NULL;
	return gk_steal(supports);
}

/* {label, customOptions?, versions?, supports?, stage?} and what `info` says. */
static gk_code info_of(gk_app *app, const gk_model_opts *opts, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *own = json_object(), *supports = supports_of(opts), *info = NULL;
	gk_schema *config = NULL;
	gk_code rc = gk_action_schema(app, "config", opts->config, opts->config_json, &config, err);
	bool ok;

	if (rc != GK_OK)
		return rc;
	ok = supports && gk_json_set_str(own, "label", opts->label ? opts->label : opts->name) &&
	     (!config || gk_json_set(own, "customOptions", gk_schema_json_peek(config))) &&
	     set_list(own, "versions", opts->versions) &&
	     (!json_object_size(supports) || gk_json_set(own, "supports", supports)) &&
	     (!opts->stage || gk_json_set_str(own, "stage", opts->stage));
	gk_schema_unref(config);
	info = ok ? gk_json_merge(own, opts->info) : NULL;
	if (!info)
		return gk_error_no_memory(err);
	*ret = gk_steal(info);
	return GK_OK;
}

static gk_code metadata_of(gk_app *app, const gk_model_opts *opts, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *metadata = NULL, *info = NULL;
	gk_code rc = gk_metadata_copy(opts->metadata, &metadata, err);

	if (rc == GK_OK)
		rc = info_of(app, opts, &info, err);
	if (rc == GK_OK && !gk_json_set(metadata, "model", info))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		*ret = gk_steal(metadata);
	return rc;
}

/* --- making --- */

static void free_body(void *it)
{
	model_body *body = it;

	if (body->free_user)
		body->free_user(body->user);
	free(body);
}

static gk_code body_of(const gk_model_opts *opts, json_t *info, model_body **ret, gk_error *err)
{
	json_t *supports = gk_json_peek(info, "supports");
	const char *constrained = gk_json_str_peek(supports, "constrained");
	size_t count = 0;
	model_body *body;

	while (opts->use && opts->use[count].fn)
		count++;
	body = calloc(1, sizeof(*body) + count * sizeof(body->use[0]));
	if (!body)
		return gk_error_no_memory(err);
	body->run = opts->run;
	body->user = opts->user;
	body->takes_context = json_is_true(gk_json_peek(supports, "context"));
	body->is_constrained = gk_str_equal(constrained, "all");
	body->is_constrained_without_tools = gk_str_equal(constrained, "no-tools");
	body->use_count = count;
	if (count)
		memcpy(body->use, opts->use, count * sizeof(body->use[0]));
	*ret = body;
	return GK_OK;
}

static gk_code check_opts(const gk_model_opts *opts, gk_error *err)
{
	if (!opts->name || !*opts->name)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "a model needs a name");
	if (opts->info && !json_is_object(opts->info))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "model %s: info is an object", opts->name);
	return GK_OK;
}

gk_code gk_model_new(gk_app *app, const gk_model_opts *opts, gk_action **ret, gk_error *err)
{
	gk_action_parts parts = { .around = around_model };
	gk_auto_json json_t *metadata = NULL;
	model_body *body = NULL;
	gk_code rc = check_opts(opts, err);

	if (rc == GK_OK && !opts->run)
		rc = gk_error_set(
			err, GK_INVALID_ARGUMENT, "model %s has no function to run", opts->name);
	if (rc == GK_OK)
		rc = metadata_of(app, opts, &metadata, err);
	if (rc == GK_OK)
		rc = body_of(opts, gk_json_peek(metadata, "model"), &body, err);
	if (rc == GK_OK)
		rc = gk_builtin_schema("GenerateRequest", &parts.input, err);
	if (rc == GK_OK)
		rc = gk_builtin_schema("GenerateResponse", &parts.output, err);
	parts.around_user = body;
	if (rc == GK_OK)
		rc = gk_action_make(app,
			GK_OPTS(gk_action_opts, .type = "model", .name = opts->name,
				.description = opts->label ? opts->label : opts->name,
				.metadata = metadata, .run = run_model, .user = body,
				.free_user = free_body),
			&parts, ret, err);
	gk_schema_unref(parts.input);
	gk_schema_unref(parts.output);
	if (rc == GK_OK)
		body->free_user = opts->free_user;
	else
		free(body);
	return rc;
}

gk_code gk_define_model(gk_app *app, const gk_model_opts *opts, gk_error *err)
{
	model_body *body;
	gk_action *action;
	gk_code rc = gk_model_new(app, opts, &action, err);

	if (rc != GK_OK)
		return rc;
	body = gk_action_user(action);
	rc = gk_action_register_all(app, &action, 1, err);
	if (rc != GK_OK)
		free(body); /* the action has left it to us */
	return rc;
}

static gk_code define_background(gk_app *app, const gk_background_model_opts *opts,
	json_t *metadata, model_body *body, gk_error *err)
{
	const gk_model_opts *model = &opts->model;
	gk_action_parts parts = {
		.around = around_model, .around_user = body, .around_free = free_body
	};
	gk_code rc = gk_builtin_schema("GenerateRequest", &parts.input, err);

	body->run = opts->start;
	body->check = opts->check;
	body->cancel = opts->cancel;
	body->user = opts->user;
	if (rc == GK_OK)
		rc = gk_background_define(app,
			GK_OPTS(gk_background_opts, .name = model->name,
				.description = model->label ? model->label : model->name,
				.output_json = gk_builtin_schema_json_peek("GenerateResponse"),
				.start = run_model, .check = check_model,
				.cancel = opts->cancel ? cancel_model : NULL, .user = body,
				.metadata = metadata),
			&parts, err);
	gk_schema_unref(parts.input);
	return rc;
}

gk_code gk_define_background_model(gk_app *app, const gk_background_model_opts *opts, gk_error *err)
{
	gk_auto_json json_t *metadata = NULL;
	model_body *body = NULL;
	gk_code rc = check_opts(&opts->model, err);

	if (rc == GK_OK && (!opts->start || !opts->check))
		rc = gk_error_set(err, GK_INVALID_ARGUMENT,
			"background model %s needs start and check", opts->model.name);
	if (rc == GK_OK)
		rc = metadata_of(app, &opts->model, &metadata, err);
	if (rc == GK_OK)
		rc = body_of(&opts->model, gk_json_peek(metadata, "model"), &body, err);
	if (rc == GK_OK)
		rc = define_background(app, opts, metadata, body, err);
	if (rc == GK_OK)
		body->free_user = opts->model.free_user;
	else
		free(body);
	return rc;
}

/* --- finding --- */

gk_code gk_model_find(gk_ctx *ctx, const char *name, gk_action **ret, gk_error *err)
{
	static const char *const types[] = { "model", "background-model" };
	gk_code rc = GK_OK;

	*ret = NULL;
	for (size_t i = 0; rc == GK_OK && !*ret && i < 2; i++) {
		gk_auto_str char *key =
			gk_str_join((const char *[]){ "/", types[i], "/", name, NULL });

		if (!key)
			return gk_error_no_memory(err);
		rc = gk_lookup(ctx, key, ret, err);
	}
	if (rc == GK_OK && !*ret)
		rc = gk_error_set(err, GK_NOT_FOUND, "Model '%s' not found", name);
	if (rc == GK_OK &&
		gk_str_equal(json_string_value(gk_json_peek(gk_model_info_peek(*ret), "stage")),
			"deprecated"))
		gk_log(GK_LOG_WARN, "generate",
			"Model '%s' is deprecated and may be removed in a future release", name);
	return rc;
}

json_t *gk_model_info_peek(const gk_action *model)
{
	return gk_json_peek(gk_action_metadata_peek(model), "model");
}

bool gk_model_supports(const gk_action *model, const char *what)
{
	return json_is_true(
		gk_json_peek(gk_json_peek(gk_model_info_peek(model), "supports"), what));
}

bool gk_model_is_background(const gk_action *model)
{
	return strcmp(gk_action_type(model), "background-model") == 0;
}

/* --- the default --- */

#define DEFAULT_KIND "defaultModel"

json_t *gk_default_model_peek(gk_app *app)
{
	return gk_value_peek(app, DEFAULT_KIND, DEFAULT_KIND);
}

json_t *gk_model_ref_json(const gk_model_ref *ref)
{
	gk_auto_json json_t *it = json_object();

	if (!gk_json_set_str(it, "name", ref->name) ||
		(ref->config && !gk_json_set(it, "config", ref->config)) ||
		(ref->version && !gk_json_set_str(it, "version", ref->version)))
		return NULL;
	return gk_steal(it);
}

gk_code gk_set_default_model(gk_app *app, const gk_model_ref *ref, gk_error *err)
{
	gk_auto_json json_t *it = NULL;

	if (!ref || !ref->name || !*ref->name)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "a reference to a model has a name");
	it = gk_model_ref_json(ref);
	return it ? gk_set_value(app, DEFAULT_KIND, DEFAULT_KIND, it, err)
		  : gk_error_no_memory(err);
}
