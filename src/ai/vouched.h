/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Messages that were validated when they became part of a session need not be validated again in every turn. */
#ifndef GK_AI_VOUCHED_H
#define GK_AI_VOUCHED_H

#include <genkit/context.h>

/** The request of a model without the messages that the agent's turn around `ctx` vouches for: new reference. NULL: there are
 * none, or no memory. */
json_t *gk_vouched_left_out(gk_ctx *ctx, json_t *request);

#endif
