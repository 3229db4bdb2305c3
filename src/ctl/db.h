/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#ifndef GK_CTL_DB_H
#define GK_CTL_DB_H

#include "ctl/ctl.h"

#include <genkit/json.h>

/** check, stats, vacuum, or backup with a file. */
GK_MUST_USE GK_SUSPENDS gk_code gk_ctl_db(gk_ctl *ctl, gk_error *err);
/** The same of a file, without a daemon; a file of an earlier version is brought to that of today, a later one refused.
 * `copy` only for a backup, absolute. *ret is a new reference. */
GK_MUST_USE gk_code gk_ctl_db_file(
	const char *file, const char *chore, const char *copy, json_t **ret, gk_error *err);

#endif
