/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Memory that is given back all at once: what a span is made into for an exporter. */
#ifndef GK_TELEMETRY_ARENA_H
#define GK_TELEMETRY_ARENA_H

#include <genkit/status.h>

typedef struct gk_arena {
	struct gk_arena_block *block; /* the newest; older ones behind it */
	size_t size;                  /* of all blocks together */
	bool failed; /* memory ran out: sticks, and the one check at the end tells */
} gk_arena;

/** Zeroed; NULL when memory ran out. */
void *gk_arena_alloc(gk_arena *arena, size_t size);
/** A copy that ends in NUL. */
char *gk_arena_text(gk_arena *arena, const char *text, size_t len);
void gk_arena_done(gk_arena *arena);

#define GK_ARENA_NEW(arena, type) ((type *)gk_arena_alloc(arena, sizeof(type)))

#endif
