/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* How an evaluator goes through a dataset: batch by batch, the cases of a batch at the same time. */
#ifndef GK_AI_EVALUATE_H
#define GK_AI_EVALUATE_H

#include <genkit/evaluator.h>

/** The results of a request {"dataset", "evalRunId", "options"?, "batchSize"?} that `fn` gives case by case. New
 * reference. */
GK_MUST_USE GK_SUSPENDS gk_code gk_evaluate_cases(
	gk_ctx *ctx, gk_evaluator_fn *fn, void *user, json_t *request, json_t **ret, gk_error *err);
/** Copies of the cases; those without a testCaseId get a random one. New reference. */
GK_MUST_USE gk_code gk_cases_with_ids(json_t *dataset, json_t **ret, gk_error *err);

#endif
