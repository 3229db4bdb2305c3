/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#ifndef GK_DOTPROMPT_DOCUMENT_INTERNAL_H
#define GK_DOTPROMPT_DOCUMENT_INTERNAL_H

#include "dotprompt/document.h"
#include "dotprompt/front_matter.h"

struct gk_prompt_document {
	unsigned refs;
	char *name;
	char *source; /* valid UTF-8, NUL-terminated; of it everything below can be made again */
	size_t len;
	gk_front_matter matter; /* without front matter: empty, and all is body */
	size_t body, body_len;  /* the template in the source */
	json_t *parsed;         /* NULL: it rests */
	gk_template *tmpl;      /* NULL: it rests, or there is a mistake in it */
	gk_error mistake;
	gk_template_place place;           /* of the mistake, in the template */
	unsigned first_line, first_column; /* of the template in the source */
	bool lacks_front_matter;
	const char *wrong_key; /* the key whose value could not be resolved; NULL: none */
	json_t *metadata; /* resolved, when that depends on nothing but the file; NULL: not made yet */
};

/** Puts the file and the place before an error's message. Returns its code. */
gk_code gk_prompt_document_mistake(
	const gk_prompt_document *doc, gk_template_place place, gk_error *err);
/** The template is there, or the mistake that was found while compiling it. */
gk_code gk_prompt_document_compiled(gk_prompt_document *doc, gk_error *err);

#endif
