/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * curl connects (TLS included) and then only carries bytes; the handshake and the frames are ours.
 *
 *	CONNECTING --> SHAKING --> OPEN --> CLOSING --> ENDED --> closed()
 *	     |            |          |  our close frame    ^
 *	     |            |          |  has been asked for |
 *	     |            |          '--> FAILING ---------|  a violation: what tells the peer is sent, and its end
 *	     '------------'--------------------------------'  is awaited, so that it can be read
 *
 * The end is always told from the loop, never from within a call of the user's or of curl's.
 */
#include "loop/websocket.h"

#include "base/limits.h"
#include "loop/multi.h"
#include "loop/url.h"
#include "loop/ws_frames.h"
#include "loop/ws_handshake.h"

#include <stdio.h>

#define GK_WEBSOCKET_MAGIC 0x77736f63u
#define READ_SIZE          16384u
#define READS_PER_EVENT    16 /* then others have their turn */

enum state {
	CONNECTING,
	SHAKING,
	OPEN,
	CLOSING,
	FAILING,
	ENDED
};

struct gk_websocket {
	unsigned magic;
	enum state state;
	gk_loop *loop;
	gk_multi multi;
	CURL *easy;
	gk_poll *poll;
	gk_url url;
	gk_timer timer; /* to connect, then to ping, then to close */
	gk_defer work;  /* sends what is queued, reads on, tells the end */
	gk_websocket_opts opts;

	gk_ws_handshake handshake;
	gk_ws_frames *frames;
	gk_buf out; /* not yet taken by the connection from `out_at` on */
	size_t out_at;
	uint64_t heard_ms;
	bool is_pinged;          /* and has not answered */
	bool reads_on;           /* there may be more that the descriptor does not show */
	bool has_asked_to_close; /* the close frame is with `frames` */
	unsigned watched;        /* events */
	unsigned close_code;

	gk_error why;
	bool is_in_callback, is_freed;
	char reason[CURL_ERROR_SIZE];
};

static const char *const schemes[2] = { "ws", "wss" };

/* --- the end --- */

static void release(gk_websocket *socket)
{
	gk_poll_stop(gk_steal(socket->poll));
	if (socket->easy) {
		gk_multi_remove(&socket->multi, socket->easy);
		curl_easy_cleanup(gk_steal(socket->easy));
	}
	gk_multi_close(&socket->multi);
	gk_timer_disarm(&socket->timer);
	gk_loop_undefer(socket->loop, &socket->work);
}

static void destroy(gk_websocket *socket)
{
	release(socket);
	gk_ws_frames_free(socket->frames);
	gk_ws_handshake_done(&socket->handshake);
	gk_url_done(&socket->url);
	gk_buf_done(&socket->out);
	gk_error_clear(&socket->why);
	socket->magic = 0;
	free(socket);
}

static void end(gk_websocket *socket)
{
	if (socket->state == ENDED)
		return;
	socket->state = ENDED;
	gk_poll_stop(gk_steal(socket->poll));
	gk_timer_disarm(&socket->timer);
	gk_loop_defer(socket->loop, &socket->work);
}

static void end_because(gk_websocket *socket, gk_code code, const char *what)
{
	if (socket->state != ENDED && socket->why.code == GK_OK)
		gk_error_set(&socket->why, code, "%s: %s", socket->url.shown, what);
	end(socket);
}

static void end_for_memory(gk_websocket *socket)
{
	if (socket->why.code == GK_OK)
		gk_error_no_memory(&socket->why);
	end(socket);
}

/* The first reason stays; the peer is told, and has some time to end. */
static void fail(gk_websocket *socket, gk_error *why)
{
	if (socket->why.code == GK_OK)
		gk_error_move(&socket->why, why);
	else
		gk_error_clear(why);
	gk_error_prefix(&socket->why, "%s: ", socket->url.shown);
	socket->state = FAILING;
	gk_timer_arm(&socket->timer, socket->opts.close_ms);
}

static void tell_end(gk_websocket *socket)
{
	void (*closed)(const gk_error *err, void *user) = socket->opts.closed;
	void *user = socket->opts.user;
	gk_auto_error gk_error why = { 0 };

	gk_error_move(&why, &socket->why);
	release(socket);
	if (closed)
		closed(&why, user); /* may have freed the socket */
}

/* The peer said goodbye: that is an orderly end when its reason is one. */
static void end_by_peer(gk_websocket *socket, unsigned code)
{
	char text[64];

	snprintf(text, sizeof(text), "the peer closed with code %u", code);
	if (code != 1000 && code != 1001 && code != 1005)
		end_because(socket, GK_UNAVAILABLE, text);
	end(socket);
}

/* The connection is gone. */
static void end_by_break(gk_websocket *socket)
{
	unsigned code;

	if (socket->frames && gk_ws_frames_is_closed_by_peer(socket->frames, &code))
		end_by_peer(socket, code);
	else
		end_because(socket, GK_UNAVAILABLE, "the connection broke");
}

/* Both sides have said goodbye. */
static void end_when_closed(gk_websocket *socket)
{
	unsigned code;

	if (socket->frames && gk_ws_frames_has_closed(socket->frames) &&
		gk_ws_frames_is_closed_by_peer(socket->frames, &code))
		end_by_peer(socket, code);
}

/* --- out --- */

static void watch(gk_websocket *socket, unsigned events)
{
	if (socket->poll && socket->watched != events)
		gk_poll_update(socket->poll, events);
	socket->watched = events;
}

/* False when the connection takes no more for now, or has ended. */
static bool send_out(gk_websocket *socket)
{
	while (socket->out_at < socket->out.len) {
		size_t n = 0;
		CURLcode code = curl_easy_send(socket->easy, socket->out.data + socket->out_at,
			socket->out.len - socket->out_at, &n);

		if (code == CURLE_AGAIN || (code == CURLE_OK && !n)) {
			watch(socket, GK_POLL_READ | GK_POLL_WRITE);
			return false;
		}
		if (code != CURLE_OK) {
			end_by_break(socket);
			return false;
		}
		socket->out_at += n;
	}
	gk_buf_clear(&socket->out);
	socket->out_at = 0;
	return true;
}

/* Once everything before it is on its way. */
static void ask_to_close(gk_websocket *socket)
{
	if (socket->state != CLOSING || socket->has_asked_to_close ||
		gk_ws_frames_pending(socket->frames))
		return;
	socket->has_asked_to_close = true;
	/* It fails when the peer was first, who is being answered; without memory the timer ends it. */
	if (!gk_ws_frames_close(socket->frames, socket->close_code))
		return;
}

static void flush(gk_websocket *socket)
{
	while (socket->state != ENDED && send_out(socket)) {
		ask_to_close(socket);
		if (socket->frames && !gk_ws_frames_fill(socket->frames, &socket->out)) {
			end_for_memory(socket);
			return;
		}
		if (!socket->out.len) {
			watch(socket, GK_POLL_READ);
			end_when_closed(socket);
			return;
		}
	}
}

/* --- in --- */

static void on_message(const char *text, size_t len, void *user)
{
	gk_websocket *socket = user;

	socket->is_in_callback = true;
	if (socket->opts.message)
		socket->opts.message(text, len, socket->opts.user);
	socket->is_in_callback = false;
	if (socket->is_freed)
		gk_ws_frames_stop(socket->frames);
}

static void open_up(gk_websocket *socket)
{
	socket->frames = gk_ws_frames_new(0, on_message, socket);
	if (!socket->frames) {
		end_for_memory(socket);
		return;
	}
	gk_ws_handshake_done(&socket->handshake);
	socket->state = OPEN;
	gk_timer_arm(&socket->timer, socket->opts.ping_ms);
	socket->is_in_callback = true;
	if (socket->opts.opened)
		socket->opts.opened(socket->opts.user);
	socket->is_in_callback = false;
}

static void take_bytes(gk_websocket *socket, const char *data, size_t len)
{
	gk_auto_error gk_error why = { 0 };
	bool granted;
	size_t used = 0;

	socket->heard_ms = gk_loop_now_ms(socket->loop);
	socket->is_pinged = false;
	if (socket->state == SHAKING) {
		if (gk_ws_handshake_push(&socket->handshake, data, len, &granted, &used, &why) !=
			GK_OK) {
			gk_error_move(&socket->why, &why);
			gk_error_prefix(&socket->why, "%s: ", socket->url.shown);
			end(socket);
			return;
		}
		if (!granted)
			return;
		open_up(socket);
	}
	if (socket->is_freed || (socket->state != OPEN && socket->state != CLOSING))
		return; /* of a peer that failed nothing is read any more */
	if (gk_ws_frames_feed(socket->frames, data + used, len - used, &why) != GK_OK &&
		!socket->is_freed)
		fail(socket, &why);
}

/* TLS may hold bytes that the descriptor does not show: it is read until there is nothing, in bounded turns. */
static void read_in(gk_websocket *socket)
{
	char room[READ_SIZE];

	socket->reads_on = false;
	for (int i = 0; i < READS_PER_EVENT && socket->state != ENDED; i++) {
		size_t n = 0;
		CURLcode code = curl_easy_recv(socket->easy, room, sizeof(room), &n);

		if (code == CURLE_AGAIN)
			return;
		if (code != CURLE_OK || !n) {
			end_by_break(socket);
			return;
		}
		take_bytes(socket, room, n);
		if (socket->is_freed)
			return;
	}
	socket->reads_on = true;
	gk_loop_defer(socket->loop, &socket->work);
}

/* After whatever may have called the user back. */
static void settle(gk_websocket *socket)
{
	if (socket->is_freed)
		destroy(socket);
	else if (socket->state != ENDED)
		flush(socket);
}

static void on_ready(void *user, unsigned events)
{
	gk_websocket *socket = user;

	GK_CHECK(socket, GK_WEBSOCKET_MAGIC);
	if (events & GK_POLL_HANGUP) /* the poll has stopped: reading or sending will tell why */
		gk_poll_update(socket->poll, socket->watched);
	if (events & (GK_POLL_READ | GK_POLL_HANGUP))
		read_in(socket);
	settle(socket);
}

static void on_work(void *user)
{
	gk_websocket *socket = user;

	GK_CHECK(socket, GK_WEBSOCKET_MAGIC);
	if (socket->state == ENDED) {
		tell_end(socket);
		return;
	}
	if (socket->reads_on)
		read_in(socket);
	settle(socket);
}

/* --- time --- */

static void keep_alive(gk_websocket *socket)
{
	uint64_t quiet = gk_loop_now_ms(socket->loop) - socket->heard_ms;

	if (quiet < socket->opts.ping_ms) {
		gk_timer_arm(&socket->timer, socket->opts.ping_ms - quiet);
		return;
	}
	if (socket->is_pinged) {
		end_because(socket, GK_UNAVAILABLE, "the peer does not answer");
		return;
	}
	socket->is_pinged = true;
	if (!gk_ws_frames_ping(socket->frames)) {
		end_for_memory(socket);
		return;
	}
	gk_timer_arm(&socket->timer, socket->opts.ping_ms);
	flush(socket);
}

static void on_time(void *user)
{
	gk_websocket *socket = user;

	GK_CHECK(socket, GK_WEBSOCKET_MAGIC);
	switch (socket->state) {
	case CONNECTING:
	case SHAKING:
		end_because(socket, GK_DEADLINE_EXCEEDED, "not open in time");
		break;
	case OPEN:
		keep_alive(socket);
		break;
	case CLOSING:
		end_because(socket, GK_DEADLINE_EXCEEDED, "the peer does not answer the close");
		break;
	default:
		end(socket);
	}
}

/* --- the beginning --- */

static void shake_hands(gk_websocket *socket)
{
	curl_socket_t fd = CURL_SOCKET_BAD;
	gk_auto_error gk_error why = { 0 };
	gk_code rc;

	curl_easy_getinfo(socket->easy, CURLINFO_ACTIVESOCKET, &fd);
	if (fd == CURL_SOCKET_BAD) {
		end_because(socket, GK_UNAVAILABLE, "the connection broke");
		return;
	}
	rc = gk_poll_start(socket->loop, fd, GK_POLL_READ, on_ready, socket, &socket->poll, &why);
	if (rc == GK_OK)
		rc = gk_ws_handshake_ask(&socket->handshake, &socket->url, &socket->out, &why);
	if (rc != GK_OK) {
		gk_error_move(&socket->why, &why);
		end(socket);
		return;
	}
	socket->watched = GK_POLL_READ;
	socket->state = SHAKING;
	gk_loop_defer(socket->loop, &socket->work);
}

static void on_connected(CURL *easy, CURLcode result, void *user)
{
	gk_websocket *socket = user;

	(void)easy;
	if (socket->state != CONNECTING)
		return;
	if (result == CURLE_OUT_OF_MEMORY)
		end_for_memory(socket);
	else if (result != CURLE_OK)
		end_because(socket, GK_UNAVAILABLE,
			socket->reason[0] ? socket->reason : curl_easy_strerror(result));
	else
		shake_hands(socket);
}

static void on_failed(void *user)
{
	end_for_memory(user);
}

static bool prepare(gk_websocket *socket, const char *ca_file)
{
	CURL *easy = curl_easy_init();

	socket->easy = NULL;
	if (!easy)
		return false;
	if (!gk_multi_prepare(&socket->multi, easy) ||
		curl_easy_setopt(easy, CURLOPT_CURLU, socket->url.curl) != CURLE_OK ||
		curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L) != CURLE_OK ||
		curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) !=
			CURLE_OK ||
		curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, socket->reason) != CURLE_OK ||
		(ca_file && curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file) != CURLE_OK)) {
		curl_easy_cleanup(easy);
		return false;
	}
	socket->easy = easy;
	return true;
}

static gk_code start(gk_websocket *socket, gk_error *err)
{
	gk_code rc = gk_multi_open(&socket->multi, err);

	if (rc != GK_OK)
		return rc;
	if (!prepare(socket, socket->opts.ca_file))
		return gk_error_no_memory(err);
	rc = gk_multi_add(&socket->multi, socket->easy, err);
	if (rc != GK_OK)
		curl_easy_cleanup(gk_steal(socket->easy));
	return rc;
}

gk_code gk_websocket_connect(
	gk_loop *loop, const gk_websocket_opts *opts, gk_websocket **ret, gk_error *err)
{
	gk_websocket *socket = calloc(1, sizeof(*socket));
	gk_code rc;

	if (!socket)
		return gk_error_no_memory(err);
	socket->magic = GK_WEBSOCKET_MAGIC;
	socket->loop = loop;
	socket->opts = *opts;
	if (!opts->connect_ms)
		socket->opts.connect_ms = GK_FETCH_CONNECT_MS;
	if (!opts->ping_ms)
		socket->opts.ping_ms = GK_WS_PING_MS;
	if (!opts->close_ms)
		socket->opts.close_ms = GK_WS_CLOSE_MS;
	gk_multi_init(&socket->multi, loop);
	socket->multi.done = on_connected;
	socket->multi.failed = on_failed;
	socket->multi.user = socket;
	gk_timer_init(&socket->timer, loop, on_time, socket);
	socket->work = (gk_defer){ .fn = on_work, .user = socket };
	gk_ws_handshake_init(&socket->handshake);
	rc = gk_url_parse(opts->url, schemes, &socket->url, err);
	if (rc == GK_OK)
		rc = start(socket, err);
	if (rc != GK_OK) {
		destroy(socket);
		return rc;
	}
	gk_timer_arm(&socket->timer, socket->opts.connect_ms);
	*ret = socket;
	return GK_OK;
}

/* --- what the user asks for --- */

size_t gk_websocket_pending(const gk_websocket *socket)
{
	size_t queued = socket->frames ? gk_ws_frames_pending(socket->frames) : 0;

	return queued + socket->out.len - socket->out_at;
}

gk_code gk_websocket_send(gk_websocket *socket, const char *text, size_t len, gk_error *err)
{
	size_t pending = gk_websocket_pending(socket);

	GK_CHECK(socket, GK_WEBSOCKET_MAGIC);
	if (socket->state != OPEN)
		return gk_error_set(err, GK_UNAVAILABLE, "the WebSocket is not open");
	if (pending > GK_MAX_WS_MESSAGE || len > GK_MAX_WS_MESSAGE - pending)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"the peer has not taken %zu bytes yet", pending);
	if (!gk_ws_frames_send(socket->frames, text, len))
		return gk_error_no_memory(err);
	gk_loop_defer(socket->loop, &socket->work);
	return GK_OK;
}

void gk_websocket_close(gk_websocket *socket, unsigned code)
{
	GK_CHECK(socket, GK_WEBSOCKET_MAGIC);
	if (socket->state == CONNECTING || socket->state == SHAKING)
		end_because(socket, GK_CANCELLED, "closed before it was open");
	if (socket->state != OPEN)
		return;
	socket->state = CLOSING;
	socket->close_code = code ? code : 1000;
	gk_timer_arm(&socket->timer, socket->opts.close_ms);
	gk_loop_defer(socket->loop, &socket->work);
}

void gk_websocket_free(gk_websocket *socket)
{
	if (!socket)
		return;
	GK_CHECK(socket, GK_WEBSOCKET_MAGIC);
	if (socket->is_in_callback)
		socket->is_freed = true;
	else
		destroy(socket);
}
