/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Output formats: how a model is told to write, and how what it writes is read. `text`, `json`, `array`, `enum` and
 * `jsonl` are there; others are defined. A format is asked for by name, with or without a schema (formats section 1).
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code read_list(const gk_format_use *use, const json_t *message, json_t **ret, gk_error *err)
 *	{
 *		gk_auto_str char *text = gk_message_text(message);
 *		gk_auto_json json_t *items = json_array();
 *		char *rest = NULL;
 *
 *		(void)use;
 *		if (!text || !items)
 *			return gk_error_no_memory(err);
 *		for (char *item = strtok_r(text, ",", &rest); item; item = strtok_r(NULL, ",", &rest))
 *			json_array_append_new(items, json_string(item));
 *		*ret = gk_steal(items);
 *		return GK_OK;
 *	}
 *
 *	static gk_code shopping(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		gk_auto_json json_t *answer = gk_message_of_text("model", json_string_value(input));
 *
 *		return gk_format_parse_message(gk_ctx_app(ctx), "list", NULL, answer, ret, err);
 *	}
 *
 *	GK_MODULE(lists, app, err)
 *	{
 *		gk_code rc = gk_define_format(app, GK_OPTS(gk_format_opts, .name = "list", .content_type = "text/csv",
 *			.instructions_text = "Answer with a list, commas between.", .parse_message = read_list), err);
 *
 *		return rc == GK_OK ? gk_define_flow(app,
 *			GK_OPTS(gk_flow_opts, .name = "shopping", .run = shopping), err) : rc;
 *	}
 *
 * Running "shopping" with "milk,bread"
 * gives ["milk", "bread"]
 */
#ifndef GENKIT_FORMAT_H
#define GENKIT_FORMAT_H

#include <genkit/app.h>
#include <genkit/message.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* What the functions of a format are told beside what they read. */
typedef struct gk_format_use {
	json_t *schema; /* borrowed; JSON Schema; NULL: none was asked for */
	void *user;     /* of the definition */
} gk_format_use;

/* A chunk of a streamed answer, and what the model has said in this turn so far. */
typedef struct gk_format_chunk {
	json_t *chunk;    /* borrowed: {role?, index?, content} */
	const char *text; /* its text; it ends `so_far` */
	size_t text_len;
	const char *so_far; /* the text of all chunks of the turn, this one included; ends in NUL */
	size_t so_far_len;
	void *state; /* `state_size` bytes that the chunks of a turn share, zeroed before the first; NULL: none */
} gk_format_chunk;

/** Sets `*ret` (NULL on entry) to what the message says, as a new reference; NULL: nothing. It never suspends. */
typedef gk_code gk_format_message_fn(
	const gk_format_use *use, const json_t *message, json_t **ret, gk_error *err);
/** The same for a chunk. */
typedef gk_code gk_format_chunk_fn(
	const gk_format_use *use, const gk_format_chunk *chunk, json_t **ret, gk_error *err);
/** What the model is told; `*ret` (NULL on entry) is freed by the caller; NULL: nothing. */
typedef gk_code gk_format_instructions_fn(const gk_format_use *use, char **ret, gk_error *err);
/** Refuses a schema (never NULL) that the format cannot do, before the model is asked. */
typedef gk_code gk_format_check_fn(const gk_format_use *use, gk_error *err);

typedef struct gk_format_opts {
	size_t size;
	const char *name; /* required */
	/* What a request says when this format is asked for, where it says nothing itself. */
	const char *format;           /* "json"; NULL: nothing */
	const char *content_type;     /* "application/json"; NULL: nothing */
	gk_choice constrained;        /* the model is held to the schema, if it can be */
	const char *schema;           /* text, JSON Schema or Picoschema; NULL: none */
	json_t *schema_json;          /* borrowed; wins over the text */
	bool no_default_instructions; /* the model is told only when the request says so */
	/* How it is written and read. */
	const char *instructions_text;           /* whatever the schema; NULL: none */
	gk_format_instructions_fn *instructions; /* wins over the text */
	gk_format_check_fn *check_schema;        /* NULL: any will do */
	gk_format_message_fn *parse_message;     /* required */
	gk_format_chunk_fn *parse_chunk; /* NULL: the chunk's data, or JSON in the text so far */
	size_t state_size;               /* for parse_chunk */
	/* What the state holds is let go when the turn is over; NULL: it holds nothing. */
	void (*state_done)(void *state);
	/* The state follows the text so far: a chunk whose output nobody wants need not be parsed. Otherwise every chunk is, as it
	 * comes. */
	bool may_skip_chunks;
	void *user;
	void (*free_user)(void *user); /* when the format goes; not when defining it failed */
} gk_format_opts;

/** Defines a format, or replaces one of the same name, also one of Genkit's own.
 * INVALID_ARGUMENT: no name, no parse_message, a schema that is none. */
gk_code gk_define_format(gk_app *app, const gk_format_opts *opts, gk_error *err);

/* What generate does with a format, for those who ask a model by other ways. An unknown name is INVALID_ARGUMENT and told
 * with the known ones. `schema` (JSON Schema, borrowed) may be NULL. */

/** What a request says when the format is asked for: {"format"?, "contentType"?, "constrained"?, ...}. New reference. */
GK_MUST_USE gk_code gk_format_config(gk_app *app, const char *name, json_t **ret, gk_error *err);
/** What the model is told; the caller frees it; NULL: nothing. */
GK_MUST_USE gk_code gk_format_instructions(
	gk_app *app, const char *name, json_t *schema, char **ret, gk_error *err);
/** What a model's message says; NULL: nothing. New reference. */
GK_MUST_USE gk_code gk_format_parse_message(gk_app *app, const char *name, json_t *schema,
	const json_t *message, json_t **ret, gk_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
