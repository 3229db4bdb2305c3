/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "base/clock.h"
#include "base/limits.h"
#include "loop/fiber.h"
#include "loop/loop_internal.h"

#include "config.h"

#include <stdio.h>
#include <unistd.h>
#ifdef HAVE_VALGRIND_VALGRIND_H
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif
#ifdef GK_HAVE_ASAN
#define COUNTS_ITS_OWN 1 /* the sanitizer's memory is ours to the kernel */
#else
#define COUNTS_ITS_OWN RUNNING_ON_VALGRIND
#endif

static gk_loop *loop;
static char seen[256]; /* what happened, a letter each */

static void set_up(void)
{
	seen[0] = '\0';
	ck_assert_int_eq(gk_loop_new(&loop, NULL), GK_OK);
}

static void tear_down(void)
{
	ck_assert_uint_eq(gk_fiber_count(loop), 0);
	gk_loop_free(loop);
}

static void note(const char *what)
{
	strcat(seen, what);
}

static gk_fiber *start(gk_fiber_fn *fn, void *user)
{
	gk_fiber *fiber = NULL;

	ck_assert_int_eq(gk_fiber_start(loop, "test", NULL, fn, user, &fiber, NULL), GK_OK);
	return fiber;
}

static void start_alone(gk_scope *scope, gk_fiber_fn *fn, void *user)
{
	ck_assert_int_eq(gk_fiber_start(loop, "test", scope, fn, user, NULL, NULL), GK_OK);
}

/* --- starting and ending --- */

static void note_name(void *user)
{
	note(user);
	ck_assert_ptr_nonnull(gk_fiber_self());
	ck_assert_ptr_eq(gk_fiber_loop(gk_fiber_self()), loop);
	ck_assert_ptr_eq(gk_loop_self(), loop);
}

START_TEST(a_fiber_started_from_the_loop_runs_at_once)
{
	gk_fiber *fiber = start(note_name, "a");

	ck_assert_str_eq(seen, "a");
	ck_assert(gk_fiber_is_done(fiber));
	ck_assert_ptr_null(gk_fiber_self());
	ck_assert_ptr_null(gk_fiber_unref(fiber));
	ck_assert_ptr_null(gk_fiber_unref(NULL));
}
END_TEST

static void start_two(void *user)
{
	note("(");
	start_alone(NULL, note_name, "a");
	start_alone(NULL, note_name, "b");
	note(user);
}

START_TEST(a_fiber_started_from_a_fiber_waits_its_turn)
{
	start_alone(NULL, start_two, ")");
	ck_assert_str_eq(seen, "()");
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "()ab");
}
END_TEST

START_TEST(a_name_too_long_for_the_log_is_cut)
{
	char name[200];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(gk_fiber_start(loop, name, NULL, note_name, "a", NULL, NULL), GK_OK);
}
END_TEST

static void wait_for_flag(void *user)
{
	bool *flag = user;

	while (!*flag)
		gk_fiber_park_shielded();
}

START_TEST(no_more_fibers_than_the_limit)
{
	gk_auto_error gk_error err = { 0 };
	gk_fiber *fibers[4];
	bool flag = false;

	ck_assert_uint_eq(loop->max_fibers, GK_MAX_FIBERS);
	gk_fiber_set_max(loop, 4);
	for (int i = 0; i < 4; i++)
		fibers[i] = start(wait_for_flag, &flag);
	ck_assert_int_eq(gk_fiber_start(loop, "fifth", NULL, note_name, "x", NULL, &err),
		GK_RESOURCE_EXHAUSTED);
	ck_assert_str_eq(err.message, "too many fibers (4)");
	ck_assert_uint_eq(gk_fiber_count(loop), 4);
	flag = true;
	for (int i = 0; i < 4; i++) {
		gk_fiber_wake(fibers[i]);
		gk_fiber_unref(fibers[i]);
	}
	gk_loop_run(loop);
	start_alone(NULL, note_name, "y");
	ck_assert_str_eq(seen, "y");
}
END_TEST

/* Stacks above the pool's size are given back, and so are those that nobody needs for long. */
START_TEST(the_pool_keeps_as_many_stacks_as_its_limit)
{
	static gk_fiber *fibers[GK_FIBER_POOL + 10];
	bool flag = false;

	for (size_t i = 0; i < GK_FIBER_POOL + 10; i++)
		fibers[i] = start(wait_for_flag, &flag);
	flag = true;
	for (size_t i = 0; i < GK_FIBER_POOL + 10; i++) {
		gk_fiber_wake(fibers[i]);
		gk_fiber_unref(fibers[i]);
	}
	gk_loop_run(loop);
	ck_assert_uint_eq(loop->stacks.count, GK_FIBER_POOL);
	for (int i = 0; i < 2; i++) {
		start_alone(NULL, note_name, "a");
		gk_timer_arm(&loop->stacks.trim, 0);
		gk_loop_turn(loop, 1);
	}
	ck_assert_uint_eq(loop->stacks.count, 1);
	start_alone(NULL, note_name, "a"); /* its depth was given back: it still runs */
	gk_timer_arm(&loop->stacks.trim, 0);
	gk_loop_turn(loop, 1);
	gk_timer_arm(&loop->stacks.trim, 0);
	gk_loop_turn(loop, 1);
	ck_assert_uint_eq(loop->stacks.count, 0);
	ck_assert(!loop->stacks.trim.is_armed);
}
END_TEST

/* --- the stack --- */

typedef float four __attribute__((vector_size(16)));

/* An entry frame that is off by eight bytes passes most code and kills aligned vector moves. */
static void use_vectors(void *user)
{
	volatile four a = { 1, 2, 3, 4 };
	volatile four b;
	double numbers[2] = { 0.5, 1e300 };
	char text[400];

	ck_assert_uint_eq((uintptr_t)&a % 16, 0);
	b = a * a + a;
	ck_assert(b[3] == 20.0f);
	snprintf(text, sizeof(text), "%f %.3e %Lf", numbers[0], numbers[1], (long double)2.25);
	ck_assert_str_eq(text, "0.500000 1.000e+300 2.250000");
	ck_assert_int_eq(gk_fiber_yield(NULL), GK_OK);
	ck_assert(b[0] == 2.0f);
	note(user);
}

START_TEST(vectors_and_floats_work_on_a_fibers_stack)
{
	for (int i = 0; i < 3; i++)
		start_alone(NULL, use_vectors, "v");
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "vvv");
}
END_TEST

#define DEEP (180u << 10)

static void go_deep(void *user)
{
	volatile char room[DEEP];

	for (size_t i = 0; i < sizeof(room); i += 512)
		room[i] = (char)i;
	ck_assert_int_eq(gk_fiber_yield(NULL), GK_OK);
	for (size_t i = 0; i < sizeof(room); i += 512)
		ck_assert_int_eq(room[i], (char)i);
	note(user);
}

START_TEST(a_stack_is_deep_and_each_fibers_own)
{
	start_alone(NULL, go_deep, "d");
	start_alone(NULL, go_deep, "d");
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "dd");
}
END_TEST

START_TEST(locals_of_the_floor_above_belong_to_a_fiber)
{
	bool flag = false;
	gk_fiber *fiber = start(wait_for_flag, &flag);

	ck_assert_ptr_null(gk_fiber_local(fiber));
	gk_fiber_set_local(fiber, &flag);
	ck_assert_ptr_eq(gk_fiber_local(fiber), &flag);
	flag = true;
	gk_fiber_wake(fiber);
	gk_loop_run(loop);
	gk_fiber_unref(fiber);
}
END_TEST

/* --- parking --- */

typedef struct parker {
	const char *name;
	gk_fiber *fiber;
	bool has_event;
	int parks;
	gk_code rc;
} parker;

static void park_for_event(void *user)
{
	parker *self = user;

	self->fiber = gk_fiber_self();
	while (!self->has_event && self->rc == GK_OK) {
		self->parks++;
		self->rc = gk_fiber_park(NULL);
	}
	note(self->name ? self->name : "p");
}

START_TEST(a_parked_fiber_goes_on_when_it_is_woken)
{
	parker self = { 0 };

	start_alone(NULL, park_for_event, &self);
	gk_loop_run(loop); /* nothing to wait for */
	ck_assert_str_eq(seen, "");
	gk_fiber_wake(self.fiber); /* for nothing: it tests its condition */
	gk_loop_run(loop);
	ck_assert_int_eq(self.parks, 2);
	self.has_event = true;
	gk_fiber_wake(self.fiber);
	gk_fiber_wake(self.fiber);
	ck_assert_str_eq(seen, "");
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "p");
	ck_assert_int_eq(self.rc, GK_OK);
}
END_TEST

static void wake_self_then_park(void *user)
{
	gk_fiber_wake(gk_fiber_self());
	ck_assert_int_eq(gk_fiber_yield(NULL), GK_OK); /* does not use up the wake */
	gk_fiber_park_shielded();
	note(user);
}

START_TEST(a_wake_before_the_park_is_not_lost)
{
	start_alone(NULL, wake_self_then_park, "w");
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "w");
}
END_TEST

START_TEST(fibers_go_on_in_the_order_of_waking)
{
	parker a = { .name = "a" }, b = { .name = "b" }, c = { .name = "c" };

	start_alone(NULL, park_for_event, &a);
	start_alone(NULL, park_for_event, &b);
	start_alone(NULL, park_for_event, &c);
	a.has_event = b.has_event = c.has_event = true;
	gk_fiber_wake(c.fiber);
	gk_fiber_wake(a.fiber);
	gk_fiber_wake(b.fiber);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "cab");
}
END_TEST

static void yield_thrice(void *user)
{
	for (int i = 0; i < 3; i++) {
		note(user);
		ck_assert_int_eq(gk_fiber_yield(NULL), GK_OK);
	}
}

START_TEST(fibers_that_yield_take_turns)
{
	start_alone(NULL, yield_thrice, "a");
	start_alone(NULL, yield_thrice, "b");
	ck_assert_str_eq(seen, "ab");
	gk_loop_turn(loop, 1000); /* one step a turn, without waiting */
	ck_assert_str_eq(seen, "abab");
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "ababab");
}
END_TEST

/* Two fibers that wake each other for ever do not keep timers from firing. */
static gk_fiber *players[2];
static bool is_over;

static void play(void *user)
{
	gk_fiber **other = user;

	while (!is_over) {
		gk_fiber_wake(*other);
		gk_fiber_park_shielded();
	}
	gk_fiber_wake(*other);
}

static void start_players(void *user)
{
	(void)user;
	players[0] = start(play, &players[1]);
	players[1] = start(play, &players[0]);
}

static void end_game(void *user)
{
	(void)user;
	is_over = true;
}

START_TEST(fibers_that_wake_each_other_let_the_loop_turn)
{
	gk_timer *timer = NULL;

	is_over = false;
	start_alone(NULL, start_players, NULL);
	ck_assert_int_eq(gk_timer_start(loop, 2, 0, end_game, NULL, &timer, NULL), GK_OK);
	gk_loop_run(loop);
	ck_assert(is_over);
	gk_timer_stop(timer);
	gk_fiber_unref(players[0]);
	gk_fiber_unref(players[1]);
}
END_TEST

/* --- sleeping, joining --- */

static void sleep_some(void *user)
{
	uint64_t *ms = user, started = gk_clock_mono_ms();

	ck_assert_int_eq(gk_fiber_sleep(*ms, NULL), GK_OK);
	ck_assert_uint_ge(gk_clock_mono_ms() - started, *ms);
	note(*ms == 0 ? "0" : *ms == 2 ? "2" : "9");
}

START_TEST(sleepers_wake_in_order_of_their_time)
{
	uint64_t zero = 0, two = 2, thirty = 30;

	start_alone(NULL, sleep_some, &thirty);
	start_alone(NULL, sleep_some, &two);
	start_alone(NULL, sleep_some, &zero);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "029");
}
END_TEST

static void sleep_through_wakes(void *user)
{
	uint64_t started = gk_clock_mono_ms();

	gk_fiber_wake(gk_fiber_self());
	ck_assert_int_eq(gk_fiber_sleep(3, NULL), GK_OK);
	ck_assert_uint_ge(gk_clock_mono_ms() - started, 3);
	note(user);
}

START_TEST(a_wake_that_means_nothing_does_not_end_a_sleep)
{
	start_alone(NULL, sleep_through_wakes, "s");
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "s");
}
END_TEST

static void join_children(void *user)
{
	uint64_t ms = 2;
	gk_fiber *sleeper = start(sleep_some, &ms), *quick = start(note_name, "q");

	gk_fiber_join(quick);
	gk_fiber_join(sleeper);
	gk_fiber_join(sleeper); /* it has ended: at once */
	note(user);
	gk_fiber_unref(quick);
	gk_fiber_unref(sleeper);
}

START_TEST(a_parent_waits_for_its_children)
{
	start_alone(NULL, join_children, "j");
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "q2j");
}
END_TEST

/* --- workers --- */

typedef struct work_item {
	int value;
	bool is_on_loop;
} work_item;

static gk_code double_it(void *arg, gk_error *err)
{
	work_item *item = arg;

	item->is_on_loop = gk_loop_self() != NULL;
	if (item->value < 0)
		return gk_error_set(err, GK_OUT_OF_RANGE, "negative");
	item->value *= 2;
	return GK_OK;
}

static void run_work(void *user)
{
	gk_auto_error gk_error err = { 0 };
	work_item item = { .value = 21, .is_on_loop = true };

	ck_assert_int_eq(gk_work_run(double_it, &item, &err), GK_OK);
	ck_assert_int_eq(item.value, 42);
	ck_assert(!item.is_on_loop);
	item.value = -1;
	ck_assert_int_eq(gk_work_run(double_it, &item, &err), GK_OUT_OF_RANGE);
	ck_assert_str_eq(err.message, "negative");
	note(user);
}

START_TEST(work_runs_on_another_thread_while_the_fiber_waits)
{
	start_alone(NULL, run_work, "w");
	ck_assert_str_eq(seen, "");
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "w");
}
END_TEST

static void work_done(void *arg, gk_code rc, gk_error *err)
{
	work_item *item = arg;

	ck_assert_ptr_eq(gk_loop_self(), loop);
	if (rc == GK_OK)
		ck_assert_int_eq(item->value, 42);
	else
		ck_assert_str_eq(err->message, "negative");
	note(rc == GK_OK ? "o" : "e");
}

START_TEST(work_from_a_callback_reports_its_outcome)
{
	work_item good = { .value = 21 }, bad = { .value = -1 };

	ck_assert_int_eq(gk_work_start(loop, double_it, work_done, &good, NULL), GK_OK);
	gk_loop_run(loop);
	ck_assert_int_eq(gk_work_start(loop, double_it, work_done, &bad, NULL), GK_OK);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "oe");
}
END_TEST

/* --- slow ones --- */

static char slow_name[64];
static uint64_t slow_ms;

static void on_slow(const char *name, uint64_t ms, void *local)
{
	ck_assert_ptr_eq(local, seen);
	snprintf(slow_name, sizeof(slow_name), "%s", name);
	slow_ms = ms;
}

static void hold_the_loop(void *user)
{
	uint64_t until = gk_clock_mono_ms() + *(unsigned *)user;

	gk_fiber_set_local(gk_fiber_self(), seen);
	while (gk_clock_mono_ms() < until)
		;
}

START_TEST(a_fiber_that_keeps_the_loop_is_reported)
{
	unsigned quick = 5, slow = GK_SLOW_FIBER_MS + 10;

	slow_name[0] = '\0';
	gk_fiber_set_slow(loop, on_slow);
	ck_assert_int_eq(
		gk_fiber_start(loop, "quick", NULL, hold_the_loop, &quick, NULL, NULL), GK_OK);
	ck_assert_str_eq(slow_name, "");
	ck_assert_int_eq(
		gk_fiber_start(loop, "slow", NULL, hold_the_loop, &slow, NULL, NULL), GK_OK);
	ck_assert_str_eq(slow_name, "slow");
	ck_assert_uint_ge(slow_ms, GK_SLOW_FIBER_MS);
}
END_TEST

/* --- many --- */

#define MANY       10000
#define ALLOWED_KB 120000ul

static unsigned long resident_kb(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%*u %lu", &pages), 1);
	fclose(file);
	return pages * (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
}

START_TEST(ten_thousand_parked_fibers_fit_in_120_mb)
{
	gk_fiber **fibers = calloc(MANY, sizeof(gk_fiber *));
	unsigned long before = resident_kb(), used;
	bool flag = false;

	for (int i = 0; i < MANY; i++)
		fibers[i] = start(wait_for_flag, &flag);
	used = resident_kb() - before;
	flag = true;
	for (int i = 0; i < MANY; i++) {
		gk_fiber_wake(fibers[i]);
		gk_fiber_unref(fibers[i]);
	}
	gk_loop_run(loop);
	free(fibers);
	ck_assert_msg(used < ALLOWED_KB || COUNTS_ITS_OWN, "%lu KB", used);
}
END_TEST

/* Check allocates in its assertions: none below here. */
static gk_code succeed(void *arg, gk_error *err)
{
	(void)arg;
	(void)err;
	return GK_OK;
}

static void set_flag(void *user)
{
	*(bool *)user = true;
}

static void set_flag_after_work(void *arg, gk_code rc, gk_error *err)
{
	(void)err;
	*(bool *)arg = rc == GK_OK;
}

static bool start_and_work(void)
{
	bool has_run = false, has_worked = false;
	bool worked = gk_fiber_start(loop, "test", NULL, set_flag, &has_run, NULL, NULL) == GK_OK;

	worked &= gk_work_start(loop, succeed, set_flag_after_work, &has_worked, NULL) == GK_OK;
	gk_loop_run(loop);
	return worked && has_run && has_worked;
}

START_TEST(no_memory_is_an_error_and_leaks_nothing)
{
	fault_sweep(start_and_work);
}
END_TEST

static Suite *fiber_suite(void)
{
	Suite *suite = suite_create("fiber");
	TCase *tcase = tcase_create("fiber");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_fiber_started_from_the_loop_runs_at_once);
	tcase_add_test(tcase, a_fiber_started_from_a_fiber_waits_its_turn);
	tcase_add_test(tcase, a_name_too_long_for_the_log_is_cut);
	tcase_add_test(tcase, no_more_fibers_than_the_limit);
	tcase_add_test(tcase, the_pool_keeps_as_many_stacks_as_its_limit);
	tcase_add_test(tcase, vectors_and_floats_work_on_a_fibers_stack);
	tcase_add_test(tcase, a_stack_is_deep_and_each_fibers_own);
	tcase_add_test(tcase, locals_of_the_floor_above_belong_to_a_fiber);
	tcase_add_test(tcase, a_parked_fiber_goes_on_when_it_is_woken);
	tcase_add_test(tcase, a_wake_before_the_park_is_not_lost);
	tcase_add_test(tcase, fibers_go_on_in_the_order_of_waking);
	tcase_add_test(tcase, fibers_that_yield_take_turns);
	tcase_add_test(tcase, fibers_that_wake_each_other_let_the_loop_turn);
	tcase_add_test(tcase, sleepers_wake_in_order_of_their_time);
	tcase_add_test(tcase, a_wake_that_means_nothing_does_not_end_a_sleep);
	tcase_add_test(tcase, a_parent_waits_for_its_children);
	tcase_add_test(tcase, work_runs_on_another_thread_while_the_fiber_waits);
	tcase_add_test(tcase, work_from_a_callback_reports_its_outcome);
	tcase_add_test(tcase, a_fiber_that_keeps_the_loop_is_reported);
	tcase_add_test(tcase, ten_thousand_parked_fibers_fit_in_120_mb);
	tcase_add_test(tcase, no_memory_is_an_error_and_leaks_nothing);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(fiber_suite)
