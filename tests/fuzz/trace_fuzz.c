/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Traces as Genkit's tools send them, and ids of traces. */
#include "store/trace_store.h"

#include <genkit/json.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	gk_auto_json json_t *trace = NULL;
	gk_trace_post *post = NULL;

	if (gk_trace_id_check((const char *)data, size, NULL) == GK_OK && !size)
		__builtin_trap();
	if (gk_json_parse((const char *)data, size, size, &trace, NULL) == GK_OK &&
		gk_trace_post_read(trace, 0, &post, NULL) == GK_OK)
		gk_trace_post_free(post);
	return 0;
}
