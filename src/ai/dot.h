/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Products of vectors, as wide as the processor has it. */
#ifndef GK_AI_DOT_H
#define GK_AI_DOT_H

#include <stddef.h>

typedef float gk_dot_fn(const float *a, const float *b, size_t count);

/** The fastest for this processor. */
gk_dot_fn *gk_dot_best(void);
/** The one for any processor. */
gk_dot_fn gk_dot_any;

#endif
