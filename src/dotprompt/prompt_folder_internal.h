/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#ifndef GK_DOTPROMPT_PROMPT_FOLDER_INTERNAL_H
#define GK_DOTPROMPT_PROMPT_FOLDER_INTERNAL_H

#include "base/table.h"
#include "dotprompt/document_internal.h"
#include "dotprompt/prompt_folder.h"

#include <sys/stat.h>

typedef struct gk_prompt_file {
	char *path; /* below the folder */
	char *name, *variant;
	bool is_partial;
	struct stat info;        /* of the version that was read last */
	unsigned round;          /* the scan that saw it last */
	gk_prompt_document *doc; /* the last good version; NULL: there was none */
	char *source;            /* of a partial */
	size_t len;
	gk_error mistake;                /* of the version that was read last */
	bool is_changed, mistake_is_new; /* not told yet */
} gk_prompt_file;

struct gk_prompt_folder {
	char *path, *prefix;
	unsigned round;
	bool is_unsettled;
	gk_table *files; /* by path */
	gk_table *told;  /* by key: which file stands for a prompt or partial */
};

gk_table_free_fn gk_prompt_file_free, gk_prompt_told_free;

/** What differs from what was told before; marks it as told. */
gk_code gk_prompt_changes_collect(gk_prompt_folder *folder, gk_prompt_changes **ret, gk_error *err);

#endif
