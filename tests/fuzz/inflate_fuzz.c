/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Compressed bodies: gzip, or with an odd first byte deflate. What they unfold to stays below the limit. */
#include "server/inflate.h"

#include <stdlib.h>

#define MAX (1u << 20)

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char *text = NULL;
	size_t len = 0;

	if (!size)
		return 0;
	if (gk_inflate(data[0] % 2 ? "deflate" : "gzip", (const char *)data + 1, size - 1, MAX,
		    &text, &len, NULL) == GK_OK &&
		len > MAX)
		__builtin_trap();
	free(text);
	return 0;
}
