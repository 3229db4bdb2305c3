/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What happens in folders, file by file (inotify): when one was written and closed, and that notices were lost, which libuv's
 * watches do not tell.
 *
 *	rc = gk_notices_new(loop, on_notice, user, &notices, err);
 *	rc = gk_notices_add(notices, "/srv/prompts", &folder, err);
 */
#ifndef GK_LOOP_NOTICE_H
#define GK_LOOP_NOTICE_H

#include "loop/loop.h"

typedef enum gk_notice_kind {
	GK_NOTICE_WRITTEN,     /* closed by a writer, or moved here: it is whole */
	GK_NOTICE_TOUCHED,     /* created, written to, its attributes changed */
	GK_NOTICE_GONE,        /* removed, or moved away */
	GK_NOTICE_FOLDER_GONE, /* the watched folder itself, which is no longer watched */
	GK_NOTICE_LOST,        /* there were too many: anything may have happened in any folder */
} gk_notice_kind;

typedef struct gk_notice {
	gk_notice_kind kind;
	int folder;       /* as gk_notices_add() numbered it; -1: lost */
	const char *name; /* in the folder, borrowed; NULL: of the folder */
	bool is_folder;   /* `name` is one */
} gk_notice;

typedef struct gk_notices gk_notices;
/** Called on the loop. It may add and remove folders, and not free the notices. */
typedef void gk_notice_fn(void *user, const gk_notice *notice);

/** UNAVAILABLE when the system gives no more of them. */
GK_MUST_USE gk_code gk_notices_new(
	gk_loop *loop, gk_notice_fn *fn, void *user, gk_notices **ret, gk_error *err);
/** One folder has one number, also when it is added again or was moved in between. NOT_FOUND, UNAVAILABLE when the system
 * watches no more. */
GK_MUST_USE gk_code gk_notices_add(gk_notices *notices, const char *path, int *ret, gk_error *err);
void gk_notices_remove(gk_notices *notices, int folder);
/** NULL is allowed. */
void gk_notices_free(gk_notices *notices);

#endif
