/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Which process is meant: numbers of processes are used again, within seconds on a busy machine. */
#ifndef GK_BASE_PROCESS_H
#define GK_BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

/** When a process began, in the system's ticks since it started: with its number it names one process. 0: there is none, or
 * it has ended and nobody has asked how. */
uint64_t gk_process_start(uint64_t pid);

/** Names this process, for files that outlive it. Never 0. */
int64_t gk_process_key(void);
/** Whether the process so named runs still and is another than this one. */
bool gk_process_is_other(int64_t key);

#endif
