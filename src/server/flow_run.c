/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A flow that runs attached to its exchange: one JSON answer, or a stream of events. */
#include "server/flows_internal.h"

#include "server/wire.h"

#define PUT(buf, literal) gk_buf_put(buf, literal, sizeof(literal) - 1)

/* --- events --- */

bool gk_flow_put_chunk(gk_buf *buf, const json_t *chunk)
{
	size_t before = buf->len;

	PUT(buf, "{\"message\":");
	if (gk_wire_json(buf, chunk)) {
		gk_buf_putc(buf, '}');
		return true;
	}
	buf->len = before;
	return false;
}

static void put_error(gk_buf *buf, const gk_error *err)
{
	PUT(buf, "{\"error\":");
	gk_wire_flow_error(buf, err);
	gk_buf_putc(buf, '}');
}

static bool put_result(gk_buf *buf, const json_t *result)
{
	size_t before = buf->len;

	PUT(buf, "{\"result\":");
	if (gk_wire_json(buf, result)) { /* none is null here: clients throw on {} */
		gk_buf_putc(buf, '}');
		return true;
	}
	buf->len = before;
	return false;
}

gk_stream_kind gk_flow_put_end(gk_buf *buf, const gk_run *run)
{
	const gk_error *err = gk_run_error_peek(run);

	if (!err && put_result(buf, gk_run_result_peek(run)))
		return GK_STREAM_RESULT;
	put_error(buf, err ? err : &gk_wire_too_deep);
	return GK_STREAM_ERROR;
}

/* --- a stream --- */

void gk_flow_begin_stream(gk_exchange *x)
{
	gk_exchange_set_header(x, "Cache-Control", "no-cache");
	gk_exchange_begin(x, 200, "text/event-stream");
}

static void stream_started(gk_sink *sink, gk_run *run)
{
	gk_flow_call *call = (gk_flow_call *)sink;

	(void)run;
	if (call->x)
		gk_flow_begin_stream(call->x);
}

static gk_code stream_chunk(gk_sink *sink, gk_run *run, json_t *chunk, gk_error *err)
{
	gk_flow_call *call = (gk_flow_call *)sink;
	gk_buf *buf;
	size_t before;
	gk_code rc;

	(void)run;
	if (!call->x)
		return GK_OK;
	rc = gk_exchange_wait_room(call->x, err);
	if (rc != GK_OK || !call->x)
		return rc;
	buf = gk_exchange_buffer(call->x);
	before = buf->len;
	PUT(buf, "data: ");
	if (!gk_flow_put_chunk(buf, chunk)) {
		buf->len = before;
		return gk_error_set(err, GK_INTERNAL,
			"the chunk cannot be written as JSON: it is nested too deeply");
	}
	PUT(buf, "\n\n");
	gk_exchange_wrote(call->x);
	return GK_OK;
}

static void end_stream(gk_flow_call *call, gk_run *run)
{
	gk_buf *buf = gk_exchange_buffer(call->x);
	const gk_error *err = gk_run_error_peek(run);
	size_t before;

	if (!gk_run_has_span(run))
		gk_flow_begin_stream(call->x);
	before = buf->len;
	PUT(buf, "data: ");
	if (err || !put_result(buf, gk_run_result_peek(run))) {
		buf->len = before;
		gk_buf_puts(buf, call->error_frame);
		put_error(buf, err ? err : &gk_wire_too_deep);
	}
	PUT(buf, "\n\n");
	gk_exchange_wrote(call->x);
	gk_exchange_end(call->x);
}

/* --- one answer --- */

static void answer(gk_flow_call *call, gk_run *run)
{
	gk_buf *buf = gk_exchange_buffer(call->x);
	const gk_error *err = gk_run_error_peek(run);
	const json_t *result = gk_run_result_peek(run);

	if (!err && !result)
		PUT(buf, "{}");
	else if (!err && !put_result(buf, result))
		err = &gk_wire_too_deep;
	if (err) {
		gk_flow_reply_error(call->x, err);
		return;
	}
	gk_exchange_set_header(call->x, "x-genkit-trace-id", gk_run_trace_id(run));
	gk_exchange_set_header(call->x, "x-genkit-span-id", gk_run_span_id(run));
	gk_exchange_begin(call->x, 200, "application/json; charset=utf-8");
	gk_exchange_wrote(call->x);
	gk_exchange_end(call->x);
}

static void done(gk_sink *sink, gk_run *run)
{
	gk_flow_call *call = (gk_flow_call *)sink;

	if (call->x && call->is_stream)
		end_stream(call, run);
	else if (call->x)
		answer(call, run);
	gk_flow_call_free(call);
}

/* --- running --- */

static void settling(gk_sink *sink, gk_run *run)
{
	gk_flow_call *call = (gk_flow_call *)sink;

	(void)run;
	if (call->x)
		gk_exchange_hold(call->x);
}

static const gk_sink_type stream_sink = {
	.started = stream_started,
	.chunk = stream_chunk,
	.settling = settling,
	.done = done,
};
static const gk_sink_type plain_sink = { .settling = settling, .done = done };

static void hung_up(gk_exchange *x, void *user)
{
	gk_flow_call *call = user;

	(void)x;
	call->x = NULL;
	gk_run_cancel(call->run, GK_CANCELLED);
}

void gk_flow_run(gk_flow_call *call, const json_t *body)
{
	gk_auto_error gk_error err = { 0 };
	gk_run_opts opts = gk_flow_run_opts(call, body);
	gk_run *run;

	call->sink.type = call->is_stream ? &stream_sink : &plain_sink;
	opts.sink = &call->sink;
	if (gk_run_start(&opts, &run, &err) != GK_OK) {
		gk_flow_reply_error(call->x, &err);
		gk_flow_call_free(call);
	} else if (gk_run_is_done(run)) {
		gk_run_unref(run); /* `call` has gone with it */
	} else {
		call->run = run;
		gk_exchange_on_hangup(call->x, hung_up, call);
	}
}
