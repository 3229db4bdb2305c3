/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* How a simple retriever makes documents of what was found (actions section 7). */
#ifndef GK_AI_SIMPLE_RETRIEVER_H
#define GK_AI_SIMPLE_RETRIEVER_H

#include <genkit/retriever.h>

typedef struct gk_item_rules {
	char *content; /* a member's name; NULL: none */
	gk_item_fn *content_of;
	json_t *metadata; /* a list of names; NULL: all but the content */
	gk_item_fn *metadata_of;
	void *user;
} gk_item_rules;

/** The documents of the items. New reference. */
GK_MUST_USE gk_code gk_items_to_documents(
	const gk_item_rules *rules, json_t *items, json_t **ret, gk_error *err);

#endif
