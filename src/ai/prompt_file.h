/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Prompts of .prompt documents: `menu` is the actions /prompt/menu and /executable-prompt/menu, and on request the flow
 * prompts/menu, which asks the model and gives its text, or its output when the document has an output schema or format. A
 * document that says `agent` is the agent /agent/menu as well.
 *
 *	rc = gk_prompt_file_define(app, &(gk_prompt_file_opts){ .name = "menu", .document = doc }, err);
 */
#ifndef GK_AI_PROMPT_FILE_H
#define GK_AI_PROMPT_FILE_H

#include "ai/prompt.h"

#define GK_PROMPT_FLOW_PREFIX "prompts/"

typedef struct gk_prompt_file_opts {
	const char *name;             /* without variant; may have slashes */
	const char *variant;          /* NULL: none */
	gk_prompt_document *document; /* gets a reference, and is let rest */
	gk_engine *engine; /* whose partials it sees; gets a reference; NULL: the application's */
	const char *
		mistake; /* what is wrong with the file now, shown as metadata.error; NULL: nothing */
	bool is_flow;    /* also the flow */
} gk_prompt_file_opts;

/**
 * Defines it, in the place of an older one that came from a file. Runs under way go on with the one they began with.
 * Nothing but the source is kept in memory until it is asked for (ai/prompt_late.h). A named schema that there is not is a
 * warning, and NOT_FOUND when the prompt is used.
 * Errors leave the older one and begin with a place: what gk_prompt_document_check() and gk_prompt_document_metadata() say,
 * INVALID_ARGUMENT for front matter of a wrong type or a schema that is none. ALREADY_EXISTS when code defined the prompt.
 */
GK_MUST_USE gk_code gk_prompt_file_define(
	gk_app *app, const gk_prompt_file_opts *opts, gk_error *err);
/** Whether members of the front matter have the type that they must have; INVALID_ARGUMENT, with a place. */
GK_MUST_USE gk_code gk_prompt_file_check(gk_prompt_document *document, gk_error *err);
/**
 * What is wrong with the file now (NULL: nothing), shown as metadata.error. The prompt that is there goes on serving; where
 * there is none, /prompt/NAME is listed with the mistake and fails with it. ALREADY_EXISTS when code defined the prompt.
 */
GK_MUST_USE gk_code gk_prompt_file_set_mistake(
	gk_app *app, const char *name, const char *variant, const char *mistake, gk_error *err);
/** Withdraws it, its flow and its agent. False when there is none that came from a file. */
bool gk_prompt_file_remove(gk_app *app, const char *name, const char *variant);
/** Whether a good version of one that came from a file is there. */
bool gk_prompt_file_serves(gk_app *app, const char *name, const char *variant);

gk_action_fn gk_broken_prompt_action; /* of /prompt/NAME where no version is good */

#endif
