/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The list that a prompt agent asked its model with. The next turn asks with the same messages and two more: it goes on with
 * that list, when nobody else has it, in the same invocation or in the one that begins with the snapshot that this one left.
 */
#ifndef GK_AI_AGENT_ASKED_H
#define GK_AI_AGENT_ASKED_H

#include <genkit/context.h>

typedef struct gk_asked {
	json_t *list;       /* a reference; NULL: none */
	size_t from, count; /* from there on it has the first `count` messages of the session */
	bool is_tagged;     /* as {{history}} makes them */
} gk_asked;

void gk_asked_done(gk_asked *asked);
/** Only the messages of the session are left in the list: the prompt adds its own anew, and they may be large. False: somebody
 * else has the list, or there is none. */
GK_MUST_USE bool gk_asked_cut(gk_asked *asked);
/** What was left for the snapshot, whose messages are this list; it is the caller's now. */
gk_asked gk_asked_take(gk_app *app, const char *snapshot_id, const json_t *messages);
/** Leaves it (consumed), unless somebody else has it, for the snapshot. `bytes`: about what the messages are as text. What was
 * left longest ago goes when there is too much. */
void gk_asked_leave(
	gk_app *app, const char *snapshot_id, json_t *messages, gk_asked *asked_take, size_t bytes);

#endif
