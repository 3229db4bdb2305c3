/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The commands. */
#include "ctl/db.h"
#include "ctl/prompts.h"
#include "ctl/run.h"
#include "ctl/sessions.h"
#include "ctl/test_model.h"
#include "ctl/traces.h"
#include "loop/url_shown.h"

#include <genkit/json.h>
#include <stdio.h>
#include <stdlib.h>

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static gk_code list_actions(gk_ctl *ctl, gk_error *err)
{
	gk_auto_json json_t *actions = NULL, *rows = json_array();
	const char **keys, *key;
	size_t count = 0;
	json_t *action;
	gk_code rc = gk_ctl_ask(ctl, "/api/actions", NULL, &actions, err);

	if (rc != GK_OK)
		return rc;
	if (ctl->options->is_json) {
		gk_ctl_print_line(actions);
		return GK_OK;
	}
	keys = calloc(json_object_size(actions) + 1, sizeof(*keys));
	if (!keys)
		return gk_error_no_memory(err);
	json_object_foreach (actions, key, action)
		keys[count++] = key;
	qsort(keys, count, sizeof(*keys), by_name);
	for (size_t i = 0; i < count; i++) {
		const char *text = json_string_value(
			json_object_get(json_object_get(actions, keys[i]), "description"));

		if (json_array_append_new(rows, json_pack("[s, s]", keys[i], text ? text : "")) < 0)
			rc = gk_error_no_memory(err);
	}
	free(keys);
	if (rc == GK_OK)
		gk_ctl_print_table(rows);
	return rc;
}

static gk_code cancel(gk_ctl *ctl, gk_error *err)
{
	gk_auto_json json_t *body = json_pack("{s:s}", "traceId", ctl->options->words[0]),
			    *answer = NULL;
	gk_code rc = gk_ctl_ask(ctl, "/api/cancelAction", body, &answer, err);

	if (rc == GK_OK && ctl->options->is_json)
		gk_ctl_print_line(answer);
	else if (rc == GK_OK)
		gk_ctl_say(stdout, "%s\n",
			gk_json_str_peek(answer, "message") ? gk_json_str_peek(answer, "message")
							    : "cancelled");
	return rc;
}

static gk_code health(gk_ctl *ctl, gk_error *err)
{
	gk_auto_json json_t *answer = NULL, *said = NULL;
	gk_auto_str char *shown = gk_url_shown(ctl->url);
	gk_code rc = gk_ctl_ask(ctl, "/api/__health", NULL, &answer, err);

	if (rc == GK_OK && ctl->options->is_json) {
		said = json_pack("{s:s, s:s}", "status", "ok", "url", shown ? shown : "?");
		gk_ctl_print_line(said);
	} else if (rc == GK_OK)
		printf("ok, at %s\n", shown ? shown : "?");
	return rc;
}

const gk_ctl_command gk_ctl_commands[] = {
	{ "actions", "", "list what can be run",
		"Lists every action by its key. --json prints the whole descriptors, with schemas.",
		0, 0, list_actions },
	{ "run", "KEY [INPUT]", "run an action",
		"Runs the action with that key; a name without slash is a flow. INPUT is JSON, '-' reads it from standard\n"
		"input. --stream prints the chunks as they come, --context JSON says who asks, --label NAME=VALUE goes into\n"
		"the trace. Ctrl-C cancels the run. The exit status is 1 when the action failed.",
		1, 2, gk_ctl_run },
	{ "prompts", "", "list the prompts",
		"Lists the daemon's prompts, and what is wrong with their files. --json prints the whole descriptors.",
		0, 0, gk_ctl_prompts },
	{ "prompt", "render FILE | run NAME | lint DIR", "render, run or check .prompt files",
		"render shows the messages of a file, run asks the model with one of the daemon's; both take --input JSON ('-'\n"
		"reads it from standard input), run also what 'genkitctl run' takes, such as --stream. lint prints what is wrong\n"
		"with the files of a folder; the exit status is 1 when there is an error. render and lint need no daemon.",
		2, 2, gk_ctl_prompt },
	{ "test-model", "NAME | --from-file FILE", "hold a model to what models must do",
		"Asks the model, case by case, and looks at its answers: tool-request, structured-output, multiturn, each also\n"
		"streaming-, system-role, input-image-base64 and input-image-url, without what the model says it cannot do.\n"
		"--supports LIST (commas between) asks for these cases alone, also for input-video-youtube, output-audio,\n"
		"output-image and reasoning. --from-file reads models and cases of one's own, JSON or YAML:\n"
		"[{model, supports?, tests?: [{name, input, validators, stream?}]}]. The exit status is 1 when a case failed.",
		0, 1, gk_ctl_test_model },
	{ "traces", "[export FILE [ID...] | import FILE]", "list, export and import traces",
		"Lists what ran, the newest last. --action takes a name or a key, --status one of success, error and running,\n"
		"--since '10m', '14:30' or a date, --grep words that stand in inputs, outputs or errors, --limit how many (20).\n"
		"--follow goes on with those that come. export writes the whole traces into one file ('-': standard output),\n"
		"those that the options choose or those of the ids; import reads such a file, or the folder .genkit/traces of\n"
		"Genkit's tools.",
		0, GK_CTL_MAX_WORDS, gk_ctl_traces },
	{ "trace", "[ID]", "show a trace",
		"Shows a trace as a tree, with times, inputs, outputs and errors; without an id the newest one. The beginning of\n"
		"an id is enough while it is the only one of the last thousand traces. --verbose cuts nothing and shows all\n"
		"attributes; --json prints the whole trace as JSON.",
		0, 1, gk_ctl_trace },
	{ "sessions", "[list | show ID | export ID FILE | delete [ID]]",
		"look after the sessions of agents and chats",
		"Lists the sessions, the one used last first; --limit how many (20). show prints what was said in one, export\n"
		"writes all of it into a file ('-': standard output) as JSON, delete is rid of one, or of all that --store (an\n"
		"agent's name) and --owner choose. These two options go with every one of them.",
		0, 3, gk_ctl_sessions },
	{ "cancel", "TRACE_ID", "cancel a run",
		"Calls off the run of that trace id; run --verbose prints it.", 1, 1, cancel },
	{ "db", "[--file STORE] check | stats | vacuum | backup FILE",
		"look after the store of traces",
		"check asks SQLite whether the file is sound, stats prints its figures, vacuum gives unused room back, backup\n"
		"copies it to FILE, which must not exist, while the daemon goes on. With --file it is that file, and no daemon is\n"
		"asked.",
		1, 2, gk_ctl_db },
	{ "health", "", "ask whether the daemon answers", "Exit status 0 when it does.", 0, 0,
		health },
	{ .name = NULL },
};

const gk_ctl_command *gk_ctl_find_command(const char *name)
{
	for (const gk_ctl_command *command = gk_ctl_commands; command->name; command++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}
