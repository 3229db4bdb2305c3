/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#ifndef GK_AI_RESPONSE_H
#define GK_AI_RESPONSE_H

#include "ai/format.h"

#include <genkit/generate.h>

/** Around the wire form (consumed); `format` (NULL: none) reads its output. */
gk_code gk_response_new(
	json_t *wire_take, gk_output_format *format, gk_response **ret, gk_error *err);

#endif
