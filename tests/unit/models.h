/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the tests of generate share: a model that gives what it is told to, and code that runs in a call. */
#ifndef TESTS_MODELS_H
#define TESTS_MODELS_H

#include "core.h"

#include <genkit/generate.h>
#include <genkit/tool.h>

/** core_start() with /util/generate, the model "scripted" as the default, and the tools "add" (a + b, of two numbers),
 * "fail" ("kaput") and "ask" (an interrupt until it is resumed: then what it was resumed with). */
void models_start(void);
void models_stop(void);

/** What "scripted" gives, one a call, as text with ' for ": a response, or {'chunks': [...], 'resp': {...}}. The last one is
 * given again and again. */
void models_script(const char *turns);
/** The requests it got since models_script(), oldest first. Borrowed. */
extern json_t *models_saw;

/** Runs gk_generate() in a flow and gives the wire form of the response; fails the test when it fails. */
json_t *models_generate(const gk_generate_opts *opts);
/** The same, expecting a failure. */
void models_fail(const gk_generate_opts *opts, gk_code code, const char *message);

/** A gk_chunk_fn: appends to the array `user`. */
gk_chunk_fn models_keep_chunk;

#endif
