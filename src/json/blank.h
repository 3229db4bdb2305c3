/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What JavaScript takes for white space: more than ASCII has. */
#ifndef GK_JSON_BLANK_H
#define GK_JSON_BLANK_H

#include <stdbool.h>
#include <stddef.h>

/** The length in bytes of the white space character or line end that begins at `at`; 0: there is none. */
size_t gk_blank(const char *at, const char *end);
/** Takes white space off both ends. */
void gk_trim(const char **text, size_t *len);

#endif
