/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * .prompt documents: YAML front matter (model, config, input, output, tools...) and a template.
 *
 *	rc = gk_prompt_document_parse(text, len, "prompts/hello.prompt", &doc, err);
 *	rc = gk_prompt_document_check(doc, engine, err);
 *	rc = gk_prompt_document_metadata(doc, engine, NULL, &metadata, err);
 *	rc = gk_prompt_document_messages(doc, engine, metadata, &(gk_prompt_data){ .input = input }, &messages, err);
 *
 * A document never changes and may be shared, but it may rest: of what it is, only the source is then in memory, and the
 * next use makes the remainder again; references may be taken and given back on any thread, the rest is for one
 * thread at a time. Errors that have a place begin "FILE:LINE:COLUMN: ", counted from 1 at the
 * start of the file.
 */
#ifndef GK_DOTPROMPT_DOCUMENT_H
#define GK_DOTPROMPT_DOCUMENT_H

#include "dotprompt/template.h"

typedef struct gk_prompt_document gk_prompt_document;

/**
 * Takes the source apart (it is copied). `name` stands in errors: a file, a prompt's name; NULL: "<prompt>".
 * Fails only for front matter that is no YAML. A mistake in the template is kept for gk_prompt_document_check() and for
 * rendering, because the reference lists such prompts too. A document without front matter is all template.
 */
GK_MUST_USE gk_code gk_prompt_document_parse(
	const char *source, size_t len, const char *name, gk_prompt_document **ret, gk_error *err);
gk_prompt_document *gk_prompt_document_ref(gk_prompt_document *doc);
gk_prompt_document *gk_prompt_document_unref(gk_prompt_document *doc);
static inline void gk_prompt_document_unrefp(gk_prompt_document **doc)
{
	gk_prompt_document_unref(*doc);
}
#define gk_auto_prompt_document GK_CLEANUP(gk_prompt_document_unrefp)

/** What the file says, borrowed, not to be changed: {ext: {}, metadata: {}, config: {}, the reserved keys that are there
 * (config description input model name output toolDefs tools variant version), raw?, template}. `raw` is the whole front
 * matter; absent without one. Good until it rests; NULL when memory ran out. maxTurns, toolChoice, use and the like are read from `raw`. */
json_t *gk_prompt_document_parsed_peek(gk_prompt_document *doc);
/** The template's text. */
const char *gk_prompt_document_template_peek(const gk_prompt_document *doc, size_t *len_ret);
/** True when the first line is "---" and yet there is no front matter (no second "---", nothing between): worth a
 * warning, because it is all sent to the model. */
bool gk_prompt_document_lacks_front_matter(const gk_prompt_document *doc);

/** Lets it rest. Nothing of it may be in use but by references of one's own. */
void gk_prompt_document_rest(gk_prompt_document *doc);
/** Puts the file and the line of a key of its front matter before an error's message; `key` NULL: the one that
 * gk_prompt_document_metadata() has just failed for. Returns its code. */
gk_code gk_prompt_document_key_mistake(
	const gk_prompt_document *doc, const char *key, gk_error *err);

/** Everything of the template that can be known to be wrong without rendering: its syntax, helpers that the engine has
 * not. Partials and schemas are not looked at. */
GK_MUST_USE gk_code gk_prompt_document_check(
	gk_prompt_document *doc, gk_engine *engine, gk_error *err);

/* What may be laid over the metadata of the file; all borrowed, all may be NULL. */
typedef struct gk_prompt_overrides {
	json_t *metadata; /* object; its keys win over the file's, `config` is merged member by member */
	const char *default_model; /* whose config is the base when nothing names a model */
	json_t *model_configs;     /* object: model -> config */
} gk_prompt_overrides;

/**
 * The metadata as a model needs it: schemas turned into JSON Schema, tools that the engine knows moved to `toolDefs`,
 * no `template`. `input.schema` and `output.schema` keep a `type: any` (gk_schema_drop_any_take()). A new reference,
 * which may share parts with the document: not to be changed but by members of its own.
 * Errors: INVALID_ARGUMENT from Picoschema, "Dotprompt: Unable to resolve tool ...", what the engine's resolver says.
 */
GK_MUST_USE gk_code gk_prompt_document_metadata(gk_prompt_document *doc, gk_engine *engine,
	const gk_prompt_overrides *overrides, json_t **ret, gk_error *err);

/* What a prompt is rendered with; all borrowed, all may be NULL. */
typedef struct gk_prompt_data {
	json_t *input;    /* object; anything else counts as none */
	json_t *defaults; /* object under `input` and over the file's `input.default` */
	json_t *messages; /* array: the history */
	json_t *stand_in; /* array: goes where the history goes, in its stead; NULL: the history */
	json_t *docs;     /* {{@metadata.docs}} */
	json_t *context;  /* object of @variables: auth, state, ... */
	void (*log)(const char *level, const char *text, void *user); /* what {{log}} writes */
	void *user;
} gk_prompt_data;

/** The input as the template will see it: the file's `input.default`, `defaults`, `input`, one over the other. This is
 * what a prompt's action validates. A new reference, the input itself when there is nothing under it. */
GK_MUST_USE gk_code gk_prompt_document_input(
	gk_prompt_document *doc, const gk_prompt_data *data, json_t **ret, gk_error *err);

/** The messages. `metadata` (borrowed) is what gk_prompt_document_metadata() gave, shown as {{@metadata.prompt}} without
 * its `input`; NULL: it is made when the template asks for it. */
GK_MUST_USE gk_code gk_prompt_document_messages(gk_prompt_document *doc, gk_engine *engine,
	json_t *metadata, const gk_prompt_data *data, json_t **ret, gk_error *err);

/** Both in one, as the reference's render(): the metadata without `input`, with `messages`. */
GK_MUST_USE gk_code gk_prompt_document_render(gk_prompt_document *doc, gk_engine *engine,
	const gk_prompt_overrides *overrides, const gk_prompt_data *data, json_t **ret,
	gk_error *err);

#endif
