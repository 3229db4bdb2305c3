/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The store when the disk, the file or memory fails, and what it does of itself: retention, upkeep, recovery. */
#include "traces.h"

#include "base/clock.h"
#include "base/limits.h"
#include "store/sqlite.h"
#include "store/trace_store_internal.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned told;
static char last_told[500];

static void on_log(const gk_log_record *record, void *user)
{
	(void)user;
	if (record->level == GK_LOG_ERROR && strcmp(record->component, "store") == 0) {
		told++;
		snprintf(last_told, sizeof(last_told), "%s", record->message);
	}
}

static void setup(void)
{
	told = 0;
	gk_log_set_sink(on_log, NULL);
	traces_start(NULL);
}

static void teardown(void)
{
	traces_stop();
	gk_log_set_sink(NULL, NULL);
}

static gk_code try_root(const char *id, double start)
{
	gk_auto_str char *text = NULL;

	ck_assert_int_gt(asprintf(&text, "{'traceId':'%s','spans':{%s}}", id,
				 traces_span("r", id, start, start + 1, "")),
		0);
	return traces_try_post(text, NULL);
}

static int64_t count_of(const char *name)
{
	gk_auto_json json_t *stats = traces_do(GK_STORE_STATS, NULL);

	return gk_json_int_at(stats, name, -1);
}

/* --- files that are not for us --- */

static char *read_file(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	char *data = malloc(1 << 20);

	ck_assert_ptr_nonnull(file);
	*len = fread(data, 1, 1 << 20, file);
	fclose(file);
	return data;
}

static void put_bytes(const char *path, long at, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "r+b");

	ck_assert_ptr_nonnull(file);
	fseek(file, at, SEEK_SET);
	ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
	fclose(file);
}

static void assert_left_alone(const char *part)
{
	size_t before_len, after_len;
	char *before = read_file(traces_path, &before_len), *after;
	gk_auto_error gk_error err = { 0 };
	gk_trace_store *store = NULL;
	gk_code rc = gk_trace_store_open(
		traces_loop, GK_OPTS(gk_trace_store_opts, .path = traces_path), &store, &err);

	ck_assert_int_eq(rc, GK_FAILED_PRECONDITION);
	ck_assert_msg(strstr(err.message, part) != NULL, "%s", err.message);
	after = read_file(traces_path, &after_len);
	ck_assert_uint_eq(before_len, after_len);
	ck_assert_mem_eq(before, after, before_len);
	free(before);
	free(after);
}

START_TEST(a_file_of_a_newer_version_is_left_as_it_is)
{
	ck_assert_int_eq(try_root("a", 1), GK_OK);
	gk_trace_store_close(gk_steal(traces_store));
	put_bytes(traces_path, 60, "\0\0\0\x63", 4);
	assert_left_alone("newer version");
	put_bytes(traces_path, 60, (const char[]){ 0, 0, 0, GK_DB_VERSION }, 4);
	traces_reopen(NULL);
	ck_assert(traces_has("a"));
}
END_TEST

START_TEST(the_file_of_another_program_is_left_as_it_is)
{
	gk_trace_store_close(gk_steal(traces_store));
	put_bytes(traces_path, 68, "\1\2\3\4", 4);
	assert_left_alone("another program");
	put_bytes(traces_path, 68, "gkd2", 4);
	traces_reopen(NULL);
}
END_TEST

/* --- a disk that fails --- */

static bool is_well(void *user)
{
	(void)user;
	return !gk_trace_store_count(traces_store).is_failing;
}

static void damage(void)
{
	FILE *file = fopen(traces_path, "wb");

	ck_assert_ptr_nonnull(file);
	fputs("this is no database, it is a text that is longer than a header has to be: "
	      "a hundred bytes and more of it",
		file);
	fclose(file);
}

START_TEST(a_damaged_file_is_said_once_and_the_newest_wait_until_it_is_gone)
{
	gk_auto_json json_t *loaded = NULL;

	gk_trace_store_close(gk_steal(traces_store));
	damage();
	traces_reopen(NULL);
	ck_assert_uint_eq(told, 1);
	ck_assert(gk_trace_store_count(traces_store).is_failing);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(try_root("a", 1), GK_UNAVAILABLE);
	gk_loop_turn(traces_loop, 2 * GK_STORE_GATHER_MS);
	ck_assert_uint_ge(gk_trace_store_count(traces_store).queue_spans, 5);
	ck_assert_uint_eq(told, 1);
	ck_assert_int_eq(unlink(traces_path), 0);
	traces_until(is_well, NULL);
	loaded = traces_load("a");
	ck_assert_ptr_nonnull(loaded);
	ck_assert_uint_eq(gk_trace_store_count(traces_store).dropped_queue, 0);
}
END_TEST

static long times_woken(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw;
}

START_TEST(a_writer_that_cannot_write_sleeps_though_it_is_time_to_sweep)
{
	long before;

	gk_trace_store_close(gk_steal(traces_store));
	damage();
	traces_reopen(GK_OPTS(gk_trace_store_opts, .sweep_ms = 1));
	usleep(10000);
	before = times_woken();
	usleep(GK_STORE_RETRY_MS / 5 * 1000);
	ck_assert_int_lt(times_woken() - before, 20);
}
END_TEST

static void *hold_writer(const char *path)
{
	gk_auto_error gk_error err = { 0 };
	gk_db *db = calloc(1, sizeof(*db));

	ck_assert_int_eq(gk_db_open(db, path, false, &err), GK_OK);
	ck_assert_msg(gk_db_exec(db, "BEGIN IMMEDIATE", &err) == GK_OK, "%s", err.message);
	return db;
}

/* Another process holds the file for longer than we wait: as on a disk that is only read. */
START_TEST(a_file_that_cannot_be_written_is_read)
{
	gk_auto_json json_t *trace = NULL;
	gk_db *db;

	ck_assert_int_eq(try_root("a", 1), GK_OK);
	gk_trace_store_close(gk_steal(traces_store));
	db = hold_writer(traces_path);
	traces_reopen(NULL);
	ck_assert_uint_eq(told, 1);
	trace = traces_load("a");
	ck_assert_ptr_nonnull(trace);
	gk_db_close(db);
	free(db);
}
END_TEST

START_TEST(a_full_disk_is_said_once_and_writing_goes_on_when_there_is_room)
{
	struct rlimit unlimited, small;
	gk_auto_json json_t *loaded = NULL;
	char big[1500];

	/* The system's word for "no more": a file may not grow, and no signal is sent for it. */
	memset(big, 'w', sizeof(big));
	memcpy(big, ",'attributes':{'x':'", 20);
	memcpy(big + sizeof(big) - 3, "'}", 3);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &unlimited);
	small = unlimited;
	small.rlim_cur = 300000;
	setrlimit(RLIMIT_FSIZE, &small);
	for (int i = 0; i < 400 && is_well(NULL); i++) {
		gk_auto_str char *text = NULL;

		ck_assert_int_gt(asprintf(&text, "{'traceId':'t%d','spans':{%s}}", i,
					 traces_span("r", "t", i, i + 1, big)),
			0);
		if (traces_try_post(text, NULL) != GK_OK)
			break;
	}
	ck_assert(gk_trace_store_count(traces_store).is_failing);
	ck_assert_uint_eq(told, 1);
	ck_assert_int_eq(try_root("last", 9999), GK_UNAVAILABLE);
	setrlimit(RLIMIT_FSIZE, &unlimited);
	traces_until(is_well, NULL);
	loaded = traces_load("last");
	ck_assert_ptr_nonnull(loaded);
	ck_assert_uint_eq(told, 1);
}
END_TEST

START_TEST(a_full_queue_keeps_the_newest_and_counts_the_rest)
{
	gk_trace_store_opts opts = { .size = sizeof(opts), .max_queue = 4000 };
	gk_auto_json json_t *last = NULL, *first = NULL;
	gk_trace_store_counts counts;

	gk_trace_store_close(gk_steal(traces_store));
	damage();
	traces_reopen(&opts);
	for (int i = 0; i < 100; i++) {
		char id[16];

		snprintf(id, sizeof(id), "t%d", i);
		ck_assert_int_eq(try_root(id, i), GK_UNAVAILABLE);
	}
	for (int i = 0; i < 5; i++)
		gk_loop_turn(traces_loop, GK_STORE_GATHER_MS);
	counts = gk_trace_store_count(traces_store);
	ck_assert_uint_le(counts.queue_bytes, 4000);
	ck_assert_uint_gt(counts.dropped_queue, 50);
	ck_assert_uint_eq(counts.dropped_queue + counts.queue_spans, 100);
	ck_assert_int_eq(unlink(traces_path), 0);
	traces_until(is_well, NULL);
	last = traces_load("t99");
	first = traces_load("t0");
	ck_assert_ptr_nonnull(last);
	ck_assert_ptr_null(first);
}
END_TEST

/* --- retention --- */

static bool has_swept(void *user)
{
	gk_trace_store_counts counts = gk_trace_store_count(traces_store);

	(void)user;
	return counts.deleted_age + counts.deleted_count + counts.deleted_size > 0;
}

/* --- a disk that does not answer --- */

static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool is_stuck;
static const gk_trace_backend_type *sound;

static gk_code write_slowly(gk_trace_backend *backend, gk_trace_batch *batch, gk_error *err)
{
	is_stuck = true;
	pthread_mutex_lock(&disk);
	pthread_mutex_unlock(&disk);
	is_stuck = false;
	return sound->write(backend, batch, err);
}

typedef struct posting {
	gk_error *err;
	gk_code rc;
	bool is_done;
} posting;

static void post(void *user)
{
	posting *it = user;

	gk_trace_store_save(traces_store, traces_spans("late", 1, "n", "{}"));
	it->rc = gk_trace_store_flush(traces_store, it->err);
	it->is_done = true;
}

static bool has_posted(void *user)
{
	return ((posting *)user)->is_done;
}

/* The writer is, and has been at it for long. */
static void get_stuck(void)
{
	while (!is_stuck)
		gk_loop_turn(traces_loop, 1);
	pthread_mutex_lock(&traces_store->lock);
	traces_store->busy_since_ms = gk_clock_mono_ms() - GK_STORE_WAIT_MS;
	pthread_mutex_unlock(&traces_store->lock);
}

START_TEST(an_answer_waits_so_long_for_a_disk_that_does_not_answer)
{
	gk_trace_backend *backend = gk_trace_store_backend_peek(traces_store);
	gk_trace_backend_type slow = *backend->type;
	gk_auto_error gk_error err = { 0 };
	posting one = { .err = &err };
	uint64_t begun;

	sound = backend->type;
	slow.write = write_slowly;
	backend->type = &slow;
	pthread_mutex_lock(&disk);
	ck_assert_int_eq(gk_fiber_start(traces_loop, "test", NULL, post, &one, NULL, NULL), GK_OK);
	get_stuck();
	begun = gk_clock_mono_ms();
	traces_until(has_posted, &one); /* when it is looked at next, once a second */
	ck_assert_uint_lt(gk_clock_mono_ms() - begun, GK_STORE_WAIT_MS);
	ck_assert_int_eq(one.rc, GK_UNAVAILABLE);
	ck_assert_str_eq(last_told, "the disk does not answer");
	pthread_mutex_unlock(&disk);
	traces_until(is_well, NULL); /* it was only slow */
	backend->type = sound;
	ck_assert(traces_has("late"));
}
END_TEST

START_TEST(the_oldest_go_when_there_are_too_many)
{
	gk_auto_str char *ids = NULL;

	for (int i = 0; i < 5; i++) {
		char id[8];

		snprintf(id, sizeof(id), "t%d", i);
		ck_assert_int_eq(try_root(id, 100 - i), GK_OK);
		usleep(2000);
	}
	gk_trace_store_configure(
		traces_store, GK_OPTS(gk_trace_store_opts, .max_traces = 2, .sweep_ms = 1));
	traces_until(has_swept, NULL);
	ids = traces_ids(NULL, NULL);
	ck_assert_str_eq(ids, "t3 t4");
	ck_assert_uint_eq(gk_trace_store_count(traces_store).deleted_count, 3);
	ck_assert_int_eq(count_of("spans"), 2);
}
END_TEST

START_TEST(what_is_too_old_goes)
{
	ck_assert_int_eq(try_root("a", 1), GK_OK);
	usleep(20000);
	gk_trace_store_configure(
		traces_store, GK_OPTS(gk_trace_store_opts, .max_age_ms = 10, .sweep_ms = 1));
	traces_until(has_swept, NULL);
	ck_assert_int_eq(count_of("traces"), 0);
	ck_assert_uint_eq(gk_trace_store_count(traces_store).deleted_age, 1);
}
END_TEST

START_TEST(a_file_that_is_too_large_loses_its_oldest)
{
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(try_root("a", 1), GK_OK);
	gk_trace_store_configure(
		traces_store, GK_OPTS(gk_trace_store_opts, .max_bytes = 1, .sweep_ms = 1));
	traces_until(has_swept, NULL);
	ck_assert_uint_eq(gk_trace_store_count(traces_store).deleted_size, 1);
}
END_TEST

/* --- upkeep --- */

START_TEST(what_is_deleted_is_found_no_more)
{
	gk_auto_str char *before = NULL, *after = NULL;

	traces_post(
		"{'traceId':'a','spans':{'r':{'spanId':'r','traceId':'a','startTime':1,'endTime':2,"
		"'attributes':{'genkit:type':'action','genkit:input':'needle'},'displayName':'n',"
		"'instrumentationLibrary':{'name':'x'},'spanKind':'INTERNAL'}}}");
	ck_assert_int_eq(try_root("b", 1), GK_OK);
	before = traces_ids(NULL, "needle");
	ck_assert_str_eq(before, "a");
	ck_assert_uint_eq(traces_delete("a"), 1);
	after = traces_ids(NULL, "needle");
	ck_assert_str_eq(after, "");
	ck_assert(!traces_has("a"));
	ck_assert_uint_eq(traces_delete(NULL), 1);
	ck_assert_int_eq(count_of("spans"), 0);
}
END_TEST

START_TEST(a_sound_file_is_said_to_be_sound)
{
	gk_auto_json json_t *answer = NULL;

	ck_assert_int_eq(try_root("a", 1), GK_OK);
	answer = traces_do(GK_STORE_CHECK, NULL);
	assert_json(answer, "{'ok':true,'messages':[]}");
}
END_TEST

START_TEST(a_backup_holds_what_was_saved_and_is_never_put_over_a_file)
{
	gk_auto_json json_t *answer = NULL, *again = NULL, *loaded = NULL;
	gk_trace_store_opts opts = { .size = sizeof(opts) };
	char path[128];

	ck_assert_int_eq(try_root("a", 1), GK_OK);
	snprintf(path, sizeof(path), "%s/copy.db", traces_folder);
	answer = traces_do(GK_STORE_BACKUP, path);
	ck_assert_str_eq(gk_json_str_peek(answer, "path"), path);
	ck_assert_int_eq(traces_try_do(GK_STORE_BACKUP, path, &again, NULL), GK_ALREADY_EXISTS);
	ck_assert_int_eq(
		traces_try_do(GK_STORE_BACKUP, "relative.db", &again, NULL), GK_INVALID_ARGUMENT);
	opts.path = path;
	traces_reopen(&opts);
	loaded = traces_load("a");
	ck_assert_ptr_nonnull(loaded);
}
END_TEST

START_TEST(a_vacuum_makes_the_file_smaller)
{
	struct stat before, after;
	gk_auto_json json_t *answer = NULL;

	for (int i = 0; i < 300; i++) {
		char id[16];

		snprintf(id, sizeof(id), "t%d", i);
		ck_assert_int_eq(try_root(id, i), GK_OK);
	}
	ck_assert_uint_eq(traces_delete(NULL), 300);
	traces_reopen(NULL);
	stat(traces_path, &before);
	answer = traces_do(GK_STORE_VACUUM, NULL);
	stat(traces_path, &after);
	ck_assert_int_lt(after.st_size, before.st_size);
	ck_assert_int_eq(gk_json_int_at(answer, "before", -1), before.st_size);
	ck_assert_int_eq(gk_json_int_at(answer, "after", -1), after.st_size);
}
END_TEST

static Suite *failure_suite(void)
{
	Suite *suite = suite_create("trace store failures");
	TCase *tests = tcase_create("failures");

	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_file_of_a_newer_version_is_left_as_it_is);
	tcase_add_test(tests, the_file_of_another_program_is_left_as_it_is);
	tcase_add_test(tests, a_damaged_file_is_said_once_and_the_newest_wait_until_it_is_gone);
	tcase_add_test(tests, a_writer_that_cannot_write_sleeps_though_it_is_time_to_sweep);
	tcase_add_test(tests, a_file_that_cannot_be_written_is_read);
	tcase_add_test(tests, a_full_disk_is_said_once_and_writing_goes_on_when_there_is_room);
	tcase_add_test(tests, a_full_queue_keeps_the_newest_and_counts_the_rest);
	tcase_add_test(tests, an_answer_waits_so_long_for_a_disk_that_does_not_answer);
	tcase_add_test(tests, the_oldest_go_when_there_are_too_many);
	tcase_add_test(tests, what_is_too_old_goes);
	tcase_add_test(tests, a_file_that_is_too_large_loses_its_oldest);
	tcase_add_test(tests, what_is_deleted_is_found_no_more);
	tcase_add_test(tests, a_sound_file_is_said_to_be_sound);
	tcase_add_test(tests, a_backup_holds_what_was_saved_and_is_never_put_over_a_file);
	tcase_add_test(tests, a_vacuum_makes_the_file_smaller);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(failure_suite)
