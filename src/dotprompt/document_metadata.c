/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* From what a file says to what a model needs: defaults below, overrides on top, tools and schemas resolved. */
#include "dotprompt/document_internal.h"

#include "dotprompt/engine_internal.h"
#include "dotprompt/picoschema.h"
#include "dotprompt/value.h"
#include "json/edit.h"

/* Schemas by name, for Picoschema, which borrows them. */
typedef struct lookup {
	const gk_engine *engine;
	json_t *kept;   /* array: what was found */
	gk_error error; /* what the engine's resolver said */
} lookup;

/* --- laying one over the other --- */

/* Members of `over` replace those of `out`, but those of `config` are laid over one by one. */
static json_t *lay_over(json_t *out_take, json_t *over)
{
	gk_auto_json json_t *out = out_take, *config = NULL, *merged = NULL;

	config = gk_json_merge(json_object_get(out, "config"), json_object_get(over, "config"));
	merged = gk_json_merge(out, over);
	if (!config || !merged || !gk_json_set(merged, "config", config))
		return NULL;
	return gk_steal(merged);
}

/* The configuration of the model, named or default. */
static json_t *base_of(const json_t *parsed, const gk_prompt_overrides *overrides)
{
	gk_auto_json json_t *base = json_object();
	json_t *model = json_object_get(overrides->metadata, "model"), *config;
	const char *name;

	if (!gk_value_is_truthy(model))
		model = json_object_get(parsed, "model");
	name = gk_value_is_truthy(model) ? json_string_value(model) : overrides->default_model;
	config = name ? json_object_get(overrides->model_configs, name) : NULL;
	if (!base || (gk_value_is_truthy(config) && !gk_json_set(base, "config", config)))
		return NULL;
	return gk_steal(base);
}

/* --- tools --- */

static gk_code resolve_tool(gk_engine *engine, json_t *name, json_t *own, json_t *resolved,
	json_t *unknown, gk_error *err)
{
	gk_auto_json json_t *tool = NULL;
	bool was_set = false, has_resolver = false;
	const char *text = json_string_value(name);
	gk_code rc =
		text ? gk_engine_tool(engine, text, &tool, &was_set, &has_resolver, err) : GK_OK;

	if (rc != GK_OK)
		return rc;
	if (has_resolver && !tool)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"Dotprompt: Unable to resolve tool '%s' to a recognized tool definition.",
			text);
	return json_array_append(tool ? (was_set ? own : resolved) : unknown, tool ? tool : name) ==
			       0
		       ? GK_OK
		       : gk_error_no_memory(err);
}

/* The definitions that are known go into toolDefs, the engine's own before those its resolver found. */
static gk_code resolve_tools(gk_engine *engine, json_t *out, gk_error *err)
{
	json_t *tools = json_object_get(out, "tools"), *name;
	json_t *given = json_object_get(out, "toolDefs");
	gk_auto_json json_t *own = NULL, *resolved = NULL, *unknown = NULL;
	gk_code rc = GK_OK;
	size_t i;

	if (!gk_value_is_truthy(tools))
		return GK_OK;
	if (!json_is_array(tools))
		return gk_error_set(err, GK_INVALID_ARGUMENT, "Dotprompt: tools must be a list");
	own = json_is_array(given) ? json_copy(given) : json_array();
	resolved = json_array();
	unknown = json_array();
	if (!own || !resolved || !unknown)
		return gk_error_no_memory(err);
	json_array_foreach (tools, i, name)
		if (rc == GK_OK)
			rc = resolve_tool(engine, name, own, resolved, unknown, err);
	if (rc != GK_OK)
		return rc;
	if (json_array_extend(own, resolved) != 0 || !gk_json_set(out, "toolDefs", own) ||
		!gk_json_set(out, "tools", unknown))
		return gk_error_no_memory(err);
	return GK_OK;
}

/* --- schemas --- */

static json_t *find_schema(const char *name, void *user)
{
	lookup *it = user;
	json_t *schema = NULL;

	if (gk_engine_schema(it->engine, name, &schema, &it->error) != GK_OK || !schema)
		return NULL;
	return gk_json_push_take(it->kept, schema) ? schema : NULL;
}

static gk_code resolve_schema(lookup *it, json_t *out, const char *where, gk_error *err)
{
	json_t *part = json_object_get(out, where), *pico = json_object_get(part, "schema");
	gk_auto_json json_t *schema = NULL, *copy = NULL;
	gk_code rc;

	if (!gk_value_is_truthy(pico))
		return GK_OK;
	rc = gk_picoschema(pico, find_schema, it, &schema, err);
	if (rc != GK_OK && it->error.code != GK_OK)
		return gk_error_move(err, &it->error);
	if (rc != GK_OK || !schema)
		return rc;
	copy = json_copy(part);
	if (!gk_json_set(copy, "schema", schema) || !gk_json_set(out, where, copy))
		return gk_error_no_memory(err);
	return GK_OK;
}

/* --- all of it --- */

static gk_code resolve(gk_prompt_document *doc, gk_engine *engine,
	const gk_prompt_overrides *overrides, json_t **ret, bool *is_own_ret, gk_error *err)
{
	lookup it = { .engine = engine, .kept = json_array() };
	json_t *parsed = gk_prompt_document_parsed_peek(doc);
	gk_auto_json json_t *out = parsed ? base_of(parsed, overrides) : NULL;
	gk_code rc;

	if (out)
		out = lay_over(out, parsed);
	if (out && overrides->metadata)
		out = lay_over(out, overrides->metadata);
	if (out)
		json_object_del(out, "template");
	doc->wrong_key = "tools";
	rc = out && it.kept ? resolve_tools(engine, out, err) : gk_error_no_memory(err);
	for (size_t i = 0; i < 2 && rc == GK_OK; i++) {
		doc->wrong_key = i ? "output" : "input";
		rc = resolve_schema(&it, out, doc->wrong_key, err);
	}
	if (rc == GK_OK)
		doc->wrong_key = NULL;
	*is_own_ret = json_array_size(it.kept) == 0 && !json_object_get(out, "tools");
	if (rc == GK_OK)
		*ret = gk_steal(out);
	json_decref(it.kept);
	gk_error_clear(&it.error);
	return rc;
}

/* The metadata of a file that names neither tools nor schemas is made once. */
gk_code gk_prompt_document_metadata(gk_prompt_document *doc, gk_engine *engine,
	const gk_prompt_overrides *overrides, json_t **ret, gk_error *err)
{
	static const gk_prompt_overrides none;
	json_t *metadata = NULL;
	bool is_own = false;
	gk_code rc;

	if (!overrides && doc->metadata) {
		metadata = json_copy(doc->metadata);
		if (!metadata)
			return gk_error_no_memory(err);
		*ret = metadata;
		return GK_OK;
	}
	rc = resolve(doc, engine, overrides ? overrides : &none, &metadata, &is_own, err);
	if (rc != GK_OK)
		return rc;
	if (!overrides && is_own)
		doc->metadata = json_copy(metadata);
	*ret = metadata;
	return GK_OK;
}
