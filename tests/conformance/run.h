/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The state of one run, shared by main.c and conformance.c. */
#ifndef TESTS_CONFORMANCE_RUN_H
#define TESTS_CONFORMANCE_RUN_H

#include "conformance.h"

/* A line of differs.txt. */
typedef struct differ {
	char *line; /* owned; the others point into it */
	char *kind, *file, *name, *reason;
	bool met;
} differ;

struct conformance {
	const char *kind;
	const char *file; /* being run */
	size_t passed, failed, skipped, differed;
	size_t files;
	differ *differs;
	size_t differ_count;
};

bool conformance_has_suffix(const char *text, const char *suffix);

#endif
