/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * An agent that looks at the weather, and asks the user what it must know: send what came back, with an answer.
 *
 *	genkitd --dev --module ./weather.so
 *	curl -s http://127.0.0.1:3400/weatherAgent -d '{"data": {"prompt": "Do I need a coat?"}}'
 *
 * Running "weatherAgent" with {"prompt": "Do I need a coat?"} gives
 * {"asks": {"toolRequest": {"name": "askUser", "input": {"question": "Where?"}}, "metadata": {"interrupt": true}},
 * "messages": "..."}
 * Running "weatherAgent" with {"answer": "Oslo",
 * "asks": {"toolRequest": {"name": "askUser", "input": {"question": "Where?"}}, "metadata": {"interrupt": true}},
 * "messages": [{"role": "user", "content": [{"text": "Do I need a coat?"}]}, {"role": "model", "content":
 * [{"toolRequest": {"name": "askUser", "input": {"question": "Where?"}}, "metadata": {"interrupt": true}}]}]}
 * gives {"text": "Yes, it is -4 degrees in Oslo."}
 */
#include <genkit/genkit.h>

static gk_code get_weather(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx;
	*ret = json_pack("{s:O, s:i}", "city", json_object_get(input, "city"), "celsius", -4);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static gk_code run_agent(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	static const char *const tools[] = { "getWeather", "askUser", NULL };
	json_t *asked = json_object_get(input, "asks"), *answer = json_object_get(input, "answer");
	json_t *respond = asked ? gk_tool_respond(asked, answer, NULL) : NULL;
	gk_auto_json json_t *resume = respond ? json_pack("{s:[o]}", "respond", respond) : NULL;
	gk_auto_response gk_response *reply = NULL;
	gk_code rc = gk_generate(ctx,
		GK_OPTS(gk_generate_opts, .model = "test/programmable", .tools = tools,
			.prompt = gk_json_str_peek(input, "prompt"),
			.messages = json_object_get(input, "messages"), .resume = resume),
		&reply, err);

	if (rc != GK_OK)
		return rc;
	asked = json_array_get(gk_response_interrupts(reply), 0);
	*ret = asked ? json_pack(
			       "{s:O, s:O}", "asks", asked, "messages", gk_response_messages(reply))
		     : json_pack("{s:s}", "text", gk_response_text(reply));
	return *ret ? GK_OK : gk_error_no_memory(err);
}

/* The model's turn: it asks for a tool. */
static json_t *turn(const char *tool, const char *key, const char *value)
{
	return json_pack("{s:{s:s, s:[{s:{s:s, s:{s:s}}}]}}", "message", "role", "model", "content",
		"toolRequest", "name", tool, "input", key, value);
}

GK_MODULE(weather, app, err)
{
	static const gk_tool_opts tools[] = {
		{ .name = "getWeather",
			.description = "The weather in a city.",
			.input = "city: string",
			.run = get_weather },
		{ .name = "askUser", .description = "Asks the user.", .input = "question: string" },
	}; /* the second has no function: an interrupt */
	static const gk_flow_opts agent = { .name = "weatherAgent",
		.input = "prompt?: string\nanswer?: string\nasks?: any\nmessages?(array): any",
		.run = run_agent };
	/* For there is no model behind this: it asks, it looks, it answers. */
	gk_auto_json json_t *script = json_pack("[o, o, {s:s}]",
		turn("askUser", "question", "Where?"), turn("getWeather", "city", "Oslo"), "text",
		"Yes, it is -4 degrees in Oslo.");
	gk_code rc = gk_define_test_models(app, err);

	if (rc == GK_OK)
		rc = gk_test_script(app, script, err);
	for (size_t i = 0; rc == GK_OK && i < 2; i++)
		rc = gk_define_tool(app, &tools[i], err);
	return rc == GK_OK ? gk_define_flow(app, &agent, err) : rc;
}
