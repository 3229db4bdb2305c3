/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Schemas from text. Converting must leave the named schemas as they are. */
#include "dotprompt/picoschema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *lookup(const char *name, void *user)
{
	return name[0] == 'F' ? user : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *named = json_pack("{s:s,s:{s:s}}", "type", "object", "deep", "a", "b");
	gk_auto_json json_t *before = json_deep_copy(named), *schema = NULL;
	gk_auto_str char *text = malloc(size + 1), *written = NULL;
	gk_code rc;

	memcpy(text, data, size);
	text[size] = '\0';
	rc = gk_schema_from_text(text, lookup, named, &schema, &err);
	if ((rc == GK_OK) != (err.message == NULL) || !json_equal(named, before))
		abort();
	if (schema)
		written = gk_json_write(schema, NULL);
	return 0;
}
