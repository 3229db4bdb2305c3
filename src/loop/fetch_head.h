/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The header fields of a response, as lines come in and as they are asked for. */
#ifndef GK_LOOP_FETCH_HEAD_H
#define GK_LOOP_FETCH_HEAD_H

#include "base/buf.h"

typedef struct gk_fetch_joined gk_fetch_joined;

typedef struct gk_fetch_head {
	gk_buf fields;           /* "name\0value\0" each, in their order */
	gk_fetch_joined *joined; /* values of repeated fields that were asked for */
	size_t received;
} gk_fetch_head;

void gk_fetch_head_init(gk_fetch_head *head);
void gk_fetch_head_done(gk_fetch_head *head);
/** A new response begins; what was received counts on. */
void gk_fetch_head_restart(gk_fetch_head *head);
/** One line, its end included, but not the status line. RESOURCE_EXHAUSTED above GK_MAX_FETCH_HEAD; UNAVAILABLE for
 * what is no header field. */
GK_MUST_USE gk_code gk_fetch_head_add(
	gk_fetch_head *head, const char *line, size_t len, gk_error *err);
/** By name in any case; repeated ones joined by ", ". NULL: none, or no memory to join. Lives as long as the head. */
const char *gk_fetch_head_peek(gk_fetch_head *head, const char *name);

#endif
