/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The wire form of a response: {message, finishReason, finishMessage?, usage, custom, request?, operation?} (generate
 * section 1.5). */
#ifndef GK_AI_RESPOND_H
#define GK_AI_RESPOND_H

#include <genkit/status.h>

/** From what a model gave. */
gk_code gk_respond(json_t *given, json_t *request, json_t **ret, gk_error *err);
/** From what a background model gave. */
gk_code gk_respond_operation(json_t *operation, json_t *request, json_t **ret, gk_error *err);
/** The same response, stopped by interrupts. */
gk_code gk_respond_interrupted(json_t *response, json_t *message, json_t **ret, gk_error *err);
/** FAILED_PRECONDITION when the model was blocked or gave no message. */
gk_code gk_respond_check(json_t *response, gk_error *err);

#endif
