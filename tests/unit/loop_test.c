/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "base/clock.h"
#include "loop/loop_internal.h"
#include "loop/notice.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static gk_loop *loop;
static char seen[128]; /* what happened, a letter each */

static void set_up(void)
{
	seen[0] = '\0';
	ck_assert_int_eq(gk_loop_new(&loop, NULL), GK_OK);
}

static void tear_down(void)
{
	gk_loop_free(loop);
}

static void note(void *user)
{
	strcat(seen, user);
}

static void note_and_stop(void *user)
{
	note(user);
	gk_loop_stop(loop);
}

static gk_timer *start_timer(uint64_t after_ms, uint64_t repeat_ms, gk_loop_fn *fn, void *user)
{
	gk_timer *timer = NULL;

	ck_assert_int_eq(gk_timer_start(loop, after_ms, repeat_ms, fn, user, &timer, NULL), GK_OK);
	return timer;
}

/* --- running --- */

START_TEST(a_loop_with_nothing_to_wait_for_returns)
{
	ck_assert_ptr_eq(gk_loop_self(), loop);
	gk_loop_run(loop);
	gk_loop_turn(loop, 0);
}
END_TEST

START_TEST(a_stop_before_the_run_counts)
{
	gk_timer *timer = start_timer(3600000, 0, note, "t");

	gk_loop_stop(loop);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "");
	gk_timer_stop(timer);
}
END_TEST

START_TEST(a_turn_waits_no_longer_than_it_may)
{
	uint64_t started = gk_clock_mono_ms();
	gk_timer *timer = start_timer(3600000, 0, note, "t");

	gk_loop_turn(loop, 5);
	ck_assert_uint_ge(gk_clock_mono_ms() - started, 5);
	gk_timer_stop(timer);
	gk_loop_turn(loop, 1); /* nothing at all to wait for */
}
END_TEST

static void busy(void *user)
{
	uint64_t until = gk_clock_mono_ns() + 3000000;

	(void)user;
	while (gk_clock_mono_ns() < until)
		;
}

START_TEST(the_lag_is_what_callbacks_took_and_not_the_wait)
{
	gk_defer item = { .fn = busy };
	gk_timer *timer = start_timer(50, 0, note, "t");
	uint64_t lag_us;

	gk_loop_run(loop);
	lag_us = gk_loop_take_lag_us(loop);
	ck_assert_msg(lag_us < 50000, "%lu us", (unsigned long)lag_us);
	gk_loop_defer(loop, &item);
	gk_loop_run(loop);
	lag_us = gk_loop_take_lag_us(loop);
	ck_assert_msg(lag_us >= 3000, "%lu us", (unsigned long)lag_us);
	ck_assert_uint_eq(gk_loop_take_lag_us(loop), 0);
	gk_timer_stop(timer);
}
END_TEST

static void busy_once(void *user, unsigned events)
{
	gk_poll **poll = user;

	(void)events;
	busy(NULL);
	gk_poll_stop(gk_steal(*poll));
}

START_TEST(what_a_descriptor_brings_counts_as_lag)
{
	gk_poll *poll;
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(
		gk_poll_start(loop, ends[0], GK_POLL_READ, busy_once, &poll, &poll, NULL), GK_OK);
	gk_loop_turn(loop, 20);
	ck_assert_uint_lt(gk_loop_take_lag_us(loop), 3000); /* it waited */
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	gk_loop_run(loop);
	ck_assert_uint_ge(gk_loop_take_lag_us(loop), 3000);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(two_loops_share_a_thread)
{
	gk_loop *other;

	ck_assert_int_eq(gk_loop_new(&other, NULL), GK_OK);
	ck_assert_ptr_eq(gk_loop_self(), loop);
	gk_loop_run(other);
	ck_assert_ptr_eq(gk_loop_self(), loop);
	gk_loop_free(other);
	ck_assert_ptr_eq(gk_loop_self(), loop);
}
END_TEST

/* --- timers --- */

START_TEST(timers_fire_in_order_of_time_and_then_of_start)
{
	gk_timer *timers[] = {
		start_timer(30, 0, note, "d"),
		start_timer(10, 0, note, "a"),
		start_timer(20, 0, note, "b"),
		start_timer(20, 0, note, "c"),
		start_timer(40, 0, note, "e"),
	};

	gk_loop_run(loop);
	ck_assert_str_eq(seen, "abcde");
	for (size_t i = 0; i < 5; i++)
		gk_timer_stop(timers[i]);
}
END_TEST

typedef struct repeater {
	gk_timer *timer;
	int left;
} repeater;

static void repeat(void *user)
{
	repeater *self = user;

	strcat(seen, "r");
	if (--self->left == 0) {
		gk_timer_stop(self->timer);
		self->timer = NULL;
	}
}

START_TEST(a_repeating_timer_fires_until_it_is_stopped_by_itself)
{
	repeater self = { .left = 3 };

	self.timer = start_timer(0, 1, repeat, &self);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "rrr");
}
END_TEST

START_TEST(a_timer_starts_over_also_after_it_fired)
{
	gk_timer *timer = start_timer(3600000, 0, note, "t");

	gk_timer_again(timer, 1);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "t");
	gk_timer_again(timer, 0);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "tt");
	gk_timer_again(timer, UINT64_MAX); /* never, and no overflow */
	gk_timer_stop(timer);
	gk_timer_stop(NULL);
}
END_TEST

START_TEST(a_timer_that_is_not_waited_for_ends_no_run)
{
	gk_timer *background = start_timer(3600000, 0, note, "x"), *front;

	gk_timer_unref(background);
	gk_loop_run(loop);
	front = start_timer(2, 0, note, "f");
	gk_timer_again(background, 0);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "xf");
	gk_timer_stop(background);
	gk_timer_stop(front);
}
END_TEST

/* A heap of many, in and out in a jumbled order, against the order that their times have. */
#define MANY 2000
static uint64_t last_due, last_seq;
static unsigned fired;

typedef struct jumbled {
	gk_timer *timer;
} jumbled;

static void check_order(void *user)
{
	jumbled *self = user;

	ck_assert_uint_ge(self->timer->due_ms, last_due);
	ck_assert(self->timer->due_ms > last_due || self->timer->seq > last_seq);
	last_due = self->timer->due_ms;
	last_seq = self->timer->seq;
	fired++;
}

START_TEST(thousands_of_timers_keep_their_order)
{
	static jumbled timers[MANY];
	unsigned random = 1, stopped = 0;

	last_due = last_seq = fired = 0;
	for (unsigned i = 0; i < MANY; i++) {
		random = random * 1103515245u + 12345u;
		timers[i].timer = start_timer((random >> 16) % 20, 0, check_order, &timers[i]);
		if (i % 3 == 2) { /* one of those before it, wherever it stands in the heap */
			jumbled *victim = &timers[(random >> 8) % i];

			if (victim->timer) {
				gk_timer_stop(victim->timer);
				victim->timer = NULL;
				stopped++;
			}
		}
	}
	gk_loop_run(loop);
	ck_assert_uint_gt(stopped, 100);
	ck_assert_uint_eq(fired, MANY - stopped);
	for (unsigned i = 0; i < MANY; i++)
		gk_timer_stop(timers[i].timer);
}
END_TEST

static void start_another(void *user)
{
	gk_timer **timer = user;

	strcat(seen, "s");
	gk_timer_again(*timer, 0);
	if (strlen(seen) == 3)
		gk_loop_stop(loop);
}

START_TEST(a_timer_that_is_due_at_once_lets_the_loop_turn)
{
	gk_timer *timer;

	timer = start_timer(0, 0, start_another, &timer);
	gk_loop_turn(loop, 0);
	ck_assert_str_eq(seen, "s");
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "sss");
	gk_timer_stop(timer);
}
END_TEST

/* --- posts and deferred items --- */

static void *post_from_thread(void *arg)
{
	ck_assert_ptr_null(gk_loop_self());
	ck_assert(gk_loop_post(loop, note, "1"));
	ck_assert(gk_loop_post(loop, note, "2"));
	ck_assert(gk_loop_post(loop, note_and_stop, "3"));
	return arg;
}

START_TEST(posts_of_another_thread_wake_the_loop_and_run_in_order)
{
	gk_timer *timer = start_timer(3600000, 0, note, "t");
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, post_from_thread, NULL), 0);
	gk_loop_run(loop);
	pthread_join(thread, NULL);
	ck_assert_str_eq(seen, "123");
	gk_timer_stop(timer);
}
END_TEST

START_TEST(a_post_that_nobody_ran_is_freed_with_the_loop)
{
	ck_assert(gk_loop_post(loop, note, "1"));
	gk_loop_free(loop);
	ck_assert_str_eq(seen, "");
	set_up();
	ck_assert(gk_loop_post(loop, note, "1"));
	gk_loop_run(loop); /* also when there is nothing else */
	ck_assert_str_eq(seen, "1");
}
END_TEST

static void stop_it(void *user)
{
	gk_loop_stop(user);
}

static void *post_last(void *user)
{
	if (!gk_loop_post(user, stop_it, user))
		abort();
	return NULL;
}

START_TEST(a_loop_may_go_as_soon_as_its_last_post_has_run)
{
	pthread_t thread;

	for (int i = 0; i < 300; i++) {
		gk_loop *other;
		gk_timer *timer;

		ck_assert_int_eq(gk_loop_new(&other, NULL), GK_OK);
		ck_assert_int_eq(
			gk_timer_start(other, 60000, 0, stop_it, other, &timer, NULL), GK_OK);
		ck_assert_int_eq(pthread_create(&thread, NULL, post_last, other), 0);
		gk_loop_run(other);
		gk_timer_stop(timer);
		gk_loop_free(other); /* while the thread may be inside still */
		pthread_join(thread, NULL);
	}
}
END_TEST

typedef struct chained {
	gk_defer item;
	int left;
} chained;

static void defer_again(void *user)
{
	chained *self = user;

	strcat(seen, "d");
	if (--self->left)
		gk_loop_defer(loop, &self->item);
}

START_TEST(a_deferred_item_runs_once_however_often_it_is_asked_for)
{
	gk_defer a = { .fn = note, .user = "a" }, b = { .fn = note, .user = "b" };

	gk_loop_defer(loop, &a);
	gk_loop_defer(loop, &b);
	gk_loop_defer(loop, &a);
	gk_loop_undefer(loop, &b);
	gk_loop_undefer(loop, &b);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "a");
	ck_assert(!a.is_queued);
}
END_TEST

static gk_defer pressing = { .fn = note, .user = "p" };

static void press(void *user)
{
	(void)user;
	gk_loop_defer_pressing(loop, &pressing);
	gk_loop_defer_pressing(loop, &pressing);
	note("f");
	ck_assert_int_eq(gk_fiber_yield(NULL), GK_OK);
	note("g");
}

START_TEST(what_presses_runs_when_its_fiber_leaves_and_before_what_was_deferred)
{
	gk_defer early = { .fn = note, .user = "e" };

	gk_loop_defer(loop, &early);
	gk_loop_defer(loop, &pressing); /* it no longer waits for its turn */
	ck_assert_int_eq(gk_fiber_start(loop, "press", NULL, press, NULL, NULL, NULL), GK_OK);
	ck_assert_str_eq(seen, "fp");
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "fpge");
	gk_loop_defer_pressing(loop, &pressing); /* from no fiber */
	gk_loop_defer_pressing(loop, &early);
	gk_loop_undefer(loop, &early);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "fpgep");
}
END_TEST

START_TEST(deferred_items_that_go_on_for_ever_let_the_loop_turn)
{
	chained self = { .item = { .fn = defer_again, .user = &self }, .left = 40 };

	gk_loop_defer(loop, &self.item);
	gk_loop_turn(loop, 0);
	ck_assert_int_gt(self.left, 0);
	gk_loop_run(loop);
	ck_assert_int_eq(self.left, 0);
}
END_TEST

/* --- what is over --- */

static void tidy_more(void *user)
{
	note("m");
	gk_loop_tidy(loop, note, user);
}

START_TEST(what_is_over_is_tidied_after_all_else_of_a_turn)
{
	gk_defer item = { .fn = note, .user = "d" };

	gk_loop_tidy(loop, tidy_more, "t");
	gk_loop_defer(loop, &item);
	gk_loop_turn(loop, 0);
	ck_assert_str_eq(seen, "dmt");
	gk_loop_tidy(loop, note, "n");
	gk_loop_tidy_now(loop);
	ck_assert_str_eq(seen, "dmtn");
	gk_loop_tidy(loop, note, "r");
	gk_loop_run(loop); /* has no turn to take */
	ck_assert_str_eq(seen, "dmtnr");
	gk_loop_tidy(loop, note, "f");
	gk_loop_free(loop);
	ck_assert_str_eq(seen, "dmtnrf");
	set_up();
}
END_TEST

START_TEST(what_is_over_can_be_held_back_for_some_turns)
{
	gk_loop_hold_tidy(loop);
	gk_loop_hold_tidy(loop);
	gk_loop_tidy(loop, note, "a");
	for (int i = 1; i < GK_LOOP_TIDY_TURNS; i++)
		gk_loop_turn(loop, 0);
	ck_assert_str_eq(seen, "");
	gk_loop_turn(loop, 0);
	ck_assert_str_eq(seen, "a");
	gk_loop_tidy(loop, note, "b");
	gk_loop_let_tidy(loop);
	gk_loop_turn(loop, 0);
	ck_assert_str_eq(seen, "a");
	gk_loop_let_tidy(loop);
	gk_loop_turn(loop, 0);
	ck_assert_str_eq(seen, "ab");
}
END_TEST

START_TEST(more_that_is_over_than_has_room_is_tidied_at_once)
{
	gk_loop_hold_tidy(loop);
	for (int i = 0; i < GK_LOOP_TIDY; i++)
		gk_loop_tidy(loop, note, "a");
	ck_assert_str_eq(seen, "");
	gk_loop_tidy(loop, note, "b");
	ck_assert_uint_eq(strspn(seen, "a"), GK_LOOP_TIDY);
	ck_assert_uint_eq(strlen(seen), GK_LOOP_TIDY);
	gk_loop_let_tidy(loop);
	gk_loop_turn(loop, 0);
	ck_assert_uint_eq(strlen(seen), GK_LOOP_TIDY + 1);
}
END_TEST

/* --- descriptors --- */

typedef struct polled {
	gk_poll *poll;
	int fds[2];
	unsigned events;
} polled;

static void on_polled(void *user, unsigned events)
{
	polled *self = user;

	self->events = events;
	gk_poll_update(self->poll, 0);
}

static void open_polled(polled *self, unsigned events)
{
	*self = (polled){ 0 };
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, self->fds), 0);
	ck_assert_int_eq(
		gk_poll_start(loop, self->fds[0], events, on_polled, self, &self->poll, NULL),
		GK_OK);
}

static void close_polled(polled *self)
{
	gk_poll_stop(self->poll);
	gk_poll_stop(NULL);
	close(self->fds[0]);
	if (self->fds[1] >= 0)
		close(self->fds[1]);
}

START_TEST(a_descriptor_tells_when_it_can_be_read_and_written)
{
	polled self;

	open_polled(&self, GK_POLL_READ);
	gk_loop_turn(loop, 0);
	ck_assert_uint_eq(self.events, 0);
	ck_assert_int_eq(write(self.fds[1], "x", 1), 1);
	gk_loop_run(loop);
	ck_assert_uint_eq(self.events, GK_POLL_READ);
	gk_poll_update(self.poll, GK_POLL_READ | GK_POLL_WRITE);
	gk_loop_run(loop);
	ck_assert_uint_eq(self.events, GK_POLL_READ | GK_POLL_WRITE);
	close_polled(&self);
}
END_TEST

static volatile uint64_t turned_ns;
static volatile sig_atomic_t holds;
static int rescue;

static void hold_again(long after_us)
{
	const struct itimerval once = { .it_value = { .tv_usec = after_us } };

	setitimer(ITIMER_REAL, &once, NULL);
}

/* Time passes at every place of a turn, also between two looks at the clock. */
static void hold_up(int number)
{
	const struct timespec held = { .tv_nsec = 1200000 };

	(void)number;
	nanosleep(&held, NULL);
	if (gk_clock_mono_ns() - turned_ns > 1000000000 && write(rescue, "x", 1) < 0)
		abort();
	else if (gk_clock_mono_ns() - turned_ns <= 1000000000)
		hold_again(10 + holds++ % 23);
}

START_TEST(a_turn_that_is_held_up_while_it_begins_to_wait_still_ends)
{
	const struct sigaction act = { .sa_handler = hold_up };
	struct sigaction before;
	polled self;

	open_polled(&self, GK_POLL_READ);
	rescue = self.fds[1];
	turned_ns = gk_clock_mono_ns();
	ck_assert_int_eq(sigaction(SIGALRM, &act, &before), 0);
	hold_again(10);
	for (int i = 0; i < 1000 && !self.events; i++) {
		turned_ns = gk_clock_mono_ns();
		gk_loop_turn(loop, 1);
	}
	hold_again(0);
	sigaction(SIGALRM, &before, NULL);
	ck_assert_uint_eq(self.events, 0);
	close_polled(&self);
}
END_TEST

START_TEST(a_peer_that_hangs_up_is_noticed_without_reading)
{
	polled self;

	open_polled(&self, GK_POLL_HANGUP);
	ck_assert_int_eq(write(self.fds[1], "x", 1), 1);
	gk_loop_turn(loop, 0);
	ck_assert_uint_eq(self.events, 0);
	ck_assert_int_eq(shutdown(self.fds[1], SHUT_WR), 0);
	gk_loop_run(loop);
	ck_assert_uint_eq(self.events, GK_POLL_HANGUP);
	close_polled(&self);

	open_polled(&self, GK_POLL_HANGUP);
	close(self.fds[1]);
	self.fds[1] = -1;
	gk_loop_run(loop);
	ck_assert_uint_eq(self.events, GK_POLL_HANGUP);
	close_polled(&self);
}
END_TEST

START_TEST(a_broken_pipe_reports_what_was_asked_for)
{
	polled self = { 0 };

	ck_assert_int_eq(pipe2(self.fds, O_CLOEXEC | O_NONBLOCK), 0);
	close(self.fds[0]);
	ck_assert_int_eq(
		gk_poll_start(loop, self.fds[1], GK_POLL_WRITE, on_polled, &self, &self.poll, NULL),
		GK_OK);
	gk_loop_run(loop);
	ck_assert_uint_ne(self.events & GK_POLL_WRITE, 0);
	self.fds[0] = self.fds[1];
	self.fds[1] = -1;
	close_polled(&self);
}
END_TEST

static void on_notice(void *user, const gk_notice *notice)
{
	static const char *const kinds[] = { "written", "touched", "gone", "folder gone", "lost" };
	size_t len = strlen(seen);

	(void)user;
	if (notice->kind == GK_NOTICE_TOUCHED)
		return;
	snprintf(seen + len, sizeof(seen) - len, "%s%s %s;", notice->is_folder ? "folder " : "",
		kinds[notice->kind], notice->name ? notice->name : "");
	gk_loop_stop(loop);
}

START_TEST(what_cannot_be_watched_is_an_error)
{
	gk_auto_error gk_error err = { 0 };
	gk_poll *poll = NULL;
	gk_signal *watcher = NULL;
	gk_notices *notices = NULL;
	int folder = -1;

	ck_assert_int_ne(
		gk_poll_start(loop, -1, GK_POLL_READ, on_polled, NULL, &poll, &err), GK_OK);
	ck_assert_ptr_null(poll);
	ck_assert_str_eq(err.message, "cannot watch a file descriptor: bad file descriptor");
	ck_assert_int_ne(gk_signal_start(loop, 9999, note, NULL, &watcher, &err), GK_OK);
	ck_assert_ptr_null(watcher);
	ck_assert_int_eq(gk_notices_new(loop, on_notice, NULL, &notices, NULL), GK_OK);
	ck_assert_int_eq(gk_notices_add(notices, "/nonexistent/x", &folder, &err), GK_NOT_FOUND);
	ck_assert_str_eq(err.message, "cannot watch /nonexistent/x: No such file or directory");
	ck_assert_int_eq(folder, -1);
	gk_notices_free(notices);
}
END_TEST

/* --- signals and files --- */

START_TEST(a_signal_is_a_callback)
{
	gk_signal *watcher = NULL;

	ck_assert_int_eq(gk_signal_start(loop, SIGUSR1, note_and_stop, "s", &watcher, NULL), GK_OK);
	ck_assert_int_eq(raise(SIGUSR1), 0);
	gk_loop_run(loop);
	ck_assert_str_eq(seen, "s");
	gk_signal_stop(watcher);
	gk_signal_stop(NULL);
}
END_TEST

static void touch(const char *folder, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "x", 1), 1);
	close(fd);
}

static void move(const char *folder, const char *from, const char *to)
{
	char old[128], new[128];

	snprintf(old, sizeof(old), "%s/%s", folder, from);
	snprintf(new, sizeof(new), "%s/%s", folder, to);
	ck_assert_int_eq(rename(old, new), 0);
}

static void discard(const char *folder, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	unlink(path);
}

static void assert_notices(const char *expected)
{
	for (int i = 0; i < 1000 && strlen(seen) < strlen(expected); i++)
		gk_loop_turn(loop, 10);
	ck_assert_str_eq(seen, expected);
	seen[0] = '\0';
}

START_TEST(a_watched_folder_names_what_happened)
{
	char folder[] = "/tmp/genkit-watch-XXXXXX", path[128];
	gk_notices *notices = NULL;
	int number, again;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	seen[0] = '\0';
	ck_assert_int_eq(gk_notices_new(loop, on_notice, NULL, &notices, NULL), GK_OK);
	ck_assert_int_eq(gk_notices_add(notices, folder, &number, NULL), GK_OK);
	ck_assert_int_eq(gk_notices_add(notices, folder, &again, NULL), GK_OK);
	ck_assert_int_eq(number, again);
	touch(folder, "new");
	assert_notices("written new;");
	move(folder, "new", "other");
	assert_notices("gone new;written other;");
	discard(folder, "other");
	assert_notices("gone other;");
	snprintf(path, sizeof(path), "%s/d", folder);
	mkdir(path, 0700);
	rmdir(path);
	assert_notices("folder gone d;");
	rmdir(folder);
	assert_notices("folder gone ;");
	gk_notices_free(notices);
	gk_notices_free(NULL);
}
END_TEST

START_TEST(a_folder_that_is_no_longer_watched_says_nothing)
{
	char folder[] = "/tmp/genkit-watch-XXXXXX", other[] = "/tmp/genkit-watch-XXXXXX";
	gk_notices *notices = NULL;
	int number, second;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_ptr_nonnull(mkdtemp(other));
	seen[0] = '\0';
	ck_assert_int_eq(gk_notices_new(loop, on_notice, NULL, &notices, NULL), GK_OK);
	ck_assert_int_eq(gk_notices_add(notices, folder, &number, NULL), GK_OK);
	ck_assert_int_eq(gk_notices_add(notices, other, &second, NULL), GK_OK);
	gk_notices_remove(notices, number);
	touch(folder, "a");
	touch(other, "b");
	assert_notices("written b;");
	gk_notices_free(notices);
	discard(folder, "a");
	discard(other, "b");
	rmdir(folder);
	rmdir(other);
}
END_TEST

/* --- memory --- */

static bool with_everything(void)
{
	gk_loop *own = NULL;
	gk_timer *timer = NULL;
	gk_poll *poll = NULL;
	gk_signal *watcher = NULL;
	gk_notices *notices = NULL;
	bool worked;

	if (gk_loop_new(&own, NULL) != GK_OK)
		return false;
	worked = gk_timer_start(own, 1, 0, note, "", &timer, NULL) == GK_OK;
	worked &= gk_poll_start(own, 0, 0, on_polled, NULL, &poll, NULL) == GK_OK;
	worked &= gk_signal_start(own, SIGUSR2, note, "", &watcher, NULL) == GK_OK;
	worked &= gk_notices_new(own, on_notice, NULL, &notices, NULL) == GK_OK;
	worked &= gk_loop_post(own, note, "");
	gk_timer_stop(timer);
	gk_poll_stop(poll);
	gk_signal_stop(watcher);
	gk_notices_free(notices);
	gk_loop_free(own);
	return worked;
}

START_TEST(no_memory_is_an_error_and_leaks_nothing)
{
	int fds[2];

	/* Standard input may be a file, which cannot be watched. */
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(dup2(fds[0], 0), 0);
	fault_sweep(with_everything);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

static Suite *loop_suite(void)
{
	Suite *suite = suite_create("loop");
	TCase *tcase = tcase_create("loop");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_loop_with_nothing_to_wait_for_returns);
	tcase_add_test(tcase, a_stop_before_the_run_counts);
	tcase_add_test(tcase, a_turn_waits_no_longer_than_it_may);
	tcase_add_test(tcase, the_lag_is_what_callbacks_took_and_not_the_wait);
	tcase_add_test(tcase, what_a_descriptor_brings_counts_as_lag);
	tcase_add_test(tcase, two_loops_share_a_thread);
	tcase_add_test(tcase, timers_fire_in_order_of_time_and_then_of_start);
	tcase_add_test(tcase, a_repeating_timer_fires_until_it_is_stopped_by_itself);
	tcase_add_test(tcase, a_timer_starts_over_also_after_it_fired);
	tcase_add_test(tcase, a_timer_that_is_not_waited_for_ends_no_run);
	tcase_add_test(tcase, thousands_of_timers_keep_their_order);
	tcase_add_test(tcase, a_timer_that_is_due_at_once_lets_the_loop_turn);
	tcase_add_test(tcase, posts_of_another_thread_wake_the_loop_and_run_in_order);
	tcase_add_test(tcase, a_post_that_nobody_ran_is_freed_with_the_loop);
	tcase_add_test(tcase, a_deferred_item_runs_once_however_often_it_is_asked_for);
	tcase_add_test(tcase, what_presses_runs_when_its_fiber_leaves_and_before_what_was_deferred);
	tcase_add_test(tcase, what_is_over_is_tidied_after_all_else_of_a_turn);
	tcase_add_test(tcase, what_is_over_can_be_held_back_for_some_turns);
	tcase_add_test(tcase, more_that_is_over_than_has_room_is_tidied_at_once);
	tcase_add_test(tcase, a_loop_may_go_as_soon_as_its_last_post_has_run);
	tcase_add_test(tcase, deferred_items_that_go_on_for_ever_let_the_loop_turn);
	tcase_add_test(tcase, a_descriptor_tells_when_it_can_be_read_and_written);
	tcase_add_test(tcase, a_turn_that_is_held_up_while_it_begins_to_wait_still_ends);
	tcase_add_test(tcase, a_peer_that_hangs_up_is_noticed_without_reading);
	tcase_add_test(tcase, a_broken_pipe_reports_what_was_asked_for);
	tcase_add_test(tcase, what_cannot_be_watched_is_an_error);
	tcase_add_test(tcase, a_signal_is_a_callback);
	tcase_add_test(tcase, a_watched_folder_names_what_happened);
	tcase_add_test(tcase, a_folder_that_is_no_longer_watched_says_nothing);
	tcase_add_test(tcase, no_memory_is_an_error_and_leaks_nothing);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(loop_suite)
