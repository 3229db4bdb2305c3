/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the program's allocator keeps for later. */
#ifndef GK_BASE_MEMORY_H
#define GK_BASE_MEMORY_H

/** Gives what is free back to the system, as far as the allocator can. Takes milliseconds of a large heap: for a moment of
 * rest. */
void gk_memory_give_back(void);

#endif
