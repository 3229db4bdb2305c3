/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "loop/loop_internal.h"
#include "loop/websocket.h"

#include "base/limits.h"
#include "ws.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- handshake --- */

static void greet_and_close(server *self, int fd)
{
	(void)self;
	ck_assert(ws_grant(fd));
	server_say(fd, WS_TEXT "\x05"
			       "hello" WS_CLOSE);
	ws_finish(fd);
}

START_TEST(a_socket_opens_takes_a_message_and_closes)
{
	ws_peer = server_start(greet_and_close, NULL);
	ws_run();
	ws_assert_story("opened;message hello;closed OK");
	ck_assert(strstr(ws_heard, "GET /path?a=b HTTP/1.1\r\nHost: 127.0.0.1:") == ws_heard);
	ck_assert_ptr_nonnull(
		strstr(ws_heard, "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"));
	ck_assert_ptr_nonnull(strstr(ws_heard, "\r\nSec-WebSocket-Version: 13\r\n"));
	ck_assert_ptr_null(strstr(ws_heard, "Authorization"));
}
END_TEST

START_TEST(a_password_in_the_url_is_sent)
{
	char url[64];

	ws_peer = server_start(greet_and_close, NULL);
	snprintf(url, sizeof(url), "ws://me:s%%3acret@127.0.0.1:%d", server_port(ws_peer));
	ws_run_with((gk_websocket_opts){ .url = url });
	ws_assert_story("opened;message hello;closed OK");
	ck_assert(strstr(ws_heard, "GET / HTTP/1.1\r\n") == ws_heard);
	ck_assert_ptr_nonnull(strstr(ws_heard, "\r\nAuthorization: Basic bWU6czpjcmV0\r\n"));
}
END_TEST

START_TEST(a_socket_opens_over_tls)
{
	char url[64];

	ws_peer = server_start_tls(greet_and_close);
	snprintf(url, sizeof(url), "wss://localhost:%d/", server_port(ws_peer));
	ws_run_with((gk_websocket_opts){ .url = url, .ca_file = server_ca_file() });
	ws_assert_story("opened;message hello;closed OK");
}
END_TEST

/* Its client may go at any point. */
static void greet_if_it_stays(server *self, int fd)
{
	(void)self;
	if (!ws_grant(fd))
		return;
	server_say(fd, WS_TEXT "\x05"
			       "hello" WS_CLOSE);
	while (!server_hear_end(fd))
		continue;
}

START_TEST(an_unknown_authority_is_refused)
{
	ws_peer = server_start_tls(greet_if_it_stays);
	ws_run_with((gk_websocket_opts){ .url = server_url(ws_peer, "wss", "/") });
	ws_assert_story("closed UNAVAILABLE");
	ck_assert_ptr_nonnull(strstr(ws_why.message, "certificate"));
}
END_TEST

static void refuse(server *self, int fd)
{
	(void)self;
	server_hear(fd, ws_heard, sizeof(ws_heard));
	server_say(fd, "HTTP/1.1 403 Forbidden\r\n\r\n");
}

START_TEST(a_refused_upgrade_ends_the_socket)
{
	ws_peer = server_start(refuse, NULL);
	ws_run_with((gk_websocket_opts){ .url = server_url(ws_peer, "ws", "/x?key=secret") });
	ws_assert_story("closed UNAVAILABLE");
	ck_assert_ptr_nonnull(strstr(ws_why.message, "status 403"));
	ck_assert_ptr_null(strstr(ws_why.message, "secret"));
}
END_TEST

static void stay_silent(server *self, int fd)
{
	(void)self;
	server_hear(fd, ws_heard, sizeof(ws_heard));
	ck_assert(server_hear_end(fd));
	mark_set(&ws_at, 1);
}

START_TEST(a_handshake_has_a_time_limit)
{
	ws_peer = server_start(stay_silent, NULL);
	ws_run_with((gk_websocket_opts){ .connect_ms = 20 });
	ws_assert_story("closed DEADLINE_EXCEEDED");
	mark_await(&ws_at, 1);
}
END_TEST

START_TEST(a_refused_connection_ends_the_socket)
{
	ws_peer = server_start(stay_silent, NULL);
	server_url(ws_peer, "ws", "/");
	ws_run_with((gk_websocket_opts){ .url = "ws://127.0.0.1:1/" });
	ws_assert_story("closed UNAVAILABLE");
}
END_TEST

static const char *const bad_urls[] = { "", "http://127.0.0.1/", "ws://", "ws:/x", "127.0.0.1",
	"ws://h:99999/", "ws://h/\r\nX: y" };

START_TEST(what_is_no_url_is_refused)
{
	gk_auto_error gk_error err = { 0 };

	ck_assert_int_eq(
		ws_connect(&(gk_websocket_opts){ .url = bad_urls[_i] }, &err), GK_INVALID_ARGUMENT);
	ck_assert_ptr_null(ws_socket);
}
END_TEST

/* --- messages --- */

static void echo(server *self, int fd)
{
	static char room[5u << 20];
	size_t len;
	unsigned kind;

	(void)self;
	ck_assert(ws_grant(fd));
	while ((kind = ws_hear_frame(fd, room, sizeof(room), &len)) == 0x81) {
		unsigned char head[10] = { 0x81, 127 };

		for (int i = 0; i < 8; i++)
			head[2 + i] = (unsigned char)((uint64_t)len >> (56 - 8 * i));
		if (len < 126) {
			head[1] = (unsigned char)len;
			server_say_bytes(fd, head, 2);
		} else if (len < 65536) {
			head[1] = 126;
			memmove(head + 2, head + 8, 2);
			server_say_bytes(fd, head, 4);
		} else {
			server_say_bytes(fd, head, 10);
		}
		server_say_bytes(fd, room, len);
	}
	ck_assert_uint_eq(kind, 0x88);
	server_say(fd, WS_CLOSE);
}

static int echoes;

static void send_one(void)
{
	static const size_t sizes[] = { 0, 1, 125, 126, 65535, 65536, 4u << 20 };
	gk_auto_str char *text = malloc(sizes[6]);

	memset(text, 'a' + echoes, sizes[6]);
	if (echoes < 7)
		ck_assert_int_eq(gk_websocket_send(ws_socket, text, sizes[echoes++], NULL), GK_OK);
	else
		gk_websocket_close(ws_socket, 0);
}

static void send_next(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] != 'a' + echoes - 1)
			ck_abort_msg("byte %zu of message %d is wrong", i, echoes);
	send_one();
}

START_TEST(messages_of_any_length_go_to_and_fro)
{
	echoes = 0;
	ws_when_opened = send_one;
	ws_when_message = send_next;
	ws_peer = _i ? server_start_tls(echo) : server_start(echo, NULL);
	ws_run_with((gk_websocket_opts){
		.url = server_url(ws_peer, _i ? "wss" : "ws", "/"), .ca_file = server_ca_file() });
	ws_assert_story("opened;message ;message b;message of 125;message of 126;message of 65535;"
			"message of 65536;message of 4194304;closed OK");
}
END_TEST

static void send_burst(void)
{
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(gk_websocket_send(ws_socket, "x", 1, NULL), GK_OK);
	ck_assert_uint_eq(gk_websocket_pending(ws_socket), 20);
	gk_websocket_close(ws_socket, 1000);
	ck_assert_int_eq(gk_websocket_send(ws_socket, "y", 1, NULL), GK_UNAVAILABLE);
}

START_TEST(what_was_sent_before_a_close_arrives)
{
	ws_when_opened = send_burst;
	ws_peer = server_start(echo, NULL);
	ws_run();
	ws_assert_story("opened;message x;message x;message x;message x;message x;message x;"
			"message x;message x;message x;message x;message x;message x;message x;"
			"message x;message x;message x;message x;message x;message x;message x;"
			"closed OK");
}
END_TEST

static void never_read(server *self, int fd)
{
	(void)self;
	ck_assert(ws_grant(fd));
	mark_await(&ws_at, 1);
}

static void fill_up(void)
{
	gk_auto_str char *text = calloc(1, 8u << 20);
	gk_auto_error gk_error err = { 0 };
	int sent = 0;

	while (gk_websocket_send(ws_socket, text, 8u << 20, &err) == GK_OK)
		sent++;
	ck_assert_int_eq(err.code, GK_RESOURCE_EXHAUSTED);
	ck_assert_int_eq(sent, GK_MAX_WS_MESSAGE / (8u << 20));
	ck_assert_uint_eq(gk_websocket_pending(ws_socket), GK_MAX_WS_MESSAGE);
	mark_set(&ws_at, 1);
}

START_TEST(what_the_peer_does_not_take_has_a_limit)
{
	ws_when_opened = fill_up;
	ws_peer = server_start(never_read, NULL);
	ws_run();
	ws_assert_story("opened;closed UNAVAILABLE");
}
END_TEST

/* --- ends --- */

static void cut(server *self, int fd)
{
	(void)self;
	ck_assert(ws_grant(fd));
	server_say(fd, WS_TEXT "\x05he");
}

START_TEST(a_broken_connection_is_unavailable)
{
	ws_peer = server_start(cut, NULL);
	ws_run();
	ws_assert_story("opened;closed UNAVAILABLE");
	ck_assert_ptr_nonnull(strstr(ws_why.message, "broke"));
}
END_TEST

static void close_and_go(server *self, int fd)
{
	(void)self;
	ck_assert(ws_grant(fd));
	server_say(fd, WS_CLOSE);
	shutdown(fd, SHUT_WR);
	while (!server_hear_end(fd)) /* an answer may come, or not any more */
		continue;
}

START_TEST(a_peer_that_closes_and_goes_has_closed_in_order)
{
	ws_peer = server_start(close_and_go, NULL);
	ws_run();
	ws_assert_story("opened;closed OK");
}
END_TEST

static void close_now(void)
{
	gk_websocket_close(ws_socket, 1001);
}

static void take_the_close(server *self, int fd)
{
	char room[256];

	(void)self;
	ck_assert(ws_grant(fd));
	ck_assert_uint_eq(ws_hear_frame(fd, room, sizeof(room), NULL), 0x88);
	ck_assert_mem_eq(room, "\x03\xe9", 2);
	server_say(fd, "\x88\x02\x03\xe9");
}

START_TEST(a_close_is_answered)
{
	ws_when_opened = close_now;
	ws_peer = server_start(take_the_close, NULL);
	ws_run();
	ws_assert_story("opened;closed OK");
}
END_TEST

START_TEST(a_close_before_it_is_open_ends_it)
{
	ws_peer = server_start(stay_silent, NULL);
	ws_keep_after_end = true;
	ck_assert_int_eq(
		ws_connect(&(gk_websocket_opts){ .url = server_url(ws_peer, "ws", "/") }, NULL),
		GK_OK);
	gk_websocket_close(ws_socket, 1000);
	ck_assert_uint_eq(ws_story.len, 0);
	gk_loop_run(ws_loop);
	ws_assert_story("closed CANCELLED");
	gk_websocket_close(ws_socket, 1000);
	ck_assert_int_eq(gk_websocket_send(ws_socket, "x", 1, NULL), GK_UNAVAILABLE);
}
END_TEST

static void say_two(server *self, int fd)
{
	(void)self;
	ck_assert(ws_grant(fd));
	server_say(fd, WS_TEXT "\x01"
			       "a" WS_TEXT "\x01"
			       "b");
	ck_assert(server_hear_end(fd));
	mark_set(&ws_at, 1);
}

static void free_now(void)
{
	gk_websocket_free(gk_steal(ws_socket));
}

static void free_at_message(const char *text, size_t len)
{
	(void)text;
	(void)len;
	free_now();
}

START_TEST(a_callback_may_free_the_socket)
{
	if (_i)
		ws_when_opened = free_now;
	else
		ws_when_message = free_at_message;
	ws_peer = server_start(say_two, NULL);
	ws_run();
	ws_assert_story(_i ? "opened;" : "opened;message a;");
	mark_await(&ws_at, 1);
}
END_TEST

static void say_two_if_it_stays(server *self, int fd)
{
	(void)self;
	if (!ws_grant(fd))
		return;
	server_say(fd, WS_TEXT "\x01"
			       "a" WS_TEXT "\x01"
			       "b");
	while (!server_hear_end(fd))
		continue;
}

START_TEST(a_socket_may_be_freed_at_any_time)
{
	size_t told;

	ws_peer = server_start(say_two_if_it_stays, NULL);
	for (int turns = 0; turns < 8; turns++) {
		ck_assert_int_eq(
			ws_connect(&(gk_websocket_opts){ .url = server_url(ws_peer, "ws", "/") },
				NULL),
			GK_OK);
		for (int i = 0; i < turns; i++)
			gk_loop_turn(ws_loop, 10);
		told = ws_story.len;
		gk_websocket_free(gk_steal(ws_socket));
		gk_loop_run(ws_loop);
		ck_assert_uint_eq(ws_story.len, told);
	}
}
END_TEST

static void answer_pings(server *self, int fd)
{
	char room[256];

	(void)self;
	ck_assert(ws_grant(fd));
	for (int i = 0; i < 3; i++) {
		ck_assert_uint_eq(ws_hear_frame(fd, room, sizeof(room), NULL), 0x89);
		server_say_bytes(fd, "\x8a\x00", 2);
	}
	server_say(fd, WS_CLOSE);
	ws_finish(fd);
}

START_TEST(a_quiet_peer_is_pinged)
{
	ws_peer = server_start(answer_pings, NULL);
	ws_run_with((gk_websocket_opts){ .ping_ms = 10 });
	ws_assert_story("opened;closed OK");
}
END_TEST

START_TEST(a_peer_that_answers_no_ping_is_gone)
{
	ws_peer = server_start(never_read, NULL);
	ws_run_with((gk_websocket_opts){ .ping_ms = 10 });
	ws_assert_story("opened;closed UNAVAILABLE");
	ck_assert_ptr_nonnull(strstr(ws_why.message, "does not answer"));
	mark_set(&ws_at, 1);
}
END_TEST

static void ignore_the_close(server *self, int fd)
{
	char room[256];

	(void)self;
	ck_assert(ws_grant(fd));
	ck_assert_uint_eq(ws_hear_frame(fd, room, sizeof(room), NULL), 0x88);
	ck_assert(server_hear_end(fd));
}

START_TEST(a_peer_that_does_not_answer_a_close_is_left)
{
	ws_when_opened = close_now;
	ws_peer = server_start(ignore_the_close, NULL);
	ws_run_with((gk_websocket_opts){ .close_ms = 10 });
	ck_assert_ptr_nonnull(strstr(ws_story.data, "opened;closed "));
}
END_TEST

static uint64_t ping_in_ms, close_in_ms; /* when the loop's first timer was due */

static void look_and_close(void)
{
	ping_in_ms = ws_loop->first_timer->due_ms - gk_loop_now_ms(ws_loop);
	close_now();
	close_in_ms = ws_loop->first_timer->due_ms - gk_loop_now_ms(ws_loop);
}

START_TEST(pings_and_closes_have_their_usual_times)
{
	ws_when_opened = look_and_close;
	ws_peer = server_start(take_the_close, NULL);
	ws_run();
	ws_assert_story("opened;closed OK");
	ck_assert_uint_ge(ping_in_ms, GK_WS_PING_MS - 1000);
	ck_assert_uint_le(ping_in_ms, GK_WS_PING_MS + 1000);
	ck_assert_uint_ge(close_in_ms, GK_WS_CLOSE_MS - 1000);
	ck_assert_uint_le(close_in_ms, GK_WS_CLOSE_MS + 1000);
}
END_TEST

static void flood(server *self, int fd)
{
	static char many[64 << 10];

	(void)self;
	ck_assert(ws_grant(fd));
	for (size_t i = 0; i < sizeof(many); i += 4)
		memcpy(many + i,
			WS_TEXT "\x02"
				"xy",
			4);
	for (int i = 0; i < 64; i++)
		server_say_bytes(fd, many, sizeof(many));
	server_say(fd, WS_CLOSE);
	ws_finish(fd);
}

static size_t messages;

static void count_message(const char *text, size_t len)
{
	(void)text;
	(void)len;
	messages++;
	gk_buf_clear(&ws_story);
}

START_TEST(a_flood_of_messages_is_taken_in_turns)
{
	messages = 0;
	ws_when_message = count_message;
	ws_peer = _i ? server_start_tls(flood) : server_start(flood, NULL);
	ws_run_with((gk_websocket_opts){
		.url = server_url(ws_peer, _i ? "wss" : "ws", "/"), .ca_file = server_ca_file() });
	ws_assert_story("closed OK");
	ck_assert_uint_eq(messages, 64 * (64 << 10) / 4);
}
END_TEST

/* --- memory --- */

static bool connect_with_failures(void)
{
	gk_websocket_opts opts = {
		.size = sizeof(opts), .connect_ms = 100, .closed = ws_on_closed
	};
	gk_loop *own = NULL;
	gk_code rc;

	opts.url = server_url(ws_peer, "ws", "/");
	gk_error_clear(&ws_why);
	rc = gk_loop_new(&own, NULL);
	if (rc == GK_OK)
		rc = gk_websocket_connect(own, &opts, &ws_socket, NULL);
	if (rc == GK_OK) {
		gk_loop_run(own);
		rc = ws_why.code;
	}
	gk_websocket_free(gk_steal(ws_socket));
	gk_loop_free(own);
	return rc == GK_OK;
}

START_TEST(memory_may_run_out_anywhere)
{
	ws_peer = server_start(greet_if_it_stays, NULL);
	fault_sweep(connect_with_failures);
}
END_TEST

#define COUNT(list) ((int)(sizeof(list) / sizeof(*(list))))

static Suite *suite(void)
{
	Suite *s = suite_create("websocket");
	TCase *c = tcase_create("websocket");

	tcase_add_checked_fixture(c, ws_set_up, ws_tear_down);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, a_socket_opens_takes_a_message_and_closes);
	tcase_add_test(c, a_password_in_the_url_is_sent);
	tcase_add_test(c, a_socket_opens_over_tls);
	tcase_add_test(c, an_unknown_authority_is_refused);
	tcase_add_test(c, a_refused_upgrade_ends_the_socket);
	tcase_add_test(c, a_handshake_has_a_time_limit);
	tcase_add_test(c, a_refused_connection_ends_the_socket);
	tcase_add_loop_test(c, what_is_no_url_is_refused, 0, COUNT(bad_urls));
	tcase_add_loop_test(c, messages_of_any_length_go_to_and_fro, 0, 2);
	tcase_add_test(c, what_was_sent_before_a_close_arrives);
	tcase_add_test(c, what_the_peer_does_not_take_has_a_limit);
	tcase_add_test(c, a_broken_connection_is_unavailable);
	tcase_add_test(c, a_peer_that_closes_and_goes_has_closed_in_order);
	tcase_add_test(c, a_close_is_answered);
	tcase_add_test(c, a_close_before_it_is_open_ends_it);
	tcase_add_loop_test(c, a_callback_may_free_the_socket, 0, 2);
	tcase_add_test(c, a_socket_may_be_freed_at_any_time);
	tcase_add_test(c, a_quiet_peer_is_pinged);
	tcase_add_test(c, a_peer_that_answers_no_ping_is_gone);
	tcase_add_test(c, a_peer_that_does_not_answer_a_close_is_left);
	tcase_add_test(c, pings_and_closes_have_their_usual_times);
	tcase_add_loop_test(c, a_flood_of_messages_is_taken_in_turns, 0, 2);
	tcase_add_test(c, memory_may_run_out_anywhere);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
