/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The models and tools that the cases of generate speak of, and runs with chunks. */
#ifndef TESTS_CONFORMANCE_CORE_MODEL_H
#define TESTS_CONFORMANCE_CORE_MODEL_H

#include "core_app.h"

/* A model that gives what it was told to, and remembers what it was asked. */
typedef struct core_model {
	json_t *turns; /* borrowed: [{chunks?, resp}] */
	json_t *saw;   /* requests, one a call */
} core_model;

/** An application with /util/generate, the tools and the models of generate-loop.yaml. */
void core_model_start(core_app *it, core_model *model, json_t *turns);
void core_model_stop(core_app *it, core_model *model);
/** The function of such a model; its `user` is the core_model. */
gk_action_fn core_model_run;

/** Runs a key; chunks are appended to `chunks` (NULL: not streaming). */
gk_code core_model_call(
	core_app *it, const char *key, json_t *input, json_t *chunks, json_t **ret, gk_error *err);

#endif
