/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#ifndef GK_DOTPROMPT_DOCUMENT_INTERNAL_H
#define GK_DOTPROMPT_DOCUMENT_INTERNAL_H

#include "dotprompt/document.h"

struct gk_prompt_document {
	unsigned refs;
	char *name;
	json_t *parsed;
	gk_template *tmpl; /* NULL: there is a mistake in it */
	gk_error mistake;
	gk_template_place place;           /* of the mistake, in the template */
	unsigned first_line, first_column; /* of the template in the source */
	bool lacks_front_matter;
	json_t *metadata; /* resolved, when that depends on nothing but the file; NULL: not made yet */
};

/** Puts the file and the place before an error's message. Returns its code. */
gk_code gk_prompt_document_mistake(
	const gk_prompt_document *doc, gk_template_place place, gk_error *err);
/** The mistake that was found while compiling, if any. */
gk_code gk_prompt_document_compiled(const gk_prompt_document *doc, gk_error *err);

#endif
