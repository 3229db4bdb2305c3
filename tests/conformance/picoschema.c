/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The kind "picoschema": Dotprompt's suites of documents whose front matter has schemas and nothing else of interest.
 * Only these are converted and compared; the kind "dotprompt" renders the documents. */
#include "conformance.h"

#include "dotprompt/picoschema.h"
#include "json/yaml.h"

/* What stands between the first line and the next that begins with "---". */
static json_t *front_matter(const char *source)
{
	gk_auto_yaml gk_yaml *yaml = NULL;
	const char *begin = strchr(source, '\n'), *end = begin ? strstr(begin, "\n---") : NULL;

	if (!end || gk_yaml_parse(begin, (size_t)(end - begin), "template", GK_YAML_CORE, &yaml,
			    NULL) != GK_OK)
		return NULL;
	return json_incref(gk_yaml_value_peek(yaml));
}

static json_t *lookup(const char *name, void *user)
{
	return json_object_get(user, name);
}

static void check_schema(conformance *run, const char *name, json_t *matter, json_t *suite,
	json_t *expected, const char *path)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *schema = NULL;
	gk_code rc = gk_picoschema(gk_json_at_peek(matter, path), lookup,
		json_object_get(suite, "schemas"), &schema, &err);

	if (rc != GK_OK)
		conformance_fail(run, name, "%s: %s", path, err.message);
	else
		conformance_expect(run, name, schema, gk_json_at_peek(expected, path));
}

void conformance_picoschema(conformance *run, const char *file, json_t *doc)
{
	json_t *suite;
	size_t i;

	(void)file;
	json_array_foreach (doc, i, suite) {
		const char *name = gk_json_str_peek(suite, "name");
		const char *source = gk_json_str_peek(suite, "template");
		json_t *expected = gk_json_at_peek(suite, "tests[0].expect");
		gk_auto_json json_t *matter = source ? front_matter(source) : NULL;

		if (!name || !matter || !expected) {
			conformance_fail(
				run, name ? name : conformance_number(i), "no schemas to convert");
			continue;
		}
		check_schema(run, name, matter, suite, expected, "output.schema");
		if (gk_json_at_peek(expected, "input"))
			check_schema(run, name, matter, suite, expected, "input.schema");
	}
}
