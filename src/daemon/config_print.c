/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The table of keys as others want to see it: a JSON Schema, a manual, the values in force. */
#include "daemon/config_internal.h"

#include "base/parse.h"
#include "json/edit.h"
#include "json/write.h"

#define REFERENCE "\\$\\{"

/* --- JSON Schema --- */

/* A scalar that is no string may be written as ${...}. */
static json_t *or_reference(json_t *schema_take)
{
	return json_pack("{s:[o, {s:s, s:s}]}", "anyOf", schema_take, "type", "string", "pattern",
		REFERENCE);
}

static json_t *number_schema(const gk_config_key *key)
{
	json_t *schema =
		json_pack("{s:s, s:I}", "type", "integer", "minimum", (json_int_t)key->min);

	if (schema && key->max && !gk_json_set_int(schema, "maximum", (int64_t)key->max))
		return json_decref(schema), NULL;
	return or_reference(schema);
}

static json_t *choices_schema(const gk_config_key *key)
{
	gk_auto_json json_t *list = json_array();

	for (const char *const *choice = key->choices; *choice; choice++)
		if (!gk_json_push_take(list, json_string(*choice)))
			return NULL;
	return or_reference(json_pack("{s:O}", "enum", list));
}

static json_t *section_schema(const gk_config_key *keys, const char *section);

static json_t *type_schema(const gk_config_key *key)
{
	switch (key->type) {
	case GK_CONFIG_BOOL:
		return or_reference(json_pack("{s:s}", "type", "boolean"));
	case GK_CONFIG_UINT:
		return number_schema(key);
	case GK_CONFIG_DURATION:
		return json_pack("{s:[s, s], s:s, s:i}", "type", "string", "integer", "pattern",
			"^[0-9]+(ms|s|m|h|d)?$|" REFERENCE, "minimum", 0);
	case GK_CONFIG_SIZE:
		return json_pack("{s:[s, s], s:s, s:i}", "type", "string", "integer", "pattern",
			"^[0-9]+([KMG](iB)?)?$|" REFERENCE, "minimum", 0);
	case GK_CONFIG_ENUM:
		return choices_schema(key);
	case GK_CONFIG_STRINGS:
	case GK_CONFIG_SECRETS:
		return json_pack("{s:[{s:s}, {s:s, s:{s:s}}]}", "anyOf", "type", "string", "type",
			"array", "items", "type", "string");
	case GK_CONFIG_SETTINGS:
		return json_pack("{s:s, s:{s:[s, s, s]}}", "type", "object", "additionalProperties",
			"type", "string", "number", "boolean");
	case GK_CONFIG_SCHEMA:
		return json_pack("{s:[s, s]}", "type", "string", "object");
	case GK_CONFIG_MAP:
		return key->members ? key->members() : json_pack("{s:s}", "type", "object");
	case GK_CONFIG_ENTRIES:
		return json_pack(
			"{s:s, s:o}", "type", "array", "items", section_schema(key->entries, ""));
	default:
		return json_pack("{s:s}", "type", "string");
	}
}

/* The default as the type that the schema has. */
static json_t *default_value(const gk_config_key *key)
{
	uint64_t number;

	if (key->type == GK_CONFIG_BOOL)
		return json_boolean(*key->fallback == 't');
	if (key->type != GK_CONFIG_UINT)
		return json_string(key->fallback);
	return gk_parse_u64(key->fallback, strlen(key->fallback), &number)
		       ? json_integer((json_int_t)number)
		       : NULL;
}

static json_t *key_schema(const gk_config_key *key)
{
	gk_auto_json json_t *schema = type_schema(key);

	if (!gk_json_set_str(schema, "description", key->help) ||
		(key->fallback && !gk_json_set_take(schema, "default", default_value(key))))
		return NULL;
	return gk_steal(schema);
}

static bool add_section(json_t *properties, const gk_config_key *keys, const char *prefix)
{
	const char *last = strrchr(prefix, '.'); /* "server.cors" is cors in server's */
	const char *name = last ? last + 1 : prefix;

	return json_object_get(properties, name) ||
	       gk_json_set_take(properties, name, section_schema(keys, prefix));
}

/* Everything below a section: "" is the root, or an entry. */
static json_t *section_schema(const gk_config_key *keys, const char *section)
{
	gk_auto_json json_t *properties = json_object(), *required = json_array();
	size_t len = *section ? strlen(section) + 1 : 0;

	for (const gk_config_key *key = keys; key->name; key++) {
		const char *own = key->name + len, *dot;
		char prefix[64];

		if (len && (strncmp(key->name, section, len - 1) != 0 || key->name[len - 1] != '.'))
			continue;
		dot = strchr(own, '.');
		if (dot) {
			size_t prefix_len = (size_t)(dot - key->name);

			memcpy(prefix, key->name, prefix_len);
			prefix[prefix_len] = '\0';
			if (!add_section(properties, keys, prefix))
				return NULL;
		} else if (!gk_json_set_take(properties, own, key_schema(key))) {
			return NULL;
		}
		if ((key->flags & GK_CONFIG_REQUIRED) &&
			!gk_json_push_take(required, json_string(key->name)))
			return NULL;
	}
	return json_pack("{s:s, s:b, s:O, s:O*}", "type", "object", "additionalProperties", 0,
		"properties", properties, "required", json_array_size(required) ? required : NULL);
}

json_t *gk_config_schema(void)
{
	gk_auto_json json_t *root = section_schema(gk_config_keys, "");
	gk_auto_json json_t *schema = json_pack("{s:s, s:s}", "$schema",
		"http://json-schema.org/draft-07/schema#", "title", "genkitd.yaml");

	if (!root || !schema || json_object_update(schema, root) < 0)
		return NULL;
	return gk_steal(schema);
}

/* --- the manual --- */

static const char *const type_words[GK_CONFIG_TYPES] = {
	[GK_CONFIG_STRING] = "string",
	[GK_CONFIG_BOOL] = "true or false",
	[GK_CONFIG_UINT] = "number",
	[GK_CONFIG_DURATION] = "time",
	[GK_CONFIG_SIZE] = "size",
	[GK_CONFIG_ENUM] = "choice",
	[GK_CONFIG_STRINGS] = "list",
	[GK_CONFIG_SECRETS] = "list of secrets",
	[GK_CONFIG_SETTINGS] = "mapping of strings",
	[GK_CONFIG_SCHEMA] = "schema",
	[GK_CONFIG_ENTRIES] = "list of mappings",
	[GK_CONFIG_MAP] = "mapping",
};

/* A sentence a line, as roff wants it. */
static void put_sentences(gk_buf *out, const char *text)
{
	for (const char *c = text; *c; c++) {
		if (*c == '\\')
			gk_buf_puts(out, "\\e");
		else if (*c == ' ' && c > text && c[-1] == '.')
			gk_buf_putc(out, '\n');
		else
			gk_buf_putc(out, *c);
	}
	gk_buf_putc(out, '\n');
}

static void put_manual(gk_buf *out, const gk_config_key *keys)
{
	for (const gk_config_key *key = keys; key->name; key++) {
		gk_buf_printf(out, ".It Cm %s Pq ", key->name);
		if (key->choices)
			for (const char *const *choice = key->choices; *choice; choice++)
				gk_buf_printf(
					out, "%s%s", choice == key->choices ? "" : " | ", *choice);
		else
			gk_buf_puts(out, type_words[key->type]);
		if (key->fallback || key->unset)
			gk_buf_printf(
				out, "; default: %s", key->fallback ? key->fallback : key->unset);
		if (key->flags & GK_CONFIG_REQUIRED)
			gk_buf_puts(out, "; required");
		gk_buf_putc(out, '\n');
		put_sentences(out, key->help);
		if (key->flags & GK_CONFIG_ADDS)
			gk_buf_puts(out, "Each file adds to the list of those before it.\n");
		if (key->flags & GK_CONFIG_RESTART)
			gk_buf_puts(out, "A reload does not change it.\n");
		if (key->flags & GK_CONFIG_RESERVED)
			gk_buf_puts(
				out, "Reserved: this version reads it and does nothing with it.\n");
		if (key->entries) {
			gk_buf_puts(out, "Each has:\n.Bl -tag -width Ds\n");
			put_manual(out, key->entries);
			gk_buf_puts(out, ".El\n");
		}
	}
}

char *gk_config_manual(void)
{
	gk_auto_buf gk_buf out = GK_BUF_INIT(0);

	gk_buf_puts(&out, ".Bl -tag -width Ds\n");
	put_manual(&out, gk_config_keys);
	gk_buf_puts(&out, ".El\n");
	return gk_buf_take(&out, NULL);
}

/* --- the values in force --- */

static void put_value(gk_buf *out, const gk_config *config, const gk_config_key *key)
{
	json_t *value = json_object_get(config->values, key->name),
	       *raw = json_object_get(config->raw, key->name), *entry;
	size_t i;

	switch (key->type) {
	case GK_CONFIG_SECRETS:
	case GK_CONFIG_MAP:
		gk_buf_printf(out, " # %zu, not shown",
			json_is_array(value) ? json_array_size(value) : json_object_size(value));
		break;
	case GK_CONFIG_ENTRIES:
		json_array_foreach (value, i, entry) {
			gk_buf_puts(out, i ? ", " : " # ");
			gk_buf_puts(out, gk_json_str_peek(entry, "name"));
		}
		break;
	default:
		gk_buf_putc(out, ' ');
		if (raw)
			gk_json_append(out, raw);
		else if (key->type == GK_CONFIG_BOOL)
			gk_json_append(out, value);
		else
			gk_buf_puts(out, key->fallback);
	}
}

/* Opens the sections in which the key is and the one before it was not. */
static void put_sections(gk_buf *out, const char *name, const char *before)
{
	unsigned depth = 0;

	for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.'), depth++) {
		size_t len = (size_t)(dot - name) + 1;
		const char *own = dot;

		if (strncmp(name, before, len) == 0)
			continue;
		while (own > name && own[-1] != '.')
			own--;
		gk_buf_printf(out, "%*s%.*s:\n", (int)depth * 2, "", (int)(dot - own), own);
	}
}

static unsigned depth_of(const char *name)
{
	unsigned depth = 0;

	for (; *name; name++)
		depth += *name == '.';
	return depth;
}

char *gk_config_print(const gk_config *config)
{
	gk_auto_buf gk_buf out = GK_BUF_INIT(0);
	const char *before = "";

	for (const gk_config_key *key = gk_config_keys; key->name; key++) {
		const char *where = gk_config_where(config, key->name),
			   *dot = strrchr(key->name, '.');

		if (!json_object_get(config->values, key->name))
			continue;
		put_sections(&out, key->name, before);
		gk_buf_printf(&out, "%*s%s:", (int)depth_of(key->name) * 2, "",
			dot ? dot + 1 : key->name);
		put_value(&out, config, key);
		gk_buf_printf(&out, "  # %s\n", where ? where : "default");
		before = key->name;
	}
	return gk_buf_take(&out, NULL);
}
