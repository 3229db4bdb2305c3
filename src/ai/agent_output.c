/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What an invocation answers (sessions section 3.4). */
#include "ai/agent.h"

#include "json/edit.h"

/* --- errors --- */

/* What a model was asked is the application's: it has no place in what clients read. */
static json_t *shown_details(json_t *details)
{
	json_t *response = json_object_get(details, "response");
	gk_auto_json json_t *shown = NULL, *answer = NULL;

	if (!json_object_get(details, "request") && !json_object_get(response, "request"))
		return json_incref(details);
	shown = gk_json_copy(details);
	if (!shown)
		return NULL;
	json_object_del(shown, "request");
	if (json_object_get(response, "request")) {
		answer = gk_json_copy(response);
		if (!answer)
			return NULL;
		json_object_del(answer, "request");
		if (!gk_json_set(shown, "response", answer))
			return NULL;
	}
	return gk_steal(shown);
}

json_t *gk_agent_error_json(const gk_error *err)
{
	gk_auto_json json_t *it = json_object();
	const char *status = gk_code_name(err->is_plain ? GK_INTERNAL : err->code);

	if (!gk_json_set_str(it, "status", status) ||
		!gk_json_set_str(it, "message", err->message ? err->message : "Internal failure"))
		return NULL;
	if (err->details && !gk_json_set_take(it, "details", shown_details(err->details)))
		return NULL;
	return gk_steal(it);
}

json_t *gk_agent_refusal(const gk_error *why, json_t *init)
{
	gk_auto_json json_t *it = json_object();
	json_t *state = json_object_get(init, "state");

	if (!gk_json_set_str(it, "finishReason", "failed") ||
		!gk_json_set_take(it, "error", gk_agent_error_json(why)) ||
		(state && !gk_json_set(it, "state", state)))
		return NULL;
	return gk_steal(it);
}

/* --- the result --- */

static json_t *last_of(json_t *messages)
{
	return json_array_get(messages, json_array_size(messages) - 1);
}

/* {message?, artifacts} */
static gk_code usual_result(gk_agent_session *session, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *it = json_object();
	json_t *message = last_of(gk_agent_messages_peek(session));
	json_t *artifacts = gk_agent_artifacts_peek(session);

	if (!it || (message && !gk_json_set(it, "message", message)) ||
		(artifacts && !gk_json_set(it, "artifacts", artifacts)))
		return gk_error_no_memory(err);
	*ret = gk_steal(it);
	return GK_OK;
}

static gk_code own_result(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_agent_session *session = gk_ctx_agent_session(ctx);

	(void)input;
	return session->invocation->agent->result(ctx, session, ret, err);
}

static gk_code result_of(gk_ctx *ctx, gk_invocation *it, json_t **ret, gk_error *err)
{
	if (!it->agent->result)
		return usual_result(&it->session, ret, err);
	return gk_run_part(ctx,
		GK_OPTS(gk_part_opts, .on_chunk = gk_agent_turn_chunk, .chunk_user = it,
			.user = it->agent->user),
		own_result, ret, err);
}

/* --- the output --- */

static bool set_artifacts(json_t *output, json_t *result)
{
	json_t *artifacts = json_object_get(result, "artifacts");

	return !json_array_size(artifacts) || gk_json_set(output, "artifacts", artifacts);
}

/* {sessionId, artifacts?, message?, finishReason?} */
static bool tell_success(const gk_invocation *it, json_t *output, json_t *result)
{
	json_t *message = json_object_get(result, "message");
	const char *reason = json_string_value(json_object_get(result, "finishReason"));

	if (!reason)
		reason = it->finish_reason;
	return set_artifacts(output, result) &&
	       (!message || gk_json_set(output, "message", message)) &&
	       (!reason || gk_json_set_str(output, "finishReason", reason));
}

/* The message and the state are those from before the turn that failed. */
static bool tell_failure(const gk_invocation *it, json_t *output, json_t *result)
{
	gk_auto_json json_t *good = gk_agent_last_good(it);
	json_t *message = last_of(json_object_get(good, "messages"));

	return good && gk_json_set_str(output, "finishReason", "failed") &&
	       gk_json_set(output, "error", it->failure) && set_artifacts(output, result) &&
	       (!message || gk_json_set(output, "message", message));
}

/* The client has its state, or the id by which it is kept. */
static gk_code tell_state(gk_ctx *ctx, gk_invocation *it, json_t *output, gk_error *err)
{
	const char *id = it->failure ? it->last_good_id : it->last_id;
	gk_auto_json json_t *state = NULL, *shown = NULL;
	gk_code rc;

	if (it->store)
		return !id || gk_json_set_str(output, "snapshotId", id) ? GK_OK
									: gk_error_no_memory(err);
	state = it->failure ? gk_agent_last_good(it) : gk_agent_state(&it->session);
	if (!state)
		return gk_error_no_memory(err);
	rc = gk_agent_shown_state(ctx, it->agent, state, &shown, err);
	if (rc == GK_OK && !gk_json_set(output, "state", shown))
		rc = gk_error_no_memory(err);
	return rc;
}

static gk_code make_output(gk_ctx *ctx, gk_invocation *it, json_t *result, gk_error *err)
{
	gk_auto_json json_t *output = json_object();
	gk_code rc;

	if (!gk_json_set_str(output, "sessionId", it->session.id) ||
		!(it->failure ? tell_failure : tell_success)(it, output, result))
		return gk_error_no_memory(err);
	rc = tell_state(ctx, it, output, err);
	if (rc == GK_OK)
		it->output = gk_steal(output);
	return rc;
}

/* --- the end --- */

/* For the invocation that goes on. */
static void leave_asked(gk_ctx *ctx, gk_invocation *it)
{
	gk_agent_session *session = &it->session;

	if (it->store && it->last_id && !it->failure && session->asked.list)
		gk_asked_leave(gk_ctx_app(ctx), it->last_id, gk_agent_messages_peek(session),
			&session->asked, session->bytes);
}

/* What changed after the last turn is kept as well, but not what a turn that failed left. */
static gk_code save_rest(gk_ctx *ctx, gk_invocation *it, gk_error *err)
{
	if (!it->store || it->failure || it->session.version == it->session.saved_version)
		return GK_OK;
	return gk_agent_save(ctx, it, NULL, "completed", NULL, err);
}

static gk_code conclude_attached(gk_ctx *ctx, gk_invocation *it, gk_error *err)
{
	gk_auto_json json_t *result = NULL;
	gk_code rc = gk_scope_check(gk_fiber_scope(gk_fiber_self()), err);

	if (rc == GK_OK)
		rc = result_of(ctx, it, &result, err);
	if (rc == GK_OK)
		rc = save_rest(ctx, it, err);
	if (rc == GK_OK)
		leave_asked(ctx, it);
	return rc == GK_OK ? make_output(ctx, it, result, err) : rc;
}

/* The row tells how it went: also of a result that failed, and of work that was called off. */
static void conclude_detached(gk_ctx *ctx, gk_invocation *it)
{
	gk_auto_json json_t *result = NULL;
	gk_auto_error gk_error failure = { 0 };
	gk_code rc = it->rc;

	if (rc != GK_OK)
		gk_error_copy(&failure, &it->err);
	else if (it->is_stopped && !it->failure)
		rc = gk_scope_check(gk_fiber_scope(gk_fiber_self()), &failure);
	else
		rc = result_of(ctx, it, &result, &failure);
	if (rc != GK_OK && !it->failure)
		it->failure = gk_agent_error_json(&failure);
	gk_agent_finalize(ctx, it, result);
}

void gk_agent_conclude(gk_ctx *ctx, gk_invocation *it)
{
	if (it->is_detached)
		conclude_detached(ctx, it);
	else if (it->rc == GK_OK)
		it->rc = conclude_attached(ctx, it, &it->err);
}
