/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The command line: a command, its words, and options anywhere among them. */
#include "ctl/ctl.h"

#include "base/str.h"

typedef struct option {
	const char *name;
	size_t text; /* offset of a const char *; 0: a flag */
	size_t flag; /* offset of a bool */
} option;

#define TEXT(name_, member)                                                                        \
	{                                                                                          \
		.name = name_, .text = offsetof(gk_ctl_options, member) + 1                        \
	}
#define FLAG(name_, member)                                                                        \
	{                                                                                          \
		.name = name_, .flag = offsetof(gk_ctl_options, member)                            \
	}

static const option options[] = {
	TEXT("--url", url),
	TEXT("--context", context),
	TEXT("--label", label),
	TEXT("--input", input),
	TEXT("--action", action),
	TEXT("--status", status),
	TEXT("--since", since),
	TEXT("--grep", grep),
	TEXT("--limit", limit),
	FLAG("--follow", is_follow),
	FLAG("-f", is_follow),
	TEXT("--store", store),
	TEXT("--owner", owner),
	TEXT("--supports", supports),
	TEXT("--from-file", from_file),
	TEXT("--file", file),
	FLAG("--json", is_json),
	FLAG("--stream", is_stream),
	FLAG("-s", is_stream),
	FLAG("--verbose", is_verbose),
	FLAG("-v", is_verbose),
	FLAG("--help", wants_help),
	FLAG("-h", wants_help),
	FLAG("--version", wants_version),
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

/* "--url" and "--url=..." */
static const option *find(const char *word, const char **value_ret)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		size_t len = strlen(options[i].name);

		if (strncmp(word, options[i].name, len) != 0)
			continue;
		*value_ret = word[len] == '=' ? word + len + 1 : NULL;
		if (!word[len] || (word[len] == '=' && options[i].text))
			return &options[i];
	}
	return NULL;
}

static gk_code unknown(const char *word, gk_error *err)
{
	const char *names[OPTIONS + 1] = { NULL }, *near;

	for (size_t i = 0; i < OPTIONS; i++)
		names[i] = options[i].name;
	near = gk_str_nearest(word, names);
	return gk_error_set(err, GK_INVALID_ARGUMENT, "unknown option %s%s%s", word,
		near ? "; did you mean " : "", near ? near : "");
}

static gk_code take_option(int argc, char **argv, int *at, gk_ctl_options *ret, gk_error *err)
{
	const char *value;
	const option *it = find(argv[*at], &value);

	if (!it)
		return unknown(argv[*at], err);
	if (!it->text) {
		*(bool *)((char *)ret + it->flag) = true;
		return GK_OK;
	}
	if (!value) {
		if (*at + 1 >= argc)
			return gk_error_set(err, GK_INVALID_ARGUMENT, "%s needs a value", it->name);
		value = argv[++*at];
	}
	*(const char **)((char *)ret + it->text - 1) = value;
	return GK_OK;
}

static gk_code take_word(const char *word, gk_ctl_options *ret, gk_error *err)
{
	if (!ret->command)
		ret->command = word;
	else if (ret->word_count < sizeof(ret->words) / sizeof(ret->words[0]))
		ret->words[ret->word_count++] = word;
	else
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "too many arguments, from '%s' on", word);
	return GK_OK;
}

static gk_code unknown_command(const char *name, gk_error *err)
{
	const char *names[GK_CTL_MAX_COMMANDS + 1] = { NULL }, *near;

	for (size_t i = 0; gk_ctl_commands[i].name && i < GK_CTL_MAX_COMMANDS; i++)
		names[i] = gk_ctl_commands[i].name;
	near = gk_str_nearest(name, names);
	return gk_error_set(err, GK_INVALID_ARGUMENT, "there is no command '%s'%s%s%s", name,
		near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static gk_code check_words(const gk_ctl_options *opts, gk_error *err)
{
	const gk_ctl_command *command = opts->command ? gk_ctl_find_command(opts->command) : NULL;

	if (opts->wants_help || opts->wants_version)
		return GK_OK;
	if (!opts->command)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "a command is expected");
	if (!command)
		return unknown_command(opts->command, err);
	if (opts->word_count < command->min_words || opts->word_count > command->max_words)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "usage: genkitctl %s %s",
			command->name, command->arguments);
	return GK_OK;
}

gk_code gk_ctl_parse(int argc, char **argv, gk_ctl_options *ret, gk_error *err)
{
	bool only_words = false;

	*ret = (gk_ctl_options){ 0 };
	for (int i = 1; i < argc; i++) {
		gk_code rc;

		if (!only_words && strcmp(argv[i], "--") == 0) {
			only_words = true;
			continue;
		}
		if (!only_words && argv[i][0] == '-' && argv[i][1])
			rc = take_option(argc, argv, &i, ret, err);
		else
			rc = take_word(argv[i], ret, err);
		if (rc != GK_OK)
			return rc;
	}
	return check_words(ret, err);
}
