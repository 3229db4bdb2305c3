/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* See sessions.h. */
#include "sessions.h"

#include <stdio.h>

void sessions_sqlite_start(sessions_sqlite *it, core_app *app)
{
	char path[96];

	snprintf(it->folder, sizeof(it->folder), "/tmp/genkitd-sessions-XXXXXX");
	core_app_must(mkdtemp(it->folder) ? GK_OK : GK_UNAVAILABLE, "folder");
	snprintf(path, sizeof(path), "%s/genkitd.db", it->folder);
	core_app_must(gk_trace_store_open(app->loop, GK_OPTS(gk_trace_store_opts, .path = path),
			      &it->traces, NULL),
		"store");
	core_app_must(gk_sessions_open(app->loop, it->traces,
			      GK_OPTS(gk_sessions_opts, .max_age_ms = 0), &it->store, NULL),
		"sessions");
	core_app_must(gk_set_session_store(app->app, it->store, NULL), "the application's store");
}

void sessions_sqlite_stop(sessions_sqlite *it)
{
	gk_auto_str char *command = NULL;

	gk_sessions_close(it->store);
	gk_trace_store_close(it->traces);
	if (asprintf(&command, "rm -rf %s", it->folder) > 0 && system(command) != 0)
		fprintf(stderr, "%s stays\n", it->folder);
}

bool sessions_contains(const json_t *got, const json_t *expected)
{
	const char *name;
	json_t *value;
	size_t i;

	if (json_is_string(expected) && strcmp(json_string_value(expected), "$any") == 0)
		return json_string_length(got) > 0;
	if (json_is_object(expected)) {
		json_object_foreach ((json_t *)expected, name, value)
			if (!sessions_contains(json_object_get(got, name), value))
				return false;
		return json_is_object(got);
	}
	if (json_is_array(expected)) {
		json_array_foreach ((json_t *)expected, i, value)
			if (!sessions_contains(json_array_get(got, i), value))
				return false;
		return json_array_size(got) == json_array_size(expected);
	}
	return conformance_equal(got, expected);
}

/* --- files --- */

static void in_memory(conformance *run, sessions_case_fn *fn, const char *name, json_t *one)
{
	core_app app;

	core_app_start(&app);
	fn(run, name, &app, one);
	core_app_stop(&app);
}

static void in_sqlite(conformance *run, sessions_case_fn *fn, const char *name, json_t *one)
{
	sessions_sqlite sqlite;
	core_app app;

	core_app_start(&app);
	sessions_sqlite_start(&sqlite, &app);
	fn(run, name, &app, one);
	sessions_sqlite_stop(&sqlite);
	core_app_stop(&app);
}

static const struct {
	const char *name, *stores; /* a case's `stores` names which it is for */
	void (*run)(conformance *run, sessions_case_fn *fn, const char *name, json_t *one);
} forms[] = {
	{ "memory", "memory", in_memory },
	{ "sqlite", "sql", in_sqlite },
};

static bool is_for(json_t *one, const char *store)
{
	json_t *stores = json_object_get(one, "stores"), *value;
	size_t i;

	json_array_foreach (stores, i, value)
		if (strcmp(json_string_value(value), store) == 0)
			return true;
	return !stores;
}

/* One row a file. */
static const struct {
	const char *file;
	sessions_case_fn *run;
} files[] = {
	{ "sessions/resume-validation.yaml", sessions_run_resume },
	{ "sessions/http.yaml", sessions_run_http },
	{ "sessions/session-store.yaml", sessions_run_store },
	{ "sessions/chat.yaml", sessions_run_chat },
};

static void run_case(conformance *run, sessions_case_fn *fn, json_t *one, const char *id)
{
	bool was_run = false;
	char name[128];

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		snprintf(name, sizeof(name), "%s (%s)", id, forms[i].name);
		if (!is_for(one, forms[i].stores))
			continue;
		forms[i].run(run, fn, name, one);
		was_run = true;
	}
	if (!was_run)
		conformance_skip(run, id, "of a store of files alone");
}

void conformance_sessions(conformance *run, const char *file, json_t *doc)
{
	json_t *one;
	size_t i;

	for (size_t f = 0; f < sizeof(files) / sizeof(files[0]); f++)
		if (conformance_is_file(file, files[f].file))
			json_array_foreach (doc, i, one)
				run_case(run, files[f].run, one, gk_json_str_peek(one, "id"));
}
