/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Schemas that calls give as text, compiled once. */
#include "ai/generate_request.h"

#include "base/limits.h"
#include "base/table.h"
#include "core/define.h"

static void unref(void *schema)
{
	gk_schema_unref(schema);
}

static void *make_slot(void)
{
	return gk_table_new(unref);
}

static void free_slot(void *it)
{
	gk_table_free(it);
}

gk_code gk_schema_of_text(gk_app *app, const char *text, gk_schema **ret, gk_error *err)
{
	static const gk_app_slot slot = { make_slot, free_slot };
	gk_table *cache = gk_app_slot_peek(app, &slot);
	gk_schema *schema = cache ? gk_table_get(cache, text) : NULL;
	gk_code rc;

	if (schema) {
		*ret = schema;
		return GK_OK;
	}
	if (!cache)
		return gk_error_no_memory(err);
	rc = gk_action_schema(app, "output", text, NULL, &schema, err);
	if (rc != GK_OK)
		return rc;
	/* Texts that are made anew for every call must not pile up: the oldest goes. */
	if (gk_table_count(cache) >= GK_MAX_CACHED_SCHEMAS)
		gk_table_remove(cache, gk_table_entry_name(gk_table_first(cache)));
	if (!schema || !gk_table_set(cache, text, schema)) {
		gk_schema_unref(schema);
		return schema ? gk_error_no_memory(err)
			      : gk_error_set(err, GK_INVALID_ARGUMENT, "output schema: no schema");
	}
	*ret = schema;
	return GK_OK;
}
