/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Prompts of files that rest. There may be tens of thousands, few of which are called: of each only its source is kept,
 * and what is made of it (front matter, template, schema, metadata) when somebody asks. The GK_MAX_PROMPTS_AWAKE that
 * were asked last stay awake.
 */
#ifndef GK_AI_PROMPT_LATE_H
#define GK_AI_PROMPT_LATE_H

#include "ai/prompt.h"

#include <sys/queue.h>

typedef struct gk_prompts_awake gk_prompts_awake;

/* The part of a body that only those of files have. */
typedef struct gk_late_prompt {
	gk_app *app;
	gk_prompt_body *body;
	gk_engine *engine;     /* NULL: the application's */
	char *variant;         /* NULL: none */
	char *mistake;         /* what is wrong with the file now; NULL: nothing */
	gk_prompts_awake *all; /* counted */
	bool is_awake;
	TAILQ_ENTRY(gk_late_prompt) link; /* while it is awake; the one asked last is the last */
	json_t *metadata;                 /* the document's, resolved; NULL: not made yet */
	json_t *about;    /* what its actions say of themselves; NULL: not made yet */
	gk_schema *input; /* NULL: not made yet, or anything */
	bool has_input;   /* `input` is made */
} gk_late_prompt;

/** Makes a body one of a file: its document is there. `app` must outlive it, `engine` (NULL: the application's) gets a
 * reference. `mistake` NULL: none. */
GK_MUST_USE gk_code gk_late_prompt_new(gk_app *app, gk_prompt_body *body, gk_engine *engine,
	const char *variant, const char *mistake, gk_error *err);
/** NULL is allowed. */
void gk_late_prompt_free(gk_late_prompt *late);
/** Everything that waking it would need later, so that mistakes show now. Its errors begin with a place. */
GK_MUST_USE gk_code gk_late_prompt_try(gk_late_prompt *late, gk_error *err);
void gk_late_prompt_rest(gk_late_prompt *late);

/** What the actions of a file's prompt say of themselves. */
extern const gk_action_late gk_prompt_late;

#endif
