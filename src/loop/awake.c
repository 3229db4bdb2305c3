/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * While requests come close together, the loop looks for the next one rather than have itself woken for it (decision 0018):
 *
 *	it is about to wait	gk_awake_look(), as long as that is worth it and nobody else wants the processor
 *	it is called back	gk_awake_rise(): was it worth it?
 */
#include "loop/loop_internal.h"

#include "base/clock.h"
#include "base/cpu_limit.h"
#include "base/limits.h"

#include <poll.h>
#include <sched.h>
#include <sys/resource.h>

#define NS_PER_MS 1000000u
#define NS_PER_US 1000u
/* After so short a wait nothing has gone cold. Where most are, as under full load, there is nothing to be gained. */
#define SHORT_NS 100000u
/* Shares, the late waits counting most: of the longer ones that end in time, and of all that are longer. */
#define ALL    256u
#define STEPS  16u
#define WORTH  (ALL * 3 / 4)
#define LONGER (ALL / 4)
/* Between two looks somebody may have had the processor. */
#define GAP_NS 20000u

/* How often somebody else had it while this thread wanted it as well. */
static long switches(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nivcsw : 0;
}

static bool has_neighbours(const gk_awake *awake)
{
	return atomic_load_explicit(&awake->neighbours, memory_order_relaxed) != 0;
}

bool gk_awake_may_look(const gk_awake *awake, uint64_t now_ns)
{
	return awake->window_ns && awake->in_time >= WORTH && awake->longer >= LONGER &&
	       now_ns >= awake->rests_until_ns && !has_neighbours(awake);
}

/* A thread that sleeps goes before one that turns, once it is woken: with neighbours the loop had better sleep. */
static void rest_for_longer(gk_awake *awake, uint64_t now_ns)
{
	uint64_t ns = awake->rest_ns * 2;

	if (ns < GK_AWAKE_REST_MS * NS_PER_MS)
		ns = GK_AWAKE_REST_MS * NS_PER_MS;
	if (ns > GK_AWAKE_REST_MAX_MS * NS_PER_MS)
		ns = GK_AWAKE_REST_MAX_MS * NS_PER_MS;
	awake->rest_ns = ns;
	awake->rests_until_ns = now_ns + ns;
}

/* Whoever wants the processor gets it after each look, or takes it in between. */
bool gk_awake_look(gk_awake *awake, int fd, uint64_t max_ms)
{
	bool is_shorter = max_ms < awake->window_ns / NS_PER_MS, has_come = false,
	     has_yielded = false;
	uint64_t last_ns = gk_clock_mono_ns(), now_ns;
	uint64_t until_ns = last_ns + (is_shorter ? max_ms * NS_PER_MS : awake->window_ns);
	struct pollfd one = { .fd = fd, .events = POLLIN };
	long before = switches();

	for (; !has_come && last_ns < until_ns && !has_neighbours(awake); last_ns = now_ns) {
		has_come = poll(&one, 1, 0) != 0;
		if (!has_come)
			sched_yield();
		now_ns = gk_clock_mono_ns();
		if (now_ns - last_ns > GAP_NS && switches() != before) {
			rest_for_longer(awake, now_ns);
			return has_come;
		}
		awake->kept_ns += now_ns - last_ns;
		has_yielded |= !has_come;
	}
	if (has_yielded) /* and nobody took it */
		awake->rest_ns /= 2;
	return has_come;
}

static void count(unsigned *share, bool is_one)
{
	*share -= *share / STEPS;
	*share += is_one ? ALL / STEPS : 0;
}

void gk_awake_rise(gk_awake *awake, uint64_t waited_ns)
{
	bool is_longer = waited_ns >= SHORT_NS;

	count(&awake->longer, is_longer);
	if (is_longer)
		count(&awake->in_time, waited_ns <= awake->window_ns);
}

bool gk_loop_keep_awake(gk_loop *loop, uint64_t window_ms)
{
	/* The time would count against the limit, and the loop be stopped for it. */
	bool may = !window_ms || !gk_cpu_is_limited("");

	loop->awake.window_ns = may ? window_ms * NS_PER_MS : 0;
	return may;
}

uint64_t gk_loop_kept_awake_us(const gk_loop *loop)
{
	return loop->awake.kept_ns / NS_PER_US;
}

void gk_loop_has_neighbour(gk_loop *loop, bool has)
{
	if (has)
		atomic_fetch_add(&loop->awake.neighbours, 1);
	else
		atomic_fetch_sub(&loop->awake.neighbours, 1);
}
