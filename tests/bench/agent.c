/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What a turn of an agent costs in processor time when its session is young and when it is old, and the memory of agents that
 * wait for input. Sessions are in memory; nobody looks at the spans. */
#include "ai/ai.h"
#include "core/app.h"

#include <stdio.h>
#include <time.h>

#define SESSIONS 1
#define TURNS    1000
#define WINDOW   10 /* turns that are taken together */
#define WAITING  2000

static gk_loop *loop;
static gk_app *app;

static double cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static size_t resident_kb(void)
{
	FILE *stream = fopen("/proc/self/statm", "re");
	size_t pages = 0;

	if (!stream || fscanf(stream, "%*u %zu", &pages) != 1)
		abort();
	fclose(stream);
	return pages * 4;
}

static gk_code reply(gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	(void)ctx;
	turn->finish_reason = "stop";
	return gk_agent_add_message_take(
		session, gk_message_of_text("model", "This is what I think of it."), err);
}

static gk_code answer(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	(void)ctx, (void)request, (void)err;
	*ret = json_pack("{s:o, s:s}", "message",
		gk_message_of_text("model", "This is what I think of it."), "finishReason", "stop");
	return GK_OK;
}

static void must(gk_code rc)
{
	if (rc != GK_OK)
		abort();
}

static void define(void)
{
	must(gk_loop_new(&loop, NULL));
	must(gk_app_new(loop, NULL, &app, NULL));
	must(gk_ai_init(app, NULL));
	must(gk_define_model(app,
		GK_OPTS(gk_model_opts, .name = "answering",
			.supports = GK_SUPPORTS_MULTITURN | GK_SUPPORTS_SYSTEM, .run = answer),
		NULL));
	must(gk_define_agent(app,
		GK_OPTS(gk_agent_opts, .name = "custom", .turn = reply, .is_stored = true), NULL));
	must(gk_define_agent(app,
		GK_OPTS(gk_agent_opts, .name = "prompt", .is_stored = true,
			.prompt = GK_OPTS(gk_prompt_opts, .model = "answering",
				.system = "You are helpful.")),
		NULL));
}

/* One turn in a call of its own; `init` (consumed; NULL: a new session) goes on where the one before was. The next init. */
static json_t *take_turn(const char *key, json_t *init, json_t *input)
{
	gk_run *run;
	json_t *next;

	must(gk_run_start(
		GK_OPTS(gk_run_opts, .app = app, .key = key, .init = init, .input = input), &run,
		NULL));
	while (!gk_run_is_done(run))
		gk_loop_turn(loop, 0);
	next = json_pack(
		"{s:O}", "snapshotId", json_object_get(gk_run_result_peek(run), "snapshotId"));
	if (!next)
		abort();
	gk_run_unref(run);
	json_decref(init);
	return next;
}

static void measure(const char *name, const char *key)
{
	json_t *input = gk_agent_input("What do you think of this?"), *init;
	double young = 0, old = 0, started;

	for (int i = 0; i < SESSIONS; i++) {
		init = NULL;
		for (int turn = 1; turn <= TURNS; turn++) {
			started = cpu_us();
			init = take_turn(key, init, input);
			if (turn > 10 - WINDOW / 2 && turn <= 10 + WINDOW / 2)
				young += cpu_us() - started;
			if (turn > TURNS - WINDOW)
				old += cpu_us() - started;
		}
		json_decref(init);
	}
	printf("%s_10th_turn_us %.1f\n", name, young / SESSIONS / WINDOW);
	printf("%s_1000th_turn_us %.1f\n", name, old / SESSIONS / WINDOW);
	printf("%s_1000th_to_10th %.2f\n", name, old / young);
	json_decref(input);
}

static void item_free(void *item)
{
	json_decref(item);
}

/* Each has taken one turn. */
static void wait_many(void)
{
	static gk_run *runs[WAITING];
	static gk_channel *inputs[WAITING];
	size_t before = resident_kb();

	for (size_t i = 0; i < WAITING; i++) {
		inputs[i] = gk_channel_new(16, item_free);
		must(gk_channel_try_send(inputs[i], gk_agent_input("hello"), NULL));
		must(gk_run_start(GK_OPTS(gk_run_opts, .app = app, .key = "/agent/prompt",
					  .input_stream = inputs[i]),
			&runs[i], NULL));
	}
	for (int i = 0; i < 100; i++)
		gk_loop_turn(loop, 0);
	printf("waiting_agents_mb %.1f\n", (double)(resident_kb() - before) / 1024);
	for (size_t i = 0; i < WAITING; i++)
		gk_channel_close(inputs[i], NULL);
	while (gk_app_run_count(app))
		gk_loop_turn(loop, 0);
	for (size_t i = 0; i < WAITING; i++) {
		gk_run_unref(runs[i]);
		gk_channel_unref(inputs[i]);
	}
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	define();
	wait_many();
	measure("custom", "/agent/custom");
	measure("prompt", "/agent/prompt");
	gk_app_free(app);
	gk_loop_free(loop);
	return 0;
}
