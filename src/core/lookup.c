/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* From a key to an action: providers, plugins, the registry, in this order (actions section 2). */
#include "core/internal.h"

#include "base/buf.h"
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

/* Actions that tell late what they are come later, one by one: `late` gets references. */
static gk_code list_registered(gk_app *app, json_t *listing, gk_buf *late, gk_error *err)
{
	gk_table_foreach (gk_registry_actions(app->registry), entry) {
		gk_action *action = gk_table_entry_value(entry);

		if (action->late) {
			json_object_del(listing, action->key);
			gk_buf_put(late, &action, sizeof(action));
			if (gk_buf_failed(late))
				return gk_error_no_memory(err);
			gk_action_ref(action);
		} else if (json_object_set(listing, action->key, action->descriptor) < 0) {
			return gk_error_no_memory(err);
		}
	}
	return GK_OK;
}

static gk_code list_early(gk_ctx *ctx, json_t *listing, gk_buf *late, gk_error *err)
{
	gk_code rc;

	gk_plugins_list(ctx, listing);
	rc = list_registered(ctx->app, listing, late, err);
	gk_table_foreach (ctx->app->providers, entry) {
		if (rc == GK_OK)
			rc = gk_provider_describe(ctx, gk_table_entry_value(entry), listing, err);
	}
	return rc;
}

static gk_code tell_early(json_t *listing, gk_listed_fn *each, void *user, gk_error *err)
{
	const char *key;
	json_t *descriptor;
	gk_code rc = GK_OK;

	json_object_foreach (listing, key, descriptor)
		if (rc == GK_OK)
			rc = each(key, descriptor, user, err);
	return rc;
}

/* One that is gone meanwhile is left out. */
static gk_code tell_late(
	gk_app *app, const gk_action *action, gk_listed_fn *each, void *user, gk_error *err)
{
	gk_auto_json json_t *descriptor = NULL;
	gk_code rc;

	if (gk_registry_get(app->registry, action->key) != action)
		return GK_OK;
	rc = gk_action_descriptor(action, &descriptor, err);
	return rc == GK_OK ? each(action->key, descriptor, user, err) : rc;
}

/* There may be very many: the loop goes on in between. After a failure (`rc`) they are only given back. */
static gk_code tell_all_late(
	gk_app *app, const gk_buf *late, gk_listed_fn *each, void *user, gk_code rc, gk_error *err)
{
	gk_action **all = (gk_action **)(void *)late->data;
	size_t count = late->len / sizeof(*all);

	for (size_t i = 0; i < count; i++) {
		if (rc == GK_OK && i % GK_LIST_SLICE == GK_LIST_SLICE - 1)
			rc = gk_fiber_yield(err);
		if (rc == GK_OK)
			rc = tell_late(app, all[i], each, user, err);
		gk_action_unref(all[i]);
	}
	return rc;
}

gk_code gk_app_each_action(gk_app *app, gk_listed_fn *each, void *user, gk_error *err)
{
	gk_auto_json json_t *listing = json_object();
	gk_auto_buf gk_buf late = GK_BUF_INIT(0);
	gk_ctx ctx, *before = begin(&ctx, app);
	gk_code rc = listing ? list_early(&ctx, listing, &late, err) : gk_error_no_memory(err);

	finish(&ctx, before);
	if (rc == GK_OK)
		rc = tell_early(listing, each, user, err);
	return tell_all_late(app, &late, each, user, rc, err);
}

static gk_code collect(const char *key, json_t *descriptor, void *user, gk_error *err)
{
	return gk_json_set(user, key, descriptor) ? GK_OK : gk_error_no_memory(err);
}

gk_code gk_app_list_actions(gk_app *app, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *listing = json_object();
	gk_code rc =
		listing ? gk_app_each_action(app, collect, listing, err) : gk_error_no_memory(err);

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
