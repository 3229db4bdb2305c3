/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Reflection v1: the HTTP API by which the Dev UI and genkit-cli list and run what is registered (reflection sections 1
 * to 3). No authentication: it listens on loopback and refuses what a foreign web page sends.
 *
 *	rc = gk_reflection_new(app, &runtime, &reflection, err);
 *	opts.handle = gk_routes_handle, opts.too_large = gk_routes_too_large;
 *	opts.user = gk_reflection_routes(reflection), opts.max_body = GK_HTTP_REFLECTION_BODY;
 *	rc = gk_http_listen(loop, &opts, &listener, err);
 *	rc = gk_reflection_bind(reflection, gk_http_address(listener), gk_http_port(listener), err);
 *	rc = gk_runtime_file_write(root, &runtime, gk_reflection_id(reflection), address, &file, err);
 *
 * Attached runs: a client that hangs up cancels its run, in both modes of runAction (docs/decisions).
 */
#ifndef GK_SERVER_REFLECTION_H
#define GK_SERVER_REFLECTION_H

#include "core/app.h"
#include "server/routes.h"
#include "server/runtime.h"

typedef struct gk_reflection gk_reflection;

/** `app` and `runtime` must outlive it. */
GK_MUST_USE gk_code gk_reflection_new(
	gk_app *app, const gk_runtime *runtime, gk_reflection **ret, gk_error *err);
/** Its listener must have been freed. Runs and answers under way keep what they need. NULL is allowed. */
void gk_reflection_free(gk_reflection *reflection);
/** The routes of its listener, to which other surfaces may add theirs. */
gk_routes *gk_reflection_routes(gk_reflection *reflection);
/** Tells it where it listens: what Host may say, and its id. */
GK_MUST_USE gk_code gk_reflection_bind(
	gk_reflection *reflection, const char *address, unsigned port, gk_error *err);
/** What __health?id= accepts: the runtime's id, else "PID-PORT" (which is accepted in any case). */
const char *gk_reflection_id(const gk_reflection *reflection);

#endif
