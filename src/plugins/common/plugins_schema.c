/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The options of plugins as JSON Schema, for whoever writes a configuration file. */
#include "plugins/common/builtin.h"

#include "json/edit.h"
#include "plugins/common/vendor_internal.h"

/* What is no text may come out of the environment. */
static json_t *or_reference(json_t *schema_take)
{
	return json_pack(
		"{s:[o, {s:s, s:s}]}", "anyOf", schema_take, "type", "string", "pattern", "\\$\\{");
}

static json_t *value_schema(gk_option_type type)
{
	switch (type) {
	case GK_OPTION_SECRET:
		return json_pack("{s:[{s:s}, {s:b}]}", "anyOf", "type", "string", "const", 0);
	case GK_OPTION_BOOL:
		return or_reference(json_pack("{s:s}", "type", "boolean"));
	case GK_OPTION_NUMBER:
		return or_reference(json_pack("{s:s, s:i}", "type", "number", "minimum", 0));
	case GK_OPTION_STRINGS:
		return json_pack("{s:s, s:{s:[s, s, s]}}", "type", "object", "additionalProperties",
			"type", "string", "number", "boolean");
	case GK_OPTION_LIST:
		return json_pack("{s:s}", "type", "array");
	case GK_OPTION_OBJECT:
		return json_pack("{s:s}", "type", "object");
	default:
		return json_pack("{s:s}", "type", "string");
	}
}

/* Under its own name, and as files spell it. */
static bool put(json_t *properties, const char *name, const gk_vendor_option *option)
{
	gk_auto_json json_t *schema = value_schema(option->type);
	gk_auto_str char *own = gk_vendor_spelled(name);

	return own && properties && gk_json_set_str(schema, "description", option->help) &&
	       gk_json_set(properties, own, schema) && gk_json_set(properties, name, schema);
}

static bool put_all(json_t *properties, const gk_vendor_option *option)
{
	const char *alias;

	for (; option && option->name; option++) {
		if (!put(properties, option->name, option))
			return false;
		for (size_t i = 0; (alias = gk_vendor_alias_at(option->name, i)); i++)
			if (!put(properties, alias, option))
				return false;
	}
	return true;
}

/* The options of one; `is_named`: it has one more, for what it is to be called. */
static json_t *options_schema(json_t *common, const gk_vendor_option *own, bool is_named)
{
	gk_auto_json json_t *properties = gk_json_copy(common), *schema = NULL;

	if (!put_all(properties, own) ||
		(is_named && !gk_json_set_take(properties, "name",
				     json_pack("{s:s, s:s}", "type", "string", "description",
					     "Prefix of its models."))))
		return NULL;
	schema = json_pack("{s:s, s:O, s:b}", "type", "object", "properties", properties,
		"additionalProperties", 0);
	if (is_named && !gk_json_set_take(schema, "required", json_pack("[s]", "name")))
		return NULL;
	return gk_steal(schema);
}

json_t *gk_plugins_schema(void)
{
	gk_auto_json json_t *properties = json_object(), *common = json_object();
	const gk_vendor_type *type;
	const char *name;

	if (!put_all(common, gk_vendor_common_options))
		return NULL;
	for (size_t i = 0; (name = gk_builtin_at(i, &type)); i++) {
		json_t *schema =
			options_schema(common, type ? type->options : gk_compat_options, !type);

		if (!type && schema) /* one, or a list of them */
			schema = json_pack("{s:[o, {s:s, s:O}]}", "anyOf", schema, "type", "array",
				"items", schema);
		if (!gk_json_set_take(properties, name, schema))
			return NULL;
	}
	return json_pack("{s:s, s:O, s:b}", "type", "object", "properties", properties,
		"additionalProperties", 0);
}
