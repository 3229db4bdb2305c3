/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What a call used: what the provider counts, and what can be counted from outside (providers section 1, Usage). */
#ifndef GK_PLUGINS_USAGE_H
#define GK_PLUGINS_USAGE_H

#include <genkit/json.h>

/** Adds inputCharacters, inputImages, ... outputAudioFiles to `usage`: all eight, 0 included. `message` is the answer. */
GK_MUST_USE bool gk_usage_add_basic(json_t *usage, const json_t *request, const json_t *message);
/** Copies a number at a path to `key`; a provider that does not report it gives nothing, rather than 0. */
GK_MUST_USE bool gk_usage_copy(
	json_t *usage, const char *key, const json_t *from, const char *path);
/** A GenerateResponse around a message of the model: its parts are `content` (consumed), it finished with "stop", its usage
 * is the basic one; `raw` (borrowed; NULL: none) is what the provider said. */
GK_MUST_USE gk_code gk_vendor_response(
	const json_t *request, json_t *content_take, json_t *raw, json_t **ret, gk_error *err);

#endif
