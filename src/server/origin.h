/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Who may drive a listener that has no other protection than being local. A web page can send requests to 127.0.0.1: by
 * a name of its own that it lets point there (DNS rebinding), or openly from its own origin. Both show in headers.
 */
#ifndef GK_SERVER_ORIGIN_H
#define GK_SERVER_ORIGIN_H

#include "server/http.h"

/** Whether it is a name or an address, with or without a port, and nothing else. */
bool gk_host_is_wellformed(const char *host);
/** True for the value of Host (with or without a port) that names this machine's loopback, or `bound`, the address that
 * the listener is bound to ("192.168.1.5:3100"; NULL: none). Bound to every interface, any numeric address is right:
 * rebinding needs a name. */
bool gk_host_is_own(const char *host, const char *bound);
/** True for http:// and https:// origins whose host is right by the same rule. */
bool gk_origin_is_own(const char *origin, const char *bound);
/** Host is right, and so is Origin if there is one; without one, the request is not from a page of another site. */
bool gk_request_is_own(const gk_exchange *x, const char *bound);

#endif
