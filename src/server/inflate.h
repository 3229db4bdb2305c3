/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Bodies of requests that came compressed. */
#ifndef GK_SERVER_INFLATE_H
#define GK_SERVER_INFLATE_H

#include <genkit/status.h>

/** Undoes a Content-Encoding of gzip or deflate; the caller frees the text, which has no NUL at its end. UNIMPLEMENTED
 * for another one, INVALID_ARGUMENT for what is damaged, FAILED_PRECONDITION beyond `max` bytes. On any thread. */
GK_MUST_USE gk_code gk_inflate(const char *encoding, const char *data, size_t len, size_t max,
	char **ret, size_t *len_ret, gk_error *err);

#endif
