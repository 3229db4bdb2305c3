/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A JSON Pointer (RFC 6901) taken step by step, for those who walk something beside the value. */
#ifndef GK_JSON_POINTER_H
#define GK_JSON_POINTER_H

#include <genkit/json.h>

/**
 * Takes the first "/token" off `*pointer` and gives what it names in `parent`: borrowed, NULL when there is nothing or
 * the token is malformed. `*index_ret`, unless NULL, becomes its place among the members or elements.
 */
json_t *gk_json_pointer_step(const json_t *parent, const char **pointer, size_t *index_ret);

#endif
