/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the files of the flow server share. */
#ifndef GK_SERVER_FLOWS_INTERNAL_H
#define GK_SERVER_FLOWS_INTERNAL_H

#include "base/buf.h"
#include "server/flows.h"

/* One state of the configuration. Never changed: a reload makes another, and requests keep the one they began with. */
typedef struct gk_flow_settings {
	unsigned refs;
	gk_app *app;
	char *prefix; /* "/" and what was configured */
	size_t prefix_len;
	char *agents;   /* follows it before an agent's name */
	char **served;  /* NULL: all */
	char **origins; /* NULL: none */
	gk_context_provider *provider;
	gk_stream_store *streams;
	uint64_t timeout_ms;
} gk_flow_settings;

gk_flow_settings *gk_flow_settings_ref(gk_flow_settings *settings);
void gk_flow_settings_unref(gk_flow_settings *settings);

/* One request for a flow, and the sink of its run. */
typedef struct gk_flow_call {
	gk_sink sink; /* first: the run knows only this */
	gk_flow_settings *settings;
	gk_exchange *x; /* NULL: the client has gone */
	gk_action *action;
	json_t *context; /* NULL: none was provided */
	gk_run *run;     /* NULL while it is being started */
	bool is_stream;
	const char *error_frame; /* what an error begins with in its stream; static */
} gk_flow_call;

/** The flow, the agent or the agent's companion that a path means; borrowed. NULL: none, or none that is served. */
gk_action *gk_flow_find(const gk_flow_settings *settings, const char *path);
/** "error: " of flows, for clients that look for it; "data: " of agents, for all others do (sessions section 13). */
const char *gk_flow_error_frame(const gk_action *action);

void gk_flow_call_free(gk_flow_call *call);
/** What gk_run_start() is to be told; borrowed from `call` and `body`. */
gk_run_opts gk_flow_run_opts(const gk_flow_call *call, const json_t *body);

/** A plain error answer. */
void gk_flow_reply_error(gk_exchange *x, const gk_error *err);
/** Headers of an event stream. */
void gk_flow_begin_stream(gk_exchange *x);

/* Events: `{"message": ...}`, `{"result": ...}` and `{"error": ...}`, to be wrapped in a frame. */
/** False when the chunk cannot be written as JSON: nothing was. */
bool gk_flow_put_chunk(gk_buf *buf, const json_t *chunk);
/** The last event of a run; its kind. */
gk_stream_kind gk_flow_put_end(gk_buf *buf, const gk_run *run);

/** Runs it attached: the exchange is the sink. Consumes `call`. */
void gk_flow_run(gk_flow_call *call, const json_t *body);
/** Runs it detached and recorded, and follows the record. Consumes `call`. */
void gk_flow_run_durable(gk_flow_call *call, const json_t *body);
/** Follows the record of an earlier run. Consumes `call`. */
void gk_flow_resume(gk_flow_call *call, const char *stream_id);

#endif
