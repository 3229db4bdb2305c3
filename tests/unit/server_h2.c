/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "server_h2.h"

#include "server_internal.h"

#include <check.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define PAUSE_MS    500
#define MAX_STREAMS 16
#define PREFACE     24 /* bytes */
#define PART        16384

enum {
	DATA,
	HEADERS,
	PRIORITY,
	RST_STREAM,
	SETTINGS,
	PUSH_PROMISE,
	PING
};
enum {
	ACK = 1,
	END_STREAM = 1,
	END_HEADERS = 4
};

static atomic_int together, most, is_held;
static atomic_size_t much;
static mark resets, ends;

/* length (24), type (8), flags (8), stream (32) */
static void say_head(int fd, int type, int flags, unsigned stream, size_t len)
{
	const unsigned char head[9] = { (unsigned char)(len >> 16), (unsigned char)(len >> 8),
		(unsigned char)len, (unsigned char)type, (unsigned char)flags,
		(unsigned char)(stream >> 24), (unsigned char)(stream >> 16),
		(unsigned char)(stream >> 8), (unsigned char)stream };

	server_say_bytes(fd, head, sizeof(head));
}

static void say_frame(int fd, int type, int flags, unsigned stream, const void *data, size_t len)
{
	say_head(fd, type, flags, stream, len);
	server_say_bytes(fd, data, len);
}

static bool hear(int fd, void *room, size_t len)
{
	return !len || recv(fd, room, len, MSG_WAITALL) == (ssize_t)len;
}

static void say_part(int fd, unsigned stream, size_t len, bool is_last)
{
	char part[PART];

	memset(part, 'x', len);
	say_head(fd, DATA, is_last ? END_STREAM : 0, stream, len);
	server_say_bytes(fd, part, len);
}

static void answer_much(int fd, const unsigned *streams, int count)
{
	for (int i = 0; i < count; i++)
		say_frame(fd, HEADERS, END_HEADERS, streams[i], "\x88", 1);
	for (size_t left = much; left;) {
		size_t len = left < PART ? left : PART;

		left -= len;
		for (int i = 0; i < count; i++)
			say_part(fd, streams[i], len, !left);
	}
}

static void answer(int fd, const unsigned *streams, int count)
{
	if (much) {
		answer_much(fd, streams, count);
		return;
	}
	for (int i = 0; i < count; i++) {
		say_frame(fd, HEADERS, END_HEADERS, streams[i], "\x88", 1); /* :status 200 */
		say_frame(fd, DATA, is_held ? 0 : END_STREAM, streams[i], "hello", 5);
	}
}

/* One frame. False at the end. */
static bool take_frame(int fd, unsigned *streams, int *count)
{
	unsigned char payload[PART]; /* the largest frame without a setting */
	unsigned char head[9];
	size_t len;

	if (!hear(fd, head, sizeof(head)))
		return false;
	len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
	if (len > sizeof(payload) || !hear(fd, payload, len))
		return false;
	if (head[3] == HEADERS && *count < MAX_STREAMS)
		streams[(*count)++] = (unsigned)head[7] << 8 | head[8];
	else if (head[3] == RST_STREAM)
		mark_set(&resets, resets.value + 1);
	else if (head[3] == SETTINGS && !(head[4] & ACK))
		say_frame(fd, SETTINGS, ACK, 0, NULL, 0);
	else if (head[3] == PING && !(head[4] & ACK))
		say_frame(fd, PING, ACK, 0, payload, 8);
	return true;
}

static void serve(server *self, int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	unsigned streams[MAX_STREAMS];
	char preface[PREFACE];
	int count = 0;

	(void)self;
	if (!hear(fd, preface, sizeof(preface)) || memcmp(preface, "PRI * HTTP/2.0", 14) != 0)
		return;
	say_frame(fd, SETTINGS, 0, 0, NULL, 0);
	for (;;) {
		bool came = poll(&ready, 1, count ? PAUSE_MS : -1) > 0;

		if (came && !take_frame(fd, streams, &count)) {
			mark_set(&ends, ends.value + 1);
			return;
		}
		if (count > most)
			most = count;
		if (count >= together || (count && !came)) {
			answer(fd, streams, count);
			count = 0;
		}
	}
}

server *server_start_h2(int wanted)
{
	together = wanted;
	most = is_held = 0;
	much = 0;
	mark_set(&resets, 0);
	mark_set(&ends, 0);
	server_tls_offer_h2();
	return server_start_tls(serve);
}

int server_h2_most(void)
{
	return most;
}

void server_h2_say_much(size_t len)
{
	much = len;
}

void server_h2_hold(void)
{
	is_held = 1;
}

void server_h2_await_resets(int count)
{
	mark_await(&resets, count);
}

void server_h2_await_end(void)
{
	mark_await(&ends, 1);
}
