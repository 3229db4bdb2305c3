/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The flows that `make bench` drives: the same names and the same work as the peers' programs. */
#include <genkit/genkit.h>
#include <stdlib.h>

static gk_code echo(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx;
	(void)err;
	*ret = json_pack("{s:O}", "text", json_object_get(input, "text"));
	return GK_OK;
}

static gk_code stream(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	json_int_t count = gk_json_int_at(input, "count", 0);

	for (json_int_t i = 0; i < count; i++) {
		gk_code rc = gk_ctx_send(ctx, json_pack("{s:I}", "i", i), err);

		if (rc != GK_OK)
			return rc;
	}
	*ret = json_sprintf("sent %" JSON_INTEGER_FORMAT, count);
	return GK_OK;
}

/* Waits, streaming one chunk first: what an open, idle stream costs. */
static gk_code wait_open(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc = gk_ctx_send(ctx, json_string("open"), err);

	if (rc == GK_OK)
		rc = gk_sleep(ctx, (uint64_t)gk_json_int_at(input, "ms", 60000), err);
	if (rc == GK_OK)
		*ret = json_null();
	return rc;
}

/* Says what was said last. */
static gk_code echo_model(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	json_t *messages = json_object_get(request, "messages");
	json_t *last = json_array_get(messages, json_array_size(messages) - 1);
	gk_auto_str char *text = gk_message_text(last);

	if (text && gk_ctx_is_streaming(ctx)) {
		gk_code rc =
			gk_ctx_send(ctx, json_pack("{s:[o]}", "content", gk_part_text(text)), err);

		if (rc != GK_OK)
			return rc;
	}
	*ret = text ? json_pack("{s:s, s:o}", "finishReason", "stop", "message",
			      gk_message_of_text("model", text))
		    : NULL;
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* Asks for the tool `add` three times, then is done. */
static gk_code tool_user(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	int turns = 0;
	json_t *message;
	size_t i;

	(void)ctx, (void)err;
	json_array_foreach (json_object_get(request, "messages"), i, message)
		turns += strcmp(gk_json_str_peek(message, "role"), "tool") == 0;
	*ret = turns < 3 ? json_pack("{s:s, s:{s:s, s:[{s:{s:s, s:o, s:{s:i, s:i}}}]}}",
				   "finishReason", "stop", "message", "role", "model", "content",
				   "toolRequest", "name", "add", "ref",
				   json_sprintf("call-%d", turns), "input", "a", turns, "b", 1)
			 : json_pack("{s:s, s:{s:s, s:[{s:s}]}}", "finishReason", "stop", "message",
				   "role", "model", "content", "text", "done");
	return GK_OK;
}

static gk_code add(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	*ret = json_real(gk_json_real_at(input, "a", 0) + gk_json_real_at(input, "b", 0));
	return GK_OK;
}

static gk_code ask(gk_ctx *ctx, const gk_generate_opts *opts, json_t **ret, gk_error *err)
{
	gk_auto_response gk_response *reply = NULL;
	gk_code rc = gk_generate(ctx, opts, &reply, err);

	if (rc == GK_OK)
		*ret = json_string(gk_response_text(reply));
	return rc;
}

static gk_code generate(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	return ask(ctx,
		GK_OPTS(gk_generate_opts, .model = "bench/echo",
			.prompt = json_string_value(input)),
		ret, err);
}

static gk_code tools(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	static const char *const names[] = { "add", NULL };

	return ask(ctx,
		GK_OPTS(gk_generate_opts, .model = "bench/tooluser", .tools = names,
			.prompt = json_string_value(input)),
		ret, err);
}

/* Through the plugin for OpenAI-compatible services, to wherever $UPSTREAM is. */
static gk_code upstream(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	return ask(ctx,
		GK_OPTS(gk_generate_opts, .model = "upstream/canned",
			.prompt = json_string_value(input)),
		ret, err);
}

/* Streams what the service says as it comes. */
static gk_code upstream_stream(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	return ask(ctx,
		GK_OPTS(gk_generate_opts, .model = "upstream/canned",
			.prompt = json_string_value(input), .on_chunk = gk_forward_chunk),
		ret, err);
}

#define TEXT                                                                                       \
	"{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\"}},\"required\":[\"text\"]}"
#define COUNT                                                                                      \
	"{\"type\":\"object\",\"properties\":{\"count\":{\"type\":\"number\"}},\"required\":[\"count\"]}"

#define STRING "{\"type\":\"string\"}"
#define NUMBERS                                                                                          \
	"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"number\"},\"b\":{\"type\":\"number\"}}," \
	"\"required\":[\"a\",\"b\"]}"

static gk_code define_models(gk_app *app, gk_error *err)
{
	const unsigned supports = GK_SUPPORTS_MULTITURN | GK_SUPPORTS_TOOLS | GK_SUPPORTS_SYSTEM;
	gk_code rc;

	rc = gk_define_model(app,
		GK_OPTS(gk_model_opts, .name = "bench/echo", .supports = supports,
			.run = echo_model),
		err);
	if (rc == GK_OK)
		rc = gk_define_model(app,
			GK_OPTS(gk_model_opts, .name = "bench/tooluser", .supports = supports,
				.run = tool_user),
			err);
	if (rc == GK_OK)
		rc = gk_define_tool(app,
			GK_OPTS(gk_tool_opts, .name = "add", .description = "Adds two numbers.",
				.input = NUMBERS, .output = "{\"type\":\"number\"}", .run = add),
			err);
	if (rc == GK_OK)
		rc = gk_define_flow(app,
			GK_OPTS(gk_flow_opts, .name = "generate", .input = STRING, .output = STRING,
				.run = generate),
			err);
	if (rc == GK_OK)
		rc = gk_define_flow(app,
			GK_OPTS(gk_flow_opts, .name = "tools", .input = STRING, .output = STRING,
				.run = tools),
			err);
	return rc;
}

static gk_code define_upstream(gk_app *app, gk_error *err)
{
	const char *address = getenv("UPSTREAM");
	gk_auto_json json_t *options = json_pack("{s:s, s:s, s:s, s:b}", "name", "upstream",
		"baseURL", address ? address : "http://127.0.0.1:9100/v1", "apiKey", "none",
		"listModels", 0);
	gk_code rc = options ? gk_use_plugin(app, "compat", options, err) : gk_error_no_memory(err);

	/* A configuration may say otherwise where it is. */
	if (rc == GK_ALREADY_EXISTS) {
		gk_error_clear(err);
		rc = GK_OK;
	}
	if (rc == GK_OK)
		rc = gk_define_flow(app,
			GK_OPTS(gk_flow_opts, .name = "upstream", .input = STRING, .output = STRING,
				.run = upstream),
			err);
	if (rc == GK_OK)
		rc = gk_define_flow(app,
			GK_OPTS(gk_flow_opts, .name = "upstreamStream", .input = STRING,
				.output = STRING, .run = upstream_stream),
			err);
	return rc;
}

static gk_code reply(gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	(void)ctx;
	turn->finish_reason = "stop";
	return gk_agent_add_message_take(
		session, gk_message_of_text("model", "This is what I think of it."), err);
}

/* One that asks a model with a prompt, the same with a template that is told something, and one that answers by itself. */
static gk_code define_agents(gk_app *app, gk_error *err)
{
	gk_code rc = gk_define_agent(app,
		GK_OPTS(gk_agent_opts, .name = "echo",
			.prompt = GK_OPTS(gk_prompt_opts, .model = "bench/echo"),
			.is_stored = true),
		err);

	if (rc == GK_OK)
		rc = gk_define_agent(app,
			GK_OPTS(gk_agent_opts, .name = "guided",
				.prompt = GK_OPTS(gk_prompt_opts, .model = "bench/echo",
					.messages = "{{role \"system\"}}Be brief."),
				.is_stored = true),
			err);
	if (rc == GK_OK)
		rc = gk_define_agent(app,
			GK_OPTS(gk_agent_opts, .name = "reply", .turn = reply, .is_stored = true),
			err);
	return rc;
}

GK_MODULE(bench, app, err)
{
	gk_code rc;

	rc = gk_define_flow(app,
		GK_OPTS(gk_flow_opts, .name = "echo", .input = TEXT, .output = TEXT, .run = echo),
		err);
	if (rc == GK_OK)
		rc = gk_define_flow(app,
			GK_OPTS(gk_flow_opts, .name = "stream", .input = COUNT,
				.output = "{\"type\":\"string\"}", .run = stream),
			err);
	if (rc == GK_OK)
		rc = gk_define_flow(
			app, GK_OPTS(gk_flow_opts, .name = "wait", .run = wait_open), err);
	if (rc == GK_OK)
		rc = define_models(app, err);
	if (rc == GK_OK)
		rc = define_upstream(app, err);
	if (rc == GK_OK)
		rc = define_agents(app, err);
	return rc;
}
