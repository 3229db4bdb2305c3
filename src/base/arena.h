/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Memory that is taken piece by piece and given back all at once.
 *
 *	gk_auto_arena gk_arena arena = { 0 };
 *
 *	node = GK_ARENA_NEW(&arena, struct node);
 */
#ifndef GK_BASE_ARENA_H
#define GK_BASE_ARENA_H

#include <genkit/status.h>

typedef struct gk_arena {
	struct gk_arena_block *blocks; /* the newest first */
	char *next, *end;              /* what is left of it */
	size_t size;                   /* of all blocks together */
	bool failed; /* memory ran out: sticks, for those who check once at the end */
} gk_arena;

#define gk_auto_arena GK_CLEANUP(gk_arena_done)

/** Zeroed and aligned for anything; NULL when memory ran out. */
void *gk_arena_alloc(gk_arena *arena, size_t size);
#define GK_ARENA_NEW(arena, type) ((type *)gk_arena_alloc(arena, sizeof(type)))
/** Bytes, not zeroed and not aligned: text taken twice in a row may lie side by side. NULL when memory ran out. */
char *gk_arena_bytes(gk_arena *arena, size_t len);
/** A copy that ends in NUL; NULL when memory ran out. */
char *gk_arena_text(gk_arena *arena, const char *text, size_t len);
/** Gives all of it back; the arena is then as new. */
void gk_arena_done(gk_arena *arena);

#endif
