/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Tokens of Microsoft Entra, for a plugin without a key (providers/auth section 4). */
#ifndef GK_PLUGINS_ENTRA_H
#define GK_PLUGINS_ENTRA_H

#include "plugins/common/vendor.h"

/** For gk_vendor_type.setup. Nothing is asked before the first request. */
gk_code gk_entra_setup(gk_vendor *vendor, gk_error *err);

#endif
