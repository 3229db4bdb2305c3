/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* From a key to an action: providers, plugins, the registry, in this order (actions section 2). */
#include "core/internal.h"

#include "core/key.h"
#include "json/edit.h"

static gk_code ask_plugin(gk_ctx *ctx, const char *key, const gk_key *parts, gk_error *err)
{
	gk_code rc = gk_plugins_prepare(ctx, parts->plugin, parts->plugin_len, err);

	if (rc != GK_OK || gk_registry_get(ctx->registry, key))
		return rc;
	return gk_plugins_resolve(ctx, parts->plugin, parts->plugin_len, parts->type,
		parts->type_len, parts->name, err);
}

/* What is not registered: `*ret`, when a provider offers it, or the registry has it afterwards. */
static gk_code ask_around(gk_ctx *ctx, const char *key, gk_action **ret, gk_error *err)
{
	gk_provider *provider;
	gk_key parts;

	if (!gk_key_parse(key, &parts))
		return GK_OK;
	provider = parts.host ? gk_provider_find(ctx->app, parts.host, parts.host_len) : NULL;
	if (provider)
		return gk_provider_get(
			ctx, provider, parts.type, parts.type_len, parts.name, ret, err);
	return parts.plugin ? ask_plugin(ctx, key, &parts, err) : GK_OK;
}

gk_code gk_lookup(gk_ctx *ctx, const char *key, gk_action **ret, gk_error *err)
{
	gk_action *action = gk_registry_get(ctx->registry, key);
	gk_code rc = GK_OK;

	*ret = NULL;
	if (!action) {
		rc = ask_around(ctx, key, ret, err);
		if (rc != GK_OK || *ret)
			return rc;
		action = gk_registry_get(ctx->registry, key);
	}
	if (action)
		*ret = gk_action_ref(action);
	return GK_OK;
}

gk_code gk_lookup_action(gk_ctx *ctx, const char *key, gk_action **ret, gk_error *err)
{
	gk_action *action = NULL;
	gk_code rc;

	if (!key)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "an action is looked up by its key");
	rc = gk_lookup(ctx, key, &action, err);
	if (rc == GK_OK)
		*ret = action;
	return rc;
}

/* Housekeeping has a context of its own, so that plugins and providers can be asked. */
static gk_ctx *begin(gk_ctx *ctx, gk_app *app)
{
	gk_ctx_init_root(ctx, app, NULL);
	return gk_ctx_enter(ctx);
}

static void finish(gk_ctx *ctx, gk_ctx *before)
{
	gk_ctx_enter(before);
	gk_ctx_done(ctx);
}

gk_code gk_app_lookup_action(gk_app *app, const char *key, gk_action **ret, gk_error *err)
{
	gk_ctx ctx, *before = begin(&ctx, app);
	gk_code rc = gk_lookup_action(&ctx, key, ret, err);

	finish(&ctx, before);
	return rc;
}

gk_action *gk_app_find_action_peek(const gk_app *app, const char *key)
{
	return gk_registry_get(app->registry, key);
}

/* --- listing --- */

static gk_code list_registered(gk_app *app, json_t *listing, gk_error *err)
{
	gk_table_foreach (gk_registry_actions(app->registry), entry) {
		gk_action *action = gk_table_entry_value(entry);

		json_t *shown = NULL;
		gk_code rc = gk_action_descriptor(action, &shown, err);

		if (rc != GK_OK)
			return rc;
		if (!gk_json_set_take(listing, action->key, shown))
			return gk_error_no_memory(err);
	}
	return GK_OK;
}

static gk_code list_all(gk_ctx *ctx, json_t *listing, gk_error *err)
{
	gk_code rc;

	gk_plugins_list(ctx, listing);
	rc = list_registered(ctx->app, listing, err);
	gk_table_foreach (ctx->app->providers, entry) {
		if (rc == GK_OK)
			rc = gk_provider_describe(ctx, gk_table_entry_value(entry), listing, err);
	}
	return rc;
}

gk_code gk_app_list_actions(gk_app *app, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *listing = json_object();
	gk_ctx ctx, *before = begin(&ctx, app);
	gk_code rc = listing ? list_all(&ctx, listing, err) : gk_error_no_memory(err);

	finish(&ctx, before);
	if (rc == GK_OK)
		*ret = gk_steal(listing);
	return rc;
}

gk_code gk_app_init_plugins(gk_app *app, gk_error *err)
{
	gk_ctx ctx, *before = begin(&ctx, app);
	gk_code rc = gk_plugins_init(&ctx, err);

	finish(&ctx, before);
	return rc;
}

gk_code gk_app_list_values(gk_app *app, const char *kind, json_t **ret, gk_error *err)
{
	gk_code rc = gk_app_init_plugins(app, err);

	return rc == GK_OK ? gk_registry_values(app->registry, kind, ret, err) : rc;
}
