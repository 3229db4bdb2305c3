/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "http_client.h"
#include "unit.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "server/address.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLOSE "Connection: close\r\n\r\n"
#define HEAD  "Host: x\r\n"
#define MUCH                                                                                       \
	(128 * (size_t)GK_MAX_SINK) /* more than the kernel's buffers and the sink hold together */

static gk_loop *loop;
static gk_http_listener *listener;
static gk_exchange *open_exchange;
static unsigned hangups, handled;
static uint64_t hung_up_ms;
static gk_code room_rc;
static size_t produced;
static bool was_parked;

static void on_hangup(gk_exchange *x, void *user)
{
	(void)x;
	(void)user;
	hangups++;
	hung_up_ms = gk_clock_mono_ms();
	open_exchange = NULL;
}

/* Produces more than any sink holds, waiting for room. */
static void produce(void *user)
{
	gk_exchange *x = user;
	static char block[8192];

	memset(block, 'x', sizeof(block));
	for (produced = 0; produced < MUCH; produced += sizeof(block)) {
		if (gk_exchange_buffer(x)->len > GK_MAX_SINK)
			__atomic_store_n(&was_parked, true, __ATOMIC_SEQ_CST);
		room_rc = gk_exchange_wait_room(x, NULL);
		if (room_rc != GK_OK)
			return;
		gk_exchange_write(x, block, sizeof(block));
	}
	gk_exchange_end(x);
}

static unsigned producers;

/* One of several fibers of the same run. */
static void produce_half(void *user)
{
	gk_exchange *x = user;
	static char block[8192];

	memset(block, 'x', sizeof(block));
	for (size_t mine = 0; mine < MUCH / 2; mine += sizeof(block)) {
		if (gk_exchange_wait_room(x, NULL) != GK_OK)
			break;
		gk_exchange_write(x, block, sizeof(block));
		produced += sizeof(block);
	}
	if (--producers == 0 && produced == MUCH)
		gk_exchange_end(x);
}

static void handle(gk_exchange *x, void *user)
{
	const char *path = gk_exchange_path(x);
	size_t len;
	const char *body = gk_exchange_body(x, &len);

	(void)user;
	handled++;
	if (strcmp(path, "/echo") == 0) {
		gk_exchange_set_header(x, "X-Query",
			gk_exchange_query(x, "q") ? gk_exchange_query(x, "q") : "none");
		gk_exchange_reply(x, 200, "text/plain", body, len);
	} else if (strcmp(path, "/parts") == 0) {
		gk_exchange_begin(x, 200, "text/plain");
		gk_exchange_write(x, "one,", 4);
		gk_exchange_write(x, "two", 3);
		gk_exchange_end(x);
	} else if (strcmp(path, "/open") == 0) {
		gk_exchange_on_hangup(x, on_hangup, NULL);
		gk_exchange_begin(x, 200, "text/plain");
		gk_exchange_write(x, "open\n", 5);
		open_exchange = x;
	} else if (strcmp(path, "/later") == 0) {
		gk_exchange_on_hangup(x, on_hangup, NULL);
		open_exchange = x;
	} else if (strcmp(path, "/headers") == 0) {
		gk_auto_json json_t *headers = gk_exchange_headers(x);

		gk_exchange_reply_json(x, 200, headers);
	} else if (strcmp(path, "/much") == 0) {
		gk_exchange_on_hangup(x, on_hangup, NULL);
		gk_exchange_begin(x, 200, "text/plain");
		ck_assert_int_eq(
			gk_fiber_start(loop, "produce", NULL, produce, x, NULL, NULL), GK_OK);
	} else if (strcmp(path, "/together") == 0) {
		gk_exchange_on_hangup(x, on_hangup, NULL);
		gk_exchange_begin(x, 200, "text/plain");
		for (producers = 0; producers < 2; producers++)
			ck_assert_int_eq(
				gk_fiber_start(loop, "produce", NULL, produce_half, x, NULL, NULL),
				GK_OK);
	} else {
		gk_exchange_reply(x, 404, NULL, "", 0);
	}
}

static void start(const gk_http_opts *more)
{
	gk_http_opts opts = more ? *more : (gk_http_opts){ .size = sizeof(opts) };

	opts.address = opts.address ? opts.address : "127.0.0.1:0";
	opts.handle = handle;
	hangups = handled = 0;
	open_exchange = NULL;
	was_parked = false;
	produced = 0;
	ck_assert_int_eq(gk_loop_new(&loop, NULL), GK_OK);
	ck_assert_int_eq(gk_http_listen(loop, &opts, &listener, NULL), GK_OK);
}

static void setup(void)
{
	start(NULL);
}

static void teardown(void)
{
	gk_http_free(listener);
	gk_loop_free(loop);
}

static char *talk(const char *bytes)
{
	return http_talk(loop, listener, bytes);
}

static void assert_has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

/* --- answers --- */

START_TEST(an_answer_that_is_ready_leaves_with_its_length)
{
	gk_auto_str char *answer =
		talk("POST /echo?q=a%20b HTTP/1.1\r\n" HEAD "Content-Length: 5\r\n" CLOSE "hello");

	assert_has(answer, "HTTP/1.1 200 OK\r\n");
	assert_has(answer, "Content-Length: 5\r\n");
	assert_has(answer, "X-Query: a b\r\n");
	assert_has(answer, "\r\n\r\nhello");
}
END_TEST

START_TEST(an_answer_in_parts_that_ends_in_its_handler_has_a_length_too)
{
	gk_auto_str char *answer = talk("GET /parts HTTP/1.1\r\n" HEAD CLOSE);

	assert_has(answer, "Content-Length: 7\r\n");
	assert_has(answer, "\r\n\r\none,two");
}
END_TEST

START_TEST(a_head_request_has_the_length_and_no_body)
{
	gk_auto_str char *answer = talk("HEAD /parts HTTP/1.1\r\n" HEAD CLOSE);

	assert_has(answer, "Content-Length: 7\r\n");
	ck_assert_ptr_nonnull(strstr(answer, "\r\n\r\n"));
	ck_assert_str_eq(strstr(answer, "\r\n\r\n") + 4, "");
}
END_TEST

START_TEST(repeated_headers_are_joined)
{
	gk_auto_str char *answer =
		talk("GET /headers HTTP/1.1\r\n" HEAD "X-A: 1\r\nx-a: 2\r\n" CLOSE);

	assert_has(answer, "\"x-a\":\"1, 2\"");
}
END_TEST

START_TEST(five_pipelined_requests_get_five_answers)
{
	gk_auto_str char *answer =
		talk("GET /parts HTTP/1.1\r\n" HEAD "\r\nGET /parts HTTP/1.1\r\n" HEAD
		     "\r\nGET /parts HTTP/1.1\r\n" HEAD "\r\nGET /parts HTTP/1.1\r\n" HEAD
		     "\r\nGET /parts HTTP/1.1\r\n" HEAD CLOSE);
	unsigned answers = 0;

	for (const char *at = answer; (at = strstr(at, "one,two")) != NULL; at++)
		answers++;
	ck_assert_uint_eq(answers, 5);
}
END_TEST

/* --- streams --- */

static void write_later(void *user)
{
	(void)user;
	gk_exchange_write(open_exchange, "a\n", 2);
	gk_exchange_write(open_exchange, "b\n", 2);
	gk_exchange_end(open_exchange);
}

static void stream_client(void *user)
{
	char **answer = user;
	int fd = http_connect(listener);
	gk_auto_str char *head = NULL;

	http_send(fd, "GET /open HTTP/1.1\r\n" HEAD CLOSE);
	head = http_read(fd, "open\n\r\n");
	assert_has(head,
		"Transfer-Encoding: chunked\r\n"); /* the headers are here before the end is */
	gk_loop_post(loop, write_later, NULL);
	*answer = http_read(fd, NULL);
	close(fd);
}

START_TEST(headers_go_out_at_once_and_writes_of_one_turn_share_a_chunk)
{
	gk_auto_str char *answer = NULL;

	http_run(loop, stream_client, &answer);
	ck_assert_str_eq(answer, "4\r\na\nb\n\r\n0\r\n\r\n");
	ck_assert_uint_eq(hangups, 0);
}
END_TEST

static void reply_later(void *user)
{
	(void)user;
	gk_exchange_reply(open_exchange, 200, "text/plain", "late", 4);
}

static void later_client(void *user)
{
	char **answer = user;
	int fd = http_connect(listener);

	http_send(fd, "GET /later HTTP/1.1\r\n" HEAD CLOSE);
	while (!__atomic_load_n(&handled, __ATOMIC_SEQ_CST))
		usleep(100);
	gk_loop_post(loop, reply_later, NULL);
	*answer = http_read(fd, NULL);
	close(fd);
}

START_TEST(an_answer_may_begin_after_its_handler_returned)
{
	gk_auto_str char *answer = NULL;

	http_run(loop, later_client, &answer);
	assert_has(answer, "Content-Length: 4\r\n");
	assert_has(answer, "late");
}
END_TEST

START_TEST(http_1_0_gets_a_stream_without_chunks_that_ends_with_the_connection)
{
	gk_auto_str char *answer = talk("GET /much HTTP/1.0\r\n" HEAD "\r\n");

	ck_assert_ptr_null(strstr(answer, "chunked"));
	ck_assert_uint_ge(strlen(answer), MUCH);
}
END_TEST

/* --- the client's end --- */

static void leaving_client(void *user)
{
	uint64_t *left_ms = user;
	int fd = http_connect(listener);

	http_send(fd, "GET /open HTTP/1.1\r\n" HEAD "\r\n");
	free(http_read(fd, "open\n"));
	*left_ms = gk_clock_mono_ms();
	close(fd);
}

START_TEST(a_client_that_leaves_a_stream_is_noticed_within_50_ms)
{
	uint64_t left_ms = 0;

	http_run(loop, leaving_client, &left_ms);
	while (!hangups)
		gk_loop_turn(loop, 1000);
	ck_assert_uint_eq(hangups, 1);
	ck_assert_uint_le(hung_up_ms - left_ms, 50);
	while (gk_http_active(listener))
		gk_loop_turn(loop, 1000);
}
END_TEST

static void impatient_client(void *user)
{
	int fd = http_connect(listener);

	(void)user;
	http_send(fd, "GET /later HTTP/1.1\r\n" HEAD "\r\n");
	while (!__atomic_load_n(&handled, __ATOMIC_SEQ_CST))
		usleep(100);
	close(fd);
}

START_TEST(a_client_that_leaves_before_the_answer_began_is_noticed)
{
	http_run(loop, impatient_client, NULL);
	while (!hangups)
		gk_loop_turn(loop, 1000);
	while (gk_http_active(listener))
		gk_loop_turn(loop, 1000);
	ck_assert_uint_eq(hangups, 1);
}
END_TEST

static void slow_reader(void *user)
{
	int fd = http_connect(listener);

	(void)user;
	http_send(fd, "GET /much HTTP/1.1\r\n" HEAD CLOSE);
	while (!__atomic_load_n(&was_parked, __ATOMIC_SEQ_CST)) /* reads nothing until then */
		usleep(100);
	free(http_read(fd, NULL));
	close(fd);
}

START_TEST(a_producer_parks_while_its_client_is_behind_and_finishes_after)
{
	http_run(loop, slow_reader, NULL);
	ck_assert(was_parked);
	ck_assert_int_eq(room_rc, GK_OK);
	ck_assert_uint_eq(produced, MUCH);
}
END_TEST

START_TEST(several_producers_of_one_answer_park_and_finish)
{
	gk_auto_str char *answer = talk("GET /together HTTP/1.1\r\n" HEAD CLOSE);

	ck_assert_uint_eq(producers, 0);
	ck_assert_uint_eq(produced, MUCH);
	ck_assert_uint_ge(strlen(answer), MUCH);
}
END_TEST

static void leaving_reader(void *user)
{
	int fd = http_connect(listener);

	http_send(fd, user);
	free(http_read(fd, "xxx"));
	close(fd);
}

START_TEST(a_parked_producer_learns_that_its_client_has_gone)
{
	http_run(loop, leaving_reader, (char *)"GET /much HTTP/1.1\r\n" HEAD "\r\n");
	while (room_rc != GK_CANCELLED)
		gk_loop_turn(loop, 1000);
	while (gk_http_active(listener))
		gk_loop_turn(loop, 1000);
}
END_TEST

START_TEST(all_parked_producers_learn_that_their_client_has_gone)
{
	http_run(loop, leaving_reader, (char *)"GET /together HTTP/1.1\r\n" HEAD "\r\n");
	while (producers)
		gk_loop_turn(loop, 1000);
	ck_assert_uint_lt(produced, MUCH);
}
END_TEST

START_TEST(a_listener_is_freed_with_streams_open)
{
	int fd = http_connect(listener);

	http_send(fd, "GET /open HTTP/1.1\r\n" HEAD "\r\n");
	while (!open_exchange)
		gk_loop_turn(loop, 1000);
	gk_loop_turn(loop, 0);
	gk_http_free(listener);
	listener = NULL;
	ck_assert_uint_eq(hangups, 1);
	close(fd);
}
END_TEST

START_TEST(a_listener_is_freed_while_a_request_arrives)
{
	int fd = http_connect(listener);

	http_send(fd, "GET /open HTTP/1.1\r\n" HEAD "Content-Length: 2\r\n\r\n1");
	while (!gk_http_active(listener))
		gk_loop_turn(loop, 1000);
	http_send(fd, "2"); /* is there when the listener is freed, and makes the request whole */
	gk_http_free(listener);
	listener = NULL;
	ck_assert_uint_eq(handled, 0);
	close(fd);
}
END_TEST

START_TEST(draining_ends_keep_alive_and_accepts_nobody)
{
	int fd = http_connect(listener);
	gk_auto_str char *answer = NULL;

	http_send(fd, "GET /open HTTP/1.1\r\n" HEAD "\r\n");
	while (!open_exchange)
		gk_loop_turn(loop, 1000);
	gk_loop_turn(loop, 0);
	gk_http_drain(listener);
	gk_exchange_end(open_exchange);
	while (gk_http_active(listener) || gk_http_connections(listener))
		gk_loop_turn(loop, 100);
	answer = http_read(fd, NULL); /* ends: the server has closed */
	assert_has(answer, "0\r\n\r\n");
	close(fd);
}
END_TEST

/* --- refusals --- */

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
	/* a blank where none belongs */
	BYTES("GET  /parts HTTP/1.1\r\n" HEAD "\r\n"),

};

START_TEST(ambiguous_framing_is_refused_and_the_connection_closed)
{
	gk_auto_str char *answer =
		http_talk_bytes(loop, listener, refused[_i].bytes, refused[_i].len);

	assert_has(answer, "HTTP/1.1 400 ");
	ck_assert_uint_eq(handled, 0);
}
END_TEST

/* Whatever reads end in, and however long the target: the layout is the one that is taken for plain. */
static void dribbling_client(void *user)
{
	static const char request[] =
		"\r\nPOST /echo?q=a%20b&r=%41 HTTP/1.1\r\n" HEAD
		"X-Empty:\r\nX-Blanks: \t 1\t\r\nCookie: a=1; b=2\r\nContent-Length: 5\r\n\r\nhello";
	size_t step = 1 + *(const size_t *)user;
	int fd = http_connect(listener);
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

	http_run(loop, dribbling_client, &step);
	ck_assert_uint_eq(handled, 2);
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
	answer = talk(request.data);
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
	answer = talk(request.data);
	assert_has(answer, "HTTP/1.1 431 ");
}
END_TEST

START_TEST(a_body_beyond_the_limit_is_refused)
{
	gk_auto_str char *answer = NULL;

	teardown();
	start(GK_OPTS(gk_http_opts, .max_body = 10));
	answer = talk("POST /echo HTTP/1.1\r\n" HEAD "Content-Length: 11\r\n" CLOSE "hello world");
	assert_has(answer, "HTTP/1.1 413 ");
	ck_assert_uint_eq(handled, 0);
}
END_TEST

START_TEST(a_body_far_beyond_the_limit_is_refused_before_it_comes)
{
	gk_auto_str char *request = NULL, *answer = NULL;

	ck_assert_int_gt(
		asprintf(&request, "POST /echo HTTP/1.1\r\n" HEAD "Content-Length: %u\r\n" CLOSE,
			GK_HTTP_EARLY_REFUSAL + 1),
		0);
	answer = talk(request);
	assert_has(answer, "HTTP/1.1 413 ");
}
END_TEST

START_TEST(a_chunked_body_beyond_the_limit_is_refused)
{
	gk_auto_str char *answer = NULL;

	teardown();
	start(GK_OPTS(gk_http_opts, .max_body = 10));
	answer = talk("POST /echo HTTP/1.1\r\n" HEAD "Transfer-Encoding: chunked\r\n" CLOSE
		      "8\r\n12345678\r\n3\r\n901\r\n0\r\n\r\n");
	assert_has(answer, "HTTP/1.1 413 ");
}
END_TEST

START_TEST(a_body_of_exactly_the_limit_is_taken)
{
	gk_auto_str char *answer = NULL;

	teardown();
	start(GK_OPTS(gk_http_opts, .max_body = 10));
	answer = talk("POST /echo HTTP/1.1\r\n" HEAD "Content-Length: 10\r\n" CLOSE "0123456789");
	assert_has(answer, "\r\n\r\n0123456789");
}
END_TEST

START_TEST(headers_that_do_not_come_close_the_connection)
{
	gk_auto_str char *answer = NULL;

	teardown();
	start(GK_OPTS(gk_http_opts, .header_ms = 100));
	answer = talk("GET /parts HTTP/1.1\r\nHos");
	ck_assert_uint_eq(handled, 0);
}
END_TEST

/* Sends a good request and then what is slow, a byte now and then, until the server has had enough. */
static void slow_client(void *user)
{
	const char *next = user;
	int fd = http_connect(listener);

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

	teardown();
	start(GK_OPTS(gk_http_opts, .header_ms = 100));
	http_run(loop, slow_client, (char *)"GET /parts HTTP/1.1\r\nX-A: ");
	ck_assert_uint_eq(handled, 1);
	ck_assert_uint_lt(gk_clock_mono_ms() - start_ms, 1500);
}
END_TEST

START_TEST(a_slow_request_line_on_a_kept_connection_closes_it)
{
	uint64_t start_ms = gk_clock_mono_ms();

	teardown();
	start(GK_OPTS(gk_http_opts, .idle_ms = 100));
	http_run(loop, slow_client, (char *)"GET /par");
	ck_assert_uint_eq(handled, 1);
	ck_assert_uint_lt(gk_clock_mono_ms() - start_ms, 1500);
}
END_TEST

/* libmicrohttpd misses an end that comes together with the request. */
static void half_closing_client(void *user)
{
	char **answer = user;
	int fd = http_connect(listener);

	http_send(fd, "GET /parts HTTP/1.1\r\n" HEAD "\r\n");
	shutdown(fd, SHUT_WR);
	*answer = http_read(fd, NULL);
	close(fd);
}

START_TEST(a_client_that_has_closed_its_sending_side_is_answered_and_let_go)
{
	gk_auto_str char *answer = NULL;
	uint64_t start_ms = gk_clock_mono_ms();

	http_run(loop, half_closing_client, &answer);
	assert_has(answer, "one,two");
	ck_assert_uint_lt(gk_clock_mono_ms() - start_ms, 1500);
}
END_TEST

START_TEST(an_idle_connection_is_closed)
{
	gk_auto_str char *answer = NULL;

	teardown();
	start(GK_OPTS(gk_http_opts, .idle_ms = 100));
	answer = talk("GET /parts HTTP/1.1\r\n" HEAD "\r\n"); /* returns when the server closes */
	assert_has(answer, "one,two");
}
END_TEST

START_TEST(a_body_that_does_not_come_closes_the_connection)
{
	gk_auto_str char *answer = NULL;

	teardown();
	start(GK_OPTS(gk_http_opts, .body_ms = 100));
	answer = talk("POST /echo HTTP/1.1\r\n" HEAD "Content-Length: 10\r\n\r\n01234");
	ck_assert_uint_eq(handled, 0);
}
END_TEST

START_TEST(connections_beyond_the_limit_are_turned_away)
{
	int first, second;
	gk_auto_str char *nothing = NULL;

	teardown();
	start(GK_OPTS(gk_http_opts, .max_connections = 1));
	first = http_connect(listener);
	http_send(first, "GET /open HTTP/1.1\r\n" HEAD "\r\n");
	while (!open_exchange)
		gk_loop_turn(loop, 1000);
	second = http_connect(listener);
	http_send(second, "GET /parts HTTP/1.1\r\n" HEAD "\r\n");
	for (int i = 0; i < 10; i++)
		gk_loop_turn(loop, 10);
	ck_assert_uint_eq(handled, 1);
	close(first);
	close(second);
	while (gk_http_active(listener))
		gk_loop_turn(loop, 100);
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
		.sin_port = htons((uint16_t)gk_http_port(listener)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	gk_auto_str char *answer = NULL;
	unsigned turns = 0;
	hoard all;

	take_descriptors(&all);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	http_send(fd, "GET /parts HTTP/1.1\r\n" HEAD CLOSE);
	for (uint64_t end = gk_clock_mono_ms() + 400; gk_clock_mono_ms() < end; turns++)
		gk_loop_turn(loop, 400);
	ck_assert_uint_lt(turns, 50);
	give_descriptors(&all);
	while (!handled)
		gk_loop_turn(loop, 1000);
	for (int i = 0; i < 10; i++)
		gk_loop_turn(loop, 10);
	answer = http_read(fd, NULL);
	assert_has(answer, "one,two");
	close(fd);
}
END_TEST

/* --- addresses --- */

START_TEST(the_next_port_is_taken_when_one_is_in_use)
{
	gk_http_listener *other = NULL;
	gk_auto_error gk_error err = { 0 };

	ck_assert_int_eq(gk_http_listen(loop,
				 GK_OPTS(gk_http_opts, .address = gk_http_address(listener),
					 .handle = handle),
				 &other, &err),
		GK_UNAVAILABLE);
	assert_has(err.message, gk_http_address(listener));
	ck_assert_int_eq(gk_http_listen(loop,
				 GK_OPTS(gk_http_opts, .address = gk_http_address(listener),
					 .port_tries = 50, .handle = handle),
				 &other, NULL),
		GK_OK);
	ck_assert_uint_gt(gk_http_port(other), gk_http_port(listener));
	gk_http_free(other);
}
END_TEST

START_TEST(a_unix_socket_serves_and_an_abandoned_one_is_replaced)
{
	char folder[] = "/tmp/genkitd-http-XXXXXX";
	gk_auto_str char *address = NULL, *answer = NULL;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_gt(asprintf(&address, "unix:%s/s", folder), 0);
	for (int i = 0; i < 2; i++) {
		int fd;

		teardown();
		/* Left behind by one that was killed. */
		ck_assert_int_eq(gk_address_listen(address, 0, &fd, NULL), GK_OK);
		close(fd);
		start(GK_OPTS(gk_http_opts, .address = address));
		free(answer);
		answer = talk("GET /parts HTTP/1.1\r\n" HEAD CLOSE);
		assert_has(answer, "one,two");
	}
	gk_http_free(listener);
	listener = NULL;
	ck_assert_int_eq(access(address + 5, F_OK), -1);
	rmdir(folder);
}
END_TEST

START_TEST(an_inherited_socket_serves)
{
	gk_auto_str char *answer = NULL;
	int fd;

	gk_http_free(listener);
	ck_assert_int_eq(gk_address_listen("127.0.0.1:0", 0, &fd, NULL), GK_OK);
	ck_assert_int_eq(gk_http_listen(loop, GK_OPTS(gk_http_opts, .fd = fd, .handle = handle),
				 &listener, NULL),
		GK_OK);
	answer = talk("GET /parts HTTP/1.1\r\n" HEAD CLOSE);
	assert_has(answer, "one,two");
}
END_TEST

START_TEST(only_loopback_counts_as_local)
{
	ck_assert(gk_address_is_local("127.0.0.1:1"));
	ck_assert(gk_address_is_local("127.9.9.9:1"));
	ck_assert(gk_address_is_local("[::1]:1"));
	ck_assert(gk_address_is_local("localhost:1"));
	ck_assert(gk_address_is_local("unix:/x"));
	ck_assert(!gk_address_is_local("0.0.0.0:1"));
	ck_assert(!gk_address_is_local("[::]:1"));
	ck_assert(!gk_address_is_local("10.0.0.1:1"));
	ck_assert(!gk_address_is_local("localhost.example:1"));
}
END_TEST

static const char *const no_addresses[] = { "", ":1", "1", "x", "127.0.0.1",
	"127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "::1:1", "unix:" };

START_TEST(text_that_is_no_address_is_refused)
{
	int fd;

	ck_assert_int_eq(gk_address_listen(no_addresses[_i], 0, &fd, NULL), GK_INVALID_ARGUMENT);
}
END_TEST

static Suite *suite(void)
{
	Suite *all = suite_create("http");
	TCase *served = tcase_create("served");

	tcase_add_checked_fixture(served, setup, teardown);
	tcase_set_timeout(served, 20);
	tcase_add_test(served, an_answer_that_is_ready_leaves_with_its_length);
	tcase_add_test(served, an_answer_in_parts_that_ends_in_its_handler_has_a_length_too);
	tcase_add_test(served, a_head_request_has_the_length_and_no_body);
	tcase_add_test(served, repeated_headers_are_joined);
	tcase_add_test(served, five_pipelined_requests_get_five_answers);
	tcase_add_test(served, headers_go_out_at_once_and_writes_of_one_turn_share_a_chunk);
	tcase_add_test(served, an_answer_may_begin_after_its_handler_returned);
	tcase_add_test(served, http_1_0_gets_a_stream_without_chunks_that_ends_with_the_connection);
	tcase_add_test(served, a_client_that_leaves_a_stream_is_noticed_within_50_ms);
	tcase_add_test(served, a_client_that_leaves_before_the_answer_began_is_noticed);
	tcase_add_test(served, a_producer_parks_while_its_client_is_behind_and_finishes_after);
	tcase_add_test(served, several_producers_of_one_answer_park_and_finish);
	tcase_add_test(served, all_parked_producers_learn_that_their_client_has_gone);
	tcase_add_test(served, a_parked_producer_learns_that_its_client_has_gone);
	tcase_add_test(served, a_listener_is_freed_with_streams_open);
	tcase_add_test(served, a_listener_is_freed_while_a_request_arrives);
	tcase_add_test(served, draining_ends_keep_alive_and_accepts_nobody);
	tcase_add_loop_test(served, ambiguous_framing_is_refused_and_the_connection_closed, 0,
		sizeof(refused) / sizeof(refused[0]));
	tcase_add_loop_test(served, plain_framing_is_taken_in_whatever_pieces_it_comes, 0, 4);
	tcase_add_test(served, a_large_plain_head_is_taken);
	tcase_add_test(served, headers_beyond_the_connection_memory_are_refused);
	tcase_add_test(served, a_body_beyond_the_limit_is_refused);
	tcase_add_test(served, a_body_far_beyond_the_limit_is_refused_before_it_comes);
	tcase_add_test(served, a_chunked_body_beyond_the_limit_is_refused);
	tcase_add_test(served, a_body_of_exactly_the_limit_is_taken);
	tcase_add_test(served, headers_that_do_not_come_close_the_connection);
	tcase_add_test(served, slow_headers_on_a_kept_connection_close_it);
	tcase_add_test(served, a_slow_request_line_on_a_kept_connection_closes_it);
	tcase_add_test(served, a_client_that_has_closed_its_sending_side_is_answered_and_let_go);
	tcase_add_test(served, an_idle_connection_is_closed);
	tcase_add_test(served, a_body_that_does_not_come_closes_the_connection);
	tcase_add_test(served, connections_beyond_the_limit_are_turned_away);
	tcase_add_test(served, without_descriptors_a_listener_waits_instead_of_spinning);
	tcase_add_test(served, the_next_port_is_taken_when_one_is_in_use);
	tcase_add_test(served, a_unix_socket_serves_and_an_abandoned_one_is_replaced);
	tcase_add_test(served, an_inherited_socket_serves);
	tcase_add_test(served, only_loopback_counts_as_local);
	tcase_add_loop_test(served, text_that_is_no_address_is_refused, 0,
		sizeof(no_addresses) / sizeof(no_addresses[0]));
	suite_add_tcase(all, served);
	return all;
}

UNIT_MAIN(suite)
