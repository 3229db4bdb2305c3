/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core_app.h"

#include <stdio.h>

void core_app_must(gk_code rc, const char *what)
{
	if (rc == GK_OK)
		return;
	fprintf(stderr, "%s: %s\n", what, gk_code_name(rc));
	exit(EXIT_FAILURE);
}

void core_app_start(core_app *it)
{
	core_app_must(gk_loop_new(&it->loop, NULL), "loop");
	core_app_must(gk_app_new(it->loop, NULL, &it->app, NULL), "application");
}

void core_app_stop(core_app *it)
{
	gk_app_free(it->app);
	gk_loop_free(it->loop);
}

gk_code core_app_finish(core_app *it, const gk_run_opts *opts, json_t **ret, gk_error *err)
{
	const gk_error *failure;
	gk_run *run;
	gk_code rc = gk_run_start(opts, &run, err);

	if (rc != GK_OK)
		return rc;
	while (!gk_run_is_done(run))
		gk_loop_turn(it->loop, 100);
	failure = gk_run_error_peek(run);
	if (failure)
		rc = gk_error_copy(err, failure);
	else
		*ret = json_incref(gk_run_result_peek(run));
	gk_run_unref(run);
	return rc;
}

gk_code core_app_run_key(core_app *it, const char *key, json_t *input, json_t **ret, gk_error *err)
{
	return core_app_finish(
		it, GK_OPTS(gk_run_opts, .app = it->app, .key = key, .input = input), ret, err);
}

gk_code core_app_run(
	core_app *it, gk_action_fn *fn, void *user, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc = gk_define_flow(
		it->app, GK_OPTS(gk_flow_opts, .name = "case", .run = fn, .user = user), err);

	return rc == GK_OK ? core_app_run_key(it, "/flow/case", input, ret, err) : rc;
}
