/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "json/edit.h"

#include "base/parse.h"

/* Values are lent as const by those who only look; jansson's iterators and counters ask for more. */
static json_t *mutable_of(const json_t *value)
{
	return (json_t *)(uintptr_t)value;
}

bool gk_json_push_take(json_t *array, json_t *value_take)
{
	return json_array_append_new(array, value_take) == 0;
}

/* --- merging and ordering --- */

/* Copies the member under the iterator; names may hold NUL. */
static bool copy_member(json_t *into, void *i)
{
	return json_object_setn_new_nocheck(into, json_object_iter_key(i),
		       json_object_iter_key_len(i), json_incref(json_object_iter_value(i))) == 0;
}

json_t *gk_json_merge(const json_t *a, const json_t *b)
{
	json_t *parts[] = { mutable_of(a), mutable_of(b) };
	gk_auto_json json_t *merged = json_object();

	for (size_t p = 0; p < 2; p++)
		for (void *i = json_object_iter(parts[p]); i;
			i = json_object_iter_next(parts[p], i))
			if (!merged || !copy_member(merged, i))
				return NULL;
	return gk_steal(merged);
}

json_t *gk_json_copy(const json_t *value)
{
	gk_auto_json json_t *list = NULL;

	if (json_is_object(value))
		return gk_json_merge(value, NULL);
	if (!json_is_array(value))
		return json_copy(mutable_of(value));
	list = json_array();
	return list && json_array_extend(list, mutable_of(value)) == 0 ? gk_steal(list) : NULL;
}

/* ECMAScript's array index: 0 to 2^32 - 2 in decimal, without a leading zero. */
static bool is_index(const char *key, size_t len, uint64_t *ret)
{
	return (len == 1 || key[0] != '0') && gk_parse_u64(key, len, ret) && *ret < UINT32_MAX;
}

typedef struct indexed {
	uint64_t index;
	void *member;
} indexed;

static int compare_indexed(const void *a, const void *b)
{
	uint64_t x = ((const indexed *)a)->index, y = ((const indexed *)b)->index;

	return x < y ? -1 : x > y;
}

/* How many members are array indexes, and whether these stand first and ascend already. */
static size_t count_indexes(json_t *object, bool *in_order)
{
	uint64_t index, least = 0;
	size_t count = 0, seen = 0;

	*in_order = true;
	for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i), seen++) {
		if (!is_index(json_object_iter_key(i), json_object_iter_key_len(i), &index))
			continue;
		if (count != seen || index < least)
			*in_order = false;
		least = index;
		count++;
	}
	return count;
}

json_t *gk_json_js_order(json_t *object)
{
	gk_auto_json json_t *ordered = NULL;
	gk_auto_str indexed *first = NULL;
	bool in_order;
	size_t count = count_indexes(object, &in_order), at = 0;

	if (in_order)
		return json_incref(object);
	first = calloc(count, sizeof(*first));
	ordered = json_object();
	if (!first || !ordered)
		return NULL;
	for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
		first[at].member = i;
		at += is_index(
			json_object_iter_key(i), json_object_iter_key_len(i), &first[at].index);
		if (at == count)
			break;
	}
	qsort(first, count, sizeof(*first), compare_indexed);
	for (at = 0; at < count; at++)
		if (!copy_member(ordered, first[at].member))
			return NULL;
	/* The indexes once more among the others: they keep the place that they have. */
	for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i))
		if (!copy_member(ordered, i))
			return NULL;
	return gk_steal(ordered);
}

/* --- comparing --- */

static bool numbers_equal(const json_t *a, const json_t *b)
{
	if (json_is_integer(a) && json_is_integer(b))
		return json_integer_value(a) == json_integer_value(b);
	return json_number_value(a) == json_number_value(b);
}

static bool objects_equal(json_t *a, json_t *b)
{
	if (json_object_size(a) != json_object_size(b))
		return false;
	for (void *i = json_object_iter(a); i; i = json_object_iter_next(a, i))
		if (!gk_json_equal(
			    json_object_iter_value(i), json_object_getn(b, json_object_iter_key(i),
							       json_object_iter_key_len(i))))
			return false;
	return true;
}

static bool arrays_equal(const json_t *a, const json_t *b)
{
	size_t size = json_array_size(a);

	if (size != json_array_size(b))
		return false;
	for (size_t i = 0; i < size; i++)
		if (!gk_json_equal(json_array_get(a, i), json_array_get(b, i)))
			return false;
	return true;
}

bool gk_json_equal(const json_t *a, const json_t *b)
{
	if (a == b || !a || !b)
		return a == b;
	if (json_is_number(a) && json_is_number(b))
		return numbers_equal(a, b);
	if (json_typeof(a) != json_typeof(b))
		return false;
	switch (json_typeof(a)) {
	case JSON_OBJECT:
		return objects_equal(mutable_of(a), mutable_of(b));
	case JSON_ARRAY:
		return arrays_equal(a, b);
	case JSON_STRING:
		return json_string_length(a) == json_string_length(b) &&
		       memcmp(json_string_value(a), json_string_value(b), json_string_length(a)) ==
			       0;
	default:
		return true;
	}
}

bool gk_json_is_truthy(const json_t *value)
{
	if (json_is_string(value))
		return json_string_length(value) > 0;
	if (json_is_number(value))
		return json_number_value(value) != 0;
	return value && !json_is_false(value) && !json_is_null(value);
}
