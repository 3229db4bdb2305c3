/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The kind "handlebars": templates with their data, partials and helpers. */
#include "handlebars.h"

#include "dotprompt/template.h"

static const char *const left_out[] = { "strict", "assumeObjects", "compat",
	"explicitPartialContext" };

/* The option of handlebars.js that a case sets and Dotprompt never does; NULL: none. */
static const char *unused_option(const json_t *options)
{
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		if (json_is_true(json_object_get(options, left_out[i])))
			return left_out[i];
	return json_is_false(json_object_get(options, "data")) ? "data: false" : NULL;
}

static size_t third_line(const char *text)
{
	const char *at = strchr(text, '\n');

	for (int i = 0; i < 2 && at; i++)
		at = strchr(at + 1, '\n');
	return at ? (size_t)(at - text) : strlen(text);
}

bool handlebars_same_error(const char *got, const char *expected)
{
	size_t len = strlen(expected);

	if (strncmp(expected, "Parse error", 11) == 0)
		len = third_line(expected);
	return strncmp(got, expected, len) == 0 &&
	       (got[len] == '\0' || (len < strlen(expected) && got[len] == '\n'));
}

static void expect_error(conformance *run, const char *name, const gk_error *err, const json_t *one)
{
	const char *expected = gk_json_str_peek(one, "expectedError");
	const char *kind = gk_json_str_peek(one, "errorKind");

	if (strcmp(kind, "engine") == 0 || handlebars_same_error(err->message, expected))
		conformance_pass(run, name);
	else
		conformance_fail(run, name, "error '%s', expected '%s'", err->message, expected);
}

static gk_code set_up(gk_engine *engine, json_t *one, gk_error *err)
{
	json_t *partials = json_object_get(one, "partials"), *source, *helper;
	const char *name;
	gk_code rc = GK_OK;
	size_t i;

	json_object_foreach (partials, name, source)
		if (rc == GK_OK)
			rc = gk_engine_set_partial(engine, name, json_string_value(source),
				json_string_length(source), err);
	json_array_foreach (json_object_get(one, "helpers"), i, helper)
		if (!handlebars_set_helper(engine, json_string_value(helper)))
			rc = gk_error_set(
				err, GK_INTERNAL, "no test helper %s", json_string_value(helper));
	return rc;
}

/* The level and text of each line that {{log}} wrote. */
static void take_log(const char *level, const char *text, void *user)
{
	json_array_append_new(user, json_pack("[s, s]", level, text));
}

static gk_code render(json_t *one, json_t *log, char **ret, gk_error *err)
{
	json_t *source = json_object_get(one, "template"), *data = json_object_get(one, "data");
	json_t *options = json_object_get(one, "options");
	gk_auto_engine gk_engine *engine = gk_engine_new(NULL);
	gk_auto_json json_t *empty = json_object();
	gk_auto_template gk_template *tmpl = NULL;
	bool is_stock = strcmp(gk_json_str_peek(one, "profile"), "handlebars") == 0;
	gk_template_opts opts = { .escapes_html = is_stock,
		.guesses_helpers = is_stock,
		.ignores_standalone = json_is_true(json_object_get(options, "ignoreStandalone")),
		.prevents_indent = json_is_true(json_object_get(options, "preventIndent")) };
	gk_template_input input = { .engine = engine,
		.context = data ? data : empty,
		.data = json_object_get(one, "privateData"),
		.log = take_log,
		.user = log };
	gk_code rc = set_up(engine, one, err);

	if (json_is_true(json_object_get(options, "noEscape")))
		opts.escapes_html = false;
	if (json_is_true(json_object_get(options, "knownHelpersOnly")))
		opts.guesses_helpers = false;
	if (rc == GK_OK)
		rc = gk_template_compile(json_string_value(source), json_string_length(source),
			&opts, NULL, &tmpl, err);
	return rc == GK_OK ? gk_template_render(tmpl, &input, ret, NULL, NULL, err) : rc;
}

static void run_case(conformance *run, const char *name, json_t *one)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *log = json_array();
	gk_auto_str char *text = NULL;
	const char *expected = gk_json_str_peek(one, "expectedConcat");
	const json_t *expected_log = json_object_get(one, "expectedLog");
	gk_code rc = render(one, log, &text, &err);

	if (!expected)
		expected = gk_json_str_peek(one, "expected");
	if (rc != GK_OK && json_object_get(one, "expectedError"))
		expect_error(run, name, &err, one);
	else if (rc != GK_OK)
		conformance_fail(run, name, "error %s", err.message);
	else if (!expected)
		conformance_fail(run, name, "no error, but '%s'", text);
	else if (expected_log && !conformance_equal(log, expected_log))
		conformance_expect(run, name, log, expected_log);
	else
		conformance_expect_text(run, name, text, expected);
}

void conformance_handlebars(conformance *run, const char *file, json_t *doc)
{
	json_t *one;
	size_t i;

	(void)file;
	json_array_foreach (doc, i, one) {
		const char *name = gk_json_str_peek(one, "name");
		const char *option = unused_option(json_object_get(one, "options"));

		if (!name)
			name = conformance_number(i);
		if (option)
			conformance_skip(run, name, "Dotprompt never sets the option %s", option);
		else
			run_case(run, name, one);
	}
}
