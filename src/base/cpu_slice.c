/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "base/cpu_slice.h"

#include "base/limits.h"

#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NS_PER_US      1000u
#define RESETS_ON_FORK 1u

/* The system call's, which the C library knows from version 2.41 on only. */
typedef struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns, deadline_ns, period_ns;
} attributes;

bool gk_cpu_ask_short_turns(void)
{
	attributes it = { .size = sizeof(it) };

	if (syscall(SYS_sched_getattr, 0, &it, sizeof(it), 0) < 0)
		return false;
	/* Somebody has decided otherwise. Its children would not inherit precedence. */
	if (it.policy != SCHED_OTHER || it.nice < 0)
		return false;
	it.flags |= RESETS_ON_FORK;
	it.runtime_ns = GK_LOOP_SLICE_US * NS_PER_US;
	return syscall(SYS_sched_setattr, 0, &it, 0) == 0;
}
