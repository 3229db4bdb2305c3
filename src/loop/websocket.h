/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A WebSocket client (wslay frames over a plain or TLS connection): text messages, callbacks on the loop.
 * Pings are answered; fragments are joined up to GK_MAX_WS_MESSAGE; a protocol violation closes with its code.
 */
#ifndef GK_LOOP_WEBSOCKET_H
#define GK_LOOP_WEBSOCKET_H

#include "loop/loop.h"

typedef struct gk_websocket gk_websocket;

typedef struct gk_websocket_opts {
	size_t size;
	const char *url;     /* ws://host:port/path or wss:// */
	const char *ca_file; /* NULL: the system's */
	uint64_t connect_ms; /* 0: GK_FETCH_CONNECT_MS, handshake included */
	uint64_t
		ping_ms; /* a ping after so long without traffic; no answer in as long: closed. 0: GK_WS_PING_MS */
	uint64_t close_ms; /* the peer's time to answer a close. 0: GK_WS_CLOSE_MS */
	void (*opened)(void *user);
	void (*message)(
		const char *text, size_t len, void *user); /* valid UTF-8, not NUL-terminated */
	/** The end, called exactly once unless gk_websocket_free() came first; `err` tells why: code GK_OK for an
	 * orderly close by the peer. Free the socket here or later. */
	void (*closed)(const gk_error *err, void *user);
	void *user;
} gk_websocket_opts;

/** Starts to connect. INVALID_ARGUMENT for a URL that is none; other failures come through `closed`. */
GK_MUST_USE gk_code gk_websocket_connect(
	gk_loop *loop, const gk_websocket_opts *opts, gk_websocket **ret, gk_error *err);
/** Queues a text message (copied). RESOURCE_EXHAUSTED when the peer has not taken GK_MAX_WS_MESSAGE bytes yet,
 * UNAVAILABLE when it is not open. */
GK_MUST_USE gk_code gk_websocket_send(
	gk_websocket *socket, const char *text, size_t len, gk_error *err);
/** Bytes queued and not yet taken by the peer. */
size_t gk_websocket_pending(const gk_websocket *socket);
/** Sends the close frame, flushes and ends; `closed` follows. */
void gk_websocket_close(gk_websocket *socket, unsigned code);
/** Ends at once, without callbacks. NULL is allowed; allowed inside a callback. */
void gk_websocket_free(gk_websocket *socket);

#endif
