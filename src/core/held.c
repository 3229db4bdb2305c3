/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core/held.h"

#include "json/edit.h"

#include <stdint.h>
#include <stdlib.h>

#define FIRST_CAPACITY 32

void gk_held_done(gk_held *held)
{
	free(held->slots);
	*held = (gk_held){ .slots = NULL };
}

static size_t home_of(const gk_held *held, const json_t *list)
{
	return ((size_t)((uintptr_t)list >> 4) * 0x9e3779b97f4a7c15u >> 32) & (held->capacity - 1);
}

/* Its own place, or the free one where it belongs. */
static gk_held_slot *place_of(const gk_held *held, const json_t *list)
{
	size_t at = home_of(held, list);

	while (held->slots[at].list && held->slots[at].list != list)
		at = (at + 1) & (held->capacity - 1);
	return &held->slots[at];
}

static bool grow(gk_held *held)
{
	gk_held bigger = { .count = held->count,
		.capacity = held->capacity ? 2 * held->capacity : FIRST_CAPACITY };

	bigger.slots = calloc(bigger.capacity, sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	for (size_t i = 0; i < held->capacity; i++)
		if (held->slots[i].list)
			*place_of(&bigger, held->slots[i].list) = held->slots[i];
	free(held->slots);
	*held = bigger;
	return true;
}

void gk_held_add(gk_held *held, const json_t *list)
{
	gk_held_slot *slot;

	if (!list || (2 * held->count >= held->capacity && !grow(held)))
		return;
	slot = place_of(held, list);
	held->count += slot->list == NULL;
	slot->list = list;
	slot->times++;
}

/* Those behind it move up, so that no search ends too early. */
static void close_gap(gk_held *held, size_t gap)
{
	size_t mask = held->capacity - 1;

	for (size_t at = (gap + 1) & mask; held->slots[at].list; at = (at + 1) & mask) {
		size_t home = home_of(held, held->slots[at].list);

		if (((at - home) & mask) < ((at - gap) & mask))
			continue;
		held->slots[gap] = held->slots[at];
		gap = at;
	}
	held->slots[gap] = (gk_held_slot){ .list = NULL };
}

void gk_held_drop(gk_held *held, const json_t *list)
{
	gk_held_slot *slot = list && held->capacity ? place_of(held, list) : NULL;

	if (!slot || !slot->list || --slot->times)
		return;
	held->count--;
	close_gap(held, (size_t)(slot - held->slots));
}

size_t gk_held_times(const gk_held *held, const json_t *list)
{
	return held->capacity ? place_of(held, list)->times : 0;
}

/* --- beginnings --- */

static json_t *messages_of(const json_t *state)
{
	json_t *messages = json_object_get(state, "messages");

	return json_is_array(messages) ? messages : NULL;
}

json_t *gk_snapshot_messages_peek(const json_t *document)
{
	return messages_of(json_object_get(document, "state"));
}

static json_t *first_of(json_t *messages, size_t count)
{
	gk_auto_json json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		if (!gk_json_push_take(list, json_incref(json_array_get(messages, i))))
			return NULL;
	return gk_steal(list);
}

json_t *gk_state_until(const json_t *state, size_t count)
{
	gk_auto_json json_t *ret = gk_json_merge(state, NULL);
	json_t *messages = messages_of(ret);

	if (!ret || (json_array_size(messages) > count &&
			    !gk_json_set_take(ret, "messages", first_of(messages, count))))
		return NULL;
	return gk_steal(ret);
}

json_t *gk_snapshot_until(const json_t *document, size_t count)
{
	gk_auto_json json_t *ret = gk_json_merge(document, NULL);
	json_t *state = json_object_get(document, "state");

	if (!ret || (state && !gk_json_set_take(ret, "state", gk_state_until(state, count))))
		return NULL;
	return gk_steal(ret);
}
