/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * An OpenAI-compatible service that costs as little as one can, so that what is measured is what stands before it:
 *
 *	build/tests/bench/upstream [PORT [TICK_MS [TICKS]]]
 *
 * POST /v1/chat/completions gets one canned answer; with "stream":true a word every TICK_MS (1000) for TICKS (30) times.
 * It prints its address.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROOM 65536

typedef struct client {
	int fd;
	size_t len;
	int ticks; /* words still to come; 0: it does not stream */
	LIST_ENTRY(client) link;
	char room[]; /* what has come of a request */
} client;

static LIST_HEAD(, client) streams;
static int epoll, tick_ms = 1000, ticks = 30;
static char canned[1024];
static size_t canned_len;

static const char completion[] =
	"{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"canned\","
	"\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"The quick brown fox jumps over "
	"the lazy dog.\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":10,"
	"\"total_tokens\":22}}";
static const char stream_head[] =
	"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
#define WORD "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word \"}}]}\n\n"
#define LAST                                                                                       \
	"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"

static void drop(client *it)
{
	if (it->ticks)
		LIST_REMOVE(it, link);
	close(it->fd);
	free(it);
}

static bool say(const client *it, const char *text, size_t len)
{
	return send(it->fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static bool say_chunk(const client *it, const char *text, const char *end)
{
	char room[512];
	int len = snprintf(room, sizeof(room), "%zx\r\n%s\r\n%s", strlen(text), text, end);

	return say(it, room, (size_t)len);
}

static void tick(void)
{
	client *it, *next;

	for (it = LIST_FIRST(&streams); it; it = next) {
		next = LIST_NEXT(it, link);
		if (--it->ticks > 0) {
			if (!say_chunk(it, WORD, "")) {
				it->ticks = 1;
				drop(it);
			}
			continue;
		}
		LIST_REMOVE(it, link);
		if (!say_chunk(it, LAST, "0\r\n\r\n"))
			drop(it);
	}
}

/* The length of the request that has come as a whole; 0: not yet. */
static size_t whole(const client *it)
{
	const char *end = memmem(it->room, it->len, "\r\n\r\n", 4), *field;
	size_t body = 0, head;

	if (!end)
		return 0;
	head = (size_t)(end - it->room) + 4;
	for (field = it->room; field < end; field = strchr(field, '\n') + 1)
		if (strncasecmp(field, "content-length:", 15) == 0)
			body = strtoul(field + 15, NULL, 10);
	return it->len >= head + body ? head + body : 0;
}

static bool answer(client *it, size_t len)
{
	bool streams_it = memmem(it->room, len, "\"stream\":true", 13) != NULL;

	it->len -= len;
	memmove(it->room, it->room + len, it->len + 1);
	if (!streams_it)
		return say(it, canned, canned_len);
	it->ticks = ticks;
	LIST_INSERT_HEAD(&streams, it, link);
	return say(it, stream_head, sizeof(stream_head) - 1) && say_chunk(it, WORD, "");
}

static void hear(client *it)
{
	ssize_t got = recv(it->fd, it->room + it->len, ROOM - it->len, 0);
	size_t len;

	if (got <= 0) {
		drop(it);
		return;
	}
	it->len += (size_t)got;
	it->room[it->len] = '\0';
	while ((len = whole(it)))
		if (!answer(it, len)) {
			drop(it);
			return;
		}
}

static void welcome(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), yes = 1;
	client *it = fd >= 0 ? calloc(1, sizeof(*it) + ROOM + 1) : NULL;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = it };

	if (!it)
		return;
	it->fd = fd;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static int listen_at(int port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, 4096) < 0) {
		perror("upstream");
		exit(1);
	}
	getsockname(fd, (struct sockaddr *)&address, &len);
	printf("127.0.0.1:%u\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	int listener = listen_at(argc > 1 ? atoi(argv[1]) : 0);
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL }, ready[256];
	int64_t next;

	if (argc > 2)
		tick_ms = atoi(argv[2]);
	if (argc > 3)
		ticks = atoi(argv[3]);
	canned_len = (size_t)snprintf(canned, sizeof(canned),
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		sizeof(completion) - 1, completion);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
	next = now_ms() + tick_ms;
	for (;;) {
		int64_t left = next - now_ms();
		int count = epoll_wait(epoll, ready, 256,
			LIST_EMPTY(&streams) ? -1
			: left > 0           ? (int)left
					     : 0);

		for (int i = 0; i < count; i++) {
			if (ready[i].data.ptr)
				hear(ready[i].data.ptr);
			else
				welcome(listener);
		}
		if (now_ms() >= next) {
			tick();
			next = now_ms() + tick_ms;
		}
	}
}
