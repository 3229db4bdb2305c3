/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Everything of libgenkit: what a module includes. Each header tells what its part is for. */
#ifndef GENKIT_GENKIT_H
#define GENKIT_GENKIT_H

#include <genkit/json.h>
#include <genkit/status.h>

#endif
