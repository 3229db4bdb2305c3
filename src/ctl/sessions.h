/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* genkitctl sessions. */
#ifndef GK_CTL_SESSIONS_H
#define GK_CTL_SESSIONS_H

#include "ctl/ctl.h"

GK_SUSPENDS gk_code gk_ctl_sessions(gk_ctl *ctl, gk_error *err);

#endif
