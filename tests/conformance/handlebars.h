/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the kinds "handlebars", "dotprompt" and "dotprompt-docs" share. */
#ifndef TESTS_CONFORMANCE_HANDLEBARS_H
#define TESTS_CONFORMANCE_HANDLEBARS_H

#include "conformance.h"
#include "dotprompt/engine.h"

/** Sets a helper of the vectors' catalogue; false: there is none of that name. */
bool handlebars_set_helper(gk_engine *engine, const char *name);
/** Whether an error is the recorded one. Of what the parser says, the line and the two lines that show the place count,
 * not the tokens it expected. */
bool handlebars_same_error(const char *got, const char *expected);

#endif
