/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Exchanges: the request as a handler reads it, the answer as it writes it, and how that reaches libmicrohttpd. */
#include "server/http_internal.h"

#include "base/clock.h"
#include "base/limits.h"
#include "json/write.h"

#include <stdio.h>

#define SPARE_CAPACITY (16u << 10) /* a buffer that grew beyond is not kept */
#define OUT_BLOCK      1024        /* libmicrohttpd's own buffer of a stream */
#define LINGERING      8           /* exchanges: each run of libmicrohttpd asks for all of them */

/* --- life --- */

static void recycle(gk_buf *buf)
{
	if (buf->cap > SPARE_CAPACITY)
		gk_buf_done(buf);
	else
		gk_buf_clear(buf);
}

gk_exchange *gk_exchange_new(gk_http_listener *listener, struct MHD_Connection *mhd,
	const char *method, const char *path)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	gk_exchange *x = listener->spare;
	gk_buf body = { 0 }, out = { 0 }, headers = { 0 };

	if (!info || !info->socket_context)
		return NULL;
	if (x) {
		body = x->body;
		out = x->out;
		headers = x->headers;
		listener->spare = NULL;
	} else {
		x = malloc(sizeof(*x));
		if (!x)
			return NULL;
	}
	*x = (gk_exchange){ .magic = GK_EXCHANGE_MAGIC,
		.listener = listener,
		.connection = info->socket_context,
		.mhd = mhd,
		.method = method,
		.path = path,
		.body = body,
		.out = out,
		.headers = headers };
	TAILQ_INIT(&x->waiters);
	listener->active++;
	return x;
}

static void unlist(gk_exchange *x)
{
	if (x->is_listed)
		LIST_REMOVE(x, link);
	x->is_listed = false;
}

static void leave_grace(gk_exchange *x)
{
	gk_http_listener *listener = x->listener;

	if (!x->is_fresh)
		return;
	x->is_fresh = false;
	TAILQ_REMOVE(&listener->fresh, x, fresh_link);
	if (TAILQ_EMPTY(&listener->fresh))
		gk_timer_pause(listener->grace);
}

/* A connection with a time limit of its own is one that libmicrohttpd asks before it sends what there is to send: an answer is
 * taken and sent in one run then. */
static void set_apart(gk_exchange *x, bool is_apart)
{
	MHD_set_connection_option(
		x->mhd, MHD_CONNECTION_OPTION_TIMEOUT, x->listener->idle_s + is_apart);
}

static void stop_lingering(gk_exchange *x)
{
	if (!x->is_lingering)
		return;
	x->is_lingering = false;
	x->listener->lingering--;
	set_apart(x, false);
}

static void stop_watching(gk_exchange *x)
{
	gk_poll_stop(x->hangup);
	x->hangup = NULL;
}

/* Nobody takes the rest: the owner is told, once, and fibers that wait for room go on. */
static void lose_client(gk_exchange *x)
{
	void (*fn)(gk_exchange *, void *) = x->on_hangup;
	gk_room_waiter *waiter;

	if (x->is_gone)
		return;
	x->is_gone = true;
	leave_grace(x);
	stop_watching(x);
	unlist(x);
	x->on_hangup = NULL;
	while ((waiter = TAILQ_FIRST(&x->waiters))) { /* the exchange may be gone when they run */
		waiter->is_gone = true;
		gk_fiber_wake(waiter->fiber);
		TAILQ_REMOVE(&x->waiters, waiter, link);
	}
	if (fn && !x->is_ended)
		fn(x, x->user);
}

void gk_exchange_complete(gk_exchange *x)
{
	gk_http_listener *listener = x->listener;

	lose_client(x);
	stop_lingering(x);
	if (x->start_ns && listener->opts.answered)
		listener->opts.answered(&(gk_http_answer){ listener->name, x->route, x->method,
						x->status, gk_clock_mono_ns() - x->start_ns },
			listener->opts.user);
	listener->active--;
	if (!x->is_dispatched)
		listener->coming -= x->body.len;
	free(gk_steal(x->host));
	x->magic = 0;
	recycle(&x->body);
	recycle(&x->out);
	recycle(&x->headers);
	if (!listener->spare && !listener->is_stopping) {
		listener->spare = x;
		return;
	}
	gk_buf_done(&x->body);
	gk_buf_done(&x->out);
	gk_buf_done(&x->headers);
	free(x);
}

/* --- suspending --- */

static void suspend(gk_exchange *x)
{
	stop_lingering(x);
	MHD_suspend_connection(x->mhd);
	x->is_suspended = true;
}

static void resume(gk_exchange *x)
{
	leave_grace(x);
	if (x->is_suspended) {
		x->is_suspended = false;
		MHD_resume_connection(x->mhd);
	} else if (!x->is_lingering) {
		return;
	}
	gk_http_run_soon(x->listener);
}

void gk_exchange_hang_up(gk_exchange *x)
{
	lose_client(x);
	resume(x);
}

static void on_hangup(void *user, unsigned events)
{
	gk_exchange *x = user;

	if (events & GK_POLL_HANGUP)
		gk_exchange_hang_up(x);
}

/* Watches for the client's end while there is something to wait for. Without memory for it the end is noticed later. */
static void watch(gk_exchange *x)
{
	if (x->hangup || x->is_gone)
		return;
	if (gk_poll_start(x->listener->loop, x->connection->fd, GK_POLL_HANGUP, on_hangup, x,
		    &x->hangup, NULL) != GK_OK)
		x->hangup = NULL;
}

/* --- the first moment of an answer --- */

static void on_grace_over(void *user)
{
	gk_http_listener *listener = user;
	uint64_t now = gk_loop_now_ms(listener->loop), age = 0;
	gk_exchange *x;

	while ((x = TAILQ_FIRST(&listener->fresh)) &&
		(age = now - x->connection->since_ms) >= GK_HTTP_GRACE_MS) {
		leave_grace(x);
		if (!x->is_held)
			watch(x);
		if (x->is_lingering || (x->is_begun && !x->is_held))
			resume(x);
	}
	if (x)
		gk_timer_again(listener->grace, GK_HTTP_GRACE_MS - age);
}

/* Most answers that do not end in their handler end in a moment. One that does is a single write of known length, and its
 * socket is not watched. True: it waits for that now. */
static bool give_grace(gk_exchange *x)
{
	gk_http_listener *listener = x->listener;

	if (x->was_fresh || x->out.len > x->out_read)
		return x->is_fresh;
	if (!listener->grace && gk_timer_start(listener->loop, GK_HTTP_GRACE_MS, 0, on_grace_over,
					listener, &listener->grace, NULL) != GK_OK)
		return false;
	if (TAILQ_EMPTY(&listener->fresh))
		gk_timer_again(listener->grace, GK_HTTP_GRACE_MS);
	x->is_fresh = x->was_fresh = true;
	TAILQ_INSERT_TAIL(&listener->fresh, x, fresh_link);
	return true;
}

/* Suspended, a connection leaves libmicrohttpd's epoll set; coming back it is taken for one that can be read, and when that
 * turns out to be wrong, for one that may be ready in the set again: six system calls, and two turns. So the first few
 * stay, with a request that has been read and no response. */
static bool linger(gk_exchange *x)
{
	gk_http_listener *listener = x->listener;

	if (!x->is_lingering && x->is_whole && listener->knows_layout &&
		listener->lingering < LINGERING) {
		x->is_lingering = true;
		listener->lingering++;
		set_apart(x, true);
	}
	return x->is_lingering;
}

/* --- to libmicrohttpd --- */

/* Bytes of a stream, as the client takes them. */
static ssize_t read_out(void *user, uint64_t position, char *data, size_t max)
{
	gk_exchange *x = user;
	size_t left = x->out.len - x->out_read;
	gk_room_waiter *waiter;

	(void)position;
	if (x->is_gone)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (!left) {
		if (x->out.failed)
			return MHD_CONTENT_READER_END_WITH_ERROR;
		if (x->is_ended)
			return MHD_CONTENT_READER_END_OF_STREAM;
		gk_buf_clear(&x->out);
		x->out_read = 0;
		if (x->out.cap > SPARE_CAPACITY)
			gk_buf_done(&x->out);
		suspend(x);
		return 0;
	}
	if (left > max)
		left = max;
	memcpy(data, x->out.data + x->out_read, left);
	x->out_read += left;
	gk_http_owe_runs(x->listener, 2);
	/* What was taken goes, now and then: a producer that stays ahead never empties the buffer. */
	if (x->out_read > GK_MAX_SINK / 4) {
		gk_buf_consume(&x->out, x->out_read);
		x->out_read = 0;
	}
	if (x->out.len - x->out_read <= GK_MAX_SINK / 2)
		TAILQ_FOREACH (waiter, &x->waiters, link)
			gk_fiber_wake(waiter->fiber);
	return (ssize_t)left;
}

static bool add_headers(gk_exchange *x, struct MHD_Response *response)
{
	for (size_t at = 0; at < x->headers.len;) {
		const char *name = x->headers.data + at, *value = name + strlen(name) + 1;

		if (MHD_add_response_header(response, name, value) != MHD_YES)
			return false;
		at += strlen(name) + strlen(value) + 2;
	}
	if (x->type &&
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, x->type) != MHD_YES)
		return false;
	if (x->listener->is_retired || x->is_refused)
		return MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") ==
		       MHD_YES;
	return true;
}

/* What has ended stays where it is until libmicrohttpd has completed the exchange. */
static struct MHD_Response *make_response(gk_exchange *x)
{
	if (!x->is_ended)
		return MHD_create_response_from_callback(
			MHD_SIZE_UNKNOWN, OUT_BLOCK, read_out, x, NULL);
	if (x->out.failed)
		return NULL;
	return MHD_create_response_from_buffer(
		x->out.len, x->out.len ? x->out.data : "", MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result queue(gk_exchange *x)
{
	struct MHD_Response *response = make_response(x);
	enum MHD_Result rc = MHD_NO;

	if (response && !x->headers.failed && add_headers(x, response))
		rc = MHD_queue_response(x->mhd, (unsigned)x->status, response);
	if (response)
		MHD_destroy_response(response);
	x->is_queued = rc == MHD_YES;
	stop_lingering(x);
	gk_http_owe_runs(x->listener, 2); /* to send it, and to end it */
	if (rc == MHD_YES && !x->is_ended)
		watch(x);
	return rc;
}

enum MHD_Result gk_exchange_continue(gk_exchange *x)
{
	if (x->is_gone)
		return MHD_NO;
	if (x->is_queued)
		return MHD_YES;
	if (x->is_begun && x->is_ended)
		return queue(x);
	if (!x->is_held && !give_grace(x)) {
		if (x->is_begun)
			return queue(x);
		watch(x);
	}
	if (!x->is_fresh || !linger(x))
		suspend(x);
	return MHD_YES;
}

static void refuse_large(gk_exchange *x)
{
	static const char text[] =
		"{\"status\":\"RESOURCE_EXHAUSTED\",\"message\":\"the request's body is too large\"}";

	if (x->listener->opts.too_large)
		x->listener->opts.too_large(x, x->listener->opts.user);
	else
		gk_exchange_reply(
			x, MHD_HTTP_CONTENT_TOO_LARGE, "application/json", text, sizeof(text) - 1);
}

static void refuse_crowded(gk_exchange *x)
{
	static const char text[] =
		"{\"status\":\"UNAVAILABLE\",\"message\":\"too many large requests at once\"}";

	gk_exchange_reply(
		x, MHD_HTTP_SERVICE_UNAVAILABLE, "application/json", text, sizeof(text) - 1);
}

enum MHD_Result gk_exchange_dispatch(gk_exchange *x)
{
	x->is_dispatched = true;
	x->listener->coming -= x->body.len;
	LIST_INSERT_HEAD(&x->listener->exchanges, x, link);
	x->is_listed = true;
	x->start_ns = gk_clock_mono_ns();
	if (x->is_crowded_out || x->body.failed)
		refuse_crowded(x);
	else if (x->is_too_large)
		refuse_large(x);
	else
		x->listener->opts.handle(x, x->listener->opts.user);
	return gk_exchange_continue(x);
}

enum MHD_Result gk_exchange_refuse(gk_exchange *x, int status, const char *text)
{
	x->is_dispatched = true;
	x->is_refused = true;
	gk_exchange_begin(x, status, "text/plain; charset=utf-8");
	gk_buf_puts(&x->out, text);
	x->is_ended = true;
	return queue(x);
}

/* --- the request --- */

void gk_exchange_set_route(gk_exchange *x, const char *route)
{
	x->route = route;
}

const char *gk_exchange_method(const gk_exchange *x)
{
	return x->method;
}

const char *gk_exchange_path(const gk_exchange *x)
{
	return x->path;
}

const char *gk_exchange_query(const gk_exchange *x, const char *name)
{
	const char *value = NULL;

	if (MHD_lookup_connection_value_n(
		    x->mhd, MHD_GET_ARGUMENT_KIND, name, strlen(name), &value, NULL) != MHD_YES)
		return NULL;
	return value ? value : "";
}

const char *gk_exchange_header(const gk_exchange *x, const char *name)
{
	if (x->host && strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0)
		return x->host;
	return MHD_lookup_connection_value(x->mhd, MHD_HEADER_KIND, name);
}

static enum MHD_Result collect(
	void *user, enum MHD_ValueKind kind, const char *name, const char *value)
{
	json_t *headers = user, *before;
	gk_auto_str char *lower = strdup(name);

	(void)kind;
	if (!lower || !value)
		return MHD_YES;
	for (char *c = lower; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
	before = json_object_get(headers, lower);
	json_object_set_new_nocheck(headers, lower,
		before ? json_sprintf("%s, %s", json_string_value(before), value)
		       : json_string(value));
	return MHD_YES;
}

json_t *gk_exchange_headers(const gk_exchange *x)
{
	json_t *headers = json_object();

	if (headers)
		MHD_get_connection_values(x->mhd, MHD_HEADER_KIND, collect, headers);
	if (headers && x->host)
		json_object_set_new_nocheck(headers, "host", json_string(x->host));
	return headers;
}

const char *gk_exchange_body(const gk_exchange *x, size_t *len_ret)
{
	*len_ret = x->body.len;
	return x->body.data ? x->body.data : "";
}

char *gk_exchange_take_body(gk_exchange *x, size_t *len_ret)
{
	return gk_buf_take(&x->body, len_ret);
}

/* --- the answer --- */

void gk_exchange_set_header(gk_exchange *x, const char *name, const char *value)
{
	if (strpbrk(value, "\r\n"))
		return;
	gk_buf_put(&x->headers, name, strlen(name) + 1);
	gk_buf_put(&x->headers, value, strlen(value) + 1);
}

void gk_exchange_begin(gk_exchange *x, int status, const char *type)
{
	GK_CHECK(x, GK_EXCHANGE_MAGIC);
	assert(!x->is_begun);
	x->status = status;
	x->type = type;
	x->is_begun = true;
	if (!x->is_fresh)
		resume(x);
}

gk_buf *gk_exchange_buffer(gk_exchange *x)
{
	return &x->out;
}

void gk_exchange_wrote(gk_exchange *x)
{
	if (x->is_gone)
		gk_buf_clear(&x->out);
	else
		resume(x);
}

void gk_exchange_write(gk_exchange *x, const void *data, size_t len)
{
	GK_CHECK(x, GK_EXCHANGE_MAGIC);
	if (x->is_gone)
		return;
	gk_buf_put(&x->out, data, len);
	resume(x);
}

gk_code gk_exchange_wait_room(gk_exchange *x, gk_error *err)
{
	gk_room_waiter waiter = { 0 };
	gk_code rc = GK_OK;

	if (!x->is_gone && x->out.len - x->out_read <= GK_MAX_SINK)
		return GK_OK;
	if (x->is_gone)
		return gk_error_set(err, GK_CANCELLED, "the client has gone");
	waiter.fiber = gk_fiber_self();
	TAILQ_INSERT_TAIL(&x->waiters, &waiter, link);
	while (rc == GK_OK && !waiter.is_gone && x->out.len - x->out_read > GK_MAX_SINK / 2)
		rc = gk_fiber_park(err);
	if (waiter.is_gone)
		return gk_error_set(err, GK_CANCELLED, "the client has gone");
	TAILQ_REMOVE(&x->waiters, &waiter, link);
	return rc;
}

void gk_exchange_hold(gk_exchange *x)
{
	if (!x->is_lingering)
		leave_grace(x);
	x->is_held = true;
}

void gk_exchange_end(gk_exchange *x)
{
	GK_CHECK(x, GK_EXCHANGE_MAGIC);
	x->is_ended = true;
	x->on_hangup = NULL;
	resume(x);
}

void gk_exchange_reply(gk_exchange *x, int status, const char *type, const void *data, size_t len)
{
	gk_exchange_begin(x, status, type);
	gk_buf_put(&x->out, data, len);
	gk_exchange_end(x);
}

void gk_exchange_reply_json(gk_exchange *x, int status, const json_t *value)
{
	gk_exchange_begin(x, status, "application/json");
	gk_json_append(&x->out, value);
	gk_exchange_end(x);
}

void gk_exchange_on_hangup(gk_exchange *x, void (*fn)(gk_exchange *x, void *user), void *user)
{
	x->on_hangup = fn;
	x->user = user;
}
