/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * JSON5, the JSON that people and models write: names without quotes, single quotes, comments, commas at the end,
 * hexadecimal numbers. Infinity and NaN, which JSON has not, are null.
 */
#ifndef GK_JSON_JSON5_H
#define GK_JSON_JSON5_H

#include <genkit/json.h>

/** Reads one value; white space and comments around it are allowed. A plain error "JSON5: invalid character 'x' at
 * LINE:COLUMN" or "JSON5: invalid end of input at LINE:COLUMN"; GK_RESOURCE_EXHAUSTED for size (GK_MAX_EXTRACT_TEXT),
 * depth and memory. */
GK_MUST_USE gk_code gk_json5_parse(const char *text, size_t len, json_t **ret, gk_error *err);

#endif
