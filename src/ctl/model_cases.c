/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What models are tried with: the cases of Genkit's dev:test-model, and those of a file. */
#include "ctl/test_model.h"

#include "base/embed.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/str.h"
#include "json/edit.h"
#include "json/yaml.h"

#include <genkit/json.h>

#define MAX_BUILTINS 32

/* A case a line: {"name", "input", "validators", "stream"?, "needs"?: what a model must support, "asked"?: only when it is
 * named}. */
GK_EMBED(gk_model_cases, "src/ctl/model_cases.jsonl");

static gk_code read_builtins(json_t **ret, gk_error *err)
{
	gk_auto_json json_t *all = json_array();

	for (const char *line = gk_model_cases_start; line < gk_model_cases_end;) {
		const char *end = memchr(line, '\n', (size_t)(gk_model_cases_end - line));
		json_t *one = NULL;
		gk_code rc = gk_json_parse(line, (size_t)(end - line), 0, &one, err);

		if (rc != GK_OK)
			return rc;
		if (!gk_json_push_take(all, one))
			return gk_error_no_memory(err);
		line = end + 1;
	}
	*ret = gk_steal(all);
	return GK_OK;
}

/* --- suites --- */

/* "a, b" as ["a", "b"] */
static json_t *split(const char *list)
{
	gk_auto_json json_t *names = json_array();

	while (*list) {
		size_t len = strcspn(list, ", ");

		if (len && !gk_json_push_take(names, json_stringn(list, len)))
			return NULL;
		list += len + (list[len] != '\0');
	}
	return names ? gk_steal(names) : NULL;
}

static gk_code read_file(const char *path, json_t **ret, gk_error *err)
{
	gk_auto_str char *text = NULL;
	gk_auto_yaml gk_yaml *doc = NULL;
	size_t len;
	gk_code rc = gk_file_read(path, GK_MAX_YAML_TEXT, &text, &len, err);

	if (rc == GK_OK) /* JSON is YAML, too */
		rc = gk_yaml_parse(text, len, path, GK_YAML_CORE, &doc, err);
	if (rc != GK_OK)
		return rc;
	*ret = json_incref(gk_yaml_value_peek(doc));
	return GK_OK;
}

static gk_code check_suites(const json_t *suites, gk_error *err)
{
	json_t *suite;
	size_t i;

	json_array_foreach (suites, i, suite)
		if (!gk_json_str_peek(suite, "model"))
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"suite %zu of the file names no model", i);
	return GK_OK;
}

gk_code gk_model_suites(const gk_ctl_options *options, json_t **ret, gk_error *err)
{
	const char *name = options->word_count ? options->words[0] : NULL;
	gk_auto_json json_t *suites = NULL;
	gk_code rc = GK_OK;

	if (!name == !options->from_file)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"test-model: the name of a model, or --from-file FILE");
	if (options->from_file)
		rc = read_file(options->from_file, &suites, err);
	else
		suites = json_pack("{s:s, s:o*}", "model", name, "supports",
			options->supports ? split(options->supports) : NULL);
	if (rc == GK_OK && suites && !json_is_array(suites))
		suites = json_pack("[o]", suites);
	if (rc == GK_OK && !suites)
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		rc = check_suites(suites, err);
	if (rc == GK_OK)
		*ret = gk_steal(suites);
	return rc;
}

/* --- the cases of a suite --- */

static json_t *find_case(json_t *builtins, const char *name)
{
	json_t *one;
	size_t i;

	json_array_foreach (builtins, i, one)
		if (gk_str_equal(gk_json_str_peek(one, "name"), name))
			return one;
	return NULL;
}

static gk_code no_such(json_t *builtins, const char *name, gk_error *err)
{
	const char *names[MAX_BUILTINS + 1] = { NULL }, *near;
	json_t *one;
	size_t i;

	json_array_foreach (builtins, i, one)
		if (i < MAX_BUILTINS)
			names[i] = gk_json_str_peek(one, "name");
	near = gk_str_nearest(name ? name : "", names);
	return gk_error_set(err, GK_INVALID_ARGUMENT, "there is no case '%s'%s%s%s",
		name ? name : "", near ? "; did you mean '" : "", near ? near : "",
		near ? "'?" : "");
}

static gk_code add_named(json_t *cases, json_t *builtins, json_t *names, gk_error *err)
{
	json_t *name;
	size_t i;

	json_array_foreach (names, i, name) {
		json_t *one = find_case(builtins, json_string_value(name));

		if (!one)
			return no_such(builtins, json_string_value(name), err);
		if (json_array_append(cases, one) < 0)
			return gk_error_no_memory(err);
	}
	return GK_OK;
}

static gk_code add_usual(json_t *cases, json_t *builtins, const json_t *info, gk_error *err)
{
	json_t *supports = json_object_get(info, "supports"), *one;
	size_t i;

	json_array_foreach (builtins, i, one) {
		const char *needs = gk_json_str_peek(one, "needs");

		if (json_is_true(json_object_get(one, "asked")) ||
			(needs && json_is_false(json_object_get(supports, needs))))
			continue;
		if (json_array_append(cases, one) < 0)
			return gk_error_no_memory(err);
	}
	return GK_OK;
}

gk_code gk_model_suite_cases(json_t *suite, const json_t *info, json_t **ret, gk_error *err)
{
	json_t *names = json_object_get(suite, "supports"), *own = json_object_get(suite, "tests");
	gk_auto_json json_t *builtins = NULL, *cases = json_array();
	gk_code rc = cases ? read_builtins(&builtins, err) : gk_error_no_memory(err);

	if (rc == GK_OK && names)
		rc = add_named(cases, builtins, names, err);
	else if (rc == GK_OK && !own)
		rc = add_usual(cases, builtins, info, err);
	if (rc == GK_OK && json_is_array(own) && json_array_extend(cases, own) < 0)
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		*ret = gk_steal(cases);
	return rc;
}
