/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "json/memo.h"

#include "base/limits.h"

#define FIRST_CAPACITY 32
#define FIRST_TEXT     2048

void gk_json_memo_done(gk_json_memo *memo)
{
	for (size_t i = 0; i < memo->capacity; i++)
		json_decref((json_t *)(uintptr_t)memo->slots[i].value);
	free(memo->slots);
	gk_buf_done(&memo->text);
	*memo = (gk_json_memo){ 0 };
}

/* Its own place, or the free one where it belongs. */
static gk_json_memo_slot *place_of(gk_json_memo_slot *slots, size_t capacity, const json_t *value)
{
	size_t at = (size_t)((uintptr_t)value >> 4) * 0x9e3779b97f4a7c15u >> 32;

	for (;; at++) {
		gk_json_memo_slot *slot = &slots[at & (capacity - 1)];

		if (!slot->value || slot->value == value)
			return slot;
	}
}

const gk_json_memo_slot *gk_json_memo_find(const gk_json_memo *memo, const json_t *value)
{
	const gk_json_memo_slot *slot =
		memo->capacity ? place_of(memo->slots, memo->capacity, value) : NULL;

	return slot && slot->value ? slot : NULL;
}

static bool grow(gk_json_memo *memo)
{
	size_t capacity = memo->capacity ? 2 * memo->capacity : FIRST_CAPACITY;
	gk_json_memo_slot *slots = calloc(capacity, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i < memo->capacity; i++)
		if (memo->slots[i].value)
			*place_of(slots, capacity, memo->slots[i].value) = memo->slots[i];
	free(memo->slots);
	memo->slots = slots;
	memo->capacity = capacity;
	return true;
}

void gk_json_memo_add(gk_json_memo *memo, const json_t *value, const char *text, size_t len)
{
	gk_json_memo_slot *slot;

	if (memo->text.len + len > GK_MAX_MEMO ||
		(2 * memo->count >= memo->capacity && !grow(memo)))
		return;
	slot = place_of(memo->slots, memo->capacity, value);
	if (slot->value)
		return;
	if (!memo->text.cap)
		gk_buf_reserve(&memo->text, FIRST_TEXT);
	slot->at = memo->text.len;
	gk_buf_put(&memo->text, text, len);
	if (gk_buf_failed(&memo->text)) {
		gk_buf_rewind(&memo->text, slot->at);
		return;
	}
	slot->len = len;
	slot->value = json_incref((json_t *)(uintptr_t)value);
	memo->count++;
}
