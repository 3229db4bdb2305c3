/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The kind "json-schema": files of the public suite, lists of {description, schema, tests}, whose remote documents stand
 * in the folder `remotes` beside `tests`; and a list of {schema, data, valid, errors | compileError}, as ajv answered.
 */
#include "conformance.h"

#include "base/str.h"
#include "json/schema.h"

#include <stdio.h>

#define REMOTE_HOST "http://localhost:1234/"

static json_t *remotes; /* URI -> document; kept until the end */

static json_t *lookup(const char *uri, void *user)
{
	const char *file = user, *tests = strstr(file, "/tests/");
	gk_auto_str char *path = NULL;
	json_t *doc = json_object_get(remotes, uri);

	if (doc || !tests || !gk_str_has_prefix(uri, REMOTE_HOST))
		return doc;
	if (!remotes)
		remotes = json_object();
	if (asprintf(&path, "%.*s/remotes/%s", (int)(tests - file), file,
		    uri + strlen(REMOTE_HOST)) < 0)
		path = NULL;
	doc = path ? conformance_load(path) : NULL;
	if (!doc || json_object_set_new(remotes, uri, doc) != 0)
		return NULL;
	return doc;
}

/* As a whole, `false` is no schema at all to Genkit; below another schema it is what the suites mean. */
static gk_code compile(json_t *json, const char *file, gk_schema **ret, gk_error *err)
{
	gk_auto_json json_t *wrapped =
		json_is_boolean(json) ? json_pack("{s:[O]}", "allOf", json) : json_incref(json);

	return gk_schema_compile(wrapped, lookup, (void *)(uintptr_t)file, ret, err);
}

/* --- the public suite --- */

static void run_test(conformance *run, const char *group, const gk_schema *schema,
	const gk_error *err, const json_t *test)
{
	bool expected = json_is_true(json_object_get(test, "valid"));
	gk_auto_str char *name = NULL;

	if (asprintf(&name, "%s / %s", group, gk_json_str_peek(test, "description")) < 0)
		abort();
	if (!schema)
		conformance_fail(run, name, "does not compile: %s", err->message);
	else if (gk_schema_is_valid(schema, json_object_get(test, "data"), NULL) != expected)
		conformance_fail(run, name, "expected %s", expected ? "valid" : "invalid");
	else
		conformance_pass(run, name);
}

static void run_group(conformance *run, const char *file, json_t *group)
{
	const char *name = gk_json_str_peek(group, "description");
	gk_auto_error gk_error err = { 0 };
	gk_schema *schema = NULL;
	json_t *test;
	size_t i;

	if (compile(json_object_get(group, "schema"), file, &schema, &err) != GK_OK)
		schema = NULL;
	json_array_foreach (json_object_get(group, "tests"), i, test)
		run_test(run, name, schema, &err, test);
	gk_schema_unref(schema);
}

/* --- ajv's answers --- */

static void run_answer(conformance *run, const char *file, size_t i, json_t *one)
{
	const char *name = conformance_number(i);
	const char *compile_error = gk_json_str_peek(one, "compileError");
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *errors = NULL;
	gk_schema *schema = NULL;

	if (compile(json_object_get(one, "schema"), file, &schema, &err) != GK_OK) {
		conformance_expect_text(run, name, err.message, compile_error);
		return;
	}
	gk_schema_is_valid(schema, json_object_get(one, "data"), &errors);
	if (compile_error)
		conformance_fail(run, name, "compiles, expected: %s", compile_error);
	else
		conformance_expect(run, name, errors, json_object_get(one, "errors"));
	gk_schema_unref(schema);
}

void conformance_json_schema(conformance *run, const char *file, json_t *doc)
{
	json_t *one;
	size_t i;

	if (strstr(file, "/remotes/"))
		return;
	if (strstr(file, "2020-12/optional/format/")) {
		conformance_skip(run, "-", "in 2020-12 a format is an annotation");
		return;
	}
	json_array_foreach (doc, i, one) {
		if (json_object_get(one, "tests"))
			run_group(run, file, one);
		else
			run_answer(run, file, i, one);
	}
}
