/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the daemon asks of the models for tests before it changes anything. */
#ifndef GK_AI_TESTING_H
#define GK_AI_TESTING_H

#include <genkit/json.h>

/** Whether gk_test_script() would take it: INVALID_ARGUMENT, with the turn that is wrong. */
GK_MUST_USE gk_code gk_test_script_check(json_t *script, gk_error *err);

#endif
