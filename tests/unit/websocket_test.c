/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "loop/loop_internal.h"
#include "loop/websocket.h"

#include "base/buf.h"
#include "base/limits.h"
#include "loop/ws_frames.h"
#include "loop/ws_handshake.h"
#include "server.h"
#include "unit.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- a client whose callbacks are written down --- */

static gk_loop *loop;
static gk_websocket *socket_;
static server *peer;
static mark at;
static gk_buf story; /* "opened;message TEXT;closed CODE" */
static gk_error why;
static void (*when_opened)(void);
static void (*when_message)(const char *text, size_t len);
static bool keep_after_end;

static void on_opened(void *user)
{
	(void)user;
	gk_buf_puts(&story, "opened;");
	if (when_opened)
		when_opened();
}

static void on_message(const char *text, size_t len, void *user)
{
	(void)user;
	if (len > 100)
		gk_buf_printf(&story, "message of %zu;", len);
	else
		gk_buf_printf(&story, "message %.*s;", (int)len, text);
	if (when_message)
		when_message(text, len);
}

static void on_closed(const gk_error *err, void *user)
{
	(void)user;
	gk_buf_printf(&story, "closed %s", gk_code_name(err->code));
	gk_error_copy(&why, err);
	if (!keep_after_end)
		gk_websocket_free(gk_steal(socket_));
}

static void set_up(void)
{
	ck_assert_int_eq(gk_loop_new(&loop, NULL), GK_OK);
	gk_buf_init(&story, 0);
	mark_set(&at, 0);
	when_opened = NULL;
	when_message = NULL;
	keep_after_end = false;
}

static void tear_down(void)
{
	gk_websocket_free(gk_steal(socket_));
	if (peer)
		server_stop(gk_steal(peer));
	gk_loop_free(loop);
	gk_buf_done(&story);
	gk_error_clear(&why);
}

static gk_code connect_to(const gk_websocket_opts *opts, gk_error *err)
{
	gk_websocket_opts full = *opts;

	full.size = sizeof(full);
	full.opened = on_opened;
	full.message = on_message;
	full.closed = on_closed;
	return gk_websocket_connect(loop, &full, &socket_, err);
}

static void run_with(gk_websocket_opts opts)
{
	if (!opts.url)
		opts.url = server_url(peer, "ws", "/path?a=b");
	ck_assert_int_eq(connect_to(&opts, NULL), GK_OK);
	gk_loop_run(loop);
}

static void run(void)
{
	run_with((gk_websocket_opts){ 0 });
}

static void assert_story(const char *want)
{
	ck_assert_msg(
		story.data && strcmp(story.data, want) == 0, "%s (%s)", story.data, why.message);
}

/* --- a server --- */

static char heard[4096];

/* The upgrade is granted; false: the client went. */
static bool grant(int fd)
{
	char accept[GK_WS_ACCEPT_SIZE], answer[512], key[GK_WS_KEY_SIZE];
	const char *field;

	if (!server_hear(fd, heard, sizeof(heard)))
		return false;
	field = strstr(heard, "\r\nSec-WebSocket-Key: ");
	ck_assert_ptr_nonnull(field);
	memcpy(key, field + 21, sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	ck_assert(gk_ws_handshake_accept(key, accept));
	snprintf(answer, sizeof(answer),
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n"
		"Connection: keep-alive, upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		accept);
	server_say(fd, answer);
	return true;
}

static void read_fully(int fd, void *room, size_t len)
{
	if (len)
		ck_assert_int_eq(recv(fd, room, len, MSG_WAITALL), (ssize_t)len);
}

/* One frame of the client, unmasked and NUL-terminated. Returns its first byte, 0 at the end. */
static unsigned hear_frame(int fd, char *room, size_t size, size_t *len_ret)
{
	unsigned char head[2], mask[4], longer[8];
	size_t len, extra;

	if (recv(fd, head, 2, MSG_WAITALL) != 2)
		return 0;
	ck_assert(head[1] & 0x80); /* a client masks */
	len = head[1] & 0x7f;
	extra = len == 126 ? 2 : len == 127 ? 8 : 0;
	read_fully(fd, longer, extra);
	for (size_t i = 0; i < extra; i++)
		len = i ? len << 8 | longer[i] : longer[i];
	read_fully(fd, mask, 4);
	ck_assert_uint_lt(len, size);
	read_fully(fd, room, len);
	for (size_t i = 0; i < len; i++)
		room[i] = (char)(room[i] ^ mask[i % 4]);
	room[len] = '\0';
	if (len_ret)
		*len_ret = len;
	return head[0];
}

#define TEXT  "\x81"
#define CLOSE "\x88\x02\x03\xe8"

/* Takes the client's answer to a close frame, and closes. */
static void finish(int fd)
{
	char room[256];

	ck_assert_uint_eq(hear_frame(fd, room, sizeof(room), NULL), 0x88);
	ck_assert_mem_eq(room, "\x03\xe8", 2);
}

/* --- handshake --- */

static void greet_and_close(server *self, int fd)
{
	(void)self;
	ck_assert(grant(fd));
	server_say(fd, TEXT "\x05"
			    "hello" CLOSE);
	finish(fd);
}

START_TEST(a_socket_opens_takes_a_message_and_closes)
{
	peer = server_start(greet_and_close, NULL);
	run();
	assert_story("opened;message hello;closed OK");
	ck_assert(strstr(heard, "GET /path?a=b HTTP/1.1\r\nHost: 127.0.0.1:") == heard);
	ck_assert_ptr_nonnull(strstr(heard, "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"));
	ck_assert_ptr_nonnull(strstr(heard, "\r\nSec-WebSocket-Version: 13\r\n"));
	ck_assert_ptr_null(strstr(heard, "Authorization"));
}
END_TEST

START_TEST(a_password_in_the_url_is_sent)
{
	char url[64];

	peer = server_start(greet_and_close, NULL);
	snprintf(url, sizeof(url), "ws://me:s%%3acret@127.0.0.1:%d", server_port(peer));
	run_with((gk_websocket_opts){ .url = url });
	assert_story("opened;message hello;closed OK");
	ck_assert(strstr(heard, "GET / HTTP/1.1\r\n") == heard);
	ck_assert_ptr_nonnull(strstr(heard, "\r\nAuthorization: Basic bWU6czpjcmV0\r\n"));
}
END_TEST

START_TEST(a_socket_opens_over_tls)
{
	char url[64];

	peer = server_start_tls(greet_and_close);
	snprintf(url, sizeof(url), "wss://localhost:%d/", server_port(peer));
	run_with((gk_websocket_opts){ .url = url, .ca_file = server_ca_file() });
	assert_story("opened;message hello;closed OK");
}
END_TEST

/* Its client may go at any point. */
static void greet_if_it_stays(server *self, int fd)
{
	(void)self;
	if (!grant(fd))
		return;
	server_say(fd, TEXT "\x05"
			    "hello" CLOSE);
	while (!server_hear_end(fd))
		continue;
}

START_TEST(an_unknown_authority_is_refused)
{
	peer = server_start_tls(greet_if_it_stays);
	run_with((gk_websocket_opts){ .url = server_url(peer, "wss", "/") });
	assert_story("closed UNAVAILABLE");
	ck_assert_ptr_nonnull(strstr(why.message, "certificate"));
}
END_TEST

#define UPGRADE "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
#define ACCEPT  "Sec-WebSocket-Accept: %s\r\n"

static const struct {
	const char *answer; /* %s: the right key */
	const char *why;    /* NULL: it is granted */
} answers[] = {
	{ UPGRADE ACCEPT "\r\n", NULL },
	{ "HTTP/1.1 101\r\nupgrade: a, WEBSOCKET\r\nCONNECTION: x, UPGRADE\r\n"
	  "sec-websocket-accept:%s  \r\n\r\n",
		NULL },
	{ UPGRADE "\r\n", "accept key" },
	{ UPGRADE "Sec-WebSocket-Accept: x%s\r\n\r\n", "accept key" },
	{ UPGRADE ACCEPT ACCEPT "\r\n", "accept key" },
	{ "HTTP/1.1 101 S\r\nUpgrade: websocket\r\n" ACCEPT "\r\n", "no upgrade" },
	{ "HTTP/1.1 101 S\r\nUpgrade: websockets\r\nConnection: Upgrade\r\n" ACCEPT "\r\n",
		"no upgrade" },
	{ "HTTP/1.1 101 S\r\nConnection: Upgrade\r\n" ACCEPT "\r\n", "no upgrade" },
	{ UPGRADE ACCEPT "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", "extension" },
	{ UPGRADE ACCEPT "Sec-WebSocket-Protocol: chat\r\n\r\n", "protocol" },
	{ UPGRADE "nonsense\r\n" ACCEPT "\r\n", "malformed" },
	{ "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "status 404" },
	{ "HTTP/1.0 101 S\r\n\r\n", "status 101" },
	{ "HTTP/1.1 1011 S\r\n\r\n", "status 101" },
	{ "SSH-2.0-OpenSSH_9.2\r\n\r\n", "not HTTP" },
	{ "HTTP/1.1\r\n\r\n", "not HTTP" },
	{ "\r\n\r\n", "not HTTP" },
	{ "HTTP/1.1 xyz\r\n\r\n", "status ?" },
};

START_TEST(an_answer_is_judged_at_any_chunking)
{
	char accept[GK_WS_ACCEPT_SIZE], answer[1024];
	size_t len;
	gk_ws_handshake handshake;

	gk_ws_handshake_init(&handshake);
	ck_assert(gk_ws_handshake_accept(handshake.key, accept));
	snprintf(answer, sizeof(answer), answers[_i].answer, accept, accept);
	len = strlen(answer);
	memcpy(answer + len, "rest", 4);
	for (size_t step = 1; step <= len + 4; step++) {
		gk_auto_error gk_error err = { 0 };
		size_t from = 0, used;
		bool granted = false;
		gk_code rc = GK_OK;

		for (; rc == GK_OK && !granted && from < len + 4; from += used) {
			size_t n = len + 4 - from < step ? len + 4 - from : step;

			rc = gk_ws_handshake_push(
				&handshake, answer + from, n, &granted, &used, &err);
		}
		ck_assert_int_eq(rc, answers[_i].why ? GK_UNAVAILABLE : GK_OK);
		ck_assert_int_eq(granted, !answers[_i].why);
		if (granted)
			ck_assert_uint_eq(from, len);
		else
			ck_assert_msg(strstr(err.message, answers[_i].why), "%s", err.message);
		gk_buf_clear(&handshake.answer);
	}
	gk_ws_handshake_done(&handshake);
}
END_TEST

START_TEST(an_answer_has_a_limit)
{
	gk_ws_handshake handshake;
	gk_auto_error gk_error err = { 0 };
	size_t used;
	bool granted;

	gk_ws_handshake_init(&handshake);
	for (size_t i = 0; i < GK_MAX_WS_HANDSHAKE; i++)
		ck_assert(gk_ws_handshake_push(&handshake, "x", 1, &granted, &used, &err) == GK_OK);
	ck_assert_int_eq(gk_ws_handshake_push(&handshake, "x", 1, &granted, &used, &err),
		GK_RESOURCE_EXHAUSTED);
	gk_ws_handshake_done(&handshake);
}
END_TEST

START_TEST(the_accept_key_is_the_one_of_the_standard)
{
	char accept[GK_WS_ACCEPT_SIZE];

	ck_assert(gk_ws_handshake_accept("dGhlIHNhbXBsZSBub25jZQ==", accept));
	ck_assert_str_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}
END_TEST

static void refuse(server *self, int fd)
{
	(void)self;
	server_hear(fd, heard, sizeof(heard));
	server_say(fd, "HTTP/1.1 403 Forbidden\r\n\r\n");
}

START_TEST(a_refused_upgrade_ends_the_socket)
{
	peer = server_start(refuse, NULL);
	run_with((gk_websocket_opts){ .url = server_url(peer, "ws", "/x?key=secret") });
	assert_story("closed UNAVAILABLE");
	ck_assert_ptr_nonnull(strstr(why.message, "status 403"));
	ck_assert_ptr_null(strstr(why.message, "secret"));
}
END_TEST

static void stay_silent(server *self, int fd)
{
	(void)self;
	server_hear(fd, heard, sizeof(heard));
	ck_assert(server_hear_end(fd));
	mark_set(&at, 1);
}

START_TEST(a_handshake_has_a_time_limit)
{
	peer = server_start(stay_silent, NULL);
	run_with((gk_websocket_opts){ .connect_ms = 20 });
	assert_story("closed DEADLINE_EXCEEDED");
	mark_await(&at, 1);
}
END_TEST

START_TEST(a_refused_connection_ends_the_socket)
{
	peer = server_start(stay_silent, NULL);
	server_url(peer, "ws", "/");
	run_with((gk_websocket_opts){ .url = "ws://127.0.0.1:1/" });
	assert_story("closed UNAVAILABLE");
}
END_TEST

static const char *const bad_urls[] = { "", "http://127.0.0.1/", "ws://", "ws:/x", "127.0.0.1",
	"ws://h:99999/", "ws://h/\r\nX: y" };

START_TEST(what_is_no_url_is_refused)
{
	gk_auto_error gk_error err = { 0 };

	ck_assert_int_eq(
		connect_to(&(gk_websocket_opts){ .url = bad_urls[_i] }, &err), GK_INVALID_ARGUMENT);
	ck_assert_ptr_null(socket_);
}
END_TEST

/* --- messages --- */

static void echo(server *self, int fd)
{
	static char room[5u << 20];
	size_t len;
	unsigned kind;

	(void)self;
	ck_assert(grant(fd));
	while ((kind = hear_frame(fd, room, sizeof(room), &len)) == 0x81) {
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
	server_say(fd, CLOSE);
}

static int echoes;

static void send_one(void)
{
	static const size_t sizes[] = { 0, 1, 125, 126, 65535, 65536, 4u << 20 };
	gk_auto_str char *text = malloc(sizes[6]);

	memset(text, 'a' + echoes, sizes[6]);
	if (echoes < 7)
		ck_assert_int_eq(gk_websocket_send(socket_, text, sizes[echoes++], NULL), GK_OK);
	else
		gk_websocket_close(socket_, 0);
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
	when_opened = send_one;
	when_message = send_next;
	peer = _i ? server_start_tls(echo) : server_start(echo, NULL);
	run_with((gk_websocket_opts){
		.url = server_url(peer, _i ? "wss" : "ws", "/"), .ca_file = server_ca_file() });
	assert_story("opened;message ;message b;message of 125;message of 126;message of 65535;"
		     "message of 65536;message of 4194304;closed OK");
}
END_TEST

static void send_burst(void)
{
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(gk_websocket_send(socket_, "x", 1, NULL), GK_OK);
	ck_assert_uint_eq(gk_websocket_pending(socket_), 20);
	gk_websocket_close(socket_, 1000);
	ck_assert_int_eq(gk_websocket_send(socket_, "y", 1, NULL), GK_UNAVAILABLE);
}

START_TEST(what_was_sent_before_a_close_arrives)
{
	when_opened = send_burst;
	peer = server_start(echo, NULL);
	run();
	assert_story("opened;message x;message x;message x;message x;message x;message x;"
		     "message x;message x;message x;message x;message x;message x;message x;"
		     "message x;message x;message x;message x;message x;message x;message x;"
		     "closed OK");
}
END_TEST

static void never_read(server *self, int fd)
{
	(void)self;
	ck_assert(grant(fd));
	mark_await(&at, 1);
}

static void fill_up(void)
{
	gk_auto_str char *text = calloc(1, 8u << 20);
	gk_auto_error gk_error err = { 0 };
	int sent = 0;

	while (gk_websocket_send(socket_, text, 8u << 20, &err) == GK_OK)
		sent++;
	ck_assert_int_eq(err.code, GK_RESOURCE_EXHAUSTED);
	ck_assert_int_eq(sent, GK_MAX_WS_MESSAGE / (8u << 20));
	ck_assert_uint_eq(gk_websocket_pending(socket_), GK_MAX_WS_MESSAGE);
	mark_set(&at, 1);
}

START_TEST(what_the_peer_does_not_take_has_a_limit)
{
	when_opened = fill_up;
	peer = server_start(never_read, NULL);
	run();
	assert_story("opened;closed UNAVAILABLE");
}
END_TEST

/* What a server sends after the handshake, and what comes of it. */
static const struct {
	const char *bytes;
	size_t len;
	const char *story;
	unsigned close_code; /* that the client sends; 0: none in its frame */
} frames[] = {
#define FRAMES(text) (text), sizeof(text) - 1
	{ FRAMES("\x01\x02he\x80\x03llo" CLOSE), "message hello;closed OK", 1000 },
	{ FRAMES("\x01\x02he\x00\x00\x00\x01l\x89\x02hi\x80\x02lo" CLOSE),
		"message hello;closed OK", 1000 },
	{ FRAMES("\x81\x00" CLOSE), "message ;closed OK", 1000 },
	{ FRAMES("\x8a\x02ok" CLOSE), "closed OK", 1000 }, /* a pong nobody asked for */
	{ FRAMES("\x88\x00"), "closed OK", 0 },
	{ FRAMES("\x88\x05\x03\xe9"
		 "bye"),
		"closed OK", 1001 },
	{ FRAMES("\x88\x02\x03\xf3"), "closed UNAVAILABLE", 1011 },
	{ FRAMES("\x81\x03\xe2\x82\xac" CLOSE), "message \xe2\x82\xac;closed OK", 1000 },
	{ FRAMES("\x01\x01\xe2\x80\x02\x82\xac" CLOSE), "message \xe2\x82\xac;closed OK", 1000 },
	{ FRAMES("\x81\x02\xc3\x28"), "closed UNAVAILABLE", 1007 },
	{ FRAMES("\x81\x01\xe2"), "closed UNAVAILABLE", 1007 },
	{ FRAMES("\x81\x03\xed\xa0\x80"), "closed UNAVAILABLE", 1007 },
	{ FRAMES("\x82\x01x"), "closed UNAVAILABLE", 1003 },
	{ FRAMES("\x81\x81"
		 "abcd"
		 "\x10"),
		"closed UNAVAILABLE", 1002 },                         /* masked */
	{ FRAMES("\x80\x01x"), "closed UNAVAILABLE", 1002 },          /* nothing to continue */
	{ FRAMES("\x01\x01x\x81\x01y"), "closed UNAVAILABLE", 1002 }, /* not continued */
	{ FRAMES("\xc1\x01x"), "closed UNAVAILABLE", 1002 },          /* a reserved bit */
	{ FRAMES("\x83\x00"), "closed UNAVAILABLE", 1002 },           /* a reserved kind */
	{ FRAMES("\x88\x02\x03\xed"), "closed UNAVAILABLE", 1002 },   /* 1005 is not to be sent */
	{ FRAMES("\x88\x01x"), "closed OK", 0 }, /* half a code counts as none */
	{ FRAMES("\x88\x04\x03\xe8\xc3\x28"), "closed UNAVAILABLE", 1007 },
	{ FRAMES("\x09\x01x"), "closed UNAVAILABLE", 0 },        /* a ping in pieces */
	{ FRAMES("\x89\x7e\x00\x7e"), "closed UNAVAILABLE", 0 }, /* a ping of 126 bytes */
	{ FRAMES("\x81\x7e\x00\x7d"), "closed UNAVAILABLE",
		0 }, /* a length that is not the shortest */
	{ FRAMES("\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00"), "closed UNAVAILABLE", 0 },
	{ FRAMES("\x81\x7f\x00\x00\x00\x00\x04\x00\x00\x01x"), "closed RESOURCE_EXHAUSTED", 1009 },
	{ FRAMES("\x01\x01x\x80\x7f\x00\x00\x00\x00\x04\x00\x00\x00x"), "closed RESOURCE_EXHAUSTED",
		1009 },
	{ FRAMES("\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff\x78"), "closed RESOURCE_EXHAUSTED",
		1009 },
};
static int row;

static void play_frames(server *self, int fd)
{
	char room[256];
	size_t len;
	unsigned kind;

	(void)self;
	ck_assert(grant(fd));
	server_say_bytes(fd, frames[row].bytes, frames[row].len);
	while ((kind = hear_frame(fd, room, sizeof(room), &len)) != 0x88) {
		ck_assert_uint_eq(kind, 0x8a); /* the pong of the one ping above */
		ck_assert_str_eq(room, "hi");
	}
	if (frames[row].close_code) {
		ck_assert_uint_ge(len, 2);
		ck_assert_uint_eq((unsigned char)room[0] << 8 | (unsigned char)room[1],
			frames[row].close_code);
	} else {
		ck_assert_uint_eq(len, 0);
	}
	mark_set(&at, 1);
}

START_TEST(frames_are_read_and_mistakes_told)
{
	char want[256];

	row = _i;
	snprintf(want, sizeof(want), "opened;%s", frames[row].story);
	peer = server_start(play_frames, NULL);
	run();
	mark_await(&at, 1);
	assert_story(want);
}
END_TEST

/* The same without a connection, at any chunking. */
static void note_message(const char *text, size_t len, void *user)
{
	(void)user;
	gk_buf_printf(&story, "message %.*s;", (int)len, text);
}

START_TEST(frames_are_the_same_at_any_chunking)
{
	for (size_t step = 1; step <= frames[_i].len; step++) {
		gk_ws_frames *own = gk_ws_frames_new(0, note_message, NULL);
		gk_code rc = GK_OK;

		gk_buf_clear(&story);
		for (size_t from = 0; rc == GK_OK && from < frames[_i].len; from += step)
			rc = gk_ws_frames_feed(own, frames[_i].bytes + from,
				frames[_i].len - from < step ? frames[_i].len - from : step, NULL);
		gk_buf_puts(&story, "closed");
		ck_assert(strncmp(story.data, frames[_i].story, story.len) == 0);
		gk_ws_frames_free(own);
	}
}
END_TEST

START_TEST(pings_that_nobody_takes_the_answer_of_have_a_limit)
{
	gk_ws_frames *own = gk_ws_frames_new(0, note_message, NULL);
	gk_auto_buf gk_buf out = GK_BUF_INIT(0);

	for (int round = 0; round < 3; round++) { /* taken, they count anew */
		for (int i = 0; i < GK_MAX_WS_PINGS; i++)
			ck_assert(gk_ws_frames_feed(own, "\x89\x00", 2, NULL) == GK_OK);
		ck_assert(gk_ws_frames_fill(own, &out));
		gk_buf_clear(&out);
	}
	for (int i = 0; i < GK_MAX_WS_PINGS; i++)
		ck_assert(gk_ws_frames_feed(own, "\x89\x00", 2, NULL) == GK_OK);
	ck_assert_int_eq(gk_ws_frames_feed(own, "\x89\x00", 2, NULL), GK_RESOURCE_EXHAUSTED);
	gk_ws_frames_free(own);
}
END_TEST

/* --- ends --- */

static void cut(server *self, int fd)
{
	(void)self;
	ck_assert(grant(fd));
	server_say(fd, TEXT "\x05he");
}

START_TEST(a_broken_connection_is_unavailable)
{
	peer = server_start(cut, NULL);
	run();
	assert_story("opened;closed UNAVAILABLE");
	ck_assert_ptr_nonnull(strstr(why.message, "broke"));
}
END_TEST

static void close_and_go(server *self, int fd)
{
	(void)self;
	ck_assert(grant(fd));
	server_say(fd, CLOSE);
	shutdown(fd, SHUT_WR);
	while (!server_hear_end(fd)) /* an answer may come, or not any more */
		continue;
}

START_TEST(a_peer_that_closes_and_goes_has_closed_in_order)
{
	peer = server_start(close_and_go, NULL);
	run();
	assert_story("opened;closed OK");
}
END_TEST

static void close_now(void)
{
	gk_websocket_close(socket_, 1001);
}

static void take_the_close(server *self, int fd)
{
	char room[256];

	(void)self;
	ck_assert(grant(fd));
	ck_assert_uint_eq(hear_frame(fd, room, sizeof(room), NULL), 0x88);
	ck_assert_mem_eq(room, "\x03\xe9", 2);
	server_say(fd, "\x88\x02\x03\xe9");
}

START_TEST(a_close_is_answered)
{
	when_opened = close_now;
	peer = server_start(take_the_close, NULL);
	run();
	assert_story("opened;closed OK");
}
END_TEST

START_TEST(a_close_before_it_is_open_ends_it)
{
	peer = server_start(stay_silent, NULL);
	keep_after_end = true;
	ck_assert_int_eq(
		connect_to(&(gk_websocket_opts){ .url = server_url(peer, "ws", "/") }, NULL),
		GK_OK);
	gk_websocket_close(socket_, 1000);
	ck_assert_uint_eq(story.len, 0);
	gk_loop_run(loop);
	assert_story("closed CANCELLED");
	gk_websocket_close(socket_, 1000);
	ck_assert_int_eq(gk_websocket_send(socket_, "x", 1, NULL), GK_UNAVAILABLE);
}
END_TEST

static void say_two(server *self, int fd)
{
	(void)self;
	ck_assert(grant(fd));
	server_say(fd, TEXT "\x01"
			    "a" TEXT "\x01"
			    "b");
	ck_assert(server_hear_end(fd));
	mark_set(&at, 1);
}

static void free_now(void)
{
	gk_websocket_free(gk_steal(socket_));
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
		when_opened = free_now;
	else
		when_message = free_at_message;
	peer = server_start(say_two, NULL);
	run();
	assert_story(_i ? "opened;" : "opened;message a;");
	mark_await(&at, 1);
}
END_TEST

static void say_two_if_it_stays(server *self, int fd)
{
	(void)self;
	if (!grant(fd))
		return;
	server_say(fd, TEXT "\x01"
			    "a" TEXT "\x01"
			    "b");
	while (!server_hear_end(fd))
		continue;
}

START_TEST(a_socket_may_be_freed_at_any_time)
{
	size_t told;

	peer = server_start(say_two_if_it_stays, NULL);
	for (int turns = 0; turns < 8; turns++) {
		ck_assert_int_eq(
			connect_to(
				&(gk_websocket_opts){ .url = server_url(peer, "ws", "/") }, NULL),
			GK_OK);
		for (int i = 0; i < turns; i++)
			gk_loop_turn(loop, 10);
		told = story.len;
		gk_websocket_free(gk_steal(socket_));
		gk_loop_run(loop);
		ck_assert_uint_eq(story.len, told);
	}
}
END_TEST

static void answer_pings(server *self, int fd)
{
	char room[256];

	(void)self;
	ck_assert(grant(fd));
	for (int i = 0; i < 3; i++) {
		ck_assert_uint_eq(hear_frame(fd, room, sizeof(room), NULL), 0x89);
		server_say_bytes(fd, "\x8a\x00", 2);
	}
	server_say(fd, CLOSE);
	finish(fd);
}

START_TEST(a_quiet_peer_is_pinged)
{
	peer = server_start(answer_pings, NULL);
	run_with((gk_websocket_opts){ .ping_ms = 10 });
	assert_story("opened;closed OK");
}
END_TEST

START_TEST(a_peer_that_answers_no_ping_is_gone)
{
	peer = server_start(never_read, NULL);
	run_with((gk_websocket_opts){ .ping_ms = 10 });
	assert_story("opened;closed UNAVAILABLE");
	ck_assert_ptr_nonnull(strstr(why.message, "does not answer"));
	mark_set(&at, 1);
}
END_TEST

static void ignore_the_close(server *self, int fd)
{
	char room[256];

	(void)self;
	ck_assert(grant(fd));
	ck_assert_uint_eq(hear_frame(fd, room, sizeof(room), NULL), 0x88);
	ck_assert(server_hear_end(fd));
}

START_TEST(a_peer_that_does_not_answer_a_close_is_left)
{
	when_opened = close_now;
	peer = server_start(ignore_the_close, NULL);
	run_with((gk_websocket_opts){ .close_ms = 10 });
	ck_assert_ptr_nonnull(strstr(story.data, "opened;closed "));
}
END_TEST

static uint64_t ping_in_ms, close_in_ms; /* when the loop's first timer was due */

static void look_and_close(void)
{
	ping_in_ms = loop->first_timer->due_ms - gk_loop_now_ms(loop);
	close_now();
	close_in_ms = loop->first_timer->due_ms - gk_loop_now_ms(loop);
}

START_TEST(pings_and_closes_have_their_usual_times)
{
	when_opened = look_and_close;
	peer = server_start(take_the_close, NULL);
	run();
	assert_story("opened;closed OK");
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
	ck_assert(grant(fd));
	for (size_t i = 0; i < sizeof(many); i += 4)
		memcpy(many + i,
			TEXT "\x02"
			     "xy",
			4);
	for (int i = 0; i < 64; i++)
		server_say_bytes(fd, many, sizeof(many));
	server_say(fd, CLOSE);
	finish(fd);
}

static size_t messages;

static void count_message(const char *text, size_t len)
{
	(void)text;
	(void)len;
	messages++;
	gk_buf_clear(&story);
}

START_TEST(a_flood_of_messages_is_taken_in_turns)
{
	messages = 0;
	when_message = count_message;
	peer = _i ? server_start_tls(flood) : server_start(flood, NULL);
	run_with((gk_websocket_opts){
		.url = server_url(peer, _i ? "wss" : "ws", "/"), .ca_file = server_ca_file() });
	assert_story("closed OK");
	ck_assert_uint_eq(messages, 64 * (64 << 10) / 4);
}
END_TEST

/* --- memory --- */

static bool connect_with_failures(void)
{
	gk_websocket_opts opts = { .size = sizeof(opts), .connect_ms = 100, .closed = on_closed };
	gk_loop *own = NULL;
	gk_code rc;

	opts.url = server_url(peer, "ws", "/");
	gk_error_clear(&why);
	rc = gk_loop_new(&own, NULL);
	if (rc == GK_OK)
		rc = gk_websocket_connect(own, &opts, &socket_, NULL);
	if (rc == GK_OK) {
		gk_loop_run(own);
		rc = why.code;
	}
	gk_websocket_free(gk_steal(socket_));
	gk_loop_free(own);
	return rc == GK_OK;
}

START_TEST(memory_may_run_out_anywhere)
{
	peer = server_start(greet_if_it_stays, NULL);
	fault_sweep(connect_with_failures);
}
END_TEST

#define COUNT(list) ((int)(sizeof(list) / sizeof(*(list))))

static Suite *suite(void)
{
	Suite *s = suite_create("websocket");
	TCase *c = tcase_create("websocket");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, a_socket_opens_takes_a_message_and_closes);
	tcase_add_test(c, a_password_in_the_url_is_sent);
	tcase_add_test(c, a_socket_opens_over_tls);
	tcase_add_test(c, an_unknown_authority_is_refused);
	tcase_add_loop_test(c, an_answer_is_judged_at_any_chunking, 0, COUNT(answers));
	tcase_add_test(c, an_answer_has_a_limit);
	tcase_add_test(c, the_accept_key_is_the_one_of_the_standard);
	tcase_add_test(c, a_refused_upgrade_ends_the_socket);
	tcase_add_test(c, a_handshake_has_a_time_limit);
	tcase_add_test(c, a_refused_connection_ends_the_socket);
	tcase_add_loop_test(c, what_is_no_url_is_refused, 0, COUNT(bad_urls));
	tcase_add_loop_test(c, messages_of_any_length_go_to_and_fro, 0, 2);
	tcase_add_test(c, what_was_sent_before_a_close_arrives);
	tcase_add_test(c, what_the_peer_does_not_take_has_a_limit);
	tcase_add_loop_test(c, frames_are_read_and_mistakes_told, 0, COUNT(frames));
	tcase_add_loop_test(c, frames_are_the_same_at_any_chunking, 0, COUNT(frames));
	tcase_add_test(c, pings_that_nobody_takes_the_answer_of_have_a_limit);
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
