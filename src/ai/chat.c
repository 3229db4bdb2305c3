/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Chats: what stands before a conversation, the thread, and what is said next (sessions sections 1.3 to 1.5). */
#include "ai/prompt.h"
#include "ai/request.h"
#include "ai/session.h"
#include "core/call.h"
#include "json/edit.h"

#include <assert.h>

#define GK_CHAT_MAGIC            0x67636861u
#define GK_CHECK(object, magic_) assert((object) && (object)->magic == (magic_))
#define PREAMBLE                 "preamble"
#define MAIN                     "main"

struct gk_chat {
	unsigned magic, refs;
	gk_session *session;
	char *thread;
	json_t *base; /* {model?, config?, tools?, ...} of every request, and prompt?, what is said when nothing is */
	json_t *messages; /* of the thread, as this chat knows it */
	gk_error failure; /* that of the preamble; code GK_OK: none */
};

/* --- life --- */

gk_chat *gk_chat_ref(gk_chat *chat)
{
	GK_CHECK(chat, GK_CHAT_MAGIC);
	chat->refs++;
	return chat;
}

gk_chat *gk_chat_unref(gk_chat *chat)
{
	if (!chat)
		return NULL;
	GK_CHECK(chat, GK_CHAT_MAGIC);
	if (--chat->refs)
		return NULL;
	chat->magic = 0;
	gk_session_unref(chat->session);
	free(chat->thread);
	json_decref(chat->base);
	json_decref(chat->messages);
	gk_error_clear(&chat->failure);
	free(chat);
	return NULL;
}

gk_session *gk_chat_session(const gk_chat *chat)
{
	GK_CHECK(chat, GK_CHAT_MAGIC);
	return chat->session;
}

json_t *gk_chat_messages(const gk_chat *chat)
{
	GK_CHECK(chat, GK_CHAT_MAGIC);
	return chat->messages;
}

/* --- what stands before --- */

static bool is_preamble(json_t *message)
{
	return json_is_true(json_object_get(json_object_get(message, "metadata"), PREAMBLE));
}

static bool push_preamble(json_t *list, json_t *message)
{
	gk_auto_json json_t *metadata = gk_json_merge(json_object_get(message, "metadata"), NULL);

	return gk_json_set_bool(metadata, PREAMBLE, true) &&
	       gk_json_push_take(
		       list, gk_json_object_with(message, "metadata", gk_steal(metadata)));
}

static json_t *as_parts(json_t *parts, const char *text)
{
	if (json_is_array(parts))
		return json_incref(parts);
	return parts ? json_pack("[O]", parts) : json_pack("[{s:s}]", "text", text);
}

/* The options' own system and messages, all of which stand before; and what is said with every message. */
static gk_code base_of_options(
	gk_ctx *ctx, const gk_generate_opts *options, json_t **ret, gk_error *err)
{
	static const gk_generate_opts nothing = { .size = sizeof(nothing) };
	const gk_generate_opts *said = options ? options : &nothing;
	gk_auto_json json_t *base = NULL;
	gk_auto_json json_t *messages = json_array();
	gk_auto_json json_t *system = NULL;
	json_t *message;
	size_t i;
	bool ok = messages != NULL;
	gk_code rc = gk_prompt_say(gk_ctx_app(ctx), said, &base, err);

	if (rc != GK_OK)
		return rc;
	if (said->system || said->system_parts) {
		system = json_pack("{s:s, s:o}", "role", "system", "content",
			as_parts(said->system_parts, said->system));
		ok = ok && push_preamble(messages, system);
	}
	json_array_foreach (said->messages, i, message)
		ok = ok && push_preamble(messages, message);
	if (ok && (said->prompt || said->prompt_parts))
		ok = gk_json_set_take(base, "prompt", as_parts(said->prompt_parts, said->prompt));
	if (ok && said->config)
		ok = gk_json_set(base, "config", said->config);
	if (!ok || !gk_json_set(base, "messages", messages))
		return gk_error_no_memory(err);
	*ret = gk_steal(base);
	return GK_OK;
}

static gk_code render(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const gk_chat_opts *opts = gk_ctx_user(ctx);
	gk_auto_json json_t *rendered = NULL;
	gk_auto_json json_t *messages = json_array();
	json_t *message;
	size_t i;
	bool ok = messages != NULL;
	gk_code rc = gk_render_prompt(ctx, opts->prompt, input, opts->options, &rendered, err);

	if (rc != GK_OK)
		return rc;
	json_array_foreach (json_object_get(rendered, "messages"), i, message)
		ok = ok && push_preamble(messages, message);
	if (!ok || !gk_json_set(rendered, "messages", messages))
		return gk_error_no_memory(err);
	*ret = gk_steal(rendered);
	return GK_OK;
}

static gk_code make_base(
	gk_ctx *ctx, gk_session *session, const gk_chat_opts *opts, json_t **ret, gk_error *err)
{
	if (opts->prompt)
		return gk_session_run(ctx, session, render, (void *)opts, opts->input, ret, err);
	return base_of_options(ctx, opts->options, ret, err);
}

static bool push_some(json_t *list, json_t *messages, bool of_preamble)
{
	json_t *message;
	size_t i;

	json_array_foreach (messages, i, message)
		if (is_preamble(message) == of_preamble &&
			!gk_json_push_take(list, json_incref(message)))
			return false;
	return true;
}

/* A new preamble goes in front and takes the place of that in the history; without one the old one stays. */
static json_t *merge(json_t *history, json_t *before)
{
	gk_auto_json json_t *all = json_array();
	bool ok = all != NULL;

	ok = ok && push_some(all, before, true);
	if (ok && json_array_size(all))
		ok = push_some(all, history, false);
	else if (ok && history)
		ok = json_array_extend(all, history) == 0;
	ok = ok && push_some(all, before, false);
	return ok ? gk_steal(all) : NULL;
}

gk_code gk_session_chat(
	gk_ctx *ctx, gk_session *session, const gk_chat_opts *opts, gk_chat **ret, gk_error *err)
{
	static const gk_chat_opts nothing = { .size = sizeof(nothing) };
	const gk_chat_opts *own = opts ? opts : &nothing;
	gk_auto_chat gk_chat *chat = calloc(1, sizeof(*chat));
	gk_auto_json json_t *history = NULL;

	if (!chat)
		return gk_error_no_memory(err);
	chat->magic = GK_CHAT_MAGIC;
	chat->refs = 1;
	chat->session = gk_session_ref(session);
	chat->thread = strdup(own->thread ? own->thread : MAIN);
	if (!chat->thread)
		return gk_error_no_memory(err);
	/* the thread as it is now, whatever happens while the prompt is rendered */
	history = json_incref(gk_session_thread(session, chat->thread));
	if (make_base(ctx, session, own, &chat->base, &chat->failure) != GK_OK) {
		chat->messages = history ? gk_steal(history) : json_array();
	} else {
		chat->messages = merge(history, json_object_get(chat->base, "messages"));
		json_object_del(chat->base, "messages");
	}
	if (!chat->messages)
		return gk_error_no_memory(err);
	*ret = gk_steal(chat);
	return GK_OK;
}

/* --- sending --- */

typedef struct sending {
	gk_chat *chat;
	gk_ctx *outer;   /* whose caller takes the chunks */
	json_t *request; /* what is asked, as JSON can say it */
	const gk_generate_opts *more;
	gk_response *response;
} sending;

/* {...base, ...options}: later wins. */
static gk_code make_request(
	gk_ctx *ctx, gk_chat *chat, const gk_generate_opts *opts, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *over = NULL;
	gk_auto_json json_t *request = NULL;
	gk_code rc = gk_prompt_say(gk_ctx_app(ctx), opts, &over, err);

	if (rc != GK_OK)
		return rc;
	request = gk_json_merge(chat->base, over);
	if (!request ||
		!gk_json_set(
			request, "messages", opts->messages ? opts->messages : chat->messages) ||
		(opts->config && !gk_json_set(request, "config", opts->config)))
		return gk_error_no_memory(err);
	if (opts->prompt || opts->prompt_parts)
		rc = gk_json_set_take(request, "prompt", as_parts(opts->prompt_parts, opts->prompt))
			     ? GK_OK
			     : gk_error_no_memory(err);
	if (rc == GK_OK)
		*ret = gk_steal(request);
	return rc;
}

static gk_code forward(gk_ctx *ctx, json_t *chunk, void *user, gk_error *err)
{
	const sending *it = user;

	(void)ctx;
	return it->more->on_chunk(it->outer, chunk, it->more->user, err);
}

static gk_code forward_progress(gk_ctx *ctx, gk_progress *progress, void *user, gk_error *err)
{
	const sending *it = user;

	(void)ctx;
	return it->more->on_progress(it->outer, progress, it->more->user, err);
}

static gk_code ask(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	sending *it = gk_ctx_user(ctx);
	const char **names = NULL;
	gk_generate_opts opts;
	gk_model_ref ref;
	gk_code rc = gk_prompt_generate_opts(it->request, it->more, &opts, &ref, &names, err);

	(void)input;
	gk_ctx_record_told(ctx, json_array_size(it->chat->messages));
	if (rc == GK_OK) {
		opts.system = it->more->system;
		opts.system_parts = it->more->system_parts;
		opts.prompt_parts = json_object_get(it->request, "prompt");
		opts.middleware = it->more->middleware;
		opts.on_chunk = it->more->on_chunk ? forward : NULL;
		opts.on_progress = it->more->on_progress ? forward_progress : NULL;
		opts.user = it;
		rc = gk_generate(ctx, &opts, &it->response, err);
	}
	free(names);
	if (rc == GK_OK)
		*ret = json_incref(gk_response_json(it->response));
	return rc;
}

static gk_code ask_in_span(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	sending *it = gk_ctx_user(ctx);
	gk_auto_json json_t *labels = json_pack("{s:s, s:s}", "genkit:sessionId",
		gk_session_id(it->chat->session), "genkit:threadName", it->chat->thread);
	const gk_span_opts span = { .name = "send",
		.type = "helper",
		.labels = labels,
		.what = "chat",
		.has_messages = true };

	if (!labels)
		return gk_error_no_memory(err);
	return gk_ctx_run_in_span(ctx, &span, ask, it, input, ret, err);
}

/* Names of tools as the request has them: only when it is not the base that said them. */
static bool take_tools(gk_chat *chat, json_t *request)
{
	json_t *tools = json_object_get(request, "tools"), *tool;
	gk_auto_json json_t *names = NULL;
	size_t i;

	if (json_array_size(tools) == json_array_size(json_object_get(chat->base, "tools")))
		return true;
	names = json_array();
	json_array_foreach (tools, i, tool)
		if (!gk_json_push_take(names, json_incref(json_object_get(tool, "name"))))
			return false;
	return gk_json_set(chat->base, "tools", names);
}

/* What was asked is asked again, but for the model. */
static bool take_options(gk_chat *chat, gk_response *response)
{
	json_t *request = json_object_get(gk_response_json(response), "request");
	json_t *choice = json_object_get(request, "toolChoice");
	json_t *config = json_object_get(request, "config");

	return take_tools(chat, request) &&
	       (!choice || gk_json_set(chat->base, "toolChoice", choice)) &&
	       (!config || gk_json_set(chat->base, "config", config));
}

static gk_code keep(gk_ctx *ctx, sending *it, gk_error *err)
{
	gk_chat *chat = it->chat;
	json_t *messages = gk_response_messages(it->response);

	if (!messages || !take_options(chat, it->response))
		return gk_error_no_memory(err);
	json_incref(messages);
	json_decref(chat->messages);
	chat->messages = messages;
	return gk_session_set_messages(ctx, chat->session, chat->thread, messages, err);
}

static gk_code send_now(gk_ctx *ctx, sending *it, gk_error *err)
{
	gk_auto_json json_t *answer = NULL;
	gk_code rc = make_request(ctx, it->chat, it->more, &it->request, err);

	if (rc == GK_OK)
		rc = gk_session_run(
			ctx, it->chat->session, ask_in_span, it, it->request, &answer, err);
	return rc == GK_OK ? keep(ctx, it, err) : rc;
}

gk_code gk_chat_send_with(
	gk_ctx *ctx, gk_chat *chat, const gk_generate_opts *opts, gk_response **ret, gk_error *err)
{
	sending it = { .chat = chat, .outer = ctx, .more = opts };
	gk_session_turn turn;
	gk_code rc;

	GK_CHECK(chat, GK_CHAT_MAGIC);
	if (chat->failure.code != GK_OK)
		return gk_error_copy(err, &chat->failure);
	gk_chat_ref(chat);
	rc = gk_session_begin_turn(chat->session, chat->thread, &turn, err);
	if (rc == GK_OK) {
		rc = send_now(ctx, &it, err);
		gk_session_end_turn(chat->session, &turn);
	}
	if (rc == GK_OK)
		*ret = gk_steal(it.response);
	gk_response_unref(it.response);
	json_decref(it.request);
	gk_chat_unref(chat);
	return rc;
}

gk_code gk_chat_send(gk_ctx *ctx, gk_chat *chat, const char *text, gk_response **ret, gk_error *err)
{
	return gk_chat_send_with(ctx, chat, GK_OPTS(gk_generate_opts, .prompt = text), ret, err);
}

gk_code gk_chat_send_stream(gk_ctx *ctx, gk_chat *chat, const char *text, gk_chunk_fn *on_chunk,
	void *user, gk_response **ret, gk_error *err)
{
	return gk_chat_send_with(ctx, chat,
		GK_OPTS(gk_generate_opts, .prompt = text, .on_chunk = on_chunk, .user = user), ret,
		err);
}
