/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "base/process.h"

#include "base/parse.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A process's number has at most 22 bits (PID_MAX_LIMIT of Linux); the ticks are above. */
#define PID_BITS   22
#define PID_MASK   ((INT64_C(1) << PID_BITS) - 1)
#define START_MASK ((UINT64_C(1) << (63 - PID_BITS)) - 1)

uint64_t gk_process_start(uint64_t pid)
{
	char path[64], text[1024], *at;
	uint64_t ret = 0;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%llu/stat", (unsigned long long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return 0;
	text[len] = '\0';
	at = strrchr(text, ')'); /* the name before it may have blanks; the state is field 3 */
	if (!at || at[1] != ' ' || at[2] == 'Z' || at[2] == 'X')
		return 0;
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at || !gk_parse_u64(at + 1, strcspn(at + 1, " "), &ret))
		return 0;
	return ret;
}

static int64_t key_of(uint64_t pid)
{
	return (int64_t)((gk_process_start(pid) & START_MASK) << PID_BITS | pid);
}

static _Atomic int64_t known; /* 0: not yet, or forked since */

static void forget(void)
{
	atomic_store_explicit(&known, 0, memory_order_relaxed);
}

static void forget_in_children(void)
{
	pthread_atfork(NULL, NULL, forget);
}

/* Asked for each span: the kernel is not. */
int64_t gk_process_key(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int64_t key = atomic_load_explicit(&known, memory_order_relaxed);

	if (!key) {
		pthread_once(&once, forget_in_children);
		key = key_of((uint64_t)getpid());
		atomic_store_explicit(&known, key, memory_order_relaxed);
	}
	return key;
}

bool gk_process_is_other(int64_t key)
{
	return key > 0 && (key & PID_MASK) != getpid() && key_of((uint64_t)(key & PID_MASK)) == key;
}
