/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Whose something is: what a run leaves behind for later (a session, the record of a stream) belongs to the identity in
 * whose context it was made, and to any other it does not exist (sessions and agents, section 11.1).
 *
 *	gk_auto_str char *owner = gk_owner_of(gk_ctx_context(ctx));
 */
#ifndef GK_CORE_OWNER_H
#define GK_CORE_OWNER_H

#include <genkit/json.h>

/**
 * `auth.uid` when that is text, "" when the context (NULL: none) says nothing of an identity. Any other `auth` is known
 * by a digest of all of it, "auth:...", so that two API keys are two owners and neither key is written anywhere; so is a
 * uid longer than GK_MAX_OWNER, or one that begins as a digest does. NULL when memory ran out.
 */
char *gk_owner_of(json_t *context);

#endif
