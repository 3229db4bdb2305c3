/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The keywords: what each compiles to, and in which order ajv comes to them. */
#include "json/schema_compiler.h"

/* --- operands --- */

static void *alloc(gk_schema_compiler *c, size_t count, size_t size)
{
	return gk_schema_alloc(c->schema, count, size);
}

static gk_code compile_id(gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule)
{
	(void)node;
	(void)rule;
	return gk_error_set_plain(
		c->err, "NOT SUPPORTED: keyword \"id\", use \"$id\" for schema ID");
}

static gk_code compile_number(gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule)
{
	(void)c;
	(void)node;
	rule->number = json_number_value(rule->json);
	return GK_OK;
}

static gk_code compile_node(gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule)
{
	return gk_schema_node_for(c, (json_t *)rule->json, node->resource, &rule->node);
}

static gk_code compile_nodes(gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule)
{
	gk_code rc = GK_OK;

	rule->count = json_array_size(rule->json);
	rule->nodes = alloc(c, rule->count, sizeof(*rule->nodes));
	if (!rule->nodes)
		return gk_error_no_memory(c->err);
	for (size_t i = 0; i < rule->count && rc == GK_OK; i++)
		rc = gk_schema_node_for(
			c, json_array_get(rule->json, i), node->resource, &rule->nodes[i]);
	return rc;
}

static gk_code compile_member(
	gk_schema_compiler *c, gk_schema_node *node, const char *name, gk_schema_node **ret)
{
	json_t *json = json_object_get(node->json, name);

	*ret = NULL;
	return json ? gk_schema_node_for(c, json, node->resource, ret) : GK_OK;
}

static gk_code compile_if(gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule)
{
	bool leads_on = json_object_get(node->json, "then") || json_object_get(node->json, "else");
	gk_code rc;

	/* Later drafts may ask what the condition has looked at. */
	rule->is_idle = !leads_on && node->resource->draft == GK_DRAFT_7;
	if (rule->is_idle)
		return GK_OK;
	rc = gk_schema_node_for(c, (json_t *)rule->json, node->resource, &rule->condition);
	if (rc == GK_OK)
		rc = compile_member(c, node, "then", &rule->yes);
	return rc == GK_OK ? compile_member(c, node, "else", &rule->no) : rc;
}

/* --- strings --- */

static gk_code compile_pattern(gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule)
{
	gk_regex *regex = NULL;
	gk_code rc = gk_schema_own_regex(c->schema, rule->json, &regex, c->err);

	(void)node;
	rule->regex = regex;
	return rc;
}

/* Unknown formats are ignored. */
static gk_code find_format(const gk_schema_node *node, gk_schema_rule *rule)
{
	const json_t *name = json_object_get(node->json, "format");

	rule->format = json_is_string(name) ? gk_format_find(json_string_value(name)) : NULL;
	rule->is_idle = !rule->format;
	return GK_OK;
}

static gk_code compile_number_format(
	gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule)
{
	(void)c;
	find_format(node, rule);
	rule->is_idle = rule->is_idle || !rule->format->number;
	return GK_OK;
}

static gk_code compile_text_format(
	gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule)
{
	(void)c;
	find_format(node, rule);
	rule->is_idle = rule->is_idle || !rule->format->text;
	return GK_OK;
}

static gk_code compile_format_order(
	gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule)
{
	(void)c;
	find_format(node, rule);
	rule->is_idle = rule->is_idle || !rule->format->compare;
	return GK_OK;
}

/* --- arrays --- */

static bool is_always_valid(const json_t *json)
{
	return json_is_true(json) || (json_is_object(json) && !json_object_size(json));
}

/* A schema for all that `start` items and more: false, in these places, forbids by their number. */
static gk_code compile_rest_from(gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule,
	size_t start, bool may_close)
{
	rule->start = start;
	rule->is_closed = may_close && json_is_false(rule->json);
	rule->is_idle = is_always_valid(rule->json) && node->resource->draft == GK_DRAFT_7;
	return gk_schema_node_for(c, (json_t *)rule->json, node->resource, &rule->rest);
}

static gk_code compile_additional_items(
	gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule)
{
	const json_t *items = json_object_get(node->json, "items");

	if (json_is_array(items))
		return compile_rest_from(c, node, rule, json_array_size(items), true);
	rule->is_idle = true;
	return GK_OK;
}

static gk_code compile_items_list(gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule)
{
	rule->is_idle = !json_is_array(rule->json);
	return rule->is_idle ? GK_OK : compile_nodes(c, node, rule);
}

static gk_code compile_items(gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule)
{
	rule->is_idle = json_is_array(rule->json);
	return rule->is_idle ? GK_OK : compile_rest_from(c, node, rule, 0, false);
}

static gk_code compile_items_2020(gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule)
{
	const json_t *prefix = json_object_get(node->json, "prefixItems");

	return compile_rest_from(c, node, rule, json_array_size(prefix), prefix != NULL);
}

static gk_code compile_contains(gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule)
{
	const json_t *min = NULL, *max = NULL;

	if (node->resource->draft & GK_DRAFT_2020_VOCABULARY) {
		min = json_object_get(node->json, "minContains");
		max = json_object_get(node->json, "maxContains");
	}
	rule->min = json_is_number(min) ? json_number_value(min) : 1;
	rule->max = json_is_number(max) ? json_number_value(max) : -1;
	return gk_schema_node_for(c, (json_t *)rule->json, node->resource, &rule->node);
}

static gk_code compile_unique(gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule)
{
	const json_t *items = json_object_get(node->json, "items");
	uint8_t kinds, group;

	(void)c;
	rule->is_idle = !json_is_true(rule->json);
	if (json_is_object(items) && json_object_get(items, "type") &&
		gk_schema_types(items, &kinds, &group) &&
		!(kinds & (GK_KIND_ARRAY | GK_KIND_OBJECT)))
		rule->item_kinds = kinds;
	return GK_OK;
}

/* --- objects --- */

static bool are_strings(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!json_is_string(json_array_get(list, i)))
			return false;
	return true;
}

static gk_code wrong_names(gk_schema_compiler *c, const char *keyword)
{
	return gk_error_set_plain(
		c->err, "schema is invalid: %s must be an array of strings", keyword);
}

static gk_code compile_required(gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule)
{
	(void)node;
	if (!are_strings(rule->json))
		return wrong_names(c, "required");
	rule->n_names = json_array_size(rule->json);
	rule->is_idle = !rule->n_names;
	rule->names = alloc(c, rule->n_names, sizeof(*rule->names));
	if (!rule->is_idle && !rule->names)
		return gk_error_no_memory(c->err);
	for (size_t i = 0; i < rule->n_names; i++) {
		const json_t *name = json_array_get(rule->json, i);

		rule->names[i].key = json_string_value(name);
		rule->names[i].len = json_string_length(name);
	}
	return GK_OK;
}

/* The members of an object: those that are lists of names, or the others, each with its node. */
static gk_code compile_names(gk_schema_compiler *c, gk_schema_node *node, const json_t *json,
	bool lists, gk_schema_name *names, size_t *n)
{
	json_t *object = (json_t *)json;

	for (void *m = json_object_iter(object); m; m = json_object_iter_next(object, m)) {
		json_t *value = json_object_iter_value(m);
		gk_schema_name *name = &names[*n];
		gk_code rc;

		if (json_is_array(value) != lists)
			continue;
		name->key = json_object_iter_key(m);
		name->len = json_object_iter_key_len(m);
		++*n;
		if (lists && !are_strings(value))
			return wrong_names(c, "dependencies");
		if (lists) {
			name->names = value;
			continue;
		}
		rc = gk_schema_node_for(c, value, node->resource, &name->node);
		if (rc != GK_OK)
			return rc;
	}
	return GK_OK;
}

static gk_code compile_dependencies(
	gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule)
{
	size_t n = 0;
	gk_code rc;

	rule->n_names = json_object_size(rule->json);
	rule->names = alloc(c, rule->n_names, sizeof(*rule->names));
	if (!rule->names)
		return rule->n_names ? gk_error_no_memory(c->err) : GK_OK;
	rc = compile_names(c, node, rule->json, true, rule->names, &n);
	return rc == GK_OK ? compile_names(c, node, rule->json, false, rule->names, &n) : rc;
}

static gk_code compile_properties(gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule)
{
	size_t n = json_object_size(rule->json), size = 2;
	gk_schema_properties *properties = alloc(c, 1, sizeof(*properties));
	gk_code rc;

	while (size < 2 * n)
		size *= 2;
	if (!properties)
		return gk_error_no_memory(c->err);
	properties->names = alloc(c, n ? n : 1, sizeof(*properties->names));
	properties->slots = alloc(c, size, sizeof(*properties->slots));
	if (!properties->names || !properties->slots)
		return gk_error_no_memory(c->err);
	properties->mask = size - 1;
	rc = compile_names(c, node, rule->json, false, properties->names, &properties->count);
	for (size_t i = 0; i < properties->count; i++) {
		const gk_schema_name *name = &properties->names[i];
		size_t slot = gk_schema_hash(name->key, name->len) & properties->mask;

		while (properties->slots[slot])
			slot = (slot + 1) & properties->mask;
		properties->slots[slot] = (uint32_t)i + 1;
	}
	node->properties = properties;
	return rc;
}

static gk_code compile_pattern_properties(
	gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule)
{
	json_t *object = (json_t *)rule->json;
	size_t n = json_object_size(object);

	node->patterns = alloc(c, n ? n : 1, sizeof(*node->patterns));
	if (!node->patterns)
		return gk_error_no_memory(c->err);
	for (void *m = json_object_iter(object); m; m = json_object_iter_next(object, m)) {
		gk_schema_pattern *pattern = &node->patterns[node->n_patterns];
		gk_auto_json json_t *text =
			json_stringn_nocheck(json_object_iter_key(m), json_object_iter_key_len(m));
		gk_code rc;

		if (!text)
			return gk_error_no_memory(c->err);
		rc = gk_schema_own_regex(c->schema, text, &pattern->regex, c->err);
		if (rc == GK_OK)
			rc = gk_schema_node_for(
				c, json_object_iter_value(m), node->resource, &pattern->node);
		if (rc != GK_OK)
			return rc;
		node->n_patterns++;
	}
	return GK_OK;
}

static gk_code compile_additional(gk_schema_compiler *c, gk_schema_node *node, gk_schema_rule *rule)
{
	return compile_rest_from(c, node, rule, 0, true);
}

/* --- the table --- */

#define SCHEMA  (GK_KIND_OBJECT | GK_KIND_BOOLEAN)
#define SCHEMAS GK_KIND_ARRAY
#define ANY     GK_GROUP_ANY
#define NUM     GK_GROUP_NUMBER
#define STR     GK_GROUP_STRING
#define ARR     GK_GROUP_ARRAY
#define OBJ     GK_GROUP_OBJECT
#define BOTH    (GK_DRAFT_7 | GK_DRAFT_2020)
#define RULE    (GK_DRAFT_7 | GK_DRAFT_2020_VOCABULARY)
#define NEW     GK_DRAFT_2020
#define FORMATS (GK_DRAFT_7 | GK_DRAFT_2020_FORMATS)

const gk_schema_keyword gk_schema_keywords[] = {
	{ "id", ANY, BOTH, 0, compile_id, NULL },
	{ "$dynamicRef", ANY, NEW, GK_KIND_STRING, gk_schema_compile_ref, gk_check_dynamic_ref },
	{ "$ref", ANY, BOTH, GK_KIND_STRING, gk_schema_compile_ref, gk_check_ref },
	{ "const", ANY, RULE, 0, NULL, gk_check_const },
	{ "enum", ANY, RULE, GK_KIND_ARRAY, NULL, gk_check_enum },
	{ "not", ANY, BOTH, SCHEMA, compile_node, gk_check_not },
	{ "anyOf", ANY, BOTH, SCHEMAS, compile_nodes, gk_check_any_of },
	{ "oneOf", ANY, BOTH, SCHEMAS, compile_nodes, gk_check_one_of },
	{ "allOf", ANY, BOTH, SCHEMAS, compile_nodes, gk_check_all_of },
	{ "if", ANY, BOTH, SCHEMA, compile_if, gk_check_if },

	{ "maximum", NUM, RULE, GK_KIND_NUMBER, compile_number, gk_check_maximum },
	{ "minimum", NUM, RULE, GK_KIND_NUMBER, compile_number, gk_check_minimum },
	{ "exclusiveMaximum", NUM, RULE, GK_KIND_NUMBER, compile_number,
		gk_check_exclusive_maximum },
	{ "exclusiveMinimum", NUM, RULE, GK_KIND_NUMBER, compile_number,
		gk_check_exclusive_minimum },
	{ "multipleOf", NUM, RULE, GK_KIND_NUMBER, compile_number, gk_check_multiple_of },
	{ "format", NUM, FORMATS, GK_KIND_STRING, compile_number_format, gk_check_number_format },

	{ "maxLength", STR, RULE, GK_KIND_NUMBER, compile_number, gk_check_max_length },
	{ "minLength", STR, RULE, GK_KIND_NUMBER, compile_number, gk_check_min_length },
	{ "pattern", STR, RULE, GK_KIND_STRING, compile_pattern, gk_check_pattern },
	{ "format", STR, FORMATS, GK_KIND_STRING, compile_text_format, gk_check_text_format },
	{ "formatMaximum", STR, FORMATS, GK_KIND_STRING, compile_format_order,
		gk_check_format_order },
	{ "formatMinimum", STR, FORMATS, GK_KIND_STRING, compile_format_order,
		gk_check_format_order },
	{ "formatExclusiveMaximum", STR, FORMATS, GK_KIND_STRING, compile_format_order,
		gk_check_format_order },
	{ "formatExclusiveMinimum", STR, FORMATS, GK_KIND_STRING, compile_format_order,
		gk_check_format_order },

	{ "maxItems", ARR, RULE, GK_KIND_NUMBER, compile_number, gk_check_max_items },
	{ "minItems", ARR, RULE, GK_KIND_NUMBER, compile_number, gk_check_min_items },
	{ "prefixItems", ARR, NEW, SCHEMAS, compile_nodes, gk_check_list },
	{ "additionalItems", ARR, GK_DRAFT_7, SCHEMA, compile_additional_items, gk_check_rest },
	{ "items", ARR, GK_DRAFT_7, SCHEMA | SCHEMAS, compile_items_list, gk_check_list },
	{ "items", ARR, GK_DRAFT_7, SCHEMA | SCHEMAS, compile_items, gk_check_rest },
	{ "items", ARR, NEW, SCHEMA, compile_items_2020, gk_check_rest },
	{ "contains", ARR, BOTH, SCHEMA, compile_contains, gk_check_contains },
	{ "uniqueItems", ARR, RULE, GK_KIND_BOOLEAN, compile_unique, gk_check_unique },
	{ "minContains", ARR, GK_DRAFT_2020_VOCABULARY, 0, NULL, NULL },
	{ "maxContains", ARR, GK_DRAFT_2020_VOCABULARY, 0, NULL, NULL },
	{ "unevaluatedItems", ARR, NEW, SCHEMA, compile_additional, gk_check_unevaluated_items },

	{ "maxProperties", OBJ, RULE, GK_KIND_NUMBER, compile_number, gk_check_max_properties },
	{ "minProperties", OBJ, RULE, GK_KIND_NUMBER, compile_number, gk_check_min_properties },
	{ "required", OBJ, RULE, GK_KIND_ARRAY, compile_required, gk_check_required },
	{ "propertyNames", OBJ, BOTH, SCHEMA, compile_node, gk_check_property_names },
	{ "additionalProperties", OBJ, BOTH, SCHEMA, compile_additional, gk_check_additional },
	{ "dependencies", OBJ, BOTH, GK_KIND_OBJECT, compile_dependencies, gk_check_dependencies },
	{ "properties", OBJ, BOTH, GK_KIND_OBJECT, compile_properties, gk_check_properties },
	{ "patternProperties", OBJ, BOTH, GK_KIND_OBJECT, compile_pattern_properties,
		gk_check_pattern_properties },
	{ "dependentRequired", OBJ, GK_DRAFT_2020_VOCABULARY, GK_KIND_OBJECT, compile_dependencies,
		gk_check_dependencies },
	{ "dependentSchemas", OBJ, NEW, GK_KIND_OBJECT, compile_dependencies,
		gk_check_dependencies },
	{ "unevaluatedProperties", OBJ, NEW, SCHEMA, compile_additional,
		gk_check_unevaluated_properties },
	{ .name = NULL },
};
_Static_assert(sizeof(gk_schema_keywords) / sizeof(gk_schema_keywords[0]) <= 64,
	"a line is a bit of a word while a schema is compiled");
