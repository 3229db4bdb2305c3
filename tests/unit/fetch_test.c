/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "loop/fetch.h"

#include "base/clock.h"
#include "base/limits.h"
#include "calls.h"
#include "unit.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

START_TEST(an_answer_comes_with_status_headers_and_body)
{
	call self = { .header = "X-ONE" };

	call_script = OK_HELLO;
	call_peer = server_start(call_say_script, NULL);
	self.opts.url = server_url(call_peer, "http", "/path?q=1");
	call_fetch(&self);
	ck_assert_int_eq(self.rc, GK_OK);
	ck_assert_int_eq(self.status, 200);
	ck_assert_str_eq(self.body, "hello");
	ck_assert_str_eq(self.value, "a, b");
	ck_assert(strstr(call_heard, "GET /path?q=1 HTTP/1.1\r\n") == call_heard);
	ck_assert_ptr_nonnull(strstr(call_heard, "\r\nUser-Agent: genkitd/"));
	call_end(&self);
}
END_TEST

START_TEST(a_connection_is_used_again)
{
	call_script = OK_HELLO;
	call_peer = server_start(call_say_script, NULL);
	for (int i = 0; i < 5; i++) {
		call self = call_get("/");

		ck_assert_str_eq(self.body, "hello");
		call_end(&self);
	}
	ck_assert_int_eq(server_accepted(call_peer), 1);
}
END_TEST

START_TEST(a_body_is_posted)
{
	static const char *const headers[] = { "Content-Type: application/json", "X-Empty:", NULL };
	call self = { .opts = { .body = "{\"a\":1}", .body_len = 7, .headers = headers } };

	call_script = OK_HELLO;
	call_peer = server_start(call_say_script, NULL);
	self.opts.url = server_url(call_peer, "http", "/");
	call_fetch(&self);
	ck_assert_str_eq(self.body, "hello");
	ck_assert(strstr(call_heard, "POST / HTTP/1.1\r\n") == call_heard);
	ck_assert_ptr_nonnull(strstr(call_heard, "\r\nContent-Type: application/json\r\n"));
	ck_assert_ptr_nonnull(strstr(call_heard, "\r\nContent-Length: 7\r\n"));
	ck_assert_ptr_nonnull(strstr(call_heard, "\r\nX-Empty:\r\n"));
	ck_assert_ptr_nonnull(strstr(call_heard, "\r\n\r\n{\"a\":1}"));
	ck_assert_ptr_null(strstr(call_heard, "Expect"));
	call_end(&self);
}
END_TEST

static const struct {
	const char *method, *body, *want;
} methods[] = {
	{ "PUT", "x", "PUT / HTTP/1.1" },
	{ "PATCH", "x", "PATCH / HTTP/1.1" },
	{ "DELETE", NULL, "DELETE / HTTP/1.1" },
	{ "GET", "x", "GET / HTTP/1.1" },
	{ "POST", NULL, "POST / HTTP/1.1" },
	{ "OPTIONS", NULL, "OPTIONS / HTTP/1.1" },
};

START_TEST(any_method_is_sent)
{
	call self = { .opts = { .method = methods[_i].method,
			      .body = methods[_i].body,
			      .body_len = methods[_i].body ? 1 : 0 } };

	call_script = OK_HELLO;
	call_peer = server_start(call_say_script, NULL);
	self.opts.url = server_url(call_peer, "http", "/");
	call_fetch(&self);
	ck_assert_int_eq(self.rc, GK_OK);
	ck_assert(strstr(call_heard, methods[_i].want) == call_heard);
	ck_assert(!strstr(call_heard, "Content-Type"));
	ck_assert_str_eq(
		strstr(call_heard, "\r\n\r\n") + 4, methods[_i].body ? methods[_i].body : "");
	call_end(&self);
}
END_TEST

START_TEST(a_head_request_has_no_body)
{
	call self = { .opts.method = "HEAD" };

	call_script = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n";
	call_peer = server_start(call_say_script, NULL);
	self.opts.url = server_url(call_peer, "http", "/");
	call_fetch(&self);
	ck_assert_int_eq(self.rc, GK_OK);
	ck_assert_uint_eq(self.len, 0);
	call_end(&self);
}
END_TEST

/* A body above what curl sends with the header. */
#define BIG (3u << 20)

static void hear_big(server *self, int fd)
{
	char *room = malloc(BIG + 4096);

	(void)self;
	while (server_hear(fd, room, BIG + 4096)) {
		size_t sum = 0;

		for (const char *c = strstr(room, "\r\n\r\n") + 4; *c; c++)
			sum += (size_t)*c;
		ck_assert_uint_eq(sum, (size_t)BIG * 'x');
		server_say(fd, OK_HELLO);
	}
	free(room);
}

static char *big_body(void)
{
	char *body = malloc(BIG);

	memset(body, 'x', BIG);
	return body;
}

START_TEST(a_large_body_is_posted)
{
	gk_auto_str char *body = big_body();
	call self = { .opts = { .body = body, .body_len = BIG } };

	call_peer = server_start(hear_big, NULL);
	self.opts.url = server_url(call_peer, "http", "/");
	for (int i = 0; i < 2; i++) {
		call again = self;

		call_fetch(&again);
		ck_assert_int_eq(again.rc, GK_OK);
		call_end(&again);
	}
	ck_assert_int_eq(server_accepted(call_peer), 1);
}
END_TEST

/* Answers before the body has come, then takes it. */
static void answer_early(server *self, int fd)
{
	static char room[BIG + 4096];

	(void)self;
	recv(fd, room, 16, 0);
	server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
	mark_await(&call_mark, 1); /* the caller's body is gone */
	server_hear(fd, room, sizeof(room));
	ck_assert_uint_eq(strspn(strstr(room, "\r\n\r\n") + 4, "x"), BIG);
	server_say(fd, "hello");
}

static void fetch_early(void *user)
{
	call *self = user;
	gk_auto_fetch gk_fetch *res = NULL;
	char *body = big_body();

	self->opts.body = body;
	self->opts.body_len = BIG;
	self->rc = gk_fetch_start(call_client, &self->opts, &res, &self->err);
	memset(body, 'y', BIG);
	free(body);
	mark_set(&call_mark, 1);
	if (self->rc == GK_OK)
		self->rc = gk_fetch_read_all(res, &self->body, &self->len, &self->err);
}

START_TEST(a_body_may_go_once_the_head_of_the_answer_is_there)
{
	call self = { 0 };

	call_peer = server_start(answer_early, NULL);
	self.opts.url = server_url(call_peer, "http", "/");
	call_in_fiber(fetch_early, &self, NULL);
	ck_assert_int_eq(self.rc, GK_OK);
	ck_assert_str_eq(self.body, "hello");
	call_end(&self);
}
END_TEST

static const struct {
	const char *answer, *body;
} bodies[] = {
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n"
	  "Trailer: t\r\n\r\n",
		"abcde" },
	{ "HTTP/1.1 204 No Content\r\n\r\n", "" },
	{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" OK_HELLO, "hello" },
	{ "HTTP/1.0 200 OK\r\n\r\nuntil the end", "until the end" },
	{ "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno", "no" },
	{ "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 2\r\n\r\nno", "no" },
};

START_TEST(a_body_is_read_to_its_end)
{
	call self;

	call_script = bodies[_i].answer;
	call_peer = server_start(call_say_script_and_close, NULL);
	self = call_get("/");
	ck_assert_int_eq(self.rc, GK_OK);
	ck_assert_str_eq(self.body, bodies[_i].body);
	call_end(&self);
}
END_TEST

static const char *const cut[] = {
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
	"HTTP/1.1 200 OK\r\nContent-Le",
	"HTTP/1.1 200 OK\r\n",
	"HTTP/1.1 200 OK\r\nno field\r\n\r\n",
	"HTTP/1.1 200 OK\r\n: none\r\n\r\n",
	"HTTP/1.1 100 Continue\r\n\r\n",
	"nonsense",
	"",
};

START_TEST(a_cut_answer_is_unavailable)
{
	call self;

	call_script = cut[_i];
	call_peer = server_start(call_say_script_and_close, NULL);
	self = call_get("/secret-free?key=secret");
	ck_assert_int_eq(self.rc, GK_UNAVAILABLE);
	ck_assert_msg(strstr(self.err.message, "/secret-free: "), "%s", self.err.message);
	ck_assert_ptr_null(strstr(self.err.message, "key"));
	call_end(&self);
}
END_TEST

START_TEST(a_refused_connection_is_unavailable)
{
	call self = { 0 };

	call_script = "";
	call_peer = server_start(call_say_script, NULL);
	self.opts.url = strdup(server_url(call_peer, "http", "/"));
	server_stop(call_peer);
	call_peer = NULL;
	call_fetch(&self);
	call_must_fail(&self, GK_UNAVAILABLE, "http://127.0.0.1:");
	free((char *)self.opts.url);
	call_end(&self);
}
END_TEST

/* --- what is refused --- */

static const char *const bad_urls[] = { "", "nothing", "ftp://host/", "file:///etc/passwd",
	"http://", "http://host:99999/", "http://ho st/", "http://host/\r\nX: y", "//host/",
	"http://user:secret@ho st/" };

START_TEST(what_is_no_url_is_refused)
{
	call self = { .opts.url = bad_urls[_i] };

	call_fetch(&self);
	ck_assert_int_eq(self.rc, GK_INVALID_ARGUMENT);
	ck_assert_ptr_null(strstr(self.err.message, "secret"));
	call_end(&self);
}
END_TEST

START_TEST(a_url_has_a_limit)
{
	gk_auto_str char *url = malloc(GK_MAX_URL + 2);
	call self = { .opts.url = url };

	memset(url, 'a', GK_MAX_URL + 1);
	memcpy(url, "http://h/", 9);
	url[GK_MAX_URL + 1] = '\0';
	call_fetch(&self);
	call_must_fail(&self, GK_INVALID_ARGUMENT, "longer than");
	call_end(&self);
}
END_TEST

static const char *const bad_headers[] = { "X: a\r\nY: b", "X: a\nb", "X: a\rb", "X\r\n: a", ": a",
	"no colon", "", "X : a", "X: a\x01", "Content-Length: 5", "transfer-encoding: chunked" };

START_TEST(a_header_that_would_break_the_framing_is_refused)
{
	const char *headers[] = { "Good: yes", bad_headers[_i], NULL };
	call self = { .opts = { .url = "http://127.0.0.1:1/", .headers = headers } };

	call_fetch(&self);
	call_must_fail(&self, GK_INVALID_ARGUMENT, "header");
	call_end(&self);
}
END_TEST

static const char *const bad_methods[] = { "", "GET /x HTTP/1.1\r\nX:", "G T", "é",
	"AVERYLONGMETHODNAMETHATNOBODYWANTS" };

START_TEST(a_method_that_is_no_word_is_refused)
{
	call self = { .opts = { .url = "http://127.0.0.1:1/", .method = bad_methods[_i] } };

	call_fetch(&self);
	call_must_fail(&self, GK_INVALID_ARGUMENT, "method");
	call_end(&self);
}
END_TEST

/* --- limits --- */

START_TEST(a_body_has_a_limit)
{
	call self = { .opts.max_body = 4 };

	call_script =
		_i ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
		   : OK_HELLO;
	call_peer = server_start(call_say_script, NULL);
	self.opts.url = server_url(call_peer, "http", "/");
	call_fetch(&self);
	call_must_fail(&self, GK_RESOURCE_EXHAUSTED, "more than 4 bytes");
	call_end(&self);
}
END_TEST

static void flood_headers(server *self, int fd)
{
	char line[1024];

	(void)self;
	server_hear(fd, call_heard, sizeof(call_heard));
	server_say(fd, "HTTP/1.1 200 OK\r\n");
	memset(line, 'x', sizeof(line));
	memcpy(line, "X: ", 3);
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	for (size_t i = 0; i <= GK_MAX_FETCH_HEAD; i += sizeof(line))
		server_say_bytes(fd, line, sizeof(line));
	ck_assert(server_hear_end(fd));
}

static void flood_interim(server *self, int fd)
{
	char line[512];

	(void)self;
	server_hear(fd, call_heard, sizeof(call_heard));
	snprintf(line, sizeof(line), "HTTP/1.1 103 Early\r\nX: %0400d\r\n\r\n", 0);
	for (size_t i = 0; i <= GK_MAX_FETCH_HEAD; i += 400)
		server_say(fd, line);
	ck_assert(server_hear_end(fd));
}

START_TEST(headers_have_a_limit)
{
	call self;

	call_peer = server_start(_i ? flood_interim : flood_headers, NULL);
	self = call_get("/");
	call_must_fail(&self, GK_RESOURCE_EXHAUSTED, "headers");
	call_end(&self);
}
END_TEST

static void say_nothing(server *self, int fd)
{
	(void)self;
	server_hear(fd, call_heard, sizeof(call_heard));
	ck_assert(server_hear_end(fd));
	mark_set(&call_mark, 9);
}

static void stop_in_the_body(server *self, int fd)
{
	(void)self;
	server_hear(fd, call_heard, sizeof(call_heard));
	server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel");
	ck_assert(server_hear_end(fd));
	mark_set(&call_mark, 9);
}

START_TEST(a_silent_server_reaches_the_idle_limit)
{
	call self = { .opts.idle_ms = 20 };

	call_peer = server_start(_i ? stop_in_the_body : say_nothing, NULL);
	self.opts.url = server_url(call_peer, "http", "/");
	call_fetch(&self);
	call_must_fail(&self, GK_DEADLINE_EXCEEDED, "nothing came for 20 ms");
	mark_await(&call_mark, 9);
	call_end(&self);
}
END_TEST

static void drip(server *self, int fd)
{
	(void)self;
	server_hear(fd, call_heard, sizeof(call_heard));
	server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n");
	for (int n = 0; n < 1000 && !server_hear_end_within(fd, 5); n++)
		server_say(fd, "x");
	mark_set(&call_mark, 9);
}

START_TEST(a_dripping_server_reaches_the_total_limit)
{
	call self = { .opts = { .idle_ms = 10000, .total_ms = 60 } };

	call_peer = server_start(drip, NULL);
	self.opts.url = server_url(call_peer, "http", "/");
	call_fetch(&self);
	call_must_fail(&self, GK_DEADLINE_EXCEEDED, "not finished within 60 ms");
	mark_await(&call_mark, 9);
	call_end(&self);
}
END_TEST

START_TEST(a_server_that_does_not_accept_reaches_the_connect_limit)
{
	/* A listener whose queue is full drops what comes: connecting takes for ever. */
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fill[4];
	call self = { .opts.connect_ms = 50 };
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", server_make_deaf(listener, fill, 4));
	self.opts.url = url;
	call_fetch(&self);
	call_must_fail(&self, GK_DEADLINE_EXCEEDED, "no connection within 50 ms");
	for (int i = 0; i < 4; i++)
		close(fill[i]);
	close(listener);
	call_end(&self);
}
END_TEST

/* --- calling off --- */

static gk_scope *scope;
static uint64_t cancelled_ms;

static void cancel(void *user)
{
	(void)user;
	cancelled_ms = gk_clock_mono_ms();
	gk_scope_cancel(scope, GK_CANCELLED);
}

static void report_end(server *self, int fd, bool begin)
{
	(void)self;
	server_hear(fd, call_heard, sizeof(call_heard));
	if (begin)
		server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel");
	gk_loop_post(call_loop, cancel, NULL);
	ck_assert(server_hear_end(fd));
	mark_set(&call_mark, 1 + (int)(gk_clock_mono_ms() - cancelled_ms));
}

static void cancel_in_head(server *self, int fd)
{
	report_end(self, fd, false);
}

static void cancel_in_body(server *self, int fd)
{
	report_end(self, fd, true);
}

START_TEST(a_cancelled_scope_closes_the_connection_at_once)
{
	call self = { .opts.size = sizeof(self.opts) };

	call_peer = server_start(_i ? cancel_in_body : cancel_in_head, NULL);
	self.opts.url = server_url(call_peer, "http", "/");
	scope = gk_scope_new(call_loop, NULL);
	call_in_fiber(call_run, &self, scope);
	call_must_fail(&self, GK_CANCELLED, "cancelled");
	mark_await(&call_mark, 1);
	ck_assert_int_le(call_mark.value, 50);
	gk_scope_unref(scope);
	call_end(&self);
}
END_TEST

START_TEST(a_cancelled_scope_starts_nothing)
{
	call self = { .opts = { .size = sizeof(self.opts), .url = "http://127.0.0.1:1/" } };

	scope = gk_scope_new(call_loop, NULL);
	gk_scope_cancel(scope, GK_DEADLINE_EXCEEDED);
	call_in_fiber(call_run, &self, scope);
	call_must_fail(&self, GK_DEADLINE_EXCEEDED, "deadline");
	gk_scope_unref(scope);
	call_end(&self);
}
END_TEST

static void read_a_little(void *user)
{
	call *self = user;
	gk_auto_fetch gk_fetch *res = NULL;
	const char *data;

	self->rc = gk_fetch_start(call_client, &self->opts, &res, &self->err);
	if (self->rc == GK_OK)
		self->rc = gk_fetch_read(res, &data, &self->len, &self->err);
}

START_TEST(a_response_that_is_freed_midway_closes_the_connection)
{
	call self = { .opts.size = sizeof(self.opts) };

	call_peer = server_start(stop_in_the_body, NULL);
	self.opts.url = server_url(call_peer, "http", "/");
	call_in_fiber(read_a_little, &self, NULL);
	ck_assert_int_eq(self.rc, GK_OK);
	ck_assert_uint_eq(self.len, 3);
	mark_await(&call_mark, 9);
	call_end(&self);
}
END_TEST

/* --- back-pressure --- */

#define FLOOD (16u << 20)
static atomic_size_t sent;

static void flood_body(server *self, int fd)
{
	static char block[64 << 10];
	size_t left = FLOOD;

	(void)self;
	server_hear(fd, call_heard, sizeof(call_heard));
	server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 16777216\r\n\r\n");
	memset(block, 'b', sizeof(block));
	for (; left; left -= sizeof(block)) {
		server_say_bytes(fd, block, sizeof(block));
		sent += sizeof(block);
	}
}

static void read_slowly(void *user)
{
	call *self = user;
	gk_auto_fetch gk_fetch *res = NULL;
	const char *data;
	size_t len, before, most = 0;

	self->rc = gk_fetch_start(call_client, &self->opts, &res, &self->err);
	ck_assert_int_eq(self->rc, GK_OK);
	do { /* until the server is stuck */
		before = sent;
		self->rc = gk_fiber_sleep(50, NULL);
	} while (sent != before);
	ck_assert_uint_lt(sent, FLOOD);
	while ((self->rc = gk_fetch_read(res, &data, &len, &self->err)) == GK_OK && len) {
		self->len += len;
		most = len > most ? len : most;
		ck_assert(data[0] == 'b' && memcmp(data, data + 1, len - 1) == 0);
	}
	ck_assert_uint_le(most, GK_FETCH_BUFFER);
}

START_TEST(a_body_that_nobody_reads_pauses)
{
	call self = { .opts = { .size = sizeof(self.opts), .idle_ms = 40 } };

	sent = 0;
	call_peer = server_start(flood_body, NULL);
	self.opts.url = server_url(call_peer, "http", "/");
	call_in_fiber(read_slowly, &self, NULL);
	ck_assert_int_eq(self.rc, GK_OK);
	ck_assert_uint_eq(self.len, FLOOD);
	call_end(&self);
}
END_TEST

/* --- many at once --- */

static void add_one(void *user)
{
	call self = { .opts = { .size = sizeof(self.opts), .url = user } };

	call_run(&self);
	ck_assert_int_eq(self.rc, GK_OK);
	ck_assert_str_eq(self.body, "hello");
	call_end(&self);
	mark_set(&call_mark, call_mark.value + 1);
}

static void say_hello(server *self, int fd)
{
	char room[4096]; /* several at once */

	(void)self;
	while (server_hear(fd, room, sizeof(room)))
		server_say(fd, OK_HELLO);
}

static void fetch_many(void)
{
	if (!call_peer)
		call_peer = server_start(say_hello, NULL);
	for (int i = 0; i < 50; i++)
		ck_assert_int_eq(gk_fiber_start(call_loop, "one", NULL, add_one,
					 (void *)server_url(call_peer, "http", "/"), NULL, NULL),
			GK_OK);
	gk_loop_run(call_loop);
}

START_TEST(many_transfers_share_the_connections_of_a_host)
{
	int first;

	fetch_many();
	first = server_accepted(call_peer);
	fetch_many();
	ck_assert_int_eq(call_mark.value, 100);
	ck_assert_int_eq(server_accepted(call_peer), first); /* the kept ones are enough */
}
END_TEST

static void set_up_few(void)
{
	call_set_up_with(GK_OPTS(gk_fetch_client_opts, .max_host_connections = 3));
}

START_TEST(what_exceeds_the_connections_of_a_host_waits)
{
	fetch_many();
	ck_assert_int_eq(server_accepted(call_peer), 3);
}
END_TEST

#define COUNT(list) ((int)(sizeof(list) / sizeof(*(list))))

static Suite *suite(void)
{
	Suite *s = suite_create("fetch");
	TCase *plain = tcase_create("plain"), *few = tcase_create("few");

	tcase_add_checked_fixture(plain, call_set_up, call_tear_down);
	tcase_add_test(plain, an_answer_comes_with_status_headers_and_body);
	tcase_add_test(plain, a_connection_is_used_again);
	tcase_add_test(plain, a_body_is_posted);
	tcase_add_loop_test(plain, any_method_is_sent, 0, COUNT(methods));
	tcase_add_test(plain, a_head_request_has_no_body);
	tcase_add_test(plain, a_large_body_is_posted);
	tcase_add_test(plain, a_body_may_go_once_the_head_of_the_answer_is_there);
	tcase_add_loop_test(plain, a_body_is_read_to_its_end, 0, COUNT(bodies));
	tcase_add_loop_test(plain, a_cut_answer_is_unavailable, 0, COUNT(cut));
	tcase_add_test(plain, a_refused_connection_is_unavailable);
	tcase_add_loop_test(plain, what_is_no_url_is_refused, 0, COUNT(bad_urls));
	tcase_add_test(plain, a_url_has_a_limit);
	tcase_add_loop_test(
		plain, a_header_that_would_break_the_framing_is_refused, 0, COUNT(bad_headers));
	tcase_add_loop_test(plain, a_method_that_is_no_word_is_refused, 0, COUNT(bad_methods));
	tcase_add_loop_test(plain, a_body_has_a_limit, 0, 2);
	tcase_add_loop_test(plain, headers_have_a_limit, 0, 2);
	tcase_add_loop_test(plain, a_silent_server_reaches_the_idle_limit, 0, 2);
	tcase_add_test(plain, a_dripping_server_reaches_the_total_limit);
	tcase_add_test(plain, a_server_that_does_not_accept_reaches_the_connect_limit);
	tcase_add_loop_test(plain, a_cancelled_scope_closes_the_connection_at_once, 0, 2);
	tcase_add_test(plain, a_cancelled_scope_starts_nothing);
	tcase_add_test(plain, a_response_that_is_freed_midway_closes_the_connection);
	tcase_add_test(plain, a_body_that_nobody_reads_pauses);
	tcase_add_test(plain, many_transfers_share_the_connections_of_a_host);
	suite_add_tcase(s, plain);
	tcase_add_checked_fixture(few, set_up_few, call_tear_down);
	tcase_add_test(few, what_exceeds_the_connections_of_a_host_waits);
	suite_add_tcase(s, few);
	return s;
}

UNIT_MAIN(suite)
