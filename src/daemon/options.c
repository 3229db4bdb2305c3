/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "daemon/options.h"

#include "base/buf.h"
#include "base/parse.h"
#include "base/str.h"
#include "daemon/config.h"
#include "daemon/paths.h"

#include <getopt.h>
#include <limits.h>

typedef struct option_text {
	const char *name, *argument, *help;
	gk_options_action action; /* of those that do something else than serve */
} option_text;

static const option_text texts[] = {
	{ "config", "FILE", "read FILE instead of the system's configuration; may be repeated", 0 },
	{ "set", "KEY=VALUE", "set a key of the configuration; may be repeated", 0 },
	{ "module", "NAME|PATH", "load a module beside those of the configuration", 0 },
	{ "dev", NULL, "serve the Dev UI and genkit-cli, too; GENKIT_ENV=dev does the same", 0 },
	{ "ready-fd", "N",
		"write where it listens to descriptor N, as a line of JSON, and close it", 0 },
	{ "check-config", NULL, "report every mistake in the configuration, or what is in force",
		GK_ACTION_CHECK },
	{ "config-schema", NULL, "print the configuration's JSON Schema", GK_ACTION_SCHEMA },
	{ "config-man", NULL, NULL, GK_ACTION_MANUAL },
	{ "version", NULL, "print the version", GK_ACTION_VERSION },
	{ "help", NULL, "print this", GK_ACTION_HELP },
};
#define COUNT (sizeof(texts) / sizeof(texts[0]))

static void add(const char **list, const char *text)
{
	while (*list)
		list++;
	*list = text;
}

static gk_code take(gk_options *options, const char *name, const char *argument, gk_error *err)
{
	uint64_t fd;

	if (strcmp(name, "config") == 0) {
		add(options->files, argument);
	} else if (strcmp(name, "set") == 0) {
		add(options->assign, argument);
	} else if (strcmp(name, "module") == 0) {
		add(options->modules, argument);
	} else if (strcmp(name, "dev") == 0) {
		options->is_dev = true;
	} else if (strcmp(name, "ready-fd") == 0) {
		if (!gk_parse_u64(argument, strlen(argument), &fd) || fd > INT_MAX)
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"--ready-fd: '%s' is no file descriptor", argument);
		options->ready_fd = (int)fd;
	} else {
		for (size_t i = 0; i < COUNT; i++)
			if (strcmp(texts[i].name, name) == 0)
				options->action = texts[i].action;
	}
	return GK_OK;
}

static gk_code misunderstood(char **argv, int found, gk_error *err)
{
	const char *given = argv[optind - 1], *names[COUNT + 1], *near;
	size_t n = 0;

	if (found == ':')
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "%s: a value is missing after it", given);
	for (size_t i = 0; i < COUNT; i++)
		names[n++] = texts[i].name;
	names[n] = NULL;
	near = gk_str_has_prefix(given, "--") ? gk_str_nearest(given + 2, names) : NULL;
	return gk_error_set(err, GK_INVALID_ARGUMENT, "%s: there is no such option%s%s%s", given,
		near ? " (did you mean --" : "", near ? near : "", near ? "?)" : "");
}

static gk_code parse(int argc, char **argv, gk_options *options, gk_error *err)
{
	struct option known[COUNT + 1] = { 0 };
	int found, index = 0;

	for (size_t i = 0; i < COUNT; i++)
		known[i] = (struct option){ texts[i].name,
			texts[i].argument ? required_argument : no_argument, NULL, 1 };
	opterr = 0;
	optind = 0; /* glibc: from the beginning, whoever parsed before */
	while ((found = getopt_long(argc, argv, "+:hV", known, &index)) != -1) {
		gk_code rc = GK_OK;

		if (found == 1)
			rc = take(options, known[index].name, optarg, err);
		else if (found == 'h')
			options->action = GK_ACTION_HELP;
		else if (found == 'V')
			options->action = GK_ACTION_VERSION;
		else
			rc = misunderstood(argv, found, err);
		if (rc != GK_OK)
			return rc;
	}
	if (optind < argc)
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "%s: no argument is expected", argv[optind]);
	return GK_OK;
}

gk_code gk_options_parse(int argc, char **argv, gk_options *ret, gk_error *err)
{
	size_t size = (size_t)argc + 1;
	gk_code rc;

	*ret = (gk_options){ .ready_fd = -1 };
	ret->files = calloc(size, sizeof(*ret->files));
	ret->assign = calloc(size, sizeof(*ret->assign));
	ret->modules = calloc(size, sizeof(*ret->modules));
	ret->is_dev = gk_str_equal(getenv("GENKIT_ENV"), "dev");
	rc = ret->files && ret->assign && ret->modules ? parse(argc, argv, ret, err)
						       : gk_error_no_memory(err);
	if (rc != GK_OK)
		gk_options_done(ret);
	else if (!ret->files[0])
		free(gk_steal(ret->files));
	return rc;
}

void gk_options_done(gk_options *options)
{
	free(options->files);
	free(options->assign);
	free(options->modules);
	*options = (gk_options){ .ready_fd = -1 };
}

static void put_keys(gk_buf *out)
{
	gk_buf_printf(out,
		"\nKeys for --set and for %s\n(genkitd.yaml(5) explains them; lists and mappings as [a, b] and {a: b}):\n",
		gk_path_config);
	for (const gk_config_key *key = gk_config_keys; key->name; key++)
		gk_buf_printf(out, "  %-34s %s\n", key->name,
			key->fallback ? key->fallback
			: key->unset  ? key->unset
				      : "-");
}

char *gk_options_help(const char *program)
{
	gk_auto_buf gk_buf out = GK_BUF_INIT(0);

	gk_buf_printf(&out,
		"Usage: %s [OPTION]...\n\nServes flows over HTTP, and the reflection API to Genkit's tools.\n\nOptions:\n",
		program);
	for (size_t i = 0; i < COUNT; i++) {
		const option_text *text = &texts[i];

		if (!text->help)
			continue;
		gk_buf_printf(&out, "  --%s%s%-*s %s\n", text->name, text->argument ? " " : "",
			(int)(22 - strlen(text->name) - (text->argument != NULL)),
			text->argument ? text->argument : "", text->help);
	}
	put_keys(&out);
	gk_buf_puts(&out,
		"\nSignals: TERM and INT finish what runs and end; HUP reads the configuration again.\n"
		"Exit status: 0 ended as asked, 1 failure, 64 wrong usage, 69 an address cannot be had,\n"
		"78 mistakes in the configuration.\n");
	return gk_buf_take(&out, NULL);
}
