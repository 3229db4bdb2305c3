/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "ctl/prompts.h"

#include "base/str.h"
#include "ctl/run.h"
#include "json/edit.h"

#include <genkit/json.h>
#include <stdio.h>

#define PROMPT_KEY "/prompt/"

/* --- what the daemon has --- */

static gk_code collect(json_t *actions, json_t *rows, json_t *whole, gk_error *err)
{
	const char *key;
	json_t *action;

	json_object_foreach (actions, key, action) {
		const char *text = gk_json_str_peek(action, "description");
		const char *wrong = gk_json_str_peek(action, "metadata.error");
		bool serves;
		json_t *row;

		if (!gk_str_has_prefix(key, PROMPT_KEY))
			continue;
		serves = gk_json_str_peek(action, "metadata.prompt.template") != NULL;
		row = wrong ? json_pack("[s, s++]", key + strlen(PROMPT_KEY),
				      serves ? "BROKEN, an older version serves: " : "BROKEN: ",
				      wrong, "")
			    : json_pack("[s, s]", key + strlen(PROMPT_KEY), text ? text : "");
		if (!gk_json_push_take(rows, row) ||
			!gk_json_set(whole, key + strlen(PROMPT_KEY), action))
			return gk_error_no_memory(err);
	}
	return GK_OK;
}

gk_code gk_ctl_prompts(gk_ctl *ctl, gk_error *err)
{
	gk_auto_json json_t *actions = NULL, *rows = json_array(), *whole = json_object();
	gk_code rc = gk_ctl_ask(ctl, "/api/actions", NULL, &actions, err);

	if (rc == GK_OK)
		rc = collect(actions, rows, whole, err);
	if (rc != GK_OK)
		return rc;
	if (ctl->options->is_json)
		gk_ctl_print_line(whole);
	else
		gk_ctl_print_table(rows);
	return GK_OK;
}

/* --- prompt --- */

static gk_code usage(gk_ctl *ctl, gk_error *err)
{
	ctl->status = GK_EXIT_USAGE;
	return gk_error_set(err, GK_INVALID_ARGUMENT,
		"prompt: render FILE, run NAME or lint DIR; see 'genkitctl prompt --help'");
}

static gk_code render(gk_ctl *ctl, gk_error *err)
{
	gk_auto_json json_t *input = NULL, *messages = NULL;
	gk_code rc =
		ctl->options->input ? gk_ctl_read_input(ctl->options->input, &input, err) : GK_OK;

	if (rc != GK_OK) {
		ctl->status = GK_EXIT_USAGE;
		return rc;
	}
	rc = gk_ctl_render(ctl->options->words[1], input, &messages, err);
	if (rc != GK_OK)
		return rc;
	if (ctl->options->is_json)
		gk_ctl_print_line(messages);
	else
		gk_ctl_print(messages);
	return GK_OK;
}

/* As the flow that it is. */
static gk_code run(gk_ctl *ctl, gk_error *err)
{
	gk_ctl_options options = *ctl->options;
	const gk_ctl_options *given = ctl->options;
	gk_auto_str char *key = NULL;
	gk_code rc;

	if (asprintf(&key, "/flow/prompts/%s", options.words[1]) < 0) {
		key = NULL;
		return gk_error_no_memory(err);
	}
	options.words[0] = key;
	options.words[1] = options.input;
	options.word_count = options.input ? 2 : 1;
	ctl->options = &options;
	rc = gk_ctl_run(ctl, err);
	ctl->options = given;
	return rc;
}

static gk_code lint(gk_ctl *ctl, gk_error *err)
{
	gk_auto_json json_t *lines = NULL;
	json_t *line;
	size_t i;
	gk_code rc = gk_ctl_lint(ctl->options->words[1], &lines, err);

	if (rc != GK_OK)
		return rc;
	json_array_foreach (lines, i, line) {
		bool is_error = gk_json_bool_at(line, "isError", false);

		if (is_error)
			ctl->status = GK_EXIT_FAILED;
		if (!ctl->options->is_json)
			gk_ctl_say(stdout, "%s%s\n", gk_json_str_peek(line, "text"),
				is_error ? "" : " (a warning)");
	}
	if (ctl->options->is_json)
		gk_ctl_print_line(lines);
	return GK_OK;
}

gk_code gk_ctl_prompt(gk_ctl *ctl, gk_error *err)
{
	static const struct {
		const char *name;
		GK_SUSPENDS gk_code (*run)(gk_ctl *ctl, gk_error *err);
	} all[] = { { "render", render }, { "run", run }, { "lint", lint } };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(ctl->options->words[0], all[i].name) == 0)
			return all[i].run(ctl, err);
	return usage(ctl, err);
}
