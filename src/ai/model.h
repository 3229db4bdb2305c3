/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Models as generate sees them: found by name, asked what they can do. */
#ifndef GK_AI_MODEL_H
#define GK_AI_MODEL_H

#include "core/call.h"

#include <genkit/model.h>

/** /model/NAME, else /background-model/NAME. NOT_FOUND "Model 'NAME' not found". `*ret` is a new reference. */
GK_MUST_USE GK_SUSPENDS gk_code gk_model_find(
	gk_ctx *ctx, const char *name, gk_action **ret, gk_error *err);
/** Borrowed: metadata.model; NULL: it says nothing. */
json_t *gk_model_info_peek(const gk_action *model);
/** Whether it says that it supports something: "tools", "context"; NULL-safe. */
bool gk_model_supports(const gk_action *model, const char *what);
bool gk_model_is_background(const gk_action *model);
/** The value of defaultModel: {name, config?, version?} or a name; borrowed; NULL: there is none. */
json_t *gk_default_model_peek(gk_app *app);
/** What a reference gives a call: {version?, ...config}, as {name, config?, version?}. New reference. */
json_t *gk_model_ref_json(const gk_model_ref *ref);

/** Sets `latencyMs` of a result (consumed) that took since `started_ns`. NULL when memory ran out. */
json_t *gk_stamp_latency(json_t *result_take, uint64_t started_ns);

#endif
