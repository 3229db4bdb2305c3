/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* How an invocation begins: what `init` asks for, and what it may not (sessions section 3.2). */
#include "ai/agent.h"

#include "json/edit.h"

/* An empty id is none. */
static const char *id_of(json_t *init, const char *key)
{
	const char *id = json_string_value(json_object_get(init, key));

	return id && *id ? id : NULL;
}

static gk_code check_mode(const gk_agent *agent, json_t *init, gk_error *err)
{
	const char *given = id_of(init, "snapshotId")  ? "snapshotId"
			    : id_of(init, "sessionId") ? "sessionId"
						       : NULL;

	if (given)
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"Cannot use '%s' with agent '%s': this agent has no store configured "
			"(client-managed state). Send 'state' instead.",
			given, agent->name);
	return GK_OK;
}

/* What the agent's own turns made of it is not looked at again. */
static gk_code check_custom(const gk_agent *agent, json_t *state, gk_error *err)
{
	json_t *custom = json_object_get(state, "custom");

	return custom && agent->state_schema ? gk_schema_check(agent->state_schema, custom, err)
					     : GK_OK;
}

static gk_code refuse(gk_invocation *it, json_t *init, gk_error *why, gk_error *err)
{
	it->output = gk_agent_refusal(why, init);
	it->is_over = true;
	return it->output ? GK_OK : gk_error_no_memory(err);
}

gk_code gk_agent_open(gk_invocation *it, gk_ctx *ctx, json_t *init, gk_error *err)
{
	json_t *state = json_object_get(init, "state");
	gk_auto_error gk_error failure = { 0 };
	gk_code rc = check_mode(it->agent, init, err);

	if (rc != GK_OK)
		return rc;
	if (check_custom(it->agent, state, &failure) != GK_OK)
		return refuse(it, init, &failure, err);
	rc = gk_agent_session_begin(&it->session, state, err);
	if (rc != GK_OK)
		return rc;
	gk_ctx_set_metadata(ctx, "agent:sessionId", it->session.id);
	it->last_good = gk_agent_state(&it->session);
	return GK_OK;
}
