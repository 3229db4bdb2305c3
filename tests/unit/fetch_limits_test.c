/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The HTTP client's limits when nobody has set others, each reached or read where it is used. */
#include "loop/fetch_internal.h"

#include "base/clock.h"
#include "base/limits.h"
#include "calls.h"
#include "unit.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- times --- */

static void look_at_times(void *user)
{
	call *self = user;
	gk_auto_fetch gk_fetch *res = NULL;

	self->rc = gk_fetch_start(call_client, &self->opts, &res, &self->err);
	ck_assert_int_eq(self->rc, GK_OK);
	ck_assert_uint_eq(res->connect_ms, GK_FETCH_CONNECT_MS);
	ck_assert_uint_eq(res->idle_ms, GK_FETCH_IDLE_MS);
	ck_assert_uint_eq(res->total_ms, GK_FETCH_TOTAL_MS);
	ck_assert_uint_eq(res->max_body, GK_MAX_FETCH_BODY);
}

START_TEST(a_fetch_that_sets_no_limits_has_the_usual_ones)
{
	call self = { .opts.size = sizeof(self.opts) };

	call_script = OK_HELLO;
	call_peer = server_start(call_say_script, NULL);
	self.opts.url = server_url(call_peer, "http", "/");
	call_in_fiber(look_at_times, &self, NULL);
	call_end(&self);
}
END_TEST

/* --- the body --- */

static void announce_much(server *self, int fd)
{
	char head[128];

	(void)self;
	server_hear(fd, call_heard, sizeof(call_heard));
	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\nx",
		GK_MAX_FETCH_BODY + 1);
	server_say(fd, head);
	ck_assert(server_hear_end(fd));
}

/* Chunks of 1 MiB for ever: nothing announces how much there is. */
static void say_much(server *self, int fd)
{
	static char block[(1u << 20) + 2];

	(void)self;
	memset(block, 'x', sizeof(block));
	memcpy(block + sizeof(block) - 2, "\r\n", 2);
	server_hear(fd, call_heard, sizeof(call_heard));
	server_say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (size_t i = 0; i <= GK_MAX_FETCH_BODY >> 20; i++) {
		server_say(fd, "100000\r\n");
		server_say_bytes(fd, block, sizeof(block));
	}
	ck_assert(server_hear_end(fd));
}

static void count_body(void *user)
{
	call *self = user;
	gk_auto_fetch gk_fetch *res = NULL;
	const char *data;
	size_t len;

	self->rc = gk_fetch_start(call_client, &self->opts, &res, &self->err);
	while (self->rc == GK_OK &&
		(self->rc = gk_fetch_read(res, &data, &len, &self->err)) == GK_OK && len)
		self->len += len;
}

START_TEST(a_body_beyond_the_usual_limit_is_refused)
{
	call self = { .opts.size = sizeof(self.opts) };

	call_peer = server_start(_i ? say_much : announce_much, NULL);
	self.opts.url = server_url(call_peer, "http", "/");
	call_in_fiber(count_body, &self, NULL);
	call_must_fail(&self, GK_RESOURCE_EXHAUSTED, "more than 67108864 bytes");
	ck_assert_uint_le(self.len, GK_MAX_FETCH_BODY);
	ck_assert(!_i || self.len > GK_MAX_FETCH_BODY - (1u << 20));
	call_end(&self);
}
END_TEST

/* --- connections --- */

static unsigned expected; /* transfers at once, before anyone is answered */
static mark arrived, ended;

static void hold_until_all_are_there(server *self, int fd)
{
	char room[4096];

	(void)self;
	if (server_hear(fd, room, sizeof(room))) {
		__atomic_add_fetch(&arrived.value, 1, __ATOMIC_SEQ_CST);
		mark_await(&arrived, (int)expected);
		server_say(fd, OK_HELLO);
		while (server_hear(fd, room, sizeof(room)))
			server_say(fd, OK_HELLO);
	}
	__atomic_add_fetch(&ended.value, 1, __ATOMIC_SEQ_CST);
}

static unsigned answered;

static void fetch_one(void *user)
{
	call self = { .opts = { .size = sizeof(self.opts), .url = user } };

	call_run(&self);
	ck_assert_int_eq(self.rc, GK_OK);
	ck_assert_str_eq(self.body, "hello");
	call_end(&self);
	answered++;
}

static void fetch_at_once(unsigned count, unsigned connections)
{
	expected = connections;
	answered = 0;
	mark_set(&arrived, 0);
	mark_set(&ended, 0);
	call_peer = server_start(hold_until_all_are_there, NULL);
	for (unsigned i = 0; i < count; i++)
		ck_assert_int_eq(gk_fiber_start(call_loop, "one", NULL, fetch_one,
					 (void *)server_url(call_peer, "http", "/"), NULL, NULL),
			GK_OK);
	gk_loop_run(call_loop);
	ck_assert_uint_eq(answered, count);
}

/* A peer in one thread, for more connections than there had better be threads: it answers when all are there, and again
 * on each connection that asks again. */
typedef struct crowd {
	int listener, port;
	struct pollfd all[GK_FETCH_HOST_CONNS + 2]; /* the listener is the first */
	nfds_t count;
	unsigned most;
	bool is_held;
} crowd;

static void crowd_hear(crowd *self, nfds_t i)
{
	char room[4096];

	if (recv(self->all[i].fd, room, sizeof(room), 0) > 0) {
		if (!self->is_held)
			server_say(self->all[i].fd, OK_HELLO);
		return;
	}
	close(self->all[i].fd);
	self->all[i--] = self->all[--self->count];
}

static void *crowd_serve(void *user)
{
	crowd *self = user;
	unsigned asked = 0;

	while (self->count > 1 || !self->most) {
		poll(self->all, self->count, -1);
		for (nfds_t i = self->count; i-- > 1;)
			if (self->all[i].revents) {
				asked++;
				crowd_hear(self, i);
			}
		if (self->all[0].revents & POLLIN && self->count < GK_FETCH_HOST_CONNS + 2) {
			self->all[self->count++] =
				(struct pollfd){ .fd = accept(self->listener, NULL, NULL),
					.events = POLLIN };
			self->most = self->most < self->count - 1 ? (unsigned)self->count - 1
								  : self->most;
		}
		if (self->is_held && asked == GK_FETCH_HOST_CONNS) {
			self->is_held = false;
			for (nfds_t i = 1; i < self->count; i++)
				server_say(self->all[i].fd, OK_HELLO);
		}
	}
	return NULL;
}

START_TEST(a_host_has_so_many_connections_and_what_exceeds_them_waits)
{
	static crowd peer = { .count = 1, .is_held = true };
	struct sockaddr_in inet = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(inet);
	char url[64];
	pthread_t thread;

	peer.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(peer.listener, (struct sockaddr *)&inet, len), 0);
	ck_assert_int_eq(listen(peer.listener, 4096), 0);
	getsockname(peer.listener, (struct sockaddr *)&inet, &len);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ntohs(inet.sin_port));
	peer.all[0] = (struct pollfd){ .fd = peer.listener, .events = POLLIN };
	ck_assert_int_eq(pthread_create(&thread, NULL, crowd_serve, &peer), 0);
	answered = 0;
	for (unsigned i = 0; i < GK_FETCH_HOST_CONNS + 10; i++)
		ck_assert_int_eq(
			gk_fiber_start(call_loop, "one", NULL, fetch_one, url, NULL, NULL), GK_OK);
	gk_loop_run(call_loop);
	ck_assert_uint_eq(answered, GK_FETCH_HOST_CONNS + 10);
	gk_fetch_client_free(gk_steal(call_client));
	pthread_join(thread, NULL);
	close(peer.listener);
	ck_assert_uint_eq(peer.most, GK_FETCH_HOST_CONNS);
}
END_TEST

START_TEST(a_pool_that_nobody_uses_is_closed)
{
	uint64_t now;

	fetch_at_once(1, 1);
	now = gk_loop_now_ms(call_loop);
	ck_assert(call_client->pool_timer.is_armed);
	ck_assert_uint_gt(call_client->pool_timer.due_ms, now + GK_FETCH_POOL_MS - 1000);
	ck_assert_uint_le(call_client->pool_timer.due_ms, now + GK_FETCH_POOL_MS + 1000);
	ck_assert_int_eq(ended.value, 0);
	gk_timer_arm(&call_client->pool_timer, 1);
	for (int i = 0; i < 1000 && call_client->multi.curl; i++)
		gk_loop_turn(call_loop, 5);
	ck_assert_ptr_null(call_client->multi.curl);
	mark_await(&ended, 1);
}
END_TEST

static void say_one_and_begin_another(server *self, int fd)
{
	char room[4096];

	(void)self;
	if (server_hear(fd, room, sizeof(room)))
		server_say(fd, OK_HELLO);
	if (server_hear(fd, room, sizeof(room)))
		server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
	server_hear_end(fd);
}

/* The second one begins before the first one's handle has been put away. */
static void fetch_two(void *user)
{
	gk_auto_fetch gk_fetch *res = NULL;

	fetch_one(user);
	ck_assert_int_eq(
		gk_fetch_start(call_client, GK_OPTS(gk_fetch_opts, .url = user), &res, NULL),
		GK_OK);
	ck_assert(!call_client->pool_timer.is_armed);
}

START_TEST(a_pool_is_not_closed_under_a_transfer_that_begins_as_one_ends)
{
	call_peer = server_start(say_one_and_begin_another, NULL);
	call_in_fiber(fetch_two, (void *)server_url(call_peer, "http", "/"), NULL);
	ck_assert(call_client->pool_timer.is_armed);
}
END_TEST

START_TEST(a_connection_between_transfers_is_watched_and_keeps_no_loop)
{
	size_t kept = 0;

	fetch_at_once(1, 1); /* has returned: nothing is waited for */
	for (size_t i = 0; i < call_client->multi.kept_size; i++)
		kept += call_client->multi.kept[i] != NULL;
	ck_assert_uint_eq(kept, 1);
	gk_timer_arm(&call_client->pool_timer, 1);
	for (int i = 0; i < 1000 && call_client->multi.curl; i++)
		gk_loop_turn(call_loop, 5);
	ck_assert_ptr_null(call_client->multi.kept);
	mark_await(&ended, 1);
}
END_TEST

static void say_and_go(server *self, int fd)
{
	(void)self;
	server_hear(fd, call_heard, sizeof(call_heard));
	server_say(fd, OK_HELLO);
}

START_TEST(a_kept_connection_that_its_server_closes_wakes_once_and_serves_no_more)
{
	uint64_t before;

	call_peer = server_start(say_and_go, NULL);
	answered = 0;
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(gk_fiber_start(call_loop, "one", NULL, fetch_one,
					 (void *)server_url(call_peer, "http", "/"), NULL, NULL),
			GK_OK);
		gk_loop_run(call_loop);
		ck_assert_uint_eq(answered, i + 1);
		for (int n = 0; n < 10; n++) /* its end comes in one of these */
			gk_loop_turn(call_loop, 10);
		before = gk_clock_mono_ms();
		gk_loop_turn(call_loop, 30);
		ck_assert_uint_ge(gk_clock_mono_ms() - before, 25);
	}
	ck_assert_int_eq(server_accepted(call_peer), 3);
}
END_TEST

/* Goes on after the head: slowly, or with more than anybody needs. */
static void say_on(server *self, int fd)
{
	char room[4096];

	(void)self;
	if (!server_hear(fd, room, sizeof(room)))
		return;
	server_say(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello");
	if (expected) {
		memset(room, 'x', sizeof(room));
		for (size_t sent = 0; sent <= 4 * GK_FETCH_BUFFER; sent += sizeof(room))
			server_say_bytes(fd, room, sizeof(room));
	}
	server_hear_end_within(fd, 30000);
	mark_set(&ended, 1);
}

static void leave_one(void *user)
{
	gk_fetch *res = NULL;

	ck_assert_int_eq(
		gk_fetch_start(call_client, GK_OPTS(gk_fetch_opts, .url = user), &res, NULL),
		GK_OK);
	gk_fetch_leave(res);
}

START_TEST(an_answer_that_was_left_has_little_time_and_little_room)
{
	uint64_t took;
	int tries = 20;

	expected = (unsigned)_i;
	do { /* where all compete for the processor, its room is not always used up in its time */
		uint64_t before = gk_loop_now_ms(call_loop);

		mark_set(&ended, 0);
		if (call_peer)
			server_stop(call_peer);
		call_peer = server_start(say_on, NULL);
		call_in_fiber(leave_one, (void *)server_url(call_peer, "http", "/"), NULL);
		took = gk_loop_now_ms(call_loop) - before;
		mark_await(&ended, 1);
	} while (_i && took >= GK_FETCH_LINGER_MS && --tries);
	ck_assert(_i ? took < GK_FETCH_LINGER_MS
		     : took >= GK_FETCH_LINGER_MS && took < GK_FETCH_LINGER_MS + 20000);
}
END_TEST

static void set_up_many(void)
{
	call_set_up_with(
		GK_OPTS(gk_fetch_client_opts, .max_host_connections = 2 * GK_FETCH_IDLE_CONNS));
}

START_TEST(so_many_idle_connections_are_kept)
{
	unsigned more = 8;

	fetch_at_once(GK_FETCH_IDLE_CONNS + more, GK_FETCH_IDLE_CONNS + more);
	mark_await(&ended, (int)more); /* the rest is closed once it is idle */
	ck_assert_int_eq(ended.value, (int)more);
}
END_TEST

static void set_up_few(void)
{
	call_set_up_with(GK_OPTS(gk_fetch_client_opts, .max_idle_connections = 2));
}

START_TEST(as_many_are_kept_as_it_was_told)
{
	fetch_at_once(5, 5);
	mark_await(&ended, 3);
	ck_assert_int_eq(ended.value, 3);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fetch limits");
	TCase *usual = tcase_create("usual"), *many = tcase_create("many"),
	      *few = tcase_create("few");

	tcase_add_checked_fixture(usual, call_set_up, call_tear_down);
	tcase_set_timeout(usual, 20);
	tcase_add_test(usual, a_fetch_that_sets_no_limits_has_the_usual_ones);
	tcase_add_loop_test(usual, a_body_beyond_the_usual_limit_is_refused, 0, 2);
	tcase_add_test(usual, a_host_has_so_many_connections_and_what_exceeds_them_waits);
	tcase_add_test(usual, a_pool_that_nobody_uses_is_closed);
	tcase_add_test(usual, a_pool_is_not_closed_under_a_transfer_that_begins_as_one_ends);
	tcase_add_test(usual, a_connection_between_transfers_is_watched_and_keeps_no_loop);
	tcase_add_test(
		usual, a_kept_connection_that_its_server_closes_wakes_once_and_serves_no_more);
	tcase_add_loop_test(usual, an_answer_that_was_left_has_little_time_and_little_room, 0, 2);
	suite_add_tcase(s, usual);
	tcase_add_checked_fixture(many, set_up_many, call_tear_down);
	tcase_set_timeout(many, 20);
	tcase_add_test(many, so_many_idle_connections_are_kept);
	suite_add_tcase(s, many);
	tcase_add_checked_fixture(few, set_up_few, call_tear_down);
	tcase_set_timeout(few, 20);
	tcase_add_test(few, as_many_are_kept_as_it_was_told);
	suite_add_tcase(s, few);
	return s;
}

UNIT_MAIN(suite)
