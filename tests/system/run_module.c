/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * run_module MODULE.so [KEY INPUT gives|fails EXPECTED]...: loads a module as the daemon does, runs its actions one after the
 * other, and compares. INPUT and EXPECTED are JSON; an INPUT of no text is no input. A failure is compared as "STATUS: message"; a text
 * that is expected and ends in "..." may go on, and "..." stands for any value.
 */
#include "ai/ai.h"
#include "json/edit.h"

#include <dlfcn.h>
#include <stdio.h>

#define CLAIM 4 /* words */

static gk_loop *loop;
static gk_app *app;

static int give_up(const char *what, const gk_error *err)
{
	gk_auto_str char *text = gk_error_text(err);

	fprintf(stderr, "%s: %s\n", what, text ? text : "");
	return EXIT_FAILURE;
}

static json_t *read_json(const char *text)
{
	gk_auto_error gk_error err = { 0 };
	json_t *value = NULL;

	if (*text && gk_json_parse(text, strlen(text), 0, &value, &err) != GK_OK)
		exit(give_up(text, &err));
	return value;
}

static bool is_expected(const json_t *got, const json_t *expected);

static bool are_expected(const json_t *got, const json_t *expected)
{
	const char *key;
	json_t *value;
	size_t i;

	json_array_foreach ((json_t *)expected, i, value)
		if (!is_expected(json_array_get(got, i), value))
			return false;
	json_object_foreach ((json_t *)expected, key, value)
		if (!is_expected(json_object_get(got, key), value))
			return false;
	return json_typeof(got) == json_typeof(expected) &&
	       json_array_size(got) == json_array_size(expected) &&
	       json_object_size(got) == json_object_size(expected);
}

static bool is_expected(const json_t *got, const json_t *expected)
{
	const char *text = json_string_value(got), *beginning = json_string_value(expected);
	size_t len = beginning ? strlen(beginning) : 0;

	if (!got || !expected)
		return got == expected;
	if (beginning && strcmp(beginning, "...") == 0)
		return true;
	if (text && len > 3 && strcmp(beginning + len - 3, "...") == 0)
		return strncmp(text, beginning, len - 3) == 0;
	return gk_json_is_container(got) ? are_expected(got, expected)
					 : gk_json_equal(got, expected);
}

/* What came of it, as JSON: the result, or the failure's text. */
static json_t *outcome_of(gk_run *run, bool *failed_ret)
{
	const gk_error *failure = gk_run_error_peek(run);
	gk_auto_str char *text = failure ? gk_error_text(failure) : NULL;

	*failed_ret = failure;
	if (failure)
		return json_string(text);
	return gk_run_result_peek(run) ? json_incref(gk_run_result_peek(run)) : json_null();
}

static int run_action(
	const char *key, const char *input_text, bool fails, const char *expected_text)
{
	gk_auto_json json_t *input = read_json(input_text), *expected = read_json(expected_text);
	gk_auto_json json_t *got = NULL;
	gk_auto_str char *shown = NULL;
	gk_auto_error gk_error err = { 0 };
	bool failed, ok;
	gk_run *run;

	if (gk_run_start(GK_OPTS(gk_run_opts, .app = app, .key = key, .input = input), &run,
		    &err) != GK_OK)
		return give_up(key, &err);
	while (!gk_run_is_done(run))
		gk_loop_turn(loop, 100);
	got = outcome_of(run, &failed);
	gk_run_unref(run);
	ok = failed == fails && is_expected(got, expected);
	shown = gk_json_write(got, NULL);
	if (!ok)
		fprintf(stderr, "%s %s %s\n", key, failed ? "fails with" : "gives",
			shown ? shown : "");
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	gk_auto_error gk_error err = { 0 };
	gk_code (*init)(gk_app *, gk_error *) = NULL;
	void *module, *symbol;
	int status = EXIT_SUCCESS;

	if (argc < 2 || argc % CLAIM != 2) {
		fprintf(stderr,
			"usage: run_module MODULE.so [KEY INPUT gives|fails EXPECTED]...\n");
		return EXIT_FAILURE;
	}
	module = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	symbol = module ? dlsym(module, "gk_module_init") : NULL;
	if (!symbol) {
		fprintf(stderr, "%s: %s\n", argv[1], dlerror());
		return EXIT_FAILURE;
	}
	memcpy(&init, &symbol, sizeof(init));
	if (gk_loop_new(&loop, &err) != GK_OK || gk_app_new(loop, NULL, &app, &err) != GK_OK ||
		gk_ai_init(app, &err) != GK_OK || init(app, &err) != GK_OK)
		return give_up(argv[1], &err);
	for (char **claim = argv + 2; claim < argv + argc; claim += CLAIM)
		if (run_action(claim[0], claim[1], strcmp(claim[2], "fails") == 0, claim[3]) !=
			EXIT_SUCCESS)
			status = EXIT_FAILURE;
	gk_app_free(app);
	gk_loop_free(loop);
	return status;
}
