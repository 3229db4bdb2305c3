/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* For ops that need an application: one on a loop of its own, and code that runs in it as a flow. */
#ifndef TESTS_CONFORMANCE_CORE_APP_H
#define TESTS_CONFORMANCE_CORE_APP_H

#include "core.h"

#include "core/app.h"

typedef struct core_app {
	gk_loop *loop;
	gk_app *app;
} core_app;

void core_app_start(core_app *it);
void core_app_stop(core_app *it);
/** Runs `fn` as a flow, to its end, with `user` for gk_ctx_user(). */
gk_code core_app_run(
	core_app *it, gk_action_fn *fn, void *user, json_t *input, json_t **ret, gk_error *err);
/** Starts a run and turns the loop until it has ended. */
gk_code core_app_finish(core_app *it, const gk_run_opts *opts, json_t **ret, gk_error *err);
/** Runs what is registered. */
gk_code core_app_run_key(core_app *it, const char *key, json_t *input, json_t **ret, gk_error *err);
/** Ends the program with `what` when an action of the case's setting cannot be defined. */
void core_app_must(gk_code rc, const char *what);

#endif
