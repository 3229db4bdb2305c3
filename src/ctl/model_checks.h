/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What a model's answer must be like: the validators of Genkit's dev:test-model, by name. */
#ifndef GK_CTL_MODEL_CHECKS_H
#define GK_CTL_MODEL_CHECKS_H

#include <genkit/status.h>

/** Holds an answer to "NAME[:ARGUMENT]". `response` is a GenerateResponse, `chunks` an array of what was streamed; both are
 * borrowed. INVALID_ARGUMENT: there is no such validator; FAILED_PRECONDITION: it is not so, and why. */
GK_MUST_USE gk_code gk_model_check(
	const char *validator, const json_t *response, const json_t *chunks, gk_error *err);

#endif
