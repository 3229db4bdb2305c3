/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Listening sockets and the listeners that serve them. A set of doors is changed as a whole: what is new is opened first,
 * and only when all of it is open, what is no longer wanted is closed.
 *
 *	rc = gk_doors_prepare(&doors, specs, count, err);
 *	if (rc == GK_OK)
 *		gk_doors_commit(&doors);
 */
#ifndef GK_DAEMON_DOORS_H
#define GK_DAEMON_DOORS_H

#include "server/routes.h"

/* What is wanted. Doors are the same when surface and address are. */
typedef struct gk_door_spec {
	const char *surface; /* static: "flows", "reflection" */
	const char *address; /* as configured, copied; NULL: `fd` */
	int fd;              /* inherited; ours from now on, also on failure */
	unsigned port_tries;
	gk_routes *routes;
	/* Limits; a door with other ones gets a new listener for its old socket. */
	unsigned max_connections, max_per_ip;
	uint64_t header_ms, body_ms, idle_ms;
	size_t max_body;
} gk_door_spec;

typedef struct gk_door {
	gk_door_spec spec; /* its address is our copy, NULL for an inherited socket */
	int fd;            /* -1: closed; the listener has a descriptor of its own */
	bool is_wanted;    /* while a change is prepared: it stays */
	bool is_new;       /* while a change is prepared: it goes if that fails */
	bool is_replaced;  /* while a change is prepared: a new one has its socket */
	gk_http_listener *listener;
	TAILQ_ENTRY(gk_door) link;
} gk_door;

typedef TAILQ_HEAD(gk_door_list, gk_door) gk_door_list;

typedef struct gk_doors {
	gk_loop *loop;
	gk_door_list open, closing; /* closing: connections are still there */
	gk_timer *sweep;            /* while some are closing */
} gk_doors;

void gk_doors_init(gk_doors *doors, gk_loop *loop);
/** Opens what is not open yet. On failure all is as it was. */
GK_MUST_USE gk_code gk_doors_prepare(
	gk_doors *doors, const gk_door_spec *specs, size_t count, gk_error *err);
/** Closes what the last gk_doors_prepare() did not name; who is connected there is served to the end. */
void gk_doors_commit(gk_doors *doors);
/** Undoes the last gk_doors_prepare(). */
void gk_doors_discard(gk_doors *doors);
/** Nobody new; idle connections end. */
void gk_doors_drain(gk_doors *doors);
size_t gk_doors_active(const gk_doors *doors);
/** The first one of a surface, or the one after `door`; NULL: none. */
const gk_door *gk_doors_next(const gk_doors *doors, const gk_door *door, const char *surface);
void gk_doors_done(gk_doors *doors);

#endif
