/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The HTTP client of an application. Whatever is fetched for it goes through this one: the media of requests, and what
 * plugins ask, so that proxies, authorities and limits hold for all of it. To hosts of gk_tracing's propagate_to it tells the
 * trace of the fiber that fetches (W3C trace context: traceparent, tracestate; and baggage).
 */
#ifndef GK_CORE_APP_CLIENT_H
#define GK_CORE_APP_CLIENT_H

#include "core/app.h"
#include "loop/fetch.h"

/** Makes it with these options (NULL: the defaults; more_headers is its own). FAILED_PRECONDITION when it is in use already. */
GK_MUST_USE gk_code gk_app_set_client(gk_app *app, const gk_fetch_client_opts *opts, gk_error *err);
/** Borrowed. One with the defaults is made when it is first asked for. */
GK_MUST_USE gk_code gk_app_client(gk_app *app, gk_fetch_client **ret, gk_error *err);

#endif
