/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Embedders, retrievers, indexers, rerankers and evaluators are one thing: a type of action whose requests and responses are
 * Genkit's own, whose requests carry options, and whose metadata says what it can do.
 */
#ifndef GK_AI_KIND_H
#define GK_AI_KIND_H

#include "core/define.h"

typedef struct gk_kind {
	const char *type;               /* of the actions */
	const char *request, *response; /* built-in schemas */
	const char *info;               /* the member of the metadata that says what it can do */
	const char *missing;            /* what is said when there is none of a name */
	bool is_guarded;                /* not to be defined at run time (actions section 1.3) */
} gk_kind;

typedef struct gk_kind_opts {
	const char *name;
	const char *description;
	const char *label; /* with `media`: what it can do, when `info` does not say it */
	gk_choice media;
	json_t *info;        /* borrowed; NULL: none */
	json_t *details;     /* borrowed; more for the member named like the type; NULL: none */
	const char *config;  /* the schema of its options; NULL: anything */
	json_t *config_json; /* borrowed; wins */
	bool needs_options;  /* a request must have options when there is a schema for them */
	json_t *metadata;    /* borrowed */
	gk_action_fn *run;
	void *user;
	void (*free_user)(void *user);
} gk_kind_opts;

/** `ret` NULL: it is registered; otherwise only made. */
gk_code gk_kind_make(
	gk_app *app, const gk_kind *kind, const gk_kind_opts *opts, gk_action **ret, gk_error *err);

/** Runs the one of a name. A plain error with what the kind says when there is none. */
GK_MUST_USE GK_SUSPENDS gk_code gk_kind_run(gk_ctx *ctx, const gk_kind *kind, const char *name,
	json_t *request, json_t **ret, gk_error *err);

/** The document that a text, or a document itself (borrowed), stands for. New reference; INVALID_ARGUMENT for neither. */
GK_MUST_USE gk_code gk_document_from(
	const char *text, json_t *document, json_t *metadata, json_t **ret, gk_error *err);
/** The same for a list of texts and documents. */
GK_MUST_USE gk_code gk_documents_from(json_t *list, json_t *metadata, json_t **ret, gk_error *err);

#endif
