/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Named middleware: defined, listed, opened for a call (generate sections 5.2 and 5.4). */
#include "ai/hooks.h"

#include "base/table.h"
#include "core/app.h"
#include "json/edit.h"

/* --- what is defined --- */

static void unref(void *it)
{
	gk_middleware *middleware = it;

	if (--middleware->refs)
		return;
	free(middleware->name);
	free(middleware);
}

static void *make_slot(void)
{
	return gk_table_new(unref);
}

static void free_slot(void *it)
{
	gk_table_free(it);
}

static const gk_app_slot slot = { make_slot, free_slot };

gk_middleware *gk_middleware_find_peek(gk_app *app, const char *name)
{
	gk_table *all = gk_app_slot_peek(app, &slot);

	return all ? gk_table_get(all, name) : NULL;
}

/* What /api/values says of it: {name, description?, configSchema?, metadata?} */
static gk_code describe(gk_app *app, const gk_middleware_opts *opts, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *it = json_object(), *metadata = NULL;
	gk_schema *config = NULL;
	gk_code rc = gk_action_schema(app, "config", opts->config, opts->config_json, &config, err);
	bool ok;

	if (rc == GK_OK && opts->metadata)
		rc = gk_metadata_copy(opts->metadata, &metadata, err);
	ok = gk_json_set_str(it, "name", opts->name) &&
	     (!opts->description || gk_json_set_str(it, "description", opts->description)) &&
	     (!config || gk_json_set(it, "configSchema", gk_schema_json_peek(config))) &&
	     (!metadata || gk_json_set(it, "metadata", metadata));
	gk_schema_unref(config);
	if (rc != GK_OK)
		return rc;
	if (!ok)
		return gk_error_no_memory(err);
	*ret = gk_steal(it);
	return GK_OK;
}

static gk_middleware *new_middleware(const gk_middleware_opts *opts)
{
	gk_middleware *it = calloc(1, sizeof(*it));

	if (!it)
		return NULL;
	it->refs = 1;
	it->opts = *opts;
	it->opts.name = it->opts.description = it->opts.config = NULL;
	it->opts.config_json = it->opts.metadata = NULL;
	it->name = strdup(opts->name);
	if (it->name)
		return it;
	free(it);
	return NULL;
}

gk_code gk_define_middleware(gk_app *app, const gk_middleware_opts *opts, gk_error *err)
{
	gk_auto_json json_t *description = NULL;
	gk_table *all = gk_app_slot_peek(app, &slot);
	gk_middleware *it;
	gk_code rc;

	if (!opts->name || !*opts->name)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "middleware needs a name");
	rc = describe(app, opts, &description, err);
	if (rc != GK_OK)
		return rc;
	it = new_middleware(opts);
	if (!all || !it || !gk_table_set(all, opts->name, it)) {
		if (it)
			unref(it);
		return gk_error_no_memory(err);
	}
	return gk_set_value(app, "middleware", opts->name, description, err);
}

/* --- what a call has opened --- */

bool gk_tool_list_add(gk_tool_list *list, gk_action *tool)
{
	gk_action **more = realloc(list->items, (list->count + 1) * sizeof(*more));

	if (!more)
		return false;
	list->items = more;
	list->items[list->count++] = gk_action_ref(tool);
	return true;
}

static gk_code open_one(gk_hooks *hooks, gk_ctx *ctx, json_t *use, gk_error *err)
{
	const char *name = json_is_string(use) ? json_string_value(use)
					       : json_string_value(json_object_get(use, "name"));
	gk_middleware *of = name ? gk_middleware_find_peek(gk_ctx_app(ctx), name) : NULL;
	gk_hook *hook = &hooks->items[hooks->count];

	if (!of)
		return gk_error_set(err, GK_NOT_FOUND, "Middleware %s not found in registry.",
			name ? name : "without a name");
	*hook = (gk_hook){ .of = of, .model = of->opts.model, .state = of->opts.user };
	if (of->opts.open) {
		gk_code rc;

		of->refs++; /* open() may suspend */
		rc = of->opts.open(ctx, json_object_get(use, "config"), of->opts.user,
			&hooks->tools, &hook->state, err);
		if (rc != GK_OK) {
			unref(of);
			return rc;
		}
		of->refs--;
	}
	of->refs++;
	hooks->count++;
	hooks->has_turn = hooks->has_turn || of->opts.generate;
	hooks->has_model = hooks->has_model || of->opts.model;
	hooks->has_tool = hooks->has_tool || of->opts.tool;
	return GK_OK;
}

gk_code gk_hooks_open(gk_hooks *hooks, gk_ctx *ctx, json_t *use,
	const gk_model_middleware *functions, gk_error *err)
{
	size_t count = json_array_size(use), i;
	json_t *one;
	gk_code rc = GK_OK;

	*hooks = (gk_hooks){ 0 };
	for (const gk_model_middleware *it = functions; it && it->fn; it++)
		count++;
	if (!count)
		return GK_OK;
	hooks->items = calloc(count, sizeof(*hooks->items));
	if (!hooks->items)
		return gk_error_no_memory(err);
	json_array_foreach (use, i, one)
		if (rc == GK_OK)
			rc = open_one(hooks, ctx, one, err);
	for (; rc == GK_OK && functions && functions->fn; functions++) {
		hooks->items[hooks->count++] =
			(gk_hook){ .model = functions->fn, .state = functions->user };
		hooks->has_model = true;
	}
	return rc;
}

void gk_hooks_close(gk_hooks *hooks)
{
	while (hooks->count) {
		gk_hook *hook = &hooks->items[--hooks->count];

		if (hook->of && hook->of->opts.open && hook->of->opts.close)
			hook->of->opts.close(hook->state);
		if (hook->of)
			unref(hook->of);
	}
	while (hooks->tools.count)
		gk_action_unref(hooks->tools.items[--hooks->tools.count]);
	free(hooks->tools.items);
	free(hooks->items);
}
