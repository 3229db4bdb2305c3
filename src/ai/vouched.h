/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Messages that were looked at when they became part of a session need not be looked at again in every turn. */
#ifndef GK_AI_VOUCHED_H
#define GK_AI_VOUCHED_H

#include <genkit/context.h>

/* `count` messages of a list, from `from` on, are valid as messages of the wire. */
typedef struct gk_vouched {
	json_t *list; /* borrowed; NULL: nothing is vouched for */
	size_t from, count;
	bool is_plain;  /* none of them names a resource */
	bool is_within; /* the list is the one that a model is asked with: all that becomes of it is
			   that messages are added */
	size_t holders; /* references to it that the agent's turn has, and nobody else */
} gk_vouched;

/** What the agent's turn around `ctx` vouches for: borrowed, until the turn's generate is over. NULL: nothing. */
const gk_vouched *gk_vouched_peek(gk_ctx *ctx);
/** How many of `messages`, from `i` on, are vouched for; all at once when that can be. `*at` counts those that were met: 0 at the
 * beginning. */
size_t gk_vouched_run(const gk_vouched *vouched, json_t *messages, size_t i, size_t *at);
/** The request of a model without the messages that are vouched for: new reference. NULL: there are none, or no memory. */
json_t *gk_vouched_left_out(gk_ctx *ctx, json_t *request);

#endif
