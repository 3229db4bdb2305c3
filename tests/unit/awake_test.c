/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* server.keep_awake: when the loop looks for what comes rather than sleep, and for how long (src/loop/awake.c). */
#include "unit.h"

#include "base/clock.h"
#include "base/limits.h"
#include "loop/loop_internal.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define US 1000u
#define MS 1000000u

static gk_loop *loop;
static gk_awake *awake;
static int ends[2]; /* of a pipe that the loop watches */
static gk_poll *watched;
static uint64_t yields, yield_ns; /* how many, and how long each takes */
static long switched;             /* in such a yield */
static bool is_taken_in_poll;     /* somebody has the processor while it looks */
static long taken;

static void spend(uint64_t ns)
{
	uint64_t until_ns = gk_clock_mono_ns() + ns;

	while (gk_clock_mono_ns() < until_ns)
		;
}

/* These stand before libc's. */
int sched_yield(void)
{
	yields++;
	spend(yield_ns);
	return 0;
}

int poll(struct pollfd *fds, nfds_t count, int wait_ms)
{
	int (*real)(struct pollfd *, nfds_t, int);

	*(void **)&real = dlsym(RTLD_NEXT, "poll");
	if (is_taken_in_poll) {
		spend(50 * US);
		taken++;
	}
	return real(fds, count, wait_ms);
}

int getrusage(__rusage_who_t who, struct rusage *usage)
{
	int (*real)(__rusage_who_t, struct rusage *);
	int rc;

	*(void **)&real = dlsym(RTLD_NEXT, "getrusage");
	rc = real(who, usage);
	if (who == RUSAGE_THREAD)
		usage->ru_nivcsw = switched * (long)yields + taken;
	return rc;
}

static void hear(void *user, unsigned events)
{
	char byte;

	(void)user;
	(void)events;
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
}

static void set_up(void)
{
	yields = yield_ns = 0;
	switched = taken = 0;
	is_taken_in_poll = false;
	ck_assert_int_eq(gk_loop_new(&loop, NULL), GK_OK);
	awake = &loop->awake;
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(
		gk_poll_start(loop, ends[0], GK_POLL_READ, hear, NULL, &watched, NULL), GK_OK);
}

static void tear_down(void)
{
	gk_poll_stop(watched);
	close(ends[0]);
	close(ends[1]);
	gk_loop_free(loop);
}

/* As gk_loop_keep_awake(), also on a machine that rations processor time. */
static void keep(uint64_t window_ns)
{
	awake->window_ns = window_ns;
}

static void wait_for(uint64_t waited_ns, int times)
{
	for (int i = 0; i < times; i++)
		gk_awake_rise(awake, waited_ns);
}

static bool may_look(void)
{
	return gk_awake_may_look(awake, gk_clock_mono_ns());
}

static void nothing(void *user)
{
	(void)user;
}

/* Turns that a timer ends, each after so long. */
static void turn(uint64_t every_ms, int times)
{
	gk_timer *timer;

	ck_assert_int_eq(
		gk_timer_start(loop, every_ms, every_ms, nothing, NULL, &timer, NULL), GK_OK);
	for (int i = 0; i < times; i++)
		gk_loop_turn(loop, UINT64_MAX);
	gk_timer_stop(timer);
}

static uint64_t cpu_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* --- when --- */

START_TEST(three_of_four_waits_have_to_end_in_time)
{
	keep(2 * MS);
	ck_assert(!may_look());
	wait_for(1 * MS, 100);
	ck_assert(may_look());
	for (int i = 0; i < 100; i++) {
		wait_for(1 * MS, 1);
		wait_for(3 * MS, 1);
	}
	ck_assert(!may_look());
	for (int i = 0; i < 100; i++) {
		wait_for(1 * MS, 9);
		wait_for(3 * MS, 1);
	}
	ck_assert(may_look());
}
END_TEST

START_TEST(where_most_waits_are_short_it_is_not_worth_it)
{
	keep(2 * MS);
	wait_for(50 * US, 100);
	ck_assert(!may_look());
	wait_for(1 * MS, 100);
	wait_for(50 * US, 10);
	ck_assert(may_look());
	wait_for(50 * US, 40);
	ck_assert(!may_look());
	for (int i = 0; i < 50; i++) { /* a request, and its provider's answer */
		wait_for(1 * MS, 1);
		wait_for(50 * US, 1);
	}
	ck_assert(may_look());
	for (int i = 0; i < 50; i++) {
		wait_for(1 * MS, 1);
		wait_for(50 * US, 9);
	}
	ck_assert(!may_look());
}
END_TEST

START_TEST(no_window_means_never)
{
	wait_for(1, 100);
	wait_for(1 * MS, 100);
	ck_assert(!may_look());
	keep(2 * MS);
	wait_for(1 * MS, 100);
	ck_assert(may_look());
	keep(0);
	ck_assert(!may_look());
}
END_TEST

START_TEST(a_loop_that_is_woken_often_looks)
{
	keep(500 * MS);
	turn(2, 60);
	ck_assert_uint_gt(gk_loop_kept_awake_us(loop), 1000);
	ck_assert_uint_gt(yields, 0);
}
END_TEST

START_TEST(a_loop_that_is_woken_seldom_sleeps)
{
	keep(2 * MS);
	turn(8, 40);
	ck_assert_uint_eq(gk_loop_kept_awake_us(loop), 0);
	ck_assert_uint_eq(yields, 0);
}
END_TEST

START_TEST(turns_that_do_not_wait_say_nothing)
{
	keep(500 * MS);
	for (int i = 0; i < 100; i++) {
		struct timespec pause = { .tv_nsec = 200 * US };

		nanosleep(&pause, NULL);
		gk_loop_turn(loop, 0);
	}
	ck_assert_uint_eq(awake->in_time, 0);
}
END_TEST

/* --- until when --- */

static void expect_a_turn_of(uint64_t wait_ms, uint64_t min_ms, uint64_t max_ms)
{
	uint64_t from_ms = gk_clock_mono_ms(), took_ms;

	ck_assert(may_look());
	gk_loop_turn(loop, wait_ms);
	took_ms = gk_clock_mono_ms() - from_ms;
	ck_assert_uint_ge(took_ms, min_ms);
	ck_assert_uint_le(took_ms, max_ms);
}

START_TEST(it_stops_when_the_window_is_over)
{
	uint64_t before, kept;

	keep(500 * MS);
	turn(2, 60);
	keep(20 * MS);
	kept = gk_loop_kept_awake_us(loop);
	before = cpu_ns();
	expect_a_turn_of(1000, 999, 3000);
	ck_assert_uint_lt(cpu_ns() - before, 500 * MS);
	kept = gk_loop_kept_awake_us(loop) - kept;
	ck_assert_uint_ge(kept, 15000);
	ck_assert_uint_lt(kept, 900000);
}
END_TEST

START_TEST(what_is_left_of_a_wait_then_is_slept)
{
	keep(1000 * MS);
	turn(2, 60);
	expect_a_turn_of(1200, 1199, 2100);
}
END_TEST

START_TEST(a_wait_that_is_shorter_than_the_window_ends_it)
{
	keep(30000 * (uint64_t)MS);
	turn(2, 60);
	expect_a_turn_of(50, 49, 5000);
}
END_TEST

START_TEST(a_timer_that_is_due_ends_it)
{
	gk_timer *timer;

	keep(30000 * (uint64_t)MS);
	turn(2, 60);
	ck_assert_int_eq(gk_timer_start(loop, 50, 0, nothing, NULL, &timer, NULL), GK_OK);
	expect_a_turn_of(UINT64_MAX, 49, 5000);
	gk_timer_stop(timer);
}
END_TEST

static void *post_after_50_ms(void *user)
{
	struct timespec pause = { .tv_nsec = 50 * MS };

	nanosleep(&pause, NULL);
	ck_assert(gk_loop_post(user, nothing, NULL));
	return NULL;
}

static void *write_after_50_ms(void *user)
{
	struct timespec pause = { .tv_nsec = 50 * MS };

	nanosleep(&pause, NULL);
	ck_assert_int_eq(write(ends[1], user, 1), 1);
	return NULL;
}

START_TEST(what_comes_ends_it)
{
	pthread_t thread;

	keep(30000 * (uint64_t)MS);
	turn(2, 60);
	ck_assert_int_eq(pthread_create(&thread, NULL, post_after_50_ms, loop), 0);
	expect_a_turn_of(20000, 0, 5000);
	pthread_join(thread, NULL);
	gk_loop_turn(loop, 0); /* it may have come before it rang */
	ck_assert_int_eq(pthread_create(&thread, NULL, write_after_50_ms, loop), 0);
	expect_a_turn_of(UINT64_MAX, 0, 5000);
	pthread_join(thread, NULL);
}
END_TEST

/* --- others --- */

/* A look that finds nothing: nobody else, or somebody at its first yield. */
static void look(bool is_somebody)
{
	yield_ns = is_somebody ? 50 * US : 0;
	switched = is_somebody;
	gk_awake_look(awake, uv_backend_fd(&loop->uv), 1);
}

START_TEST(whoever_wants_the_processor_gets_it_for_longer_each_time)
{
	uint64_t now_ns, rest_ms = GK_AWAKE_REST_MS;

	keep(2 * MS);
	wait_for(1 * MS, 100);
	for (int i = 0; i < 20; i++) {
		yields = 0;
		look(true);
		ck_assert_uint_eq(yields, 1);
		now_ns = gk_clock_mono_ns();
		ck_assert(!gk_awake_may_look(awake, awake->rests_until_ns - 1));
		ck_assert(gk_awake_may_look(awake, awake->rests_until_ns));
		ck_assert_uint_le(awake->rests_until_ns, now_ns + rest_ms * MS);
		ck_assert_uint_eq(awake->rest_ns, rest_ms * MS);
		rest_ms *= 2;
		if (rest_ms > GK_AWAKE_REST_MAX_MS)
			rest_ms = GK_AWAKE_REST_MAX_MS;
	}
	ck_assert_uint_eq(awake->rest_ns, GK_AWAKE_REST_MAX_MS * (uint64_t)MS);
	look(false);
	ck_assert_uint_eq(awake->rest_ns, GK_AWAKE_REST_MAX_MS * (uint64_t)MS / 2);
}
END_TEST

START_TEST(a_pause_in_which_nobody_had_it_means_nothing)
{
	keep(2 * MS);
	wait_for(1 * MS, 100);
	yield_ns = 50 * US;
	gk_awake_look(awake, uv_backend_fd(&loop->uv), 1);
	ck_assert_uint_gt(yields, 0);
	ck_assert_uint_eq(awake->rest_ns, 0);
	ck_assert_uint_eq(awake->rests_until_ns, 0);
}
END_TEST

START_TEST(whoever_takes_it_in_between_is_noticed_though_something_has_come)
{
	keep(2 * MS);
	wait_for(1 * MS, 100);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	gk_loop_turn(loop, 0); /* libuv knows the pipe from here on */
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	is_taken_in_poll = true;
	ck_assert(gk_awake_look(awake, uv_backend_fd(&loop->uv), 1));
	ck_assert_uint_eq(yields, 0);
	ck_assert_uint_eq(awake->rest_ns, GK_AWAKE_REST_MS * (uint64_t)MS);
}
END_TEST

/* It was not offered to anybody. */
START_TEST(a_look_that_finds_something_at_once_shortens_no_rest)
{
	keep(2 * MS);
	wait_for(1 * MS, 100);
	look(true);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	gk_loop_turn(loop, 0);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	switched = 0;
	ck_assert(gk_awake_look(awake, uv_backend_fd(&loop->uv), 1));
	ck_assert_uint_eq(awake->rest_ns, GK_AWAKE_REST_MS * (uint64_t)MS);
}
END_TEST

START_TEST(beside_a_neighbour_it_sleeps)
{
	keep(2 * MS);
	wait_for(1 * MS, 100);
	gk_loop_has_neighbour(loop, true);
	gk_loop_has_neighbour(loop, true);
	ck_assert(!may_look());
	gk_loop_has_neighbour(loop, false);
	ck_assert(!may_look());
	look(false); /* it came after the look began */
	ck_assert_uint_eq(yields, 0);
	gk_loop_has_neighbour(loop, false);
	ck_assert(may_look());
}
END_TEST

static Suite *awake_suite(void)
{
	Suite *suite = suite_create("awake");
	TCase *tcase = tcase_create("awake");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, three_of_four_waits_have_to_end_in_time);
	tcase_add_test(tcase, where_most_waits_are_short_it_is_not_worth_it);
	tcase_add_test(tcase, no_window_means_never);
	tcase_add_test(tcase, a_loop_that_is_woken_often_looks);
	tcase_add_test(tcase, a_loop_that_is_woken_seldom_sleeps);
	tcase_add_test(tcase, turns_that_do_not_wait_say_nothing);
	tcase_add_test(tcase, it_stops_when_the_window_is_over);
	tcase_add_test(tcase, what_is_left_of_a_wait_then_is_slept);
	tcase_add_test(tcase, a_wait_that_is_shorter_than_the_window_ends_it);
	tcase_add_test(tcase, a_timer_that_is_due_ends_it);
	tcase_add_test(tcase, what_comes_ends_it);
	tcase_add_test(tcase, whoever_wants_the_processor_gets_it_for_longer_each_time);
	tcase_add_test(tcase, a_pause_in_which_nobody_had_it_means_nothing);
	tcase_add_test(tcase, whoever_takes_it_in_between_is_noticed_though_something_has_come);
	tcase_add_test(tcase, a_look_that_finds_something_at_once_shortens_no_rest);
	tcase_add_test(tcase, beside_a_neighbour_it_sleeps);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(awake_suite)
