/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* How soon a thread gets its turn where others are busy on its processor. */
#ifndef GK_BASE_CPU_SLICE_H
#define GK_BASE_CPU_SLICE_H

#include <stdbool.h>

/** Asks for turns of GK_LOOP_SLICE_US for the calling thread: who needs less at a time is let in sooner when it is woken,
 * for the same share of the processor. Threads and processes that it starts have the usual turns. False: refused, or the
 * thread is of another class than the usual, or has precedence (a negative nice value): that stays. A kernel before Linux 6.12
 * says yes and does nothing. */
bool gk_cpu_ask_short_turns(void);

#endif
