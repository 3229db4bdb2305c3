/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What waits for its commit, in a file beside the store's. Writing it there costs one call of the kernel, and it outlives the
 * process, so that an answer need not wait for the disk. Whoever opens the store next finds it. No other floor includes this.
 *
 *	rc = gk_trace_ring_open(path, GK_STORE_RING, &ring, err);
 *	buf = gk_trace_ring_begin(ring);			the loop
 *	gk_buf_put(buf, data, len);
 *	if (!gk_trace_ring_end(ring, number))
 *		...						out of memory: it is not in it
 *	if (gk_trace_ring_write(ring))
 *		...						no need to wait
 *	gk_trace_ring_drop(ring, number);			the writer, after the commit
 *	gk_trace_ring_close(ring);
 */
#ifndef GK_STORE_TRACE_RING_H
#define GK_STORE_TRACE_RING_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct gk_trace_ring gk_trace_ring;

/** Makes a file beside that of the store at `path`: "PATH-ring", or with a number behind it when another process has that, or
 * it still holds something. `size`: of its room, a multiple of 8. UNAVAILABLE: there can be none, as on a file system of another
 * machine. */
GK_MUST_USE gk_code gk_trace_ring_open(
	const char *path, size_t size, gk_trace_ring **ret, gk_error *err);
/** Where the bytes of the next entry go, behind what is there. Until gk_trace_ring_end() or _undo(), nothing else is done with
 * the ring by whoever puts, which is one thread. */
gk_buf *gk_trace_ring_begin(gk_trace_ring *ring);
/** Numbers grow, from 1. False: the buffer has failed, and it was undone. */
GK_MUST_USE bool gk_trace_ring_end(gk_trace_ring *ring, uint64_t number);
/** The entry that was begun is none; the buffer may have failed. Those before it stay. */
void gk_trace_ring_undo(gk_trace_ring *ring);
/** Bytes of entries that are not written yet, with all they take. */
size_t gk_trace_ring_unwritten(const gk_trace_ring *ring);
/** All entries since the last time into the file, at once. False: it will not have them, since there is no room, or the disk
 * fails (which the log says). Either way their bytes stay where they were put, until the next one begins or they are let go. */
GK_MUST_USE bool gk_trace_ring_write(gk_trace_ring *ring);
/** What gk_trace_ring_begin() returned has it all. */
const char *gk_trace_ring_data_peek(const gk_trace_ring *ring);
/** Lets go of bytes that were written. */
void gk_trace_ring_let(gk_trace_ring *ring);
/** All up to this number is kept elsewhere. From one thread, which may be another. */
void gk_trace_ring_drop(gk_trace_ring *ring, uint64_t number);
/** What was written and not dropped, in bytes with all it takes. For whoever puts. */
size_t gk_trace_ring_used(const gk_trace_ring *ring);
/** The file goes with it, unless something is still in it. NULL is allowed. */
void gk_trace_ring_close(gk_trace_ring *ring);

/** Takes what a process that ended left behind, and returns when it is kept elsewhere. */
typedef gk_code gk_trace_ring_take(void *user, const void *data, size_t len, gk_error *err);
/** Each entry that processes which are no more left beside the store at `path`, in order for each, then `take` with NULL.
 * When that returned GK_OK as well the file goes. Ends with the first failure of `take`. What is damaged, as after the
 * machine lost its power, ends that file: the log says so where it can be told. */
GK_MUST_USE gk_code gk_trace_ring_recover(
	const char *path, gk_trace_ring_take *take, void *user, gk_error *err);

#endif
