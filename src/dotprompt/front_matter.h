/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Where a document's front matter is.
 *
 *	# comments and blank lines
 *	---
 *	model: m            matter
 *	---
 *	Hello {{name}}      body
 */
#ifndef GK_DOTPROMPT_FRONT_MATTER_H
#define GK_DOTPROMPT_FRONT_MATTER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct gk_front_matter {
	size_t begin, end; /* of the matter, without the lines of dashes */
	size_t body;       /* where the body begins */
} gk_front_matter;

/** False: there is none, all is body. That is so too when nothing is between the dashes, or the second line of them is
 * not ended. */
bool gk_front_matter_find(const char *text, size_t len, gk_front_matter *ret);
/** Past the comments and blank lines that may stand before the first line of dashes. */
size_t gk_front_matter_skip(const char *text, size_t len);

#endif
