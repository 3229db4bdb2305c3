/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Child processes: JSON in on standard input, lines out on standard output, the end of standard error kept for the
 * error. The child leads a session and process group of its own, which dies with it: SIGTERM, and SIGKILL after
 * GK_CHILD_KILL_MS. The program ignores SIGPIPE (the child does not inherit that).
 */
#ifndef GK_LOOP_CHILD_H
#define GK_LOOP_CHILD_H

#include "loop/fiber.h"

typedef struct gk_child gk_child;

typedef struct gk_child_opts {
	size_t size;
	const char *const *argv; /* NULL-terminated; argv[0] is looked up in the child's PATH */
	const char *const *environment; /* NULL-terminated "NAME=value"; NULL: ours */
	const char *directory;          /* NULL: ours */
	size_t max_line;                /* 0: GK_MAX_CHILD_LINE */
} gk_child_opts;

typedef struct gk_child_exit {
	int status; /* exit status; -1 when a signal ended it */
	int signal; /* 0: none */
} gk_child_exit;

/** NOT_FOUND, PERMISSION_DENIED or INTERNAL, with the program's name, when it cannot be started. */
GK_MUST_USE gk_code gk_child_start(
	gk_loop *loop, const gk_child_opts *opts, gk_child **ret, gk_error *err);
/** Kills what still runs, without waiting for it. NULL is allowed. */
void gk_child_free(gk_child *child);
/** Writes all of it; parks while the pipe is full. A child that stopped reading is no error. */
GK_MUST_USE GK_SUSPENDS gk_code gk_child_write(
	gk_child *child, const void *data, size_t len, gk_error *err);
void gk_child_close_input(gk_child *child);
/** The next line without its end (LF or CR LF), owned by the caller; NULL at the end of the output. RESOURCE_EXHAUSTED:
 * it is longer than `max_line`. Back-pressure: the pipe is read only as lines are taken. */
GK_MUST_USE GK_SUSPENDS gk_code gk_child_read_line(
	gk_child *child, char **ret, size_t *len_ret, gk_error *err);
/** Waits for its end; kills it when the scope is called off. */
GK_MUST_USE GK_SUSPENDS gk_code gk_child_wait(gk_child *child, gk_child_exit *ret, gk_error *err);
/** The last GK_MAX_CHILD_STDERR bytes it wrote to standard error. Lives as long as the child. */
const char *gk_child_stderr_peek(const gk_child *child);

#endif
