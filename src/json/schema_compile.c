/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* From JSON to nodes: a queue, so that no nesting of schemas is a nesting of calls. */
#include "json/schema_compiler.h"

#include "base/limits.h"
#include "base/table.h"

static const struct {
	const char *name;
	uint8_t kinds, group;
} types[] = {
	{ "null", GK_KIND_NULL, GK_GROUP_ANY },
	{ "boolean", GK_KIND_BOOLEAN, GK_GROUP_ANY },
	{ "number", GK_KIND_NUMBER | GK_KIND_INTEGER, GK_GROUP_NUMBER },
	{ "integer", GK_KIND_INTEGER, GK_GROUP_ANY }, /* ajv has no group of that name */
	{ "string", GK_KIND_STRING, GK_GROUP_STRING },
	{ "array", GK_KIND_ARRAY, GK_GROUP_ARRAY },
	{ "object", GK_KIND_OBJECT, GK_GROUP_OBJECT },
};
#define TYPES (sizeof(types) / sizeof(types[0]))

gk_code gk_schema_node_for(
	gk_schema_compiler *c, json_t *json, gk_schema_resource *within, gk_schema_node **ret)
{
	gk_schema_node *node = gk_schema_map_get(&c->nodes, json, within);
	gk_code rc;

	if (node) {
		*ret = node;
		return GK_OK;
	}
	if (++c->n_nodes > GK_MAX_SCHEMA_NODES)
		return gk_error_set_plain(c->err, "schema has too many parts");
	node = gk_schema_alloc(c->schema, 1, sizeof(*node));
	if (!node || !gk_schema_map_set(&c->nodes, json, within, node))
		return gk_error_no_memory(c->err);
	node->json = json;
	rc = gk_schema_resource_for(c, json, within, &node->resource);
	if (rc != GK_OK)
		return rc;
	if (!c->queue)
		c->queue_end = &c->queue;
	*c->queue_end = node;
	c->queue_end = &node->next;
	*ret = node;
	return GK_OK;
}

/* --- type --- */

static size_t find_type(const json_t *name)
{
	size_t i = 0;

	while (i < TYPES && strcmp(types[i].name, json_string_value(name)) != 0)
		i++;
	return i;
}

/* Which lines of the keyword table a schema has, a bit each. A schema has few members and the table many lines: looking up
 * each line in the schema was most of the time that compiling took. */
static uint64_t keywords_of(const gk_schema_node *node)
{
	uint64_t found = 0;

	for (void *m = json_object_iter(node->json); m; m = json_object_iter_next(node->json, m)) {
		const char *name = json_object_iter_key(m);

		if (strlen(name) != json_object_iter_key_len(m)) /* it goes on behind a NUL */
			continue;
		for (size_t i = 0; gk_schema_keywords[i].name; i++) {
			const gk_schema_keyword *k = &gk_schema_keywords[i];

			if (k->name[0] == name[0] && (k->drafts & node->resource->draft) &&
				strcmp(k->name, name) == 0)
				found |= UINT64_C(1) << i;
		}
	}
	return found;
}

static bool has_rules_of(uint64_t found, uint8_t group)
{
	for (size_t i = 0; gk_schema_keywords[i].name; i++)
		if (gk_schema_keywords[i].group == group && (found >> i & 1))
			return true;
	return false;
}

/* The kinds of `type` and `nullable`; all of them when there is no type. False when they are no types. */
bool gk_schema_types(const json_t *json, uint8_t *kinds_ret, uint8_t *group_ret)
{
	const json_t *type = json_object_get(json, "type");
	size_t n = json_is_array(type) ? json_array_size(type) : (type ? 1 : 0), last = TYPES;

	*kinds_ret = n ? 0 : GK_KIND_ALL;
	for (size_t i = 0; i < n; i++) {
		const json_t *name = json_is_array(type) ? json_array_get(type, i) : type;

		last = json_is_string(name) ? find_type(name) : TYPES;
		if (last == TYPES)
			return false;
		*kinds_ret |= types[last].kinds;
	}
	*group_ret = n == 1 ? types[last].group : GK_GROUP_ANY;
	if (json_is_true(json_object_get(json, "nullable")) && n) {
		*kinds_ret |= GK_KIND_NULL;
		*group_ret = GK_GROUP_ANY; /* two types */
	}
	return true;
}

static gk_code compile_types(gk_schema_compiler *c, gk_schema_node *node, uint64_t found)
{
	const json_t *nullable = json_object_get(node->json, "nullable");

	node->types = GK_KIND_ALL;
	if (!(node->resource->draft & (GK_DRAFT_7 | GK_DRAFT_2020_VOCABULARY)))
		return GK_OK;
	if (!gk_schema_types(node->json, &node->types, &node->type_turn))
		return gk_error_set_plain(c->err,
			"schema is invalid: type must be equal to one of the allowed values");
	if (nullable && !json_object_get(node->json, "type"))
		return gk_error_set_plain(c->err, "\"nullable\" cannot be used without \"type\"");
	if (nullable && !json_is_boolean(nullable))
		return gk_error_set_plain(c->err, "nullable value must be [\"boolean\"]");
	if (json_is_false(nullable) && (node->types & GK_KIND_NULL))
		return gk_error_set_plain(c->err, "type: null contradicts nullable: false");
	if (node->type_turn != GK_GROUP_ANY && !has_rules_of(found, node->type_turn))
		node->type_turn = GK_GROUP_ANY;
	return GK_OK;
}

/* --- rules --- */

static gk_code wrong_value(gk_schema_compiler *c, const gk_schema_keyword *keyword)
{
	char list[100] = "";

	for (size_t i = 0; i < TYPES; i++)
		if ((keyword->kinds & types[i].kinds) && types[i].kinds != GK_KIND_INTEGER) {
			strcat(list, *list ? ",\"" : "\"");
			strcat(list, types[i].name);
			strcat(list, "\"");
		}
	return gk_error_set_plain(c->err, "%s value must be [%s]", keyword->name, list);
}

static gk_code compile_rule(
	gk_schema_compiler *c, gk_schema_node *node, const gk_schema_keyword *keyword, size_t *n)
{
	gk_schema_rule *rule = &node->rules[*n];
	gk_code rc = GK_OK;

	*rule = (gk_schema_rule){
		.keyword = keyword,
		.json = json_object_get(node->json, keyword->name),
	};
	if (keyword->kinds && !(keyword->kinds & gk_schema_kind(rule->json)))
		return wrong_value(c, keyword);
	if (keyword->compile)
		rc = keyword->compile(c, node, rule);
	if (rc == GK_OK && keyword->check && !rule->is_idle)
		++*n;
	return rc;
}

static bool applies(const gk_schema_keyword *k, uint64_t found)
{
	return (k->compile || k->check) && (found >> (k - gk_schema_keywords) & 1);
}

static gk_code compile_rules(gk_schema_compiler *c, gk_schema_node *node, uint64_t found)
{
	const gk_schema_keyword *k;
	size_t n = 0;
	unsigned group = 0;

	for (k = gk_schema_keywords; k->name; k++)
		n += applies(k, found);
	node->rules = gk_schema_alloc(c->schema, n, sizeof(*node->rules));
	if (n && !node->rules)
		return gk_error_no_memory(c->err);
	n = 0;
	for (k = gk_schema_keywords; k->name; k++) {
		gk_code rc;

		while (group < k->group)
			node->first[++group] = (uint8_t)n;
		if (!applies(k, found))
			continue;
		rc = compile_rule(c, node, k, &n);
		if (rc != GK_OK)
			return rc;
	}
	while (group < GK_GROUPS)
		node->first[++group] = (uint8_t)n;
	return GK_OK;
}

static gk_code compile_node(gk_schema_compiler *c, gk_schema_node *node)
{
	uint64_t found;
	gk_code rc;

	if (json_is_boolean(node->json)) {
		node->constant = json_is_true(node->json) ? GK_NODE_TRUE : GK_NODE_FALSE;
		return GK_OK;
	}
	if (!json_is_object(node->json))
		return gk_error_set_plain(c->err, "schema must be object or boolean");
	found = keywords_of(node);
	rc = compile_types(c, node, found);
	if (rc == GK_OK)
		rc = compile_rules(c, node, found);
	if (rc == GK_OK && node->types == GK_KIND_ALL && !node->first[GK_GROUPS])
		node->constant = GK_NODE_TRUE;
	return rc;
}

gk_code gk_schema_compile_tree(gk_schema_compiler *c)
{
	bool more = true;

	while (more) {
		gk_code rc;

		for (; c->queue; c->queue = c->queue->next) {
			rc = compile_node(c, c->queue);
			if (rc != GK_OK)
				return rc;
		}
		rc = gk_schema_find_dynamics(c, &more);
		if (rc != GK_OK)
			return rc;
	}
	return GK_OK;
}

void gk_schema_compiler_done(gk_schema_compiler *c)
{
	gk_schema_map_done(&c->nodes);
	gk_schema_map_done(&c->resources);
	gk_table_free(c->names);
}
