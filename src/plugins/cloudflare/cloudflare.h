/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Cloudflare's Workers AI, by its own API.
 *
 *	cloudflare_request.c  a GenerateRequest becomes the body of a run
 *	cloudflare_answer.c   results, whole or in pieces, become a GenerateResponse
 *	cloudflare.c          the plugin and its actions
 */
#ifndef GK_PLUGINS_CLOUDFLARE_H
#define GK_PLUGINS_CLOUDFLARE_H

#include "plugins/common/builtin.h"
#include "plugins/common/message.h"
#include "plugins/common/usage.h"

/** The schema of the configuration of a model. New reference; NULL when memory ran out. */
json_t *gk_cloudflare_config_schema(void);
/** `who` begins errors, here and below: the name that the plugin goes by. */
GK_MUST_USE gk_code gk_cloudflare_request(
	const char *who, const json_t *request, bool is_streaming, json_t **ret, gk_error *err);
/** INTERNAL: an answer, or a piece of one, that tells of a failure, whatever its HTTP status; `out` is what was asked. */
GK_MUST_USE gk_code gk_cloudflare_check(
	const char *who, const json_t *answer, const gk_outgoing *out, gk_error *err);
/** `result` is what stands in the envelope. */
GK_MUST_USE gk_code gk_cloudflare_answer(
	const char *who, const json_t *request, json_t *result, json_t **ret, gk_error *err);

typedef struct gk_cloudflare_stream {
	const char *who;
	const gk_outgoing *out; /* what was asked */
	gk_code (*emit)(json_t *chunk_take, void *user, gk_error *err);
	void *user;
	gk_buf text;
	json_t *calls, *usage;
	bool is_done;
} gk_cloudflare_stream;
void gk_cloudflare_stream_done(gk_cloudflare_stream *stream);
#define gk_auto_cloudflare_stream GK_CLEANUP(gk_cloudflare_stream_done)
GK_MUST_USE gk_code gk_cloudflare_stream_push(
	gk_cloudflare_stream *stream, const char *data, size_t len, gk_error *err);
/** The result that the pieces make. INTERNAL: the stream broke off. */
GK_MUST_USE gk_code gk_cloudflare_stream_end(
	gk_cloudflare_stream *stream, json_t **ret, gk_error *err);

#endif
