/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * JSON Schemas as providers want them: one walk, with what each of them cannot take as options.
 *
 *	rc = gk_schema_adapt(schema, GK_OPTS(gk_schema_adapt_opts, .close_objects = true, .drop = keys), &ret, err);
 */
#ifndef GK_PLUGINS_SCHEMA_H
#define GK_PLUGINS_SCHEMA_H

#include <genkit/json.h>

typedef struct gk_schema_adapt_opts {
	size_t size;
	const char *const *drop; /* keywords left out at every level, NULL-terminated; NULL: none */
	const char *const *keep; /* only these stay; NULL: all */
	bool inline_refs; /* $ref by what it refers to in the same schema; $defs and definitions go */
	bool close_objects; /* additionalProperties: false on every object */
	bool require_all;   /* every property is required */
	bool first_type;    /* of a list of types the first that is not null */
	bool gemini; /* types in capitals, null as `nullable`, anyOf and oneOf by their first branch; a schema without a type, or
			one that leads into itself, is left out, and so is its name in `required` */
} gk_schema_adapt_opts;

/** A copy as it is wanted; `schema` is untouched. `*ret` NULL: nothing of it is left (gemini). INVALID_ARGUMENT: a $ref that
 * leads nowhere, into itself (not for gemini), or to too much; a type that is none. */
GK_MUST_USE gk_code gk_schema_adapt(
	const json_t *schema, const gk_schema_adapt_opts *opts, json_t **ret, gk_error *err);

/** What a tool (a ToolDefinition) takes, a new reference: its inputSchema, or an object without members where it has none. */
json_t *gk_schema_of_tool(const json_t *tool);

#endif
