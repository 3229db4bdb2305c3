/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What stands behind gk_next: a link in a chain of functions, embedded in what the chain is made of. */
#ifndef GK_AI_CHAIN_H
#define GK_AI_CHAIN_H

#include <genkit/model.h>

struct gk_next {
	/** Goes on behind this link. */
	GK_SUSPENDS gk_code (*run)(
		gk_ctx *ctx, gk_next *next, json_t *input, json_t **ret, gk_error *err);
	json_t *input; /* what was handed in; borrowed */
	gk_chunk_fn *on_chunk;
	void *chunk_user;
};

#endif
