/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* genkitctl test-model. */
#ifndef GK_CTL_TEST_MODEL_H
#define GK_CTL_TEST_MODEL_H

#include "ctl/ctl.h"

/** What is to be tried: [{"model", "supports"?: [names of cases], "tests"?: [{"name"?, "input", "validators", "stream"?}]}].
 * By the command line: of one model, or as a file of JSON or YAML has it. New reference. INVALID_ARGUMENT. */
GK_MUST_USE gk_code gk_model_suites(const gk_ctl_options *options, json_t **ret, gk_error *err);
/** The cases of a suite: [{"name", "input", "validators", "stream"?}]. `info` is what the model says of itself (ModelInfo;
 * NULL: nothing): where nothing is asked for, what it says it cannot do is left out. New reference. INVALID_ARGUMENT: there
 * is no case of the name. */
GK_MUST_USE gk_code gk_model_suite_cases(
	json_t *suite, const json_t *info, json_t **ret, gk_error *err);

GK_SUSPENDS gk_code gk_ctl_test_model(gk_ctl *ctl, gk_error *err);

#endif
