/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core/registry.h"

#include "base/limits.h"

struct gk_registry {
	gk_registry *parent;
	gk_table *actions; /* key: gk_action */
	json_t *schemas;   /* name: schema */
	json_t *values;    /* kind: {name: value} */
};

static void unref_action(void *action)
{
	gk_action_unref(action);
}

gk_registry *gk_registry_new(gk_registry *parent)
{
	gk_registry *registry = calloc(1, sizeof(*registry));

	if (!registry)
		return NULL;
	registry->parent = parent;
	registry->actions = gk_table_new(unref_action);
	registry->schemas = json_object();
	registry->values = json_object();
	if (registry->actions && registry->schemas && registry->values)
		return registry;
	gk_registry_free(registry);
	return NULL;
}

void gk_registry_free(gk_registry *registry)
{
	if (!registry)
		return;
	gk_table_free(registry->actions);
	json_decref(registry->schemas);
	json_decref(registry->values);
	free(registry);
}

gk_registry *gk_registry_parent(const gk_registry *registry)
{
	return registry->parent;
}

gk_code gk_registry_add(gk_registry *registry, gk_action *action, bool replaces, gk_error *err)
{
	const char *key = gk_action_key(action);

	if (!replaces && gk_table_get(registry->actions, key))
		return gk_error_set(err, GK_ALREADY_EXISTS, "action %s is already defined", key);
	if (gk_table_count(registry->actions) >= GK_MAX_ACTIONS &&
		!gk_table_get(registry->actions, key))
		return gk_error_set(
			err, GK_RESOURCE_EXHAUSTED, "more than %d actions", GK_MAX_ACTIONS);
	if (!gk_table_set(registry->actions, key, gk_action_ref(action))) {
		gk_action_unref(action);
		return gk_error_no_memory(err);
	}
	return GK_OK;
}

bool gk_registry_remove(gk_registry *registry, const char *key)
{
	return gk_table_remove(registry->actions, key);
}

gk_action *gk_registry_get(const gk_registry *registry, const char *key)
{
	gk_action *action = NULL;

	for (; registry && !action; registry = registry->parent)
		action = gk_table_get(registry->actions, key);
	return action;
}

const gk_table *gk_registry_actions(const gk_registry *registry)
{
	return registry->actions;
}

gk_code gk_registry_add_schema(
	gk_registry *registry, const char *name, json_t *schema, gk_error *err)
{
	if (json_object_get(registry->schemas, name))
		return gk_error_set_plain(err, "Schema %s already registered", name);
	if (json_object_set(registry->schemas, name, schema) < 0)
		return gk_error_no_memory(err);
	return GK_OK;
}

json_t *gk_registry_schema_peek(const gk_registry *registry, const char *name)
{
	json_t *schema = NULL;

	for (; registry && !schema; registry = registry->parent)
		schema = json_object_get(registry->schemas, name);
	return schema;
}

gk_code gk_registry_set_value(
	gk_registry *registry, const char *kind, const char *name, json_t *value, gk_error *err)
{
	json_t *values = json_object_get(registry->values, kind);

	if (!values) {
		values = json_object();
		if (json_object_set_new(registry->values, kind, values) < 0)
			return gk_error_no_memory(err);
	}
	if (json_object_set(values, name, value) < 0)
		return gk_error_no_memory(err);
	return GK_OK;
}

json_t *gk_registry_value_peek(const gk_registry *registry, const char *kind, const char *name)
{
	json_t *value = NULL;

	for (; registry && !value; registry = registry->parent)
		value = json_object_get(json_object_get(registry->values, kind), name);
	return value;
}

gk_code gk_registry_values(
	const gk_registry *registry, const char *kind, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *all = NULL;
	gk_code rc;

	if (registry->parent) {
		rc = gk_registry_values(registry->parent, kind, &all, err);
		if (rc != GK_OK)
			return rc;
	} else {
		all = json_object();
	}
	if (!all || (json_object_get(registry->values, kind) &&
			    json_object_update(all, json_object_get(registry->values, kind)) < 0))
		return gk_error_no_memory(err);
	*ret = gk_steal(all);
	return GK_OK;
}
