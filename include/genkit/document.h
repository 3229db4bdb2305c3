/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Documents: what is embedded, indexed, retrieved and handed to models as context. JSON, like messages:
 * {"content": [Part], "metadata"?}.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code split(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		gk_auto_json json_t *film = gk_document_of_media("gs://films/1.mp4", "video/mp4", NULL);
 *
 *		(void)ctx;
 *		*ret = gk_document_split(film, input);
 *		return *ret ? GK_OK : gk_error_no_memory(err);
 *	}
 *
 *	GK_MODULE(splitting, app, err)
 *	{
 *		return gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "split", .run = split), err);
 *	}
 *
 * Running "split" with [{"embedding": [0.1], "metadata": {"start": 0}}, {"embedding": [0.2], "metadata": {"start": 9}}]
 * gives [{"content": [{"media": {"url": "gs://films/1.mp4", "contentType": "video/mp4"}}],
 *	   "metadata": {"embedMetadata": {"start": 0}}},
 *	  {"content": [{"media": {"url": "gs://films/1.mp4", "contentType": "video/mp4"}}],
 *	   "metadata": {"embedMetadata": {"start": 9}}}]
 */
#ifndef GENKIT_DOCUMENT_H
#define GENKIT_DOCUMENT_H

#include <genkit/message.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* --- building: new references, NULL when memory ran out; `metadata` is borrowed, NULL: none --- */

/** `content_take`: an array of parts; NULL (memory ran out) gives NULL. */
json_t *gk_document_new(json_t *content_take, json_t *metadata);
json_t *gk_document_of_text(const char *text, json_t *metadata);
/** `content_type` NULL: to be inferred. */
json_t *gk_document_of_media(const char *url, const char *content_type, json_t *metadata);
/** A document from what gk_document_data() and gk_document_data_type() gave of another: type "text", a content type of
 * media, or NULL: media of an unknown type. */
json_t *gk_document_of_data(const char *data, const char *data_type, json_t *metadata);

/* --- reading --- */

/** The texts, one behind the other. The caller frees it; NULL when memory ran out. */
char *gk_document_text(const json_t *document);
/** All media {"url", "contentType"?}, in order: a new array; NULL when memory ran out. */
json_t *gk_document_media(const json_t *document);
/** The text, or else the URL of the first medium, or else "". The caller frees it; NULL when memory ran out. */
char *gk_document_data(const json_t *document);
/** "text", or else the content type of the first medium; NULL: there is none. Lives as long as the document. */
const char *gk_document_data_type_peek(const json_t *document);

/**
 * One copy of the document for each of its embeddings ([{"embedding", "metadata"?}]): what tells them apart is in
 * metadata.embedMetadata. Copies that are the same are logged as a warning. A new array; NULL when memory ran out.
 */
json_t *gk_document_split(json_t *document, json_t *embeddings);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
