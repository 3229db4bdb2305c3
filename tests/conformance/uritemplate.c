/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The kind "uritemplate": lists of {template, uri, matches | error}. Whether a URI matches is all that resources need. */
#include "conformance.h"

#include "core/uri_template.h"

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

void conformance_uritemplate(conformance *run, const char *file, json_t *doc)
{
	json_t *one;
	size_t i;

	if (!conformance_is_file(file, "genkit-matching.json")) {
		conformance_skip(run, "-", "templates are matched, never expanded");
		return;
	}
	json_array_foreach (doc, i, one)
		run_matching(run, conformance_number(i), one);
}
