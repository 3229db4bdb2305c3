/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* gk_main(): the daemon from its first line to its last. */
#include "daemon/daemon.h"

#include "ai/ai.h"
#include "base/buf.h"
#include "base/cpu_slice.h"
#include "base/log.h"
#include "base/str.h"
#include <config.h> /* not the one beside this file */
#include "daemon/client.h"
#include "daemon/log_output.h"
#include "daemon/plugins.h"
#include "daemon/testing.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define TURNS             20  /* of the loop, at the end, for what has been called off */
#define SPARE_DESCRIPTORS 256 /* beside connections: files, pipes, outgoing requests */

/* --- telling people --- */

/* For those who have no log yet: the mistakes of a configuration, ready for an editor. */
static void print_error(const gk_error *err)
{
	bool is_journal = gk_log_format_choose(NULL, STDERR_FILENO) == GK_LOG_JOURNAL;
	const char *rest = err->message ? err->message : "out of memory";

	while (*rest) {
		size_t len = strcspn(rest, "\n");

		fprintf(stderr, "%s%.*s\n", is_journal ? "<3>" : "", (int)len, rest);
		rest += len + (rest[len] == '\n');
	}
}

void gk_daemon_log_error(const gk_error *err)
{
	const char *rest = err->message ? err->message : "out of memory";

	while (*rest) {
		size_t len = strcspn(rest, "\n");

		gk_log(GK_LOG_ERROR, "genkitd", "%.*s", (int)len, rest);
		rest += len + (rest[len] == '\n');
	}
}

/* A full disk is a failure, too. */
static int print_and_free(char *text_take, const char *end)
{
	bool printed = text_take && fputs(text_take, stdout) >= 0 && fputs(end, stdout) >= 0 &&
		       fflush(stdout) == 0;

	if (!printed)
		perror("genkitd");
	free(text_take);
	return printed ? 0 : GK_EXIT_FAILURE;
}

static int print_schema(void)
{
	gk_auto_json json_t *schema = gk_config_schema();

	return print_and_free(schema ? gk_json_write_pretty(schema, NULL) : NULL, "\n");
}

static int check_config(const gk_options *options)
{
	gk_auto_config gk_config *config = NULL;
	gk_auto_error gk_error err = { 0 };

	if (gk_daemon_load_config(options, &config, &err) == GK_OK)
		return print_and_free(gk_config_print(config), "");
	print_error(&err);
	return GK_EXIT_CONFIG;
}

/* Where it listens, for whoever started it. */
static gk_code tell_ready(gk_daemon *daemon, gk_error *err)
{
	gk_auto_json json_t *places = gk_front_describe(daemon->front);
	gk_auto_str char *text = places ? gk_json_write(places, NULL) : NULL;

	if (!text)
		return gk_error_no_memory(err);
	gk_service_notify("READY=1\nSTATUS=Serving %s", text);
	if (daemon->options.ready_fd < 0)
		return GK_OK;
	if (dprintf(daemon->options.ready_fd, "%s\n", text) < 0)
		gk_log(GK_LOG_WARN, "genkitd", "cannot write to descriptor %d",
			daemon->options.ready_fd);
	close(daemon->options.ready_fd);
	daemon->options.ready_fd = -1;
	return GK_OK;
}

/* For a person at a terminal: what there is and how to try it. */
static void greet(const gk_daemon *daemon)
{
	gk_auto_json json_t *places = gk_front_describe(daemon->front);
	const char *reflection = gk_json_str_peek(places, "reflection");
	const char *flows = gk_json_str_peek(places, "flows[0]");
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	json_t *name;
	size_t i;

	gk_buf_printf(&text, "\n  genkitd %s\n\n", PACKAGE_VERSION);
	if (flows)
		gk_buf_printf(&text, "  flows       %s%s\n",
			gk_str_has_prefix(flows, "unix:") ? "" : "http://", flows);
	if (reflection)
		gk_buf_printf(&text, "  reflection  http://%s (genkit-cli finds it by itself)\n",
			reflection);
	gk_buf_puts(&text, "  modules     ");
	json_array_foreach (gk_modules_names_peek(daemon->modules), i, name)
		gk_buf_printf(&text, "%s%s", i ? ", " : "", json_string_value(name));
	gk_buf_puts(&text, i ? "\n" : "none: load one with --module ./mine.so\n");
	gk_buf_puts(&text, "\n  try         genkitctl actions\n"
			   "              genkitctl run NAME '{\"some\": \"input\"}'\n");
	if (flows && !gk_str_has_prefix(flows, "unix:"))
		gk_buf_printf(&text,
			"              curl -s http://%s/NAME -d '{\"data\": {\"some\": \"input\"}}'\n",
			flows);
	if (!gk_buf_failed(&text))
		fprintf(stderr, "%s\n", text.data);
}

/* --- putting it together --- */

gk_code gk_daemon_load_config(const gk_options *options, gk_config **ret, gk_error *err)
{
	gk_config_sources sources = { .files = (const char *const *)options->files,
		.assign = (const char *const *)options->assign,
		.is_dev = options->is_dev };

	return gk_config_load(&sources, ret, err);
}

void gk_daemon_set_log(const gk_config *config)
{
	gk_log_output_set(gk_log_format_choose(gk_config_str(config, "log.format"), STDERR_FILENO),
		gk_log_level_choose(gk_config_str(config, "log.level")));
}

void gk_daemon_keep_awake(gk_daemon *daemon, const gk_config *config)
{
	if (!gk_loop_keep_awake(daemon->loop, gk_config_uint(config, "server.keep_awake")))
		gk_log(GK_LOG_DEBUG, "genkitd",
			"server.keep_awake has no effect: a control group limits processor time");
}

gk_code gk_daemon_load_modules(gk_daemon *daemon, const gk_config *config, gk_error *err)
{
	gk_code rc = GK_OK;
	json_t *name;
	size_t i;

	json_array_foreach (gk_config_list_peek(config, "modules"), i, name) {
		rc = gk_modules_load(daemon->modules, json_string_value(name), err);
		if (rc != GK_OK)
			return rc;
	}
	for (const char **given = daemon->options.modules; rc == GK_OK && *given; given++)
		rc = gk_modules_load(daemon->modules, *given, err);
	return rc;
}

/* The soft limit of 1,024 descriptors is for programs that use select(). */
static void raise_limits(const gk_config *config)
{
	struct rlimit limit;
	uint64_t wanted = gk_config_uint(config, "server.max_connections") + SPARE_DESCRIPTORS;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted)
		gk_log(GK_LOG_WARN, "genkitd",
			"%llu descriptors are allowed (ulimit -n), fewer than server.max_connections needs",
			(unsigned long long)limit.rlim_cur);
}

static void warn_of_reserved(const gk_config *config)
{
	for (const gk_config_key *key = gk_config_keys; key->name; key++)
		if ((key->flags & GK_CONFIG_RESERVED) && gk_config_where(config, key->name))
			gk_log(GK_LOG_WARN, "config", "%s: %s has no effect in this version",
				gk_config_where(config, key->name), key->name);
}

static gk_code build(gk_daemon *daemon, gk_module_fn *init, gk_error *err)
{
	gk_code rc = gk_loop_new(&daemon->loop, err);

	if (rc == GK_OK)
		rc = gk_app_new(daemon->loop,
			GK_OPTS(gk_app_opts, .is_dev = daemon->options.is_dev), &daemon->app, err);
	if (rc == GK_OK)
		rc = gk_ai_init(daemon->app, err);
	if (rc == GK_OK)
		rc = gk_client_configure(daemon->app, daemon->config, err);
	if (rc != GK_OK)
		return rc;
	daemon->modules = gk_modules_new(daemon->app);
	daemon->exec = gk_exec_new(daemon->app);
	daemon->prompts = gk_prompts_new(daemon->app);
	daemon->agents = gk_agents_new(daemon->app);
	if (!daemon->modules || !daemon->exec || !daemon->prompts || !daemon->agents)
		return gk_error_no_memory(err);
	rc = gk_telemetry_new(
		daemon->app, daemon->config, daemon->options.is_dev, &daemon->telemetry, err);
	if (rc == GK_OK)
		rc = gk_meters_new(daemon->app, daemon->telemetry,
			gk_telemetry_metric_interval_ms(daemon->config), &daemon->meters, err);
	if (rc == GK_OK)
		rc = gk_plugins_configure(daemon->app, daemon->config, err);
	if (rc == GK_OK)
		rc = gk_testing_configure(daemon->app, daemon->config, err);
	if (rc == GK_OK)
		rc = gk_recording_new(daemon->app, daemon->config, daemon->options.is_dev,
			&daemon->recording, err);
	if (rc == GK_OK)
		gk_meters_set_store(daemon->meters, gk_recording_store(daemon->recording));
	if (rc == GK_OK && init)
		rc = init(daemon->app, err);
	if (rc == GK_OK)
		rc = gk_daemon_load_modules(daemon, daemon->config, err);
	if (rc == GK_OK)
		rc = gk_exec_configure(
			daemon->exec, gk_config_list_peek(daemon->config, "exec"), err);
	if (rc == GK_OK)
		rc = gk_agents_configure(
			daemon->agents, gk_config_list_peek(daemon->config, "agents"), err);
	if (rc == GK_OK)
		rc = gk_prompts_configure(
			daemon->prompts, gk_config_list_peek(daemon->config, "prompts"), true, err);
	if (rc == GK_OK)
		rc = gk_front_new(daemon->app, daemon->config,
			&(gk_front_hooks){ .quit = gk_daemon_stop,
				.user = daemon,
				.store = daemon->recording ? gk_recording_store(daemon->recording)
							   : NULL,
				.telemetry = daemon->telemetry,
				.meters = daemon->meters },
			&daemon->front, err);
	return rc;
}

static gk_code open_up(gk_daemon *daemon, gk_error *err)
{
	gk_service_sockets sockets;
	gk_code rc = gk_service_sockets_take(&sockets, err);

	if (rc != GK_OK)
		return rc;
	if (daemon->recording)
		gk_recording_wait(daemon->recording);
	rc = gk_front_open(daemon->front, daemon->config, &sockets, err);
	gk_service_sockets_done(&sockets);
	if (rc == GK_OK)
		rc = gk_daemon_watch_signals(daemon, err);
	if (rc == GK_OK)
		rc = gk_service_watchdog_start(daemon->loop, &daemon->watchdog, err);
	if (rc == GK_OK && daemon->recording)
		gk_recording_take_logs(daemon->recording);
	if (rc == GK_OK)
		rc = tell_ready(daemon, err);
	return rc;
}

/* Its fibers have been called off and come to their end. */
static void end_telemetry(gk_daemon *daemon)
{
	gk_meters_free(gk_steal(daemon->meters));
	gk_telemetry_free(gk_steal(daemon->telemetry));
	for (int i = 0; daemon->app && i < TURNS && !gk_daemon_is_quiet(daemon); i++)
		gk_loop_turn(daemon->loop, 10);
}

/* False when code is still running: it keeps what it uses. */
static bool tear_down(gk_daemon *daemon)
{
	gk_daemon_end(daemon);
	gk_front_free(daemon->front);
	gk_prompts_free(gk_steal(daemon->prompts));
	end_telemetry(daemon);
	gk_recording_free(daemon->recording);
	if (daemon->app && !gk_daemon_is_quiet(daemon))
		return false;
	gk_exec_free(daemon->exec);
	gk_agents_free(daemon->agents);
	gk_app_free(daemon->app);
	gk_modules_free(daemon->modules);
	gk_loop_free(daemon->loop);
	gk_config_free(daemon->config);
	gk_options_done(&daemon->options);
	return true;
}

static int serve(gk_daemon *daemon, gk_module_fn *init)
{
	gk_auto_error gk_error err = { 0 };
	gk_code rc = gk_daemon_load_config(&daemon->options, &daemon->config, &err);

	if (rc != GK_OK) {
		print_error(&err);
		return GK_EXIT_CONFIG;
	}
	gk_daemon_set_log(daemon->config);
	raise_limits(daemon->config);
	warn_of_reserved(daemon->config);
	rc = build(daemon, init, &err);
	if (rc != GK_OK) {
		gk_daemon_log_error(&err);
		return GK_EXIT_FAILURE;
	}
	rc = open_up(daemon, &err);
	if (rc != GK_OK) {
		gk_daemon_log_error(&err);
		return rc == GK_UNAVAILABLE ? GK_EXIT_UNAVAILABLE
		       : rc == GK_FAILED_PRECONDITION || rc == GK_INVALID_ARGUMENT
			       ? GK_EXIT_CONFIG
			       : GK_EXIT_FAILURE;
	}
	if (daemon->options.is_dev && isatty(STDERR_FILENO))
		greet(daemon);
	gk_daemon_keep_awake(daemon, daemon->config);
	if (!gk_cpu_ask_short_turns())
		gk_log(GK_LOG_DEBUG, "genkitd", "the loop keeps the usual turns");
	gk_loop_run(daemon->loop);
	return 0;
}

int gk_main(int argc, char **argv, gk_module_fn *init)
{
	gk_daemon daemon = { 0 };
	gk_auto_error gk_error err = { 0 };
	const char *program = argc > 0 ? argv[0] : "genkitd";
	int status;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* beyond ulimit -f, writing fails as on a full disk */
	if (gk_options_parse(argc, argv, &daemon.options, &err) != GK_OK) {
		fprintf(stderr, "%s: %s\nTry '%s --help'.\n", program,
			err.message ? err.message : "out of memory", program);
		return GK_EXIT_USAGE;
	}
	switch (daemon.options.action) {
	case GK_ACTION_HELP:
		status = print_and_free(gk_options_help(program), "");
		break;
	case GK_ACTION_VERSION:
		status = print_and_free(strdup("genkitd " PACKAGE_VERSION), "\n");
		break;
	case GK_ACTION_SCHEMA:
		status = print_schema();
		break;
	case GK_ACTION_MANUAL:
		status = print_and_free(gk_config_manual(), "");
		break;
	case GK_ACTION_CHECK:
		status = check_config(&daemon.options);
		break;
	default:
		status = serve(&daemon, init);
	}
	if (!tear_down(&daemon)) {
		/* It may hold a worker, for which an ordinary end of the process would wait. */
		fflush(NULL);
		_exit(status);
	}
	return status;
}
