/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Small questions about strings. */
#ifndef GK_BASE_STR_H
#define GK_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool gk_str_equal(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static inline bool gk_str_has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/** Texts one after the other (a NULL-terminated list): what asprintf() takes four times as long for. The caller frees it; NULL
 * when memory ran out. */
char *gk_str_join(const char *const *texts);
/** The candidate (a NULL-terminated list) that `text` was probably meant to be: a third of its letters may be wrong,
 * missing, too many or swapped, upper and lower case are the same. NULL when none is near. */
const char *gk_str_nearest(const char *text, const char *const *candidates);
/** No control characters but tabs: what may stand in a header. */
bool gk_str_is_clean(const char *text, size_t len);
/** Length of the longest prefix that is valid UTF-8 without cutting a character. */
size_t gk_str_valid_utf8(const char *text, size_t len);
/** Of UTF-8, in UTF-16 code units, as JavaScript counts: those outside the basic plane are two. */
size_t gk_str_utf16_len(const char *text, size_t len);
/** The character at the beginning of `text` (of at least one byte) and its length in bytes; 0: it is not UTF-8. */
size_t gk_str_decode_utf8(const char *text, size_t len, uint32_t *ret);
/** Writes a character as UTF-8; its length in bytes. */
size_t gk_str_encode_utf8(uint32_t character, char ret[4]);

#endif
