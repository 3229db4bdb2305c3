/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core/refs.h"

#include "core/builtin_schemas.h"
#include "core/internal.h"
#include "core/key.h"
#include "json/edit.h"

#include <genkit/resource.h>

#define MAX_TYPES 4

/* By which types an action is found under a short name, in this order. */
static const struct {
	const char *name, *title;
	const char *types[MAX_TYPES];
} kinds[] = {
	[GK_REF_TOOL] = { "tool", "Tool", { "tool", "tool.v2", "prompt" } },
	[GK_REF_RESOURCE] = { "resource", "Resource", { "resource" } },
};

static gk_code lookup_as(
	gk_ctx *ctx, const char *type, const char *name, gk_action **ret, gk_error *err)
{
	char *key;
	gk_code rc;

	if (asprintf(&key, "/%s/%s", type, name) < 0)
		return gk_error_no_memory(err);
	rc = gk_lookup(ctx, key, ret, err);
	free(key);
	return rc;
}

/* The first of the types that has one of this name; NULL: none has. */
static gk_code lookup_short(
	gk_ctx *ctx, gk_ref_kind kind, const char *name, gk_action **ret, gk_error *err)
{
	const char *const *types = kinds[kind].types;
	gk_code rc = GK_OK;

	*ret = NULL;
	for (size_t i = 0; rc == GK_OK && !*ret && types[i]; i++)
		rc = lookup_as(ctx, types[i], name, ret, err);
	return rc;
}

/* "HOST:TYPE/PATTERN": nothing for a host or a type that is not there. */
static gk_code expand_offered(gk_ctx *ctx, const char *ref, json_t *keys, gk_error *err)
{
	gk_provider *provider = NULL;
	gk_code rc = GK_OK;
	gk_key parts;
	char *key;

	if (asprintf(&key, GK_PROVIDER_PREFIX "%s", ref) < 0)
		return gk_error_no_memory(err);
	if (gk_key_parse(key, &parts) && parts.host)
		provider = gk_provider_find(ctx->app, parts.host, parts.host_len);
	if (provider)
		rc = gk_provider_match(
			ctx, provider, parts.type, parts.type_len, parts.name, keys, err);
	free(key);
	return rc;
}

gk_code gk_ref_expand(gk_ctx *ctx, gk_ref_kind kind, const char *ref, json_t *keys, gk_error *err)
{
	size_t before = json_array_size(keys);
	gk_action *action = NULL;
	gk_code rc = GK_OK;

	if (strchr(ref, ':'))
		rc = expand_offered(ctx, ref, keys, err);
	if (rc != GK_OK || json_array_size(keys) > before)
		return rc;
	rc = lookup_short(ctx, kind, ref, &action, err);
	if (rc == GK_OK && !action)
		rc = gk_error_set_plain(err, "Unable to resolve %s: %s", kinds[kind].name, ref);
	else if (rc == GK_OK && !gk_json_push_take(keys, json_string(action->key)))
		rc = gk_error_no_memory(err);
	gk_action_unref(action);
	return rc;
}

gk_code gk_ref_resolve(
	gk_ctx *ctx, gk_ref_kind kind, const char *ref, gk_action **ret, gk_error *err)
{
	gk_action *action = NULL;
	gk_code rc = gk_lookup(ctx, ref, &action, err);

	if (rc == GK_OK && !action)
		rc = lookup_short(ctx, kind, ref, &action, err);
	if (rc == GK_OK && !action)
		rc = lookup_as(ctx, GK_PROVIDER_TYPE, ref, &action, err);
	if (rc == GK_OK && !action)
		rc = gk_error_set_plain(err, "%s %s not found", kinds[kind].title, ref);
	if (rc == GK_OK)
		*ret = action;
	return rc;
}

static gk_action *resource_of(const gk_registry *registry, const char *uri)
{
	gk_registry *parent = gk_registry_parent(registry);
	gk_action *found = parent ? resource_of(parent, uri) : NULL;

	if (found)
		return found;
	gk_table_foreach (gk_registry_actions(registry), entry) {
		gk_action *action = gk_table_entry_value(entry);

		if (gk_resource_matches(action, uri))
			return action;
	}
	return NULL;
}

gk_code gk_resource_find(gk_ctx *ctx, const char *uri, gk_action **ret, gk_error *err)
{
	gk_action *action;

	(void)err;
	gk_plugins_try(ctx);
	action = resource_of(ctx->registry, uri);
	*ret = action ? gk_action_ref(action) : NULL;
	return GK_OK;
}

/* --- what models are told --- */

const char *gk_tool_short_name(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

static bool put_schema(json_t *definition, const char *key, const gk_schema *schema)
{
	return gk_json_set(definition, key,
		schema ? gk_schema_json_peek(schema) : gk_builtin_schema_json_peek("void"));
}

static json_t *define_to_models(const gk_action *action, const gk_action_about *about)
{
	const char *name = gk_tool_short_name(action->name);
	gk_auto_json json_t *definition = json_object(), *metadata = json_object();
	bool ok = gk_json_set_str(definition, "name", name) &&
		  gk_json_set_str(definition, "description",
			  about->description ? about->description : "") &&
		  put_schema(definition, "outputSchema", action->output) &&
		  put_schema(definition, "inputSchema", about->input) &&
		  gk_json_set_str(definition, "key", action->key);

	if (ok && name != action->name)
		ok = gk_json_set_str(metadata, "originalName", action->name) &&
		     gk_json_set(definition, "metadata", metadata);
	return ok ? gk_steal(definition) : NULL;
}

json_t *gk_tool_definition(gk_action *action)
{
	gk_action_about about = { .description = action->description, .input = action->input };
	json_t *definition = NULL;

	if (action->late) {
		if (action->late->about(action->user, &about, NULL) == GK_OK)
			definition = define_to_models(action, &about);
		gk_action_about_done(&about);
		return definition;
	}
	if (!action->definition)
		action->definition = define_to_models(action, &about);
	return json_incref(action->definition);
}

gk_code gk_tool_check_names(const char *const *names, size_t count, gk_error *err)
{
	gk_table *seen = gk_table_new(NULL);
	gk_code rc = seen ? GK_OK : gk_error_no_memory(err);

	for (size_t i = 0; rc == GK_OK && i < count; i++) {
		const char *name = gk_tool_short_name(names[i]);
		const char *other = gk_table_get(seen, name);

		if (other)
			rc = gk_error_set(err, GK_INVALID_ARGUMENT,
				"Cannot provide two tools with the same name: '%s' and '%s'",
				names[i], other);
		else if (!gk_table_set(seen, name, (void *)names[i]))
			rc = gk_error_no_memory(err);
	}
	gk_table_free(seen);
	return rc;
}
