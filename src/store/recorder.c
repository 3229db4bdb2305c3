/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Our own runs into the store. */
#include "store/recorder.h"

#include "base/log.h"

#include <math.h>

struct gk_recorder {
	gk_app *app;
	gk_trace_store *store;
	gk_span_observer observer;
	uint64_t threshold; /* of the trace id's last digits: those below are recorded */
	uint64_t lost;      /* without memory */
};

#define SAMPLE_DIGITS 14 /* the random part of W3C's level 2: every process decides the same */

/* By the trace's id, so that a trace is recorded as a whole. */
static bool is_sampled(const gk_recorder *recorder, const char *trace_id)
{
	uint64_t value = 0;

	if (recorder->threshold == UINT64_MAX)
		return true;
	for (const char *c = trace_id + GK_TRACE_ID_SIZE - 1 - SAMPLE_DIGITS; *c; c++)
		value = value << 4 | (uint64_t)(*c <= '9' ? *c - '0' : *c - 'a' + 10);
	return value < recorder->threshold;
}

static void record(const gk_span *span, void *user)
{
	gk_recorder *recorder = user;

	if (!is_sampled(recorder, span->trace_id))
		return;
	if (!gk_trace_store_save_span(recorder->store, span) && !recorder->lost++)
		gk_log(GK_LOG_ERROR, "recorder", "out of memory: spans are lost");
}

static bool wants_data(const gk_span *span, void *user)
{
	return is_sampled(user, span->trace_id);
}

static void settle(void *user)
{
	gk_recorder *recorder = user;

	gk_trace_store_settle(recorder->store);
}

void gk_recorder_configure(gk_recorder *recorder, const gk_recorder_opts *opts)
{
	recorder->threshold = opts->sample >= 1  ? UINT64_MAX
			      : opts->sample > 0 ? (uint64_t)ldexp(opts->sample, 4 * SAMPLE_DIGITS)
						 : 0;
}

gk_code gk_recorder_new(gk_app *app, gk_trace_store *store, const gk_recorder_opts *opts,
	gk_recorder **ret, gk_error *err)
{
	gk_recorder *recorder = calloc(1, sizeof(*recorder));

	if (!recorder)
		return gk_error_no_memory(err);
	recorder->app = app;
	recorder->store = store;
	recorder->observer = (gk_span_observer){ .lasts = record,
		.ended = record,
		.wants_data = wants_data,
		.settle = settle,
		.user = recorder };
	gk_recorder_configure(recorder, opts);
	if (!gk_app_add_observer(app, &recorder->observer)) {
		free(recorder);
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED, "too many observers of spans");
	}
	*ret = recorder;
	return GK_OK;
}

void gk_recorder_free(gk_recorder *recorder)
{
	if (!recorder)
		return;
	gk_app_remove_observer(recorder->app, &recorder->observer);
	free(recorder);
}
