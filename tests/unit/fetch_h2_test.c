/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* HTTP/2: transfers that share a connection. */
#include "calls.h"
#include "server_h2.h"
#include "unit.h"

#define COUNT(list) ((int)(sizeof(list) / sizeof(*(list))))

static void set_up(void)
{
	call_set_up_with(GK_OPTS(gk_fetch_client_opts, .ca_file = server_ca_file()));
}

static void fetch_one(void *user)
{
	call *self = user;

	call_run(self);
}

START_TEST(transfers_to_a_host_share_a_connection_over_http_2)
{
	call calls[5] = { 0 };

	call_peer = server_start_h2(COUNT(calls));
	for (int i = 0; i < COUNT(calls); i++) {
		calls[i].opts = (gk_fetch_opts){ .url = server_url(call_peer, "https", "/x"),
			.body = i % 2 ? "body" : NULL,
			.body_len = i % 2 ? 4 : 0 };
		ck_assert_int_eq(
			gk_fiber_start(call_loop, "one", NULL, fetch_one, &calls[i], NULL, NULL),
			GK_OK);
	}
	gk_loop_run(call_loop);
	for (int i = 0; i < COUNT(calls); i++) {
		ck_assert_msg(calls[i].rc == GK_OK, "%s", calls[i].err.message);
		ck_assert_int_eq(calls[i].status, 200);
		ck_assert_str_eq(calls[i].body, "hello");
		call_end(&calls[i]);
	}
	ck_assert_int_eq(server_accepted(call_peer), 1);
	ck_assert_int_eq(server_h2_most(), COUNT(calls));
}
END_TEST

/* A transfer whose answer has begun and does not end. */
typedef struct held {
	gk_scope *scope;
	bool has_begun;
	gk_code rc;
} held;

static void fetch_held(void *user)
{
	held *self = user;
	gk_auto_fetch gk_fetch *res = NULL;
	const char *data;
	size_t len;

	self->rc = gk_fetch_start(call_client,
		GK_OPTS(gk_fetch_opts, .url = server_url(call_peer, "https", "/x")), &res, NULL);
	while (self->rc == GK_OK) {
		self->rc = gk_fetch_read(res, &data, &len, NULL);
		self->has_begun = true;
	}
}

static void start_held(held *self)
{
	*self = (held){ .scope = gk_scope_new(call_loop, NULL) };
	ck_assert_int_eq(
		gk_fiber_start(call_loop, "held", self->scope, fetch_held, self, NULL, NULL),
		GK_OK);
}

static void cancel_held(held *self)
{
	gk_scope_cancel(self->scope, GK_CANCELLED);
	while (self->rc == GK_OK)
		gk_loop_turn(call_loop, 10);
	ck_assert_int_eq(self->rc, GK_CANCELLED);
	gk_scope_unref(self->scope);
}

START_TEST(a_cancelled_transfer_resets_its_stream_and_disturbs_no_other)
{
	held one, other;

	call_peer = server_start_h2(2);
	server_h2_hold();
	start_held(&one);
	start_held(&other);
	while (!one.has_begun || !other.has_begun)
		gk_loop_turn(call_loop, 10);
	cancel_held(&one);
	server_h2_await_resets(1);
	gk_loop_turn(call_loop, 10);
	ck_assert_int_eq(other.rc, GK_OK);
	ck_assert_int_eq(server_accepted(call_peer), 1);
	cancel_held(&other);
}
END_TEST

START_TEST(the_last_cancelled_transfer_of_an_http_2_connection_closes_it)
{
	held one;

	call_peer = server_start_h2(1);
	server_h2_hold();
	start_held(&one);
	while (!one.has_begun)
		gk_loop_turn(call_loop, 10);
	cancel_held(&one);
	server_h2_await_end();
}
END_TEST

START_TEST(a_body_beyond_the_limit_over_http_2_ends_at_once)
{
	call self = { .opts.max_body = 3 };

	call_peer = server_start_h2(1);
	server_h2_hold();
	self.opts.url = server_url(call_peer, "https", "/x");
	call_fetch(&self);
	call_must_fail(&self, GK_RESOURCE_EXHAUSTED, "more than 3 bytes");
	call_end(&self);
	server_h2_await_end();
}
END_TEST

#define MUCH (8u << 20)

/* Reads a large body; after its first bytes it lets another come to its end, if that takes no minute. */
typedef struct reader {
	const struct reader *other;
	size_t total;
	gk_code rc;
	bool has_ended;
} reader;

static void let_end(const reader *other)
{
	for (int i = 0; i < 6000 && other && !other->has_ended; i++)
		if (gk_fiber_sleep(10, NULL) != GK_OK)
			return;
}

static void read_much(void *user)
{
	reader *self = user;
	gk_auto_fetch gk_fetch *res = NULL;
	const char *data;
	size_t len = 1;

	self->rc = gk_fetch_start(call_client,
		GK_OPTS(gk_fetch_opts, .url = server_url(call_peer, "https", "/x")), &res, NULL);
	while (self->rc == GK_OK && len) {
		self->rc = gk_fetch_read(res, &data, &len, NULL);
		if (!self->total)
			let_end(self->other);
		self->total += self->rc == GK_OK ? len : 0;
	}
	self->has_ended = true;
}

START_TEST(a_slow_reader_over_http_2_holds_no_other_and_misses_nothing)
{
	reader quick = { 0 }, slow = { .other = &quick };
	reader *const both[] = { &slow, &quick };

	call_peer = server_start_h2(2);
	server_h2_say_much(MUCH);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(
			gk_fiber_start(call_loop, "read", NULL, read_much, both[i], NULL, NULL),
			GK_OK);
	while (!quick.has_ended)
		gk_loop_turn(call_loop, 100);
	ck_assert_int_eq(slow.rc, GK_OK);
	ck_assert_msg(!slow.has_ended, "it ended with %zu bytes", slow.total);
	gk_loop_run(call_loop);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(both[i]->rc, GK_OK);
		ck_assert_uint_eq(both[i]->total, MUCH);
	}
	ck_assert_int_eq(server_accepted(call_peer), 1);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fetch over HTTP/2");
	TCase *t = tcase_create("http 2");

	tcase_add_checked_fixture(t, set_up, call_tear_down);
	tcase_add_test(t, transfers_to_a_host_share_a_connection_over_http_2);
	tcase_add_test(t, a_cancelled_transfer_resets_its_stream_and_disturbs_no_other);
	tcase_add_test(t, the_last_cancelled_transfer_of_an_http_2_connection_closes_it);
	tcase_add_test(t, a_slow_reader_over_http_2_holds_no_other_and_misses_nothing);
	tcase_add_test(t, a_body_beyond_the_limit_over_http_2_ends_at_once);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
