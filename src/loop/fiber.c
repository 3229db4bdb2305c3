/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Fibers: their states and what moves them.
 *
 *	start from the loop -----------------.
 *	start from a fiber --> READY ---> RUNNING --> DONE
 *	                         ^           |
 *	                   wake  |           | park
 *	                         '- PARKED <-'
 */
#include "loop/fiber.h"

#include "base/limits.h"
#include "loop/loop_internal.h"

#include <stdio.h>
#include <time.h>

#define GK_FIBER_MAGIC 0x66696272u

void gk_fibers_init(gk_loop *loop)
{
	TAILQ_INIT(&loop->ready);
	TAILQ_INIT(&loop->yielded);
	loop->max_fibers = GK_MAX_FIBERS;
	gk_stack_pool_init(&loop->stacks, loop);
}

void gk_fibers_done(gk_loop *loop)
{
	gk_stack_pool_done(&loop->stacks);
}

void gk_fiber_set_max(gk_loop *loop, size_t max)
{
	loop->max_fibers = max;
}

/* --- what it is --- */

gk_fiber *gk_fiber_self(void)
{
	gk_loop *loop = gk_loop_self();

	return loop ? loop->current : NULL;
}

gk_loop *gk_fiber_loop(const gk_fiber *fiber)
{
	return fiber->loop;
}

gk_scope *gk_fiber_scope(const gk_fiber *fiber)
{
	return fiber->scope;
}

void *gk_fiber_local(const gk_fiber *fiber)
{
	return fiber->local;
}

void gk_fiber_set_local(gk_fiber *fiber, void *local)
{
	fiber->local = local;
}

bool gk_fiber_is_done(const gk_fiber *fiber)
{
	return fiber->state == GK_FIBER_DONE;
}

size_t gk_fiber_count(const gk_loop *loop)
{
	return loop->fiber_count;
}

void gk_fiber_set_slow(gk_loop *loop, gk_fiber_slow_fn *fn)
{
	loop->slow = fn;
}

gk_fiber *gk_fiber_unref(gk_fiber *fiber)
{
	if (!fiber)
		return NULL;
	GK_CHECK(fiber, GK_FIBER_MAGIC);
	if (--fiber->refs == 0) {
		fiber->magic = 0;
		free(fiber);
	}
	return NULL;
}

static void enter_scope(gk_fiber *fiber, gk_scope *scope)
{
	struct gk_scope_fibers *fibers;

	fiber->scope = scope;
	if (!scope)
		return;
	fibers = gk_scope_fibers_peek(gk_scope_ref(scope));
	LIST_INSERT_HEAD(fibers, fiber, scope_link);
}

static void leave_scope(gk_fiber *fiber)
{
	gk_scope *scope = fiber->scope;

	fiber->scope = NULL;
	if (scope)
		LIST_REMOVE(fiber, scope_link);
	gk_scope_unref(scope);
}

gk_scope *gk_fiber_swap_scope(gk_scope *scope)
{
	gk_fiber *fiber = gk_fiber_self();
	gk_scope *before;

	GK_CHECK(fiber, GK_FIBER_MAGIC);
	before = fiber->scope;
	if (scope != before) {
		leave_scope(fiber);
		enter_scope(fiber, scope);
	}
	return before;
}

/* --- running --- */

/* Milliseconds are enough to find slow ones, and this clock costs a tenth of the exact one. */
static uint64_t coarse_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The bottom of every stack: one fiber after another. */
static void entry(void)
{
	gk_loop *loop = gk_loop_self();

	gk_stack_arrived(&loop->home);
	for (;;) {
		gk_fiber *fiber = loop->current;

		fiber->fn(fiber->user);
		fiber->state = GK_FIBER_DONE;
		gk_stack_leave(&loop->home, fiber->stack, true);
	}
}

static void finish(gk_fiber *fiber)
{
	gk_loop *loop = fiber->loop;
	gk_waiter *joiner;

	leave_scope(fiber);
	gk_stack_put(&loop->stacks, fiber->stack);
	fiber->stack = NULL;
	loop->fiber_count--;
	TAILQ_FOREACH (joiner, &fiber->joiners, link)
		gk_fiber_wake(joiner->fiber);
	gk_fiber_unref(fiber);
}

/* On the loop's stack: runs it until it parks or ends. */
static void resume(gk_fiber *fiber)
{
	gk_loop *loop = fiber->loop, *before = gk_loop_enter(loop);
	uint64_t started = coarse_ms(), took;

	fiber->state = GK_FIBER_RUNNING;
	loop->current = fiber;
	gk_stack_enter(&loop->home, fiber->stack);
	loop->current = NULL;
	took = coarse_ms() - started;
	gk_loop_run_pressing(loop);
	gk_loop_enter(before);
	if (took >= GK_SLOW_FIBER_MS) {
		uv_update_time(&loop->uv); /* timers that others start count from now */
		if (loop->slow)
			loop->slow(fiber->name, took, fiber->local);
	}
	if (fiber->state == GK_FIBER_DONE)
		finish(fiber);
}

void gk_fibers_run(gk_loop *loop)
{
	gk_fiber *last = TAILQ_LAST(&loop->ready, gk_fiber_list), *fiber;
	bool is_last = !last;

	while (!is_last) {
		fiber = TAILQ_FIRST(&loop->ready);
		is_last = fiber == last;
		TAILQ_REMOVE(&loop->ready, fiber, ready_link);
		resume(fiber);
	}
}

gk_code gk_fiber_start(gk_loop *loop, const char *name, gk_scope *scope, gk_fiber_fn *fn,
	void *user, gk_fiber **ret, gk_error *err)
{
	gk_fiber *fiber;

	if (loop->fiber_count >= loop->max_fibers)
		return gk_error_set(
			err, GK_RESOURCE_EXHAUSTED, "too many fibers (%zu)", loop->fiber_count);
	fiber = malloc(sizeof(*fiber));
	if (!fiber)
		return gk_error_no_memory(err);
	*fiber = (gk_fiber){
		.magic = GK_FIBER_MAGIC, .refs = 1, .loop = loop, .fn = fn, .user = user
	};
	fiber->stack = gk_stack_get(&loop->stacks, entry);
	if (!fiber->stack) {
		free(fiber);
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED, "no memory for a fiber's stack");
	}
	TAILQ_INIT(&fiber->joiners);
	strncpy(fiber->name, name, sizeof(fiber->name) - 1);
	enter_scope(fiber, scope);
	loop->fiber_count++;
	if (ret) {
		fiber->refs++;
		*ret = fiber;
	}
	if (loop->current)
		TAILQ_INSERT_TAIL(&loop->ready, fiber, ready_link);
	else
		resume(fiber);
	return GK_OK;
}

/* --- waiting --- */

static void leave_to_loop(gk_fiber *fiber)
{
	gk_stack_leave(&fiber->loop->home, fiber->stack, false);
}

static void park(gk_fiber *fiber)
{
	if (!fiber->is_woken) {
		fiber->state = GK_FIBER_PARKED;
		leave_to_loop(fiber);
	}
	fiber->is_woken = false;
}

void gk_fiber_park_shielded(void)
{
	gk_fiber *fiber = gk_fiber_self();

	GK_CHECK(fiber, GK_FIBER_MAGIC); /* a loop callback must not wait */
	park(fiber);
}

gk_code gk_fiber_park(gk_error *err)
{
	gk_fiber *fiber = gk_fiber_self();

	GK_CHECK(fiber, GK_FIBER_MAGIC);
	if (gk_scope_reason(fiber->scope) == GK_OK)
		park(fiber);
	return gk_scope_check(fiber->scope, err);
}

void gk_fiber_wake(gk_fiber *fiber)
{
	GK_CHECK(fiber, GK_FIBER_MAGIC);
	if (fiber->state == GK_FIBER_PARKED) {
		fiber->state = GK_FIBER_READY;
		TAILQ_INSERT_TAIL(&fiber->loop->ready, fiber, ready_link);
	}
	fiber->is_woken = true;
}

gk_code gk_fiber_yield(gk_error *err)
{
	gk_fiber *fiber = gk_fiber_self();

	GK_CHECK(fiber, GK_FIBER_MAGIC);
	if (gk_scope_reason(fiber->scope) == GK_OK) {
		fiber->state = GK_FIBER_READY;
		TAILQ_INSERT_TAIL(&fiber->loop->yielded, fiber, ready_link);
		leave_to_loop(fiber);
	}
	return gk_scope_check(fiber->scope, err);
}

static void on_slept(void *user)
{
	gk_fiber_wake(user);
}

gk_code gk_fiber_sleep(uint64_t ms, gk_error *err)
{
	gk_fiber *fiber = gk_fiber_self();
	gk_timer timer;
	gk_code rc = GK_OK;

	GK_CHECK(fiber, GK_FIBER_MAGIC);
	gk_timer_init(&timer, fiber->loop, on_slept, fiber);
	gk_timer_arm(&timer, ms);
	while (rc == GK_OK && timer.is_armed)
		rc = gk_fiber_park(err);
	gk_timer_disarm(&timer);
	return rc;
}

void gk_fiber_join(gk_fiber *fiber)
{
	gk_waiter self = { .fiber = gk_fiber_self() };

	GK_CHECK(fiber, GK_FIBER_MAGIC);
	assert(fiber != self.fiber);
	if (gk_fiber_is_done(fiber))
		return;
	TAILQ_INSERT_TAIL(&fiber->joiners, &self, link);
	while (!gk_fiber_is_done(fiber))
		gk_fiber_park_shielded();
	TAILQ_REMOVE(&fiber->joiners, &self, link);
}
