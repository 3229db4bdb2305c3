/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The upgrade from HTTP to WebSocket, on memory: the request that asks for it and the answer that grants it. */
#ifndef GK_LOOP_WS_HANDSHAKE_H
#define GK_LOOP_WS_HANDSHAKE_H

#include "base/buf.h"
#include "loop/url.h"

#define GK_WS_KEY_SIZE    25
#define GK_WS_ACCEPT_SIZE 29

typedef struct gk_ws_handshake {
	char key[GK_WS_KEY_SIZE]; /* random */
	gk_buf answer;
} gk_ws_handshake;

void gk_ws_handshake_init(gk_ws_handshake *handshake);
void gk_ws_handshake_done(gk_ws_handshake *handshake);
/** Appends the request. */
GK_MUST_USE gk_code gk_ws_handshake_ask(
	const gk_ws_handshake *handshake, const gk_url *url, gk_buf *out, gk_error *err);
/** Takes bytes of the answer. `*granted_ret`: it is complete, and the bytes from `*used_ret` on are frames. UNAVAILABLE:
 * it does not grant the upgrade; RESOURCE_EXHAUSTED: it is longer than GK_MAX_WS_HANDSHAKE. */
GK_MUST_USE gk_code gk_ws_handshake_push(gk_ws_handshake *handshake, const char *data, size_t len,
	bool *granted_ret, size_t *used_ret, gk_error *err);
/** What a server answers to a key. */
GK_MUST_USE bool gk_ws_handshake_accept(const char *key, char ret[GK_WS_ACCEPT_SIZE]);

#endif
