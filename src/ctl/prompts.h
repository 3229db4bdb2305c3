/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* genkitctl prompts, and genkitctl prompt: .prompt files, with a daemon and without. */
#ifndef GK_CTL_PROMPTS_H
#define GK_CTL_PROMPTS_H

#include "ctl/ctl.h"

/** Lists the daemon's prompts, and what is wrong with their files. */
GK_SUSPENDS gk_code gk_ctl_prompts(gk_ctl *ctl, gk_error *err);
/** render FILE, run NAME, lint DIR. */
GK_SUSPENDS gk_code gk_ctl_prompt(gk_ctl *ctl, gk_error *err);

/** The messages that a file makes of an input (borrowed; NULL: none), with the partials beside it. */
GK_MUST_USE gk_code gk_ctl_render(const char *path, json_t *input, json_t **ret, gk_error *err);
/** A line of text for each file below a folder in which something is wrong: [{"text", "isError"}]. A helper or a schema that
 * code may define is no error. NOT_FOUND: there is no folder. */
GK_MUST_USE gk_code gk_ctl_lint(const char *folder, json_t **ret, gk_error *err);

#endif
