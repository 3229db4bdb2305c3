/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* One executable: exec.c defines its action, exec_run.c runs it. */
#ifndef GK_DAEMON_EXEC_INTERNAL_H
#define GK_DAEMON_EXEC_INTERNAL_H

#include "daemon/exec.h"
#include "loop/fiber.h"

typedef struct gk_exec_waiter {
	gk_fiber *fiber;
	TAILQ_ENTRY(gk_exec_waiter) link;
} gk_exec_waiter;

typedef struct gk_exec_entry {
	unsigned refs;
	json_t *config; /* as the configuration gave it */
	char *key;      /* "/flow/double" */
	const char *name;
	const char **argv; /* NULL-terminated; its strings are config's */
	json_t *env;
	const char *directory; /* NULL: ours */
	bool is_stream;
	uint64_t timeout_ms;
	size_t running, max_running;
	TAILQ_HEAD(, gk_exec_waiter) waiters; /* for one of the others to end */
} gk_exec_entry;

/** The action's function; gk_ctx_user() is the entry. */
gk_action_fn gk_exec_run;

#endif
