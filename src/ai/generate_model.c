/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The model of a turn, with the model hooks around it (generate section 5.3). */
#include "ai/generation.h"

#include "ai/vouched.h"

typedef struct hook_link {
	gk_next next;
	gk_turn_run *turn;
	size_t index; /* of the hook that comes next */
} hook_link;

/* What a hook runs as: chunks that it sends count as the model's. */
typedef struct hook_call {
	const gk_hook *hook;
	hook_link link;
} hook_call;

static gk_code call_model(
	gk_ctx *ctx, const hook_link *link, json_t *request, json_t **ret, gk_error *err)
{
	gk_turn_run *turn = link->turn;
	gk_auto_json json_t *checked = gk_vouched_left_out(ctx, request);
	gk_call call = { .action = turn->generation->model,
		.parent = ctx,
		.input = request,
		.checked = checked,
		.checked_for = request,
		.context = turn->context,
		.memo = &turn->generation->memo };

	if (link->next.on_chunk) {
		call.on_chunk = link->next.on_chunk;
		call.chunk_user = link->next.chunk_user;
	} else if (turn->generation->is_streaming) {
		call.on_chunk = gk_turn_model_chunk;
		call.chunk_user = turn;
	}
	return gk_call_action(&call, ret, err);
}

static gk_code run_hook(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	hook_call *call = gk_ctx_user(ctx);

	return call->hook->model(ctx, input, &call->link.next, call->hook->state, ret, err);
}

static gk_code run_link(gk_ctx *ctx, gk_next *next, json_t *input, json_t **ret, gk_error *err)
{
	const hook_link *link = (const hook_link *)next;
	gk_generation *generation = link->turn->generation;
	gk_hooks *hooks = &generation->hooks;
	hook_call call = { .link = *link };

	while (call.link.index < hooks->count && !hooks->items[call.link.index].model)
		call.link.index++;
	if (call.link.index == hooks->count)
		return call_model(ctx, link, input, ret, err);
	call.hook = &hooks->items[call.link.index++];
	call.link.next.input = input;
	return gk_run_part(ctx,
		GK_OPTS(gk_part_opts, .input = input,
			.on_chunk = next->on_chunk ? next->on_chunk : gk_turn_model_chunk,
			.chunk_user = next->on_chunk ? next->chunk_user : link->turn,
			.is_quiet = !generation->is_streaming, .user = &call),
		run_hook, ret, err);
}

gk_code gk_turn_call_model(
	gk_ctx *ctx, gk_turn_run *turn, json_t *request, json_t **ret, gk_error *err)
{
	hook_link first = { .next.run = run_link, .turn = turn };

	turn->generation->memo.has_members = turn->generation->hooks.count == 0;
	if (!turn->generation->hooks.has_model)
		return call_model(ctx, &first, request, ret, err);
	return run_link(ctx, &first.next, request, ret, err);
}
