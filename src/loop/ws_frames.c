/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * wslay reads frames, checks them (masks, reserved bits, order, UTF-8) and answers pings and closes. Messages are put
 * together here and not there: its list of fragments would take eighty bytes for each fragment of one byte.
 */
#include "loop/ws_frames.h"

#include "base/id.h"
#include "base/limits.h"

#include <wslay/wslay.h>

#define ENOUGH_OUT  (64u << 10)
#define KEEP_BUFFER (256u << 10) /* a larger one is given back once it is empty */

struct gk_ws_frames {
	wslay_event_context_ptr wslay;
	gk_ws_message_fn *message;
	void *user;
	size_t max;
	bool is_stopped;
	bool is_control; /* the frame that is being read */
	gk_buf text;     /* the message that is being read */
	unsigned pings;  /* since everything was moved to the peer */
	const char *in;  /* what is being fed */
	size_t in_len;
	gk_buf *out; /* what is being filled */
	gk_code failed;
	const char *why;
};

/* Reads no further, and tells the peer. */
static void fail(gk_ws_frames *frames, unsigned close_code, gk_code code, const char *why)
{
	if (frames->failed == GK_OK) {
		frames->failed = code;
		frames->why = why;
	}
	wslay_event_shutdown_read(frames->wslay);
	wslay_event_queue_close(frames->wslay, (uint16_t)close_code, NULL, 0);
}

/* --- wslay's callbacks --- */

static ssize_t on_want_bytes(
	wslay_event_context_ptr wslay, uint8_t *room, size_t size, int flags, void *user)
{
	gk_ws_frames *frames = user;

	(void)flags;
	if (!frames->in_len) {
		wslay_event_set_error(wslay, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	if (size > frames->in_len)
		size = frames->in_len;
	memcpy(room, frames->in, size);
	frames->in += size;
	frames->in_len -= size;
	return (ssize_t)size;
}

static ssize_t on_have_bytes(
	wslay_event_context_ptr wslay, const uint8_t *data, size_t len, int flags, void *user)
{
	gk_ws_frames *frames = user;

	(void)flags;
	if (frames->out->len >= ENOUGH_OUT) {
		wslay_event_set_error(wslay, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	gk_buf_put(frames->out, data, len);
	if (gk_buf_failed(frames->out)) {
		wslay_event_set_error(wslay, WSLAY_ERR_CALLBACK_FAILURE);
		return -1;
	}
	return (ssize_t)len;
}

static int on_want_mask(wslay_event_context_ptr wslay, uint8_t *room, size_t len, void *user)
{
	(void)wslay;
	(void)user;
	gk_random_bytes(room, len);
	return 0;
}

static void on_frame_start(wslay_event_context_ptr wslay,
	const struct wslay_event_on_frame_recv_start_arg *frame, void *user)
{
	gk_ws_frames *frames = user;

	(void)wslay;
	frames->is_control = wslay_is_ctrl_frame(frame->opcode);
	if (frame->opcode == WSLAY_BINARY_FRAME)
		fail(frames, WSLAY_CODE_UNSUPPORTED_DATA, GK_UNAVAILABLE,
			"the peer sent a message that is not text");
	else if (!frames->is_control && frame->payload_length > frames->max - frames->text.len)
		fail(frames, WSLAY_CODE_MESSAGE_TOO_BIG, GK_RESOURCE_EXHAUSTED,
			"the peer sent a message that is too long");
}

static void on_frame_bytes(wslay_event_context_ptr wslay,
	const struct wslay_event_on_frame_recv_chunk_arg *chunk, void *user)
{
	gk_ws_frames *frames = user;

	(void)wslay;
	if (frames->is_control || frames->failed != GK_OK || frames->is_stopped)
		return;
	gk_buf_put(&frames->text, chunk->data, chunk->data_length);
	if (gk_buf_failed(&frames->text))
		fail(frames, WSLAY_CODE_INTERNAL_SERVER_ERROR, GK_RESOURCE_EXHAUSTED,
			"out of memory");
}

static void on_message(wslay_event_context_ptr wslay,
	const struct wslay_event_on_msg_recv_arg *message, void *user)
{
	gk_ws_frames *frames = user;

	(void)wslay;
	if (frames->failed != GK_OK || frames->is_stopped)
		return;
	if (message->opcode == WSLAY_PING && ++frames->pings > GK_MAX_WS_PINGS)
		fail(frames, WSLAY_CODE_POLICY_VIOLATION, GK_RESOURCE_EXHAUSTED,
			"the peer sends pings and does not take the answers");
	if (message->opcode != WSLAY_TEXT_FRAME)
		return;
	frames->message(frames->text.data ? frames->text.data : "", frames->text.len, frames->user);
	if (frames->text.cap > KEEP_BUFFER)
		gk_buf_done(&frames->text);
	else
		gk_buf_clear(&frames->text);
}

/* --- life --- */

gk_ws_frames *gk_ws_frames_new(size_t max_message, gk_ws_message_fn *message, void *user)
{
	static const struct wslay_event_callbacks callbacks = {
		.recv_callback = on_want_bytes,
		.send_callback = on_have_bytes,
		.genmask_callback = on_want_mask,
		.on_frame_recv_start_callback = on_frame_start,
		.on_frame_recv_chunk_callback = on_frame_bytes,
		.on_msg_recv_callback = on_message,
	};
	gk_ws_frames *frames = calloc(1, sizeof(*frames));

	if (!frames)
		return NULL;
	if (wslay_event_context_client_init(&frames->wslay, &callbacks, frames) != 0) {
		free(frames);
		return NULL;
	}
	frames->max = max_message ? max_message : GK_MAX_WS_MESSAGE;
	frames->message = message;
	frames->user = user;
	wslay_event_config_set_no_buffering(frames->wslay, 1);
	wslay_event_config_set_max_recv_msg_length(frames->wslay, UINT64_MAX >> 1);
	return frames;
}

void gk_ws_frames_free(gk_ws_frames *frames)
{
	if (!frames)
		return;
	wslay_event_context_free(frames->wslay);
	gk_buf_done(&frames->text);
	free(frames);
}

/* --- in --- */

gk_code gk_ws_frames_feed(gk_ws_frames *frames, const char *data, size_t len, gk_error *err)
{
	int result;

	if (frames->is_stopped)
		return GK_OK;
	frames->in = data;
	frames->in_len = len;
	result = wslay_event_recv(frames->wslay);
	frames->in_len = 0;
	if (frames->failed == GK_OK && !frames->is_stopped) {
		if (result == WSLAY_ERR_NOMEM)
			fail(frames, WSLAY_CODE_INTERNAL_SERVER_ERROR, GK_RESOURCE_EXHAUSTED,
				"out of memory");
		else if (result != 0 || (!wslay_event_get_read_enabled(frames->wslay) &&
						!wslay_event_get_close_received(frames->wslay)))
			fail(frames, WSLAY_CODE_PROTOCOL_ERROR, GK_UNAVAILABLE,
				"the peer violated the WebSocket protocol");
	}
	if (frames->failed != GK_OK)
		return gk_error_set(err, frames->failed, "%s", frames->why);
	return GK_OK;
}

void gk_ws_frames_stop(gk_ws_frames *frames)
{
	frames->is_stopped = true;
	wslay_event_shutdown_read(frames->wslay);
}

bool gk_ws_frames_is_closed_by_peer(const gk_ws_frames *frames, unsigned *code_ret)
{
	if (!wslay_event_get_close_received(frames->wslay))
		return false;
	*code_ret = wslay_event_get_status_code_received(frames->wslay);
	return true;
}

/* --- out --- */

static bool queue(gk_ws_frames *frames, uint8_t opcode, const char *data, size_t len)
{
	struct wslay_event_msg message = { opcode, (const uint8_t *)data, len };

	return wslay_event_queue_msg(frames->wslay, &message) == 0;
}

bool gk_ws_frames_send(gk_ws_frames *frames, const char *text, size_t len)
{
	return queue(frames, WSLAY_TEXT_FRAME, text, len);
}

bool gk_ws_frames_ping(gk_ws_frames *frames)
{
	return queue(frames, WSLAY_PING, "", 0);
}

bool gk_ws_frames_close(gk_ws_frames *frames, unsigned code)
{
	return wslay_event_queue_close(frames->wslay, (uint16_t)code, NULL, 0) == 0;
}

bool gk_ws_frames_fill(gk_ws_frames *frames, gk_buf *out)
{
	int result;

	frames->out = out;
	result = wslay_event_send(frames->wslay);
	frames->out = NULL;
	if (!wslay_event_want_write(frames->wslay))
		frames->pings = 0;
	return result == 0;
}

size_t gk_ws_frames_pending(const gk_ws_frames *frames)
{
	return wslay_event_get_queued_msg_length(frames->wslay);
}

bool gk_ws_frames_has_closed(const gk_ws_frames *frames)
{
	return wslay_event_get_close_sent(frames->wslay);
}
