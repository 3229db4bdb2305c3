/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* gk_app: what exists. */
#include "core/internal.h"

#include "base/log.h"
#include "dotprompt/picoschema.h"

/* gk_log() asks which run speaks. */
static void current_ids(const char **trace_id_ret, const char **span_id_ret)
{
	gk_ctx *ctx = gk_ctx_current();

	if (ctx && ctx->span) {
		*trace_id_ret = ctx->span->trace_id;
		*span_id_ret = ctx->span->id;
	}
}

gk_code gk_app_new(gk_loop *loop, const gk_app_opts *opts, gk_app **ret, gk_error *err)
{
	gk_app *app = calloc(1, sizeof(*app));

	if (!app)
		return gk_error_no_memory(err);
	app->loop = loop;
	app->is_dev = opts && opts->is_dev;
	TAILQ_INIT(&app->plugins);
	TAILQ_INIT(&app->providers);
	LIST_INIT(&app->all_runs);
	app->registry = gk_registry_new(NULL);
	app->runs = gk_table_new(NULL);
	app->nothing = json_object();
	if (!app->registry || !app->runs || !app->nothing) {
		gk_app_free(app);
		return gk_error_no_memory(err);
	}
	gk_log_set_ids(current_ids);
	*ret = app;
	return GK_OK;
}

void gk_app_free(gk_app *app)
{
	if (!app)
		return;
	assert(app->run_count == 0);
	gk_registry_free(app->registry);
	gk_providers_free(app);
	gk_plugins_free(app);
	if (app->runs)
		gk_table_free(app->runs);
	json_decref(app->context);
	json_decref(app->nothing);
	free(app);
}

gk_loop *gk_app_loop(const gk_app *app)
{
	return app->loop;
}

bool gk_app_is_dev(const gk_app *app)
{
	return app->is_dev;
}

size_t gk_app_run_count(const gk_app *app)
{
	return app->run_count;
}

bool gk_app_remove_action(gk_app *app, const char *key)
{
	return gk_registry_remove(app->registry, key);
}

void gk_app_set_idle(gk_app *app, gk_loop_fn *fn, void *user)
{
	app->idle = fn;
	app->idle_user = user;
}

bool gk_app_add_observer(gk_app *app, const gk_span_observer *observer)
{
	if (app->observer_count == GK_MAX_OBSERVERS)
		return false;
	app->observers[app->observer_count++] = observer;
	return true;
}

void gk_app_remove_observer(gk_app *app, const gk_span_observer *observer)
{
	size_t kept = 0;

	for (size_t i = 0; i < app->observer_count; i++)
		if (app->observers[i] != observer)
			app->observers[kept++] = app->observers[i];
	app->observer_count = kept;
}

/* --- schemas, values, context --- */

static json_t *named_schema(const char *name, void *user)
{
	gk_app *app = user;

	return gk_registry_schema_peek(app->registry, name);
}

gk_code gk_schema_text_to_json(gk_app *app, const char *text, json_t **ret, gk_error *err)
{
	return gk_schema_from_text(text, named_schema, app, ret, err);
}

gk_code gk_define_schema(gk_app *app, const char *name, const char *schema, gk_error *err)
{
	gk_auto_json json_t *value = NULL;
	gk_code rc;

	if (!name || !*name)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "a schema needs a name");
	rc = gk_schema_text_to_json(app, schema, &value, err);
	if (rc == GK_OK)
		rc = gk_registry_add_schema(app->registry, name, value, err);
	return rc;
}

json_t *gk_schema_named_peek(gk_app *app, const char *name)
{
	return gk_registry_schema_peek(app->registry, name);
}

gk_code gk_set_value(gk_app *app, const char *kind, const char *name, json_t *value, gk_error *err)
{
	return gk_registry_set_value(app->registry, kind, name, value, err);
}

json_t *gk_value_peek(gk_app *app, const char *kind, const char *name)
{
	return gk_registry_value_peek(app->registry, kind, name);
}

gk_code gk_set_context(gk_app *app, json_t *context, gk_error *err)
{
	if (!json_is_object(context))
		return gk_error_set(err, GK_INVALID_ARGUMENT, "a context is an object");
	json_decref(app->context);
	app->context = json_incref(context);
	return GK_OK;
}
