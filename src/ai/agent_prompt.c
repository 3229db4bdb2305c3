/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The turn of a prompt agent: a prompt around the messages so far, a model, and what it says behind them (sessions section 4). */
#include "ai/agent_history.h"

#include "ai/request.h"
#include "base/str.h"
#include "json/edit.h"

/* --- what may be said --- */

static bool has_answers(json_t *resume)
{
	return json_array_size(gk_json_peek(resume, "respond")) ||
	       json_array_size(gk_json_peek(resume, "restart"));
}

/* A client speaks for its user, not for the model or for tools. */
static gk_code check_message(json_t *message, gk_error *err)
{
	const char *role = json_string_value(gk_json_peek(message, "role"));
	json_t *part;
	size_t i;

	if (!gk_str_equal(role, "user"))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"agent input message must have the role 'user', not '%s'",
			role ? role : "");
	json_array_foreach (gk_json_peek(message, "content"), i, part)
		if (gk_json_peek(part, "toolRequest") || gk_json_peek(part, "toolResponse"))
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"agent input message must not have tool requests or responses in "
				"it; answers to interrupts belong to 'resume'");
	return GK_OK;
}

static gk_code check_input(const gk_agent *agent, json_t *input, json_t *history, gk_error *err)
{
	json_t *message = gk_json_peek(input, "message");
	json_t *resume = gk_json_peek(input, "resume");
	gk_code rc = GK_OK;

	if (!message && !has_answers(resume))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "agent input message or resume is required");
	if (message)
		rc = check_message(message, err);
	if (rc == GK_OK && has_answers(resume))
		rc = gk_agent_check_resume(resume, history, agent->takes_late_answers, err);
	return rc;
}

/* --- what the model is asked --- */

typedef struct prompt_turn {
	gk_invocation *it;
	gk_told told;
	json_t *resume; /* NULL: none */
} prompt_turn;

/* {{@state}} is what `custom` is. */
static gk_code context_with_state(
	gk_ctx *ctx, gk_agent_session *session, json_t **ret, gk_error *err)
{
	json_t *custom = gk_agent_custom_peek(session);

	if (!custom)
		return GK_OK;
	*ret = gk_json_object_with(gk_ctx_context(ctx), "state", json_incref(custom));
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static gk_code render(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	return gk_told_render(ctx, gk_ctx_user(ctx), input, ret, err);
}

static gk_code render_with_state(gk_ctx *ctx, prompt_turn *turn, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *context = NULL;
	gk_invocation *it = turn->it;
	gk_code rc = context_with_state(ctx, &it->session, &context, err);

	if (rc != GK_OK)
		return rc;
	return gk_run_part(ctx,
		GK_OPTS(gk_part_opts, .input = it->agent->prompt_input, .context = context,
			.user = &turn->told),
		render, ret, err);
}

static gk_code ask(
	gk_ctx *ctx, prompt_turn *turn, json_t *rendered, gk_response **ret, gk_error *err)
{
	const gk_generate_opts more = {
		.size = sizeof(more), .resume = turn->resume, .on_chunk = gk_agent_model_chunk
	};
	gk_auto_json json_t *messages = NULL;
	const char **names = NULL;
	gk_generate_opts opts;
	gk_model_ref ref;
	gk_code rc = gk_told_messages(&turn->told, &turn->it->session, rendered, &messages, err);

	if (rc == GK_OK)
		rc = gk_prompt_generate_opts(rendered, &more, &opts, &ref, &names, err);
	if (rc == GK_OK) {
		opts.messages = messages;
		turn->it->vouched = (gk_vouched){
			.list = turn->told.list,
			.from = turn->told.from,
			.count = turn->told.count,
			.is_plain = !turn->told.is_changed && !turn->it->session.names_resources,
			.is_within = turn->told.is_within,
			.holders = messages->refcount,
		};
		rc = gk_generate(ctx, &opts, ret, err);
		turn->it->vouched = (gk_vouched){ .list = NULL };
	}
	free(names);
	return rc;
}

/* They became part of the session as what a client sent, as what a model gave, or by gk_agent_add_message_take(). */
const gk_vouched *gk_vouched_peek(gk_ctx *ctx)
{
	const gk_agent_session *session = gk_ctx_agent_session(ctx);
	const gk_vouched *vouched = session ? &session->invocation->vouched : NULL;

	return vouched && vouched->list ? vouched : NULL;
}

size_t gk_vouched_run(const gk_vouched *vouched, json_t *messages, size_t i, size_t *at)
{
	if (vouched->is_within && messages == vouched->list) {
		*at = i == vouched->from ? vouched->count : *at;
		return i == vouched->from ? vouched->count : 0;
	}
	if (*at >= vouched->count ||
		json_array_get(messages, i) != json_array_get(vouched->list, vouched->from + *at))
		return 0;
	++*at;
	return 1;
}

json_t *gk_vouched_left_out(gk_ctx *ctx, json_t *request)
{
	const gk_vouched *vouched = gk_vouched_peek(ctx);
	json_t *messages = gk_json_peek(request, "messages");
	size_t count = json_array_size(messages), at = 0, known;
	gk_auto_json json_t *rest = NULL;

	if (!vouched || !vouched->count)
		return NULL;
	rest = json_array();
	for (size_t i = 0; i < count; i += known ? known : 1) {
		known = gk_vouched_run(vouched, messages, i, &at);
		if (!known && !gk_json_push_take(rest, json_incref(json_array_get(messages, i))))
			return NULL;
	}
	return at ? gk_json_object_with(request, "messages", gk_steal(rest)) : NULL;
}

/* --- what comes of it --- */

/* All requests for tools of the message that was interrupted, for clients that only look at chunks. */
static gk_code tell_interrupt(gk_ctx *ctx, gk_response *response, gk_error *err)
{
	return gk_ctx_send(ctx,
		json_pack("{s:{s:s, s:O}}", "modelChunk", "role", "tool", "content",
			gk_response_tool_requests(response)),
		err);
}

static gk_code finish(gk_ctx *ctx, gk_response *response, gk_agent_turn *turn, gk_error *err)
{
	const char *reason = gk_response_finish_reason(response);

	turn->finish_reason = *reason ? gk_ctx_printf(ctx, "%s", reason) : NULL;
	if (*reason && !turn->finish_reason)
		return gk_error_no_memory(err);
	return gk_str_equal(reason, "interrupted") ? tell_interrupt(ctx, response, err) : GK_OK;
}

/* --- the turn --- */

static gk_code find_prompt(
	gk_ctx *ctx, const char *name, gk_action **action_ret, gk_prompt_body **ret, gk_error *err)
{
	const char *key = gk_ctx_printf(ctx, "/prompt/%s", name);
	gk_code rc = key ? gk_lookup(ctx, key, action_ret, err) : gk_error_no_memory(err);

	if (rc != GK_OK)
		return rc;
	*ret = *action_ret ? gk_prompt_body_peek(*action_ret) : NULL;
	if (*ret)
		return GK_OK;
	*action_ret = gk_action_unref(*action_ret);
	return gk_error_set_plain(err,
		"Prompt '%s' not found. Ensure it is defined before the agent is invoked.", name);
}

static gk_code talk(gk_ctx *ctx, prompt_turn *it, gk_agent_turn *turn, gk_error *err)
{
	gk_auto_json json_t *rendered = NULL;
	gk_auto_response gk_response *response = NULL;
	gk_code rc = render_with_state(ctx, it, &rendered, err);

	if (rc == GK_OK)
		rc = ask(ctx, it, rendered, &response, err);
	if (rc == GK_OK)
		rc = gk_told_keep(&it->told, &it->it->session, response, err);
	return rc == GK_OK ? finish(ctx, response, turn, err) : rc;
}

gk_code gk_agent_prompt_turn(
	gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	gk_invocation *invocation = session->invocation;
	json_t *resume = gk_json_peek(turn->input, "resume");
	prompt_turn it = { .it = invocation, .resume = has_answers(resume) ? resume : NULL };
	gk_action *action = NULL;
	gk_code rc = find_prompt(ctx, invocation->agent->prompt_name, &action, &it.told.body, err);

	if (rc == GK_OK)
		rc = check_input(
			invocation->agent, turn->input, gk_agent_messages_peek(session), err);
	if (rc == GK_OK) {
		it.told.history = json_incref(gk_agent_messages_peek(session));
		it.told.earlier = invocation->told;
		rc = talk(ctx, &it, turn, err);
	}
	gk_told_done(&it.told);
	gk_action_unref(action);
	return rc;
}
