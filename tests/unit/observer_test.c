/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Observers of spans: those that last, those that are written ahead, and runs that settle. */
#include "core.h"

#include "base/limits.h"
#include "core/call.h"
#include "core/internal.h"
#include "loop/fiber.h"

static unsigned lasted, settled;
static bool ended_lasting, is_held;
static gk_fiber *held;
static size_t ahead; /* bytes of the last span that ended that were written ahead */
static bool was_cut;

static void on_lasts(const gk_span *span, void *user)
{
	(void)user;
	ck_assert(span->has_lasted && span->state == GK_SPAN_RUNNING);
	lasted++;
}

/* As it would be without having been written ahead. */
static gk_span whole(const gk_span *span)
{
	gk_span copy = *span;

	copy.ahead = (gk_span_ahead){ 0 };
	return copy;
}

static void on_ended(const gk_span *span, void *user)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0), text_of_whole = GK_BUF_INIT(0);
	gk_span other = whole(span);

	(void)user;
	ended_lasting = span->has_lasted;
	ahead = span->ahead.text.len;
	gk_span_append_data(&text, span);
	gk_span_append_data(&text_of_whole, &other);
	ck_assert_str_eq(text.data, text_of_whole.data);
	was_cut = strstr(text.data, "\"truncated\":true") != NULL;
}

static bool wants_data(const gk_span *span, void *user)
{
	(void)user;
	return strcmp(span->name, "unwanted") != 0;
}

static void on_settle(void *user)
{
	(void)user;
	settled++;
	held = gk_fiber_self();
	while (is_held)
		gk_fiber_park_shielded();
	held = NULL;
}

static const gk_span_observer observer = {
	.lasts = on_lasts,
	.ended = on_ended,
	.wants_data = wants_data,
	.settle = on_settle,
};

static gk_code nap(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ret;
	(void)ctx;
	return gk_fiber_sleep((uint64_t)json_integer_value(input), err);
}

/* Says after its wait what it should have been given. */
static gk_code think_better(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *better = json_string("none");
	gk_code rc = nap(ctx, json_object_get(input, "ms"), ret, err);

	if (rc == GK_OK && !gk_ctx_record_member(ctx, "ms", better))
		rc = gk_error_no_memory(err);
	return rc;
}

static gk_code learn_what_was_told(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc = nap(ctx, input, ret, err);

	gk_ctx_record_told(ctx, 3);
	return rc;
}

static void setup(void)
{
	core_start();
	ck_assert(gk_app_add_observer(core_app, &observer));
	core_flow("echo", core_echo, NULL);
	core_flow("nap", nap, NULL);
	core_flow("unwanted", nap, NULL);
	core_flow("think", think_better, NULL);
	core_flow("learn", learn_what_was_told, NULL);
	lasted = settled = 0;
	ended_lasting = is_held = false;
}

static void teardown(void)
{
	gk_app_remove_observer(core_app, &observer);
	core_stop();
}

START_TEST(a_span_that_is_over_at_once_does_not_last)
{
	json_decref(core_run("/flow/echo", json_integer(1)));
	gk_loop_turn(core_loop, 2 * GK_SPAN_LASTING_MS);
	ck_assert_uint_eq(lasted, 0);
	ck_assert(!ended_lasting);
}
END_TEST

START_TEST(a_span_that_lasts_is_shown_once_while_it_runs)
{
	json_decref(core_run("/flow/nap", json_integer(3 * GK_SPAN_LASTING_MS)));
	ck_assert_uint_eq(lasted, 1);
	ck_assert(ended_lasting);
	json_decref(core_run("/flow/nap", json_integer(3 * GK_SPAN_LASTING_MS)));
	ck_assert_uint_eq(lasted, 2);
}
END_TEST

/* --- written ahead --- */

#define SHORT 1 /* milliseconds, with which a span does not last */

static void run_labelled(const char *key, json_t *input_take, json_t *labels_take)
{
	gk_run *run = core_begin(GK_OPTS(gk_run_opts, .app = core_app, .key = key,
		.input = input_take, .telemetry_labels = labels_take));

	core_finish(run);
	ck_assert_ptr_null(gk_run_error_peek(run));
	gk_run_unref(run);
	json_decref(input_take);
	json_decref(labels_take);
}

START_TEST(what_is_known_of_a_span_is_written_while_its_run_waits)
{
	run_labelled("/flow/nap", json_integer(SHORT),
		json_pack("{s:s, s:s}", "tenant", "a", "genkit:type", "none of his business"));
	if (!ended_lasting) /* on a machine that is busy */
		ck_assert_uint_gt(ahead, 0);
	json_decref(core_run("/flow/echo", json_integer(1)));
	ck_assert_uint_eq(ahead, 0); /* it did not wait */
	json_decref(core_run("/flow/unwanted", json_integer(SHORT)));
	ck_assert_uint_eq(ahead, 0);
}
END_TEST

START_TEST(what_was_written_of_a_span_that_lasts_is_given_back)
{
	json_decref(core_run("/flow/nap", json_integer(3 * GK_SPAN_LASTING_MS)));
	ck_assert(ended_lasting);
	ck_assert_uint_eq(ahead, 0);
}
END_TEST

START_TEST(what_was_written_ahead_is_forgotten_when_it_changes)
{
	json_decref(core_run("/flow/think", json_pack("{s:i}", "ms", SHORT)));
	ck_assert_uint_eq(ahead, 0);
	json_decref(core_run("/flow/learn", json_integer(SHORT)));
	ck_assert_uint_eq(ahead, 0);
}
END_TEST

START_TEST(an_input_that_was_cut_ahead_makes_a_truncated_span)
{
	gk_tracing tracing = { .limits = { 64, 8, 0, 4, 0 } };

	gk_app_set_tracing(core_app, &tracing);
	json_decref(core_run("/flow/nap", json_pack("i", SHORT)));
	ck_assert(was_cut); /* its name is longer, and so is its path */
}
END_TEST

/* Which labels have to go is not known before there is an output or an error. */
START_TEST(a_span_with_more_labels_than_may_stay_is_not_written_ahead)
{
	gk_tracing tracing = { .limits = { 10, 8, 0, 0, 0 } };
	json_t *labels = json_object();

	gk_app_set_tracing(core_app, &tracing);
	for (char name[] = "a"; name[0] <= 'f'; name[0]++)
		json_object_set_new(labels, name, json_true());
	run_labelled("/flow/nap", json_integer(SHORT), labels);
	ck_assert_uint_eq(ahead, 0);
}
END_TEST

static const gk_span *written;

static bool write_ahead_of_it(void)
{
	gk_span span = whole(written);
	bool worked;

	gk_span_write_ahead(&span);
	worked = span.ahead.text.len > 0;
	gk_span_forget_ahead(&span);
	return worked;
}

static void write_without_memory(const gk_span *span, void *user)
{
	written = span;
	fault_sweep(write_ahead_of_it);
	*(bool *)user = true;
}

START_TEST(what_cannot_be_written_ahead_for_want_of_memory_is_not)
{
	bool swept = false;
	const gk_span_observer writer = { .ended = write_without_memory, .user = &swept };

	ck_assert(gk_app_add_observer(core_app, &writer));
	run_labelled("/flow/echo", json_pack("{s:s}", "text", "a \"text\""), NULL);
	ck_assert(swept);
	gk_app_remove_observer(core_app, &writer);
}
END_TEST

static void assert_written(const gk_span *span, const char *text, bool is_there)
{
	gk_auto_buf gk_buf data = GK_BUF_INIT(0);

	gk_span_append_data(&data, span);
	ck_assert(!gk_buf_failed(&data));
	ck_assert_int_eq(strstr(data.data, text) != NULL, is_there);
}

START_TEST(fewer_attributes_are_kept_when_the_limit_falls_after_some_were_written)
{
	gk_tracing tracing = { .limits = { 64, 8, 0, 0, 0 } };
	gk_span span;

	gk_app_set_tracing(core_app, &tracing);
	gk_span_start(&span, core_app, NULL, "one");
	span.labels = json("{'a':1,'b':2,'c':3}");
	span.metadata = json("{'late':'yes'}");
	gk_span_write_ahead(&span);
	ck_assert_uint_eq(span.ahead.labels, 3);
	assert_written(&span, "genkit:metadata:late", true);
	tracing.limits.attributes = 4;
	gk_app_set_tracing(core_app, &tracing);
	assert_written(&span, "genkit:metadata:late", false);
	json_decref(span.labels);
	json_decref(span.metadata);
	gk_span_forget_ahead(&span);
}
END_TEST

/* Two turns of a call may have the same request, to whose list the first has added. */
START_TEST(an_input_whose_list_may_grow_is_not_remembered)
{
	gk_auto_json json_t *input = json("{'messages':[{'role':'user'}]}");
	gk_json_memo memo = { .has_members = true };
	gk_span span;

	gk_span_start(&span, core_app, NULL, "generate");
	span.input = input;
	span.memo = &memo;
	span.has_messages = true;
	span.input_messages = 1;
	assert_written(&span, "user", true);
	json_array_append_new(json_object_get(input, "messages"), json("{'role':'model'}"));
	span.input_messages = 2;
	assert_written(&span, "model", true);
	gk_json_memo_done(&memo);
}
END_TEST

/* --- runs that settle --- */

START_TEST(a_run_ends_when_its_observers_have_settled)
{
	gk_run *run;

	is_held = true;
	run = core_begin(&(gk_run_opts){ .app = core_app, .key = "/flow/echo" });
	gk_loop_turn(core_loop, 1);
	ck_assert(!gk_run_is_done(run));
	ck_assert_ptr_null(gk_app_find_run_peek(core_app, gk_run_trace_id(run))); /* too late */
	ck_assert_uint_eq(settled, 1);
	gk_run_cancel(run, GK_CANCELLED);
	gk_loop_turn(core_loop, 1);
	ck_assert(!gk_run_is_done(run));
	is_held = false;
	gk_fiber_wake(held);
	core_finish(run);
	gk_run_unref(run);
}
END_TEST

START_TEST(a_run_without_a_span_has_nothing_to_settle)
{
	core_fail("/flow/missing", NULL, GK_NOT_FOUND, NULL);
	ck_assert_uint_eq(settled, 0);
}
END_TEST

START_TEST(there_is_a_limit_to_observers)
{
	static const gk_span_observer idle[GK_MAX_OBSERVERS + 1];
	size_t added = 0;

	while (added <= GK_MAX_OBSERVERS && gk_app_add_observer(core_app, &idle[added]))
		added++;
	ck_assert_uint_ge(added, GK_MAX_OBSERVERS - 2); /* others watch as well */
	ck_assert_uint_le(added, GK_MAX_OBSERVERS);
	gk_app_remove_observer(core_app, &idle[0]);
	ck_assert(gk_app_add_observer(core_app, &idle[GK_MAX_OBSERVERS]));
	ck_assert(!gk_app_add_observer(core_app, &idle[0]));
	for (size_t i = 0; i <= GK_MAX_OBSERVERS; i++)
		gk_app_remove_observer(core_app, &idle[i]);
}
END_TEST

static Suite *observer_suite(void)
{
	Suite *suite = suite_create("observer");
	TCase *tests = tcase_create("observer");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_span_that_is_over_at_once_does_not_last);
	tcase_add_test(tests, a_span_that_lasts_is_shown_once_while_it_runs);
	tcase_add_test(tests, what_is_known_of_a_span_is_written_while_its_run_waits);
	tcase_add_test(tests, what_was_written_of_a_span_that_lasts_is_given_back);
	tcase_add_test(tests, what_was_written_ahead_is_forgotten_when_it_changes);
	tcase_add_test(tests, an_input_that_was_cut_ahead_makes_a_truncated_span);
	tcase_add_test(tests, a_span_with_more_labels_than_may_stay_is_not_written_ahead);
	tcase_add_test(tests, what_cannot_be_written_ahead_for_want_of_memory_is_not);
	tcase_add_test(
		tests, fewer_attributes_are_kept_when_the_limit_falls_after_some_were_written);
	tcase_add_test(tests, an_input_whose_list_may_grow_is_not_remembered);
	tcase_add_test(tests, a_run_ends_when_its_observers_have_settled);
	tcase_add_test(tests, a_run_without_a_span_has_nothing_to_settle);
	tcase_add_test(tests, there_is_a_limit_to_observers);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(observer_suite)
