/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * How requests leave: the configuration's http_client, and what the environment says of proxies. The library reads neither:
 * this is where both are handed down.
 */
#ifndef GK_DAEMON_CLIENT_H
#define GK_DAEMON_CLIENT_H

#include "daemon/config.h"
#include "loop/fetch.h"

#include <genkit/app.h>

/** What a client is made with; lives as long as the configuration, and as the environment stays as it is.
 *
 * $http_proxy, $https_proxy and $no_proxy are read, $all_proxy stands in for the first two; all but the first may be in
 * capitals. ($HTTP_PROXY is not read: a web server hands a request's "Proxy" header down under that name.) */
gk_fetch_client_opts gk_client_opts(const gk_config *config);
/** The application's client, and the environment in which plugins look for keys. Before the first request. */
GK_MUST_USE gk_code gk_client_configure(gk_app *app, const gk_config *config, gk_error *err);

#endif
