/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#ifndef GK_AI_GENERATE_REQUEST_H
#define GK_AI_GENERATE_REQUEST_H

#include "core/app.h"
#include "json/schema.h"

/** The schema of a text, which is kept: a call that names the same text again gets the same. Borrowed until the next
 * call. */
gk_code gk_schema_of_text(gk_app *app, const char *text, gk_schema **ret, gk_error *err);

#endif
