/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The models that follow a script: testing.script and testing.models. */
#ifndef GK_DAEMON_TESTING_H
#define GK_DAEMON_TESTING_H

#include "daemon/config.h"

#include <genkit/app.h>

/** Defines the models, once, and reads the script; with neither configured nothing happens. Errors name the file. */
GK_MUST_USE gk_code gk_testing_configure(gk_app *app, const gk_config *config, gk_error *err);
/** Reads the script anew, and begins at its start. */
GK_MUST_USE gk_code gk_testing_reload(gk_app *app, const gk_config *config, gk_error *err);

#endif
