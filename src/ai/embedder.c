/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Embedders (actions section 6). */
#include <genkit/embedder.h>

#include "ai/kind.h"
#include "json/edit.h"

static const gk_kind embedder = { .type = "embedder",
	.request = "EmbedRequest",
	.response = "EmbedResponse",
	.info = "info",
	.missing = "Unable to resolve embedder %s",
	.is_guarded = true };
static const gk_kind embedder_of_many = { .type = "embedder",
	.missing = "Unable to utilize the provided embedder" };

/* --- definition --- */

static json_t *supports_of(const gk_embedder_opts *opts)
{
	static const char *const kinds[] = { "text", "image", "video" };
	gk_auto_json json_t *supports = json_object(), *input = json_array();

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (opts->supports & 1u << i && !gk_json_push_take(input, json_string(kinds[i])))
			return NULL;
	if ((opts->supports && !gk_json_set(supports, "input", input)) ||
		(opts->multilingual != GK_UNSAID &&
			!gk_json_set_bool(supports, "multilingual", opts->multilingual == GK_YES)))
		return NULL;
	return gk_steal(supports);
}

static json_t *info_of(const gk_embedder_opts *opts)
{
	gk_auto_json json_t *info = json_object();

	if ((opts->label && !gk_json_set_str(info, "label", opts->label)) ||
		((opts->supports || opts->multilingual != GK_UNSAID) &&
			!gk_json_set_take(info, "supports", supports_of(opts))) ||
		(opts->dimensions && !gk_json_set_int(info, "dimensions", opts->dimensions)))
		return NULL;
	return gk_steal(info);
}

/* Options are told, and anything is taken: `config` shows in the metadata alone. */
static gk_code details_of(gk_app *app, const gk_embedder_opts *opts, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *details = json_object(), *config = json_incref(opts->config_json);
	gk_code rc = GK_OK;

	if (!config && opts->config)
		rc = gk_schema_text_to_json(app, opts->config, &config, err);
	if (rc != GK_OK)
		return rc;
	if (!details || (config && !gk_json_set(details, "customOptions", config)))
		return gk_error_no_memory(err);
	*ret = gk_steal(details);
	return GK_OK;
}

/* `ret` NULL: it is registered. */
static gk_code make(gk_app *app, const gk_embedder_opts *opts, gk_action **ret, gk_error *err)
{
	gk_auto_json json_t *info = info_of(opts), *details = NULL;
	gk_code rc = info ? details_of(app, opts, &details, err) : gk_error_no_memory(err);
	const gk_kind_opts made = { .name = opts->name,
		.info = info,
		.details = details,
		.metadata = opts->metadata,
		.run = opts->run,
		.user = opts->user,
		.free_user = opts->free_user };

	if (rc != GK_OK)
		return rc;
	return gk_kind_make(app, &embedder, &made, ret, err);
}

gk_code gk_define_embedder(gk_app *app, const gk_embedder_opts *opts, gk_error *err)
{
	return make(app, opts, NULL, err);
}

gk_code gk_embedder_new(gk_app *app, const gk_embedder_opts *opts, gk_action **ret, gk_error *err)
{
	return make(app, opts, ret, err);
}

json_t *gk_embedding_new(const float *values, size_t count, json_t *metadata)
{
	gk_auto_json json_t *numbers = json_array(), *embedding = json_object();

	for (size_t i = 0; i < count; i++)
		if (!gk_json_push_take(numbers, json_real((double)values[i])))
			return NULL;
	if (!gk_json_set(embedding, "embedding", numbers) ||
		(metadata && !gk_json_set(embedding, "metadata", metadata)))
		return NULL;
	return gk_steal(embedding);
}

/* --- calls --- */

/* {version, ...config, ...options} */
static json_t *options_of(const gk_embedder_ref *ref, json_t *options)
{
	gk_auto_json json_t *version = json_object(), *lower = NULL;

	if (ref && ref->version && !gk_json_set_str(version, "version", ref->version))
		return NULL;
	lower = gk_json_merge(version, ref ? ref->config : NULL);
	return lower ? gk_json_merge(lower, options) : NULL;
}

/* `documents` and `options` (NULL: none) are borrowed. */
static gk_code run(gk_ctx *ctx, const gk_kind *kind, const char *name, json_t *documents,
	json_t *options, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *request = json_object(), *response = NULL;
	gk_code rc;

	if (!gk_json_set(request, "input", documents) ||
		(options && !gk_json_set(request, "options", options)))
		return gk_error_no_memory(err);
	rc = gk_kind_run(ctx, kind, name, request, &response, err);
	if (rc == GK_OK)
		*ret = json_incref(json_object_get(response, "embeddings"));
	return rc;
}

gk_code gk_embed(gk_ctx *ctx, const gk_embed_opts *opts, json_t **ret, gk_error *err)
{
	const char *name = opts->ref ? opts->ref->name : opts->embedder;
	gk_auto_json json_t *documents = json_array(), *options = NULL;
	json_t *document = NULL;
	gk_code rc = gk_document_from(opts->text, opts->document, opts->metadata, &document, err);

	if (rc != GK_OK)
		return rc;
	options = options_of(opts->ref, opts->options);
	if (!gk_json_push_take(documents, document) || !options)
		return gk_error_no_memory(err);
	return run(ctx, &embedder, name, documents, options, ret, err);
}

gk_code gk_embed_many(gk_ctx *ctx, const gk_embed_many_opts *opts, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *documents = NULL;
	gk_code rc = gk_documents_from(opts->content, opts->metadata, &documents, err);

	if (rc != GK_OK)
		return rc;
	return run(ctx, &embedder_of_many, opts->embedder, documents, opts->options, ret, err);
}
