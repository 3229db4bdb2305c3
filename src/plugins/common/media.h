/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Media as messages carry them: data: URLs, their types, base64. */
#ifndef GK_PLUGINS_MEDIA_H
#define GK_PLUGINS_MEDIA_H

#include "ai/media.h" /* gk_media_part_of_bytes() */

#include <genkit/json.h>

/* A media part, looked at. Everything points into the part. */
typedef struct gk_media {
	const char *url;
	const char *
		type; /* contentType, else what the data: URL says; not NUL-terminated; NULL: unknown */
	size_t type_len;
	const char *data; /* the base64 of a data: URL; NULL: it is somewhere else */
} gk_media;

/** `media` is {url, contentType?}. INVALID_ARGUMENT: no url, or a data: URL that is not base64. */
GK_MUST_USE gk_code gk_media_read(const json_t *media, gk_media *ret, gk_error *err);
/** "image", "image/", or a whole type: whether the type begins so. */
bool gk_media_is(const gk_media *media, const char *prefix);
/** "data:TYPE;base64,DATA"; the caller frees it. NULL when memory ran out. */
char *gk_media_data_url(const char *type, const char *base64);
/** A part {media: {contentType, url}}; `type` NULL: none is told. NULL when memory ran out. */
json_t *gk_media_part(const char *type, const char *url);

/** The caller frees it; NULL when memory ran out. */
char *gk_base64_encode(const void *data, size_t len);
/** Standard alphabet, padded or not, blanks passed over; false when it is none. The caller frees `*ret`; memory that ran out
 * is false too. */
bool gk_base64_decode(const char *text, size_t len, char **ret, size_t *len_ret);

#endif
