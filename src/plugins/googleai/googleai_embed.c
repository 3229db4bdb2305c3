/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* One request a document, some at once; vectors in the order of the documents. */
#include "plugins/googleai/googleai.h"

#define AT_ONCE 10

/* `input` is {document, options}. */
static gk_code embed_one(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const gk_vendor_model *model = gk_ctx_user(ctx);
	const json_t *options = json_object_get(input, "options");
	const gk_gemini_call call = {
		.who = model->vendor->name, .id = gk_googleai_id(model), .request = NULL
	};
	gk_auto_json json_t *content = NULL, *body = json_object(), *answer = NULL;
	const char *name;
	gk_auto_outgoing gk_outgoing out;
	json_t *value;
	gk_code rc = gk_gemini_content(&call, json_object_get(input, "document"), &content, err);

	gk_outgoing_init(&out, "POST");
	if (rc == GK_OK && !content)
		rc = gk_error_set(err, GK_INVALID_ARGUMENT, "%s: a document has no content",
			model->vendor->name);
	if (rc != GK_OK)
		return rc;
	json_object_foreach ((json_t *)(uintptr_t)options, name, value)
		if (!json_is_null(value) && !gk_words_match(GK_GEMINI_OF_THE_CALL, name) &&
			!gk_json_set(body, name, value))
			return gk_error_no_memory(err);
	if (!gk_json_set(body, "content", content))
		return gk_error_no_memory(err);
	rc = gk_googleai_prepare_model(model->vendor, options, &out,
		gk_googleai_model_name(model, options), "embedContent", err);
	if (rc != GK_OK)
		return rc;
	gk_outgoing_json(&out, body);
	rc = gk_googleai_ask(ctx, model->vendor, &out, &answer, err);
	if (rc != GK_OK)
		return rc;
	value = gk_json_at_peek(answer, "embedding.values");
	if (!gk_vector_is(value))
		return gk_error_set(err, GK_INTERNAL, "%s: the answer's embedding is no vector",
			model->vendor->name);
	*ret = json_pack("{s:O}", "embedding", value);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static gk_code embed_some(
	gk_ctx *ctx, json_t *input, size_t from, size_t count, json_t *embeddings, gk_error *err)
{
	json_t *documents = json_object_get(input, "input"),
	       *options = json_object_get(input, "options");
	gk_parallel items[AT_ONCE] = { 0 };
	gk_code rc = GK_OK;

	for (size_t i = 0; i < count; i++) {
		json_t *one = json_pack("{s:O}", "document", json_array_get(documents, from + i));

		items[i] = (gk_parallel){ .fn = embed_one, .user = gk_ctx_user(ctx), .input = one };
		if (!one || (options && !gk_json_set(one, "options", options)))
			rc = gk_error_no_memory(err);
	}
	if (rc == GK_OK)
		rc = gk_run_parallel(ctx, items, count, err);
	for (size_t i = 0; i < count; i++) {
		if (rc == GK_OK && !gk_json_push_take(embeddings, gk_steal(items[i].ret)))
			rc = gk_error_no_memory(err);
		json_decref(items[i].ret);
		json_decref(items[i].input);
		gk_error_clear(&items[i].err);
	}
	return rc;
}

gk_code gk_googleai_run_embed(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	size_t total = json_array_size(json_object_get(input, "input"));
	gk_auto_json json_t *embeddings = json_array();

	for (size_t from = 0; from < total; from += AT_ONCE) {
		gk_code rc = embed_some(ctx, input, from,
			total - from < AT_ONCE ? total - from : AT_ONCE, embeddings, err);

		if (rc != GK_OK)
			return rc;
	}
	*ret = json_pack("{s:O}", "embeddings", embeddings);
	return *ret ? GK_OK : gk_error_no_memory(err);
}
