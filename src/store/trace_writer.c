/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The writer's thread: one transaction takes what is there. When there is nothing, it indexes, sweeps and gives room
 * back, a slice at a time. And the thread that copies the log of changes into the file beside it.
 */
#include "store/trace_store_internal.h"

#include "base/clock.h"

#include <errno.h>
#include <sys/resource.h>
#include <time.h>

#define COPIER_NICE 10

/* --- what a transaction takes --- */

static void take_post(gk_trace_batch *queue, gk_trace_batch *batch)
{
	gk_trace_post *post = STAILQ_FIRST(&queue->posts);

	STAILQ_REMOVE_HEAD(&queue->posts, link);
	STAILQ_INSERT_TAIL(&batch->posts, post, link);
	queue->spans -= post->count;
	queue->bytes -= post->bytes;
	batch->spans += post->count;
	batch->bytes += post->bytes;
}

static void take_log(gk_trace_batch *queue, gk_trace_batch *batch)
{
	gk_log_row *row = STAILQ_FIRST(&queue->logs);

	STAILQ_REMOVE_HEAD(&queue->logs, link);
	STAILQ_INSERT_TAIL(&batch->logs, row, link);
	queue->log_count--;
	queue->bytes -= row->bytes;
	batch->log_count++;
	batch->bytes += row->bytes;
}

/* Oldest first; one only while a culprit is looked for. */
static void take(gk_trace_store *store, gk_trace_batch *batch)
{
	gk_trace_batch *queue = &store->queue;
	size_t taken = 0;

	gk_trace_batch_init(batch);
	batch->is_watched = queue->is_watched;
	while (!gk_trace_batch_is_empty(queue) &&
		batch->spans + batch->log_count < GK_STORE_BATCH && !(store->singles && taken)) {
		gk_trace_post *post = STAILQ_FIRST(&queue->posts);
		gk_log_row *row = STAILQ_FIRST(&queue->logs);

		if (post && (!row || post->number < row->number)) {
			batch->last = post->number;
			take_post(queue, batch);
		} else {
			batch->last = row->number;
			take_log(queue, batch);
		}
		taken++;
	}
	queue->is_watched &= !gk_trace_batch_is_empty(queue);
}

static void put_back(gk_trace_store *store, gk_trace_batch *batch)
{
	gk_trace_batch_join(batch, &store->queue);
	store->queue = *batch;
	if (STAILQ_EMPTY(&store->queue.posts))
		STAILQ_INIT(&store->queue.posts);
	if (STAILQ_EMPTY(&store->queue.logs))
		STAILQ_INIT(&store->queue.logs);
}

/* --- how it went --- */

static void take_sizes(gk_trace_store *store, const gk_trace_sizes *sizes)
{
	gk_trace_store_counts *counts = &store->counts;
	uint64_t now_ms = gk_clock_mono_ms();

	counts->bytes = sizes->bytes;
	counts->wal_bytes = sizes->wal_bytes;
	counts->unfolded = sizes->unfolded;
	counts->unfolded_bytes = sizes->unfolded_bytes;
	counts->unindexed = sizes->unindexed;
	gk_trace_lag_take(&store->fold, sizes->unfolded, now_ms);
	gk_trace_lag_take(&store->index, sizes->unindexed, now_ms);
	counts->deleted_age = sizes->deleted_age;
	counts->deleted_count = sizes->deleted_count;
	counts->deleted_size = sizes->deleted_size;
	counts->deleted_asked = sizes->deleted_asked;
	counts->dropped_error = store->dropped + sizes->dropped;
}

static void succeed(gk_trace_store *store, gk_trace_batch *batch, uint64_t ns)
{
	gk_trace_store_counts *counts = &store->counts;
	gk_trace_post *post;

	if (store->fails)
		gk_log(GK_LOG_INFO, "store", "traces are written again; %llu spans were lost",
			(unsigned long long)(counts->dropped_queue + counts->dropped_error));
	store->fails = false;
	store->has_told = false;
	if (store->singles)
		store->singles--;
	counts->commits++;
	counts->commit_ns += ns;
	counts->spans += batch->spans;
	counts->logs += batch->log_count;
	STAILQ_FOREACH (post, &batch->posts, link)
		counts->filtered += post->filtered;
	if (batch->last > store->committed)
		store->committed = batch->last;
	gk_trace_batch_join(&store->done, batch);
}

/* The disk, or memory: all of it stays, and is tried again. */
static void suffer(gk_trace_store *store, gk_trace_batch *batch, const gk_error *err)
{
	put_back(store, batch);
	store->fails = true;
	store->failed = store->queue.last;
	store->retry_ms = gk_clock_mono_ms() + GK_STORE_RETRY_MS;
	store->is_open = false;
	if (store->has_told)
		return;
	store->has_told = true;
	gk_log(GK_LOG_ERROR, "store", "traces cannot be written and are kept in memory: %s",
		err->message ? err->message : "out of memory");
}

static size_t count_of(const gk_trace_batch *batch)
{
	size_t count = batch->log_count;
	gk_trace_post *post;

	STAILQ_FOREACH (post, &batch->posts, link)
		count++;
	return count;
}

/* Or memory. */
static bool is_of_disk(const gk_trace_store *store, gk_code rc)
{
	return !store->is_open || rc == GK_UNAVAILABLE || rc == GK_RESOURCE_EXHAUSTED;
}

/* It is committed, or never will be. */
static bool is_over(const gk_trace_store *store, const gk_trace_batch *batch, gk_code rc)
{
	return rc == GK_OK || (!is_of_disk(store, rc) && count_of(batch) == 1);
}

/* Not the disk: something in it. One by one, then, and the one that fails is dropped. */
static void seek_culprit(gk_trace_store *store, gk_trace_batch *batch, const gk_error *err)
{
	size_t count = count_of(batch);

	if (count > 1) {
		store->singles = (unsigned)count;
		put_back(store, batch);
		return;
	}
	if (store->singles)
		store->singles--;
	gk_log(GK_LOG_ERROR, "store", "a trace is dropped: %s", err->message ? err->message : "?");
	store->dropped += batch->spans;
	if (batch->last > store->committed)
		store->committed = batch->last;
	gk_trace_batch_join(&store->done, batch);
}

static void write_some(gk_trace_store *store)
{
	gk_auto_error gk_error err = { 0 };
	const gk_trace_backend_type *type = store->backend->type;
	gk_trace_ring *ring = store->ring;
	gk_trace_batch batch;
	gk_trace_sizes sizes;
	uint64_t started;
	gk_code rc = GK_OK;

	take(store, &batch);
	gk_trace_store_look(store);
	store->busy_since_ms = gk_clock_mono_ms();
	pthread_mutex_unlock(&store->lock);
	started = gk_clock_mono_ns();
	if (!store->is_open)
		rc = type->open(store->backend, &err);
	store->is_open = rc == GK_OK;
	if (rc == GK_OK)
		rc = type->write(store->backend, &batch, &err);
	started = gk_clock_mono_ns() - started;
	if (ring && is_over(store, &batch, rc))
		gk_trace_ring_drop(ring, batch.last);
	type->sizes(store->backend, &sizes);
	pthread_mutex_lock(&store->lock);
	store->busy_since_ms = 0;
	if (rc == GK_OK)
		succeed(store, &batch, started);
	else if (is_of_disk(store, rc))
		suffer(store, &batch, &err);
	else
		seek_culprit(store, &batch, &err);
	take_sizes(store, &sizes);
	store->quiet_ms = gk_clock_mono_ms() + GK_STORE_QUIET_MS;
	gk_trace_store_tell_loop(store);
}

/* --- jobs --- */

static void do_job(gk_trace_store *store)
{
	gk_store_job *job = TAILQ_FIRST(&store->jobs);
	gk_trace_sizes sizes;
	bool more = false;

	TAILQ_REMOVE(&store->jobs, job, link);
	pthread_mutex_unlock(&store->lock);
	job->rc = store->is_open ? job->slice(store->backend, job->arg, &more, job->err)
				 : gk_error_set(job->err, GK_UNAVAILABLE, "the store is not open");
	store->backend->type->sizes(store->backend, &sizes);
	pthread_mutex_lock(&store->lock);
	take_sizes(store, &sizes);
	if (more && job->rc == GK_OK && !store->stops) {
		TAILQ_INSERT_TAIL(&store->jobs, job, link);
		return;
	}
	TAILQ_INSERT_TAIL(&store->done_jobs, job, link);
	gk_trace_store_tell_loop(store);
}

/* --- the guest --- */

static void leave_guest(gk_trace_store *store, gk_store_guest *guest)
{
	guest->is_busy = false;
	pthread_cond_signal(&store->left);
}

/* True when it had something to do. Under the lock, which it leaves meanwhile. */
static bool serve_guest(gk_trace_store *store)
{
	gk_store_guest *guest = store->guest;
	gk_auto_error gk_error err = { 0 };
	gk_trace_sizes sizes;
	gk_code rc = GK_OK;

	if (!guest || !guest->is_called)
		return false;
	guest->is_called = false;
	guest->is_busy = true;
	gk_trace_store_look(store);
	pthread_mutex_unlock(&store->lock);
	if (!store->is_open)
		rc = store->backend->type->open(store->backend, &err);
	store->is_open = rc == GK_OK;
	if (guest->work(guest, store->backend, rc, &err) == GK_UNAVAILABLE)
		store->is_open = false;
	store->backend->type->sizes(store->backend, &sizes);
	pthread_mutex_lock(&store->lock);
	store->counts.bytes = sizes.bytes;
	store->counts.wal_bytes = sizes.wal_bytes;
	store->quiet_ms = gk_clock_mono_ms() + GK_STORE_QUIET_MS;
	leave_guest(store, guest);
	return true;
}

static bool must_tend(const gk_trace_store *store, uint64_t now_ms)
{
	return store->guest && store->is_open && !store->fails && now_ms >= store->guest->tend_ms;
}

/* When nothing lets it come to its turn, it takes one after each write. */
static bool is_tend_late(const gk_trace_store *store, uint64_t now_ms)
{
	return now_ms > GK_STORE_SWEEP_LATE_MS && must_tend(store, now_ms - GK_STORE_SWEEP_LATE_MS);
}

static void tend_guest(gk_trace_store *store, uint64_t now_ms)
{
	gk_store_guest *guest = store->guest;
	bool more;

	guest->is_busy = true;
	pthread_mutex_unlock(&store->lock);
	more = guest->tend(guest, store->backend);
	pthread_mutex_lock(&store->lock);
	leave_guest(store, guest);
	if (!more)
		guest->tend_ms = now_ms + guest->tend_every_ms;
}

/* --- what can wait --- */

static void tell_idle_failure(gk_trace_store *store, gk_code rc, const gk_error *err)
{
	if (rc == GK_OK || store->has_told)
		return;
	store->has_told = true;
	gk_log(GK_LOG_ERROR, "store", "the store's upkeep fails: %s",
		err->message ? err->message : "out of memory");
}

/* In a pause: when it is a long one, or when many are behind and this thread has a processor for itself. On that of the loop, a
 * short slice costs more than it saves. */
static bool may_do(const gk_trace_store *store, uint64_t now_ms, const gk_trace_lag *lag)
{
	return lag->behind && now_ms >= store->upkeep_ms &&
	       (now_ms >= store->quiet_ms || (store->has_spare && lag->behind > lag->idle));
}

/* Also without a pause. */
static bool must_fold(const gk_trace_store *store, uint64_t now_ms)
{
	return gk_trace_lag_presses(&store->fold, now_ms) ||
	       store->counts.unfolded_bytes > store->fold_bytes;
}

static bool must_index(const gk_trace_store *store, uint64_t now_ms)
{
	return gk_trace_lag_presses(&store->index, now_ms);
}

static bool must_sweep(const gk_trace_store *store, uint64_t now_ms)
{
	return store->is_sweeping || now_ms >= store->next_sweep_ms;
}

/* When nothing lets it come to its turn, it takes every second one. */
static bool is_sweep_late(const gk_trace_store *store, uint64_t now_ms)
{
	return store->is_sweeping || now_ms >= store->next_sweep_ms + GK_STORE_SWEEP_LATE_MS;
}

/* One slice, outside the lock; a short one when it yields and something is to be written. */
static void do_upkeep(gk_trace_store *store, uint64_t now_ms, bool yields)
{
	const gk_trace_backend_type *type = store->backend->type;
	gk_trace_limits limits = store->limits;
	uint64_t sweep_ms = store->sweep_ms;
	gk_auto_error gk_error err = { 0 };
	gk_trace_sizes sizes;
	bool more = false, sweeps = is_sweep_late(store, now_ms) && !store->has_swept;
	bool folds = !sweeps &&
		     (yields ? may_do(store, now_ms, &store->fold) : must_fold(store, now_ms));
	bool indexes = !sweeps &&
		       (yields ? may_do(store, now_ms, &store->index) : must_index(store, now_ms));
	size_t count;
	gk_code rc;

	store->has_swept = !folds && !indexes && must_sweep(store, now_ms);
	pthread_mutex_unlock(&store->lock);
	store->backend->yields = yields;
	if (folds) {
		rc = type->fold(
			store->backend, yields ? GK_STORE_FOLD : GK_STORE_BUSY, &count, &err);
	} else if (indexes) {
		rc = type->index(
			store->backend, yields ? GK_STORE_INDEX : GK_STORE_BUSY, &count, &err);
	} else if (store->has_swept) {
		rc = type->sweep(store->backend, &limits, &more, &err);
		store->is_shrinking |= store->is_sweeping || more;
		store->is_sweeping = more;
		store->next_sweep_ms = now_ms + sweep_ms;
	} else {
		rc = type->shrink(store->backend, &more, &err);
		store->is_shrinking = rc == GK_OK && more;
	}
	store->backend->yields = false;
	type->sizes(store->backend, &sizes);
	pthread_mutex_lock(&store->lock);
	tell_idle_failure(store, rc, &err);
	if (rc != GK_OK) { /* no hurry: the next write tells whether it is the disk */
		store->upkeep_ms = now_ms + GK_STORE_RETRY_MS;
		store->is_sweeping = store->is_shrinking = false;
	}
	take_sizes(store, &sizes);
}

/* --- the log of changes --- */

static uint64_t copy(gk_trace_store *store)
{
	uint64_t copied;

	pthread_mutex_unlock(&store->lock);
	copied = store->backend->type->copy(store->backend);
	pthread_mutex_lock(&store->lock);
	return copied;
}

/* Until what was written meanwhile is so little that the writer can copy it between two commits; or as much as it had to wait
 * for anyway. No further while somebody reads from what is older. */
static void copy_most(gk_trace_store *store)
{
	uint64_t copied = 0, before, left;
	unsigned passes = 0;

	do {
		before = copied;
		copied = copy(store);
		left = store->counts.wal_bytes > copied ? store->counts.wal_bytes - copied : 0;
	} while (left > GK_STORE_WAL_REST && copied != before && ++passes < GK_STORE_WAL_PASSES &&
		 store->counts.wal_bytes <= store->wal_max && !store->stops);
	store->wants_rest =
		left && (left <= GK_STORE_WAL_REST || store->counts.wal_bytes > store->wal_max);
}

void *gk_trace_copier_run(void *user)
{
	gk_trace_store *store = user;

	/* Copying takes long, and nobody waits for it: the loop and the writer push it aside. */
	setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + COPIER_NICE);
	pthread_mutex_lock(&store->lock);
	while (!store->stops) {
		if (!store->wants_copy) {
			pthread_cond_wait(&store->copy_wake, &store->lock);
			continue;
		}
		copy_most(store);
		store->wants_copy = false;
		gk_trace_store_tell_neighbour(store);
		pthread_cond_signal(&store->copied);
	}
	pthread_mutex_unlock(&store->lock);
	return NULL;
}

/* The log begins anew only when all of it has been copied and nothing was written meanwhile: a little, then, is copied while
 * nothing can be. */
static void copy_rest(gk_trace_store *store)
{
	store->wants_rest = false;
	store->busy_since_ms = gk_clock_mono_ms();
	copy(store);
	store->busy_since_ms = 0;
}

static void wait_for_copy(gk_trace_store *store)
{
	store->busy_since_ms = gk_clock_mono_ms();
	while (store->wants_copy && !store->stops)
		pthread_cond_wait(&store->copied, &store->lock);
	store->busy_since_ms = 0;
}

/* Pages that are written again and again are copied once for all: the later, the better. Again only when the log has
 * grown by an eighth, or by a little when it is quiet, or begun anew. */
static bool needs_copy(const gk_trace_store *store, bool is_quiet)
{
	uint64_t size = store->counts.wal_bytes;
	uint64_t step = is_quiet ? GK_STORE_WAL / 64 : store->wal_busy / 8;

	return store->is_open && size > (is_quiet ? GK_STORE_WAL : store->wal_busy) &&
	       size >= (store->copied_at ? store->copied_at + step : 0);
}

/* Keeps the log short. True: it has left the lock for that, and what there is to do may have changed. */
static bool tend_log(gk_trace_store *store, bool is_quiet)
{
	bool waits, copies;

	if (store->counts.wal_bytes < store->copied_at)
		store->copied_at = 0; /* it has begun anew */
	if (!store->wants_copy && !store->wants_rest && needs_copy(store, is_quiet)) {
		store->copied_at = store->counts.wal_bytes;
		store->wants_copy = true;
		gk_trace_store_tell_neighbour(store);
		pthread_cond_signal(&store->copy_wake);
	}
	waits = store->wants_copy && store->counts.wal_bytes > store->wal_max;
	if (waits)
		wait_for_copy(store);
	copies = store->wants_rest;
	if (copies)
		copy_rest(store);
	return waits || copies;
}

/* --- the thread --- */

/* Until something comes, or until there is something to do without being asked. */
static void wait_for_work(gk_trace_store *store, uint64_t now_ms)
{
	bool may_tidy = store->is_open && !store->fails;
	uint64_t until = may_tidy ? store->next_sweep_ms : now_ms + GK_STORE_SWEEP_MS;
	uint64_t tidy_ms = store->quiet_ms > store->upkeep_ms ? store->quiet_ms : store->upkeep_ms;
	struct timespec at;

	if (may_tidy && store->counts.unfolded + store->counts.unindexed > 0 && tidy_ms < until)
		until = tidy_ms;
	if (store->fails && store->retry_ms < until)
		until = store->retry_ms;
	if (may_tidy && store->guest && store->guest->tend_ms < until)
		until = store->guest->tend_ms;
	if (until <= now_ms)
		until = now_ms + 1;
	at.tv_sec = (time_t)(until / 1000);
	at.tv_nsec = (long)(until % 1000) * 1000000;
	store->works = false;
	gk_trace_store_tell_neighbour(store);
	pthread_cond_timedwait(&store->wake, &store->lock, &at);
	store->works = true;
	gk_trace_store_tell_neighbour(store);
}

static bool may_write(const gk_trace_store *store, uint64_t now_ms)
{
	if (gk_trace_batch_is_empty(&store->queue))
		return store->fails && now_ms >= store->retry_ms; /* see whether it opens */
	return !store->fails || now_ms >= store->retry_ms || store->stops;
}

/* More is behind than what is written may leave there. */
static bool lags(const gk_trace_store *store, uint64_t now_ms)
{
	return store->is_open && now_ms >= store->upkeep_ms &&
	       (must_fold(store, now_ms) || must_index(store, now_ms));
}

/* What is behind: what is in the journal is to be folded, and then indexed. */
typedef struct to_do {
	uint64_t steps, bytes;
} to_do;

static to_do look(const gk_trace_store *store)
{
	uint64_t bytes = store->counts.unfolded_bytes;

	return (to_do){ 2 * store->counts.unfolded + store->counts.unindexed,
		bytes > store->fold_bytes ? bytes : 0 };
}

/* After a write, before which so much was to do. What is to be written next goes before it, until more lags behind than may.
 * Then more is done than was added, in slices that none waits for long. */
static void catch_up(gk_trace_store *store, uint64_t now_ms, to_do behind)
{
	uint64_t before = UINT64_MAX;
	to_do now;

	if (is_sweep_late(store, now_ms) && store->is_open)
		do_upkeep(store, now_ms, false);
	/* a sweep, which it never does twice in a row, takes nothing off */
	for (now = look(store); (now.steps >= behind.steps || now.bytes > behind.bytes) &&
				(now.steps < before || store->has_swept) && lags(store, now_ms);
		now = look(store)) {
		before = now.steps;
		do_upkeep(store, now_ms, false);
	}
}

static bool has_upkeep(const gk_trace_store *store, uint64_t now_ms)
{
	return store->is_open && !store->fails &&
	       (may_do(store, now_ms, &store->fold) || may_do(store, now_ms, &store->index) ||
		       must_sweep(store, now_ms) ||
		       (store->is_shrinking && now_ms >= store->quiet_ms));
}

/* The next to open the file finds everything in its place, unless that would take long. */
static void fold_rest(gk_trace_store *store)
{
	gk_auto_error gk_error err = { 0 };
	size_t max = GK_STORE_FOLD, count = store->is_open && !store->fails ? max : 0;
	uint64_t until_ms = gk_clock_mono_ms() + store->end_ms;

	pthread_mutex_unlock(&store->lock);
	while (count >= max && gk_clock_mono_ms() < until_ms &&
		store->backend->type->fold(store->backend, max, &count, &err) == GK_OK)
		continue;
	pthread_mutex_lock(&store->lock);
}

void *gk_trace_writer_run(void *user)
{
	gk_trace_store *store = user;

	pthread_mutex_lock(&store->lock);
	for (;;) {
		uint64_t now_ms = gk_clock_mono_ms();
		bool served = serve_guest(store);

		if (may_write(store, now_ms)) {
			to_do behind = look(store);

			write_some(store);
			tend_log(store, false);
			if (store->stops && store->fails)
				break;
			catch_up(store, now_ms, behind);
			if (is_tend_late(store, now_ms))
				tend_guest(store, now_ms);
			if (!TAILQ_EMPTY(&store->jobs))
				do_job(store);
		} else if (!TAILQ_EMPTY(&store->jobs)) {
			do_job(store);
		} else if (served) {
			tend_log(store, false);
		} else if (store->stops) {
			fold_rest(store);
			break;
		} else if (must_tend(store, now_ms)) {
			tend_guest(store, now_ms);
		} else if (has_upkeep(store, now_ms)) {
			do_upkeep(store, now_ms, true);
			tend_log(store,
				false); /* what upkeep changes is not copied again and again */
		} else if (!tend_log(store, now_ms >= store->quiet_ms)) {
			wait_for_work(store, now_ms);
		}
	}
	store->works = false;
	gk_trace_store_tell_neighbour(store);
	pthread_mutex_unlock(&store->lock);
	return NULL;
}
