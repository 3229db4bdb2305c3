/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The frames of a WebSocket client, on memory (wslay inside): bytes of the peer go in and messages come out; messages
 * go in and bytes for the peer come out. Pings are answered, fragments joined, mistakes answered with a close frame. */
#ifndef GK_LOOP_WS_FRAMES_H
#define GK_LOOP_WS_FRAMES_H

#include "base/buf.h"

typedef struct gk_ws_frames gk_ws_frames;
/** Valid UTF-8, not NUL-terminated, borrowed for the call. gk_ws_frames_stop() is allowed, freeing is not. */
typedef void gk_ws_message_fn(const char *text, size_t len, void *user);

/** `max_message` 0: GK_MAX_WS_MESSAGE. NULL when memory ran out. */
gk_ws_frames *gk_ws_frames_new(size_t max_message, gk_ws_message_fn *message, void *user);
void gk_ws_frames_free(gk_ws_frames *frames);

/** Takes what the peer sent. After a failure nothing more is read; the close frame that tells the peer is queued.
 * UNAVAILABLE: a violation of the protocol, or what is no text; RESOURCE_EXHAUSTED: a message above the limit, too many
 * pings, no memory. */
GK_MUST_USE gk_code gk_ws_frames_feed(
	gk_ws_frames *frames, const char *data, size_t len, gk_error *err);
/** No more messages, whatever was fed. */
void gk_ws_frames_stop(gk_ws_frames *frames);

/** These queue (the text is copied). False: no memory, or a close frame has been queued before. */
GK_MUST_USE bool gk_ws_frames_send(gk_ws_frames *frames, const char *text, size_t len);
GK_MUST_USE bool gk_ws_frames_ping(gk_ws_frames *frames);
GK_MUST_USE bool gk_ws_frames_close(gk_ws_frames *frames, unsigned code);
/** Moves what is queued to `out`, up to some tens of kilobytes; call again when these are sent. False: no memory. */
GK_MUST_USE bool gk_ws_frames_fill(gk_ws_frames *frames, gk_buf *out);

/** Bytes of messages not yet moved. */
size_t gk_ws_frames_pending(const gk_ws_frames *frames);
/** The peer's close frame has come, and with which code (1005: none). */
bool gk_ws_frames_is_closed_by_peer(const gk_ws_frames *frames, unsigned *code_ret);
/** Our close frame has been moved to `out`. */
bool gk_ws_frames_has_closed(const gk_ws_frames *frames);

#endif
