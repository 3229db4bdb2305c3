/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Watches a folder and all that are below it. */
#ifndef GK_DAEMON_PROMPT_WATCH_H
#define GK_DAEMON_PROMPT_WATCH_H

#include "loop/loop.h"

typedef struct gk_prompt_watch gk_prompt_watch;

/** The folders at and below `path`, as gk_prompt_watch_update() wants them; NULL when memory ran out. Blocks: for a worker. */
json_t *gk_prompt_watch_list(const char *path);

/** `changed` is called on the loop, often more than once for one change. NULL when memory ran out. */
gk_prompt_watch *gk_prompt_watch_new(gk_loop *loop, gk_loop_fn *changed, void *user);
/** Watches those folders and no others. True when some are new: what happened in them before was not seen. */
bool gk_prompt_watch_update(gk_prompt_watch *watch, json_t *folders);
/** False when a folder is not watched, because it is not there or the system allows no more. */
bool gk_prompt_watch_is_whole(const gk_prompt_watch *watch);
/** NULL is allowed. */
void gk_prompt_watch_free(gk_prompt_watch *watch);

#endif
