/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The models that follow a script: testing.script and testing.models. */
#ifndef GK_DAEMON_TESTING_H
#define GK_DAEMON_TESTING_H

#include "daemon/config.h"

#include <genkit/app.h>

/** Defines the models, once, and reads the script; with neither configured nothing happens. Errors name the file. */
GK_MUST_USE gk_code gk_testing_configure(gk_app *app, const gk_config *config, gk_error *err);
/** The script as it stands in its file now, checked (a new reference; NULL: none is configured); what is followed stays. */
GK_MUST_USE gk_code gk_testing_read(
	gk_app *app, const gk_config *config, json_t **ret, gk_error *err);

#endif
