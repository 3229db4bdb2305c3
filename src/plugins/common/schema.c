/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/schema.h"

#include "base/limits.h"
#include "base/str.h"
#include "json/edit.h"

#include <ctype.h>

/* A reference that is being followed, within those further out. */
typedef struct followed {
	const json_t *target;
	const struct followed *outer;
} followed;

typedef struct walk {
	const json_t *root;
	const gk_schema_adapt_opts *opts;
	size_t made; /* values, so that references cannot unfold without end */
	unsigned depth;
	const followed *refs; /* NULL: none */
	gk_error *err;
} walk;

static gk_code adapt(walk *it, const json_t *schema, json_t **ret);

static bool is_listed(const char *const *list, const char *name)
{
	for (; list && *list; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

/* Keywords whose value is a map of schemas, a list of schemas, or a schema. */
static const char *const maps[] = { "properties", "patternProperties", "$defs", "definitions",
	"dependentSchemas", NULL };
static const char *const lists[] = { "anyOf", "oneOf", "allOf", "prefixItems", NULL };
static const char *const singles[] = { "items", "additionalProperties", "not", "contains", "if",
	"then", "else", "propertyNames", "additionalItems", "unevaluatedProperties",
	"unevaluatedItems", NULL };

static gk_code no_memory(walk *it)
{
	return gk_error_no_memory(it->err);
}

static gk_code adapt_map(walk *it, const json_t *map, json_t **ret)
{
	gk_auto_json json_t *out = json_object();
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)map, name, value) {
		json_t *one = NULL;
		gk_code rc = adapt(it, value, &one);

		if (rc != GK_OK)
			return rc;
		if (one && !gk_json_set_take(out, name, one))
			return no_memory(it);
	}
	*ret = gk_steal(out);
	return *ret ? GK_OK : no_memory(it);
}

static gk_code adapt_list(walk *it, const json_t *list, json_t **ret)
{
	gk_auto_json json_t *out = json_array();
	json_t *value;
	size_t i;

	json_array_foreach (list, i, value) {
		json_t *one = NULL;
		gk_code rc = adapt(it, value, &one);

		if (rc != GK_OK)
			return rc;
		if (one && !gk_json_push_take(out, one))
			return no_memory(it);
	}
	*ret = gk_steal(out);
	return *ret ? GK_OK : no_memory(it);
}

/* null is said by `nullable` there, and is no value of an enumeration. */
static json_t *without_null(const json_t *values)
{
	gk_auto_json json_t *out = json_array();
	json_t *one;
	size_t i;

	json_array_foreach (values, i, one)
		if (!json_is_null(one) && json_array_append(out, one) < 0)
			return NULL;
	return gk_steal(out);
}

/* The value of one keyword. */
static gk_code adapt_value(walk *it, const char *key, json_t *value, json_t **ret)
{
	if (json_is_object(value) && is_listed(maps, key))
		return adapt_map(it, value, ret);
	if (json_is_array(value) && (is_listed(lists, key) || strcmp(key, "items") == 0))
		return adapt_list(it, value, ret);
	if (json_is_object(value) && is_listed(singles, key))
		return adapt(it, value, ret);
	*ret = it->opts->gemini && strcmp(key, "enum") == 0 ? without_null(value)
							    : json_incref(value);
	return *ret ? GK_OK : no_memory(it);
}

/* --- types --- */

/* The first that is not null; `*has_null`: null was among them. */
static json_t *first_type(json_t *type, bool *has_null)
{
	json_t *found = NULL, *one;
	size_t i;

	if (!json_is_array(type))
		return type;
	json_array_foreach (type, i, one) {
		if (gk_str_equal(json_string_value(one), "null"))
			*has_null = true;
		else if (!found)
			found = one;
	}
	return found;
}

static gk_code set_gemini_type(walk *it, json_t *out, json_t *type)
{
	static const char *const known[] = { "string", "number", "integer", "boolean", "object",
		"array", NULL };
	bool has_null = false;
	const char *name = json_string_value(first_type(type, &has_null));
	char upper[16];
	size_t i;

	if (!name || !is_listed(known, name))
		return gk_error_set(it->err, GK_INVALID_ARGUMENT,
			"schema type '%s' is not one the service knows", name ? name : "null");
	for (i = 0; name[i]; i++)
		upper[i] = (char)toupper((unsigned char)name[i]);
	upper[i] = '\0';
	if (!gk_json_set_str(out, "type", upper) ||
		(has_null && !gk_json_set_bool(out, "nullable", true)))
		return no_memory(it);
	return GK_OK;
}

/* --- objects --- */

static bool require_all(json_t *out)
{
	gk_auto_json json_t *required = json_array();
	const char *name;
	json_t *value;

	json_object_foreach (json_object_get(out, "properties"), name, value)
		if (!gk_json_push_take(required, json_string(name)))
			return false;
	return gk_json_set(out, "required", required);
}

/* A property that was left out cannot be required. */
static bool trim_required(json_t *out)
{
	gk_auto_json json_t *required = json_array();
	json_t *name;
	size_t i;

	json_array_foreach (json_object_get(out, "required"), i, name)
		if (json_object_get(json_object_get(out, "properties"),
			    json_string_value(name) ? json_string_value(name) : "") &&
			!gk_json_push_take(required, json_incref(name)))
			return false;
	if (json_array_size(required))
		return gk_json_set(out, "required", required);
	json_object_del(out, "required");
	return true;
}

static bool is_object_schema(const json_t *schema)
{
	const json_t *type = json_object_get(schema, "type");

	return type ? gk_str_equal(json_string_value(type), "object") ||
			       (json_is_array(type) &&
				       json_object_get(schema, "properties") != NULL)
		    : json_object_get(schema, "properties") != NULL;
}

/* What says something of a choice says it of the branch that stands for it. */
static bool describe(json_t *out, const json_t *schema)
{
	json_t *text = json_object_get(schema, "description");

	return !text || json_object_get(out, "description") ||
	       gk_json_set(out, "description", text);
}

/* --- the walk --- */

/* The branch that stands for a choice: the first that is not null. */
static const json_t *branch_of(const json_t *schema, bool *has_null)
{
	static const char *const choices[] = { "anyOf", "oneOf" };

	for (size_t c = 0; c < 2; c++) {
		const json_t *found = NULL;
		json_t *one;
		size_t i;

		json_array_foreach (json_object_get(schema, choices[c]), i, one) {
			if (gk_str_equal(gk_json_str_peek(one, "type"), "null"))
				*has_null = true;
			else if (!found)
				found = one;
		}
		if (found)
			return found;
	}
	return NULL;
}

static bool is_followed(const walk *it, const json_t *target)
{
	const followed *one = it->refs;

	while (one && one->target != target)
		one = one->outer;
	return one;
}

static gk_code follow_ref(walk *it, const json_t *schema, const char *ref, json_t **ret)
{
	gk_auto_json json_t *rest = NULL, *target = NULL;
	const json_t *found = *ref == '#' ? gk_json_pointer_peek(it->root, ref + 1) : NULL;
	const followed here = { found, it->refs };
	gk_code rc;

	if (!json_is_object(found))
		return gk_error_set(
			it->err, GK_INVALID_ARGUMENT, "schema: $ref '%s' leads nowhere in it", ref);
	/* What leads into itself ends where it begins again. */
	if (it->opts->gemini && is_followed(it, found))
		return GK_OK;
	/* What stands beside the reference wins. */
	rest = gk_json_copy(schema);
	if (!rest)
		return no_memory(it);
	json_object_del(rest, "$ref");
	target = gk_json_merge(found, rest);
	if (!target)
		return no_memory(it);
	it->refs = &here;
	rc = adapt(it, target, ret);
	it->refs = here.outer;
	return rc;
}

static gk_code copy_keywords(walk *it, const json_t *schema, json_t *out)
{
	const gk_schema_adapt_opts *opts = it->opts;
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)schema, key, value) {
		json_t *one = NULL;
		bool has_null = false;
		gk_code rc;

		if (is_listed(opts->drop, key) || (opts->keep && !is_listed(opts->keep, key)) ||
			(opts->inline_refs &&
				(strcmp(key, "$defs") == 0 || strcmp(key, "definitions") == 0)))
			continue;
		if (strcmp(key, "type") == 0 && opts->gemini) {
			rc = set_gemini_type(it, out, value);
			if (rc != GK_OK)
				return rc;
			continue;
		}
		if (strcmp(key, "type") == 0 && opts->first_type)
			value = first_type(value, &has_null);
		rc = value ? adapt_value(it, key, value, &one) : GK_OK;
		if (rc != GK_OK)
			return rc;
		if (one && !gk_json_set_take(out, key, one))
			return no_memory(it);
	}
	return GK_OK;
}

static gk_code adapt_object(walk *it, const json_t *schema, json_t **ret)
{
	const gk_schema_adapt_opts *opts = it->opts;
	const char *ref = json_string_value(json_object_get(schema, "$ref"));
	gk_auto_json json_t *out = NULL;
	bool has_null = false;
	gk_code rc;

	if (ref && opts->inline_refs)
		return follow_ref(it, schema, ref, ret);
	if (opts->gemini && !json_object_get(schema, "type")) {
		const json_t *branch = branch_of(schema, &has_null);

		rc = branch ? adapt(it, branch, ret) : GK_OK;
		if (rc == GK_OK && *ret &&
			((has_null && !gk_json_set_bool(*ret, "nullable", true)) ||
				!describe(*ret, schema)))
			return no_memory(it);
		return rc;
	}
	out = json_object();
	rc = out ? copy_keywords(it, schema, out) : no_memory(it);
	if (rc != GK_OK)
		return rc;
	if (is_object_schema(schema) &&
		((opts->close_objects && !gk_json_set_bool(out, "additionalProperties", false)) ||
			(opts->require_all && !require_all(out))))
		return no_memory(it);
	if (opts->gemini && !trim_required(out))
		return no_memory(it);
	*ret = gk_steal(out);
	return GK_OK;
}

static gk_code adapt(walk *it, const json_t *schema, json_t **ret)
{
	gk_code rc;

	if (!json_is_object(schema)) { /* true and false are schemas too */
		*ret = it->opts->gemini ? NULL : json_incref((json_t *)(uintptr_t)schema);
		return GK_OK;
	}
	if (++it->made > GK_MAX_SCHEMA_INLINE || it->depth >= GK_JSON_MAX_DEPTH)
		return gk_error_set(it->err, GK_INVALID_ARGUMENT,
			"schema: its $refs lead into themselves, or to too much");
	it->depth++;
	rc = adapt_object(it, schema, ret);
	it->depth--;
	return rc;
}

gk_code gk_schema_adapt(
	const json_t *schema, const gk_schema_adapt_opts *opts, json_t **ret, gk_error *err)
{
	walk it = { .root = schema, .opts = opts, .err = err };

	*ret = NULL;
	return adapt(&it, schema, ret);
}

json_t *gk_schema_of_tool(const json_t *tool)
{
	json_t *schema = json_object_get(tool, "inputSchema");

	return json_object_size(schema) ? json_incref(schema)
					: json_pack("{s:s, s:{}}", "type", "object", "properties");
}
