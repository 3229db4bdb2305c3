/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A peer that speaks HTTP/2 (RFC 9113), as little of it as an answer needs: what is asked is not decoded, every stream is
 * answered with 200 and "hello".
 */
#ifndef TESTS_SERVER_H2_H
#define TESTS_SERVER_H2_H

#include "server.h"

/** Over TLS, chosen by ALPN. It answers once `together` streams of one connection wait for it, or after a pause. */
server *server_start_h2(int together);
/** The most streams that have waited on one connection. */
int server_h2_most(void);
/** The body is so many bytes of 'x' instead; those of several streams alternate. */
void server_h2_say_much(size_t len);
/** Answers are begun and not ended. */
void server_h2_hold(void);
/** Waits until the client has reset so many streams, or has closed a connection. */
void server_h2_await_resets(int count);
void server_h2_await_end(void);

#endif
