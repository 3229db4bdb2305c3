/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* After failures of a model: again, or another one. As functions and as registered middleware (generate section 5.6). */
#include "ai/middleware_retry.h"

#include "ai/chain.h"
#include "ai/middleware_builtin.h"
#include "ai/model.h"
#include "ai/request.h"
#include "base/id.h"
#include "base/log.h"
#include "base/str.h"
#include "json/edit.h"

#include <genkit/tool.h>

#include <limits.h>
#include <math.h>

#define MAX_RETRIES      3
#define INITIAL_DELAY_MS 1000
#define MAX_DELAY_MS     60000
#define BACKOFF          2
#define JITTER_MS        1000
#define LONGEST_SLEEP_MS 86400000.0

static const gk_code retried[] = { GK_UNAVAILABLE, GK_DEADLINE_EXCEEDED, GK_RESOURCE_EXHAUSTED,
	GK_ABORTED, GK_INTERNAL, GK_OK };
static const gk_code fallen_back[] = { GK_UNAVAILABLE, GK_DEADLINE_EXCEEDED, GK_RESOURCE_EXHAUSTED,
	GK_ABORTED, GK_INTERNAL, GK_NOT_FOUND, GK_UNIMPLEMENTED, GK_OK };

static bool is_listed(const gk_code *statuses, gk_code code)
{
	for (; *statuses != GK_OK; statuses++)
		if (*statuses == code)
			return true;
	return false;
}

/* The call was called off: nothing is tried any more. */
static bool is_over(void)
{
	return gk_scope_reason(gk_fiber_scope(gk_fiber_self())) != GK_OK;
}

/* --- retry --- */

static bool may_retry(const gk_error *err, const gk_code *statuses)
{
	gk_auto_str char *text = NULL;
	const char *name = NULL;

	if (gk_error_is_interrupt(err))
		name = "ToolInterruptError";
	else if (is_over() || (err->is_plain && gk_str_equal(err->source, "AbortError")))
		name = "AbortError";
	else if (err->is_plain || is_listed(statuses, err->code))
		return true;
	text = gk_error_text(err);
	if (name)
		gk_log(GK_LOG_INFO, "retry",
			"Retry skipped for %s because of error name \"%s\" is "
			"non-retryable",
			text ? text : "", name);
	else
		gk_log(GK_LOG_INFO, "retry",
			"Retry skipped for %s because of status \"%s\" is not "
			"retryable",
			text ? text : "", gk_code_name(err->code));
	return false;
}

static double random_share(void)
{
	uint32_t bits;

	gk_random_bytes(&bits, sizeof(bits));
	return (double)bits / 4294967296.0;
}

/* What the provider asked for counts, when it is longer. */
static double delay_before(
	const gk_retry_opts *opts, const gk_error *err, double current, int tried)
{
	double asked = gk_json_real_at(err->details, "responseMetadata.retryAfterMs", 0);
	double delay = asked > current ? asked : current;

	if (!opts->no_jitter)
		delay += JITTER_MS * exp2(tried) * random_share();
	return delay < LONGEST_SLEEP_MS ? delay : LONGEST_SLEEP_MS;
}

static gk_code wait_for_retry(gk_ctx *ctx, const gk_retry_opts *opts, gk_retry_sleep_fn *sleep_for,
	const gk_error *failure, double current, int tried, int max, gk_error *err)
{
	double delay = delay_before(opts, failure, current, tried);
	gk_auto_str char *text = gk_error_text(failure);

	gk_log(GK_LOG_WARN, "retry", "Retry %d of %d in %.0fms due to error: %s", tried + 1, max,
		delay, text ? text : "");
	if (opts->on_error)
		opts->on_error(failure, tried + 1, opts->user);
	return sleep_for(ctx, (uint64_t)delay, err);
}

gk_code gk_retry_run(gk_ctx *ctx, json_t *request, gk_next *next, const gk_retry_opts *opts,
	gk_retry_sleep_fn *sleep_for, json_t **ret, gk_error *err)
{
	const gk_code *statuses = opts->statuses ? opts->statuses : retried;
	int max = opts->max_retries ? opts->max_retries : MAX_RETRIES;
	double delay = opts->initial_delay_ms ? fmax(opts->initial_delay_ms, 0) : INITIAL_DELAY_MS;
	double longest = opts->max_delay_ms > 0 ? opts->max_delay_ms : MAX_DELAY_MS;
	double factor = opts->backoff_factor > 0 ? opts->backoff_factor : BACKOFF;

	for (int tried = 0;; tried++) {
		gk_auto_error gk_error failure = { 0 };
		gk_code rc = gk_next_run(ctx, next, request, ret, &failure);

		if (rc == GK_OK)
			return GK_OK;
		failure.code = rc;
		if (tried >= max && max > 0) {
			gk_auto_str char *text = gk_error_text(&failure);

			gk_log(GK_LOG_WARN, "retry",
				"Retry attempts exhausted (%d). Last error: %s", max,
				text ? text : "");
		}
		if (tried >= max || !may_retry(&failure, statuses))
			return gk_error_move(err, &failure);
		rc = wait_for_retry(ctx, opts, sleep_for, &failure, delay, tried, max, err);
		if (rc != GK_OK)
			return rc;
		delay = delay * factor < longest ? delay * factor : longest;
	}
}

gk_code gk_retry(
	gk_ctx *ctx, json_t *request, gk_next *next, void *user, json_t **ret, gk_error *err)
{
	static const gk_retry_opts defaults = { .size = sizeof(defaults) };

	return gk_retry_run(ctx, request, next, user ? user : &defaults, gk_sleep, ret, err);
}

/* --- fallback --- */

/* One of the other models, called as generate calls a model. */
static gk_code ask(gk_ctx *ctx, const char *name, json_t *request, bool with_chunks, json_t **ret,
	gk_error *err)
{
	gk_action *model = NULL;
	gk_code rc = gk_model_find(ctx, name, &model, err);

	if (rc != GK_OK)
		return rc;
	rc = gk_call_action(
		&(gk_call){ .action = model,
			.parent = ctx,
			.input = request,
			.on_chunk =
				with_chunks && gk_ctx_is_streaming(ctx) ? gk_forward_chunk : NULL },
		ret, err);
	gk_action_unref(model);
	return rc;
}

static bool may_fall_back(const gk_error *err, const gk_code *statuses)
{
	return !is_over() && !err->is_plain && is_listed(statuses, err->code);
}

gk_code gk_fallback(
	gk_ctx *ctx, json_t *request, gk_next *next, void *user, json_t **ret, gk_error *err)
{
	const gk_fallback_opts *opts = user;
	const gk_code *statuses = opts && opts->statuses ? opts->statuses : fallen_back;
	gk_auto_error gk_error failure = { 0 };
	gk_code rc = gk_next_run(ctx, next, request, ret, &failure);

	failure.code = rc;
	for (const char *const *model = opts ? opts->models : NULL;
		rc != GK_OK && model && *model && may_fall_back(&failure, statuses); model++) {
		if (opts->on_error)
			opts->on_error(&failure, opts->user);
		gk_error_clear(&failure);
		rc = ask(ctx, *model, request, false, ret, &failure);
		failure.code = rc;
	}
	return rc == GK_OK ? GK_OK : gk_error_move(err, &failure);
}

/* --- as registered middleware: the same, from a configuration --- */

/* Names of statuses, ended by GK_OK; what is no status is passed over. `*ret` NULL: the default. */
static gk_code read_statuses(json_t *names, gk_code **ret, gk_error *err)
{
	size_t count = json_array_size(names), at = 0, i;
	gk_code *statuses;
	json_t *name;

	*ret = NULL;
	if (!json_is_array(names))
		return GK_OK;
	statuses = calloc(count + 1, sizeof(*statuses));
	if (!statuses)
		return gk_error_no_memory(err);
	json_array_foreach (names, i, name) {
		int code = json_is_string(name) ? gk_code_from_name(json_string_value(name)) : -1;

		if (code > 0)
			statuses[at++] = (gk_code)code;
	}
	*ret = statuses;
	return GK_OK;
}

typedef struct retry_state {
	gk_retry_opts opts;
	gk_code *statuses;
} retry_state;

static void close_retry(void *it)
{
	retry_state *state = it;

	free(state->statuses);
	free(state);
}

/* In a configuration 0 is a number like others; in options it is what was not said. */
static double number_at(json_t *config, const char *key)
{
	json_t *value = json_object_get(config, key);

	if (!json_is_number(value))
		return 0;
	return json_number_value(value) > 0 ? fmin(json_number_value(value), INT_MAX) : -1;
}

gk_code gk_retry_read(json_t *config, gk_retry_opts *ret, gk_code **statuses_ret, gk_error *err)
{
	gk_code rc = read_statuses(json_object_get(config, "statuses"), statuses_ret, err);

	*ret = (gk_retry_opts){ .size = sizeof(*ret),
		.max_retries = (int)number_at(config, "maxRetries"),
		.statuses = *statuses_ret,
		.initial_delay_ms = number_at(config, "initialDelayMs"),
		.max_delay_ms = number_at(config, "maxDelayMs"),
		.backoff_factor = number_at(config, "backoffFactor"),
		.no_jitter = gk_json_bool_at(config, "noJitter", false) };
	return rc;
}

static gk_code open_retry(gk_ctx *ctx, json_t *config, void *user, gk_tool_list *tools,
	void **state_ret, gk_error *err)
{
	retry_state *state = calloc(1, sizeof(*state));
	gk_code rc;

	(void)ctx, (void)user, (void)tools;
	if (!state)
		return gk_error_no_memory(err);
	rc = gk_retry_read(config, &state->opts, &state->statuses, err);
	if (rc == GK_OK)
		*state_ret = state;
	else
		free(state);
	return rc;
}

static gk_code retry_hook(
	gk_ctx *ctx, json_t *request, gk_next *next, void *state, json_t **ret, gk_error *err)
{
	return gk_retry(ctx, request, next, &((retry_state *)state)->opts, ret, err);
}

typedef struct fallback_state {
	json_t *models; /* [{name, config?}] or names */
	gk_code *statuses;
	bool isolates_config;
} fallback_state;

static void close_fallback(void *it)
{
	fallback_state *state = it;

	json_decref(state->models);
	free(state->statuses);
	free(state);
}

static gk_code open_fallback(gk_ctx *ctx, json_t *config, void *user, gk_tool_list *tools,
	void **state_ret, gk_error *err)
{
	fallback_state *state = calloc(1, sizeof(*state));
	gk_code rc;

	(void)ctx, (void)user, (void)tools;
	if (!state)
		return gk_error_no_memory(err);
	state->models = json_incref(json_object_get(config, "models"));
	state->isolates_config = gk_json_bool_at(config, "isolateConfig", false);
	rc = read_statuses(json_object_get(config, "statuses"), &state->statuses, err);
	if (rc == GK_OK)
		*state_ret = state;
	else
		close_fallback(state);
	return rc;
}

/* Its own configuration, else that of the request, else none. */
static json_t *request_for(const fallback_state *state, json_t *model, json_t *request)
{
	json_t *config = json_object_get(model, "config"), *own;

	if (config && !json_is_null(config))
		return gk_json_object_with(request, "config", json_incref(config));
	if (!state->isolates_config || !json_object_get(request, "config"))
		return json_incref(request);
	own = gk_json_copy(request);
	if (own)
		json_object_del(own, "config");
	return own;
}

static gk_code fallback_hook(
	gk_ctx *ctx, json_t *request, gk_next *next, void *it, json_t **ret, gk_error *err)
{
	const fallback_state *state = it;
	const gk_code *statuses = state->statuses ? state->statuses : fallen_back;
	gk_auto_error gk_error failure = { 0 };
	gk_code rc = gk_next_run(ctx, next, request, ret, &failure);
	json_t *model;
	size_t i;

	failure.code = rc;
	json_array_foreach (state->models, i, model) {
		const char *name = json_is_string(model) ? json_string_value(model)
							 : gk_json_str_peek(model, "name");
		gk_auto_json json_t *own = NULL;

		if (rc == GK_OK || !may_fall_back(&failure, statuses))
			break;
		gk_error_clear(&failure);
		own = request_for(state, model, request);
		rc = own ? ask(ctx, name ? name : "undefined", own, true, ret, &failure)
			 : gk_error_no_memory(&failure);
		failure.code = rc;
	}
	return rc == GK_OK ? GK_OK : gk_error_move(err, &failure);
}

const gk_middleware_opts gk_middleware_retry = {
	.size = sizeof(gk_middleware_opts),
	.name = "retry",
	.description = "Retries failed model calls with exponential backoff.",
	.config = "{\"type\":\"object\",\"properties\":{"
		  "\"maxRetries\":{\"type\":\"number\",\"default\":3},"
		  "\"statuses\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
		  "\"initialDelayMs\":{\"type\":\"number\",\"default\":1000},"
		  "\"maxDelayMs\":{\"type\":\"number\",\"default\":60000},"
		  "\"backoffFactor\":{\"type\":\"number\",\"default\":2},"
		  "\"noJitter\":{\"type\":\"boolean\",\"default\":false}}}",
	.open = open_retry,
	.close = close_retry,
	.model = retry_hook,
};

const gk_middleware_opts gk_middleware_fallback = {
	.size = sizeof(gk_middleware_opts),
	.name = "fallback",
	.description = "Asks other models when a model call fails.",
	.config = "{\"type\":\"object\",\"properties\":{"
		  "\"models\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
		  "\"name\":{\"type\":\"string\"},\"config\":{}},\"required\":[\"name\"]}},"
		  "\"statuses\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
		  "\"isolateConfig\":{\"type\":\"boolean\",\"default\":false}},"
		  "\"required\":[\"models\"]}",
	.open = open_fallback,
	.close = close_fallback,
	.model = fallback_hook,
};
