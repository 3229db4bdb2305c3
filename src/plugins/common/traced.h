/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* For those who look for a mistake: each request to a service as a span of its own, `httpRequest`, without its secrets. */
#ifndef GK_PLUGINS_TRACED_H
#define GK_PLUGINS_TRACED_H

#include "plugins/common/net.h"

#include <genkit/context.h>

/** gk_net_send(), in such a span when `out->is_traced`: its input is {method, url, headers, body?}, its output {status}. */
GK_MUST_USE GK_SUSPENDS gk_code gk_send(
	gk_ctx *ctx, const gk_outgoing *out, gk_reply *ret, gk_error *err);

#endif
