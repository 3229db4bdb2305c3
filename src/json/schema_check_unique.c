/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * uniqueItems. A few items are compared each with each; many go through a hash table, the only memory that checking a
 * valid value takes. Which pair is reported follows ajv, which searches in two ways: see dotprompt section 4.
 */
#include "json/schema_walk.h"

#include "json/edit.h"

#define FEW        16
#define HASH_DEPTH 16 /* what is deeper does not count: equality decides */

typedef struct search {
	gk_schema_walk *check;
	const json_t *array;
	size_t count;
	uint8_t kinds;        /* 0: all items; otherwise only these, which are scalars */
	size_t first, second; /* the pair, as the message has it */
} search;

typedef enum outcome {
	UNIQUE,
	DUPLICATE,
	STOPPED
} outcome;

static bool counts(const search *s, size_t i)
{
	return !s->kinds || (s->kinds & gk_schema_kind(json_array_get(s->array, i)));
}

static bool is_same(const search *s, size_t i, size_t j)
{
	return gk_json_equal(json_array_get(s->array, i), json_array_get(s->array, j));
}

static bool found(search *s, size_t first, size_t second)
{
	s->first = first;
	s->second = second;
	return true;
}

/* From the end: the nearest equal item before it. */
static outcome search_few(search *s)
{
	for (size_t i = s->count; i-- > 1;)
		for (size_t j = i; j-- > 0;)
			if (is_same(s, i, j)) {
				found(s, j, i);
				return DUPLICATE;
			}
	return UNIQUE;
}

/* From the end: the first item that was seen already. */
static outcome search_few_scalars(search *s)
{
	for (size_t i = s->count; i-- > 0;)
		for (size_t j = s->count; counts(s, i) && --j > i;)
			if (counts(s, j) && is_same(s, i, j)) {
				found(s, j, i);
				return DUPLICATE;
			}
	return UNIQUE;
}

/* --- many --- */

static uint64_t mix(uint64_t hash)
{
	hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9u;
	hash = (hash ^ hash >> 27) * 0x94d049bb133111ebu;
	return hash ^ hash >> 31;
}

static uint64_t hash_value(const json_t *value, unsigned depth)
{
	json_t *object = (json_t *)value;
	uint64_t hash = (uint64_t)json_typeof(value);
	double number;

	if (!depth)
		return 0;
	switch (json_typeof(value)) {
	case JSON_INTEGER:
	case JSON_REAL:
		number = json_number_value(value) + 0.0; /* -0 is 0 */
		memcpy(&hash, &number, sizeof(hash));
		break;
	case JSON_STRING:
		hash = gk_schema_hash(json_string_value(value), json_string_length(value)) + hash;
		break;
	case JSON_ARRAY:
		for (size_t i = 0; i < json_array_size(value); i++)
			hash = mix(hash) + hash_value(json_array_get(value, i), depth - 1);
		break;
	case JSON_OBJECT:
		for (void *m = json_object_iter(object); m; m = json_object_iter_next(object, m))
			hash += mix(gk_schema_hash(
					    json_object_iter_key(m), json_object_iter_key_len(m)) +
				    31 * hash_value(json_object_iter_value(m), depth - 1));
		break;
	default:
		break;
	}
	return mix(hash);
}

typedef struct slot {
	uint32_t hash, item; /* item + 1; 0: free */
} slot;

/* The slot of an equal item, or the free one to put it into. NULL: stopped. */
static slot *find_slot(search *s, slot *slots, size_t mask, size_t i)
{
	uint32_t hash = (uint32_t)hash_value(json_array_get(s->array, i), HASH_DEPTH);
	size_t at = hash & mask;

	for (; slots[at].item; at = (at + 1) & mask) {
		if (slots[at].hash != hash)
			continue;
		if (!gk_schema_spend(s->check, 1))
			return NULL;
		if (is_same(s, slots[at].item - 1, i))
			return &slots[at];
	}
	slots[at].hash = hash;
	return &slots[at];
}

static outcome search_slots(search *s, slot *slots, size_t mask)
{
	outcome result = UNIQUE;

	for (size_t n = 0; n < s->count; n++) {
		size_t i = s->kinds ? s->count - 1 - n : n;
		slot *at;

		if (!counts(s, i))
			continue;
		at = find_slot(s, slots, mask, i);
		if (!at)
			return STOPPED;
		if (at->item) {
			found(s, at->item - 1, i);
			result = DUPLICATE;
			if (s->kinds || !s->check->errors)
				return result;
		}
		at->item = (uint32_t)i + 1; /* the nearest for those that follow */
	}
	return result;
}

static outcome search_many(search *s)
{
	size_t size = 1;
	slot *slots;
	outcome result;

	while (size < 2 * s->count)
		size *= 2;
	slots = calloc(size, sizeof(*slots));
	if (!slots) {
		gk_schema_stop(s->check, GK_SCHEMA_NO_MEMORY);
		return STOPPED;
	}
	result = search_slots(s, slots, size - 1);
	free(slots);
	return result;
}

bool gk_check_unique(gk_schema_walk *w, const gk_schema_frame *f, const gk_schema_rule *rule)
{
	search s = {
		.check = w,
		.array = f->value,
		.count = json_array_size(f->value),
		.kinds = rule->item_kinds,
	};
	outcome result;

	if (s.count < 2)
		return true;
	if (s.count >= UINT32_MAX || !gk_schema_spend(w, s.count / 8))
		return gk_schema_stop(w, "has too many items");
	if (s.count > FEW)
		result = search_many(&s);
	else
		result = s.kinds ? search_few_scalars(&s) : search_few(&s);
	if (result == UNIQUE)
		return true;
	return gk_schema_report(w, f,
		"must NOT have duplicate items (items ## %zu and %zu are identical)", s.first,
		s.second);
}
