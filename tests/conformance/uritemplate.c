/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The kind "uritemplate": groups of templates with their expansions, and a list of {template, uri, matches | error}. */
#include "conformance.h"

#include "core/uri_template.h"
#include "json/uri_expand.h"

#include <stdio.h>

/* Whether a URI matches is all that resources need. */
static void run_matching(conformance *run, const char *name, const json_t *one)
{
	/* What makes the reference raise is no match here. */
	bool expected = gk_json_bool_at(one, "matches", false);
	bool got = gk_uri_template_matches(
		gk_json_str_peek(one, "template"), gk_json_str_peek(one, "uri"), false);

	if (got == expected)
		conformance_pass(run, name);
	else
		conformance_fail(run, name, "%s %s %s", gk_json_str_peek(one, "template"),
			got ? "matches" : "does not match", gk_json_str_peek(one, "uri"));
}

/* A text, one of several texts, or false: an error. */
static bool is_expected(const char *got, const json_t *expected)
{
	const json_t *one;
	size_t i;

	if (!got)
		return json_is_false(expected);
	if (json_is_string(expected))
		return strcmp(got, json_string_value(expected)) == 0;
	json_array_foreach (expected, i, one)
		if (is_expected(got, one))
			return true;
	return false;
}

static void run_expansion(
	conformance *run, const char *name, const json_t *variables, const json_t *one)
{
	const char *uri_template = json_string_value(json_array_get(one, 0));
	gk_auto_str char *got = NULL, *expected = gk_json_write(json_array_get(one, 1), NULL);
	gk_auto_error gk_error err = { 0 };
	gk_code rc = gk_uri_expand(uri_template, variables, &got, &err);

	if ((rc == GK_OK) == (got != NULL) && is_expected(got, json_array_get(one, 1)))
		conformance_pass(run, name);
	else
		conformance_fail(run, name, "%s gives %s, expected %s", uri_template,
			got ? got : err.message, expected);
}

static void run_groups(conformance *run, json_t *doc)
{
	const char *title;
	json_t *group, *one;
	size_t i;

	json_object_foreach (doc, title, group)
		json_array_foreach (json_object_get(group, "testcases"), i, one) {
			char name[200];

			snprintf(name, sizeof(name), "%s / %zu", title, i);
			run_expansion(run, name, json_object_get(group, "variables"), one);
		}
}

void conformance_uritemplate(conformance *run, const char *file, json_t *doc)
{
	json_t *one;
	size_t i;

	(void)file;
	if (json_is_object(doc))
		run_groups(run, doc);
	json_array_foreach (doc, i, one)
		run_matching(run, conformance_number(i), one);
}
