/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A child process: child.c starts and ends it, child_io.c talks to it. */
#ifndef GK_LOOP_CHILD_INTERNAL_H
#define GK_LOOP_CHILD_INTERNAL_H

#include "loop/child.h"

#include "base/buf.h"
#include "loop/loop_internal.h"

#define GK_CHILD_MAGIC 0x6368696cu

/* Our end of one of the three pipes. */
typedef struct gk_child_pipe {
	int fd; /* -1: closed */
	gk_poll *poll;
	unsigned events; /* what it is watched for */
} gk_child_pipe;

struct gk_child {
	uv_process_t process; /* the first member: libuv's pointer is ours */
	unsigned magic;
	unsigned refs; /* the owner's and, until it is reaped and closed, libuv's */
	bool is_running;
	gk_loop *loop;
	gk_child_exit exit;
	gk_timer kill; /* from SIGTERM to SIGKILL */
	LIST_ENTRY(gk_child) link;
	struct gk_waiter_list waiters; /* every event wakes all: they are one to three */
	char *name;

	gk_child_pipe in, out, err;
	size_t max_line;
	gk_buf output; /* read and not taken: starts at `taken`, has no newline before `scanned` */
	size_t taken, scanned;
	unsigned streak; /* reads since the loop last had a turn */
	gk_buf errors;   /* the end of standard error, up to twice what is kept */
};

/** Parks until something happened to the child. */
GK_MUST_USE gk_code gk_child_await(gk_child *child, gk_error *err);
void gk_child_wake(gk_child *child);
/** Watches our ends of standard error, now, and of the others, when somebody waits for them. */
GK_MUST_USE gk_code gk_child_open_pipes(gk_child *child, gk_error *err);
void gk_child_close_pipe(gk_child_pipe *pipe);
/** After its end: takes what is left in the pipes and closes them, whoever else may hold the other side. */
void gk_child_drain_pipes(gk_child *child);

#endif
