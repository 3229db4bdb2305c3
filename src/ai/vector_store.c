/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Documents in memory: an indexer and a retriever of one name over vectors. */
#include <genkit/vector.h>

#include "core/define.h"
#include "json/edit.h"

#include <genkit/embedder.h>
#include <genkit/retriever.h>

#define DEFAULT_K 3

typedef struct store {
	unsigned refs; /* one for each action */
	char *embedder;
	json_t *options;     /* for the embedder; NULL: none */
	gk_vectors *vectors; /* NULL: nothing has been indexed */
	json_t *documents;   /* the document of each vector */
} store;

static void unref_store(void *it)
{
	store *self = it;

	if (--self->refs)
		return;
	gk_vectors_unref(self->vectors);
	json_decref(self->documents);
	json_decref(self->options);
	free(self->embedder);
	free(self);
}

static store *new_store(const gk_vector_store_opts *opts)
{
	store *self = calloc(1, sizeof(*self));

	if (!self)
		return NULL;
	self->refs = 1;
	self->embedder = strdup(opts->embedder);
	self->options = json_incref(opts->embedder_options);
	self->documents = json_array();
	if (self->embedder && self->documents)
		return self;
	unref_store(self);
	return NULL;
}

/* --- indexing --- */

static gk_code add_one(store *self, json_t *document, const json_t *embedding, gk_error *err)
{
	size_t count = json_array_size(self->documents);
	gk_code rc;

	if (!self->vectors)
		self->vectors =
			gk_vectors_new(json_array_size(json_object_get(embedding, "embedding")));
	if (!self->vectors)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"embedder %s gave a vector without numbers, or too many", self->embedder);
	if (json_array_append(self->documents, document) < 0)
		return gk_error_no_memory(err);
	rc = gk_vectors_add_json(self->vectors, embedding, NULL, err);
	if (rc != GK_OK)
		json_array_remove(self->documents, count);
	return rc;
}

/* A document may have several embeddings: each is indexed with a copy that says which part it is of. */
static gk_code add_document(store *self, json_t *document, json_t *embeddings, gk_error *err)
{
	gk_auto_json json_t *copies = gk_document_split(document, embeddings);
	gk_code rc = copies ? GK_OK : gk_error_no_memory(err);
	json_t *copy;
	size_t i;

	json_array_foreach (copies, i, copy)
		if (rc == GK_OK)
			rc = add_one(self, copy, json_array_get(embeddings, i), err);
	return rc;
}

static gk_code embed_one(gk_ctx *ctx, store *self, json_t *document, json_t **ret, gk_error *err)
{
	return gk_embed(ctx,
		GK_OPTS(gk_embed_opts, .embedder = self->embedder, .document = document,
			.options = self->options),
		ret, err);
}

/* One by one: which embeddings are whose could not be told otherwise. */
static gk_code index_singly(gk_ctx *ctx, store *self, json_t *documents, gk_error *err)
{
	json_t *document;
	size_t i;

	json_array_foreach (documents, i, document) {
		gk_auto_json json_t *embeddings = NULL;
		gk_code rc = embed_one(ctx, self, document, &embeddings, err);

		if (rc == GK_OK)
			rc = add_document(self, document, embeddings, err);
		if (rc != GK_OK)
			return rc;
	}
	return GK_OK;
}

static gk_code run_index(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	store *self = gk_ctx_user(ctx);
	json_t *documents = json_object_get(request, "documents"), *document;
	gk_auto_json json_t *embeddings = NULL;
	gk_code rc;
	size_t i;

	(void)ret;
	if (!json_array_size(documents))
		return GK_OK;
	rc = gk_embed_many(ctx,
		GK_OPTS(gk_embed_many_opts, .embedder = self->embedder, .content = documents,
			.options = self->options),
		&embeddings, err);
	if (rc == GK_OK && json_array_size(embeddings) != json_array_size(documents))
		return index_singly(ctx, self, documents, err);
	json_array_foreach (documents, i, document)
		if (rc == GK_OK)
			rc = add_one(self, document, json_array_get(embeddings, i), err);
	return rc;
}

/* --- retrieving --- */

static gk_code respond(
	store *self, const gk_match *matches, size_t count, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *documents = json_array(), *response = json_object();

	for (size_t i = 0; i < count; i++)
		if (!gk_json_push_take(documents,
			    json_incref(json_array_get(self->documents, matches[i].index))))
			return gk_error_no_memory(err);
	if (!gk_json_set(response, "documents", documents))
		return gk_error_no_memory(err);
	*ret = gk_steal(response);
	return GK_OK;
}

/* `k` is at most as many as there are. */
static gk_code search(
	gk_ctx *ctx, store *self, const json_t *embedding, size_t k, json_t **ret, gk_error *err)
{
	gk_match *matches = calloc(k ? k : 1, sizeof(*matches));
	size_t found = 0;
	gk_code rc = matches ? GK_OK : gk_error_no_memory(err);

	if (rc == GK_OK && k)
		rc = gk_vectors_search_json(ctx, self->vectors, embedding, matches, k, &found, err);
	if (rc == GK_OK)
		rc = respond(self, matches, found, ret, err);
	free(matches);
	return rc;
}

static gk_code run_retrieve(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	store *self = gk_ctx_user(ctx);
	int64_t k = gk_json_int_at(request, "options.k", DEFAULT_K);
	gk_auto_json json_t *embeddings = NULL;
	size_t count;
	gk_code rc = embed_one(ctx, self, json_object_get(request, "query"), &embeddings, err);

	if (rc != GK_OK)
		return rc;
	count = json_array_size(self->documents);
	if (k < 0)
		k = 0;
	return search(ctx, self, json_array_get(embeddings, 0),
		(uint64_t)k < count ? (size_t)k : count, ret, err);
}

/* --- definition --- */

static gk_code make_both(
	gk_app *app, const gk_vector_store_opts *opts, store *self, gk_action **both, gk_error *err)
{
	gk_retriever_opts made = { .size = sizeof(made),
		.name = opts->name,
		.label = opts->label,
		.run = run_index,
		.user = self,
		.free_user = unref_store };
	gk_code rc = gk_indexer_new(app, &made, &both[0], err);

	if (rc != GK_OK)
		return rc;
	made.run = run_retrieve;
	made.config = "k?: integer, how many documents";
	self->refs++;
	rc = gk_retriever_new(app, &made, &both[1], err);
	if (rc == GK_OK)
		return GK_OK;
	self->refs--; /* it is the indexer's alone */
	gk_action_unref(both[0]);
	return rc;
}

gk_code gk_define_vector_store(gk_app *app, const gk_vector_store_opts *opts, gk_error *err)
{
	gk_action *both[2] = { NULL, NULL };
	store *self;
	gk_code rc;

	if (!opts->name || !opts->embedder)
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "a vector store needs a name and an embedder");
	self = new_store(opts);
	if (!self)
		return gk_error_no_memory(err);
	rc = make_both(app, opts, self, both, err);
	if (rc != GK_OK) {
		if (!both[0])
			unref_store(self);
		return rc;
	}
	rc = gk_action_register_all(app, both, 2, err);
	if (rc != GK_OK) { /* the store is ours again, and once */
		self->refs = 1;
		unref_store(self);
	}
	return rc;
}
