/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The names of actions: "/TYPE/NAME", and "/dynamic-action-provider/HOST:TYPE/NAME" for what a provider offers
 * (reflection section 2, actions section 2).
 */
#ifndef GK_CORE_KEY_H
#define GK_CORE_KEY_H

#include <stdbool.h>
#include <stddef.h>

#define GK_PROVIDER_TYPE   "dynamic-action-provider"
#define GK_PROVIDER_PREFIX "/" GK_PROVIDER_TYPE "/"

/* Pieces of a key: pointers into it, not NUL-terminated. */
typedef struct gk_key {
	const char *type, *plugin, *name, *host;
	size_t type_len, plugin_len, name_len, host_len;
} gk_key;

/** Takes a key apart. `host` is set for an action of a provider, `plugin` when the name has a first part (then `name` is
 * what follows it). False: no key. */
bool gk_key_parse(const char *text, gk_key *ret);
/** The static spelling of an action type; NULL when there is none of that name. */
const char *gk_key_type(const char *type, size_t len);

#endif
