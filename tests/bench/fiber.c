/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What fibers cost: one that runs to its end, one switch, and the memory of 10,000 parked ones. */
#include "base/clock.h"
#include "loop/loop.h"
#include "loop/fiber.h"

#include <stdio.h>
#include <unistd.h>

#define STARTS   1000000
#define SWITCHES 1000000
#define PARKED   10000

static void nothing(void *user)
{
	(void)user;
}

static gk_fiber *pair[2];

/* Two fibers that wake each other: every round is one switch to the loop and one from it. */
static void ping(void *user)
{
	gk_fiber **peer = user;

	for (int i = 0; i < SWITCHES; i++) {
		gk_fiber_wake(*peer);
		gk_fiber_park_shielded();
	}
	gk_fiber_wake(*peer);
}

static void wait_for_wake(void *user)
{
	bool *is_over = user;

	while (!*is_over)
		gk_fiber_park_shielded();
}

static unsigned long resident_kb(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file || fscanf(file, "%*u %lu", &pages) != 1)
		perror("/proc/self/statm");
	if (file)
		fclose(file);
	return pages * (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
}

static void start(gk_loop *loop, gk_fiber_fn *fn, void *user, gk_fiber **ret)
{
	if (gk_fiber_start(loop, "bench", NULL, fn, user, ret, NULL) != GK_OK)
		abort();
}

/* Started from a fiber they are queued, so both exist before either runs. */
static void start_pair(void *user)
{
	gk_loop *loop = gk_loop_self();

	(void)user;
	start(loop, ping, &pair[1], &pair[0]);
	start(loop, ping, &pair[0], &pair[1]);
}

int main(void)
{
	static gk_fiber *parked[PARKED];
	gk_loop *loop;
	uint64_t started;
	unsigned long before;
	bool is_over = false;

	if (gk_loop_new(&loop, NULL) != GK_OK)
		return 1;
	start(loop, nothing, NULL, NULL);
	started = gk_clock_mono_ns();
	for (int i = 0; i < STARTS; i++)
		start(loop, nothing, NULL, NULL);
	printf("start_run_end_ns %.1f\n", (double)(gk_clock_mono_ns() - started) / STARTS);

	before = resident_kb();
	for (int i = 0; i < PARKED; i++)
		start(loop, wait_for_wake, &is_over, &parked[i]);
	printf("parked_rss_kb %lu\n", resident_kb() - before);
	is_over = true;
	for (int i = 0; i < PARKED; i++) {
		gk_fiber_wake(parked[i]);
		gk_fiber_unref(parked[i]);
	}
	gk_loop_run(loop);
	printf("after_rss_kb %lu\n", resident_kb() - before);

	start(loop, start_pair, NULL, NULL);
	started = gk_clock_mono_ns();
	gk_loop_run(loop);
	printf("switch_ns %.1f\n", (double)(gk_clock_mono_ns() - started) / (4.0 * SWITCHES));
	gk_fiber_unref(pair[0]);
	gk_fiber_unref(pair[1]);
	gk_loop_free(loop);
	return 0;
}
