/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "json/schema_compiler.h"

#define FIRST_SIZE 32

static size_t place(const gk_schema_map *map, const void *a, const void *b)
{
	uint64_t hash = ((uintptr_t)a >> 4) * 0x9e3779b97f4a7c15u + ((uintptr_t)b >> 4);
	size_t at = (hash ^ hash >> 32) & map->mask;

	while (map->slots[at].value && (map->slots[at].a != a || map->slots[at].b != b))
		at = (at + 1) & map->mask;
	return at;
}

void *gk_schema_map_get(const gk_schema_map *map, const void *a, const void *b)
{
	return map->slots ? map->slots[place(map, a, b)].value : NULL;
}

static bool grow(gk_schema_map *map)
{
	gk_schema_map bigger = { 0 };
	size_t size = map->slots ? 2 * (map->mask + 1) : FIRST_SIZE;

	bigger.slots = calloc(size, sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	bigger.mask = size - 1;
	bigger.count = map->count;
	for (size_t i = 0; map->slots && i <= map->mask; i++)
		if (map->slots[i].value)
			bigger.slots[place(&bigger, map->slots[i].a, map->slots[i].b)] =
				map->slots[i];
	free(map->slots);
	*map = bigger;
	return true;
}

bool gk_schema_map_set(gk_schema_map *map, const void *a, const void *b, void *value)
{
	size_t at;

	if ((!map->slots || 2 * map->count > map->mask) && !grow(map))
		return false;
	at = place(map, a, b);
	map->count += !map->slots[at].value;
	map->slots[at].a = a;
	map->slots[at].b = b;
	map->slots[at].value = value;
	return true;
}

void gk_schema_map_done(gk_schema_map *map)
{
	free(map->slots);
	*map = (gk_schema_map){ 0 };
}
