/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The schemas of Genkit's own types, as the JavaScript SDK generates them: "Part", "Message", "GenerateRequest", ... They
 * stand in builtin_schemas.jsonl, a line each, name and schema; the order of members shows in error texts.
 *
 * Each is read and compiled when it is first asked for, and kept until the process ends. Any thread may ask.
 */
#ifndef GK_CORE_BUILTIN_SCHEMAS_H
#define GK_CORE_BUILTIN_SCHEMAS_H

#include "json/schema.h"

/** Borrowed; not to be changed. INTERNAL when there is none of that name. */
GK_MUST_USE gk_code gk_builtin_schema_peek(const char *name, const gk_schema **ret, gk_error *err);
/** The same, with a reference. */
GK_MUST_USE gk_code gk_builtin_schema(const char *name, gk_schema **ret, gk_error *err);
/** The same as JSON (gk_schema_json_peek()); NULL when there is none, or no memory. */
json_t *gk_builtin_schema_json_peek(const char *name);

#endif
