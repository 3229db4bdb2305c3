/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What `make run` shows of agents, without a provider: an inn whose host looks for rooms (a tool), asks for approval of a long
 * stay (an interrupt that is restarted), lets the guest choose (one that is answered), and keeps a bill (state of its own).
 */
#include <genkit/genkit.h>

#include <ctype.h>

/* --- the host: a model that understands a few words --- */

static gk_code ask_for(gk_ctx *ctx, json_t *messages, const char *tool, json_t *input_take,
	json_t **ret, gk_error *err)
{
	const char *ref = gk_ctx_printf(ctx, "%s-%zu", tool, json_array_size(messages));

	*ret = json_pack("{s:{s:s, s:[{s:{s:s, s:s, s:o}}]}, s:s}", "message", "role", "model",
		"content", "toolRequest", "name", tool, "ref", ref ? ref : "", "input", input_take,
		"finishReason", "stop");
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* Word by word, for those who listen. */
static gk_code say(gk_ctx *ctx, const char *text, json_t **ret, gk_error *err)
{
	for (const char *word = text; *word;) {
		size_t len = strcspn(word, " ");
		gk_code rc;

		len += strspn(word + len, " ");
		rc = gk_ctx_send(ctx, json_pack("{s:[{s:s%}]}", "content", "text", word, len), err);
		if (rc != GK_OK)
			return rc;
		word += len;
	}
	*ret = json_pack(
		"{s:o, s:s}", "message", gk_message_of_text("model", text), "finishReason", "stop");
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* What a tool has told, in words. */
static const char *report(gk_ctx *ctx, json_t *response)
{
	const char *tool = gk_json_str_peek(response, "name");
	json_t *output = json_object_get(response, "output");

	if (strcmp(tool, "rooms") == 0)
		return gk_ctx_printf(
			ctx, "%d rooms are free.", (int)gk_json_int_at(output, "free", 0));
	return gk_ctx_printf(ctx, strcmp(tool, "book") == 0 ? "It is %s." : "Your room is %s.",
		json_is_string(output) ? json_string_value(output) : "unknown");
}

static json_int_t number_in(const char *text)
{
	json_int_t number = 0;

	text += strcspn(text, "0123456789");
	while (isdigit((unsigned char)*text) && number < 1000)
		number = 10 * number + (*text++ - '0');
	return number;
}

static int users_of(json_t *messages)
{
	json_t *message;
	int count = 0;
	size_t i;

	json_array_foreach (messages, i, message)
		count += strcmp(gk_json_str_peek(message, "role"), "user") == 0;
	return count;
}

/* Takes a tenth of a second for each of the things to do: to be left alone with it, or called off. */
static gk_code prepare(gk_ctx *ctx, const char *said, json_t **ret, gk_error *err)
{
	gk_code rc = gk_sleep(ctx, 100 * (uint64_t)number_in(said), err);

	return rc == GK_OK ? say(ctx, "Your room is ready.", ret, err) : rc;
}

static gk_code host(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	json_t *messages = json_object_get(request, "messages");
	json_t *last = json_array_get(messages, json_array_size(messages) - 1);
	json_t *response = gk_json_at_peek(last, "content[0].toolResponse");
	gk_auto_str char *said = gk_message_text(last);
	const char *reply;

	if (!said)
		return gk_error_no_memory(err);
	if (!response && strstr(said, "rooms"))
		return ask_for(ctx, messages, "rooms", json_object(), ret, err);
	if (!response && strstr(said, "book"))
		return ask_for(ctx, messages, "book", json_pack("{s:I}", "nights", number_in(said)),
			ret, err);
	if (!response && strstr(said, "choose"))
		return ask_for(ctx, messages, "choose",
			json_pack("{s:s}", "question", "Which room?"), ret, err);
	if (!response && strstr(said, "prepare"))
		return prepare(ctx, said, ret, err);
	reply = response ? report(ctx, response)
			 : gk_ctx_printf(ctx, "You said \"%s\", and that was number %d.", said,
				   users_of(messages));
	return reply ? say(ctx, reply, ret, err) : gk_error_no_memory(err);
}

/* --- the tools --- */

static gk_code rooms(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx;
	(void)input;
	(void)err;
	*ret = json_pack("{s:i}", "free", 3);
	return GK_OK;
}

static gk_code book(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_agent_session *session = gk_ctx_agent_session(ctx);
	json_int_t nights = gk_json_int_at(input, "nights", 1);
	gk_code rc = GK_OK;

	if (nights > 3 && !gk_ctx_resumed(ctx))
		return gk_interrupt(ctx,
			json_pack("{s:s, s:I}", "reason", "a long stay", "nights", nights), err);
	if (session) {
		nights += gk_json_int_at(gk_agent_custom_peek(session), "nights", 0);
		rc = gk_agent_set_custom_take(
			ctx, session, json_pack("{s:I}", "nights", nights), err);
	}
	if (rc == GK_OK)
		*ret = json_string("booked");
	return rc;
}

static const gk_tool_opts tools[] = {
	{ .name = "rooms",
		.description = "Which rooms are free.",
		.output = "free: integer",
		.run = rooms },
	{ .name = "book",
		.description = "Books a room; a long stay needs approval.",
		.input = "nights: integer",
		.output = "string",
		.run = book },
	{ .name = "choose",
		.description = "Asks the guest.",
		.input = "question: string",
		.output = "string" },
};

GK_MODULE(inn, app, err)
{
	static const char *const names[] = { "rooms", "book", "choose", NULL };
	const gk_prompt_opts prompt = { .size = sizeof(prompt),
		.model = "inn/host",
		.system = "You keep an inn.",
		.tools = names };
	gk_code rc = gk_define_model(app,
		GK_OPTS(gk_model_opts, .name = "inn/host",
			.supports = GK_SUPPORTS_MULTITURN | GK_SUPPORTS_TOOLS | GK_SUPPORTS_SYSTEM,
			.run = host),
		err);

	for (size_t i = 0; rc == GK_OK && i < sizeof(tools) / sizeof(tools[0]); i++) {
		gk_tool_opts tool = tools[i];

		tool.size = sizeof(tool);
		rc = gk_define_tool(app, &tool, err);
	}
	if (rc != GK_OK)
		return rc;
	return gk_define_agent(app,
		GK_OPTS(gk_agent_opts, .name = "inn",
			.description =
				"Keeps an inn: knows free rooms, books, and asks before long stays.",
			.prompt = &prompt, .state_schema = "nights?: integer", .is_stored = true),
		err);
}
