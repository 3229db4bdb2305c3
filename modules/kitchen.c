/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What `make run` shows of generate, without a provider: a model of our own with a tool, structured output, a prompt and
 * a chat that streams.
 */
#include <genkit/genkit.h>

/* --- the model: it knows one dish for every theme, asks for the weather when it may, and speaks in words --- */

static gk_code say(gk_ctx *ctx, const char *text, gk_error *err)
{
	while (*text) {
		size_t len = strcspn(text, " ") + strspn(text + strcspn(text, " "), " ");
		gk_code rc = gk_ctx_send(
			ctx, json_pack("{s:[{s:s%}]}", "content", "text", text, len), err);

		if (rc == GK_OK && gk_ctx_is_streaming(ctx))
			rc = gk_sleep(ctx, 30, err);
		if (rc != GK_OK)
			return rc;
		text += len;
	}
	return GK_OK;
}

/* It asks for the weather in a city that it names; those who stream get the request as a chunk as well. */
static gk_code ask_for_weather(gk_ctx *ctx, const char *city, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *content = json_pack("[{s:{s:s, s:s, s:{s:s}}}]", "toolRequest", "name",
		"weather", "ref", "1", "input", "city", city);
	gk_code rc = gk_ctx_send(ctx, json_pack("{s:O*}", "content", content), err);

	if (rc != GK_OK)
		return rc;
	*ret = json_pack("{s:{s:s, s:O}, s:s}", "message", "role", "model", "content", content,
		"finishReason", "stop");
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* What the user said first; it may be the last message as well. */
static json_t *first_of_user(json_t *messages)
{
	json_t *message;
	size_t i;

	json_array_foreach (messages, i, message) {
		const char *role = gk_json_str_peek(message, "role");

		if (role && strcmp(role, "user") == 0)
			return message;
	}
	return NULL;
}

static const char *reply_to(gk_ctx *ctx, json_t *messages, json_t *last, const char *asked)
{
	json_t *first = first_of_user(messages);
	gk_auto_str char *before = NULL;

	if (!first || first == last)
		return gk_ctx_printf(ctx, "You said \"%s\", and I say soup.", asked);
	before = gk_message_text(first);
	if (!before)
		return NULL;
	return gk_ctx_printf(
		ctx, "First you said \"%s\", now \"%s\", and I say soup.", before, asked);
}

static gk_code cook(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	json_t *messages = json_object_get(request, "messages");
	json_t *last = json_array_get(messages, json_array_size(messages) - 1);
	json_t *weather = gk_json_at_peek(last, "content[0].toolResponse.output");
	gk_auto_str char *asked = gk_message_text(last);
	const char *text;
	gk_code rc;

	if (!asked)
		return gk_error_no_memory(err);
	if (json_array_size(json_object_get(request, "tools")) && !weather)
		return ask_for_weather(ctx, asked, ret, err);
	if (weather)
		text = gk_ctx_printf(ctx, "It is %s and %d degrees: take the soup outside.",
			gk_json_str_peek(weather, "sky"),
			(int)gk_json_int_at(weather, "celsius", 0));
	else if (gk_json_at_peek(request, "output.schema"))
		text = "{\"dish\": \"Sea shanty stew\", \"courses\": [\"soup\", \"stew\"], \"price\": 12}";
	else
		text = reply_to(ctx, messages, last, asked);
	if (!text)
		return gk_error_no_memory(err);
	rc = say(ctx, text, err);
	if (rc == GK_OK)
		*ret = json_pack("{s:o, s:s, s:{s:i}}", "message",
			gk_message_of_text("model", text), "finishReason", "stop", "usage",
			"outputCharacters", (int)strlen(text));
	return rc;
}

static gk_code weather_in(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const char *city = gk_json_str_peek(input, "city");

	(void)ctx;
	if (strcmp(city, "Atlantis") == 0)
		return gk_error_set(err, GK_NOT_FOUND, "no weather station in %s", city);
	*ret = json_pack("{s:s, s:i}", "sky", "sunny", "celsius", 21);
	return GK_OK;
}

/* --- flows --- */

/* Output that fits a schema. */
static gk_code menu(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_response gk_response *reply = NULL;
	gk_code rc = gk_run_prompt(ctx, "menu", input, NULL, &reply, err);

	if (rc == GK_OK)
		*ret = json_incref(gk_response_output(reply));
	return rc;
}

/* A tool that the model asks for. */
static gk_code picnic(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	static const char *const tools[] = { "weather", NULL };
	gk_auto_response gk_response *reply = NULL;
	gk_code rc = gk_generate(ctx,
		GK_OPTS(gk_generate_opts, .system = "You plan picnics. Look at the weather first.",
			.prompt = gk_json_str_peek(input, "city"), .tools = tools,
			.on_chunk = gk_forward_chunk),
		&reply, err);

	if (rc == GK_OK)
		*ret = json_string(gk_response_text(reply));
	return rc;
}

/* The conversation goes in and comes out, so that the caller keeps it. */
static gk_code chat(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_response gk_response *reply = NULL;
	gk_code rc = gk_generate(ctx,
		GK_OPTS(gk_generate_opts, .messages = json_object_get(input, "messages"),
			.prompt = gk_json_str_peek(input, "text"), .on_chunk = gk_forward_chunk),
		&reply, err);

	if (rc == GK_OK)
		*ret = json_pack("{s:s, s:O}", "reply", gk_response_text(reply), "messages",
			gk_response_messages(reply));
	return rc;
}

static gk_code define_flows(gk_app *app, gk_error *err)
{
	static const gk_flow_opts flows[] = {
		{ .name = "menu",
			.description = "Invents a menu: structured output.",
			.input = "theme: string, the restaurant's theme",
			.run = menu },
		{ .name = "picnic",
			.description = "Plans a picnic: the model asks a tool for the weather.",
			.input = "city: string",
			.output = "string",
			.run = picnic },
		{ .name = "chat",
			.description = "Answers, word by word; give the messages back to go on.",
			.input = "{text: string, messages?(array): any}",
			.run = chat },
	};
	gk_code rc = GK_OK;

	for (size_t i = 0; rc == GK_OK && i < sizeof(flows) / sizeof(flows[0]); i++) {
		gk_flow_opts opts = flows[i];

		opts.size = sizeof(opts);
		rc = gk_define_flow(app, &opts, err);
	}
	return rc;
}

GK_MODULE(kitchen, app, err)
{
	const gk_model_ref model = { .name = "kitchen/cook" };
	gk_code rc;

	rc = gk_define_model(app,
		GK_OPTS(gk_model_opts, .name = model.name, .label = "The cook",
			.supports = GK_SUPPORTS_MULTITURN | GK_SUPPORTS_TOOLS | GK_SUPPORTS_SYSTEM,
			.constrained = "all", .config = "temperature?: number", .run = cook),
		err);
	if (rc == GK_OK)
		rc = gk_set_default_model(app, &model, err);
	if (rc == GK_OK)
		rc = gk_define_tool(app,
			GK_OPTS(gk_tool_opts, .name = "weather",
				.description = "Today's weather in a city.",
				.input = "city: string",
				.output = "{sky: string, celsius: integer}", .run = weather_in),
			err);
	if (rc == GK_OK)
		rc = gk_define_prompt(app,
			GK_OPTS(gk_prompt_opts, .name = "menu", .input = "theme: string",
				.system = "You are a cook.",
				.prompt = "Invent a menu for a {{theme}} restaurant.",
				.output_schema =
					"{dish: string, courses(array): string, price: integer}"),
			err);
	if (rc == GK_OK)
		rc = gk_define_test_models(app, err);
	return rc == GK_OK ? define_flows(app, err) : rc;
}
