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

#endif
