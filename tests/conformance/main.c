/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* conformance KIND PATH...: see conformance.h. */
#include "run.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const conformance_kind kinds[] = {
	{ "agent", conformance_agent },
	{ "core", conformance_core },
	{ "dotprompt", conformance_dotprompt },
	{ "dotprompt-docs", conformance_dotprompt_docs },
	{ "generate", conformance_generate },
	{ "handlebars", conformance_handlebars },
	{ "json-patch", conformance_json_patch },
	{ "json-schema", conformance_json_schema },
	{ "picoschema", conformance_picoschema },
	{ "providers", conformance_providers },
	{ "sessions", conformance_sessions },
	{ "telemetry", conformance_telemetry },
	{ "uritemplate", conformance_uritemplate },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const char differs_file[] = "tests/conformance/differs.txt";

/* --- differs.txt --- */

static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	len = strlen(text);
	while (len > 0 && strchr(" \t\r\n", text[len - 1]))
		len--;
	text[len] = '\0';
	return text;
}

/* "kind | file | case | reason"; false: malformed. The parts point into `line`. */
static bool parse_differ(char *line, differ *ret)
{
	char *parts[4] = { NULL };
	size_t count = 0;

	for (char *rest = line, *part; count < 4 && rest; count++) {
		part = rest;
		rest = count < 3 ? strstr(rest, " | ") : NULL;
		if (rest) {
			*rest = '\0';
			rest += 3;
		}
		parts[count] = trim(part);
	}
	if (count < 4 || !*parts[3])
		return false;
	*ret = (differ){ line, parts[0], parts[1], parts[2], parts[3], false };
	return true;
}

/* From the folder we are in, or from above the program. */
static char *find_differs(void)
{
	char program[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
	char *path = NULL;

	if (access(differs_file, R_OK) == 0)
		return strdup(differs_file);
	program[len > 0 ? len : 0] = '\0';
	for (char *slash; (slash = strrchr(program, '/')) != NULL; free(path)) {
		*slash = '\0';
		if (asprintf(&path, "%s/%s", program, differs_file) < 0)
			return NULL;
		if (access(path, R_OK) == 0)
			return path;
	}
	return NULL;
}

static bool load_differs(conformance *run)
{
	gk_auto_str char *path = find_differs();
	FILE *stream = path ? fopen(path, "re") : NULL;
	char *line = NULL;
	size_t room = 0;
	bool worked = stream != NULL;

	while (worked && getline(&line, &room, stream) >= 0) {
		char *text = strdup(line);
		differ *more;

		if (!text || strchr("#\n", *text)) {
			free(text);
			continue;
		}
		more = realloc(run->differs, (run->differ_count + 1) * sizeof(*more));
		if (more)
			run->differs = more;
		worked = more && parse_differ(text, &run->differs[run->differ_count]);
		if (worked) {
			run->differ_count++;
		} else {
			fprintf(stderr, "%s: not 'kind | file | case | reason': %s", path, line);
			free(text);
		}
	}
	if (!stream)
		fprintf(stderr, "%s: not found\n", differs_file);
	else
		fclose(stream);
	free(line);
	return worked;
}

static void free_differs(conformance *run)
{
	for (size_t i = 0; i < run->differ_count; i++)
		free(run->differs[i].line);
	free(run->differs);
}

/* What is listed for a file that was run must have been met in it. */
static void check_differs(conformance *run)
{
	for (size_t i = 0; i < run->differ_count; i++) {
		const differ *d = &run->differs[i];

		if (d->met || strcmp(d->kind, run->kind) != 0 ||
			!conformance_is_file(run->file, d->file))
			continue;
		printf("%s %s %s: is listed in differs.txt, but there is no such case\n", run->kind,
			run->file, d->name);
		run->failed++;
	}
}

/* --- files --- */

static void run_file(conformance *run, const conformance_kind *kind, const char *file)
{
	gk_auto_json json_t *doc = conformance_load(file);

	run->files++;
	run->file = file;
	if (!doc) {
		conformance_fail(run, "-", "cannot be read");
		return;
	}
	kind->run(run, file, doc);
	check_differs(run);
}

static bool is_vector(const char *file)
{
	return conformance_has_suffix(file, ".json") || conformance_has_suffix(file, ".yaml") ||
	       conformance_has_suffix(file, ".yml");
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void run_path(conformance *run, const conformance_kind *kind, const char *path)
{
	struct dirent **entries = NULL;
	struct stat info;
	int count;

	if (stat(path, &info) != 0) {
		perror(path);
		run->failed++;
		return;
	}
	if (!S_ISDIR(info.st_mode)) {
		run_file(run, kind, path);
		return;
	}
	count = scandir(path, &entries, not_hidden, alphasort);
	for (int i = 0; i < count; i++) {
		gk_auto_str char *below = NULL;

		if (asprintf(&below, "%s/%s", path, entries[i]->d_name) < 0)
			below = NULL;
		else if (stat(below, &info) == 0 && (S_ISDIR(info.st_mode) || is_vector(below)))
			run_path(run, kind, below);
		free(entries[i]);
	}
	free(entries);
}

/* --- the program --- */

static const conformance_kind *find_kind(const char *name)
{
	for (size_t i = 0; i < KINDS; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

static int usage(const char *program)
{
	fprintf(stderr, "usage: %s KIND PATH...\nkinds:", program);
	for (size_t i = 0; i < KINDS; i++)
		fprintf(stderr, " %s", kinds[i].name);
	fputc('\n', stderr);
	return 2;
}

int main(int argc, char **argv)
{
	const conformance_kind *kind = argc > 2 ? find_kind(argv[1]) : NULL;
	conformance run = { .kind = argc > 1 ? argv[1] : "" };

	setvbuf(stdout, NULL, _IOLBF, 0); /* what was said stays said when a case crashes */
	if (!kind)
		return usage(argv[0]);
	if (!load_differs(&run))
		return 2;
	for (int i = 2; i < argc; i++)
		run_path(&run, kind, argv[i]);
	if (run.files == 0) {
		fprintf(stderr, "%s: no .json or .yaml file there\n", argv[2]);
		run.failed++;
	}
	printf("%zu passed, %zu failed", run.passed, run.failed);
	if (run.skipped)
		printf(", %zu skipped", run.skipped);
	putchar('\n');
	free_differs(&run);
	return run.failed ? 1 : 0;
}
