/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Writing a value to the end of a buffer: the same text as gk_json_write() and gk_json_write_pretty(). */
#ifndef GK_JSON_WRITE_H
#define GK_JSON_WRITE_H

#include "base/buf.h"
#include "json/memo.h"

#include <genkit/json.h>

/** Compact. Sets the buffer's failure when the value is too deep. A NULL value is written as `null`. */
void gk_json_append(gk_buf *buf, const json_t *value);
/** For people, not for the wire: characters beyond ASCII as they are, line breaks and `indent` blanks a level; 0:
 * compact. The text of JSON.stringify(value, null, indent). */
void gk_json_append_pretty(gk_buf *buf, const json_t *value, unsigned indent);
/** A string in quotes, escaped, ASCII only. What is not UTF-8 becomes U+FFFD. */
void gk_json_append_string(gk_buf *buf, const char *text, size_t len);
/** The compact text as a string in quotes: what gk_json_append_string() makes of the text of gk_json_append_pretty(), with
 * an indent of 0. With a memo (NULL: none) objects in lists, and the value itself when `is_known`, are written but once; and those
 * that the value holds when the memo says so. */
void gk_json_append_nested(gk_buf *buf, const json_t *value, gk_json_memo *memo, bool is_known);

#endif
