/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Agents of the configuration: a prompt, of a directory or of a module, that keeps its conversations under a name.
 *
 *	agents:
 *	  - name: support
 *	    prompt: answer
 *	    input: {tone: friendly}
 */
#ifndef GK_DAEMON_AGENTS_H
#define GK_DAEMON_AGENTS_H

#include "core/app.h"

typedef struct gk_agents gk_agents;

/** `app` must outlive it. NULL when memory ran out. */
gk_agents *gk_agents_new(gk_app *app);
/**
 * Defines what `entries` (of the configuration key `agents`; NULL: none) says in the place of what it said before. An error
 * (with the place in the configuration) leaves all as it was. Turns under way keep the definition they began with.
 */
GK_MUST_USE gk_code gk_agents_configure(gk_agents *agents, json_t *entries, gk_error *err);
void gk_agents_free(gk_agents *agents); /* NULL is allowed */

#endif
