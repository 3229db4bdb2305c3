/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Flows: functions that are served over HTTP, streamed, traced and shown in the Dev UI.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code suggest(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		(void)ctx;
 *		(void)err;
 *		*ret = json_sprintf("Walk-the-plank pie, for a %s restaurant", gk_json_str_peek(input, "theme"));
 *		return GK_OK;
 *	}
 *
 *	GK_MODULE(menus, app, err)
 *	{
 *		return gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "menuSuggestion",
 *			.input = "theme: string, the restaurant's theme", .output = "string", .run = suggest), err);
 *	}
 *
 * Running "menuSuggestion" with {"theme": "pirate"} gives "Walk-the-plank pie, for a pirate restaurant"
 */
#ifndef GENKIT_FLOW_H
#define GENKIT_FLOW_H

#include <genkit/action.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef struct gk_flow_opts {
	size_t size;
	const char *name; /* required */
	const char *description;
	const char *input, *output, *stream,
		*init;     /* schemas: JSON Schema or Picoschema text; NULL: anything */
	gk_action_fn *run; /* required */
	void *user;
	json_t *metadata;              /* borrowed */
	bool is_bidi;                  /* `run` takes its input by gk_ctx_receive() */
	void (*free_user)(void *user); /* when the flow goes; not when defining it failed */
} gk_flow_opts;

/** Errors: as gk_define_action(). */
gk_code gk_define_flow(gk_app *app, const gk_flow_opts *opts, gk_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
