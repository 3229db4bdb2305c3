/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What the files of core share: the structs behind the public names, and one call of one action. No other floor
 * includes this.
 */
#ifndef GK_CORE_INTERNAL_H
#define GK_CORE_INTERNAL_H

#include "base/limits.h"
#include "core/app.h"
#include "core/call.h"
#include "core/define.h"
#include "core/flight.h"
#include "core/registry.h"
#include "json/schema.h"

#include <assert.h>

#define GK_CHECK(object, magic_) assert((object) && (object)->magic == (magic_))

#define GK_RUN_BUCKETS                                                                             \
	1024 /* a run is put into one and taken out of it without asking for memory */

typedef struct gk_provider gk_provider;

struct gk_app {
	gk_loop *loop;
	bool is_dev;
	gk_registry *registry;
	json_t *context;               /* what every run starts from; NULL: nothing */
	json_t *nothing;               /* {}: the context of those who have none */
	gk_table *plugins, *providers; /* by name; what is added stays */
	bool plugins_tried;            /* every plugin has been initialised once, or failed to be */
	size_t run_count;
	gk_loop_fn *idle;
	void *idle_user;
	gk_defer idle_defer;
	const gk_span_observer *observers[GK_MAX_OBSERVERS];
	size_t observer_count;
	TAILQ_HEAD(gk_span_list, gk_span)
	young_spans;       /* in order of start, not GK_SPAN_LASTING_MS old */
	gk_timer *lasting; /* when the first of them will be; NULL: never */
	bool is_lasting_armed;
	gk_defer ahead; /* writes what is known of the young ones, the second time that it comes */
	bool is_writing;
	gk_tracing tracing;
	LIST_HEAD(gk_run_list, gk_run) all_runs;
	struct gk_run_list findable_runs
		[GK_RUN_BUCKETS]; /* by their trace ids, only those that can be cancelled */
	LIST_HEAD(, gk_errand) errands;
	struct {
		const gk_app_slot *slot;
		void *content;
	} slots[GK_MAX_APP_SLOTS];
	size_t slot_count;
};

struct gk_action {
	unsigned magic, refs;
	gk_app *app;
	char *key;
	const char *name; /* inside key */
	const char *type; /* static */
	char *description;
	json_t *metadata;           /* NULL: none */
	json_t *descriptor;         /* what listings show; NULL: it is made for each */
	const gk_action_late *late; /* NULL: all is known */
	gk_schema *input, *output, *stream, *init;
	gk_action_fn *run;
	gk_around_fn *around; /* NULL: nothing */
	void *around_user;
	void (*around_free)(void *around_user);
	void *user;
	void (*free_user)(void *user);
	json_t *definition; /* what models are told of it, once one was */
	gk_action *
		origin; /* this is another name of it, which keeps `user`; NULL: it stands for itself */
	bool is_bidi;
	bool is_guarded; /* defined by gk_define_action(): nothing like it may be defined below a run of it */
};

void gk_action_about_done(gk_action_about *about);
/** What listings show: a new reference. */
gk_code gk_action_descriptor(const gk_action *action, json_t **ret, gk_error *err);
/** What a call takes: a new reference, or NULL: anything. */
gk_code gk_action_input(const gk_action *action, gk_schema **ret, gk_error *err);
/** The same action under the key by which a provider's are called. */
gk_code gk_action_alias(gk_action *action, const char *host, gk_action **ret, gk_error *err);
/* --- the call that is being made --- */

typedef struct gk_ctx_text gk_ctx_text;

struct gk_ctx {
	unsigned magic;
	unsigned depth;
	gk_app *app;
	gk_registry *registry; /* where look-ups begin */
	gk_run *run;           /* NULL: housekeeping, such as a listing */
	gk_ctx *parent;        /* NULL: the root */
	gk_ctx *call; /* the call of an action that this is part of: itself, or what a step is in; NULL: none */
	gk_action *action; /* of a call */
	void *user;
	gk_span *span;          /* NULL: housekeeping */
	const gk_flight *leads; /* what others wait for while this goes on; NULL: nothing */
	json_t *context;        /* merged; a reference of ours */
	json_t *ambient; /* what goes down to the calls below; borrowed, NULL: nothing was passed */
	void *session; /* of the agent that this is part of; NULL: none. Ours to hand down, not to know */
	void *chat_session;       /* the same for a session of the older kind */
	json_t *init;             /* of a call, as are the four below; borrowed */
	json_t *request_metadata; /* of the tool request that is being answered */
	gk_channel *input_stream; /* NULL: the one input */
	json_t *single;           /* the one input, until it is received */
	gk_chunk_fn *on_chunk;    /* takes chunks on behalf of `parent`; NULL: nobody */
	void *chunk_user;
	gk_ctx_text *texts;
	bool is_streaming;
	bool is_sealed; /* gk_define_action() is refused below */
};

void gk_ctx_init_root(gk_ctx *ctx, gk_app *app, gk_run *run);
void gk_ctx_init_child(gk_ctx *ctx, gk_ctx *parent);
void gk_ctx_done(gk_ctx *ctx);
/** Whether another level may begin: not when the run is called off, nor below GK_MAX_RUN_DEPTH. */
gk_code gk_ctx_descend(gk_ctx *ctx, const char *name, gk_error *err);
/** {...application's, ...(what was passed, else what the caller passed on)}; NULL: as above. Only what was passed goes
 * further down. */
gk_code gk_ctx_merge_context(gk_ctx *ctx, json_t *passed, gk_error *err);
/** Makes it the one that gk_log() and gk_ctx_current() speak of; returns the one before. */
gk_ctx *gk_ctx_enter(gk_ctx *ctx);
/** The call that runs in this fiber; NULL outside of any. */
gk_ctx *gk_ctx_current(void);
/** True when the call is part of what the others wait for: it must not wait for it as well. */
bool gk_ctx_is_part_of(const gk_ctx *ctx, const gk_flight *flight);
/** Makes an error that says something of what a user's function returned (not GK_OK). Its return value decides. */
gk_code gk_explain(const char *kind, const char *name, gk_code rc, gk_error *err);

/** `part` becomes a part of the call that `ctx` is: it sends to where that sends. */
void gk_part_init_ctx(gk_ctx *part, gk_ctx *ctx, void *user);

/* A stretch of a fiber's code with a deadline of its own; 0: without. */
typedef struct gk_timed {
	gk_scope *own, *before;
} gk_timed;
gk_code gk_timed_begin(gk_timed *timed, gk_app *app, uint64_t timeout_ms, gk_error *err);
/** Also after gk_timed_begin() failed. */
void gk_timed_end(gk_timed *timed);

/* --- spans --- */

/** `above` is the enclosing one; NULL: a trace begins. */
void gk_span_start(gk_span *span, gk_app *app, const gk_span *above, const char *name);
/** Of a root span: continues the trace that asked for it, or links to it. */
void gk_span_set_link(
	gk_span *span, const gk_trace_link *link, const char *trace_state, const char *baggage);
/** Of a user's own span: who makes it, and what it records. */
void gk_span_set_own(gk_span *span, const gk_own_span_opts *opts);
/** Shows the started span to the observers: after its type and labels are set. */
void gk_span_announce(gk_span *span, gk_app *app);
/** `err` NULL: it went well. Marks the failure's source. */
void gk_span_finish(gk_span *span, gk_app *app, json_t *output, gk_error *err);
/** Observers may be told that it lasts, and what is known of it may be written ahead; until gk_span_grow_up(). */
void gk_span_be_young(gk_span *span, gk_app *app);
void gk_span_grow_up(gk_span *span, gk_app *app);
void gk_young_spans_init(gk_app *app);
void gk_young_spans_done(gk_app *app);
/** Writes what is known when it has started; without room or memory nothing. */
void gk_span_write_ahead(gk_span *span);
/** After what was known has changed. */
void gk_span_forget_ahead(gk_span *span);

/* A walk over a span's attributes, in two steps: what is known when it has started, and the rest. */
typedef struct gk_attribute_walk {
	const gk_span *span;
	gk_attribute_fn *fn;
	void *user;
	unsigned room; /* for what is not Genkit's own */
	unsigned labels, dropped;
} gk_attribute_walk;
void gk_attribute_walk_init(
	gk_attribute_walk *walk, const gk_span *span, gk_attribute_fn *fn, void *user);
bool gk_attribute_walk_first(gk_attribute_walk *walk);
bool gk_attribute_walk_rest(gk_attribute_walk *walk);

/** What `path` of a span is, or would be; the caller frees it. NULL when memory ran out. */
char *gk_span_plain_path(const gk_span *span);
/** Lets the observers settle what a run has left behind. */
GK_SUSPENDS void gk_spans_settle(gk_app *app);

/* --- runs --- */

/** A run, or an errand, has ended. */
void gk_app_leave_run(gk_app *app);
/** Calls off every errand with GK_UNAVAILABLE. */
void gk_app_cancel_errands(gk_app *app);
/** The root span of the run has started. */
void gk_run_has_started(gk_run *run, const gk_span *span);
GK_SUSPENDS gk_code gk_run_send_chunk(gk_run *run, json_t *chunk, gk_error *err);
void gk_run_drop_chunks(gk_run *run);

/* --- where actions come from --- */

GK_SUSPENDS gk_code gk_plugins_prepare(gk_ctx *ctx, const char *name, size_t len, gk_error *err);
GK_SUSPENDS gk_code gk_plugins_resolve(gk_ctx *ctx, const char *name, size_t len, const char *type,
	size_t type_len, const char *action, gk_error *err);
/** Merges what plugins could resolve into `listing`; what fails is logged. */
GK_SUSPENDS void gk_plugins_list(gk_ctx *ctx, json_t *listing);
GK_SUSPENDS gk_code gk_plugins_init(gk_ctx *ctx, gk_error *err);
/** Initialises them all, once; failures are logged, for look-ups tell them again. */
GK_SUSPENDS void gk_plugins_try(gk_ctx *ctx);
void gk_plugin_free(void *plugin);

gk_provider *gk_provider_find(const gk_app *app, const char *name, size_t len);
/** The action a provider offers under a type and a name; `*ret` is a new reference, NULL: none. */
GK_SUSPENDS gk_code gk_provider_get(gk_ctx *ctx, gk_provider *provider, const char *type,
	size_t type_len, const char *name, gk_action **ret, gk_error *err);
/** Adds {key: descriptor} of all it offers, without a trace. Its failure is logged. */
GK_SUSPENDS gk_code gk_provider_describe(
	gk_ctx *ctx, gk_provider *provider, json_t *listing, gk_error *err);
/** Appends the keys of what it offers of a type that match a pattern: "*", "prefix*", or a name. */
GK_SUSPENDS gk_code gk_provider_match(gk_ctx *ctx, gk_provider *provider, const char *type,
	size_t type_len, const char *pattern, json_t *keys, gk_error *err);
/** How long a provider's answer is kept: 0 means the default, less than 0 not at all. */
int64_t gk_provider_ttl_ms(int64_t given);
void gk_provider_free(void *provider);

#endif
