/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Schemas as C programs write them: gk_schema_from_text(). */
#include "dotprompt/picoschema.h"

#include "json/yaml.h"

#define FILE_NAME "schema" /* stands before line and column in errors */
#define BLANKS    " \t\r\n"

/* Keywords which decide, whatever their value. */
static bool decides(const char *key)
{
	static const char *const keywords[] = { "properties", "not", "if", "const", NULL };

	for (size_t i = 0; keywords[i]; i++)
		if (strcmp(keywords[i], key) == 0)
			return true;
	return key[0] == '$';
}

/* The rule that picoschema.h tells, but for what gk_picoschema() passes through by itself: a `type` that names one. */
static bool is_json_schema(json_t *object)
{
	const char *key;
	json_t *member;

	if (json_object_size(object) == 0)
		return true;
	json_object_foreach (object, key, member) {
		if (decides(key))
			return true;
		if (json_is_array(member) && !strstr(key, "(enum"))
			return true;
		if (json_is_number(member) || json_is_boolean(member) || json_is_null(member))
			return true;
	}
	return false;
}

/* The value to convert; `*is_schema_ret`: it is JSON Schema and needs no converting. */
static gk_code read_text(const char *text, json_t **ret, bool *is_schema_ret, gk_error *err)
{
	gk_auto_error gk_error json_err = { 0 };
	gk_auto_yaml gk_yaml *yaml = NULL;
	size_t len = strlen(text);
	gk_code rc;

	if (gk_json_parse(text, len, 0, ret, &json_err) == GK_OK) {
		*is_schema_ret =
			json_is_boolean(*ret) || (json_is_object(*ret) && is_json_schema(*ret));
		if (json_is_null(*ret))
			*ret = json_string("null"); /* the type, like any other */
		return *ret ? GK_OK : gk_error_no_memory(err);
	}
	rc = gk_yaml_parse(text, len, FILE_NAME, GK_YAML_CORE, &yaml, err);
	if (rc == GK_OK) {
		*ret = json_incref(gk_yaml_value_peek(yaml));
		return GK_OK;
	}
	/* It was meant as JSON when its first name is in quotes. */
	text += strspn(text, BLANKS);
	if (*text == '{' && text[1 + strspn(text + 1, BLANKS)] == '"') {
		rc = gk_error_move(err, &json_err);
		gk_error_prefix(err, FILE_NAME ": ");
	}
	return rc;
}

gk_code gk_schema_from_text(
	const char *text, gk_picoschema_lookup_fn *lookup, void *user, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *value = NULL, *schema = NULL;
	bool is_schema = false;
	gk_code rc = read_text(text, &value, &is_schema, err);

	if (rc != GK_OK)
		return rc;
	if (is_schema) {
		*ret = gk_steal(value);
		return GK_OK;
	}
	rc = gk_picoschema(value, lookup, user, &schema, err);
	if (rc == GK_OK && schema) {
		schema = gk_schema_drop_any_take(schema);
		if (!schema)
			rc = gk_error_no_memory(err);
	}
	if (rc == GK_OK)
		*ret = gk_steal(schema);
	return rc;
}

gk_code gk_schema_to_text(const json_t *schema, char **ret, gk_error *err)
{
	if (!schema || json_is_null(schema))
		return GK_OK;
	*ret = json_is_string(schema) ? strdup(json_string_value(schema))
				      : gk_json_write(schema, NULL);
	return *ret ? GK_OK : gk_error_no_memory(err);
}
