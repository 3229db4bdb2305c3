/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/gate.h"

#include "base/limits.h"
#include "core/app.h"
#include "core/define.h"
#include "loop/fiber.h"
#include "plugins/common/fair.h"

#include <assert.h>
#include <math.h>

struct gk_gate {
	LIST_ENTRY(gk_gate) link;
	gk_app *app;
	char *name;
	gk_gate_opts opts;
	unsigned running;
	gk_fair queue;
	/* Requests that may go for the sake of the rate: refilled with time. */
	double allowance;
	uint64_t allowance_ms;
	gk_timer *timer; /* the next one is due; NULL: there is no rate */
	/* Whether the service is asked. */
	unsigned failures;      /* in a row */
	uint64_t open_until_ms; /* 0: it is asked */
	bool is_probing;
	uint64_t good, bad, full, broken, opened;
};

typedef struct waiter {
	gk_fair_item item;
	gk_fiber *fiber;
	bool may_go, is_refused;
} waiter;

/* --- the gates of an application --- */

LIST_HEAD(gates, gk_gate);

static void *make_gates(void)
{
	return calloc(1, sizeof(struct gates));
}

static const gk_app_slot slot = { .make = make_gates, .free = free };

static uint64_t now_ms(const gk_gate *gate)
{
	return gk_loop_now_ms(gk_app_loop(gate->app));
}

static int state_of(const gk_gate *gate)
{
	return !gate->open_until_ms ? 0 : now_ms(gate) < gate->open_until_ms ? 1 : 2;
}

void gk_gate_each(gk_app *app, gk_gate_count_fn *fn, void *user)
{
	struct gates *all = gk_app_slot_peek(app, &slot);
	const gk_gate *gate;

	if (!all)
		return;
	LIST_FOREACH (gate, all, link) {
		const gk_gate_counts counts = { .name = gate->name,
			.good = gate->good,
			.bad = gate->bad,
			.full = gate->full,
			.broken = gate->broken,
			.opened = gate->opened,
			.running = gate->running,
			.waiting = gate->queue.count,
			.state = state_of(gate) };

		fn(&counts, user);
	}
}

/* --- room --- */

#define MINUTE 60000.0

static void refill(gk_gate *gate)
{
	double most = fmax(1, gate->opts.per_minute / 60);
	uint64_t now = now_ms(gate);

	gate->allowance = fmin(most, gate->allowance + (double)(now - gate->allowance_ms) *
							       gate->opts.per_minute / MINUTE);
	gate->allowance_ms = now;
}

/* Milliseconds until the rate lets the n-th from now go. */
static double due_ms(const gk_gate *gate, size_t n)
{
	return ((double)n - gate->allowance) * MINUTE / gate->opts.per_minute;
}

static bool has_place(const gk_gate *gate)
{
	return !gate->opts.max_concurrent || gate->running < gate->opts.max_concurrent;
}

/* Sums of parts of one are not quite one. */
static bool is_due(gk_gate *gate)
{
	if (gate->opts.per_minute <= 0)
		return true;
	refill(gate);
	return gate->allowance > 1 - 1e-6;
}

static void admit(gk_gate *gate)
{
	gate->running++;
	if (gate->opts.per_minute > 0)
		gate->allowance--;
}

/* Whoever was let in sent nothing. */
static void take_back(gk_gate *gate)
{
	gate->running--;
	if (gate->opts.per_minute > 0)
		gate->allowance++;
}

static void let_in(gk_gate *gate);

static void on_due(void *user)
{
	let_in(user);
}

static void wait_for_rate(gk_gate *gate)
{
	gk_timer_again(gate->timer, (uint64_t)fmax(1, ceil(due_ms(gate, 1))));
}

static void let_in(gk_gate *gate)
{
	while (gate->queue.count && has_place(gate)) {
		waiter *next;

		if (!is_due(gate)) {
			wait_for_rate(gate);
			return;
		}
		next = (waiter *)gk_fair_next(&gate->queue);
		next->may_go = true;
		admit(gate);
		gk_fiber_wake(next->fiber);
	}
}

/* --- life --- */

gk_gate *gk_gate_new(gk_app *app, const char *name, const gk_gate_opts *opts)
{
	struct gates *all = gk_app_slot_peek(app, &slot);
	gk_gate *gate = all ? calloc(1, sizeof(*gate)) : NULL;

	if (!gate)
		return NULL;
	gate->app = app;
	gate->opts = *opts;
	gate->name = strdup(name);
	if (!gate->name || !gk_fair_init(&gate->queue)) {
		free(gate->name);
		free(gate);
		return NULL;
	}
	/* Made now, so that nobody who waits depends on memory that there may not be then. */
	if (opts->per_minute > 0 &&
		gk_timer_start(gk_app_loop(app), 0, 0, on_due, gate, &gate->timer, NULL) != GK_OK) {
		gk_fair_done(&gate->queue);
		free(gate->name);
		free(gate);
		return NULL;
	}
	gate->allowance = 1;
	gate->allowance_ms = now_ms(gate);
	LIST_INSERT_HEAD(all, gate, link);
	return gate;
}

void gk_gate_free(gk_gate *gate)
{
	if (!gate)
		return;
	assert(!gate->running);
	if (gate->timer)
		gk_timer_stop(gate->timer);
	LIST_REMOVE(gate, link);
	gk_fair_done(&gate->queue);
	free(gate->name);
	free(gate);
}

/* --- whether it is asked --- */

static gk_code refuse_broken(gk_gate *gate, gk_error *err)
{
	uint64_t now = now_ms(gate);
	uint64_t left_ms = gate->open_until_ms > now ? gate->open_until_ms - now : 1000;
	json_t *details;
	gk_code rc;

	gate->broken++;
	rc = gk_error_set(err, GK_UNAVAILABLE,
		"%s: it is not asked for now: it failed %u times in a row, and is tried again %s",
		gate->name, gate->failures,
		gate->is_probing ? "just now" : "when retryAfterMs is over");
	if (!err || rc != GK_UNAVAILABLE)
		return rc;
	details = json_pack("{s:{s:I}}", "responseMetadata", "retryAfterMs", (json_int_t)left_ms);
	return gk_error_details_take(err, details);
}

/* It is down: those who wait need not wait on. */
static void stop_asking(gk_gate *gate, int64_t retry_ms)
{
	uint64_t ms = gate->opts.break_ms;
	gk_fair_item *item;

	if (retry_ms > 0 && (uint64_t)retry_ms > ms)
		ms = (uint64_t)retry_ms;
	if (ms > GK_GATE_BREAK_MAX_MS)
		ms = GK_GATE_BREAK_MAX_MS;
	gate->open_until_ms = now_ms(gate) + (ms ? ms : 1);
	gate->opened++;
	while ((item = gk_fair_next(&gate->queue))) {
		waiter *one = (waiter *)item;

		one->is_refused = true;
		gk_fiber_wake(one->fiber);
	}
}

static void record(gk_gate *gate, const gk_gate_pass *pass)
{
	switch (pass->outcome) {
	case GK_GATE_NEUTRAL:
		break;
	case GK_GATE_GOOD:
		gate->good++;
		if (!gate->open_until_ms)
			gate->failures = 0;
		break;
	case GK_GATE_BAD:
		gate->bad++;
		gate->failures++;
		if (pass->is_probe || (!gate->open_until_ms && gate->opts.break_after &&
					      gate->failures >= gate->opts.break_after))
			stop_asking(gate, pass->retry_ms);
		break;
	}
	if (pass->is_probe)
		gate->is_probing = false;
}

void gk_gate_heard(gk_gate_pass *pass)
{
	gk_gate *gate = pass->gate;

	if (!gate || !pass->is_probe)
		return;
	gate->open_until_ms = 0;
	gate->failures = 0;
	gate->is_probing = pass->is_probe = false;
}

/* --- in and out --- */

static gk_code wait_turn(gk_gate *gate, gk_ctx *ctx, gk_error *err)
{
	waiter own = { .fiber = gk_fiber_self() };
	uint64_t left_ms = gk_scope_left_ms(gk_fiber_scope(own.fiber));
	gk_code rc = GK_OK;

	if (gate->queue.count >= gate->opts.max_queue) {
		gate->full++;
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"%s: %u requests are under way and %zu wait: no more may (maxQueue)",
			gate->name, gate->running, gate->queue.count);
	}
	if (!gk_fair_add(&gate->queue, &own.item, gk_ctx_run_key(ctx), gk_ctx_trace_id(ctx)))
		return gk_error_no_memory(err);
	if (gate->opts.per_minute > 0) {
		refill(gate);
		if (due_ms(gate, gk_fair_ahead(&own.item) + 1) > (double)left_ms) {
			gk_fair_remove(&gate->queue, &own.item);
			gate->full++;
			return gk_error_set(err, GK_DEADLINE_EXCEEDED,
				"%s: with %g requests a minute its turn would come after the deadline",
				gate->name, gate->opts.per_minute);
		}
		if (has_place(gate))
			wait_for_rate(gate);
	}
	while (rc == GK_OK && !own.may_go && !own.is_refused)
		rc = gk_fiber_park(err);
	gk_fair_remove(&gate->queue, &own.item);
	if (rc == GK_OK && own.is_refused)
		return refuse_broken(gate, err);
	if (rc != GK_OK && own.may_go) { /* called off when it had just been let in */
		take_back(gate);
		let_in(gate);
	}
	return rc;
}

gk_code gk_gate_enter(gk_gate *gate, gk_ctx *ctx, gk_gate_pass *pass, gk_error *err)
{
	int state = gate ? state_of(gate) : 0;
	gk_code rc = GK_OK;

	*pass = (gk_gate_pass){ .retry_ms = -1 };
	if (!gate)
		return GK_OK;
	if (state == 1 || (state == 2 && gate->is_probing))
		return refuse_broken(gate, err);
	pass->is_probe = gate->is_probing = state == 2;
	if (!gate->queue.count && has_place(gate) && is_due(gate))
		admit(gate);
	else
		rc = wait_turn(gate, ctx, err);
	if (rc != GK_OK) {
		if (pass->is_probe)
			gate->is_probing = false;
		return rc;
	}
	pass->gate = gate;
	return GK_OK;
}

void gk_gate_leave(gk_gate_pass *pass)
{
	gk_gate *gate = pass->gate;

	if (!gate)
		return;
	gate->running--;
	record(gate, pass);
	*pass = (gk_gate_pass){ 0 };
	let_in(gate);
}
