/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The store as the loop sees it: what is committed, who waits for it, and its life. */
#include "store/trace_store_internal.h"

#include "base/clock.h"

#include <sched.h>

/* --- batches --- */

void gk_trace_batch_init(gk_trace_batch *batch)
{
	*batch = (gk_trace_batch){ 0 };
	STAILQ_INIT(&batch->posts);
	STAILQ_INIT(&batch->logs);
}

void gk_trace_batch_free(gk_trace_batch *batch)
{
	gk_trace_post *post;
	gk_log_row *row;

	while ((post = STAILQ_FIRST(&batch->posts))) {
		STAILQ_REMOVE_HEAD(&batch->posts, link);
		gk_trace_post_free(post);
	}
	while ((row = STAILQ_FIRST(&batch->logs))) {
		STAILQ_REMOVE_HEAD(&batch->logs, link);
		free(row);
	}
	gk_trace_batch_init(batch);
}

void gk_trace_batch_join(gk_trace_batch *to, gk_trace_batch *from)
{
	STAILQ_CONCAT(&to->posts, &from->posts);
	STAILQ_CONCAT(&to->logs, &from->logs);
	to->spans += from->spans;
	to->log_count += from->log_count;
	to->bytes += from->bytes;
	to->is_watched |= from->is_watched;
	if (from->last > to->last)
		to->last = from->last;
	gk_trace_batch_init(from);
}

bool gk_trace_batch_is_empty(const gk_trace_batch *batch)
{
	return STAILQ_EMPTY(&batch->posts) && STAILQ_EMPTY(&batch->logs);
}

/* --- waiting --- */

static void release(gk_trace_store *store)
{
	gk_store_waiter *waiter, *next;

	for (waiter = TAILQ_FIRST(&store->waiters); waiter; waiter = next) {
		next = TAILQ_NEXT(waiter, link);
		if (waiter->number > store->settled && waiter->number > store->lost)
			continue;
		waiter->is_done = true;
		waiter->is_lost = waiter->number > store->settled;
		TAILQ_REMOVE(&store->waiters, waiter, link);
		gk_fiber_wake(waiter->fiber);
	}
}

void gk_trace_store_tell_loop(gk_trace_store *store)
{
	bool is_posted;

	if (store->is_posted)
		return;
	store->is_posted = true;
	pthread_mutex_unlock(&store->lock); /* which the loop takes as soon as it is awake */
	is_posted = gk_loop_post(store->loop, gk_trace_store_take_back, store);
	pthread_mutex_lock(&store->lock);
	if (!is_posted)
		store->is_posted = false;
}

/* Without it answers wait for the disk, which is slower, and no more. It may come later: when durability changes, and when a disk
 * that failed does better. */
static void open_ring(gk_trace_store *store)
{
	gk_auto_error gk_error err = { 0 };
	gk_trace_ring *ring = NULL;

	if (store->ring || store->is_relaxed || store->is_failing)
		return;
	if (gk_trace_ring_open(store->path, GK_STORE_RING, &ring, &err) != GK_OK)
		gk_log(GK_LOG_INFO, "store", "answers wait for the disk: %s",
			err.message ? err.message : "out of memory");
	pthread_mutex_lock(&store->lock);
	store->ring = ring;
	pthread_mutex_unlock(&store->lock);
}

static void free_spent(void *user)
{
	gk_trace_store *store = user;

	gk_trace_batch_free(&store->spent);
}

void gk_trace_store_take_back(void *user)
{
	gk_trace_store *store = user;
	gk_trace_batch done;
	struct gk_store_jobs jobs;
	bool has_failed = store->is_failing;
	gk_trace_post *post;
	gk_store_job *job;

	gk_trace_batch_init(&done);
	TAILQ_INIT(&jobs);
	pthread_mutex_lock(&store->lock);
	store->is_posted = false;
	gk_trace_batch_join(&done, &store->done);
	TAILQ_CONCAT(&jobs, &store->done_jobs, link);
	store->settled = store->committed;
	if (!store->is_closing) {
		store->lost = store->failed;
		store->is_failing = store->fails;
	}
	pthread_mutex_unlock(&store->lock);
	if (store->watcher_count)
		STAILQ_FOREACH (post, &done.posts, link)
			gk_trace_store_broadcast(store, post);
	gk_trace_batch_join(&store->spent, &done);
	gk_loop_tidy(store->loop, free_spent, store);
	release(store);
	if (has_failed)
		open_ring(store);
	while ((job = TAILQ_FIRST(&jobs))) {
		TAILQ_REMOVE(&jobs, job, link);
		job->is_done = true;
		gk_fiber_wake(job->fiber);
	}
}

/* A disk that does not answer holds up nobody for long. */
static void look_for_stuck(void *user)
{
	gk_trace_store *store = user;
	uint64_t since;

	pthread_mutex_lock(&store->lock);
	since = store->busy_since_ms;
	pthread_mutex_unlock(&store->lock);
	if (!since || gk_clock_mono_ms() - since < GK_STORE_WAIT_MS)
		return;
	if (!store->is_failing)
		gk_log(GK_LOG_ERROR, "store", "the disk does not answer");
	store->is_failing = true;
	store->lost = store->last;
	release(store);
}

gk_code gk_trace_store_wait(gk_trace_store *store, uint64_t number, bool ends, gk_error *err)
{
	gk_store_waiter waiter = { .fiber = gk_fiber_self(), .number = number };
	gk_code rc = GK_OK;

	if (store->is_failing)
		return gk_error_set(err, GK_UNAVAILABLE, "traces cannot be written at the moment");
	store->users++;
	TAILQ_INSERT_TAIL(&store->waiters, &waiter, link);
	if (!gk_trace_batch_is_empty(&store->pending))
		gk_loop_defer(store->loop, &store->hand_over);
	gk_loop_hold_tidy(store->loop);
	while (!waiter.is_done && rc == GK_OK) {
		if (ends)
			rc = gk_fiber_park(err);
		else
			gk_fiber_park_shielded();
	}
	gk_loop_let_tidy(store->loop);
	store->users--;
	if (!waiter.is_done)
		TAILQ_REMOVE(&store->waiters, &waiter, link);
	if (rc == GK_OK && waiter.is_lost)
		return gk_error_set(err, GK_UNAVAILABLE, "traces cannot be written at the moment");
	return rc;
}

gk_code gk_trace_store_flush(gk_trace_store *store, gk_error *err)
{
	GK_CHECK(store, GK_TRACE_STORE_MAGIC);
	return store->settled >= store->last ? GK_OK
					     : gk_trace_store_wait(store, store->last, true, err);
}

/* --- the guest --- */

void gk_trace_store_tell_neighbour(gk_trace_store *store)
{
	bool is_neighbour = (store->works || store->wants_copy) && !store->has_spare;

	if (is_neighbour == store->is_neighbour)
		return;
	store->is_neighbour = is_neighbour;
	gk_loop_has_neighbour(store->loop, is_neighbour);
}

/* Told at once: the writer may not come to it before the loop waits. */
void gk_trace_store_wake_writer(gk_trace_store *store)
{
	store->works = true;
	gk_trace_store_tell_neighbour(store);
	pthread_cond_signal(&store->wake);
}

void gk_trace_store_set_guest(gk_trace_store *store, gk_store_guest *guest, uint64_t tend_every_ms)
{
	pthread_mutex_lock(&store->lock);
	guest->tend_every_ms = tend_every_ms;
	guest->tend_ms = gk_clock_mono_ms() + tend_every_ms;
	store->guest = guest;
	gk_trace_store_wake_writer(store);
	pthread_mutex_unlock(&store->lock);
}

void gk_trace_store_drop_guest(gk_trace_store *store)
{
	gk_store_guest *guest;

	pthread_mutex_lock(&store->lock);
	guest = gk_steal(store->guest);
	gk_trace_store_look(store);
	while (guest && guest->is_busy) /* the writer signals when it looks for other work */
		pthread_cond_wait(&store->left, &store->lock);
	pthread_mutex_unlock(&store->lock);
}

void gk_trace_store_call_guest(gk_trace_store *store)
{
	pthread_mutex_lock(&store->lock);
	store->guest->is_called = true;
	gk_trace_store_look(store);
	gk_trace_store_wake_writer(store);
	pthread_mutex_unlock(&store->lock);
}

gk_trace_backend *gk_trace_store_backend_peek(gk_trace_store *store)
{
	return store->backend;
}

/* --- figures --- */

gk_trace_store_counts gk_trace_store_count(const gk_trace_store *store)
{
	gk_trace_store *own = (gk_trace_store *)store; /* the lock is all that changes */
	gk_trace_store_counts counts;

	pthread_mutex_lock(&own->lock);
	counts = store->counts;
	counts.is_failing = store->fails || store->is_failing;
	counts.queue_spans = store->queue.spans + store->pending.spans;
	counts.queue_bytes = store->queue.bytes + store->pending.bytes;
	pthread_mutex_unlock(&own->lock);
	counts.watchers = store->watcher_count;
	counts.events = store->events;
	return counts;
}

/* --- life --- */

static uint64_t either(uint64_t value, uint64_t preset)
{
	return value ? value : preset;
}

static void configure_lags(gk_trace_store *store, const gk_trace_store_opts *opts)
{
	store->fold.idle = either(opts->fold_lag, GK_STORE_FOLD_LAG);
	store->fold.max = either(opts->fold_max, GK_STORE_FOLD_MAX);
	store->fold.age_ms = either(opts->fold_age_ms, GK_STORE_FOLD_AGE_MS);
	store->fold_bytes = either(opts->fold_bytes, GK_STORE_FOLD_BYTES);
	/* what is in the journal counts as well when the file is too large, but traces are deleted for it */
	if (opts->max_bytes && opts->max_bytes / 4 < store->fold_bytes)
		store->fold_bytes = opts->max_bytes / 4;
	store->index.idle = either(opts->index_lag, GK_STORE_INDEX_LAG);
	store->index.max = either(opts->index_max, GK_STORE_INDEX_MAX);
	store->index.age_ms = either(opts->index_age_ms, GK_STORE_INDEX_AGE_MS);
}

void gk_trace_store_configure(gk_trace_store *store, const gk_trace_store_opts *opts)
{
	GK_CHECK(store, GK_TRACE_STORE_MAGIC);
	if (store->is_relaxed && !opts->is_relaxed)
		store->bare = store->last; /* nothing went into the ring meanwhile */
	store->is_relaxed = opts->is_relaxed;
	if (store->backend)
		open_ring(store);
	store->max_queue = opts->max_queue ? opts->max_queue : GK_MAX_STORE_QUEUE;
	pthread_mutex_lock(&store->lock);
	configure_lags(store, opts);
	store->limits = (gk_trace_limits){ .max_traces = opts->max_traces,
		.max_age_ms = opts->max_age_ms,
		.max_bytes = opts->max_bytes,
		.max_log_age_ms = opts->max_log_age_ms,
		.max_logs = opts->max_logs };
	store->wal_busy = either(opts->wal_busy, GK_STORE_WAL_BUSY);
	store->wal_max = either(opts->wal_max, GK_STORE_WAL_MAX);
	store->end_ms = either(opts->end_ms, GK_STORE_END_MS);
	store->sweep_ms = either(opts->sweep_ms, GK_STORE_SWEEP_MS);
	store->next_sweep_ms = gk_clock_mono_ms() + store->sweep_ms;
	gk_trace_store_wake_writer(store);
	pthread_mutex_unlock(&store->lock);
}

static void free_store(gk_trace_store *store)
{
	if (store->gather)
		gk_timer_stop(store->gather);
	if (store->look)
		gk_timer_stop(store->look);
	gk_loop_undefer(store->loop, &store->hand_over);
	gk_trace_batch_free(&store->pending);
	gk_trace_batch_free(&store->queue);
	gk_trace_batch_free(&store->done);
	store->works = store->wants_copy = false; /* or there was no such thread */
	gk_trace_store_tell_neighbour(store);
	gk_trace_ring_close(store->ring);
	gk_buf_done(&store->scratch);
	free(store->path);
	if (store->backend)
		store->backend->type->free(store->backend);
	pthread_mutex_destroy(&store->lock);
	pthread_cond_destroy(&store->wake);
	pthread_cond_destroy(&store->copy_wake);
	pthread_cond_destroy(&store->copied);
	pthread_cond_destroy(&store->left);
	store->magic = 0;
	free(store);
}

static gk_trace_store *new_store(gk_loop *loop)
{
	gk_trace_store *store = calloc(1, sizeof(*store));
	pthread_condattr_t attributes;

	if (!store)
		return NULL;
	store->magic = GK_TRACE_STORE_MAGIC;
	store->loop = loop;
	store->hand_over = (gk_defer){ .fn = gk_trace_store_hand_over, .user = store };
	gk_trace_batch_init(&store->pending);
	gk_trace_batch_init(&store->queue);
	gk_trace_batch_init(&store->done);
	gk_trace_batch_init(&store->spent);
	TAILQ_INIT(&store->waiters);
	LIST_INIT(&store->watchers);
	TAILQ_INIT(&store->jobs);
	TAILQ_INIT(&store->done_jobs);
	pthread_mutex_init(&store->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&store->wake, &attributes);
	pthread_cond_init(&store->copy_wake, &attributes);
	pthread_cond_init(&store->copied, &attributes);
	pthread_cond_init(&store->left, &attributes);
	pthread_condattr_destroy(&attributes);
	return store;
}

/* A disk that fails now may do better later: that is no reason not to start. */
static gk_code open_backend(gk_trace_store *store, gk_error *err)
{
	gk_auto_error gk_error failure = { 0 };
	gk_code rc = store->backend->type->open(store->backend, &failure);
	gk_trace_sizes sizes;

	store->is_open = rc == GK_OK;
	if (rc == GK_FAILED_PRECONDITION)
		return gk_error_move(err, &failure);
	store->backend->type->sizes(store->backend, &sizes);
	store->counts.bytes = sizes.bytes;
	store->counts.wal_bytes = sizes.wal_bytes;
	store->wants_copy = rc == GK_OK && sizes.wal_bytes > 0; /* so that a new file is whole */
	store->counts.unindexed = sizes.unindexed;
	store->counts.unfolded = sizes.unfolded;
	store->counts.unfolded_bytes = sizes.unfolded_bytes;
	gk_trace_lag_take(&store->fold, sizes.unfolded, gk_clock_mono_ms());
	gk_trace_lag_take(&store->index, sizes.unindexed, gk_clock_mono_ms());
	if (rc == GK_OK)
		return GK_OK;
	store->fails = store->is_failing = store->has_told = true;
	store->retry_ms = gk_clock_mono_ms() + GK_STORE_RETRY_MS;
	gk_log(GK_LOG_ERROR, "store", "traces cannot be written and are kept in memory: %s",
		failure.message ? failure.message : "out of memory");
	return GK_OK;
}

static gk_code start_timers(gk_trace_store *store, gk_error *err)
{
	gk_code rc = gk_timer_start(store->loop, GK_STORE_GATHER_MS, 0, gk_trace_store_hand_over,
		store, &store->gather, err);

	if (rc == GK_OK)
		rc = gk_timer_start(store->loop, GK_STORE_RETRY_MS, GK_STORE_RETRY_MS,
			look_for_stuck, store, &store->look, err);
	if (rc == GK_OK) {
		gk_timer_unref(store->gather);
		gk_timer_unref(store->look);
	}
	return rc;
}

/* On a busy processor such a thread does not push the loop aside when it is woken: by the time it runs, more has come
 * for its next transaction. */
static void describe(pthread_t thread, const char *name)
{
	struct sched_param none = { 0 };

	pthread_setname_np(thread, name);
	pthread_setschedparam(thread, SCHED_BATCH, &none);
}

static bool has_spare(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 1;
}

static gk_code start_threads(gk_trace_store *store, gk_error *err)
{
	store->has_spare = has_spare();
	store->has_writer = pthread_create(&store->writer, NULL, gk_trace_writer_run, store) == 0;
	store->has_copier = store->has_writer &&
			    pthread_create(&store->copier, NULL, gk_trace_copier_run, store) == 0;
	if (store->has_writer)
		describe(store->writer, "genkitd-store");
	if (store->has_copier) {
		describe(store->copier, "genkitd-copy");
		return GK_OK;
	}
	return gk_error_set(err, GK_RESOURCE_EXHAUSTED, "cannot start the store's threads");
}

gk_code gk_trace_store_open(
	gk_loop *loop, const gk_trace_store_opts *opts, gk_trace_store **ret, gk_error *err)
{
	gk_trace_store *store = new_store(loop);
	gk_code rc = GK_OK;

	if (!store)
		return gk_error_no_memory(err);
	gk_trace_store_configure(store, opts);
	store->path = strdup(opts->path);
	store->backend = store->path ? gk_sqlite_backend_new(opts->path) : NULL;
	rc = store->backend ? open_backend(store, err) : gk_error_no_memory(err);
	if (rc == GK_OK)
		open_ring(store);
	if (rc == GK_OK)
		rc = start_timers(store, err);
	if (rc == GK_OK)
		rc = start_threads(store, err);
	if (rc != GK_OK) {
		gk_trace_store_close(store);
		return rc;
	}
	*ret = store;
	return GK_OK;
}

static void give_up_jobs(gk_trace_store *store)
{
	gk_store_job *job;

	while ((job = TAILQ_FIRST(&store->jobs))) {
		TAILQ_REMOVE(&store->jobs, job, link);
		job->rc = gk_error_set(job->err, GK_UNAVAILABLE, "the store is being closed");
		job->is_done = true;
		gk_fiber_wake(job->fiber);
	}
}

void gk_trace_store_close(gk_trace_store *store)
{
	if (!store)
		return;
	GK_CHECK(store, GK_TRACE_STORE_MAGIC);
	store->is_closing = true;
	gk_trace_store_hand_over(store);
	pthread_mutex_lock(&store->lock);
	store->stops = true;
	gk_trace_store_wake_writer(store);
	pthread_cond_signal(&store->copy_wake);
	pthread_cond_signal(&store->copied);
	pthread_mutex_unlock(&store->lock);
	if (store->has_writer)
		pthread_join(store->writer, NULL);
	if (store->has_copier)
		pthread_join(store->copier, NULL);
	/* Nobody else touches these now. Who is still inside goes out with what there is. */
	give_up_jobs(store);
	store->is_failing = true;
	store->lost = UINT64_MAX;
	release(store);
	while (store->is_posted || store->posted_logs || store->users)
		gk_loop_turn(store->loop, 1);
	gk_loop_tidy_now(store->loop);
	free_store(store);
}
