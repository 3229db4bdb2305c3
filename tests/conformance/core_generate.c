/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Ops of generate. */
#include "core_model.h"

#include <genkit/generate.h>

#include <stdio.h>

/* --- /util/generate --- */

/* Tools of a request by their names. */
static void reduce_tools(json_t *request)
{
	json_t *tools = json_object_get(request, "tools"), *tool;
	size_t i;

	json_array_foreach (tools, i, tool)
		json_array_set(tools, i, json_object_get(tool, "name"));
}

/* Errors whose text goes on with "..." are compared up to there. */
static bool is_prefix_expected(json_t *one, const gk_error *err)
{
	const char *message = gk_json_str_peek(one, "expectError.message");
	const char *dots = message ? strstr(message, "...") : NULL;

	return dots && !dots[3] && strncmp(err->message, message, (size_t)(dots - message)) == 0;
}

static void compare(conformance *run, const char *name, json_t *response, json_t *chunks,
	core_model *model, json_t *one)
{
	json_t *expect = json_object_get(one, "expect"), *saw = json_object_get(expect, "modelSaw");
	gk_auto_json json_t *got = NULL, *copy = json_deep_copy(response), *expected = NULL;
	json_t *seen;
	size_t i;

	reduce_tools(json_object_get(copy, "request"));
	json_object_del(json_object_get(copy, "operation"), "latencyMs");
	json_array_foreach (model->saw, i, seen)
		reduce_tools(seen);
	got = json_pack("{s:O, s:O}", "response", copy, "chunks", chunks);
	expected =
		json_pack("{s:O, s:O}", "response", json_object_get(expect, "response"), "chunks",
			json_object_get(one, "expectChunks") ? json_object_get(one, "expectChunks")
							     : chunks);
	if (saw) {
		json_object_set(got, "modelSaw", model->saw);
		json_object_set(expected, "modelSaw", saw);
	}
	conformance_expect(run, name, got, expected);
}

static void util_generate(conformance *run, const char *name, json_t *one)
{
	gk_auto_json json_t *response = NULL, *chunks = json_array();
	bool streams = gk_json_bool_at(one, "input.stream", false);
	gk_auto_error gk_error err = { 0 };
	core_model model;
	core_app it;
	gk_code rc;

	core_model_start(&it, &model, gk_json_at_peek(one, "input.modelTurns"));
	rc = core_model_call(&it, "/util/generate", gk_json_at_peek(one, "input.request"),
		streams ? chunks : NULL, &response, &err);
	if (rc != GK_OK && is_prefix_expected(one, &err))
		conformance_pass(run, name);
	else if (rc != GK_OK || json_object_get(one, "expectError"))
		core_expect(run, name, rc, response, &err, one);
	else
		compare(run, name, response, chunks, &model, one);
	core_model_stop(&it, &model);
}

/* The setting itself: everything of it can be defined. */
static void setup(conformance *run, const char *name, json_t *one)
{
	gk_auto_json json_t *got = json_null();
	core_model model;
	core_app it;

	core_model_start(&it, &model, NULL);
	core_model_stop(&it, &model);
	conformance_expect(run, name, got, json_object_get(one, "expect"));
}

/* --- gk_generate() --- */

static gk_code generate_with(gk_ctx *ctx, const gk_generate_opts *opts, gk_error *err)
{
	gk_auto_response gk_response *response = NULL;

	return gk_generate(ctx, opts, &response, err);
}

static gk_code merge_config(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	json_t *model = json_object_get(input, "model");
	const gk_model_ref ref = { .name = gk_json_str_peek(model, "name"),
		.version = gk_json_str_peek(model, "version"),
		.config = json_object_get(model, "config") };

	(void)ret;
	return generate_with(ctx,
		GK_OPTS(gk_generate_opts, .model_ref = model ? &ref : NULL, .prompt = "x",
			.config = json_object_get(input, "config")),
		err);
}

static gk_code assemble(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	json_t *prompt = json_object_get(input, "prompt");

	(void)ret;
	return generate_with(ctx,
		GK_OPTS(gk_generate_opts, .system = gk_json_str_peek(input, "system"),
			.messages = json_object_get(input, "messages"),
			.prompt = json_string_value(prompt),
			.prompt_parts = json_is_array(prompt) ? prompt : NULL),
		err);
}

/* What the model saw of a library call: a member of its request. */
static void library(conformance *run, const char *name, json_t *one, gk_action_fn *fn,
	const char *path, bool with_key)
{
	gk_auto_json json_t *turns = json_pack("[{s:{s:{s:s, s:[{s:s}]}}}]", "resp", "message",
				    "role", "model", "content", "text", "ok"),
			    *ignored = NULL, *got = NULL;
	gk_auto_error gk_error err = { 0 };
	core_model model;
	core_app it;
	gk_code rc;

	core_model_start(&it, &model, turns);
	core_app_must(gk_set_default_model(it.app, &(gk_model_ref){ .name = "pm" }, NULL), "pm");
	rc = core_app_run(&it, fn, NULL, json_object_get(one, "input"), &ignored, &err);
	got = json_incref(json_object_get(json_array_get(model.saw, 0), path));
	if (with_key && got) {
		json_t *member = json_pack("{s:O}", path, got);

		json_decref(got);
		got = member;
	}
	core_expect(run, name, rc, got, &err, one);
	core_model_stop(&it, &model);
}

static void config_merge(conformance *run, const char *name, json_t *one)
{
	library(run, name, one, merge_config, "config", true);
}

static void assemble_messages(conformance *run, const char *name, json_t *one)
{
	library(run, name, one, assemble, "messages", false);
}

static gk_code start_one(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	return gk_generate_operation(ctx,
		GK_OPTS(gk_generate_opts, .model = gk_json_str_peek(input, "model"), .prompt = "x"),
		ret, err);
}

static void generate_operation(conformance *run, const char *name, json_t *one)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *got = NULL;
	core_model model;
	core_app it;
	gk_code rc;

	core_model_start(&it, &model, NULL);
	rc = core_app_run(&it, start_one, NULL, json_object_get(one, "input"), &got, &err);
	core_expect(run, name, rc, got, &err, one);
	core_model_stop(&it, &model);
}

const core_op core_generate_ops[] = {
	{ .op = "assembleMessages", .run = assemble_messages },
	{ .op = "configMerge", .run = config_merge },
	{ .op = "generateOperation", .run = generate_operation },
	{ .op = "setup", .run = setup },
	{ .op = "utilGenerate", .run = util_generate },
	{ 0 },
};

/* --- the kind "generate": cases of /util/generate with scripted models --- */

static gk_code give_called(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)err;
	*ret = json_string("tool called");
	return GK_OK;
}

/* [{chunks, resp}] from two lists. */
static json_t *turns_of(json_t *one)
{
	json_t *turns = json_array(), *response;
	size_t i;

	json_array_foreach (json_object_get(one, "modelResponses"), i, response) {
		json_t *chunks = json_array_get(json_object_get(one, "streamChunks"), i);

		json_array_append_new(
			turns, json_pack("{s:O, s:O*}", "resp", response, "chunks", chunks));
	}
	return turns;
}

/* Newer than the file: tool definitions say their key. */
static void add_keys(json_t *expected)
{
	json_t *tool;
	size_t i;

	json_array_foreach (gk_json_at_peek(expected, "request.tools"), i, tool)
		json_object_set_new(
			tool, "key", json_sprintf("/tool/%s", gk_json_str_peek(tool, "name")));
}

static void run_case(conformance *run, const char *name, json_t *one)
{
	gk_auto_json json_t *turns = turns_of(one), *chunks = json_array(), *response = NULL;
	bool streams = gk_json_bool_at(one, "stream", false);
	json_t *expected = json_object_get(one, "expectResponse");
	gk_auto_error gk_error err = { 0 };
	core_model model;
	core_app it;
	gk_code rc;

	core_model_start(&it, &model, turns);
	core_app_must(gk_define_model(it.app,
			      GK_OPTS(gk_model_opts, .name = "programmableModel",
				      .supports = GK_SUPPORTS_TOOLS, .run = core_model_run,
				      .user = &model),
			      NULL),
		"programmableModel");
	core_app_must(gk_define_tool(it.app,
			      GK_OPTS(gk_tool_opts, .name = "testTool",
				      .description = "description", .run = give_called),
			      NULL),
		"testTool");
	add_keys(expected);
	rc = core_model_call(&it, "/util/generate", json_object_get(one, "input"),
		streams ? chunks : NULL, &response, &err);
	if (rc != GK_OK)
		conformance_fail(run, name, "error %s: %s", gk_code_name(rc), err.message);
	else if (streams && !conformance_equal(chunks, json_object_get(one, "expectChunks")))
		conformance_expect(run, name, chunks, json_object_get(one, "expectChunks"));
	else
		conformance_expect(run, name, response, expected);
	core_model_stop(&it, &model);
}

void conformance_generate(conformance *run, const char *file, json_t *doc)
{
	json_t *tests = json_object_get(doc, "tests"), *one;
	size_t i;

	(void)file;
	json_array_foreach (tests, i, one) {
		const char *name = gk_json_str_peek(one, "name");

		run_case(run, name ? name : conformance_number(i), one);
	}
}
