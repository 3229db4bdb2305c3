/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "server.h"

#include "server_internal.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 512
#define PATIENCE_MS     60000

struct server {
	server_fn *fn;
	bool is_tls;
	int listener, port;
	pthread_t acceptor;
	pthread_mutex_t lock;
	atomic_int accepted;
	struct connection {
		server *self;
		pthread_t thread;
		int fd;
	} connections[MAX_CONNECTIONS];
	char url[256];
};

static void *pump(void *user)
{
	int *ends = user;

	server_pump_tls(ends[0], ends[1]);
	shutdown(ends[0], SHUT_RDWR);
	shutdown(ends[1], SHUT_RDWR);
	return NULL;
}

static void serve_tls(server *self, int fd)
{
	pthread_t pumper;
	int pair[2], ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ends[0] = fd;
	ends[1] = pair[1];
	ck_assert_int_eq(pthread_create(&pumper, NULL, pump, ends), 0);
	self->fn(self, pair[0]);
	shutdown(pair[0], SHUT_WR);
	pthread_join(pumper, NULL);
	close(pair[0]);
	close(pair[1]);
}

static void *serve(void *user)
{
	struct connection *connection = user;
	server *self = connection->self;

	if (self->is_tls)
		serve_tls(self, connection->fd);
	else
		self->fn(self, connection->fd);
	pthread_mutex_lock(&self->lock);
	close(connection->fd);
	connection->fd = -1;
	pthread_mutex_unlock(&self->lock);
	return NULL;
}

static void *accept_all(void *user)
{
	server *self = user;
	int fd, yes = 1;

	while ((fd = accept(self->listener, NULL, NULL)) >= 0) {
		/* Counted first: its thread may ask which connection this is. */
		int at = self->accepted++;
		struct connection *connection = &self->connections[at];

		if (at == MAX_CONNECTIONS) {
			fprintf(stderr, "the test's server was asked for too many connections\n");
			abort();
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
		*connection = (struct connection){ .self = self, .fd = fd };
		if (pthread_create(&connection->thread, NULL, serve, connection) != 0)
			abort();
	}
	return NULL;
}

static server *start(server_fn *fn, const char *path, bool is_tls)
{
	server *self = calloc(1, sizeof(*self));
	struct sockaddr_in inet = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(inet);

	self->fn = fn;
	self->is_tls = is_tls;
	pthread_mutex_init(&self->lock, NULL);
	self->listener = socket(path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (path) {
		strcpy(local.sun_path, path);
		ck_assert_int_eq(bind(self->listener, (struct sockaddr *)&local, sizeof(local)), 0);
	} else {
		ck_assert_int_eq(bind(self->listener, (struct sockaddr *)&inet, sizeof(inet)), 0);
		getsockname(self->listener, (struct sockaddr *)&inet, &len);
		self->port = ntohs(inet.sin_port);
	}
	ck_assert_int_eq(listen(self->listener, 64), 0);
	ck_assert_int_eq(pthread_create(&self->acceptor, NULL, accept_all, self), 0);
	return self;
}

server *server_start(server_fn *fn, const char *path)
{
	return start(fn, path, false);
}

server *server_start_tls(server_fn *fn)
{
	server_tls_context();
	return start(fn, NULL, true);
}

void server_stop(server *self)
{
	shutdown(self->listener, SHUT_RDWR);
	pthread_join(self->acceptor, NULL);
	close(self->listener);
	for (int i = 0; i < self->accepted; i++) {
		pthread_mutex_lock(&self->lock);
		if (self->connections[i].fd >= 0)
			shutdown(self->connections[i].fd, SHUT_RDWR);
		pthread_mutex_unlock(&self->lock);
		pthread_join(self->connections[i].thread, NULL);
	}
	pthread_mutex_destroy(&self->lock);
	free(self);
}

int server_port(server *self)
{
	return self->port;
}

const char *server_url(server *self, const char *scheme, const char *path)
{
	snprintf(self->url, sizeof(self->url), "%s://127.0.0.1:%d%s", scheme, self->port, path);
	return self->url;
}

int server_accepted(server *self)
{
	return self->accepted;
}

static size_t body_length(const char *head)
{
	const char *field = strcasestr(head, "\r\ncontent-length:");

	return field ? strtoul(field + 17, NULL, 10) : 0;
}

bool server_hear(int fd, char *room, size_t size)
{
	size_t len = 0, want = 0;

	while (!want || len < want) {
		ssize_t n = recv(fd, room + len, want ? want - len : 1, 0);
		const char *end;

		if (n <= 0)
			return false;
		if (!len) /* what was heard before stays until then */
			memset(room + n, 0, size - (size_t)n);
		len += (size_t)n;
		ck_assert_uint_lt(len, size);
		end = want ? NULL : strstr(room, "\r\n\r\n");
		if (end)
			want = (size_t)(end + 4 - room) + body_length(room);
		ck_assert_uint_lt(want, size);
	}
	return true;
}

void server_say_bytes(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n <= 0)
			return; /* the client is gone */
		at += n;
		len -= (size_t)n;
	}
}

void server_say(int fd, const char *text)
{
	server_say_bytes(fd, text, strlen(text));
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool server_hear_end(int fd)
{
	char room[64];

	return recv(fd, room, sizeof(room), 0) <= 0;
}

bool server_hear_end_within(int fd, int ms)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	return poll(&ready, 1, ms) > 0 && server_hear_end(fd);
}

int server_make_deaf(int listener, int *fill, int count)
{
	struct sockaddr_in inet = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(inet);

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&inet, sizeof(inet)), 0);
	ck_assert_int_eq(listen(listener, 0), 0);
	getsockname(listener, (struct sockaddr *)&inet, &len);
	for (int i = 0; i < count; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(fill[i], (struct sockaddr *)&inet, sizeof(inet));
	}
	return ntohs(inet.sin_port);
}

void mark_set(mark *self, int value)
{
	atomic_store(&self->value, value);
}

void mark_await(mark *self, int value)
{
	long started = now_ms();

	while (atomic_load(&self->value) < value) {
		if (now_ms() - started > PATIENCE_MS)
			ck_abort_msg("waited in vain for mark %d", value);
		poll(NULL, 0, 1);
	}
}
