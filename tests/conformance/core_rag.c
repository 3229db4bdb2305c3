/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Ops of documents, embedders, retrievers, rerankers and evaluators. */
#include "core_app.h"

#include "ai/simple_retriever.h"

/* --- documents --- */

static void document_accessors(conformance *run, const char *name, json_t *one)
{
	json_t *document = json_object_get(one, "input");
	gk_auto_str char *text = gk_document_text(document), *data = gk_document_data(document);
	gk_auto_json json_t *got = json_pack("{s:s, s:o, s:s, s:s?}", "text", text, "media",
		gk_document_media(document), "data", data, "dataType",
		gk_document_data_type_peek(document));

	conformance_expect(run, name, got, json_object_get(one, "expect"));
}

static void document_from_data(conformance *run, const char *name, json_t *one)
{
	json_t *input = json_object_get(one, "input");
	gk_auto_json json_t *got = gk_document_of_data(gk_json_str_peek(input, "data"),
		gk_json_str_peek(input, "dataType"), json_object_get(input, "metadata"));

	conformance_expect(run, name, got, json_object_get(one, "expect"));
}

static void embedding_documents(conformance *run, const char *name, json_t *one)
{
	gk_auto_json json_t *got = gk_document_split(
		gk_json_at_peek(one, "input.document"), gk_json_at_peek(one, "input.embeddings"));

	conformance_expect(run, name, got, json_object_get(one, "expect"));
}

/* --- embedders --- */

/* Remembers the options of its request in `user`. */
static gk_code keep_options(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	json_t **options = gk_ctx_user(ctx);

	(void)err;
	*options = json_incref(json_object_get(input, "options"));
	*ret = json_pack("{s:[{s:[i]}]}", "embeddings", "embedding", 1);
	return GK_OK;
}

static gk_code embed_hi(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	json_t *embedder = json_object_get(input, "embedder");
	const gk_embedder_ref ref = { .name = gk_json_str_peek(embedder, "name"),
		.version = gk_json_str_peek(embedder, "version"),
		.config = json_object_get(embedder, "config") };

	return gk_embed(ctx,
		GK_OPTS(gk_embed_opts, .embedder = json_string_value(embedder),
			.ref = ref.name ? &ref : NULL, .text = "hi",
			.options = json_object_get(input, "options")),
		ret, err);
}

static void embed_options(conformance *run, const char *name, json_t *one)
{
	gk_auto_json json_t *options = NULL, *ignored = NULL;
	gk_auto_error gk_error err = { 0 };
	core_app it;
	gk_code rc;

	core_app_start(&it);
	core_app_must(gk_define_embedder(it.app,
			      GK_OPTS(gk_embedder_opts, .name = "em", .run = keep_options,
				      .user = &options),
			      NULL),
		"embedder");
	rc = core_app_run(&it, embed_hi, NULL, json_object_get(one, "input"), &ignored, &err);
	core_expect(run, name, rc, options, &err, one);
	core_app_stop(&it);
}

/* --- retrievers --- */

static void simple_retriever(conformance *run, const char *name, json_t *one)
{
	const char *content = gk_json_str_peek(one, "input.options.content");
	gk_auto_str char *member = content ? strdup(content) : NULL;
	const gk_item_rules rules = { .content = member,
		.metadata = gk_json_at_peek(one, "input.options.metadata") };
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *got = NULL;
	gk_code rc = gk_items_to_documents(&rules, gk_json_at_peek(one, "input.items"), &got, &err);

	core_expect(run, name, rc, got, &err, one);
}

/* --- rerankers --- */

/* Nearest in length first; the first k, which is 3 if it is not said. */
static gk_code rank_by_length(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_str char *query = gk_document_text(json_object_get(input, "query"));
	size_t k = (size_t)gk_json_int_at(input, "options.k", 3), i;
	gk_auto_json json_t *ranked = json_array(), *nearest = NULL;
	json_t *document;

	(void)ctx, (void)err;
	json_array_foreach (json_object_get(input, "documents"), i, document) {
		gk_auto_str char *text = gk_document_text(document);
		double distance = (double)strlen(query) - (double)strlen(text);

		json_array_append_new(
			ranked, gk_ranked_document(document, distance < 0 ? distance : -distance));
	}
	*ret = gk_ranked_documents(ranked, k);
	json_array_foreach (json_object_get(*ret, "documents"), i, document) {
		json_t *metadata = json_object_get(document, "metadata");

		json_object_set_new(metadata, "score",
			json_real(-json_number_value(json_object_get(metadata, "score"))));
	}
	return GK_OK;
}

static gk_code rerank_all(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	return gk_rerank(ctx,
		GK_OPTS(gk_rerank_opts, .reranker = "by-length",
			.query = gk_json_str_peek(input, "query"),
			.documents = json_object_get(input, "documents"),
			.options = json_object_get(input, "options")),
		ret, err);
}

static void rerank(conformance *run, const char *name, json_t *one)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *got = NULL;
	core_app it;
	gk_code rc;

	core_app_start(&it);
	core_app_must(gk_define_reranker(it.app,
			      GK_OPTS(gk_reranker_opts, .name = "by-length", .config = "k?: number",
				      .run = rank_by_length),
			      NULL),
		"reranker");
	rc = core_app_run(&it, rerank_all, NULL, json_object_get(one, "input"), &got, &err);
	core_expect(run, name, rc, got, &err, one);
	core_app_stop(&it);
}

/* --- evaluators --- */

static gk_code judge(
	gk_ctx *ctx, json_t *point, json_t *options, void *user, json_t **ret, gk_error *err)
{
	const char *input = json_string_value(json_object_get(point, "input"));

	(void)ctx, (void)options, (void)user;
	if (input && strcmp(input, "bad") == 0)
		return gk_error_set_plain(err, "no");
	*ret = gk_evaluation_new(point, gk_score_new(json_integer(1), GK_SCORE_PASS, NULL));
	return GK_OK;
}

static void define_evaluator(core_app *it, const char *name, const char *shown, const char *meaning)
{
	core_app_must(gk_define_evaluator(it->app,
			      GK_OPTS(gk_evaluator_opts, .name = name, .display_name = shown,
				      .definition = meaning, .run = judge),
			      NULL),
		"evaluator");
}

static void evaluator(conformance *run, const char *name, json_t *one)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *got = NULL;
	core_app it;
	gk_code rc;

	core_app_start(&it);
	define_evaluator(&it, "ev", "D", "def");
	rc = core_app_run_key(
		&it, "/evaluator/ev", gk_json_at_peek(one, "input.request"), &got, &err);
	core_expect(run, name, rc, got, &err, one);
	core_app_stop(&it);
}

static void action_metadata(conformance *run, const char *name, json_t *one)
{
	json_t *define = gk_json_at_peek(one, "input.define");
	gk_action *action;
	core_app it;

	core_app_start(&it);
	define_evaluator(&it, gk_json_str_peek(define, "name"),
		gk_json_str_peek(define, "displayName"), gk_json_str_peek(define, "definition"));
	action = gk_app_find_action_peek(it.app, "/evaluator/ev");
	conformance_expect(
		run, name, gk_action_metadata_peek(action), json_object_get(one, "expect"));
	core_app_stop(&it);
}

/* --- names that are unknown --- */

static gk_code ask_unknown(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const char *kind = gk_json_str_peek(input, "kind"), *name = gk_json_str_peek(input, "name");
	gk_auto_json json_t *list = json_array();

	if (strcmp(kind, "evaluator") == 0)
		return gk_evaluate(ctx,
			GK_OPTS(gk_evaluate_opts, .evaluator = name, .dataset = list), ret, err);
	if (strcmp(kind, "embedder") == 0)
		return gk_embed(
			ctx, GK_OPTS(gk_embed_opts, .embedder = name, .text = "x"), ret, err);
	if (strcmp(kind, "embedMany") == 0)
		return gk_embed_many(ctx,
			GK_OPTS(gk_embed_many_opts, .embedder = name, .content = list), ret, err);
	if (strcmp(kind, "retriever") == 0)
		return gk_retrieve(
			ctx, GK_OPTS(gk_retrieve_opts, .retriever = name, .query = "x"), ret, err);
	if (strcmp(kind, "indexer") == 0)
		return gk_index(
			ctx, GK_OPTS(gk_index_opts, .indexer = name, .documents = list), err);
	return gk_rerank(ctx,
		GK_OPTS(gk_rerank_opts, .reranker = name, .query = "x", .documents = list), ret,
		err);
}

static void unknown(conformance *run, const char *name, json_t *one)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *got = NULL;
	core_app it;
	gk_code rc;

	core_app_start(&it);
	rc = core_app_run(&it, ask_unknown, NULL, json_object_get(one, "input"), &got, &err);
	core_expect(run, name, rc, got, &err, one);
	core_app_stop(&it);
}

const core_op core_rag_ops[] = {
	{ .op = "actionMetadata", .file = "core/rag-eval.yaml", .run = action_metadata },
	{ .op = "documentAccessors", .run = document_accessors },
	{ .op = "documentFromData", .run = document_from_data },
	{ .op = "embedOptions", .run = embed_options },
	{ .op = "embeddingDocuments", .run = embedding_documents },
	{ .op = "evaluator", .run = evaluator },
	{ .op = "rerank", .run = rerank },
	{ .op = "simpleRetriever", .run = simple_retriever },
	{ .op = "unknown", .file = "core/rag-eval.yaml", .run = unknown },
	{ 0 },
};
