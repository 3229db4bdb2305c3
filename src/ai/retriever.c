/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Retrievers and indexers (actions section 7). */
#include <genkit/retriever.h>

#include "ai/kind.h"
#include "json/edit.h"

static const gk_kind retriever = { .type = "retriever",
	.request = "RetrieverRequest",
	.response = "RetrieverResponse",
	.info = "info",
	.missing = "Unable to resolve the retriever" };
static const gk_kind indexer = { .type = "indexer",
	.request = "IndexerRequest",
	.response = "IndexerResponse",
	.info = "embedderInfo",
	.missing = "Unable to utilize the provided indexer" };

/* `ret` NULL: it is registered. */
static gk_code make(gk_app *app, const gk_kind *kind, const gk_retriever_opts *opts,
	gk_action **ret, gk_error *err)
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

	return gk_kind_make(app, kind, &made, ret, err);
}

gk_code gk_define_retriever(gk_app *app, const gk_retriever_opts *opts, gk_error *err)
{
	return make(app, &retriever, opts, NULL, err);
}

gk_code gk_retriever_new(gk_app *app, const gk_retriever_opts *opts, gk_action **ret, gk_error *err)
{
	return make(app, &retriever, opts, ret, err);
}

gk_code gk_define_indexer(gk_app *app, const gk_retriever_opts *opts, gk_error *err)
{
	return make(app, &indexer, opts, NULL, err);
}

gk_code gk_indexer_new(gk_app *app, const gk_retriever_opts *opts, gk_action **ret, gk_error *err)
{
	return make(app, &indexer, opts, ret, err);
}

gk_code gk_retrieve(gk_ctx *ctx, const gk_retrieve_opts *opts, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *query = NULL, *request = json_object(), *response = NULL;
	gk_code rc = gk_document_from(opts->query, opts->query_document, NULL, &query, err);

	if (rc != GK_OK)
		return rc;
	if (!gk_json_set(request, "query", query) ||
		(opts->options && !gk_json_set(request, "options", opts->options)))
		return gk_error_no_memory(err);
	rc = gk_kind_run(ctx, &retriever, opts->retriever, request, &response, err);
	if (rc == GK_OK)
		*ret = json_incref(json_object_get(response, "documents"));
	return rc;
}

gk_code gk_index(gk_ctx *ctx, const gk_index_opts *opts, gk_error *err)
{
	gk_auto_json json_t *documents = NULL, *request = json_object();
	gk_code rc = gk_documents_from(opts->documents, NULL, &documents, err);

	if (rc != GK_OK)
		return rc;
	if (!gk_json_set(request, "documents", documents) ||
		(opts->options && !gk_json_set(request, "options", opts->options)))
		return gk_error_no_memory(err);
	return gk_kind_run(ctx, &indexer, opts->indexer, request, NULL, err);
}
