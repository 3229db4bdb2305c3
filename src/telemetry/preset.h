/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Well-known back ends: where they take traces by OTLP, and how they know who sends (plugins/observability section 1). */
#ifndef GK_TELEMETRY_PRESET_H
#define GK_TELEMETRY_PRESET_H

#include <genkit/status.h>

/** A variable of the environment; NULL: not set. The library does not read it; the daemon does. */
typedef const char *gk_env_fn(const char *name);

typedef struct gk_preset {
	char *endpoint;  /* of traces */
	json_t *headers; /* {name: value} */
} gk_preset;

/** Names of back ends, NULL-terminated. */
extern const char *const gk_preset_names[];
/** `options` is {"honeycomb_api_key": ...}, and for "custom" and "otlp" {"endpoint": ..., "headers": {...}}; they go before
 * the environment, and what is empty counts as missing. INVALID_ARGUMENT naming what is missing. */
GK_MUST_USE gk_code gk_preset_resolve(
	const char *backend, const json_t *options, gk_env_fn *env, gk_preset *ret, gk_error *err);
void gk_preset_done(gk_preset *preset);

/** Adds the members of "a=b,c=d%20e" (percent-decoded values) to an object. INVALID_ARGUMENT. */
GK_MUST_USE gk_code gk_pairs_read(const char *text, json_t *object, gk_error *err);

#endif
