/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Signals, and the way to the end: drain, give up, close. */
#include "daemon/daemon.h"

#include "base/limits.h"
#include "base/log.h"

#include <signal.h>
#include <unistd.h>

#define LOOK_MS 20

bool gk_daemon_is_quiet(const gk_daemon *daemon)
{
	return gk_app_run_count(daemon->app) == 0 && gk_fiber_count(daemon->loop) == 0;
}

/* Once everything has ended and been taken by its client, and the last spans have left, the loop is left. */
static void look(void *user)
{
	gk_daemon *daemon = user;

	if (gk_app_run_count(daemon->app) || gk_front_is_busy(daemon->front))
		return;
	if (!daemon->flush_until_ms) {
		daemon->flush_until_ms = gk_loop_now_ms(daemon->loop) + GK_EXPORT_FLUSH_MS;
		gk_meters_report(daemon->meters);
		gk_telemetry_drain(daemon->telemetry);
	}
	if (gk_telemetry_is_busy(daemon->telemetry) &&
		gk_loop_now_ms(daemon->loop) < daemon->flush_until_ms)
		return;
	gk_telemetry_tell_lost(daemon->telemetry);
	gk_loop_stop(daemon->loop);
}

static void on_idle(void *user)
{
	gk_daemon *daemon = user;

	gk_loop_defer(daemon->loop, &daemon->done); /* the last answer leaves in this turn */
}

static void leave_anyway(void *user)
{
	gk_daemon *daemon = user;

	gk_log(GK_LOG_WARN, "genkitd", "leaving with %zu runs that do not end",
		gk_app_run_count(daemon->app));
	gk_loop_stop(daemon->loop);
}

static void set_limit(gk_daemon *daemon, uint64_t after_ms, gk_loop_fn *fn)
{
	if (daemon->limit)
		gk_timer_stop(gk_steal(daemon->limit));
	if (gk_timer_start(daemon->loop, after_ms, 0, fn, daemon, &daemon->limit, NULL) != GK_OK)
		gk_loop_stop(daemon->loop);
}

/* Runs are called off; their clients still get a last frame. */
static void give_up(void *user)
{
	gk_daemon *daemon = user;

	daemon->state = GK_DAEMON_GIVING_UP;
	if (gk_app_run_count(daemon->app))
		gk_log(GK_LOG_WARN, "genkitd", "giving up %zu runs", gk_app_run_count(daemon->app));
	set_limit(daemon, GK_GIVE_UP_MS, leave_anyway);
	gk_app_cancel_runs(daemon->app);
}

static void drain(gk_daemon *daemon)
{
	uint64_t limit_ms = gk_config_uint(daemon->config, "server.drain_timeout");
	size_t runs = gk_app_run_count(daemon->app);

	daemon->state = GK_DAEMON_DRAINING;
	gk_service_notify("STOPPING=1\nSTATUS=Finishing %zu runs", runs);
	gk_log(GK_LOG_INFO, "genkitd", runs ? "stopping; %zu runs come to their end" : "stopping",
		runs);
	gk_front_drain(daemon->front);
	gk_app_set_idle(daemon->app, on_idle, daemon);
	daemon->done = (gk_defer){ .fn = look, .user = daemon };
	gk_loop_defer(daemon->loop, &daemon->done);
	if (gk_timer_start(daemon->loop, LOOK_MS, LOOK_MS, look, daemon, &daemon->look, NULL) !=
		GK_OK)
		gk_loop_stop(daemon->loop);
	set_limit(daemon, limit_ms, give_up);
}

void gk_daemon_stop(void *user)
{
	gk_daemon *daemon = user;

	if (daemon->state == GK_DAEMON_SERVING)
		drain(daemon);
	else if (daemon->state == GK_DAEMON_DRAINING)
		give_up(daemon);
	else
		gk_loop_stop(daemon->loop);
}

gk_code gk_daemon_watch_signals(gk_daemon *daemon, gk_error *err)
{
	gk_code rc =
		gk_signal_start(daemon->loop, SIGTERM, gk_daemon_stop, daemon, &daemon->term, err);

	if (rc == GK_OK)
		rc = gk_signal_start(
			daemon->loop, SIGINT, gk_daemon_stop, daemon, &daemon->interrupt, err);
	if (rc == GK_OK)
		rc = gk_signal_start(
			daemon->loop, SIGHUP, gk_daemon_reload, daemon, &daemon->hangup, err);
	return rc;
}

static void stop_signal(gk_signal **watcher)
{
	if (*watcher)
		gk_signal_stop(gk_steal(*watcher));
}

static void stop_timer(gk_timer **timer)
{
	if (*timer)
		gk_timer_stop(gk_steal(*timer));
}

void gk_daemon_end(gk_daemon *daemon)
{
	stop_signal(&daemon->term);
	stop_signal(&daemon->interrupt);
	stop_signal(&daemon->hangup);
	stop_timer(&daemon->limit);
	stop_timer(&daemon->look);
	if (daemon->done.is_queued)
		gk_loop_undefer(daemon->loop, &daemon->done);
	gk_service_watchdog_stop(gk_steal(daemon->watchdog));
}
