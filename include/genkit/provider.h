/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Dynamic action providers: a function that says which actions exist right now, such as the tools of another server.
 * Its answer is kept for a while; its actions are called by "/dynamic-action-provider/HOST:TYPE/NAME" and are never
 * registered (actions section 3).
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code read_it(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		(void)ctx;
 *		(void)err;
 *		*ret = json_sprintf("content of %s", gk_json_str_peek(input, "path"));
 *		return GK_OK;
 *	}
 *
 *	static gk_code offer(gk_ctx *ctx, gk_action_list *list, void *user, gk_error *err)
 *	{
 *		gk_action *tool = NULL;
 *		gk_code rc = gk_tool_new(gk_ctx_app(ctx), GK_OPTS(gk_tool_opts, .name = "read",
 *			.description = "Reads a file.", .input = "path: string", .run = read_it), &tool, err);
 *
 *		(void)user;
 *		if (rc == GK_OK && !gk_action_list_add(list, tool))
 *			rc = gk_error_no_memory(err);
 *		gk_action_unref(tool);
 *		return rc;
 *	}
 *
 *	GK_MODULE(files, app, err)
 *	{
 *		return gk_define_action_provider(app, GK_OPTS(gk_provider_opts, .name = "files", .fetch = offer), err);
 *	}
 *
 * Running "/dynamic-action-provider/files:tool/read" with {"path": "a.txt"} gives "content of a.txt"
 */
#ifndef GENKIT_PROVIDER_H
#define GENKIT_PROVIDER_H

#include <genkit/action.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef struct gk_action_list gk_action_list;

/** Adds an action (a reference is taken) to the bucket of its type. False when memory ran out. */
bool gk_action_list_add(gk_action_list *list, gk_action *action);

/** Fills `list`. Called in a fiber; it may suspend. */
typedef gk_code gk_provider_fn(gk_ctx *ctx, gk_action_list *list, void *user, gk_error *err);

typedef struct gk_provider_opts {
	size_t size;
	const char *name; /* required */
	const char *description;
	gk_provider_fn *fetch; /* required */
	void *user;
	int64_t ttl_ms;   /* 0: 3000; negative: asked every time */
	json_t *metadata; /* borrowed */
} gk_provider_opts;

gk_code gk_define_action_provider(gk_app *app, const gk_provider_opts *opts, gk_error *err);
/** Forgets what the provider of that name said. */
void gk_invalidate_action_provider(gk_app *app, const char *name);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
