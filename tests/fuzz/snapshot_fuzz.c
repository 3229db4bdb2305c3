/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Snapshots of sessions, which clients may keep themselves and send back. */
#include "core/snapshot.h"

#include <genkit/json.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	gk_auto_json json_t *document = NULL, *whole = NULL;

	if (gk_json_parse((const char *)data, size, size, &document, NULL) != GK_OK ||
		gk_snapshot_check(document, NULL) != GK_OK)
		return 0;
	whole = gk_snapshot_complete(document, "0af7651916cd43dd8448eb211c80319c");
	if (!whole || gk_snapshot_check(whole, NULL) != GK_OK)
		__builtin_trap();
	(void)gk_snapshot_parent_peek(whole);
	(void)gk_snapshot_time(whole, "createdAt");
	return 0;
}
