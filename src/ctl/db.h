/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#ifndef GK_CTL_DB_H
#define GK_CTL_DB_H

#include "ctl/ctl.h"

#include <genkit/json.h>

/** check, stats, vacuum, or backup with a file. */
GK_MUST_USE GK_SUSPENDS gk_code gk_ctl_db(gk_ctl *ctl, gk_error *err);

#endif
