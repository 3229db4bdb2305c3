/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The gate before a provider: how many go at once and a minute, whose turn it is, and when nobody asks any more. */
#include "base/limits.h"
#include "plugins/common/gate.h"
#include "provider.h"

#include <genkit/plugins.h>

/* --- a service that answers when it is told to --- */

static int started, answers; /* requests that have come, and that may be answered */
static int status;
static const char *retry_after; /* the header; NULL: none */
static char order[64];          /* the texts of the requests, in the order of their coming */
static bool is_dead;            /* no connection comes about */

static char text_of(const gk_outgoing *out)
{
	const char *at = strstr(out->body, "\"content\":\"");

	return at ? at[strlen("\"content\":\"")] : '?';
}

#define ANSWER "{\"choices\":[{\"message\":{\"content\":\"hello\"},\"finish_reason\":\"stop\"}]}"

static gk_code answer(const gk_outgoing *out, provider_reply *reply, gk_error *err)
{
	int own = ++started;
	gk_code rc = GK_OK;

	if (strlen(order) < sizeof(order) - 1)
		strncat(order, (const char[]){ text_of(out), '\0' }, 1);
	if (is_dead)
		return gk_error_set(err, GK_UNAVAILABLE, "nobody is there");
	while (rc == GK_OK && answers < own)
		rc = gk_fiber_sleep(1, err);
	reply->status = status;
	reply->header = retry_after;
	reply->text = rc == GK_OK ? strdup(ANSWER) : NULL;
	return rc == GK_OK && !reply->text
		       ? gk_error_set(err, GK_RESOURCE_EXHAUSTED, "out of memory")
		       : rc;
}

/* --- callers --- */

static gk_code ask(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *request = json_pack(
		"{s:[{s:s, s:[{s:O}]}]}", "messages", "role", "user", "content", "text", input);

	return gk_run_action(ctx, "/model/zoo/m", request, ret, err);
}

/* Its input as often as it says, at once. */
static gk_code ask_often(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_parallel items[8] = { 0 };
	gk_code rc;

	(void)ret;
	for (size_t i = 0; i < 8; i++)
		items[i] = (gk_parallel){ .fn = ask, .input = input };
	rc = gk_run_parallel(ctx, items, 8, err);
	for (size_t i = 0; i < 8; i++) {
		json_decref(items[i].ret);
		gk_error_clear(&items[i].err);
	}
	return rc;
}

static void use(const char *options)
{
	gk_auto_json json_t *all = json(options);

	json_object_set_new(all, "name", json_string("zoo"));
	json_object_set_new(all, "base_url", json_string("http://zoo.invalid"));
	provider_start(answer);
	ck_assert_int_eq(gk_use_plugin(core_app, "compat", all, NULL), GK_OK);
	core_flow("a", ask, NULL);
	core_flow("b", ask, NULL);
	core_flow("often", ask_often, NULL);
}

static gk_run *begin_within(const char *key, const char *text, uint64_t timeout_ms)
{
	gk_auto_json json_t *input = json_string(text);

	return core_begin(GK_OPTS(gk_run_opts, .app = core_app, .key = key, .input = input,
		.timeout_ms = timeout_ms));
}

static gk_run *begin(const char *key, const char *text)
{
	return begin_within(key, text, 0);
}

static void end(gk_run *run)
{
	core_finish(run);
	gk_run_unref(run);
}

/* It went well. */
static void end_well(gk_run *run)
{
	core_finish(run);
	ck_assert_ptr_null(gk_run_error_peek(run));
	gk_run_unref(run);
}

/* Milliseconds after which to ask again; -1: it does not say. */
static int64_t end_badly(gk_run *run, gk_code code, const char *part)
{
	const gk_error *err;
	int64_t retry_ms;

	core_finish(run);
	err = gk_run_error_peek(run);
	ck_assert_ptr_nonnull(err);
	ck_assert_msg(
		err->code == code && strstr(err->message, part), "%d: %s", err->code, err->message);
	retry_ms = gk_json_int_at(err->details, "responseMetadata.retryAfterMs", -1);
	gk_run_unref(run);
	return retry_ms;
}

static void turn(int ms)
{
	uint64_t until = gk_loop_now_ms(core_loop) + (uint64_t)ms;

	while (gk_loop_now_ms(core_loop) < until)
		gk_loop_turn(core_loop, 1);
}

static void keep(const gk_gate_counts *counts, void *user)
{
	*(gk_gate_counts *)user = *counts;
}

static gk_gate_counts counts(void)
{
	gk_gate_counts it = { 0 };

	gk_gate_each(core_app, keep, &it);
	return it;
}

static void set_up(void)
{
	core_start_unseen();
	started = answers = 0;
	status = 200;
	retry_after = NULL;
	is_dead = false;
	*order = '\0';
}

/* --- room --- */

START_TEST(so_many_requests_go_at_once_and_the_others_wait)
{
	gk_run *runs[5];

	use("{'max_concurrent':2}");
	for (int i = 0; i < 5; i++)
		runs[i] = begin("/flow/a", "x");
	turn(20);
	ck_assert_int_eq(started, 2);
	ck_assert_uint_eq(counts().running, 2);
	ck_assert_uint_eq(counts().waiting, 3);
	answers = 1;
	end_well(runs[0]);
	turn(5);
	ck_assert_int_eq(started, 3);
	answers = 5;
	for (int i = 1; i < 5; i++)
		end_well(runs[i]);
	ck_assert_uint_eq(counts().running + counts().waiting, 0);
	ck_assert_uint_eq(counts().good, 5);
}
END_TEST

START_TEST(flows_take_turns)
{
	gk_run *runs[7];

	use("{'maxConcurrent':1}");
	for (int i = 0; i < 5; i++)
		runs[i] = begin("/flow/a", "a");
	runs[5] = begin("/flow/b", "b");
	runs[6] = begin("/flow/b", "b");
	answers = 100;
	for (int i = 0; i < 7; i++)
		end_well(runs[i]);
	ck_assert_str_eq(order, "aababaa");
}
END_TEST

START_TEST(runs_of_a_flow_take_turns)
{
	gk_run *greedy, *modest;

	use("{'maxConcurrent':1}");
	greedy = begin("/flow/often", "g");
	turn(5);
	modest = begin("/flow/often", "m");
	turn(5);
	answers = 100;
	end_well(greedy);
	end_well(modest);
	ck_assert_str_eq(order, "ggmgmgmgmgmgmgmm");
}
END_TEST

START_TEST(a_full_queue_refuses)
{
	gk_run *first, *second;

	use("{'maxConcurrent':1, 'maxQueue':1}");
	first = begin("/flow/a", "x");
	second = begin("/flow/a", "x");
	end_badly(begin("/flow/a", "x"), GK_RESOURCE_EXHAUSTED,
		"zoo: 1 requests are under way and 1 wait: no more may");
	ck_assert_uint_eq(counts().full, 1);
	answers = 9;
	end_well(first);
	end_well(second);
}
END_TEST

START_TEST(whoever_is_called_off_waits_no_more)
{
	gk_run *first, *second, *third;

	use("{'maxConcurrent':1}");
	first = begin("/flow/a", "1");
	second = begin("/flow/a", "2");
	third = begin("/flow/a", "3");
	gk_run_cancel(second, GK_CANCELLED);
	end_badly(second, GK_CANCELLED, "");
	ck_assert_uint_eq(counts().waiting, 1);
	answers = 9;
	end_well(first);
	end_well(third);
	ck_assert_str_eq(order, "13");
}
END_TEST

START_TEST(a_place_goes_on_when_its_taker_is_called_off)
{
	gk_run *first, *second, *third;

	use("{'maxConcurrent':1}");
	first = begin("/flow/a", "1");
	second = begin("/flow/a", "2");
	third = begin("/flow/a", "3");
	turn(3);
	/* Both in one turn: the second is let in, and called off before it goes on. */
	gk_run_cancel(first, GK_CANCELLED);
	gk_run_cancel(second, GK_CANCELLED);
	end_badly(first, GK_CANCELLED, "");
	end_badly(second, GK_CANCELLED, "");
	answers = 9;
	end_well(third);
	ck_assert_uint_eq(counts().running, 0);
}
END_TEST

START_TEST(a_provider_has_the_usual_limits)
{
	static gk_run *runs[GK_GATE_CONCURRENT + GK_GATE_QUEUE];
	size_t count = sizeof(runs) / sizeof(runs[0]);

	use("{}");
	for (size_t i = 0; i < count; i++)
		runs[i] = begin("/flow/a", "x");
	ck_assert_int_eq(started, GK_GATE_CONCURRENT);
	end_badly(begin("/flow/a", "x"), GK_RESOURCE_EXHAUSTED, "no more may");
	answers = (int)count;
	for (size_t i = 0; i < count; i++)
		end_well(runs[i]);
}
END_TEST

/* --- a minute --- */

START_TEST(requests_are_spread_over_the_minute)
{
	uint64_t before;
	gk_run *runs[4];

	use("{'requests_per_minute':'1200'}"); /* one in 50 ms; at first one may go at once */
	answers = 9;
	before = gk_loop_now_ms(core_loop);
	for (int i = 0; i < 4; i++)
		runs[i] = begin("/flow/a", "x");
	ck_assert_int_eq(started, 1);
	for (int i = 0; i < 4; i++)
		end_well(runs[i]);
	ck_assert_uint_ge(gk_loop_now_ms(core_loop) - before, 148);
	turn(1100);
	for (int i = 0; i < 4; i++) /* a second's worth has come together */
		end_well(begin("/flow/a", "x"));
	ck_assert_uint_eq(counts().waiting, 0);
}
END_TEST

START_TEST(who_was_let_in_and_sent_nothing_costs_no_request_of_the_minute)
{
	uint64_t before;
	gk_run *first, *second, *third;

	use("{'maxConcurrent':1, 'requests_per_minute':'30'}"); /* no more than one comes together */
	first = begin("/flow/a", "1");
	second = begin("/flow/a", "2");
	third = begin("/flow/a", "3");
	turn(2050);
	before = gk_loop_now_ms(core_loop);
	gk_run_cancel(first, GK_CANCELLED);
	gk_run_cancel(second, GK_CANCELLED);
	end_badly(first, GK_CANCELLED, "");
	end_badly(second, GK_CANCELLED, "");
	answers = 9;
	end_well(third);
	ck_assert_uint_lt(gk_loop_now_ms(core_loop) - before, 1900);
}
END_TEST

START_TEST(a_turn_after_the_deadline_is_not_waited_for)
{
	uint64_t before;

	use("{'requestsPerMinute':6}");
	answers = 9;
	end_well(begin("/flow/a", "x"));
	before = gk_loop_now_ms(core_loop);
	end_badly(begin_within("/flow/a", "x", 9000), GK_DEADLINE_EXCEEDED,
		"zoo: with 6 requests a minute its turn would come after the deadline");
	ck_assert_uint_lt(gk_loop_now_ms(core_loop) - before, 8500);
	ck_assert_int_eq(started, 1);
}
END_TEST

START_TEST(a_deadline_ends_the_waiting)
{
	gk_run *first, *second;

	use("{'maxConcurrent':1}");
	first = begin("/flow/a", "x");
	second = begin_within("/flow/a", "x", 30);
	end_badly(second, GK_DEADLINE_EXCEEDED, "deadline exceeded");
	answers = 9;
	end_well(first);
}
END_TEST

/* --- a service that is down --- */

static void fail_times(unsigned count, int with)
{
	status = with;
	answers = 1000;
	for (unsigned i = 0; i < count; i++)
		end(begin("/flow/a", "x"));
}

static void assert_refused(void)
{
	int before = started;
	int64_t retry_ms = end_badly(
		begin("/flow/a", "x"), GK_UNAVAILABLE, "zoo: it is not asked for now: it failed");

	ck_assert_int_eq(started, before);
	ck_assert_int_gt(retry_ms, 0);
}

START_TEST(a_service_that_fails_on_and_on_is_not_asked_any_more)
{
	use("{}");
	fail_times(GK_GATE_BREAK_AFTER - 1, 503);
	fail_times(1, 200);
	fail_times(GK_GATE_BREAK_AFTER - 1, 500);
	ck_assert_int_eq(counts().state, 0);
	fail_times(1, 529);
	ck_assert_int_eq(counts().state, 1);
	ck_assert_uint_eq(counts().opened, 1);
	assert_refused();
	ck_assert_int_le(end_badly(begin("/flow/a", "x"), GK_UNAVAILABLE, ""), GK_GATE_BREAK_MS);
	ck_assert_uint_eq(counts().broken, 2);
}
END_TEST

START_TEST(a_service_that_nobody_reaches_is_not_asked_any_more)
{
	use("{'breakAfter':2}");
	is_dead = true;
	fail_times(2, 0);
	is_dead = false;
	assert_refused();
}
END_TEST

START_TEST(what_is_the_callers_fault_stops_nobody)
{
	static const int codes[] = { 400, 401, 404, 429, 501 };
	gk_run *run;

	use("{'breakAfter':2}");
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		fail_times(2, codes[i]);
	answers = 0;
	for (int i = 0; i < 3; i++) {
		run = begin("/flow/a", "x");
		gk_run_cancel(run, GK_CANCELLED);
		end(run);
		end(begin_within("/flow/a", "x", 5));
	}
	ck_assert_int_eq(counts().state, 0);
}
END_TEST

START_TEST(it_always_is_asked_when_told_so)
{
	use("{'break_after':0}");
	fail_times(20, 503);
	ck_assert_int_eq(started, 20);
}
END_TEST

START_TEST(one_request_tries_and_its_success_lets_all_go)
{
	gk_run *probe;

	use("{'breakAfter':1, 'breakTime':20}");
	fail_times(1, 503);
	turn(25);
	ck_assert_int_eq(counts().state, 2);
	answers = started;
	status = 200;
	probe = begin("/flow/a", "x");
	turn(5);
	ck_assert_int_eq(started, 2);
	assert_refused();
	answers = 9;
	end_well(probe);
	ck_assert_int_eq(counts().state, 0);
	end_well(begin("/flow/a", "x"));
}
END_TEST

START_TEST(a_try_that_fails_is_the_last_for_a_while)
{
	use("{'breakAfter':3, 'breakTime':20}");
	fail_times(3, 503);
	turn(25);
	fail_times(1, 503);
	assert_refused();
	ck_assert_uint_eq(counts().opened, 2);
}
END_TEST

START_TEST(a_try_that_is_called_off_lets_another_try)
{
	gk_run *probe;

	use("{'breakAfter':1, 'breakTime':20}");
	fail_times(1, 503);
	turn(25);
	answers = started;
	probe = begin("/flow/a", "x");
	gk_run_cancel(probe, GK_CANCELLED);
	end(probe);
	answers = 9;
	status = 200;
	end_well(begin("/flow/a", "x"));
	ck_assert_int_eq(counts().state, 0);
}
END_TEST

START_TEST(what_the_service_says_of_when_to_ask_again_is_kept)
{
	use("{'breakAfter':1, 'breakTime':1}");
	retry_after = "retry-after: 30";
	fail_times(1, 503);
	turn(10);
	ck_assert_int_gt(end_badly(begin("/flow/a", "x"), GK_UNAVAILABLE, "not asked"), 29000);
}
END_TEST

START_TEST(but_not_for_longer_than_there_is_patience)
{
	int64_t retry_ms;

	use("{'breakAfter':1}");
	retry_after = "retry-after: 99999999";
	fail_times(1, 503);
	retry_ms = end_badly(begin("/flow/a", "x"), GK_UNAVAILABLE, "not asked");
	ck_assert_int_le(retry_ms, GK_GATE_BREAK_MAX_MS);
	ck_assert_int_gt(retry_ms, GK_GATE_BREAK_MAX_MS - 1000);
}
END_TEST

START_TEST(those_who_wait_hear_of_it_at_once)
{
	gk_run *first, *second;

	use("{'breakAfter':1, 'maxConcurrent':1}");
	first = begin("/flow/a", "x");
	second = begin("/flow/a", "x");
	status = 503;
	answers = 1;
	end_badly(first, GK_UNAVAILABLE, "[503]");
	end_badly(second, GK_UNAVAILABLE, "not asked");
	ck_assert_int_eq(started, 1);
}
END_TEST

/* --- memory --- */

/* One goes, one waits for it, by turns of a rate; both end well, or say that memory ran out. */
static json_t *said;
static bool somebody_stayed;

static bool two_in_turn(void)
{
	gk_run *runs[2] = { NULL, NULL };
	bool ok = true;

	started = 0;
	answers = 9;
	for (int i = 0; i < 2; i++)
		ok &= gk_run_start(GK_OPTS(gk_run_opts, .app = core_app, .key = "/flow/a",
					   .input = said),
			      &runs[i], NULL) == GK_OK;
	for (int i = 0; i < 2; i++) {
		if (!runs[i])
			continue;
		for (int turns = 0; !gk_run_is_done(runs[i]) && turns < 2000; turns++)
			gk_loop_turn(core_loop, 10);
		ok &= gk_run_is_done(runs[i]) && !gk_run_error_peek(runs[i]);
		gk_run_unref(runs[i]);
	}
	somebody_stayed |= counts().running + counts().waiting > 0;
	return ok;
}

START_TEST(memory_that_runs_out_leaves_nobody_behind)
{
	use("{'maxConcurrent':1, 'requestsPerMinute':60000, 'breakAfter':0}");
	answers = 9;
	end_well(begin("/flow/a", "x"));
	said = json_string("x");
	somebody_stayed = false;
	fault_sweep(two_in_turn);
	ck_assert(!somebody_stayed);
	json_decref(said);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("gate");
	TCase *room = tcase_create("room"), *down = tcase_create("down");

	tcase_add_checked_fixture(room, set_up, core_stop);
	tcase_set_timeout(room, 60);
	tcase_add_test(room, so_many_requests_go_at_once_and_the_others_wait);
	tcase_add_test(room, flows_take_turns);
	tcase_add_test(room, runs_of_a_flow_take_turns);
	tcase_add_test(room, a_full_queue_refuses);
	tcase_add_test(room, whoever_is_called_off_waits_no_more);
	tcase_add_test(room, a_place_goes_on_when_its_taker_is_called_off);
	tcase_add_test(room, a_provider_has_the_usual_limits);
	tcase_add_test(room, requests_are_spread_over_the_minute);
	tcase_add_test(room, who_was_let_in_and_sent_nothing_costs_no_request_of_the_minute);
	tcase_add_test(room, a_turn_after_the_deadline_is_not_waited_for);
	tcase_add_test(room, a_deadline_ends_the_waiting);
	suite_add_tcase(s, room);
	tcase_add_checked_fixture(down, set_up, core_stop);
	tcase_add_test(down, a_service_that_fails_on_and_on_is_not_asked_any_more);
	tcase_add_test(down, a_service_that_nobody_reaches_is_not_asked_any_more);
	tcase_add_test(down, what_is_the_callers_fault_stops_nobody);
	tcase_add_test(down, it_always_is_asked_when_told_so);
	tcase_add_test(down, one_request_tries_and_its_success_lets_all_go);
	tcase_add_test(down, a_try_that_fails_is_the_last_for_a_while);
	tcase_add_test(down, a_try_that_is_called_off_lets_another_try);
	tcase_add_test(down, what_the_service_says_of_when_to_ask_again_is_kept);
	tcase_add_test(down, but_not_for_longer_than_there_is_patience);
	tcase_add_test(down, those_who_wait_hear_of_it_at_once);
	tcase_add_test(down, memory_that_runs_out_leaves_nobody_behind);
	suite_add_tcase(s, down);
	return s;
}

UNIT_MAIN(suite)
