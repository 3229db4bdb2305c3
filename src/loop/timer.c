/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Timers in a pairing heap: arming is O(1), disarming O(log n) amortised, and neither allocates. */
#include "loop/loop_internal.h"

#include "base/clock.h"

#define GK_TIMER_MAGIC 0x74696d72u
#define NS_PER_MS      1000000u

static bool is_before(const gk_timer *a, const gk_timer *b)
{
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->seq < b->seq;
}

/* Two roots without siblings become one. */
static gk_timer *meld(gk_timer *a, gk_timer *b)
{
	gk_timer *later;

	if (!a || !b)
		return a ? a : b;
	if (is_before(b, a)) {
		later = a;
		a = b;
	} else {
		later = b;
	}
	later->sibling = a->child;
	if (a->child)
		a->child->prev = later;
	a->child = later;
	later->prev = a;
	return a;
}

/* Pairs from left to right, then all of them from right to left: what keeps the heap flat. */
static gk_timer *meld_siblings(gk_timer *first)
{
	gk_timer *pairs = NULL, *root = NULL;

	while (first) {
		gk_timer *a = first, *b = a->sibling, *pair;

		first = b ? b->sibling : NULL;
		a->sibling = a->prev = NULL;
		if (b)
			b->sibling = b->prev = NULL;
		pair = meld(a, b);
		pair->sibling = pairs;
		pairs = pair;
	}
	while (pairs) {
		gk_timer *next = pairs->sibling;

		pairs->sibling = NULL;
		root = meld(root, pairs);
		pairs = next;
	}
	return root;
}

static void take_out(gk_loop *loop, gk_timer *timer)
{
	gk_timer *below = meld_siblings(timer->child);

	if (timer == loop->first_timer) {
		loop->first_timer = below;
	} else {
		if (timer->prev->child == timer)
			timer->prev->child = timer->sibling;
		else
			timer->prev->sibling = timer->sibling;
		if (timer->sibling)
			timer->sibling->prev = timer->prev;
		loop->first_timer = meld(loop->first_timer, below);
	}
	timer->child = timer->sibling = timer->prev = NULL;
}

void gk_timer_init(gk_timer *timer, gk_loop *loop, gk_loop_fn *fn, void *user)
{
	*timer = (gk_timer){ .magic = GK_TIMER_MAGIC, .loop = loop, .fn = fn, .user = user };
}

void gk_timer_disarm(gk_timer *timer)
{
	GK_CHECK(timer, GK_TIMER_MAGIC);
	if (!timer->is_armed)
		return;
	take_out(timer->loop, timer);
	timer->is_armed = false;
	if (!timer->is_unref)
		timer->loop->timers_waited_for--;
}

/* Never early: it counts from now, not from when this turn began, and from the end of this millisecond. */
static uint64_t base_time(gk_loop *loop, uint64_t after_ms)
{
	if (!after_ms)
		return gk_loop_now_ms(loop);
	return (gk_clock_mono_ns() + NS_PER_MS - 1) / NS_PER_MS;
}

void gk_timer_arm(gk_timer *timer, uint64_t after_ms)
{
	gk_loop *loop = timer->loop;

	gk_timer_disarm(timer);
	if (__builtin_add_overflow(base_time(loop, after_ms), after_ms, &timer->due_ms))
		timer->due_ms = UINT64_MAX;
	timer->seq = loop->timer_seq++;
	timer->is_armed = true;
	if (!timer->is_unref)
		loop->timers_waited_for++;
	loop->first_timer = meld(loop->first_timer, timer);
}

/* A timer that is armed meanwhile waits for the next turn, even when it is due at once. */
void gk_timers_fire(gk_loop *loop)
{
	uint64_t now = gk_loop_now_ms(loop), seq = loop->timer_seq;
	gk_timer *timer;

	while ((timer = loop->first_timer) && timer->due_ms <= now && timer->seq < seq) {
		gk_timer_disarm(timer);
		if (timer->repeat_ms)
			gk_timer_arm(timer, timer->repeat_ms);
		timer->fn(timer->user); /* may have freed the timer */
	}
}

gk_code gk_timer_start(gk_loop *loop, uint64_t after_ms, uint64_t repeat_ms, gk_loop_fn *fn,
	void *user, gk_timer **ret, gk_error *err)
{
	gk_timer *timer = malloc(sizeof(*timer));

	if (!timer)
		return gk_error_no_memory(err);
	gk_timer_init(timer, loop, fn, user);
	timer->repeat_ms = repeat_ms;
	gk_timer_arm(timer, after_ms);
	*ret = timer;
	return GK_OK;
}

void gk_timer_again(gk_timer *timer, uint64_t after_ms)
{
	gk_timer_arm(timer, after_ms);
}

void gk_timer_pause(gk_timer *timer)
{
	gk_timer_disarm(timer);
}

void gk_timer_stop(gk_timer *timer)
{
	if (!timer)
		return;
	gk_timer_disarm(timer);
	timer->magic = 0;
	free(timer);
}

void gk_timer_unref(gk_timer *timer)
{
	GK_CHECK(timer, GK_TIMER_MAGIC);
	if (!timer->is_unref && timer->is_armed)
		timer->loop->timers_waited_for--;
	timer->is_unref = true;
}
