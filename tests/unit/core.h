/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the tests of core share: an application on a loop, runs from beginning to end, and what the spans said. */
#ifndef TESTS_CORE_H
#define TESTS_CORE_H

#include "core/app.h"
#include "unit.h"

extern gk_loop *core_loop;
extern gk_app *core_app;
/** What ended since core_start(), innermost first: [{name, id, trace, parent, path, error, attributes}]. */
extern json_t *core_spans;

void core_start(void);
/** Nobody sees the spans from now on. */
void core_look_away(void);
/** Turns the loop until nothing runs, then frees it all. */
void core_stop(void);
/** The same without the observer of spans. */
void core_start_unseen(void);

/** A flow without schemas; `user` is what gk_ctx_user() gives. */
void core_flow(const char *name, gk_action_fn *fn, void *user);
/** An action of type "model", without what the AI layer puts around one. */
void core_model(const char *name, gk_action_fn *fn);

/* A sink that remembers. */
typedef struct core_sink {
	gk_sink base;
	unsigned started, done;
	json_t *chunks;   /* array */
	gk_code chunk_rc; /* what chunk() answers */
} core_sink;
void core_sink_init(core_sink *sink);
void core_sink_done(core_sink *sink);

/** Starts it; fails the test when that fails. Give the reference back. */
gk_run *core_begin(const gk_run_opts *opts);
/** Turns the loop until it has ended. */
void core_finish(gk_run *run);
void core_turn_until(bool (*is_so)(void *user), void *user);

/** From beginning to end. `input` is consumed. The result is a new reference; fails the test when the run fails. */
json_t *core_run(const char *key, json_t *input_take);
/** Fails the test unless the run fails with the code and the message ("" or NULL: any). */
void core_fail(const char *key, json_t *input_take, gk_code code, const char *message);
/** Runs `fn` as the flow "test", to its end; fails the test when it fails. */
void core_in_run(gk_action_fn *fn, void *user);

/** The attributes of the last span of that name that ended; fails the test when there is none. Borrowed. */
json_t *core_attributes(const char *name);
json_t *core_span(const char *name);
/** Fails the test unless the error has the code and the message; clears it. */
void assert_error(gk_error *err, gk_code code, const char *message);

/* Functions of actions. */
gk_action_fn core_echo;   /* gives its input */
gk_action_fn core_sleep;  /* for an hour, or until it is called off */
gk_action_fn core_lookup; /* the key of what is found by the key that it is given; null: nothing */
gk_action_fn core_list;   /* what gk_app_list_actions() says */
/** Fails the test unless the flow "lookup" (core_lookup) finds the key, or finds nothing. */
void assert_lookup(const char *key, bool is_found);
/** Starts the key with an input (borrowed; NULL: none) and turns the loop to its end; its result says whether it went well.
 * For fault_sweep(). */
bool core_try(const char *key, json_t *input);

#endif
