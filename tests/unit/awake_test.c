/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* server.keep_awake: when the processor is kept from sleeping, by whom, and for how long (src/loop/awake.c). */
#include "unit.h"

#include "base/clock.h"
#include "base/parse.h"
#include "loop/loop_internal.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>

#define US 1000u
#define MS 1000000u

static gk_loop *loop;
static gk_awake *awake;

/* Stands before libc's. */
static bool refuses;

int sched_setscheduler(pid_t thread, int policy, const struct sched_param *param)
{
	int (*real)(pid_t, int, const struct sched_param *);

	*(void **)&real = dlsym(RTLD_NEXT, "sched_setscheduler");
	if (refuses) {
		errno = EPERM;
		return -1;
	}
	return real(thread, policy, param);
}

static void set_up(void)
{
	refuses = false;
	ck_assert_int_eq(gk_loop_new(&loop, NULL), GK_OK);
	awake = &loop->awake;
}

static void tear_down(void)
{
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

static bool rests_awake(void)
{
	bool ret;

	gk_awake_rest(awake, gk_clock_mono_ns());
	ret = awake->is_kept;
	gk_awake_rise(awake, 50 * US);
	return ret;
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

/* Threads of this process of the class SCHED_IDLE: field 41 of stat, the 39th after the name. */
static int idle_threads(void)
{
	DIR *folder = opendir("/proc/self/task");
	struct dirent *entry;
	int ret = 0;

	ck_assert_ptr_nonnull(folder);
	while ((entry = readdir(folder))) {
		char path[300], text[1024], *at;
		uint64_t policy = 0;
		size_t len;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%s/stat", entry->d_name);
		file = entry->d_name[0] == '.' ? NULL : fopen(path, "re");
		if (!file)
			continue;
		len = fread(text, 1, sizeof(text) - 1, file);
		fclose(file);
		text[len] = '\0';
		at = strrchr(text, ')');
		for (int i = 0; at && i < 39; i++)
			at = strchr(at + 1, ' ');
		if (at && gk_parse_u64(at + 1, strcspn(at + 1, " "), &policy))
			ret += policy == SCHED_IDLE;
	}
	closedir(folder);
	return ret;
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
	ck_assert(!rests_awake());
	wait_for(1 * MS, 100);
	ck_assert(rests_awake());
	for (int i = 0; i < 100; i++) {
		wait_for(1 * MS, 1);
		wait_for(3 * MS, 1);
	}
	ck_assert(!rests_awake());
	for (int i = 0; i < 100; i++) {
		wait_for(1 * MS, 9);
		wait_for(3 * MS, 1);
	}
	ck_assert(rests_awake());
}
END_TEST

START_TEST(where_most_waits_are_short_it_is_not_worth_it)
{
	keep(2 * MS);
	wait_for(50 * US, 100);
	ck_assert(!rests_awake());
	wait_for(1 * MS, 100);
	wait_for(50 * US, 10);
	ck_assert(rests_awake());
	wait_for(50 * US, 40);
	ck_assert(!rests_awake());
	for (int i = 0; i < 50; i++) { /* a request, and its provider's answer */
		wait_for(1 * MS, 1);
		wait_for(50 * US, 1);
	}
	ck_assert(rests_awake());
	for (int i = 0; i < 50; i++) {
		wait_for(1 * MS, 1);
		wait_for(50 * US, 9);
	}
	ck_assert(!rests_awake());
}
END_TEST

START_TEST(no_window_means_never)
{
	wait_for(1, 100);
	wait_for(1 * MS, 100);
	ck_assert(!rests_awake());
	keep(2 * MS);
	wait_for(1 * MS, 100);
	ck_assert(rests_awake());
	keep(0);
	ck_assert(!rests_awake());
}
END_TEST

START_TEST(a_loop_that_is_woken_often_is_kept_awake)
{
	keep(500 * MS);
	turn(2, 60);
	ck_assert_uint_gt(gk_loop_kept_awake_us(loop), 1000);
}
END_TEST

START_TEST(a_loop_that_is_woken_seldom_sleeps)
{
	keep(2 * MS);
	turn(8, 40);
	ck_assert_uint_eq(gk_loop_kept_awake_us(loop), 0);
	ck_assert(!awake->has_thread);
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

/* --- by whom --- */

START_TEST(a_thread_of_the_lowest_class_does_it_until_the_loop_ends)
{
	keep(500 * MS);
	turn(2, 60);
	for (int i = 0; i < 500 && !idle_threads(); i++)
		turn(2, 1);
	ck_assert(!atomic_load(&awake->is_refused));
	ck_assert_int_eq(idle_threads(), 1);
	gk_loop_free(loop);
	ck_assert_int_eq(idle_threads(), 0);
	set_up();
}
END_TEST

START_TEST(where_the_system_refuses_such_a_thread_the_processor_sleeps)
{
	uint64_t kept;

	refuses = true;
	keep(500 * MS);
	turn(2, 60);
	for (int i = 0; i < 500 && !atomic_load(&awake->is_refused); i++)
		turn(2, 1);
	ck_assert(atomic_load(&awake->is_refused));
	kept = gk_loop_kept_awake_us(loop);
	turn(2, 20);
	ck_assert_uint_eq(gk_loop_kept_awake_us(loop), kept);
	ck_assert(!rests_awake());
}
END_TEST

/* Not at its end, so that other programs on a busy machine may take their part of it. */
START_TEST(it_stops_when_the_window_is_over)
{
	uint64_t before, kept;

	keep(500 * MS);
	turn(2, 60);
	keep(20 * MS);
	turn(2, 3); /* nothing is left of the longer window */
	kept = gk_loop_kept_awake_us(loop);
	before = cpu_ns();
	turn(1000, 1);
	ck_assert_uint_lt(cpu_ns() - before, 500 * MS);
	ck_assert_uint_le(gk_loop_kept_awake_us(loop) - kept, 20000);
	for (int i = 0; i < 500 && !atomic_load(&awake->is_parked); i++)
		gk_loop_turn(loop, 1);
	ck_assert(atomic_load(&awake->is_parked));
}
END_TEST

START_TEST(it_is_called_again_after_it_has_stopped)
{
	uint64_t kept;

	keep(500 * MS);
	turn(2, 60);
	keep(20 * MS);
	turn(200, 1);
	kept = gk_loop_kept_awake_us(loop);
	turn(2, 20);
	ck_assert_uint_gt(gk_loop_kept_awake_us(loop), kept);
	gk_awake_rest(awake, gk_clock_mono_ns() + 1000000000u);
	for (int i = 0; i < 5000 && atomic_load(&awake->is_parked); i++) {
		struct timespec pause = { .tv_nsec = 1 * MS };

		nanosleep(&pause, NULL);
	}
	ck_assert(!atomic_load(&awake->is_parked));
	gk_awake_rise(awake, 1 * MS);
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
	tcase_add_test(tcase, a_loop_that_is_woken_often_is_kept_awake);
	tcase_add_test(tcase, a_loop_that_is_woken_seldom_sleeps);
	tcase_add_test(tcase, turns_that_do_not_wait_say_nothing);
	tcase_add_test(tcase, a_thread_of_the_lowest_class_does_it_until_the_loop_ends);
	tcase_add_test(tcase, where_the_system_refuses_such_a_thread_the_processor_sleeps);
	tcase_add_test(tcase, it_stops_when_the_window_is_over);
	tcase_add_test(tcase, it_is_called_again_after_it_has_stopped);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(awake_suite)
