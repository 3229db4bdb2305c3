/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Our own runs into the store. */
#include "core.h"

#include "base/limits.h"
#include "store/recorder.h"
#include "store/trace_ring.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64], path[96];
static gk_trace_store *store;
static gk_recorder *recorder;

static void open_store(bool is_relaxed)
{
	ck_assert_int_eq(
		gk_trace_store_open(core_loop,
			GK_OPTS(gk_trace_store_opts, .path = path, .is_relaxed = is_relaxed),
			&store, NULL),
		GK_OK);
	ck_assert_int_eq(gk_recorder_new(core_app, store, GK_OPTS(gk_recorder_opts, .sample = 1),
				 &recorder, NULL),
		GK_OK);
}

static gk_code two_steps(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc = gk_run_step(ctx, "first", core_echo, NULL, input, NULL, err);

	if (rc == GK_OK)
		rc = gk_run_step(ctx, "second", core_echo, NULL, input, ret, err);
	return rc;
}

static void start(void)
{
	core_start_unseen();
	core_flow("echo", core_echo, NULL);
	core_flow("steps", two_steps, NULL);
	core_flow("sleep", core_sleep, NULL);
}

static void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/genkitd-recorder-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/traces.db", folder);
}

static void setup(void)
{
	make_folder();
	start();
}

static void teardown(void)
{
	gk_auto_str char *command = NULL;

	gk_recorder_free(gk_steal(recorder));
	gk_trace_store_close(gk_steal(store));
	core_stop();
	ck_assert_int_gt(asprintf(&command, "rm -rf %s", folder), 0);
	ck_assert_int_eq(system(command), 0);
}

/* --- what is there --- */

typedef struct loading {
	const char *id;
	json_t *trace;
	bool is_done;
} loading;

static void load(void *user)
{
	loading *l = user;
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);

	if (gk_trace_store_load(store, l->id, &buf, NULL) == GK_OK && buf.len)
		ck_assert_int_eq(gk_json_parse(buf.data, buf.len, 0, &l->trace, NULL), GK_OK);
	l->is_done = true;
}

static json_t *load_trace(const char *id)
{
	loading l = { .id = id };

	ck_assert_int_eq(gk_fiber_start(core_loop, "load", NULL, load, &l, NULL, NULL), GK_OK);
	while (!l.is_done)
		gk_loop_turn(core_loop, 100);
	return l.trace;
}

static gk_run *run_to_end(const char *key)
{
	gk_auto_json json_t *input = json_string("caf\xc3\xa9");
	gk_run *run = core_begin(&(gk_run_opts){ .app = core_app, .key = key, .input = input });

	core_finish(run);
	return run;
}

START_TEST(a_run_that_has_ended_is_there_whole)
{
	gk_auto_json json_t *trace = NULL;
	gk_run *run;

	open_store(false);
	run = run_to_end("/flow/steps");
	trace = load_trace(gk_run_trace_id(run));
	ck_assert_uint_eq(json_object_size(json_object_get(trace, "spans")), 3);
	ck_assert_str_eq(gk_json_str_peek(trace, "displayName"), "steps");
	ck_assert(gk_json_real_at(trace, "endTime", 0) > 0);
	ck_assert_uint_eq(gk_trace_store_count(store).commits, 1);
	gk_run_unref(run);
}
END_TEST

START_TEST(a_run_does_not_wait_for_the_disk)
{
	open_store(false);
	gk_run_unref(run_to_end("/flow/steps"));
	/* before anything else turns the loop */
	ck_assert_uint_eq(gk_trace_store_count(store).commits, 0);
	ck_assert_uint_eq(gk_trace_store_count(store).queue_spans, 3);
}
END_TEST

static gk_code flood(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_str char *text = calloc(1, GK_STORE_RING + 1);

	(void)ctx;
	(void)input;
	memset(text, 'x', GK_STORE_RING);
	*ret = json_string(text);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

START_TEST(a_run_whose_spans_have_no_room_in_the_ring_waits_for_the_disk)
{
	open_store(false);
	core_flow("flood", flood, NULL);
	gk_run_unref(run_to_end("/flow/flood"));
	ck_assert_uint_eq(gk_trace_store_count(store).commits, 1);
	ck_assert_uint_eq(gk_trace_store_count(store).spans, 1);
}
END_TEST

static void set_durability(bool is_relaxed)
{
	gk_trace_store_configure(
		store, GK_OPTS(gk_trace_store_opts, .path = path, .is_relaxed = is_relaxed));
}

/* Other processes have all the rings there may be. */
static void take_rings(gk_trace_ring **rings)
{
	for (size_t i = 0; i < GK_STORE_RINGS; i++)
		ck_assert_int_eq(gk_trace_ring_open(path, 4096, &rings[i], NULL), GK_OK);
}

static void give_rings(gk_trace_ring **rings)
{
	for (size_t i = 0; i < GK_STORE_RINGS; i++)
		gk_trace_ring_close(rings[i]);
}

START_TEST(without_a_ring_a_run_waits_for_the_disk)
{
	gk_trace_ring *rings[GK_STORE_RINGS];

	take_rings(rings);
	open_store(false);
	gk_run_unref(run_to_end("/flow/steps"));
	ck_assert_uint_eq(gk_trace_store_count(store).commits, 1);
	give_rings(rings);
}
END_TEST

START_TEST(a_ring_that_could_not_be_had_is_made_when_the_configuration_is_read_again)
{
	gk_trace_ring *rings[GK_STORE_RINGS];

	take_rings(rings);
	open_store(false);
	gk_run_unref(run_to_end("/flow/steps"));
	give_rings(rings);
	set_durability(false);
	gk_run_unref(run_to_end("/flow/steps"));
	ck_assert_uint_eq(gk_trace_store_count(store).commits, 1);
	ck_assert_uint_eq(gk_trace_store_count(store).queue_spans, 3);
}
END_TEST

static bool has_failed(void *user)
{
	(void)user;
	return gk_trace_store_count(store).is_failing;
}

static bool is_well(void *user)
{
	return !has_failed(user);
}

START_TEST(a_ring_is_made_when_a_disk_that_failed_does_better)
{
	FILE *file = fopen(path, "wb");

	fputs("this is no database, it is a text that is longer than a header has to be: "
	      "a hundred bytes and more of it",
		file);
	fclose(file);
	open_store(false);
	ck_assert(has_failed(NULL));
	gk_run_unref(run_to_end("/flow/steps"));
	ck_assert_int_eq(unlink(path), 0);
	core_turn_until(is_well, NULL);
	ck_assert_uint_eq(gk_trace_store_count(store).commits, 1);
	gk_run_unref(run_to_end("/flow/steps"));
	ck_assert_uint_eq(gk_trace_store_count(store).commits, 1);
}
END_TEST

START_TEST(what_began_relaxed_has_a_ring_when_it_is_no_more)
{
	open_store(true);
	set_durability(false);
	gk_run_unref(run_to_end("/flow/steps"));
	ck_assert_uint_eq(gk_trace_store_count(store).commits, 0);
	ck_assert_uint_eq(gk_trace_store_count(store).queue_spans, 3);
}
END_TEST

/* What was queued before is behind nothing, and is waited for. */
START_TEST(what_was_queued_while_it_was_relaxed_comes_before_what_is_in_the_ring)
{
	gk_auto_json json_t *first = NULL, *second = NULL;
	gk_run *relaxed, *strict;

	open_store(true);
	relaxed = run_to_end("/flow/steps");
	ck_assert_uint_eq(gk_trace_store_count(store).queue_spans, 3);
	set_durability(false);
	strict = run_to_end("/flow/steps");
	ck_assert_uint_ge(gk_trace_store_count(store).spans, 3);
	gk_run_unref(run_to_end("/flow/steps"));
	ck_assert_uint_lt(gk_trace_store_count(store).spans, 9); /* which does not wait */
	first = load_trace(gk_run_trace_id(relaxed));
	second = load_trace(gk_run_trace_id(strict));
	ck_assert_uint_eq(json_object_size(json_object_get(first, "spans")), 3);
	ck_assert_uint_eq(json_object_size(json_object_get(second, "spans")), 3);
	ck_assert_uint_eq(gk_trace_store_count(store).spans, 9);
	gk_run_unref(relaxed);
	gk_run_unref(strict);
}
END_TEST

static bool is_written(void *user)
{
	(void)user;
	return gk_trace_store_count(store).spans == 1;
}

START_TEST(relaxed_a_run_does_not_wait_and_its_spans_follow)
{
	uint64_t start_ms = gk_loop_now_ms(core_loop);
	gk_run *run;

	open_store(true);
	run = run_to_end("/flow/echo");
	ck_assert_uint_eq(gk_trace_store_count(store).spans, 0);
	core_turn_until(is_written, NULL);
	ck_assert_uint_ge(gk_loop_now_ms(core_loop) - start_ms, GK_STORE_RELAXED_MS);
	gk_run_unref(run);
}
END_TEST

static gk_code changing(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc;

	set_durability(true);
	rc = gk_run_step(ctx, "first", core_echo, NULL, input, ret, err);
	set_durability(false);
	return rc;
}

START_TEST(what_a_run_left_while_it_was_relaxed_is_waited_for_afterwards)
{
	open_store(false);
	core_flow("changing", changing, NULL);
	gk_run_unref(run_to_end("/flow/changing"));
	ck_assert_uint_eq(gk_trace_store_count(store).spans, 2);
}
END_TEST

START_TEST(a_run_that_lasts_is_there_before_it_ends)
{
	gk_auto_json json_t *running = NULL, *ended = NULL;
	gk_run *run;

	open_store(false);
	run = core_begin(&(gk_run_opts){ .app = core_app, .key = "/flow/sleep" });
	core_turn_until(is_written, NULL);
	running = load_trace(gk_run_trace_id(run));
	ck_assert_double_eq(gk_json_real_at(running, "endTime", -1), 0);
	gk_run_cancel(run, GK_CANCELLED);
	core_finish(run);
	ended = load_trace(gk_run_trace_id(run));
	ck_assert_uint_eq(json_object_size(json_object_get(ended, "spans")), 1);
	ck_assert(gk_json_real_at(ended, "endTime", -1) > 0);
	gk_run_unref(run);
}
END_TEST

/* Nothing of it is written to the ring by the next run that ends, and would wait there for a commit that may never be. */
START_TEST(what_was_committed_while_its_run_goes_on_is_not_left_in_the_ring)
{
	gk_auto_str char *ring = NULL;
	gk_run *run;

	open_store(false);
	ck_assert_int_gt(asprintf(&ring, "%s-ring", path), 0);
	run = core_begin(&(gk_run_opts){ .app = core_app, .key = "/flow/sleep" });
	core_turn_until(is_written, NULL);
	gk_recorder_configure(recorder, GK_OPTS(gk_recorder_opts, .sample = 0));
	gk_run_unref(run_to_end("/flow/echo"));
	gk_run_cancel(run, GK_CANCELLED);
	core_finish(run);
	gk_run_unref(run);
	ck_assert_int_eq(access(ring, F_OK), 0);
	gk_recorder_free(gk_steal(recorder));
	gk_trace_store_close(gk_steal(store));
	ck_assert_int_ne(access(ring, F_OK), 0);
}
END_TEST

START_TEST(what_is_not_sampled_is_not_stored)
{
	unsigned count;

	open_store(false);
	gk_recorder_configure(recorder, GK_OPTS(gk_recorder_opts, .sample = 0));
	for (int i = 0; i < 10; i++)
		gk_run_unref(run_to_end("/flow/echo"));
	ck_assert_uint_eq(gk_trace_store_count(store).spans, 0);
	gk_recorder_configure(recorder, GK_OPTS(gk_recorder_opts, .sample = 0.5));
	for (int i = 0; i < 200; i++)
		gk_run_unref(run_to_end("/flow/steps"));
	ck_assert_ptr_null(load_trace("none")); /* waits for all of them */
	count = (unsigned)gk_trace_store_count(store).spans;
	ck_assert_uint_eq(count % 3, 0); /* whole traces */
	ck_assert(count > 3 * 50 && count < 3 * 150);
}
END_TEST

START_TEST(a_span_that_comes_back_to_us_is_stored_once)
{
	gk_auto_json json_t *trace = NULL, *again = NULL;
	gk_trace_post *post = NULL;
	gk_run *run;

	open_store(false);
	run = run_to_end("/flow/echo");
	trace = load_trace(gk_run_trace_id(run));
	ck_assert_int_eq(gk_trace_post_read(trace, 0, &post, NULL), GK_OK);
	gk_trace_store_save(store, post);
	again = load_trace(gk_run_trace_id(run));
	ck_assert_uint_eq(json_object_size(json_object_get(again, "spans")), 1);
	gk_run_unref(run);
}
END_TEST

/* --- a process that is killed --- */

static void teardown_folder(void)
{
	if (core_app)
		teardown();
}

static void copy_file(const char *from, const char *to)
{
	gk_auto_str char *command = NULL;

	ck_assert_int_gt(asprintf(&command, "cp %s/%s %s/%s", folder, from, folder, to), 0);
	ck_assert_int_eq(system(command), 0);
}

static bool has_committed(void *user)
{
	(void)user;
	return gk_trace_store_count(store).commits > 0;
}

/* What the process does before it is killed. */
enum {
	COMMITS = 1, /* which "kept", the ring as it was, did not know */
	LOGS_LAST = 2,
};

static void log_line(void)
{
	gk_log_record line = { .level = GK_LOG_INFO, .component = "test", .message = "a line" };

	gk_trace_store_log(store, &line);
}

/* Ends a run and logs a line, tells the run's trace and is killed, before the writer has anything unless it COMMITS. */
static void be_killed(int fd, unsigned how)
{
	gk_run *run;

	start();
	open_store(false);
	if (!(how & LOGS_LAST))
		log_line();
	run = run_to_end("/flow/steps");
	if (how & LOGS_LAST)
		log_line();
	if (gk_trace_store_count(store).commits ||
		write(fd, gk_run_trace_id(run), GK_TRACE_ID_SIZE) != GK_TRACE_ID_SIZE)
		exit(1);
	if (how & COMMITS) {
		copy_file("traces.db-ring", "kept");
		core_turn_until(has_committed, NULL);
	}
	kill(getpid(), SIGKILL);
}

static void run_in_killed_process(unsigned how, char *trace_id)
{
	int ends[2], status;
	pid_t child;

	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (!child)
		be_killed(ends[1], how);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ck_assert_int_eq(read(ends[0], trace_id, GK_TRACE_ID_SIZE), GK_TRACE_ID_SIZE);
	close(ends[0]);
	close(ends[1]);
}

static void read_stats(void *user)
{
	ck_assert_int_eq(gk_trace_store_do(store, GK_STORE_STATS, NULL, user, NULL), GK_OK);
}

/* As rows of the file. */
static json_int_t count_spans(void)
{
	gk_auto_json json_t *stats = NULL;

	ck_assert_int_eq(
		gk_fiber_start(core_loop, "stats", NULL, read_stats, &stats, NULL, NULL), GK_OK);
	while (!stats)
		gk_loop_turn(core_loop, 100);
	return gk_json_int_at(stats, "spans", -1);
}

typedef struct reading_logs {
	json_t *logs;
	bool is_done;
} reading_logs;

static void read_logs(void *user)
{
	reading_logs *r = user;
	gk_auto_buf gk_buf buf = GK_BUF_INIT(0);
	gk_log_query query = { .limit = 10, .min_severity = INT64_MIN };

	ck_assert_int_eq(gk_trace_store_logs(store, &query, &buf, NULL), GK_OK);
	ck_assert_int_eq(gk_json_parse(buf.data, buf.len, 0, &r->logs, NULL), GK_OK);
	r->is_done = true;
}

static size_t count_logs(void)
{
	reading_logs r = { .logs = NULL };
	size_t count;

	ck_assert_int_eq(gk_fiber_start(core_loop, "logs", NULL, read_logs, &r, NULL, NULL), GK_OK);
	while (!r.is_done)
		gk_loop_turn(core_loop, 100);
	count = json_array_size(json_object_get(r.logs, "logs"));
	json_decref(r.logs);
	return count;
}

static unsigned told;

static void on_log(const gk_log_record *record, void *user)
{
	(void)user;
	told += record->level <= GK_LOG_WARN;
}

static void assert_there_once(const char *id)
{
	gk_auto_json json_t *trace = NULL;

	told = 0;
	gk_log_set_sink(on_log, NULL);
	start();
	open_store(false);
	trace = load_trace(id);
	ck_assert_uint_eq(json_object_size(json_object_get(trace, "spans")), 3);
	ck_assert(gk_json_real_at(trace, "endTime", 0) > 0);
	ck_assert_uint_eq(count_logs(), 1);
	ck_assert_uint_eq(count_spans(), 3);
	ck_assert_uint_eq(told, 0);
	gk_log_set_sink(NULL, NULL);
}

START_TEST(what_a_run_left_outlives_the_process)
{
	char id[GK_TRACE_ID_SIZE];

	run_in_killed_process(_i ? LOGS_LAST : 0, id);
	assert_there_once(id);
}
END_TEST

/* As when the process ends between the commit and what it says of it to the ring. */
START_TEST(what_was_committed_and_left_as_well_is_there_once)
{
	char id[GK_TRACE_ID_SIZE];

	run_in_killed_process(COMMITS, id);
	copy_file("kept", "traces.db-ring");
	assert_there_once(id);
}
END_TEST

static Suite *recorder_suite(void)
{
	TCase *killed = tcase_create("killed");
	Suite *suite = suite_create("recorder");
	TCase *tests = tcase_create("recorder");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_run_that_has_ended_is_there_whole);
	tcase_add_test(tests, a_run_does_not_wait_for_the_disk);
	tcase_add_test(tests, a_run_whose_spans_have_no_room_in_the_ring_waits_for_the_disk);
	tcase_add_test(tests, without_a_ring_a_run_waits_for_the_disk);
	tcase_add_test(
		tests, a_ring_that_could_not_be_had_is_made_when_the_configuration_is_read_again);
	tcase_add_test(tests, a_ring_is_made_when_a_disk_that_failed_does_better);
	tcase_add_test(tests, what_began_relaxed_has_a_ring_when_it_is_no_more);
	tcase_add_test(
		tests, what_was_queued_while_it_was_relaxed_comes_before_what_is_in_the_ring);
	tcase_add_test(tests, relaxed_a_run_does_not_wait_and_its_spans_follow);
	tcase_add_test(tests, what_a_run_left_while_it_was_relaxed_is_waited_for_afterwards);
	tcase_add_test(tests, a_run_that_lasts_is_there_before_it_ends);
	tcase_add_test(tests, what_was_committed_while_its_run_goes_on_is_not_left_in_the_ring);
	tcase_add_test(tests, what_is_not_sampled_is_not_stored);
	tcase_add_test(tests, a_span_that_comes_back_to_us_is_stored_once);
	suite_add_tcase(suite, tests);
	tcase_add_checked_fixture(killed, make_folder, teardown_folder);
	tcase_add_loop_test(killed, what_a_run_left_outlives_the_process, 0, 2);
	tcase_add_test(killed, what_was_committed_and_left_as_well_is_there_once);
	suite_add_tcase(suite, killed);
	return suite;
}

UNIT_MAIN(recorder_suite)
