/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Values as JavaScript judges them. NULL is undefined. */
#ifndef GK_DOTPROMPT_VALUE_H
#define GK_DOTPROMPT_VALUE_H

#include <genkit/status.h>

bool gk_value_is_truthy(const json_t *value);
/** Handlebars' idea of empty: falsy but for 0, or an array without elements. */
bool gk_value_is_empty(const json_t *value);
/** JavaScript's == */
bool gk_value_equals(const json_t *a, const json_t *b);
/** The same text. Both are strings. */
bool gk_value_same_text(const json_t *a, const json_t *b);
/** {...value}: adds the members of an object; elements and characters get their index for a name. False when memory ran
 * out. */
GK_MUST_USE bool gk_value_spread(json_t *to, json_t *value);

#endif
