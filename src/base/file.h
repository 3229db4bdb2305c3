/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Files that are read as a whole: configurations, secrets. Not for the loop's thread once it serves. */
#ifndef GK_BASE_FILE_H
#define GK_BASE_FILE_H

#include <genkit/status.h>

/** The content of a file, NUL-terminated, owned by the caller. Messages start with `path`. NOT_FOUND: there is none;
 * RESOURCE_EXHAUSTED: it has more than `max` bytes, or memory ran out; UNAVAILABLE: everything else. */
GK_MUST_USE gk_code gk_file_read(
	const char *path, size_t max, char **ret, size_t *len_ret, gk_error *err);

#endif
