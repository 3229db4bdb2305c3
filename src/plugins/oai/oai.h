/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The OpenAI API, which many services speak: one core, and a row for each service that says how it differs. A new service
 * is a file with a row (docs/adding-a-provider.md).
 *
 *	request.c    a GenerateRequest becomes the body of a chat completion
 *	messages.c   its messages;  config.c: its configuration;  address.c: where it goes
 *	answer.c     a completion becomes a GenerateResponse
 *	stream.c     the pieces of a completion become chunks, and in the end one completion
 *	chat.c       the action: request, HTTP, answer
 *	embed.c      embeddings;  image.c, speech.c, transcribe.c: models that make or hear media
 *	service.c    the plugin: its models, known, listed, or asked for
 */
#ifndef GK_PLUGINS_OAI_H
#define GK_PLUGINS_OAI_H

#include "plugins/common/message.h"
#include "plugins/common/tool_name.h"
#include "plugins/common/usage.h"
#include "plugins/common/vendor.h"

typedef enum gk_oai_kind {
	GK_OAI_CHAT,
	GK_OAI_IMAGE,
	GK_OAI_SPEECH,
	GK_OAI_TRANSCRIBE,
	GK_OAI_EMBED,
} gk_oai_kind;

/* What JSON output becomes on the wire. */
typedef enum gk_oai_json {
	GK_OAI_JSON_SCHEMA, /* response_format json_schema; json_object without a schema */
	GK_OAI_JSON_LISTED, /* the same, for models that can be held to a schema; else nothing */
	GK_OAI_JSON_PROMPT, /* json_object, and the schema in a system message */
	GK_OAI_JSON_OBJECT, /* json_object, only without a schema */
	GK_OAI_JSON_NONE,   /* nothing */
} gk_oai_json;

/* Which assistant messages take their reasoning along. */
typedef enum gk_oai_replay {
	GK_OAI_REPLAY_NEVER,
	GK_OAI_REPLAY_TOOLS,  /* those with tool calls */
	GK_OAI_REPLAY_ALWAYS, /* all that have some */
} gk_oai_replay;

/* How the address of a request is made. */
typedef enum gk_oai_address {
	GK_OAI_ADDRESS_PLAIN,
	GK_OAI_ADDRESS_AZURE, /* by deployment, with an api-version and an api-key; or a project's */
} gk_oai_address;

/* A member of the configuration and its name on the wire. An object that is empty is not sent. */
typedef struct gk_oai_rename {
	const char *from, *to; /* `to` NULL: not sent under a name of its own */
	const char *type;      /* of a gk_setting; NULL: nobody is told of it */
	bool is_deep;          /* the names inside become snake_case too */
} gk_oai_rename;

/* Models that have something in common; the first row whose `ids` match counts. Ends with one without ids. */
typedef struct gk_oai_models {
	const char *ids; /* gk_words_match(); names without * are registered from the start */
	gk_oai_kind kind;
	unsigned supports;       /* GK_SUPPORTS_...; what is not among them is refused */
	const char *output;      /* "text json" */
	const char *constrained; /* "all", "no-tools", "none" */
	unsigned dimensions;     /* of an embedder */
	bool is_hidden;          /* listed by the service, but of no use here */
	const char *stage;       /* NULL: not told */
} gk_oai_models;

#define GK_OAI_TEXT                                                                                \
	(GK_SUPPORTS_MULTITURN | GK_SUPPORTS_TOOLS | GK_SUPPORTS_TOOL_CHOICE | GK_SUPPORTS_SYSTEM)
#define GK_OAI_MULTIMODAL (GK_OAI_TEXT | GK_SUPPORTS_MEDIA)

/* A service. */
typedef struct gk_oai_row {
	const char *limit; /* what maxOutputTokens is called */
	const char *
		tool_required; /* what toolChoice "required" is called; NULL: no tool_choice is sent */
	gk_oai_json json;
	bool json_titled; /* the schema goes by its title, with strict: true */
	bool json_strict; /* and is made strict */
	bool json_inline; /* and has its $refs replaced */
	bool close_tools; /* tool parameters that say nothing of additionalProperties have false */
	bool embeds_features; /* embeddings are features that a task of their own extracts: feature_address() */
	bool no_usage_option; /* streams tell their usage unasked */
	bool content_always;  /* assistant messages have content, if only "" */
	bool plain_media;     /* image_url and input_audio are strings */
	bool short_refs; /* ids of tool calls have nine characters; tool messages have a name */
	bool reasoning_limit; /* max_completion_tokens for reasoning models and maxCompletionTokens */
	bool id_provider;     /* the provider goes behind the id: "id:provider" */
	bool sends_candidates;    /* the request's candidates are n */
	bool parallel_with_tools; /* parallelToolCalls is sent beside tools only */
	gk_oai_replay replay;
	gk_oai_address address;
	const gk_oai_rename *renames; /* before the common ones; ended by {0}; NULL: none */
	const gk_oai_models *models;  /* the last row is for ids that nobody knows */
	bool no_listing;              /* GET /models is not asked */
	const char *listing_option;   /* the option that asks for it; NULL: always */
	const char *const *headers;   /* option, variable, header, ..., NULL */
	const char *cold_ids; /* gk_words_match(): temperature and topP change nothing there */
} gk_oai_row;

typedef struct gk_oai_call {
	const gk_oai_row *row;
	const gk_vendor *vendor;
	const gk_oai_models *models; /* NULL: of no known kind */
	const char *id;
	const json_t *request; /* GenerateRequest */
	gk_outgoing *out;      /* what is asked */
} gk_oai_call;

/* --- the plugin: slots for gk_vendor_type.plugin --- */

gk_code gk_oai_init(gk_ctx *ctx, gk_plugin *plugin, gk_error *err);
gk_code gk_oai_resolve(
	gk_ctx *ctx, gk_plugin *plugin, const char *type, const char *name, gk_error *err);
gk_code gk_oai_list(gk_ctx *ctx, gk_plugin *plugin, json_t *list, gk_error *err);
/** For gk_vendor_type.list. */
gk_code gk_oai_ask_listing(gk_ctx *ctx, gk_vendor *vendor, json_t *listing, gk_error *err);
/** What is known of an id; never NULL. */
const gk_oai_models *gk_oai_models_of(const gk_oai_row *row, const char *id);
/** Its ModelInfo or EmbedderInfo. New reference; NULL when memory ran out. */
json_t *gk_oai_info(
	const gk_oai_row *row, const gk_oai_models *models, const char *vendor, const char *id);
/** The address and the key of a request for `path` ("/chat/completions"). `model` is what the address may name. */
gk_code gk_oai_prepare(const gk_vendor *vendor, const gk_oai_row *row, gk_outgoing *out,
	const char *path, const char *model, const json_t *config, gk_error *err);

/* --- conversions: JSON in, JSON out --- */

/** The schema of the configuration of a chat model. New reference; NULL when memory ran out. */
json_t *gk_oai_config_schema(const gk_oai_row *row);
/** The body of a chat completion. */
GK_MUST_USE gk_code gk_oai_request(
	const gk_oai_call *call, bool is_streaming, json_t **ret, gk_error *err);
/** What tools may be called. */
extern const gk_tool_grammar gk_oai_tool_names;
/** The messages of a request. */
GK_MUST_USE gk_code gk_oai_messages(const gk_oai_call *call, json_t **ret, gk_error *err);
/** Adds the configuration's members under their names on the wire. */
GK_MUST_USE gk_code gk_oai_add_config(const gk_oai_call *call, json_t *body, gk_error *err);
/** The model that a request is for: config.version, else the id. Borrowed. */
const char *gk_oai_model_name(const gk_oai_call *call);
/** A completion as a GenerateResponse. */
GK_MUST_USE gk_code gk_oai_answer(
	const gk_oai_call *call, json_t *completion, json_t **ret, gk_error *err);
/** Reads `content` of an answer, text or a list, into text and reasoning. */
void gk_oai_read_content(const json_t *content, gk_buf *text, gk_buf *reasoning);
/* What is called: a function, whose `input` is JSON or its text; or a tool of the service's kind "custom", whose input is any text. */
typedef struct gk_oai_called {
	const char *name; /* borrowed, as is `input`; NULL: not told */
	json_t *input;
	bool is_custom;
} gk_oai_called;
/** Reads one of the `tool_calls` of a message, or a piece of one. */
gk_oai_called gk_oai_called_peek(const json_t *call);
/** A member of an answer that a service calls one or the other name: its reasoning. Borrowed; NULL: none. */
const json_t *gk_oai_reasoning_peek(const json_t *message);

/* --- streams --- */

typedef struct gk_oai_choice gk_oai_choice;

/* Takes a chunk (consumed). */
typedef gk_code gk_oai_emit_fn(json_t *chunk_take, void *user, gk_error *err);

typedef struct gk_oai_stream {
	const gk_oai_call *call;
	gk_oai_emit_fn *emit;
	void *user;
	json_t *top; /* the last value of each member beside choices */
	gk_oai_choice *choices[GK_MAX_VENDOR_CHOICES];
	size_t choice_count;
	size_t call_count, size; /* of all choices */
	bool is_done;            /* [DONE] was said */
	bool is_failure;         /* the event that comes is called an error */
} gk_oai_stream;

void gk_oai_stream_init(
	gk_oai_stream *stream, const gk_oai_call *call, gk_oai_emit_fn *emit, void *user);
void gk_oai_stream_done(gk_oai_stream *stream);
#define gk_auto_oai_stream GK_CLEANUP(gk_oai_stream_done)
/** The data of an event. */
GK_MUST_USE gk_code gk_oai_stream_push(
	gk_oai_stream *stream, const char *data, size_t len, gk_error *err);
/** The completion that the pieces make; INTERNAL when the stream broke off. */
GK_MUST_USE gk_code gk_oai_stream_end(gk_oai_stream *stream, json_t **ret, gk_error *err);

/* --- actions --- */

gk_action_fn gk_oai_run_chat, gk_oai_run_image, gk_oai_run_speech, gk_oai_run_transcribe,
	gk_oai_run_embed;

#endif
