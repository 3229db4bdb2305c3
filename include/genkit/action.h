/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Actions: everything that can be run is one, whatever its type. Flows, tools and resources have friendlier
 * definitions of their own; this is what they are made of.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code add(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		(void)ctx;
 *		(void)err;
 *		*ret = json_integer(gk_json_int_at(input, "[0]", 0) + gk_json_int_at(input, "[1]", 0));
 *		return GK_OK;
 *	}
 *
 *	static gk_code add_twice(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		gk_auto_json json_t *sum = NULL, *both = NULL;
 *		gk_code rc = gk_run_action(ctx, "/custom/add", input, &sum, err);
 *
 *		if (rc != GK_OK)
 *			return rc;
 *		both = json_pack("[O, O]", sum, sum);
 *		return gk_run_action(ctx, "/custom/add", both, ret, err);
 *	}
 *
 *	GK_MODULE(sums, app, err)
 *	{
 *		gk_code rc = gk_define_action(app, GK_OPTS(gk_action_opts, .type = "custom", .name = "add", .run = add), err);
 *
 *		return rc == GK_OK ? gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "addTwice", .run = add_twice), err) : rc;
 *	}
 *
 * Running "addTwice" with [2, 3] gives 10
 * Running "/custom/add" with [2, 3] gives 5
 *
 * A key is "/TYPE/NAME"; a name may hold slashes, the first part of it then names a plugin. An action of a dynamic
 * action provider is "/dynamic-action-provider/HOST:TYPE/NAME" (reflection section 2).
 */
#ifndef GENKIT_ACTION_H
#define GENKIT_ACTION_H

#include <genkit/context.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef struct gk_action gk_action;

typedef struct gk_action_opts {
	size_t size;
	const char *type; /* required: "flow", "tool", "custom", ... (reflection section 2) */
	const char *name; /* required; without the plugin's prefix for actions a plugin gives */
	const char *description;
	/* Schemas as text, JSON Schema or Picoschema; NULL: anything. The _json forms win. */
	const char *input, *output, *stream, *init;
	json_t *input_json, *output_json, *stream_json, *init_json;
	json_t *metadata;  /* borrowed; copied */
	gk_action_fn *run; /* required */
	void *user;
	void (*free_user)(void *user); /* when the action goes; not when defining it failed */
	bool is_bidi; /* `run` takes its input by gk_ctx_receive(); metadata.bidi is set */
} gk_action_opts;

/** Registers it. ALREADY_EXISTS when there is one of the same key.
 * INVALID_ARGUMENT: no name, a type that is none, a schema that is none, a name that is too long,
 * empty or has control characters. FAILED_PRECONDITION: inside a run (actions section 1.3). */
gk_code gk_define_action(gk_app *app, const gk_action_opts *opts, gk_error *err);

/** Makes an action without registering it, for plugins and dynamic action providers. */
gk_code gk_action_new(gk_app *app, const gk_action_opts *opts, gk_action **ret, gk_error *err);
gk_action *gk_action_ref(gk_action *action);
gk_action *gk_action_unref(gk_action *action);
const char *gk_action_key(const gk_action *action);
const char *gk_action_type(const gk_action *action);
const char *gk_action_name(const gk_action *action);
/** Borrowed; the metadata object, or NULL. That of a prompt in a file lives until it is asked for again: over a
 * suspension take a reference. */
json_t *gk_action_metadata_peek(const gk_action *action);

/**
 * The action of a key, asked of dynamic providers and plugins when it is not registered yet (actions section 2). A miss
 * is GK_OK with NULL; an error is a provider's or a plugin's own. `*ret` is a new reference.
 */
GK_MUST_USE GK_SUSPENDS gk_code gk_lookup_action(
	gk_ctx *ctx, const char *key, gk_action **ret, gk_error *err);

/** NOT_FOUND when there is no such action. */
GK_MUST_USE GK_SUSPENDS gk_code gk_run_action(
	gk_ctx *ctx, const char *key, json_t *input, json_t **ret, gk_error *err);

typedef struct gk_call_opts {
	size_t size;
	json_t *init;             /* borrowed */
	json_t *context;          /* borrowed; recorded and ambient below; NULL: the caller's */
	json_t *telemetry_labels; /* borrowed; more attributes for the span */
	gk_chunk_fn *on_chunk;    /* NULL: chunks go nowhere */
	void *user;
	uint64_t timeout_ms; /* 0: what the caller has left */
} gk_call_opts;
GK_MUST_USE GK_SUSPENDS gk_code gk_run_action_with(gk_ctx *ctx, gk_action *action, json_t *input,
	const gk_call_opts *opts, json_t **ret, gk_error *err);
/** A gk_chunk_fn that hands chunks on to the caller of the action in which it is used. */
gk_code gk_forward_chunk(gk_ctx *ctx, json_t *chunk, void *user, gk_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
