/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* genkitctl traces export and import: a file with a trace a line, and what Genkit's tools keep (telemetry section 2.8). */
#include "ctl/traces.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/str.h"
#include "json/edit.h"

#include <dirent.h>
#include <genkit/json.h>
#include <stdio.h>
#include <sys/stat.h>

/* --- export --- */

static gk_code write_trace(gk_ctl *ctl, const char *id, FILE *file, gk_error *err)
{
	gk_auto_json json_t *trace = NULL;
	gk_auto_str char *line = NULL;
	gk_code rc = gk_ctl_load_trace(ctl, id, &trace, err);

	if (rc != GK_OK)
		return rc;
	line = gk_json_write(trace, NULL);
	if (!line)
		return gk_error_no_memory(err);
	if (fprintf(file, "%s\n", line) < 0)
		return gk_ctl_fail_file(ctl->options->words[1], err);
	return GK_OK;
}

/* Those that come while it is written would move the pages. */
static gk_code choose(gk_ctl *ctl, json_t **ret, gk_error *err)
{
	uint64_t now_ms = gk_clock_wall_ns() / 1000000;
	gk_ctl_trace_query query;
	gk_code rc = gk_ctl_trace_query_read(ctl->options, now_ms, SIZE_MAX / 2, &query, err);

	if (rc != GK_OK) {
		ctl->status = GK_EXIT_USAGE;
		return rc;
	}
	if (!gk_json_set_take(query.filter, "lte", json_pack("{s:f}", "start", (double)now_ms)))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		rc = gk_ctl_trace_query_run(ctl, &query, ret, err);
	gk_ctl_trace_query_done(&query);
	return rc;
}

static gk_code write_chosen(gk_ctl *ctl, FILE *file, size_t *count, gk_error *err)
{
	gk_auto_json json_t *traces = NULL;
	gk_code rc = choose(ctl, &traces, err);

	for (size_t i = json_array_size(traces); rc == GK_OK && i-- > 0;) {
		rc = write_trace(
			ctl, gk_json_str_peek(json_array_get(traces, i), "traceId"), file, err);
		*count += rc == GK_OK;
		if (rc == GK_NOT_FOUND) { /* it was too old meanwhile */
			gk_error_clear(err);
			rc = GK_OK;
		}
	}
	return rc;
}

static gk_code write_named(gk_ctl *ctl, FILE *file, size_t *count, gk_error *err)
{
	gk_code rc = GK_OK;

	for (size_t i = 2; rc == GK_OK && i < ctl->options->word_count; i++) {
		rc = write_trace(ctl, ctl->options->words[i], file, err);
		*count += rc == GK_OK;
	}
	return rc;
}

gk_code gk_ctl_traces_export(gk_ctl *ctl, gk_error *err)
{
	const char *path = ctl->options->words[1];
	FILE *file;
	size_t count = 0;
	gk_code rc = gk_ctl_create_file(path, &file, err);

	if (rc != GK_OK)
		return rc;
	rc = ctl->options->word_count > 2 ? write_named(ctl, file, &count, err)
					  : write_chosen(ctl, file, &count, err);
	rc = gk_ctl_close_file(file, path, rc, err);
	if (rc == GK_OK)
		fprintf(stderr, "%zu trace%s written to %s\n", count, count == 1 ? "" : "s",
			strcmp(path, "-") == 0 ? "standard output" : path);
	return rc;
}

/* --- import --- */

typedef struct importing {
	gk_ctl *ctl;
	size_t count;
} importing;

static gk_code send_trace(importing *i, json_t *trace, gk_error *err)
{
	gk_auto_json json_t *answer = NULL;
	gk_code rc = gk_ctl_ask(i->ctl, "/api/traces", trace, &answer, err);

	i->count += rc == GK_OK;
	return rc;
}

/* One trace, a list of them, or what GET /api/traces answers. */
static gk_code send_value(importing *i, json_t *value, gk_error *err)
{
	json_t *list = json_is_array(value) ? value : json_object_get(value, "traces"), *trace;
	gk_code rc = GK_OK;
	size_t at;

	if (!list)
		return send_trace(i, value, err);
	json_array_foreach (list, at, trace)
		if (rc == GK_OK)
			rc = send_trace(i, trace, err);
	return rc;
}

static gk_code send_text(
	importing *i, const char *path, size_t line, const char *text, size_t len, gk_error *err)
{
	gk_auto_json json_t *value = NULL;
	gk_code rc = gk_json_parse(text, len, GK_INGEST_INFLATED, &value, err);

	if (rc == GK_OK)
		rc = send_value(i, value, err);
	return rc == GK_OK ? rc : gk_error_prefix(err, "%s, line %zu: ", path, line);
}

static bool is_blank(const char *line, ssize_t len)
{
	return len >= 0 && strspn(line, " \t\r\n") >= (size_t)len;
}

/* A line is a trace, or the whole file is one. */
static gk_code send_lines(importing *i, const char *path, FILE *file, gk_error *err)
{
	gk_auto_str char *line = NULL;
	size_t size = 0, number = 0;
	gk_code rc = GK_OK;
	ssize_t len;

	while (rc == GK_OK && (len = getline(&line, &size, file)) >= 0) {
		number++;
		if (!is_blank(line, len))
			rc = send_text(i, path, number, line, (size_t)len, err);
	}
	if (rc == GK_OK && ferror(file))
		rc = gk_ctl_fail_file(path, err);
	return rc;
}

/* Its first line that says something is none by itself. */
static bool is_one_value(FILE *file)
{
	gk_auto_str char *line = NULL;
	gk_auto_json json_t *value = NULL;
	size_t size = 0;
	ssize_t len;
	gk_code rc;

	do
		len = getline(&line, &size, file);
	while (is_blank(line, len));
	rc = len > 0 ? gk_json_parse(line, (size_t)len, GK_INGEST_INFLATED, &value, NULL) : GK_OK;

	rewind(file);
	return rc != GK_OK;
}

static gk_code send_file(importing *i, const char *path, gk_error *err)
{
	FILE *file = fopen(path, "re");
	gk_auto_str char *text = NULL;
	size_t len;
	gk_code rc;

	if (!file)
		return gk_ctl_fail_file(path, err);
	if (!is_one_value(file)) {
		rc = send_lines(i, path, file, err);
	} else {
		rc = gk_file_read(path, GK_INGEST_INFLATED, &text, &len, err);
		if (rc == GK_OK)
			rc = send_text(i, path, 1, text, len, err);
	}
	fclose(file);
	return rc;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The tools' folder: a file a trace. */
static gk_code send_folder(importing *i, const char *path, gk_error *err)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, is_visible, alphasort);
	gk_code rc = count < 0 ? gk_ctl_fail_file(path, err) : GK_OK;

	for (int at = 0; at < count; at++) {
		gk_auto_str char *file = NULL;
		struct stat status;

		if (rc == GK_OK && asprintf(&file, "%s/%s", path, entries[at]->d_name) < 0) {
			file = NULL;
			rc = gk_error_no_memory(err);
		}
		if (rc == GK_OK && stat(file, &status) == 0 && S_ISREG(status.st_mode))
			rc = send_file(i, file, err);
		free(entries[at]);
	}
	free(entries);
	return rc;
}

gk_code gk_ctl_traces_import(gk_ctl *ctl, gk_error *err)
{
	const char *path = ctl->options->words[1];
	importing i = { .ctl = ctl };
	struct stat status;
	gk_code rc;

	if (strcmp(path, "-") == 0)
		rc = send_lines(&i, "standard input", stdin, err);
	else if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
		rc = send_folder(&i, path, err);
	else
		rc = send_file(&i, path, err);
	fprintf(stderr, "%zu trace%s imported\n", i.count, i.count == 1 ? "" : "s");
	return rc;
}
