/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Middleware: code around a model call, a tool call, or a whole turn of gk_generate(). There are two kinds.
 *
 * A gk_model_middleware is one function around a model: it belongs to a model (gk_model_opts.use) or to one call
 * (gk_generate_opts.middleware). A named middleware has hooks and a configuration, is listed by
 * /api/values?type=middleware, and is asked for by name: gk_generate_opts.use, `use:` in a prompt, the wire.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code shorten(gk_ctx *ctx, json_t *request, gk_next *next, void *user, json_t **ret, gk_error *err)
 *	{
 *		gk_auto_json json_t *own = json_copy(request); // what was handed in is shared
 *		(void)user;
 *		json_object_set_new(own, "config", json_pack("{s:i}", "maxOutputTokens", 100));
 *		return gk_next_run(ctx, next, own, ret, err);
 *	}
 *
 *	static gk_code ask(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		static const char *const use[] = { "shorten", NULL };
 *		gk_auto_response gk_response *reply = NULL;
 *		gk_code rc = gk_generate(ctx, GK_OPTS(gk_generate_opts, .model = "test/echo", .use = use,
 *			.prompt = json_string_value(input)), &reply, err);
 *
 *		if (rc == GK_OK)
 *			*ret = json_string(gk_response_text(reply));
 *		return rc;
 *	}
 *
 *	GK_MODULE(short_answers, app, err)
 *	{
 *		gk_code rc = gk_define_middleware(app, GK_OPTS(gk_middleware_opts, .name = "shorten",
 *			.description = "Asks for short answers.", .model = shorten), err);
 *
 *		if (rc == GK_OK)
 *			rc = gk_define_test_models(app, err);
 *		return rc == GK_OK ? gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "ask", .run = ask), err) : rc;
 *	}
 *
 * Running "ask" with "hi"
 * gives "Echo: hi; config: {\"maxOutputTokens\":100}"
 *
 * Around one turn the generate hooks come first, then the model hooks; the first that was asked for is the outermost. A
 * generate hook runs again for every turn, and what it wraps includes the turns after it (generate section 5.3).
 */
#ifndef GENKIT_MIDDLEWARE_H
#define GENKIT_MIDDLEWARE_H

#include <genkit/action.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/** What comes after a piece of middleware. Lives as long as the call of the function that was handed it. */
typedef struct gk_next gk_next;

/** Goes on, with `input` in place of what was handed in (borrowed; NULL: unchanged). May be called any number of times. What
 * comes back is a new reference to what traces have as well: copy before changing anything. */
GK_MUST_USE GK_SUSPENDS gk_code gk_next_run(
	gk_ctx *ctx, gk_next *next, json_t *input, json_t **ret, gk_error *err);
/** From now on `fn` takes the chunks of what comes after; hand them on with gk_ctx_send(). */
void gk_next_set_on_chunk(gk_next *next, gk_chunk_fn *fn, void *user);

/** A GenerateRequest in, a GenerateResponse out; `request` is borrowed and shared: copy before changing anything. */
typedef gk_code gk_model_middleware_fn(
	gk_ctx *ctx, json_t *request, gk_next *next, void *user, json_t **ret, gk_error *err);
/* An array of them ends with { 0 }. `user` must outlive its use. */
typedef struct gk_model_middleware {
	gk_model_middleware_fn *fn;
	void *user;
} gk_model_middleware;

/* --- model middleware that comes along; `user` NULL: the defaults (generate section 5.5) --- */

/* Fetches media that a request has by an http or https address and puts it in as data: URLs. */
typedef struct gk_download_media_opts {
	size_t size;
	size_t max_bytes;             /* of one body; 0: 64 MiB */
	bool (*filter)(json_t *part); /* NULL: all */
} gk_download_media_opts;
gk_model_middleware_fn gk_download_request_media; /* `user`: gk_download_media_opts */

/* Refuses what `supports` (as in model metadata, borrowed) says false to: media, tools, multiturn. */
typedef struct gk_validate_support_opts {
	size_t size;
	const char *name; /* of the model, for the error */
	json_t *supports; /* NULL: everything is supported */
} gk_validate_support_opts;
gk_model_middleware_fn gk_validate_support; /* `user`: gk_validate_support_opts */

/* For models without a system role: the first system message becomes a message of the user and an answer. */
typedef struct gk_simulate_system_opts {
	size_t size;
	const char *preface;         /* NULL: "SYSTEM INSTRUCTIONS:\n" */
	const char *acknowledgement; /* NULL: "Understood." */
} gk_simulate_system_opts;
gk_model_middleware_fn gk_simulate_system_prompt; /* `user`: gk_simulate_system_opts */

/* For models that take no documents: their text goes into the last message of the user. */
typedef struct gk_augment_opts {
	size_t size;
	const char *preface; /* NULL: "\n\nUse the following information ..."; "": none */
	/* The member of a document's metadata that names it; NULL: ref, id, or its index; "": nothing is named. */
	const char *citation_key;
	/** Appends the line of a document to `text`, which the caller frees; NULL: "- [CITATION]: TEXT\n". */
	char *(*item)(json_t *document, size_t index, const struct gk_augment_opts *opts);
} gk_augment_opts;
gk_model_middleware_fn gk_augment_with_context; /* `user`: gk_augment_opts */

/* For models that cannot be held to a schema: it is explained to them. */
typedef struct gk_simulate_constrained_opts {
	size_t size;
	/** The text for a schema, which the caller frees; NULL: the usual one. */
	char *(*instructions)(json_t *schema);
} gk_simulate_constrained_opts;
gk_model_middleware_fn
	gk_simulate_constrained_generation; /* `user`: gk_simulate_constrained_opts */

/* Tries again after failures that may pass. Numbers that are 0 are the defaults. */
typedef struct gk_retry_opts {
	size_t size;
	int max_retries; /* 0: 3; negative: none */
	const gk_code *
		statuses; /* ended by GK_OK; NULL: UNAVAILABLE, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED,
				     INTERNAL. Errors without a status are always tried again, those of a call that was
				     called off never. */
	double initial_delay_ms; /* 0: 1000; negative: none */
	double max_delay_ms;     /* 0: 60000; of the delays after the first */
	double backoff_factor;   /* 0: 2 */
	bool no_jitter;          /* without it up to 1000 * 2^n ms are added */
	/** Told before each further attempt; NULL: nobody. */
	void (*on_error)(const gk_error *err, int attempt, void *user);
	void *user;
} gk_retry_opts;
gk_model_middleware_fn gk_retry; /* `user`: gk_retry_opts */

/* Asks other models after failures. */
typedef struct gk_fallback_opts {
	size_t size;
	const char *const *models; /* NULL-terminated names, in order */
	const gk_code *
		statuses; /* ended by GK_OK; NULL: those of gk_retry and NOT_FOUND, UNIMPLEMENTED */
	void (*on_error)(const gk_error *err, void *user);
	void *user;
} gk_fallback_opts;
gk_model_middleware_fn gk_fallback; /* `user`: gk_fallback_opts, required */

/* --- named middleware ---
 *
 * Those that every application has, with their configurations (each is told by /api/values):
 *	retry		as gk_retry: {maxRetries, statuses, initialDelayMs, maxDelayMs, backoffFactor, noJitter}
 *	fallback	as gk_fallback: {models: [{name, config?}], statuses, isolateConfig}
 *	toolApproval	interrupts tools that are not in {approved: [names]}
 *	filesystem	tools for the files below {rootDirectory}; {allowWriteAccess, toolNamePrefix}
 *	skills		tells of the folders with a SKILL.md in {skillPaths: ["skills"]}, and lets the model load them
 *	artifacts	lists an agent's artifacts, with tools to read and, without {readonly}, to write them
 *	agents		a tool for each of {agents: [names or {name, description}]} that hands a task to it; {toolPrefix,
 *			maxDelegations, historyLength, artifactStrategy: inline or session}
 */

/* One turn, as a generate hook sees and may change it. */
typedef struct gk_turn {
	json_t *request; /* borrowed GenerateActionOptions, shared: copy before changing anything */
	int current;     /* from 0 */
	int message_index; /* of the next chunk */
} gk_turn;
/** Goes on with the turn as it stands in `turn`. */
GK_MUST_USE GK_SUSPENDS gk_code gk_next_turn(
	gk_ctx *ctx, gk_next *next, const gk_turn *turn, json_t **ret, gk_error *err);

/** `state` is what `open` made. `*ret` is a GenerateResponse. gk_ctx_send() sends a chunk of this turn: {content, role?,
 * index?, custom?}. */
typedef gk_code gk_turn_hook(
	gk_ctx *ctx, const gk_turn *turn, gk_next *next, void *state, json_t **ret, gk_error *err);
/** `part` is a ToolRequestPart, `*ret` a ToolResponsePart; leaving it NULL swallows the request, gk_interrupt()
 * interrupts. */
typedef gk_code gk_tool_hook(
	gk_ctx *ctx, json_t *part, gk_next *next, void *state, json_t **ret, gk_error *err);

typedef struct gk_tool_list gk_tool_list;
/** Offers a tool to the model for as long as the middleware is open (a reference is taken). False: no memory. */
bool gk_tool_list_add(gk_tool_list *list, gk_action *tool);

typedef struct gk_middleware_opts {
	size_t size;
	const char *name; /* required */
	const char *description;
	const char *config;  /* schema text; NULL: none. Told, not enforced */
	json_t *config_json; /* borrowed; the schema as a value, which wins */
	json_t *metadata;    /* borrowed */
	/** Once a call of gk_generate(): reads `config` (borrowed; NULL: none was given), makes what the hooks share, offers
	 * tools. NULL: the hooks get `user`. */
	gk_code (*open)(gk_ctx *ctx, json_t *config, void *user, gk_tool_list *tools,
		void **state_ret, gk_error *err);
	void (*close)(void *state);
	gk_turn_hook *generate;
	gk_model_middleware_fn *model; /* its `user` is the state */
	gk_tool_hook *tool;
	void *user;
} gk_middleware_opts;

/** A later definition of a name replaces an earlier one. INVALID_ARGUMENT without a name. */
gk_code gk_define_middleware(gk_app *app, const gk_middleware_opts *opts, gk_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
