/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "base/cpu_slice.h"
#include "base/limits.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static long refused; /* the number of the system call that is */
static int niceness; /* that a thread is said to have; 0: its own */

/* Stands before libc's, for the two that are called here; they have at most so many arguments. */
long syscall(long number, ...)
{
	long (*real)(long, ...), with[4], ret;
	va_list args;

	*(void **)&real = dlsym(RTLD_NEXT, "syscall");
	va_start(args, number);
	for (int i = 0; i < 4; i++)
		with[i] = va_arg(args, long);
	va_end(args);
	if (number == refused) {
		errno = EPERM;
		return -1;
	}
	ret = real(number, with[0], with[1], with[2], with[3]);
	if (number == SYS_sched_getattr && niceness)
		((int32_t *)with[1])[4] = niceness; /* sched_nice */
	return ret;
}

/* In nanoseconds; 0: the kernel knows no turns of a thread's own. */
static uint64_t turn(void)
{
	uint64_t attributes[7] = { 0 };

	ck_assert_int_eq(syscall(SYS_sched_getattr, 0, attributes, sizeof(attributes), 0), 0);
	return attributes[3]; /* sched_runtime */
}

static void *tell_turn(void *user)
{
	*(uint64_t *)user = turn();
	return NULL;
}

typedef struct asking {
	uint64_t before, after, of_another;
	bool is_done;
	int policy;
} asking;

static void *ask(void *user)
{
	asking *it = user;
	const struct sched_param none = { 0 };
	pthread_t another;

	if (it->policy != SCHED_OTHER)
		ck_assert_int_eq(sched_setscheduler(0, it->policy, &none), 0);
	it->before = turn();
	it->is_done = gk_cpu_ask_short_turns();
	it->after = turn();
	it->policy = sched_getscheduler(0);
	ck_assert_int_eq(pthread_create(&another, NULL, tell_turn, &it->of_another), 0);
	pthread_join(another, NULL);
	return NULL;
}

static asking in_a_thread(int policy)
{
	asking it = { .policy = policy };
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, ask, &it), 0);
	pthread_join(thread, NULL);
	return it;
}

START_TEST(who_asks_has_short_turns_and_the_threads_that_it_starts_have_not)
{
	asking it = in_a_thread(SCHED_OTHER);

	ck_assert(it.is_done);
	ck_assert_uint_eq(it.after, it.before ? GK_LOOP_SLICE_US * 1000u : 0);
	ck_assert_uint_eq(it.of_another, it.before);
	ck_assert_uint_eq(turn(), it.before);
}
END_TEST

START_TEST(a_thread_of_another_class_is_left_as_it_is)
{
	asking it = in_a_thread(SCHED_BATCH);

	ck_assert(!it.is_done);
	ck_assert_uint_eq(it.after, it.before);
	ck_assert_int_eq(it.policy, SCHED_BATCH);
}
END_TEST

START_TEST(a_thread_that_has_precedence_keeps_it)
{
	asking it;

	niceness = -5;
	it = in_a_thread(SCHED_OTHER);
	niceness = 0;
	ck_assert(!it.is_done);
	ck_assert_uint_eq(it.after, it.before);
}
END_TEST

START_TEST(a_refusal_is_told)
{
	refused = SYS_sched_setattr;
	ck_assert(!gk_cpu_ask_short_turns());
	refused = SYS_sched_getattr;
	ck_assert(!gk_cpu_ask_short_turns());
	refused = 0;
}
END_TEST

static Suite *cpu_slice_suite(void)
{
	Suite *suite = suite_create("cpu slice");
	TCase *tcase = tcase_create("cpu slice");

	tcase_add_test(tcase, who_asks_has_short_turns_and_the_threads_that_it_starts_have_not);
	tcase_add_test(tcase, a_thread_of_another_class_is_left_as_it_is);
	tcase_add_test(tcase, a_thread_that_has_precedence_keeps_it);
	tcase_add_test(tcase, a_refusal_is_told);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(cpu_slice_suite)
