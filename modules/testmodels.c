/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The AI actions beside testapp's: those of the application behind the recorded transcripts of the reflection API. */
#include <genkit/genkit.h>

#define DRAFT "\"$schema\":\"http://json-schema.org/draft-07/schema#\""
#define OPTIONAL(name, type)                                                                       \
	"{\"type\":\"object\",\"properties\":{\"" name "\":{\"type\":\"" type                      \
	"\"}},\"additionalProperties\":true," DRAFT "}"
#define REQUIRED(name, type)                                                                       \
	"{\"type\":\"object\",\"properties\":{\"" name "\":{\"type\":\"" type                      \
	"\"}},\"required\":[\"" name "\"],\"additionalProperties\":true," DRAFT "}"

/* Says what it was asked, as JSON. */
static gk_code echo(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	gk_auto_str char *text = gk_json_write(json_object_get(request, "messages"), NULL);
	gk_code rc = GK_OK;

	if (gk_ctx_is_streaming(ctx)) {
		rc = gk_ctx_send(ctx,
			json_pack("{s:i, s:[{s:s}]}", "index", 0, "content", "text", "chunk1"),
			err);
		if (rc == GK_OK)
			rc = gk_ctx_send(
				ctx, json_pack("{s:[{s:s}]}", "content", "text", "chunk2"), err);
	}
	if (rc != GK_OK)
		return rc;
	*ret = json_pack("{s:s, s:{s:s, s:[{s:s}]}}", "finishReason", "stop", "message", "role",
		"model", "content", "text", text);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static gk_code embed(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	json_t *embeddings = json_array();

	(void)ctx, (void)err;
	for (size_t i = 0; i < json_array_size(json_object_get(request, "input")); i++)
		json_array_append_new(embeddings, json_pack("{s:[f, f]}", "embedding", 0.1, 0.2));
	*ret = json_pack("{s:o}", "embeddings", embeddings);
	return GK_OK;
}

static gk_code retrieve(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	(void)ctx, (void)request, (void)err;
	*ret = json_pack("{s:[o]}", "documents", gk_document_of_text("doc", NULL));
	return GK_OK;
}

static gk_code take(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	(void)ctx, (void)request, (void)ret, (void)err;
	return GK_OK;
}

static gk_code rerank(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	json_t *ranked = json_array(), *document;
	size_t i;

	(void)ctx, (void)err;
	json_array_foreach (json_object_get(request, "documents"), i, document)
		json_array_append_new(ranked, gk_ranked_document(document, 1));
	*ret = json_pack("{s:o}", "documents", ranked);
	return GK_OK;
}

static gk_code judge(
	gk_ctx *ctx, json_t *point, json_t *options, void *user, json_t **ret, gk_error *err)
{
	(void)ctx, (void)options, (void)user, (void)err;
	*ret = gk_evaluation_new(
		point, gk_score_new(json_integer(json_object_get(point, "output") ? 1 : 0),
			       GK_SCORE_PASS, "ok"));
	return GK_OK;
}

static gk_code define_model(gk_app *app, gk_error *err)
{
	static const char *const versions[] = { "echo-1", NULL };
	gk_auto_json json_t *info = json_pack("{s:{s:b, s:b, s:b, s:b, s:[s, s]}}", "supports",
		"multiturn", 1, "systemRole", 1, "tools", 1, "media", 0, "output", "text", "json");

	return gk_define_model(app,
		GK_OPTS(gk_model_opts, .name = "demo/echo", .label = "Demo Echo",
			.versions = versions, .config = OPTIONAL("temperature", "number"),
			.info = info, .run = echo),
		err);
}

static gk_code define_prompt(gk_app *app, gk_error *err)
{
	gk_auto_json json_t *config = json_pack("{s:f}", "temperature", 0.5);

	return gk_define_prompt(app,
		GK_OPTS(gk_prompt_opts, .name = "hi", .description = "says hi",
			.model = "demo/echo", .config = config, .input = REQUIRED("name", "string"),
			.output_schema = REQUIRED("a", "string"), .prompt = "Hi {{name}}"),
		err);
}

GK_MODULE(testmodels, app, err)
{
	gk_code rc = define_model(app, err);

	if (rc == GK_OK)
		rc = gk_define_embedder(app,
			GK_OPTS(gk_embedder_opts, .name = "demo/embed", .label = "Demo Embed",
				.supports = GK_EMBEDS_TEXT, .dimensions = 2,
				.config = OPTIONAL("v", "string"), .run = embed),
			err);
	if (rc == GK_OK)
		rc = gk_define_retriever(app,
			GK_OPTS(gk_retriever_opts, .name = "demo/retr", .label = "Demo Retr",
				.config = OPTIONAL("k", "number"), .run = retrieve),
			err);
	if (rc == GK_OK)
		rc = gk_define_indexer(app,
			GK_OPTS(gk_retriever_opts, .name = "demo/idx",
				.config = OPTIONAL("ns", "string"), .run = take),
			err);
	if (rc == GK_OK)
		rc = gk_define_reranker(app,
			GK_OPTS(gk_reranker_opts, .name = "demo/rerank",
				.config = OPTIONAL("k", "number"), .run = rerank),
			err);
	if (rc == GK_OK)
		rc = gk_define_evaluator(app,
			GK_OPTS(gk_evaluator_opts, .name = "demo/eval", .display_name = "Demo Eval",
				.definition = "Checks things", .is_free = true, .run = judge),
			err);
	return rc == GK_OK ? define_prompt(app, err) : rc;
}
