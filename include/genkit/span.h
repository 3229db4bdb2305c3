/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Spans of one's own, events, and log records that belong to them. Actions and steps have spans without asking; these
 * are for what goes on inside, such as a call of a library that is worth a line in the trace.
 *
 *	#include <genkit/genkit.h>
 *
 *	static gk_code lookup(gk_ctx *ctx, json_t *query, json_t **ret, gk_error *err)
 *	{
 *		(void)err;
 *		gk_ctx_add_event(ctx, "cache missed", NULL);
 *		gk_ctx_log(ctx, GK_LOG_INFO, NULL, "looking for %s", json_string_value(query));
 *		*ret = json_pack("[O]", query);
 *		return GK_OK;
 *	}
 *
 *	static gk_code find(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
 *	{
 *		return gk_run_span(ctx, GK_OPTS(gk_own_span_opts, .name = "lookup"), lookup, NULL, input, ret, err);
 *	}
 *
 *	GK_MODULE(finding, app, err)
 *	{
 *		return gk_define_flow(app, GK_OPTS(gk_flow_opts, .name = "find", .input = "string", .run = find), err);
 *	}
 *
 * Running "find" with "salt" gives ["salt"]
 */
#ifndef GENKIT_SPAN_H
#define GENKIT_SPAN_H

#include <genkit/context.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* The numbers are OTLP's. */
typedef enum gk_span_kind {
	GK_SPAN_INTERNAL = 1,
	GK_SPAN_SERVER = 2,
	GK_SPAN_CLIENT = 3,
	GK_SPAN_PRODUCER = 4,
	GK_SPAN_CONSUMER = 5,
} gk_span_kind;

typedef struct gk_own_span_opts {
	size_t size;
	const char *name; /* required */
	json_t *input;    /* borrowed; NULL: none is recorded */
	json_t *labels;   /* borrowed: attributes verbatim; those below "genkit:" are left out */
	/* Who makes it; NULL: Genkit, and then it has a path, a state, input and output. The span of another library has
	 * its attributes alone, and what is called inside does not count it in its path (telemetry section 1.2). */
	const char *library, *library_version;
	gk_span_kind kind; /* of another library's; 0: GK_SPAN_INTERNAL */
} gk_own_span_opts;

/** Runs `fn` in a span of its own. `user` is what gk_ctx_user() gives inside. */
GK_MUST_USE GK_SUSPENDS gk_code gk_run_span(gk_ctx *ctx, const gk_own_span_opts *opts,
	gk_action_fn *fn, void *user, json_t *input, json_t **ret, gk_error *err);

/** An event of the current span, now. `attributes` is a borrowed object; NULL: none. What is more than a span may have is
 * counted and dropped. */
void gk_ctx_add_event(gk_ctx *ctx, const char *name, json_t *attributes);

/** "00-TRACE-SPAN-FLAGS" of the current span, for requests that are made inside (W3C trace context). Lives as long as the
 * call; NULL when memory ran out or there is no span. */
const char *gk_ctx_traceparent(gk_ctx *ctx);

/* The numbers are syslog's, which the journal reads from "<N>" prefixes. */
typedef enum gk_log_level {
	GK_LOG_ERROR = 3,
	GK_LOG_WARN = 4,
	GK_LOG_INFO = 6,
	GK_LOG_DEBUG = 7,
} gk_log_level;

/** A log record with the ids of the current span. `attributes` is a borrowed object; NULL: none. The message is one line;
 * it must not hold secrets. */
void gk_ctx_log(gk_ctx *ctx, gk_log_level level, json_t *attributes, const char *format, ...)
	GK_PRINTF(4, 5);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
