/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Flows: functions that are served over HTTP, streamed, traced and shown in the Dev UI.
 *
 *	return gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "menuSuggestion",
 *		.input = "theme: string, the restaurant's theme", .output = "string", .run = suggest), err);
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
	json_t *metadata; /* borrowed */
	bool is_bidi;     /* `run` takes its input by gk_ctx_receive() */
} gk_flow_opts;

/** Errors: as gk_define_action(). */
gk_code gk_define_flow(gk_app *app, const gk_flow_opts *opts, gk_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
