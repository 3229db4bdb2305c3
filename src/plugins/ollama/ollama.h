/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Ollama's own API.
 *
 *	ollama_request.c  a GenerateRequest becomes the body of /api/chat or /api/generate
 *	ollama_answer.c   answers, whole or in lines, become a GenerateResponse
 *	ollama.c          the plugin and its actions
 *	ollama_list.c     what the models of a server can do
 */
#ifndef GK_PLUGINS_OLLAMA_H
#define GK_PLUGINS_OLLAMA_H

#include "plugins/common/builtin.h"
#include "plugins/common/message.h"
#include "plugins/common/usage.h"

#include <genkit/context.h>

/** The body for /api/chat. */
GK_MUST_USE gk_code gk_ollama_chat_request(
	const char *model, const json_t *request, bool is_streaming, json_t **ret, gk_error *err);
/** The body for /api/generate. */
GK_MUST_USE gk_code gk_ollama_generate_request(
	const char *model, const json_t *request, bool is_streaming, json_t **ret, gk_error *err);
/** INVALID_ARGUMENT: a part says that it is a medium that the server does not take, so that nothing need be fetched. */
GK_MUST_USE gk_code gk_ollama_check_media(const json_t *request, gk_error *err);
/** The body for /api/embed. */
GK_MUST_USE gk_code gk_ollama_embed_request(
	const char *model, const json_t *input, json_t **ret, gk_error *err);

/* --- ollama.c and ollama_list.c --- */

/** The address, the key (of the call's `config`, NULL: none, or the instance's) and the headers of a request. */
gk_code gk_ollama_prepare(const gk_vendor *vendor, const json_t *config, const char *path,
	gk_outgoing *out, gk_error *err);
/** The name of a model that /api/tags lists; NULL: none. Borrowed. */
const char *gk_ollama_listed_name(const json_t *item);
/** `capabilities` NULL: only its name is known. */
bool gk_ollama_is_embedder(const char *name, const json_t *capabilities);
/** Asks what the listed models can do, unless it is known. Only a caller that goes makes it fail. */
GK_MUST_USE GK_SUSPENDS gk_code gk_ollama_learn(
	gk_ctx *ctx, gk_vendor *vendor, json_t *models, gk_error *err);
/** What a listed model can do; NULL: not known. Borrowed. */
json_t *gk_ollama_capabilities_peek(const gk_vendor *vendor, const json_t *item);

/* An answer in lines. */
typedef struct gk_ollama_stream {
	const gk_outgoing *out; /* what was asked; NULL: nothing secret */
	gk_code (*emit)(json_t *chunk_take, void *user, gk_error *err);
	void *user;
	gk_buf text, thinking;
	json_t *calls; /* array */
	json_t *last;  /* the line that said done; NULL: not yet */
} gk_ollama_stream;
void gk_ollama_stream_done(gk_ollama_stream *stream);
#define gk_auto_ollama_stream GK_CLEANUP(gk_ollama_stream_done)
GK_MUST_USE gk_code gk_ollama_stream_push(
	gk_ollama_stream *stream, const char *line, size_t len, gk_error *err);
/** The answer that the lines make. INTERNAL: the stream broke off. */
GK_MUST_USE gk_code gk_ollama_stream_end(gk_ollama_stream *stream, json_t **ret, gk_error *err);
/** An answer as a GenerateResponse; `out` is what was asked (NULL: nothing secret). */
GK_MUST_USE gk_code gk_ollama_answer(
	const json_t *request, const gk_outgoing *out, json_t *answer, json_t **ret, gk_error *err);
/** The vectors of an answer as an EmbedResponse; `count` is how many were asked for. */
GK_MUST_USE gk_code gk_ollama_embed_answer(
	const json_t *answer, size_t count, json_t **ret, gk_error *err);

#endif
