/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * An application with a few flows behind a listener, for tests of what the server serves.
 */
#ifndef TESTS_SURFACE_H
#define TESTS_SURFACE_H

#include "core/app.h"
#include "server/flows.h"
#include "server/http.h"
#include "server/routes.h"

/** Flows: echo, add1 (number), void, null, deep (nested too deeply), three (chunks {"n":0..2}, result "done"), wait (until
 * cancelled, after a chunk "start"), later (parks, then "late"), fail, plain, thrown, badOutput, context, flood (chunks of
 * 100 KB without an end), bidi. */
extern gk_loop *surface_loop;
extern gk_app *surface_app;

void surface_start(void);
/** Runs the loop until nothing runs, then frees both. */
void surface_stop(void);
/** Listens on a port of its own. */
gk_http_listener *surface_listen(
	gk_http_handler_fn *handle, gk_http_handler_fn *too_large, void *user);

/** The same for what answers by its path. */
gk_http_listener *surface_serve(gk_routes *routes);
/** Flows of surface_app; `opts` NULL: as usual. Fails the test when they cannot be had. */
gk_flows *surface_flows(const gk_flows_opts *opts);
/** Ends both, and with them the application. */
void surface_stop_flows(gk_http_listener *listener, gk_flows *served);

/** One request: "POST /echo", headers ("A: b\r\n"), body (NULL: none; ' for "). The answer as it came; the caller frees it. */
char *surface_ask(
	gk_http_listener *listener, const char *what, const char *headers, const char *body);
/** What follows the headers, with chunked framing undone; inside `answer`, which is changed. */
char *surface_body(char *answer);
/** Fails the test unless the status line has the number. */
void assert_status(const char *answer, int status);
/** Fails the test unless a header line is there, exactly so. */
void assert_header(const char *answer, const char *line);
/** Turns the loop until `is_so(user)`. */
void surface_until(bool (*is_so)(void *user), void *user);
bool surface_is_idle(void *user);

#endif
