/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* One turn with the generate hooks around it, and all that follows inside of them (generate section 5.3). */
#include "ai/generation.h"

#define TURNS_A_STACK 32 /* with nothing around them; a hook takes as much as a turn */

typedef struct hook_link {
	gk_next next;
	gk_turn_run *turn;
	size_t index; /* of the hook that comes next */
	gk_turn seen; /* what the hook was handed */
} hook_link;

typedef struct hook_call {
	const gk_hook *hook;
	hook_link link;
} hook_call;

static gk_code run_hook(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	hook_call *call = gk_ctx_user(ctx);

	(void)input;
	return call->hook->of->opts.generate(
		ctx, &call->link.seen, &call->link.next, call->hook->state, ret, err);
}

/* What follows a turn, for a fiber of its own. */
typedef struct following {
	gk_generation *generation;
	gk_turn next;
} following;

static gk_code run_following(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const following *it = gk_ctx_user(ctx);

	(void)input;
	return gk_turns_run(ctx, it->generation, &it->next, true, NULL, ret, err);
}

/* A hook is around all that follows the turn, so that what follows runs in it: on this stack, until it has had its share. */
static gk_code run_all(gk_ctx *ctx, gk_turn_run *turn, json_t **ret, gk_error *err)
{
	int share = TURNS_A_STACK / ((int)turn->generation->hooks.count + 1);
	gk_code rc = gk_turn_run_bare(ctx, turn, ret, err);
	following it = { turn->generation, turn->next };

	turn->next.request = NULL;
	if (rc == GK_OK && it.next.request)
		rc = it.next.current % (share > 1 ? share : 1) == 0
			     ? gk_run_on_new_stack(ctx, run_following, &it, ret, err)
			     : gk_turns_run(ctx, it.generation, &it.next, true, NULL, ret, err);
	json_decref(it.next.request);
	return rc;
}

/* Each hook may put another turn in place of the one it was handed; going on twice begins from there twice. */
static gk_code run_link(gk_ctx *ctx, const hook_link *link, json_t **ret, gk_error *err)
{
	const gk_hooks *hooks = &link->turn->generation->hooks;
	hook_call call = { .link = *link };

	while (call.link.index < hooks->count &&
		!(hooks->items[call.link.index].of &&
			hooks->items[call.link.index].of->opts.generate))
		call.link.index++;
	if (call.link.index < hooks->count) {
		call.hook = &hooks->items[call.link.index++];
		return gk_run_part(ctx,
			GK_OPTS(gk_part_opts, .input = link->seen.request,
				.on_chunk = gk_turn_raw_chunk, .chunk_user = link->turn,
				.is_quiet = !link->turn->generation->is_streaming, .is_level = true,
				.user = &call),
			run_hook, ret, err);
	}
	json_incref(link->seen.request);
	json_decref(link->turn->request);
	link->turn->request = link->seen.request;
	link->turn->current = link->seen.current;
	link->turn->message_index = link->seen.message_index;
	return run_all(ctx, link->turn, ret, err);
}

gk_code gk_next_turn(gk_ctx *ctx, gk_next *next, const gk_turn *turn, json_t **ret, gk_error *err)
{
	hook_link own = *(const hook_link *)next;

	own.seen = *turn;
	if (!own.seen.request)
		own.seen.request = next->input;
	return run_link(ctx, &own, ret, err);
}

static gk_code go_on_as(gk_ctx *ctx, gk_next *next, json_t *input, json_t **ret, gk_error *err)
{
	const hook_link *link = (const hook_link *)next;
	gk_turn turn = link->seen;

	turn.request = input;
	return gk_next_turn(ctx, next, &turn, ret, err);
}

gk_code gk_turn_run_hooked(gk_ctx *ctx, gk_turn_run *turn, json_t **ret, gk_error *err)
{
	hook_link first = { .next = { .run = go_on_as, .input = turn->request },
		.turn = turn,
		.seen = { turn->request, turn->current, turn->message_index } };

	if (!turn->generation->hooks.has_turn)
		return gk_turn_run_bare(ctx, turn, ret, err);
	return run_link(ctx, &first, ret, err);
}
