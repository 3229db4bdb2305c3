/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Asking a model: with tools that are run for it, output as a format and a schema have it, middleware, interrupts.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code plan(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		static const char *const tools[] = { "weather", NULL };
 *		gk_auto_response gk_response *reply = NULL;
 *		gk_code rc = gk_generate(ctx, GK_OPTS(gk_generate_opts,
 *			.model = "test/programmable",
 *			.system = "You plan day trips.",
 *			.prompt = gk_ctx_printf(ctx, "Plan a day in %s.", json_string_value(input)),
 *			.tools = tools,
 *			.on_chunk = gk_forward_chunk), &reply, err);
 *
 *		if (rc != GK_OK)
 *			return rc;
 *		*ret = json_string(gk_response_text(reply));
 *		return GK_OK;
 *	}
 *
 *	static gk_code weather(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		(void)ctx, (void)input, (void)err;
 *		*ret = json_string("sunny");
 *		return GK_OK;
 *	}
 *
 *	GK_MODULE(planning, app, err)
 *	{
 *		gk_auto_json json_t *script = json_pack("[{s:{s:s, s:[{s:{s:s, s:{s:s}}}]}}, {s:s}]",
 *			"message", "role", "model", "content", "toolRequest", "name", "weather", "input", "city", "Rome",
 *			"text", "Go to the park.");
 *		gk_code rc = gk_define_test_models(app, err);
 *
 *		if (rc == GK_OK)
 *			rc = gk_test_script(app, script, err);
 *		if (rc == GK_OK)
 *			rc = gk_define_tool(app, GK_OPTS(gk_tool_opts, .name = "weather",
 *				.description = "Today's weather.", .input = "city: string", .run = weather), err);
 *		return rc == GK_OK ? gk_define_flow(app,
 *			GK_OPTS(gk_flow_opts, .name = "plan", .input = "string", .run = plan), err) : rc;
 *	}
 *
 * Running "plan" with "Rome"
 * gives "Go to the park."
 *
 * When the call is called off it ends with GK_CANCELLED "Generation cancelled." or GK_DEADLINE_EXCEEDED "Generation
 * deadline exceeded.", between its steps and inside of them.
 */
#ifndef GENKIT_GENERATE_H
#define GENKIT_GENERATE_H

#include <genkit/model.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/** What came of it. Counted. */
typedef struct gk_response gk_response;
/** What has been streamed, as a piece of it arrives. Lives for the call of the function that is handed it. */
typedef struct gk_progress gk_progress;
typedef gk_code gk_progress_fn(gk_ctx *ctx, gk_progress *progress, void *user, gk_error *err);

typedef struct gk_generate_opts {
	size_t size;
	/* Who is asked; without any of these the application's default. */
	const char *model;             /* name */
	const gk_model_ref *model_ref; /* name, version and config; wins */
	gk_action *model_action;       /* one that need not be registered; wins */
	/* What is said, in this order: system, messages, prompt. */
	const char *system;
	json_t *system_parts; /* borrowed; a part or an array of parts; wins over the text */
	json_t *messages;     /* borrowed array of messages */
	const char *prompt;
	json_t *prompt_parts; /* as for system */
	json_t *docs;         /* borrowed array of documents */
	/* What the model may use. */
	const char *const *tools; /* names, keys, patterns ("files:tool/re*"); NULL-terminated */
	gk_action *const *tool_actions; /* actions that need not be registered; NULL-terminated */
	const char *tool_choice;        /* "auto", "required", "none"; NULL: not said */
	const char *const *resources; /* names, keys, patterns; registered ones are found anyway */
	gk_action *const *resource_actions;
	/* What the answer is to be. */
	const char *
		output_format; /* "json", "array", "enum", "jsonl", "text"; NULL: json with a schema */
	const char *output_schema;  /* text, JSON Schema or Picoschema */
	json_t *output_schema_json; /* borrowed; wins over the text */
	const char
		*output_instructions; /* what the model is told instead of the format's own text */
	/* Borrowed: {format?, contentType?, constrained?, instructions?, jsonSchema?}; what stands above wins. */
	json_t *output;
	json_t *config;  /* borrowed; over that of the reference */
	json_t *context; /* borrowed; for everything below; NULL: the caller's */
	/* Answers to interrupts of the last message: {"respond": [...], "restart": [...], "metadata"?}, borrowed; made with
	 * gk_tool_respond() and gk_tool_restart(). */
	json_t *resume;
	/* Middleware: by name, by name and configuration ([{"name", "config"?}], borrowed), or functions around the model. The
	 * first of the names is the outermost, the functions come last. */
	const char *const *use;
	json_t *use_json;
	const gk_model_middleware *middleware; /* ended by { 0 } */
	/* How many answers may ask for tools; 0: 5; negative: none; at most 500. */
	int max_turns;
	bool return_tool_requests; /* hand them back instead of running them */
	const char *step_name;     /* of the span; NULL: "generate" */
	uint64_t timeout_ms;       /* 0: what the caller has left */
	/** Takes {role, index, content, custom?}; `ctx` is the one gk_generate() was given, so that gk_forward_chunk hands
	 * them to the caller of this action. NULL: the model need not stream. */
	gk_chunk_fn *on_chunk;
	/** The same with what came before; after on_chunk. NULL: nobody wants it. */
	gk_progress_fn *on_progress;
	void *user; /* of both */
} gk_generate_opts;

/**
 * `*ret` is the caller's: gk_response_unref(). A tool's failure is the call's. Errors of its own: INVALID_ARGUMENT (nothing
 * was said, no model, an unknown format, an output that does not fit its schema), NOT_FOUND (a model, a tool, middleware),
 * FAILED_PRECONDITION (blocked, no message; details.response), ABORTED (max_turns), RESOURCE_EXHAUSTED (more than can be,
 * whatever max_turns says), GK_CANCELLED, GK_DEADLINE_EXCEEDED.
 */
GK_MUST_USE GK_SUSPENDS gk_code gk_generate(
	gk_ctx *ctx, const gk_generate_opts *opts, gk_response **ret, gk_error *err);
/** For models that take long: `*ret` is an Operation, for gk_check_operation(). INVALID_ARGUMENT when the model does not
 * support it. */
GK_MUST_USE GK_SUSPENDS gk_code gk_generate_operation(
	gk_ctx *ctx, const gk_generate_opts *opts, json_t **ret, gk_error *err);
/** What gk_generate() would ask: a GenerateActionOptions, the input of /util/generate. New reference. */
GK_MUST_USE GK_SUSPENDS gk_code gk_generate_request(
	gk_ctx *ctx, const gk_generate_opts *opts, json_t **ret, gk_error *err);

/* --- what is streamed. What these give lives until the function returns --- */

/** Borrowed: {role, index, content, custom?}. */
json_t *gk_progress_chunk(const gk_progress *progress);
/** Of this chunk; never NULL. */
const char *gk_progress_text(const gk_progress *progress);
/** Of all chunks of this turn, this one included; never NULL. */
const char *gk_progress_text_so_far(const gk_progress *progress);
/** What the format reads so far: an object that still grows (json), the items that this chunk completes (array, jsonl); else the
 * chunk's data, or JSON in the text so far. `*ret` is a new reference, not to be changed; NULL: nothing. A plain error for
 * what is complete and malformed. */
GK_MUST_USE gk_code gk_progress_output(gk_progress *progress, json_t **ret, gk_error *err);

/* --- the response. What these give lives as long as it does --- */

gk_response *gk_response_ref(gk_response *response);
gk_response *gk_response_unref(gk_response *response);
/** All texts of the message, one behind the other; never NULL. */
const char *gk_response_text(gk_response *response);
/** What the model thought; never NULL. */
const char *gk_response_reasoning(gk_response *response);
/** As its format reads it, else its data, else the JSON in its text; NULL: nothing. Borrowed. */
json_t *gk_response_output(gk_response *response);
/** Borrowed; NULL only for an operation. */
json_t *gk_response_message(gk_response *response);
/** Borrowed: {"url", "contentType"?} of the first medium; NULL: none. */
json_t *gk_response_media(gk_response *response);
/** Borrowed array: the tool requests that wait for an answer; empty: none. NULL when memory ran out. */
json_t *gk_response_interrupts(gk_response *response);
/** Borrowed array: all tool requests of the message. */
json_t *gk_response_tool_requests(gk_response *response);
/** Borrowed array: the whole conversation, for the `messages` of the next call. NULL when memory ran out. */
json_t *gk_response_messages(gk_response *response);
/** "stop", "length", "blocked", "interrupted", "other", "unknown", ""; never NULL. */
const char *gk_response_finish_reason(const gk_response *response);
/** Borrowed object: {inputTokens?, outputTokens?, ...}. */
json_t *gk_response_usage(const gk_response *response);
/** Borrowed; NULL: no operation was started. */
json_t *gk_response_operation(const gk_response *response);
/** Borrowed: all of it, as it goes over the wire. */
json_t *gk_response_json(const gk_response *response);

static inline void gk_response_unrefp(gk_response **response)
{
	gk_response_unref(*response);
}
#define gk_auto_response GK_CLEANUP(gk_response_unrefp)

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
