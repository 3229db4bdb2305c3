/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What the tests of the HTTP front share: a listener, and handlers for a few paths.
 *
 *	/echo      the body, and the query's q in X-Query
 *	/parts     "one,two" in two writes
 *	/open      "open\n" and no end; `front_open_exchange` is it
 *	/later     nothing yet; likewise
 *	/begun     begun, and nothing yet; likewise
 *	/soon      "soon", by a fiber that ends in the next turn
 *	/headers   the request's headers
 *	/much      FRONT_MUCH bytes by a fiber that waits for room
 *	/together  the same by two fibers
 */
#ifndef TESTS_FRONT_H
#define TESTS_FRONT_H

#include "http_client.h"

#include "base/limits.h"

#define CLOSE "Connection: close\r\n\r\n"
#define HEAD  "Host: x\r\n"
/* More than the kernel's buffers and the sink hold together. */
#define FRONT_MUCH (128 * (size_t)GK_MAX_SINK)

extern gk_loop *front_loop;
extern gk_http_listener *front_listener;
extern gk_exchange *front_open_exchange;
extern unsigned front_hangups, front_handled, front_producers;
extern uint64_t front_hung_up_ms;
extern gk_code front_room_rc; /* what the last wait for room said */
extern size_t front_produced;
extern bool front_was_parked; /* a producer has waited */

void front_handle(gk_exchange *x, void *user);
/** `more` NULL: the usual limits. */
void front_start(const gk_http_opts *more);
void front_setup(void);
void front_teardown(void);
/** The answer to these bytes, up to the end of the connection. */
char *front_talk(const char *bytes);
void assert_has(const char *text, const char *part);

#endif
