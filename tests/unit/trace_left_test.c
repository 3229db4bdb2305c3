/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A long journal when the store is closed and opened: nobody waits for it but who reads. */
#include "traces.h"

#include "base/clock.h"
#include "base/limits.h"
#include "store/trace_store_internal.h"

#include <stdio.h>

#define MANY (3 * GK_STORE_FOLD)
#define PART (GK_STORE_FOLD / 5) /* small enough for the journal */

static void setup(void)
{
	traces_start(NULL);
}

static void teardown(void)
{
	traces_stop();
}

static int64_t unfolded(void)
{
	return traces_number("SELECT coalesce(sum(spans), 0) FROM journal");
}

/* A trace of one span that runs, of a process that is no more. */
static gk_trace_post *orphan(void)
{
	gk_trace_post *post = gk_trace_post_new("orphan");
	gk_span_row row = { .key = "r",
		.name = "n",
		.doc = "{\"spanId\":\"r\",\"traceId\":\"orphan\",\"startTime\":5,\"endTime\":0,"
		       "\"attributes\":{},\"displayName\":\"n\",\"spanKind\":\"INTERNAL\","
		       "\"instrumentationLibrary\":{\"name\":\"x\"}}",
		.start_ms = 5 };

	row.doc_len = strlen(row.doc);
	ck_assert(gk_trace_post_add(post, &row));
	post->owner = INT64_MAX;
	return post;
}

/* Closes the store when so many spans are in its journal, the orphan last, with a moment for folding. */
static void leave_journal(void)
{
	traces_reopen(GK_OPTS(gk_trace_store_opts, .end_ms = 1));
	traces_hold_folding();
	for (unsigned i = 0; i < MANY / PART; i++) {
		char id[24];

		snprintf(id, sizeof(id), "t%u", i);
		traces_save(traces_spans(id, PART, "n", "{}"));
	}
	traces_save(orphan());
	ck_assert_int_eq(unfolded(), MANY + 1);
	gk_trace_store_close(gk_steal(traces_store));
}

static void assert_all_there(void)
{
	gk_auto_json json_t *loaded = traces_load("t5"), *last = traces_load("orphan");

	ck_assert_uint_eq(json_object_size(json_object_get(loaded, "spans")), PART);
	assert_json(gk_json_at_peek(last, "spans.r.status"),
		"{'code':2,'message':'process terminated'}");
	ck_assert_int_eq(unfolded(), 0);
}

START_TEST(closing_folds_for_a_moment_and_leaves_the_rest)
{
	leave_journal();
	ck_assert_int_gt(unfolded(), 0);
	traces_reopen(NULL);
	gk_trace_store_close(gk_steal(traces_store));
	ck_assert_int_eq(unfolded(), 0);
	traces_reopen(NULL);
	assert_all_there();
}
END_TEST

/* The form of the file by itself, without the thread that folds in pauses. */
START_TEST(opening_does_not_wait_for_a_long_journal)
{
	gk_trace_backend *backend;
	gk_trace_sizes sizes;

	leave_journal();
	backend = gk_sqlite_backend_new(traces_path);
	ck_assert_int_eq(backend->type->open(backend, NULL), GK_OK);
	backend->type->sizes(backend, &sizes);
	ck_assert_uint_gt(sizes.unfolded, 0);
	ck_assert_int_eq(unfolded(), (int64_t)sizes.unfolded);
	backend->type->free(backend);
	traces_reopen(NULL);
	assert_all_there();
}
END_TEST

START_TEST(what_ran_is_ended_when_all_that_was_left_is_folded)
{
	size_t count = GK_STORE_FOLD;
	gk_trace_backend *backend;

	leave_journal();
	backend = gk_sqlite_backend_new(traces_path);
	ck_assert_int_eq(backend->type->open(backend, NULL), GK_OK);
	while (count >= GK_STORE_FOLD) {
		int64_t running =
			traces_number("SELECT count(*) FROM spans WHERE owner IS NOT NULL");

		ck_assert_int_eq(running, 0); /* not yet there, or ended */
		ck_assert_int_eq(backend->type->fold(backend, GK_STORE_FOLD, &count, NULL), GK_OK);
	}
	ck_assert_int_eq(traces_number("SELECT count(*) FROM spans WHERE status = 2"), 1);
	backend->type->free(backend);
	traces_reopen(NULL);
	assert_all_there();
}
END_TEST

static Suite *left_suite(void)
{
	Suite *suite = suite_create("trace_left");
	TCase *t = tcase_create("trace_left");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, closing_folds_for_a_moment_and_leaves_the_rest);
	tcase_add_test(t, opening_does_not_wait_for_a_long_journal);
	tcase_add_test(t, what_ran_is_ended_when_all_that_was_left_is_folded);
	suite_add_tcase(suite, t);
	return suite;
}

UNIT_MAIN(left_suite)
