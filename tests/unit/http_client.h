/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A client of plain bytes for tests of the server: it talks from a thread of its own while the loop runs here.
 *
 *	gk_auto_str char *answer = http_talk(loop, listener, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
 */
#ifndef TESTS_HTTP_CLIENT_H
#define TESTS_HTTP_CLIENT_H

#include "loop/loop.h"
#include "server/http.h"

/** A blocking connection to a listener. */
int http_connect(const gk_http_listener *listener);
void http_send(int fd, const char *bytes);
void http_send_bytes(int fd, const char *bytes, size_t len);
/** All bytes until the server closes, or until `enough` is in them; fails the test after five seconds. */
char *http_read(int fd, const char *enough);

/** Runs `client` in a thread and the loop here, until the client has returned. */
void http_run(gk_loop *loop, void (*client)(void *user), void *user);
/** Sends, and reads until the server closes. */
char *http_talk(gk_loop *loop, const gk_http_listener *listener, const char *bytes);
/** The same with bytes that may be NUL. */
char *http_talk_bytes(
	gk_loop *loop, const gk_http_listener *listener, const char *bytes, size_t len);
/** As http_talk(), until `enough` has come. */
char *http_talk_until(
	gk_loop *loop, const gk_http_listener *listener, const char *bytes, const char *enough);

#endif
