/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The path of a request, over a real socket: libmicrohttpd's parser, our checks of its framing, the accessors of an
 * exchange, keep-alive and pipelining, and a client that goes at any point. */
#include "server/http.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TURNS 200 /* at most, for one input */

static gk_loop *loop;
static gk_http_listener *listener;
static char path[64];

static void forget(gk_exchange *x, void *user)
{
	(void)x;
	(void)user;
}

static void handle(gk_exchange *x, void *user)
{
	gk_auto_json json_t *headers = gk_exchange_headers(x);
	const char *query = gk_exchange_query(x, "stream"),
		   *type = gk_exchange_header(x, "content-type");
	size_t len;
	const char *body = gk_exchange_body(x, &len);

	(void)user;
	if (!headers || strlen(body) > len)
		abort();
	if (type)
		gk_exchange_set_header(x, "X-Type", type);
	if (gk_exchange_path(x)[1] == 's') { /* a stream that stays open: its client is to go */
		gk_exchange_on_hangup(x, forget, NULL);
		gk_exchange_begin(x, 200, "text/plain");
		gk_exchange_write(x, body, len);
		return;
	}
	gk_exchange_reply(x, query ? 200 : 404, "text/plain", body, len);
}

static void start(void)
{
	char address[80];

	snprintf(path, sizeof(path), "/tmp/genkitd-fuzz-%d.sock", (int)getpid());
	snprintf(address, sizeof(address), "unix:%s", path);
	if (gk_loop_new(&loop, NULL) != GK_OK ||
		gk_http_listen(loop,
			GK_OPTS(gk_http_opts, .address = address, .max_body = 4096,
				.handle = handle),
			&listener, NULL) != GK_OK)
		abort();
}

static int connect_to_it(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(name.sun_path, path, sizeof(path));
	if (fd < 0 || connect(fd, (struct sockaddr *)&name, sizeof(name)) < 0)
		abort();
	return fd;
}

/* Sends all, turning the loop while the socket is full; what is answered is thrown away. */
static void talk(int fd, const uint8_t *data, size_t size)
{
	char answer[4096];

	for (int turn = 0; turn < TURNS; turn++) {
		ssize_t sent = size ? send(fd, data, size, MSG_NOSIGNAL) : 0, got;

		if (sent > 0) {
			data += sent;
			size -= (size_t)sent;
		}
		gk_loop_turn(loop, 0);
		got = recv(fd, answer, sizeof(answer), 0);
		if (got == 0 || (sent < 0 && errno != EAGAIN) || (got < 0 && !size && turn > 4))
			return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd;

	if (!loop)
		start();
	fd = connect_to_it();
	/* The first byte says where the bytes are cut in two. */
	if (size > 1) {
		size_t half = 1 + (size - 1) * data[0] / 255;

		talk(fd, data + 1, half - 1);
		talk(fd, data + half, size - half);
	}
	close(fd);
	for (int turn = 0; turn < TURNS && gk_http_connections(listener); turn++)
		gk_loop_turn(loop, 1);
	if (gk_http_active(listener))
		abort(); /* an exchange outlived its connection */
	return 0;
}
