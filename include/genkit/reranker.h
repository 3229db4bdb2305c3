/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Rerankers: documents in, the better ones first out, each with a score. A reranker is the action /reranker/NAME.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code shortest_first(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
 *	{
 *		gk_auto_json json_t *ranked = json_array();
 *		json_t *document;
 *		size_t i;
 *
 *		(void)ctx;
 *		json_array_foreach (json_object_get(request, "documents"), i, document) {
 *			gk_auto_str char *text = gk_document_text(document);
 *			json_t *own = gk_ranked_document(document, text ? 1.0 / (double)(1 + strlen(text)) : 0);
 *
 *			if (!own || json_array_append_new(ranked, own) < 0)
 *				return gk_error_no_memory(err);
 *		}
 *		*ret = gk_ranked_documents(ranked, 1);
 *		return *ret ? GK_OK : gk_error_no_memory(err);
 *	}
 *
 *	static gk_code brief(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		return gk_rerank(ctx, GK_OPTS(gk_rerank_opts, .reranker = "brief", .query = "any", .documents = input), ret, err);
 *	}
 *
 *	GK_MODULE(briefness, app, err)
 *	{
 *		gk_code rc = gk_define_reranker(app, GK_OPTS(gk_reranker_opts, .name = "brief", .run = shortest_first), err);
 *
 *		return rc == GK_OK ? gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "brief", .run = brief), err) : rc;
 *	}
 *
 * Running "brief" with ["a long text", "abc"]
 * gives [{"content": [{"text": "abc"}], "metadata": {"score": 0.25}}]
 */
#ifndef GENKIT_RERANKER_H
#define GENKIT_RERANKER_H

#include <genkit/action.h>
#include <genkit/document.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef struct gk_reranker_opts {
	size_t size;
	const char *name;  /* required */
	const char *label; /* for people; NULL: not told */
	gk_choice media;   /* whether documents may be media */
	const char *
		config; /* schema text of its options, which are then checked when they are given; NULL: anything */
	json_t *config_json; /* borrowed; the schema as a value, which wins */
	json_t *metadata;    /* borrowed; more for the action's metadata */
	/** {"query": Document, "documents": [Document], "options"?} in, {"documents": [...]} out: see
	 * gk_ranked_documents(). */
	gk_action_fn *run;
	void *user;
	void (*free_user)(void *user); /* when the reranker goes; not when defining it failed */
} gk_reranker_opts;

/** Errors: as gk_define_action(). */
gk_code gk_define_reranker(gk_app *app, const gk_reranker_opts *opts, gk_error *err);
/** Makes one without registering it, for plugins and dynamic action providers. */
gk_code gk_reranker_new(gk_app *app, const gk_reranker_opts *opts, gk_action **ret, gk_error *err);

/** The document's content and metadata, with a score: {"content", "metadata": {..., "score"}}. New reference; NULL when
 * memory ran out or the score is infinite or none. */
json_t *gk_ranked_document(json_t *document, double score);
/** {"documents": [...]}: the first `k` (0: all) of a list of such documents, the highest scores first, equal ones as they
 * came. New reference; NULL when memory ran out. */
json_t *gk_ranked_documents(json_t *ranked, size_t k);

typedef struct gk_rerank_opts {
	size_t size;
	const char *reranker;   /* required: its name */
	const char *query;      /* a text */
	json_t *query_document; /* or a document, which wins; borrowed */
	json_t *documents;      /* required; borrowed: a list of texts and documents */
	json_t *options;        /* borrowed; NULL: none */
} gk_rerank_opts;

/** The documents in the reranker's order: [{"content", "metadata": {"score", ...}}], a new reference. A plain error "Unable to
 * resolve the reranker" when there is none of the name. */
GK_MUST_USE GK_SUSPENDS gk_code gk_rerank(
	gk_ctx *ctx, const gk_rerank_opts *opts, json_t **ret, gk_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
