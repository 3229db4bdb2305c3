/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Connections: what each is doing, and how long it may. */
#include "base/memory.h"
#include "server/http_internal.h"

#include <sys/socket.h>

#define CROWD   256 /* connections; fewer leave too little behind to look after */
#define TICK_MS 250

void gk_connection_enter(gk_connection *connection, gk_connection_state state)
{
	gk_http_listener *listener = connection->listener;

	TAILQ_REMOVE(&listener->connections[connection->state], connection, link);
	connection->state = state;
	connection->is_looked_at = false;
	connection->since_ms = gk_loop_now_ms(listener->loop);
	TAILQ_INSERT_TAIL(&listener->connections[state], connection, link);
}

/* libmicrohttpd sees the end of the stream and closes. */
static void hang_up_on(gk_connection *connection)
{
	shutdown(connection->fd, SHUT_RDWR);
	gk_connection_enter(connection, GK_CONNECTION_IDLE);
}

static void close_late(gk_http_listener *listener, gk_connection_state state, uint64_t limit_ms)
{
	uint64_t now = gk_loop_now_ms(listener->loop);
	gk_connection *oldest;

	while ((oldest = TAILQ_FIRST(&listener->connections[state])) != NULL &&
		now - oldest->since_ms >= limit_ms)
		hang_up_on(oldest);
}

static bool has_ended(const gk_connection *connection)
{
	char byte;

	return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* An end that came together with its request is missed by libmicrohttpd, which would wait for more until the idle limit.
 * Each connection is looked at once, when it has been idle for a tick: a busy one never is. */
static void close_half_closed(gk_http_listener *listener)
{
	uint64_t now = gk_loop_now_ms(listener->loop);
	gk_connection *at =
		TAILQ_LAST(&listener->connections[GK_CONNECTION_IDLE], gk_connection_list);
	gk_connection *before;

	for (; at && !at->is_looked_at; at = before) {
		before = TAILQ_PREV(at, gk_connection_list, link);
		if (now - at->since_ms < TICK_MS)
			continue;
		if (has_ended(at))
			hang_up_on(at);
		at->is_looked_at = true;
	}
}

/* After a crowd the heap is full of holes; what is free in it goes back to the system. */
static void give_back(gk_http_listener *listener)
{
	if (listener->connection_count > listener->peak)
		listener->peak = listener->connection_count;
	if (listener->peak < CROWD || listener->connection_count > listener->peak / 4)
		return;
	listener->peak = listener->connection_count;
	gk_memory_give_back();
}

static void tick(void *user)
{
	gk_http_listener *listener = user;

	close_half_closed(listener);
	close_late(listener, GK_CONNECTION_IDLE, listener->opts.idle_ms);
	close_late(listener, GK_CONNECTION_HEADERS, listener->opts.header_ms);
	close_late(listener, GK_CONNECTION_BODY, listener->opts.body_ms);
	give_back(listener);
	if (!listener->connection_count) {
		gk_timer_stop(listener->tick);
		listener->tick = NULL;
	}
	gk_http_run_soon(listener); /* its own time limits */
}

void gk_connections_watch(gk_http_listener *listener)
{
	if (listener->tick || listener->is_stopping)
		return;
	if (gk_timer_start(listener->loop, TICK_MS, TICK_MS, tick, listener, &listener->tick,
		    NULL) == GK_OK)
		gk_timer_unref(listener->tick);
}

void gk_connections_unwatch(gk_http_listener *listener)
{
	gk_timer_stop(listener->tick);
	listener->tick = NULL;
}
