/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Which handler answers which request: the table of a listener, into which each surface puts its routes.
 *
 *	gk_routes_add(routes, &(gk_route){ "GET", "/healthz", healthz, health, GK_ROUTE_ALWAYS });
 *	gk_routes_add(routes, &(gk_route){ "POST", "/agents/" "*", agent, agents });
 *	opts.handle = gk_routes_handle, opts.user = routes;		for gk_http_listen()
 *
 * A path that fits exactly wins, then the longest one that ends in `*` and is open to the method. GET answers HEAD too.
 */
#ifndef GK_SERVER_ROUTES_H
#define GK_SERVER_ROUTES_H

#include "server/http.h"

typedef struct gk_routes gk_routes;

enum {
	GK_ROUTE_ALWAYS = 1, /* answered while the server drains, too */
};

typedef struct gk_route {
	const char *method;         /* "GET", "POST", ... */
	const char *path;           /* copied; as it is sent, so without percent-escapes */
	gk_http_handler_fn *handle; /* on the loop */
	void *user;
	unsigned flags;
} gk_route;

typedef struct gk_routes_opts {
	size_t size;
	/** Asked before anything else: false when it has answered the request itself. It may set headers of the answer. */
	bool (*guard)(gk_exchange *x, void *user);
	gk_http_handler_fn *missing;   /* no route fits; NULL: 404 with a JSON error */
	gk_http_handler_fn *too_large; /* NULL: 413 with a JSON error */
	void *user;                    /* of all three */
	bool says_options; /* OPTIONS on a known path: 200, Allow, and the methods as text */
} gk_routes_opts;

/** `opts` NULL: all defaults. NULL when memory ran out. */
gk_routes *gk_routes_new(const gk_routes_opts *opts);
void gk_routes_free(gk_routes *routes);
/** ALREADY_EXISTS for a second one of method and path. */
GK_MUST_USE gk_code gk_routes_add(gk_routes *routes, const gk_route *route, gk_error *err);
/** From now on requests are answered 503 "server is shutting down", and their connections close. */
void gk_routes_drain(gk_routes *routes);
bool gk_routes_is_draining(const gk_routes *routes);

/** Every request that is over is told to `fn`; NULL: nobody. */
void gk_routes_set_watch(gk_routes *routes, gk_http_answered_fn *fn, void *user);

/** Handlers for gk_http_opts, whose `user` is the gk_routes. */
void gk_routes_handle(gk_exchange *x, void *user);
void gk_routes_too_large(gk_exchange *x, void *user);
void gk_routes_answered(const gk_http_answer *answer, void *user);

#endif
