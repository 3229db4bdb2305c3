/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "ws.h"

#include "loop/ws_handshake.h"

#include <stdio.h>
#include <sys/socket.h>

/* --- a client whose callbacks are written down --- */

gk_loop *ws_loop;
gk_websocket *ws_socket;
server *ws_peer;
mark ws_at;
gk_buf ws_story;
gk_error ws_why;
void (*ws_when_opened)(void);
void (*ws_when_message)(const char *text, size_t len);
bool ws_keep_after_end;

static void on_opened(void *user)
{
	(void)user;
	gk_buf_puts(&ws_story, "opened;");
	if (ws_when_opened)
		ws_when_opened();
}

static void on_message(const char *text, size_t len, void *user)
{
	(void)user;
	if (len > 100)
		gk_buf_printf(&ws_story, "message of %zu;", len);
	else
		gk_buf_printf(&ws_story, "message %.*s;", (int)len, text);
	if (ws_when_message)
		ws_when_message(text, len);
}

void ws_on_closed(const gk_error *err, void *user)
{
	(void)user;
	gk_buf_printf(&ws_story, "closed %s", gk_code_name(err->code));
	gk_error_copy(&ws_why, err);
	if (!ws_keep_after_end)
		gk_websocket_free(gk_steal(ws_socket));
}

void ws_set_up(void)
{
	ck_assert_int_eq(gk_loop_new(&ws_loop, NULL), GK_OK);
	gk_buf_init(&ws_story, 0);
	mark_set(&ws_at, 0);
	ws_when_opened = NULL;
	ws_when_message = NULL;
	ws_keep_after_end = false;
}

void ws_tear_down(void)
{
	gk_websocket_free(gk_steal(ws_socket));
	if (ws_peer)
		server_stop(gk_steal(ws_peer));
	gk_loop_free(ws_loop);
	gk_buf_done(&ws_story);
	gk_error_clear(&ws_why);
}

gk_code ws_connect(const gk_websocket_opts *opts, gk_error *err)
{
	gk_websocket_opts full = *opts;

	full.size = sizeof(full);
	full.opened = on_opened;
	full.message = on_message;
	full.closed = ws_on_closed;
	return gk_websocket_connect(ws_loop, &full, &ws_socket, err);
}

void ws_run_with(gk_websocket_opts opts)
{
	if (!opts.url)
		opts.url = server_url(ws_peer, "ws", "/path?a=b");
	ck_assert_int_eq(ws_connect(&opts, NULL), GK_OK);
	gk_loop_run(ws_loop);
}

void ws_run(void)
{
	ws_run_with((gk_websocket_opts){ 0 });
}

void ws_assert_story(const char *want)
{
	ck_assert_msg(ws_story.data && strcmp(ws_story.data, want) == 0, "%s (%s)", ws_story.data,
		ws_why.message);
}

/* --- a server --- */

char ws_heard[4096];

bool ws_grant(int fd)
{
	char accept[GK_WS_ACCEPT_SIZE], answer[512], key[GK_WS_KEY_SIZE];
	const char *field;

	if (!server_hear(fd, ws_heard, sizeof(ws_heard)))
		return false;
	field = strstr(ws_heard, "\r\nSec-WebSocket-Key: ");
	ck_assert_ptr_nonnull(field);
	memcpy(key, field + 21, sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	ck_assert(gk_ws_handshake_accept(key, accept));
	snprintf(answer, sizeof(answer),
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n"
		"Connection: keep-alive, upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		accept);
	server_say(fd, answer);
	return true;
}

static void read_fully(int fd, void *room, size_t len)
{
	if (len)
		ck_assert_int_eq(recv(fd, room, len, MSG_WAITALL), (ssize_t)len);
}

unsigned ws_hear_frame(int fd, char *room, size_t size, size_t *len_ret)
{
	unsigned char head[2], mask[4], longer[8];
	size_t len, extra;

	if (recv(fd, head, 2, MSG_WAITALL) != 2)
		return 0;
	ck_assert(head[1] & 0x80); /* a client masks */
	len = head[1] & 0x7f;
	extra = len == 126 ? 2 : len == 127 ? 8 : 0;
	read_fully(fd, longer, extra);
	for (size_t i = 0; i < extra; i++)
		len = i ? len << 8 | longer[i] : longer[i];
	read_fully(fd, mask, 4);
	ck_assert_uint_lt(len, size);
	read_fully(fd, room, len);
	for (size_t i = 0; i < len; i++)
		room[i] = (char)(room[i] ^ mask[i % 4]);
	room[len] = '\0';
	if (len_ret)
		*len_ret = len;
	return head[0];
}

void ws_finish(int fd)
{
	char room[256];

	ck_assert_uint_eq(ws_hear_frame(fd, room, sizeof(room), NULL), 0x88);
	ck_assert_mem_eq(room, "\x03\xe8", 2);
}
