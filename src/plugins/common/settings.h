/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What a call's configuration may have, told to whoever fills it in (a model's customOptions): names and types. The schema
 * is open, for whatever else there is goes to the service as it is.
 */
#ifndef GK_PLUGINS_SETTINGS_H
#define GK_PLUGINS_SETTINGS_H

#include <genkit/json.h>

/* A table of them ends with one without a name. */
typedef struct gk_setting {
	const char *name;
	const char *
		type; /* of JSON Schema, or a schema in JSON; "strings": a list of them; "any": whatever it is */
} gk_setting;

/* The same of many kinds of model. */
typedef struct gk_setting_of {
	unsigned of; /* which kinds have it: flags of the table's own */
	const char *name, *type;
	const char *help;
} gk_setting_of;

/** The schema of a configuration. New reference; NULL when memory ran out. */
json_t *gk_settings_schema(const gk_setting *table);
/** That of a model of one of the kinds in `of`; a later one of a name goes before an earlier one. */
json_t *gk_settings_schema_of(const gk_setting_of *table, unsigned of);
/** Adds one to it, in place of one of that name; `type` NULL: takes that one away. */
GK_MUST_USE bool gk_settings_put(json_t *schema, const char *name, const char *type);

#endif
