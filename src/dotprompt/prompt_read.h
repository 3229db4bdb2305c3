/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * .prompt files as they are on the disk: which there are, and what one says. All of it blocks, and knows nothing of what
 * was read before, so it may be done on a worker.
 *
 *	rc = gk_prompt_list("/srv/prompts", "", &listing, err);
 *	reading.path = strdup("trip/plan.de.prompt");
 *	rc = gk_prompt_read("/srv/prompts", &reading, err);
 *
 * Symbolic links below the folder are not followed. Folders with a dot in their name, which would be taken for a variant,
 * are left out, and so are files whose name begins with a dot.
 */
#ifndef GK_DOTPROMPT_PROMPT_READ_H
#define GK_DOTPROMPT_PROMPT_READ_H

#include "dotprompt/document.h"

#include <sys/stat.h>

/* --- which there are --- */

typedef enum gk_prompt_seen_kind {
	GK_SEEN_FILE,
	GK_SEEN_FOLDER,
	GK_SEEN_CLOSED, /* a folder that cannot be read now: what is below it is not known */
} gk_prompt_seen_kind;

typedef struct gk_prompt_seen {
	gk_prompt_seen_kind kind;
	char *path; /* below the folder; "": itself */
	struct stat info;
} gk_prompt_seen;

/* In the order of their names. */
typedef struct gk_prompt_listing {
	gk_prompt_seen *all;
	size_t count, room;
	bool has_link; /* of the root: it is reached through a symbolic link, or may be */
} gk_prompt_listing;

/** Whether a file of that name is a prompt or a partial, whether a folder of that name is looked into. */
bool gk_prompt_is_file(const char *base);
bool gk_prompt_is_folder(const char *base);
/** Whether the file at a path is a partial. */
bool gk_prompt_is_partial(const char *path);
/** Whether a path is a folder's ("": the root), or below it. */
bool gk_prompt_is_below(const char *path, const char *folder);
/** All at and below a path below the folder `root`; what is not there is an empty listing. UNAVAILABLE when the way there
 * cannot be read, RESOURCE_EXHAUSTED. */
GK_MUST_USE gk_code gk_prompt_list(
	const char *root, const char *below, gk_prompt_listing *ret, gk_error *err);
void gk_prompt_listing_done(gk_prompt_listing *listing);

/* --- what one says --- */

typedef struct gk_prompt_reading {
	char *path; /* below the folder; owned */
	uint64_t
		settle_ms; /* a file written to so shortly ago may be half written; 0: it was closed */
	enum {
		GK_READING_GONE,
		GK_READING_UNSETTLED,
		GK_READING_DONE,
	} state;
	uint64_t again_ms; /* of an unsettled one: when it will have settled */
	struct stat info;
	char *source; /* of a partial; NULL: it could not be read */
	size_t len;
	gk_prompt_document *doc; /* of a prompt, unless its front matter is none */
	gk_error mistake;
} gk_prompt_reading;

/** RESOURCE_EXHAUSTED when memory or descriptors ran out: nothing is known of the file. What is wrong with the file is in
 * the reading. */
GK_MUST_USE gk_code gk_prompt_read(const char *root, gk_prompt_reading *reading, gk_error *err);
void gk_prompt_reading_done(gk_prompt_reading *reading);

#endif
