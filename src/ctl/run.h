/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* genkitctl run. */
#ifndef GK_CTL_RUN_H
#define GK_CTL_RUN_H

#include "ctl/ctl.h"

/** What runAction is sent for a command line. INVALID_ARGUMENT for input or context that is no JSON. */
GK_MUST_USE gk_code gk_ctl_run_body(const gk_ctl_options *options, json_t **ret, gk_error *err);
/** JSON of the command line; "-": of standard input. INVALID_ARGUMENT. */
GK_MUST_USE gk_code gk_ctl_read_input(const char *word, json_t **ret, gk_error *err);
/** Takes the JSON text of a chunk. */
typedef gk_code gk_ctl_chunk_fn(const char *line, size_t len, void *user, gk_error *err);
/** Runs an action: `body` is what runAction takes, `*ret` what it gives in the end, {"result"} or {"error"}. With
 * `is_stream` its chunks go to `fn`. */
GK_MUST_USE GK_SUSPENDS gk_code gk_ctl_call(gk_ctl *ctl, json_t *body, bool is_stream,
	gk_ctl_chunk_fn *fn, void *user, json_t **ret, gk_error *err);
GK_SUSPENDS gk_code gk_ctl_run(gk_ctl *ctl, gk_error *err);

#endif
