/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Anthropic's Messages API.
 *
 *	anthropic_request.c  a GenerateRequest becomes the body of a message request
 *	anthropic_blocks.c   its messages: parts become content blocks
 *	anthropic_answer.c   a message becomes a GenerateResponse
 *	anthropic_stream.c   events become chunks, and in the end one message
 *	anthropic_config.c   what can be configured about a call
 *	anthropic.c          the plugin and its action
 */
#ifndef GK_PLUGINS_ANTHROPIC_H
#define GK_PLUGINS_ANTHROPIC_H

#include "plugins/common/builtin.h"
#include "plugins/common/message.h"
#include "plugins/common/outgoing.h"
#include "plugins/common/tool_name.h"
#include "plugins/common/usage.h"

/** The schema of the configuration; a new reference, NULL when memory ran out. */
json_t *gk_anthropic_config_schema(void);
/** Whether a request is for the beta surface; `is_default` is what the plugin says. INVALID_ARGUMENT: it asks for the stable
 * one and for what only the beta has. */
GK_MUST_USE gk_code gk_anthropic_surface(
	const json_t *request, bool is_default, bool *ret, gk_error *err);
/** The value of the header anthropic-beta; NULL in `*ret`: none is sent. The caller frees it. */
GK_MUST_USE gk_code gk_anthropic_betas(const json_t *request, char **ret, gk_error *err);
GK_MUST_USE gk_code gk_anthropic_request(const char *model, const json_t *request, bool is_beta,
	bool is_streaming, json_t **ret, gk_error *err);
/** What tools may be called. */
extern const gk_tool_grammar gk_anthropic_tool_names;
/** Fills `system` and `messages` (arrays). */
GK_MUST_USE gk_code gk_anthropic_messages(
	const json_t *request, bool is_beta, json_t *system, json_t *messages, gk_error *err);

GK_MUST_USE gk_code gk_anthropic_answer(
	const json_t *request, json_t *message, json_t **ret, gk_error *err);
/** A content block as a part. `*ret` NULL: nothing comes of it. INTERNAL: it lacks what its type must have. */
GK_MUST_USE gk_code gk_anthropic_part(const json_t *block, json_t **ret, gk_error *err);
/** A citation as Genkit's metadata has it; NULL: of a kind that is left out, or memory ran out. */
json_t *gk_anthropic_citation(const json_t *citation);

/** What {type: "error", error: {type, message}} says, in a stream or where a message was due; returns its code. `out` is whose
 * answer it is: its secrets stay out; NULL: none. */
gk_code gk_anthropic_failure(const gk_outgoing *out, const json_t *said, gk_error *err);

typedef struct gk_anthropic_block gk_anthropic_block;
typedef struct gk_anthropic_stream {
	gk_code (*emit)(json_t *chunk_take, void *user, gk_error *err);
	void *user;
	const gk_outgoing *out; /* whose answer it is: its secrets stay out of errors; NULL: none */
	const json_t *request;  /* GenerateRequest, whose tools are called; NULL: none */
	json_t *message;        /* what message_start said, with later usage */
	gk_anthropic_block *first, *last;
	size_t count, size;
	bool is_done; /* message_stop */
} gk_anthropic_stream;
void gk_anthropic_stream_done(gk_anthropic_stream *stream);
#define gk_auto_anthropic_stream GK_CLEANUP(gk_anthropic_stream_done)
/** The data of an event. */
GK_MUST_USE gk_code gk_anthropic_stream_push(
	gk_anthropic_stream *stream, const char *data, size_t len, gk_error *err);
/** The message that the events make. INTERNAL: the stream broke off. */
GK_MUST_USE gk_code gk_anthropic_stream_end(
	gk_anthropic_stream *stream, json_t **ret, gk_error *err);

#endif
