/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the tests of the HTTP client share: a loop, a client, a scripted server, and requests from beginning to end. */
#ifndef TESTS_CALLS_H
#define TESTS_CALLS_H

#include "loop/fetch.h"
#include "server.h"

extern gk_loop *call_loop;
extern gk_fetch_client *call_client;
extern server *call_peer; /* stopped by call_tear_down() when it is there */
extern mark call_mark;
extern char call_heard[4096]; /* the last request */

void call_set_up_with(const gk_fetch_client_opts *opts);
void call_set_up(void);
void call_tear_down(void);
/** Runs `fn` in a fiber until it ends. */
void call_in_fiber(gk_fiber_fn *fn, void *user, gk_scope *scope);

/* One request from beginning to end, and what came of it. */
typedef struct call {
	gk_fetch_opts opts;
	const char *header; /* to look for */
	gk_code rc;
	gk_error err;
	int status;
	char value[256];
	char *body;
	size_t len;
} call;

/** `user` is a call; to be run in a fiber. */
void call_run(void *user);
void call_fetch(call *self);
call call_get(const char *path);
void call_end(call *self);
void call_must_fail(const call *self, gk_code code, const char *text);

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-One: a\r\nx-one: b\r\n\r\nhello"

/** What these say, once for each request of a connection, or for one. For one connection at a time. */
extern const char *call_script;
void call_say_script(server *self, int fd);
void call_say_script_and_close(server *self, int fd);

#endif
