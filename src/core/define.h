/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * For the floors above that bring kinds of actions of their own: making an action with schemas that are compiled already,
 * running a user's function inside it, and running a part of a call in a span of its own.
 */
#ifndef GK_CORE_DEFINE_H
#define GK_CORE_DEFINE_H

#include "json/schema.h"

#include <genkit/action.h>
#include <genkit/span.h>

/* Wraps every call of an action: core/call.h. */
typedef struct gk_call gk_call;
typedef gk_code gk_around_fn(gk_ctx *ctx, const gk_call *call, json_t **ret, gk_error *err);

/* What an action says of itself. All references are the receiver's. */
typedef struct gk_action_about {
	char *description; /* for free(); NULL: nothing */
	json_t *metadata;  /* NULL: none */
	gk_schema *input;  /* NULL: anything */
} gk_action_about;

/* For actions of which there are very many and which are seldom asked: nothing of this is kept by the action. `user` is the
 * action's. Neither suspends. */
typedef struct gk_action_late {
	/** The input's schema, before a call. A new reference, or NULL: anything. */
	gk_code (*input)(void *user, gk_schema **ret, gk_error *err);
	/** All of it, for listings; what it cannot know it leaves out. Fails only when memory runs out. */
	gk_code (*about)(void *user, gk_action_about *ret, gk_error *err);
} gk_action_late;

/* What an action is made of beyond what its options can say. The schemas win over those of the options; references are
 * taken. */
typedef struct gk_action_parts {
	const char *namespace_; /* of a plugin; NULL: none */
	gk_schema *input, *output, *init;
	const gk_action_late
		*late;        /* stands for input, description and metadata; NULL: they are here */
	gk_around_fn *around; /* NULL: nothing */
	void *around_user;    /* gk_ctx_user() in it */
	void (*around_free)(
		void *around_user); /* when the action goes; not when making it failed */
} gk_action_parts;

/** `parts` NULL: nothing more. Until it succeeds `opts->user` is the caller's. */
gk_code gk_action_make(gk_app *app, const gk_action_opts *opts, const gk_action_parts *parts,
	gk_action **ret, gk_error *err);
/** Makes and registers it, without the rule of actions section 1.3. */
gk_code gk_action_register(
	gk_app *app, const gk_action_opts *opts, const gk_action_parts *parts, gk_error *err);
/** All of them (consumed) or none; when it fails the `user` of each is the caller's again. */
gk_code gk_action_register_all(gk_app *app, gk_action **actions_take, size_t count, gk_error *err);
/** The same in place of those of their keys whose user is `old_user` (NULL: of none), which stay when it fails. */
gk_code gk_action_replace_all(
	gk_app *app, gk_action **actions_take, size_t count, const void *old_user, gk_error *err);
/** FAILED_PRECONDITION below a run in which nothing may be defined (actions section 1.3). */
gk_code gk_action_check_allowed(const char *name, gk_error *err);
/** As gk_define_action(), with parts. */
gk_code gk_action_define(
	gk_app *app, const gk_action_opts *opts, const gk_action_parts *parts, gk_error *err);
/** A schema in either form, compiled; *ret stays NULL when there is none. `what` is named in errors. */
gk_code gk_action_schema(gk_app *app, const char *what, const char *text, json_t *json,
	gk_schema **ret, gk_error *err);
/** A copy for a descriptor; {} for NULL. INVALID_ARGUMENT when it is no object. */
gk_code gk_metadata_copy(json_t *metadata, json_t **ret, gk_error *err);
/** A schema given as text: JSON Schema or Picoschema. New reference. */
gk_code gk_schema_text_to_json(gk_app *app, const char *text, json_t **ret, gk_error *err);

typedef struct gk_background_opts gk_background_opts;
/** As gk_define_background_action(), with parts for the start action; their output schema is not looked at. */
gk_code gk_background_define(
	gk_app *app, const gk_background_opts *opts, const gk_action_parts *start, gk_error *err);

/** Runs `fn` as if the action had been defined with it: for actions that wrap a user's function. */
GK_SUSPENDS gk_code gk_ctx_run_inner(
	gk_ctx *ctx, gk_action_fn *fn, void *user, json_t *input, json_t **ret, gk_error *err);

/** What the run that this is part of was asked for; "" for housekeeping. Borrowed. */
const char *gk_ctx_run_key(const gk_ctx *ctx);

/* A span that is not an action's. */
typedef struct gk_span_opts {
	const char *name;
	const char *type; /* genkit:type; NULL: untyped */
	json_t *labels;   /* borrowed; attributes verbatim; NULL: none */
	json_t *metadata; /* borrowed object of strings: genkit:metadata:KEY; NULL: none */
	const char *what; /* "step": what an error calls it that says nothing of itself */
	const gk_own_span_opts *own; /* of a user's own; NULL: it is not */
	bool has_messages;           /* as in gk_span */
} gk_span_opts;
/** Runs `fn`, in a ctx below `ctx`, in such a span; `input` is recorded and handed on, `*ret` is recorded. */
GK_MUST_USE GK_SUSPENDS gk_code gk_ctx_run_in_span(gk_ctx *ctx, const gk_span_opts *opts,
	gk_action_fn *fn, void *user, json_t *input, json_t **ret, gk_error *err);

#endif
