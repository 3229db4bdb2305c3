/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "base/clock.h"
#include "base/limits.h"
#include "loop/child_internal.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static gk_loop *loop;
static gk_scope *scope;
static char seen[512]; /* what happened */
static size_t open_before;

static size_t count_open(void)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static void set_up(void)
{
	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	seen[0] = '\0';
	ck_assert_int_eq(gk_loop_new(&loop, NULL), GK_OK);
	scope = gk_scope_new(loop, NULL);
	ck_assert_ptr_nonnull(scope);
}

static void tear_down(void)
{
	ck_assert_uint_eq(gk_fiber_count(loop), 0);
	gk_scope_unref(scope);
	gk_loop_free(loop);
	/* No zombie, and no process that still runs. */
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

static void run(gk_fiber_fn *fn, void *user)
{
	ck_assert_int_eq(gk_fiber_start(loop, "test", scope, fn, user, NULL, NULL), GK_OK);
	gk_loop_run(loop);
}

static gk_child *start_shell(const char *script, size_t max_line)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	gk_child *child = NULL;

	ck_assert_int_eq(
		gk_child_start(loop, GK_OPTS(gk_child_opts, .argv = argv, .max_line = max_line),
			&child, NULL),
		GK_OK);
	return child;
}

static void note_line(gk_child *child)
{
	gk_auto_str char *line = NULL;
	size_t len = 99;

	ck_assert_int_eq(gk_child_read_line(child, &line, &len, NULL), GK_OK);
	ck_assert_uint_eq(len, line ? strlen(line) : 0);
	snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "[%s]", line ? line : "end");
}

static void note_exit(gk_child *child)
{
	gk_child_exit end = { 0 };

	ck_assert_int_eq(gk_child_wait(child, &end, NULL), GK_OK);
	snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "(%d,%d)", end.status,
		end.signal);
}

/* --- talking --- */

static void talk(void *user)
{
	gk_child *child = start_shell(user, 0);

	ck_assert_int_eq(gk_child_write(child, "one\ntwo\n", 8, NULL), GK_OK);
	gk_child_close_input(child);
	for (int i = 0; i < 4; i++)
		note_line(child);
	note_exit(child);
	note_line(child); /* the end stays the end */
	gk_child_free(child);
}

START_TEST(lines_go_in_and_out)
{
	run(talk, "while read -r x; do echo \"got $x\"; done; printf 'no newline'; exit 3");
	ck_assert_str_eq(seen, "[got one][got two][no newline][end](3,0)[end]");
}
END_TEST

START_TEST(a_carriage_return_belongs_to_the_end_of_a_line)
{
	run(talk, "printf 'a\\r\\n\\n\\r\\n'");
	ck_assert_str_eq(seen, "[a][][][end](0,0)[end]");
}
END_TEST

START_TEST(what_was_written_before_the_end_is_read_after_it)
{
	gk_child *child = start_shell("echo a; echo b; echo oops >&2", 0);

	ck_assert_str_eq(gk_child_stderr_peek(child), "");
	gk_loop_run(loop); /* until it is gone */
	ck_assert_str_eq(gk_child_stderr_peek(child), "oops\n");
	gk_child_free(child);
}
END_TEST

static void read_late(void *user)
{
	gk_child *child = start_shell(user, 0);

	note_exit(child);
	for (int i = 0; i < 3; i++)
		note_line(child);
	gk_child_free(child);
}

START_TEST(output_is_kept_for_whoever_waits_first)
{
	run(read_late, "echo a; echo b");
	ck_assert_str_eq(seen, "(0,0)[a][b][end]");
}
END_TEST

/* A grandchild in a session of its own keeps the pipes open; that delays nobody. */
START_TEST(a_grandchild_that_keeps_the_pipes_delays_nobody)
{
	uint64_t started = gk_clock_mono_ms();

	run(read_late, "setsid sleep 5 & echo a; echo b");
	ck_assert_str_eq(seen, "(0,0)[a][b][end]");
	ck_assert_uint_lt(gk_clock_mono_ms() - started, 4000);
}
END_TEST

#define BIG (1u << 20)

typedef struct both_ways {
	gk_child *child;
	char *data;
	size_t received;
	bool is_written;
} both_ways;

static void read_all(void *user)
{
	both_ways *self = user;
	char *line = NULL;
	size_t len = 0;

	while (gk_child_read_line(self->child, &line, &len, NULL) == GK_OK && line) {
		self->received += len + 1;
		free(line);
	}
}

static void write_all(void *user)
{
	both_ways *self = user;

	ck_assert_int_eq(gk_child_write(self->child, self->data, BIG, NULL), GK_OK);
	self->is_written = true;
	gk_child_close_input(self->child);
}

START_TEST(a_full_pipe_parks_the_writer_and_much_goes_both_ways)
{
	both_ways self = { .child = start_shell("cat", 0), .data = malloc(BIG) };

	memset(self.data, 'x', BIG);
	for (size_t i = 99; i < BIG; i += 100)
		self.data[i] = '\n';
	self.data[BIG - 1] = '\n';
	ck_assert_int_eq(gk_fiber_start(loop, "write", scope, write_all, &self, NULL, NULL), GK_OK);
	ck_assert(!self.is_written);
	run(read_all, &self);
	ck_assert(self.is_written);
	ck_assert_uint_eq(self.received, BIG);
	gk_child_free(self.child);
	free(self.data);
}
END_TEST

static void write_to_deaf(void *user)
{
	gk_child *child = start_shell("exec <&-; echo closed; read x < /dev/null; exit 0", 0);
	gk_auto_str char *data = calloc(1, BIG);

	(void)user;
	note_line(child);
	ck_assert_int_eq(gk_child_write(child, data, BIG, NULL), GK_OK);
	ck_assert_int_eq(gk_child_write(child, data, BIG, NULL), GK_OK);
	note_exit(child);
	ck_assert_int_eq(gk_child_write(child, data, BIG, NULL), GK_OK);
	gk_child_free(child);
}

START_TEST(a_child_that_does_not_read_is_no_error)
{
	run(write_to_deaf, NULL);
	ck_assert_str_eq(seen, "[closed](0,0)");
}
END_TEST

START_TEST(input_may_be_closed_while_it_is_written)
{
	both_ways self = { .child = start_shell("echo go; sleep 0.02; echo gone; sleep 60", 0),
		.data = calloc(1, BIG) };

	ck_assert_int_eq(gk_fiber_start(loop, "write", scope, write_all, &self, NULL, NULL), GK_OK);
	ck_assert_int_eq(gk_fiber_start(loop, "read", scope, read_all, &self, NULL, NULL), GK_OK);
	while (!self.received)
		gk_loop_turn(loop, 1000);
	ck_assert(!self.is_written);
	gk_child_close_input(self.child);
	while (!self.is_written || self.received < 8)
		gk_loop_turn(loop, 1000);
	gk_scope_cancel(scope, GK_CANCELLED);
	while (gk_fiber_count(loop))
		gk_loop_turn(loop, 1000);
	gk_child_free(self.child);
	free(self.data);
}
END_TEST

/* --- limits --- */

static void read_long(void *user)
{
	gk_auto_error gk_error err = { 0 };
	gk_child *child = start_shell(user, 10);
	char *line = NULL;

	note_line(child);
	ck_assert_int_eq(gk_child_read_line(child, &line, NULL, &err), GK_RESOURCE_EXHAUSTED);
	ck_assert_str_eq(err.message, "sh: a line of output is longer than 10 bytes");
	ck_assert_int_eq(gk_child_read_line(child, &line, NULL, &err), GK_RESOURCE_EXHAUSTED);
	ck_assert_ptr_null(line);
	gk_child_free(child);
}

START_TEST(a_line_longer_than_the_limit_is_an_error)
{
	run(read_long, "echo 1234567890; echo 12345678901");
	run(read_long, "echo 1234567890; printf 12345678901; sleep 60");
	run(read_long, "echo 1234567890; yes | tr -d '\\n'");
	ck_assert_str_eq(seen, "[1234567890][1234567890][1234567890]");
}
END_TEST

static void read_errors(void *user)
{
	gk_child *child = start_shell(user, 0);
	const char *errors;

	note_exit(child);
	errors = gk_child_stderr_peek(child);
	ck_assert_uint_le(strlen(errors), GK_MAX_CHILD_STDERR);
	ck_assert_uint_gt(strlen(errors), GK_MAX_CHILD_STDERR - 4);
	ck_assert_str_eq(errors + strlen(errors) - 5, "last\n");
	ck_assert_uint_ne((unsigned char)errors[0] & 0xc0, 0x80);
	gk_child_free(child);
}

START_TEST(the_end_of_standard_error_is_kept)
{
	run(read_errors, "yes 'naïve €' | head -c 300000 >&2; echo last >&2");
}
END_TEST

START_TEST(standard_error_may_be_opened_by_its_name)
{
	run(read_late, "echo a > /dev/stderr; echo b > /dev/stdout");
	ck_assert_str_eq(seen, "(0,0)[b][end][end]");
}
END_TEST

/* --- starting --- */

START_TEST(what_cannot_be_started_says_why)
{
	static const struct {
		const char *program, *directory;
		gk_code code;
		const char *message;
	} cases[] = {
		{ "no-such-program-at-all", NULL, GK_NOT_FOUND,
			"cannot start no-such-program-at-all: no such file or directory" },
		{ "/etc/passwd", NULL, GK_PERMISSION_DENIED,
			"cannot start /etc/passwd: permission denied" },
		{ "sh", "/nonexistent", GK_NOT_FOUND,
			"cannot work in /nonexistent: no such file or directory" },
		{ "sh", "/etc/passwd", GK_NOT_FOUND,
			"cannot work in /etc/passwd: not a directory" },
		{ "", NULL, GK_INVALID_ARGUMENT, "no program to start" },
	};

	open_before = count_open();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		gk_auto_error gk_error err = { 0 };
		const char *argv[] = { cases[i].program, NULL };
		gk_child *child = NULL;

		ck_assert_int_eq(gk_child_start(loop,
					 GK_OPTS(gk_child_opts, .argv = argv,
						 .directory = cases[i].directory),
					 &child, &err),
			cases[i].code);
		ck_assert_str_eq(err.message, cases[i].message);
		ck_assert_ptr_null(child);
	}
	gk_loop_run(loop);
	ck_assert_uint_eq(count_open(), open_before);
}
END_TEST

static void read_environment(void *user)
{
	const char *argv[] = { "sh", "-c", "echo $COLOUR; pwd; echo $HOME", NULL };
	const char *environment[] = { "COLOUR=blue", "PATH=/usr/bin:/bin", NULL };
	gk_child *child = NULL;

	(void)user;
	ck_assert_int_eq(gk_child_start(loop,
				 GK_OPTS(gk_child_opts, .argv = argv, .environment = environment,
					 .directory = "/usr"),
				 &child, NULL),
		GK_OK);
	for (int i = 0; i < 3; i++)
		note_line(child);
	gk_child_free(child);
}

START_TEST(a_child_has_the_environment_and_directory_it_was_given)
{
	run(read_environment, NULL);
	ck_assert_str_eq(seen, "[blue][/usr][]");
}
END_TEST

START_TEST(a_child_has_default_signal_dispositions)
{
	run(read_late, "kill -PIPE $$; echo alive");
	ck_assert_str_eq(seen, "(-1,13)[end][end][end]");
}
END_TEST

static void close_one_of_two(void *user)
{
	gk_child *reader = start_shell("cat; echo over", 0), *other = start_shell(user, 0);

	gk_child_close_input(reader);
	note_line(reader); /* the other does not hold its pipe */
	note_line(other);
	gk_child_free(reader);
	gk_child_free(other);
}

static void ask_for_huge_pages(void *user)
{
	gk_child *child = start_shell("grep THP_enabled: /proc/self/status | cut -f 2", 0);

	(void)user;
	note_line(child);
	note_exit(child);
	gk_child_free(child);
}

START_TEST(a_child_has_huge_pages_though_we_do_without)
{
	ck_assert_int_eq(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
	run(ask_for_huge_pages, NULL);
	ck_assert_str_eq(seen, "[1](0,0)");
	ck_assert_int_eq(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1);
	prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
}
END_TEST

START_TEST(a_child_inherits_no_descriptor_of_ours)
{
	run(close_one_of_two, "ls -l /proc/$$/fd | grep -c anon_inode; sleep 60");
	ck_assert_str_eq(seen, "[over][0]");
}
END_TEST

/* --- ending --- */

static pid_t pid_of(gk_child *child)
{
	char *line = NULL;
	pid_t pid;

	ck_assert_int_eq(gk_child_read_line(child, &line, NULL, NULL), GK_OK);
	ck_assert_ptr_nonnull(line);
	pid = (pid_t)atoi(line);
	free(line);
	ck_assert_int_gt(pid, 0);
	return pid;
}

static void free_running(void *user)
{
	gk_child *child = start_shell(user, 0);
	pid_t pid = pid_of(child);

	ck_assert_int_eq(kill(pid, 0), 0);
	gk_child_free(child);
}

START_TEST(a_child_freed_while_it_runs_is_killed_and_reaped)
{
	uint64_t started = gk_clock_mono_ms();

	run(free_running, "echo $$; exec sleep 60"); /* the loop runs until it is gone */
	ck_assert_uint_lt(gk_clock_mono_ms() - started, GK_CHILD_KILL_MS);
	gk_child_free(NULL);
}
END_TEST

#define STUBBORN "trap '' TERM; echo $$; while :; do sleep 60; done"

START_TEST(a_child_that_ignores_sigterm_is_killed_with_the_loop)
{
	uint64_t started = gk_clock_mono_ms();

	ck_assert_int_eq(
		gk_fiber_start(loop, "test", scope, free_running, STUBBORN, NULL, NULL), GK_OK);
	while (gk_fiber_count(loop))
		gk_loop_turn(loop, 100);
	tear_down();
	ck_assert_uint_lt(gk_clock_mono_ms() - started, GK_CHILD_KILL_MS);
	set_up();
}
END_TEST

static void free_stubborn(void *user)
{
	gk_child *child = start_shell(user, 0);
	uint64_t wait_ms;

	pid_of(child);
	gk_child_free(child); /* it is still there, for its last two seconds */
	ck_assert(child->kill.is_armed);
	wait_ms = child->kill.due_ms - gk_loop_now_ms(loop);
	ck_assert_uint_gt(wait_ms, GK_CHILD_KILL_MS - 100);
	ck_assert_uint_le(wait_ms, GK_CHILD_KILL_MS + 100);
	gk_timer_arm(&child->kill, 20); /* the test has not */
}

START_TEST(a_child_that_ignores_sigterm_is_killed_in_time)
{
	uint64_t started = gk_clock_mono_ms();

	run(free_stubborn, STUBBORN);
	ck_assert_uint_ge(gk_clock_mono_ms() - started, 20);
	ck_assert_uint_lt(gk_clock_mono_ms() - started, GK_CHILD_KILL_MS);
}
END_TEST

/* Gone, or dead and left to whoever inherits orphans here. */
static bool is_gone(pid_t pid)
{
	char path[64], state = 'Z';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (file) {
		if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			state = 'Z';
		fclose(file);
	}
	return state == 'Z' || state == 'X';
}

static void wait_for_end_of(pid_t pid)
{
	while (!is_gone(pid))
		usleep(1000);
}

static void wait_called_off(void *user)
{
	gk_child *child = start_shell(user, 0);
	gk_child_exit end = { 0 };
	pid_t pid = pid_of(child), grandchild = pid_of(child);

	ck_assert_int_eq(gk_child_wait(child, &end, NULL), GK_DEADLINE_EXCEEDED);
	ck_assert_int_eq(kill(pid, 0), 0); /* not yet reaped */
	gk_fiber_swap_scope(NULL);
	note_exit(child);
	wait_for_end_of(grandchild);
	gk_child_free(child);
}

START_TEST(a_wait_called_off_kills_the_whole_group)
{
	uint64_t started = gk_clock_mono_ms();

	ck_assert_int_eq(gk_scope_set_deadline(scope, 50, NULL), GK_OK);
	run(wait_called_off, "sleep 60 & echo $$; echo $!; wait");
	ck_assert_str_eq(seen, "(-1,15)");
	ck_assert_uint_lt(gk_clock_mono_ms() - started, GK_CHILD_KILL_MS);
}
END_TEST

static void leave_a_process(void *user)
{
	gk_child *child = start_shell(user, 0);
	pid_t left = pid_of(child);

	note_exit(child);
	wait_for_end_of(left);
	gk_child_free(child);
}

START_TEST(the_rest_of_a_group_ends_with_its_leader)
{
	run(leave_a_process, "trap '' TERM; sleep 60 & echo $!; exit 7");
	ck_assert_str_eq(seen, "(7,0)");
}
END_TEST

static void read_called_off(void *user)
{
	gk_child *child = start_shell(user, 0);
	char *line = NULL;

	ck_assert_int_eq(gk_child_read_line(child, &line, NULL, NULL), GK_CANCELLED);
	ck_assert_int_eq(gk_child_write(child, "x", 1, NULL), GK_CANCELLED);
	gk_child_free(child);
	strcat(seen, "r");
}

START_TEST(reading_ends_with_the_scope)
{
	ck_assert_int_eq(
		gk_fiber_start(loop, "test", scope, read_called_off, "sleep 60", NULL, NULL),
		GK_OK);
	gk_loop_turn(loop, 0);
	gk_scope_cancel(scope, GK_CANCELLED);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "r");
}
END_TEST

static void read_for_ever(void *user)
{
	gk_child *child = start_shell(user, 0);
	gk_code rc = GK_OK;
	size_t lines = 0;

	while (rc == GK_OK) {
		struct pollfd output = { .fd = child->out.fd, .events = POLLIN };
		gk_auto_str char *line = NULL;

		poll(&output, 1, -1); /* so that it need never park */
		rc = gk_child_read_line(child, &line, NULL, NULL);
		lines += line != NULL;
	}
	ck_assert_int_eq(rc, GK_DEADLINE_EXCEEDED);
	ck_assert_uint_gt(lines, 64); /* several streaks of reads, however slow the machine */
	gk_child_free(child);
	strcat(seen, "r");
}

START_TEST(a_child_that_never_pauses_holds_no_loop)
{
	ck_assert_int_eq(gk_scope_set_deadline(scope, 50, NULL), GK_OK);
	run(read_for_ever, "exec yes $(printf %01000d 0)");
	ck_assert_str_eq(seen, "r");
}
END_TEST

START_TEST(many_children_leave_no_descriptor_behind)
{
	gk_child *children[20];

	gk_loop_run(loop);
	gk_child_free(start_shell("exit 0", 0)); /* libuv opens its signal pipe */
	gk_loop_run(loop);
	open_before = count_open();
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 20; i++)
			children[i] = start_shell("echo hello; exit 1", 0);
		gk_loop_run(loop);
		for (int i = 0; i < 20; i++)
			gk_child_free(children[i]);
		gk_loop_run(loop);
		ck_assert_uint_eq(count_open(), open_before);
	}
}
END_TEST

static bool start_and_end(void)
{
	const char *argv[] = { "true", NULL };
	gk_child *child = NULL;
	gk_code rc = gk_child_start(loop, GK_OPTS(gk_child_opts, .argv = argv), &child, NULL);

	gk_child_free(child);
	gk_loop_run(loop);
	return rc == GK_OK;
}

START_TEST(no_memory_is_an_error_and_leaks_nothing)
{
	fault_sweep(start_and_end);
}
END_TEST

static Suite *child_suite(void)
{
	Suite *suite = suite_create("child");
	TCase *tcase = tcase_create("child");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 20);
	tcase_add_test(tcase, lines_go_in_and_out);
	tcase_add_test(tcase, a_carriage_return_belongs_to_the_end_of_a_line);
	tcase_add_test(tcase, what_was_written_before_the_end_is_read_after_it);
	tcase_add_test(tcase, output_is_kept_for_whoever_waits_first);
	tcase_add_test(tcase, a_grandchild_that_keeps_the_pipes_delays_nobody);
	tcase_add_test(tcase, a_full_pipe_parks_the_writer_and_much_goes_both_ways);
	tcase_add_test(tcase, a_child_that_does_not_read_is_no_error);
	tcase_add_test(tcase, input_may_be_closed_while_it_is_written);
	tcase_add_test(tcase, a_line_longer_than_the_limit_is_an_error);
	tcase_add_test(tcase, the_end_of_standard_error_is_kept);
	tcase_add_test(tcase, standard_error_may_be_opened_by_its_name);
	tcase_add_test(tcase, what_cannot_be_started_says_why);
	tcase_add_test(tcase, a_child_has_the_environment_and_directory_it_was_given);
	tcase_add_test(tcase, a_child_has_default_signal_dispositions);
	tcase_add_test(tcase, a_child_has_huge_pages_though_we_do_without);
	tcase_add_test(tcase, a_child_inherits_no_descriptor_of_ours);
	tcase_add_test(tcase, a_child_freed_while_it_runs_is_killed_and_reaped);
	tcase_add_test(tcase, a_child_that_ignores_sigterm_is_killed_with_the_loop);
	tcase_add_test(tcase, a_child_that_ignores_sigterm_is_killed_in_time);
	tcase_add_test(tcase, a_wait_called_off_kills_the_whole_group);
	tcase_add_test(tcase, the_rest_of_a_group_ends_with_its_leader);
	tcase_add_test(tcase, reading_ends_with_the_scope);
	tcase_add_test(tcase, a_child_that_never_pauses_holds_no_loop);
	tcase_add_test(tcase, many_children_leave_no_descriptor_behind);
	tcase_add_test(tcase, no_memory_is_an_error_and_leaks_nothing);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(child_suite)
