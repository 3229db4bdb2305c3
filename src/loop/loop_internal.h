/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the files of this floor share, libuv included. No other floor includes it. */
#ifndef GK_LOOP_INTERNAL_H
#define GK_LOOP_INTERNAL_H

#include "base/limits.h"
#include "loop/fiber.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <ucontext.h>
#include <uv.h>

/* Stays on in release builds: a callback that reaches a dead object ends the process, not somebody's data. */
#define GK_CHECK(object, magic_) assert((object) && (object)->magic == (magic_))

/* Compiled with AddressSanitizer, by gcc or by clang. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define GK_HAVE_ASAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define GK_HAVE_ASAN 1
#endif

/* --- timers: a pairing heap of their own, so that starting and stopping one costs no libuv handle --- */

struct gk_timer {
	unsigned magic;
	bool is_armed, is_unref;
	gk_loop *loop;
	uint64_t due_ms, repeat_ms;
	uint64_t seq; /* among equal times the older one fires first */
	gk_loop_fn *fn;
	void *user;
	gk_timer *child, *sibling;
	gk_timer *prev; /* the sibling before, or the parent of a first child */
};

/** For timers that live in their owner; they cannot fail. Disarm before the memory goes. */
void gk_timer_init(gk_timer *timer, gk_loop *loop, gk_loop_fn *fn, void *user);
void gk_timer_arm(gk_timer *timer, uint64_t after_ms);
void gk_timer_disarm(gk_timer *timer);
/** Runs what is due. */
void gk_timers_fire(gk_loop *loop);

/* --- stacks --- */

typedef struct gk_stack gk_stack;
TAILQ_HEAD(gk_stack_list, gk_stack);

typedef struct gk_stack_pool {
	struct gk_stack_list idle; /* the hottest first */
	size_t count;
	size_t unused; /* the fewest that lay idle since the last trim: so many were not needed */
	gk_timer trim;
} gk_stack_pool;

/** The context that every fiber comes from and returns to. */
typedef struct gk_stack_home {
	ucontext_t context;
	void *fake;         /* AddressSanitizer's, while a fiber runs */
	const void *bottom; /* of the loop's own stack, as AddressSanitizer knows it */
	size_t size;
} gk_stack_home;

void gk_stack_pool_init(gk_stack_pool *pool, gk_loop *loop);
void gk_stack_pool_done(gk_stack_pool *pool);
/** A stack that will run `entry` when entered, in a loop: after gk_stack_leave() with `is_last` it starts over. NULL:
 * no memory, or too many mappings. */
gk_stack *gk_stack_get(gk_stack_pool *pool, void (*entry)(void));
void gk_stack_put(gk_stack_pool *pool, gk_stack *stack);
/** From the loop's stack: goes to the fiber's, and returns when that leaves. */
void gk_stack_enter(gk_stack_home *home, gk_stack *stack);
/** The first thing an entry does. */
void gk_stack_arrived(gk_stack_home *home);
/** From the fiber's stack: back to the loop. `is_last`: nothing of it is needed any more. */
void gk_stack_leave(gk_stack_home *home, gk_stack *stack, bool is_last);

/* --- the processor, between two requests --- */

typedef struct gk_awake {
	uint64_t window_ns;      /* 0: it may sleep */
	unsigned longer;         /* of all waits, of 256 */
	unsigned in_time;        /* of the longer ones */
	uint64_t rest_ns;        /* somebody else wanted the processor: so long it did not look, */
	uint64_t rests_until_ns; /* and until then */
	uint64_t kept_ns;        /* in all */
	atomic_uint neighbours;
} gk_awake;

/** In a wait that begins at `now_ns`. */
bool gk_awake_may_look(const gk_awake *awake, uint64_t now_ns);
/** Returns when `fd` can be read or a signal has come (true), or when it had better be waited for; after `max_ms` at the
 * latest. */
bool gk_awake_look(gk_awake *awake, int fd, uint64_t max_ms);
/** A wait was so long. */
void gk_awake_rise(gk_awake *awake, uint64_t waited_ns);

/* --- the loop --- */

typedef struct gk_post gk_post;
TAILQ_HEAD(gk_fiber_list, gk_fiber);
TAILQ_HEAD(gk_defer_list, gk_defer);
LIST_HEAD(gk_scope_fibers, gk_fiber);

struct gk_loop {
	unsigned magic;
	bool is_stopping;
	uv_loop_t uv;
	uv_timer_t alarm;   /* ends the wait when the first of our timers is due */
	uint64_t rested_ns; /* when the last turn ended */
	uint64_t woken_ns;  /* when this turn's wait ended; 0: it goes on, as far as is known */
	uint64_t lag_us;
	bool is_waiting; /* in this turn */
	gk_awake awake;

	gk_poll *posted;
	int post_fd;         /* an eventfd: there is the first of some posts */
	atomic_uint posters; /* threads that are inside */
	pthread_mutex_t post_lock;
	gk_post *first_post, **last_post;
	atomic_bool has_posts;

	struct gk_defer_list deferred;
	size_t deferred_count;

	struct gk_tidy {
		gk_loop_fn *fn;
		void *user;
	} tidy[GK_LOOP_TIDY]; /* the last first */
	size_t tidy_count, tidy_holds;
	unsigned tidy_turns; /* it has been held back for */

	gk_timer *first_timer;
	uint64_t timer_seq;
	size_t timers_waited_for;

	gk_fiber *current;
	struct gk_fiber_list ready;
	struct gk_fiber_list yielded; /* ready in the next turn */
	size_t fiber_count, max_fibers;
	gk_fiber_slow_fn *slow;
	gk_stack_home home;
	gk_stack_pool stacks;

	LIST_HEAD(, gk_child) children; /* those that run */
};

/** Makes `loop` the one of this thread and returns the one before. */
gk_loop *gk_loop_enter(gk_loop *loop);
/** "WHAT: no such file or directory" with the code that fits a libuv status (a negative errno). */
gk_code gk_loop_fail(gk_error *err, int status, const char *format, ...) GK_PRINTF(3, 4);

/* --- fibers --- */

typedef enum gk_fiber_state {
	GK_FIBER_READY, /* in one of the loop's lists */
	GK_FIBER_RUNNING,
	GK_FIBER_PARKED,
	GK_FIBER_DONE,
} gk_fiber_state;

/* Whoever waits for something that may have several waiters; lives on the waiting fiber's stack. */
typedef struct gk_waiter {
	gk_fiber *fiber;
	TAILQ_ENTRY(gk_waiter) link;
} gk_waiter;
TAILQ_HEAD(gk_waiter_list, gk_waiter);

struct gk_fiber {
	unsigned magic;
	unsigned refs;
	gk_fiber_state state;
	bool is_woken; /* since it last parked */
	gk_loop *loop;
	gk_stack *stack;
	gk_fiber_fn *fn;
	void *user, *local;
	gk_scope *scope;
	LIST_ENTRY(gk_fiber) scope_link;
	TAILQ_ENTRY(gk_fiber) ready_link;
	struct gk_waiter_list joiners;
	char name[64];
};

/** The end of a turn. */
void gk_loop_tidy_turn(gk_loop *loop);
/** A fiber has left: what was not to wait any longer. */
void gk_loop_run_pressing(gk_loop *loop);
/** Something is called back: the wait is over. */
void gk_loop_wake(gk_loop *loop);

void gk_fibers_init(gk_loop *loop);
void gk_fibers_done(gk_loop *loop);
/** Runs what is ready now, not what becomes ready meanwhile. */
void gk_fibers_run(gk_loop *loop);
/** For tests: fewer than GK_MAX_FIBERS. */
void gk_fiber_set_max(gk_loop *loop, size_t max);

static inline bool gk_fibers_are_ready(const gk_loop *loop)
{
	return !TAILQ_EMPTY(&loop->ready) || !TAILQ_EMPTY(&loop->yielded);
}

/** The fibers that run in a scope. */
struct gk_scope_fibers *gk_scope_fibers_peek(gk_scope *scope);

/** Whether gk_loop_run() goes on for it, as it does from its start. */
void gk_poll_keep_loop(gk_poll *poll, bool keeps);

/** At the end of the loop: kills what still runs and waits for it. */
void gk_children_kill(gk_loop *loop);

#endif
