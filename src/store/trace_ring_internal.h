/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The file of a ring: how it stands, then room for entries, which go round in it.
 *
 *	magic, size of the room, zeros | tail, whole | room
 *	entry:	length u32, sum u32, number u64, bytes, and zeros up to a multiple of 8
 *
 * Positions count bytes since the beginning: an entry at N lies at N modulo the room. It is written with pwrite(), so that a disk
 * that is full or broken is an error where a store into a mapping is a SIGBUS; what was written is the kernel's, whatever becomes
 * of us. Entries begin at `tail` and end with the first that is none: the sum is of position, number and bytes, so that nothing
 * that lay there before is taken for one. Up to `whole` there were only entries: less, then, is damage, as after a machine
 * stopped, when pages are as old as the disk has them. A lock on the file tells that its process lives.
 *
 * No other floor includes this. trace_ring.c puts and drops, trace_ring_file.c makes files and reads what others left.
 */
#ifndef GK_STORE_TRACE_RING_INTERNAL_H
#define GK_STORE_TRACE_RING_INTERNAL_H

#include "store/trace_ring.h"

#include <stdatomic.h>
#include <stddef.h>

#define GK_TRACE_RING_MAGIC   0x33676e69726b67u /* "gkring3" */
#define GK_TRACE_RING_MAGIC_2 0x32676e69726b67u /* with other sums: read, not written */

typedef struct gk_ring_ends {
	uint64_t tail, whole;
} gk_ring_ends;

typedef struct gk_ring_head {
	uint64_t magic, size; /* size: of the room */
	char zeros[32];
	gk_ring_ends ends; /* right before the room: both are written at once when it begins anew */
} gk_ring_head;
_Static_assert(sizeof(gk_ring_head) == 64, "as in the file");

typedef struct gk_ring_entry {
	uint32_t len, sum;
	uint64_t number;
} gk_ring_entry;

/* What one write put there. */
typedef struct gk_ring_mark {
	uint64_t number; /* the last one's */
	uint64_t end;
} gk_ring_mark;

typedef uint32_t gk_ring_sum(const gk_ring_entry *entry, uint64_t at, const char *data);
gk_ring_sum gk_trace_ring_sum, gk_trace_ring_sum_2;

struct gk_trace_ring {
	char *path;
	int fd;
	uint64_t size;
	gk_ring_sum *sum;

	/* Of whoever puts: */
	uint64_t head;    /* where the next write goes */
	gk_buf unwritten; /* room for the ends, and entries */
	size_t begun;     /* where in it the last one begins */
	uint64_t number;  /* of the last one */
	bool is_anew;     /* at the beginning of the room, with the ends before it */
	bool is_over;     /* `unwritten` was written, or could not be */
	bool has_failed;  /* and it was said */

	/* Of both: marks from `dropped` to `put` are what is in it. */
	gk_ring_mark *marks;
	_Atomic uint64_t put, dropped, tail;
};

/* Of an entry with all it takes. */
static inline size_t gk_trace_ring_size(size_t len)
{
	return (sizeof(gk_ring_entry) + len + 7) & ~(size_t)7;
}

/** All of it, or false with `errno`. */
bool gk_trace_ring_write_all(int fd, const char *data, size_t len, uint64_t at);

#endif
