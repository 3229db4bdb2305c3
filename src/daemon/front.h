/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The doors: which surface listens where, and how that changes when the configuration does.
 *
 *	rc = gk_front_new(app, config, &hooks, &front, err);
 *	rc = gk_front_open(front, config, &sockets, err);
 *
 * The sockets are ours and live as long as their address is configured; a listener that serves one can be exchanged for
 * one with other limits, and no connection attempt meets a closed door.
 */
#ifndef GK_DAEMON_FRONT_H
#define GK_DAEMON_FRONT_H

#include "core/app.h"
#include "daemon/config.h"
#include "daemon/service.h"
#include "daemon/meters.h"
#include "store/trace_store.h"

typedef struct gk_front gk_front;

/* What stands behind the surfaces; it outlives the front. */
typedef struct gk_front_hooks {
	gk_loop_fn *quit; /* called when somebody asks over HTTP to stop */
	void *user;
	gk_trace_store *store; /* NULL: no traces are stored */
	gk_telemetry *telemetry;
	gk_meters *meters;
} gk_front_hooks;

GK_MUST_USE gk_code gk_front_new(gk_app *app, const gk_config *config, const gk_front_hooks *hooks,
	gk_front **ret, gk_error *err);
/** Opens everything; inherited `sockets` take the place of configured addresses. UNAVAILABLE: an address cannot be had. */
GK_MUST_USE gk_code gk_front_open(
	gk_front *front, const gk_config *config, gk_service_sockets *sockets, gk_error *err);
/** Makes it what another configuration says. On failure nothing has changed. */
GK_MUST_USE gk_code gk_front_reload(gk_front *front, const gk_config *config, gk_error *err);
/** Refuses what is new. */
void gk_front_drain(gk_front *front);
/** Answers not yet taken whole, and the manager's requests. */
bool gk_front_is_busy(const gk_front *front);
/** Closes what is open. NULL is allowed. */
void gk_front_free(gk_front *front);

/** {"reflection": "127.0.0.1:3100" or null, "flows": ["127.0.0.1:3400"], "pid": 1}. New reference. */
json_t *gk_front_describe(const gk_front *front);

#endif
