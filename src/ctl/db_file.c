/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* genkitctl db --file: the same on a file, when no daemon runs that could be asked. */
#include "ctl/db.h"

#include "base/limits.h"
#include "store/trace_backend.h"

#include <errno.h>
#include <unistd.h>

static gk_code vacuum(gk_trace_backend *store, json_t **ret, gk_error *err)
{
	gk_trace_sizes before, after;
	bool more = true;
	gk_code rc = GK_OK;

	store->type->sizes(store, &before);
	while (rc == GK_OK && more)
		rc = store->type->shrink(store, &more, err);
	if (rc != GK_OK)
		return rc;
	store->type->copy(store); /* the file gets shorter when the log is copied into it */
	store->type->sizes(store, &after);
	*ret = json_pack(
		"{s:I, s:I}", "before", (json_int_t)before.bytes, "after", (json_int_t)after.bytes);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

gk_code gk_ctl_db_file(
	const char *file, const char *chore, const char *copy, json_t **ret, gk_error *err)
{
	gk_trace_backend *store;
	size_t count = GK_STORE_FOLD;
	gk_code rc;

	if (access(file, R_OK | W_OK) < 0)
		return gk_error_set(err, GK_NOT_FOUND, "%s: %s", file, strerror(errno));
	store = gk_sqlite_backend_new(file);
	if (!store)
		return gk_error_no_memory(err);
	rc = store->type->open(store, err);
	while (rc == GK_OK && count >= GK_STORE_FOLD)
		rc = store->type->fold(store, GK_STORE_FOLD, &count, err);
	if (rc == GK_OK && strcmp(chore, "check") == 0)
		rc = store->type->check(store, ret, err);
	else if (rc == GK_OK && strcmp(chore, "stats") == 0)
		rc = store->type->stats(store, ret, err);
	else if (rc == GK_OK && strcmp(chore, "backup") == 0)
		rc = store->type->backup(store, copy, ret, err);
	else if (rc == GK_OK)
		rc = vacuum(store, ret, err);
	store->type->free(store);
	return rc;
}
