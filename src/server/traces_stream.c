/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A live stream of one trace: what there is, then what comes (telemetry section 2.6). */
#include "server/traces_internal.h"

#include "base/buf.h"
#include "base/limits.h"

struct gk_trace_stream {
	gk_trace_watcher watcher; /* first */
	gk_traces *traces;
	gk_exchange *x; /* NULL: the client has gone */
	gk_scope *scope;
	gk_timer *ping;
	gk_buf early; /* events that came before the trace was loaded */
	bool is_loaded, is_watching, is_listed;
	unsigned refs; /* the exchange's and the fiber's */
	LIST_ENTRY(gk_trace_stream) link;
};

static void unref(gk_trace_stream *stream)
{
	if (--stream->refs)
		return;
	gk_scope_unref(stream->scope);
	gk_buf_done(&stream->early);
	gk_traces_unref(stream->traces);
	free((char *)stream->watcher.trace_id);
	free(stream);
}

/* Nothing is sent from here on. */
static void stop(gk_trace_stream *stream)
{
	if (stream->is_watching)
		gk_trace_store_unwatch(stream->traces->store, &stream->watcher);
	stream->is_watching = false;
	if (stream->is_listed)
		LIST_REMOVE(stream, link);
	stream->is_listed = false;
	if (stream->ping)
		gk_timer_stop(gk_steal(stream->ping));
	gk_scope_cancel(stream->scope, GK_CANCELLED);
}

static void hung_up(gk_exchange *x, void *user)
{
	gk_trace_stream *stream = user;

	(void)x;
	stream->x = NULL;
	stop(stream);
	unref(stream);
}

/* The client goes by the headers: what happens from then on comes as events, and the trace is of before. */
static void begin(gk_trace_stream *stream)
{
	stream->is_loaded = true;
	if (!stream->x)
		return;
	gk_exchange_set_header(stream->x, "Cache-Control", "no-cache");
	gk_exchange_begin(stream->x, 200, "text/event-stream");
}

void gk_trace_stream_end(gk_trace_stream *stream)
{
	gk_exchange *x;

	if (!stream->is_loaded)
		begin(stream);
	x = gk_steal(stream->x);
	stop(stream);
	if (x) {
		gk_exchange_end(x);
		unref(stream);
	}
}

static void put_frame(gk_buf *buf, const char *data, size_t len)
{
	gk_buf_puts(buf, "data: ");
	gk_buf_put(buf, data, len);
	gk_buf_puts(buf, "\n\n");
}

/* A client that does not read opens another stream, and begins with the whole trace again. */
static void on_event(gk_trace_watcher *watcher, const char *json, size_t len)
{
	gk_trace_stream *stream = (gk_trace_stream *)watcher;
	gk_buf *buf;

	if (!stream->x)
		return;
	buf = stream->is_loaded ? gk_exchange_buffer(stream->x) : &stream->early;
	if (buf->len > GK_MAX_WATCH_BUFFER) {
		gk_trace_stream_end(stream);
		return;
	}
	put_frame(buf, json, len);
	if (stream->is_loaded)
		gk_exchange_wrote(stream->x);
}

static void on_ping(void *user)
{
	gk_trace_stream *stream = user;

	if (stream->x && stream->is_loaded)
		gk_exchange_write(stream->x, ":\n\n", 3);
}

static void body(void *user)
{
	gk_trace_stream *stream = user;
	gk_auto_buf gk_buf trace = GK_BUF_INIT(0);
	gk_code rc =
		gk_trace_store_load(stream->traces->store, stream->watcher.trace_id, &trace, NULL);

	begin(stream);
	if (stream->x && rc == GK_OK && trace.len) {
		put_frame(gk_exchange_buffer(stream->x), trace.data, trace.len);
		gk_exchange_wrote(stream->x);
	}
	if (stream->x && stream->early.len)
		gk_exchange_write(stream->x, stream->early.data, stream->early.len);
	gk_buf_done(&stream->early);
	unref(stream);
}

static gk_code start(gk_trace_stream *stream, gk_exchange *x, gk_error *err)
{
	gk_traces *traces = stream->traces;
	gk_code rc;

	if (!gk_trace_store_watch(traces->store, &stream->watcher))
		return gk_error_set(
			err, GK_UNAVAILABLE, "more than %d live streams", GK_MAX_WATCHERS);
	stream->is_watching = true;
	LIST_INSERT_HEAD(&traces->streams, stream, link);
	stream->is_listed = true;
	rc = gk_timer_start(traces->loop, GK_WATCH_PING_MS, GK_WATCH_PING_MS, on_ping, stream,
		&stream->ping, err);
	if (rc != GK_OK)
		return rc;
	gk_timer_unref(stream->ping);
	stream->refs++;
	stream->x = x;
	gk_exchange_on_hangup(x, hung_up, stream);
	rc = gk_fiber_start(traces->loop, "trace stream", stream->scope, body, stream, NULL, err);
	if (rc != GK_OK) { /* nothing but what comes, then */
		begin(stream);
		unref(stream);
	}
	return GK_OK;
}

void gk_traces_stream(gk_exchange *x, gk_traces_door *door, const char *trace_id, size_t len)
{
	gk_trace_stream *stream = calloc(1, sizeof(*stream));
	gk_auto_error gk_error err = { 0 };
	gk_code rc = gk_trace_id_check(trace_id, len, &err);

	if (rc == GK_OK && stream) {
		stream->refs = 1;
		stream->traces = gk_traces_ref(door->traces);
		stream->watcher.event = on_event;
		stream->watcher.trace_id = strndup(trace_id, len);
		stream->scope = gk_scope_new(door->traces->loop, NULL);
	}
	if (rc == GK_OK && (!stream || !stream->watcher.trace_id || !stream->scope))
		rc = gk_error_no_memory(&err);
	if (rc == GK_OK)
		rc = start(stream, x, &err);
	if (rc == GK_OK)
		return;
	gk_traces_fail(x, &err);
	if (stream && stream->refs) {
		if (stream->scope)
			stop(stream);
		unref(stream);
	} else {
		free(stream);
	}
}

void gk_traces_drain(gk_traces *traces)
{
	gk_trace_stream *stream;

	traces->is_draining = true;
	while ((stream = LIST_FIRST(&traces->streams)))
		gk_trace_stream_end(stream);
}
