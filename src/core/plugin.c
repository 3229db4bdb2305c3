/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Plugins: initialised before the first look-up below their name, asked for what is not there, listed. */
#include "core/internal.h"

#include "base/log.h"
#include "base/str.h"
#include "core/key.h"
#include "json/edit.h"

#include <genkit/plugin.h>

struct gk_plugin {
	gk_app *app;
	const gk_plugin_type *type;
	json_t *options;
	void *user;
	bool is_ready;
	gk_flight flight; /* of its init */
};

/* The reference's error has no status; who adds a plugin unless it is there goes by the code. */
static gk_code already_registered(const char *name, gk_error *err)
{
	gk_error_set_plain(err, "Plugin %s already registered", name);
	if (err)
		err->code = GK_ALREADY_EXISTS;
	return GK_ALREADY_EXISTS;
}

gk_code gk_add_plugin(gk_app *app, const gk_plugin_type *type, json_t *options, gk_error *err)
{
	gk_plugin *plugin;

	if (type->abi != GK_PLUGIN_ABI)
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"plugin %s was built for ABI %u, this library has %u",
			type->name ? type->name : "without a name", type->abi, GK_PLUGIN_ABI);
	if (!type->name || !*type->name || strpbrk(type->name, "/:"))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "a plugin needs a name without slash and colon");
	if (gk_table_get(app->plugins, type->name))
		return already_registered(type->name, err);
	plugin = calloc(1, sizeof(*plugin));
	if (!plugin || !gk_table_set(app->plugins, type->name, plugin)) {
		free(plugin);
		return gk_error_no_memory(err);
	}
	plugin->app = app;
	plugin->type = type;
	plugin->options = json_incref(options);
	app->plugins_tried = false;
	return GK_OK;
}

void gk_plugin_free(void *it)
{
	gk_plugin *plugin = it;

	if (plugin->type->done)
		plugin->type->done(plugin);
	json_decref(plugin->options);
	free(plugin);
}

gk_app *gk_plugin_app(gk_plugin *plugin)
{
	return plugin->app;
}

const gk_plugin_type *gk_plugin_type_peek(const gk_plugin *plugin)
{
	return plugin->type;
}

json_t *gk_plugin_options(gk_plugin *plugin)
{
	return plugin->options;
}

void *gk_plugin_user(gk_plugin *plugin)
{
	return plugin->user;
}

void gk_plugin_set_user(gk_plugin *plugin, void *user)
{
	plugin->user = user;
}

gk_code gk_plugin_define(gk_plugin *plugin, const gk_action_opts *opts, gk_error *err)
{
	const gk_action_parts parts = { .namespace_ = plugin->type->name };
	gk_action *action;
	gk_code rc;

	if (!opts->type)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "Action type is missing for %s",
			opts->name ? opts->name : "");
	if (!gk_key_type(opts->type, strlen(opts->type)))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"Unknown action type returned from plugin %s", plugin->type->name);
	rc = gk_action_make(plugin->app, opts, &parts, &action, err);
	if (rc != GK_OK)
		return rc;
	/* A second try of init defines again what the first one had. */
	rc = gk_registry_add(plugin->app->registry, action, true, err);
	if (rc != GK_OK)
		action->free_user = NULL;
	gk_action_unref(action);
	return rc;
}

gk_code gk_plugin_add(gk_plugin *plugin, gk_action *action, gk_error *err)
{
	const char *name = plugin->type->name;

	if (!gk_str_has_prefix(action->name, name) || action->name[strlen(name)] != '/')
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"plugin %s adds an action that is not below its name: %s", name,
			action->key);
	return gk_registry_add(plugin->app->registry, action, true, err);
}

/* --- asking --- */

typedef gk_code slot(gk_ctx *ctx, gk_plugin *plugin, void *arg, gk_error *err);

/* Runs code of the plugin. What it defines is exempt from the rule of actions section 1.3. */
static gk_code run_slot(
	gk_ctx *ctx, gk_plugin *plugin, const gk_flight *leads, slot *fn, void *arg, gk_error *err)
{
	gk_ctx own, *before;
	gk_code rc;

	gk_ctx_init_child(&own, ctx);
	own.is_sealed = false;
	own.leads = leads;
	before = gk_ctx_enter(&own);
	rc = fn(&own, plugin, arg, err);
	if (rc != GK_OK)
		rc = gk_explain("plugin", plugin->type->name, rc, err);
	gk_ctx_enter(before);
	gk_ctx_done(&own);
	return rc;
}

static gk_code init_slot(gk_ctx *ctx, gk_plugin *plugin, void *arg, gk_error *err)
{
	(void)arg;
	return plugin->type->init ? plugin->type->init(ctx, plugin, err) : GK_OK;
}

static gk_code prepare(gk_ctx *ctx, gk_plugin *plugin, gk_error *err)
{
	gk_auto_error gk_error failure = { 0 };
	bool leads = false;
	gk_code rc;

	/* While it starts it may look up what it has defined so far. */
	if (plugin->is_ready || gk_ctx_is_part_of(ctx, &plugin->flight))
		return GK_OK;
	rc = gk_flight_enter(&plugin->flight, &leads, &failure);
	if (rc == GK_OK && leads) {
		rc = run_slot(ctx, plugin, &plugin->flight, init_slot, NULL, &failure);
		plugin->is_ready = rc == GK_OK;
		gk_flight_leave(&plugin->flight, rc, &failure);
	}
	return rc == GK_OK ? GK_OK : gk_error_move(err, &failure);
}

gk_code gk_plugins_prepare(gk_ctx *ctx, const char *name, size_t len, gk_error *err)
{
	gk_plugin *plugin = gk_table_get_n(ctx->app->plugins, name, len);

	return plugin ? prepare(ctx, plugin, err) : GK_OK;
}

typedef struct wanted {
	const char *type, *name;
} wanted;

static gk_code resolve_slot(gk_ctx *ctx, gk_plugin *plugin, void *arg, gk_error *err)
{
	const wanted *it = arg;

	return plugin->type->resolve(ctx, plugin, it->type, it->name, err);
}

gk_code gk_plugins_resolve(gk_ctx *ctx, const char *name, size_t len, const char *type,
	size_t type_len, const char *action, gk_error *err)
{
	gk_plugin *plugin = gk_table_get_n(ctx->app->plugins, name, len);
	wanted it = { .type = gk_key_type(type, type_len), .name = action };
	gk_auto_error gk_error failure = { 0 };
	gk_code rc;

	if (!plugin || !plugin->type->resolve || !it.type)
		return GK_OK;
	rc = run_slot(ctx, plugin, NULL, resolve_slot, &it, &failure);
	return rc == GK_OK ? GK_OK : gk_error_move(err, &failure);
}

/* --- all of them --- */

/* A failing plugin does not take the others with it. */
static void log_failure(const gk_plugin *plugin, const gk_error *err)
{
	gk_auto_str char *text = gk_error_text(err);

	gk_log(GK_LOG_ERROR, "plugin", "%s: %s", plugin->type->name, text ? text : "out of memory");
}

gk_code gk_plugins_init(gk_ctx *ctx, gk_error *err)
{
	gk_code first = GK_OK;

	gk_table_foreach (ctx->app->plugins, entry) {
		gk_plugin *plugin = gk_table_entry_value(entry);
		gk_auto_error gk_error failure = { 0 };

		if (prepare(ctx, plugin, &failure) == GK_OK)
			continue;
		if (first == GK_OK)
			first = gk_error_move(err, &failure);
		else
			log_failure(plugin, &failure);
	}
	return first;
}

void gk_plugins_try(gk_ctx *ctx)
{
	gk_auto_error gk_error failure = { 0 };
	const gk_scope *scope = gk_fiber_scope(gk_fiber_self());

	if (ctx->app->plugins_tried)
		return;
	gk_table_foreach (ctx->app->plugins, entry) {
		gk_plugin *plugin = gk_table_entry_value(entry);

		if (prepare(ctx, plugin, &failure) != GK_OK)
			log_failure(plugin, &failure);
		if (gk_scope_reason(scope) != GK_OK)
			return; /* it was called off, which says nothing of the plugins */
	}
	ctx->app->plugins_tried = true;
}

/* {"type", "name", ...} as a plugin lists it becomes a descriptor. */
static gk_code add_listed(const gk_plugin *plugin, json_t *item, json_t *listing, gk_error *err)
{
	static const char *const members[] = { "description", "metadata", "inputSchema",
		"outputSchema" };
	const char *type = gk_json_str_peek(item, "type"), *name = gk_json_str_peek(item, "name");
	const char *space = plugin->type->name;
	gk_auto_json json_t *descriptor = json_object(), *clean = NULL;
	gk_auto_str char *key = NULL;
	bool ok, has_space;
	gk_code rc;

	if (!name || !type)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"Invalid metadata when listing actions from %s - %s required", space,
			name ? "actionType" : "name");
	has_space = gk_str_has_prefix(name, space) && name[strlen(space)] == '/';
	if (asprintf(&key, "/%s/%s%s%s", type, has_space ? "" : space, has_space ? "" : "/", name) <
		0) {
		key = NULL;
		return gk_error_no_memory(err);
	}
	rc = gk_metadata_copy(item, &clean, err);
	if (rc != GK_OK)
		return rc;
	ok = gk_json_set_str(descriptor, "key", key) &&
	     gk_json_set_str(descriptor, "name", key + strlen(type) + 2);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		json_t *value = json_object_get(clean, members[i]);

		ok = ok && (!value || gk_json_set(descriptor, members[i], value));
	}
	return ok && gk_json_set(listing, key, descriptor) ? GK_OK : gk_error_no_memory(err);
}

static gk_code list_slot(gk_ctx *ctx, gk_plugin *plugin, void *arg, gk_error *err)
{
	return plugin->type->list(ctx, plugin, arg, err);
}

static gk_code list_one(gk_ctx *ctx, gk_plugin *plugin, json_t *listing, gk_error *err)
{
	gk_auto_json json_t *items = json_array();
	json_t *item;
	size_t i;
	gk_code rc = items ? prepare(ctx, plugin, err) : gk_error_no_memory(err);

	if (rc == GK_OK && plugin->type->list)
		rc = run_slot(ctx, plugin, NULL, list_slot, items, err);
	if (rc != GK_OK)
		return rc;
	json_array_foreach (items, i, item) {
		rc = add_listed(plugin, item, listing, err);
		if (rc != GK_OK)
			return rc;
	}
	return GK_OK;
}

void gk_plugins_list(gk_ctx *ctx, json_t *listing)
{
	gk_table_foreach (ctx->app->plugins, entry) {
		gk_plugin *plugin = gk_table_entry_value(entry);
		gk_auto_error gk_error failure = { 0 };

		if (list_one(ctx, plugin, listing, &failure) != GK_OK)
			log_failure(plugin, &failure);
	}
}
