/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* One turn: its function, and what follows from how that ended (sessions section 3.3). */
#include "ai/agent.h"

#include "json/edit.h"

#include <stdio.h>

/* {turnEnd: {snapshotId?, finishReason?}} */
static gk_code emit_turn_end(gk_ctx *ctx, gk_invocation *it, gk_error *err)
{
	gk_auto_json json_t *end = json_object();

	if (!end || (it->last_id && !gk_json_set_str(end, "snapshotId", it->last_id)) ||
		(it->finish_reason && !gk_json_set_str(end, "finishReason", it->finish_reason)))
		return gk_error_no_memory(err);
	return gk_agent_emit(ctx, it, json_pack("{s:O}", "turnEnd", end), err);
}

/* --- what is kept --- */

/* A detached invocation has one row, which is written at its end. */
static bool is_kept(const gk_invocation *it)
{
	return it->store && !it->is_detached;
}

static gk_code reserve_id(gk_invocation *it, gk_error *err)
{
	char id[GK_UUID_SIZE];

	if (!is_kept(it))
		return GK_OK;
	gk_id_uuid(id);
	return gk_agent_set_text(&it->turn_id, id, err);
}

/* A client that detaches meanwhile waits for it. */
static gk_code save(gk_ctx *ctx, gk_invocation *it, const char *status, gk_error *err)
{
	gk_code rc;

	if (!is_kept(it))
		return GK_OK;
	it->is_saving = true;
	rc = gk_agent_save(ctx, it, it->turn_id, status, it->finish_reason, err);
	it->is_saving = false;
	if (rc == GK_OK)
		gk_agent_set_text(&it->turn_id, NULL, NULL); /* it is used */
	if (it->front)
		gk_fiber_wake(it->front_fiber);
	return rc;
}

/* --- how it ends --- */

static gk_code become_good(gk_ctx *ctx, gk_invocation *it, gk_error *err)
{
	char unkept
		[GK_UUID_SIZE]; /* a caller keeps the state; the reference names it all the same */
	gk_code rc = GK_OK;

	gk_agent_become_good(it);
	if (it->store)
		rc = gk_agent_set_text(&it->last_good_id, it->last_id, err);
	else
		gk_id_uuid(unkept);
	if (!it->is_detached)
		gk_ctx_set_metadata(ctx, "agent:snapshotId", it->store ? it->last_id : unkept);
	return rc;
}

static gk_code end_well(
	gk_ctx *ctx, gk_invocation *it, const gk_agent_turn *turn, json_t **ret, gk_error *err)
{
	gk_code rc = gk_agent_set_text(&it->finish_reason, turn->finish_reason, err);

	if (rc == GK_OK)
		rc = save(ctx, it, "completed", err);
	if (rc == GK_OK)
		rc = become_good(ctx, it, err);
	if (rc == GK_OK)
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
	gk_code rc = gk_agent_set_text(&it->finish_reason, "failed", err);

	it->is_stopped = true;
	if (rc != GK_OK)
		return rc;
	it->failure = gk_agent_error_json(why);
	if (!it->failure)
		return gk_error_no_memory(err);
	rc = save(ctx, it, "failed", err);
	return rc == GK_OK ? emit_turn_end(ctx, it, err) : rc;
}

static gk_code end_called_off(gk_invocation *it, gk_error *err)
{
	it->is_stopped = true;
	return gk_agent_set_text(&it->finish_reason, "aborted", err);
}

/* --- taking it --- */

static gk_code in_span(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_agent_session *session = gk_ctx_agent_session(ctx);
	gk_invocation *it = session->invocation;
	gk_agent_turn turn = { .input = input,
		.index = it->turn_index,
		.snapshot_id = is_kept(it) ? it->turn_id : NULL,
		.parent_id = it->last_id };
	gk_code rc;

	gk_ctx_record_told(ctx, it->told);
	rc = it->agent->turn(ctx, session, &turn, err);
	return rc == GK_OK ? end_well(ctx, it, &turn, ret, err) : rc;
}

static gk_code begin(gk_invocation *it, json_t *input, gk_error *err)
{
	json_t *message = json_object_get(input, "message");
	gk_code rc = GK_OK;

	it->has_patched = false;
	it->told = json_array_size(gk_agent_messages_peek(&it->session));
	if (message)
		rc = gk_agent_push_message_take(&it->session, json_incref(message), err);
	return rc == GK_OK ? reserve_id(it, err) : rc;
}

gk_code gk_agent_take_turn(gk_ctx *ctx, gk_invocation *it, json_t *input, gk_error *err)
{
	gk_auto_error gk_error failure = { 0 };
	char name[32];
	const gk_span_opts span = {
		.name = name, .type = "flowStep", .what = "turn", .has_messages = true
	};
	gk_code rc;

	snprintf(name, sizeof(name), "runTurn-%u", it->turn_index + 1);
	rc = begin(it, input, err);
	if (rc != GK_OK)
		return rc;
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
