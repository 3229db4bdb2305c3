/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The gate before a provider. It lets so many requests go at once and so many a minute, lets the others wait for a fair
 * turn, and asks nothing at all of a service that fails whenever it is asked: then one request tries, now and again.
 *
 *	gk_auto_gate_pass gk_gate_pass pass = { 0 };
 *
 *	rc = gk_gate_enter(gate, ctx, &pass, err);	parks while there is no room
 *	...
 *	pass.outcome = GK_GATE_GOOD;			the end of the pass tells the gate
 */
#ifndef GK_PLUGINS_GATE_H
#define GK_PLUGINS_GATE_H

#include <genkit/context.h>

typedef struct gk_gate gk_gate;

typedef struct gk_gate_opts {
	size_t size;
	unsigned max_concurrent; /* 0: no limit */
	unsigned max_queue;      /* that wait; 0: none may */
	double per_minute;    /* requests, evenly: at most a second's worth at once; 0: no limit */
	unsigned break_after; /* failures in a row before it is asked no more; 0: it always is */
	uint64_t break_ms;    /* for how long; longer when the service says so (Retry-After) */
} gk_gate_opts;

/** `name` (copied) begins its errors. NULL when memory ran out. */
gk_gate *gk_gate_new(gk_app *app, const char *name, const gk_gate_opts *opts);
/** Nobody may be inside or wait. NULL is allowed. */
void gk_gate_free(gk_gate *gate);

typedef enum gk_gate_outcome {
	GK_GATE_NEUTRAL, /* says nothing of the service: it was called off, or never sent */
	GK_GATE_GOOD,    /* it answered, if only that the request was wrong */
	GK_GATE_BAD,     /* it is down, or says so */
} gk_gate_outcome;

typedef struct gk_gate_pass {
	gk_gate *gate; /* NULL: none */
	bool is_probe;
	gk_gate_outcome outcome;
	int64_t retry_ms; /* of a bad one: what the service said; less than 0, or 0: nothing */
} gk_gate_pass;

/** Parks until it is the caller's turn. UNAVAILABLE, at once and with `details.responseMetadata.retryAfterMs`: the service is
 * not asked for now; RESOURCE_EXHAUSTED: too many wait; DEADLINE_EXCEEDED, at once: the turn would come after the deadline;
 * else what called the scope off. `gate` NULL: nothing happens. */
GK_MUST_USE GK_SUSPENDS gk_code gk_gate_enter(
	gk_gate *gate, gk_ctx *ctx, gk_gate_pass *pass, gk_error *err);
/** The service has begun to answer: one that was not asked any more is asked again. */
void gk_gate_heard(gk_gate_pass *pass);
/** Leaves. */
void gk_gate_leave(gk_gate_pass *pass);
#define gk_auto_gate_pass GK_CLEANUP(gk_gate_leave)

/* How a gate is, for /metrics. */
typedef struct gk_gate_counts {
	const char *name;
	uint64_t good, bad, full, broken; /* answered, failed; refused: too many wait, not asked */
	uint64_t opened;                  /* how often it stopped asking */
	unsigned running;
	size_t waiting;
	int state; /* 0: it asks, 1: it does not, 2: the next request tries */
} gk_gate_counts;
typedef void gk_gate_count_fn(const gk_gate_counts *counts, void *user);
/** Calls `fn` for every gate of the application. */
void gk_gate_each(gk_app *app, gk_gate_count_fn *fn, void *user);

#endif
