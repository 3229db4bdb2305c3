/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Ollama's own API.
 *
 *	ollama_request.c  a GenerateRequest becomes the body of /api/chat or /api/generate
 *	ollama_answer.c   answers, whole or in lines, become a GenerateResponse
 *	ollama.c          the plugin and its actions
 */
#ifndef GK_PLUGINS_OLLAMA_H
#define GK_PLUGINS_OLLAMA_H

#include "plugins/common/builtin.h"
#include "plugins/common/message.h"
#include "plugins/common/usage.h"

/** The body for /api/chat. */
GK_MUST_USE gk_code gk_ollama_chat_request(
	const char *model, const json_t *request, bool is_streaming, json_t **ret, gk_error *err);
/** The body for /api/generate. */
GK_MUST_USE gk_code gk_ollama_generate_request(
	const char *model, const json_t *request, bool is_streaming, json_t **ret, gk_error *err);
/** The body for /api/embed. */
GK_MUST_USE gk_code gk_ollama_embed_request(
	const char *model, const json_t *input, json_t **ret, gk_error *err);

/* An answer in lines. */
typedef struct gk_ollama_stream {
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
/** An answer as a GenerateResponse. */
GK_MUST_USE gk_code gk_ollama_answer(
	const json_t *request, json_t *answer, json_t **ret, gk_error *err);
/** The vectors of an answer as an EmbedResponse; `count` is how many were asked for. */
GK_MUST_USE gk_code gk_ollama_embed_answer(
	const json_t *answer, size_t count, json_t **ret, gk_error *err);

#endif
