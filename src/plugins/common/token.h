/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A token that some service gives for a while: asked for when it is first needed, once however many want it, and used until
 * it is about to end. A failure is told to those who waited for it, and is not kept: the next call asks again.
 */
#ifndef GK_PLUGINS_TOKEN_H
#define GK_PLUGINS_TOKEN_H

#include "plugins/common/outgoing.h"

#include <genkit/context.h>

typedef struct gk_token_cache gk_token_cache;

/** Asks for a token: `*text_ret` is owned by the cache, `*seconds_ret` how long it holds. Runs in the fiber of one of those
 * who want it; when that one is called off, the next asks. */
typedef gk_code gk_token_ask_fn(
	gk_ctx *ctx, void *user, char **text_ret, uint64_t *seconds_ret, gk_error *err);

/** `free_user` (NULL: nothing) frees `user` with the cache. NULL when memory ran out: `user` is then still the caller's. */
gk_token_cache *gk_token_cache_new(gk_token_ask_fn *ask, void *user, void (*free_user)(void *user));
/** NULL is allowed. */
void gk_token_cache_free(gk_token_cache *cache);

/** The token (copied, owned by the caller). When a new one is not to be had, one that still holds is given. */
GK_MUST_USE GK_SUSPENDS gk_code gk_token_get(
	gk_token_cache *cache, gk_ctx *ctx, char **ret, gk_error *err);
/** The service does not take it any more: the next gk_token_get() asks anew, unless that has happened already. */
void gk_token_drop(gk_token_cache *cache, const char *text);

/** Frees it, and leaves nothing of it in memory. NULL is allowed. */
void gk_token_free(char *text);
static inline void gk_token_freep(char **text)
{
	gk_token_free(*text);
}
#define gk_auto_secret GK_CLEANUP(gk_token_freep)

/** Gives the reference back; when it is the last, no text of the object or of those in it stays in memory. NULL is allowed. */
void gk_token_wipe(json_t *object);

/** Asks a token service: `*ret` is to be given to gk_token_free(). `who` begins errors. UNAUTHENTICATED: it says no (400, 401);
 * UNAVAILABLE: it fails (5xx), nobody is there, or not in time. */
GK_MUST_USE GK_SUSPENDS gk_code gk_token_ask_text(
	gk_ctx *ctx, const char *who, gk_outgoing *out, char **ret, gk_error *err);
/** The same for one that answers in JSON: `*ret` is to be given to gk_token_wipe(). */
GK_MUST_USE GK_SUSPENDS gk_code gk_token_ask(
	gk_ctx *ctx, const char *who, gk_outgoing *out, json_t **ret, gk_error *err);
/** The same for one that answers {access_token, expires_in}. */
GK_MUST_USE GK_SUSPENDS gk_code gk_token_fetch(gk_ctx *ctx, const char *who, gk_outgoing *out,
	char **text_ret, uint64_t *seconds_ret, gk_error *err);
/** Reads such an answer, which may tell the time of its end, expires_on, instead. INTERNAL: it is none. */
GK_MUST_USE gk_code gk_token_read(gk_ctx *ctx, const char *who, const json_t *answer,
	char **text_ret, uint64_t *seconds_ret, gk_error *err);
/** A file with something secret, without the white space at its end; read by a worker. Errors are gk_file_read()'s. */
GK_MUST_USE GK_SUSPENDS gk_code gk_token_read_file(const char *path, char **ret, gk_error *err);

#endif
