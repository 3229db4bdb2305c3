/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Vectors in memory, and the nearest of them: enough for some hundred thousand documents without another server.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code nearest(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		gk_vectors *places = gk_vectors_new(2);
 *		json_t *place;
 *		gk_match best;
 *		size_t i, found = 0;
 *		gk_code rc = places ? GK_OK : gk_error_no_memory(err);
 *
 *		json_array_foreach (json_object_get(input, "places"), i, place)
 *			if (rc == GK_OK)
 *				rc = gk_vectors_add_json(places, place, NULL, err);
 *		if (rc == GK_OK)
 *			rc = gk_vectors_search_json(ctx, places, json_object_get(input, "to"), &best, 1, &found, err);
 *		if (rc == GK_OK)
 *			*ret = json_pack("{s:I, s:f}", "place", (json_int_t)best.index, "score", (double)best.score);
 *		gk_vectors_unref(places);
 *		return rc;
 *	}
 *
 *	GK_MODULE(map, app, err)
 *	{
 *		return gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "nearest", .run = nearest), err);
 *	}
 *
 * Running "nearest" with {"places": [[1, 0], [0, 2], [-1, 0]], "to": [0, 1]} gives {"place": 1, "score": 1}
 */
#ifndef GENKIT_VECTOR_H
#define GENKIT_VECTOR_H

#include <genkit/context.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/** A list of vectors of one length, to which more can be added. */
typedef struct gk_vectors gk_vectors;

/** NULL when memory ran out, or `dimensions` is 0 or above 65,536. */
gk_vectors *gk_vectors_new(size_t dimensions);
gk_vectors *gk_vectors_ref(gk_vectors *vectors);
gk_vectors *gk_vectors_unref(gk_vectors *vectors);
size_t gk_vectors_count(const gk_vectors *vectors);
size_t gk_vectors_dimensions(const gk_vectors *vectors);

/**
 * Adds a vector, of which only the direction is kept; `*index_ret` (may be NULL) is its number, from 0 on. A vector of zeros
 * is like no other: its score is 0.
 * Errors: RESOURCE_EXHAUSTED for memory and above 4,194,304 vectors; INVALID_ARGUMENT for a number that is infinite or none.
 */
GK_MUST_USE gk_code gk_vectors_add(
	gk_vectors *vectors, const float *values, size_t *index_ret, gk_error *err);
/** The same from JSON: an array of numbers, or an embedding {"embedding": [...]}. INVALID_ARGUMENT when it is neither or has
 * another length. */
GK_MUST_USE gk_code gk_vectors_add_json(
	gk_vectors *vectors, const json_t *value, size_t *index_ret, gk_error *err);

typedef struct gk_match {
	size_t index;
	float score; /* the cosine of the angle: 1 same direction, 0 nothing in common, -1 opposite */
} gk_match;

/**
 * The `k` nearest, best first, equal ones in the order of their numbers; `*count_ret` says how many there are: fewer when there are
 * fewer vectors. A large search runs on a worker; what is added meanwhile is not seen.
 * Errors: as above; CANCELLED and DEADLINE_EXCEEDED.
 */
GK_MUST_USE GK_SUSPENDS gk_code gk_vectors_search(gk_ctx *ctx, gk_vectors *vectors,
	const float *query, gk_match *matches, size_t k, size_t *count_ret, gk_error *err);
GK_MUST_USE GK_SUSPENDS gk_code gk_vectors_search_json(gk_ctx *ctx, gk_vectors *vectors,
	const json_t *query, gk_match *matches, size_t k, size_t *count_ret, gk_error *err);

/* --- documents in memory --- */

typedef struct gk_vector_store_opts {
	size_t size;
	const char *name;         /* required: of the indexer and of the retriever */
	const char *label;        /* for people; NULL: not told */
	const char *embedder;     /* required: its name */
	json_t *embedder_options; /* borrowed, and kept; NULL: none */
} gk_vector_store_opts;

/**
 * Defines an indexer and a retriever: what the one takes in, the other finds by what it means. The retriever's options are
 * {"k"?: integer}, how many documents (3). What was indexed lives as long as the application, and is gone with it.
 * Errors: as gk_define_retriever(); INVALID_ARGUMENT without an embedder.
 */
gk_code gk_define_vector_store(gk_app *app, const gk_vector_store_opts *opts, gk_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
