/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What an agent sends while it works: chunks, what changed in `custom`, and what clients may see of them (sessions sections
 * 3.5 and 3.6). */
#include "ai/agent.h"

#include "base/log.h"
#include "json/edit.h"
#include "json/patch.h"

/* A transform that fails shows nothing: it is there to hide things. */
static gk_code transform(gk_ctx *ctx, const gk_agent *agent, gk_agent_transform_fn *fn,
	const char *what, json_t *value, json_t **ret, gk_error *err)
{
	gk_auto_error gk_error failure = { 0 };
	gk_auto_json json_t *shown = NULL;
	gk_code rc;

	if (!fn) {
		*ret = json_incref(value);
		return GK_OK;
	}
	rc = fn(ctx, value, agent->user, &shown, &failure);
	if (rc == GK_OK) {
		*ret = gk_steal(shown);
		return GK_OK;
	}
	gk_log(GK_LOG_ERROR, "agent", "agent %s could not make its %s fit to be shown: %s",
		agent->name, what, failure.message ? failure.message : gk_code_name(rc));
	return gk_error_set(
		err, GK_INTERNAL, "the %s of agent %s could not be shown", what, agent->name);
}

gk_code gk_agent_shown_state(
	gk_ctx *ctx, gk_agent *agent, json_t *state, json_t **ret, gk_error *err)
{
	gk_code rc = transform(ctx, agent, agent->transform_state, "state", state, ret, err);

	if (rc == GK_OK && !*ret)
		return gk_error_set(err, GK_INTERNAL, "agent %s shows no state", agent->name);
	return rc;
}

static bool is_heard(const gk_invocation *it)
{
	return it->front && !it->is_detached && !it->is_stream_broken;
}

/* The front waits until nothing is on its way through it before it goes. */
static gk_code send_through(gk_invocation *it, json_t *chunk, gk_error *err)
{
	gk_code rc;

	it->sending++;
	rc = gk_ctx_send(it->front, json_incref(chunk), err);
	if (--it->sending == 0)
		gk_fiber_wake(it->front_fiber);
	return rc;
}

/* Whoever takes the chunks and fails gets no more of them; the turn goes on. */
gk_code gk_agent_emit(gk_ctx *ctx, gk_invocation *it, json_t *chunk_take, gk_error *err)
{
	gk_auto_json json_t *chunk = chunk_take, *shown = NULL;
	gk_auto_error gk_error failure = { 0 };
	gk_code rc;

	if (!chunk)
		return gk_error_no_memory(err);
	if (!is_heard(it))
		return GK_OK;
	rc = transform(ctx, it->agent, it->agent->transform_chunk, "chunk", chunk, &shown, err);
	if (rc != GK_OK || !shown || !is_heard(it))
		return rc;
	rc = send_through(it, shown, &failure);
	if (rc == GK_OK)
		return GK_OK;
	if (rc == gk_scope_reason(gk_fiber_scope(gk_fiber_self())))
		return gk_error_move(err, &failure);
	gk_log(GK_LOG_DEBUG, "agent", "the stream of agent %s broke: %s", it->agent->name,
		failure.message ? failure.message : gk_code_name(rc));
	it->is_stream_broken = true;
	return GK_OK;
}

gk_code gk_agent_turn_chunk(gk_ctx *ctx, json_t *chunk, void *user, gk_error *err)
{
	return gk_agent_emit(ctx, user, json_incref(chunk), err);
}

gk_code gk_agent_model_chunk(gk_ctx *ctx, json_t *chunk, void *user, gk_error *err)
{
	(void)user;
	return gk_ctx_send(ctx, json_pack("{s:O}", "modelChunk", chunk), err);
}

/* --- custom --- */

/* [{op: replace, path: "", value?}] */
static json_t *whole_patch(json_t *custom)
{
	if (!custom)
		return json_pack("[{s:s, s:s}]", "op", "replace", "path", "");
	return json_pack("[{s:s, s:s, s:O}]", "op", "replace", "path", "", "value", custom);
}

static gk_code patch_for(gk_invocation *it, json_t *custom, json_t **ret, gk_error *err)
{
	if (it->has_patched)
		return gk_json_diff(it->shown_custom, custom, ret, err);
	*ret = whole_patch(custom);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* The first patch of a turn puts the whole in place, whatever was there: a client that came late is right from then on. */
gk_code gk_agent_emit_custom(gk_ctx *ctx, gk_invocation *it, gk_error *err)
{
	gk_auto_json json_t *state = NULL, *shown = NULL, *patch = NULL;
	json_t *custom;
	gk_code rc;

	if (!is_heard(it))
		return GK_OK;
	state = gk_agent_state(&it->session);
	rc = gk_agent_shown_state(ctx, it->agent, state, &shown, err);
	if (rc != GK_OK)
		return rc;
	custom = json_object_get(shown, "custom");
	rc = patch_for(it, custom, &patch, err);
	if (rc != GK_OK || !json_array_size(patch))
		return rc;
	it->has_patched = true;
	json_decref(it->shown_custom);
	it->shown_custom = json_incref(custom);
	return gk_agent_emit(ctx, it, json_pack("{s:O}", "customPatch", patch), err);
}
