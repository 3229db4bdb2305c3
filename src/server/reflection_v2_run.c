/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Reflection v2: runAction and what goes with it. A call lives until its run has ended; its connection may end before,
 * after which nothing of it is sent any more, though cancelAction still finds the run by its trace id.
 */
#include "server/reflection_v2_internal.h"

#include "base/limits.h"
#include "base/log.h"
#include "server/wire.h"

#define PENDING_MS 5 /* how often a run looks whether a manager that is behind has caught up */

struct gk_v2_call {
	gk_sink sink;             /* first: the run knows only this */
	gk_reflection_v2 *client; /* NULL: its connection has ended */
	json_t *id;
	char *id_text; /* its name in `streams`; NULL: it has no input stream */
	gk_channel *input;
	bool is_stream;
	bool drops_chunks;
	LIST_ENTRY(gk_v2_call) link;
};

/* --- the sink --- */

static void begin_about(gk_v2_call *call, gk_buf *buf, const char *method)
{
	gk_rpc_begin_notification(buf, method);
	gk_buf_puts(buf, "{\"requestId\":");
	gk_wire_json(buf, call->id);
}

static void started(gk_sink *sink, gk_run *run)
{
	gk_v2_call *call = (gk_v2_call *)sink;
	gk_buf *buf;

	if (!call->client)
		return;
	buf = gk_v2_begin(call->client);
	begin_about(call, buf, "runActionState");
	gk_buf_printf(buf, ",\"state\":{\"traceId\":\"%s\"}}", gk_run_trace_id(run));
	gk_rpc_end(buf);
	gk_v2_send(call->client);
}

static gk_code wait_room(gk_v2_call *call, gk_error *err)
{
	gk_code rc = GK_OK;

	while (rc == GK_OK && !call->drops_chunks && call->client && call->client->is_open &&
		gk_websocket_pending(call->client->socket) > GK_MAX_SINK)
		rc = gk_fiber_sleep(PENDING_MS, err);
	return rc;
}

static gk_code chunk(gk_sink *sink, gk_run *run, json_t *value, gk_error *err)
{
	gk_v2_call *call = (gk_v2_call *)sink;
	gk_buf *buf;
	gk_code rc;

	(void)run;
	if (!call->is_stream)
		return GK_OK;
	rc = wait_room(call, err);
	if (rc != GK_OK || !call->client || call->drops_chunks)
		return rc;
	buf = gk_v2_begin(call->client);
	begin_about(call, buf, "streamChunk");
	gk_buf_puts(buf, ",\"chunk\":");
	if (!gk_wire_json(buf, value))
		return gk_error_set(err, GK_INTERNAL,
			"the chunk cannot be written as JSON: it is nested too deeply");
	gk_buf_putc(buf, '}');
	gk_rpc_end(buf);
	return gk_v2_send(call->client)
		       ? GK_OK
		       : gk_error_set(err, GK_RESOURCE_EXHAUSTED, "the chunk could not be sent");
}

static void let_go(gk_sink *sink, gk_run *run)
{
	(void)run;
	((gk_v2_call *)sink)->drops_chunks = true;
}

static void fail(gk_v2_call *call, const gk_run *run, const gk_error *err)
{
	if (gk_run_is_not_found(run))
		gk_v2_send_error(call->client, call->id, GK_RPC_INVALID_PARAMS,
			err->message ? err->message : "action not found");
	else
		gk_v2_send_failure(call->client, call->id, err, gk_run_trace_id(run),
			gk_app_is_dev(gk_run_app(run)) ? gk_run_key(run) : NULL);
}

static void answer(gk_v2_call *call, const gk_run *run)
{
	static const gk_error too_large = { .code = GK_RESOURCE_EXHAUSTED,
		.message = (char *)"the result is too large to be sent" };
	const gk_error *err = gk_run_error_peek(run);
	gk_buf *buf;

	if (err) {
		fail(call, run, err);
		return;
	}
	buf = gk_v2_begin(call->client);
	gk_rpc_begin_result(buf);
	if (!gk_wire_result(buf, run)) {
		fail(call, run, &gk_wire_too_deep);
		return;
	}
	gk_rpc_end_result(buf, call->id);
	if (!gk_v2_send(call->client))
		fail(call, run, &too_large);
}

static void forget_input(gk_v2_call *call, const gk_error *err)
{
	if (!call->input)
		return;
	if (call->client && call->id_text)
		gk_table_remove(call->client->streams, call->id_text);
	gk_channel_close(call->input, err);
	call->input = gk_channel_unref(call->input);
}

static void free_call(gk_v2_call *call)
{
	forget_input(call, NULL);
	if (call->client)
		LIST_REMOVE(call, link);
	json_decref(call->id);
	free(call->id_text);
	free(call);
}

static void done(gk_sink *sink, gk_run *run)
{
	gk_v2_call *call = (gk_v2_call *)sink;

	if (call->client)
		answer(call, run);
	free_call(call);
}

static const gk_sink_type sink_type = {
	.started = started,
	.chunk = chunk,
	.let_go = let_go,
	.done = done,
};

void gk_v2_abandon_calls(gk_reflection_v2 *client, const gk_error *err)
{
	gk_v2_call *call;

	while ((call = LIST_FIRST(&client->calls))) {
		forget_input(call, err);
		LIST_REMOVE(call, link);
		call->client = NULL;
	}
}

void gk_v2_end_inputs(gk_reflection_v2 *client)
{
	gk_v2_call *call;

	LIST_FOREACH (call, &client->calls, link) /* their fibers go on later */
		forget_input(call, NULL);
}

/* --- runAction --- */

static void free_item(void *item)
{
	json_decref(item);
}

/* Before the action starts: chunks may come first. */
static gk_code open_input(gk_v2_call *call, gk_error *err)
{
	call->id_text = gk_json_write(call->id, NULL);
	call->input = gk_channel_new(GK_MAX_INPUT_CHUNKS, free_item);
	if (!call->id_text || !call->input)
		return gk_error_no_memory(err);
	if (gk_table_get(call->client->streams, call->id_text)) {
		call->input = gk_channel_unref(call->input); /* the other one keeps its name */
		return gk_error_set(err, GK_ALREADY_EXISTS,
			"a request of the same id has an open input stream");
	}
	return gk_table_set(call->client->streams, call->id_text, call) ? GK_OK
									: gk_error_no_memory(err);
}

static gk_code start(
	gk_reflection_v2 *client, const gk_rpc_message *message, gk_run_opts *opts, gk_error *err)
{
	gk_v2_call *call = calloc(1, sizeof(*call));
	gk_code rc = GK_OK;
	gk_run *run;

	if (!call)
		return gk_error_no_memory(err);
	call->sink.type = &sink_type;
	call->client = client;
	call->id = json_incref(message->id);
	call->is_stream = json_is_true(json_object_get(message->params, "stream"));
	LIST_INSERT_HEAD(&client->calls, call, link);
	if (json_is_true(json_object_get(message->params, "streamInput")))
		rc = open_input(call, err);
	opts->sink = &call->sink;
	opts->is_streaming = call->is_stream;
	opts->input_stream = call->input;
	if (rc == GK_OK)
		rc = gk_run_start(opts, &run, err);
	if (rc == GK_OK)
		gk_run_unref(run); /* `call` may have gone with it */
	else
		free_call(call);
	return rc;
}

void gk_v2_run_action(gk_reflection_v2 *client, const gk_rpc_message *message)
{
	gk_auto_error gk_error err = { 0 };
	gk_run_opts opts = { .app = client->app };

	if (client->is_draining) {
		gk_error_set(&err, GK_UNAVAILABLE, "server is shutting down");
		gk_v2_send_failure(client, message->id, &err, NULL, NULL);
	} else if (gk_wire_read_call(message->params, &opts, &err) != GK_OK) {
		gk_v2_send_error(client, message->id, GK_RPC_INVALID_PARAMS,
			err.message ? err.message : "out of memory");
	} else if (start(client, message, &opts, &err) != GK_OK) {
		gk_v2_send_failure(client, message->id, &err, NULL, NULL);
	}
}

void gk_v2_cancel_action(gk_reflection_v2 *client, const gk_rpc_message *message)
{
	const char *trace_id = json_string_value(json_object_get(message->params, "traceId"));
	gk_run *run = trace_id ? gk_app_find_run_peek(client->app, trace_id) : NULL;
	gk_buf *buf;

	if (!run) {
		gk_v2_send_error(client, message->id, GK_RPC_INVALID_PARAMS,
			trace_id ? "Action not found or already completed" : "traceId is required");
		return;
	}
	gk_run_cancel(run, GK_CANCELLED);
	buf = gk_v2_begin(client);
	gk_rpc_begin_result(buf);
	gk_buf_puts(buf, "{\"message\":\"Action cancelled\"}");
	gk_rpc_end_result(buf, message->id);
	gk_v2_send(client);
}

/* --- the input stream --- */

static gk_v2_call *find_stream(gk_reflection_v2 *client, const gk_rpc_message *message)
{
	const json_t *id = json_object_get(message->params, "requestId");
	gk_auto_str char *text = id ? gk_json_write(id, NULL) : NULL;
	gk_v2_call *call = text ? gk_table_get(client->streams, text) : NULL;

	if (!call)
		gk_log(GK_LOG_WARN, "reflection",
			"%s for request %s, which has no open input stream", message->method,
			text ? text : "unknown");
	return call;
}

void gk_v2_input_chunk(gk_reflection_v2 *client, const gk_rpc_message *message)
{
	json_t *item = json_object_get(message->params, "chunk");
	gk_v2_call *call = find_stream(client, message);
	gk_auto_error gk_error err = { 0 };

	if (!call)
		return;
	if (!item)
		gk_log(GK_LOG_WARN, "reflection", "sendInputStreamChunk without a chunk");
	else if (gk_channel_try_send(call->input, json_incref(item), &err) != GK_OK)
		forget_input(call,
			&err); /* an action that misses one must not go on as if nothing were */
}

void gk_v2_input_end(gk_reflection_v2 *client, const gk_rpc_message *message)
{
	gk_v2_call *call = find_stream(client, message);

	if (call)
		forget_input(call, NULL);
}
