/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The helpers that Dotprompt adds to those of Handlebars. */
#ifndef GK_DOTPROMPT_HELPER_BUILTIN_H
#define GK_DOTPROMPT_HELPER_BUILTIN_H

#include "dotprompt/render.h"

gk_helper_fn gk_helper_role, gk_helper_history, gk_helper_section, gk_helper_media, gk_helper_json,
	gk_helper_if_equals, gk_helper_unless_equals;

#endif
