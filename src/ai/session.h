/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What sessions and chats share (sessions section 1). */
#ifndef GK_AI_SESSION_H
#define GK_AI_SESSION_H

#include "base/table.h"
#include "loop/fiber.h"

#include <genkit/session.h>
#include <sys/queue.h>

/* Who waits for a thread, in order; the first one has it. On the fibers' stacks. */
typedef struct gk_session_turn {
	gk_fiber *fiber;
	const char *thread;
	TAILQ_ENTRY(gk_session_turn) link;
} gk_session_turn;

struct gk_session {
	unsigned magic, refs;
	gk_session_store *store; /* NULL: nothing is kept */
	char *store_name, *owner, *id;
	json_t *state;   /* NULL: none */
	json_t *threads; /* {NAME: [message...]} */
	TAILQ_HEAD(, gk_session_turn) turns;
};

/** Waits until nobody else sends in the thread. */
GK_MUST_USE GK_SUSPENDS gk_code gk_session_begin_turn(
	gk_session *session, const char *thread, gk_session_turn *turn, gk_error *err);
void gk_session_end_turn(gk_session *session, gk_session_turn *turn);

#endif
