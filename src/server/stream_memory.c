/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Durable streams in memory: each is one growing text of its events, read by any number of fibers. */
#include "server/stream_store.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/table.h"

#include <assert.h>

typedef struct memory memory;

typedef struct stream {
	unsigned refs; /* the table's, the writer's, each reader's */
	char *id;
	gk_buf log; /* header, text, header, text, ... */
	bool has_ended;
	uint64_t ended_ms;
	LIST_HEAD(, gk_stream_reader) readers;
	TAILQ_ENTRY(stream) link; /* in `ended`, oldest first */
} stream;

typedef struct header {
	size_t len;
	gk_stream_kind kind;
} header;

struct memory {
	gk_stream_store base; /* first */
	gk_loop *loop;
	gk_stream_memory_opts opts;
	gk_table *streams;
	TAILQ_HEAD(, stream) ended;
	size_t bytes; /* of all streams in the table */
	gk_timer *expiry;
};

struct gk_stream_writer {
	memory *store;
	stream *stream;
};

struct gk_stream_reader {
	memory *store;
	stream *stream;
	size_t at;
	gk_fiber *fiber; /* that waits in `next`; NULL: none */
	LIST_ENTRY(gk_stream_reader) link;
};

gk_stream_store *gk_stream_store_ref(gk_stream_store *store)
{
	store->refs++;
	return store;
}

gk_stream_store *gk_stream_store_unref(gk_stream_store *store)
{
	if (store && --store->refs == 0)
		store->type->free(store);
	return NULL;
}

static void unref_stream(void *user)
{
	stream *s = user;

	if (--s->refs)
		return;
	gk_buf_done(&s->log);
	free(s->id);
	free(s);
}

/* --- making room --- */

static void forget(memory *m, stream *s)
{
	m->bytes -= s->log.len;
	if (s->has_ended)
		TAILQ_REMOVE(&m->ended, s, link);
	gk_table_remove(m->streams, s->id);
}

static void expire(void *user)
{
	memory *m = user;
	uint64_t now = gk_loop_now_ms(m->loop);
	stream *s;

	while ((s = TAILQ_FIRST(&m->ended)) && s->ended_ms + m->opts.ttl_ms <= now)
		forget(m, s);
	if (s)
		gk_timer_again(m->expiry, s->ended_ms + m->opts.ttl_ms - now);
}

static bool make_room(memory *m, size_t bytes)
{
	while (m->bytes + bytes > m->opts.max_bytes) {
		if (bytes > m->opts.max_bytes || TAILQ_EMPTY(&m->ended))
			return false;
		forget(m, TAILQ_FIRST(&m->ended));
	}
	return true;
}

/* --- writing --- */

static gk_code open_stream(
	gk_stream_store *store, const char *id, gk_stream_writer **ret, gk_error *err)
{
	memory *m = (memory *)store;
	gk_stream_writer *writer;
	stream *s;

	if (gk_table_get(m->streams, id))
		return gk_error_set(err, GK_ALREADY_EXISTS, "stream %s exists already", id);
	if (gk_table_count(m->streams) >= m->opts.max_streams) {
		if (TAILQ_EMPTY(&m->ended))
			return gk_error_set(
				err, GK_RESOURCE_EXHAUSTED, "too many durable streams are open");
		forget(m, TAILQ_FIRST(&m->ended));
	}
	writer = calloc(1, sizeof(*writer));
	s = calloc(1, sizeof(*s));
	if (s)
		s->id = strdup(id);
	if (!writer || !s || !s->id || !gk_table_set(m->streams, id, s)) {
		free(writer);
		if (s)
			free(s->id);
		free(s);
		return gk_error_no_memory(err);
	}
	s->refs = 2;
	LIST_INIT(&s->readers);
	writer->store = m;
	writer->stream = s;
	gk_stream_store_ref(store);
	*ret = writer;
	return GK_OK;
}

static void wake_readers(stream *s)
{
	gk_stream_reader *reader;

	LIST_FOREACH (reader, &s->readers, link)
		if (reader->fiber)
			gk_fiber_wake(reader->fiber);
}

static void end_stream(memory *m, stream *s)
{
	gk_buf_trim(&s->log);
	s->has_ended = true;
	s->ended_ms = gk_loop_now_ms(m->loop);
	TAILQ_INSERT_TAIL(&m->ended, s, link);
	if (TAILQ_FIRST(&m->ended) == s)
		gk_timer_again(m->expiry, m->opts.ttl_ms);
}

static gk_code put(gk_stream_writer *writer, const gk_stream_event *event, gk_error *err)
{
	stream *s = writer->stream;
	header h = { .len = event->len, .kind = event->kind };
	size_t before = s->log.len;

	gk_buf_put(&s->log, &h, sizeof(h));
	gk_buf_put(&s->log, event->text, event->len);
	if (gk_buf_failed(&s->log)) {
		gk_buf_rewind(&s->log, before);
		return gk_error_no_memory(err);
	}
	writer->store->bytes += sizeof(h) + event->len;
	return GK_OK;
}

static gk_code append(gk_stream_writer *writer, const gk_stream_event *event, gk_error *err)
{
	memory *m = writer->store;
	stream *s = writer->stream;
	gk_code rc;

	assert(!s->has_ended);
	if (!make_room(m, sizeof(header) + event->len) && event->kind == GK_STREAM_CHUNK)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"durable streams have no room for another chunk");
	rc = put(writer, event, err);
	if (rc != GK_OK)
		return rc;
	if (event->kind != GK_STREAM_CHUNK)
		end_stream(m, s);
	wake_readers(s);
	return GK_OK;
}

static void close_stream(gk_stream_writer *writer)
{
	static const char lost[] =
		"{\"error\":{\"status\":\"UNAVAILABLE\",\"message\":\"the end of the stream was lost\"}}";
	memory *m = writer->store;
	stream *s = writer->stream;

	if (!s->has_ended &&
		append(writer, &(gk_stream_event){ GK_STREAM_ERROR, lost, sizeof(lost) - 1 },
			NULL) != GK_OK) {
		end_stream(m, s);
		wake_readers(s);
	}
	unref_stream(s);
	free(writer);
	gk_stream_store_unref(&m->base);
}

/* --- reading --- */

static gk_code read_stream(
	gk_stream_store *store, const char *id, gk_stream_reader **ret, gk_error *err)
{
	memory *m = (memory *)store;
	stream *s = gk_table_get(m->streams, id);
	gk_stream_reader *reader;

	if (!s)
		return gk_error_set(err, GK_NOT_FOUND, "Stream not found.");
	reader = calloc(1, sizeof(*reader));
	if (!reader)
		return gk_error_no_memory(err);
	gk_stream_store_ref(store);
	s->refs++;
	reader->store = m;
	reader->stream = s;
	LIST_INSERT_HEAD(&s->readers, reader, link);
	*ret = reader;
	return GK_OK;
}

static gk_code next(gk_stream_reader *reader, gk_stream_event *ret, gk_error *err)
{
	stream *s = reader->stream;
	header h;

	while (reader->at == s->log.len) {
		gk_code rc;

		if (s->has_ended)
			return gk_error_set(err, GK_UNAVAILABLE, "the end of the stream was lost");
		reader->fiber = gk_fiber_self();
		rc = gk_fiber_park(err);
		reader->fiber = NULL;
		if (rc != GK_OK)
			return rc;
	}
	memcpy(&h, s->log.data + reader->at, sizeof(h));
	*ret = (gk_stream_event){
		.kind = h.kind, .text = s->log.data + reader->at + sizeof(h), .len = h.len
	};
	reader->at += sizeof(h) + h.len;
	return GK_OK;
}

static void done(gk_stream_reader *reader)
{
	memory *m = reader->store;

	LIST_REMOVE(reader, link);
	unref_stream(reader->stream);
	free(reader);
	gk_stream_store_unref(&m->base);
}

/* --- life --- */

static void free_store(gk_stream_store *store)
{
	memory *m = (memory *)store;

	gk_timer_stop(m->expiry);
	if (m->streams)
		gk_table_free(m->streams);
	free(m);
}

static const gk_stream_store_type type = {
	.open = open_stream,
	.append = append,
	.close = close_stream,
	.read = read_stream,
	.next = next,
	.done = done,
	.free = free_store,
};

gk_code gk_stream_memory_new(
	gk_loop *loop, const gk_stream_memory_opts *opts, gk_stream_store **ret, gk_error *err)
{
	memory *m = calloc(1, sizeof(*m));
	gk_code rc = GK_OK;

	if (!m)
		return gk_error_no_memory(err);
	m->base = (gk_stream_store){ .type = &type, .refs = 1 };
	m->loop = loop;
	if (opts)
		m->opts = *opts;
	if (!m->opts.max_streams)
		m->opts.max_streams = GK_MAX_DURABLE_STREAMS;
	if (!m->opts.max_bytes)
		m->opts.max_bytes = GK_MAX_DURABLE_BYTES;
	if (!m->opts.ttl_ms)
		m->opts.ttl_ms = GK_DURABLE_STREAM_TTL_MS;
	TAILQ_INIT(&m->ended);
	m->streams = gk_table_new(unref_stream);
	rc = m->streams ? gk_timer_start(loop, m->opts.ttl_ms, 0, expire, m, &m->expiry, err)
			: gk_error_no_memory(err);
	if (rc != GK_OK) {
		free_store(&m->base);
		return rc;
	}
	gk_timer_unref(m->expiry);
	*ret = &m->base;
	return GK_OK;
}
