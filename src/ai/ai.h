/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What every application has of this floor: /util/generate and the middleware that comes along. */
#ifndef GK_AI_AI_H
#define GK_AI_AI_H

#include "core/app.h"

/** Once for an application, before modules are loaded. */
gk_code gk_ai_init(gk_app *app, gk_error *err);

#endif
