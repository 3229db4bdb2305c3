/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Fibers: functions with a stack of their own that wait without holding the loop. What a user writes runs in one.
 *
 *	rc = gk_fiber_start(loop, "hello", scope, body, user, NULL, err);
 *
 * A suspending primitive is written so:
 *
 *	register for the event, remembering gk_fiber_self();
 *	rc = gk_fiber_park(err);		the event's callback calls gk_fiber_wake()
 *	unregister, whatever rc says;
 *
 * Stacks are 256 KB with a guard page, touched lazily and pooled. Fibers stay on their loop's thread.
 */
#ifndef GK_LOOP_FIBER_H
#define GK_LOOP_FIBER_H

#include "loop/scope.h"

typedef struct gk_fiber gk_fiber;
typedef void gk_fiber_fn(void *user);

/**
 * From a loop callback: runs `fn` at once, until it first parks or ends. From a fiber: queues it; it runs when the
 * caller parks. `name` is for logs (copied, cut to 63 bytes); `scope` may be NULL (cannot be called off). `ret`, unless
 * NULL, is a reference for gk_fiber_join() and gk_fiber_unref().
 * Errors: RESOURCE_EXHAUSTED above GK_MAX_FIBERS or without memory.
 */
GK_MUST_USE gk_code gk_fiber_start(gk_loop *loop, const char *name, gk_scope *scope,
	gk_fiber_fn *fn, void *user, gk_fiber **ret, gk_error *err);
/** NULL on the loop's stack. */
gk_fiber *gk_fiber_self(void);
gk_loop *gk_fiber_loop(const gk_fiber *fiber);
/** The scope it runs in now; NULL: none. Borrowed. */
gk_scope *gk_fiber_scope(const gk_fiber *fiber);
/** Changes the scope of the running fiber and returns the one before; a reference is held while it is in force. */
gk_scope *gk_fiber_swap_scope(gk_scope *scope);
/** A slot for the floor above: the context of the call that runs in this fiber. */
void *gk_fiber_local(const gk_fiber *fiber);
void gk_fiber_set_local(gk_fiber *fiber, void *local);
gk_fiber *gk_fiber_unref(gk_fiber *fiber);
bool gk_fiber_is_done(const gk_fiber *fiber);
size_t gk_fiber_count(const gk_loop *loop);

/** Waits for gk_fiber_wake(). A wake that came since the last park counts, so none is lost; spurious wakes happen:
 * test the condition. Returns the scope's reason, at once or when it is called off meanwhile. */
GK_MUST_USE GK_SUSPENDS gk_code gk_fiber_park(gk_error *err);
/** The same, but not ended by the scope: for what must be waited for, such as a worker that uses our memory. */
GK_SUSPENDS void gk_fiber_park_shielded(void);
/** From the loop's thread. The fiber goes on at the end of this turn, in order of waking. */
void gk_fiber_wake(gk_fiber *fiber);

/** Lets others run and comes back in the next turn. */
GK_MUST_USE GK_SUSPENDS gk_code gk_fiber_yield(gk_error *err);
GK_MUST_USE GK_SUSPENDS gk_code gk_fiber_sleep(uint64_t ms, gk_error *err);
/** Waits until it has ended, also when the scope is called off: a child shares its parent's scope and ends too. */
GK_SUSPENDS void gk_fiber_join(gk_fiber *fiber);
/** Runs `fn` on a worker thread and waits for it, also when called off: `arg` stays valid. When no thread had begun by
 * then, `fn` does not run and the scope's reason is returned. */
typedef gk_code gk_work_fn(void *arg, gk_error *err);
GK_MUST_USE GK_SUSPENDS gk_code gk_work_run(gk_work_fn *fn, void *arg, gk_error *err);
/** The same from a loop callback: `done` is called on the loop's thread with the outcome. */
typedef void gk_work_done_fn(void *arg, gk_code rc, gk_error *err);
GK_MUST_USE gk_code gk_work_start(
	gk_loop *loop, gk_work_fn *fn, gk_work_done_fn *done, void *arg, gk_error *err);

/** Called with a fiber's name when it kept the loop longer than GK_SLOW_FIBER_MS. */
typedef void gk_fiber_slow_fn(const char *name, uint64_t ms, void *local);
void gk_fiber_set_slow(gk_loop *loop, gk_fiber_slow_fn *fn);

#endif
