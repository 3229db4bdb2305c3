/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the files of the telemetry server's API share. No other floor includes this. */
#ifndef GK_SERVER_TRACES_INTERNAL_H
#define GK_SERVER_TRACES_INTERNAL_H

#include "server/traces.h"

#include <genkit/engagement.h>

#define GK_TRACES_JSON "application/json; charset=utf-8"

typedef struct gk_trace_stream gk_trace_stream;

/* A listener on which the routes are. */
typedef struct gk_traces_door {
	struct gk_traces *traces;
	const gk_routes *routes;
	gk_traces_access access;
	LIST_ENTRY(gk_traces_door) link;
} gk_traces_door;

struct gk_traces {
	unsigned refs; /* of the owner, calls and streams */
	gk_loop *loop;
	gk_trace_store *store;
	gk_app *app; /* whose runs are stored */
	LIST_HEAD(, gk_traces_door) doors;
	LIST_HEAD(, gk_trace_stream) streams;
	bool is_draining;
};

/* One request while its fiber runs. */
typedef struct gk_trace_call gk_trace_call;
typedef GK_SUSPENDS void gk_trace_call_fn(gk_trace_call *call);
struct gk_trace_call {
	gk_traces *traces;
	gk_exchange *x; /* NULL: the client has gone */
	gk_scope *scope;
	gk_trace_call_fn *run;
	char *body; /* of a POST, decoded from its compression; ours */
	size_t len;
	/* What the request says, copied: it may go meanwhile. */
	char *path, *type, *encoding, *filter, *text, *token, *limit, *severity_text, *severity;
	char *trace_id, *span_id; /* of the query */
};

gk_traces *gk_traces_ref(gk_traces *traces);
void gk_traces_unref(gk_traces *traces);
/** Answers the request's part that every route shares: CORS headers, who may. False: it has been answered. */
bool gk_traces_admit(gk_traces_door *door, gk_exchange *x);
/** Runs it in a fiber of its own. */
void gk_traces_call(gk_traces_door *door, gk_exchange *x, gk_trace_call_fn *run);

/** The error shape of the API; the status is 400 for what the client did. */
void gk_traces_fail(gk_exchange *x, const gk_error *err);
/** The status of such an answer: 413 for what is too much of the request, 503 when memory or the disk fails. */
int gk_traces_status(const gk_error *err);
/** The same with the status and the code of the error. */
void gk_traces_refuse(gk_exchange *x, const gk_error *err);
void gk_traces_reply_text(gk_trace_call *call, int status, const char *type, const char *text);
/** The buffer's content, handed over. */
void gk_traces_reply_buf(gk_trace_call *call, gk_buf *buf);

/** Handlers; `user` is the door. */
void gk_traces_ingest(gk_exchange *x, void *user);
void gk_traces_ingest_otlp(gk_exchange *x, void *user);
void gk_traces_stream(gk_exchange *x, gk_traces_door *door, const char *trace_id, size_t len);
void gk_traces_feedback(gk_exchange *x, void *user);
void gk_traces_store_stats(gk_exchange *x, void *user);
void gk_traces_store_chore(gk_exchange *x, void *user);
/** From gk_traces_drain(): its client opens another one elsewhere. */
void gk_trace_stream_end(gk_trace_stream *stream);

/** The decimal digits at the beginning of `text`; `missing` when there are none (NULL, "x"). */
uint64_t gk_traces_number(const char *text, uint64_t missing);

#endif
