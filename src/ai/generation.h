/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * One call of generate, from the inside: what all its turns share, and one turn. Of the files of this floor only those
 * named generate_*.c and generate.c include it.
 *
 *	gk_generate(), /util/generate			generate.c
 *	  gk_turns_run(): turn after turn		generate_turns.c
 *	    hooks around it, then			generate_hooks.c, generate_turn.c
 *	      what the request stands for		generate_tools.c, generate_resources.c
 *	      the model					generate_model.c
 *	      its tool requests				generate_execute.c
 *
 * A turn that is followed by another says so in `next`. The span of the next one is inside of its own, as the reference
 * has it; the code is not: turns are a loop, but for generate hooks, which go around all that follows. With these, every
 * so many turns the rest goes on on a stack of its own.
 */
#ifndef GK_AI_GENERATION_H
#define GK_AI_GENERATION_H

#include "ai/chain.h"
#include "ai/format.h"
#include "ai/hooks.h"
#include "ai/model.h"

#include <genkit/generate.h>

/* The tools of a request, found and described; as long as the request has the same list they are not looked for again. */
typedef struct gk_toolset {
	json_t *source; /* the list; a reference */
	gk_action **actions;
	size_t count;
	json_t *definitions;
} gk_toolset;

typedef struct gk_generation {
	gk_app *app;
	gk_ctx *caller;              /* chunks go to its taker */
	gk_chunk_fn *on_chunk;       /* NULL: nobody wants them */
	gk_progress_fn *on_progress; /* likewise */
	void *chunk_user;
	bool is_streaming; /* somebody does */
	gk_action *const
		*extras; /* NULL-terminated actions of this call alone; NULL: none. Borrowed */
	gk_hooks hooks;
	gk_toolset tools;
	json_t *model_name; /* what `model` was found by */
	gk_action *model;
	gk_schema *output_schema; /* compiled from `output_schema_json` */
	json_t *output_schema_json;
	json_t *own_messages; /* the list that its last turn has made: it may grow. A reference */
	gk_json_memo memo; /* for the spans of its turns and models, which have the same messages */
} gk_generation;

typedef struct gk_turn_run {
	gk_generation *generation;
	json_t *request; /* GenerateActionOptions; a reference */
	int current;
	int message_index;
	json_t *context; /* passed to the model; NULL: what is ambient */
	gk_turn next;    /* its request is a reference; NULL: there is none, the result is here */
	/* What was streamed in this turn. */
	gk_format_turn streamed; /* only for on_progress */
	bool has_chunks;
	bool last_was_tool;
} gk_turn_run;

/** Of these actions alone; NULL: none has that key. Borrowed. */
gk_action *gk_generation_extra_peek(const gk_generation *generation, const char *key);
/** Whether a model is named at all, by a request or the application. */
bool gk_generation_names_model(const gk_generation *generation, const json_t *request);
/** Which model a request names, or the application's: in `generation` from then on. NOT_FOUND. */
GK_MUST_USE GK_SUSPENDS gk_code gk_generation_find_model(
	gk_ctx *ctx, gk_generation *generation, const json_t *request, gk_error *err);

/* --- generate_turns.c --- */

/** The turn `first` (its request is borrowed) and all that follow, each but for the first of /util/generate in a span of type
 * "util". `context` is passed to the model of the first; NULL: what is ambient. `*ret` is the wire form of a response. */
GK_MUST_USE GK_SUSPENDS gk_code gk_turns_run(gk_ctx *ctx, gk_generation *generation,
	const gk_turn *first, bool is_in_span, json_t *context, json_t **ret, gk_error *err);
/** Whatever noticed that the call was called off, it reads the same. */
gk_code gk_generation_tell_end(gk_code rc, gk_error *err);

/* --- generate_turn.c --- */

/** Without hooks. As below. */
GK_MUST_USE GK_SUSPENDS gk_code gk_turn_run_bare(
	gk_ctx *ctx, gk_turn_run *turn, json_t **ret, gk_error *err);

/* --- generate_hooks.c --- */

/** With the generate hooks around it. `*ret` is the wire form of a response, unless turn->next is set. */
GK_MUST_USE GK_SUSPENDS gk_code gk_turn_run_hooked(
	gk_ctx *ctx, gk_turn_run *turn, json_t **ret, gk_error *err);

/* --- generate_model.c --- */

/** The model, with the model hooks around it: a GenerateRequest in, what the model gave out. */
GK_MUST_USE GK_SUSPENDS gk_code gk_turn_call_model(
	gk_ctx *ctx, gk_turn_run *turn, json_t *request, json_t **ret, gk_error *err);

/* --- generate_chunks.c --- */

/** A chunk as the model sent it goes out as one of this turn. `user` is the turn. */
gk_chunk_fn gk_turn_model_chunk;
/** One that a generate hook made. */
gk_chunk_fn gk_turn_raw_chunk;
/** The tool message, when there is one. */
GK_MUST_USE GK_SUSPENDS gk_code gk_turn_tool_chunk(
	gk_turn_run *turn, json_t *message, gk_error *err);

/* --- generate_tools.c --- */

/** Finds generation->tools for the request. */
GK_MUST_USE GK_SUSPENDS gk_code gk_turn_find_tools(gk_ctx *ctx, gk_turn_run *turn, gk_error *err);
void gk_toolset_done(gk_toolset *tools);
/** INVALID_ARGUMENT when two of them have one short name. */
gk_code gk_toolset_check_names(const gk_toolset *tools, gk_error *err);
/** By its short name; NULL: none. Borrowed. */
gk_action *gk_toolset_get_peek(const gk_toolset *tools, const char *name);

/* --- generate_resources.c --- */

/** Messages with every part of a resource replaced by its content; a new reference to the same when there is none. */
GK_MUST_USE GK_SUSPENDS gk_code gk_turn_expand_resources(
	gk_ctx *ctx, gk_turn_run *turn, json_t *messages, json_t **ret, gk_error *err);

/* --- generate_execute.c --- */

/* What became of one tool request. */
typedef struct gk_tool_job {
	gk_turn_run *turn;
	json_t *part;      /* borrowed ToolRequestPart */
	json_t *response;  /* ToolResponsePart; NULL: swallowed or interrupted */
	json_t *interrupt; /* metadata; NULL: not interrupted */
} gk_tool_job;
/** Runs them at once. The first failure calls the others off. NOT_FOUND for a tool that is not offered. */
GK_MUST_USE GK_SUSPENDS gk_code gk_turn_run_tools(
	gk_ctx *ctx, gk_turn_run *turn, gk_tool_job *jobs, size_t count, gk_error *err);
void gk_tool_jobs_free(gk_tool_job *jobs, size_t count);
/** The tool requests of a message as jobs; `*count_ret` 0: none. RESOURCE_EXHAUSTED beyond GK_MAX_TOOL_CALLS. */
gk_code gk_tool_jobs_new(
	gk_turn_run *turn, json_t *message, gk_tool_job **ret, size_t *count_ret, gk_error *err);
/** Of requests that were answered: {role: tool, content}; NULL with GK_OK when all were swallowed. */
gk_code gk_tool_message(
	const gk_tool_job *jobs, size_t count, json_t *metadata, json_t **ret, gk_error *err);
/** The model's message with `interrupt` and `pendingOutput` in its requests. */
gk_code gk_interrupted_message(
	json_t *message, const gk_tool_job *jobs, size_t count, json_t **ret, gk_error *err);

/* --- generate_resume.c --- */

/** Answers the interrupted requests of the last message. `*ret` is the request without `resume` and with the answers,
 * `*message_ret` the tool message (new references). */
GK_MUST_USE GK_SUSPENDS gk_code gk_turn_resume(
	gk_ctx *ctx, gk_turn_run *turn, json_t **ret, json_t **message_ret, gk_error *err);

#endif
