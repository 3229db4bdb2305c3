/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A schema, NUL, a value: whatever they are, compiling and checking end, and both ways of asking agree. */
#include "json/schema.h"

#include <genkit/json.h>
#include <stdint.h>

#define MAX_TEXT (64u << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *parse(const uint8_t *text, size_t len)
{
	json_t *value = NULL;

	return gk_json_parse((const char *)text, len, MAX_TEXT, &value, NULL) == GK_OK ? value
										       : NULL;
}

static void check(const gk_schema *schema, const json_t *value)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *errors = NULL;
	bool valid = gk_schema_is_valid(schema, value, &errors);

	if (valid != gk_schema_is_valid(schema, value, NULL) || valid == (errors != NULL))
		abort();
	if (valid != (gk_schema_check(schema, value, &err) == GK_OK))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, 0, size);
	size_t len = end ? (size_t)(end - data) : size;
	gk_auto_json json_t *schema_json = parse(data, len), *value = NULL;
	gk_auto_error gk_error err = { 0 };
	gk_schema *schema = NULL;

	if (!schema_json)
		return 0;
	if (gk_schema_compile(schema_json, NULL, NULL, &schema, &err) != GK_OK) {
		if (!err.message)
			abort();
		return 0;
	}
	value = end ? parse(end + 1, size - len - 1) : NULL;
	check(schema, value);
	check(schema, schema_json);
	gk_schema_unref(schema);
	return 0;
}
