/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#ifndef GK_AI_FETCHING_H
#define GK_AI_FETCHING_H

#include "core/call.h"
#include "core/app.h"
#include "loop/fetch.h"

/** The HTTP client that this floor fetches with, made when it is first asked for. Borrowed. */
gk_code gk_app_fetch_client(gk_app *app, gk_fetch_client **ret, gk_error *err);

#endif
