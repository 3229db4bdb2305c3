/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The store's upkeep over HTTP, for genkitctl db: figures, check, backup, vacuum. Only genkitd has these. */
#include "server/traces_internal.h"

#include "base/str.h"

#include <genkit/json.h>

#define PREFIX "/api/store/"

static const struct chore {
	const char *name;
	gk_trace_store_chore chore;
} chores[] = {
	{ "check", GK_STORE_CHECK },
	{ "backup", GK_STORE_BACKUP },
	{ "vacuum", GK_STORE_VACUUM },
};

static gk_code run(gk_trace_call *call, gk_trace_store_chore chore, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *options = NULL;
	const char *path;
	gk_code rc = GK_OK;

	if (call->len)
		rc = gk_json_parse(call->body, call->len, 0, &options, err);
	if (rc != GK_OK)
		return rc;
	path = gk_json_str_peek(options, "path");
	if (chore == GK_STORE_BACKUP && !path)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "path: expected string");
	return gk_trace_store_do(call->traces->store, chore, path, ret, err);
}

static void answer(gk_trace_call *call, gk_trace_store_chore chore)
{
	gk_auto_json json_t *value = NULL;
	gk_auto_error gk_error err = { 0 };
	gk_code rc = run(call, chore, &value, &err);

	if (!call->x)
		return;
	if (rc == GK_OK)
		gk_exchange_reply_json(call->x, 200, value);
	else
		gk_traces_fail(call->x, &err);
}

static void stats(gk_trace_call *call)
{
	answer(call, GK_STORE_STATS);
}

void gk_traces_store_stats(gk_exchange *x, void *user)
{
	gk_traces_door *door = user;

	if (gk_traces_admit(door, x))
		gk_traces_call(door, x, stats);
}

static void do_chore(gk_trace_call *call)
{
	for (size_t i = 0; i < sizeof(chores) / sizeof(chores[0]); i++)
		if (gk_str_equal(call->path + sizeof(PREFIX) - 1, chores[i].name)) {
			answer(call, chores[i].chore);
			return;
		}
	gk_traces_reply_text(call, 404, "text/plain; charset=utf-8", "there is no such chore");
}

void gk_traces_store_chore(gk_exchange *x, void *user)
{
	gk_traces_door *door = user;

	if (gk_traces_admit(door, x))
		gk_traces_call(door, x, do_chore);
}
