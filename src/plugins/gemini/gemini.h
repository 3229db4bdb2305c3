/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Gemini's generateContent, for whoever serves it.
 *
 *	parts.c         parts of messages, for the service
 *	answer_parts.c  parts of its answers, for Genkit
 *	tools.c         tools and their configuration
 *	request.c       a GenerateRequest becomes a body
 *	answer.c        an answer becomes a GenerateResponse
 *	stream.c        pieces become chunks, and in the end one answer
 *	partial.c       arguments of a function call that come in pieces
 */
#ifndef GK_PLUGINS_GEMINI_H
#define GK_PLUGINS_GEMINI_H

#include "plugins/common/message.h"
#include "plugins/common/outgoing.h"
#include "plugins/common/usage.h"
#include "plugins/common/tool_name.h"

typedef struct gk_gemini_call {
	const char *who;       /* begins errors */
	const char *id;        /* of the model that is asked */
	const json_t *request; /* GenerateRequest */
	bool legacy_schema;    /* responseSchema in place of responseJsonSchema */
} gk_gemini_call;

/* Members of a configuration that say how to ask, and are never part of a body. */
#define GK_GEMINI_OF_THE_CALL "apiKey baseUrl apiVersion timeout customHeaders apiClient version"

/** Whether the name of a model says that it makes speech (gemini-...-tts), or pictures (gemini-...-image). */
bool gk_gemini_speaks(const char *id);
bool gk_gemini_draws(const char *id);

/** The body of a request. */
GK_MUST_USE gk_code gk_gemini_request(const gk_gemini_call *call, json_t **ret, gk_error *err);
/** Adds tools and toolConfig. */
GK_MUST_USE gk_code gk_gemini_add_tools(const gk_gemini_call *call, json_t *body, gk_error *err);
/** {role, parts} of a message; `*ret` NULL: it has no parts. */
GK_MUST_USE gk_code gk_gemini_content(
	const gk_gemini_call *call, const json_t *message, json_t **ret, gk_error *err);
/** What tools may be called. */
extern const gk_tool_grammar gk_gemini_tool_names;
/** A member of the configuration that is set: true as {}, false as nothing. New reference; NULL: none. */
json_t *gk_gemini_switch(const json_t *value);

/* What a custom part is called in Genkit and by the service; ends with one without a name. */
typedef struct gk_gemini_custom {
	const char *own, *wire;
} gk_gemini_custom;
extern const gk_gemini_custom gk_gemini_customs[];

/** A part of an answer as Genkit's; `*ret` NULL: it says nothing. */
GK_MUST_USE gk_code gk_gemini_part(
	const gk_gemini_call *call, const json_t *part, json_t **ret, gk_error *err);
/** FAILED_PRECONDITION: no candidates. */
GK_MUST_USE gk_code gk_gemini_answer(
	const gk_gemini_call *call, json_t *answer, json_t **ret, gk_error *err);

typedef struct gk_gemini_stream {
	const gk_gemini_call *call;
	const gk_outgoing *out; /* whose answer it is: its secrets stay out of errors; NULL: none */
	gk_code (*emit)(json_t *chunk_take, void *user, gk_error *err);
	void *user;
	json_t *whole; /* the answer so far; NULL: nothing came */
	size_t parts;
} gk_gemini_stream;
void gk_gemini_stream_done(gk_gemini_stream *stream);
#define gk_auto_gemini_stream GK_CLEANUP(gk_gemini_stream_done)
GK_MUST_USE gk_code gk_gemini_stream_push(
	gk_gemini_stream *stream, const char *data, size_t len, gk_error *err);
/** `is_cut`: bytes were left that end no event; `rest` (NULL: none) is a line of them, which may be an error of the service. */
GK_MUST_USE gk_code gk_gemini_stream_end(
	gk_gemini_stream *stream, bool is_cut, const gk_buf *rest, json_t **ret, gk_error *err);

/** Sets what `pieces` ([{jsonPath, stringValue | numberValue | boolValue | nullValue}]) say in `args`: text is added to text,
 * an index makes a list. What has no path or no value is passed over. False when memory ran out. */
GK_MUST_USE bool gk_gemini_apply_partial(json_t *args, const json_t *pieces);

#endif
