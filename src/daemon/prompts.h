/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Directories of .prompt files as prompts, kept as the files are.
 *
 *	prompts:
 *	  - directory: /srv/prompts
 *	    prefix: shop
 *
 * A directory is read on a worker, when something in it changes, and what was found is taken over between two turns of the
 * loop. A broken file is logged, and shown in the metadata of its prompt, whose last good version stays.
 */
#ifndef GK_DAEMON_PROMPTS_H
#define GK_DAEMON_PROMPTS_H

#include "core/app.h"

typedef struct gk_prompts gk_prompts;

/** `app` must outlive it. NULL when memory ran out. */
gk_prompts *gk_prompts_new(gk_app *app);
/**
 * Makes `entries` (of the configuration key `prompts`; NULL: none) the directories that are served. One that is the same
 * stays; prompts of one that is gone are withdrawn. `waits`: new ones are read before it returns, for the start of the
 * process; else soon. An error leaves all as it was; what is wrong with files is none.
 */
GK_MUST_USE gk_code gk_prompts_configure(
	gk_prompts *prompts, json_t *entries, bool waits, gk_error *err);
/** Ends the watching, and waits for what is being read. The prompts stay. NULL is allowed. */
void gk_prompts_free(gk_prompts *prompts);

#endif
