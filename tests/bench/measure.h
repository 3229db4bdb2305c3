/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the programs that measure a store by itself share. */
#ifndef TESTS_BENCH_MEASURE_H
#define TESTS_BENCH_MEASURE_H

#include <genkit/status.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static inline void fail(const char *what, const gk_error *err)
{
	fprintf(stderr, "%s: %s\n", what, err->message ? err->message : "?");
	exit(1);
}

/* Of all threads. */
static inline double cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static inline double rss_mb(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long pages = 0, ignored;

	if (!file || fscanf(file, "%ld %ld", &ignored, &pages) != 2)
		pages = 0;
	if (file)
		fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

#endif
