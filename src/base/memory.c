/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "base/memory.h"

#include <malloc.h>
#include <stdbool.h>

/* genkitd has mimalloc for its malloc, another program what it likes: there when the program has it. */
void mi_collect(bool force) __attribute__((weak));

void gk_memory_give_back(void)
{
	if (mi_collect)
		mi_collect(true);
	else
		malloc_trim(0);
}
