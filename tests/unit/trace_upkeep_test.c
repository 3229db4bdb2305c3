/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* When the store's writer does what can wait, and in what slices. */
#include "traces.h"

#include "base/clock.h"
#include "loop/loop_internal.h"
#include "store/sqlite.h"
#include "store/trace_store_internal.h"

#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#define NEEDLE "{\"attributes\":{\"genkit:input\":\"needle\"}}"

/* --- a backend that is watched; the writer's thread asks it --- */

typedef struct asked {
	atomic_size_t slice;   /* the last one's, */
	atomic_size_t pressed; /* and of the last that did not wait for a pause */
	atomic_uint early;     /* so many came in a pause that was no long one */
	atomic_uint beside;    /* so many neighbours the loop had then */
} asked;

static asked folds, indexes;
static bool holds_folding, holds_indexing; /* in pauses */

static void note(asked *it, bool yields, size_t max)
{
	if (!yields)
		it->pressed = max;
	else if (gk_clock_mono_ms() < traces_store->quiet_ms)
		it->early++;
	it->slice = max;
	it->beside = atomic_load(&traces_loop->awake.neighbours);
}

static gk_code fold(gk_trace_backend *backend, size_t max, size_t *ret, gk_error *err)
{
	*ret = 0;
	if (backend->yields && holds_folding)
		return GK_OK;
	note(&folds, backend->yields, max);
	return gk_sqlite_fold(backend, max, ret, err);
}

static gk_code index_some(gk_trace_backend *backend, size_t max, size_t *ret, gk_error *err)
{
	*ret = 0;
	if (backend->yields && holds_indexing)
		return GK_OK;
	note(&indexes, backend->yields, max);
	return gk_sqlite_index(backend, max, ret, err);
}

static const gk_trace_backend_type *usual;
static gk_trace_backend_type watched;

static void watch(void)
{
	gk_trace_backend *backend = gk_trace_store_backend_peek(traces_store);

	usual = backend->type;
	watched = *usual;
	watched.fold = fold;
	watched.index = index_some;
	backend->type = &watched;
}

static void open_watched(const gk_trace_store_opts *opts)
{
	traces_reopen(opts);
	watch();
}

static void setup(void)
{
	folds = indexes = (asked){ 0 };
	holds_folding = holds_indexing = false;
	traces_start(NULL);
}

static void teardown(void)
{
	traces_stop();
}

static void save(unsigned number, unsigned spans)
{
	char id[16];

	snprintf(id, sizeof(id), "t%u", number);
	traces_save(traces_spans(id, spans, "n", NEEDLE));
}

/* --- what is usual --- */

START_TEST(a_store_that_sets_no_limits_has_the_usual_ones)
{
	const gk_trace_store *store = traces_store;

	ck_assert_uint_eq(store->max_queue, GK_MAX_STORE_QUEUE);
	ck_assert_uint_eq(store->fold.idle, GK_STORE_FOLD_LAG);
	ck_assert_uint_eq(store->fold.max, GK_STORE_FOLD_MAX);
	ck_assert_uint_eq(store->fold.age_ms, GK_STORE_FOLD_AGE_MS);
	ck_assert_uint_eq(store->fold_bytes, GK_STORE_FOLD_BYTES);
	ck_assert_uint_eq(store->index.idle, GK_STORE_INDEX_LAG);
	ck_assert_uint_eq(store->index.max, GK_STORE_INDEX_MAX);
	ck_assert_uint_eq(store->index.age_ms, GK_STORE_INDEX_AGE_MS);
	ck_assert_uint_eq(store->wal_busy, GK_STORE_WAL_BUSY);
	ck_assert_uint_eq(store->wal_max, GK_STORE_WAL_MAX);
	ck_assert_uint_eq(store->end_ms, GK_STORE_END_MS);
	ck_assert_uint_eq(store->sweep_ms, GK_STORE_SWEEP_MS);
}
END_TEST

static int64_t pragma(const char *name)
{
	gk_sqlite *sqlite = (gk_sqlite *)gk_trace_store_backend_peek(traces_store);
	gk_auto_str char *sql = NULL;
	int64_t value = -1;

	ck_assert_int_gt(asprintf(&sql, "PRAGMA %s", name), 0);
	ck_assert_int_eq(gk_db_number(&sqlite->db, sql, &value, NULL), GK_OK);
	return value;
}

/* Nobody writes: the connection is ours. */
START_TEST(sqlite_is_told_how_long_to_wait_and_how_much_of_its_log_to_keep)
{
	ck_assert_int_eq(pragma("busy_timeout"), GK_STORE_BUSY_MS);
	ck_assert_int_eq(pragma("journal_size_limit"), GK_STORE_WAL_MAX);
}
END_TEST

/* --- without a pause --- */

static bool has_pressed(asked *it, unsigned rounds, unsigned spans)
{
	for (unsigned i = 0; i < rounds && !it->pressed; i++)
		save(i, spans);
	return it->pressed > 0;
}

START_TEST(without_a_pause_the_journal_is_folded_in_short_slices)
{
	holds_folding = true;
	open_watched(GK_OPTS(gk_trace_store_opts, .path = traces_path, .fold_max = 1000));
	ck_assert(has_pressed(&folds, 20, GK_STORE_DIRECT - 1));
	ck_assert_uint_eq(folds.pressed, GK_STORE_BUSY);
}
END_TEST

START_TEST(without_a_pause_texts_are_indexed_in_short_slices)
{
	holds_indexing = true;
	open_watched(GK_OPTS(gk_trace_store_opts, .path = traces_path, .index_max = 1000));
	ck_assert(has_pressed(&indexes, 20, GK_STORE_DIRECT));
	ck_assert_uint_eq(indexes.pressed, GK_STORE_BUSY);
}
END_TEST

#define AGE 100

/* Its time has come then, and it is done within the same time again. */
START_TEST(no_text_is_missing_in_the_index_for_long_though_there_is_no_pause)
{
	uint64_t begun = gk_clock_mono_ms(), until = begun + 10000;

	holds_indexing = true;
	open_watched(GK_OPTS(gk_trace_store_opts, .path = traces_path, .index_age_ms = AGE));
	for (unsigned i = 0; !indexes.pressed && gk_clock_mono_ms() < until; i++) {
		save(i, GK_STORE_DIRECT);
		usleep(1000);
	}
	ck_assert(indexes.pressed);
	ck_assert_uint_ge(gk_clock_mono_ms() - begun, AGE);
}
END_TEST

/* --- in a pause --- */

static bool is_done(void *user)
{
	gk_trace_store_counts counts = gk_trace_store_count(traces_store);

	(void)user;
	return !counts.unfolded && !counts.unindexed;
}

START_TEST(in_a_pause_slices_are_long)
{
	watch();
	for (unsigned i = 0; i < 5; i++)
		save(i, GK_STORE_DIRECT - 1);
	traces_until(is_done, NULL);
	ck_assert_uint_eq(folds.slice, GK_STORE_FOLD);
	ck_assert_uint_eq(indexes.slice, GK_STORE_INDEX);
}
END_TEST

#define FEW 10

static void open_with_spare(bool has_spare, uint64_t lag)
{
	open_watched(GK_OPTS(
		gk_trace_store_opts, .path = traces_path, .fold_lag = lag, .index_lag = lag));
	pthread_mutex_lock(&traces_store->lock);
	traces_store->has_spare = has_spare;
	pthread_mutex_unlock(&traces_store->lock);
}

/* Each save is followed by a pause that is none: the next comes before it is a long one, unless the machine is busy. */
static void save_briskly(unsigned rounds)
{
	for (unsigned i = 0; i < rounds && !(folds.early && indexes.early); i++)
		save(i, FEW);
}

START_TEST(when_many_are_behind_a_spare_processor_waits_for_no_long_pause)
{
	open_with_spare(true, 2 * FEW);
	save_briskly(2000);
	ck_assert_uint_gt(folds.early, 0);
	ck_assert_uint_gt(indexes.early, 0);
}
END_TEST

static void wait_for_a_long_pause(bool has_spare, uint64_t lag)
{
	open_with_spare(has_spare, lag);
	save_briskly(50);
	traces_until(is_done, NULL);
	ck_assert_uint_eq(folds.early, 0);
	ck_assert_uint_eq(indexes.early, 0);
}

START_TEST(without_a_spare_processor_a_long_pause_is_waited_for)
{
	wait_for_a_long_pause(false, 2 * FEW);
}
END_TEST

START_TEST(when_few_are_behind_a_long_pause_is_waited_for)
{
	wait_for_a_long_pause(true, 1000000);
}
END_TEST

static void open_on_one_processor(void)
{
	cpu_set_t all, one;
	int count;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&one);
	for (count = 0; !CPU_ISSET(count, &all); count++)
		continue;
	CPU_SET(count, &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	traces_reopen(NULL);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(all), &all), 0);
}

/* The loop has one: what is left of those that the process may use is spare. */
START_TEST(a_single_processor_is_not_spare)
{
	cpu_set_t all;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(all), &all), 0);
	ck_assert(traces_store->has_spare == (CPU_COUNT(&all) > 1));
	open_on_one_processor();
	ck_assert(!traces_store->has_spare);
}
END_TEST

static bool is_done_and_quiet(void *user)
{
	return is_done(user) && !atomic_load(&traces_loop->awake.neighbours);
}

START_TEST(on_a_single_processor_the_loop_has_a_neighbour_while_the_writer_works)
{
	open_on_one_processor();
	watch();
	save(1, FEW);
	traces_until(is_done_and_quiet, NULL);
	ck_assert_uint_gt(folds.slice, 0);
	ck_assert_uint_eq(folds.beside, 1);
	ck_assert_uint_eq(indexes.beside, 1);
}
END_TEST

/* Before the writer has its turn. */
START_TEST(the_loop_has_it_from_the_moment_that_there_is_something_to_write)
{
	open_on_one_processor();
	traces_until(is_done_and_quiet, NULL);
	pthread_mutex_lock(&traces_store->lock);
	gk_trace_store_wake_writer(traces_store);
	ck_assert_uint_eq(atomic_load(&traces_loop->awake.neighbours), 1);
	pthread_mutex_unlock(&traces_store->lock);
	traces_until(is_done_and_quiet, NULL);
}
END_TEST

START_TEST(with_a_spare_processor_the_writer_is_no_neighbour)
{
	open_with_spare(true, 1000000);
	folds.beside = 1;
	save(1, FEW);
	traces_until(is_done_and_quiet, NULL);
	ck_assert_uint_gt(folds.slice, 0);
	ck_assert_uint_eq(folds.beside, 0);
}
END_TEST

/* --- the log of changes, whose size is told --- */

#define LOG (2 * (uint64_t)GK_STORE_WAL_BUSY)

static atomic_uint passes, rests; /* that copied, beside the writer and by itself */
static uint64_t left; /* so much is written while it is copied; 0: as much as there is */

static void tell_log(gk_trace_backend *backend, gk_trace_sizes *ret)
{
	usual->sizes(backend, ret);
	ret->wal_bytes = LOG;
}

static bool outstays_writer;
static atomic_uint beside_copier; /* so many neighbours the loop had when only the copier worked */

static void see_neighbours_without_writer(void)
{
	bool works = true;

	while (works) {
		usleep(1000);
		pthread_mutex_lock(&traces_store->lock);
		works = traces_store->works;
		beside_copier = atomic_load(&traces_loop->awake.neighbours);
		pthread_mutex_unlock(&traces_store->lock);
	}
}

static uint64_t copy_some(gk_trace_backend *backend)
{
	(void)backend;
	if (pthread_equal(pthread_self(), traces_store->writer)) {
		rests++;
		return LOG;
	}
	if (outstays_writer)
		see_neighbours_without_writer();
	passes++;
	return left ? LOG - left : passes;
}

static bool is_copied(void *user)
{
	bool wants;

	(void)user;
	pthread_mutex_lock(&traces_store->lock);
	wants = traces_store->wants_copy;
	pthread_mutex_unlock(&traces_store->lock);
	return !wants;
}

static void write_and_copy(uint64_t stays)
{
	left = stays;
	passes = rests = 0;
	traces_until(is_copied, NULL); /* what there was when it was opened */
	watch();
	watched.sizes = tell_log;
	watched.copy = copy_some;
	save(1, FEW);
	while (!passes)
		usleep(1000);
	traces_until(is_copied, NULL);
	save(2, FEW);
	save(3, FEW);
}

START_TEST(a_log_that_grows_as_it_is_copied_is_tried_so_often)
{
	write_and_copy(0);
	ck_assert_uint_eq(passes, GK_STORE_WAL_PASSES);
	ck_assert_uint_eq(rests, 0);
}
END_TEST

START_TEST(the_writer_copies_so_little_between_two_commits)
{
	write_and_copy(GK_STORE_WAL_REST);
	ck_assert_uint_eq(passes, 1);
	ck_assert_uint_eq(rests, 1);
}
END_TEST

START_TEST(the_writer_copies_no_more_between_two_commits)
{
	write_and_copy(GK_STORE_WAL_REST + 1);
	ck_assert_uint_eq(passes, 2); /* the second brought nothing */
	ck_assert_uint_eq(rests, 0);
}
END_TEST

START_TEST(on_a_single_processor_who_copies_the_log_is_a_neighbour)
{
	open_on_one_processor();
	outstays_writer = true;
	write_and_copy(GK_STORE_WAL_REST);
	ck_assert_uint_eq(beside_copier, 1);
	traces_until(is_done_and_quiet, NULL);
	outstays_writer = false;
}
END_TEST

static Suite *upkeep_suite(void)
{
	Suite *suite = suite_create("trace upkeep");
	TCase *tests = tcase_create("upkeep");

	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_store_that_sets_no_limits_has_the_usual_ones);
	tcase_add_test(tests, sqlite_is_told_how_long_to_wait_and_how_much_of_its_log_to_keep);
	tcase_add_test(tests, without_a_pause_the_journal_is_folded_in_short_slices);
	tcase_add_test(tests, without_a_pause_texts_are_indexed_in_short_slices);
	tcase_add_test(tests, no_text_is_missing_in_the_index_for_long_though_there_is_no_pause);
	tcase_add_test(tests, in_a_pause_slices_are_long);
	tcase_add_test(tests, when_many_are_behind_a_spare_processor_waits_for_no_long_pause);
	tcase_add_test(tests, without_a_spare_processor_a_long_pause_is_waited_for);
	tcase_add_test(tests, when_few_are_behind_a_long_pause_is_waited_for);
	tcase_add_test(tests, a_single_processor_is_not_spare);
	tcase_add_test(
		tests, on_a_single_processor_the_loop_has_a_neighbour_while_the_writer_works);
	tcase_add_test(tests, the_loop_has_it_from_the_moment_that_there_is_something_to_write);
	tcase_add_test(tests, with_a_spare_processor_the_writer_is_no_neighbour);
	tcase_add_test(tests, on_a_single_processor_who_copies_the_log_is_a_neighbour);
	tcase_add_test(tests, a_log_that_grows_as_it_is_copied_is_tried_so_often);
	tcase_add_test(tests, the_writer_copies_so_little_between_two_commits);
	tcase_add_test(tests, the_writer_copies_no_more_between_two_commits);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(upkeep_suite)
