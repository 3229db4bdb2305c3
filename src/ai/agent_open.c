/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* How an invocation begins: what `init` asks for, and what it may not (sessions section 3.2). */
#include "ai/agent.h"

#include "base/str.h"
#include "core/owner.h"
#include "json/edit.h"

static gk_code check_mode(const gk_agent *agent, json_t *init, gk_error *err)
{
	const char *given = gk_agent_id(init, "snapshotId")  ? "snapshotId"
			    : gk_agent_id(init, "sessionId") ? "sessionId"
							     : NULL;

	if (!agent->is_stored && given)
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"Cannot use '%s' with agent '%s': this agent has no store configured "
			"(client-managed state). Send 'state' instead.",
			given, agent->name);
	if (agent->is_stored && json_object_get(init, "state"))
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"Cannot send 'state' to agent '%s': this agent uses a server-managed store. "
			"Send 'snapshotId' or 'sessionId' instead.",
			agent->name);
	return GK_OK;
}

/* What the agent's own turns made of it is not looked at again. */
static gk_code check_custom(const gk_agent *agent, json_t *state, gk_error *err)
{
	json_t *custom = json_object_get(state, "custom");

	return custom && agent->state_schema ? gk_schema_check(agent->state_schema, custom, err)
					     : GK_OK;
}

/* --- of a session that is kept --- */

typedef struct opening {
	gk_invocation *it;
	gk_ctx *ctx;
	gk_session_realm realm;
	const char *snapshot_id, *session_id; /* NULL: not asked for */
	bool is_misuse;                       /* the failure is the call's, not the output's */
} opening;

static bool is_completed(json_t *snapshot)
{
	return gk_str_equal(gk_snapshot_status(snapshot), "completed");
}

static gk_code check_owner(opening *it, json_t *snapshot, gk_error *err)
{
	const char *of = gk_snapshot_session_peek(snapshot);

	if (!it->session_id || gk_str_equal(of, it->session_id))
		return GK_OK;
	it->is_misuse = true;
	return gk_error_set(err, GK_INVALID_ARGUMENT,
		"Snapshot %s does not belong to session %s (it belongs to %s).", it->snapshot_id,
		it->session_id, of ? of : "an unknown session");
}

static gk_code find_by_id(opening *it, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *snapshot = NULL;
	const char *status;
	gk_code rc = gk_snapshot_get(
		it->ctx, it->it->store, &it->realm, it->snapshot_id, &snapshot, err);

	if (rc == GK_OK && !snapshot)
		rc = gk_error_set(err, GK_NOT_FOUND, "Snapshot %s not found", it->snapshot_id);
	if (rc == GK_OK)
		rc = check_owner(it, snapshot, err);
	if (rc == GK_OK && !is_completed(snapshot)) {
		status = gk_snapshot_status(snapshot);
		rc = gk_error_set(err, GK_INVALID_ARGUMENT,
			"Snapshot %s is not resumable (status: %s). Only 'completed' snapshots can "
			"be resumed.",
			it->snapshot_id, status ? status : "unknown");
	}
	if (rc == GK_OK)
		*ret = gk_steal(snapshot);
	return rc;
}

/* The parent of one that cannot be resumed; NULL: it has none. */
static gk_code step_back(
	opening *it, json_t *snapshot, json_t *visited, json_t **ret, gk_error *err)
{
	const char *id = gk_json_str_peek(snapshot, "snapshotId");
	const char *parent = gk_json_str_peek(snapshot, "parentId");

	if (json_object_get(visited, id))
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"Session '%s' has a cyclic snapshot parent chain (snapshot '%s' was visited "
			"twice). Resume by snapshotId instead.",
			it->session_id, id);
	if (!gk_json_set_bool(visited, id, true))
		return gk_error_no_memory(err);
	if (!parent || !*parent)
		return GK_OK;
	return gk_snapshot_get(it->ctx, it->it->store, &it->realm, parent, ret, err);
}

/* The newest that can be resumed; NULL: none, and the session begins anew. */
static gk_code find_by_session(opening *it, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *snapshot = NULL, *visited = NULL;
	gk_code rc = gk_snapshot_latest(
		it->ctx, it->it->store, &it->realm, it->session_id, &snapshot, err);

	while (rc == GK_OK && snapshot && !is_completed(snapshot)) {
		gk_auto_json json_t *failed = gk_steal(snapshot);

		if (!visited)
			visited = json_object();
		rc = step_back(it, failed, visited, &snapshot, err);
	}
	if (rc == GK_OK)
		*ret = gk_steal(snapshot);
	return rc;
}

static gk_code find(opening *it, json_t **ret, gk_error *err)
{
	if (it->snapshot_id)
		return find_by_id(it, ret, err);
	return it->session_id ? find_by_session(it, ret, err) : GK_OK;
}

/* --- all of them --- */

static gk_code prepare_store(gk_invocation *it, gk_ctx *ctx, gk_error *err)
{
	if (!it->agent->is_stored)
		return GK_OK;
	it->store = gk_agent_store_peek(gk_ctx_app(ctx), it->agent);
	it->owner = gk_owner_of(gk_ctx_context(ctx));
	return it->store && it->owner ? GK_OK : gk_error_no_memory(err);
}

/* Its state, with what came before it. */
static gk_code begin(opening *it, json_t *state, json_t *snapshot, gk_error *err)
{
	gk_invocation *invocation = it->it;
	const char *of = gk_snapshot_session_peek(snapshot);
	const char *id = gk_json_str_peek(snapshot, "snapshotId");
	gk_code rc =
		gk_agent_session_begin(&invocation->session, state, of ? of : it->session_id, err);

	if (rc == GK_OK)
		rc = gk_agent_look_over(gk_ctx_app(it->ctx), &invocation->session, id, err);
	if (rc == GK_OK)
		rc = gk_agent_set_text(&invocation->last_id, id, err);
	if (rc == GK_OK)
		rc = gk_agent_set_text(&invocation->last_good_id, id, err);
	if (rc == GK_OK) {
		gk_agent_become_good(invocation);
		gk_ctx_record_told(
			it->ctx, json_array_size(gk_agent_messages_peek(&invocation->session)));
	}
	if (rc == GK_OK && id)
		invocation->session.asked = gk_asked_take(
			gk_ctx_app(it->ctx), id, gk_agent_messages_peek(&invocation->session));
	return rc;
}

static gk_code refuse(gk_invocation *it, json_t *init, gk_error *why, gk_error *err)
{
	it->output = gk_agent_refusal(why, init);
	it->is_over = true;
	return it->output ? GK_OK : gk_error_no_memory(err);
}

static gk_code open_it(opening *it, json_t *init, gk_error *err)
{
	gk_auto_json json_t *snapshot = NULL;
	gk_auto_error gk_error failure = { 0 };
	gk_code rc = find(it, &snapshot, &failure);
	json_t *state = json_object_get(snapshot ? snapshot : init, "state");

	if (rc == GK_OK)
		rc = check_custom(it->it->agent, state, &failure);
	if (rc == GK_OK)
		return begin(it, state, snapshot, err);
	if (it->is_misuse || rc == gk_scope_reason(it->it->scope))
		return gk_error_move(err, &failure);
	return refuse(it->it, init, &failure, err);
}

gk_code gk_invocation_open(gk_invocation *it, gk_ctx *ctx, json_t *init, gk_error *err)
{
	gk_code rc = check_mode(it->agent, init, err);

	if (rc == GK_OK)
		rc = prepare_store(it, ctx, err);
	if (rc == GK_OK)
		rc = open_it(&(opening){ .it = it,
				     .ctx = ctx,
				     .realm = gk_agent_realm(it->agent, it->owner),
				     .snapshot_id = gk_agent_id(init, "snapshotId"),
				     .session_id = gk_agent_id(init, "sessionId") },
			init, err);
	if (rc == GK_OK && !it->is_over)
		gk_ctx_set_metadata(ctx, "agent:sessionId", it->session.id);
	return rc;
}
