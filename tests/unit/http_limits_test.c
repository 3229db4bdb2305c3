/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the HTTP front does not take: ambiguous framing, too much, too slow, too many. */
#include "front.h"
#include "unit.h"

#include "base/buf.h"
#include "base/clock.h"
#include "server/http_internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- refusals --- */

#define FORTY "0123456789012345678901234567890123456789"

/* With a length: NUL bytes are among them. */
#define BYTES(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

static const struct {
	const char *bytes;
	size_t len;
} refused[] = {
	BYTES("POST /echo HTTP/1.1\r\n" HEAD
	      "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	BYTES("POST /echo HTTP/1.1\r\n" HEAD "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x"),
	BYTES("POST /echo HTTP/1.1\r\n" HEAD "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"),
	BYTES("POST /echo HTTP/1.1\r\n" HEAD "Content-Length: +2\r\n\r\n{}"),
	BYTES("POST /echo HTTP/1.1\r\n" HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
	BYTES("POST /echo HTTP/1.1\r\n" HEAD
	      "Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n"),
	BYTES("GET /parts HTTP/1.1\r\n\r\n"),
	BYTES("GET /parts HTTP/1.1\r\n" HEAD "Host: y\r\n\r\n"),
	BYTES("GET /parts HTTP/1.1\r\nHost : x\r\n\r\n"),
	BYTES("GET /parts HTTP/1.1\r\n" HEAD "X-A: \x01\r\n\r\n"),
	BYTES("get /parts HTTP/1.1\r\n" HEAD "\r\n"),
	BYTES("POST /echo HTTP/1.0\r\n" HEAD
	      "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
	/* lines that end in LF alone: the request line, a header, the last header, the empty line */
	BYTES("GET /parts HTTP/1.1\n" HEAD "\r\n"),
	BYTES("GET /parts HTTP/1.1\r\nHost: x\nX-A: 1\r\n\r\n"),
	BYTES("GET /parts HTTP/1.1\r\nHost: x\n\r\n"),
	BYTES("GET /parts HTTP/1.1\r\nHost: x\r\n\n"),
	BYTES("POST /echo HTTP/1.1\r\n" HEAD "Content-Length: 3\r\n\nabc"),
	/* folded lines */
	BYTES("GET /parts HTTP/1.1\r\n" HEAD "X-A: 1\r\n 2\r\n\r\n"),
	BYTES("GET /parts HTTP/1.1\r\n" HEAD "X-A: 1\r\n\t2\r\nX-B: 1\r\n\r\n"),
	BYTES("GET /parts HTTP/1.1\r\n" HEAD "X-A: 1\r\n \r\n\r\n"),
	BYTES("POST /echo HTTP/1.1\r\n" HEAD "X-A: 1\r\n Content-Length: 3\r\n\r\nabc"),
	/* NUL bytes: in the method, the target, the version, a name, a value, the last value */
	BYTES("GET\0 /parts HTTP/1.1\r\n" HEAD "\r\n"),
	BYTES("GET /parts\0/more HTTP/1.1\r\n" HEAD "\r\n"),
	BYTES("GET /parts?q=1\0 HTTP/1.1\r\n" HEAD "\r\n"),
	BYTES("GET /parts HTTP/1.1\0\r\n" HEAD "\r\n"),
	BYTES("GET /parts HTTP/1.1\r\n" HEAD "X\0A: 1\r\n\r\n"),
	BYTES("GET /parts HTTP/1.1\r\n" HEAD "X-A: 1\0Content-Length: 3\r\nX-B: 1\r\n\r\n"),
	BYTES("GET /parts HTTP/1.1\r\n" HEAD "X-A: 1\0\r\n\r\n"),
	/* targets in absolute form that name no host, or seem to name two */
	BYTES("GET http:///parts HTTP/1.1\r\n" HEAD "\r\n"),
	BYTES("GET http:// HTTP/1.1\r\n" HEAD "\r\n"),
	BYTES("GET http://?q=1 HTTP/1.1\r\n" HEAD "\r\n"),
	BYTES("GET http://:80/parts HTTP/1.1\r\n" HEAD "\r\n"),
	BYTES("GET http://user@localhost/parts HTTP/1.1\r\n" HEAD "\r\n"),
	BYTES("GET http://localhost:80@evil.example/parts HTTP/1.1\r\n" HEAD "\r\n"),
	BYTES("GET http://localhost%2f@evil.example/parts HTTP/1.1\r\n" HEAD "\r\n"),
	BYTES("GET http://loc%61lhost/parts HTTP/1.1\r\n" HEAD "\r\n"),
	BYTES("GET http://localhost\\@evil.example/parts HTTP/1.1\r\n" HEAD "\r\n"),
	BYTES("GET http://localhost,evil.example/parts HTTP/1.1\r\n" HEAD "\r\n"),
	BYTES("GET http://localhost:x/parts HTTP/1.1\r\n" HEAD "\r\n"),
	BYTES("GET http://localhost:123456/parts HTTP/1.1\r\n" HEAD "\r\n"),
	BYTES("GET http://[::1/parts HTTP/1.1\r\n" HEAD "\r\n"),
	BYTES("GET http://[localhost]/parts HTTP/1.1\r\n" HEAD "\r\n"),
	BYTES("GET http://[::1]x/parts HTTP/1.1\r\n" HEAD "\r\n"),
	BYTES("GET http://::1/parts HTTP/1.1\r\n" HEAD "\r\n"),
	BYTES("GET http://localhost/parts HTTP/1.1\r\n\r\n"),
	BYTES("GET http://localhost/parts HTTP/1.1\r\n" HEAD "Host: y\r\n\r\n"),
	/* a blank where none belongs */
	BYTES("GET  /parts HTTP/1.1\r\n" HEAD "\r\n"),
	/* control characters, wherever they stand in a value */
	BYTES("GET /parts HTTP/1.1\r\n" HEAD "X-A: \x1f"
	      "123456789abcdef\r\n\r\n"),
	BYTES("GET /parts HTTP/1.1\r\n" HEAD "X-A: 0123456\x7f"
	      "89abcdef\r\n\r\n"),
	BYTES("GET /parts HTTP/1.1\r\n" HEAD "X-A: 01234567\x01"
	      "9abcdef\r\n\r\n"),
	BYTES("GET /parts HTTP/1.1\r\n" HEAD "X-A: 012345\t7\xc3\xa9"
	      "ab\x7f"
	      "def\r\n\r\n"),
	BYTES("GET /parts HTTP/1.1\r\n" HEAD "X-A: 0123456789abc\x7f\r\n\r\n"),
};

START_TEST(ambiguous_framing_is_refused_and_the_connection_closed)
{
	gk_auto_str char *answer =
		http_talk_bytes(front_loop, front_listener, refused[_i].bytes, refused[_i].len);

	assert_has(answer, "HTTP/1.1 400 ");
	ck_assert_uint_eq(front_handled, 0);
}
END_TEST

/* Whatever reads end in, and however long the target: the layout is the one that is taken for plain. */
static void dribbling_client(void *user)
{
	static const char request[] =
		"\r\nPOST /echo?q=a%20b&r=%41 HTTP/1.1\r\n" HEAD
		"X-Empty:\r\nX-Blanks: \t 1\t\r\nX-Caf\xc3\xa9: 0123456\xff\x80~\t}\r\n"
		"Cookie: a=1; b=2\r\nContent-Length: 5\r\n\r\nhello";
	size_t step = 1 + *(const size_t *)user;
	int fd = http_connect(front_listener);
	int now = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &now, sizeof(now));
	for (int i = 0; i < 2; i++) { /* on one connection */
		for (size_t at = 0; at < sizeof(request) - 1; at += step) {
			size_t left = sizeof(request) - 1 - at;

			http_send_bytes(fd, request + at, left < step ? left : step);
			usleep(200);
		}
		free(http_read(fd, "hello"));
	}
	close(fd);
}

START_TEST(plain_framing_is_taken_in_whatever_pieces_it_comes)
{
	size_t step = (size_t)_i * 7;

	http_run(front_loop, dribbling_client, &step);
	ck_assert_uint_eq(front_handled, 2);
}
END_TEST

START_TEST(a_large_plain_head_is_taken)
{
	gk_auto_buf gk_buf request = GK_BUF_INIT(0);
	gk_auto_str char *answer = NULL;

	gk_buf_puts(&request, "GET /parts HTTP/1.1\r\n" HEAD);
	for (int i = 0; i < 11; i++) /* more than libmicrohttpd reads into at first */
		gk_buf_printf(&request, "X-%d: %0900d\r\n", i, i);
	gk_buf_puts(&request, CLOSE);
	answer = front_talk(request.data);
	assert_has(answer, "one,two");
}
END_TEST

START_TEST(headers_beyond_the_connection_memory_are_refused)
{
	gk_auto_buf gk_buf request = GK_BUF_INIT(0);
	gk_auto_str char *answer = NULL;

	gk_buf_puts(&request, "GET /parts HTTP/1.1\r\n" HEAD "X-A: ");
	for (size_t i = 0; i < 2 * GK_HTTP_CONNECTION_MEMORY; i++)
		gk_buf_putc(&request, 'a');
	gk_buf_puts(&request, "\r\n\r\n");
	answer = front_talk(request.data);
	assert_has(answer, "HTTP/1.1 431 ");
}
END_TEST

START_TEST(a_body_beyond_the_limit_is_refused)
{
	gk_auto_str char *answer = NULL;

	front_teardown();
	front_start(GK_OPTS(gk_http_opts, .max_body = 10));
	answer = front_talk(
		"POST /echo HTTP/1.1\r\n" HEAD "Content-Length: 11\r\n" CLOSE "hello world");
	assert_has(answer, "HTTP/1.1 413 ");
	ck_assert_uint_eq(front_handled, 0);
}
END_TEST

START_TEST(a_body_far_beyond_the_limit_is_refused_before_it_comes)
{
	gk_auto_str char *request = NULL, *answer = NULL;

	ck_assert_int_gt(
		asprintf(&request, "POST /echo HTTP/1.1\r\n" HEAD "Content-Length: %u\r\n" CLOSE,
			GK_HTTP_EARLY_REFUSAL + 1),
		0);
	answer = front_talk(request);
	assert_has(answer, "HTTP/1.1 413 ");
}
END_TEST

START_TEST(a_chunked_body_beyond_the_limit_is_refused)
{
	gk_auto_str char *answer = NULL;

	front_teardown();
	front_start(GK_OPTS(gk_http_opts, .max_body = 10));
	answer = front_talk("POST /echo HTTP/1.1\r\n" HEAD "Transfer-Encoding: chunked\r\n" CLOSE
			    "8\r\n12345678\r\n3\r\n901\r\n0\r\n\r\n");
	assert_has(answer, "HTTP/1.1 413 ");
}
END_TEST

START_TEST(bodies_that_come_at_once_have_a_limit_together)
{
	gk_auto_str char *answer = NULL;
	int first, gone;

	front_teardown();
	front_start(GK_OPTS(gk_http_opts, .max_coming = 100));
	gone = http_connect(front_listener);
	first = http_connect(front_listener);
	http_send(gone, "POST /echo HTTP/1.1\r\n" HEAD "Content-Length: 60\r\n\r\n" FORTY);
	while (!gk_http_active(front_listener))
		gk_loop_turn(front_loop, 1000);
	close(gone); /* what has gone does not count */
	while (gk_http_active(front_listener))
		gk_loop_turn(front_loop, 1000);
	http_send(first, "POST /echo HTTP/1.1\r\n" HEAD "Content-Length: 80\r\n" CLOSE FORTY);
	while (!gk_http_active(front_listener))
		gk_loop_turn(front_loop, 1000);
	answer = front_talk(
		"POST /echo HTTP/1.1\r\n" HEAD "Content-Length: 80\r\n" CLOSE FORTY FORTY);
	assert_has(answer, "HTTP/1.1 503 ");
	assert_has(answer, "\"status\":\"UNAVAILABLE\"");
	http_send(first, FORTY);
	while (gk_http_active(front_listener))
		gk_loop_turn(front_loop, 1000);
	free(answer);
	answer = http_read(first, NULL);
	assert_has(answer, "HTTP/1.1 200 ");
	assert_has(answer, FORTY FORTY);
	close(first);
	free(answer); /* and all of it is free again */
	answer = front_talk(
		"POST /echo HTTP/1.1\r\n" HEAD "Content-Length: 80\r\n" CLOSE FORTY FORTY);
	assert_has(answer, "HTTP/1.1 200 ");
}
END_TEST

START_TEST(a_body_of_exactly_the_limit_is_taken)
{
	gk_auto_str char *answer = NULL;

	front_teardown();
	front_start(GK_OPTS(gk_http_opts, .max_body = 10));
	answer = front_talk(
		"POST /echo HTTP/1.1\r\n" HEAD "Content-Length: 10\r\n" CLOSE "0123456789");
	assert_has(answer, "\r\n\r\n0123456789");
}
END_TEST

START_TEST(headers_that_do_not_come_close_the_connection)
{
	gk_auto_str char *answer = NULL;

	front_teardown();
	front_start(GK_OPTS(gk_http_opts, .header_ms = 100));
	answer = front_talk("GET /parts HTTP/1.1\r\nHos");
	ck_assert_uint_eq(front_handled, 0);
}
END_TEST

/* Sends a good request and then what is slow, a byte now and then, until the server has had enough. */
static void slow_client(void *user)
{
	const char *next = user;
	int fd = http_connect(front_listener);

	http_send(fd, "GET /parts HTTP/1.1\r\n" HEAD "\r\n");
	free(http_read(fd, "one,two"));
	http_send(fd, next);
	for (int i = 0; i < 100; i++) {
		char c;

		usleep(20000);
		http_send(fd, "a");
		if (recv(fd, &c, 1, MSG_DONTWAIT) == 0)
			break;
	}
	close(fd);
}

START_TEST(slow_headers_on_a_kept_connection_close_it)
{
	uint64_t start_ms = gk_clock_mono_ms();

	front_teardown();
	front_start(GK_OPTS(gk_http_opts, .header_ms = 100));
	http_run(front_loop, slow_client, (char *)"GET /parts HTTP/1.1\r\nX-A: ");
	ck_assert_uint_eq(front_handled, 1);
	ck_assert_uint_lt(gk_clock_mono_ms() - start_ms, 1500);
}
END_TEST

START_TEST(a_slow_request_line_on_a_kept_connection_closes_it)
{
	uint64_t start_ms = gk_clock_mono_ms();

	front_teardown();
	front_start(GK_OPTS(gk_http_opts, .idle_ms = 100));
	http_run(front_loop, slow_client, (char *)"GET /par");
	ck_assert_uint_eq(front_handled, 1);
	ck_assert_uint_lt(gk_clock_mono_ms() - start_ms, 1500);
}
END_TEST

/* libmicrohttpd misses an end that comes together with the request. */
static void half_closing_client(void *user)
{
	char **answer = user;
	int fd = http_connect(front_listener);

	http_send(fd, "GET /parts HTTP/1.1\r\n" HEAD "\r\n");
	shutdown(fd, SHUT_WR);
	*answer = http_read(fd, NULL);
	close(fd);
}

START_TEST(a_client_that_has_closed_its_sending_side_is_answered_and_let_go)
{
	gk_auto_str char *answer = NULL;
	uint64_t start_ms = gk_clock_mono_ms();

	http_run(front_loop, half_closing_client, &answer);
	assert_has(answer, "one,two");
	ck_assert_uint_lt(gk_clock_mono_ms() - start_ms, 1500);
}
END_TEST

/* Asks for more than all buffers hold and takes nothing of it, until the server has given up. */
static void idle_taker(void *user)
{
	int fd = http_connect(front_listener);
	struct pollfd ended = { .fd = fd, .events = POLLRDHUP };

	http_send(fd, user);
	poll(&ended, 1, 5000);
	close(fd);
}

START_TEST(a_client_that_takes_nothing_is_let_go_and_its_producer_told)
{
	front_teardown();
	front_start(GK_OPTS(gk_http_opts, .idle_ms = 1000));
	http_run(front_loop, idle_taker, (char *)"GET /much HTTP/1.1\r\n" HEAD "\r\n");
	ck_assert_int_eq(front_room_rc, GK_CANCELLED);
	ck_assert_uint_lt(front_produced, FRONT_MUCH);
	ck_assert_uint_eq(gk_http_active(front_listener), 0);
}
END_TEST

START_TEST(an_idle_connection_is_closed)
{
	gk_auto_str char *answer = NULL;

	front_teardown();
	front_start(GK_OPTS(gk_http_opts, .idle_ms = 100));
	answer = front_talk(
		"GET /parts HTTP/1.1\r\n" HEAD "\r\n"); /* returns when the server closes */
	assert_has(answer, "one,two");
}
END_TEST

#define MONTHS_MS 12884902000 /* 112 in 32 bits */

static void waiting_client(void *user)
{
	int fd = http_connect(front_listener);
	struct pollfd ended = { .fd = fd, .events = POLLRDHUP };

	http_send(fd, "GET /parts HTTP/1.1\r\n" HEAD "\r\n");
	free(http_read(fd, "one,two"));
	*(int *)user = poll(&ended, 1, 600);
	close(fd);
}

START_TEST(an_idle_limit_of_months_is_not_over_in_a_moment)
{
	int ended = 1;

	front_teardown();
	front_start(GK_OPTS(gk_http_opts, .idle_ms = MONTHS_MS));
	http_run(front_loop, waiting_client, &ended);
	ck_assert_int_eq(ended, 0);
}
END_TEST

START_TEST(a_body_that_does_not_come_closes_the_connection)
{
	gk_auto_str char *answer = NULL;

	front_teardown();
	front_start(GK_OPTS(gk_http_opts, .body_ms = 100));
	answer = front_talk("POST /echo HTTP/1.1\r\n" HEAD "Content-Length: 10\r\n\r\n01234");
	ck_assert_uint_eq(front_handled, 0);
}
END_TEST

START_TEST(connections_beyond_the_limit_are_turned_away)
{
	int first, second;
	gk_auto_str char *nothing = NULL;

	front_teardown();
	front_start(GK_OPTS(gk_http_opts, .max_connections = 1));
	first = http_connect(front_listener);
	http_send(first, "GET /open HTTP/1.1\r\n" HEAD "\r\n");
	while (!front_open_exchange)
		gk_loop_turn(front_loop, 1000);
	second = http_connect(front_listener);
	http_send(second, "GET /parts HTTP/1.1\r\n" HEAD "\r\n");
	for (int i = 0; i < 10; i++)
		gk_loop_turn(front_loop, 10);
	ck_assert_uint_eq(front_handled, 1);
	close(first);
	close(second);
	while (gk_http_active(front_listener))
		gk_loop_turn(front_loop, 100);
}
END_TEST

START_TEST(a_listener_that_sets_no_limits_has_the_usual_ones)
{
	struct rlimit files;
	rlim_t affordable;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	affordable = files.rlim_cur - files.rlim_cur / 4;
	ck_assert_uint_eq(front_listener->opts.header_ms, GK_HTTP_HEADER_MS);
	ck_assert_uint_eq(front_listener->opts.body_ms, GK_HTTP_BODY_MS);
	ck_assert_uint_eq(front_listener->opts.idle_ms, GK_HTTP_IDLE_MS);
	ck_assert_uint_eq(front_listener->opts.max_body, GK_HTTP_FLOW_BODY);
	ck_assert_uint_eq(front_listener->opts.max_coming, GK_HTTP_COMING_BODIES);
	ck_assert_uint_eq(front_listener->opts.max_connections,
		affordable < GK_HTTP_MAX_CONNECTIONS ? affordable : GK_HTTP_MAX_CONNECTIONS);
}
END_TEST

/* Every descriptor that is left, below a limit that keeps the test short. */
typedef struct hoard {
	struct rlimit before;
	int fds[200];
	size_t count;
} hoard;

static void take_descriptors(hoard *all)
{
	struct rlimit few;
	int fd;

	all->count = 0;
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &all->before), 0);
	few = all->before;
	few.rlim_cur = sizeof(all->fds) / sizeof(all->fds[0]);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	while ((fd = dup(0)) >= 0)
		all->fds[all->count++] = fd;
}

static void give_descriptors(hoard *all)
{
	while (all->count)
		close(all->fds[--all->count]);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &all->before), 0);
}

START_TEST(without_descriptors_a_listener_waits_instead_of_spinning)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)gk_http_port(front_listener)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	gk_auto_str char *answer = NULL;
	unsigned turns = 0;
	hoard all;

	take_descriptors(&all);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	http_send(fd, "GET /parts HTTP/1.1\r\n" HEAD CLOSE);
	for (uint64_t end = gk_clock_mono_ms() + 400; gk_clock_mono_ms() < end; turns++)
		gk_loop_turn(front_loop, 400);
	ck_assert_uint_lt(turns, 50);
	give_descriptors(&all);
	while (!front_handled)
		gk_loop_turn(front_loop, 1000);
	for (int i = 0; i < 10; i++)
		gk_loop_turn(front_loop, 10);
	answer = http_read(fd, NULL);
	assert_has(answer, "one,two");
	close(fd);
}
END_TEST

START_TEST(connections_leave_descriptors_for_the_answers)
{
	struct rlimit before, few;
	struct sockaddr_in address;
	int clients[40];

	front_teardown();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = 40;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	front_start(GK_OPTS(gk_http_opts, .max_connections = 10000));
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	address = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)gk_http_port(front_listener)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	for (size_t i = 0; i < 40; i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		connect(clients[i], (struct sockaddr *)&address, sizeof(address));
	}
	for (int i = 0; i < 20; i++)
		gk_loop_turn(front_loop, 10);
	ck_assert_uint_eq(gk_http_connections(front_listener), 30);
	for (size_t i = 0; i < 40; i++)
		close(clients[i]);
}
END_TEST

static Suite *suite(void)
{
	Suite *all = suite_create("http limits");
	TCase *served = tcase_create("served");

	tcase_add_checked_fixture(served, front_setup, front_teardown);
	tcase_set_timeout(served, 20);
	tcase_add_loop_test(served, ambiguous_framing_is_refused_and_the_connection_closed, 0,
		sizeof(refused) / sizeof(refused[0]));
	tcase_add_loop_test(served, plain_framing_is_taken_in_whatever_pieces_it_comes, 0, 4);
	tcase_add_test(served, a_large_plain_head_is_taken);
	tcase_add_test(served, headers_beyond_the_connection_memory_are_refused);
	tcase_add_test(served, a_body_beyond_the_limit_is_refused);
	tcase_add_test(served, a_body_far_beyond_the_limit_is_refused_before_it_comes);
	tcase_add_test(served, a_chunked_body_beyond_the_limit_is_refused);
	tcase_add_test(served, bodies_that_come_at_once_have_a_limit_together);
	tcase_add_test(served, a_body_of_exactly_the_limit_is_taken);
	tcase_add_test(served, headers_that_do_not_come_close_the_connection);
	tcase_add_test(served, slow_headers_on_a_kept_connection_close_it);
	tcase_add_test(served, a_slow_request_line_on_a_kept_connection_closes_it);
	tcase_add_test(served, a_client_that_has_closed_its_sending_side_is_answered_and_let_go);
	tcase_add_test(served, a_client_that_takes_nothing_is_let_go_and_its_producer_told);
	tcase_add_test(served, an_idle_connection_is_closed);
	tcase_add_test(served, an_idle_limit_of_months_is_not_over_in_a_moment);
	tcase_add_test(served, a_body_that_does_not_come_closes_the_connection);
	tcase_add_test(served, a_listener_that_sets_no_limits_has_the_usual_ones);
	tcase_add_test(served, connections_beyond_the_limit_are_turned_away);
	tcase_add_test(served, connections_leave_descriptors_for_the_answers);
	tcase_add_test(served, without_descriptors_a_listener_waits_instead_of_spinning);
	suite_add_tcase(all, served);
	return all;
}

UNIT_MAIN(suite)
