/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the kinds "dotprompt" and "dotprompt-docs" share. */
#ifndef TESTS_CONFORMANCE_DOTPROMPT_H
#define TESTS_CONFORMANCE_DOTPROMPT_H

#include "conformance.h"
#include "dotprompt/document.h"

/** An engine with the `tools`, `schemas` and `partials` of an object, and resolvers over its `resolverTools`,
 * `resolverSchemas` and `resolverPartials`. The object must outlive it. */
gk_engine *dotprompt_engine(json_t *env);
/** The data of a case for rendering: `input`, `messages`, `docs`, `context`, and `input.default` of its options. */
gk_prompt_data dotprompt_data(const json_t *data, const json_t *options);
/** Whether an error is the recorded one, wherever in the file it is said to be. */
bool dotprompt_same_error(const gk_error *err, const char *expected);

#endif
