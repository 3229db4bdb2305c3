/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The process: what main.c puts together, lifecycle.c ends and reload.c changes. */
#ifndef GK_DAEMON_DAEMON_H
#define GK_DAEMON_DAEMON_H

#include "daemon/config.h"
#include "daemon/agents.h"
#include "daemon/exec.h"
#include "daemon/front.h"
#include "daemon/meters.h"
#include "daemon/modules.h"
#include "daemon/options.h"
#include "daemon/prompts.h"
#include "daemon/recording.h"
#include "daemon/service.h"
#include "daemon/telemetry.h"

/* Exit statuses, of which sysexits.h has the names. */
enum {
	GK_EXIT_FAILURE = 1,
	GK_EXIT_USAGE = 64,
	GK_EXIT_UNAVAILABLE = 69,
	GK_EXIT_CONFIG = 78,
};

typedef enum gk_daemon_state {
	GK_DAEMON_SERVING,
	GK_DAEMON_DRAINING,  /* runs come to their end */
	GK_DAEMON_GIVING_UP, /* they have been called off */
} gk_daemon_state;

typedef struct gk_daemon {
	gk_options options;
	gk_config *config;
	gk_loop *loop;
	gk_app *app;
	gk_modules *modules;
	gk_exec *exec;
	gk_agents *agents;
	gk_prompts *prompts;
	gk_telemetry *telemetry;
	gk_meters *meters;
	gk_front *front;
	gk_recording *recording; /* NULL: nothing is stored */
	gk_service_watchdog *watchdog;
	gk_signal *term, *interrupt, *hangup;
	gk_daemon_state state;
	gk_timer *limit; /* of draining */
	gk_timer *look;  /* whether all has ended */
	gk_defer done;   /* the same, after the last run */
	uint64_t
		flush_until_ms; /* what is queued for exporters may leave until then; 0: runs go on */
} gk_daemon;

/** Signals, from now on. */
GK_MUST_USE gk_code gk_daemon_watch_signals(gk_daemon *daemon, gk_error *err);
/** Finishes what runs, then ends the loop; the second time it gives up what runs, the third time it ends at once. */
void gk_daemon_stop(void *daemon);
/** True when nothing runs any more, so that everything can be freed. */
bool gk_daemon_is_quiet(const gk_daemon *daemon);
/** Stops timers and signals. */
void gk_daemon_end(gk_daemon *daemon);
/** Reads the configuration again and makes it so, or logs why not. */
void gk_daemon_reload(void *daemon);

/** The configuration as the options ask for it. */
GK_MUST_USE gk_code gk_daemon_load_config(
	const gk_options *options, gk_config **ret, gk_error *err);
/** Level and format of the log. */
void gk_daemon_set_log(const gk_config *config);
/** Whether the processor is kept from sleeping, as the configuration says. */
void gk_daemon_keep_awake(gk_daemon *daemon, const gk_config *config);
/** Loads what the configuration and the options name and is not loaded yet. */
GK_MUST_USE gk_code gk_daemon_load_modules(
	gk_daemon *daemon, const gk_config *config, gk_error *err);
/** Logs every line of an error's message. */
void gk_daemon_log_error(const gk_error *err);

#endif
