/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Picoschema, the short form of JSON Schema that .prompt files use, and schemas given as text:
 *
 *	gk_schema_from_text("theme: string, the restaurant's theme", NULL, NULL, &schema, err);
 *	gk_schema_from_text("plan(array): {hour: integer, what: string}", NULL, NULL, &schema, err);
 *	gk_schema_from_text("{\"type\": \"object\"}", NULL, NULL, &schema, err);
 */
#ifndef GK_DOTPROMPT_PICOSCHEMA_H
#define GK_DOTPROMPT_PICOSCHEMA_H

#include <genkit/json.h>

/** The JSON Schema of a name: borrowed, or NULL when there is none. */
typedef json_t *gk_picoschema_lookup_fn(const char *name, void *user);

/**
 * Picoschema as a value (a string, a mapping; also JSON Schema, which is passed through) to JSON Schema. `*ret` is NULL
 * for what stands for no schema: null, "", 0, false. `lookup` NULL: there are no named schemas. The value and what
 * `lookup` gives stay as they are; the result may share parts with them.
 * The text "any" alone gives {"type": "any"}, as the reference has it: see gk_schema_drop_any().
 * Errors: INVALID_ARGUMENT "Picoschema: ...".
 */
GK_MUST_USE gk_code gk_picoschema(
	json_t *value, gk_picoschema_lookup_fn *lookup, void *user, json_t **ret, gk_error *err);

/** The same schema without a `type: any` at its top, which validators and models refuse. Consumes its argument; NULL
 * for NULL and when memory ran out. */
json_t *gk_schema_drop_any_take(json_t *schema_take);

/**
 * A schema from text: JSON Schema as JSON, or Picoschema as YAML: lines of a mapping, a mapping in braces, one type.
 *
 * Text that is a JSON object is JSON Schema when it is empty; has `properties`, `not`, `if`, `const` or a name that
 * begins with `$`; has a `type` that names a type; or has a member that Picoschema cannot: a number, a boolean, null,
 * or a list without "(enum)". Any other object, like {"city": "string"}, is Picoschema. true and false are JSON Schema
 * as well; "any" is {}.
 *
 * `*ret` is NULL for blank text: no schema. Errors: INVALID_ARGUMENT, "Picoschema: ..." or with line and
 * column.
 */
GK_MUST_USE gk_code gk_schema_from_text(
	const char *text, gk_picoschema_lookup_fn *lookup, void *user, json_t **ret, gk_error *err);

/** A schema as front matter and configurations have it, text or a value, as text. `*ret` stays NULL for none (NULL, null); the
 * caller frees it. Errors: RESOURCE_EXHAUSTED. */
GK_MUST_USE gk_code gk_schema_to_text(const json_t *schema, char **ret, gk_error *err);

#endif
