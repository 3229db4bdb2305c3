/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Our own runs into the store. */
#include "core.h"

#include "base/limits.h"
#include "store/recorder.h"

#include <stdio.h>

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

static void setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/genkitd-recorder-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/traces.db", folder);
	core_start_unseen();
	core_flow("echo", core_echo, NULL);
	core_flow("steps", two_steps, NULL);
	core_flow("sleep", core_sleep, NULL);
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

START_TEST(a_run_that_has_ended_is_committed_whole)
{
	gk_auto_json json_t *trace = NULL;
	gk_run *run;

	open_store(false);
	run = run_to_end("/flow/steps");
	/* before anything else turns the loop */
	ck_assert_uint_eq(gk_trace_store_count(store).spans, 3);
	ck_assert_uint_eq(gk_trace_store_count(store).queue_spans, 0);
	trace = load_trace(gk_run_trace_id(run));
	ck_assert_uint_eq(json_object_size(json_object_get(trace, "spans")), 3);
	ck_assert_str_eq(gk_json_str_peek(trace, "displayName"), "steps");
	ck_assert(gk_json_real_at(trace, "endTime", 0) > 0);
	gk_run_unref(run);
}
END_TEST

START_TEST(a_run_is_written_in_one_transaction)
{
	gk_run *run;

	open_store(false);
	run = run_to_end("/flow/steps");
	ck_assert_uint_eq(gk_trace_store_count(store).commits, 1);
	gk_run_unref(run);
}
END_TEST

static bool is_written(void *user)
{
	(void)user;
	return gk_trace_store_count(store).spans == 1;
}

START_TEST(relaxed_a_run_does_not_wait_and_its_spans_follow)
{
	gk_run *run;

	open_store(true);
	run = run_to_end("/flow/echo");
	ck_assert_uint_eq(gk_trace_store_count(store).spans, 0);
	core_turn_until(is_written, NULL);
	gk_run_unref(run);
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

static Suite *recorder_suite(void)
{
	Suite *suite = suite_create("recorder");
	TCase *tests = tcase_create("recorder");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_run_that_has_ended_is_committed_whole);
	tcase_add_test(tests, a_run_is_written_in_one_transaction);
	tcase_add_test(tests, relaxed_a_run_does_not_wait_and_its_spans_follow);
	tcase_add_test(tests, a_run_that_lasts_is_there_before_it_ends);
	tcase_add_test(tests, what_is_not_sampled_is_not_stored);
	tcase_add_test(tests, a_span_that_comes_back_to_us_is_stored_once);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(recorder_suite)
