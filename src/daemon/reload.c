/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* SIGHUP: another configuration, or the one we have. */
#include "daemon/daemon.h"

#include "base/log.h"
#include "base/str.h"
#include "daemon/testing.h"

#include <genkit/testing.h>

/* What cannot change while the process lives. */
static void warn_of_restart(const gk_config *before, const gk_config *now)
{
	for (const gk_config_key *key = gk_config_keys; key->name; key++)
		if ((key->flags & GK_CONFIG_RESTART) && !gk_config_is_same(before, now, key->name))
			gk_log(GK_LOG_WARN, "config", "%s takes effect when genkitd starts again",
				key->name);
}

static void warn_of_modules(const gk_config *before, const gk_config *now)
{
	json_t *kept = gk_config_list_peek(now, "modules"), *name, *other;
	size_t i, j;

	json_array_foreach (gk_config_list_peek(before, "modules"), i, name) {
		bool is_kept = false;

		json_array_foreach (kept, j, other)
			is_kept |= json_equal(name, other);
		if (!is_kept)
			gk_log(GK_LOG_WARN, "modules",
				"%s stays until genkitd starts again: a module cannot be unloaded",
				json_string_value(name));
	}
}

static void put_back(gk_daemon *daemon)
{
	json_t *executables = gk_config_list_peek(daemon->config, "exec");

	if (gk_exec_configure(daemon->exec, executables, NULL) != GK_OK)
		gk_log(GK_LOG_ERROR, "exec", "the executables could not be put back");
	if (gk_agents_configure(
		    daemon->agents, gk_config_list_peek(daemon->config, "agents"), NULL) != GK_OK)
		gk_log(GK_LOG_ERROR, "agents", "the agents could not be put back");
	if (gk_telemetry_reload(daemon->telemetry, daemon->config, NULL) != GK_OK)
		gk_log(GK_LOG_ERROR, "telemetry", "the destinations could not be put back");
}

/* What is left to go wrong is memory, and by then too much has changed to go back. */
static void commit(gk_daemon *daemon, const gk_config *config, json_t *script)
{
	if (script && gk_test_script(daemon->app, script, NULL) != GK_OK)
		gk_log(GK_LOG_ERROR, "testing", "out of memory: the script stays as it was");
	if (gk_prompts_configure(
		    daemon->prompts, gk_config_list_peek(config, "prompts"), false, NULL) != GK_OK)
		gk_log(GK_LOG_ERROR, "prompts", "out of memory: the directories stay as they were");
}

/* Everything that can fail, then everything that cannot. */
static gk_code apply(gk_daemon *daemon, const gk_config *config, gk_error *err)
{
	gk_auto_json json_t *script = NULL;
	gk_code rc = gk_daemon_load_modules(daemon, config, err);

	if (rc != GK_OK)
		return rc;
	rc = gk_exec_configure(daemon->exec, gk_config_list_peek(config, "exec"), err);
	if (rc == GK_OK)
		rc = gk_agents_configure(
			daemon->agents, gk_config_list_peek(config, "agents"), err);
	if (rc == GK_OK)
		rc = gk_telemetry_reload(daemon->telemetry, config, err);
	if (rc == GK_OK)
		rc = gk_testing_read(daemon->app, config, &script, err);
	if (rc == GK_OK)
		rc = gk_front_reload(daemon->front, config, err);
	if (rc != GK_OK)
		put_back(daemon);
	else
		commit(daemon, config, script);
	return rc;
}

void gk_daemon_reload(void *user)
{
	gk_daemon *daemon = user;
	gk_auto_error gk_error err = { 0 };
	gk_auto_config gk_config *config = NULL;
	gk_code rc;

	if (daemon->state != GK_DAEMON_SERVING)
		return;
	gk_service_reloading();
	rc = gk_daemon_load_config(&daemon->options, &config, &err);
	if (rc == GK_OK)
		rc = apply(daemon, config, &err);
	if (rc != GK_OK) {
		gk_daemon_log_error(&err);
		gk_log(GK_LOG_ERROR, "config", "not reloaded: what was in force stays");
	} else {
		gk_daemon_set_log(config);
		gk_daemon_keep_awake(daemon, config);
		gk_meters_set_interval(daemon->meters, gk_telemetry_metric_interval_ms(config));
		if (daemon->recording)
			gk_recording_reload(daemon->recording, config);
		warn_of_restart(daemon->config, config);
		warn_of_modules(daemon->config, config);
		gk_config_free(daemon->config);
		daemon->config = gk_steal(config);
		gk_log(GK_LOG_INFO, "config", "reloaded");
	}
	gk_service_notify("READY=1");
}
