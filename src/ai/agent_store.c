/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What is kept of an invocation: a snapshot at the end of each turn, chained to the one before (sessions sections 3.3 and 10.3). */
#include "ai/agent.h"

#include "base/clock.h"
#include "json/edit.h"

gk_session_store *gk_agent_store_peek(gk_app *app, const gk_agent *agent)
{
	return agent->store ? agent->store : gk_session_store_peek(app);
}

gk_session_realm gk_agent_realm(const gk_agent *agent, const char *owner)
{
	return (gk_session_realm){ .store = agent->store_name,
		.owner = owner,
		.rejects_branches = agent->rejects_branches,
		.max_chain = agent->max_chain };
}

gk_code gk_agent_set_text(char **text, const char *value, gk_error *err)
{
	char *copy = value ? strdup(value) : NULL;

	if (value && !copy)
		return gk_error_no_memory(err);
	free(*text);
	*text = copy;
	return GK_OK;
}

json_t *gk_agent_snapshot_document(gk_invocation *it, const char *id, const char *status,
	const char *finish_reason, json_t *error)
{
	gk_auto_json json_t *document = json_object();
	char now[GK_ISO_TIME_SIZE];

	gk_clock_iso(gk_clock_wall_ns(), now);
	if (!document || (id && !gk_json_set_str(document, "snapshotId", id)) ||
		!gk_json_set_str(document, "sessionId", it->session.id) ||
		(it->last_id && !gk_json_set_str(document, "parentId", it->last_id)) ||
		!gk_json_set_str(document, "createdAt", now) ||
		!gk_json_set_str(document, "updatedAt", now) ||
		!gk_json_set_str(document, "status", status) ||
		(finish_reason && !gk_json_set_str(document, "finishReason", finish_reason)) ||
		(error && !gk_json_set(document, "error", error)) ||
		!gk_json_set_take(document, "state", gk_agent_state(&it->session)))
		return NULL;
	return gk_steal(document);
}

gk_code gk_agent_save(gk_ctx *ctx, gk_invocation *it, const char *id, const char *status,
	const char *finish_reason, gk_error *err)
{
	const gk_session_realm realm = gk_agent_realm(it->agent, it->owner);
	gk_auto_saved gk_snapshot_saved saved = { .id = NULL };
	uint64_t version = it->session.version;
	gk_auto_json json_t *document =
		gk_agent_snapshot_document(it, id, status, finish_reason, it->failure);
	gk_code rc;

	if (!document)
		return gk_error_no_memory(err);
	rc = gk_snapshot_save(ctx, it->store, &realm,
		GK_OPTS(gk_snapshot_change, .action = GK_SNAPSHOT_FINISH, .id = id,
			.document = document, .agent = it->agent->name),
		&saved, err);
	if (rc != GK_OK)
		return rc;
	it->session.saved_version = version;
	gk_agent_remember(gk_ctx_app(ctx), &it->session, saved.id);
	return saved.id ? gk_agent_set_text(&it->last_id, saved.id, err) : GK_OK;
}
