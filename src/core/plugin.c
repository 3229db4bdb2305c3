/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Plugins: initialised before the first look-up below their name, asked for what is not there, listed. */
#include "core/internal.h"

#include "base/log.h"
#include "base/str.h"
#include "core/key.h"

#include <genkit/plugin.h>

struct gk_plugin {
	gk_app *app;
	const gk_plugin_type *type;
	json_t *options;
	void *user;
	bool is_ready;
	gk_flight flight; /* of its init */
	TAILQ_ENTRY(gk_plugin) link;
};

static gk_plugin *find(const gk_app *app, const char *name, size_t len)
{
	gk_plugin *plugin;

	TAILQ_FOREACH (plugin, &app->plugins, link)
		if (strlen(plugin->type->name) == len && memcmp(plugin->type->name, name, len) == 0)
			return plugin;
	return NULL;
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
	if (find(app, type->name, strlen(type->name)))
		return gk_error_set_plain(err, "Plugin %s already registered", type->name);
	plugin = calloc(1, sizeof(*plugin));
	if (!plugin)
		return gk_error_no_memory(err);
	plugin->app = app;
	plugin->type = type;
	plugin->options = json_incref(options);
	TAILQ_INSERT_TAIL(&app->plugins, plugin, link);
	return GK_OK;
}

void gk_plugins_free(gk_app *app)
{
	gk_plugin *plugin;

	while ((plugin = TAILQ_FIRST(&app->plugins)) != NULL) {
		TAILQ_REMOVE(&app->plugins, plugin, link);
		if (plugin->type->done)
			plugin->type->done(plugin);
		json_decref(plugin->options);
		free(plugin);
	}
}

gk_app *gk_plugin_app(gk_plugin *plugin)
{
	return plugin->app;
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
	gk_action *action;
	gk_code rc;

	if (!opts->type)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "Action type is missing for %s",
			opts->name ? opts->name : "");
	if (!gk_key_type(opts->type, strlen(opts->type)))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"Unknown action type returned from plugin %s", plugin->type->name);
	rc = gk_action_make(plugin->app, plugin->type->name, opts, &action, err);
	if (rc != GK_OK)
		return rc;
	rc = gk_registry_add(plugin->app->registry, action, true,
		err); /* a second try of init may do it again */
	if (rc != GK_OK)
		action->free_user = NULL;
	gk_action_unref(action);
	return rc;
}

/* What a plugin defines is exempt from the rule of actions section 1.3. */
static void init_exempt(gk_ctx *own, gk_ctx *ctx)
{
	gk_ctx_init_child(own, ctx);
	own->is_sealed = false;
}

static gk_code prepare(gk_ctx *ctx, gk_plugin *plugin, gk_error *err)
{
	gk_error failure = { 0 };
	gk_ctx own, *before;
	bool leads;
	gk_code rc;

	if (plugin->is_ready)
		return GK_OK;
	rc = gk_flight_enter(&plugin->flight, &leads, &failure);
	if (rc != GK_OK)
		return gk_error_move(err, &failure);
	if (!leads)
		return GK_OK;
	init_exempt(&own, ctx);
	before = gk_ctx_enter(&own);
	rc = plugin->type->init ? plugin->type->init(&own, plugin, &failure) : GK_OK;
	gk_ctx_enter(before);
	gk_ctx_done(&own);
	if (rc != GK_OK && failure.code == GK_OK)
		gk_error_set(&failure, rc, "plugin %s failed to start", plugin->type->name);
	plugin->is_ready = rc == GK_OK;
	gk_flight_leave(&plugin->flight, rc, &failure);
	return rc == GK_OK ? GK_OK : gk_error_move(err, &failure);
}

gk_code gk_plugins_prepare(gk_ctx *ctx, gk_app *app, const char *name, size_t len, gk_error *err)
{
	gk_plugin *plugin = find(app, name, len);

	return plugin ? prepare(ctx, plugin, err) : GK_OK;
}

gk_code gk_plugins_resolve(gk_ctx *ctx, gk_app *app, const char *name, size_t len, const char *type,
	size_t type_len, const char *action, gk_error *err)
{
	gk_plugin *plugin = find(app, name, len);
	const char *known = gk_key_type(type, type_len);
	gk_ctx own, *before;
	gk_code rc;

	if (!plugin || !plugin->type->resolve || !known)
		return GK_OK;
	init_exempt(&own, ctx);
	before = gk_ctx_enter(&own);
	rc = plugin->type->resolve(&own, plugin, known, action, err);
	gk_ctx_enter(before);
	gk_ctx_done(&own);
	return rc;
}

/* A failing plugin does not take the others' listing with it. */
static void log_failure(const gk_plugin *plugin, gk_error *err)
{
	gk_auto_str char *text = gk_error_text(err);

	gk_log(GK_LOG_ERROR, "plugin", "%s: %s", plugin->type->name, text ? text : "out of memory");
	gk_error_clear(err);
}

gk_code gk_plugins_init(gk_ctx *ctx, gk_app *app, gk_error *err)
{
	gk_error failure = { 0 };
	gk_plugin *plugin;
	gk_code first = GK_OK;

	TAILQ_FOREACH (plugin, &app->plugins, link) {
		gk_code rc = prepare(ctx, plugin, &failure);

		if (rc == GK_OK)
			continue;
		if (first == GK_OK)
			first = gk_error_move(err, &failure);
		else
			log_failure(plugin, &failure);
	}
	return first;
}

/* {"type", "name", ...} as a plugin lists it becomes a descriptor. */
static gk_code add_listed(const gk_plugin *plugin, json_t *item, json_t *listing, gk_error *err)
{
	static const char *const members[] = { "description", "metadata", "inputSchema",
		"outputSchema" };
	const char *type = gk_json_str_peek(item, "type"), *name = gk_json_str_peek(item, "name");
	const char *space = plugin->type->name;
	gk_auto_str char *key = NULL;
	gk_auto_json json_t *descriptor = NULL;
	bool has_space;

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
	descriptor = json_pack("{s:s, s:s}", "key", key, "name", key + strlen(type) + 2);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		json_t *value = json_object_get(item, members[i]);

		if (value && !json_is_null(value))
			json_object_set(descriptor, members[i], value);
	}
	return json_object_set(listing, key, descriptor) < 0 ? gk_error_no_memory(err) : GK_OK;
}

static gk_code list_one(gk_ctx *ctx, gk_plugin *plugin, json_t *listing, gk_error *err)
{
	gk_auto_json json_t *items = json_array();
	json_t *item;
	size_t i;
	gk_code rc = prepare(ctx, plugin, err);

	if (rc == GK_OK && plugin->type->list)
		rc = plugin->type->list(ctx, plugin, items, err);
	if (rc != GK_OK)
		return rc;
	json_array_foreach (items, i, item) {
		rc = add_listed(plugin, item, listing, err);
		if (rc != GK_OK)
			return rc;
	}
	return GK_OK;
}

gk_code gk_plugins_list(gk_ctx *ctx, gk_app *app, json_t *listing, gk_error *err)
{
	gk_plugin *plugin;

	(void)err;
	TAILQ_FOREACH (plugin, &app->plugins, link) {
		gk_error failure = { 0 };

		if (list_one(ctx, plugin, listing, &failure) != GK_OK)
			log_failure(plugin, &failure);
	}
	return GK_OK;
}
