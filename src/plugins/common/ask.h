/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Asking a provider: a request goes out, an answer comes back whole, or piece by piece. What is no success is an error
 * of gk_failure_of_reply(); a body that is not what it should be is INTERNAL; what happens on the way is UNAVAILABLE,
 * DEADLINE_EXCEEDED or GK_CANCELLED. `who` begins the messages.
 */
#ifndef GK_PLUGINS_ASK_H
#define GK_PLUGINS_ASK_H

#include "loop/ndjson.h"
#include "loop/sse.h"
#include "plugins/common/net.h"

#include <genkit/context.h>

GK_MUST_USE GK_SUSPENDS gk_code gk_ask_json(
	gk_ctx *ctx, const char *who, gk_outgoing *out, json_t **ret, gk_error *err);
/** `*type_ret` (owned by the caller; may be NULL) is the content type; it stays NULL when there is none. */
GK_MUST_USE GK_SUSPENDS gk_code gk_ask_bytes(gk_ctx *ctx, const char *who, gk_outgoing *out,
	char **ret, size_t *len_ret, char **type_ret, gk_error *err);
/** Pushes until the stream ends, or until `*is_done` (NULL: never) is set. An answer that is no stream is INTERNAL, with
 * what it says. */
GK_MUST_USE GK_SUSPENDS gk_code gk_ask_events(gk_ctx *ctx, const char *who, gk_outgoing *out,
	gk_sse *sse, const bool *is_done, gk_error *err);
/** The same for services that may answer a question for a stream with one JSON value all the same: it goes into
 * `*whole_ret`, which stays NULL when events came. */
GK_MUST_USE GK_SUSPENDS gk_code gk_ask_events_or_json(gk_ctx *ctx, const char *who,
	gk_outgoing *out, gk_sse *sse, const bool *is_done, json_t **whole_ret, gk_error *err);
/** Whether an event is the last one of a stream: [DONE]. */
bool gk_ask_is_done(const char *data, size_t len);
GK_MUST_USE GK_SUSPENDS gk_code gk_ask_lines(
	gk_ctx *ctx, const char *who, gk_outgoing *out, gk_ndjson *lines, gk_error *err);
/** Hands a chunk (consumed) to whoever called the action; `ctx` is a gk_ctx. */
GK_MUST_USE GK_SUSPENDS gk_code gk_ask_emit(json_t *chunk_take, void *ctx, gk_error *err);
/** The same for a response that came whole: its content becomes one chunk. */
GK_MUST_USE GK_SUSPENDS gk_code gk_ask_emit_whole(
	gk_ctx *ctx, const json_t *response, gk_error *err);
/** A piece of a stream (an event's data, a line) as JSON; INTERNAL when it is none. */
GK_MUST_USE gk_code gk_ask_parse(
	const char *who, const char *text, size_t len, json_t **ret, gk_error *err);
/** The same for what came whole, which may be too much for the loop: a worker reads it then. */
GK_MUST_USE GK_SUSPENDS gk_code gk_ask_parse_whole(
	const char *who, const char *text, size_t len, json_t **ret, gk_error *err);

#endif
