/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * While requests come close together, the processor between two of them does not fall asleep (decision 0018): a thread of
 * its lowest class turns idle there, which any other thread that wants the processor puts aside at once.
 *
 *	the loop is about to wait	gk_awake_rest(): until when it is worth it
 *	it is called back		gk_awake_rise(): enough; was it worth it?
 */
#include "loop/loop_internal.h"

#include "base/clock.h"
#include "base/cpu_limit.h"

#include <sched.h>

#define NS_PER_MS 1000000u
#define NS_PER_US 1000u
/* After so short a wait nothing has gone cold. Where most are, as under full load, the thread would only be in the way. */
#define SHORT_NS 100000u
/* Shares, the late waits counting most: of the longer ones that end in time, and of all that are longer. */
#define ALL    256u
#define STEPS  16u
#define WORTH  (ALL * 3 / 4)
#define LONGER (ALL / 4)
#define PAUSES 16

/* To the processor: this only waits. */
static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb");
#endif
}

/* Beside the loop, wherever that has been moved to. */
static int follow(gk_awake *awake, int cpu)
{
	int wanted = atomic_load_explicit(&awake->cpu, memory_order_relaxed);
	cpu_set_t set;

	if (wanted == cpu || wanted < 0 || wanted >= CPU_SETSIZE)
		return cpu;
	CPU_ZERO(&set);
	CPU_SET(wanted, &set);
	sched_setaffinity(0, sizeof(set), &set); /* refused: it stays where it is */
	return wanted;
}

/* Until the time is over, or until it finds the loop awake: then it is here because its turn has come beside the loop, in
 * whose way it is. */
static void turn_idle(gk_awake *awake, int *cpu)
{
	while (gk_clock_mono_ns() < atomic_load(&awake->until_ns)) {
		*cpu = follow(awake, *cpu);
		for (int i = 0; i < PAUSES; i++)
			relax();
	}
}

static void *keep(void *user)
{
	gk_awake *awake = user;
	struct sched_param none = { 0 };
	int cpu = -1;

	pthread_setname_np(pthread_self(), "genkitd-awake");
	/* Otherwise it would take its share from others. */
	if (sched_setscheduler(0, SCHED_IDLE, &none) < 0) {
		atomic_store(&awake->is_refused, true);
		return NULL;
	}
	while (!atomic_load(&awake->is_stopping)) {
		turn_idle(awake, &cpu);
		/* Either it sees the new time here, or the loop sees that it has to ring. */
		atomic_store(&awake->is_parked, true);
		if (gk_clock_mono_ns() < atomic_load(&awake->until_ns) &&
			atomic_exchange(&awake->is_parked, false))
			continue;
		while (sem_wait(&awake->bell) < 0)
			; /* a signal */
	}
	return NULL;
}

/* No lock: the thread may be put aside for long while it holds one. */
static void ring(gk_awake *awake)
{
	if (atomic_load(&awake->is_parked) && atomic_exchange(&awake->is_parked, false))
		sem_post(&awake->bell);
}

void gk_awake_rest(gk_awake *awake, uint64_t now_ns)
{
	if (!awake->window_ns || awake->in_time < WORTH || awake->longer < LONGER ||
		atomic_load_explicit(&awake->is_refused, memory_order_relaxed))
		return;
	if (!awake->has_thread) {
		awake->has_thread = pthread_create(&awake->thread, NULL, keep, awake) == 0;
		if (!awake->has_thread) {
			atomic_store(&awake->is_refused, true);
			return;
		}
	}
	awake->is_kept = true;
	atomic_store_explicit(&awake->cpu, sched_getcpu(), memory_order_relaxed);
	atomic_store(&awake->until_ns, now_ns + awake->window_ns);
	ring(awake);
}

static void count(unsigned *share, bool is_one)
{
	*share -= *share / STEPS;
	*share += is_one ? ALL / STEPS : 0;
}

void gk_awake_rise(gk_awake *awake, uint64_t waited_ns)
{
	bool is_in_time = waited_ns <= awake->window_ns, is_longer = waited_ns >= SHORT_NS;

	if (awake->is_kept) {
		awake->is_kept = false;
		atomic_store(&awake->until_ns, 0);
		awake->kept_ns += is_in_time ? waited_ns : awake->window_ns;
	}
	count(&awake->longer, is_longer);
	if (is_longer)
		count(&awake->in_time, is_in_time);
}

void gk_awake_init(gk_awake *awake)
{
	sem_init(&awake->bell, 0, 0);
}

void gk_awake_done(gk_awake *awake)
{
	if (awake->has_thread) {
		atomic_store(&awake->is_stopping, true);
		atomic_store(&awake->until_ns, 0);
		sem_post(&awake->bell);
		pthread_join(awake->thread, NULL);
	}
	sem_destroy(&awake->bell);
}

bool gk_loop_keep_awake(gk_loop *loop, uint64_t window_ms)
{
	/* What it turns idle would count against the limit, and the loop be stopped for it. */
	bool may = !window_ms || !gk_cpu_is_limited("");

	loop->awake.window_ns = may ? window_ms * NS_PER_MS : 0;
	return may;
}

uint64_t gk_loop_kept_awake_us(const gk_loop *loop)
{
	return loop->awake.kept_ns / NS_PER_US;
}
