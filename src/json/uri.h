/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* References between documents: RFC 3986 section 5.2. */
#ifndef GK_JSON_URI_H
#define GK_JSON_URI_H

#include <genkit/status.h>

/** What `reference` means within the document `base` ("" for one without a name); the caller frees it. NULL when memory
 * ran out. The fragment of `base` is not looked at, that of `reference` stays. */
GK_MUST_USE char *gk_uri_resolve(const char *base, const char *reference);
/** True when it starts with a scheme. */
bool gk_uri_is_absolute(const char *uri);
/** Undoes %41 in place; returns the new length. */
size_t gk_uri_unescape(char *text);

#endif
