/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A run is one call of an action from outside: from HTTP, from a socket, from a test. It owns a fiber, a scope and a
 * root span, and outlives the connection that asked for it: the connection is only a sink for chunks and the result.
 *
 *	my->sink.type = &sink_type;
 *	rc = gk_run_start(&opts, &run, err);	may have ended when this returns: gk_run_is_done()
 */
#ifndef GK_CORE_RUN_H
#define GK_CORE_RUN_H

#include "loop/channel.h"

#include <genkit/action.h>

typedef struct gk_run gk_run;
typedef struct gk_sink gk_sink;

/* Where a run's events go. Embedded in its owner; swapped with gk_run_set_sink(). */
typedef struct gk_sink_type {
	/** The root span exists: trace and span ids are known. On the run's fiber. Optional. */
	void (*started)(gk_sink *sink, gk_run *run);
	/** A chunk (borrowed). On the run's fiber: may park until the client has taken some. Optional. */
	GK_SUSPENDS gk_code (*chunk)(gk_sink *sink, gk_run *run, json_t *chunk, gk_error *err);
	/** Chunks are no longer wanted: what waits in chunk() for the client to take some goes on. Optional. */
	void (*let_go)(gk_sink *sink, gk_run *run);
	/** Its code has ended; `done` follows when observers of spans have settled, in a moment or at once. Optional. */
	void (*settling)(gk_sink *sink, gk_run *run);
	/** The end: gk_run_result_peek() or gk_run_error_peek(). The last call of all. On the run's fiber, not parking. */
	void (*done)(gk_sink *sink, gk_run *run);
} gk_sink_type;

struct gk_sink {
	const gk_sink_type *type;
};

typedef struct gk_run_opts {
	size_t size;
	gk_app *app;
	gk_action *
		action; /* borrowed; a reference is taken. NULL: look `key` up in the run's fiber */
	const char *key;          /* copied */
	json_t *input;            /* borrowed, referenced; NULL: absent */
	json_t *init;             /* likewise */
	json_t *context;          /* likewise; NULL: none was passed, so none is recorded */
	json_t *telemetry_labels; /* likewise */
	gk_channel *input_stream; /* of json_t items; NULL: the one input. A reference is taken */
	gk_sink *sink;            /* NULL: nobody listens */
	bool is_streaming;        /* gk_ctx_is_streaming() */
	uint64_t timeout_ms;      /* 0: none */
	/* The caller's trace context; NULL: none. It becomes a link on the root span, or its trace goes on here when that
	 * is allowed and the application says so (gk_tracing). */
	const char *traceparent, *trace_state, *baggage;
	bool may_continue_trace;
} gk_run_opts;

/**
 * Starts it in a fiber of its own. Called from a loop callback it goes on until its first suspension or its end before
 * this returns. `*ret` is a reference. An input that does not fit is not an error here: the run ends with it, without a
 * span, so `started` is never called. An unknown `key` ends the run with NOT_FOUND "action KEY not found" and
 * gk_run_is_not_found(). Errors: RESOURCE_EXHAUSTED.
 */
GK_MUST_USE gk_code gk_run_start(const gk_run_opts *opts, gk_run **ret, gk_error *err);
gk_run *gk_run_ref(gk_run *run);
gk_run *gk_run_unref(gk_run *run);

void gk_run_set_sink(gk_run *run, gk_sink *sink); /* NULL: chunks are dropped from now on */
/** Calls it off: its next suspending call returns `reason`. After that it can no longer be found by its trace id. */
void gk_run_cancel(gk_run *run, gk_code reason);
bool gk_run_is_done(const gk_run *run);
/** No action of that key existed: nothing ran. */
bool gk_run_is_not_found(const gk_run *run);
/** The failure came before the span: the input or init did not fit, or there was no such action. */
bool gk_run_has_span(const gk_run *run);
/** "" while there is no span. */
const char *gk_run_trace_id(const gk_run *run);
const char *gk_run_span_id(const gk_run *run);
/** Borrowed; NULL: it failed, goes on, or has no value to give. */
json_t *gk_run_result_peek(const gk_run *run);
/** Borrowed; NULL: it went well or goes on. */
const gk_error *gk_run_error_peek(const gk_run *run);
gk_app *gk_run_app(const gk_run *run);
/** Of its action, or what was looked for. */
const char *gk_run_key(const gk_run *run);

#endif
