/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The application as the floors above see it: made by the daemon, listed and run by the servers.
 */
#ifndef GK_CORE_APP_H
#define GK_CORE_APP_H

#include "core/run.h"
#include "core/span.h"
#include "loop/loop.h"

#include <genkit/genkit.h>

typedef struct gk_app_opts {
	size_t size;
	bool is_dev;         /* error stacks name places in C code */
	const char *version; /* NULL: the library's */
} gk_app_opts;

GK_MUST_USE gk_code gk_app_new(gk_loop *loop, const gk_app_opts *opts, gk_app **ret, gk_error *err);
/** No run may be under way. NULL is allowed. */
void gk_app_free(gk_app *app);
gk_loop *gk_app_loop(const gk_app *app);
bool gk_app_is_dev(const gk_app *app);

/** What /api/actions says: {key: {key, name, description?, metadata?, inputSchema?, outputSchema?}}; plugins are
 * initialised and asked, dynamic providers expanded, failing ones logged and left out (reflection section 2). Never a
 * null anywhere in a descriptor. Call it in a fiber. */
GK_MUST_USE GK_SUSPENDS gk_code gk_app_list_actions(gk_app *app, json_t **ret, gk_error *err);
/** The same one by one (borrowed), so that tens of thousands need neither memory nor the loop for long. */
typedef GK_SUSPENDS gk_code gk_listed_fn(
	const char *key, json_t *descriptor, void *user, gk_error *err);
GK_MUST_USE GK_SUSPENDS gk_code gk_app_each_action(
	gk_app *app, gk_listed_fn *each, void *user, gk_error *err);
/** {name: value} of a kind. Call it in a fiber: plugins are initialised first. */
GK_MUST_USE GK_SUSPENDS gk_code gk_app_list_values(
	gk_app *app, const char *kind, json_t **ret, gk_error *err);
/** Initialises every plugin; the first failure is returned, the others are logged. Call it in a fiber. */
GK_MUST_USE GK_SUSPENDS gk_code gk_app_init_plugins(gk_app *app, gk_error *err);

/* What a floor above keeps with an application, such as a table of its own: one static slot each. */
typedef struct gk_app_slot {
	void *(*make)(void); /* NULL when memory ran out */
	void (*free)(void *content);
} gk_app_slot;
/** The content of the slot, made when it is first asked for; freed with the application, after the actions. NULL when
 * memory ran out. */
void *gk_app_slot_peek(gk_app *app, const gk_app_slot *slot);

/** Only what is registered, at once: no plugin, no provider is asked. Borrowed; NULL: none. For loop callbacks. */
gk_action *gk_app_find_action_peek(const gk_app *app, const char *key);
/** Withdraws it; runs that have found it go on. False when there is none, or it is a provider: those stay. */
bool gk_app_remove_action(gk_app *app, const char *key);
/** The same by type and name: for what must not fail when memory has run out. */
gk_action *gk_app_find_named_peek(const gk_app *app, const char *type, const char *name);
bool gk_app_remove_named(gk_app *app, const char *type, const char *name);
/** Like gk_lookup_action(), for code that has no ctx. Call it in a fiber. */
GK_MUST_USE GK_SUSPENDS gk_code gk_app_lookup_action(
	gk_app *app, const char *key, gk_action **ret, gk_error *err);

/** INVALID_ARGUMENT when it is none that gk_collect_engagement() takes. */
GK_MUST_USE gk_code gk_engagement_check(const gk_engagement *engagement, gk_error *err);

/** Runs under way, roots only, and errands. */
size_t gk_app_run_count(const gk_app *app);
/** The run of a trace id; NULL when there is none (any more). Borrowed. */
gk_run *gk_app_find_run_peek(gk_app *app, const char *trace_id);
/** Calls off every run and every errand with GK_UNAVAILABLE: the daemon goes down. */
void gk_app_cancel_runs(gk_app *app);
/** Called (on the loop) whenever the last run has ended; NULL: nobody. */
void gk_app_set_idle(gk_app *app, gk_loop_fn *fn, void *user);

/** A context as others may see it: `auth` and `secrets` hidden. New reference; NULL for NULL, and when
 * memory ran out. */
json_t *gk_context_redacted(json_t *context);

/* How traces are made. */
typedef struct gk_tracing {
	gk_span_limits limits;
	bool continues_remote; /* an incoming traceparent continues its trace; else it is linked to */
	/* Hosts to which the application's HTTP client tells the trace ("api.example", "*.example", "*"): an array, of
	 * which a reference is taken; NULL: none. */
	json_t *propagate_to;
	bool ignores_trace_context, ignores_baggage; /* neither taken from requests nor told */
} gk_tracing;
/** Without it: the limits of limits.h, links, nothing told. From now on; spans under way keep what they have. */
void gk_app_set_tracing(gk_app *app, const gk_tracing *tracing);

/** How much the spans of this application may hold. */
const gk_span_limits *gk_app_span_limits_peek(const gk_app *app);

/** Spans are shown to every observer, in order of adding, as they start and end. */
GK_MUST_USE bool gk_app_add_observer(gk_app *app, const gk_span_observer *observer);
/** Whether there is any: what only traces show need not be made without. */
bool gk_app_is_observed(const gk_app *app);
void gk_app_remove_observer(gk_app *app, const gk_span_observer *observer);

#endif
