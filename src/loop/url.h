/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Where a request goes, and how that is told to people: without user, password, query and fragment. (curl's URL parser
 * inside.) */
#ifndef GK_LOOP_URL_H
#define GK_LOOP_URL_H

#include <genkit/status.h>

#include <curl/curl.h>

typedef struct gk_url {
	CURLU *curl;
	char *shown;  /* "https://host:port/path" */
	char *origin; /* "https://host:port", the port always there */
	bool is_tls;
} gk_url;

/* One that many requests go to. Nobody changes it. */
typedef struct gk_url_shared {
	unsigned refs;
	gk_url url;
	char *whole; /* of one that is kept: as curl writes it; NULL: there was no memory for it */
	char text[];
} gk_url_shared;

/* Those that were asked for last, so that they are not taken apart for each request. */
#define GK_URL_CACHE 8
typedef struct gk_url_cache {
	gk_url_shared *urls[GK_URL_CACHE];
} gk_url_cache;

/** `schemes` is the plain one and the one over TLS: {"ws", "wss"}; what is handed to curl is http or https either way.
 * INVALID_ARGUMENT: not a URL, another scheme, too long. The text is not repeated in the error. */
GK_MUST_USE gk_code gk_url_parse(
	const char *text, const char *const schemes[2], gk_url *ret, gk_error *err);
/** What a Location header means for a request to `base`. */
GK_MUST_USE gk_code gk_url_resolve(
	const gk_url *base, const char *location, gk_url *ret, gk_error *err);
void gk_url_done(gk_url *url);
/** As gk_url_parse(), with the same schemes each time; the caller's reference. One with a query, a user or a password, in
 * which secrets may be, is not kept. */
GK_MUST_USE gk_code gk_url_cache_get(gk_url_cache *cache, const char *text,
	const char *const schemes[2], gk_url_shared **ret, gk_error *err);
void gk_url_cache_done(gk_url_cache *cache);
gk_url_shared *gk_url_ref(gk_url_shared *shared);
void gk_url_unref(gk_url_shared *shared);
/** A part of it, owned by the caller; "" when it has none. NULL: no memory. */
char *gk_url_part(const gk_url *url, CURLUPart part, unsigned flags);

#define gk_auto_url GK_CLEANUP(gk_url_done)

#endif
