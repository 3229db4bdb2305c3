/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Reflection v2: the same API over a WebSocket that the daemon opens to a manager, JSON-RPC 2.0 in both directions
 * (reflection section 4). It reconnects for ever; what belongs to a request of an earlier connection is dropped.
 */
#ifndef GK_SERVER_REFLECTION_V2_H
#define GK_SERVER_REFLECTION_V2_H

#include "core/app.h"
#include "server/runtime.h"

typedef struct gk_reflection_v2 gk_reflection_v2;

/** `url` is "ws://host:port" as GENKIT_REFLECTION_V2_SERVER gives it. Starts to connect. `app` and `runtime` must outlive
 * it. INVALID_ARGUMENT for a URL that is none. */
GK_MUST_USE gk_code gk_reflection_v2_new(gk_app *app, const gk_runtime *runtime, const char *url,
	gk_reflection_v2 **ret, gk_error *err);
/** True between the manager's answer to `register` and the end of that connection. */
bool gk_reflection_v2_is_registered(const gk_reflection_v2 *client);
/** New runs are refused with UNAVAILABLE from now on, and the input streams of those under way end. */
void gk_reflection_v2_drain(gk_reflection_v2 *client);
/** Requests whose answer has not been sent, or not been taken by the manager. */
bool gk_reflection_v2_is_busy(const gk_reflection_v2 *client);
/** Closes the socket, by which the manager forgets us. Runs go on without it. NULL is allowed. */
void gk_reflection_v2_free(gk_reflection_v2 *client);

/** Before the manager is called again, and the longest that this becomes; tests shorten them. */
extern uint64_t gk_reflection_retry_ms, gk_reflection_retry_max_ms;

#endif
