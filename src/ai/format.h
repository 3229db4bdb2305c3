/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Formats as generate uses them: looked up once for a request, applied to it, then asked to read messages and chunks.
 *
 *	rc = gk_format_lookup(app, "json", &format, err);
 *	rc = gk_format_apply(format, request, &applied, err);
 *	gk_format_turn_init(&turn, format, schema);
 *	rc = gk_format_turn_add(&turn, chunk, err);	... for every chunk of the model
 *	rc = gk_format_turn_output(&turn, &output, err);	... when somebody asks for it
 */
#ifndef GK_AI_FORMAT_H
#define GK_AI_FORMAT_H

#include "base/buf.h"

#include <genkit/format.h>

/* Counted: one that is replaced while a model is asked stays until that is over. */
typedef struct gk_output_format gk_output_format;

/** A new reference; `*ret` is NULL for a name that is NULL or "". INVALID_ARGUMENT for an unknown one. */
GK_MUST_USE gk_code gk_format_lookup(
	gk_app *app, const char *name, gk_output_format **ret, gk_error *err);
/** The format of a request's `output` (NULL: none): the one it names, else json when it has a jsonSchema. */
GK_MUST_USE gk_code gk_format_of_output(
	gk_app *app, const json_t *output, gk_output_format **ret, gk_error *err);
gk_output_format *gk_format_ref(gk_output_format *format);
gk_output_format *gk_format_unref(gk_output_format *format);
const char *gk_format_name(const gk_output_format *format);
/** Borrowed: {"format"?, "contentType"?, "constrained"?, "schema"?, "defaultInstructions"?}. */
json_t *gk_format_config_peek(const gk_output_format *format);

/** The request (GenerateActionOptions) with the format's configuration under its output, and with instructions
 * (formats section 3). `format` NULL: as it is. A new reference; neither the request nor its messages are changed. */
GK_MUST_USE gk_code gk_format_apply(
	const gk_output_format *format, json_t *request, json_t **ret, gk_error *err);
/** The messages with a part that says `instructions` where the model should read it (formats section 4). A new
 * reference; the messages are not changed. */
GK_MUST_USE gk_code gk_format_inject(
	json_t *messages, const char *instructions, json_t **ret, gk_error *err);

/** Refuses a schema (NULL: none) that the format cannot do. */
GK_MUST_USE gk_code gk_format_check(const gk_output_format *format, json_t *schema, gk_error *err);
/** What the model is told; the caller frees it; NULL: nothing. */
GK_MUST_USE gk_code gk_format_instruct(
	const gk_output_format *format, json_t *schema, char **ret, gk_error *err);
/** As the format has it; `*ret` NULL: nothing. For what a response shows (which falls back to data and JSON in the text)
 * see gk_format_output(). */
GK_MUST_USE gk_code gk_format_read(const gk_output_format *format, json_t *schema,
	const json_t *message, json_t **ret, gk_error *err);
/** The output of a model's message: the format's (NULL: none), else its data, else JSON in its text. */
GK_MUST_USE gk_code gk_format_output(const gk_output_format *format, json_t *schema,
	const json_t *message, json_t **ret, gk_error *err);

/* The chunks of one turn. */
typedef struct gk_format_turn {
	gk_output_format *format; /* NULL: none */
	json_t *schema;
	gk_buf text;    /* of all chunks so far */
	size_t before;  /* how much of it was there before the last chunk */
	json_t *chunk;  /* the last one */
	json_t *parsed; /* what the format made of it; NULL: nothing */
	void *state;
	bool is_parsed;
} gk_format_turn;

/** Takes references of its own. */
void gk_format_turn_init(gk_format_turn *turn, gk_output_format *format, json_t *schema);
void gk_format_turn_done(gk_format_turn *turn);
/** From now on, of one that had no format. */
void gk_format_turn_read_as(gk_format_turn *turn, gk_output_format *format, json_t *schema);
/** The next chunk ({content}, borrowed). It is parsed when its output is asked for, unless the format must see every chunk. */
GK_MUST_USE gk_code gk_format_turn_add(gk_format_turn *turn, json_t *chunk, gk_error *err);
/** The output of the chunk that was added last: the format's, else its data, else JSON in the text so far. Not to be changed:
 * those of a turn share what they have in common. */
GK_MUST_USE gk_code gk_format_turn_output(gk_format_turn *turn, json_t **ret, gk_error *err);

/** The formats that are always there; ends with a row without a name. */
extern const gk_format_opts gk_format_builtins[];

#endif
