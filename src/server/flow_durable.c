/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Durable streams: the run writes into a record, and every client, the first like the one that comes back, is a fiber
 * that follows the record. So a client that goes takes nothing with it but its fiber.
 */
#include "server/flows_internal.h"

#include "base/id.h"
#include "base/log.h"
#include "core/owner.h"
#include "server/wire.h"

#include <stdio.h>

#define PUT(buf, literal) gk_buf_put(buf, literal, sizeof(literal) - 1)

/* --- the run's side --- */

typedef struct recording {
	gk_sink sink; /* first: the run knows only this */
	gk_stream_store *store;
	gk_stream_writer *writer;
	gk_buf text;
} recording;

static void free_recording(recording *r)
{
	r->store->type->close(r->writer);
	gk_stream_store_unref(r->store);
	gk_buf_done(&r->text);
	free(r);
}

static gk_code record(recording *r, gk_stream_kind kind, gk_error *err)
{
	if (gk_buf_failed(&r->text))
		return gk_error_no_memory(err);
	return r->store->type->append(
		r->writer, &(gk_stream_event){ kind, r->text.data, r->text.len }, err);
}

static gk_code record_chunk(gk_sink *sink, gk_run *run, json_t *chunk, gk_error *err)
{
	recording *r = (recording *)sink;

	(void)run;
	gk_buf_clear(&r->text);
	if (!gk_flow_put_chunk(&r->text, chunk))
		return gk_error_set(err, GK_INTERNAL,
			"the chunk cannot be written as JSON: it is nested too deeply");
	return record(r, GK_STREAM_CHUNK, err);
}

static void record_end(gk_sink *sink, gk_run *run)
{
	recording *r = (recording *)sink;
	gk_auto_error gk_error err = { 0 };

	gk_buf_clear(&r->text);
	if (record(r, gk_flow_put_end(&r->text, run), &err) != GK_OK)
		gk_log(GK_LOG_ERROR, "flows", "the end of a durable stream is lost: %s",
			err.message ? err.message : "out of memory");
	free_recording(r);
}

static const gk_sink_type recording_sink = { .chunk = record_chunk, .done = record_end };

/* --- the client's side --- */

typedef struct follower {
	gk_exchange *x; /* NULL: the client has gone */
	gk_scope *scope;
	gk_stream_store *store;
	gk_stream_reader *reader;
	const char *error_frame;
} follower;

static void free_follower(follower *f)
{
	f->store->type->done(f->reader);
	gk_stream_store_unref(f->store);
	gk_scope_unref(f->scope);
	free(f);
}

static void hung_up(gk_exchange *x, void *user)
{
	follower *f = user;

	(void)x;
	f->x = NULL;
	gk_scope_cancel(f->scope, GK_CANCELLED);
}

static void write_event(follower *f, const gk_stream_event *event)
{
	gk_buf *buf = gk_exchange_buffer(f->x);

	gk_buf_puts(buf, event->kind == GK_STREAM_ERROR ? f->error_frame : "data: ");
	gk_buf_put(buf, event->text, event->len);
	PUT(buf, "\n\n");
	gk_exchange_wrote(f->x);
}

static void write_failure(gk_exchange *x, const char *frame, const gk_error *err)
{
	gk_buf *buf = gk_exchange_buffer(x);

	gk_buf_puts(buf, frame);
	PUT(buf, "{\"error\":");
	gk_wire_flow_error(buf, err);
	PUT(buf, "}\n\n");
	gk_exchange_wrote(x);
}

static void follow(void *user)
{
	follower *f = user;
	gk_stream_event event = { .kind = GK_STREAM_CHUNK };
	gk_auto_error gk_error err = { 0 };
	gk_code rc = GK_OK;

	while (rc == GK_OK && f->x && event.kind == GK_STREAM_CHUNK) {
		rc = gk_exchange_wait_room(f->x, &err);
		if (rc == GK_OK)
			rc = f->store->type->next(f->reader, &event, &err);
		if (rc == GK_OK && f->x)
			write_event(f, &event);
	}
	if (f->x) { /* no stream closes without its last frame */
		if (rc != GK_OK)
			write_failure(f->x, f->error_frame, &err);
		gk_exchange_end(f->x);
	}
	free_follower(f);
}

/* Begins the answer and follows. Consumes the reader. */
static void start_following(gk_flow_call *call, gk_stream_reader *reader, const char *id)
{
	gk_auto_error gk_error err = { 0 };
	gk_stream_store *store = call->settings->streams;
	gk_exchange *x = call->x;
	gk_loop *loop = gk_loop_self();
	follower *f = malloc(sizeof(*f));
	gk_scope *scope = gk_scope_new(loop, NULL);

	if (!f || !scope) {
		gk_error_no_memory(&err);
		gk_flow_reply_error(x, &err);
		gk_scope_unref(scope);
		store->type->done(reader);
		free(f);
		return;
	}
	*f = (follower){ .x = x,
		.scope = scope,
		.store = gk_stream_store_ref(store),
		.reader = reader,
		.error_frame = call->error_frame };
	gk_exchange_set_header(x, "x-genkit-stream-id", id);
	gk_flow_begin_stream(x);
	gk_exchange_on_hangup(x, hung_up, f);
	if (gk_fiber_start(loop, "stream", scope, follow, f, NULL, &err) != GK_OK) {
		write_failure(x, f->error_frame, &err);
		gk_exchange_end(x);
		free_follower(f);
	}
}

/* The name of a record: another identity, and another action, do not find it by its id. The caller frees it. */
static char *record_name(const gk_flow_call *call, const char *stream_id)
{
	gk_auto_str char *owner = gk_owner_of(call->context);
	char *name;

	if (!owner ||
		asprintf(&name, "%s\n%s\n%s", gk_action_key(call->action), stream_id, owner) < 0)
		return NULL;
	return name;
}

void gk_flow_resume(gk_flow_call *call, const char *stream_id)
{
	gk_auto_error gk_error err = { 0 };
	gk_stream_store *store = call->settings->streams;
	gk_auto_str char *name = record_name(call, stream_id);
	gk_stream_reader *reader;
	gk_code rc =
		name ? store->type->read(store, name, &reader, &err) : gk_error_no_memory(&err);

	if (rc == GK_OK)
		start_following(call, reader, stream_id);
	else if (rc == GK_NOT_FOUND)
		gk_exchange_reply(call->x, 204, NULL, "", 0);
	else
		gk_flow_reply_error(call->x, &err);
	gk_flow_call_free(call);
}

/* Makes the record, and the reader that is there before anything is in it. */
static gk_code prepare(gk_flow_call *call, const char *id, recording **ret,
	gk_stream_reader **reader_ret, gk_error *err)
{
	gk_stream_store *store = call->settings->streams;
	gk_auto_str char *name = record_name(call, id);
	recording *r = calloc(1, sizeof(*r));
	gk_code rc = r && name ? store->type->open(store, name, &r->writer, err)
			       : gk_error_no_memory(err);

	if (rc != GK_OK) {
		free(r);
		return rc;
	}
	r->sink.type = &recording_sink;
	r->store = gk_stream_store_ref(store);
	rc = store->type->read(store, name, reader_ret, err);
	if (rc != GK_OK) {
		free_recording(r);
		return rc;
	}
	*ret = r;
	return GK_OK;
}

void gk_flow_run_durable(gk_flow_call *call, const json_t *body)
{
	gk_auto_error gk_error err = { 0 };
	gk_run_opts opts = gk_flow_run_opts(call, body);
	gk_stream_store *store = call->settings->streams;
	gk_stream_reader *reader;
	recording *r;
	gk_run *run;
	char id[GK_UUID_SIZE];
	gk_code rc;

	gk_id_uuid(id);
	rc = prepare(call, id, &r, &reader, &err);
	if (rc == GK_OK) {
		opts.sink = &r->sink;
		rc = gk_run_start(&opts, &run, &err);
		if (rc == GK_OK) {
			gk_run_unref(run); /* nobody calls it off for its client */
			start_following(call, reader, id);
		} else {
			store->type->done(reader);
			free_recording(r);
		}
	}
	if (rc != GK_OK)
		gk_flow_reply_error(call->x, &err);
	gk_flow_call_free(call);
}
