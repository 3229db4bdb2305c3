/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Rerankers (actions section 8). */
#include <genkit/reranker.h>

#include "ai/kind.h"
#include "json/edit.h"

static const gk_kind reranker = { .type = "reranker",
	.request = "RerankerRequest",
	.response = "RerankerResponse",
	.info = "info",
	.missing = "Unable to resolve the reranker" };

gk_code gk_reranker_new(gk_app *app, const gk_reranker_opts *opts, gk_action **ret, gk_error *err)
{
	const gk_kind_opts made = { .name = opts->name,
		.label = opts->label,
		.media = opts->media,
		.config = opts->config,
		.config_json = opts->config_json,
		.metadata = opts->metadata,
		.run = opts->run,
		.user = opts->user,
		.free_user = opts->free_user };

	return gk_kind_make(app, &reranker, &made, ret, err);
}

gk_code gk_define_reranker(gk_app *app, const gk_reranker_opts *opts, gk_error *err)
{
	return gk_reranker_new(app, opts, NULL, err);
}

/* --- ranked documents --- */

json_t *gk_ranked_document(json_t *document, double score)
{
	gk_auto_json json_t *metadata = gk_json_merge(json_object_get(document, "metadata"), NULL);
	json_t *content = json_object_get(document, "content");

	if (!content || !gk_json_set_take(metadata, "score", json_real(score)))
		return NULL;
	return gk_document_new(json_incref(content), metadata);
}

typedef struct ranked {
	json_t *document; /* borrowed */
	double score;
	size_t place;
} ranked;

static int compare(const void *one, const void *other)
{
	const ranked *a = one, *b = other;

	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	return a->place < b->place ? -1 : 1;
}

json_t *gk_ranked_documents(json_t *list, size_t k)
{
	size_t count = json_array_size(list), i;
	ranked *order = calloc(count ? count : 1, sizeof(*order));
	gk_auto_json json_t *documents = json_array(), *response = json_object();
	json_t *document;
	bool ok = order;

	if (ok) {
		json_array_foreach (list, i, document)
			order[i] = (ranked){ document,
				gk_json_real_at(document, "metadata.score", 0), i };
		qsort(order, count, sizeof(*order), compare);
	}
	for (i = 0; ok && i < count && (k == 0 || i < k); i++)
		ok = gk_json_push_take(documents, json_incref(order[i].document));
	free(order);
	return ok && gk_json_set(response, "documents", documents) ? gk_steal(response) : NULL;
}

/* --- calls --- */

gk_code gk_rerank(gk_ctx *ctx, const gk_rerank_opts *opts, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *query = NULL, *documents = NULL, *request = json_object();
	gk_auto_json json_t *response = NULL;
	gk_code rc = gk_document_from(opts->query, opts->query_document, NULL, &query, err);

	if (rc == GK_OK)
		rc = gk_documents_from(opts->documents, NULL, &documents, err);
	if (rc != GK_OK)
		return rc;
	if (!gk_json_set(request, "query", query) ||
		!gk_json_set(request, "documents", documents) ||
		(opts->options && !gk_json_set(request, "options", opts->options)))
		return gk_error_no_memory(err);
	rc = gk_kind_run(ctx, &reranker, opts->reranker, request, &response, err);
	if (rc == GK_OK)
		*ret = json_incref(json_object_get(response, "documents"));
	return rc;
}
