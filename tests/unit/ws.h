/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A WebSocket whose callbacks are written down, and the other side of it. */
#ifndef TESTS_WS_H
#define TESTS_WS_H

#include "base/buf.h"
#include "loop/websocket.h"
#include "server.h"
#include "unit.h"

/* --- a client whose callbacks are written down --- */

extern gk_loop *ws_loop;
extern gk_websocket *ws_socket; /* freed when it is closed, unless ws_keep_after_end */
extern server *ws_peer;         /* stopped at the end */
extern mark ws_at;
extern gk_buf ws_story; /* "opened;message TEXT;closed CODE" */
extern gk_error ws_why; /* it was closed */
extern void (*ws_when_opened)(void);
extern void (*ws_when_message)(const char *text, size_t len);
extern bool ws_keep_after_end;

void ws_set_up(void);
void ws_tear_down(void);
void ws_on_closed(const gk_error *err, void *user);
gk_code ws_connect(const gk_websocket_opts *opts, gk_error *err);
/** Until the loop has nothing left; without an URL to /path?a=b of ws_peer. */
void ws_run_with(gk_websocket_opts opts);
void ws_run(void);
void ws_assert_story(const char *want);

/* --- a server --- */

extern char ws_heard[4096]; /* the client's handshake */

#define WS_TEXT  "\x81"
#define WS_CLOSE "\x88\x02\x03\xe8"

/** The upgrade is granted; false: the client went. */
bool ws_grant(int fd);
/** One frame of the client, unmasked and NUL-terminated. Returns its first byte, 0 at the end. */
unsigned ws_hear_frame(int fd, char *room, size_t size, size_t *len_ret);
/** Takes the client's answer to a close frame, and closes. */
void ws_finish(int fd);

#endif
