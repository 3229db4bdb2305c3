/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Watches a folder and all that are below it, and says by its path what happened. */
#ifndef GK_DAEMON_PROMPT_WATCH_H
#define GK_DAEMON_PROMPT_WATCH_H

#include "dotprompt/prompt_read.h"
#include "loop/notice.h"

typedef struct gk_prompt_watch gk_prompt_watch;

/** `path` is below the root, borrowed for the call; NULL: the root is gone, or notices were lost. */
typedef void gk_prompt_watch_fn(void *user, gk_notice_kind kind, const char *path, bool is_folder);

/** Where the system allows no watching, nothing is called, and it is never whole. NULL when memory ran out. */
gk_prompt_watch *gk_prompt_watch_new(
	gk_loop *loop, const char *root, gk_prompt_watch_fn *fn, void *user);
/** Watches at and below `below` ("": all) the folders that are listed and no others. True when some are new: what happened
 * in them before was not seen. */
bool gk_prompt_watch_update(
	gk_prompt_watch *watch, const gk_prompt_listing *listing, const char *below);
/** False when a folder is not watched, because it is not there, is another one's mount or the system allows no more, or when
 * the root is reached through a link, which may come to point elsewhere. */
bool gk_prompt_watch_is_whole(const gk_prompt_watch *watch);
/** NULL is allowed. */
void gk_prompt_watch_free(gk_prompt_watch *watch);

#endif
