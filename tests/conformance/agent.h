/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The kind "agent": scenarios of agents, step by step, in an application of their own each. Two files, two forms:
 * upstream/agent.yaml (agent_upstream.c, with agents of fixed names) and sessions/agent.yaml (agent_scripted.c, each case with
 * an agent of its own).
 */
#ifndef TESTS_CONFORMANCE_AGENT_H
#define TESTS_CONFORMANCE_AGENT_H

#include "sessions.h"

/* What an invocation sent and what it answered. */
typedef struct agent_reply {
	json_t *chunks, *output; /* `output` NULL: it failed */
	gk_error err;
} agent_reply;

typedef struct agent_case {
	conformance *run;
	const char *name; /* of the case */
	size_t step;      /* from 1 */
	bool has_failed;
	core_app app;
	sessions_sqlite sqlite;
	bool is_sqlite; /* sessions are kept there, not in memory */
	const char *agent;
	json_t *known;    /* what was captured, by name */
	json_t *programs; /* of the model: [{responses, chunks, next}], one for each send */
	json_t *saw;      /* requests of the model, oldest first */
	/* Of a scripted agent. */
	json_t *script;
	size_t turn;
	json_t *gates; /* {NAME: true} of those that are open */
} agent_case;

/** Reports the first failure of the case. */
void agent_fail(agent_case *it, const char *format, ...) GK_PRINTF(2, 3);
/** With {{name}} and {{name.member}} replaced by what was captured. New reference. */
json_t *agent_filled_in(agent_case *it, json_t *value);
/** An expectation's object asks for its members only; null for anything. Arrays are as long as expected, or, when `gaps`, have
 * the expected elements in their order. "$any" is any text that is not empty. */
bool agent_contains(const json_t *got, const json_t *expected, bool gaps);
/** Fails unless it does; `what` is named. */
void agent_expect(
	agent_case *it, const char *what, const json_t *got, const json_t *expected, bool gaps);

/** Defines the model "programmableModel", which follows `programs`. */
void agent_define_model(agent_case *it);
/** Runs the agent with all inputs, as a stream, which is closed unless `stays_open`. `program` (borrowed; NULL: that of the send
 * before) is {responses, chunks}. */
void agent_send(agent_case *it, const char *agent, json_t *init, json_t *inputs, bool stays_open,
	json_t *program, agent_reply *ret);
void agent_reply_done(agent_reply *reply);
/** Runs a companion action: "agent-snapshot", "agent-abort". */
gk_code agent_companion(agent_case *it, const char *type, const char *agent, json_t *input,
	json_t **ret, gk_error *err);
/** The snapshot, when it has one of the statuses completed, failed and aborted; NULL: that took too long. */
json_t *agent_wait(agent_case *it, const char *agent, const char *snapshot_id);

/* One case, from its first step to its last. */
typedef void agent_case_fn(agent_case *it, json_t *one);
agent_case_fn agent_run_upstream, agent_run_scripted;

#endif
