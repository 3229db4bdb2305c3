/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The kind "json-patch": the public suite, {doc, patch, expected | error}, by the strict rules, its error texts being
 * anyone's; and {kind: diff | apply | apply_err | roundtrip} as agents have it, by the lenient ones.
 */
#include "conformance.h"

#include "json/edit.h"
#include "json/patch.h"

#include <stdio.h>

/* --- the public suite --- */

static void run_strict(conformance *run, const char *name, const json_t *one)
{
	json_t *doc = json_object_get(one, "doc"), *expected = json_object_get(one, "expected");
	const char *error = gk_json_str_peek(one, "error");
	gk_auto_json json_t *before = json_deep_copy(doc), *got = NULL;
	gk_auto_error gk_error err = { 0 };
	gk_code rc;

	/* Those that are left out and fail have two members of one name, of which reading keeps the last. */
	if (error && gk_json_bool_at(one, "disabled", false)) {
		conformance_skip(run, name, "the suite leaves it out");
		return;
	}
	rc = gk_json_patch_apply(doc, json_object_get(one, "patch"), GK_PATCH_STRICT, &got, &err);
	if (!gk_json_equal(before, doc))
		conformance_fail(run, name, "the document was changed");
	else if ((rc == GK_OK) == (error != NULL))
		conformance_fail(run, name, "%s, expected %s",
			rc == GK_OK ? "applies" : err.message, error ? error : "it to apply");
	else if (expected)
		conformance_expect(run, name, got, expected);
	else
		conformance_pass(run, name);
}

/* --- agents --- */

static void run_diff(conformance *run, const char *name, const json_t *one)
{
	gk_auto_json json_t *got = NULL;
	gk_auto_error gk_error err = { 0 };

	if (gk_json_diff(json_object_get(one, "from"), json_object_get(one, "to"), &got, &err) !=
		GK_OK)
		conformance_fail(run, name, "%s", err.message);
	else
		conformance_expect(run, name, got, json_object_get(one, "patch"));
}

static void run_roundtrip(conformance *run, const char *name, const json_t *one)
{
	json_t *from = json_object_get(one, "from"), *to = json_object_get(one, "to");
	gk_auto_json json_t *patch = NULL, *got = NULL;
	gk_auto_error gk_error err = { 0 };

	if (gk_json_diff(from, to, &patch, &err) != GK_OK ||
		gk_json_patch_apply(from, patch, GK_PATCH_LENIENT, &got, &err) != GK_OK)
		conformance_fail(run, name, "%s", err.message);
	else
		conformance_expect(run, name, got, to);
}

/* `result_absent` is there without a `result`. */
static void run_apply(conformance *run, const char *name, const json_t *one)
{
	gk_auto_json json_t *got = NULL;
	gk_auto_error gk_error err = { 0 };
	const char *error = gk_json_str_peek(one, "error");
	gk_code rc = gk_json_patch_apply(json_object_get(one, "doc"), json_object_get(one, "patch"),
		GK_PATCH_LENIENT, &got, &err);

	if (!error && rc == GK_OK)
		conformance_expect(run, name, got, json_object_get(one, "result"));
	else if (error && rc != GK_OK && strstr(err.message, error))
		conformance_pass(run, name);
	else
		conformance_fail(run, name, "%s, expected %s",
			rc == GK_OK ? "applies" : err.message, error ? error : "it to apply");
}

static const struct {
	const char *kind;
	void (*run)(conformance *run, const char *name, const json_t *one);
} agent_kinds[] = {
	{ "diff", run_diff },
	{ "apply", run_apply },
	{ "apply_err", run_apply },
	{ "roundtrip", run_roundtrip },
};

static void run_agent(conformance *run, const char *name, const char *kind, const json_t *one)
{
	for (size_t i = 0; i < sizeof(agent_kinds) / sizeof(agent_kinds[0]); i++)
		if (strcmp(agent_kinds[i].kind, kind) == 0) {
			agent_kinds[i].run(run, name, one);
			return;
		}
	conformance_fail(run, name, "unknown kind %s", kind);
}

void conformance_json_patch(conformance *run, const char *file, json_t *doc)
{
	json_t *one;
	size_t i;

	(void)file;
	json_array_foreach (doc, i, one) {
		const char *kind = gk_json_str_peek(one, "kind");

		if (kind)
			run_agent(run, gk_json_str_peek(one, "id"), kind, one);
		else if (json_object_get(one, "patch"))
			run_strict(run, conformance_number(i), one);
	}
}
