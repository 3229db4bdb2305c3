/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the tests of agents share: calls of the agent "helper", as clients make them. */
#ifndef TESTS_AGENTS_H
#define TESTS_AGENTS_H

#include "models.h"

#include <genkit/agent.h>

#define HI   "{'message':{'role':'user','content':[{'text':'hi'}]}}"
#define DONE "{'message':{'role':'model','content':[{'text':'done'}]},'finishReason':'stop'}"

/** Defines it; fails the test when that fails. */
void agents_define(const gk_agent_opts *opts);

/** A model for conversations, with instructions and tools. */
void agents_define_model(const char *name, gk_action_fn *answer);

/* One call. */
typedef struct exchange {
	gk_channel *inputs;
	core_sink sink;
	gk_run *run;
	json_t *output; /* NULL: it failed, or has not ended */
	gk_error err;
} exchange;

/** Begins it, with a list of inputs in a stream that stays open. `init` and `context` are borrowed; NULL: none. */
void exchange_begin(exchange *it, json_t *init, json_t *context, const char *inputs);
void exchange_send(exchange *it, const char *input);
/** Ends the inputs, turns the loop to the end of the call. */
void exchange_finish(exchange *it);
/** Both. */
void exchange_run(exchange *it, json_t *init, const char *inputs);
void exchange_done(exchange *it);

/** Runs "/agent-snapshot/helper" or "/agent-abort/helper"; `request` is text. NULL: it failed, with `err_ret` (NULL: not
 * wanted). */
json_t *agents_companion(const char *type, json_t *context, const char *request, gk_error *err_ret);
/** The snapshot of an id, or NULL. */
json_t *agents_snapshot(const char *id);
/** {"auth": {"uid": uid}} */
json_t *agents_user(const char *uid);

#endif
