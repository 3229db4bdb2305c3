/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "dotprompt/picoschema.h"

#include "base/limits.h"
#include "base/str.h"
#include "json/edit.h"

#include <stdio.h>

typedef struct converter {
	gk_picoschema_lookup_fn *lookup;
	void *user;
	unsigned depth;
	gk_error *err;
} converter;

/* "string, the city" taken apart; the parts point into the text. */
typedef struct described {
	const char *type;
	size_t type_len;
	const char *text; /* the description; NULL: none */
	size_t text_len;
} described;

/* A field's name: "plan?(array, hour by hour)". */
typedef struct field {
	const char *name;
	size_t name_len;
	bool optional;
	const char *info; /* between the parentheses; NULL: none */
	size_t info_len;
} field;

static gk_code convert(converter *c, json_t *value, json_t **ret);

/* --- texts --- */

static bool is_scalar_type(const char *type, size_t len)
{
	static const char *const types[] = { "any", "boolean", "integer", "null", "number",
		"string" };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strlen(types[i]) == len && memcmp(types[i], type, len) == 0)
			return true;
	return false;
}

/* Where the last line begins: JavaScript's "." stops at \n, \r, U+2028 and U+2029. */
static size_t last_line(const char *text, size_t len)
{
	for (size_t at = len; at > 0; at--) {
		if (text[at - 1] == '\n' || text[at - 1] == '\r')
			return at;
		if (at >= 3 && memcmp(text + at - 3, "\xe2\x80", 2) == 0 &&
			(text[at - 1] == '\xa8' || text[at - 1] == '\xa9'))
			return at;
	}
	return 0;
}

/* The expression (.*?), *(.*)$ of the reference. */
static described describe(const char *text, size_t len)
{
	size_t begin = last_line(text, len), at;
	const char *comma = memchr(text + begin, ',', len - begin);
	described d = { .type = text, .type_len = len };

	if (!comma)
		return d;
	d.type = text + begin;
	d.type_len = (size_t)(comma - d.type);
	at = (size_t)(comma - text) + 1;
	while (at < len && text[at] == ' ')
		at++;
	if (at < len) {
		d.text = text + at;
		d.text_len = len - at;
	}
	return d;
}

/* Without its last character, whatever that is. */
static size_t drop_last(const char *text, size_t len)
{
	while (len > 0 && ((unsigned char)text[len - 1] & 0xc0) == 0x80)
		len--;
	return len > 0 ? len - 1 : 0;
}

static field split_field(const char *key, size_t len)
{
	const char *open = memchr(key, '(', len), *more;
	field f = { .name = key, .name_len = open ? (size_t)(open - key) : len };

	if (f.name_len > 0 && key[f.name_len - 1] == '?') {
		f.optional = true;
		f.name_len--;
	}
	if (!open || ++open == key + len)
		return f;
	more = memchr(open, '(', (size_t)(key + len - open)); /* from a second one on it is lost */
	f.info_len = (size_t)((more ? more : key + len) - open);
	if (f.info_len > 0) {
		f.info = open;
		f.info_len = drop_last(open, f.info_len);
	}
	return f;
}

/* --- parts of schemas --- */

static bool set_text(json_t *object, const char *key, const char *text, size_t len)
{
	return gk_json_set_take(object, key, json_stringn_nocheck(text, len));
}

/* {type, description}, either may be missing. */
static gk_code simple_schema(converter *c, const described *d, bool with_type, json_t **ret)
{
	gk_auto_json json_t *schema = json_object();

	if (!schema || (with_type && !set_text(schema, "type", d->type, d->type_len)) ||
		(d->text && !set_text(schema, "description", d->text, d->text_len)))
		return gk_error_no_memory(c->err);
	*ret = gk_steal(schema);
	return GK_OK;
}

static gk_code named_schema(converter *c, const described *d, json_t **ret)
{
	gk_auto_str char *name = strndup(d->type, d->type_len);
	gk_auto_json json_t *schema = NULL;

	if (!name)
		return gk_error_no_memory(c->err);
	if (!c->lookup)
		return gk_error_set(c->err, GK_INVALID_ARGUMENT,
			"Picoschema: unsupported scalar type '%s'.", name);
	schema = json_incref(c->lookup(name, c->user));
	if (!schema)
		return gk_error_set(c->err, GK_INVALID_ARGUMENT,
			"Picoschema: could not find schema with name '%s'", name);
	if (d->text && json_is_object(schema)) {
		json_t *copy = json_copy(schema);

		json_decref(schema);
		schema = copy;
		if (!set_text(schema, "description", d->text, d->text_len))
			return gk_error_no_memory(c->err);
	}
	*ret = gk_steal(schema);
	return GK_OK;
}

/* A string inside a mapping. */
static gk_code convert_text(converter *c, const json_t *value, json_t **ret)
{
	described d = describe(json_string_value(value), json_string_length(value));

	if (!is_scalar_type(d.type, d.type_len))
		return named_schema(c, &d, ret);
	return simple_schema(c, &d, d.type_len != 3 || memcmp(d.type, "any", 3) != 0, ret);
}

/* Lets a schema of one type be null as well. */
static bool allow_null(json_t *schema)
{
	json_t *type = json_object_get(schema, "type"), *types;

	if (!json_is_string(type))
		return true;
	types = json_array();
	return types && json_array_append(types, type) == 0 &&
			       json_array_append_new(types, json_string_nocheck("null")) == 0
		       ? gk_json_set_take(schema, "type", types)
		       : (json_decref(types), false);
}

/* --- fields --- */

/* A copy of the value's schema of our own to change. */
static gk_code own_schema(converter *c, json_t *value, bool optional, json_t **ret)
{
	gk_auto_json json_t *schema = NULL, *copy = NULL;
	gk_code rc = convert(c, value, &schema);

	if (rc != GK_OK)
		return rc;
	copy = json_is_object(schema) ? json_copy(schema) : json_incref(schema);
	if (!copy || (optional && !allow_null(copy)))
		return gk_error_no_memory(c->err);
	*ret = gk_steal(copy);
	return GK_OK;
}

static gk_code array_field(converter *c, json_t *value, bool optional, json_t **ret)
{
	gk_auto_json json_t *schema = json_object(), *items = NULL;
	gk_code rc = convert(c, value, &items);

	if (rc != GK_OK)
		return rc;
	if (!schema || !gk_json_set_str(schema, "type", "array") ||
		(optional && !allow_null(schema)) || !gk_json_set(schema, "items", items))
		return gk_error_no_memory(c->err);
	*ret = gk_steal(schema);
	return GK_OK;
}

static bool has_null(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_is_null(json_array_get(list, i)))
			return true;
	return false;
}

static gk_code enum_field(converter *c, json_t *value, bool optional, json_t **ret)
{
	gk_auto_json json_t *schema = json_object(), *values = json_deep_copy(value);

	if (optional && !json_is_array(value))
		return gk_error_set(c->err, GK_INVALID_ARGUMENT,
			"Picoschema: the values of an enum must be a list");
	if (!schema || !values ||
		(optional && !has_null(values) && !gk_json_push_take(values, json_null())) ||
		!gk_json_set(schema, "enum", values))
		return gk_error_no_memory(c->err);
	*ret = gk_steal(schema);
	return GK_OK;
}

static const struct {
	const char *kind;
	gk_code (*convert)(converter *c, json_t *value, bool optional, json_t **ret);
} field_kinds[] = {
	{ "array", array_field },
	{ "object", own_schema },
	{ "enum", enum_field },
};

static gk_code convert_kind(
	converter *c, const described *kind, json_t *value, bool optional, json_t **ret)
{
	for (size_t i = 0; i < sizeof(field_kinds) / sizeof(field_kinds[0]); i++)
		if (strlen(field_kinds[i].kind) == kind->type_len &&
			memcmp(field_kinds[i].kind, kind->type, kind->type_len) == 0)
			return field_kinds[i].convert(c, value, optional, ret);
	return gk_error_set(c->err, GK_INVALID_ARGUMENT,
		"Picoschema: parenthetical types must be 'object' or 'array', got: %.*s",
		(int)kind->type_len, kind->type);
}

static gk_code convert_field(converter *c, const field *f, json_t *value, json_t *schema)
{
	json_t *properties = json_object_get(schema, "properties");
	json_t *required = json_object_get(schema, "required");
	gk_auto_json json_t *property = NULL;
	described kind = { 0 };
	gk_code rc;

	if (!f->optional &&
		!gk_json_push_take(required, json_stringn_nocheck(f->name, f->name_len)))
		return gk_error_no_memory(c->err);
	if (f->info) {
		kind = describe(f->info, f->info_len);
		rc = convert_kind(c, &kind, value, f->optional, &property);
	} else {
		rc = own_schema(c, value, f->optional, &property);
	}
	if (rc != GK_OK)
		return rc;
	if ((kind.text && json_is_object(property) &&
		    !set_text(property, "description", kind.text, kind.text_len)) ||
		json_object_setn_new_nocheck(
			properties, f->name, f->name_len, json_incref(property)) != 0)
		return gk_error_no_memory(c->err);
	return GK_OK;
}

static gk_code convert_member(
	converter *c, const char *key, size_t len, json_t *value, json_t *schema)
{
	gk_auto_json json_t *others = NULL;
	field f;
	gk_code rc;

	if (len != 3 || memcmp(key, "(*)", 3) != 0) {
		f = split_field(key, len);
		return convert_field(c, &f, value, schema);
	}
	rc = convert(c, value, &others);
	if (rc == GK_OK && !gk_json_set(schema, "additionalProperties", others))
		rc = gk_error_no_memory(c->err);
	return rc;
}

/* --- mappings --- */

/* A list counts as a mapping from "0", "1" and so on, null as an empty one. In JavaScript's order. */
static json_t *members_of(json_t *value)
{
	gk_auto_json json_t *members = NULL;
	char key[24];

	if (json_is_object(value))
		return gk_json_js_order(value);
	members = json_object();
	for (size_t i = 0; members && i < json_array_size(value); i++) {
		snprintf(key, sizeof(key), "%zu", i);
		if (!gk_json_set(members, key, json_array_get(value, i)))
			return NULL;
	}
	return gk_steal(members);
}

static json_t *new_object_schema(void)
{
	gk_auto_json json_t *schema = json_object();

	if (!schema || !gk_json_set_str(schema, "type", "object") ||
		!gk_json_set_take(schema, "properties", json_object()) ||
		!gk_json_set_take(schema, "required", json_array()) ||
		!gk_json_set_bool(schema, "additionalProperties", false))
		return NULL;
	return gk_steal(schema);
}

static bool finish_object_schema(json_t *schema)
{
	json_t *ordered = gk_json_js_order(json_object_get(schema, "properties"));

	if (json_array_size(json_object_get(schema, "required")) == 0)
		json_object_del(schema, "required");
	return gk_json_set_take(schema, "properties", ordered);
}

static gk_code convert_members(converter *c, json_t *value, json_t **ret)
{
	gk_auto_json json_t *schema = new_object_schema(), *members = members_of(value);

	if (!schema || !members)
		return gk_error_no_memory(c->err);
	for (void *i = json_object_iter(members); i; i = json_object_iter_next(members, i)) {
		gk_code rc = convert_member(c, json_object_iter_key(i), json_object_iter_key_len(i),
			json_object_iter_value(i), schema);

		if (rc != GK_OK)
			return rc;
	}
	if (!finish_object_schema(schema))
		return gk_error_no_memory(c->err);
	*ret = gk_steal(schema);
	return GK_OK;
}

/* What stands inside a mapping, at any depth. */
static gk_code convert(converter *c, json_t *value, json_t **ret)
{
	gk_auto_str char *text = NULL;
	gk_code rc;

	if (json_is_string(value))
		return convert_text(c, value, ret);
	if (!json_is_object(value) && !json_is_array(value) && !json_is_null(value)) {
		text = gk_json_write(value, NULL);
		return gk_error_set(c->err, GK_INVALID_ARGUMENT,
			"Picoschema: only consists of objects and strings. Got: %s",
			text ? text : "?");
	}
	if (c->depth == GK_MAX_PICOSCHEMA_DEPTH)
		return gk_error_set(c->err, GK_RESOURCE_EXHAUSTED,
			"Picoschema: more than %u levels", GK_MAX_PICOSCHEMA_DEPTH);
	c->depth++;
	rc = convert_members(c, value, ret);
	c->depth--;
	return rc;
}

/* --- the top level, where JSON Schema passes --- */

static bool is_falsy(const json_t *value)
{
	return !value || json_is_null(value) || json_is_false(value) ||
	       (json_is_string(value) && json_string_length(value) == 0) ||
	       (json_is_number(value) && json_number_value(value) == 0);
}

static bool names_a_type(const json_t *type)
{
	const char *text = json_string_value(type);

	return text && (is_scalar_type(text, strlen(text)) || strcmp(text, "object") == 0 ||
			       strcmp(text, "array") == 0);
}

static gk_code convert_top_text(converter *c, const json_t *value, json_t **ret)
{
	described d = describe(json_string_value(value), json_string_length(value));

	return is_scalar_type(d.type, d.type_len) ? simple_schema(c, &d, true, ret)
						  : named_schema(c, &d, ret);
}

gk_code gk_picoschema(
	json_t *value, gk_picoschema_lookup_fn *lookup, void *user, json_t **ret, gk_error *err)
{
	converter c = { .lookup = lookup, .user = user, .err = err };
	json_t *properties = json_object_get(value, "properties"), *copy;

	if (is_falsy(value)) {
		*ret = NULL;
		return GK_OK;
	}
	if (json_is_string(value))
		return convert_top_text(&c, value, ret);
	if (names_a_type(json_object_get(value, "type"))) {
		*ret = json_incref(value);
		return GK_OK;
	}
	if (!json_is_object(properties) && !json_is_array(properties) && !json_is_null(properties))
		return convert(&c, value, ret);
	copy = json_copy(value);
	if (!gk_json_set_str(copy, "type", "object")) {
		json_decref(copy);
		return gk_error_no_memory(err);
	}
	*ret = copy;
	return GK_OK;
}

json_t *gk_schema_drop_any_take(json_t *schema_take)
{
	json_t *copy;

	if (!gk_str_equal(json_string_value(json_object_get(schema_take, "type")), "any"))
		return schema_take;
	copy = json_copy(schema_take);
	json_decref(schema_take);
	json_object_del(copy, "type");
	return copy;
}
