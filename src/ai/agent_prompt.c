/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The turn of a prompt agent: a prompt around the messages so far, a model, and what it says behind them (sessions section 4).
 *
 * What the prompt adds is marked `agentPreamble` and asked anew in every turn; it does not become part of the history. To tell
 * the history in what a template made of it, its messages are marked as well, on their way through.
 */
#include "ai/agent.h"

#include "ai/prompt.h"
#include "ai/request.h"
#include "ai/vouched.h"
#include "base/str.h"
#include "core/app.h"
#include "json/edit.h"

#define HISTORY  "_genkit_history"
#define PREAMBLE "agentPreamble"
#define PURPOSE  "purpose" /* "history": what {{history}} adds */

/* --- what may be said --- */

static bool has_answers(json_t *resume)
{
	return json_array_size(json_object_get(resume, "respond")) ||
	       json_array_size(json_object_get(resume, "restart"));
}

/* A client speaks for its user, not for the model or for tools. */
static gk_code check_message(json_t *message, gk_error *err)
{
	const char *role = json_string_value(json_object_get(message, "role"));
	json_t *part;
	size_t i;

	if (!gk_str_equal(role, "user"))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"agent input message must have the role 'user', not '%s'",
			role ? role : "");
	json_array_foreach (json_object_get(message, "content"), i, part)
		if (json_object_get(part, "toolRequest") || json_object_get(part, "toolResponse"))
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"agent input message must not have tool requests or responses in "
				"it; answers to interrupts belong to 'resume'");
	return GK_OK;
}

static gk_code check_input(const gk_agent *agent, json_t *input, json_t *history, gk_error *err)
{
	json_t *message = json_object_get(input, "message");
	json_t *resume = json_object_get(input, "resume");
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

/* --- marks --- */

/* The message with another member in its metadata. */
static json_t *marked(json_t *message, const char *mark)
{
	gk_auto_json json_t *metadata = gk_json_merge(json_object_get(message, "metadata"), NULL);

	if (!gk_json_set_bool(metadata, mark, true))
		return NULL;
	return gk_json_object_with(message, "metadata", gk_steal(metadata));
}

static json_t *unmarked(json_t *message, const char *mark)
{
	gk_auto_json json_t *metadata = gk_json_merge(json_object_get(message, "metadata"), NULL);
	gk_auto_json json_t *copy = NULL;

	if (!metadata)
		return NULL;
	json_object_del(metadata, mark);
	if (json_object_size(metadata))
		return gk_json_object_with(message, "metadata", gk_steal(metadata));
	copy = json_copy(message);
	if (!copy)
		return NULL;
	json_object_del(copy, "metadata");
	return gk_steal(copy);
}

static bool is_marked(json_t *message, const char *mark)
{
	return json_is_true(json_object_get(json_object_get(message, "metadata"), mark));
}

/* Most have no metadata of their own, and share this one. */
static json_t *marked_with(json_t *message, json_t *mark)
{
	return json_object_get(message, "metadata")
		       ? marked(message, HISTORY)
		       : gk_json_object_with(message, "metadata", json_incref(mark));
}

static json_t *all_marked(json_t *history)
{
	gk_auto_json json_t *all = json_array(), *mark = json_pack("{s:b}", HISTORY, 1);
	json_t *message;
	size_t i;

	if (!all || !mark)
		return NULL;
	json_array_foreach (history, i, message)
		if (!gk_json_push_take(all, marked_with(message, mark)))
			return NULL;
	return gk_steal(all);
}

/* --- from the prompt to the request --- */

typedef struct prompt_turn {
	gk_invocation *it;
	gk_prompt_body *body;
	json_t *history; /* a reference: it stays what it is */
	json_t *sent;    /* what goes out for each message of it, in order */
	bool is_changed; /* another object is sent for one of them */
	json_t *within; /* the list that goes out, when it has all of them in one piece; borrowed */
	size_t from;    /* where */
	bool is_marked; /* on its way through the prompt; else it is told by its objects */
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
	const prompt_turn *turn = gk_ctx_user(ctx);
	gk_auto_json json_t *history =
		turn->is_marked ? all_marked(turn->history) : json_incref(turn->history);

	if (!history)
		return gk_error_no_memory(err);
	return gk_prompt_body_render(
		ctx, turn->body, input, GK_OPTS(gk_generate_opts, .messages = history), ret, err);
}

/* A prompt that places the history by itself may give other objects; and traces show the marks. */
static bool needs_marks(gk_ctx *ctx, const gk_prompt_body *body)
{
	return body->messages.document || body->messages.value || body->messages_fn ||
	       gk_app_is_observed(gk_ctx_app(ctx));
}

static gk_code render_with_state(gk_ctx *ctx, prompt_turn *turn, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *context = NULL;
	gk_invocation *it = turn->it;
	gk_code rc = context_with_state(ctx, &it->session, &context, err);

	if (rc != GK_OK)
		return rc;
	turn->is_marked = needs_marks(ctx, turn->body);
	return gk_run_part(ctx,
		GK_OPTS(gk_part_opts, .input = it->agent->prompt_input, .context = context,
			.user = turn),
		render, ret, err);
}

/* A message of the history that came through unchanged but for its mark is sent as the object that it was. */
static json_t *sent_for(json_t *original, json_t *rendered)
{
	json_t *metadata = json_object_get(rendered, "metadata");
	size_t more = json_object_size(json_object_get(original, "metadata")) + 1;

	if (original && json_object_size(metadata) == more &&
		json_object_get(original, "content") == json_object_get(rendered, "content"))
		return json_incref(original);
	return unmarked(rendered, HISTORY);
}

static gk_code split_marked(prompt_turn *turn, json_t *messages, gk_error *err)
{
	json_t *message;
	size_t i;

	turn->sent = json_array();
	if (!turn->sent)
		return gk_error_no_memory(err);
	json_array_foreach (messages, i, message) {
		json_t *sent = NULL;
		json_t *original = json_array_get(turn->history, json_array_size(turn->sent));
		bool is_history = is_marked(message, HISTORY);

		sent = is_history ? sent_for(original, message) : marked(message, PREAMBLE);
		turn->is_changed = turn->is_changed || (is_history && sent != original);
		if (!sent || json_array_set(messages, i, sent) < 0 ||
			(is_history && json_array_append(turn->sent, sent) < 0)) {
			json_decref(sent);
			return gk_error_no_memory(err);
		}
		json_decref(sent);
	}
	return GK_OK;
}

/* Where a prompt that does not place the history by itself has put it: in one piece, behind what it says first. */
static size_t place_of_history(const prompt_turn *turn, json_t *messages)
{
	json_t *first = json_array_get(turn->history, 0);
	size_t at = 0;

	while (first && at < json_array_size(messages) && json_array_get(messages, at) != first)
		at++;
	return at;
}

static gk_code split_unmarked(prompt_turn *turn, json_t *messages, gk_error *err)
{
	size_t from = place_of_history(turn, messages), count = json_array_size(turn->history);
	json_t *message;

	for (size_t i = 0; i < json_array_size(messages); i++) {
		if (i == from && count) {
			i += count - 1;
			continue;
		}
		message = marked(json_array_get(messages, i), PREAMBLE);
		if (json_array_set_new(messages, i, message) < 0)
			return gk_error_no_memory(err);
	}
	turn->sent = json_incref(turn->history);
	turn->within = messages;
	turn->from = from;
	return GK_OK;
}

/* The rendered messages without the marks of the history, and with marks on the others. */
static gk_code split(prompt_turn *turn, json_t *rendered, json_t **ret, gk_error *err)
{
	json_t *given = json_object_get(rendered, "messages");
	bool is_ours = rendered->refcount == 1 && json_is_array(given) && given->refcount == 1;
	gk_auto_json json_t *messages = is_ours ? json_incref(given) : json_array();
	gk_code rc;

	if (!messages || (!is_ours && json_array_extend(messages, given) < 0))
		return gk_error_no_memory(err);
	rc = turn->is_marked ? split_marked(turn, messages, err)
			     : split_unmarked(turn, messages, err);
	if (rc == GK_OK)
		*ret = gk_steal(messages);
	return rc;
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
	gk_code rc = split(turn, rendered, &messages, err);

	if (rc == GK_OK)
		rc = gk_prompt_generate_opts(rendered, &more, &opts, &ref, &names, err);
	if (rc == GK_OK) {
		opts.messages = messages;
		turn->it->vouched = (gk_vouched){
			.messages = turn->sent,
			.is_plain = !turn->is_changed && !turn->it->session.names_resources,
			.within = turn->within,
			.from = turn->from,
		};
		rc = gk_generate(ctx, &opts, ret, err);
		turn->it->vouched = (gk_vouched){ .messages = NULL };
	}
	free(names);
	return rc;
}

/* They became part of the session as what a client sent, as what a model gave, or by gk_agent_add_message_take(). */
const gk_vouched *gk_vouched_peek(gk_ctx *ctx)
{
	const gk_agent_session *session = gk_ctx_agent_session(ctx);
	const gk_vouched *vouched = session ? &session->invocation->vouched : NULL;

	return vouched && vouched->messages ? vouched : NULL;
}

size_t gk_vouched_run(const gk_vouched *vouched, json_t *messages, size_t i, size_t *at)
{
	size_t count = json_array_size(vouched->messages);

	if (messages == vouched->within) {
		*at = i == vouched->from ? count : *at;
		return i == vouched->from ? count : 0;
	}
	if (*at >= count || json_array_get(messages, i) != json_array_get(vouched->messages, *at))
		return 0;
	++*at;
	return 1;
}

json_t *gk_vouched_left_out(gk_ctx *ctx, json_t *request)
{
	const gk_vouched *vouched = gk_vouched_peek(ctx);
	json_t *messages = json_object_get(request, "messages");
	size_t count = json_array_size(messages), at = 0, known;
	gk_auto_json json_t *rest = NULL;

	if (!vouched || !json_array_size(vouched->messages))
		return NULL;
	rest = json_array();
	for (size_t i = 0; i < count; i += known ? known : 1) {
		known = gk_vouched_run(vouched, messages, i, &at);
		if (!known && !gk_json_push_take(rest, json_incref(json_array_get(messages, i))))
			return NULL;
	}
	return at ? gk_json_object_with(request, "messages", gk_steal(rest)) : NULL;
}

/* --- from the response to the history --- */

/* The message as it is kept: the object that stood in the history, when it came back as it was sent. */
static json_t *kept(const prompt_turn *turn, size_t at, json_t *message)
{
	json_t *purpose = json_object_get(json_object_get(message, "metadata"), PURPOSE);

	if (at < json_array_size(turn->history) && message == json_array_get(turn->sent, at))
		return json_incref(json_array_get(turn->history, at));
	if (gk_str_equal(json_string_value(purpose), "history"))
		return unmarked(message, PURPOSE);
	return json_incref(message);
}

/* Not what the prompt added, nor the instructions of middleware. */
static bool is_of_history(const prompt_turn *turn, size_t at, json_t *message)
{
	const char *role = json_string_value(json_object_get(message, "role"));

	if (message == json_array_get(turn->sent, at))
		return true;
	return !is_marked(message, PREAMBLE) && !gk_str_equal(role, "system");
}

/* How many of the messages, with what the prompt added before them, are the history as it was. `*end_ret`: where the next one
 * stands. */
static size_t unchanged(const prompt_turn *turn, json_t *messages, size_t *end_ret)
{
	size_t at = 0, i;
	json_t *message;

	if (messages == turn->within) { /* it was not changed on its way */
		*end_ret = turn->from + json_array_size(turn->history);
		return json_array_size(turn->history);
	}
	json_array_foreach (messages, i, message) {
		if (at == json_array_size(turn->history))
			break;
		if (message == json_array_get(turn->sent, at))
			at++;
		else if (is_of_history(turn, at, message))
			break;
	}
	*end_ret = i;
	return at;
}

/* The whole list anew: one of its messages is another now, as after an answer to an interrupt. */
static gk_code keep_all(const prompt_turn *turn, json_t *messages, gk_error *err)
{
	gk_auto_json json_t *history = json_array();
	json_t *message;
	size_t i;

	if (!history)
		return gk_error_no_memory(err);
	json_array_foreach (messages, i, message)
		if (is_of_history(turn, json_array_size(history), message) &&
			!gk_json_push_take(history, kept(turn, json_array_size(history), message)))
			return gk_error_no_memory(err);
	return gk_agent_set_messages(&turn->it->session, history, err);
}

/* Behind the list that is there, which is nobody else's then and not copied. */
static gk_code keep_more(prompt_turn *turn, json_t *messages, size_t from, gk_error *err)
{
	gk_agent_session *session = &turn->it->session;
	gk_code rc = GK_OK;

	json_decref(turn->history);
	json_decref(turn->sent);
	turn->history = turn->sent = NULL;
	for (size_t i = from; rc == GK_OK && i < json_array_size(messages); i++) {
		json_t *message = json_array_get(messages, i);
		size_t at = json_array_size(gk_agent_messages_peek(session));

		if (is_of_history(turn, at, message))
			rc = gk_agent_push_message_take(session, kept(turn, at, message), err);
	}
	return rc;
}

/* What was said in this turn is behind the history from now on; mostly that is all. */
static gk_code keep(prompt_turn *turn, gk_response *response, gk_error *err)
{
	json_t *request = json_object_get(gk_response_json(response), "request");
	json_t *messages = json_object_get(request, "messages");
	json_t *message = gk_response_message(response);
	size_t end, same = unchanged(turn, messages, &end);
	gk_code rc;

	if (same == json_array_size(turn->history) &&
		turn->history == gk_agent_messages_peek(&turn->it->session))
		rc = keep_more(turn, messages, end, err);
	else
		rc = keep_all(turn, messages, err);
	if (rc == GK_OK && message)
		rc = gk_agent_push_message_take(&turn->it->session, json_incref(message), err);
	return rc;
}

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
		rc = keep(it, response, err);
	return rc == GK_OK ? finish(ctx, response, turn, err) : rc;
}

gk_code gk_agent_prompt_turn(
	gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	gk_invocation *invocation = session->invocation;
	json_t *resume = json_object_get(turn->input, "resume");
	prompt_turn it = { .it = invocation, .resume = has_answers(resume) ? resume : NULL };
	gk_action *action = NULL;
	gk_code rc = find_prompt(ctx, invocation->agent->prompt_name, &action, &it.body, err);

	if (rc == GK_OK)
		rc = check_input(
			invocation->agent, turn->input, gk_agent_messages_peek(session), err);
	if (rc == GK_OK) {
		it.history = json_incref(gk_agent_messages_peek(session));
		rc = talk(ctx, &it, turn, err);
	}
	json_decref(it.history);
	json_decref(it.sent);
	gk_action_unref(action);
	return rc;
}
