/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Resources: content by URI, for messages and for other programs.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code menu_of_the_day(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		(void)ctx;
 *		(void)err;
 *		*ret = json_pack("{s:[{s:o}]}", "content", "text", json_sprintf("Soup (%s)", gk_json_str_peek(input, "uri")));
 *		return GK_OK;
 *	}
 *
 *	GK_MODULE(menus, app, err)
 *	{
 *		return gk_define_resource(app, GK_OPTS(gk_resource_opts, .name = "menu",
 *			.uri_template = "menu://{day}", .run = menu_of_the_day), err);
 *	}
 *
 * Running "/resource/menu" with {"uri": "menu://monday"}
 * gives {"content": [{"text": "Soup (menu://monday)",
 *   "metadata": {"resource": {"uri": "menu://monday", "template": "menu://{day}"}}}]}
 *
 * The function gets {"uri": ...} and gives {"content": [Part]}; each part is stamped with where it came from (actions
 * section 10).
 */
#ifndef GENKIT_RESOURCE_H
#define GENKIT_RESOURCE_H

#include <genkit/action.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef struct gk_resource_opts {
	size_t size;
	const char *name;               /* NULL: the uri or the template */
	const char *uri, *uri_template; /* one of them; uri wins */
	const char *description;
	bool is_strict; /* {x} matches unreserved characters only, and at least one; otherwise anything, as in the
			   reference */
	gk_action_fn *run; /* required */
	void *user;
	json_t *metadata;              /* borrowed */
	void (*free_user)(void *user); /* when the resource goes; not when defining it failed */
} gk_resource_opts;

/** INVALID_ARGUMENT without a uri and a template; else as gk_define_action(). */
gk_code gk_define_resource(gk_app *app, const gk_resource_opts *opts, gk_error *err);
/** Makes a resource without registering it, for dynamic action providers; its metadata has "dynamic": true. */
gk_code gk_resource_new(gk_app *app, const gk_resource_opts *opts, gk_action **ret, gk_error *err);
/** True when the resource action answers for `uri`. */
bool gk_resource_matches(const gk_action *action, const char *uri);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
