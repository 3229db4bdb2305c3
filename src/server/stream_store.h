/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Where durable streams are recorded: the events of a run under an id, readable from the beginning by whoever has the id,
 * while they are written and for some time after. A contract, and its form in memory; one in SQLite comes with the store.
 */
#ifndef GK_SERVER_STREAM_STORE_H
#define GK_SERVER_STREAM_STORE_H

#include "loop/fiber.h"

typedef struct gk_stream_store gk_stream_store;
typedef struct gk_stream_writer gk_stream_writer;
typedef struct gk_stream_reader gk_stream_reader;

typedef enum gk_stream_kind {
	GK_STREAM_CHUNK,
	GK_STREAM_RESULT, /* the last: {"result": ...} */
	GK_STREAM_ERROR,  /* the last: {"error": ...} */
} gk_stream_kind;

typedef struct gk_stream_event {
	gk_stream_kind kind;
	const char *text; /* the event's JSON: {"message": ...} of a chunk; not NUL-terminated */
	size_t len;
} gk_stream_event;

typedef struct gk_stream_store_type {
	/** ALREADY_EXISTS; RESOURCE_EXHAUSTED when there are too many open ones. */
	gk_code (*open)(
		gk_stream_store *store, const char *id, gk_stream_writer **ret, gk_error *err);
	/** Copies the event. RESOURCE_EXHAUSTED when there is no room, never for the last event unless memory ran out. */
	GK_SUSPENDS gk_code (*append)(
		gk_stream_writer *writer, const gk_stream_event *event, gk_error *err);
	/** Without a last event before it, readers see an error UNAVAILABLE as the last. */
	void (*close)(gk_stream_writer *writer);
	/** NOT_FOUND when there is none of that id, or no more. */
	gk_code (*read)(
		gk_stream_store *store, const char *id, gk_stream_reader **ret, gk_error *err);
	/** The next event: parks until there is one. Its text lives until the next suspension. After the last one: none, so do
	 * not ask again. CANCELLED and the like when the fiber's scope was called off. */
	GK_SUSPENDS gk_code (*next)(gk_stream_reader *reader, gk_stream_event *ret, gk_error *err);
	void (*done)(gk_stream_reader *reader);
	void (*free)(gk_stream_store *store);
} gk_stream_store_type;

struct gk_stream_store {
	const gk_stream_store_type *type;
	unsigned refs;
};

gk_stream_store *gk_stream_store_ref(gk_stream_store *store);
/** NULL is allowed; readers and writers hold references. */
gk_stream_store *gk_stream_store_unref(gk_stream_store *store);

typedef struct gk_stream_memory_opts {
	size_t size;
	size_t max_streams; /* 0: GK_MAX_DURABLE_STREAMS; the oldest that has ended makes room */
	size_t max_bytes;   /* 0: GK_MAX_DURABLE_BYTES, of all together */
	uint64_t ttl_ms; /* 0: GK_DURABLE_STREAM_TTL_MS; after its end a stream is kept so long */
} gk_stream_memory_opts;
GK_MUST_USE gk_code gk_stream_memory_new(
	gk_loop *loop, const gk_stream_memory_opts *opts, gk_stream_store **ret, gk_error *err);

#endif
