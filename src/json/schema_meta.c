/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The meta-schemas: what a schema must look like. Their text has ' for "; the order of members is the order of errors. */
#include "json/schema_compiler.h"
#include "json/schema_walk.h"

#include "base/buf.h"

#include <pthread.h>

static const char draft_7[] =
	"{'$schema': 'http://json-schema.org/draft-07/schema#',"
	"'$id': 'http://json-schema.org/draft-07/schema#',"
	"'definitions': {"
	" 'schemaArray': {'type': 'array', 'minItems': 1, 'items': {'$ref': '#'}},"
	" 'nonNegativeInteger': {'type': 'integer', 'minimum': 0},"
	" 'nonNegativeIntegerDefault0': {'allOf': [{'$ref': '#/definitions/nonNegativeInteger'}]},"
	" 'simpleTypes': {'enum':"
	"  ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string']},"
	" 'stringArray': {'type': 'array', 'items': {'type': 'string'}, 'uniqueItems': true},"
	" 'schemaMap': {'type': 'object', 'additionalProperties': {'$ref': '#'}}},"
	"'type': ['object', 'boolean'],"
	"'properties': {"
	" '$id': {'type': 'string'}, '$schema': {'type': 'string'}, '$ref': {'type': 'string'},"
	" '$comment': {'type': 'string'}, 'title': {'type': 'string'},"
	" 'description': {'type': 'string'}, 'default': true, 'readOnly': {'type': 'boolean'},"
	" 'examples': {'type': 'array'},"
	" 'multipleOf': {'type': 'number', 'exclusiveMinimum': 0},"
	" 'maximum': {'type': 'number'}, 'exclusiveMaximum': {'type': 'number'},"
	" 'minimum': {'type': 'number'}, 'exclusiveMinimum': {'type': 'number'},"
	" 'maxLength': {'$ref': '#/definitions/nonNegativeInteger'},"
	" 'minLength': {'$ref': '#/definitions/nonNegativeIntegerDefault0'},"
	" 'pattern': {'type': 'string'}, 'additionalItems': {'$ref': '#'},"
	" 'items': {'anyOf': [{'$ref': '#'}, {'$ref': '#/definitions/schemaArray'}]},"
	" 'maxItems': {'$ref': '#/definitions/nonNegativeInteger'},"
	" 'minItems': {'$ref': '#/definitions/nonNegativeIntegerDefault0'},"
	" 'uniqueItems': {'type': 'boolean'}, 'contains': {'$ref': '#'},"
	" 'maxProperties': {'$ref': '#/definitions/nonNegativeInteger'},"
	" 'minProperties': {'$ref': '#/definitions/nonNegativeIntegerDefault0'},"
	" 'required': {'$ref': '#/definitions/stringArray'},"
	" 'additionalProperties': {'$ref': '#'},"
	" 'definitions': {'$ref': '#/definitions/schemaMap'},"
	" 'properties': {'$ref': '#/definitions/schemaMap'},"
	" 'patternProperties': {'$ref': '#/definitions/schemaMap'},"
	" 'dependencies': {'type': 'object', 'additionalProperties':"
	"  {'anyOf': [{'$ref': '#'}, {'$ref': '#/definitions/stringArray'}]}},"
	" 'propertyNames': {'$ref': '#'}, 'const': true,"
	" 'enum': {'type': 'array', 'minItems': 1, 'uniqueItems': true},"
	" 'type': {'anyOf': [{'$ref': '#/definitions/simpleTypes'},"
	"  {'type': 'array', 'items': {'$ref': '#/definitions/simpleTypes'}, 'minItems': 1,"
	"   'uniqueItems': true}]},"
	" 'format': {'type': 'string'}, 'contentMediaType': {'type': 'string'},"
	" 'contentEncoding': {'type': 'string'},"
	" 'if': {'$ref': '#'}, 'then': {'$ref': '#'}, 'else': {'$ref': '#'},"
	" 'allOf': {'$ref': '#/definitions/schemaArray'},"
	" 'anyOf': {'$ref': '#/definitions/schemaArray'},"
	" 'oneOf': {'$ref': '#/definitions/schemaArray'}, 'not': {'$ref': '#'}}}";

/* The vocabularies of 2020-12 in one. */
static const char draft_2020[] =
	"{'$schema': 'https://json-schema.org/draft/2020-12/schema',"
	"'$id': 'https://json-schema.org/draft/2020-12/schema', '$dynamicAnchor': 'meta',"
	"'$defs': {"
	" 'schemaArray': {'type': 'array', 'minItems': 1, 'items': {'$dynamicRef': '#meta'}},"
	" 'schemaMap': {'type': 'object', 'additionalProperties': {'$dynamicRef': '#meta'}},"
	" 'nonNegativeInteger': {'type': 'integer', 'minimum': 0},"
	" 'simpleTypes': {'enum':"
	"  ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string']},"
	" 'anchorString': {'type': 'string', 'pattern': '^[A-Za-z_][-A-Za-z0-9._]*$'},"
	" 'stringArray': {'type': 'array', 'items': {'type': 'string'}, 'uniqueItems': true}},"
	"'type': ['object', 'boolean'],"
	"'properties': {"
	" '$id': {'type': 'string', 'pattern': '^[^#]*#?$'}, '$schema': {'type': 'string'},"
	" '$ref': {'type': 'string'}, '$anchor': {'$ref': '#/$defs/anchorString'},"
	" '$dynamicRef': {'type': 'string'}, '$dynamicAnchor': {'$ref': '#/$defs/anchorString'},"
	" '$vocabulary': {'type': 'object', 'additionalProperties': {'type': 'boolean'}},"
	" '$comment': {'type': 'string'}, '$defs': {'$ref': '#/$defs/schemaMap'},"
	" 'prefixItems': {'$ref': '#/$defs/schemaArray'}, 'items': {'$dynamicRef': '#meta'},"
	" 'contains': {'$dynamicRef': '#meta'}, 'additionalProperties': {'$dynamicRef': '#meta'},"
	" 'properties': {'$ref': '#/$defs/schemaMap'},"
	" 'patternProperties': {'$ref': '#/$defs/schemaMap'},"
	" 'dependentSchemas': {'$ref': '#/$defs/schemaMap'},"
	" 'propertyNames': {'$dynamicRef': '#meta'}, 'if': {'$dynamicRef': '#meta'},"
	" 'then': {'$dynamicRef': '#meta'}, 'else': {'$dynamicRef': '#meta'},"
	" 'allOf': {'$ref': '#/$defs/schemaArray'}, 'anyOf': {'$ref': '#/$defs/schemaArray'},"
	" 'oneOf': {'$ref': '#/$defs/schemaArray'}, 'not': {'$dynamicRef': '#meta'},"
	" 'unevaluatedItems': {'$dynamicRef': '#meta'},"
	" 'unevaluatedProperties': {'$dynamicRef': '#meta'},"
	" 'type': {'anyOf': [{'$ref': '#/$defs/simpleTypes'},"
	"  {'type': 'array', 'items': {'$ref': '#/$defs/simpleTypes'}, 'minItems': 1,"
	"   'uniqueItems': true}]},"
	" 'const': true, 'enum': {'type': 'array'},"
	" 'multipleOf': {'type': 'number', 'exclusiveMinimum': 0},"
	" 'maximum': {'type': 'number'}, 'exclusiveMaximum': {'type': 'number'},"
	" 'minimum': {'type': 'number'}, 'exclusiveMinimum': {'type': 'number'},"
	" 'maxLength': {'$ref': '#/$defs/nonNegativeInteger'},"
	" 'minLength': {'$ref': '#/$defs/nonNegativeInteger'}, 'pattern': {'type': 'string'},"
	" 'maxItems': {'$ref': '#/$defs/nonNegativeInteger'},"
	" 'minItems': {'$ref': '#/$defs/nonNegativeInteger'}, 'uniqueItems': {'type': 'boolean'},"
	" 'maxContains': {'$ref': '#/$defs/nonNegativeInteger'},"
	" 'minContains': {'$ref': '#/$defs/nonNegativeInteger'},"
	" 'maxProperties': {'$ref': '#/$defs/nonNegativeInteger'},"
	" 'minProperties': {'$ref': '#/$defs/nonNegativeInteger'},"
	" 'required': {'$ref': '#/$defs/stringArray'},"
	" 'dependentRequired':"
	"  {'type': 'object', 'additionalProperties': {'$ref': '#/$defs/stringArray'}},"
	" 'title': {'type': 'string'}, 'description': {'type': 'string'}, 'default': true,"
	" 'deprecated': {'type': 'boolean'}, 'readOnly': {'type': 'boolean'},"
	" 'writeOnly': {'type': 'boolean'}, 'examples': {'type': 'array'},"
	" 'format': {'type': 'string'}, 'contentMediaType': {'type': 'string'},"
	" 'contentEncoding': {'type': 'string'}, 'contentSchema': {'$dynamicRef': '#meta'},"
	" 'definitions': {'$ref': '#/$defs/schemaMap'},"
	" 'dependencies': {'type': 'object', 'additionalProperties':"
	"  {'anyOf': [{'$dynamicRef': '#meta'}, {'$ref': '#/$defs/stringArray'}]}}}}";

/* Made when first needed, kept until the process ends. */
static struct meta {
	const char *uri, *text;
	json_t *json;
	gk_schema *schema;
} metas[] = {
	{ "http://json-schema.org/draft-07/schema", draft_7, NULL, NULL },
	{ "https://json-schema.org/draft/2020-12/schema", draft_2020, NULL, NULL },
};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static json_t *read_meta(const char *text)
{
	gk_auto_str char *copy = strdup(text);

	if (!copy)
		return NULL;
	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	return json_loads(copy, 0, NULL);
}

static json_t *meta_json(struct meta *meta)
{
	json_t *json;

	pthread_mutex_lock(&lock);
	if (!meta->json)
		meta->json = read_meta(meta->text);
	json = meta->json;
	pthread_mutex_unlock(&lock);
	return json;
}

json_t *gk_schema_meta_peek(const char *uri)
{
	for (size_t i = 0; i < sizeof(metas) / sizeof(metas[0]); i++)
		if (strcmp(metas[i].uri, uri) == 0)
			return meta_json(&metas[i]);
	return NULL;
}

static gk_code meta_schema(struct meta *meta, const gk_schema **ret, gk_error *err)
{
	json_t *json = meta_json(meta);
	gk_code rc = GK_OK;

	if (!json)
		return gk_error_no_memory(err);
	pthread_mutex_lock(&lock);
	if (!meta->schema)
		rc = gk_schema_compile_meta(json, &meta->schema, err);
	*ret = meta->schema;
	pthread_mutex_unlock(&lock);
	return rc;
}

static gk_code report(const json_t *errors, gk_error *err)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);

	for (size_t i = 0; i < json_array_size(errors); i++) {
		const json_t *error = json_array_get(errors, i);

		gk_buf_printf(&text, "%sdata%s %s", i ? ", " : "",
			json_string_value(json_object_get(error, "path")),
			json_string_value(json_object_get(error, "message")));
	}
	if (!text.len || gk_buf_failed(&text))
		return gk_error_no_memory(err);
	return gk_error_set_plain(err, "schema is invalid: %s", text.data);
}

gk_code gk_schema_meta_check(json_t *json, uint8_t draft, gk_error *err)
{
	gk_auto_json json_t *errors = NULL;
	const gk_schema *schema = NULL;
	gk_code rc = meta_schema(&metas[(draft & GK_DRAFT_2020) != 0], &schema, err);

	if (rc != GK_OK || gk_schema_run(schema, json, &errors, true))
		return rc;
	return errors ? report(errors, err) : gk_error_no_memory(err);
}
