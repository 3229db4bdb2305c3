/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the files of prompts share: the body of one, and the engine its templates are rendered by. */
#ifndef GK_AI_PROMPT_H
#define GK_AI_PROMPT_H

#include "core/call.h"
#include "dotprompt/document.h"

#include <genkit/prompt.h>

/* One thing that is said: a template, a value, or a function. All NULL: nothing. */
typedef struct gk_prompt_said {
	gk_prompt_document *document;
	json_t *value;
	gk_action_fn *fn;
} gk_prompt_said;

/* Shared by the two actions of a prompt. */
typedef struct gk_prompt_body {
	unsigned refs;
	char *name;   /* with its variant */
	json_t *base; /* what a request begins with: {model?, config?, docs?, tools?, output?, ...} */
	json_t *marks; /* {prompt: ...}: `metadata` of what is rendered; NULL: none */
	gk_prompt_said system, messages, prompt, docs;
	gk_prompt_messages_fn *messages_fn;
	void *user;
	struct gk_late_prompt
		*late; /* `messages` is the document of a file, and may rest; NULL: no */
	bool is_agent; /* which says that it is an agent, too; and that is defined */
} gk_prompt_body;

/** Before `base` and `marks` are looked at: of a file they are read when they are wanted, and may go when the fiber waits. */
GK_MUST_USE gk_code gk_prompt_body_wake(gk_prompt_body *body, gk_error *err);
/** Where its templates look for helpers and partials. Borrowed; NULL when memory ran out. */
gk_engine *gk_prompt_body_engine_peek(gk_app *app, const gk_prompt_body *body);

gk_prompt_body *gk_prompt_body_ref(gk_prompt_body *body);
void gk_prompt_body_unref(void *body);
/** The body behind a /prompt/ or /executable-prompt/ action; NULL: it is not one of ours. Borrowed. */
gk_prompt_body *gk_prompt_body_peek(const gk_action *action);
/* For those who put the caller's messages into what was rendered by themselves. */
typedef struct gk_prompt_view {
	json_t *stand_in; /* a list that goes where they go; a function that places them is given them all the same. NULL: none */
	/** What the span shows of what was rendered: a new reference; NULL when memory ran out. */
	json_t *(*shown)(json_t *rendered, void *user);
	void *user;
} gk_prompt_view;
/** In a span of type promptTemplate: what the prompt makes of an input, with what `opts` (NULL: nothing) says over it. `view`
 * NULL: as it is. */
GK_MUST_USE GK_SUSPENDS gk_code gk_prompt_body_render(gk_ctx *ctx, gk_prompt_body *body,
	json_t *input, const gk_generate_opts *opts, const gk_prompt_view *view, json_t **ret,
	gk_error *err);
/** The options of gk_generate() that a rendered prompt stands for; `more` (NULL: none) gives what no JSON can say. They point
 * into `rendered` and `names_ret`, which the caller frees. */
gk_code gk_prompt_generate_opts(json_t *rendered, const gk_generate_opts *more,
	gk_generate_opts *ret, gk_model_ref *ref, const char ***names_ret, gk_error *err);
/** {model?, config?, docs?, tools?, output?, maxTurns?, ...} as options say it. */
gk_code gk_prompt_say(gk_app *app, const gk_generate_opts *opts, json_t **ret, gk_error *err);

gk_around_fn gk_prompt_with_defaults; /* the document's values under the input */
gk_action_fn gk_prompt_flow;          /* of prompts/NAME, which asks the model */

/** Whether what its document says of an agent is right, and the name is free: `old` (NULL: none) is the body that makes place.
 * Errors begin with a place. */
gk_code gk_prompt_agent_check(
	gk_app *app, const gk_prompt_body *body, const gk_prompt_body *old, gk_error *err);
/** /agent/NAME and its companions, which take their turns with the prompt, in place of those of `old` (NULL: none), which stay
 * when it fails. None when the document says nothing of one. */
gk_code gk_prompt_define_agent(
	gk_app *app, gk_prompt_body *body, gk_prompt_body *old, gk_error *err);
void gk_prompt_withdraw_agent(gk_app *app, gk_prompt_body *body);

gk_action_fn gk_prompt_action;            /* of /prompt/NAME */
gk_action_fn gk_executable_prompt_action; /* of /executable-prompt/NAME */

/** The engine of an application's templates. Borrowed; NULL when memory ran out. */
gk_engine *gk_app_engine_peek(gk_app *app);

#endif
