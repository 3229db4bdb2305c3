/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Ops of prompts. */
#include "core_model.h"

#include <genkit/prompt.h>

#define MAX_TOOLS 8

/* Names of a list, ended by NULL; NULL for no list. */
static const char *const *names_of(json_t *list, const char *ret[MAX_TOOLS])
{
	size_t count = json_array_size(list);

	for (size_t i = 0; i < count && i < MAX_TOOLS - 1; i++)
		ret[i] = json_string_value(json_array_get(list, i));
	ret[count < MAX_TOOLS - 1 ? count : MAX_TOOLS - 1] = NULL;
	return list ? ret : NULL;
}

static void define_from(core_app *it, json_t *given)
{
	json_t *prompt = json_object_get(given, "prompt");
	json_t *messages = json_object_get(given, "messages");
	const char *tools[MAX_TOOLS];

	core_app_must(gk_define_prompt(it->app,
			      GK_OPTS(gk_prompt_opts, .name = "case",
				      .model = gk_json_str_peek(given, "model"),
				      .config = json_object_get(given, "config"),
				      .system = gk_json_str_peek(given, "system"),
				      .prompt = json_string_value(prompt),
				      .prompt_parts = json_is_string(prompt) ? NULL : prompt,
				      .messages = json_string_value(messages),
				      .messages_json = json_is_array(messages) ? messages : NULL,
				      .docs = json_object_get(given, "docs"),
				      .output = json_object_get(given, "output"),
				      .tools = names_of(json_object_get(given, "tools"), tools),
				      .tool_choice = gk_json_str_peek(given, "toolChoice"),
				      .max_turns = (int)gk_json_int_at(given, "maxTurns", 0),
				      .return_tool_requests =
					      gk_json_bool_at(given, "returnToolRequests", false)),
			      NULL),
		"prompt");
}

static gk_code render(gk_ctx *ctx, json_t *one, json_t **ret, gk_error *err)
{
	json_t *options = json_object_get(one, "options");
	const char *tools[MAX_TOOLS];

	return gk_render_prompt(ctx, "case", json_object_get(one, "input"),
		GK_OPTS(gk_generate_opts, .model = gk_json_str_peek(options, "model"),
			.config = json_object_get(options, "config"),
			.messages = json_object_get(options, "messages"),
			.output = json_object_get(options, "output"),
			.tools = names_of(json_object_get(options, "tools"), tools),
			.max_turns = (int)gk_json_int_at(options, "maxTurns", 0)),
		ret, err);
}

static void prompt_render(conformance *run, const char *name, json_t *one)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *got = NULL;
	core_model model;
	core_app it;
	gk_code rc;

	core_model_start(&it, &model, NULL);
	define_from(&it, gk_json_at_peek(one, "input.prompt"));
	rc = core_app_run(&it, render, NULL, json_object_get(one, "input"), &got, &err);
	core_expect(run, name, rc, got, &err, one);
	core_model_stop(&it, &model);
}

/* The prompt of the cases about actions: full.v. */
static void define_full(core_app *it)
{
	static const char *const tools[] = { "fast", NULL };
	gk_auto_json json_t *config = json_pack("{s:i}", "temperature", 2);
	gk_auto_json json_t *output = json_pack("{s:{s:s}}", "jsonSchema", "type", "object");
	gk_auto_json json_t *metadata = json_pack("{s:{s:i}}", "metadata", "k", 1);

	core_app_must(
		gk_define_prompt(it->app,
			GK_OPTS(gk_prompt_opts, .name = "full", .variant = "v",
				.input = "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":"
					 "\"string\"}},\"required\":[\"n\"],"
					 "\"additionalProperties\":true,\"$schema\":"
					 "\"http://json-schema.org/draft-07/schema#\"}",
				.system = "S {{n}}", .prompt = "U {{n}}", .config = config,
				.model = "pm", .tools = tools, .tool_choice = "auto",
				.output = output, .metadata = metadata),
			NULL),
		"full.v");
}

static void prompt_action(conformance *run, const char *name, json_t *one)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *got = NULL;
	core_model model;
	core_app it;
	gk_code rc;

	core_model_start(&it, &model, NULL);
	define_full(&it);
	rc = core_app_run_key(&it, gk_json_str_peek(one, "input.key"),
		gk_json_at_peek(one, "input.input"), &got, &err);
	core_expect(run, name, rc, got, &err, one);
	core_model_stop(&it, &model);
}

static void action_metadata(conformance *run, const char *name, json_t *one)
{
	core_model model;
	core_app it;
	gk_action *action;

	core_model_start(&it, &model, NULL);
	define_full(&it);
	action = gk_app_find_action_peek(it.app, gk_json_str_peek(one, "input.key"));
	conformance_expect(run, name, action ? gk_action_metadata_peek(action) : NULL,
		json_object_get(one, "expect"));
	core_model_stop(&it, &model);
}

static gk_code look_up(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_action *action = NULL;
	gk_code rc = gk_lookup_prompt(ctx, gk_json_str_peek(input, "name"),
		gk_json_str_peek(input, "variant"), &action, err);

	(void)ret;
	gk_action_unref(action);
	return rc;
}

static void prompt_lookup(conformance *run, const char *name, json_t *one)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *got = NULL;
	core_app it;
	gk_code rc;

	core_app_start(&it);
	rc = core_app_run(&it, look_up, NULL, json_object_get(one, "input"), &got, &err);
	core_expect(run, name, rc, got, &err, one);
	core_app_stop(&it);
}

const core_op core_prompt_ops[] = {
	{ .op = "actionMetadata", .file = "core/prompts.yaml", .run = action_metadata },
	{ .op = "promptAction", .run = prompt_action },
	{ .op = "promptLookup", .run = prompt_lookup },
	{ .op = "promptRender", .run = prompt_render },
	{ 0 },
};
