/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Cross-origin requests: which web pages may read what a listener answers. */
#ifndef GK_SERVER_CORS_H
#define GK_SERVER_CORS_H

#include "server/http.h"

/** `origins` are "https://app.example", or "*" for any; NULL or empty: none. True when this one may. */
bool gk_cors_allows(const char *const *origins, const char *origin);
/** Sets the headers of the answer. False when it was a preflight and has been answered. */
bool gk_cors_guard(gk_exchange *x, const char *const *origins);

#endif
