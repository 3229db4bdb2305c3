/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Handlebars templates, compiled once and rendered often.
 *
 *	rc = gk_template_compile(text, len, NULL, NULL, &tmpl, err);
 *	rc = gk_template_render(tmpl, &(gk_template_input){ .engine = engine, .context = input }, &text,
 *		NULL, NULL, err);
 *
 * A compiled template never changes and may be shared. Values are read where they are: nothing of the input is copied,
 * and its strings reach the output once. Errors are INVALID_ARGUMENT with the texts of handlebars.js, which end in
 * " - LINE:COLUMN" or begin "Parse error on line LINE:"; limits (limits.h) are RESOURCE_EXHAUSTED.
 */
#ifndef GK_DOTPROMPT_TEMPLATE_H
#define GK_DOTPROMPT_TEMPLATE_H

#include "dotprompt/engine.h"

typedef struct gk_template gk_template;

/* Zero is what Dotprompt uses. */
typedef struct gk_template_opts {
	bool escapes_html;       /* {{x}} escapes & < > " ' ` = */
	bool guesses_helpers;    /* an unknown {{x 1}} is an error only when it is reached */
	bool ignores_standalone; /* lines with only a tag keep their blanks and line end */
	bool prevents_indent;    /* partials alone on their line are not indented */
} gk_template_opts;

/* Where a mistake is, in the source that was compiled; both counted from 1, columns in characters. line 0: unknown. */
typedef struct gk_template_place {
	unsigned line, column;
} gk_template_place;

/** `opts` NULL: all false. `place`, unless NULL, is set when it fails. The text is copied; what is not UTF-8 becomes
 * U+FFFD. */
GK_MUST_USE gk_code gk_template_compile(const char *text, size_t len, const gk_template_opts *opts,
	gk_template_place *place, gk_template **ret, gk_error *err);
gk_template *gk_template_ref(gk_template *tmpl);
gk_template *gk_template_unref(gk_template *tmpl);
static inline void gk_template_unrefp(gk_template **tmpl)
{
	gk_template_unref(*tmpl);
}
#define gk_auto_template GK_CLEANUP(gk_template_unrefp)

/** Whether an engine has what the template calls: unknown helpers with arguments, also in branches that would not be
 * taken. Rendering checks the same. Partials are not looked at. */
GK_MUST_USE gk_code gk_template_check(
	gk_template *tmpl, gk_engine *engine, gk_template_place *place, gk_error *err);

/* What a template is rendered with; all borrowed. */
typedef struct gk_template_input {
	gk_engine *engine;
	json_t *context; /* any value; NULL: undefined */
	json_t *data;    /* object of the @variables; NULL: none */
	/** Asked for a variable that `data` has not: a new reference, NULL for undefined. NULL: there are no more. */
	json_t *(*more_data)(const char *name, void *user);
	void *user;
	/** What {{log}} writes, one call each; NULL: nothing. Levels "debug", "info", "warn", "error". */
	void (*log)(const char *level, const char *text, void *user);
} gk_template_input;

/** The output as text, NUL-terminated, for free(). Role, history, section and media markers show as
 * "<<<dotprompt:role:user>>>". `len_ret`, `place` may be NULL; a mistake inside of a partial has no place. */
GK_MUST_USE gk_code gk_template_render(gk_template *tmpl, const gk_template_input *input,
	char **ret, size_t *len_ret, gk_template_place *place, gk_error *err);
/** The output as an array of messages, {"role", "content"}, cut at the markers that the helpers wrote: the same
 * characters in values are text. `history` (borrowed; NULL: none) goes where {{history}} is, or before the last message
 * if that is the user's, or to the end. A message's text or URL that is one value of the input is that value. */
GK_MUST_USE gk_code gk_template_messages(gk_template *tmpl, const gk_template_input *input,
	json_t *history, json_t **ret, gk_template_place *place, gk_error *err);
/** What {{history}} makes of a message of it. New reference; NULL when memory ran out. */
json_t *gk_template_history_message(json_t *message);

#endif
