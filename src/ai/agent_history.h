/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * How the history of a session goes through a prompt to a model, and how what was said comes back behind it (sessions section 4).
 *
 * What the prompt adds is marked `agentPreamble` and asked anew in every turn; it does not become part of the history. While
 * the prompt is rendered one message stands for the whole history; what the history is in the list that goes out is known by
 * its place and its objects. Only a function that places the history by itself is given all of it, marked.
 */
#ifndef GK_AI_AGENT_HISTORY_H
#define GK_AI_AGENT_HISTORY_H

#include "ai/agent.h"
#include "ai/prompt.h"

/* Of one turn. */
typedef struct gk_told {
	gk_prompt_body *body;
	json_t *history; /* a reference: it stays what it is */
	size_t count;    /* of its messages */
	/* A list (a reference) that has, from `from` on, what goes out for each of them, in order; NULL: nothing yet. */
	json_t *list;
	size_t from;
	bool is_within;   /* it is the list that goes out */
	bool is_tagged;   /* {{history}} has made other objects of them, */
	bool is_changed;  /* or there are others for another reason, too */
	json_t *stand_in; /* a list of one message; NULL: the prompt is given the history itself */
	size_t earlier;   /* of the history: what was said before this turn */
	size_t most;      /* of that, what its span shows */
} gk_told;

void gk_told_done(gk_told *told);
/** What the prompt makes of it, as a gk_prompt_body_render(); then gk_told_messages(). */
GK_MUST_USE GK_SUSPENDS gk_code gk_told_render(
	gk_ctx *ctx, gk_told *told, json_t *input, json_t **ret, gk_error *err);
/** The list that goes out, that of the turn before if it can be gone on with: the rendered messages with the history among them, and with marks on the others. */
GK_MUST_USE gk_code gk_told_messages(
	gk_told *told, gk_agent_session *session, json_t *rendered, json_t **ret, gk_error *err);
/** What was said in this turn is behind the history of the session from now on. */
GK_MUST_USE gk_code gk_told_keep(
	gk_told *told, gk_agent_session *session, gk_response *response, gk_error *err);

#endif
