/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Plugins give actions under a namespace, eagerly, or when somebody asks for one:
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code say(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		(void)input;
 *		(void)err;
 *		*ret = json_sprintf("I am a %s", (const char *)gk_ctx_user(ctx));
 *		return GK_OK;
 *	}
 *
 *	static gk_code resolve(gk_ctx *ctx, gk_plugin *plugin, const char *type, const char *name, gk_error *err)
 *	{
 *		(void)ctx;
 *		if (strcmp(type, "custom") != 0 || strcmp(name, "lion") != 0)
 *			return GK_OK; // there is none of that name
 *		return gk_plugin_define(plugin, GK_OPTS(gk_action_opts, .type = "custom", .name = "lion",
 *			.run = say, .user = "lion"), err);
 *	}
 *
 *	GK_MODULE(animals, app, err)
 *	{
 *		static const gk_plugin_type zoo = { .abi = GK_PLUGIN_ABI, .name = "zoo", .resolve = resolve };
 *
 *		return gk_add_plugin(app, &zoo, NULL, err);
 *	}
 *
 * Running "/custom/zoo/lion" gives "I am a lion"
 * Running "/custom/zoo/dog" fails with "NOT_FOUND:..."
 *
 * What they define is registered as "/TYPE/NAME-OF-PLUGIN/NAME". The functions run in a fiber and may suspend.
 */
#ifndef GENKIT_PLUGIN_H
#define GENKIT_PLUGIN_H

#include <genkit/action.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

#define GK_PLUGIN_ABI 1

typedef struct gk_plugin gk_plugin;

typedef struct gk_plugin_type {
	unsigned abi;     /* GK_PLUGIN_ABI */
	const char *name; /* required; no slash */
	/** Registers actions with gk_plugin_define(). A failure is the failure of the look-up that needed it; the next
	 * look-up tries again. */
	gk_code (*init)(gk_ctx *ctx, gk_plugin *plugin, gk_error *err);
	/** Registers the action of that type and name (without the namespace) when it exists; a miss is GK_OK. */
	gk_code (*resolve)(
		gk_ctx *ctx, gk_plugin *plugin, const char *type, const char *name, gk_error *err);
	/** Appends {"type", "name", "description"?, "metadata"?, "inputSchema"?, "outputSchema"?} objects to `list`. */
	gk_code (*list)(gk_ctx *ctx, gk_plugin *plugin, json_t *list, gk_error *err);
	/** Frees what init made. */
	void (*done)(gk_plugin *plugin);
} gk_plugin_type;

/** `type` is static. `options` is borrowed and handed to the functions by gk_plugin_options(). ALREADY_EXISTS, plain:
 * "Plugin NAME already registered". */
gk_code gk_add_plugin(gk_app *app, const gk_plugin_type *type, json_t *options, gk_error *err);
gk_code gk_plugin_define(gk_plugin *plugin, const gk_action_opts *opts, gk_error *err);
/** Registers an action that was made elsewhere (gk_model_new()); its name is "NAME-OF-PLUGIN/...". A reference is taken. */
gk_code gk_plugin_add(gk_plugin *plugin, gk_action *action, gk_error *err);
gk_app *gk_plugin_app(gk_plugin *plugin);
/** What it was added with: a plugin type may be the first member of something larger. */
const gk_plugin_type *gk_plugin_type_peek(const gk_plugin *plugin);
json_t *gk_plugin_options(gk_plugin *plugin); /* borrowed */
void *gk_plugin_user(gk_plugin *plugin);
void gk_plugin_set_user(gk_plugin *plugin, void *user);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
