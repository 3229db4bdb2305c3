/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * JSON Schema, draft-07 with ajv's meaning, texts and order (docs/decisions); compiled once, run many times.
 *
 *	rc = gk_schema_compile(json, NULL, NULL, &schema, err);
 *	rc = gk_schema_check(schema, value, err);	INVALID_ARGUMENT with Genkit's text and details
 *
 * A compiled schema is immutable: any thread may run it. Checking a valid value allocates nothing.
 */
#ifndef GK_JSON_SCHEMA_H
#define GK_JSON_SCHEMA_H

#include <genkit/status.h>

typedef struct gk_schema gk_schema;

/** A document for a $ref that the schema itself does not hold: "genkit:NAME" or an absolute URI without its
 * fragment. Borrowed, or NULL when there is none of that name. */
typedef json_t *gk_schema_lookup_fn(const char *uri, void *user);

/**
 * Compiles `json` (borrowed; kept by reference, so do not change it afterwards). Errors are plain: "schema is
 * invalid: ...", "can't resolve reference ...". `false`, null and `true` as a whole mean that all is valid.
 */
GK_MUST_USE gk_code gk_schema_compile(
	json_t *json, gk_schema_lookup_fn *lookup, void *user, gk_schema **ret, gk_error *err);
/** Whether it is a schema at all, whatever its references lead to: "schema is invalid: ..." (plain). */
GK_MUST_USE gk_code gk_schema_check_form(json_t *json, gk_error *err);
gk_schema *gk_schema_ref(gk_schema *schema);
gk_schema *gk_schema_unref(gk_schema *schema);
/** The schema it was compiled from. */
json_t *gk_schema_json_peek(const gk_schema *schema);

/** True when `value` (NULL: absent) fits. Otherwise `*errors_ret`, unless NULL, is a new array of {path, message}; NULL
 * when memory ran out. A validation that would take too long or go too deep ends with an error that says so. */
bool gk_schema_is_valid(const gk_schema *schema, const json_t *value, json_t **errors_ret);

/** GK_OK, or INVALID_ARGUMENT "Schema validation failed. Parse Errors: ..." with details {errors, schema} (formats
 * section 5.2). */
GK_MUST_USE gk_code gk_schema_check(const gk_schema *schema, const json_t *value, gk_error *err);

/** The same outcome for errors found elsewhere: builds the text and details. `errors` is borrowed. */
gk_code gk_schema_error(
	const gk_schema *schema, const json_t *value, json_t *errors, gk_error *err);

#endif
