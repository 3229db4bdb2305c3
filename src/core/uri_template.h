/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Could this template have produced that URI? The lenient inverse of RFC 6570 that the reference uses: expressions take
 * anything, also slashes (actions section 10). The strict form keeps {x} to one segment that is not empty.
 */
#ifndef GK_CORE_URI_TEMPLATE_H
#define GK_CORE_URI_TEMPLATE_H

#include <stdbool.h>

bool gk_uri_template_matches(const char *uri_template, const char *uri, bool is_strict);

#endif
