/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "ai/agent_history.h"

#include "ai/request.h"
#include "base/str.h"
#include "core/app.h"
#include "dotprompt/template.h"
#include "json/edit.h"

#define HISTORY  "_genkit_history"
#define PREAMBLE "agentPreamble"
#define PURPOSE  "purpose" /* "history": what {{history}} adds */

void gk_told_done(gk_told *told)
{
	json_decref(told->history);
	json_decref(told->list);
	json_decref(told->stand_in);
	*told = (gk_told){ .body = NULL };
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
	copy = gk_json_copy(message);
	if (!copy)
		return NULL;
	json_object_del(copy, "metadata");
	return gk_steal(copy);
}

static bool is_marked(json_t *message, const char *mark)
{
	return json_is_true(json_object_get(json_object_get(message, "metadata"), mark));
}

static bool has_purpose(json_t *message)
{
	return gk_str_equal(
		json_string_value(json_object_get(json_object_get(message, "metadata"), PURPOSE)),
		"history");
}

static json_t *all_marked(json_t *history)
{
	gk_auto_json json_t *all = json_array();
	json_t *message;
	size_t i;

	json_array_foreach (history, i, message)
		if (!gk_json_push_take(all, marked(message, HISTORY)))
			return NULL;
	return gk_steal(all);
}

/* --- where the prompt puts it --- */

/* The place of what stands for the history; the number of messages unless there is exactly one. */
static size_t place_in(json_t *messages)
{
	size_t count = json_array_size(messages), at = count, i;
	json_t *message;

	json_array_foreach (messages, i, message) {
		if (!is_marked(message, HISTORY))
			continue;
		if (at < count)
			return count;
		at = i;
	}
	return at;
}

/* What goes out for a message of the history: {{history}} adds to it. */
static json_t *sent_for(json_t *message, bool is_tagged)
{
	return is_tagged ? gk_template_history_message(message) : json_incref(message);
}

/* With every message that stands for the history replaced by all of it, marked. */
static json_t *unfolded(const gk_told *told, json_t *messages)
{
	gk_auto_json json_t *all = json_array();
	json_t *message, *one;
	size_t i, k;

	json_array_foreach (messages, i, message) {
		bool is_tagged = has_purpose(message);

		if (!is_marked(message, HISTORY)) {
			if (!gk_json_push_take(all, json_incref(message)))
				return NULL;
			continue;
		}
		json_array_foreach (told->history, k, one) {
			gk_auto_json json_t *sent = sent_for(one, is_tagged);

			if (!sent || !gk_json_push_take(all, marked(sent, HISTORY)))
				return NULL;
		}
	}
	return gk_steal(all);
}

/* --- what the trace shows of it --- */

/* The rendered list, with the history in its place, as far as it is shown. */
typedef struct shown_list {
	const gk_told *told;
	json_t *messages;
	size_t at; /* the place of the history */
	bool is_tagged;
	json_t *list;
} shown_list;

static bool show(shown_list *it, size_t begin, size_t end)
{
	size_t count = json_array_size(it->told->history);

	for (size_t i = begin; i < end; i++) {
		gk_auto_json json_t *sent = NULL;
		json_t *one = NULL;

		if (i < it->at || i >= it->at + count) {
			one = json_incref(
				json_array_get(it->messages, i < it->at ? i : i - count + 1));
		} else {
			sent = sent_for(
				json_array_get(it->told->history, i - it->at), it->is_tagged);
			one = sent ? marked(sent, HISTORY) : NULL;
		}
		if (!gk_json_push_take(it->list, one))
			return false;
	}
	return true;
}

static json_t *shown_messages(const gk_told *told, json_t *messages)
{
	shown_list it = { .told = told, .messages = messages, .at = place_in(messages) };
	size_t count = json_array_size(messages) + json_array_size(told->history) - 1, head, tail;
	bool ok;

	if (it.at == json_array_size(messages))
		return unfolded(told, messages);
	it.is_tagged = has_purpose(json_array_get(messages, it.at));
	it.list = json_array();
	if (!gk_messages_are_cut(count, told->earlier, told->most, &head, &tail))
		ok = show(&it, 0, count);
	else
		ok = show(&it, 0, head) &&
		     gk_json_push_take(it.list, gk_messages_omitted(tail - head)) &&
		     show(&it, tail, count);
	if (ok)
		return it.list;
	json_decref(it.list);
	return NULL;
}

static json_t *shown(json_t *rendered, void *user)
{
	json_t *messages = shown_messages(user, json_object_get(rendered, "messages"));

	return messages ? gk_json_object_with(rendered, "messages", messages) : NULL;
}

/* --- from the prompt to the request --- */

static json_t *new_stand_in(void)
{
	return json_pack("[{s:s, s:[{s:s}], s:{s:b}}]", "role", "user", "content", "text", HISTORY,
		"metadata", HISTORY, 1);
}

gk_code gk_told_render(gk_ctx *ctx, gk_told *told, json_t *input, json_t **ret, gk_error *err)
{
	bool is_whole = told->body->messages_fn || !json_array_size(told->history);
	gk_auto_json json_t *history =
		is_whole ? all_marked(told->history) : json_incref(told->history);

	if (!is_whole)
		told->stand_in = new_stand_in();
	if (!history || (!is_whole && !told->stand_in))
		return gk_error_no_memory(err);
	told->most = gk_app_span_limits_peek(gk_ctx_app(ctx))->messages;
	return gk_prompt_body_render(ctx, told->body, input,
		GK_OPTS(gk_generate_opts, .messages = history),
		&(gk_prompt_view){ .stand_in = told->stand_in,
			.shown = is_whole ? NULL : shown,
			.user = told },
		ret, err);
}

/* A message of the history that came through unchanged but for its mark is sent as the object that it was. */
static json_t *sent_back(json_t *original, json_t *rendered)
{
	json_t *metadata = json_object_get(rendered, "metadata");
	size_t more = json_object_size(json_object_get(original, "metadata")) + 1;

	if (original && json_object_size(metadata) == more &&
		json_object_get(original, "content") == json_object_get(rendered, "content"))
		return json_incref(original);
	return unmarked(rendered, HISTORY);
}

/* The history is told by its marks. */
static gk_code split_marked(gk_told *told, json_t *messages, json_t *list, gk_error *err)
{
	json_t *message;
	size_t i;

	told->list = json_array();
	json_array_foreach (messages, i, message) {
		gk_auto_json json_t *sent = NULL;
		json_t *original = json_array_get(told->history, json_array_size(told->list));
		bool is_history = is_marked(message, HISTORY);

		sent = is_history ? sent_back(original, message) : marked(message, PREAMBLE);
		told->is_changed = told->is_changed || (is_history && sent != original);
		if (!sent || !told->list || json_array_append(list, sent) < 0 ||
			(is_history && json_array_append(told->list, sent) < 0))
			return gk_error_no_memory(err);
	}
	told->count = json_array_size(told->list);
	return told->list ? GK_OK : gk_error_no_memory(err);
}

/* The list of the turn before, as far as it can be gone on with: what stands before the history, and as much of that as it has
 * (`*have_ret`). NULL: it cannot. */
static json_t *list_before(
	const gk_told *told, gk_agent_session *session, size_t at, size_t *have_ret)
{
	gk_asked asked = session->asked;

	session->asked = (gk_asked){ .list = NULL };
	if (asked.from != at || asked.is_tagged != told->is_tagged ||
		asked.count > json_array_size(told->history) || !gk_asked_cut(&asked)) {
		gk_asked_done(&asked);
		return NULL;
	}
	*have_ret = asked.count;
	return asked.list;
}

/* What the prompt says from `begin` to `end`, in the place of what stands there or behind it. */
static bool put_preamble(json_t *list, json_t *messages, size_t begin, size_t end, bool is_there)
{
	for (size_t i = begin; i < end; i++) {
		json_t *one = marked(json_array_get(messages, i), PREAMBLE);

		if (is_there ? json_array_set_new(list, i, one) < 0 : !gk_json_push_take(list, one))
			return false;
	}
	return true;
}

static bool put_history(const gk_told *told, json_t *list, size_t from)
{
	if (!told->is_tagged && from == 0)
		return json_array_extend(list, told->history) == 0;
	for (size_t i = from; i < json_array_size(told->history); i++)
		if (!gk_json_push_take(
			    list, sent_for(json_array_get(told->history, i), told->is_tagged)))
			return false;
	return true;
}

/* The history stands at `at`. */
static gk_code place(gk_told *told, gk_agent_session *session, json_t *messages, size_t at,
	json_t **ret, gk_error *err)
{
	size_t have = 0;
	gk_auto_json json_t *list = NULL;
	bool is_there;

	told->is_tagged = told->is_changed = has_purpose(json_array_get(messages, at));
	list = list_before(told, session, at, &have);
	is_there = list != NULL;
	if (!list)
		list = json_array();
	if (!list || !put_preamble(list, messages, 0, at, is_there) ||
		!put_history(told, list, have) ||
		!put_preamble(list, messages, at + 1, json_array_size(messages), false))
		return gk_error_no_memory(err);
	told->list = json_incref(list);
	told->from = at;
	told->count = json_array_size(told->history);
	told->is_within = true;
	*ret = gk_steal(list);
	return GK_OK;
}

gk_code gk_told_messages(
	gk_told *told, gk_agent_session *session, json_t *rendered, json_t **ret, gk_error *err)
{
	json_t *messages = json_object_get(rendered, "messages");
	gk_auto_json json_t *list = NULL, *all = NULL;
	size_t at = place_in(messages);
	gk_code rc;

	if (told->stand_in && at < json_array_size(messages))
		return place(told, session, messages, at, ret, err);
	list = json_array();
	all = told->stand_in ? unfolded(told, messages) : json_incref(messages);
	if (!list || !all)
		return gk_error_no_memory(err);
	rc = split_marked(told, all, list, err);
	if (rc == GK_OK)
		*ret = gk_steal(list);
	return rc;
}

/* --- from the response to the history --- */

static json_t *sent_at(const gk_told *told, size_t at)
{
	return at < told->count ? json_array_get(told->list, told->from + at) : NULL;
}

/* The message as it is kept: the object that stood in the history, when it came back as it was sent. */
static json_t *kept(const gk_told *told, size_t at, json_t *message)
{
	if (at < json_array_size(told->history) && message == sent_at(told, at))
		return json_incref(json_array_get(told->history, at));
	return has_purpose(message) ? unmarked(message, PURPOSE) : json_incref(message);
}

/* Not what the prompt added, nor the instructions of middleware. */
static bool is_of_history(const gk_told *told, size_t at, json_t *message)
{
	const char *role = json_string_value(json_object_get(message, "role"));

	if (message == sent_at(told, at))
		return true;
	return !is_marked(message, PREAMBLE) && !gk_str_equal(role, "system");
}

/* How many of the messages, with what the prompt added before them, are the history as it was. `*end_ret`: where the next one
 * stands. */
static size_t unchanged(const gk_told *told, json_t *messages, size_t *end_ret)
{
	size_t at = 0, i;
	json_t *message;

	if (told->is_within && messages == told->list) { /* it was not changed on its way */
		*end_ret = told->from + told->count;
		return told->count;
	}
	json_array_foreach (messages, i, message) {
		if (at == told->count)
			break;
		if (message == sent_at(told, at))
			at++;
		else if (is_of_history(told, at, message))
			break;
	}
	*end_ret = i;
	return at;
}

/* The whole list anew: one of its messages is another now, as after an answer to an interrupt. */
static gk_code keep_all(
	const gk_told *told, gk_agent_session *session, json_t *messages, gk_error *err)
{
	gk_auto_json json_t *history = json_array();
	json_t *message;
	size_t i;

	if (!history)
		return gk_error_no_memory(err);
	json_array_foreach (messages, i, message)
		if (is_of_history(told, json_array_size(history), message) &&
			!gk_json_push_take(history, kept(told, json_array_size(history), message)))
			return gk_error_no_memory(err);
	return gk_agent_set_messages(session, history, err);
}

/* Behind the list that is there, which is nobody else's then and not copied. */
static gk_code keep_more(
	gk_told *told, gk_agent_session *session, json_t *messages, size_t from, gk_error *err)
{
	gk_code rc = GK_OK;

	json_decref(gk_steal(told->history));
	for (size_t i = from; rc == GK_OK && i < json_array_size(messages); i++) {
		json_t *message = json_array_get(messages, i);
		size_t at = json_array_size(gk_agent_messages_peek(session));

		if (is_of_history(told, at, message))
			rc = gk_agent_push_message_take(session, kept(told, at, message), err);
	}
	return rc;
}

gk_code gk_told_keep(gk_told *told, gk_agent_session *session, gk_response *response, gk_error *err)
{
	json_t *request = json_object_get(gk_response_json(response), "request");
	json_t *messages = json_object_get(request, "messages");
	json_t *message = gk_response_message(response);
	size_t end, same = unchanged(told, messages, &end);
	gk_code rc;

	if (same == json_array_size(told->history) &&
		told->history == gk_agent_messages_peek(session)) {
		rc = keep_more(told, session, messages, end, err);
		if (rc == GK_OK && told->is_within)
			session->asked = (gk_asked){ json_incref(told->list), told->from,
				told->count, told->is_tagged };
	} else {
		rc = keep_all(told, session, messages, err);
	}
	if (rc == GK_OK && message)
		rc = gk_agent_push_message_take(session, json_incref(message), err);
	return rc;
}
