/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The actions beside an agent: what became of a session, and stopping one that was detached (sessions sections 5.3, 5.4, 6). */
#include "ai/agent.h"

#include "json/edit.h"

static gk_code store_of(
	gk_ctx *ctx, const gk_agent *agent, const char *what, gk_session_store **ret, gk_error *err)
{
	if (!agent->is_stored)
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"%s requires a persistent store. Provide a 'store' when defining '%s'.",
			what, agent->name);
	*ret = gk_agent_store_peek(gk_ctx_app(ctx), agent);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* As clients see it: the state transformed, "expired" for "pending" when nobody gives a sign of life. What is stored stays. */
static gk_code show(gk_ctx *ctx, gk_agent *agent, json_t *snapshot, json_t **ret, gk_error *err)
{
	json_t *state = json_object_get(snapshot, "state");
	gk_auto_json json_t *shown = gk_json_merge(snapshot, NULL), *shown_state = NULL;
	gk_code rc = shown ? GK_OK : gk_error_no_memory(err);

	if (rc == GK_OK && gk_snapshot_is_expired(snapshot) &&
		!gk_json_set_str(shown, "status", "expired"))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK && state)
		rc = gk_agent_shown_state(ctx, agent, state, &shown_state, err);
	if (rc == GK_OK && state && !gk_json_set(shown, "state", shown_state))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		*ret = gk_steal(shown);
	return rc;
}

gk_code gk_agent_snapshot_action(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_agent *agent = gk_ctx_user(ctx);
	const gk_session_realm realm = gk_agent_realm(agent, gk_ctx_owner(ctx));
	const char *id = gk_agent_id(input, "snapshotId"),
		   *session_id = gk_agent_id(input, "sessionId");
	gk_auto_json json_t *snapshot = NULL;
	gk_session_store *store;
	gk_code rc = store_of(ctx, agent, "getSnapshotData", &store, err);

	if (rc == GK_OK)
		rc = gk_snapshot_find(ctx, store, &realm, id, session_id, &snapshot, err);
	if (rc == GK_OK && !snapshot)
		rc = gk_error_set(err, GK_NOT_FOUND, "Snapshot '%s' not found for agent '%s'.",
			id ? id : session_id, agent->name);
	return rc == GK_OK ? show(ctx, agent, snapshot, ret, err) : rc;
}

/* The row is the signal: whoever does the work watches it. */
gk_code gk_agent_abort_action(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const gk_agent *agent = gk_ctx_user(ctx);
	const gk_session_realm realm = gk_agent_realm(agent, gk_ctx_owner(ctx));
	const char *id = gk_agent_id(input, "snapshotId");
	gk_auto_saved gk_snapshot_saved saved = { .id = NULL };
	gk_session_store *store;
	gk_code rc = store_of(ctx, agent, "abort", &store, err);

	if (rc == GK_OK && id)
		rc = gk_snapshot_save(ctx, store, &realm,
			GK_OPTS(gk_snapshot_change, .action = GK_SNAPSHOT_ABORT, .id = id,
				.agent = agent->name),
			&saved, err);
	if (rc != GK_OK)
		return rc;
	*ret = json_pack("{s:O, s:s*}", "snapshotId", json_object_get(input, "snapshotId"),
		"status", saved.previous);
	return *ret ? GK_OK : gk_error_no_memory(err);
}
