/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Messages that were looked at when they became part of a session need not be looked at again in every turn. */
#ifndef GK_AI_VOUCHED_H
#define GK_AI_VOUCHED_H

#include <genkit/context.h>

/** The request of a model without the messages that the agent's turn around `ctx` vouches for: new reference. NULL: there are
 * none, or no memory. */
json_t *gk_vouched_left_out(gk_ctx *ctx, json_t *request);
/** Messages, in the order of the request, none of which names a resource, as the agent's turn around `ctx` knows. NULL: it knows
 * of none. Borrowed, until the turn's generate is over. */
json_t *gk_vouched_plain_peek(gk_ctx *ctx);

#endif
