/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* One turn: its function, and what follows from how that ended (sessions section 3.3). */
#include "ai/agent.h"

#include "json/edit.h"

#include <stdio.h>

static gk_code set_text(char **text, const char *value, gk_error *err)
{
	char *copy = value ? strdup(value) : NULL;

	if (value && !copy)
		return gk_error_no_memory(err);
	free(*text);
	*text = copy;
	return GK_OK;
}

/* {turnEnd: {finishReason?}} */
static gk_code emit_turn_end(gk_ctx *ctx, gk_invocation *it, gk_error *err)
{
	gk_auto_json json_t *end = json_object();

	if (!end || (it->finish_reason && !gk_json_set_str(end, "finishReason", it->finish_reason)))
		return gk_error_no_memory(err);
	return gk_agent_emit(ctx, it, json_pack("{s:O}", "turnEnd", end), err);
}

/* --- how it ends --- */

static gk_code end_well(
	gk_ctx *ctx, gk_invocation *it, const gk_agent_turn *turn, json_t **ret, gk_error *err)
{
	gk_code rc = set_text(&it->finish_reason, turn->finish_reason, err);

	if (rc != GK_OK)
		return rc;
	json_decref(it->last_good);
	it->last_good = gk_agent_state(&it->session);
	rc = emit_turn_end(ctx, it, err);
	if (rc != GK_OK)
		return rc;
	it->turn_index++;
	*ret = json_pack("{s:O}", "state", it->last_good);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* What it had changed by then is not good, and what waits behind it is not taken. */
static gk_code end_badly(gk_ctx *ctx, gk_invocation *it, const gk_error *why, gk_error *err)
{
	gk_code rc = set_text(&it->finish_reason, "failed", err);

	it->is_stopped = true;
	if (rc != GK_OK)
		return rc;
	it->failure = gk_agent_error_json(why);
	return it->failure ? emit_turn_end(ctx, it, err) : gk_error_no_memory(err);
}

static gk_code end_called_off(gk_invocation *it, gk_error *err)
{
	it->is_stopped = true;
	return set_text(&it->finish_reason, "aborted", err);
}

/* --- taking it --- */

static gk_code in_span(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_agent_session *session = gk_ctx_agent_session(ctx);
	gk_invocation *it = session->invocation;
	gk_agent_turn turn = { .input = input, .index = it->turn_index };
	gk_code rc = it->agent->turn(ctx, session, &turn, err);

	return rc == GK_OK ? end_well(ctx, it, &turn, ret, err) : rc;
}

gk_code gk_agent_take_turn(gk_ctx *ctx, gk_invocation *it, json_t *input, gk_error *err)
{
	json_t *message = json_object_get(input, "message");
	gk_auto_error gk_error failure = { 0 };
	char name[32];
	const gk_span_opts span = { .name = name, .type = "flowStep", .what = "turn" };
	gk_code rc;

	snprintf(name, sizeof(name), "runTurn-%u", it->turn_index + 1);
	it->has_patched = false;
	if (message) {
		rc = gk_agent_add_message_take(&it->session, json_incref(message), err);
		if (rc != GK_OK)
			return rc;
	}
	rc = gk_run_part(ctx,
		GK_OPTS(gk_part_opts, .span = &span, .input = input,
			.on_chunk = gk_agent_turn_chunk, .chunk_user = it, .user = it->agent->user),
		in_span, NULL, &failure);
	if (rc == GK_OK)
		return GK_OK;
	if (gk_scope_reason(gk_fiber_scope(gk_fiber_self())) != GK_OK)
		return end_called_off(it, err);
	return end_badly(ctx, it, &failure, err);
}
