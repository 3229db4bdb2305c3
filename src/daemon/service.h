/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The service manager's side of things, as systemd documents it in sd_notify(3), sd_listen_fds(3) and
 * sd_watchdog_enabled(3): a datagram here and there, and sockets that were opened before we started. Without a service
 * manager all of it does nothing.
 */
#ifndef GK_DAEMON_SERVICE_H
#define GK_DAEMON_SERVICE_H

#include "loop/loop.h"

/** Sends "READY=1" and the like, lines of NAME=VALUE. False when nobody listens. */
bool gk_service_notify(const char *format, ...) GK_PRINTF(1, 2);
/** RELOADING=1 with the time; follow it with READY=1. */
void gk_service_reloading(void);

typedef struct gk_service_watchdog gk_service_watchdog;
/** Tells the manager from a timer of the loop, twice as often as it asks, that the loop turns. `*ret` is NULL when it does
 * not ask. */
GK_MUST_USE gk_code gk_service_watchdog_start(
	gk_loop *loop, gk_service_watchdog **ret, gk_error *err);
void gk_service_watchdog_stop(gk_service_watchdog *watchdog);

/* Inherited listening sockets. */
typedef struct gk_service_socket {
	int fd;     /* -1: taken */
	char *name; /* "flows", "reflection"; "" when it has none */
} gk_service_socket;

typedef struct gk_service_sockets {
	gk_service_socket *items;
	size_t count;
} gk_service_sockets;

/** Takes them over (close-on-exec, non-blocking) and forgets the variables. INVALID_ARGUMENT for a descriptor that is no
 * listening stream socket. */
GK_MUST_USE gk_code gk_service_sockets_take(gk_service_sockets *ret, gk_error *err);
/** The next one of that name, which is the caller's then; -1: no more. Sockets without a name of ours are the flows'. */
int gk_service_socket_next(gk_service_sockets *sockets, const char *name);
/** Closes those nobody took. */
void gk_service_sockets_done(gk_service_sockets *sockets);

#endif
