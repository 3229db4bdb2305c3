/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The templates of an application find its helpers, partials and named schemas. */
#include "ai/prompt_late.h"

#include "core/app.h"

static void *make_slot(void)
{
	return gk_engine_new(NULL);
}

static void free_slot(void *it)
{
	gk_engine_unref(it);
}

static gk_code find_schema(const char *name, void *user, json_t **ret, gk_error *err)
{
	*ret = json_incref(gk_schema_named_peek(user, name));
	return *ret ? GK_OK : gk_error_set(err, GK_NOT_FOUND, "Schema '%s' not found", name);
}

gk_engine *gk_app_engine_peek(gk_app *app)
{
	static const gk_app_slot slot = { make_slot, free_slot };
	const gk_engine_resolver resolver = { .schema = find_schema, .user = app };
	gk_engine *engine = gk_app_slot_peek(app, &slot);

	if (engine)
		gk_engine_set_resolver(engine, &resolver);
	return engine;
}

gk_engine *gk_prompt_body_engine_peek(gk_app *app, const gk_prompt_body *body)
{
	gk_engine *engine = gk_app_engine_peek(app);

	return body->late && body->late->engine ? body->late->engine : engine;
}

gk_code gk_define_helper(
	gk_app *app, const char *name, gk_helper_fn *run, void *user, gk_error *err)
{
	gk_engine *engine = gk_app_engine_peek(app);

	if (!engine)
		return gk_error_no_memory(err);
	if (!name || !*name || !run)
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "a helper needs a name and a function");
	return gk_engine_set_helper(engine, name, run, user, NULL, err);
}

gk_code gk_define_partial(gk_app *app, const char *name, const char *source, gk_error *err)
{
	gk_engine *engine = gk_app_engine_peek(app);

	if (!engine)
		return gk_error_no_memory(err);
	if (!name || !*name || !source)
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "a partial needs a name and a source");
	return gk_engine_set_partial(engine, name, source, strlen(source), err);
}
