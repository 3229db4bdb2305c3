/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Media that a request has by their addresses, and media as bytes. */
#ifndef GK_AI_MEDIA_H
#define GK_AI_MEDIA_H

#include <genkit/action.h>

/** A part {media: {contentType, url}} with the bytes as a data: URL. NULL when memory ran out, or beyond 1 GiB. */
json_t *gk_media_part_of_bytes(const char *type, const void *bytes, size_t len);

/* Which parts are to be fetched, and how. */
typedef struct gk_media_fetcher {
	bool (*wants)(json_t *part, void *user);
	/** Gives the part that comes in the place of `part`, as a new reference. */
	GK_SUSPENDS gk_code (*fetch)(
		gk_ctx *ctx, json_t *part, void *user, json_t **ret, gk_error *err);
	void *user;
} gk_media_fetcher;

/** Replaces the parts of a request's messages, several at once. `*ret` is a new reference: to `request` itself when there is
 * nothing to fetch. The first failure calls the others off. */
GK_MUST_USE GK_SUSPENDS gk_code gk_media_fetch(
	gk_ctx *ctx, json_t *request, const gk_media_fetcher *fetcher, json_t **ret, gk_error *err);

#endif
