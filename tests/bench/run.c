/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What a run costs without HTTP: from gk_run_start() to its end, input and output validated; with and without somebody
 * who looks at the spans; what a call of an action and a step cost inside one; and how deep the stack gets. */
#include "base/clock.h"
#include "core/app.h"

#include <stdio.h>

#define RUNS  300000
#define CALLS 300000

#define TEXT                                                                                       \
	"{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\"}},\"required\":[\"text\"]}"

static gk_code echo(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx;
	(void)err;
	*ret = json_pack("{s:O}", "text", json_object_get(input, "text"));
	return GK_OK;
}

static gk_code echo_step(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx;
	(void)err;
	*ret = json_incref(input);
	return GK_OK;
}

static double per_item_us(uint64_t started, unsigned count)
{
	return (double)(gk_clock_mono_ns() - started) / 1000 / count;
}

static gk_code call_often(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	uint64_t started = gk_clock_mono_ns();
	gk_code rc = GK_OK;

	(void)ret;
	for (unsigned i = 0; rc == GK_OK && i < CALLS; i++) {
		gk_auto_json json_t *output = NULL;

		rc = gk_run_action(ctx, "/flow/echo", input, &output, err);
	}
	printf("call_us %.3f\n", per_item_us(started, CALLS));
	started = gk_clock_mono_ns();
	for (unsigned i = 0; rc == GK_OK && i < CALLS; i++) {
		gk_auto_json json_t *output = NULL;

		rc = gk_run_step(ctx, "step", echo_step, NULL, input, &output, err);
	}
	printf("step_us %.3f\n", per_item_us(started, CALLS));
	return rc;
}

static void define(gk_app *app, const char *name, const char *schema, gk_action_fn *fn)
{
	if (gk_define_flow(app,
		    GK_OPTS(gk_flow_opts, .name = name, .input = schema, .output = schema,
			    .run = fn),
		    NULL) != GK_OK)
		abort();
}

static void run(gk_app *app, const char *key, json_t *input)
{
	gk_run *it;

	if (gk_run_start(GK_OPTS(gk_run_opts, .app = app, .key = key, .input = input), &it, NULL) !=
			GK_OK ||
		!gk_run_is_done(it) || gk_run_error_peek(it))
		abort();
	gk_run_unref(it);
}

static void run_often(gk_app *app, const char *label, json_t *input)
{
	uint64_t started = gk_clock_mono_ns();

	for (unsigned i = 0; i < RUNS; i++)
		run(app, "/flow/echo", input);
	printf("%s %.3f\n", label, per_item_us(started, RUNS));
}

static void look(const gk_span *span, void *user)
{
	(void)span;
	(void)user;
}

int main(void)
{
	const gk_span_observer observer = { .started = look, .ended = look };
	json_t *input = json_pack("{s:s}", "text", "hello");
	gk_loop *loop;
	gk_app *app;

	if (!input || gk_loop_new(&loop, NULL) != GK_OK ||
		gk_app_new(loop, NULL, &app, NULL) != GK_OK)
		return 1;
	define(app, "echo", TEXT, echo);
	define(app, "callOften", NULL, call_often);
	run_often(app, "first_run_us", input);
	run_often(app, "run_us", input);
	run(app, "/flow/callOften", input);
	if (!gk_app_add_observer(app, &observer))
		return 1;
	run_often(app, "observed_run_us", input);
	run(app, "/flow/callOften", input);
	gk_app_free(app);
	gk_loop_free(loop);
	json_decref(input);
	return 0;
}
