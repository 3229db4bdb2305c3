/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A server that plays what a test tells it: a thread for each connection, blocking calls, a port of the kernel's choice.
 */
#ifndef TESTS_SERVER_H
#define TESTS_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct server server;
/** Serves one connection; it is closed on return. */
typedef void server_fn(server *self, int fd);

/** On 127.0.0.1, or on a unix socket at `path`. */
server *server_start(server_fn *fn, const char *path);
/** The same over TLS: `fn` sees plain bytes. */
server *server_start_tls(server_fn *fn);
/** The certificate of TLS servers, in a file: it is its own authority, for "localhost" and 127.0.0.1. */
const char *server_ca_file(void);
/** Ends what still runs and waits for it. */
void server_stop(server *self);
/** "http://127.0.0.1:PORT" + `path`; lives until the server stops. */
const char *server_url(server *self, const char *scheme, const char *path);
int server_port(server *self);
/** How many connections have been accepted. */
int server_accepted(server *self);

/** Reads a request's head, and a body as long as Content-Length says, NUL-terminated. False at the end. */
bool server_hear(int fd, char *room, size_t size);
void server_say(int fd, const char *text);
void server_say_bytes(int fd, const void *data, size_t len);
/** Waits until the client has closed. False: it sent something instead. */
bool server_hear_end(int fd);
/** The same for at most so long; false also when nothing has happened. */
bool server_hear_end_within(int fd, int ms);
/** Makes a listener at 127.0.0.1 that lets nobody in any more: its port. `fill` takes the sockets that do it. */
int server_make_deaf(int listener, int *fill, int count);

/* A mark from one thread to another. */
typedef struct mark mark;
struct mark {
	atomic_int value;
};
void mark_set(mark *self, int value);
/** Waits until the value is at least `value`; gives up, and fails the test, after some seconds. */
void mark_await(mark *self, int value);

#endif
