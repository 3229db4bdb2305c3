/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Background actions: start gives an Operation at once, check tells how it goes, cancel stops it. Three actions stand
 * behind a name: /background-model/NAME (or another start type), /check-operation/NAME/check and, when there is a
 * cancel function, /cancel-operation/NAME/cancel (actions section 4).
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code start(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		(void)ctx;
 *		(void)err;
 *		*ret = json_pack("{s:s, s:{s:O}}", "id", "oven-1", "metadata", "dish", input);
 *		return GK_OK;
 *	}
 *
 *	static gk_code check(gk_ctx *ctx, json_t *operation, json_t **ret, gk_error *err)
 *	{
 *		(void)ctx;
 *		(void)err;
 *		*ret = json_copy(operation);
 *		json_object_set_new(*ret, "done", json_true());
 *		json_object_set(*ret, "output", gk_json_at_peek(operation, "metadata.dish"));
 *		return GK_OK;
 *	}
 *
 *	static gk_code bake(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		gk_auto_json json_t *started = NULL, *done = NULL;
 *		gk_code rc = gk_run_action(ctx, "/background-model/oven", input, &started, err);
 *
 *		if (rc == GK_OK)
 *			rc = gk_check_operation(ctx, started, &done, err);
 *		if (rc == GK_OK)
 *			*ret = json_incref(json_object_get(done, "output"));
 *		return rc;
 *	}
 *
 *	GK_MODULE(baking, app, err)
 *	{
 *		gk_code rc = gk_define_background_action(app, GK_OPTS(gk_background_opts, .name = "oven",
 *			.start = start, .check = check), err);
 *
 *		return rc == GK_OK ? gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "bake", .run = bake), err) : rc;
 *	}
 *
 * Running "bake" with "bread" gives "bread"
 *
 * An Operation is {"id", "done"?, "output"?, "error"?: {"message"}, "metadata"?, "action"}; `action` is written here.
 */
#ifndef GENKIT_OPERATION_H
#define GENKIT_OPERATION_H

#include <genkit/action.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef struct gk_background_opts gk_background_opts;
struct gk_background_opts {
	size_t size;
	const char *type; /* of the start action; NULL: "background-model" */
	const char *name; /* required */
	const char *description;
	const char *input, *output; /* of the work; schemas */
	gk_action_fn *start;        /* required: input in, Operation out */
	gk_action_fn *check;        /* required: Operation in, Operation out */
	gk_action_fn *cancel;       /* NULL: cannot be cancelled */
	void *user;
	json_t *metadata; /* borrowed */
	json_t *input_json,
		*output_json; /* borrowed; schemas as values, which win over the texts */
};

gk_code gk_define_background_action(gk_app *app, const gk_background_opts *opts, gk_error *err);

/** Asks how `operation` (borrowed) goes. INVALID_ARGUMENT when it does not say which action started it. */
GK_MUST_USE GK_SUSPENDS gk_code gk_check_operation(
	gk_ctx *ctx, json_t *operation, json_t **ret, gk_error *err);
/** UNIMPLEMENTED when its action cannot be cancelled. */
GK_MUST_USE GK_SUSPENDS gk_code gk_cancel_operation(
	gk_ctx *ctx, json_t *operation, json_t **ret, gk_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
