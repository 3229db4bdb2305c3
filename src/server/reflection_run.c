/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Reflection v1: runAction (reflection sections 1.1 to 1.3). The exchange is the run's sink: headers leave when the root
 * span exists, each chunk is a line, the outcome comes last and without a line's end.
 */
#include "server/reflection_internal.h"

#include "base/str.h"
#include "server/body.h"
#include "server/wire.h"

/* A run and who waits for it. Lives until the run has ended. */
typedef struct running {
	gk_sink sink;   /* first: the run knows only this */
	gk_exchange *x; /* NULL: the client has gone */
	gk_run *run;    /* NULL while it is being started */
	bool is_stream;
} running;

static void started(gk_sink *sink, gk_run *run)
{
	running *r = (running *)sink;

	if (!r->x)
		return;
	gk_exchange_set_header(r->x, "X-Genkit-Trace-Id", gk_run_trace_id(run));
	gk_exchange_set_header(r->x, "X-Genkit-Span-Id", gk_run_span_id(run));
	gk_exchange_begin(r->x, 200, r->is_stream ? "text/plain" : "application/json");
}

static gk_code chunk(gk_sink *sink, gk_run *run, json_t *value, gk_error *err)
{
	running *r = (running *)sink;
	gk_buf *buf;
	gk_code rc;

	(void)run;
	if (!r->x || !r->is_stream)
		return GK_OK;
	rc = gk_exchange_wait_room(r->x, err);
	if (rc != GK_OK || !r->x)
		return rc;
	buf = gk_exchange_buffer(r->x);
	if (!gk_wire_json(buf, value))
		return gk_error_set(err, GK_INTERNAL,
			"the chunk cannot be written as JSON: it is nested too deeply");
	gk_buf_putc(buf, '\n');
	gk_exchange_wrote(r->x);
	return GK_OK;
}

static const char *place_of(const gk_run *run)
{
	return gk_app_is_dev(gk_run_app(run)) ? gk_run_key(run) : NULL;
}

static void answer(running *r, gk_run *run)
{
	if (gk_run_is_not_found(run)) {
		const char *text = gk_run_error_peek(run)->message;

		gk_reflection_reply_text(r->x, 404, text ? text : "action not found");
		return;
	}
	if (!gk_run_has_span(run)) /* it never began: no trace, and a body without a type */
		gk_exchange_begin(r->x, 200, NULL);
	gk_wire_outcome(gk_exchange_buffer(r->x), run, place_of(run), r->is_stream);
	gk_exchange_wrote(r->x);
	gk_exchange_end(r->x);
}

static void finish(running *r)
{
	gk_run_unref(r->run);
	free(r);
}

static void done(gk_sink *sink, gk_run *run)
{
	running *r = (running *)sink;

	if (r->x)
		answer(r, run);
	finish(r);
}

static void settling(gk_sink *sink, gk_run *run)
{
	running *r = (running *)sink;

	(void)run;
	if (r->x)
		gk_exchange_hold(r->x);
}

static const gk_sink_type sink_type = {
	.started = started,
	.chunk = chunk,
	.settling = settling,
	.done = done,
};

static void hung_up(gk_exchange *x, void *user)
{
	running *r = user;

	(void)x;
	r->x = NULL;
	gk_run_cancel(r->run, GK_CANCELLED);
}

/* --- starting --- */

static gk_code start(gk_reflection *reflection, gk_exchange *x, const json_t *body, gk_error *err)
{
	gk_run_opts opts = { .app = reflection->app };
	gk_code rc = gk_wire_read_call(body, &opts, err);
	running *r;
	gk_run *run;

	if (rc != GK_OK)
		return rc;
	r = malloc(sizeof(*r));
	if (!r)
		return gk_error_no_memory(err);
	*r = (running){ .sink.type = &sink_type,
		.x = x,
		.is_stream = gk_str_equal(gk_exchange_query(x, "stream"), "true") };
	opts.sink = &r->sink;
	opts.is_streaming = r->is_stream;
	opts.traceparent = gk_exchange_header(x, "traceparent");
	if (!opts.context)
		opts.context = reflection->no_context;
	rc = gk_run_start(&opts, &run, err);
	if (rc != GK_OK) {
		finish(r);
	} else if (gk_run_is_done(run)) {
		gk_run_unref(run); /* `r` has gone with it */
	} else {
		r->run = run;
		gk_exchange_on_hangup(x, hung_up, r);
	}
	return rc;
}

static void body_read(gk_exchange *x, json_t *value, const gk_error *err, void *user)
{
	gk_reflection *reflection = user;
	gk_auto_error gk_error failure = { 0 };

	if (x && err)
		gk_reflection_reply_error(x, err);
	else if (x && start(reflection, x, value, &failure) != GK_OK)
		gk_reflection_reply_error(x, &failure);
	gk_reflection_unref(reflection);
}

void gk_reflection_run_action(gk_exchange *x, void *user)
{
	gk_reflection *reflection = user;

	gk_body_read(gk_app_loop(reflection->app), x, body_read, gk_reflection_ref(reflection));
}
