/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Where references lead: documents, the resources that $id makes within them, anchors, JSON Pointers. */
#include "json/schema_compiler.h"

#include "base/parse.h"
#include "base/str.h"
#include "base/table.h"
#include "json/pointer.h"
#include "json/uri.h"

#include <genkit/json.h>

/* Where subschemas stand. What is none of these holds no schema, so an $id in it names nothing. */
typedef enum position {
	ONE,
	LIST,
	ONE_OR_LIST,
	MAP,
	NOTHING
} position;

static const struct {
	const char *keyword;
	position position;
} positions[] = {
	{ "additionalItems", ONE },
	{ "additionalProperties", ONE },
	{ "contains", ONE },
	{ "contentSchema", ONE },
	{ "else", ONE },
	{ "if", ONE },
	{ "not", ONE },
	{ "propertyNames", ONE },
	{ "then", ONE },
	{ "unevaluatedItems", ONE },
	{ "unevaluatedProperties", ONE },
	{ "allOf", LIST },
	{ "anyOf", LIST },
	{ "oneOf", LIST },
	{ "prefixItems", LIST },
	{ "items", ONE_OR_LIST },
	{ "$defs", MAP },
	{ "definitions", MAP },
	{ "dependencies", MAP },
	{ "dependentSchemas", MAP },
	{ "patternProperties", MAP },
	{ "properties", MAP },
};

static position position_of(const char *keyword)
{
	for (size_t i = 0; i < sizeof(positions) / sizeof(positions[0]); i++)
		if (strcmp(positions[i].keyword, keyword) == 0)
			return positions[i].position;
	return NOTHING;
}

/* --- drafts --- */

#define URI_2020 "https://json-schema.org/draft/2020-12/"

static bool is_schema_2020(const char *uri)
{
	return strcmp(uri, URI_2020 "schema") == 0 || strcmp(uri, URI_2020 "schema#") == 0;
}

/* A meta-schema of somebody's own says itself which draft it extends, and may leave a vocabulary out. */
static uint8_t draft_of_meta(const json_t *meta)
{
	const char *uri = json_string_value(json_object_get(meta, "$schema"));
	const json_t *vocabularies = json_object_get(meta, "$vocabulary");

	uint8_t draft = GK_DRAFT_2020;

	if (!uri || !is_schema_2020(uri))
		return GK_DRAFT_7;
	if (!vocabularies || json_object_get(vocabularies, URI_2020 "vocab/validation"))
		draft |= GK_DRAFT_2020_VOCABULARY;
	if (json_object_get(vocabularies, URI_2020 "vocab/format-assertion"))
		draft |= GK_DRAFT_2020_FORMATS;
	return draft;
}

uint8_t gk_schema_draft_of(gk_schema_compiler *c, const json_t *json, uint8_t otherwise)
{
	const char *uri = json_string_value(json_object_get(json, "$schema"));
	const json_t *meta;

	if (!uri)
		return otherwise;
	if (is_schema_2020(uri))
		return GK_DRAFT_2020_FULL;
	if (!c->lookup || !gk_uri_is_absolute(uri) || strchr(uri, '#'))
		return GK_DRAFT_7;
	meta = c->lookup(uri, c->user);
	return meta ? draft_of_meta(meta) : GK_DRAFT_7;
}

/* --- documents and resources --- */

static gk_schema_resource *new_resource(gk_schema_compiler *c, gk_schema_document *document,
	const char *uri, json_t *json, uint8_t draft)
{
	gk_schema_resource *r = gk_schema_alloc(c->schema, 1, sizeof(*r));

	if (!r)
		return NULL;
	r->uri = gk_schema_strdup(c->schema, uri);
	r->json = json;
	r->draft = gk_schema_draft_of(c, json, draft);
	r->document = document;
	if (!r->uri || !gk_schema_map_set(&c->resources, json, document, r))
		return NULL;
	r->next = document->resources;
	document->resources = r;
	return r;
}

static char *without_fragment(char *uri)
{
	if (uri)
		uri[strcspn(uri, "#")] = '\0';
	return uri;
}

/* The URI an $id gives; `*ret` NULL when it gives none but, perhaps, an anchor. */
static gk_code uri_of_id(
	gk_schema_compiler *c, const json_t *json, const gk_schema_resource *within, char **ret)
{
	const char *id = json_string_value(json_object_get(json, "$id"));

	*ret = NULL;
	if (!id || *id == '#' || !*id)
		return GK_OK;
	/* Until 2019 a $ref made its siblings invisible, and so this one. */
	if (within->draft == GK_DRAFT_7 && within->json != json && json_object_get(json, "$ref"))
		return GK_OK;
	*ret = without_fragment(gk_uri_resolve(within->uri, id));
	return *ret ? GK_OK : gk_error_no_memory(c->err);
}

gk_code gk_schema_resource_for(
	gk_schema_compiler *c, json_t *json, gk_schema_resource *within, gk_schema_resource **ret)
{
	gk_auto_str char *uri = NULL;
	gk_schema_resource *r = gk_schema_map_get(&c->resources, json, within->document);
	gk_code rc;

	*ret = r ? r : within;
	if (r || !json_object_get(json, "$id"))
		return GK_OK;
	rc = uri_of_id(c, json, within, &uri);
	if (rc != GK_OK || !uri || strcmp(uri, within->uri) == 0)
		return rc;
	*ret = new_resource(c, within->document, uri, json, within->draft);
	return *ret ? GK_OK : gk_error_no_memory(c->err);
}

gk_code gk_schema_add_document(gk_schema_compiler *c, const char *uri, json_t *json, uint8_t draft,
	gk_schema_document **ret)
{
	gk_schema_document *d = gk_schema_alloc(c->schema, 1, sizeof(*d));
	gk_auto_str char *own_uri = NULL;
	gk_code rc;

	if (!d)
		return gk_error_no_memory(c->err);
	d->json = json_incref(json);
	d->next = c->schema->documents;
	c->schema->documents = d;
	d->root = new_resource(c, d, uri, json, draft);
	if (!d->root)
		return gk_error_no_memory(c->err);
	rc = uri_of_id(c, json, d->root, &own_uri);
	if (rc != GK_OK)
		return rc;
	if (own_uri)
		d->root->uri = gk_schema_strdup(c->schema, own_uri);
	*ret = d;
	return d->root->uri ? GK_OK : gk_error_no_memory(c->err);
}

/* --- the index of names --- */

static gk_code add_name(gk_schema_compiler *c, const char *uri, const char *anchor, json_t *json,
	gk_schema_resource *resource)
{
	gk_auto_str char *name = NULL;
	gk_schema_place *place = gk_schema_alloc(c->schema, 1, sizeof(*place));

	if (!place || asprintf(&name, "%s%s%s", uri, anchor ? "#" : "", anchor ? anchor : "") < 0) {
		name = NULL;
		return gk_error_no_memory(c->err);
	}
	*place = (gk_schema_place){ json, resource };
	if (gk_table_get(c->names, name)) /* the first one counts */
		return GK_OK;
	return gk_table_set(c->names, name, place) ? GK_OK : gk_error_no_memory(c->err);
}

static gk_code add_dynamic(
	gk_schema_compiler *c, const char *anchor, gk_schema_resource *r, json_t *json)
{
	struct gk_schema_dynamic *d = gk_schema_alloc(c->schema, 1, sizeof(*d));

	if (!d)
		return gk_error_no_memory(c->err);
	d->anchor = anchor;
	d->json = json;
	d->next = r->dynamics;
	r->dynamics = d;
	return GK_OK;
}

static gk_code index_anchors(gk_schema_compiler *c, json_t *json, gk_schema_resource *r)
{
	const char *id = json_string_value(json_object_get(json, "$id"));
	const char *anchor = json_string_value(json_object_get(json, "$anchor"));
	const char *dynamic = json_string_value(json_object_get(json, "$dynamicAnchor"));
	gk_code rc = GK_OK;

	if (r->draft == GK_DRAFT_7) {
		anchor = id ? strchr(id, '#') : NULL;
		return anchor && anchor[1] ? add_name(c, r->uri, anchor + 1, json, r) : GK_OK;
	}
	if (anchor)
		rc = add_name(c, r->uri, anchor, json, r);
	if (rc == GK_OK && dynamic)
		rc = add_name(c, r->uri, dynamic, json, r);
	return rc == GK_OK && dynamic ? add_dynamic(c, dynamic, r, json) : rc;
}

static gk_code index_schema(gk_schema_compiler *c, json_t *json, gk_schema_resource *within);

static gk_code index_values(gk_schema_compiler *c, json_t *json, gk_schema_resource *within)
{
	gk_code rc = GK_OK;

	if (json_is_array(json))
		for (size_t i = 0; i < json_array_size(json) && rc == GK_OK; i++)
			rc = index_schema(c, json_array_get(json, i), within);
	if (json_is_object(json))
		for (void *m = json_object_iter(json); m && rc == GK_OK;
			m = json_object_iter_next(json, m))
			rc = index_schema(c, json_object_iter_value(m), within);
	return rc;
}

static gk_code index_schema(gk_schema_compiler *c, json_t *json, gk_schema_resource *within)
{
	gk_schema_resource *r;
	gk_code rc;

	if (!json_is_object(json))
		return GK_OK;
	rc = gk_schema_resource_for(c, json, within, &r);
	if (rc == GK_OK && r->json == json)
		rc = add_name(c, r->uri, NULL, json, r);
	if (rc == GK_OK)
		rc = index_anchors(c, json, r);
	for (void *m = json_object_iter(json); m && rc == GK_OK;
		m = json_object_iter_next(json, m)) {
		json_t *value = json_object_iter_value(m);
		position where = position_of(json_object_iter_key(m));

		if (where == ONE || (where == ONE_OR_LIST && !json_is_array(value)))
			rc = index_schema(c, value, r);
		else if (where != NOTHING && (where == MAP) == json_is_object(value))
			rc = index_values(c, value, r);
	}
	return rc;
}

static gk_code index_documents(gk_schema_compiler *c)
{
	gk_code rc = GK_OK;

	if (!c->names)
		c->names = gk_table_new(NULL);
	if (!c->names)
		return gk_error_no_memory(c->err);
	for (gk_schema_document *d = c->schema->documents; d && rc == GK_OK; d = d->next) {
		if (d->is_indexed)
			continue;
		d->is_indexed = true;
		rc = index_schema(c, d->json, d->root);
	}
	return rc;
}

/* --- resolving --- */

/* A document that is not known yet: a meta-schema, or what the caller can look up. `*ret` NULL: there is none. */
static gk_code load(gk_schema_compiler *c, const char *uri, const gk_schema_resource *from,
	gk_schema_resource **ret)
{
	json_t *json = gk_schema_meta_peek(uri);
	bool is_meta = json != NULL;
	gk_schema_document *document;
	gk_code rc;

	if (!json && c->lookup && gk_uri_is_absolute(uri))
		json = c->lookup(uri, c->user);
	if (!json)
		return GK_OK;
	if (!gk_schema_is_flat(json, GK_JSON_MAX_DEPTH))
		return gk_error_set_plain(c->err, "schema is nested too deeply");
	rc = is_meta ? GK_OK
		     : gk_schema_meta_check(json, gk_schema_draft_of(c, json, from->draft), c->err);
	if (rc == GK_OK)
		rc = gk_schema_add_document(c, uri, json, from->draft, &document);
	if (rc == GK_OK)
		rc = index_documents(c);
	if (rc == GK_OK)
		rc = add_name(c, uri, NULL, json, document->root);
	if (rc == GK_OK)
		*ret = document->root;
	return rc;
}

static gk_code find_resource(
	gk_schema_compiler *c, gk_schema_resource *from, const char *uri, gk_schema_resource **ret)
{
	const gk_schema_place *place;
	gk_code rc;

	if (strcmp(uri, from->uri) == 0) {
		*ret = from;
		return GK_OK;
	}
	rc = index_documents(c);
	if (rc != GK_OK)
		return rc;
	place = gk_table_get(c->names, uri);
	if (!place)
		return load(c, uri, from, ret);
	*ret = place->resource;
	return GK_OK;
}

static json_t *step_into(json_t *json, const char *token)
{
	uint64_t index;

	if (json_is_object(json))
		return json_object_get(json, token);
	if (json_is_array(json) && gk_parse_u64(token, strlen(token), &index))
		return json_array_get(json, index);
	return NULL;
}

/* Walks a JSON Pointer (without its first slash; it is taken apart), minding each $id on the way. */
static gk_code walk(gk_schema_compiler *c, char *pointer, gk_schema_place *place)
{
	bool in_map = false;
	char *token;

	while ((token = strsep(&pointer, "/")) != NULL) {
		gk_code rc = GK_OK;
		bool was_map = in_map;

		token[gk_json_pointer_unescape(token, strlen(token), token, NULL)] = '\0';
		in_map = !was_map && json_is_object(place->json) && position_of(token) == MAP;
		place->json = step_into(place->json, token);
		if (!place->json)
			return GK_OK;
		if (!in_map)
			rc = gk_schema_resource_for(
				c, place->json, place->resource, &place->resource);
		if (rc != GK_OK)
			return rc;
	}
	return GK_OK;
}

static gk_code find_fragment(gk_schema_compiler *c, char *fragment, gk_schema_place *place)
{
	gk_auto_str char *name = NULL;
	const gk_schema_place *found;
	gk_code rc;

	gk_uri_unescape(fragment);
	if (!*fragment || strcmp(fragment, "/") == 0) /* the latter is the root for ajv too */
		return GK_OK;
	if (*fragment == '/')
		return walk(c, fragment + 1, place);
	rc = index_documents(c);
	if (rc != GK_OK)
		return rc;
	if (asprintf(&name, "%s#%s", place->resource->uri, fragment) < 0) {
		name = NULL;
		return gk_error_no_memory(c->err);
	}
	found = gk_table_get(c->names, name);
	*place = found ? *found : (gk_schema_place){ 0 };
	return GK_OK;
}

gk_code gk_schema_resolve(gk_schema_compiler *c, gk_schema_resource *from, const char *reference,
	gk_schema_place *ret)
{
	gk_auto_str char *uri =
		*reference == '#' ? strdup(reference) : gk_uri_resolve(from->uri, reference);
	gk_schema_resource *resource = NULL;
	char *fragment;
	gk_code rc = GK_OK;

	if (!uri)
		return gk_error_no_memory(c->err);
	fragment = uri + strcspn(uri, "#");
	if (*fragment)
		*fragment++ = '\0';
	if (*reference == '#')
		resource = from;
	else
		rc = find_resource(c, from, uri, &resource);
	if (rc != GK_OK)
		return rc;
	*ret = (gk_schema_place){ resource ? resource->json : NULL, resource };
	if (resource)
		rc = find_fragment(c, fragment, ret);
	if (rc == GK_OK && !json_is_object(ret->json) && !json_is_boolean(ret->json))
		rc = gk_error_set_plain(c->err, "can't resolve reference %s from id %s", reference,
			*from->uri ? from->uri : "#");
	return rc;
}

/* --- $ref, $dynamicRef --- */

static bool has_ref(json_t *json)
{
	static const char *const names[] = { "$ref", "$recursiveRef", "$recursiveAnchor",
		"$dynamicRef", "$dynamicAnchor" };

	if (json_is_object(json)) {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (json_object_get(json, names[i]))
				return true;
		for (void *m = json_object_iter(json); m; m = json_object_iter_next(json, m))
			if (has_ref(json_object_iter_value(m)))
				return true;
	}
	for (size_t i = 0; i < json_array_size(json); i++)
		if (has_ref(json_array_get(json, i)))
			return true;
	return false;
}

/* Whether ajv makes a function of a $ref's target, or writes its code in place. */
static bool is_call(gk_schema_node *target, const gk_schema_resource *from)
{
	if (target->json == from->json)
		return true;
	if (!target->inlined)
		target->inlined = has_ref(target->json) ? 2 : 1;
	return target->inlined == 2;
}

static gk_code note_dynamic(
	gk_schema_compiler *c, gk_schema_rule *rule, const gk_schema_place *place)
{
	const char *fragment = strchr(json_string_value(rule->json), '#');
	const char *anchor = json_string_value(json_object_get(place->json, "$dynamicAnchor"));
	struct gk_schema_dynamic_name *name;

	if (!fragment || !gk_str_equal(fragment + 1, anchor))
		return GK_OK;
	name = gk_schema_alloc(c->schema, 1, sizeof(*name));
	if (!name)
		return gk_error_no_memory(c->err);
	name->anchor = rule->ref.anchor = anchor;
	name->next = c->dynamic_names;
	c->dynamic_names = name;
	return GK_OK;
}

gk_code gk_schema_compile_ref(gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule)
{
	gk_schema_place place;
	gk_code rc = gk_schema_resolve(c, node->resource, json_string_value(rule->json), &place);

	if (rc == GK_OK)
		rc = gk_schema_node_for(c, place.json, place.resource, &rule->ref.node);
	if (rc != GK_OK)
		return rc;
	rule->ref.is_call = is_call(rule->ref.node, node->resource);
	return rule->keyword->check == gk_check_dynamic_ref ? note_dynamic(c, rule, &place) : GK_OK;
}

gk_code gk_schema_find_dynamics(gk_schema_compiler *c, bool *more_ret)
{
	gk_code rc = GK_OK;

	*more_ret = false;
	for (struct gk_schema_dynamic_name *name = c->dynamic_names; name; name = name->next)
		for (gk_schema_document *doc = c->schema->documents; doc; doc = doc->next)
			for (gk_schema_resource *r = doc->resources; r; r = r->next)
				for (struct gk_schema_dynamic *d = r->dynamics; d; d = d->next) {
					if (d->node || strcmp(d->anchor, name->anchor) != 0)
						continue;
					*more_ret = true;
					rc = gk_schema_node_for(c, d->json, r, &d->node);
					if (rc != GK_OK)
						return rc;
				}
	return rc;
}
