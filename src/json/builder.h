/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What the readers of JSON share: values hung together as they are read. There is no recursion: the containers that are
 * open stand on a stack of their own, and each hangs in its parent from the moment it begins, so that giving up is one
 * json_decref() of the root. Depth and memory are bounded.
 */
#ifndef GK_JSON_BUILDER_H
#define GK_JSON_BUILDER_H

#include "base/limits.h"
#include "json/edit.h"

#include <genkit/json.h>

/* What a value takes in memory, roughly: jansson's structs and malloc's share. */
#define GK_JSON_COST_SCALAR    48
#define GK_JSON_COST_CONTAINER 240
#define GK_JSON_COST_NAME      80

typedef struct gk_json_builder {
	size_t budget; /* memory that the values may still take */
	unsigned depth;
	json_t *open[GK_JSON_MAX_DEPTH]; /* borrowed: the root owns them */
	json_t *root;
	const char *key; /* of the member that is being read; the reader's */
	size_t key_len;
} gk_json_builder;

/** `len`: of the text that is read. */
static inline void gk_json_builder_init(gk_json_builder *it, size_t len)
{
	it->depth = 0;
	it->root = NULL;
	if (__builtin_mul_overflow(len, GK_JSON_MEMORY_FACTOR, &it->budget) ||
		__builtin_add_overflow(it->budget, GK_JSON_MEMORY_BASE, &it->budget))
		it->budget = SIZE_MAX;
}

static inline void gk_json_builder_done(gk_json_builder *it)
{
	json_decref(it->root);
}

/** Whole or in part; the builder is empty afterwards. */
static inline json_t *gk_json_builder_take(gk_json_builder *it)
{
	json_t *root = it->root;

	it->root = NULL;
	return root;
}

/** NULL: nothing is open. */
static inline json_t *gk_json_innermost(const gk_json_builder *it)
{
	return it->depth ? it->open[it->depth - 1] : NULL;
}

/** '}' or ']': what closes the innermost. */
static inline char gk_json_closer(const gk_json_builder *it)
{
	return json_is_object(gk_json_innermost(it)) ? '}' : ']';
}

static inline bool gk_json_charge(gk_json_builder *it, const json_t *value)
{
	size_t cost = gk_json_is_container(value) ? GK_JSON_COST_CONTAINER : GK_JSON_COST_SCALAR;

	if (json_is_object(gk_json_innermost(it)))
		cost += GK_JSON_COST_NAME;
	if (cost > it->budget)
		return false;
	it->budget -= cost;
	return true;
}

/** Hangs a value (NULL: memory ran out) where it belongs: in the innermost open container, under `key` in an object, or at
 * the root. A container is open from then on. */
static inline gk_code gk_json_builder_add_take(
	gk_json_builder *it, json_t *value_take, gk_error *err)
{
	json_t *parent = gk_json_innermost(it);
	int failed = 0;

	if (!value_take)
		return gk_error_no_memory(err);
	if (!parent)
		it->root = value_take;
	else if (json_is_object(parent))
		failed = json_object_setn_new_nocheck(parent, it->key, it->key_len, value_take);
	else
		failed = json_array_append_new(parent, value_take);
	if (failed)
		return gk_error_no_memory(err);
	if (!gk_json_charge(it, value_take))
		return gk_error_set(
			err, GK_RESOURCE_EXHAUSTED, "too many values for a text of this size");
	if (!gk_json_is_container(value_take))
		return GK_OK;
	if (it->depth == GK_JSON_MAX_DEPTH)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED, "nested deeper than %d levels",
			GK_JSON_MAX_DEPTH);
	it->open[it->depth++] = value_take;
	return GK_OK;
}

#endif
