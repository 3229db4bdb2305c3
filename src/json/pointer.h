/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A JSON Pointer (RFC 6901) in its parts, for those who walk something beside the value or change it. */
#ifndef GK_JSON_POINTER_H
#define GK_JSON_POINTER_H

#include "base/buf.h"

#include <genkit/json.h>

/**
 * Takes the first "/token" off `*pointer` and gives what it names in `parent`: borrowed, NULL when there is nothing or
 * the token is malformed. `*index_ret`, unless NULL, becomes its place among the members or elements.
 */
json_t *gk_json_pointer_step(const json_t *parent, const char **pointer, size_t *index_ret);

/** Whether a token is an index: digits without a leading zero. */
bool gk_json_pointer_index(const char *token, size_t len, size_t *ret);
/** Writes what a token names, ~1 and ~0 undone, to `ret` (room for `len` bytes; `token` itself is one) and gives its length.
 * A '~' before anything else stays as it is and makes `*well_formed`, unless NULL, false. */
size_t gk_json_pointer_unescape(const char *token, size_t len, char *ret, bool *well_formed);
/** Appends the token for `name`, without a slash. */
void gk_json_pointer_escape(gk_buf *pointer, const char *name, size_t len);

#endif
