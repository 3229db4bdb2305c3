/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A turn of the loop:
 *
 *	poll       libuv waits (not when something is ready; after a look, awake.c) and calls back for descriptors, signals,
 *	           workers
 *	posts      what other threads handed over
 *	timers     what is due
 *	drain      ready fibers, then deferred items, and what these make ready, for a bounded number of passes
 *	tidy       what is over
 */
#include "loop/loop_internal.h"

#include "base/clock.h"
#include "base/limits.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define GK_LOOP_MAGIC 0x6c6f6f70u
#define NS_PER_US     1000u
/* Two fibers that wake each other for ever still let descriptors and timers have their turn. */
#define DRAIN_PASSES 16

struct gk_post {
	gk_loop_fn *fn;
	void *user;
	gk_post *next;
};

/* Eight bytes are there for a library that is loaded late as well; without the model each look is a call into the linker. */
static _Thread_local gk_loop *this_loop __attribute__((tls_model("initial-exec")));

/* Not inlined: a compiler may keep the address of a thread's variable, and a fiber's caller is not what it was. */
__attribute__((noinline)) gk_loop *gk_loop_self(void)
{
	return this_loop;
}

__attribute__((noinline)) gk_loop *gk_loop_enter(gk_loop *loop)
{
	gk_loop *before = this_loop;

	this_loop = loop;
	return before;
}

static gk_code code_of(int status)
{
	switch (status) {
	case UV_ENOENT:
	case UV_ENOTDIR:
		return GK_NOT_FOUND;
	case UV_EACCES:
	case UV_EPERM:
		return GK_PERMISSION_DENIED;
	case UV_ENOMEM:
	case UV_EMFILE:
	case UV_ENFILE:
	case UV_EAGAIN:
	case UV_ENOSPC: /* of inotify: too many watches */
		return GK_RESOURCE_EXHAUSTED;
	default:
		return GK_INTERNAL;
	}
}

gk_code gk_loop_fail(gk_error *err, int status, const char *format, ...)
{
	gk_code code = code_of(status);
	gk_auto_str char *what = NULL;
	char reason[128];
	va_list args;

	if (!err)
		return code;
	va_start(args, format);
	if (vasprintf(&what, format, args) < 0)
		what = NULL;
	va_end(args);
	uv_strerror_r(status, reason, sizeof(reason));
	return gk_error_set(err, code, "%s: %s", what ? what : "out of memory", reason);
}

/* --- from other threads --- */

/* Only ends the wait: the turn looks at the list. (libuv's own way of it spins while the other thread is inside; where both
 * share a processor, that one cannot go on meanwhile.) */
static void on_posted(void *user, unsigned events)
{
	gk_loop *loop = user;
	uint64_t count;
	ssize_t got = read(loop->post_fd, &count, sizeof(count));

	(void)events;
	(void)got;
}

static void ring(gk_loop *loop)
{
	uint64_t one = 1;
	ssize_t put = write(loop->post_fd, &one, sizeof(one));

	(void)put; /* it fails when it has been rung for ever: it rings still */
}

bool gk_loop_post(gk_loop *loop, gk_loop_fn *fn, void *user)
{
	gk_post *post = malloc(sizeof(*post));
	bool was_empty;

	if (!post)
		return false;
	*post = (gk_post){ .fn = fn, .user = user };
	/* The loop may be freed once it has run the last post: not while anybody is inside. */
	atomic_fetch_add(&loop->posters, 1);
	pthread_mutex_lock(&loop->post_lock);
	was_empty = !loop->first_post;
	*loop->last_post = post;
	loop->last_post = &post->next;
	atomic_store_explicit(&loop->has_posts, true, memory_order_release);
	pthread_mutex_unlock(&loop->post_lock);
	if (was_empty) /* not under the lock: the loop, once awake, takes it */
		ring(loop);
	atomic_fetch_sub(&loop->posters, 1);
	return true;
}

static gk_post *take_posts(gk_loop *loop)
{
	gk_post *first;

	pthread_mutex_lock(&loop->post_lock);
	first = loop->first_post;
	loop->first_post = NULL;
	loop->last_post = &loop->first_post;
	atomic_store_explicit(&loop->has_posts, false, memory_order_relaxed);
	pthread_mutex_unlock(&loop->post_lock);
	return first;
}

static bool has_posts(gk_loop *loop)
{
	return atomic_load_explicit(&loop->has_posts, memory_order_acquire);
}

static void run_posts(gk_loop *loop)
{
	gk_post *post, *next;

	if (!has_posts(loop))
		return;
	for (post = take_posts(loop); post; post = next) {
		next = post->next;
		post->fn(post->user);
		free(post);
	}
}

/* --- deferred items --- */

void gk_loop_defer(gk_loop *loop, gk_defer *item)
{
	if (item->is_queued)
		return;
	item->is_queued = true;
	TAILQ_INSERT_TAIL(&loop->deferred, item, link);
	loop->deferred_count++;
}

void gk_loop_defer_pressing(gk_loop *loop, gk_defer *item)
{
	if (!loop->current) {
		gk_loop_defer(loop, item);
		return;
	}
	gk_loop_undefer(loop, item);
	item->is_queued = item->is_pressing = true;
	TAILQ_INSERT_HEAD(&loop->deferred, item, link);
	loop->deferred_count++;
}

void gk_loop_run_pressing(gk_loop *loop)
{
	gk_defer *item;

	while ((item = TAILQ_FIRST(&loop->deferred)) && item->is_pressing) {
		gk_loop_undefer(loop, item);
		item->fn(item->user); /* may have freed the item */
	}
}

void gk_loop_undefer(gk_loop *loop, gk_defer *item)
{
	if (!item->is_queued)
		return;
	item->is_queued = item->is_pressing = false;
	TAILQ_REMOVE(&loop->deferred, item, link);
	loop->deferred_count--;
}

static void run_deferred(gk_loop *loop)
{
	gk_defer *item;

	for (size_t n = loop->deferred_count; n && (item = TAILQ_FIRST(&loop->deferred)); n--) {
		gk_loop_undefer(loop, item);
		item->fn(item->user); /* may have freed the item */
	}
}

/* --- turns --- */

static bool is_something_ready(gk_loop *loop)
{
	return gk_fibers_are_ready(loop) || !TAILQ_EMPTY(&loop->deferred) || has_posts(loop);
}

static bool is_alive(gk_loop *loop)
{
	return is_something_ready(loop) || loop->timers_waited_for || uv_loop_alive(&loop->uv);
}

/* It may ring before libuv looks how long it may wait: there would be no end to that then. */
static void on_alarm(uv_timer_t *alarm)
{
	uv_stop(alarm->loop);
}

/* No longer than until the first timer. */
static uint64_t wait_of(gk_loop *loop, uint64_t wait_ms)
{
	uint64_t now, due, until_due;

	if (!wait_ms || is_something_ready(loop))
		return 0;
	uv_update_time(&loop->uv);
	if (!loop->first_timer)
		return wait_ms;
	now = uv_now(&loop->uv);
	due = loop->first_timer->due_ms;
	until_due = due > now ? due - now : 0;
	return until_due < wait_ms ? until_due : wait_ms;
}

/* Before it sleeps. What is left of the wait; 0: something has come. */
static uint64_t look_for_events(gk_loop *loop, uint64_t wait_ms)
{
	uint64_t began_ms = uv_now(&loop->uv), past_ms;

	uv_run(&loop->uv, UV_RUN_NOWAIT); /* which also tells the kernel what to look for */
	if (loop->woken_ns ||
		gk_awake_look(&loop->awake, uv_backend_fd(&loop->uv), wait_of(loop, wait_ms)))
		return 0;
	if (wait_ms == UINT64_MAX)
		return wait_of(loop, wait_ms);
	uv_update_time(&loop->uv);
	past_ms = uv_now(&loop->uv) - began_ms;
	return wait_of(loop, past_ms < wait_ms ? wait_ms - past_ms : 0);
}

static void poll_events(gk_loop *loop, uint64_t wait_ms)
{
	wait_ms = wait_of(loop, wait_ms);
	loop->is_waiting = wait_ms != 0;
	if (wait_ms && gk_awake_may_look(&loop->awake, loop->rested_ns) &&
		uv_loop_alive(&loop->uv)) { /* otherwise libuv does not look at all */
		wait_ms = look_for_events(loop, wait_ms);
		if (loop->woken_ns)
			return;
	}
	if (!wait_ms) {
		uv_run(&loop->uv, UV_RUN_NOWAIT);
	} else if (wait_ms == UINT64_MAX) {
		uv_run(&loop->uv, UV_RUN_ONCE);
	} else {
		uv_timer_start(&loop->alarm, on_alarm, wait_ms, 0);
		uv_run(&loop->uv, UV_RUN_ONCE);
		uv_timer_stop(&loop->alarm);
	}
}

static void drain(gk_loop *loop)
{
	TAILQ_CONCAT(&loop->ready, &loop->yielded, ready_link);
	for (int pass = 0; pass < DRAIN_PASSES; pass++) {
		if (TAILQ_EMPTY(&loop->ready) && TAILQ_EMPTY(&loop->deferred))
			break;
		gk_fibers_run(loop);
		run_deferred(loop);
	}
	gk_loop_tidy_turn(loop);
}

/* libuv would tell how long it has waited, for a second system call each time. */
void gk_loop_wake(gk_loop *loop)
{
	if (loop->woken_ns)
		return;
	loop->woken_ns = gk_clock_mono_ns();
	if (loop->is_waiting)
		gk_awake_rise(&loop->awake, loop->woken_ns - loop->rested_ns);
}

void gk_loop_turn(gk_loop *loop, uint64_t wait_ms)
{
	gk_loop *before = gk_loop_enter(loop);
	uint64_t busy_us;

	GK_CHECK(loop, GK_LOOP_MAGIC);
	assert(!loop->current);
	loop->woken_ns = 0;
	poll_events(loop, wait_ms);
	gk_loop_wake(loop);
	run_posts(loop);
	gk_timers_fire(loop);
	drain(loop);
	loop->rested_ns = gk_clock_mono_ns();
	busy_us = (loop->rested_ns - loop->woken_ns) / NS_PER_US;
	if (busy_us > loop->lag_us)
		loop->lag_us = busy_us;
	gk_loop_enter(before);
}

void gk_loop_run(gk_loop *loop)
{
	GK_CHECK(loop, GK_LOOP_MAGIC);
	while (!loop->is_stopping && is_alive(loop))
		gk_loop_turn(loop, UINT64_MAX);
	gk_loop_tidy_now(loop);
	loop->is_stopping = false;
}

void gk_loop_stop(gk_loop *loop)
{
	loop->is_stopping = true;
}

uint64_t gk_loop_now_ms(const gk_loop *loop)
{
	return uv_now(&loop->uv);
}

uint64_t gk_loop_take_lag_us(gk_loop *loop)
{
	uint64_t lag_us = loop->lag_us;

	loop->lag_us = 0;
	return lag_us;
}

/* --- beginning and end --- */

static gk_code open_bell(gk_loop *loop, gk_error *err)
{
	gk_code rc;

	loop->post_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->post_fd < 0)
		return gk_loop_fail(err, -errno, "cannot make an event loop");
	rc = gk_poll_start(loop, loop->post_fd, GK_POLL_READ, on_posted, loop, &loop->posted, err);
	if (rc != GK_OK) {
		close(loop->post_fd);
		return rc;
	}
	gk_poll_keep_loop(loop->posted, false);
	return GK_OK;
}

gk_code gk_loop_new(gk_loop **ret, gk_error *err)
{
	gk_loop *loop = calloc(1, sizeof(*loop));
	int status;
	gk_code rc;

	if (!loop)
		return gk_error_no_memory(err);
	status = uv_loop_init(&loop->uv);
	if (status < 0) {
		free(loop);
		return gk_loop_fail(err, status, "cannot make an event loop");
	}
	loop->uv.data = loop;
	rc = open_bell(loop, err);
	if (rc != GK_OK) {
		uv_loop_close(&loop->uv);
		free(loop);
		return rc;
	}
	uv_timer_init(&loop->uv, &loop->alarm);
	loop->magic = GK_LOOP_MAGIC;
	pthread_mutex_init(&loop->post_lock, NULL);
	loop->last_post = &loop->first_post;
	TAILQ_INIT(&loop->deferred);
	LIST_INIT(&loop->children);
	gk_fibers_init(loop);
	loop->rested_ns = gk_clock_mono_ns();
	if (!gk_loop_self())
		gk_loop_enter(loop);
	*ret = loop;
	return GK_OK;
}

static void check_closing(uv_handle_t *handle, void *user)
{
	(void)user;
	assert(uv_is_closing(handle)); /* otherwise a poll, signal or watch was never stopped */
}

void gk_loop_free(gk_loop *loop)
{
	gk_post *post, *next;

	if (!loop)
		return;
	GK_CHECK(loop, GK_LOOP_MAGIC);
	assert(!loop->fiber_count);
	while (atomic_load(&loop->posters))
		sched_yield();
	gk_loop_tidy_now(loop);
	gk_children_kill(loop);
	gk_fibers_done(loop);
	for (post = take_posts(loop); post; post = next) {
		next = post->next;
		free(post);
	}
	gk_poll_stop(loop->posted);
	uv_close((uv_handle_t *)&loop->alarm, NULL);
	uv_walk(&loop->uv, check_closing, NULL);
	/* What was stopped lately is freed by the callbacks that libuv still owes. */
	while (uv_loop_close(&loop->uv) == UV_EBUSY)
		uv_run(&loop->uv, UV_RUN_ONCE);
	close(loop->post_fd);
	pthread_mutex_destroy(&loop->post_lock);
	if (gk_loop_self() == loop)
		gk_loop_enter(NULL);
	loop->magic = 0;
	free(loop);
}
