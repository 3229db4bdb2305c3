/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The flow server: POST /NAME with {"data": ...} runs a flow and answers {"result": ...} or, on request, streams events
 * (reflection section 5). POST /agents/NAME runs a turn of an agent in the same way, /agents/NAME/getSnapshot and
 * /agents/NAME/abort its companions (sessions section 13). What is registered is served as it comes and goes.
 *
 *	rc = gk_flows_new(app, &opts, &flows, err);
 *	http.handle = gk_routes_handle, http.too_large = gk_routes_too_large, http.user = gk_flows_routes(flows);
 *
 * A client that hangs up cancels its run. With a stream store a streaming run is detached instead: its events are
 * recorded and the client comes back for them with x-genkit-stream-id, as the same identity and to the same action.
 */
#ifndef GK_SERVER_FLOWS_H
#define GK_SERVER_FLOWS_H

#include "core/app.h"
#include "server/context_provider.h"
#include "server/routes.h"
#include "server/stream_store.h"

typedef struct gk_flows gk_flows;

#define GK_AGENTS_PREFIX "agents/" /* where clients look for agents by themselves */

/* What a reload may change. Everything is copied or referenced. */
typedef struct gk_flows_opts {
	size_t size;
	const char *prefix; /* between "/" and the name; NULL: "" */
	const char *agents; /* between that and an agent's name; NULL: GK_AGENTS_PREFIX */
	/* Names, "*" at the end stands for the rest; NULL: all. An agent's is "agents/NAME", however it is reached. */
	const char *const *served;
	const char *const *origins;    /* of CORS, see cors.h; NULL: none */
	gk_context_provider *provider; /* NULL: everybody may call */
	gk_stream_store *streams;      /* NULL: no durable streams */
	uint64_t timeout_ms;           /* of a run; 0: none */
} gk_flows_opts;

/** `app` must outlive it. */
GK_MUST_USE gk_code gk_flows_new(
	gk_app *app, const gk_flows_opts *opts, gk_flows **ret, gk_error *err);
/** New settings for requests from now on; on failure the old ones stay. */
GK_MUST_USE gk_code gk_flows_configure(gk_flows *flows, const gk_flows_opts *opts, gk_error *err);
/** The routes of its listeners, to which other surfaces add theirs; flows take what no other route does. */
gk_routes *gk_flows_routes(gk_flows *flows);
/** Its listeners must have been freed. Runs and answers under way keep what they need. NULL is allowed. */
void gk_flows_free(gk_flows *flows);

#endif
