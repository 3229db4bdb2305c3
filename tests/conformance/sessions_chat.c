/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* chat.yaml: sessions and chats of the older kind, step by step, with the model that says what it was asked. */
#include "sessions.h"

#include "ai/ai.h"
#include "base/table.h"
#include "json/edit.h"

#include <stdio.h>

typedef struct play {
	core_app *app;
	json_t *one;
	gk_session_opts opts;
	gk_session *session;
	gk_table *chats;
	bool fails_next;
	size_t step;
	char problem[2048];
} play;

static void complain(play *it, const char *what, const json_t *got)
{
	gk_auto_str char *text = gk_json_write(got, NULL);

	if (!*it->problem)
		snprintf(it->problem, sizeof(it->problem), "step %zu: %s %s", it->step, what,
			text ? text : "?");
}

static void check(play *it, gk_code rc, const gk_error *err)
{
	if (rc != GK_OK && !*it->problem)
		snprintf(it->problem, sizeof(it->problem), "step %zu: %s", it->step, err->message);
}

/* --- the model and the prompts --- */

static gk_code run_model(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	play *it = gk_ctx_user(ctx);
	gk_action *echo = NULL;
	gk_code rc;

	if (it->fails_next) {
		it->fails_next = false;
		return gk_error_set_plain(err, "model boom");
	}
	rc = gk_lookup_action(ctx, "/model/test/echo", &echo, err);
	if (rc == GK_OK)
		rc = gk_run_action_with(ctx, echo, request,
			GK_OPTS(gk_call_opts, .on_chunk = gk_forward_chunk), ret, err);
	gk_action_unref(echo);
	return rc;
}

static void define(play *it)
{
	gk_app *app = it->app->app;
	gk_auto_json json_t *name = json_string("chatModel");
	json_t *prompt;
	const char *key;

	core_app_must(gk_ai_init(app, NULL), "ai");
	core_app_must(gk_define_test_models(app, NULL), "test models");
	core_app_must(
		gk_define_model(app,
			GK_OPTS(gk_model_opts, .name = "chatModel", .run = run_model, .user = it,
				.supports = GK_SUPPORTS_MULTITURN | GK_SUPPORTS_SYSTEM),
			NULL),
		"model");
	core_app_must(gk_set_value(app, "defaultModel", "defaultModel", name, NULL), "default");
	json_object_foreach (json_object_get(it->one, "prompts"), key, prompt)
		core_app_must(gk_define_prompt(app,
				      GK_OPTS(gk_prompt_opts, .name = key,
					      .system = gk_json_str_peek(prompt, "system"),
					      .messages = gk_json_str_peek(prompt, "messages"),
					      .prompt = gk_json_str_peek(prompt, "prompt"),
					      .config = json_object_get(prompt, "config")),
				      NULL),
			"prompt");
}

/* --- steps --- */

static void start_session(gk_ctx *ctx, play *it, json_t *args)
{
	gk_auto_error gk_error err = { 0 };

	it->opts = (gk_session_opts){ .size = sizeof(it->opts),
		.store =
			json_object_get(args, "store") ? gk_session_store_peek(it->app->app) : NULL,
		.id = gk_json_str_peek(args, "id"),
		.state = json_object_get(args, "state") };
	check(it, gk_session_new(ctx, &it->opts, &it->session, &err), &err);
}

static void forget_chats(play *it)
{
	while (gk_table_first(it->chats))
		gk_chat_unref(
			gk_table_take(it->chats, gk_table_entry_name(gk_table_first(it->chats))));
}

static void load_session(gk_ctx *ctx, play *it, json_t *args)
{
	gk_auto_error gk_error err = { 0 };
	gk_session *before = gk_steal(it->session);
	gk_session_opts opts = it->opts;

	(void)args;
	opts.id = gk_session_id(before);
	forget_chats(it);
	check(it, gk_session_load(ctx, &opts, &it->session, &err), &err);
	gk_session_unref(before);
}

static void start_chat(gk_ctx *ctx, play *it, json_t *args)
{
	json_t *options = json_object_get(args, "options");
	gk_auto_error gk_error err = { 0 };
	gk_chat *chat = NULL;
	const gk_generate_opts said = { .size = sizeof(said),
		.system = gk_json_str_peek(options, "system"),
		.messages = json_object_get(options, "messages"),
		.config = json_object_get(options, "config") };
	const gk_chat_opts opts = { .size = sizeof(opts),
		.thread = gk_json_str_peek(args, "thread"),
		.prompt = gk_json_str_peek(args, "prompt"),
		.input = json_object_get(args, "input"),
		.options = options ? &said : NULL };

	check(it, gk_session_chat(ctx, it->session, &opts, &chat, &err), &err);
	if (chat && !gk_table_set(it->chats, gk_json_str_peek(args, "as"), chat))
		gk_chat_unref(chat);
}

static gk_code take_chunk(gk_ctx *ctx, json_t *chunk, void *user, gk_error *err)
{
	const char *text = gk_json_str_peek(chunk, "content[0].text");

	(void)ctx, (void)err;
	json_array_append_new(user, json_string(text));
	return GK_OK;
}

static void send(gk_ctx *ctx, play *it, json_t *args)
{
	gk_chat *chat = gk_table_get(it->chats, gk_json_str_peek(args, "chat"));
	const char *input = gk_json_str_peek(args, "input");
	const char *failure = gk_json_str_peek(args, "expect_error");
	json_t *text = json_object_get(args, "expect_text");
	json_t *messages = json_object_get(args, "expect_messages");
	json_t *expected_chunks = json_object_get(args, "expect_chunks");
	gk_auto_json json_t *chunks = json_array();
	gk_auto_json json_t *got = NULL;
	gk_auto_response gk_response *response = NULL;
	gk_auto_error gk_error err = { 0 };
	gk_code rc =
		gk_json_bool_at(args, "stream", false)
			? gk_chat_send_stream(ctx, chat, input, take_chunk, chunks, &response, &err)
			: gk_chat_send(ctx, chat, input, &response, &err);

	if (failure && (rc == GK_OK || !strstr(err.message, failure)))
		complain(it, "it fails otherwise", NULL);
	if (!failure)
		check(it, rc, &err);
	if (rc != GK_OK)
		return;
	got = json_string(gk_response_text(response));
	if (text && !conformance_equal(got, text))
		complain(it, "text", got);
	if (messages && !conformance_equal(gk_chat_messages(chat), messages))
		complain(it, "messages", gk_chat_messages(chat));
	if (expected_chunks && !conformance_equal(chunks, expected_chunks))
		complain(it, "chunks", chunks);
}

static void update_state(gk_ctx *ctx, play *it, json_t *args)
{
	gk_auto_error gk_error err = { 0 };

	check(it, gk_session_set_state(ctx, it->session, json_object_get(args, "state"), &err),
		&err);
}

static void look_at_store(gk_ctx *ctx, play *it, json_t *args)
{
	const gk_session_realm realm = { .store = "chat", .owner = "" };
	json_t *expected = json_object_get(args, "expect");
	gk_auto_json json_t *found = NULL;
	gk_auto_json json_t *shown = NULL;
	gk_auto_error gk_error err = { 0 };

	check(it,
		gk_chat_load(ctx, it->opts.store, &realm, gk_session_id(it->session), &found, &err),
		&err);
	shown = found ? json_copy(found) : json_null();
	json_object_del(shown, "id");
	if (!conformance_equal(shown, expected))
		complain(it, "stored", shown);
}

static void fail_next(gk_ctx *ctx, play *it, json_t *args)
{
	(void)ctx;
	it->fails_next = json_is_true(args);
}

static const struct {
	const char *name;
	void (*run)(gk_ctx *ctx, play *it, json_t *args);
} steps[] = {
	{ "session", start_session },
	{ "load", load_session },
	{ "chat", start_chat },
	{ "send", send },
	{ "update_state", update_state },
	{ "stored", look_at_store },
	{ "fail_next", fail_next },
};

static void run_step(gk_ctx *ctx, play *it, const char *name, json_t *args)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (strcmp(steps[i].name, name) == 0) {
			steps[i].run(ctx, it, args);
			return;
		}
	complain(it, "unknown step", args);
}

static gk_code run_steps(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	play *it = gk_ctx_user(ctx);
	json_t *step, *args;
	const char *name;
	size_t i;

	(void)input, (void)ret, (void)err;
	json_array_foreach (json_object_get(it->one, "steps"), i, step) {
		it->step = i + 1;
		json_object_foreach (step, name, args)
			if (!*it->problem)
				run_step(ctx, it, name, args);
	}
	return GK_OK;
}

void sessions_run_chat(conformance *run, const char *name, core_app *app, json_t *one)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *ret = NULL;
	play it = { .app = app, .one = one, .chats = gk_table_new(NULL) };

	define(&it);
	if (core_app_run(app, run_steps, &it, NULL, &ret, &err) != GK_OK)
		conformance_fail(run, name, "%s", err.message);
	else if (*it.problem)
		conformance_fail(run, name, "%s", it.problem);
	else
		conformance_pass(run, name);
	forget_chats(&it);
	gk_table_free(it.chats);
	gk_session_unref(it.session);
}
