/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "http_client.h"

#include "unit.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_MS 60000

int http_connect(const gk_http_listener *listener)
{
	const char *address = gk_http_address(listener);
	struct sockaddr_in tcp = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)gk_http_port(listener)) };
	struct sockaddr_un file = { .sun_family = AF_UNIX };
	bool is_unix = strncmp(address, "unix:", 5) == 0;
	int fd = socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, "127.0.0.1", &tcp.sin_addr);
	if (is_unix)
		snprintf(file.sun_path, sizeof(file.sun_path), "%s", address + 5);
	if (connect(fd, is_unix ? (struct sockaddr *)&file : (struct sockaddr *)&tcp,
		    is_unix ? sizeof(file) : sizeof(tcp)) < 0)
		abort();
	return fd;
}

void http_send(int fd, const char *bytes)
{
	http_send_bytes(fd, bytes, strlen(bytes));
}

void http_send_bytes(int fd, const char *bytes, size_t left)
{
	while (left) {
		ssize_t sent = send(fd, bytes, left, MSG_NOSIGNAL);

		if (sent <= 0)
			return; /* the server has closed: what it said can still be read */
		bytes += sent;
		left -= (size_t)sent;
	}
}

char *http_read(int fd, const char *enough)
{
	size_t len = 0, cap = 1 << 16;
	char *text = malloc(cap);

	text[0] = '\0';
	for (;;) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		ssize_t got;

		if (poll(&ready, 1, PATIENCE_MS) == 0) {
			fprintf(stderr, "no end of this answer: %s\n", text);
			abort();
		}
		if (cap - len < 4096)
			text = realloc(text, cap *= 2);
		got = recv(fd, text + len, cap - len - 1, 0);
		if (got <= 0)
			return text;
		len += (size_t)got;
		text[len] = '\0';
		if (enough && strstr(text, enough))
			return text;
	}
}

/* --- beside the loop --- */

typedef struct companion {
	gk_loop *loop;
	void (*client)(void *user);
	void *user;
	bool is_done;
} companion;

static void on_done(void *user)
{
	companion *mine = user;

	mine->is_done = true;
}

static void *run_client(void *user)
{
	companion *mine = user;

	mine->client(mine->user);
	gk_loop_post(mine->loop, on_done, mine);
	return NULL;
}

void http_run(gk_loop *loop, void (*client)(void *user), void *user)
{
	companion mine = { .loop = loop, .client = client, .user = user };
	pthread_t thread;

	if (pthread_create(&thread, NULL, run_client, &mine) != 0)
		abort();
	while (!mine.is_done)
		gk_loop_turn(loop, PATIENCE_MS);
	pthread_join(thread, NULL);
}

typedef struct talk {
	const gk_http_listener *listener;
	const char *bytes, *enough;
	size_t len;
	char *answer;
} talk;

static void run_talk(void *user)
{
	talk *mine = user;
	int fd = http_connect(mine->listener);

	http_send_bytes(fd, mine->bytes, mine->len);
	mine->answer = http_read(fd, mine->enough);
	close(fd);
}

char *http_talk_until(
	gk_loop *loop, const gk_http_listener *listener, const char *bytes, const char *enough)
{
	talk mine = {
		.listener = listener, .bytes = bytes, .len = strlen(bytes), .enough = enough
	};

	http_run(loop, run_talk, &mine);
	return mine.answer;
}

char *http_talk_bytes(
	gk_loop *loop, const gk_http_listener *listener, const char *bytes, size_t len)
{
	talk mine = { .listener = listener, .bytes = bytes, .len = len };

	http_run(loop, run_talk, &mine);
	return mine.answer;
}

char *http_talk(gk_loop *loop, const gk_http_listener *listener, const char *bytes)
{
	return http_talk_until(loop, listener, bytes, NULL);
}
