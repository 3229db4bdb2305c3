/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The plugins that the configuration names. */
#ifndef GK_DAEMON_PLUGINS_H
#define GK_DAEMON_PLUGINS_H

#include "daemon/config.h"

#include <genkit/app.h>

/** Uses what is below `plugins`; keys and addresses of plugins are looked for when they are first used. Errors name the
 * place in the configuration. */
GK_MUST_USE gk_code gk_plugins_configure(gk_app *app, const gk_config *config, gk_error *err);

#endif
