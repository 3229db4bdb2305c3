/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A directory of .prompt files, followed as it changes.
 *
 * What happens to a file names it, so only that file is read, on a worker, and what it says is told between two turns of
 * the loop. A file that was closed or moved into its place is read at once. One that was only written to waits for that, or
 * until nobody has written for GK_PROMPT_LOOK_MS. All of it is looked at only at the start, and when notices were lost.
 */
#ifndef GK_DAEMON_PROMPT_SYNC_H
#define GK_DAEMON_PROMPT_SYNC_H

#include "dotprompt/prompt_folder.h"
#include "loop/fiber.h"
#include "loop/loop.h"

typedef struct gk_prompt_sync gk_prompt_sync;

typedef struct gk_prompt_sync_opts {
	gk_loop *loop;
	const char *path, *prefix; /* `prefix` NULL: none */
	const gk_prompt_folder_ops *ops;
	void *user;
	size_t *running; /* counts its jobs on workers; must outlive them */
} gk_prompt_sync_opts;

/** NULL when memory ran out. Nothing is looked at yet. */
gk_prompt_sync *gk_prompt_sync_new(const gk_prompt_sync_opts *opts);
/** Begins to follow it. `waits`: what is there now is read before it returns. */
void gk_prompt_sync_start(gk_prompt_sync *sync, bool waits);
const gk_prompt_folder *gk_prompt_sync_folder_peek(const gk_prompt_sync *sync);
/** Nothing is told any more; a job that is under way ends by itself. NULL is allowed. */
void gk_prompt_sync_free(gk_prompt_sync *sync);

#endif
