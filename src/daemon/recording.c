/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "daemon/recording.h"

#include "base/str.h"
#include "server/runtime_file.h"
#include "store/recorder.h"
#include "store/sessions.h"

#include <stdio.h>
#include <unistd.h>

struct gk_recording {
	gk_trace_store *store;
	gk_recorder *recorder;      /* NULL: no traces are kept */
	gk_session_store *sessions; /* the application's */
	bool has_tap;
};

/* --- where the file is --- */

static gk_code in_project(char **ret, gk_error *err)
{
	gk_auto_str char *folder = getcwd(NULL, 0), *root = NULL;
	gk_code rc = gk_project_root(folder ? folder : ".", &root, err);

	if (rc == GK_OK && asprintf(ret, "%s/.genkit/genkitd.db", root) < 0) {
		*ret = NULL;
		rc = gk_error_no_memory(err);
	}
	return rc;
}

static const char *from_environment(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] == '/' ? value : NULL;
}

/* The state directory that systemd made for us comes first; of several the first. */
static gk_code in_state(char **ret, gk_error *err)
{
	const char *state = from_environment("STATE_DIRECTORY");
	const char *xdg = from_environment("XDG_STATE_HOME"), *home = from_environment("HOME");
	int len = -1;

	if (state)
		len = asprintf(ret, "%.*s/genkitd.db", (int)strcspn(state, ":"), state);
	else if (xdg)
		len = asprintf(ret, "%s/genkitd/genkitd.db", xdg);
	else if (home)
		len = asprintf(ret, "%s/.local/state/genkitd/genkitd.db", home);
	else
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"there is no place for the store: set store.path, or trace.enabled to false");
	if (len < 0)
		*ret = NULL;
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static gk_code choose_path(const gk_config *config, bool is_dev, char **ret, gk_error *err)
{
	const char *given = gk_config_str(config, "store.path");

	if (!given)
		return is_dev ? in_project(ret, err) : in_state(ret, err);
	*ret = strdup(given);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* --- what is configured --- */

static gk_trace_store_opts store_opts(const gk_config *config)
{
	return (gk_trace_store_opts){
		.size = sizeof(gk_trace_store_opts),
		/* without traces no answer waits for any */
		.is_relaxed = !gk_config_bool(config, "trace.enabled") ||
			      gk_str_equal(gk_config_str(config, "trace.durability"), "relaxed"),
		.max_traces = gk_config_uint(config, "trace.max_count"),
		.max_age_ms = gk_config_uint(config, "trace.max_age"),
		.max_bytes = gk_config_uint(config, "store.max_size"),
		.max_log_age_ms = gk_config_uint(config, "log.max_age"),
		.max_logs = gk_config_uint(config, "log.max_count"),
	};
}

static gk_sessions_opts sessions_opts(const gk_config *config)
{
	return (gk_sessions_opts){ .size = sizeof(gk_sessions_opts),
		.max_age_ms = gk_config_uint(config, "session.max_age"),
		.max_count = gk_config_uint(config, "session.max_count"),
		.max_bytes = gk_config_uint(config, "session.max_size"),
		.waits_later = true };
}

static gk_recorder_opts recorder_opts(const gk_config *config)
{
	return (gk_recorder_opts){ .size = sizeof(gk_recorder_opts),
		.sample = (double)gk_config_uint(config, "trace.sample") / 100 };
}

/* --- life --- */

static void tap(const gk_log_record *record, void *user)
{
	gk_recording *recording = user;

	gk_trace_store_log(recording->store, record);
}

static gk_code keep_sessions(
	gk_recording *recording, gk_app *app, const gk_config *config, gk_error *err)
{
	gk_sessions_opts opts = sessions_opts(config);
	gk_session_store *sessions = NULL;
	gk_code rc = gk_sessions_open(gk_app_loop(app), recording->store, &opts, &sessions, err);

	if (rc == GK_OK)
		rc = gk_set_session_store(app, sessions, err);
	if (rc == GK_OK)
		recording->sessions = sessions;
	return rc;
}

gk_code gk_recording_new(
	gk_app *app, const gk_config *config, bool is_dev, gk_recording **ret, gk_error *err)
{
	gk_auto_str char *path = NULL;
	gk_trace_store_opts opts = store_opts(config);
	gk_recorder_opts recording_opts = recorder_opts(config);
	gk_recording *recording;
	gk_code rc = GK_OK;

	recording = calloc(1, sizeof(*recording));
	if (!recording)
		return gk_error_no_memory(err);
	rc = choose_path(config, is_dev, &path, err);
	opts.path = path;
	if (rc == GK_OK)
		rc = gk_trace_store_open(gk_app_loop(app), &opts, &recording->store, err);
	if (rc == GK_OK)
		rc = keep_sessions(recording, app, config, err);
	if (rc == GK_OK && gk_config_bool(config, "trace.enabled"))
		rc = gk_recorder_new(
			app, recording->store, &recording_opts, &recording->recorder, err);
	if (rc != GK_OK) {
		gk_recording_free(recording);
		return rc;
	}
	gk_log(GK_LOG_DEBUG, "store", "%s are in %s",
		recording->recorder ? "sessions and traces" : "sessions", path);
	*ret = recording;
	return GK_OK;
}

void gk_recording_wait(gk_recording *recording)
{
	gk_sessions_wait(recording->sessions);
}

void gk_recording_take_logs(gk_recording *recording)
{
	recording->has_tap = recording->recorder && gk_log_add_tap(tap, recording);
}

void gk_recording_reload(gk_recording *recording, const gk_config *config)
{
	gk_trace_store_opts opts = store_opts(config);
	gk_recorder_opts recording_opts = recorder_opts(config);
	gk_sessions_opts session_opts = sessions_opts(config);

	gk_trace_store_configure(recording->store, &opts);
	gk_sessions_configure(recording->sessions, &session_opts);
	if (recording->recorder)
		gk_recorder_configure(recording->recorder, &recording_opts);
}

gk_trace_store *gk_recording_store(gk_recording *recording)
{
	return recording->recorder ? recording->store : NULL;
}

void gk_recording_free(gk_recording *recording)
{
	if (!recording)
		return;
	if (recording->has_tap)
		gk_log_remove_tap(tap, recording);
	gk_recorder_free(recording->recorder);
	if (recording->sessions)
		gk_sessions_close(recording->sessions);
	gk_trace_store_close(recording->store);
	free(recording);
}
