/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* JSON that is not all there yet: what a model has written so far (formats section 7). */
#ifndef GK_JSON_PARTIAL_H
#define GK_JSON_PARTIAL_H

#include <genkit/json.h>

/**
 * What `text` says up to where it ends or goes wrong. Strings are closed, words completed ("tr" is true), members without
 * a value left out; a container ends where something in it is malformed, and the one around it goes on from there. What
 * follows the value is ignored.
 * A plain error when not even a value begins; GK_RESOURCE_EXHAUSTED for size (GK_MAX_EXTRACT_TEXT), depth and memory.
 */
GK_MUST_USE gk_code gk_json_parse_partial(
	const char *text, size_t len, json_t **ret, gk_error *err);

#endif
