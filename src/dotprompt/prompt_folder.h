/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What is known of a folder of .prompt files: which file stands for which prompt, and its last good version.
 *
 *	prompts/hello.prompt         prompt "hello"
 *	prompts/trip/plan.de.prompt  prompt "trip/plan", variant "de"
 *	prompts/trip/_card.prompt    partial "card"
 *
 *	folder = gk_prompt_folder_new("/srv/prompts", "shop");		names begin "shop/"
 *	gk_prompt_folder_compare(folder, &listing, "", look_at, user);	what is to be read
 *	rc = gk_prompt_folder_take(folder, readings, count, &ops, user, err);	what was read: tells what changed
 *
 * Nothing here touches the disk (dotprompt/prompt_read.h does), but gk_prompt_folder_scan(), which does all of it at once.
 * A file that was broken by a change keeps its last good version. Of two files with one name the later path counts, and
 * when it goes, the other is back.
 */
#ifndef GK_DOTPROMPT_PROMPT_FOLDER_H
#define GK_DOTPROMPT_PROMPT_FOLDER_H

#include "dotprompt/prompt_read.h"

typedef struct gk_prompt_folder gk_prompt_folder;

/** `prefix` NULL or "": none. NULL when memory ran out. Nothing is read yet. */
gk_prompt_folder *gk_prompt_folder_new(const char *path, const char *prefix);
void gk_prompt_folder_free(gk_prompt_folder *folder);
size_t gk_prompt_folder_count(const gk_prompt_folder *folder);

/** Calls `differs` for each file at or below `below` ("": all) that is not as it was when it was read last: another, new or
 * gone. */
void gk_prompt_folder_compare(const gk_prompt_folder *folder, const gk_prompt_listing *listing,
	const char *below, void (*differs)(const char *path, void *user), void *user);

/* Whom changes are told to. Texts are borrowed for the call. Of what is taken in one go partials are told first and what is
 * gone last. */
typedef struct gk_prompt_folder_ops {
	/** A prompt is new or another, and its template and front matter can be read. `variant` NULL: none. Keep the document with gk_prompt_document_ref(). */
	void (*set_prompt)(const char *path, const char *name, const char *variant,
		gk_prompt_document *doc, void *user);
	void (*remove_prompt)(const char *name, const char *variant, void *user);
	/** The text of a file whose name begins with "_", for gk_engine_set_partial(). */
	void (*set_partial)(const char *name, const char *source, size_t len, void *user);
	void (*remove_partial)(const char *name, void *user);
	/** What is wrong with a file now, when that is another thing than before; NULL: nothing any more, or it is gone. The
	 * message begins "PATH:LINE:COLUMN: " where it can. `name` NULL: of a partial. */
	void (*mistake)(const char *path, const char *name, const char *variant,
		const gk_error *mistake, void *user);
	/** Two files have one name; the first counts. */
	void (*clash)(const char *path, const char *other, void *user);
	/** A file is gone, and what followed from that was told. NULL: nothing is kept of files. */
	void (*gone)(const char *path, void *user);
} gk_prompt_folder_ops;

/** Takes over what was read and tells what changed by it; the readings' contents are consumed. RESOURCE_EXHAUSTED: some of
 * it is not taken over; read it again. */
GK_MUST_USE gk_code gk_prompt_folder_take(gk_prompt_folder *folder, gk_prompt_reading *readings,
	size_t count, const gk_prompt_folder_ops *ops, void *user, gk_error *err);
/** Lists, compares, reads and takes over all of it: blocks. `*again_ms_ret`: when to scan again for a file that was just
 * written to; 0: all was read. */
GK_MUST_USE gk_code gk_prompt_folder_scan(gk_prompt_folder *folder, const gk_prompt_folder_ops *ops,
	void *user, uint64_t *again_ms_ret, gk_error *err);

/** The last good version of a prompt and its file (`path_ret` may be NULL); NULL: there is none. Borrowed. */
gk_prompt_document *gk_prompt_folder_find(const gk_prompt_folder *folder, const char *name,
	const char *variant, const char **path_ret);

#endif
