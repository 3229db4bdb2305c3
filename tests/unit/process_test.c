/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "base/process.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child that waits until it is killed, and its key as it told it. */
static pid_t begin(int64_t *key)
{
	int64_t own = gk_process_key(); /* known, when it forks */
	int ends[2];
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		int64_t mine = gk_process_key();
		ssize_t sent = write(ends[1], &mine, sizeof(mine));

		(void)sent;
		for (;;)
			pause();
	}
	ck_assert_int_eq(read(ends[0], key, sizeof(*key)), sizeof(*key));
	close(ends[0]);
	close(ends[1]);
	ck_assert(*key != own);
	return pid;
}

START_TEST(another_process_is_seen_until_it_ends)
{
	int64_t key = 0;
	pid_t pid = begin(&key);

	ck_assert(key != gk_process_key());
	ck_assert_uint_gt(gk_process_start((uint64_t)pid), 0);
	ck_assert(gk_process_is_other(key));
	kill(pid, SIGKILL);
	for (int i = 0; i < 5000 && gk_process_is_other(key); i++)
		usleep(1000);
	ck_assert(!gk_process_is_other(key)); /* nobody has waited for it yet */
	waitpid(pid, NULL, 0);
	ck_assert(!gk_process_is_other(key));
}
END_TEST

START_TEST(a_process_with_the_number_of_an_earlier_one_is_not_it)
{
	int64_t key = 0;
	pid_t pid = begin(&key);

	ck_assert(!gk_process_is_other(key - (INT64_C(1) << 22)));
	ck_assert(!gk_process_is_other(pid));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(this_process_is_no_other)
{
	ck_assert(gk_process_key() == gk_process_key());
	ck_assert(!gk_process_is_other(gk_process_key()));
	ck_assert(!gk_process_is_other(0));
	ck_assert(!gk_process_is_other(-1));
	ck_assert_uint_eq(gk_process_start(UINT64_C(99999999999)), 0);
}
END_TEST

static Suite *process_suite(void)
{
	Suite *suite = suite_create("process");
	TCase *tests = tcase_create("process");

	tcase_add_test(tests, another_process_is_seen_until_it_ends);
	tcase_add_test(tests, a_process_with_the_number_of_an_earlier_one_is_not_it);
	tcase_add_test(tests, this_process_is_no_other);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(process_suite)
