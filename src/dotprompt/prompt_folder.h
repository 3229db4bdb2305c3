/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A folder of .prompt files, read again and again: what is new, what changed, what is gone.
 *
 *	prompts/hello.prompt         prompt "hello"
 *	prompts/trip/plan.de.prompt  prompt "trip/plan", variant "de"
 *	prompts/trip/_card.prompt    partial "card"
 *
 *	folder = gk_prompt_folder_new("/srv/prompts", "shop");		names begin "shop/"
 *	rc = gk_prompt_folder_scan(folder, &changes, err);		reads files: on a worker
 *	gk_prompt_changes_apply(changes, &ops, user);			on the loop, in one go
 *
 * A file that was broken by a change keeps its last good version. A file that was written to a moment ago may be half
 * written: it waits for the next scan. Symbolic links are skipped, and so are folders with a dot in their name, which would
 * be taken for a variant.
 */
#ifndef GK_DOTPROMPT_PROMPT_FOLDER_H
#define GK_DOTPROMPT_PROMPT_FOLDER_H

#include "dotprompt/document.h"

typedef struct gk_prompt_folder gk_prompt_folder;
typedef struct gk_prompt_changes gk_prompt_changes;

/** `prefix` NULL or "": none. NULL when memory ran out. Nothing is read yet. */
gk_prompt_folder *gk_prompt_folder_new(const char *path, const char *prefix);
void gk_prompt_folder_free(gk_prompt_folder *folder);

/**
 * Compares the folder with the scan before. A missing folder is an empty one. Blocks on the disk, so it belongs on a
 * worker; one scan of a folder at a time, and the folder is touched by nothing else meanwhile.
 * Errors: UNAVAILABLE when the folder cannot be read, RESOURCE_EXHAUSTED; the next scan then finds what this one did. A
 * file that cannot be read is a mistake of its own, a folder inside keeps what it had.
 */
GK_MUST_USE gk_code gk_prompt_folder_scan(
	gk_prompt_folder *folder, gk_prompt_changes **ret, gk_error *err);

/* Whom changes are told to. Texts are borrowed for the call. */
typedef struct gk_prompt_folder_ops {
	/** A prompt is new or another. `variant` NULL: none. Keep the document with gk_prompt_document_ref(). */
	void (*set_prompt)(
		const char *name, const char *variant, gk_prompt_document *doc, void *user);
	void (*remove_prompt)(const char *name, const char *variant, void *user);
	/** The text of a file whose name begins with "_", for gk_engine_set_partial(). */
	void (*set_partial)(const char *name, const char *source, size_t len, void *user);
	void (*remove_partial)(const char *name, void *user);
	/** A file became broken, or is broken in another way: the message begins "PATH:LINE:COLUMN: " where it can. */
	void (*mistake)(const char *path, const gk_error *mistake, void *user);
} gk_prompt_folder_ops;

/** Tells all changes: partials first, what is gone last. */
void gk_prompt_changes_apply(
	const gk_prompt_changes *changes, const gk_prompt_folder_ops *ops, void *user);
/** True when there is nothing to tell. */
bool gk_prompt_changes_is_empty(const gk_prompt_changes *changes);
/** True when a file was left for the next scan, which should come in GK_PROMPT_SETTLE_MS. */
bool gk_prompt_changes_is_unsettled(const gk_prompt_changes *changes);
/** All files as they are now, borrowed: [{path, name, variant?, partial?: true, error?}]. */
json_t *gk_prompt_changes_files_peek(const gk_prompt_changes *changes);
void gk_prompt_changes_free(gk_prompt_changes *changes);

#endif
