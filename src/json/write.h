/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Writing a value to the end of a buffer: the same text as gk_json_write(). */
#ifndef GK_JSON_WRITE_H
#define GK_JSON_WRITE_H

#include "base/buf.h"

#include <genkit/json.h>

/** Compact. Sets the buffer's failure when the value is too deep. A NULL value is written as `null`. */
void gk_json_append(gk_buf *buf, const json_t *value);
/** With line breaks and `indent` blanks a level. */
void gk_json_append_pretty(gk_buf *buf, const json_t *value, unsigned indent);
/** A string in quotes, escaped. */
void gk_json_append_string(gk_buf *buf, const char *text, size_t len);

#endif
