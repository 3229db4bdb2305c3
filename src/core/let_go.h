/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * To free a value takes about as long as to read it did, and whoever is waited for need not do it then:
 *
 *	gk_json_let_go(gk_steal(body));		before what the body was written for is sent
 */
#ifndef GK_CORE_LET_GO_H
#define GK_CORE_LET_GO_H

#include <genkit/json.h>

/** Gives a reference back. What nobody else has is freed when the loop has time for it: who counts references must not find
 * these until then. At once where no loop runs. */
void gk_json_let_go(json_t *value_take);

#endif
