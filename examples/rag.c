/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Questions about a menu, answered from documents: index, retrieve, generate.
 *
 *	genkitd --dev --module ./rag.so
 *	curl -s http://127.0.0.1:3400/indexMenu -d '{"data": ["Paella with rice, 14 euro", "Lentil soup, 6 euro"]}'
 *	curl -s http://127.0.0.1:3400/menuQA -d '{"data": "Rice, please?"}'
 *
 * Running "indexMenu" with ["Paella with rice, 14 euro", "Lentil soup, 6 euro"] gives null
 * Running "/retriever/menu" with {"query": {"content": [{"text": "Soup of lentils?"}]}, "options": {"k": 1}}
 * gives {"documents": [{"content": [{"text": "Lentil soup, 6 euro"}]}]}
 * Running "menuQA" with "Rice, please?" gives "Echo: system: Answer only from the menu.,Rice, please?..."
 */
#include <genkit/genkit.h>

/* An embedder to try it with: how often each letter occurs. A provider's understands the text. */
static gk_code embed_letters(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	json_t *embeddings = json_array(), *document;
	size_t i;

	(void)ctx;
	json_array_foreach (json_object_get(request, "input"), i, document) {
		gk_auto_str char *text = gk_document_text(document);
		float letters[32] = { 0 };

		for (const char *c = text ? text : ""; *c; c++)
			letters[*c & 31] += 1;
		json_array_append_new(embeddings, gk_embedding_new(letters, 32, NULL));
	}
	*ret = json_pack("{s:o}", "embeddings", embeddings);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static gk_code index_menu(gk_ctx *ctx, json_t *lines, json_t **ret, gk_error *err)
{
	(void)ret;
	return gk_index(ctx, GK_OPTS(gk_index_opts, .indexer = "menu", .documents = lines), err);
}

static gk_code menu_qa(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const char *question = json_string_value(input);
	gk_auto_response gk_response *reply = NULL;
	gk_auto_json json_t *docs = NULL;
	gk_code rc = gk_retrieve(
		ctx, GK_OPTS(gk_retrieve_opts, .retriever = "menu", .query = question), &docs, err);

	if (rc == GK_OK)
		rc = gk_generate(ctx,
			GK_OPTS(gk_generate_opts, .model = "test/echo", .prompt = question,
				.system = "Answer only from the menu.", .docs = docs),
			&reply, err);
	if (rc == GK_OK)
		*ret = json_string(gk_response_text(reply));
	return rc;
}

GK_MODULE(rag, app, err)
{
	static const gk_flow_opts flows[] = {
		{ .name = "indexMenu",
			.input = "{\"type\": \"array\", \"items\": {\"type\": \"string\"}}",
			.run = index_menu },
		{ .name = "menuQA", .input = "string", .output = "string", .run = menu_qa },
	};
	gk_code rc = gk_define_test_models(app, err);

	if (rc == GK_OK)
		rc = gk_define_embedder(app,
			GK_OPTS(gk_embedder_opts, .name = "letters", .run = embed_letters), err);
	if (rc == GK_OK)
		rc = gk_define_vector_store(app,
			GK_OPTS(gk_vector_store_opts, .name = "menu", .embedder = "letters"), err);
	for (size_t i = 0; rc == GK_OK && i < 2; i++)
		rc = gk_define_flow(app, &flows[i], err);
	return rc;
}
