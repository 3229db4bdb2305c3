/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Vectors: added, searched, on the loop and on a worker. */
#include "core.h"

#include "ai/dot.h"
#include "base/limits.h"

#include <math.h>

static gk_vectors *vectors;

static void add(size_t count, const float *values)
{
	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(gk_vectors_add(vectors,
					 values + i * gk_vectors_dimensions(vectors), NULL, NULL),
			GK_OK);
}

/* {"query": [...], "k": n}: [[index, score], ...] */
static gk_code search(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	size_t k = (size_t)gk_json_int_at(input, "k", 1), found = 0;
	gk_match *matches = calloc(k + 1, sizeof(*matches));
	gk_code rc = gk_vectors_search_json(
		ctx, vectors, json_object_get(input, "query"), matches, k, &found, err);

	if (rc == GK_OK)
		*ret = json_array();
	for (size_t i = 0; rc == GK_OK && i < found; i++)
		json_array_append_new(*ret, json_pack("[I, f]", (json_int_t)matches[i].index,
						    round((double)matches[i].score * 1000) / 1000));
	free(matches);
	return rc;
}

static void start(size_t dimensions)
{
	vectors = gk_vectors_new(dimensions);
	ck_assert_ptr_nonnull(vectors);
	core_flow("search", search, NULL);
}

static void assert_found(const char *request, const char *expected)
{
	gk_auto_json json_t *found = core_run("/flow/search", json(request));

	assert_json(found, expected);
}

static void tear_down(void)
{
	core_stop();
	vectors = gk_vectors_unref(vectors);
}

START_TEST(the_nearest_come_first_and_equal_ones_in_their_order)
{
	static const float values[] = { 1, 0, 0, 5, -1, 0, 0, 0, 2, 2, 0, 1 };

	start(2);
	add(6, values);
	assert_found("{'query':[0,3],'k':10}", "[[1,1],[5,1],[4,0.707],[0,0],[2,0],[3,0]]");
	assert_found("{'query':[0,3],'k':2}", "[[1,1],[5,1]]");
	assert_found("{'query':{'embedding':[-4,0]},'k':1}", "[[2,1]]");
	assert_found("{'query':[0,0],'k':2}", "[[0,0],[1,0]]");
	assert_found("{'query':[1,1],'k':0}", "[]");
}
END_TEST

START_TEST(nothing_is_found_among_nothing)
{
	start(3);
	assert_found("{'query':[1,2,3],'k':2}", "[]");
}
END_TEST

START_TEST(what_is_no_vector_of_that_length_is_refused)
{
	gk_auto_json json_t *text = json("['a',1]"), *object = json("{}"), *good = json("[1,1]");
	static const float infinite[] = { 1, INFINITY }, none[] = { NAN, 1 };
	gk_error err = { 0 };
	size_t index = 99;

	start(2);
	core_fail("/flow/search", json("{'query':[1]}"), GK_INVALID_ARGUMENT,
		"a vector of 2 numbers is needed, not of 1");
	ck_assert_int_eq(gk_vectors_add_json(vectors, text, NULL, &err), GK_INVALID_ARGUMENT);
	assert_error(&err, GK_INVALID_ARGUMENT, "a vector is made of numbers");
	ck_assert_int_eq(gk_vectors_add_json(vectors, object, NULL, NULL), GK_INVALID_ARGUMENT);
	ck_assert_int_eq(gk_vectors_add(vectors, infinite, NULL, NULL), GK_INVALID_ARGUMENT);
	ck_assert_int_eq(gk_vectors_add(vectors, none, NULL, NULL), GK_INVALID_ARGUMENT);
	ck_assert_uint_eq(gk_vectors_count(vectors), 0);
	ck_assert_int_eq(gk_vectors_add_json(vectors, good, &index, NULL), GK_OK);
	ck_assert_uint_eq(index, 0);
}
END_TEST

START_TEST(huge_and_tiny_numbers_have_a_direction_too)
{
	static const float values[] = { 3e38f, 0, 0, 1e-38f };

	start(2);
	add(2, values);
	assert_found("{'query':[0,3e38],'k':1}", "[[1,1]]");
	assert_found("{'query':[1e-38,0],'k':1}", "[[0,1]]");
}
END_TEST

/* A large search goes to a worker, and sees what was there when it began. */
START_TEST(a_large_search_runs_beside_the_loop)
{
	size_t dimensions = 1024, count = GK_MAX_SEARCH_ON_LOOP / dimensions + 1;
	float *values = calloc(dimensions, sizeof(*values));
	gk_auto_json json_t *input = json("{'query':[],'k':2}");
	gk_run *run;

	start(dimensions);
	values[0] = 1;
	for (size_t i = 0; i < count; i++) {
		values[1] = (float)i;
		add(1, values);
	}
	for (size_t i = 0; i < dimensions; i++)
		json_array_append_new(json_object_get(input, "query"), json_integer(i == 0));
	run = core_begin(GK_OPTS(gk_run_opts, .key = "/flow/search", .input = input));
	ck_assert(!gk_run_is_done(run));
	values[1] = 0;
	add(1, values);
	core_finish(run);
	assert_json(gk_run_result_peek(run), "[[0,1],[1,0.707]]");
	gk_run_unref(run);
	free(values);
}
END_TEST

START_TEST(there_is_a_limit_to_dimensions_and_vectors)
{
	static const float one[] = { 1 };
	gk_error err = { 0 };

	ck_assert_ptr_null(gk_vectors_new(0));
	ck_assert_ptr_null(gk_vectors_new(GK_MAX_DIMENSIONS + 1));
	vectors = gk_vectors_new(GK_MAX_DIMENSIONS);
	ck_assert_ptr_nonnull(vectors);
	gk_vectors_unref(vectors);
	vectors = gk_vectors_new(1);
	while (gk_vectors_count(vectors) < GK_MAX_VECTORS &&
		gk_vectors_add(vectors, one, NULL, NULL) == GK_OK)
		;
	ck_assert_int_eq(gk_vectors_add(vectors, one, NULL, &err), GK_RESOURCE_EXHAUSTED);
	assert_error(&err, GK_RESOURCE_EXHAUSTED, "more than 4194304 vectors");
}
END_TEST

/* Against a search without a heap. */
START_TEST(the_best_are_found_whatever_their_order)
{
	unsigned seed = 1;
	float values[200];
	gk_auto_json json_t *found = NULL;
	json_t *pair;
	size_t i;

	start(2);
	for (i = 0; i < 200; i++) {
		seed = seed * 1103515245u + 12345u;
		values[i] = (float)((int)(seed >> 16 & 255) - 128);
	}
	add(100, values);
	found = core_run("/flow/search", json("{'query':[1,2],'k':100}"));
	ck_assert_uint_eq(json_array_size(found), 100);
	json_array_foreach (found, i, pair) {
		size_t index = (size_t)json_integer_value(json_array_get(pair, 0));
		double x = (double)values[2 * index], y = (double)values[2 * index + 1];
		double expected = (x + 2 * y) / sqrt(5 * (x * x + y * y));
		double score = json_number_value(json_array_get(pair, 1));

		ck_assert(fabs(score - expected) < 0.002);
		if (i > 0)
			ck_assert(score <= json_number_value(json_array_get(
						   json_array_get(found, i - 1), 1)));
	}
}
END_TEST

START_TEST(products_are_the_same_however_wide)
{
	float a[100], b[100];

	for (size_t i = 0; i < 100; i++) {
		a[i] = (float)i;
		b[i] = (float)(i % 7);
	}
	for (size_t count = 0; count <= 100; count++) {
		float sum = 0;

		for (size_t i = 0; i < count; i++)
			sum += a[i] * b[i]; /* whole numbers: exact in any order */
		ck_assert(gk_dot_any(a, b, count) == sum);
		ck_assert(gk_dot_best()(a, b, count) == sum);
	}
}
END_TEST

static bool fill_and_search(void)
{
	static const float values[] = { 1, 0 };
	gk_vectors *own = gk_vectors_new(2);
	gk_run *run;
	bool ok = own && gk_vectors_add(own, values, NULL, NULL) == GK_OK;

	vectors = own;
	if (ok) {
		ok = gk_run_start(GK_OPTS(gk_run_opts, .app = core_app, .key = "/flow/simple"),
			     &run, NULL) == GK_OK;
		if (ok) {
			ok = gk_run_is_done(run) && !gk_run_error_peek(run);
			gk_run_unref(run);
		}
	}
	vectors = gk_vectors_unref(own);
	return ok;
}

static gk_code search_simply(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	static const float query[] = { 1, 1 };
	gk_match match;
	size_t found;

	(void)input, (void)ret;
	return gk_vectors_search(ctx, vectors, query, &match, 1, &found, err);
}

START_TEST(vectors_without_memory_fail_cleanly)
{
	core_flow("simple", search_simply, NULL);
	fault_sweep(fill_and_search);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("vector");
	TCase *tests = tcase_create("vector"), *unseen = tcase_create("unseen");

	tcase_add_checked_fixture(tests, core_start, tear_down);
	tcase_add_test(tests, the_nearest_come_first_and_equal_ones_in_their_order);
	tcase_add_test(tests, nothing_is_found_among_nothing);
	tcase_add_test(tests, what_is_no_vector_of_that_length_is_refused);
	tcase_add_test(tests, huge_and_tiny_numbers_have_a_direction_too);
	tcase_add_test(tests, a_large_search_runs_beside_the_loop);
	tcase_add_test(tests, there_is_a_limit_to_dimensions_and_vectors);
	tcase_add_test(tests, the_best_are_found_whatever_their_order);
	tcase_add_test(tests, products_are_the_same_however_wide);
	suite_add_tcase(it, tests);
	tcase_add_checked_fixture(unseen, core_start_unseen, tear_down);
	tcase_add_test(unseen, vectors_without_memory_fail_cleanly);
	suite_add_tcase(it, unseen);
	return it;
}

UNIT_MAIN(suite)
