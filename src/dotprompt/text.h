/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Text as JavaScript sees it: its white space, its lengths in UTF-16, and what it makes of values. */
#ifndef GK_DOTPROMPT_TEXT_H
#define GK_DOTPROMPT_TEXT_H

#include "base/buf.h"

/** Length in bytes of the white space character (\s) that `text` begins with; 0: it does not. */
size_t gk_text_space(const char *text, size_t len);
/** Length of all white space at the beginning. */
size_t gk_text_leading(const char *text, size_t len);
/** Length without the white space at the end. */
size_t gk_text_trimmed(const char *text, size_t len);
bool gk_text_is_blank(const char *text, size_t len);

/** Length in UTF-16 units. */
size_t gk_text_units(const char *text, size_t len);
/** Bytes of the longest beginning that has at most `units` UTF-16 units. */
size_t gk_text_first_units(const char *text, size_t len, size_t units);

bool gk_text_is_utf8(const char *text, size_t len);
/** Appends text; what is not UTF-8 becomes U+FFFD. */
void gk_text_put(gk_buf *buf, const char *text, size_t len);

/** String(value) of JavaScript: NULL is "undefined", an array its elements with commas (null and undefined empty), an
 * object "[object Object]". */
void gk_text_put_value(gk_buf *buf, const json_t *value);
/** A number in JavaScript's digits; integers beyond 2^53 as the double they would be. Returns the length. */
size_t gk_text_number(const json_t *number, char ret[32]);

/** JSON.stringify(value, null, indent): `indent` is put once a level; "" for one line. */
void gk_text_put_json(gk_buf *buf, json_t *value, const char *indent, size_t indent_len);

#endif
