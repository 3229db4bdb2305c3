/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * gk_app is what exists: actions, plugins, named schemas and values. A module is handed one and defines things in it:
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code order(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		json_t *house = gk_value_peek(gk_ctx_app(ctx), "restaurant", "house");
 *
 *		(void)err;
 *		*ret = json_sprintf("%s at %s", gk_json_str_peek(input, "dish"), json_string_value(house));
 *		return GK_OK;
 *	}
 *
 *	GK_MODULE(restaurant, app, err)
 *	{
 *		gk_auto_json json_t *house = json_string("Chez C");
 *		gk_code rc = gk_define_schema(app, "Order", "dish: string", err);
 *
 *		if (rc == GK_OK)
 *			rc = gk_set_value(app, "restaurant", "house", house, err);
 *		return rc == GK_OK ? gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "order",
 *			.input = "{\"$ref\": \"genkit:Order\"}", .run = order), err) : rc;
 *	}
 *
 * Running "order" with {"dish": "soup"} gives "soup at Chez C"
 * Running "order" with {} fails with "INVALID_ARGUMENT: Schema validation failed..."
 *
 * All functions are for the thread of the application's loop. What is given as `json_t *` is borrowed unless the
 * name says _take.
 */
#ifndef GENKIT_APP_H
#define GENKIT_APP_H

#include <genkit/status.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef struct gk_app gk_app;

/**
 * Registers a JSON Schema under a name, for `{"$ref": "genkit:NAME"}`, for Picoschema and for prompts. `schema` is
 * text: JSON Schema, or Picoschema ("theme: string, the restaurant's theme").
 * Errors: a plain "Schema NAME already registered"; INVALID_ARGUMENT for text that is no schema.
 */
gk_code gk_define_schema(gk_app *app, const char *name, const char *schema, gk_error *err);
/** Borrowed; NULL when there is none of that name. */
json_t *gk_schema_named_peek(gk_app *app, const char *name);

/** Named values by kind, such as "defaultModel" and "middleware"; a later one replaces an earlier one (actions
 * section 2). `/api/values` lists them. */
gk_code gk_set_value(gk_app *app, const char *kind, const char *name, json_t *value, gk_error *err);
json_t *gk_value_peek(gk_app *app, const char *kind, const char *name);

/** The context that every run starts from; a run's own members go over it. */
gk_code gk_set_context(gk_app *app, json_t *context, gk_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
