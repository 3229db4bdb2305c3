/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The store between its two threads: what the loop hands over, what the writer gives back. No other floor includes this.
 *
 *	loop:	save -> pending --(somebody waits, or a moment has passed)--> queue
 *		and what answers depend on into the ring, so that they need not wait
 *	writer:	queue -> one transaction -> done, numbers
 *	loop:	done -> live streams; who waited goes on
 */
#ifndef GK_STORE_TRACE_STORE_INTERNAL_H
#define GK_STORE_TRACE_STORE_INTERNAL_H

#include "base/limits.h"
#include "store/store_guest.h"
#include "store/trace_lag.h"
#include "store/trace_ring.h"

#include <assert.h>
#include <pthread.h>

#define GK_TRACE_STORE_MAGIC     0x676b7473u
#define GK_CHECK(object, magic_) assert((object) && (object)->magic == (magic_))

/* Who waits until all up to a number is committed. On the fiber's stack. */
typedef struct gk_store_waiter {
	gk_fiber *fiber;
	uint64_t number;
	bool is_done, is_lost;
	TAILQ_ENTRY(gk_store_waiter) link;
} gk_store_waiter;

/* Something else that the writer does for a fiber, slice by slice, between transactions. */
typedef struct gk_store_job {
	gk_code (*slice)(gk_trace_backend *backend, void *arg, bool *more, gk_error *err);
	void *arg;
	gk_code rc;
	gk_error *err;
	gk_fiber *fiber;
	bool is_done;
	TAILQ_ENTRY(gk_store_job) link;
} gk_store_job;
TAILQ_HEAD(gk_store_jobs, gk_store_job);

struct gk_trace_store {
	unsigned magic;
	gk_loop *loop;
	char *path;
	gk_trace_backend *backend;
	gk_store_guest *guest; /* NULL: none; set under the lock */

	/* The loop's: */
	bool is_relaxed, is_closing;
	size_t max_queue;
	gk_trace_batch pending;
	gk_trace_batch spent; /* committed and told: only to be freed */
	gk_defer hand_over;
	gk_timer *gather;  /* hands over what nobody waits for */
	gk_timer *look;    /* whether the writer is stuck */
	bool is_gathering; /* the timer runs */
	uint64_t
		due_ms; /* from then on it may be handed over at the end of a turn; UINT64_MAX: it is */
	gk_trace_ring *
		ring; /* NULL: none. Put into by the loop, dropped from by the writer; set under the lock */
	gk_trace_post *
		unfilled; /* the first in `pending` whose bytes are in the ring's buffer; NULL: none */
	bool is_tidying; /* that is done at the end of the turn */
	gk_buf scratch;  /* for what is not for the ring */
	uint64_t
		bare; /* number of what was saved last of what answers depend on and is not in it */
	uint64_t last;    /* number of what was saved last */
	uint64_t settled; /* all up to here is committed, */
	uint64_t lost;    /* or may never be */
	bool is_failing;  /* as far as the loop has heard */
	size_t users;     /* fibers that are inside */
	TAILQ_HEAD(, gk_store_waiter) waiters;
	LIST_HEAD(, gk_trace_watcher) watchers;
	size_t watcher_count;
	uint64_t events;

	/* Of both, under the lock: */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_cond_t left; /* by the writer: the guest */
	gk_trace_batch queue, done;
	struct gk_store_jobs jobs, done_jobs;
	gk_trace_limits limits;
	uint64_t sweep_ms;
	gk_trace_lag fold, index;
	uint64_t fold_bytes;
	uint64_t committed, failed; /* numbers */
	uint64_t busy_since_ms;     /* a transaction is under way; 0: none */
	bool fails, is_posted, stops;
	size_t posted_logs; /* on their way to the loop */
	gk_trace_store_counts counts;

	/* The writer's: */
	pthread_t writer, copier;
	bool has_writer, has_copier;
	bool has_spare; /* a processor that the loop does not use */
	/* Under the lock: */
	bool works;        /* the writer does, or is about to */
	bool is_neighbour; /* the loop has been told that it shares its processor */
	bool is_open, has_told;
	uint64_t dropped; /* spans that could not be written */
	unsigned singles; /* so many go one by one, to find the one that cannot be written */
	uint64_t retry_ms, quiet_ms, next_sweep_ms;
	uint64_t upkeep_ms; /* no folding and no indexing before: it failed */
	bool is_sweeping, has_swept, is_shrinking; /* has: the last time there was upkeep */
	uint64_t wal_busy, wal_max;                /* set under the lock */
	uint64_t end_ms;                           /* the same */
	uint64_t copied_at;

	/* Under the lock, between the writer and the thread that copies the log: */
	pthread_cond_t copy_wake, copied;
	bool wants_copy; /* of the copier, */
	bool wants_rest; /* and of the writer: the last of it, so that the log begins anew */
};

void gk_trace_batch_init(gk_trace_batch *batch);
void gk_trace_batch_free(gk_trace_batch *batch);
/** Moves all of `from` to the end of `to`. */
void gk_trace_batch_join(gk_trace_batch *to, gk_trace_batch *from);

/** Until all up to this number is committed; `ends`: by the scope as well. UNAVAILABLE: it may never be. */
GK_MUST_USE GK_SUSPENDS gk_code gk_trace_store_wait(
	gk_trace_store *store, uint64_t number, bool ends, gk_error *err);

bool gk_trace_batch_is_empty(const gk_trace_batch *batch);
/** Under the lock, when what is to be written has changed: upkeep that is under way makes room for it, or need not. */
void gk_trace_store_look(gk_trace_store *store);
/** Under the lock: there is something to do for the writer. */
void gk_trace_store_wake_writer(gk_trace_store *store);
/** Under the lock, when that has changed: whether a thread of the store works beside the loop, on its processor. */
void gk_trace_store_tell_neighbour(gk_trace_store *store);

/** What is pending goes to the writer. */
void gk_trace_store_hand_over(void *store);

/** Threads' mains. */
void *gk_trace_writer_run(void *store);
void *gk_trace_copier_run(void *store);
/** Under the lock, which it leaves meanwhile: the loop hears of it soon. */
void gk_trace_store_tell_loop(gk_trace_store *store);
/** On the loop: takes what the writer gave back. */
void gk_trace_store_take_back(void *store);
/** To the live streams of a post's trace. */
void gk_trace_store_broadcast(gk_trace_store *store, const gk_trace_post *post);

#endif
