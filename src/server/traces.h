/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The telemetry server's API: traces and logs, read by the Dev UI and genkit-cli, sent by Genkit programs in any language
 * and by OpenTelemetry (telemetry sections 2 and 3).
 *
 *	rc = gk_traces_new(app, store, &traces, err);
 *	rc = gk_traces_add_routes(traces, routes, NULL, err);
 *
 * POST /api/feedback takes what people made of an answer: {"name": FLOW, "traceId", "spanId", "feedback": {"value": "positive" |
 * "negative", "text"?}, "acceptance": {"value": "accepted" | "rejected"}}, and answers 404 for a trace that is not there.
 *
 * Whoever sends gets its answer when what it sent is committed.
 */
#ifndef GK_SERVER_TRACES_H
#define GK_SERVER_TRACES_H

#include "core/app.h"
#include "server/context_provider.h"
#include "server/routes.h"
#include "store/trace_store.h"

typedef struct gk_traces gk_traces;

/* How a listener offers it. */
typedef struct gk_traces_access {
	size_t size;
	gk_context_provider
		*admin;  /* who may; NULL: whoever reaches the listener. A reference is taken */
	bool is_closed;  /* nobody may: answers as if it were not there */
	bool has_health; /* GET /api/__health, too, as the telemetry server has it */
	/* POST /api/feedback is for whoever may call flows, not for administrators. */
	bool is_for_callers;
	gk_context_provider *callers; /* NULL: everybody. A reference is taken */
	bool may_delete; /* DELETE /api/traces and /api/traces/ID, which only genkitd has */
} gk_traces_access;

/** `app` and `store` must outlive it. */
GK_MUST_USE gk_code gk_traces_new(
	gk_app *app, gk_trace_store *store, gk_traces **ret, gk_error *err);
/** Adds its routes to a listener's; what they need lives as long as `traces`. */
GK_MUST_USE gk_code gk_traces_add_routes(
	gk_traces *traces, gk_routes *routes, const gk_traces_access *access, gk_error *err);
/** Who may, from now on, on the listener of `routes`. */
void gk_traces_set_access(
	gk_traces *traces, const gk_routes *routes, const gk_traces_access *access);
/** The headers by which a page of http://localhost:PORT, such as the Dev UI, may read the answer; no other page may. */
void gk_traces_set_cors(gk_exchange *x);
/** True for a path of its: a request that is too large is then answered by gk_traces_too_large(). */
bool gk_traces_is_path(const char *path);
void gk_traces_too_large(gk_exchange *x);
/** Ends the live streams. */
void gk_traces_drain(gk_traces *traces);
/** Its listeners must have been freed. Calls under way keep what they need. NULL is allowed. */
void gk_traces_free(gk_traces *traces);

#endif
