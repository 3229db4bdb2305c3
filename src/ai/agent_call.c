/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * /agent/NAME: its fiber reads inputs as they come, so that a long turn hides none of them, and an errand takes the turns, one
 * after the other (sessions sections 3.3 and 5.1).
 */
#include "ai/agent.h"

#include "base/limits.h"
#include "base/log.h"
#include "json/edit.h"

#include <assert.h>

#define GK_INVOCATION_MAGIC 0x61676e74u

gk_invocation *gk_invocation_unref(gk_invocation *it)
{
	gk_queued_input *input;

	if (!it)
		return NULL;
	assert(it->magic == GK_INVOCATION_MAGIC);
	if (--it->refs)
		return NULL;
	while ((input = STAILQ_FIRST(&it->inputs))) {
		STAILQ_REMOVE_HEAD(&it->inputs, link);
		json_decref(input->input);
		free(input);
	}
	it->magic = 0;
	gk_agent_session_done(&it->session);
	gk_errand_unref(it->errand);
	gk_scope_unref(it->listening);
	gk_error_clear(&it->err);
	json_decref(it->shown_custom);
	json_decref(it->last_good);
	json_decref(it->failure);
	json_decref(it->output);
	free(it->finish_reason);
	free(it->owner);
	free(it->last_id);
	free(it->turn_id);
	free(it->last_good_id);
	free(it->pending_id);
	gk_agent_unref(it->agent);
	free(it);
	return NULL;
}

static gk_code invocation_new(gk_ctx *ctx, gk_agent *agent, gk_invocation **ret, gk_error *err)
{
	gk_invocation *it = calloc(1, sizeof(*it));
	gk_fiber *fiber = gk_fiber_self();

	if (!it)
		return gk_error_no_memory(err);
	it->magic = GK_INVOCATION_MAGIC;
	it->refs = 1;
	it->agent = gk_agent_ref(agent);
	it->session.invocation = it;
	it->front = ctx;
	it->front_fiber = fiber;
	it->scope = gk_fiber_scope(fiber);
	STAILQ_INIT(&it->inputs);
	it->listening = gk_scope_new(gk_fiber_loop(fiber), gk_fiber_scope(fiber));
	if (!it->listening) {
		gk_invocation_unref(it);
		return gk_error_no_memory(err);
	}
	*ret = it;
	return GK_OK;
}

/* --- the work --- */

static json_t *next_input(gk_invocation *it)
{
	gk_queued_input *first = STAILQ_FIRST(&it->inputs);
	json_t *input;

	if (!first)
		return NULL;
	STAILQ_REMOVE_HEAD(&it->inputs, link);
	if (it->input_count-- == GK_MAX_AGENT_INPUTS && it->front)
		gk_fiber_wake(it->front_fiber); /* there is room again */
	input = first->input;
	free(first);
	return input;
}

static void take_turns(gk_ctx *ctx, gk_invocation *it)
{
	json_t *input;

	while (!it->is_stopped && it->rc == GK_OK && (input = next_input(it))) {
		it->rc = gk_agent_take_turn(ctx, it, input, &it->err);
		json_decref(input);
	}
}

/* A client that is being let go may still have said something. */
static void work(gk_ctx *ctx, void *user)
{
	gk_invocation *it = user;

	gk_ctx_set_session(ctx, &it->session);
	take_turns(ctx, it);
	if (it->is_detached) {
		gk_agent_wait_for_row(it);
		take_turns(ctx, it);
	}
	if (it->rc != GK_OK || it->is_stopped || it->inputs_ended) {
		it->is_concluding = true;
		gk_agent_conclude(ctx, it);
		it->is_over = true;
	}
	it->is_working = false;
	if (it->front) {
		if (it->is_over)
			gk_scope_cancel(it->listening, GK_CANCELLED);
		gk_fiber_wake(it->front_fiber);
	}
	gk_invocation_unref(it);
}

static gk_code start_work(gk_invocation *it, gk_error *err)
{
	gk_code rc;

	it->errand = gk_errand_unref(it->errand);
	rc = gk_errand_start(it->front, it->agent->name, work, it, &it->errand, err);
	if (rc != GK_OK)
		return rc;
	it->refs++;
	it->is_working = true;
	return GK_OK;
}

/* --- the call --- */

static gk_code queue(gk_invocation *it, json_t *input, gk_error *err)
{
	gk_queued_input *queued = malloc(sizeof(*queued));

	if (!queued)
		return gk_error_no_memory(err);
	queued->input = json_incref(input);
	STAILQ_INSERT_TAIL(&it->inputs, queued, link);
	it->input_count++;
	return GK_OK;
}

static bool has_payload(json_t *input)
{
	json_t *resume = json_object_get(input, "resume");

	return json_object_get(input, "message") ||
	       json_array_size(json_object_get(resume, "respond")) ||
	       json_array_size(json_object_get(resume, "restart"));
}

/* All that the client has sent by now belongs to it. */
static gk_code take_the_rest(gk_invocation *it, gk_error *err)
{
	gk_code rc = GK_OK;

	while (rc == GK_OK && gk_ctx_waiting_inputs(it->front)) {
		gk_auto_json json_t *input = NULL;

		if (it->input_count >= GK_MAX_AGENT_INPUTS)
			return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
				"more than %d inputs wait for their turns", GK_MAX_AGENT_INPUTS);
		rc = gk_ctx_receive(it->front, &input, err);
		if (rc == GK_OK && input && has_payload(input))
			rc = queue(it, input, err);
	}
	return rc;
}

/* What came while the row was written: a mistake in it is no longer the call's. */
static void take_what_came(gk_invocation *it)
{
	gk_auto_error gk_error failure = { 0 };

	if (take_the_rest(it, &failure) != GK_OK)
		gk_log(GK_LOG_WARN, "agent", "agent %s: what its client said last is lost: %s",
			it->agent->name, failure.message ? failure.message : "");
}

static gk_code take_detach(gk_invocation *it, json_t *input, gk_error *err)
{
	gk_code rc = GK_OK;

	if (!it->store)
		return gk_error_set(err, GK_FAILED_PRECONDITION,
			"Detach is only supported when a session store is provided.");
	if (it->is_concluding)
		return GK_OK; /* there is nothing left to let go */
	if (has_payload(input))
		rc = queue(it, input, err);
	if (rc == GK_OK)
		rc = take_the_rest(it, err);
	if (rc == GK_OK && !it->is_working)
		rc = start_work(it, err); /* it begins when we wait, and is detached by then */
	if (rc == GK_OK)
		rc = gk_agent_detach(it, err);
	if (rc == GK_OK)
		take_what_came(it);
	it->inputs_ended = true;
	gk_agent_row_is_settled(it);
	return rc;
}

static gk_code take_in(gk_invocation *it, json_t *input, gk_error *err)
{
	if (!input) {
		it->inputs_ended = true;
		return GK_OK;
	}
	if (json_is_true(json_object_get(input, "detach")))
		return take_detach(it, input, err);
	return queue(it, input, err);
}

/* The end of the work ends this waiting, and is no failure. */
static gk_code receive(gk_invocation *it, gk_error *err)
{
	gk_scope *before = gk_fiber_swap_scope(it->listening);
	gk_auto_error gk_error failure = { 0 };
	gk_auto_json json_t *input = NULL;
	gk_code rc = gk_ctx_receive(it->front, &input, &failure);

	gk_fiber_swap_scope(before);
	if (it->is_over)
		return GK_OK;
	return rc == GK_OK ? take_in(it, input, err) : gk_error_move(err, &failure);
}

static bool must_wait_for_work(const gk_invocation *it)
{
	return it->is_working && !it->is_over &&
	       (it->inputs_ended || it->input_count >= GK_MAX_AGENT_INPUTS);
}

static gk_code wait_for_work(gk_invocation *it, gk_error *err)
{
	gk_code rc = GK_OK;

	while (rc == GK_OK && must_wait_for_work(it))
		rc = gk_fiber_park(err);
	return rc;
}

static gk_code attend(gk_invocation *it, gk_error *err)
{
	gk_code rc = GK_OK;

	while (rc == GK_OK && !it->is_over && !it->is_detached) {
		if (!it->is_working && (it->input_count || it->inputs_ended))
			rc = start_work(it, err);
		else if (must_wait_for_work(it))
			rc = wait_for_work(it, err);
		else
			rc = receive(it, err);
	}
	return rc;
}

static void on_called_off(void *user)
{
	gk_invocation *it = user;

	if (it->errand)
		gk_errand_cancel(it->errand, gk_scope_reason(it->scope));
}

/* The work uses the call's ctx until it is over, or detached. */
static gk_code run_attached(gk_invocation *it, gk_error *err)
{
	gk_code rc;

	it->listener = (gk_scope_listener){ .fn = on_called_off, .user = it };
	gk_scope_listen(it->scope, &it->listener);
	rc = attend(it, err);
	gk_scope_unlisten(&it->listener);
	if (rc == GK_OK && it->is_detached) {
		while (it->sending) /* what is on its way goes out before the answer */
			gk_fiber_park_shielded();
		return GK_OK;
	}
	if (rc != GK_OK && it->is_working)
		gk_errand_cancel(it->errand, GK_CANCELLED);
	while (it->is_working)
		gk_fiber_park_shielded();
	return rc == GK_OK && it->rc != GK_OK ? gk_error_move(err, &it->err) : rc;
}

gk_code gk_agent_action(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_invocation *it = NULL;
	gk_code rc = invocation_new(ctx, gk_ctx_user(ctx), &it, err);

	(void)input; /* gk_ctx_receive() gives it */
	if (rc != GK_OK)
		return rc;
	rc = gk_invocation_open(it, ctx, gk_ctx_init(ctx), err);
	if (rc == GK_OK && !it->is_over)
		rc = run_attached(it, err);
	it->front = NULL;
	if (rc == GK_OK)
		*ret = json_incref(it->output);
	gk_invocation_unref(it);
	return rc;
}

/* No init is an empty one. */
gk_code gk_agent_around(gk_ctx *ctx, const gk_call *call, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *nothing = NULL;
	gk_call whole = *call;

	(void)ctx;
	if (!call->init || json_is_null(call->init)) {
		nothing = json_object();
		if (!nothing)
			return gk_error_no_memory(err);
		whole.init = nothing;
	}
	return gk_call_wrapped(&whole, ret, err);
}
