/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Prompts: what is said to a model, with a place for input, under a name. A prompt `menu` is the actions /prompt/menu,
 * which gives the request it makes, and /executable-prompt/menu, whose output /util/generate takes (tools section 7).
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code suggest(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		gk_auto_response gk_response *reply = NULL;
 *		gk_code rc = gk_run_prompt(ctx, "menu", input, GK_OPTS(gk_generate_opts, .on_chunk = gk_forward_chunk),
 *			&reply, err);
 *
 *		if (rc == GK_OK)
 *			*ret = json_string(gk_response_text(reply));
 *		return rc;
 *	}
 *
 *	GK_MODULE(menus, app, err)
 *	{
 *		gk_code rc = gk_define_test_models(app, err);
 *
 *		if (rc == GK_OK)
 *			rc = gk_define_prompt(app, GK_OPTS(gk_prompt_opts, .name = "menu", .model = "test/echo",
 *				.input = "theme: string", .system = "You are a cook.",
 *				.prompt = "Invent one dish for a {{theme}} restaurant."), err);
 *		return rc == GK_OK ? gk_define_flow(app,
 *			GK_OPTS(gk_flow_opts, .name = "suggest", .run = suggest), err) : rc;
 *	}
 *
 * Running "suggest" with {"theme": "pirate"}
 * gives "Echo: system: You are a cook.,Invent one dish for a pirate restaurant.; config: {}"
 *
 * Texts are templates (Handlebars, docs of Dotprompt); {{@auth.uid}} and the like are members of the context.
 */
#ifndef GENKIT_PROMPT_H
#define GENKIT_PROMPT_H

#include <genkit/generate.h>
#include <genkit/helper.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/** Gives messages for an input; `history` (borrowed; NULL: none) are those of the caller, to be put where they belong. */
typedef gk_code gk_prompt_messages_fn(
	gk_ctx *ctx, json_t *input, json_t *history, void *user, json_t **ret, gk_error *err);

typedef struct gk_prompt_opts {
	size_t size;
	const char *name;    /* required */
	const char *variant; /* NULL: none; the prompt is NAME.VARIANT then */
	const char *description;
	const char *model;             /* name; NULL: the caller's, or the default */
	const gk_model_ref *model_ref; /* wins */
	json_t *config;                /* borrowed */
	const char *input;             /* schema text; NULL: anything */
	json_t *input_json;            /* borrowed; the schema as a value, which wins */
	/* What is said, in this order. Each as a template, as it stands (borrowed), or by a function, of which the later wins.
	 * Parts are a text, a part, or an array of parts. What is given with `messages` as it stands leaves no place for the
	 * messages of the caller. */
	const char *system;
	json_t *system_parts;
	gk_action_fn *system_fn;
	const char *messages;
	json_t *messages_json;
	gk_prompt_messages_fn *messages_fn;
	const char *prompt;
	json_t *prompt_parts;
	gk_action_fn *prompt_fn;
	json_t *docs; /* borrowed */
	gk_action_fn *docs_fn;
	/* As in gk_generate_opts. */
	const char *output_format, *output_schema;
	json_t *output_schema_json, *output;
	const char *const *tools;
	const char *tool_choice;
	int max_turns;
	bool return_tool_requests;
	const char *const *use;
	json_t *use_json;
	json_t *context;
	json_t *metadata; /* borrowed */
	void *user;       /* of the functions; gk_ctx_user() in the others */
} gk_prompt_opts;

/** Errors: as gk_define_action(); INVALID_ARGUMENT for a template that is none. */
gk_code gk_define_prompt(gk_app *app, const gk_prompt_opts *opts, gk_error *err);

/** The action /prompt/NAME[.VARIANT], also one of a plugin; `*ret` is a new reference. NOT_FOUND "Prompt NAME not found". As a
 * tool it is named by its name. */
GK_MUST_USE GK_SUSPENDS gk_code gk_lookup_prompt(
	gk_ctx *ctx, const char *name, const char *variant, gk_action **ret, gk_error *err);

/** Asks a model with what the prompt of that name (NAME or NAME.VARIANT) makes of `input` (borrowed; NULL: none; not
 * validated). What `opts` (NULL: nothing) says replaces what the prompt says, but for `config`, which is merged; its
 * `messages` are the history; `system` and `prompt` are not looked at. */
GK_MUST_USE GK_SUSPENDS gk_code gk_run_prompt(gk_ctx *ctx, const char *name, json_t *input,
	const gk_generate_opts *opts, gk_response **ret, gk_error *err);
/** The same without asking: {model?, messages, config?, docs?, tools?, output?, ...}. New reference. */
GK_MUST_USE GK_SUSPENDS gk_code gk_render_prompt(gk_ctx *ctx, const char *name, json_t *input,
	const gk_generate_opts *opts, json_t **ret, gk_error *err);

/** A helper for all templates of the application; a later one of the name replaces it. */
gk_code gk_define_helper(
	gk_app *app, const char *name, gk_helper_fn *run, void *user, gk_error *err);
/** A piece of a template, {{>name}}. */
gk_code gk_define_partial(gk_app *app, const char *name, const char *source, gk_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
