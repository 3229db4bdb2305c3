/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Small questions about strings. */
#ifndef GK_BASE_STR_H
#define GK_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline bool gk_str_equal(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static inline bool gk_str_has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/** The candidate (a NULL-terminated list) that `text` was probably meant to be; NULL when none is near. */
const char *gk_str_nearest(const char *text, const char *const *candidates);
/** Length of the longest prefix that is valid UTF-8 without cutting a character. */
size_t gk_str_valid_utf8(const char *text, size_t len);

#endif
