/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What people made of an answer: a thumb up or down, a word about it, whether they took it. It becomes part of the trace of
 * the run that gave the answer (x-genkit-trace-id and x-genkit-span-id of its response).
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code thank(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		(void)ret;
 *		return gk_collect_engagement(gk_ctx_app(ctx), GK_OPTS(gk_engagement, .name = "menu",
 *			.trace_id = gk_json_str_peek(input, "traceId"),
 *			.span_id = gk_json_str_peek(input, "spanId"), .feedback = "positive"), err);
 *	}
 *
 *	GK_MODULE(thanks, app, err)
 *	{
 *		return gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "thank", .run = thank), err);
 *	}
 */
#ifndef GENKIT_ENGAGEMENT_H
#define GENKIT_ENGAGEMENT_H

#include <genkit/app.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef struct gk_engagement {
	size_t size;
	const char *name;               /* required: of the flow */
	const char *trace_id, *span_id; /* required: of the run's root span */
	const char *feedback;           /* "positive", "negative"; NULL: none was given */
	const char *text;               /* that came with it; NULL: none */
	const char *acceptance;         /* "accepted", "rejected"; NULL: it is not known */
} gk_engagement;

/** Appends a span for each part to that trace, which is not looked for: it may be stored elsewhere. INVALID_ARGUMENT: no
 * ids, other values, or nothing given. */
gk_code gk_collect_engagement(gk_app *app, const gk_engagement *engagement, gk_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
