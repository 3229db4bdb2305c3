/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Ops of schema validation. */
#include "core.h"

#include "core/builtin_schemas.h"
#include "json/schema.h"

static void validate_schema(conformance *run, const char *name, json_t *one)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *errors = NULL, *got = NULL;
	gk_schema *schema = NULL;
	gk_code rc =
		gk_schema_compile(gk_json_at_peek(one, "input.schema"), NULL, NULL, &schema, &err);

	if (rc == GK_OK) {
		bool valid =
			gk_schema_is_valid(schema, gk_json_at_peek(one, "input.data"), &errors);

		got = json_pack("{s:b, s:O*}", "valid", valid, "errors", errors);
	}
	core_expect(run, name, rc, got, &err, one);
	gk_schema_unref(schema);
}

static void parse_schema(conformance *run, const char *name, json_t *one)
{
	gk_auto_error gk_error err = { 0 };
	json_t *data = gk_json_at_peek(one, "input.data");
	gk_schema *schema = NULL;
	gk_code rc =
		gk_schema_compile(gk_json_at_peek(one, "input.schema"), NULL, NULL, &schema, &err);

	if (rc == GK_OK)
		rc = gk_schema_check(schema, data, &err);
	core_expect(run, name, rc, data, &err, one);
	gk_schema_unref(schema);
}

static void part_valid(conformance *run, const char *name, json_t *one)
{
	gk_auto_error gk_error err = { 0 };
	const gk_schema *schema = NULL;
	gk_code rc = gk_builtin_schema_peek("Part", &schema, &err);
	gk_auto_json json_t *got = NULL;

	if (rc == GK_OK)
		got = json_boolean(gk_schema_is_valid(schema, json_object_get(one, "input"), NULL));
	core_expect(run, name, rc, got, &err, one);
}

const core_op core_schema_ops[] = {
	{ .op = "parseSchema", .run = parse_schema },
	{ .op = "partValid", .run = part_valid },
	{ .op = "validateSchema", .run = validate_schema },
	{ 0 },
};
