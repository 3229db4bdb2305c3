/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core/app_client.h"

static void *make_slot(void)
{
	return calloc(1, sizeof(gk_fetch_client *));
}

static void free_slot(void *it)
{
	gk_fetch_client **client = it;

	gk_fetch_client_free(*client);
	free(it);
}

static const gk_app_slot slot = { make_slot, free_slot };

gk_code gk_app_set_client(gk_app *app, const gk_fetch_client_opts *opts, gk_error *err)
{
	gk_fetch_client **client = gk_app_slot_peek(app, &slot);

	if (!client)
		return gk_error_no_memory(err);
	if (*client)
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"the application's HTTP client is in use already");
	return gk_fetch_client_new(gk_app_loop(app), opts, client, err);
}

gk_code gk_app_client(gk_app *app, gk_fetch_client **ret, gk_error *err)
{
	gk_fetch_client **client = gk_app_slot_peek(app, &slot);
	gk_code rc = client ? GK_OK : gk_error_no_memory(err);

	if (rc == GK_OK && !*client)
		rc = gk_fetch_client_new(gk_app_loop(app), NULL, client, err);
	if (rc == GK_OK)
		*ret = *client;
	return rc;
}
