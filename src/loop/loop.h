/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The event loop: one thread, on which every handler, timer and fiber runs. (libuv inside; no other floor sees it.)
 *
 *	rc = gk_loop_new(&loop, err);
 *	gk_timer_start(loop, 100, 0, tick, user, &timer, err);
 *	gk_loop_run(loop);		until gk_loop_stop(), or until nothing is left to wait for
 *
 * Callbacks run on the loop's stack, never block and never suspend. All functions are for the loop's thread, except
 * gk_loop_post(). An object's `_stop` frees it; its callback does not run again.
 */
#ifndef GK_LOOP_LOOP_H
#define GK_LOOP_LOOP_H

#include <genkit/status.h>
#include <sys/queue.h>

typedef struct gk_loop gk_loop;
typedef void gk_loop_fn(void *user);

GK_MUST_USE gk_code gk_loop_new(gk_loop **ret, gk_error *err);
/** Everything started on it must have been stopped and every fiber have ended. NULL is allowed. */
void gk_loop_free(gk_loop *loop);
void gk_loop_run(gk_loop *loop);
/** One turn: what is ready, waiting for at most `wait_ms`. For tests and for embedding. */
void gk_loop_turn(gk_loop *loop, uint64_t wait_ms);
void gk_loop_stop(gk_loop *loop);
/** The loop of this thread; NULL outside of one. */
gk_loop *gk_loop_self(void);
/** Milliseconds of the steady clock as of this turn. */
uint64_t gk_loop_now_ms(const gk_loop *loop);
/** How late the last turns came: the longest time, in microseconds, that callbacks and fibers kept the loop since the
 * last call. For /metrics and the watchdog. */
uint64_t gk_loop_take_lag_us(gk_loop *loop);

/** While what wakes the loop comes closer together than this, the loop looks for the next of it rather than sleep: it then
 * need not be woken, and finds the processor awake and its caches warm. It yields after each look; when somebody else had the
 * processor meanwhile, it sleeps for GK_AWAKE_REST_MS to GK_AWAKE_REST_MAX_MS before it tries again. It sleeps as well when
 * nothing has come for so long. 0, as at first: never. False where processor time is rationed (gk_cpu_is_limited()): it has no
 * effect there. */
bool gk_loop_keep_awake(gk_loop *loop, uint64_t window_ms);
/** For how long it has looked, in all. */
uint64_t gk_loop_kept_awake_us(const gk_loop *loop);
/** From any thread: one that shares the loop's processor has something to do, or no longer has. Meanwhile the loop sleeps when
 * it has nothing to do, whatever gk_loop_keep_awake() says, so that it goes before that thread once it is woken. Each `true`
 * is followed by a `false`. */
void gk_loop_has_neighbour(gk_loop *loop, bool has);

/** From any thread: `fn` runs on the loop's thread soon. False when memory ran out. */
bool gk_loop_post(gk_loop *loop, gk_loop_fn *fn, void *user);

/* Work for the end of this turn, before the loop waits again. The item is embedded in its owner and is queued once
 * however often it is asked for: the way to do something once after many events. */
typedef struct gk_defer {
	gk_loop_fn *fn;
	void *user;
	bool is_queued, is_pressing;
	TAILQ_ENTRY(gk_defer) link;
} gk_defer;
void gk_loop_defer(gk_loop *loop, gk_defer *item);
/** As soon as the fiber that runs now leaves the loop's thread, before whoever let it run goes on: for what others are to
 * begin with meanwhile. Outside of fibers the same as gk_loop_defer(). */
void gk_loop_defer_pressing(gk_loop *loop, gk_defer *item);
void gk_loop_undefer(gk_loop *loop, gk_defer *item);

/** What is left to do for something that is over, such as freeing it: `fn` runs once, at the end of this turn, or a few
 * turns later while it is held back; here and now when too much is left already. */
void gk_loop_tidy(gk_loop *loop, gk_loop_fn *fn, void *user);
/** At once, all that is left: before what it belongs to goes. */
void gk_loop_tidy_now(gk_loop *loop);
/** Holds it back (each to be undone by gk_loop_let_tidy()): another thread works at an answer, and may need this
 * processor for it. */
void gk_loop_hold_tidy(gk_loop *loop);
void gk_loop_let_tidy(gk_loop *loop);

typedef struct gk_timer gk_timer;
/** Never early. `repeat_ms` 0: once (the timer still belongs to its owner, who stops it). */
GK_MUST_USE gk_code gk_timer_start(gk_loop *loop, uint64_t after_ms, uint64_t repeat_ms,
	gk_loop_fn *fn, void *user, gk_timer **ret, gk_error *err);
/** Starts over; also after it fired. */
void gk_timer_again(gk_timer *timer, uint64_t after_ms);
void gk_timer_stop(gk_timer *timer);
/** It does not fire before gk_timer_again(). */
void gk_timer_pause(gk_timer *timer);
/** A timer that does not keep gk_loop_run() from returning. */
void gk_timer_unref(gk_timer *timer);

enum {
	GK_POLL_READ = 1,
	GK_POLL_WRITE = 2,
	GK_POLL_HANGUP = 4, /* the peer closed its side (EPOLLRDHUP) or all of it */
};
typedef struct gk_poll gk_poll;
typedef void gk_poll_fn(void *user, unsigned events);
/** Watches a file descriptor, which stays its owner's and is closed only after gk_poll_stop(). For a descriptor with an
 * error `fn` is called once, with what was asked for and GK_POLL_HANGUP: reading or writing tells the error, and
 * gk_poll_update() watches again. */
GK_MUST_USE gk_code gk_poll_start(gk_loop *loop, int fd, unsigned events, gk_poll_fn *fn,
	void *user, gk_poll **ret, gk_error *err);
void gk_poll_update(gk_poll *poll, unsigned events);
void gk_poll_stop(gk_poll *poll);

typedef struct gk_signal gk_signal;
GK_MUST_USE gk_code gk_signal_start(
	gk_loop *loop, int number, gk_loop_fn *fn, void *user, gk_signal **ret, gk_error *err);
void gk_signal_stop(gk_signal *watcher);

#endif
