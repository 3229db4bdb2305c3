/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What is registered: actions by key, values by kind and name, schemas by name. A registry may have a parent, to which
 * look-ups fall through; what is registered stays in the child. Nothing here runs code: see lookup.c.
 */
#ifndef GK_CORE_REGISTRY_H
#define GK_CORE_REGISTRY_H

#include "base/table.h"

#include <genkit/action.h>

typedef struct gk_registry gk_registry;

/** `parent` (NULL: none) must outlive it. */
gk_registry *gk_registry_new(gk_registry *parent);
void gk_registry_free(gk_registry *registry);
gk_registry *gk_registry_parent(const gk_registry *registry);

/** Takes a reference. ALREADY_EXISTS for a second one of the key here, unless `replaces`. */
gk_code gk_registry_add(gk_registry *registry, gk_action *action, bool replaces, gk_error *err);
bool gk_registry_remove(gk_registry *registry, const char *key);
/** Here or in a parent; borrowed; NULL: none. */
gk_action *gk_registry_get(const gk_registry *registry, const char *key);
/** Only what is registered here, in order. */
const gk_table *gk_registry_actions(const gk_registry *registry);

gk_code gk_registry_add_schema(
	gk_registry *registry, const char *name, json_t *schema, gk_error *err);
json_t *gk_registry_schema_peek(const gk_registry *registry, const char *name);

gk_code gk_registry_set_value(
	gk_registry *registry, const char *kind, const char *name, json_t *value, gk_error *err);
json_t *gk_registry_value_peek(const gk_registry *registry, const char *kind, const char *name);
/** {name: value} of a kind, the parents' under our own. New reference. */
gk_code gk_registry_values(
	const gk_registry *registry, const char *kind, json_t **ret, gk_error *err);

#endif
