/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* gk_app: what exists. */
#include "core/internal.h"

#include "base/log.h"
#include "base/str.h"
#include "core/key.h"
#include "dotprompt/picoschema.h"

#include <inttypes.h>
#include <stdio.h>

/* gk_log() asks which run speaks. */
static void current_ids(const char **trace_id_ret, const char **span_id_ret)
{
	gk_ctx *ctx = gk_ctx_current();

	if (ctx && ctx->span) {
		*trace_id_ret = ctx->span->trace_id;
		*span_id_ret = ctx->span->id;
	}
}

/* A run that keeps the loop from all others should be found in the log. */
static void tell_slow(const char *name, uint64_t ms, void *local)
{
	const gk_ctx *ctx = local;

	gk_log(GK_LOG_WARN, "run", "%s kept the loop for %" PRIu64 " ms%s%s", name, ms,
		ctx && ctx->span ? ", in trace " : "", ctx && ctx->span ? ctx->span->trace_id : "");
}

static void tell_idle(void *user)
{
	gk_app *app = user;

	if (app->run_count == 0 && app->idle)
		app->idle(app->idle_user);
}

gk_code gk_app_new(gk_loop *loop, const gk_app_opts *opts, gk_app **ret, gk_error *err)
{
	gk_app *app = calloc(1, sizeof(*app));

	if (!app)
		return gk_error_no_memory(err);
	app->loop = loop;
	app->is_dev = opts && opts->is_dev;
	app->tracing.limits = (gk_span_limits){ .attributes = GK_SPAN_ATTRIBUTES,
		.events = GK_SPAN_EVENTS,
		.event_attributes = GK_SPAN_ATTRIBUTES,
		.attribute_size = GK_SPAN_ATTRIBUTE_SIZE,
		.messages = GK_SPAN_MESSAGES };
	LIST_INIT(&app->all_runs);
	LIST_INIT(&app->errands);
	gk_young_spans_init(app);
	app->idle_defer = (gk_defer){ .fn = tell_idle, .user = app };
	app->registry = gk_registry_new(NULL);
	app->plugins = gk_table_new(gk_plugin_free);
	app->providers = gk_table_new(gk_provider_free);
	app->nothing = json_object();
	if (!app->registry || !app->plugins || !app->providers || !app->nothing) {
		gk_app_free(app);
		return gk_error_no_memory(err);
	}
	gk_log_set_ids(current_ids);
	gk_fiber_set_slow(loop, tell_slow);
	*ret = app;
	return GK_OK;
}

void gk_app_free(gk_app *app)
{
	if (!app)
		return;
	assert(app->run_count == 0);
	gk_loop_undefer(app->loop, &app->idle_defer);
	gk_young_spans_done(app);
	gk_registry_free(app->registry);
	gk_table_free(app->providers);
	gk_table_free(app->plugins); /* after the actions, which may use what its init made */
	while (app->slot_count--)
		app->slots[app->slot_count].slot->free(app->slots[app->slot_count].content);
	json_decref(app->context);
	json_decref(app->nothing);
	json_decref(app->tracing.propagate_to);
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

void gk_app_leave_run(gk_app *app)
{
	if (--app->run_count == 0 && app->idle)
		gk_loop_defer(app->loop, &app->idle_defer);
}

void *gk_app_slot_peek(gk_app *app, const gk_app_slot *slot)
{
	void *content;

	for (size_t i = 0; i < app->slot_count; i++)
		if (app->slots[i].slot == slot)
			return app->slots[i].content;
	assert(app->slot_count < GK_MAX_APP_SLOTS);
	content = slot->make();
	if (!content)
		return NULL;
	app->slots[app->slot_count].slot = slot;
	app->slots[app->slot_count++].content = content;
	return content;
}

bool gk_app_remove_action(gk_app *app, const char *key)
{
	if (gk_str_has_prefix(key, GK_PROVIDER_PREFIX))
		return false; /* fibers may be waiting for what it offers */
	return gk_registry_remove(app->registry, key);
}

/* A type is one of a few short words. */
#define KEY_SIZE (GK_MAX_ACTION_NAME + 64)

/* "/TYPE/NAME"; one that is too long is nobody's. */
static void write_key(char key[KEY_SIZE], const char *type, const char *name)
{
	if (snprintf(key, KEY_SIZE, "/%s/%s", type, name) >= KEY_SIZE)
		*key = '\0';
}

gk_action *gk_app_find_named_peek(const gk_app *app, const char *type, const char *name)
{
	char key[KEY_SIZE];

	write_key(key, type, name);
	return gk_app_find_action_peek(app, key);
}

bool gk_app_remove_named(gk_app *app, const char *type, const char *name)
{
	char key[KEY_SIZE];

	write_key(key, type, name);
	return gk_app_remove_action(app, key);
}

void gk_app_set_idle(gk_app *app, gk_loop_fn *fn, void *user)
{
	app->idle = fn;
	app->idle_user = user;
}

void gk_app_set_tracing(gk_app *app, const gk_tracing *tracing)
{
	json_incref(tracing->propagate_to);
	json_decref(app->tracing.propagate_to);
	app->tracing = *tracing;
}

const gk_span_limits *gk_app_span_limits_peek(const gk_app *app)
{
	return &app->tracing.limits;
}

bool gk_app_is_observed(const gk_app *app)
{
	return app->observer_count > 0;
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

	if (!name || !*name || !schema)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "a schema needs a name and a text");
	rc = gk_schema_text_to_json(app, schema, &value, err);
	if (rc == GK_OK && value) {
		/* What it refers to may be defined later. */
		rc = gk_schema_check_form(value, err);
		if (rc == GK_INTERNAL)
			rc = GK_INVALID_ARGUMENT; /* a plain error where values are validated */
	}
	if (rc != GK_OK) {
		if (err) {
			err->is_plain = false;
			err->code = rc;
		}
		gk_error_prefix(err, "schema %s: ", name);
		return rc;
	}
	if (!value)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "schema %s: the text is blank", name);
	return gk_registry_add_schema(app->registry, name, value, err);
}

json_t *gk_schema_named_peek(gk_app *app, const char *name)
{
	return gk_registry_schema_peek(app->registry, name);
}

gk_code gk_set_value(gk_app *app, const char *kind, const char *name, json_t *value, gk_error *err)
{
	if (!kind || !name || !value)
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "a value needs a kind, a name and a content");
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
