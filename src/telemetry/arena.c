/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "telemetry/arena.h"

#define BLOCK_SIZE 4000 /* a span without large texts */
#define ALIGNMENT  sizeof(max_align_t)

typedef struct gk_arena_block gk_arena_block;
struct gk_arena_block {
	gk_arena_block *older;
	size_t used, size;
	max_align_t data[];
};

static gk_arena_block *grow(gk_arena *arena, size_t least)
{
	size_t size = least > BLOCK_SIZE ? least : BLOCK_SIZE;
	gk_arena_block *block = size > SIZE_MAX / 2 ? NULL : calloc(1, sizeof(*block) + size);

	if (!block)
		return NULL;
	block->size = size;
	block->older = arena->block;
	arena->block = block;
	arena->size += sizeof(*block) + size;
	return block;
}

void *gk_arena_alloc(gk_arena *arena, size_t size)
{
	gk_arena_block *block = arena->block;
	size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	char *place;

	if (!block || block->size - block->used < rounded)
		block = rounded < size ? NULL : grow(arena, rounded);
	if (!block) {
		arena->failed = true;
		return NULL;
	}
	place = (char *)block->data + block->used;
	block->used += rounded;
	return place;
}

char *gk_arena_text(gk_arena *arena, const char *text, size_t len)
{
	char *copy = gk_arena_alloc(arena, len + 1);

	if (copy && len)
		memcpy(copy, text, len);
	return copy;
}

void gk_arena_done(gk_arena *arena)
{
	gk_arena_block *older;

	for (gk_arena_block *block = arena->block; block; block = older) {
		older = block->older;
		free(block);
	}
	*arena = (gk_arena){ 0 };
}
