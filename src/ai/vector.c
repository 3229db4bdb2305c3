/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Vectors of length one, in blocks that never move: a worker may read those that were there when it began while more are
 * added. The cosine is then a product, and the best are kept in a heap.
 */
#include <genkit/vector.h>

#include "ai/dot.h"
#include "base/limits.h"

#include <math.h>

#define BLOCK_BYTES (1u << 20)

struct gk_vectors {
	unsigned refs;
	size_t dimensions, count;
	size_t per_block;
	float **blocks;
	size_t block_count;
	gk_dot_fn *dot;
};

gk_vectors *gk_vectors_new(size_t dimensions)
{
	gk_vectors *vectors;

	if (dimensions == 0 || dimensions > GK_MAX_DIMENSIONS)
		return NULL;
	vectors = calloc(1, sizeof(*vectors));
	if (!vectors)
		return NULL;
	vectors->refs = 1;
	vectors->dimensions = dimensions;
	vectors->per_block = BLOCK_BYTES / (dimensions * sizeof(float));
	vectors->dot = gk_dot_best();
	return vectors;
}

gk_vectors *gk_vectors_ref(gk_vectors *vectors)
{
	vectors->refs++;
	return vectors;
}

gk_vectors *gk_vectors_unref(gk_vectors *vectors)
{
	if (!vectors || --vectors->refs)
		return NULL;
	for (size_t i = 0; i < vectors->block_count; i++)
		free(vectors->blocks[i]);
	free(vectors->blocks);
	free(vectors);
	return NULL;
}

size_t gk_vectors_count(const gk_vectors *vectors)
{
	return vectors->count;
}

size_t gk_vectors_dimensions(const gk_vectors *vectors)
{
	return vectors->dimensions;
}

/* --- adding --- */

/* Divides by the length; false: a number is infinite or none. Zeros stay zeros. */
static bool normalise(const float *from, float *to, size_t count)
{
	double square = 0, factor;

	for (size_t i = 0; i < count; i++)
		square += (double)from[i] * from[i];
	if (!isfinite(square))
		return false;
	factor = square > 0 ? 1 / sqrt(square) : 0;
	for (size_t i = 0; i < count; i++)
		to[i] = (float)(from[i] * factor);
	return true;
}

static bool add_block(gk_vectors *vectors)
{
	size_t count = vectors->block_count + 1;
	float **blocks = realloc(vectors->blocks, count * sizeof(*blocks));

	if (!blocks)
		return false;
	vectors->blocks = blocks;
	blocks[count - 1] = malloc(vectors->per_block * vectors->dimensions * sizeof(float));
	if (!blocks[count - 1])
		return false;
	vectors->block_count = count;
	return true;
}

gk_code gk_vectors_add(gk_vectors *vectors, const float *values, size_t *index_ret, gk_error *err)
{
	size_t block = vectors->count / vectors->per_block;
	size_t place = vectors->count % vectors->per_block;

	if (vectors->count == GK_MAX_VECTORS)
		return gk_error_set(
			err, GK_RESOURCE_EXHAUSTED, "more than %u vectors", GK_MAX_VECTORS);
	if (block == vectors->block_count && !add_block(vectors))
		return gk_error_no_memory(err);
	if (!normalise(values, vectors->blocks[block] + place * vectors->dimensions,
		    vectors->dimensions))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "a vector has a number that is infinite or none");
	if (index_ret)
		*index_ret = vectors->count;
	vectors->count++;
	return GK_OK;
}

/* The numbers of an array or an embedding; the caller frees them. */
static gk_code numbers_of(
	const gk_vectors *vectors, const json_t *value, float **ret, gk_error *err)
{
	json_t *list =
		json_is_object(value) ? json_object_get(value, "embedding") : (json_t *)value;
	json_t *number;
	float *numbers;
	size_t i;

	if (json_array_size(list) != vectors->dimensions)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"a vector of %zu numbers is needed, not of %zu", vectors->dimensions,
			json_array_size(list));
	numbers = malloc(vectors->dimensions * sizeof(*numbers));
	if (!numbers)
		return gk_error_no_memory(err);
	json_array_foreach (list, i, number) {
		if (!json_is_number(number)) {
			free(numbers);
			return gk_error_set(
				err, GK_INVALID_ARGUMENT, "a vector is made of numbers");
		}
		numbers[i] = (float)json_number_value(number);
	}
	*ret = numbers;
	return GK_OK;
}

gk_code gk_vectors_add_json(
	gk_vectors *vectors, const json_t *value, size_t *index_ret, gk_error *err)
{
	float *numbers = NULL;
	gk_code rc = numbers_of(vectors, value, &numbers, err);

	if (rc == GK_OK)
		rc = gk_vectors_add(vectors, numbers, index_ret, err);
	free(numbers);
	return rc;
}

/* --- searching --- */

/* What a worker is given: nothing that changes while it reads. */
typedef struct search {
	const gk_vectors *vectors; /* for what never changes */
	float **blocks;            /* a copy */
	size_t count;              /* when it began */
	float *query;
	gk_match *matches; /* a heap whose root is the worst that is kept */
	size_t k, kept;
} search;

static bool is_better(const gk_match *a, const gk_match *b)
{
	return a->score != b->score ? a->score > b->score : a->index < b->index;
}

static void sink(gk_match *heap, size_t count, gk_match match)
{
	size_t at = 0;

	for (;;) {
		size_t child = 2 * at + 1;

		if (child < count - 1 && is_better(&heap[child], &heap[child + 1]))
			child++;
		if (child >= count || !is_better(&match, &heap[child]))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = match;
}

static void rise(gk_match *heap, size_t at, gk_match match)
{
	while (at > 0 && is_better(&heap[(at - 1) / 2], &match)) {
		heap[at] = heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap[at] = match;
}

static void offer(search *it, gk_match match)
{
	if (it->kept < it->k) {
		rise(it->matches, it->kept, match);
		it->kept++;
	} else if (is_better(&match, &it->matches[0])) {
		sink(it->matches, it->kept, match);
	}
}

/* Takes the worst from the heap to the end, again and again: the best come to stand first. */
static void sort_heap(gk_match *heap, size_t count)
{
	while (count > 1) {
		gk_match worst = heap[0], last = heap[count - 1];

		count--;
		sink(heap, count, last);
		heap[count] = worst;
	}
}

static gk_code run_search(void *arg, gk_error *err)
{
	search *it = arg;
	size_t dimensions = it->vectors->dimensions, per_block = it->vectors->per_block;

	(void)err;
	for (size_t i = 0; it->k && i < it->count; i++) {
		const float *vector = it->blocks[i / per_block] + i % per_block * dimensions;

		offer(it, (gk_match){ i, it->vectors->dot(vector, it->query, dimensions) });
	}
	sort_heap(it->matches, it->kept);
	return GK_OK;
}

static gk_code prepare(search *it, const float *query, gk_error *err)
{
	const gk_vectors *vectors = it->vectors;
	size_t bytes = vectors->block_count * sizeof(*it->blocks);

	it->query = malloc(vectors->dimensions * sizeof(*it->query));
	it->blocks = malloc(bytes ? bytes : 1);
	if (!it->query || !it->blocks)
		return gk_error_no_memory(err);
	if (bytes)
		memcpy(it->blocks, vectors->blocks, bytes);
	if (!normalise(query, it->query, vectors->dimensions))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "a vector has a number that is infinite or none");
	return GK_OK;
}

gk_code gk_vectors_search(gk_ctx *ctx, gk_vectors *vectors, const float *query, gk_match *matches,
	size_t k, size_t *count_ret, gk_error *err)
{
	search it = { .vectors = gk_vectors_ref(vectors),
		.count = vectors->count,
		.matches = matches,
		.k = k };
	gk_code rc = prepare(&it, query, err);

	if (rc == GK_OK && it.count * vectors->dimensions > GK_MAX_SEARCH_ON_LOOP)
		rc = gk_work(ctx, run_search, &it, err);
	else if (rc == GK_OK)
		rc = run_search(&it, err);
	if (rc == GK_OK)
		*count_ret = it.kept;
	free(it.query);
	free(it.blocks);
	gk_vectors_unref(vectors);
	return rc;
}

gk_code gk_vectors_search_json(gk_ctx *ctx, gk_vectors *vectors, const json_t *query,
	gk_match *matches, size_t k, size_t *count_ret, gk_error *err)
{
	float *numbers = NULL;
	gk_code rc = numbers_of(vectors, query, &numbers, err);

	if (rc == GK_OK)
		rc = gk_vectors_search(ctx, vectors, numbers, matches, k, count_ret, err);
	free(numbers);
	return rc;
}
