/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The runtime file, by which genkit-cli finds a daemon that serves reflection v1 (reflection section 6): one JSON file in
 * ROOT/.genkit/runtimes. The CLI asks the address for its health as soon as it sees the file, and deletes it for good when
 * there is no answer: write it when the listener is open. A tool that was about to watch the folder at that moment may
 * have missed it: the file is touched a few times afterwards, and whoever watches looks again.
 */
#ifndef GK_SERVER_RUNTIME_FILE_H
#define GK_SERVER_RUNTIME_FILE_H

#include "loop/loop.h"
#include "server/runtime.h"

typedef struct gk_runtime_file gk_runtime_file;

/** The project that genkit-cli takes `folder` to be in: the nearest folder upwards with package.json, go.mod,
 * pyproject.toml, requirements.txt, pom.xml, build.gradle or pubspec.yaml, never "/"; else `folder`. Absolute; the caller
 * frees it. */
GK_MUST_USE gk_code gk_project_root(const char *folder, char **ret, gk_error *err);

/** `address` is the listener's, "127.0.0.1:3100"; `id` what __health accepts. Made under another name and moved into
 * place. UNAVAILABLE when it cannot be written: the daemon serves all the same. */
GK_MUST_USE gk_code gk_runtime_file_write(gk_loop *loop, const char *root,
	const gk_runtime *runtime, const char *id, const char *address, gk_runtime_file **ret,
	gk_error *err);
/** Where it is. */
const char *gk_runtime_file_path(const gk_runtime_file *file);
/** Removes the file if it is still ours (the process id in it says so) and frees the object. NULL is allowed. */
void gk_runtime_file_remove(gk_runtime_file *file);

#endif
