/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What the files of core share: the structs behind the public names. No other floor includes this.
 */
#ifndef GK_CORE_INTERNAL_H
#define GK_CORE_INTERNAL_H

#include "core/app.h"
#include "core/flight.h"
#include "core/registry.h"
#include "json/schema.h"

#include <assert.h>

#define GK_CHECK(object, magic_) assert((object) && (object)->magic == (magic_))

#define GK_MAX_OBSERVERS 8

typedef struct gk_provider gk_provider;
typedef TAILQ_HEAD(, gk_provider) gk_provider_list;
typedef TAILQ_HEAD(, gk_plugin) gk_plugin_list;

struct gk_app {
	gk_loop *loop;
	bool is_dev;
	gk_registry *registry;
	json_t *context; /* what every run starts from */
	json_t *nothing; /* {}: the context of those who have none */
	gk_plugin_list plugins;
	gk_provider_list providers;
	gk_table *runs; /* trace id: gk_run, only those that can be cancelled */
	size_t run_count;
	gk_loop_fn *idle;
	void *idle_user;
	const gk_span_observer *observers[GK_MAX_OBSERVERS];
	size_t observer_count;
	LIST_HEAD(, gk_run) all_runs;
};

struct gk_action {
	unsigned magic, refs;
	gk_app *app;
	char *key;
	const char *name; /* inside key */
	const char *type; /* static */
	char *description;
	json_t *metadata;   /* NULL: none */
	json_t *descriptor; /* what listings show */
	gk_schema *input, *output, *init;
	json_t *stream;
	gk_action_fn *run;
	void *user;
	void (*free_user)(void *user);
	bool is_bidi;
	bool is_guarded; /* defined by gk_define_action(): nothing like it may be defined below a run of it */
};

/** Makes one with its key, for the namespace of a plugin (NULL: none). */
gk_code gk_action_make(gk_app *app, const char *namespace_, const gk_action_opts *opts,
	gk_action **ret, gk_error *err);
/** Makes and registers it, without the rule of actions section 1.3. */
gk_code gk_action_register(gk_app *app, const gk_action_opts *opts, gk_error *err);
/** What a dynamic provider lists: a copy of the descriptor under another key. New reference. */
json_t *gk_action_describe(const gk_action *action, const char *key);
/** A schema given as text: JSON Schema or Picoschema. New reference. */
gk_code gk_schema_text_to_json(gk_app *app, const char *text, json_t **ret, gk_error *err);

typedef struct gk_ctx_text gk_ctx_text;

struct gk_ctx {
	unsigned magic;
	gk_app *app;
	gk_run *run;       /* NULL: housekeeping, such as a listing */
	gk_ctx *parent;    /* NULL: the root */
	gk_action *action; /* NULL: a step, or housekeeping */
	void *user;
	gk_span *span;   /* NULL: housekeeping */
	json_t *context; /* merged; a reference of ours */
	json_t *ambient; /* what goes down to the calls below; borrowed, NULL: nothing was passed */
	json_t *init;
	json_t *request_metadata; /* of the tool request that is being answered; borrowed; NULL: none */
	gk_chunk_fn *on_chunk; /* takes this call's chunks, on behalf of `parent`; NULL: nobody */
	void *chunk_user;
	gk_channel *input_stream; /* borrowed; NULL: the one input */
	json_t *single;           /* the one input, until it is received; borrowed */
	gk_ctx_text *texts;
	unsigned depth;
	bool is_streaming;
	bool is_sealed; /* gk_define_action() is refused below */
};

void gk_ctx_init_root(gk_ctx *ctx, gk_app *app, gk_run *run);
void gk_ctx_init_child(gk_ctx *ctx, gk_ctx *parent);
void gk_ctx_done(gk_ctx *ctx);
/** Makes it the one that gk_log() and gk_ctx_current() speak of; returns the one before. */
gk_ctx *gk_ctx_enter(gk_ctx *ctx);
/** The call that runs in this fiber; NULL outside of any. */
gk_ctx *gk_ctx_current(void);
/** Runs `fn` as if the action had been defined with it: for actions that wrap a user's function. */
GK_SUSPENDS gk_code gk_ctx_run_inner(
	gk_ctx *ctx, gk_action_fn *fn, void *user, json_t *input, json_t **ret, gk_error *err);

/* One call of an action: validated, traced, run, validated. */
typedef struct gk_call {
	gk_app *app;
	gk_action *action;
	gk_ctx *parent; /* NULL: the root of `run` */
	gk_run *run;
	json_t *input, *init, *context, *labels; /* NULL: absent */
	json_t *request_metadata;
	gk_channel *input_stream;
	gk_chunk_fn *on_chunk;
	void *chunk_user;
	bool is_streaming;
	const char *traceparent;
} gk_call;
GK_MUST_USE GK_SUSPENDS gk_code gk_call_action(const gk_call *call, json_t **ret, gk_error *err);

/* --- spans --- */
/** `above` is the enclosing one; NULL: a trace begins. */
void gk_span_start(gk_span *span, const gk_span *above, const char *name);
/** Shows the started span to the observers: after its type and labels are set. */
void gk_span_announce(gk_span *span, const gk_span *above, gk_app *app);
/** `err` NULL: it went well. Marks the failure's source. */
void gk_span_finish(gk_span *span, gk_app *app, json_t *output, gk_error *err);
void gk_span_link(gk_span *span, const char *traceparent);

/* --- runs --- */
/** The root span of the run has started. */
void gk_run_has_started(gk_run *run, const gk_span *span);
GK_SUSPENDS gk_code gk_run_send_chunk(gk_run *run, json_t *chunk, gk_error *err);
bool gk_run_has_sink(const gk_run *run);

/* --- look-up --- */
GK_MUST_USE GK_SUSPENDS gk_code gk_lookup(
	gk_ctx *ctx, const char *key, gk_action **ret, gk_error *err);
gk_code gk_plugins_prepare(gk_ctx *ctx, gk_app *app, const char *name, size_t len, gk_error *err);
gk_code gk_plugins_resolve(gk_ctx *ctx, gk_app *app, const char *name, size_t len, const char *type,
	size_t type_len, const char *action, gk_error *err);
/** Merges what plugins could resolve into `listing`. */
gk_code gk_plugins_list(gk_ctx *ctx, gk_app *app, json_t *listing, gk_error *err);
gk_code gk_plugins_init(gk_ctx *ctx, gk_app *app, gk_error *err);
void gk_plugins_free(gk_app *app);
gk_provider *gk_provider_first(const gk_app *app);
gk_provider *gk_provider_next(gk_provider *provider);
gk_provider *gk_provider_find(const gk_app *app, const char *name, size_t len);
/** The action a provider offers under a type and a name; `*ret` is a new reference, NULL: none. */
gk_code gk_provider_get(gk_ctx *ctx, gk_provider *provider, const char *type, size_t type_len,
	const char *name, gk_action **ret, gk_error *err);
/** Adds {key: descriptor} of all it offers, without a trace. */
gk_code gk_provider_describe(gk_ctx *ctx, gk_provider *provider, json_t *listing, gk_error *err);
/** Appends the names that match a pattern ("*", "prefix*", or a name) of a type to `names`. */
gk_code gk_provider_match(gk_ctx *ctx, gk_provider *provider, const char *type, const char *pattern,
	json_t *names, gk_error *err);
void gk_providers_free(gk_app *app);

#endif
