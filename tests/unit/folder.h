/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* A folder of its own for each test, which is the working directory while the test lasts. For checked fixtures. */
#ifndef TESTS_FOLDER_H
#define TESTS_FOLDER_H

#include <stddef.h>

void folder_make(void);
/** Removes it, with all that is in it. */
void folder_drop(void);
/** Its path. */
const char *folder_path(void);
/** Writes a file of that name in it; one that is a script (starts with #!) may be executed. */
void folder_put(const char *name, const char *text);
void folder_put_bytes(const char *name, const void *bytes, size_t len);

#endif
