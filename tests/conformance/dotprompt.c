/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The kind "dotprompt": the suites of Dotprompt's specification, judged as its reference harness does. */
#include "dotprompt.h"

#include <stdio.h>

/* The expected result without what is not compared, with what may be left out. */
static json_t *expected_of(const json_t *expect, const char *without)
{
	json_t *copy = json_copy((json_t *)(uintptr_t)expect);
	const char *const always[] = { "ext", "config", "metadata" };

	json_object_del(copy, "raw");
	json_object_del(copy, without);
	for (size_t i = 0; i < 3; i++)
		if (!json_object_get(copy, always[i]))
			json_object_set_new(copy, always[i], json_object());
	return copy;
}

/* Suite and test lay their data one over the other. */
static json_t *data_of(json_t *suite, json_t *test)
{
	json_t *data = json_object();

	json_object_update(data, json_object_get(suite, "data"));
	json_object_update(data, json_object_get(test, "data"));
	return data;
}

static bool differs(conformance *run, const char *name, const char *what, gk_code rc,
	const gk_error *err, const json_t *got, const json_t *expected)
{
	gk_auto_str char *a = NULL, *b = NULL;

	if (rc != GK_OK) {
		conformance_fail(run, name, "%s: error %s", what, err->message);
		return true;
	}
	if (conformance_equal(got, expected))
		return false;
	a = gk_json_write(got, NULL);
	b = gk_json_write(expected, NULL);
	conformance_fail(run, name, "%s: got %s, expected %s", what, a, b);
	return true;
}

static void run_test(conformance *run, const char *name, json_t *suite, json_t *test)
{
	json_t *template_ = json_object_get(suite, "template");
	json_t *options = json_object_get(test, "options"),
	       *expect = json_object_get(test, "expect");
	gk_auto_error gk_error err = { 0 };
	gk_auto_engine gk_engine *engine = dotprompt_engine(suite);
	gk_auto_prompt_document gk_prompt_document *doc = NULL;
	gk_auto_json json_t *data = data_of(suite, test), *rendered = NULL, *metadata = NULL;
	gk_auto_json json_t *as_rendered = expected_of(expect, "input");
	gk_auto_json json_t *as_metadata = expected_of(expect, "messages"), *raw = NULL;
	gk_prompt_data with = dotprompt_data(data, options);
	gk_code rc = gk_prompt_document_parse(
		json_string_value(template_), json_string_length(template_), NULL, &doc, &err);

	if (rc == GK_OK)
		rc = gk_prompt_document_render(doc, engine, NULL, &with, &rendered, &err);
	raw = json_incref(json_object_get(rendered, "raw"));
	json_object_del(rendered, "raw");
	if (differs(run, name, "rendered", rc, &err, rendered, as_rendered))
		return;
	if (json_object_get(expect, "raw") &&
		differs(run, name, "raw", rc, &err, raw, json_object_get(expect, "raw")))
		return;
	rc = gk_prompt_document_metadata(
		doc, engine, &(gk_prompt_overrides){ .metadata = options }, &metadata, &err);
	json_object_del(metadata, "raw");
	if (!differs(run, name, "metadata", rc, &err, metadata, as_metadata))
		conformance_pass(run, name);
}

void conformance_dotprompt(conformance *run, const char *file, json_t *doc)
{
	json_t *suite, *test;
	size_t i, j;

	(void)file;
	json_array_foreach (doc, i, suite)
		json_array_foreach (json_object_get(suite, "tests"), j, test) {
			char name[200];

			snprintf(name, sizeof(name), "%s / %s", gk_json_str_peek(suite, "name"),
				gk_json_str_peek(test, "desc") ? gk_json_str_peek(test, "desc")
							       : conformance_number(j));
			run_test(run, name, suite, test);
		}
}
