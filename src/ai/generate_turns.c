/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Turn after turn, until there is an answer (generate sections 3.5 and 3.8). */
#include "ai/generation.h"

#include "base/limits.h"

/* Also when something failed in its own way while it was being called off: that is not why it ends. */
gk_code gk_generation_tell_end(gk_code rc, gk_error *err)
{
	gk_code reason = gk_scope_reason(gk_fiber_scope(gk_fiber_self()));
	const char *text =
		reason == GK_CANCELLED ? "Generation cancelled." : "Generation deadline exceeded.";
	char *message;

	if (rc == GK_OK || !err || (reason != GK_CANCELLED && reason != GK_DEADLINE_EXCEEDED))
		return rc;
	if (rc != reason)
		return gk_error_set(err, reason, "%s", text);
	message = strdup(text);
	if (!message)
		return rc;
	free(err->message);
	err->message = message;
	return rc;
}

/* A turn that has a span. It ends when those inside of it have ended: with the answer. */
typedef struct open_turn {
	struct open_turn *outer;
	gk_part *part;
	json_t *request; /* a reference: the span shows it */
} open_turn;

static gk_code open_span(gk_ctx *ctx, gk_generation *generation, json_t *request,
	open_turn **innermost, gk_error *err)
{
	const char *name = json_string_value(json_object_get(request, "stepName"));
	const gk_span_opts span = { .name = name && *name ? name : "generate",
		.type = "util",
		.what = "generate",
		.has_messages = true };
	open_turn *it = malloc(sizeof(*it));
	gk_code rc;

	if (!it)
		return gk_error_no_memory(err);
	rc = gk_part_open(*innermost ? gk_part_ctx((*innermost)->part) : ctx,
		GK_OPTS(gk_part_opts, .span = &span, .input = request, .memo = &generation->memo,
			.is_level = true),
		&it->part, err);
	if (rc != GK_OK) {
		free(it);
		return rc;
	}
	it->request = json_incref(request);
	it->outer = *innermost;
	*innermost = it;
	return GK_OK;
}

static gk_code close_spans(open_turn *innermost, json_t *output, gk_code rc, gk_error *err)
{
	while (innermost) {
		open_turn *it = innermost;

		innermost = it->outer;
		rc = gk_part_close(it->part, output, rc, err);
		json_decref(it->request);
		free(it);
	}
	return rc;
}

/* One turn; what follows it replaces `at` (its request is a reference, NULL: nothing follows). */
static gk_code run_one(gk_ctx *ctx, gk_generation *generation, gk_turn *at, json_t *context,
	json_t **ret, gk_error *err)
{
	gk_turn_run turn = { .generation = generation,
		.request = at->request,
		.current = at->current,
		.message_index = at->message_index,
		.context = context };
	gk_code rc = gk_turn_run_hooked(ctx, &turn, ret, err);

	gk_format_turn_done(&turn.streamed);
	json_decref(turn.request);
	*at = turn.next;
	return gk_generation_tell_end(rc, err);
}

gk_code gk_turns_run(gk_ctx *ctx, gk_generation *generation, const gk_turn *first, bool is_in_span,
	json_t *context, json_t **ret, gk_error *err)
{
	gk_auto_error gk_error failure = { 0 };
	gk_auto_json json_t *output = NULL;
	open_turn *innermost = NULL;
	gk_turn at = *first;
	gk_code rc = GK_OK;

	json_incref(at.request);
	while (rc == GK_OK && at.request) {
		if (is_in_span)
			rc = open_span(ctx, generation, at.request, &innermost, &failure);
		if (rc == GK_OK)
			rc = run_one(innermost ? gk_part_ctx(innermost->part) : ctx, generation,
				&at, context, &output, &failure);
		is_in_span = true;
		context = NULL;
	}
	json_decref(at.request);
	rc = close_spans(innermost, output, rc, &failure);
	if (rc != GK_OK)
		return gk_error_move(err, &failure);
	*ret = gk_steal(output);
	return GK_OK;
}
