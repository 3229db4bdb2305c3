/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core_model.h"

#include "ai/ai.h"

/* --- the model --- */

gk_code core_model_run(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	core_model *model = gk_ctx_user(ctx);
	json_t *turn = json_array_get(model->turns, json_array_size(model->saw)), *chunk;
	size_t i;

	json_array_append_new(model->saw, json_deep_copy(request));
	if (!turn)
		return gk_error_set_plain(err, "the model was asked once too often");
	json_array_foreach (json_object_get(turn, "chunks"), i, chunk) {
		gk_code rc = gk_ctx_send(ctx, json_incref(chunk), err);

		if (rc != GK_OK)
			return rc;
	}
	*ret = json_incref(json_object_get(turn, "resp"));
	return GK_OK;
}

static gk_code start_operation(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)err;
	*ret = json_pack("{s:s}", "id", "op1");
	return GK_OK;
}

static gk_code check_operation(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	*ret = json_pack("{s:O, s:b}", "id", json_object_get(input, "id"), "done", 1);
	return GK_OK;
}

static void define_models(core_app *it, core_model *model)
{
	const gk_model_opts models[] = {
		{ .name = "pm", .supports = GK_SUPPORTS_TOOLS },
		{ .name = "pmc",
			.supports = GK_SUPPORTS_TOOLS | GK_SUPPORTS_CONTEXT,
			.constrained = "all" },
		{ .name = "pmnt", .supports = GK_SUPPORTS_TOOLS, .constrained = "no-tools" },
	};

	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		gk_model_opts opts = models[i];

		opts.size = sizeof(opts);
		opts.run = core_model_run;
		opts.user = model;
		core_app_must(gk_define_model(it->app, &opts, NULL), opts.name);
	}
	core_app_must(gk_define_background_model(it->app,
			      GK_OPTS(gk_background_model_opts, .model = { .name = "bg" },
				      .start = start_operation, .check = check_operation),
			      NULL),
		"bg");
}

/* --- the tools --- */

static gk_code give_out(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	*ret = json_sprintf("out%.17g", gk_json_real_at(input, "a", 0));
	return GK_OK;
}

/* What the tool's `user` says, as JSON. */
static gk_code give_user(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input, (void)err;
	*ret = json_loads(gk_ctx_user(ctx), JSON_DECODE_ANY, NULL);
	return GK_OK;
}

static gk_code interrupt_once(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input;
	if (!gk_ctx_resumed(ctx))
		return gk_interrupt(ctx, json_pack("{s:i}", "why", 1), err);
	*ret = json_pack("{s:O}", "resumed", gk_ctx_resumed(ctx));
	return GK_OK;
}

static gk_code fail(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)ret;
	return gk_error_set_plain(err, "kaput");
}

#define DRAFT "\"$schema\":\"http://json-schema.org/draft-07/schema#\""

static void define_tools(core_app *it)
{
	static const char multi[] =
		"{\"output\":\"o\",\"content\":[{\"text\":\"p1\"}],\"metadata\":{\"k\":1}}";
	const gk_tool_opts tools[] = {
		{ .name = "t",
			.input =
				"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"number\"}},"
				"\"required\":[\"a\"],\"additionalProperties\":true," DRAFT "}",
			.run = give_out },
		{ .name = "zero", .run = give_user, .user = "0" },
		{ .name = "fast", .run = give_user, .user = "\"f\"" },
		{ .name = "ns/deep", .run = give_user, .user = "\"deep\"" },
		{ .name = "intr", .run = interrupt_once },
		{ .name = "bare" },
		{ .name = "boom", .run = fail },
		{ .name = "multi", .is_multipart = true, .run = give_user, .user = (void *)multi },
		{ .name = "badout",
			.output = "{\"type\":\"string\"," DRAFT "}",
			.run = give_user,
			.user = "5" },
	};

	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		gk_tool_opts opts = tools[i];

		opts.size = sizeof(opts);
		opts.description = "d";
		core_app_must(gk_define_tool(it->app, &opts, NULL), opts.name);
	}
}

static gk_code give_resource(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	*ret = json_pack("{s:[{s:s}, {s:O}]}", "content", "text", "R", "text",
		json_object_get(input, "uri"));
	return GK_OK;
}

/* --- the application --- */

void core_model_start(core_app *it, core_model *model, json_t *turns)
{
	*model = (core_model){ .turns = turns, .saw = json_array() };
	core_app_start(it);
	core_app_must(gk_ai_init(it->app, NULL), "generate");
	define_models(it, model);
	define_tools(it);
	core_app_must(gk_define_resource(it->app,
			      GK_OPTS(gk_resource_opts, .name = "res",
				      .uri_template = "test://r/{p}", .run = give_resource),
			      NULL),
		"res");
}

void core_model_stop(core_app *it, core_model *model)
{
	core_app_stop(it);
	json_decref(model->saw);
}

/* --- runs --- */

typedef struct chunk_sink {
	gk_sink base;
	json_t *chunks;
} chunk_sink;

static gk_code take_chunk(gk_sink *base, gk_run *run, json_t *chunk, gk_error *err)
{
	(void)run, (void)err;
	json_array_append_new(((chunk_sink *)base)->chunks, json_deep_copy(chunk));
	return GK_OK;
}

static void ignore_end(gk_sink *base, gk_run *run)
{
	(void)base, (void)run;
}

gk_code core_model_call(
	core_app *it, const char *key, json_t *input, json_t *chunks, json_t **ret, gk_error *err)
{
	static const gk_sink_type type = { .chunk = take_chunk, .done = ignore_end };
	chunk_sink sink = { .base.type = &type, .chunks = chunks };

	return core_app_finish(it,
		GK_OPTS(gk_run_opts, .app = it->app, .key = key, .input = input,
			.sink = chunks ? &sink.base : NULL, .is_streaming = chunks != NULL),
		ret, err);
}
