/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Google's application default credentials (providers/auth section 2): where they are found, and tokens for them.
 *
 *	gk_google *google = gk_google_new(app, option, err);	nothing is read or asked yet
 *	rc = gk_google_token(google, ctx, &token, err);
 */
#ifndef GK_PLUGINS_GOOGLE_AUTH_H
#define GK_PLUGINS_GOOGLE_AUTH_H

#include "plugins/common/token.h"

typedef struct gk_google gk_google;

/** `given` (referenced) is what a plugin was told: {type: "static", accessToken}, {credentials: {...}} or {keyFile}; NULL:
 * the environment, the well-known file and the machine are asked. NULL when memory ran out. */
gk_google *gk_google_new(gk_app *app, json_t *given);
/** NULL is allowed. */
void gk_google_free(gk_google *google);
/** A token (owned by the caller). UNAUTHENTICATED: there are no credentials, or they are refused; INVALID_ARGUMENT: they are
 * of no known type, or lack something; UNAVAILABLE. */
GK_MUST_USE GK_SUSPENDS gk_code gk_google_token(
	gk_google *google, gk_ctx *ctx, char **ret, gk_error *err);
/** For requests that carry its token: NULL for a static one, which cannot be renewed. */
gk_token_cache *gk_google_tokens(gk_google *google);
/** Which project they are of: as the environment or the credentials say, else as the machine does, which is asked until it says.
 * `*ret` is borrowed; NULL: nobody says. */
GK_MUST_USE GK_SUSPENDS gk_code gk_google_find_project(
	gk_google *google, gk_ctx *ctx, const char **ret, gk_error *err);
/** The same as far as it is known, and which project is billed; NULL: not known, or nothing was asked for yet. */
const char *gk_google_project(const gk_google *google);
const char *gk_google_quota_project(const gk_google *google);
/** Header and claims of the assertion that a service account signs at `now_s` since 1970. */
GK_MUST_USE gk_code gk_google_assertion(const json_t *credentials, uint64_t now_s,
	json_t **header_ret, json_t **claims_ret, gk_error *err);

#endif
