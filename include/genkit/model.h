/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Models: a function from GenerateRequest to GenerateResponse, which gk_generate() calls by name.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code shout(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
 *	{
 *		json_t *messages = json_object_get(request, "messages");
 *		json_t *last = json_array_get(messages, json_array_size(messages) - 1);
 *		gk_code rc = gk_ctx_send(ctx, json_pack("{s:[{s:s}]}", "content", "text", "HA"), err);
 *
 *		if (rc != GK_OK)
 *			return rc; // the client has gone: stop working for it
 *		*ret = json_pack("{s:{s:s, s:O}, s:s}", "message", "role", "model",
 *			"content", json_object_get(last, "content"), "finishReason", "stop");
 *		return GK_OK;
 *	}
 *
 *	static gk_code ask(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		gk_auto_response gk_response *reply = NULL;
 *		gk_code rc = gk_generate(ctx, GK_OPTS(gk_generate_opts, .model = "demo/shout",
 *			.prompt = json_string_value(input)), &reply, err);
 *
 *		if (rc == GK_OK)
 *			*ret = json_string(gk_response_text(reply));
 *		return rc;
 *	}
 *
 *	GK_MODULE(shouting, app, err)
 *	{
 *		gk_code rc = gk_define_model(app, GK_OPTS(gk_model_opts, .name = "demo/shout",
 *			.supports = GK_SUPPORTS_MULTITURN | GK_SUPPORTS_SYSTEM, .run = shout), err);
 *
 *		return rc == GK_OK ? gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "ask", .run = ask), err) : rc;
 *	}
 *
 * Running "ask" with "HEY"
 * gives "HEY"
 *
 * A model is the action /model/NAME; its metadata says what it can do. What it cannot do is done for it: documents go
 * into the last message, schemas into instructions (generate section 2).
 */
#ifndef GENKIT_MODEL_H
#define GENKIT_MODEL_H

#include <genkit/middleware.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/** What a model is told to support; what is not set is unknown, not refused. */
enum {
	GK_SUPPORTS_MULTITURN = 1,
	GK_SUPPORTS_MEDIA = 2,
	GK_SUPPORTS_TOOLS = 4,
	GK_SUPPORTS_SYSTEM = 8,
	GK_SUPPORTS_CONTEXT = 16, /* it reads `docs` itself */
	GK_SUPPORTS_TOOL_CHOICE = 32,
	GK_SUPPORTS_LONG_RUNNING = 64,
};

typedef struct gk_model_opts {
	size_t size;
	const char *name;  /* required */
	const char *label; /* NULL: the name */
	unsigned supports; /* GK_SUPPORTS_MULTITURN | ...; 0: unknown */
	/* Whether it can be held to a schema: "none", "all", "no-tools"; NULL: none. */
	const char *constrained;
	const char *const *versions; /* NULL-terminated; NULL: none are told */
	const char *const *output,
		*const *content; /* supported formats and content types, likewise */
	const char *
		stage; /* "featured", "stable", "unstable", "legacy", "deprecated"; NULL: not told */
	const char *config;  /* schema text of its configuration; told, not enforced */
	json_t *config_json; /* borrowed; the schema as a value, which wins */
	json_t *info; /* borrowed ModelInfo {label?, versions?, supports?, stage?, ...}: its members win over the above */
	json_t *metadata;               /* borrowed; more for the action's metadata */
	const gk_model_middleware *use; /* copied; ended by { 0 } */
	/** GenerateRequest in, GenerateResponse out, chunks by gk_ctx_send(): {content}. The request is shared: not to be
	 * changed. */
	gk_action_fn *run;
	void *user;
	void (*free_user)(void *user); /* when the model goes; not when defining it failed */
} gk_model_opts;

/** Errors: as gk_define_action(). */
gk_code gk_define_model(gk_app *app, const gk_model_opts *opts, gk_error *err);
/** Makes one without registering it: for plugins (gk_plugin_add()), dynamic providers, or one call
 * (gk_generate_opts.model_action). */
gk_code gk_model_new(gk_app *app, const gk_model_opts *opts, gk_action **ret, gk_error *err);

/* A model whose answers take long: `start` takes a GenerateRequest and gives an Operation {"id", "done"?, ...}, check and
 * cancel take and give it (generate section 7). What `model` says is as above, but for `run` and `user`. */
typedef struct gk_background_model_opts {
	size_t size;
	gk_model_opts model;
	gk_action_fn *start, *check; /* required */
	gk_action_fn *cancel;        /* NULL: cannot be cancelled */
	void *user;
} gk_background_model_opts;
gk_code gk_define_background_model(
	gk_app *app, const gk_background_model_opts *opts, gk_error *err);

/** A model with what is to be asked of it. */
typedef struct gk_model_ref {
	const char *name;    /* required */
	const char *version; /* becomes config.version; NULL: none */
	json_t *config;      /* borrowed; under what a call gives; NULL: none */
} gk_model_ref;

/** The model of calls that name none; listed by /api/values?type=defaultModel. */
gk_code gk_set_default_model(gk_app *app, const gk_model_ref *ref, gk_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
