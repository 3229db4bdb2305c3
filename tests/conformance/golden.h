/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Golden traces: programs of the small language that they are written in, run, and their spans compared (telemetry section
 * 12). */
#ifndef TESTS_CONFORMANCE_GOLDEN_H
#define TESTS_CONFORMANCE_GOLDEN_H

#include "conformance.h"
#include "core_app.h"

#include <genkit/genkit.h>

/* --- golden_eval.c: expressions --- */

/* Variables by name; the innermost hides the others. */
typedef struct golden_scope {
	const struct golden_scope *up;
	json_t *variables;
} golden_scope;

/** *ret stays NULL for "undefined". An operator that is not known ends the program. */
gk_code golden_eval(
	gk_ctx *ctx, const golden_scope *scope, json_t *expr, json_t **ret, gk_error *err);
/** Fails as an error of the program describes; its `message` is an expression. */
gk_code golden_throw(gk_ctx *ctx, const golden_scope *scope, json_t *error, gk_error *err);
/** generate() as its members ask; `streams`: chunks' texts go to the caller. */
gk_code golden_generate(gk_ctx *ctx, json_t *opts, bool streams, gk_response **ret, gk_error *err);

/* --- golden_app.c: components --- */

/** Defines it; ends the program when it is of no known kind. */
void golden_define(core_app *app, json_t *component);

/* --- golden_agent.c: entries that talk to agents --- */

/** The outcome; NULL: it failed. */
json_t *golden_chat(core_app *app, json_t *entry, gk_error *err);
json_t *golden_bidi(core_app *app, json_t *entry, gk_error *err);

/* --- golden_compare.c --- */

/** True when the spans [SpanData], in the order in which they ended, are what the file has: else a line for people in
 * `why`. */
bool golden_compare_traces(const json_t *file, const json_t *spans, gk_buf *why);
/** The order in which they ended (rule 10). */
bool golden_compare_order(const json_t *file, const json_t *spans, gk_buf *why);
/** Shows and compares with masks (rules 5 to 7). */
bool golden_equal(const json_t *golden, const json_t *candidate);

conformance_file_fn golden_run;

#endif
