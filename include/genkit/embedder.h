/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Embedders: documents in, vectors out. An embedder is the action /embedder/NAME.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code embed_length(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
 *	{
 *		json_t *embeddings = json_array(), *document;
 *		size_t i;
 *
 *		(void)ctx;
 *		(void)err;
 *		json_array_foreach (json_object_get(request, "input"), i, document) {
 *			gk_auto_str char *text = gk_document_text(document);
 *			float length = text ? (float)strlen(text) : 0;
 *
 *			json_array_append_new(embeddings, gk_embedding_new(&length, 1, NULL));
 *		}
 *		*ret = json_pack("{s:o}", "embeddings", embeddings);
 *		return GK_OK;
 *	}
 *
 *	static gk_code measure(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		return gk_embed(ctx, GK_OPTS(gk_embed_opts, .embedder = "length", .text = json_string_value(input)), ret, err);
 *	}
 *
 *	GK_MODULE(measuring, app, err)
 *	{
 *		gk_code rc = gk_define_embedder(app, GK_OPTS(gk_embedder_opts, .name = "length",
 *			.dimensions = 1, .run = embed_length), err);
 *
 *		return rc == GK_OK ? gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "measure", .run = measure), err) : rc;
 *	}
 *
 * Running "measure" with "hello"
 * gives [{"embedding": [5]}]
 */
#ifndef GENKIT_EMBEDDER_H
#define GENKIT_EMBEDDER_H

#include <genkit/action.h>
#include <genkit/document.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/** What an embedder is told to take. */
enum {
	GK_EMBEDS_TEXT = 1,
	GK_EMBEDS_IMAGE = 2,
	GK_EMBEDS_VIDEO = 4,
};

typedef struct gk_embedder_opts {
	size_t size;
	const char *name;  /* required */
	const char *label; /* for people; NULL: not told */
	unsigned supports; /* GK_EMBEDS_TEXT | ...; 0: not told */
	gk_choice multilingual;
	unsigned dimensions; /* of its vectors; 0: not told */
	const char *config;  /* schema text of its options; told, not enforced */
	json_t *config_json; /* borrowed; the schema as a value, which wins */
	json_t *metadata;    /* borrowed; more for the action's metadata */
	/** {"input": [Document], "options"?} in, {"embeddings": [{"embedding", "metadata"?}]} out. */
	gk_action_fn *run;
	void *user;
	void (*free_user)(void *user); /* when the embedder goes; not when defining it failed */
} gk_embedder_opts;

/** Errors: as gk_define_action(). */
gk_code gk_define_embedder(gk_app *app, const gk_embedder_opts *opts, gk_error *err);
/** Makes one without registering it, for plugins and dynamic action providers. */
gk_code gk_embedder_new(gk_app *app, const gk_embedder_opts *opts, gk_action **ret, gk_error *err);

/** An embedding of `count` numbers: new reference; NULL when memory ran out or one of them is infinite or none.
 * `metadata` is borrowed; NULL: none. */
json_t *gk_embedding_new(const float *values, size_t count, json_t *metadata);

/** An embedder with what is to be asked of it. */
typedef struct gk_embedder_ref {
	const char *name;    /* required */
	const char *version; /* becomes options.version; NULL: none */
	json_t *config;      /* borrowed; under what a call gives; NULL: none */
} gk_embedder_ref;

typedef struct gk_embed_opts {
	size_t size;
	const char *embedder;       /* its name */
	const gk_embedder_ref *ref; /* or this, which wins */
	const char *text;           /* what to embed */
	json_t *document;           /* or this, which wins; borrowed */
	json_t *metadata; /* borrowed; of the document that is made of `text`; NULL: none */
	json_t *options;  /* borrowed; NULL: none */
} gk_embed_opts;

/**
 * The embeddings of one document: [{"embedding", "metadata"?}], usually one. New reference. The embedder sees the options
 * {version, ...config, ...options}.
 * Errors: a plain "Unable to resolve embedder NAME"; INVALID_ARGUMENT without something to embed; the embedder's own.
 */
GK_MUST_USE GK_SUSPENDS gk_code gk_embed(
	gk_ctx *ctx, const gk_embed_opts *opts, json_t **ret, gk_error *err);

typedef struct gk_embed_many_opts {
	size_t size;
	const char *embedder; /* required: its name */
	json_t *content;      /* required; borrowed: a list of texts and documents */
	json_t *metadata;     /* borrowed; of the documents that are made of texts; NULL: none */
	json_t *options;      /* borrowed; handed on as they are; NULL: none */
} gk_embed_many_opts;

/** Embeds them in one call. A plain error "Unable to utilize the provided embedder" when there is none of the name. */
GK_MUST_USE GK_SUSPENDS gk_code gk_embed_many(
	gk_ctx *ctx, const gk_embed_many_opts *opts, json_t **ret, gk_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
