/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What the files of Google's credentials share.
 *
 *	google_auth.c     where credentials are found
 *	google_token.c    a token for them, by their type
 *	google_machine.c  the machine's own identity
 */
#ifndef GK_PLUGINS_GOOGLE_AUTH_INTERNAL_H
#define GK_PLUGINS_GOOGLE_AUTH_INTERNAL_H

#include "base/limits.h"
#include "plugins/common/google_auth.h"

#define GK_GOOGLE_WHO   "google credentials" /* begins errors */
#define GK_GOOGLE_SCOPE "https://www.googleapis.com/auth/cloud-platform"

/** `from` is named by errors. INVALID_ARGUMENT: it is no JSON object. */
GK_MUST_USE gk_code gk_google_parse(
	const char *from, const char *text, json_t **ret, gk_error *err);
/** What a file holds, for gk_token_free(). NOT_FOUND, UNAVAILABLE. */
GK_MUST_USE GK_SUSPENDS gk_code gk_google_read(const char *path, char **ret, gk_error *err);
/** A token for credentials (for gk_token_ask_fn). */
GK_MUST_USE GK_SUSPENDS gk_code gk_google_ask(gk_ctx *ctx, const json_t *credentials,
	char **text_ret, uint64_t *seconds_ret, gk_error *err);
/** The same of the machine. UNAUTHENTICATED: it has none. */
GK_MUST_USE GK_SUSPENDS gk_code gk_google_machine(
	gk_ctx *ctx, char **text_ret, uint64_t *seconds_ret, gk_error *err);
/** The project that the machine is of, owned by the caller; `*ret` NULL: it does not say. */
GK_MUST_USE GK_SUSPENDS gk_code gk_google_machine_project(gk_ctx *ctx, char **ret, gk_error *err);

#endif
