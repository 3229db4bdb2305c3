/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Whether processor time is rationed: by Docker's --cpus, Kubernetes' limits, systemd's CPUQuota. */
#ifndef GK_BASE_CPU_LIMIT_H
#define GK_BASE_CPU_LIMIT_H

#include <stdbool.h>

/** Whether a control group that this process is in, or one above it, may use only so much of each period (version 2's
 * cpu.max, version 1's cpu.cfs_quota_us). `root` goes before /proc and /sys: "" but for tests. */
bool gk_cpu_is_limited(const char *root);

#endif
