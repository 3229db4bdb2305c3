/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "base/arena.h"

#include <stdalign.h>

#define BLOCK_SIZE 4000

struct gk_arena_block {
	struct gk_arena_block *older;
	max_align_t data[];
};

/* What does not fit gets a block; a large one leaves the rest of the current block in use. */
static char *more(gk_arena *arena, size_t size)
{
	bool is_large = size > BLOCK_SIZE / 4;
	size_t room = is_large ? size : BLOCK_SIZE;
	struct gk_arena_block *block = NULL;

	if (room <= SIZE_MAX - sizeof(*block))
		block = malloc(sizeof(*block) + room);
	if (!block) {
		arena->failed = true;
		return NULL;
	}
	block->older = arena->blocks;
	arena->blocks = block;
	arena->size += sizeof(*block) + room;
	if (!is_large) {
		arena->next = (char *)block->data + size;
		arena->end = (char *)block->data + room;
	}
	return (char *)block->data;
}

void *gk_arena_alloc(gk_arena *arena, size_t size)
{
	size_t skip = -(uintptr_t)arena->next & (alignof(max_align_t) - 1);
	size_t left = (size_t)(arena->end - arena->next);
	char *at;

	if (arena->next && size <= left && skip <= left - size) {
		at = arena->next + skip;
		arena->next = at + size;
	} else {
		at = more(arena, size);
	}
	return at ? memset(at, 0, size) : NULL;
}

char *gk_arena_bytes(gk_arena *arena, size_t len)
{
	char *at = arena->next;

	if (!at || len > (size_t)(arena->end - at))
		return more(arena, len);
	arena->next += len;
	return at;
}

char *gk_arena_text(gk_arena *arena, const char *text, size_t len)
{
	char *copy = len < SIZE_MAX ? gk_arena_bytes(arena, len + 1) : NULL;

	if (!copy)
		return NULL;
	if (len)
		memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

void gk_arena_done(gk_arena *arena)
{
	for (struct gk_arena_block *block = arena->blocks, *older; block; block = older) {
		older = block->older;
		free(block);
	}
	*arena = (gk_arena){ 0 };
}
