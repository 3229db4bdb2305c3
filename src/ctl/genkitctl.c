/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* genkitctl: the process around a command. */
#include "config.h"
#include "ctl/ctl.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void print_help(FILE *out)
{
	fputs("usage: genkitctl [--url URL] [--json] COMMAND [ARGUMENT...]\n\nCommands:\n", out);
	for (const gk_ctl_command *command = gk_ctl_commands; command->name; command++)
		fprintf(out, "  %-10s %-14s %s\n", command->name, command->arguments,
			command->summary);
	fputs("\nOptions:\n"
	      "  --url URL      where genkitd's reflection API is; otherwise $GENKITD_URL, or the daemon\n"
	      "                 that was started in this project, or http://127.0.0.1:3100\n"
	      "                 $GENKITD_KEY is sent along, where server.admin_keys guard traces\n"
	      "  --json         print JSON, a line each, for programs\n"
	      "  -v, --verbose  print trace ids\n"
	      "  --version, -h, --help; genkitctl COMMAND --help says more\n",
		out);
}

static int explain(const gk_ctl_options *options)
{
	const gk_ctl_command *command =
		options->command ? gk_ctl_find_command(options->command) : NULL;

	if (options->wants_version)
		printf("genkitctl %s\n", PACKAGE_VERSION);
	else if (command)
		printf("usage: genkitctl %s %s\n\n%s\n", command->name, command->arguments,
			command->help);
	else
		print_help(stdout);
	return GK_EXIT_OK;
}

/* Of a command line no status is worth saying. */
static void complain(const gk_error *err, int status)
{
	gk_auto_str char *text =
		status == GK_EXIT_USAGE && err->message ? strdup(err->message) : gk_error_text(err);

	gk_ctl_say(stderr, "genkitctl: %s\n", text ? text : "out of memory");
}

/* --- the command --- */

static void cancel_run(gk_ctl *ctl)
{
	gk_auto_json json_t *body = json_pack("{s:s}", "traceId", ctl->trace_id), *answer = NULL;

	if (ctl->trace_id[0] && gk_ctl_ask(ctl, "/api/cancelAction", body, &answer, NULL) != GK_OK)
		answer = NULL; /* it has ended by itself */
}

static void body(void *user)
{
	gk_ctl *ctl = user;
	gk_auto_error gk_error err = { 0 };
	gk_code rc = gk_ctl_find_command(ctl->options->command)->run(ctl, &err);

	if (gk_scope_reason(ctl->scope) != GK_OK) {
		ctl->status = GK_EXIT_INTERRUPTED;
		gk_fiber_swap_scope(NULL); /* this question is to be answered still */
		cancel_run(ctl);
	} else if (rc != GK_OK) {
		complain(&err, ctl->status);
		if (!ctl->status)
			ctl->status = GK_EXIT_FAILED;
	}
	gk_loop_stop(ctl->loop);
}

static void interrupt(void *user)
{
	gk_ctl *ctl = user;

	gk_scope_cancel(ctl->scope, GK_CANCELLED);
}

static gk_code run(gk_ctl *ctl, gk_error *err)
{
	gk_signal *on_int = NULL;
	gk_code rc = gk_ctl_find_daemon(ctl->options, getenv("GENKITD_URL"), &ctl->url, err);

	if (rc == GK_OK)
		rc = gk_loop_new(&ctl->loop, err);
	if (rc == GK_OK)
		rc = gk_fetch_client_new(ctl->loop,
			GK_OPTS(gk_fetch_client_opts, .user_agent = "genkitctl/" PACKAGE_VERSION),
			&ctl->client, err);
	if (rc == GK_OK) {
		ctl->scope = gk_scope_new(ctl->loop, NULL);
		rc = ctl->scope ? gk_signal_start(ctl->loop, SIGINT, interrupt, ctl, &on_int, err)
				: gk_error_no_memory(err);
	}
	if (rc == GK_OK)
		rc = gk_fiber_start(ctl->loop, "command", ctl->scope, body, ctl, NULL, err);
	if (rc == GK_OK)
		gk_loop_run(ctl->loop);
	gk_signal_stop(on_int);
	gk_scope_unref(ctl->scope);
	gk_fetch_client_free(ctl->client);
	gk_loop_free(ctl->loop);
	free(ctl->url);
	return rc;
}

/* What could not be printed was not told: a full disk, a reader that has gone. */
static int check_printed(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (errno != EPIPE)
		perror("genkitctl");
	return status ? status : GK_EXIT_FAILED;
}

int main(int argc, char **argv)
{
	gk_auto_error gk_error err = { 0 };
	gk_ctl_options options;
	gk_ctl ctl = { .options = &options, .key = getenv("GENKITD_KEY") };

	signal(SIGPIPE, SIG_IGN);
	if (gk_ctl_parse(argc, argv, &options, &err) != GK_OK) {
		fprintf(stderr, "genkitctl: %s\nTry 'genkitctl --help'.\n",
			err.message ? err.message : "out of memory");
		return GK_EXIT_USAGE;
	}
	if (options.wants_help || options.wants_version)
		return check_printed(explain(&options));
	if (run(&ctl, &err) != GK_OK) {
		complain(&err, 0);
		return GK_EXIT_FAILED;
	}
	return check_printed(ctl.status);
}
