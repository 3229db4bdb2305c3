/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Executables as flows and tools: the input as one line of JSON on standard input, the result as JSON on standard output.
 * With `stream` each line of output is a chunk, but for the last, which is the result. `{"error": {"status": "NOT_FOUND",
 * "message": "..."}}` in place of the result is an error, and so is an exit status other than 0.
 *
 *	exec:
 *	  - name: double
 *	    command: [/usr/local/bin/double.sh]
 *	    input: number
 */
#ifndef GK_DAEMON_EXEC_H
#define GK_DAEMON_EXEC_H

#include "core/app.h"

typedef struct gk_exec gk_exec;

/** `app` must outlive it. NULL when memory ran out. */
gk_exec *gk_exec_new(gk_app *app);
/**
 * Defines what `entries` (of the configuration key `exec`; NULL: none) says and withdraws what it no longer says; what is
 * the same stays. Everything is checked before anything changes: an error (with the place in the configuration) leaves all
 * as it was. Runs under way keep the definition they began with.
 */
GK_MUST_USE gk_code gk_exec_configure(gk_exec *exec, json_t *entries, gk_error *err);
/** No run may be under way. NULL is allowed. */
void gk_exec_free(gk_exec *exec);

#endif
