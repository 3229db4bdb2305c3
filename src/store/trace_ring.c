/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Putting entries into the ring, and dropping them. */
#include "store/trace_ring_internal.h"

#include "base/limits.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

bool gk_trace_ring_write_all(int fd, const char *data, size_t len, uint64_t at)
{
	while (len) {
		ssize_t done = pwrite(fd, data, len, (off_t)at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			errno = done ? errno : EIO;
			return false;
		}
		data += done;
		len -= (size_t)done;
		at += (uint64_t)done;
	}
	return true;
}

/* Over the end of the room to its beginning. */
static bool write_at(const gk_trace_ring *ring, uint64_t at, const char *data, size_t len)
{
	uint64_t from = at % ring->size, first = ring->size - from;

	if (len <= first)
		return gk_trace_ring_write_all(ring->fd, data, len, sizeof(gk_ring_head) + from);
	return gk_trace_ring_write_all(ring->fd, data, first, sizeof(gk_ring_head) + from) &&
	       gk_trace_ring_write_all(ring->fd, data + first, len - first, sizeof(gk_ring_head));
}

/* --- putting --- */

static uint64_t round_up(uint64_t at, uint64_t to)
{
	return (at + to - 1) / to * to;
}

/* When nothing is in it, nobody else moves the ends: from the beginning of the room again, which is still in the caches, and
 * which the disk gets once for many. */
static void begin_write(gk_trace_ring *ring)
{
	static const gk_ring_ends room = { 0 };
	uint64_t put = atomic_load_explicit(&ring->put, memory_order_relaxed);

	ring->is_anew = atomic_load_explicit(&ring->dropped, memory_order_acquire) == put;
	if (ring->is_anew)
		ring->head = round_up(ring->head, ring->size);
	gk_buf_put(&ring->unwritten, &room, sizeof(room));
}

gk_buf *gk_trace_ring_begin(gk_trace_ring *ring)
{
	static const gk_ring_entry room = { 0 };

	gk_trace_ring_let(ring);
	if (!ring->unwritten.len)
		begin_write(ring);
	ring->begun = ring->unwritten.len;
	gk_buf_put(&ring->unwritten, &room, sizeof(room));
	return &ring->unwritten;
}

void gk_trace_ring_undo(gk_trace_ring *ring)
{
	gk_buf_rewind(&ring->unwritten, ring->begun > sizeof(gk_ring_ends) ? ring->begun : 0);
}

bool gk_trace_ring_end(gk_trace_ring *ring, uint64_t number)
{
	static const char zeros[8];
	gk_buf *buf = &ring->unwritten;
	size_t len = buf->len - ring->begun - sizeof(gk_ring_entry);
	gk_ring_entry entry = { .len = (uint32_t)len, .number = number };

	if (!gk_buf_failed(buf))
		gk_buf_put(buf, zeros, gk_trace_ring_size(len) - sizeof(gk_ring_entry) - len);
	if (gk_buf_failed(buf)) {
		gk_trace_ring_undo(ring);
		return false;
	}
	ring->number = number;
	entry.sum = gk_trace_ring_sum(&entry, ring->head + ring->begun - sizeof(gk_ring_ends),
		buf->data + ring->begun + sizeof(gk_ring_entry));
	memcpy(buf->data + ring->begun, &entry, sizeof(entry));
	return true;
}

const char *gk_trace_ring_data_peek(const gk_trace_ring *ring)
{
	return ring->unwritten.data;
}

void gk_trace_ring_let(gk_trace_ring *ring)
{
	gk_buf *buf = &ring->unwritten;

	if (!ring->is_over)
		return;
	ring->is_over = false;
	gk_buf_clear(buf);
	if (buf->cap > GK_STORE_GATHER_BYTES)
		gk_buf_done(buf); /* seldom so large: it need not be kept */
}

size_t gk_trace_ring_unwritten(const gk_trace_ring *ring)
{
	return ring->is_over ? 0 : ring->unwritten.len;
}

static bool has_room(gk_trace_ring *ring, size_t len)
{
	uint64_t put = atomic_load_explicit(&ring->put, memory_order_relaxed);
	uint64_t dropped = atomic_load_explicit(&ring->dropped, memory_order_acquire);
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	return ring->is_anew ? len <= ring->size
			     : len <= ring->size - (ring->head - tail) &&
				       put - dropped < GK_STORE_RING_MARKS;
}

/* Both at once, the ends first, and the marks begin anew as well. */
static bool write_anew(gk_trace_ring *ring, size_t len)
{
	const gk_ring_ends ends = { .tail = ring->head, .whole = ring->head };
	uint64_t put = atomic_load_explicit(&ring->put, memory_order_relaxed);

	memcpy(ring->unwritten.data, &ends, sizeof(ends));
	if (!gk_trace_ring_write_all(ring->fd, ring->unwritten.data, sizeof(ends) + len,
		    offsetof(gk_ring_head, ends)))
		return false;
	atomic_store_explicit(&ring->tail, ring->head, memory_order_relaxed);
	put = round_up(put, GK_STORE_RING_MARKS);
	atomic_store_explicit(&ring->dropped, put, memory_order_relaxed);
	ring->marks[0] = (gk_ring_mark){ .number = ring->number, .end = ring->head + len };
	atomic_store_explicit(&ring->put, put + 1, memory_order_release);
	return true;
}

static bool write_behind(gk_trace_ring *ring, size_t len)
{
	uint64_t put = atomic_load_explicit(&ring->put, memory_order_relaxed);

	if (!write_at(ring, ring->head, ring->unwritten.data + sizeof(gk_ring_ends), len))
		return false;
	ring->marks[put % GK_STORE_RING_MARKS] =
		(gk_ring_mark){ .number = ring->number, .end = ring->head + len };
	atomic_store_explicit(&ring->put, put + 1, memory_order_release);
	return true;
}

/* The store says what it means for traces; this says what becomes of answers. */
static void tell(gk_trace_ring *ring, bool is_written)
{
	if (!is_written && !ring->has_failed)
		gk_log(GK_LOG_INFO, "store", "answers wait for the disk: %s: %s", ring->path,
			strerror(errno));
	ring->has_failed = !is_written;
}

bool gk_trace_ring_write(gk_trace_ring *ring)
{
	size_t len = gk_trace_ring_unwritten(ring);
	bool is_written;

	if (!len)
		return true;
	len -= sizeof(gk_ring_ends);
	ring->is_over = true;
	if (!has_room(ring, len))
		return false;
	is_written = ring->is_anew ? write_anew(ring, len) : write_behind(ring, len);
	ring->head += is_written ? len : 0;
	tell(ring, is_written);
	return is_written;
}

/* The file is told first: room that is free in memory may be written over at once. When the disk does not take it, all stays. */
void gk_trace_ring_drop(gk_trace_ring *ring, uint64_t number)
{
	uint64_t put = atomic_load_explicit(&ring->put, memory_order_acquire);
	uint64_t dropped = atomic_load_explicit(&ring->dropped, memory_order_relaxed);
	uint64_t before = dropped;
	gk_ring_ends ends;

	while (dropped < put && ring->marks[dropped % GK_STORE_RING_MARKS].number <= number)
		dropped++;
	if (dropped == before)
		return;
	ends.tail = ring->marks[(dropped - 1) % GK_STORE_RING_MARKS].end;
	ends.whole = ring->marks[(put - 1) % GK_STORE_RING_MARKS].end;
	if (!gk_trace_ring_write_all(
		    ring->fd, (const char *)&ends, sizeof(ends), offsetof(gk_ring_head, ends)))
		return;
	atomic_store_explicit(&ring->tail, ends.tail, memory_order_relaxed);
	atomic_store_explicit(&ring->dropped, dropped, memory_order_release);
}

size_t gk_trace_ring_used(const gk_trace_ring *ring)
{
	uint64_t put = atomic_load(&ring->put), dropped = atomic_load(&ring->dropped);

	return put > dropped ? (size_t)(ring->head - atomic_load(&ring->tail)) : 0;
}
