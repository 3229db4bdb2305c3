/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What waits for its commit, in a file that is mapped into memory. Putting something there costs a copy, and it outlives the
 * process, so that an answer need not wait for the disk. Whoever opens the store next finds it. No other floor includes this.
 *
 *	rc = gk_trace_ring_open(path, GK_STORE_RING, &ring, err);
 *	if (gk_trace_ring_put(ring, number, data, len))		the loop
 *		...						no need to wait
 *	gk_trace_ring_drop(ring, number);			the writer, after the commit
 *	gk_trace_ring_close(ring);
 */
#ifndef GK_STORE_TRACE_RING_H
#define GK_STORE_TRACE_RING_H

#include <genkit/status.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct gk_trace_ring gk_trace_ring;

/** Makes a file beside that of the store at `path`: "PATH-ring", or with a number behind it when another process has that, or
 * it still holds something. `size`: of the file, in bytes. UNAVAILABLE: there can be none. */
GK_MUST_USE gk_code gk_trace_ring_open(
	const char *path, size_t size, gk_trace_ring **ret, gk_error *err);
/** At the end. Numbers grow. False: there is no room. From one thread. */
GK_MUST_USE bool gk_trace_ring_put(
	gk_trace_ring *ring, uint64_t number, const void *data, size_t len);
/** All up to this number is kept elsewhere. From one thread, which may be another. */
void gk_trace_ring_drop(gk_trace_ring *ring, uint64_t number);
/** What is in it, in bytes with all it takes. */
size_t gk_trace_ring_used(const gk_trace_ring *ring);
/** The file goes with it, unless something is still in it. NULL is allowed. */
void gk_trace_ring_close(gk_trace_ring *ring);

/** Takes what a process that ended left behind, and returns when it is kept elsewhere. */
typedef gk_code gk_trace_ring_take(void *user, const void *data, size_t len, gk_error *err);
/** Each entry that processes which are no more left beside the store at `path`, in order for each, then `take` with NULL.
 * When that returned GK_OK as well the file goes. Ends with the first failure of `take`. What is damaged, as after the
 * machine lost its power, ends that file: the log says so. */
GK_MUST_USE gk_code gk_trace_ring_recover(
	const char *path, gk_trace_ring_take *take, void *user, gk_error *err);

#endif
