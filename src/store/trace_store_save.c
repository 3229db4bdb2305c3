/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What is saved: into the ring, to those that wait for the writer, and to him. */
#include "store/trace_store_internal.h"

#include "base/str.h"
#include "store/trace_entry.h"

#define KEPT_SCRATCH (64u << 10)

/* --- handing over --- */

void gk_trace_store_look(gk_trace_store *store)
{
	bool is_called = store->guest && store->guest->is_called;

	atomic_store_explicit(&store->backend->is_wanted,
		is_called || !gk_trace_batch_is_empty(&store->queue), memory_order_relaxed);
}

/* The newest are worth most. Under the lock. */
static void drop_oldest(gk_trace_store *store)
{
	gk_trace_batch *queue = &store->queue;

	while (queue->bytes > store->max_queue && !gk_trace_batch_is_empty(queue)) {
		gk_trace_post *post = STAILQ_FIRST(&queue->posts);
		gk_log_row *row = STAILQ_FIRST(&queue->logs);

		if (row && (!post || row->number < post->number)) {
			STAILQ_REMOVE_HEAD(&queue->logs, link);
			queue->log_count--;
			queue->bytes -= row->bytes;
			free(row);
		} else {
			STAILQ_REMOVE_HEAD(&queue->posts, link);
			queue->spans -= post->count;
			queue->bytes -= post->bytes;
			store->counts.dropped_queue += post->count;
			gk_trace_post_free(post);
		}
	}
}

/* What was kept so far outlives us from now on, or answers wait for its commit. */
static void write_ring(gk_trace_store *store)
{
	if (store->ring && !gk_trace_ring_write(store->ring))
		store->bare = store->last;
}

/* Posts of what lies in the ring's buffer get their bytes. */
static void fill_posts(gk_trace_store *store)
{
	gk_trace_post *post = gk_steal(store->unfilled);

	for (; post; post = STAILQ_NEXT(post, link))
		if (post->entry_len && !post->entry)
			gk_trace_post_fill(post, gk_trace_ring_data_peek(store->ring));
	if (store->ring)
		gk_trace_ring_let(store->ring);
}

static void fill_after_answer(void *user)
{
	gk_trace_store *store = user;

	store->is_tidying = false;
	fill_posts(store);
}

void gk_trace_store_hand_over(void *user)
{
	gk_trace_store *store = user;

	if (gk_trace_batch_is_empty(&store->pending))
		return;
	write_ring(store); /* before the writer drops it */
	fill_posts(store);
	store->is_gathering = false;
	gk_timer_pause(store->gather);
	store->pending.is_watched = store->watcher_count > 0;
	pthread_mutex_lock(&store->lock);
	gk_trace_batch_join(&store->queue, &store->pending);
	drop_oldest(store);
	gk_trace_store_look(store);
	gk_trace_store_wake_writer(store);
	pthread_mutex_unlock(&store->lock);
}

/* A moment for more to come, unless it is enough already. Then at the end of the turn that brings the next, which is mostly
 * that of an answer: between two requests the writer is in nobody's way where it shares the loop's processor. */
static void gather(gk_trace_store *store)
{
	uint64_t ms = store->is_relaxed ? GK_STORE_RELAXED_MS : GK_STORE_GATHER_MS;

	if (store->pending.spans + store->pending.log_count >= GK_STORE_GATHER ||
		store->pending.bytes >= GK_STORE_GATHER_BYTES) {
		gk_trace_store_hand_over(store);
		return;
	}
	if (!store->is_gathering) {
		store->is_gathering = true;
		store->due_ms = gk_loop_now_ms(store->loop) + ms;
		gk_timer_again(store->gather, GK_STORE_GATHER_LATE * ms);
	} else if (gk_loop_now_ms(store->loop) >= store->due_ms) {
		store->due_ms = UINT64_MAX;
		gk_loop_tidy(store->loop, gk_trace_store_hand_over, store);
	}
}

/* --- saving --- */

static void add_post(gk_trace_store *store, gk_trace_post *post)
{
	STAILQ_INSERT_TAIL(&store->pending.posts, post, link);
	store->pending.spans += post->count;
	store->pending.bytes += post->bytes;
	store->pending.last = post->number;
	gather(store);
}

/* Other programs' spans are waited for by who posts them. */
void gk_trace_store_save(gk_trace_store *store, gk_trace_post *post)
{
	GK_CHECK(store, GK_TRACE_STORE_MAGIC);
	post->number = ++store->last;
	add_post(store, post);
}

/* Where the next entry for the ring goes; NULL: it is not for the ring, and answers wait for its commit unless they never do. */
static gk_buf *begin_entry(gk_trace_store *store)
{
	if (store->is_relaxed || !store->ring)
		return NULL;
	if (!gk_trace_ring_unwritten(store->ring))
		fill_posts(store); /* the buffer begins anew */
	return gk_trace_ring_begin(store->ring);
}

/* What was encoded is in the ring's buffer, where it stays for now, and is copied after the answer. */
static gk_trace_post *keep_in_ring(gk_trace_store *store, const gk_span *span, gk_buf *entry)
{
	gk_trace_post *post = gk_trace_post_of_span(span, entry);

	if (!post) {
		gk_trace_ring_undo(store->ring);
		return NULL;
	}
	if (!gk_trace_ring_end(store->ring, store->last + 1)) {
		gk_trace_post_free(post);
		return NULL;
	}
	if (!store->unfilled)
		store->unfilled = post;
	return post;
}

static gk_trace_post *keep_in_memory(gk_trace_store *store, const gk_span *span)
{
	gk_buf *entry = &store->scratch;
	gk_trace_post *post;

	gk_buf_clear(entry);
	post = gk_trace_post_of_span(span, entry);
	if (post)
		gk_trace_post_fill(post, entry->data);
	if (entry->cap > KEPT_SCRATCH)
		gk_buf_done(entry); /* one large span is no reason to keep so much */
	return post;
}

bool gk_trace_store_save_span(gk_trace_store *store, const gk_span *span)
{
	gk_buf *entry = begin_entry(store);
	gk_trace_post *post =
		entry ? keep_in_ring(store, span, entry) : keep_in_memory(store, span);

	if (!post)
		return false;
	post->number = ++store->last;
	if (!entry && !store->is_relaxed)
		store->bare = store->last;
	add_post(store, post);
	if (entry && gk_trace_ring_unwritten(store->ring) >= GK_STORE_GATHER_BYTES)
		write_ring(store);
	return true;
}

static void keep_log(gk_trace_store *store, const gk_log_row *row)
{
	gk_buf *entry = begin_entry(store);

	if (entry)
		gk_entry_put_log(entry, row);
	if (!store->is_relaxed && !(entry && gk_trace_ring_end(store->ring, row->number)))
		store->bare = row->number;
}

static void save_log(gk_trace_store *store, gk_log_row *row)
{
	row->number = ++store->last;
	keep_log(store, row);
	STAILQ_INSERT_TAIL(&store->pending.logs, row, link);
	store->pending.log_count++;
	store->pending.bytes += row->bytes;
	store->pending.last = store->last;
	gather(store);
}

bool gk_trace_store_save_logs(gk_trace_store *store, const json_t *records)
{
	size_t count = json_is_array(records) ? json_array_size(records) : 1;

	GK_CHECK(store, GK_TRACE_STORE_MAGIC);
	for (size_t i = 0; i < count; i++) {
		bool is_lost;
		gk_log_row *row = gk_log_row_read(
			json_is_array(records) ? json_array_get(records, i) : records, &is_lost);

		if (is_lost)
			return false;
		if (row)
			save_log(store, row);
	}
	return true;
}

/* From another thread it comes over the loop. */
typedef struct posted_log {
	gk_trace_store *store;
	gk_log_row *row;
} posted_log;

static void take_log(void *user)
{
	posted_log *posted = user;

	save_log(posted->store, posted->row);
	write_ring(posted->store);
	pthread_mutex_lock(&posted->store->lock);
	posted->store->posted_logs--;
	pthread_mutex_unlock(&posted->store->lock);
	free(posted);
}

static void post_log(gk_trace_store *store, gk_log_row *row)
{
	posted_log *posted = malloc(sizeof(*posted));

	pthread_mutex_lock(&store->lock);
	store->posted_logs++;
	pthread_mutex_unlock(&store->lock);
	if (posted) {
		*posted = (posted_log){ .store = store, .row = row };
		if (gk_loop_post(store->loop, take_log, posted))
			return;
	}
	pthread_mutex_lock(&store->lock);
	store->posted_logs--;
	pthread_mutex_unlock(&store->lock);
	free(posted);
	free(row);
}

void gk_trace_store_log(gk_trace_store *store, const gk_log_record *record)
{
	gk_log_row *row;

	/* What the store says of itself would feed itself. */
	if (gk_str_equal(record->component, "store"))
		return;
	row = gk_log_row_of(record);
	if (!row)
		return;
	if (gk_loop_self() != store->loop) {
		post_log(store, row);
		return;
	}
	/* at once: the last words of a process are worth most */
	save_log(store, row);
	write_ring(store);
}

/* --- before an answer --- */

void gk_trace_store_settle(gk_trace_store *store)
{
	GK_CHECK(store, GK_TRACE_STORE_MAGIC);
	if (store->watcher_count && !gk_trace_batch_is_empty(&store->pending))
		gk_loop_defer(store->loop, &store->hand_over);
	if (store->is_relaxed)
		return;
	write_ring(store);
	if (store->unfilled && !store->is_tidying) {
		store->is_tidying = true;
		gk_loop_tidy(store->loop, fill_after_answer, store);
	}
	if (store->settled >= store->bare)
		return;
	if (gk_trace_store_wait(store, store->bare, false, NULL) != GK_OK)
		return; /* it is said in the log */
}
