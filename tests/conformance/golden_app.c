/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "golden.h"

#include "ai/prompt_file.h"
#include "json/edit.h"

/* --- flows and tools --- */

static gk_code run_flow(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	json_t *component = gk_ctx_user(ctx);
	gk_auto_json json_t *variables = json_object();
	const golden_scope scope = { NULL, variables };

	if (input)
		json_object_set(variables, "input", input);
	json_object_set(variables, "context", gk_ctx_context(ctx));
	return golden_eval(ctx, &scope, json_object_get(component, "do"), ret, err);
}

static gk_code define_flow(core_app *app, json_t *c)
{
	return gk_define_action(app->app,
		GK_OPTS(gk_action_opts, .type = "flow", .name = gk_json_str_peek(c, "name"),
			.input_json = json_object_get(c, "inputSchema"),
			.output_json = json_object_get(c, "outputSchema"),
			.stream_json = json_object_get(c, "streamSchema"), .run = run_flow,
			.user = c),
		NULL);
}

static gk_code run_interrupt(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	json_t *component = gk_ctx_user(ctx), *metadata = NULL;
	gk_auto_json json_t *variables = json_object();
	const golden_scope scope = { NULL, variables };
	gk_code rc;

	(void)ret;
	json_object_set(variables, "input", input);
	rc = golden_eval(
		ctx, &scope, json_object_get(component, "requestMetadata"), &metadata, err);
	return rc == GK_OK ? gk_interrupt(ctx, metadata, err) : rc;
}

static gk_code define_tool_of(core_app *app, json_t *c, gk_action_fn *run)
{
	return gk_define_tool(app->app,
		GK_OPTS(gk_tool_opts, .name = gk_json_str_peek(c, "name"),
			.description = gk_json_str_peek(c, "description"),
			.input_json = json_object_get(c, "inputSchema"),
			.output_json = json_object_get(c, "outputSchema"), .run = run, .user = c),
		NULL);
}

static gk_code define_tool(core_app *app, json_t *c)
{
	return define_tool_of(app, c, run_flow);
}

static gk_code define_interrupt(core_app *app, json_t *c)
{
	return define_tool_of(app, c, run_interrupt);
}

/* --- models --- */

static json_t *last_message(json_t *request)
{
	json_t *messages = json_object_get(request, "messages");

	return json_array_get(messages, json_array_size(messages) - 1);
}

static json_t *text_response(const char *text, int input, int output, int total)
{
	return json_pack("{s:{s:s, s:[{s:s}]}, s:s, s:{s:i, s:i, s:i}}", "message", "role", "model",
		"content", "text", text, "finishReason", "stop", "usage", "inputTokens", input,
		"outputTokens", output, "totalTokens", total);
}

static gk_code echo_stream(gk_ctx *ctx, json_t **ret, gk_error *err)
{
	static const char *const words[] = { "one ", "two ", "three" };

	for (size_t i = 0; i < 3; i++) {
		gk_code rc = gk_ctx_send(ctx,
			json_pack("{s:i, s:s, s:[{s:s}]}", "index", 0, "role", "model", "content",
				"text", words[i]),
			err);

		if (rc != GK_OK)
			return rc;
	}
	*ret = text_response("one two three", 5, 3, 8);
	return GK_OK;
}

static gk_code echo(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	json_t *part;
	size_t i;

	if (gk_ctx_is_streaming(ctx))
		return echo_stream(ctx, ret, err);
	gk_buf_puts(&text, "echo: ");
	json_array_foreach (json_object_get(last_message(request), "content"), i, part)
		if (gk_json_str_peek(part, "text"))
			gk_buf_puts(&text, gk_json_str_peek(part, "text"));
	*ret = text_response(text.data, 10, 4, 14);
	return GK_OK;
}

static json_t *requests_for(json_t *tools)
{
	json_t *parts = json_array(), *tool;
	size_t i;

	json_array_foreach (tools, i, tool)
		json_array_append_new(
			parts, json_pack("{s:{s:s, s:o, s:{s:s}}}", "toolRequest", "name",
				       gk_json_str_peek(tool, "name"), "ref",
				       json_sprintf("ref%d", (int)i), "input", "city", "Paris"));
	return parts;
}

static gk_code use_tools(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	json_t *last = last_message(request), *part;
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	size_t i;

	(void)ctx, (void)err;
	if (strcmp(gk_json_str_peek(last, "role"), "tool") != 0) {
		*ret = json_pack("{s:{s:s, s:o}, s:s, s:{s:i, s:i, s:i}}", "message", "role",
			"model", "content", requests_for(json_object_get(request, "tools")),
			"finishReason", "stop", "usage", "inputTokens", 12, "outputTokens", 8,
			"totalTokens", 20);
		return GK_OK;
	}
	gk_buf_puts(&text, "answer: ");
	json_array_foreach (json_object_get(last, "content"), i, part) {
		gk_auto_str char *output =
			gk_json_write(gk_json_at_peek(part, "toolResponse.output"), NULL);

		gk_buf_printf(&text, "%s%s", i ? ";" : "", output);
	}
	*ret = text_response(text.data, 20, 6, 26);
	return GK_OK;
}

static gk_code respond(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	json_t *component = gk_ctx_user(ctx);

	(void)request, (void)err;
	*ret = json_deep_copy(json_object_get(component, "respond"));
	return GK_OK;
}

static gk_code break_down(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	json_t *component = gk_ctx_user(ctx);

	(void)request, (void)ret;
	return golden_throw(ctx, NULL, json_object_get(component, "throw"), err);
}

static gk_code define_model(core_app *app, json_t *c)
{
	const char *behavior = gk_json_str_peek(c, "behavior");
	gk_auto_json json_t *info = json_pack("{s:O*}", "supports", json_object_get(c, "supports"));
	gk_action_fn *run = json_object_get(c, "respond") ? respond : break_down;

	if (behavior)
		run = strcmp(behavior, "echo") == 0 ? echo : use_tools;
	return gk_define_model(app->app,
		GK_OPTS(gk_model_opts, .name = gk_json_str_peek(c, "name"), .info = info,
			.run = run, .user = c),
		NULL);
}

static gk_code start_work(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input, (void)err;
	*ret = json_deep_copy(json_object_get(gk_ctx_user(ctx), "start"));
	return GK_OK;
}

static gk_code check_work(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)err;
	*ret = gk_json_merge(input, json_object_get(gk_ctx_user(ctx), "check"));
	return GK_OK;
}

static gk_code define_background_model(core_app *app, json_t *c)
{
	return gk_define_background_model(app->app,
		GK_OPTS(gk_background_model_opts,
			.model = { .size = sizeof(gk_model_opts),
				.name = gk_json_str_peek(c, "name") },
			.start = start_work, .check = check_work, .user = c),
		NULL);
}

static gk_code define_middleware(core_app *app, json_t *c)
{
	return gk_define_middleware(
		app->app, GK_OPTS(gk_middleware_opts, .name = gk_json_str_peek(c, "name")), NULL);
}

/* --- what surrounds models --- */

static gk_code embed(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	json_t *embedding = json_object_get(gk_ctx_user(ctx), "embedding"), *list = json_array();

	(void)err;
	for (size_t i = 0; i < json_array_size(json_object_get(input, "input")); i++)
		json_array_append_new(list, json_pack("{s:O}", "embedding", embedding));
	*ret = json_pack("{s:o}", "embeddings", list);
	return GK_OK;
}

static gk_code define_embedder(core_app *app, json_t *c)
{
	return gk_define_embedder(app->app,
		GK_OPTS(gk_embedder_opts, .name = gk_json_str_peek(c, "name"), .run = embed,
			.user = c),
		NULL);
}

static gk_code retrieve(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	json_t *component = gk_ctx_user(ctx);
	gk_auto_json json_t *ignored = NULL;
	gk_code rc = gk_embed(ctx,
		GK_OPTS(gk_embed_opts, .embedder = gk_json_str_peek(component, "embedQueryWith"),
			.document = json_object_get(input, "query")),
		&ignored, err);

	if (rc == GK_OK)
		*ret = json_pack("{s:O}", "documents", json_object_get(component, "documents"));
	return rc;
}

static gk_code define_retriever(core_app *app, json_t *c)
{
	return gk_define_retriever(app->app,
		GK_OPTS(gk_retriever_opts, .name = gk_json_str_peek(c, "name"),
			.config_json = json_object_get(c, "optionsSchema"), .run = retrieve,
			.user = c),
		NULL);
}

static gk_code do_nothing(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)ret, (void)err;
	return GK_OK;
}

static gk_code define_indexer(core_app *app, json_t *c)
{
	return gk_define_indexer(app->app,
		GK_OPTS(gk_retriever_opts, .name = gk_json_str_peek(c, "name"), .run = do_nothing),
		NULL);
}

static gk_code rank(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	double step = gk_json_real_at(gk_ctx_user(ctx), "scoreStep", 0);
	json_t *ranked = json_array(), *document;
	size_t i;

	(void)err;
	json_array_foreach (json_object_get(input, "documents"), i, document)
		json_array_append_new(ranked,
			json_pack("{s:O, s:{s:f}}", "content", json_object_get(document, "content"),
				"metadata", "score", 1 - (double)i * step));
	*ret = json_pack("{s:o}", "documents", ranked);
	return GK_OK;
}

static gk_code define_reranker(core_app *app, json_t *c)
{
	return gk_define_reranker(app->app,
		GK_OPTS(gk_reranker_opts, .name = gk_json_str_peek(c, "name"), .run = rank,
			.user = c),
		NULL);
}

static gk_code judge(
	gk_ctx *ctx, json_t *point, json_t *options, void *user, json_t **ret, gk_error *err)
{
	json_t *component = user, *output = json_object_get(point, "output");
	gk_auto_str char *text = json_is_string(output) ? NULL : gk_json_write(output, NULL);

	(void)ctx, (void)options;
	if (json_equal(json_object_get(point, "input"), json_object_get(component, "failOnInput")))
		return gk_error_set_plain(err, "%s", gk_json_str_peek(component, "failMessage"));
	*ret = gk_evaluation_new(
		point, json_pack("{s:I}", "score",
			       (json_int_t)strlen(text ? text : json_string_value(output))));
	return GK_OK;
}

static gk_code define_evaluator(core_app *app, json_t *c)
{
	return gk_define_evaluator(app->app,
		GK_OPTS(gk_evaluator_opts, .name = gk_json_str_peek(c, "name"), .display_name = "d",
			.definition = "d", .run = judge, .user = c),
		NULL);
}

static gk_code define_prompt(core_app *app, json_t *c)
{
	return gk_define_prompt(app->app,
		GK_OPTS(gk_prompt_opts, .name = gk_json_str_peek(c, "name"),
			.model = gk_json_str_peek(c, "model"),
			.config = json_object_get(c, "config"),
			.system = gk_json_str_peek(c, "system"),
			.prompt = gk_json_str_peek(c, "prompt"),
			.input_json = json_object_get(c, "inputSchema")),
		NULL);
}

/* NAME[.VARIANT] */
static gk_code define_prompt_file(core_app *app, json_t *c)
{
	const char *source = gk_json_str_peek(c, "source"), *name = gk_json_str_peek(c, "name");
	gk_auto_prompt_document gk_prompt_document *doc = NULL;
	gk_auto_str char *base = strdup(name);
	char *dot = strchr(base, '.');
	gk_code rc = gk_prompt_document_parse(source, strlen(source), name, &doc, NULL);

	if (dot)
		*dot++ = '\0';
	return rc == GK_OK ? gk_prompt_file_define(app->app,
				     &(gk_prompt_file_opts){
					     .name = base, .variant = dot, .document = doc },
				     NULL)
			   : rc;
}

static gk_code define_agent(core_app *app, json_t *c)
{
	json_t *tool_list = json_object_get(c, "tools"), *tool;
	const char **tools = calloc(json_array_size(tool_list) + 1, sizeof(*tools));
	const gk_prompt_opts prompt = { .size = sizeof(prompt),
		.model = gk_json_str_peek(c, "model"),
		.system = gk_json_str_peek(c, "system"),
		.tools = tool_list ? tools : NULL };
	size_t i;
	gk_code rc;

	json_array_foreach (tool_list, i, tool)
		tools[i] = json_string_value(tool);
	rc = gk_define_agent(app->app,
		GK_OPTS(gk_agent_opts, .name = gk_json_str_peek(c, "name"), .prompt = &prompt,
			.is_stored = json_is_string(json_object_get(c, "store"))),
		NULL);
	free(tools);
	return rc;
}

/* --- all of them --- */

static const struct {
	const char *kind;
	gk_code (*define)(core_app *app, json_t *c);
} kinds[] = {
	{ "flow", define_flow },
	{ "tool", define_tool },
	{ "interrupt", define_interrupt },
	{ "model", define_model },
	{ "background-model", define_background_model },
	{ "middleware", define_middleware },
	{ "embedder", define_embedder },
	{ "retriever", define_retriever },
	{ "indexer", define_indexer },
	{ "reranker", define_reranker },
	{ "evaluator", define_evaluator },
	{ "prompt", define_prompt },
	{ "promptFile", define_prompt_file },
	{ "agent", define_agent },
};

void golden_define(core_app *app, json_t *component)
{
	const char *kind = gk_json_str_peek(component, "kind");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].kind, kind) == 0) {
			core_app_must(kinds[i].define(app, component), kind);
			return;
		}
	core_app_must(GK_UNIMPLEMENTED, kind);
}
