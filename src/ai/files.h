/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Files below one folder, and only those: every path is resolved by the kernel
 * with openat2(RESOLVE_BENEATH), so that neither "..", nor an absolute path,
 * nor a symbolic link leads out of it. The functions block: call them on a
 * worker.
 *
 * A path that leads out is a plain error "Access denied: Path is outside of
 * root directory.".
 */
#ifndef GK_AI_FILES_H
#define GK_AI_FILES_H

#include <genkit/status.h>

typedef struct gk_files {
	char *root; /* as it was given, absolute */
	int fd;
} gk_files;

gk_code gk_files_open(gk_files *files, const char *root, gk_error *err);
void gk_files_close(gk_files *files);

/** [{path, isDirectory}] below `path` ("": the root), in the order of the
 * folder; what is in a folder follows it. */
gk_code gk_files_list(
	const gk_files *files, const char *path, bool is_recursive, json_t **ret, gk_error *err);
/** The whole file, NUL-terminated, owned by the caller. RESOURCE_EXHAUSTED
 * above GK_MAX_TOOL_FILE. */
gk_code gk_files_read(
	const gk_files *files, const char *path, char **ret, size_t *len_ret, gk_error *err);
/** Replaces it, and makes the folders that lead to it. */
gk_code gk_files_write(
	const gk_files *files, const char *path, const char *text, size_t len, gk_error *err);

#endif
