/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The Interactions API, by which Lyria makes music and agents (deep research, Antigravity) work.
 *
 *	interactions_steps.c   messages become steps
 *	interactions_parts.c   steps become parts
 *	interactions.c         bodies, results
 *	interactions_run.c     the actions
 */
#ifndef GK_PLUGINS_GOOGLEAI_INTERACTIONS_H
#define GK_PLUGINS_GOOGLEAI_INTERACTIONS_H

#include "plugins/googleai/googleai.h"

typedef enum gk_interaction_kind {
	GK_INTERACTION_MUSIC,
	GK_INTERACTION_AGENT,
	GK_INTERACTION_RESEARCH,
} gk_interaction_kind;

/** The steps of a request's messages: an array, a new reference. */
GK_MUST_USE gk_code gk_interaction_steps(const json_t *request, json_t **ret, gk_error *err);
/** Appends the parts of an answer's step. False when memory ran out. */
GK_MUST_USE bool gk_interaction_add_parts(json_t *content, const json_t *step);
/** The body that starts an interaction. */
GK_MUST_USE gk_code gk_interaction_body(gk_interaction_kind kind, const char *id,
	const json_t *request, json_t **ret, gk_error *err);
/** The answer that an interaction has come to; INTERNAL: it failed, or goes on. */
GK_MUST_USE gk_code gk_interaction_response(
	const json_t *request, json_t *interaction, json_t **ret, gk_error *err);
/** {id, done, output?, error?} of an interaction: an Operation. */
GK_MUST_USE gk_code gk_interaction_operation(
	const json_t *request, json_t *interaction, json_t **ret, gk_error *err);

gk_action_fn gk_interaction_run_music, gk_interaction_run_agent, gk_interaction_start,
	gk_interaction_check, gk_interaction_cancel;

#endif
