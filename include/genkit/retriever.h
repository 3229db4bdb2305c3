/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Retrievers find documents, indexers take them in. They are the actions /retriever/NAME and /indexer/NAME.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code find_dishes(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
 *	{
 *		(void)ctx;
 *		(void)request;
 *		*ret = json_pack("[{s:s, s:i}, s]", "dish", "Paella", "euro", 14, "Bread is free.");
 *		return *ret ? GK_OK : gk_error_no_memory(err);
 *	}
 *
 *	static gk_code menu(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		return gk_retrieve(ctx, GK_OPTS(gk_retrieve_opts, .retriever = "dishes",
 *			.query = json_string_value(input)), ret, err);
 *	}
 *
 *	GK_MODULE(dishes, app, err)
 *	{
 *		gk_code rc = gk_define_simple_retriever(app, GK_OPTS(gk_simple_retriever_opts, .name = "dishes",
 *			.content = "dish", .run = find_dishes), err);
 *
 *		return rc == GK_OK ? gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "menu", .run = menu), err) : rc;
 *	}
 *
 * Running "menu" with "rice"
 * gives [{"content": [{"text": "Paella"}], "metadata": {"euro": 14}}, {"content": [{"text": "Bread is free."}]}]
 */
#ifndef GENKIT_RETRIEVER_H
#define GENKIT_RETRIEVER_H

#include <genkit/action.h>
#include <genkit/document.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* Of retrievers and of indexers. */
typedef struct gk_retriever_opts {
	size_t size;
	const char *name;  /* required */
	const char *label; /* for people; NULL: not told */
	gk_choice media;   /* whether documents may be media */
	const char *
		config; /* schema text of its options, which are then checked when they are given; NULL: anything */
	json_t *config_json; /* borrowed; the schema as a value, which wins */
	json_t *metadata;    /* borrowed; more for the action's metadata */
	/** Of a retriever: {"query": Document, "options"?} in, {"documents": [Document]} out.
	 * Of an indexer: {"documents": [Document], "options"?} in, nothing out. */
	gk_action_fn *run;
	void *user;
	void (*free_user)(void *user); /* when it goes; not when defining it failed */
} gk_retriever_opts;

/** Errors: as gk_define_action(). The `_new` functions make one without registering it, for plugins and dynamic action
 * providers. */
gk_code gk_define_retriever(gk_app *app, const gk_retriever_opts *opts, gk_error *err);
gk_code gk_retriever_new(
	gk_app *app, const gk_retriever_opts *opts, gk_action **ret, gk_error *err);
gk_code gk_define_indexer(gk_app *app, const gk_retriever_opts *opts, gk_error *err);
gk_code gk_indexer_new(gk_app *app, const gk_retriever_opts *opts, gk_action **ret, gk_error *err);

/* --- a retriever over what something else finds: rows, records, texts --- */

/** Gives a new reference in `*ret` (NULL on entry): what of the item is the content (a text or a list of parts), or its
 * metadata. It never suspends. */
typedef gk_code gk_item_fn(json_t *item, void *user, json_t **ret, gk_error *err);

typedef struct gk_simple_retriever_opts {
	size_t size;
	const char *name;       /* required */
	const char *config;     /* as above */
	json_t *config_json;    /* borrowed */
	const char *content;    /* the member whose text is the content; NULL: items are texts */
	gk_item_fn *content_of; /* wins over `content` */
	const char *const *
		metadata; /* the members that are the metadata, NULL-terminated; NULL: all but the content */
	gk_item_fn *metadata_of; /* wins over `metadata` */
	/** {"query": Document, "options"?} in, a list of items out: texts, or what `content` says. */
	gk_action_fn *run;
	void *user; /* also of content_of and metadata_of */
	void (*free_user)(void *user);
} gk_simple_retriever_opts;

/** Errors of a call: INVALID_ARGUMENT for an item of which no document can be made. */
gk_code gk_define_simple_retriever(
	gk_app *app, const gk_simple_retriever_opts *opts, gk_error *err);

/* --- calls --- */

typedef struct gk_retrieve_opts {
	size_t size;
	const char *retriever;  /* required: its name */
	const char *query;      /* a text */
	json_t *query_document; /* or a document, which wins; borrowed */
	json_t *options;        /* borrowed; NULL: none */
} gk_retrieve_opts;

/** The documents: a new reference. A plain error "Unable to resolve the retriever" when there is none of the name. */
GK_MUST_USE GK_SUSPENDS gk_code gk_retrieve(
	gk_ctx *ctx, const gk_retrieve_opts *opts, json_t **ret, gk_error *err);

typedef struct gk_index_opts {
	size_t size;
	const char *indexer; /* required: its name */
	json_t *documents;   /* required; borrowed: a list of texts and documents */
	json_t *options;     /* borrowed; NULL: none */
} gk_index_opts;

/** A plain error "Unable to utilize the provided indexer" when there is none of the name. */
GK_MUST_USE GK_SUSPENDS gk_code gk_index(gk_ctx *ctx, const gk_index_opts *opts, gk_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
