/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Parts: what messages, chunks and documents are made of. `whole` is whatever has a content. */
#ifndef GK_AI_PARTS_H
#define GK_AI_PARTS_H

#include "base/buf.h"

#include <genkit/message.h>

/** The strings of a kind of part ("text", "reasoning"), one behind the other. */
void gk_parts_append(gk_buf *buf, const json_t *whole, const char *kind);
/** The texts of a list of parts, a line each; "" when there is none. New reference; NULL when memory ran out. */
json_t *gk_parts_lines(const json_t *parts);
/** The first part's member of that name that counts as true; borrowed; NULL: none. */
json_t *gk_parts_first_peek(const json_t *whole, const char *kind);
/** The output that `parsed` (a format's; NULL: it has none) stands for, or else the data, or else the JSON in `text`; what
 * counts as false is nothing (generate section 3.6). New reference. */
GK_MUST_USE gk_code gk_parts_output(const json_t *whole, json_t *parsed, const char *text,
	size_t len, json_t **ret, gk_error *err);

#endif
