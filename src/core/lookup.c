/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* From a key to an action: providers, plugins, the registry, in this order (actions section 2). */
#include "core/internal.h"

#include "base/str.h"
#include "core/key.h"

static gk_code ask_plugin(gk_ctx *ctx, const char *key, const gk_key *parts, gk_error *err)
{
	gk_app *app = ctx->app;
	gk_code rc = gk_plugins_prepare(ctx, app, parts->plugin, parts->plugin_len, err);

	if (rc != GK_OK || gk_registry_get(app->registry, key))
		return rc;
	return gk_plugins_resolve(ctx, app, parts->plugin, parts->plugin_len, parts->type,
		parts->type_len, parts->name, err);
}

gk_code gk_lookup(gk_ctx *ctx, const char *key, gk_action **ret, gk_error *err)
{
	gk_app *app = ctx->app;
	gk_action *action = gk_registry_get(app->registry, key);
	gk_code rc = GK_OK;
	gk_key parts;

	*ret = NULL;
	if (!action && gk_key_parse(key, &parts)) {
		gk_provider *provider =
			parts.host ? gk_provider_find(app, parts.host, parts.host_len) : NULL;

		if (provider) {
			rc = gk_provider_get(
				ctx, provider, parts.type, parts.type_len, parts.name, ret, err);
			if (rc != GK_OK || *ret)
				return rc;
		} else if (parts.plugin) {
			rc = ask_plugin(ctx, key, &parts, err);
		}
		action = gk_registry_get(app->registry, key);
	}
	if (rc == GK_OK && action)
		*ret = gk_action_ref(action);
	return rc;
}

gk_code gk_lookup_action(gk_ctx *ctx, const char *key, gk_action **ret, gk_error *err)
{
	return gk_lookup(ctx, key, ret, err);
}

gk_code gk_app_lookup_action(gk_app *app, const char *key, gk_action **ret, gk_error *err)
{
	gk_ctx ctx;
	gk_code rc;

	gk_ctx_init_root(&ctx, app, NULL);
	rc = gk_lookup(&ctx, key, ret, err);
	gk_ctx_done(&ctx);
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

		if (json_object_set(listing, action->key, action->descriptor) < 0)
			return gk_error_no_memory(err);
	}
	return GK_OK;
}

gk_code gk_app_list_actions(gk_app *app, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *listing = json_object();
	gk_provider *provider;
	gk_ctx ctx;
	gk_code rc = listing ? GK_OK : gk_error_no_memory(err);

	gk_ctx_init_root(&ctx, app, NULL);
	if (rc == GK_OK)
		rc = gk_plugins_list(&ctx, app, listing, err);
	if (rc == GK_OK)
		rc = list_registered(app, listing, err);
	for (provider = gk_provider_first(app); rc == GK_OK && provider;
		provider = gk_provider_next(provider))
		rc = gk_provider_describe(&ctx, provider, listing, err);
	gk_ctx_done(&ctx);
	if (rc == GK_OK)
		*ret = gk_steal(listing);
	return rc;
}

gk_code gk_app_init_plugins(gk_app *app, gk_error *err)
{
	gk_ctx ctx;
	gk_code rc;

	gk_ctx_init_root(&ctx, app, NULL);
	rc = gk_plugins_init(&ctx, app, err);
	gk_ctx_done(&ctx);
	return rc;
}

gk_code gk_app_list_values(gk_app *app, const char *kind, json_t **ret, gk_error *err)
{
	gk_code rc = gk_app_init_plugins(app, err);

	return rc == GK_OK ? gk_registry_values(app->registry, kind, ret, err) : rc;
}
