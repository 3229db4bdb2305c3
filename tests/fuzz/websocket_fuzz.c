/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What a peer may send over a WebSocket: the first byte chooses the answer to the handshake or frames, the second where
 * the bytes are cut. */
#include "loop/ws_frames.h"
#include "loop/ws_handshake.h"

#include <stdint.h>

#define MAX 4096 /* of a message */

static void on_message(const char *text, size_t len, void *user)
{
	size_t *seen = user;

	(void)text;
	if (len > MAX)
		abort();
	++*seen;
}

static void feed_frames(const char *data, size_t len, size_t step)
{
	size_t seen = 0;
	gk_ws_frames *frames = gk_ws_frames_new(MAX, on_message, &seen);
	gk_auto_buf gk_buf out = GK_BUF_INIT(0);
	gk_code rc = GK_OK;
	unsigned code;

	if (!frames)
		return;
	for (size_t at = 0; at < len && rc == GK_OK; at += step) {
		rc = gk_ws_frames_feed(frames, data + at, len - at < step ? len - at : step, NULL);
		if (!gk_ws_frames_fill(frames, &out))
			break;
		if (seen == 3 && !gk_ws_frames_send(frames, "three", 5))
			seen++; /* a close was queued before */
		gk_buf_clear(&out);
	}
	gk_ws_frames_is_closed_by_peer(frames, &code);
	gk_ws_frames_free(frames);
}

static void feed_handshake(const char *data, size_t len, size_t step)
{
	gk_ws_handshake handshake;
	bool granted = false;
	size_t used;
	gk_code rc = GK_OK;

	gk_ws_handshake_init(&handshake);
	for (size_t at = 0; at < len && rc == GK_OK && !granted; at += step) {
		size_t piece = len - at < step ? len - at : step;

		used = 0;
		rc = gk_ws_handshake_push(&handshake, data + at, piece, &granted, &used, NULL);
		if (rc == GK_OK && granted && used > piece)
			abort();
	}
	gk_ws_handshake_done(&handshake);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	(data[0] & 1 ? feed_frames : feed_handshake)(
		(const char *)data + 2, size - 2, 1 + data[1] % 64);
	return 0;
}
