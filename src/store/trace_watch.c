/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Live streams: what was saved of a trace, as events (telemetry section 2.6). */
#include "store/trace_store_internal.h"

#include "json/write.h"

typedef struct span_event {
	const gk_span_row *row;
	bool is_end;
	double time;
	size_t order; /* among equals, that of the post */
} span_event;

bool gk_trace_store_watch(gk_trace_store *store, gk_trace_watcher *watcher)
{
	if (store->watcher_count == GK_MAX_WATCHERS)
		return false;
	LIST_INSERT_HEAD(&store->watchers, watcher, link);
	store->watcher_count++;
	return true;
}

void gk_trace_store_unwatch(gk_trace_store *store, gk_trace_watcher *watcher)
{
	LIST_REMOVE(watcher, link);
	store->watcher_count--;
}

static int compare(const void *a, const void *b)
{
	const span_event *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	if (x->is_end != y->is_end)
		return x->is_end ? 1 : -1;
	return x->order < y->order ? -1 : 1;
}

/* A span that has ended is told twice, but for OpenTelemetry's. */
static size_t collect(const gk_trace_post *post, span_event *events)
{
	bool is_single = post->flags & GK_POST_OTLP;
	const gk_span_row *row;
	size_t count = 0;

	STAILQ_FOREACH (row, &post->rows, link) {
		bool has_ended = row->end_ms != 0;

		if (!row->is_accepted)
			continue;
		if (!is_single || !has_ended)
			events[count] = (span_event){ row, false, row->start_ms, count };
		count += !is_single || !has_ended;
		if (has_ended) {
			events[count] = (span_event){ row, true, row->end_ms, count };
			count++;
		}
	}
	qsort(events, count, sizeof(*events), compare);
	return count;
}

static bool is_watched(const gk_trace_store *store, const char *trace_id)
{
	const gk_trace_watcher *watcher;

	LIST_FOREACH (watcher, &store->watchers, link)
		if (strcmp(watcher->trace_id, trace_id) == 0)
			return true;
	return false;
}

static void send(gk_trace_store *store, const char *trace_id, const gk_buf *text)
{
	gk_trace_watcher *watcher, *next;

	for (watcher = LIST_FIRST(&store->watchers); watcher; watcher = next) {
		next = LIST_NEXT(watcher, link); /* it may leave in its callback */
		if (strcmp(watcher->trace_id, trace_id) != 0)
			continue;
		store->events++;
		watcher->event(watcher, text->data, text->len);
	}
}

void gk_trace_store_broadcast(gk_trace_store *store, const gk_trace_post *post)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	span_event *events;
	size_t count;

	if (!post->count || !is_watched(store, post->trace_id))
		return;
	events = calloc(2 * post->count, sizeof(*events));
	count = events ? collect(post, events) : 0;
	for (size_t i = 0; i < count; i++) {
		gk_buf_clear(&text);
		gk_buf_printf(&text,
			"{\"type\":\"span_%s\",\"traceId\":", events[i].is_end ? "end" : "start");
		gk_json_append_string(&text, post->trace_id, strlen(post->trace_id));
		gk_buf_puts(&text, ",\"span\":");
		gk_buf_put(&text, events[i].row->doc, events[i].row->doc_len);
		gk_buf_putc(&text, '}');
		if (!gk_buf_failed(&text))
			send(store, post->trace_id, &text);
	}
	free(events);
}
